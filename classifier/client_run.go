package classifier

import (
	"bytes"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// clientRun is one run of ssh while it is read.
type clientRun struct {
	v     ClientVerdict
	lines int // of ssh, or nearly so
	// at is the step that is under way, by lines of debugging: it never
	// goes back.
	at ClientStep
	// crlf tells that lines of debugging end in CR LF, as ssh writes them
	// (log.c do_log); then a message that ends in LF alone is not ssh's.
	crlf bool
	// muted tells that the server's disconnect message was read: what
	// follows may be its text, up to the end.
	muted bool
	end   clientEnd
	// denied is a refusal that may be that of another ssh, in the session,
	// and deniedMethods its list.
	denied        clientEnd
	exhausted     bool // the last line of debugging says that nothing is left to try
	deniedMethods []string

	// hop is the ssh that reaches a jump host for this one, nil without.
	hop *clientRun

	paths    []string // of keys, as ssh named them before authentication
	facts    []clientFact
	waiting  int // index+1 of the key whose answer is due
	signing  int // index+1 of the key that the server wants a signature of
	unsigned int // index+1 of the last that gave none
	partial  bool
	retries  int  // "please try again"
	prompted bool // for a password
	accepted bool // the login
}

// clientEnd is the message after which ssh ended.
type clientEnd struct {
	pattern        sshwhy.PatternID
	reason, detail string
	user, host     string
	code           int64
	// proxied tells that there is a program in place of the network,
	// announced that ssh -v said before that nothing is left to try.
	proxied, announced bool
	line               int // index of evidence
}

// clientFact is something that went wrong and did not end ssh by itself.
type clientFact struct {
	pattern sshwhy.PatternID
	what    uint8 // the catalogue's constant, 0 for none
	values  []sshwhy.Value
	line    int
}

// value gives a part of the message.
func (f *clientFact) value(field sshwhy.Field) string {
	for i := range f.values {
		if f.values[i].Field == field {
			return f.values[i].Text
		}
	}
	return ""
}

// begins tells whether a line begins another run. One that came to its end is
// followed by another; one that did not could be imitated by the server, once
// it can send text. All runs of one input are of the same ssh.
func (c *Client) begins(ev *sshwhy.Event) bool {
	if ev.Pattern != patterns.SSHVersion {
		return c.run.before(ev) && len(c.done) < maxClientRuns
	}
	header := string(ev.Message[:min(len(ev.Message), maxClientLine)])
	if c.header == "" {
		c.header = header
		return c.run.lines > 0 && c.run.end.pattern != 0
	}
	r := c.run
	if header != c.header || r.lines == 0 || len(c.done) >= maxClientRuns || r.awaitsHop() {
		return false
	}
	return r.end.pattern != 0 || r.at < ClientAuth
}

// before tells whether a message is that of another run: ssh without -v, called
// for one server after the other, none of which could be reached.
func (r *clientRun) before(ev *sshwhy.Event) bool {
	reached := func(id sshwhy.PatternID) bool {
		return id != patterns.SSHConnectFailed && id != patterns.SSHNameNotResolved
	}
	return !r.v.Debug && !reached(r.end.pattern) && !reached(ev.Pattern) && r.end.host != fieldText(ev, sshwhy.FieldHost)
}

// awaitsHop tells whether the next ssh that names itself is the one that
// reaches the jump host.
func (r *clientRun) awaitsHop() bool {
	return r.v.Proxy != "" && r.at <= ClientConnect && (r.hop == nil || !r.hop.over()) && r.end.pattern == 0
}

// over tells whether a run has come to its end or to its session.
func (r *clientRun) over() bool { return r.accepted || r.end.pattern != 0 }

// read takes a line of this run, or of the one that reaches the jump host.
func (r *clientRun) read(ev *sshwhy.Event) {
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
func (r *clientRun) hopReads(ev *sshwhy.Event) bool {
	if ev.Pattern == patterns.SSHVersion && r.awaitsHop() && r.v.Client != "" {
		if r.hop == nil {
			r.hop = &clientRun{}
		}
	}
	if r.hop == nil || r.hop.over() || ev.Pattern == patterns.SSHRemoteVersion && r.hop.at >= ClientKeyExchange {
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
func (r *clientRun) goesOn(ev *sshwhy.Event) {
	if r.v.Proxy != "" && r.at <= ClientBanner {
		return // two programs write at the same time
	}
	if r.end.pattern != 0 && r.at < ClientSession {
		r.end = clientEnd{}
		r.v.Doubts = true
	}
}

// saysMore takes back, without -v, what stands in front of a message that
// cannot be followed by another: it was the server's text.
func (r *clientRun) saysMore(ev *sshwhy.Event) {
	if r.v.Debug || r.end.pattern == 0 || r.closesAfter() || r.at > ClientSetup {
		return
	}
	switch ev.Pattern {
	case patterns.SSHBannerClosed, patterns.SSHClosed, patterns.SSHDisconnected, patterns.SSHCaller, patterns.SSHSessionClosed, patterns.SSHKilled:
		return
	}
	r.end, r.facts, r.retries, r.prompted, r.v.Doubts = clientEnd{}, nil, 0, false, true
}

// foreign tells whether a message without a mark is not ssh's word on what is
// under way: text of the server's that looks like one of an earlier step, or
// that ends otherwise than ssh ends its lines.
func (r *clientRun) foreign(ev *sshwhy.Event) bool {
	if !r.v.Debug {
		return false
	}
	step, plain := clientStepOf(ev.Pattern)
	if r.crlf && !plain && r.at >= ClientAuth && !bytes.HasSuffix(ev.Record.Text, []byte("\r")) {
		return true
	}
	return step < r.at && !(step == ClientHostKey && r.at <= ClientHostKey)
}

// clientStepOf gives the last step at which ssh writes a message, and tells
// whether other programs, or ssh by another way than its log, write it.
func clientStepOf(id sshwhy.PatternID) (step ClientStep, plain bool) {
	switch id {
	case patterns.SSHConfigUnknownOption, patterns.SSHConfigBadLine, patterns.SSHConfigTerminating, patterns.SSHConfigPermissions,
		patterns.SSHConfigUnreadable, patterns.SSHBadArgument, patterns.SSHJumpLoop, patterns.SSHNoAccount:
		return ClientSetup, true
	case patterns.SSHNameNotResolved, patterns.SSHNameNotFound:
		return ClientResolve, false
	case patterns.SSHConnectFailed, patterns.SSHBindFailed, patterns.SSHSocketFailed, patterns.SSHConnectWords:
		return ClientConnect, false
	case patterns.SSHProxyFailed, patterns.SSHStdioForwardingFailed:
		return ClientBanner, true
	case patterns.SSHBannerClosed, patterns.SSHBannerFailed, patterns.SSHBannerTimeout, patterns.SSHBannerInvalid:
		return ClientBanner, false
	case patterns.SSHNegotiationFailed, patterns.SSHProtocolDiffers:
		return ClientKeyExchange, false
	case patterns.SSHHostKeyUnusable, patterns.SSHHostKeyFailed, patterns.SSHHostChanged, patterns.SSHHostChangedWarning, patterns.SSHHostOffending,
		patterns.SSHHostRevoked, patterns.SSHHostUnknown, patterns.SSHHostAsks, patterns.SSHHostCertificateInvalid:
		return ClientHostKey, false
	case patterns.SSHPermissionDenied, patterns.SSHPasswordRefused, patterns.SSHAuthenticationFailed, patterns.SSHSigningFailed,
		patterns.SSHKeyNotLoaded, patterns.SSHKeyUnprotected, patterns.SSHKeyMode, patterns.SSHKeyMismatch, patterns.SSHTokenFailed, patterns.SSHNoMutualSignature:
		return ClientAuth, false
	case patterns.SSHPasswordPrompt, patterns.SSHPrompt, patterns.SSHPassphrasePrompt, patterns.SSHPresence, patterns.SSHIdentityMissing:
		return ClientAuth, true
	case patterns.SSHWrongUserHint, patterns.SSHCaller, patterns.SSHTooManyFailures:
		return ClientSession, true
	}
	return ClientSession, false
}

// reach moves on to a step; the ones before it are done.
func (r *clientRun) reach(step ClientStep) {
	if step <= r.at {
		return
	}
	for s := r.at; s < step; s++ {
		r.v.Shown[s] = true
	}
	r.at = step
}

// progress notes what went well; it tells whether that is all the line says.
func (r *clientRun) progress(ev *sshwhy.Event, marked bool) bool {
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
		if r.at <= ClientConnect {
			v.Host, v.Address, v.Port = fieldText(ev, sshwhy.FieldHost), fieldText(ev, sshwhy.FieldAddr), fieldText(ev, sshwhy.FieldPort)
			r.reach(ClientConnect)
		}
	case patterns.SSHConnectAddressFailed:
		if r.at <= ClientConnect && len(v.Tried) < maxClientList {
			v.Tried = append(v.Tried, ClientAddress{fieldText(ev, sshwhy.FieldAddr), fieldText(ev, sshwhy.FieldPort), fieldText(ev, sshwhy.FieldReason)})
			r.keep(ev)
		}
	case patterns.SSHProxyCommand:
		if r.at <= ClientConnect {
			setOnce(&v.Proxy, fieldText(ev, sshwhy.FieldCommand))
			r.reach(ClientConnect)
		}
	case patterns.SSHConnected:
		if r.at <= ClientConnect {
			r.reach(ClientBanner)
		}
	case patterns.SSHRemoteVersion:
		if r.at <= ClientBanner {
			setOnce(&v.Server, fieldText(ev, sshwhy.FieldBanner))
			r.reach(ClientKeyExchange)
		}
	case patterns.SSHAuthenticatingTo:
		if r.at <= ClientKeyExchange {
			v.User = fieldText(ev, sshwhy.FieldUser)
			setOnce(&v.Host, fieldText(ev, sshwhy.FieldHost))
			setOnce(&v.Port, fieldText(ev, sshwhy.FieldPort))
			r.reach(ClientKeyExchange)
		}
	default:
		return r.negotiates(ev) || r.tries(ev)
	}
	return true
}

// negotiates notes the way to an encrypted connection.
func (r *clientRun) negotiates(ev *sshwhy.Event) bool {
	v := &r.v
	switch ev.Pattern {
	case patterns.SSHKexinitSent, patterns.SSHKexinitReceived, patterns.SSHKEXReplyExpected:
		r.reach(ClientKeyExchange)
	case patterns.SSHKEXAlgorithm:
		setOnce(&v.KeyExchange, fieldText(ev, sshwhy.FieldAlgorithm))
	case patterns.SSHKEXCipher:
		setOnce(&v.Cipher, fieldText(ev, sshwhy.FieldAlgorithm))
	case patterns.SSHHostKey:
		if r.at <= ClientHostKey {
			v.HostKey = fieldText(ev, sshwhy.FieldKeyType) + " " + fieldText(ev, sshwhy.FieldFingerprint)
			r.reach(ClientHostKey)
		}
	case patterns.SSHHostFound:
		if r.at <= ClientHostKey {
			v.KnownIn = fieldText(ev, sshwhy.FieldPath) + ":" + fieldText(ev, sshwhy.FieldLine)
		}
	case patterns.SSHNewkeysSent, patterns.SSHNewkeysReceived:
		r.reach(ClientAuth)
	case patterns.SSHHostKnown, patterns.SSHKEXHostKeyAlgorithm, patterns.SSHKEXReply, patterns.SSHNegotiating, patterns.SSHLocalVersion:
	case patterns.SSHBannerLine:
		if r.at == ClientBanner || r.at == ClientConnect {
			r.fact(ev)
		}
	default:
		return false
	}
	return true
}

// tries notes what is tried to log in, and what the server answers.
func (r *clientRun) tries(ev *sshwhy.Event) bool {
	v := &r.v
	switch ev.Pattern {
	case patterns.SSHServiceAccepted:
		r.reach(ClientAuth)
	case patterns.SSHMethods:
		r.reach(ClientAuth)
		v.Methods = namesOf(fieldText(ev, sshwhy.FieldOffer))
		if r.signing > 0 && !r.partial {
			v.Identities[r.signing-1].Fate = FateRefused
		}
		r.signing = 0
		r.settleKeys(FateRefused)
		r.contradict()
	case patterns.SSHNextMethod:
		r.reach(ClientAuth)
		r.withoutSignature()
		if m := fieldText(ev, sshwhy.FieldMethod); len(v.MethodsTried) < maxClientList && !slices.Contains(v.MethodsTried, m) {
			v.MethodsTried = append(v.MethodsTried, m)
		}
		r.contradict()
	case patterns.SSHNoMoreMethods:
		r.reach(ClientAuth)
		r.withoutSignature()
		r.contradict()
	case patterns.SSHAgentKeys:
		v.Agent = fieldText(ev, sshwhy.FieldCount)
	case patterns.SSHAgentUnreachable:
		v.Agent = fieldText(ev, sshwhy.FieldReason)
		r.fact(ev)
	case patterns.SSHSessionBegins:
		return r.at >= ClientAuth
	default:
		return false
	}
	return true
}

// contradict takes back a login that cannot have been: ssh does not go on to
// authenticate behind it.
func (r *clientRun) contradict() {
	if r.accepted && r.at == ClientSession {
		r.accepted, r.at, r.v.Shown[ClientAuth], r.v.Doubts = false, ClientAuth, false, true
	}
}

// deniedInSession notes a refusal behind a login that was accepted. It is that
// of this run, and the login was none, where it names the same user and server,
// or where nothing follows: ssh -v says how the session ended, in which another
// ssh may have been refused.
func (r *clientRun) deniedInSession(ev *sshwhy.Event, marked bool) {
	switch {
	case marked:
		r.denied = clientEnd{}
	case ev.Pattern != patterns.SSHPermissionDenied || !r.accepted:
	case r.isOurs(ev):
		r.contradict()
	default:
		r.denied = clientEnd{pattern: ev.Pattern, user: fieldText(ev, sshwhy.FieldUser), host: fieldText(ev, sshwhy.FieldHost), line: r.keep(ev)}
		r.deniedMethods = namesOf(fieldText(ev, sshwhy.FieldOffer))
	}
}

// settle takes the refusal that nothing followed for the end of the run. One
// that ssh -v did not announce is of ssh without it, and the lines of debugging
// are the server's.
func (r *clientRun) settle() {
	if r.denied.pattern != 0 {
		r.contradict()
		r.end, r.v.User, r.v.Host, r.v.Methods = r.denied, r.denied.user, r.denied.host, r.deniedMethods
	}
	if r.end.pattern == patterns.SSHPermissionDenied && r.v.Debug && !r.end.announced {
		r.v.Debug, r.v.Doubts, r.v.Shown = false, true, [ClientSteps]bool{}
	}
	if r.v.Doubts && !r.v.Debug {
		r.facts, r.retries, r.prompted = nil, 0, false // whose word they are is not known
	}
}

// isOurs tells whether a message names the user and server of this run, and
// not those of another ssh that runs in its session.
func (r *clientRun) isOurs(ev *sshwhy.Event) bool {
	user, host := fieldText(ev, sshwhy.FieldUser), fieldText(ev, sshwhy.FieldHost)
	return (r.v.User == "" || user == "" || user == r.v.User) && (r.v.Host == "" || host == "" || host == r.v.Host)
}

// authenticated notes that the login succeeded.
func (r *clientRun) authenticated(ev *sshwhy.Event) bool {
	setOnce(&r.v.Host, fieldText(ev, sshwhy.FieldHost))
	setOnce(&r.v.Address, fieldText(ev, sshwhy.FieldAddr))
	setOnce(&r.v.Port, fieldText(ev, sshwhy.FieldPort))
	if m := fieldText(ev, sshwhy.FieldMethod); m != "" && !slices.Contains(r.v.MethodsTried, m) && len(r.v.MethodsTried) < maxClientList {
		r.v.MethodsTried = append(r.v.MethodsTried, m)
	}
	r.settleKeys(FateAccepted)
	if !r.accepted {
		r.keep(ev)
	}
	r.accepted = true
	r.reach(ClientSession)
	return true
}

// key notes what becomes of the client's keys.
func (r *clientRun) key(ev *sshwhy.Event, marked bool) bool {
	if !marked {
		return false
	}
	path := fieldText(ev, sshwhy.FieldPath)
	switch ev.Pattern {
	case patterns.SSHIdentityFile:
		if r.at < ClientAuth && len(r.paths) < maxClientList {
			r.paths = append(r.paths, path)
		}
	case patterns.SSHKeyCandidate:
		r.identity(ev)
	case patterns.SSHKeyOffered:
		r.withoutSignature()
		r.settleKeys(FateRefused)
		if i := r.identity(ev); i >= 0 {
			r.v.Identities[i].Fate, r.waiting = FateOffered, i+1
		}
		r.keep(ev)
	case patterns.SSHKeyAccepted:
		r.keyAccepted(ev)
	case patterns.SSHKeyTried:
		r.withoutSignature()
		r.settleKeys(FateRefused)
		r.identity(ev)
	case patterns.SSHKeySkipped:
		if i := r.identity(ev); i >= 0 {
			r.v.Identities[i].Fate, r.v.Identities[i].Reason = FateSkipped, fieldText(ev, sshwhy.FieldReason)
		}
		r.fact(ev)
	case patterns.SSHNoMutualSignature:
		if r.waiting > 0 {
			r.v.Identities[r.waiting-1].Fate = FateSkipped
			r.waiting = 0
		}
		r.fact(ev)
	default:
		return false
	}
	return true
}

// identity finds the key of a message, or adds it; -1 where there is no room.
func (r *clientRun) identity(ev *sshwhy.Event) int {
	path, explicit := strings.CutSuffix(strings.TrimRight(fieldText(ev, sshwhy.FieldPath), " "), " explicit")
	id := ClientIdentity{Path: path, Explicit: explicit, Type: fieldText(ev, sshwhy.FieldKeyType), Fingerprint: fieldText(ev, sshwhy.FieldFingerprint), From: "file"}
	if r.at >= ClientAuth && len(r.paths) < maxClientList && strings.HasPrefix(id.Path, "/") {
		r.paths = append(r.paths, id.Path)
	}
	id.Explicit = id.Explicit || ev.Constant(sshwhy.FieldWhat) == patterns.ConstantExplicit
	switch {
	case ev.Constant(sshwhy.FieldOther) == patterns.ConstantAgent:
		id.From = "agent"
	case ev.Constant(sshwhy.FieldName) == patterns.ConstantToken:
		id.From = "token"
	case ev.Constant(sshwhy.FieldName) == patterns.ConstantAuthenticator:
		id.From = "authenticator"
	case !slices.Contains(r.paths, id.Path) && !strings.ContainsAny(id.Path, `/\`):
		id.From = "agent" // up to 7.9 the line does not tell; the name is the agent's
	}
	for i := range r.v.Identities {
		known := &r.v.Identities[i]
		if known.Path == id.Path && (known.Fingerprint == "" || id.Fingerprint == "" || known.Fingerprint == id.Fingerprint) {
			setOnce(&known.Type, id.Type)
			setOnce(&known.Fingerprint, id.Fingerprint)
			return i
		}
	}
	if len(r.v.Identities) == maxClientList {
		return -1
	}
	r.v.Identities = append(r.v.Identities, id)
	return len(r.v.Identities) - 1
}

// keyAccepted notes that the server knows a key. Up to 7.9 the line does not
// say which; then it is the one that was offered last.
func (r *clientRun) keyAccepted(ev *sshwhy.Event) {
	i := r.waiting - 1
	if ev.Has(sshwhy.FieldPath) {
		i = r.identity(ev)
	}
	if i >= 0 {
		r.v.Identities[i].Fate = FateAccepted
	}
	r.waiting, r.signing = 0, i+1
	r.keep(ev)
}

// withoutSignature notes that ssh went on though the server waits for a
// signature.
func (r *clientRun) withoutSignature() {
	if r.signing > 0 {
		r.unsigned = r.signing
		r.v.Identities[r.signing-1].Fate = FateUnusable
	}
	r.signing = 0
}

// settleKeys gives the key whose answer is due its fate.
func (r *clientRun) settleKeys(fate ClientFate) {
	if r.waiting > 0 && r.v.Identities[r.waiting-1].Fate == FateOffered {
		r.v.Identities[r.waiting-1].Fate = fate
	}
	r.waiting = 0
}

// failedQuietly notes messages of debugging that say what went wrong.
func (r *clientRun) failedQuietly(ev *sshwhy.Event) bool {
	switch ev.Pattern {
	case patterns.SSHPassphraseWrong, patterns.SSHKerberos, patterns.SSHMuxConnectFailed, patterns.SSHRemoteNote, patterns.SSHOpenFailed:
		r.fact(ev)
		return true
	}
	return false
}

// ends notes a message after which ssh ends.
func (r *clientRun) ends(ev *sshwhy.Event) bool {
	switch ev.Pattern {
	case patterns.SSHConfigTerminating, patterns.SSHConfigPermissions, patterns.SSHConfigUnreadable, patterns.SSHBadArgument, patterns.SSHJumpLoop, patterns.SSHNoAccount,
		patterns.SSHNameNotResolved, patterns.SSHNameNotFound, patterns.SSHConnectFailed, patterns.SSHBannerClosed, patterns.SSHBannerFailed,
		patterns.SSHBannerTimeout, patterns.SSHBannerInvalid, patterns.SSHProtocolDiffers, patterns.SSHNegotiationFailed, patterns.SSHHostKeyUnusable,
		patterns.SSHHostKeyFailed, patterns.SSHPermissionDenied, patterns.SSHAuthenticationFailed, patterns.SSHTooManyFailures,
		patterns.SSHNotResponding, patterns.SSHBrokenPipe, patterns.SSHSessionCut, patterns.SSHStdioForwardingFailed, patterns.SSHMuxPath:
	case patterns.SSHDisconnectReceived:
		r.muted = true
	case patterns.SSHClosed, patterns.SSHReset, patterns.SSHTimedOut, patterns.SSHConnectionFailed, patterns.SSHDisconnected, patterns.SSHKilled, patterns.SSHSessionClosed, patterns.SSHDisconnecting:
		if r.closesAfter() {
			r.end.proxied = r.end.proxied || fieldText(ev, sshwhy.FieldAddr) == unknownPeer
			r.keep(ev)
			return true
		}
	default:
		return false
	}
	if r.reportsHop(ev) {
		return true
	}
	r.settleKeys(FateRefused)
	r.end = clientEnd{
		pattern: ev.Pattern, reason: fieldText(ev, sshwhy.FieldReason), detail: fieldText(ev, sshwhy.FieldText), code: ev.Int(sshwhy.FieldCode),
		user: fieldText(ev, sshwhy.FieldUser), host: fieldText(ev, sshwhy.FieldHost), line: r.keep(ev),
		proxied: r.v.Proxy != "" || fieldText(ev, sshwhy.FieldAddr) == unknownPeer, announced: r.exhausted,
	}
	r.exhausted = false
	r.named(ev)
	if ev.Pattern == patterns.SSHNegotiationFailed || ev.Pattern == patterns.SSHConfigUnreadable || ev.Pattern == patterns.SSHConfigPermissions ||
		ev.Pattern == patterns.SSHConfigTerminating || ev.Pattern == patterns.SSHMuxPath {
		r.fact(ev)
	}
	return true
}

// closesAfter tells whether the message before says more than that the
// connection has ended, and goes with it.
func (r *clientRun) closesAfter() bool {
	switch r.end.pattern {
	case patterns.SSHBannerClosed, patterns.SSHBannerFailed, patterns.SSHBannerTimeout, patterns.SSHBannerInvalid, patterns.SSHProtocolDiffers,
		patterns.SSHStdioForwardingFailed, patterns.SSHNotResponding, patterns.SSHSessionCut, patterns.SSHBrokenPipe:
		return true
	}
	return false
}

// unknownPeer is what ssh calls the other end of a pipe (canohost.c).
const unknownPeer = "UNKNOWN"

// reportsHop tells whether a message says that the program in place of the
// network has ended, of which the messages before were: nobody but another ssh
// writes them before the server has said who it is.
func (r *clientRun) reportsHop(ev *sshwhy.Event) bool {
	closed := ev.Pattern == patterns.SSHBannerClosed || ev.Pattern == patterns.SSHClosed && fieldText(ev, sshwhy.FieldAddr) == unknownPeer
	if !closed || r.end.pattern == 0 || r.at > ClientBanner || r.hop != nil {
		return false
	}
	r.keep(ev)
	if r.end.pattern == patterns.SSHStdioForwardingFailed {
		return true
	}
	hop := *r
	hop.v.Host, hop.v.User, hop.v.Proxy, hop.at = hop.end.host, hop.end.user, "", ClientSetup
	hop.v.Shown, hop.v.Debug = [ClientSteps]bool{}, false
	r.hop = &hop
	return true
}

// named notes server and user where only the last message names them.
func (r *clientRun) named(ev *sshwhy.Event) {
	v := &r.v
	switch ev.Pattern {
	case patterns.SSHPermissionDenied:
		v.Methods = namesOf(fieldText(ev, sshwhy.FieldOffer))
		setOnce(&v.User, fieldText(ev, sshwhy.FieldUser))
		setOnce(&v.Host, fieldText(ev, sshwhy.FieldHost))
	case patterns.SSHConnectFailed, patterns.SSHNameNotResolved, patterns.SSHNameNotFound, patterns.SSHNotResponding, patterns.SSHSessionCut:
		setOnce(&v.Host, fieldText(ev, sshwhy.FieldHost))
		setOnce(&v.Port, fieldText(ev, sshwhy.FieldPort))
	case patterns.SSHTooManyFailures:
		setOnce(&v.User, fieldText(ev, sshwhy.FieldUser))
	case patterns.SSHClosed, patterns.SSHReset, patterns.SSHTimedOut, patterns.SSHConnectionFailed, patterns.SSHDisconnectReceived,
		patterns.SSHDisconnected, patterns.SSHNegotiationFailed:
		if addr := fieldText(ev, sshwhy.FieldAddr); addr != unknownPeer {
			setOnce(&v.Address, addr)
			setOnce(&v.Port, fieldText(ev, sshwhy.FieldPort))
		}
	}
}

// fact notes something that went wrong. What a server could imitate counts
// only where ssh has named the file before.
func (r *clientRun) fact(ev *sshwhy.Event) {
	switch ev.Pattern {
	case patterns.SSHKeyNotLoaded, patterns.SSHKeyMode, patterns.SSHKeyMismatch, patterns.SSHIdentityMissing:
		if r.v.Debug && r.at >= ClientAuth && !r.pathNamed(fieldText(ev, sshwhy.FieldPath)) {
			return
		}
	case patterns.SSHPasswordRefused:
		r.retries++
	case patterns.SSHPasswordPrompt, patterns.SSHPrompt:
		r.prompted = true
		setOnce(&r.v.User, fieldText(ev, sshwhy.FieldUser))
		setOnce(&r.v.Host, fieldText(ev, sshwhy.FieldHost))
	case patterns.SSHHostChanged, patterns.SSHHostUnknown, patterns.SSHHostRevoked:
		setOnce(&r.v.Host, fieldText(ev, sshwhy.FieldHost))
	case patterns.SSHHostAsks:
		host, _, _ := strings.Cut(fieldText(ev, sshwhy.FieldHost), " (")
		setOnce(&r.v.Host, host)
	}
	if len(r.facts) >= maxClientList || !noteworthy(ev.Pattern) {
		return
	}
	f := clientFact{pattern: ev.Pattern, what: ev.Constant(sshwhy.FieldWhat), line: r.keep(ev)}
	for _, c := range ev.Captures() {
		if c.Value == 0 {
			f.values = append(f.values, sshwhy.Value{Field: c.Field, Text: fieldText(ev, c.Field)})
		}
	}
	r.facts = append(r.facts, f)
	if path := f.value(sshwhy.FieldPath); ev.Pattern == patterns.SSHKeyNotLoaded || ev.Pattern == patterns.SSHKeyMode {
		for i := range r.v.Identities {
			if id := &r.v.Identities[i]; id.Path == path && id.Fate != FateAccepted {
				id.Fate, id.Reason = FateUnusable, f.value(sshwhy.FieldReason)
			}
		}
	}
}

// noteworthy leaves out what says nothing about a failure.
func noteworthy(id sshwhy.PatternID) bool {
	switch id {
	case patterns.SSHHostAdded, patterns.SSHHostNotAdded, patterns.SSHHostRemoval, patterns.SSHHostWarning, patterns.SSHPasswordPrompt, patterns.SSHPrompt,
		patterns.SSHPassphrasePrompt, patterns.SSHCaller, patterns.SSHNoTerminal, patterns.SSHTransferred, patterns.SSHExitStatus, patterns.SSHConfigRead,
		patterns.SSHConfigIgnoredOption, patterns.SSHSessionBegins:
		return false
	}
	return true
}

func (r *clientRun) pathNamed(path string) bool {
	return slices.ContainsFunc(r.paths, func(p string) bool { return p == path || strings.TrimSuffix(p, ".pub") == path })
}

// find gives the last fact of these patterns, nil for none.
func (r *clientRun) find(ids ...sshwhy.PatternID) *clientFact {
	for i := len(r.facts) - 1; i >= 0; i-- {
		if slices.Contains(ids, r.facts[i].pattern) {
			return &r.facts[i]
		}
	}
	return nil
}

// keep keeps a line as evidence and gives its index, -1 where there is no room.
func (r *clientRun) keep(ev *sshwhy.Event) int {
	line := string(bytes.TrimRight(ev.Record.Text[:min(len(ev.Record.Text), maxClientLine)], "\r"))
	if n := len(r.v.Evidence); n > 0 && r.v.Evidence[n-1] == line {
		return n - 1
	}
	if len(r.v.Evidence) >= maxClientEvidence {
		// The last lines say more than those in the middle.
		r.v.Evidence[maxClientEvidence-1] = line
		return maxClientEvidence - 1
	}
	r.v.Evidence = append(r.v.Evidence, line)
	return len(r.v.Evidence) - 1
}

// fieldText gives a part of a message, not too long.
func fieldText(ev *sshwhy.Event, f sshwhy.Field) string {
	b := ev.Get(f)
	return string(b[:min(len(b), maxClientLine)])
}

// namesOf takes a list of names apart.
func namesOf(names string) []string {
	var all []string
	for name := range strings.SplitSeq(names, ",") {
		if name != "" && len(all) < maxClientList {
			all = append(all, name)
		}
	}
	return all
}

// setOnce keeps what was known before.
func setOnce(to *string, value string) {
	if *to == "" {
		*to = value
	}
}
