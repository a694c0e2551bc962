package classifier

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/patterns"
)

// clientCauses finds causes by their ids, and holds what can be behind those
// of which ssh sees one side only.
type clientCauses struct {
	ids map[string]sshwhy.CauseID
	// Likeliest first. Each list rests on what sshd does not tell clients.
	refused, closedEarly, closedInKex, closedInAuth, keys, certificates, passwords, hostKey, deniedKeys, deniedAll, cutSession []sshwhy.CauseID
}

func knownClientCauses(c *causes.Catalogue) (*clientCauses, error) {
	k := &clientCauses{ids: make(map[string]sshwhy.CauseID, len(c.Causes))}
	for i := range c.Causes {
		k.ids[c.Causes[i].ID] = sshwhy.CauseID(i + 1)
	}
	var missing []string
	ids := func(names ...string) []sshwhy.CauseID {
		all := make([]sshwhy.CauseID, len(names))
		for i, name := range names {
			if all[i] = k.ids[name]; all[i] == 0 {
				missing = append(missing, name)
			}
		}
		return all
	}
	ids(clientCauseNames...)
	k.refused = ids("sshd-stopped", "sshd-config-invalid", "host-key-missing", "port-in-use", "listen-address-unavailable", "ssh-socket-conflict", "privsep-directory-missing")
	k.closedEarly = ids("max-startups", "per-source-penalty", "per-source-max-startups", "tcp-wrappers-denied", "refuse-connection", "socket-limit",
		"privsep-directory-missing", "host-key-missing", "sshd-installation-broken", "fork-failed")
	k.closedInKex = ids("host-key-unreadable", "privsep-directory-missing", "privsep-user-missing", "sshd-process-crashed", "connection-reset", "moduli-unusable")
	k.closedInAuth = ids("pam-account-denied", "account-expired", "nologin-file", "pam-access-denied", "login-grace-timeout", "password-expired", "pam-broken",
		"too-many-auth-failures", "sshd-process-crashed", "connection-reset")
	k.keys = ids("key-not-authorized", "authorized-keys-missing", "bad-ownership-or-modes", "user-unknown", "authorized-keys-malformed", "authorized-keys-empty",
		"authorized-keys-bad-option", "account-locked", "not-in-allow-users", "home-missing", "authorized-keys-location", "key-algorithm-refused",
		"listed-in-deny-users", "shell-missing", "key-source-not-permitted", "authorized-keys-unreadable", "key-revoked", "authorized-keys-command-failed")
	k.certificates = ids("cert-untrusted-ca", "cert-wrong-principal", "cert-expired", "cert-not-yet-valid", "principals-file", "cert-source-not-permitted", "user-unknown")
	k.passwords = ids("wrong-password", "user-unknown", "password-locked", "password-not-set", "account-locked", "not-in-allow-users", "shell-not-listed",
		"pam-locked-out", "listed-in-deny-users", "empty-password")
	k.hostKey = ids("host-key-unknown", "host-key-changed", "host-key-revoked", "host-certificate-invalid")
	k.deniedKeys = ids("keys-refused", "no-key-offered", "key-not-authorized", "user-unknown", "bad-ownership-or-modes", "authorized-keys-missing", "client-key-permissions",
		"no-common-method", "no-shared-signature-algorithm")
	k.deniedAll = ids("password-refused", "keys-refused", "wrong-password", "user-unknown", "key-not-authorized", "no-common-method", "root-login-refused", "not-in-allow-users")
	k.cutSession = ids("session-killed", "idle-timeout", "pam-session-failed", "nologin-file", "shell-missing", "chroot-bad-ownership", "connection-reset")
	if missing != nil {
		return nil, fmt.Errorf("the catalogue of causes lacks %q", missing)
	}
	return k, nil
}

