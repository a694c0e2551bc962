package client

import (
	"fmt"
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/patterns"
)

// causeIDs finds causes by their ids, and holds what can be behind those
// of which ssh sees one side only.
type causeIDs struct {
	ids map[string]sshwhy.CauseID
	// Likeliest first. Each list rests on what sshd does not tell clients.
	refused, closedEarly, turnedAway, closedInKex, closedInAuth, keys, certificates, passwords, hostKey, deniedKeys, deniedAll, cutSession []sshwhy.CauseID
}

func knownCauses(c *causes.Catalogue) (*causeIDs, error) {
	k := &causeIDs{ids: make(map[string]sshwhy.CauseID, len(c.Causes))}
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
	// What sshd 10.0 turns clients away for with the same words.
	k.turnedAway = ids("per-source-penalty", "max-startups", "per-source-max-startups")
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

// verdict says what a run tells.
func (k *causeIDs) verdict(r *run) *Verdict {
	if hop := r.hop; hop != nil && !hop.accepted && r.at < StepKeyExchange {
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
func (k *causeIDs) possible(r *run, candidates []sshwhy.CauseID) []sshwhy.CauseID {
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

func outcomeOf(r *run, step Step) sshwhy.Outcome {
	switch {
	case r.accepted:
		return sshwhy.OutcomeAccepted
	case r.end.pattern == patterns.SSHPermissionDenied || r.end.pattern == patterns.SSHAuthenticationFailed:
		return sshwhy.OutcomeRefused
	case step >= StepBanner:
		return sshwhy.OutcomeDisconnected
	}
	return sshwhy.OutcomeNone
}

// decide finds the cause: by the message after which ssh ended, and where
// there is none by the step that was under way.
func (k *causeIDs) decide(r *run) decision {
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
		return because("host-key-not-permitted", StepHostKey, SideServer).with(sshwhy.FieldReason, r.end.reason)
	case patterns.SSHDisconnectReceived, patterns.SSHDisconnecting, patterns.SSHTooManyFailures:
		return k.disconnected(r)
	case patterns.SSHClosed, patterns.SSHReset, patterns.SSHDisconnected, patterns.SSHTimedOut, patterns.SSHConnectionFailed:
		return k.closed(r)
	case patterns.SSHNotResponding:
		return because("server-not-responding", StepSession, SideNetwork)
	case patterns.SSHSessionCut:
		return because("connection-broken", StepSession, SideServer).behind(k.cutSession)
	case patterns.SSHBrokenPipe:
		return because("connection-broken", StepSession, SideNetwork).with(sshwhy.FieldReason, r.end.reason)
	}
	return setupFailed(r)
}

func (k *causeIDs) list(names ...string) []sshwhy.CauseID {
	all := make([]sshwhy.CauseID, len(names))
	for i, name := range names {
		all[i] = k.ids[name]
	}
	return all
}
