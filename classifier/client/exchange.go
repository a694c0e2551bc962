package client

import (
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// algorithmOptions are the options of ssh that hold each kind of algorithm, and
// what current releases of sshd offer of it: a server that does is not the one
// that is behind.
var algorithmOptions = []struct{ reason, option, cause, current string }{
	{"key exchange", "KexAlgorithms", "no-matching-kex", "curve25519-sha256"},
	{"host key", "HostKeyAlgorithms", "no-matching-host-key-type", "ssh-ed25519"},
	{"cipher", "Ciphers", "no-matching-cipher", "aes256-ctr"},
	{"MAC", "MACs", "no-matching-mac", "hmac-sha2-256"},
	{"mac", "MACs", "no-matching-mac", "hmac-sha2-256"},
	{"compression", "Compression", "no-matching-compression", "none"},
}

func (k *causeIDs) negotiationFailed(r *run) decision {
	f := r.find(patterns.SSHNegotiationFailed)
	if f == nil {
		return because("no-common-algorithm", StepKeyExchange, SideServer)
	}
	reason := f.value(sshwhy.FieldReason)
	if reason == "" {
		reason = f.value(sshwhy.FieldWhat)
	}
	d := because("no-common-algorithm", StepKeyExchange, SideServer).by(f).with(sshwhy.FieldReason, reason)
	offer := slices.DeleteFunc(namesOf(f.value(sshwhy.FieldOffer)), patterns.IsMarker)
	for _, o := range algorithmOptions {
		if !strings.Contains(reason, o.reason) {
			continue
		}
		d = d.behind([]sshwhy.CauseID{k.ids[o.cause]}).with(sshwhy.FieldOption, o.option)
		switch {
		case slices.Contains(offer, o.current):
			d.side = SideClient
			d = d.with(sshwhy.FieldAlgorithm, o.current)
		case len(offer) > 0:
			d = d.with(sshwhy.FieldAlgorithm, offer[0])
		}
		break
	}
	return d
}

func (k *causeIDs) hostKeyFailed(r *run) decision {
	d := func(cause string, f *fact) decision {
		return because(cause, StepHostKey, SideClient).by(f)
	}
	changed := r.find(patterns.SSHHostChanged, patterns.SSHHostChangedWarning)
	switch {
	case r.find(patterns.SSHHostRevoked) != nil:
		return d("host-key-revoked", r.find(patterns.SSHHostRevoked))
	case changed != nil:
		return d("host-key-changed", changed).by(r.find(patterns.SSHHostOffending)).by(changed)
	case r.find(patterns.SSHHostCertificateInvalid) != nil:
		return d("host-certificate-invalid", r.find(patterns.SSHHostCertificateInvalid))
	case r.find(patterns.SSHHostUnknown) != nil:
		return d("host-key-unknown", r.find(patterns.SSHHostUnknown))
	case r.find(patterns.SSHHostAsks) != nil, r.v.Debug:
		return d("host-key-unknown", r.find(patterns.SSHHostAsks)).perhaps()
	}
	return d("host-key-not-verified", nil).open(k.hostKey)
}

// disconnected is about the words of a disconnect message. They are those of
// the server's, and of sshd's the one about many failures is known.
func (k *causeIDs) disconnected(r *run) decision {
	words := r.end.detail
	if r.end.pattern == patterns.SSHDisconnecting {
		words = r.end.reason
	}
	step := max(r.at, StepKeyExchange)
	if !r.v.Debug {
		step = StepAuth
	}
	switch {
	case r.end.pattern == patterns.SSHTooManyFailures:
		return because("too-many-auth-failures", StepAuth, SideClient).perhaps()
	case begins(words, "Too many authentication failures", "Too many password failures"):
		return because("too-many-auth-failures", step, SideClient)
	case begins(words, "Change of username or service not allowed"):
		return because("username-changed", step, SideClient)
	case begins(words, "Packet corrupt", "Corrupted MAC", "Bad packet length"):
		return because("corrupted-packet", step, SideNetwork)
	}
	return because("disconnected-by-server", step, SideServer).with(sshwhy.FieldText, words)
}

// closed is about connections that ended without a word.
func (k *causeIDs) closed(r *run) decision {
	if r.end.proxied && r.at < StepKeyExchange {
		return k.proxyFailed(r)
	}
	lost := r.end.pattern == patterns.SSHTimedOut || begins(r.end.reason, "Connection timed out", "Operation timed out", "No route to host", "Network is unreachable")
	switch {
	case begins(r.end.reason, "message authentication code incorrect", "Connection corrupted", "incorrect signature", "invalid format") || r.find(patterns.SSHCorrupt) != nil:
		return because("corrupted-packet", max(r.at, StepKeyExchange), SideNetwork).with(sshwhy.FieldReason, r.end.reason)
	case r.accepted && lost:
		return because("server-not-responding", StepSession, SideNetwork)
	case r.accepted:
		return k.sessionCut(r)
	case r.v.Debug && r.at <= StepBanner:
		return because("closed-before-banner", StepBanner, SideServer).behind(k.closedEarly)
	case r.v.Debug && r.at < StepAuth && lost:
		return because("kex-stalled", r.at, SideNetwork).perhaps()
	case r.v.Debug && r.at < StepAuth:
		return because("closed-during-kex", r.at, SideServer).behind(k.closedInKex)
	case lost:
		return because("server-not-responding", max(r.at, StepAuth), SideNetwork).perhaps()
	case r.end.pattern == patterns.SSHConnectionFailed && !r.v.Debug:
		return because("connection-broken", StepSession, SideNetwork).perhaps().with(sshwhy.FieldReason, r.end.reason)
	}
	if !r.v.Debug {
		return k.closedAlone(r)
	}
	return because("closed-during-authentication", StepAuth, SideServer).behind(k.closedInAuth)
}

// closedAlone is about the message without -v, which names no step. From 9.5 on
// ssh writes no other where the server closes before its first line.
func (k *causeIDs) closedAlone(r *run) decision {
	d := because("closed-during-authentication", StepAuth, SideServer)
	candidates := slices.Concat(k.closedInAuth, k.list("closed-during-kex", "connection-broken"))
	if r.greeted() {
		return d.perhaps().behind(candidates)
	}
	return d.open(slices.Concat(k.list("closed-before-banner"), candidates))
}

// greeted tells whether an output without -v shows that the server had said who
// it is: ssh spoke of the host key, or asked for something.
func (r *run) greeted() bool {
	return r.prompted || r.retries > 0 || slices.ContainsFunc(r.facts, func(f fact) bool {
		step, plain := stepOf(f.pattern)
		return !plain && (step == StepHostKey || step == StepAuth)
	})
}

// sessionCut is about a login that was accepted and a session that did not
// come about, or was cut.
func (k *causeIDs) sessionCut(r *run) decision {
	if d := k.sessionFailed(r); d.cause != "" {
		return d
	}
	return because("connection-broken", StepSession, SideServer).behind(k.cutSession).with(sshwhy.FieldReason, r.end.reason)
}

// unended decides where no message ended the run: it succeeded, or the output
// stops.
func (k *causeIDs) unended(r *run) decision {
	if d := k.sessionFailed(r); d.cause != "" {
		return d
	}
	if r.accepted || r.end.pattern == patterns.SSHSessionClosed {
		return decision{step: StepSession, side: SideNone, line: -1}
	}
	if d := k.factsAlone(r); d.cause != "" {
		return d
	}
	if !r.v.Debug {
		return decision{step: StepSetup, side: SideUnknown, line: -1}
	}
	switch r.at {
	case StepConnect:
		if r.v.Proxy != "" {
			return k.proxyFailed(r)
		}
		return because("connection-timed-out", StepConnect, SideNetwork).perhaps()
	case StepBanner:
		return because("banner-timeout", StepBanner, SideServer).perhaps()
	case StepKeyExchange:
		return because("kex-stalled", StepKeyExchange, SideNetwork).perhaps()
	case StepHostKey:
		return because("host-key-unknown", StepHostKey, SideClient).perhaps().by(r.find(patterns.SSHHostAsks))
	case StepAuth:
		return because("client-gave-up", StepAuth, SideClient).perhaps()
	}
	return decision{step: r.at, side: SideUnknown, line: -1}
}

// sessionFailed is about what the server did not do after the login.
func (k *causeIDs) sessionFailed(r *run) decision {
	if f := r.find(patterns.SSHRequestFailed); f != nil {
		switch f.what {
		case patterns.ConstantPty:
			return because("pty-denied", StepSession, SideServer).perhaps().by(f)
		case patterns.ConstantSubsystem:
			return because("subsystem-unknown", StepSession, SideServer).perhaps().by(f)
		case patterns.ConstantShell, patterns.ConstantCommand:
			return because("session-request-refused", StepSession, SideServer).behind(k.list("shell-missing", "max-sessions", "chroot-bad-ownership")).by(f)
		}
	}
	if f := r.find(patterns.SSHWrongUserHint); f != nil {
		return because("wrong-user-name", StepSession, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHMuxRefused); f != nil {
		if begins(f.value(sshwhy.FieldReason), "Session open refused by peer") {
			return because("max-sessions", StepSession, SideServer).perhaps().by(f)
		}
		return because("control-socket-unusable", StepSession, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHLocalForwardFailed); f != nil {
		return because("local-forwarding-failed", StepSession, SideClient).by(f).by(r.with(patterns.SSHLocalForwardFailed, sshwhy.FieldPort))
	}
	if f := r.find(patterns.SSHRemoteForwardFailed); f != nil {
		return because("remote-forwarding-refused", StepSession, SideServer).by(f)
	}
	if f := r.find(patterns.SSHOpenFailed); f != nil && r.accepted {
		switch f.what {
		case patterns.ConstantProhibited:
			return because("forwarding-denied", StepSession, SideServer).perhaps().by(f)
		case patterns.ConstantShortage:
			return because("max-sessions", StepSession, SideServer).perhaps().by(f)
		}
	}
	return decision{}
}

// with gives the last fact of a pattern that has a field.
func (r *run) with(id sshwhy.PatternID, field sshwhy.Field) *fact {
	for i := len(r.facts) - 1; i >= 0; i-- {
		if r.facts[i].pattern == id && r.facts[i].value(field) != "" {
			return &r.facts[i]
		}
	}
	return nil
}

// factsAlone decides where only a message is there that does not end ssh.
func (k *causeIDs) factsAlone(r *run) decision {
	if f := r.find(patterns.SSHConfigUnknownOption, patterns.SSHConfigBadLine); f != nil && r.at == StepSetup {
		return invalidConfig(f)
	}
	if r.find(patterns.SSHHostChanged, patterns.SSHHostChangedWarning, patterns.SSHHostOffending, patterns.SSHHostRevoked, patterns.SSHHostUnknown) != nil {
		if r.find(patterns.SSHHostOffending) != nil && r.find(patterns.SSHHostChanged, patterns.SSHHostChangedWarning) == nil {
			return because("host-key-changed", StepHostKey, SideClient).perhaps().by(r.find(patterns.SSHHostOffending))
		}
		return k.hostKeyFailed(r)
	}
	if f := r.find(patterns.SSHHostCertificateInvalid); f != nil && r.at <= StepHostKey {
		return because("host-certificate-invalid", StepHostKey, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHHostAsks); f != nil && !r.v.Debug {
		return because("host-key-unknown", StepHostKey, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHConnectWords); f != nil && !r.v.Debug {
		return k.connectWords(f)
	}
	if r.find(patterns.SSHProxyFailed) != nil {
		return k.proxyFailed(r)
	}
	if f := r.find(patterns.SSHBindFailed); f != nil {
		return because("local-address-unusable", StepConnect, SideClient).by(f)
	}
	if r.v.Debug && r.at < StepAuth {
		return decision{}
	}
	if d := k.ownKeys(r); d.cause != "" {
		return d
	}
	switch {
	case r.retries > 0:
		return because("password-refused", StepAuth, SideServer).behind(k.passwords).by(r.find(patterns.SSHPasswordRefused))
	case r.v.Debug:
		return decision{}
	}
	if f := r.find(patterns.SSHMuxExists, patterns.SSHMuxConnectFailed); f != nil {
		return because("control-socket-unusable", StepSetup, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHAgentUnreachable); f != nil {
		return because("agent-unreachable", StepAuth, SideClient).by(f)
	}
	if f := r.find(patterns.SSHCorrupt); f != nil {
		return because("corrupted-packet", StepKeyExchange, SideNetwork).by(f)
	}
	if f := r.find(patterns.SSHPresence); f != nil {
		return because("security-key-absent", StepAuth, SideClient).perhaps().by(f)
	}
	return decision{}
}