// clientCauseNames are the causes that decide gives.
var clientCauseNames = []string{
	"client-config-invalid", "client-config-permissions", "client-command-invalid", "control-socket-unusable", "host-name-unknown", "name-service-unreachable",
	"connection-refused", "connection-timed-out", "no-route-to-host", "network-unreachable", "connect-not-permitted", "local-address-unusable",
	"proxy-command-failed", "jump-target-unreachable", "closed-before-banner", "banner-timeout", "not-an-ssh-server", "no-common-algorithm", "kex-stalled",
	"closed-during-kex", "host-key-not-permitted", "host-key-changed", "host-key-unknown", "host-key-revoked", "host-certificate-invalid", "host-key-not-verified",
	"permission-denied", "keys-refused", "no-key-offered", "agent-unreachable", "password-refused", "no-common-method", "client-key-permissions", "client-key-missing",
	"client-key-unreadable", "client-key-invalid", "client-key-passphrase", "agent-refused-to-sign", "signing-failed", "security-key-absent", "pkcs11-failed",
	"no-shared-signature-algorithm", "closed-during-authentication", "disconnected-by-server", "wrong-user-name", "session-request-refused",
	"local-forwarding-failed", "remote-forwarding-refused", "server-not-responding", "connection-broken",
	// Of these sshd tells as well.
	"max-startups", "per-source-penalty", "no-matching-kex", "no-matching-cipher", "no-matching-mac", "no-matching-host-key-type", "no-matching-compression",
	"too-many-auth-failures", "second-factor-missing", "second-factor-failed", "corrupted-packet", "client-gave-up", "forwarding-denied", "pty-denied",
	"subsystem-unknown", "max-sessions", "root-login-refused", "username-changed", "gssapi-failed", "undetermined",
}

// clientDecision is what decide finds.
type clientDecision struct {
	step       ClientStep
	side       ClientSide
	cause      string
	confidence sshwhy.Confidence
	candidates []sshwhy.CauseID
	remarks    []string
	values     []sshwhy.Value
	line       int
}

// because makes a decision that the output states.
func because(cause string, step ClientStep, side ClientSide) clientDecision {
	return clientDecision{step: step, side: side, cause: cause, confidence: sshwhy.ConfidenceCertain, line: -1}
}

// perhaps makes it one that fits.
func (d clientDecision) perhaps() clientDecision {
	d.confidence = sshwhy.ConfidenceLikely
	return d
}

// open makes it one of several.
func (d clientDecision) open(candidates []sshwhy.CauseID) clientDecision {
	d.confidence, d.candidates = sshwhy.ConfidenceUndetermined, candidates
	return d
}

// behind adds what can be the reason on the other side.
func (d clientDecision) behind(candidates []sshwhy.CauseID) clientDecision {
	d.candidates = candidates
	return d
}

// with adds a value, where it is known.
func (d clientDecision) with(field sshwhy.Field, value string) clientDecision {
	if value != "" {
		d.values = append(d.values[:len(d.values):len(d.values)], sshwhy.Value{Field: field, Text: value})
	}
	return d
}

// by adds the values of a fact, and makes it the line that decided.
func (d clientDecision) by(f *clientFact) clientDecision {
	if f == nil {
		return d
	}
	d.line = f.line
	for _, v := range f.values {
		d = d.with(v.Field, v.Text)
	}
	return d
}

// verdict says what a run tells.
func (k *clientCauses) verdict(r *clientRun) *ClientVerdict {
	if hop := r.hop; hop != nil && !hop.accepted && r.at < ClientKeyExchange {
		v := k.verdict(hop)
		v.Hop, v.Proxy = true, r.v.Proxy
		setOnce(&v.Client, r.v.Client)
		return v
	}
	r.settle()
	d := k.decide(r)
	v := r.v
	v.Step, v.Side, v.Confidence, v.Values = d.step, d.side, d.confidence, d.values
	v.Cause = k.ids[d.cause]
	if v.Cause == 0 {
		v.Confidence = sshwhy.ConfidenceNone
	}
	if v.Doubts && v.Confidence == sshwhy.ConfidenceCertain {
		v.Confidence = sshwhy.ConfidenceLikely
	}
	v.Candidates = k.possible(r, d.candidates)
	for _, name := range d.remarks {
		v.Remarks = append(v.Remarks, k.ids[name])
	}
	if v.Decisive = d.line; v.Decisive < 0 && r.end.pattern != 0 {
		v.Decisive = r.end.line
	}
	v.Decisive = min(v.Decisive, len(v.Evidence)-1)
	v.Outcome = outcomeOf(r, d.step)
	return &v
}

// possible leaves out what cannot be: what concerns root alone, where another
// user was asked for.
func (k *clientCauses) possible(r *clientRun, candidates []sshwhy.CauseID) []sshwhy.CauseID {
	root := k.ids["root-login-refused"]
	all := slices.Clone(candidates)
	switch {
	case r.v.User == "root" && len(all) > 0 && (all[0] == k.keys[0] || all[0] == k.passwords[0]):
		all = slices.Insert(all, 0, root)
	case r.v.User != "" && r.v.User != "root":
		all = slices.DeleteFunc(all, func(id sshwhy.CauseID) bool { return id == root })
	}
	return all
}

