package client

import (
	"bytes"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// run is one run of ssh while it is read.
type run struct {
	v     Verdict
	lines int // of ssh, or nearly so
	// at is the step that is under way, by lines of debugging: it never
	// goes back.
	at Step
	// crlf tells that lines of debugging end in CR LF, as ssh writes them
	// (log.c do_log); then a message that ends in LF alone is not ssh's.
	crlf bool
	// muted tells that the server's disconnect message was read: what
	// follows may be its text, up to the end.
	muted bool
	end   end
	// denied is a refusal that may be that of another ssh, in the session,
	// and deniedMethods its list.
	denied        end
	exhausted     bool // the last line of debugging says that nothing is left to try
	deniedMethods []string

	// hop is the ssh that reaches a jump host for this one, nil without.
	hop *run

	paths    []string // of keys, as ssh named them before authentication
	facts    []fact
	waiting  int // index+1 of the key whose answer is due
	signing  int // index+1 of the key that the server wants a signature of
	unsigned int // index+1 of the last that gave none
	partial  bool
	retries  int  // "please try again"
	prompted bool // for a password
	accepted bool // the login
}

// end is the message after which ssh ended.
type end struct {
	pattern        sshwhy.PatternID
	reason, detail string
	user, host     string
	code           int64
	// proxied tells that there is a program in place of the network,
	// announced that ssh -v said before that nothing is left to try.
	proxied, announced bool
	line               int // index of evidence
}

// begins tells whether a line begins another run. One that came to its end is
// followed by another; one that did not could be imitated by the server, once
// it can send text. All runs of one input are of the same ssh.
func (c *Reader) begins(ev *sshwhy.Event) bool {
	if ev.Pattern != patterns.SSHVersion {
		return c.run.before(ev) && len(c.done) < maxRuns
	}
	header := string(ev.Message[:min(len(ev.Message), maxLine)])
	if c.header == "" {
		c.header = header
		return c.run.lines > 0 && c.run.end.pattern != 0
	}
	r := c.run
	if header != c.header || r.lines == 0 || len(c.done) >= maxRuns || r.awaitsHop() {
		return false
	}
	return r.end.pattern != 0 || r.at < StepAuth
}

// before tells whether a message is that of another run: ssh without -v, called
// for one server after the other, none of which could be reached.
func (r *run) before(ev *sshwhy.Event) bool {
	reached := func(id sshwhy.PatternID) bool {
		return id != patterns.SSHConnectFailed && id != patterns.SSHNameNotResolved
	}
	return !r.v.Debug && !reached(r.end.pattern) && !reached(ev.Pattern) && r.end.host != fieldText(ev, sshwhy.FieldHost)
}

// awaitsHop tells whether the next ssh that names itself is the one that
// reaches the jump host.
func (r *run) awaitsHop() bool {
	return r.v.Proxy != "" && r.at <= StepConnect && (r.hop == nil || !r.hop.over()) && r.end.pattern == 0
}

// over tells whether a run has come to its end or to its session.
func (r *run) over() bool { return r.accepted || r.end.pattern != 0 }

// read takes a line of this run, or of the one that reaches the jump host.
func (r *run) read(ev *sshwhy.Event) {
	if ev.Line != sshwhy.LineParsed && ev.Level == sshwhy.LevelNone {
		return
	}
	r.lines++
	if r.hopReads(ev) {
		return
	}
	marked := ev.Level >= sshwhy.LevelDebug1
	if r.muted {
		if ev.Pattern == patterns.SSHDisconnected && !marked {
			r.keep(ev)
		}
		return
	}
	if marked && !r.v.Debug && (r.end.pattern != 0 || r.v.Doubts) {
		return // without -v there are none
	}
	r.deniedInSession(ev, marked)
	if marked {
		r.exhausted = ev.Pattern == patterns.SSHNoMoreMethods
	}
	if marked {
		r.v.Debug = true
		r.crlf = r.crlf || bytes.HasSuffix(ev.Record.Text, []byte("\r"))
		r.goesOn(ev)
	} else if r.foreign(ev) {
		return
	} else if ev.Line == sshwhy.LineParsed {
		r.saysMore(ev)
	}
	switch {
	case ev.Line != sshwhy.LineParsed:
	case r.progress(ev, marked), r.key(ev, marked), marked && r.failedQuietly(ev):
	case !marked && r.ends(ev):
	case !marked:
		r.fact(ev)
	}
}

// hopReads hands a line to the ssh that reaches the jump host.
func (r *run) hopReads(ev *sshwhy.Event) bool {
	if ev.Pattern == patterns.SSHVersion && r.awaitsHop() && r.v.Client != "" {
		if r.hop == nil {
			r.hop = &run{}
		}
	}
	if r.hop != nil && r.hop.accepted && r.at <= StepBanner && ev.Pattern == patterns.SSHAuthenticated {
		return true // 8.4 tells of one login twice
	}
	if r.hop == nil || r.hop.over() || ev.Pattern == patterns.SSHRemoteVersion && r.hop.at >= StepKeyExchange {
		return false
	}
	switch ev.Pattern {
	case patterns.SSHBannerClosed, patterns.SSHClosed:
		if r.hop.end.pattern != 0 || fieldText(ev, sshwhy.FieldAddr) == unknownPeer {
			return false
		}
	}
	r.hop.read(ev)
	return true
}

// goesOn takes back an end that was none: ssh writes nothing of debugging
// behind the message that ends it before a session.
func (r *run) goesOn(ev *sshwhy.Event) {
	if r.v.Proxy != "" && r.at <= StepBanner {
		return // two programs write at the same time
	}
	if r.end.pattern != 0 && r.at < StepSession {
		r.end = end{}
		r.v.Doubts = true
	}
}

// saysMore takes back, without -v, what stands in front of a message that
// cannot be followed by another: it was the server's text.
func (r *run) saysMore(ev *sshwhy.Event) {
	if r.v.Debug || r.end.pattern == 0 || r.closesAfter() || r.at > StepSetup {
		return
	}
	switch ev.Pattern {
	case patterns.SSHBannerClosed, patterns.SSHClosed, patterns.SSHDisconnected, patterns.SSHCaller, patterns.SSHSessionClosed, patterns.SSHKilled:
		return
	}
	r.end, r.facts, r.retries, r.prompted, r.v.Doubts = end{}, nil, 0, false, true
}

// foreign tells whether a message without a mark is not ssh's word on what is
// under way: text of the server's that looks like one of an earlier step, or
// that ends otherwise than ssh ends its lines.
func (r *run) foreign(ev *sshwhy.Event) bool {
	if !r.v.Debug {
		return false
	}
	step, plain := stepOf(ev.Pattern)
	if r.crlf && !plain && r.at >= StepAuth && !bytes.HasSuffix(ev.Record.Text, []byte("\r")) {
		return true
	}
	return step < r.at && !(step == StepHostKey && r.at <= StepHostKey)
}

// stepOf gives the last step at which ssh writes a message, and tells
// whether other programs, or ssh by another way than its log, write it.
func stepOf(id sshwhy.PatternID) (step Step, plain bool) {
	switch id {
	case patterns.SSHConfigUnknownOption, patterns.SSHConfigBadLine, patterns.SSHConfigTerminating, patterns.SSHConfigPermissions,
		patterns.SSHConfigUnreadable, patterns.SSHBadArgument, patterns.SSHJumpLoop, patterns.SSHNoAccount:
		return StepSetup, true
	case patterns.SSHNameNotResolved, patterns.SSHNameNotFound:
		return StepResolve, false
	case patterns.SSHConnectFailed, patterns.SSHBindFailed, patterns.SSHSocketFailed, patterns.SSHConnectWords:
		return StepConnect, false
	case patterns.SSHProxyFailed, patterns.SSHStdioForwardingFailed:
		return StepBanner, true
	case patterns.SSHBannerClosed, patterns.SSHBannerFailed, patterns.SSHBannerTimeout, patterns.SSHBannerInvalid:
		return StepBanner, false
	case patterns.SSHNegotiationFailed, patterns.SSHProtocolDiffers:
		return StepKeyExchange, false
	case patterns.SSHHostKeyUnusable, patterns.SSHHostKeyFailed, patterns.SSHHostChanged, patterns.SSHHostChangedWarning, patterns.SSHHostOffending,
		patterns.SSHHostRevoked, patterns.SSHHostUnknown, patterns.SSHHostAsks, patterns.SSHHostCertificateInvalid:
		return StepHostKey, false
	case patterns.SSHPermissionDenied, patterns.SSHPasswordRefused, patterns.SSHAuthenticationFailed, patterns.SSHSigningFailed,
		patterns.SSHKeyNotLoaded, patterns.SSHKeyUnprotected, patterns.SSHKeyMode, patterns.SSHKeyMismatch, patterns.SSHTokenFailed, patterns.SSHNoMutualSignature:
		return StepAuth, false
	case patterns.SSHPasswordPrompt, patterns.SSHPrompt, patterns.SSHPassphrasePrompt, patterns.SSHPresence, patterns.SSHIdentityMissing:
		return StepAuth, true
	case patterns.SSHWrongUserHint, patterns.SSHCaller, patterns.SSHTooManyFailures:
		return StepSession, true
	}
	return StepSession, false
}

// reach moves on to a step; the ones before it are done.
func (r *run) reach(step Step) {
	if step <= r.at {
		return
	}
	for s := r.at; s < step; s++ {
		r.v.Shown[s] = true
	}
	r.at = step
}

// progress notes what went well; it tells whether that is all the line says.
func (r *run) progress(ev *sshwhy.Event, marked bool) bool {
	v := &r.v
	switch ev.Pattern {
	case patterns.SSHVersion:
		setOnce(&v.Client, fieldText(ev, sshwhy.FieldVersion))
		if v.Client != "" && !strings.HasPrefix(v.Client, "OpenSSH_") {
			v.Client = "OpenSSH_" + v.Client
		}
		return true
	case patterns.SSHAuthenticated:
		return r.authenticated(ev)
	case patterns.SSHPartialSuccess:
		r.partial = true
		r.settleKeys(FateAccepted)
		return true
	}
	if !marked {
		return false
	}
	switch ev.Pattern {
	case patterns.SSHConnecting:
		if r.at <= StepConnect {
			v.Host, v.Address, v.Port = fieldText(ev, sshwhy.FieldHost), fieldText(ev, sshwhy.FieldAddr), fieldText(ev, sshwhy.FieldPort)
			r.reach(StepConnect)
		}
	case patterns.SSHConnectAddressFailed:
		if r.at <= StepConnect && len(v.Tried) < maxList {
			v.Tried = append(v.Tried, Address{fieldText(ev, sshwhy.FieldAddr), fieldText(ev, sshwhy.FieldPort), fieldText(ev, sshwhy.FieldReason)})
			r.keep(ev)
		}
	case patterns.SSHProxyCommand:
		if r.at <= StepConnect {
			setOnce(&v.Proxy, fieldText(ev, sshwhy.FieldCommand))
			r.reach(StepConnect)
		}
	case patterns.SSHConnected:
		if r.at <= StepConnect {
			r.reach(StepBanner)
		}
	case patterns.SSHRemoteVersion:
		if r.at <= StepBanner {
			setOnce(&v.Server, fieldText(ev, sshwhy.FieldBanner))
			r.reach(StepKeyExchange)
		}
	case patterns.SSHAuthenticatingTo:
		if r.at <= StepKeyExchange {
			v.User = fieldText(ev, sshwhy.FieldUser)
			setOnce(&v.Host, fieldText(ev, sshwhy.FieldHost))
			setOnce(&v.Port, fieldText(ev, sshwhy.FieldPort))
			r.reach(StepKeyExchange)
		}
	default:
		return r.negotiates(ev) || r.tries(ev)
	}
	return true
}

// negotiates notes the way to an encrypted connection.
func (r *run) negotiates(ev *sshwhy.Event) bool {
	v := &r.v
	switch ev.Pattern {
	case patterns.SSHKexinitSent, patterns.SSHKexinitReceived, patterns.SSHKEXReplyExpected:
		r.reach(StepKeyExchange)
	case patterns.SSHKEXAlgorithm:
		setOnce(&v.KeyExchange, fieldText(ev, sshwhy.FieldAlgorithm))
	case patterns.SSHKEXCipher:
		setOnce(&v.Cipher, fieldText(ev, sshwhy.FieldAlgorithm))
	case patterns.SSHHostKey:
		if r.at <= StepHostKey {
			v.HostKey = fieldText(ev, sshwhy.FieldKeyType) + " " + fieldText(ev, sshwhy.FieldFingerprint)
			r.reach(StepHostKey)
		}
	case patterns.SSHHostFound:
		if r.at <= StepHostKey {
			v.KnownIn = fieldText(ev, sshwhy.FieldPath) + ":" + fieldText(ev, sshwhy.FieldLine)
		}
	case patterns.SSHNewkeysSent, patterns.SSHNewkeysReceived:
		r.reach(StepAuth)
	case patterns.SSHHostKnown, patterns.SSHKEXHostKeyAlgorithm, patterns.SSHKEXReply, patterns.SSHNegotiating, patterns.SSHLocalVersion:
	case patterns.SSHBannerLine:
		if r.at == StepBanner || r.at == StepConnect {
			r.fact(ev)
		}
	default:
		return false
	}
	return true
}

// tries notes what is tried to log in, and what the server answers.
func (r *run) tries(ev *sshwhy.Event) bool {
	v := &r.v
	switch ev.Pattern {
	case patterns.SSHServiceAccepted:
		r.reach(StepAuth)
	case patterns.SSHMethods:
		r.reach(StepAuth)
		v.Methods = namesOf(fieldText(ev, sshwhy.FieldOffer))
		if r.signing > 0 && !r.partial {
			v.Identities[r.signing-1].Fate = FateRefused
		}
		r.signing = 0
		r.settleKeys(FateRefused)
		r.contradict()
	case patterns.SSHNextMethod:
		r.reach(StepAuth)
		r.withoutSignature()
		if m := fieldText(ev, sshwhy.FieldMethod); len(v.MethodsTried) < maxList && !slices.Contains(v.MethodsTried, m) {
			v.MethodsTried = append(v.MethodsTried, m)
		}
		r.contradict()
	case patterns.SSHNoMoreMethods:
		r.reach(StepAuth)
		r.withoutSignature()
		r.contradict()
	case patterns.SSHAgentKeys:
		v.Agent = fieldText(ev, sshwhy.FieldCount)
	case patterns.SSHAgentUnreachable:
		v.Agent = fieldText(ev, sshwhy.FieldReason)
		r.fact(ev)
	case patterns.SSHSessionBegins:
		return r.at >= StepAuth
	default:
		return false
	}
	return true
}

// contradict takes back a login that cannot have been: ssh does not go on to
// authenticate behind it.
func (r *run) contradict() {
	if r.accepted && r.at == StepSession {
		r.accepted, r.at, r.v.Shown[StepAuth], r.v.Doubts = false, StepAuth, false, true
	}
}

// deniedInSession notes a refusal behind a login that was accepted. It is that
// of this run, and the login was none, where it names the same user and server,
// or where nothing follows: ssh -v says how the session ended, in which another
// ssh may have been refused.
func (r *run) deniedInSession(ev *sshwhy.Event, marked bool) {
	switch {
	case marked:
		r.denied = end{}
	case ev.Pattern != patterns.SSHPermissionDenied || !r.accepted:
	case r.isOurs(ev):
		r.contradict()
	default:
		r.denied = end{pattern: ev.Pattern, user: fieldText(ev, sshwhy.FieldUser), host: fieldText(ev, sshwhy.FieldHost), line: r.keep(ev)}
		r.deniedMethods = namesOf(fieldText(ev, sshwhy.FieldOffer))
	}
}

// settle takes the refusal that nothing followed for the end of the run. One
// that ssh -v did not announce is of ssh without it, and the lines of debugging
// are the server's.
func (r *run) settle() {
	if r.denied.pattern != 0 {
		r.contradict()
		r.end, r.v.User, r.v.Host, r.v.Methods = r.denied, r.denied.user, r.denied.host, r.deniedMethods
	}
	if r.end.pattern == patterns.SSHPermissionDenied && r.v.Debug && !r.end.announced {
		r.v.Debug, r.v.Doubts, r.v.Shown = false, true, [Steps]bool{}
	}
	if r.v.Doubts && !r.v.Debug {
		r.facts, r.retries, r.prompted = nil, 0, false // whose word they are is not known
	}
}

// isOurs tells whether a message names the user and server of this run, and
// not those of another ssh that runs in its session.
func (r *run) isOurs(ev *sshwhy.Event) bool {
	user, host := fieldText(ev, sshwhy.FieldUser), fieldText(ev, sshwhy.FieldHost)
	return (r.v.User == "" || user == "" || user == r.v.User) && (r.v.Host == "" || host == "" || host == r.v.Host)
}

// authenticated notes that the login succeeded.
func (r *run) authenticated(ev *sshwhy.Event) bool {
	setOnce(&r.v.Host, fieldText(ev, sshwhy.FieldHost))
	setOnce(&r.v.Address, fieldText(ev, sshwhy.FieldAddr))
	setOnce(&r.v.Port, fieldText(ev, sshwhy.FieldPort))
	if m := fieldText(ev, sshwhy.FieldMethod); m != "" && !slices.Contains(r.v.MethodsTried, m) && len(r.v.MethodsTried) < maxList {
		r.v.MethodsTried = append(r.v.MethodsTried, m)
	}
	r.settleKeys(FateAccepted)
	if !r.accepted {
		r.keep(ev)
	}
	r.accepted = true
	r.reach(StepSession)
	return true
}