func outcomeOf(r *clientRun, step ClientStep) sshwhy.Outcome {
	switch {
	case r.accepted:
		return sshwhy.OutcomeAccepted
	case r.end.pattern == patterns.SSHPermissionDenied || r.end.pattern == patterns.SSHAuthenticationFailed:
		return sshwhy.OutcomeRefused
	case step >= ClientBanner:
		return sshwhy.OutcomeDisconnected
	}
	return sshwhy.OutcomeNone
}

// decide finds the cause: by the message after which ssh ended, and where
// there is none by the step that was under way.
func (k *clientCauses) decide(r *clientRun) clientDecision {
	switch r.end.pattern {
	case 0, patterns.SSHSessionClosed, patterns.SSHKilled:
		return k.unended(r)
	case patterns.SSHPermissionDenied, patterns.SSHAuthenticationFailed:
		return k.denied(r)
	case patterns.SSHHostKeyFailed:
		return k.hostKeyFailed(r)
	case patterns.SSHNameNotResolved, patterns.SSHNameNotFound:
		return nameFailed(r)
	case patterns.SSHConnectFailed:
		return k.connectFailed(r)
	case patterns.SSHBannerClosed, patterns.SSHBannerFailed, patterns.SSHBannerTimeout, patterns.SSHBannerInvalid, patterns.SSHProtocolDiffers:
		return k.bannerFailed(r)
	case patterns.SSHStdioForwardingFailed:
		return k.jumpFailed(r)
	case patterns.SSHNegotiationFailed:
		return k.negotiationFailed(r)
	case patterns.SSHHostKeyUnusable:
		return because("host-key-not-permitted", ClientHostKey, SideServer).with(sshwhy.FieldReason, r.end.reason)
	case patterns.SSHDisconnectReceived, patterns.SSHDisconnecting, patterns.SSHTooManyFailures:
		return k.disconnected(r)
	case patterns.SSHClosed, patterns.SSHReset, patterns.SSHDisconnected, patterns.SSHTimedOut, patterns.SSHConnectionFailed:
		return k.closed(r)
	case patterns.SSHNotResponding:
		return because("server-not-responding", ClientSession, SideNetwork)
	case patterns.SSHSessionCut:
		return because("connection-broken", ClientSession, SideServer).behind(k.cutSession)
	case patterns.SSHBrokenPipe:
		return because("connection-broken", ClientSession, SideNetwork).with(sshwhy.FieldReason, r.end.reason)
	}
	return setupFailed(r)
}

// setupFailed is about what ssh reads before it connects.
func setupFailed(r *clientRun) clientDecision {
	switch r.end.pattern {
	case patterns.SSHConfigPermissions:
		return because("client-config-permissions", ClientSetup, SideClient).by(r.find(patterns.SSHConfigPermissions))
	case patterns.SSHConfigTerminating, patterns.SSHConfigUnreadable:
		f := r.find(patterns.SSHConfigUnknownOption, patterns.SSHConfigBadLine)
		if f == nil {
			f = r.find(r.end.pattern)
		}
		return invalidConfig(f)
	case patterns.SSHMuxPath:
		return because("control-socket-unusable", ClientSetup, SideClient).by(r.find(patterns.SSHMuxPath))
	}
	return because("client-command-invalid", ClientSetup, SideClient)
}

func invalidConfig(f *clientFact) clientDecision {
	d := because("client-config-invalid", ClientSetup, SideClient).by(f)
	for i := range d.values {
		d.values[i].Text = strings.TrimSuffix(d.values[i].Text, ":")
	}
	return d
}

func nameFailed(r *clientRun) clientDecision {
	if r.end.pattern == patterns.SSHNameNotFound || begins(r.end.reason, "Name or service not known", "nodename nor servname", "hostname nor servname",
		"No address associated", "No such host", "Name does not resolve", "Name not known") {
		return because("host-name-unknown", ClientResolve, SideClient)
	}
	return because("name-service-unreachable", ClientResolve, SideNetwork).with(sshwhy.FieldReason, r.end.reason)
}

// connectReasons are what errno says of a connection, the most telling first:
// of several addresses ssh reports the last one only.
var connectReasons = []struct {
	cause  string
	side   ClientSide
	begins []string
}{
	{"connection-refused", SideServer, []string{"Connection refused"}},
	{"closed-before-banner", SideServer, []string{"Connection reset"}},
	{"connect-not-permitted", SideClient, []string{"Permission denied", "Operation not permitted"}},
	{"connection-timed-out", SideNetwork, []string{"Connection timed out", "Operation timed out"}},
	{"no-route-to-host", SideNetwork, []string{"No route to host", "Host is down", "Host is unreachable"}},
	{"local-address-unusable", SideClient, []string{"Cannot assign requested address", "Can't assign requested address", "failure", "Address already in use"}},
	{"network-unreachable", SideClient, []string{"Network is unreachable", "Network is down", "Network unreachable"}},
}

func (k *clientCauses) connectFailed(r *clientRun) clientDecision {
	if f := r.find(patterns.SSHBindFailed); f != nil {
		return because("local-address-unusable", ClientConnect, SideClient).by(f)
	}
	if f := r.find(patterns.SSHSocketFailed); f != nil {
		return because("connect-not-permitted", ClientConnect, SideClient).by(f)
	}
	tried := append(r.v.Tried[:len(r.v.Tried):len(r.v.Tried)], ClientAddress{r.v.Address, r.v.Port, r.end.reason})
	var found []clientDecision
	for _, c := range connectReasons {
		i := slices.IndexFunc(tried, func(a ClientAddress) bool { return begins(a.Reason, c.begins...) })
		if i < 0 {
			continue
		}
		found = append(found, because(c.cause, ClientConnect, c.side).with(sshwhy.FieldAddr, tried[i].Address).with(sshwhy.FieldReason, tried[i].Reason))
	}
	if len(found) == 0 {
		return because("undetermined", ClientConnect, SideNetwork).open(k.list("connection-timed-out", "no-route-to-host", "network-unreachable")).with(sshwhy.FieldReason, r.end.reason)
	}
	d := found[0]
	if d.cause == "connection-refused" {
		d = d.behind(k.refused)
	}
	for _, other := range found[1:] {
		d.remarks = append(d.remarks, other.cause)
	}
	return d
}

// connectWords is about errno's words alone. They are no more than quoted.
func (k *clientCauses) connectWords(f *clientFact) clientDecision {
	switch f.what {
	case patterns.ConstantRefused:
		return because("connection-refused", ClientConnect, SideServer).behind(k.refused).by(f)
	case patterns.ConstantTimedOut:
		return because("connection-timed-out", ClientConnect, SideNetwork).by(f)
	case patterns.ConstantNoRoute:
		return because("no-route-to-host", ClientConnect, SideNetwork).by(f)
	}
	return because("network-unreachable", ClientConnect, SideClient).by(f)
}

func (k *clientCauses) list(names ...string) []sshwhy.CauseID {
	all := make([]sshwhy.CauseID, len(names))
	for i, name := range names {
		all[i] = k.ids[name]
	}
	return all
}

// bannerFailed is about the first lines of both sides.
func (k *clientCauses) bannerFailed(r *clientRun) clientDecision {
	said := r.find(patterns.SSHBannerLine)
	switch r.end.pattern {
	case patterns.SSHBannerTimeout:
		return because("banner-timeout", ClientBanner, SideServer)
	case patterns.SSHBannerInvalid, patterns.SSHProtocolDiffers:
		return because("not-an-ssh-server", ClientBanner, SideServer).by(said)
	}
	if r.end.proxied || r.find(patterns.SSHProxyFailed) != nil {
		return k.proxyFailed(r)
	}
	if said != nil {
		switch words := said.value(sshwhy.FieldText); {
		case strings.HasPrefix(words, "Exceeded MaxStartups"):
			return because("max-startups", ClientBanner, SideServer).perhaps().by(said)
		case strings.HasPrefix(words, "Not allowed at this time"):
			return because("per-source-penalty", ClientBanner, SideServer).perhaps().by(said)
		default:
			return because("not-an-ssh-server", ClientBanner, SideServer).perhaps().by(said)
		}
	}
	if begins(r.end.reason, "Connection timed out", "Operation timed out") {
		return because("banner-timeout", ClientBanner, SideServer)
	}
	return because("closed-before-banner", ClientBanner, SideServer).behind(k.closedEarly).with(sshwhy.FieldReason, r.end.reason)
}

// proxyFailed is about the program in place of the network.
func (k *clientCauses) proxyFailed(r *clientRun) clientDecision {
	if f := r.find(patterns.SSHOpenFailed); f != nil {
		return k.jumpFailed(r)
	}
	d := because("proxy-command-failed", ClientConnect, SideClient)
	if f := r.find(patterns.SSHProxyFailed); f != nil {
		return d.by(f)
	}
	return d.perhaps()
}

func (k *clientCauses) jumpFailed(r *clientRun) clientDecision {
	f := r.find(patterns.SSHOpenFailed)
	if f == nil {
		return because("jump-target-unreachable", ClientConnect, SideServer).perhaps().behind(k.list("forwarding-denied"))
	}
	if f.what == patterns.ConstantProhibited {
		return because("forwarding-denied", ClientConnect, SideServer).by(f)
	}
	return because("jump-target-unreachable", ClientConnect, SideServer).by(f)
}

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

func (k *clientCauses) negotiationFailed(r *clientRun) clientDecision {
	f := r.find(patterns.SSHNegotiationFailed)
	if f == nil {
		return because("no-common-algorithm", ClientKeyExchange, SideServer)
	}
	reason := f.value(sshwhy.FieldReason)
	if reason == "" {
		reason = f.value(sshwhy.FieldWhat)
	}
	d := because("no-common-algorithm", ClientKeyExchange, SideServer).by(f).with(sshwhy.FieldReason, reason)
	offer := namesOf(f.value(sshwhy.FieldOffer))
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

func (k *clientCauses) hostKeyFailed(r *clientRun) clientDecision {
	d := func(cause string, f *clientFact) clientDecision {
		return because(cause, ClientHostKey, SideClient).by(f)
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
func (k *clientCauses) disconnected(r *clientRun) clientDecision {
	words := r.end.detail
	if r.end.pattern == patterns.SSHDisconnecting {
		words = r.end.reason
	}
	step := max(r.at, ClientKeyExchange)
	if !r.v.Debug {
		step = ClientAuth
	}
	switch {
	case r.end.pattern == patterns.SSHTooManyFailures:
		return because("too-many-auth-failures", ClientAuth, SideClient).perhaps()
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
func (k *clientCauses) closed(r *clientRun) clientDecision {
	if r.end.proxied && r.at < ClientKeyExchange {
		return k.proxyFailed(r)
	}
	lost := r.end.pattern == patterns.SSHTimedOut || begins(r.end.reason, "Connection timed out", "Operation timed out", "No route to host", "Network is unreachable")
	switch {
	case begins(r.end.reason, "message authentication code incorrect", "Connection corrupted", "incorrect signature", "invalid format") || r.find(patterns.SSHCorrupt) != nil:
		return because("corrupted-packet", max(r.at, ClientKeyExchange), SideNetwork).with(sshwhy.FieldReason, r.end.reason)
	case r.accepted && lost:
		return because("server-not-responding", ClientSession, SideNetwork)
	case r.accepted:
		return k.sessionCut(r)
	case r.v.Debug && r.at <= ClientBanner:
		return because("closed-before-banner", ClientBanner, SideServer).behind(k.closedEarly)
	case r.v.Debug && r.at < ClientAuth && lost:
		return because("kex-stalled", r.at, SideNetwork).perhaps()
	case r.v.Debug && r.at < ClientAuth:
		return because("closed-during-kex", r.at, SideServer).behind(k.closedInKex)
	case lost:
		return because("server-not-responding", max(r.at, ClientAuth), SideNetwork).perhaps()
	case r.end.pattern == patterns.SSHConnectionFailed && !r.v.Debug:
		return because("connection-broken", ClientSession, SideNetwork).perhaps().with(sshwhy.FieldReason, r.end.reason)
	}
	d := because("closed-during-authentication", ClientAuth, SideServer).behind(k.closedInAuth)
	if !r.v.Debug {
		d = d.perhaps().behind(append(k.closedInAuth[:len(k.closedInAuth):len(k.closedInAuth)], k.ids["closed-during-kex"], k.ids["connection-broken"]))
	}
	return d
}

// sessionCut is about a login that was accepted and a session that did not
// come about, or was cut.
func (k *clientCauses) sessionCut(r *clientRun) clientDecision {
	if d := k.sessionFailed(r); d.cause != "" {
		return d
	}
	return because("connection-broken", ClientSession, SideServer).behind(k.cutSession).with(sshwhy.FieldReason, r.end.reason)
}

// unended decides where no message ended the run: it succeeded, or the output
// stops.
func (k *clientCauses) unended(r *clientRun) clientDecision {
	if d := k.sessionFailed(r); d.cause != "" {
		return d
	}
	if r.accepted || r.end.pattern == patterns.SSHSessionClosed {
		return clientDecision{step: ClientSession, side: SideNone, line: -1}
	}
	if d := k.factsAlone(r); d.cause != "" {
		return d
	}
	if !r.v.Debug {
		return clientDecision{step: ClientSetup, side: SideUnknown, line: -1}
	}
	switch r.at {
	case ClientConnect:
		if r.v.Proxy != "" {
			return k.proxyFailed(r)
		}
		return because("connection-timed-out", ClientConnect, SideNetwork).perhaps()
	case ClientBanner:
		return because("banner-timeout", ClientBanner, SideServer).perhaps()
	case ClientKeyExchange:
		return because("kex-stalled", ClientKeyExchange, SideNetwork).perhaps()
	case ClientHostKey:
		return because("host-key-unknown", ClientHostKey, SideClient).perhaps().by(r.find(patterns.SSHHostAsks))
	case ClientAuth:
		return because("client-gave-up", ClientAuth, SideClient).perhaps()
	}
	return clientDecision{step: r.at, side: SideUnknown, line: -1}
}

// sessionFailed is about what the server did not do after the login.
func (k *clientCauses) sessionFailed(r *clientRun) clientDecision {
	if f := r.find(patterns.SSHRequestFailed); f != nil {
		switch f.what {
		case patterns.ConstantPty:
			return because("pty-denied", ClientSession, SideServer).perhaps().by(f)
		case patterns.ConstantSubsystem:
			return because("subsystem-unknown", ClientSession, SideServer).perhaps().by(f)
		case patterns.ConstantShell, patterns.ConstantCommand:
			return because("session-request-refused", ClientSession, SideServer).behind(k.list("shell-missing", "max-sessions", "chroot-bad-ownership")).by(f)
		}
	}
	if f := r.find(patterns.SSHWrongUserHint); f != nil {
		return because("wrong-user-name", ClientSession, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHMuxRefused); f != nil {
		if begins(f.value(sshwhy.FieldReason), "Session open refused by peer") {
			return because("max-sessions", ClientSession, SideServer).perhaps().by(f)
		}
		return because("control-socket-unusable", ClientSession, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHLocalForwardFailed); f != nil {
		return because("local-forwarding-failed", ClientSession, SideClient).by(f).by(r.with(patterns.SSHLocalForwardFailed, sshwhy.FieldPort))
	}
	if f := r.find(patterns.SSHRemoteForwardFailed); f != nil {
		return because("remote-forwarding-refused", ClientSession, SideServer).by(f)
	}
	if f := r.find(patterns.SSHOpenFailed); f != nil && r.accepted {
		switch f.what {
		case patterns.ConstantProhibited:
			return because("forwarding-denied", ClientSession, SideServer).perhaps().by(f)
		case patterns.ConstantShortage:
			return because("max-sessions", ClientSession, SideServer).perhaps().by(f)
		}
	}
	return clientDecision{}
}

// with gives the last fact of a pattern that has a field.
func (r *clientRun) with(id sshwhy.PatternID, field sshwhy.Field) *clientFact {
	for i := len(r.facts) - 1; i >= 0; i-- {
		if r.facts[i].pattern == id && r.facts[i].value(field) != "" {
			return &r.facts[i]
		}
	}
	return nil
}

// factsAlone decides where only a message is there that does not end ssh.
func (k *clientCauses) factsAlone(r *clientRun) clientDecision {
	if f := r.find(patterns.SSHConfigUnknownOption, patterns.SSHConfigBadLine); f != nil && r.at == ClientSetup {
		return invalidConfig(f)
	}
	if r.find(patterns.SSHHostChanged, patterns.SSHHostChangedWarning, patterns.SSHHostOffending, patterns.SSHHostRevoked, patterns.SSHHostUnknown) != nil {
		if r.find(patterns.SSHHostOffending) != nil && r.find(patterns.SSHHostChanged, patterns.SSHHostChangedWarning) == nil {
			return because("host-key-changed", ClientHostKey, SideClient).perhaps().by(r.find(patterns.SSHHostOffending))
		}
		return k.hostKeyFailed(r)
	}
	if f := r.find(patterns.SSHHostCertificateInvalid); f != nil && r.at <= ClientHostKey {
		return because("host-certificate-invalid", ClientHostKey, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHHostAsks); f != nil && !r.v.Debug {
		return because("host-key-unknown", ClientHostKey, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHConnectWords); f != nil && !r.v.Debug {
		return k.connectWords(f)
	}
	if r.find(patterns.SSHProxyFailed) != nil {
		return k.proxyFailed(r)
	}
	if f := r.find(patterns.SSHBindFailed); f != nil {
		return because("local-address-unusable", ClientConnect, SideClient).by(f)
	}
	if r.v.Debug && r.at < ClientAuth {
		return clientDecision{}
	}
	if d := k.ownKeys(r); d.cause != "" {
		return d
	}
	switch {
	case r.retries > 0:
		return because("password-refused", ClientAuth, SideServer).behind(k.passwords).by(r.find(patterns.SSHPasswordRefused))
	case r.v.Debug:
		return clientDecision{}
	}
	if f := r.find(patterns.SSHMuxExists, patterns.SSHMuxConnectFailed); f != nil {
		return because("control-socket-unusable", ClientSetup, SideClient).perhaps().by(f)
	}
	if f := r.find(patterns.SSHAgentUnreachable); f != nil {
		return because("agent-unreachable", ClientAuth, SideClient).by(f)
	}
	if f := r.find(patterns.SSHCorrupt); f != nil {
		return because("corrupted-packet", ClientKeyExchange, SideNetwork).by(f)
	}
	if f := r.find(patterns.SSHPresence); f != nil {
		return because("security-key-absent", ClientAuth, SideClient).perhaps().by(f)
	}
	return clientDecision{}
}

// denied is about "Permission denied" and its list of methods.
func (k *clientCauses) denied(r *clientRun) clientDecision {
	offer := strings.Join(r.v.Methods, ",")
	d := k.why(r).with(sshwhy.FieldOffer, offer)
	d.step = ClientAuth
	return d
}

// why finds out which try was refused, or not made.
func (k *clientCauses) why(r *clientRun) clientDecision {
	if r.partial {
		return k.secondFactor(r)
	}
	if d := k.ownKeys(r); d.cause != "" {
		return d
	}
	offered, certificate := 0, false
	for i := range r.v.Identities {
		if id := &r.v.Identities[i]; id.Fate == FateRefused || id.Fate == FateOffered || id.Fate == FateAccepted {
			offered++
			certificate = certificate || strings.Contains(id.Type, "CERT")
		}
	}
	asked := slices.ContainsFunc(r.v.MethodsTried, isPassword)
	switch {
	case r.retries > 0 || asked || r.prompted && slices.ContainsFunc(r.v.Methods, isPassword):
		d := because("password-refused", ClientAuth, SideServer).behind(k.passwords).by(r.find(patterns.SSHPasswordRefused))
		d.line = -1
		if offered > 0 {
			d.remarks = append(d.remarks, "keys-refused")
		}
		return d
	case !r.v.Debug:
		return k.deniedAlone(r)
	case offered > 0:
		candidates := k.keys
		if certificate {
			candidates = append(k.certificates[:len(k.certificates):len(k.certificates)], k.keys...)
		}
		return r.offeredKeys(because("keys-refused", ClientAuth, SideServer).behind(candidates), offered)
	}
	return k.nothingTried(r)
}

func isPassword(method string) bool {
	return method == "password" || method == "keyboard-interactive"
}

// offeredKeys adds how many keys were offered, and which where it was one.
func (r *clientRun) offeredKeys(d clientDecision, offered int) clientDecision {
	if offered == 1 {
		for i := range r.v.Identities {
			if id := &r.v.Identities[i]; id.Fate == FateRefused || id.Fate == FateOffered || id.Fate == FateAccepted {
				d = d.with(sshwhy.FieldFingerprint, id.Fingerprint).with(sshwhy.FieldKeyType, id.Type)
			}
		}
		return d
	}
	return d.with(sshwhy.FieldCount, strconv.Itoa(offered))
}

// secondFactor is about logins of which a part succeeded.
func (k *clientCauses) secondFactor(r *clientRun) clientDecision {
	last := ""
	if n := len(r.v.MethodsTried); n > 0 {
		last = r.v.MethodsTried[n-1]
	}
	if slices.Contains(r.v.Methods, last) && last != "publickey" {
		return because("second-factor-failed", ClientAuth, SideClient).perhaps()
	}
	return because("second-factor-missing", ClientAuth, SideClient).perhaps()
}

// deniedAlone is about the message without -v: the list is all that it tells.
func (k *clientCauses) deniedAlone(r *clientRun) clientDecision {
	d := because("permission-denied", ClientAuth, SideUnknown)
	if slices.ContainsFunc(r.v.Methods, isPassword) || len(r.v.Methods) == 0 {
		return d.open(k.deniedAll)
	}
	return d.open(k.deniedKeys)
}

// nothingTried is about logins for which the client had nothing to show.
func (k *clientCauses) nothingTried(r *clientRun) clientDecision {
	if f := r.find(patterns.SSHNoMutualSignature, patterns.SSHKeySkipped); f != nil {
		d := because("no-shared-signature-algorithm", ClientAuth, SideClient).by(f)
		for i := range r.v.Identities {
			if r.v.Identities[i].Fate == FateSkipped {
				d = d.with(sshwhy.FieldPath, r.v.Identities[i].Path)
			}
		}
		return d
	}
	if f := r.find(patterns.SSHKerberos); f != nil && slices.Contains(r.v.Methods, "gssapi-with-mic") && !slices.Contains(r.v.Methods, "publickey") {
		return because("gssapi-failed", ClientAuth, SideClient).perhaps().by(f)
	}
	if !slices.Contains(r.v.Methods, "publickey") || !slices.Contains(r.v.MethodsTried, "publickey") {
		return because("no-common-method", ClientAuth, SideClient)
	}
	d := because("no-key-offered", ClientAuth, SideClient)
	if r.find(patterns.SSHAgentUnreachable) != nil {
		d.remarks = append(d.remarks, "agent-unreachable")
	}
	return d
}

// ownKeys is about the client's own keys: those that the server would take and
// that could not sign, then those that ssh could not read.
func (k *clientCauses) ownKeys(r *clientRun) clientDecision {
	if f := r.find(patterns.SSHSigningFailed); f != nil {
		return signingFailed(f)
	}
	if f := r.find(patterns.SSHTokenFailed); f != nil {
		return because("pkcs11-failed", ClientAuth, SideClient).by(f)
	}
	d := unreadKey(r)
	if d.cause == "" && r.unsigned > 0 {
		// With -v alone ssh does not say that it got no passphrase.
		d = because("client-key-passphrase", ClientAuth, SideClient).perhaps().with(sshwhy.FieldPath, r.v.Identities[r.unsigned-1].Path)
	}
	if d.cause == "" {
		return d
	}
	// Where other keys were offered, theirs can be the refusal that counts.
	if slices.ContainsFunc(r.v.Identities, func(id ClientIdentity) bool { return id.Fate == FateRefused }) {
		d = d.perhaps()
		d.remarks = append(d.remarks, "keys-refused")
	}
	return d
}

func signingFailed(f *clientFact) clientDecision {
	cause := "signing-failed"
	switch reason := f.value(sshwhy.FieldReason); {
	case begins(reason, "agent refused operation", "communication with agent failed"):
		cause = "agent-refused-to-sign"
	case begins(reason, "device not found"):
		cause = "security-key-absent"
	case begins(reason, "incorrect passphrase"):
		cause = "client-key-passphrase"
	}
	return because(cause, ClientAuth, SideClient).by(f)
}

// unreadKey is about key files that ssh could not use.
func unreadKey(r *clientRun) clientDecision {
	key := func(cause string, f *clientFact) clientDecision { return because(cause, ClientAuth, SideClient).by(f) }
	if f := r.find(patterns.SSHKeyMode, patterns.SSHKeyUnprotected); f != nil {
		return key("client-key-permissions", f).by(r.find(patterns.SSHKeyMode))
	}
	if f := r.find(patterns.SSHKeyMismatch); f != nil {
		return key("client-key-invalid", f)
	}
	if f := r.find(patterns.SSHKeyNotLoaded); f != nil {
		switch reason := f.value(sshwhy.FieldReason); {
		case begins(reason, "bad permissions"):
			return key("client-key-permissions", f)
		case begins(reason, "Permission denied", "Is a directory", "Operation not permitted"):
			return key("client-key-unreadable", f)
		case begins(reason, "incorrect passphrase"):
			return key("client-key-passphrase", f)
		case begins(reason, "No such file"):
			return key("client-key-missing", f)
		}
		return key("client-key-invalid", f)
	}
	if f := r.find(patterns.SSHPassphraseWrong); f != nil {
		d := key("client-key-passphrase", f)
		if r.unsigned > 0 {
			d = d.with(sshwhy.FieldPath, r.v.Identities[r.unsigned-1].Path)
		}
		return d
	}
	if f := r.find(patterns.SSHIdentityMissing); f != nil && !strings.Contains(f.value(sshwhy.FieldPath), "/.ssh/id_") {
		return key("client-key-missing", f)
	}
	return clientDecision{}
}

// begins tells whether a text begins with one of several.
func begins(text string, starts ...string) bool {
	return slices.ContainsFunc(starts, func(s string) bool { return strings.HasPrefix(text, s) })
}
