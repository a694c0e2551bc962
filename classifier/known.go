package classifier

import (
	"fmt"
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// known are the causes that the rules in decide.go name.
type known struct {
	undetermined, wrongPassword, passwordExpired, nologin, pamAccount, pamSession, loginLimit,
	secondFactorMissing, secondFactorFailed, tooMany, gaveUp, reset, lost, sessionKilled, stopped, untrustedCA, keysMissing,
	bruteForce, loginAfterFailures sshwhy.CauseID

	objections []objection

	natures []nature // by CauseID

	// The candidates of each shape, likeliest first.
	silentClose, noKeyFile, silentCloseVerbose, keyRefused, certRefused, noneRefused, beforeUser, beforeUserOld, beforeUserVerbose, passwordFailed, secondFailed, rootPasswordFailed,
	passwordSilent, invalidCalled, pamDenied, partial, keyFound, vanished, vanishedReset, hungUp, optionsRefused, unended, unknownStage, afterReset []sshwhy.CauseID
}

func knownCauses(c *causes.Catalogue) (known, error) {
	var k known
	var missing []string
	find := func(id string) sshwhy.CauseID {
		n := c.Find(id)
		if n == 0 {
			missing = append(missing, id)
		}
		return n
	}
	for id, field := range map[string]*sshwhy.CauseID{
		"undetermined":            &k.undetermined,
		"wrong-password":          &k.wrongPassword,
		"password-expired":        &k.passwordExpired,
		"nologin-file":            &k.nologin,
		"pam-account-denied":      &k.pamAccount,
		"pam-session-failed":      &k.pamSession,
		"login-limit":             &k.loginLimit,
		"second-factor-missing":   &k.secondFactorMissing,
		"second-factor-failed":    &k.secondFactorFailed,
		"too-many-auth-failures":  &k.tooMany,
		"client-gave-up":          &k.gaveUp,
		"connection-reset":        &k.reset,
		"connection-lost":         &k.lost,
		"session-killed":          &k.sessionKilled,
		"sshd-stopped":            &k.stopped,
		"cert-untrusted-ca":       &k.untrustedCA,
		"authorized-keys-missing": &k.keysMissing,
		"brute-force":             &k.bruteForce,
		"login-after-failures":    &k.loginAfterFailures,
	} {
		*field = find(id)
	}
	list := func(ids ...string) []sshwhy.CauseID {
		out := make([]sshwhy.CauseID, len(ids))
		for i, id := range ids {
			out[i] = find(id)
		}
		return out
	}
	k.shapes(list)
	k.makeObjections(list)
	k.makeNatures(c)
	if missing != nil {
		return k, fmt.Errorf("the catalogue of causes lacks %q", missing)
	}
	return k, nil
}

// nature is what the rules ask of a cause. The catalogue's entries are long, and
// far apart.
type nature struct {
	rank    int8 // of two proved causes the one with the lower rank answers
	client  bool // what the client did
	drops   bool // the connection is dropped before anything is said
	session bool // can show in a session
}

func (k *known) makeNatures(c *causes.Catalogue) {
	rank := ranks(c)
	k.natures = make([]nature, len(c.Causes)+1)
	for i := range c.Causes {
		id, cause := sshwhy.CauseID(i+1), &c.Causes[i]
		k.natures[id] = nature{
			rank:    int8(rank[id]),
			client:  cause.Phase == "client",
			drops:   cause.Phase == "dropped" && cause.ID != "refuse-connection",
			session: cause.Phase == "session" || cause.ID == "fork-failed",
		}
	}
	// Of accounts, sshd or PAM finds some out only then.
	for _, id := range [...]sshwhy.CauseID{k.passwordExpired, k.nologin, k.pamSession, k.loginLimit, k.lost, k.reset} {
		k.natures[id].session = true
	}
}

// ranks orders the causes that lines prove. What shuts the account out counts
// before what was wrong with one key, and that before what the client did
// then: whoever mends the later ones alone is still locked out.
func ranks(c *causes.Catalogue) map[sshwhy.CauseID]int {
	phases := map[string]int{"service": 0, "dropped": 1, "negotiation": 2, "account": 3, "key": 5, "password": 6, "method": 7, "session": 4, "client": 9, "attack": 10, "undetermined": 11}
	special := map[string]int{
		"pam-account-denied":     8, // any module's own line says more
		"pam-session-failed":     8,
		"too-many-auth-failures": 8, // that there were many says less than why each failed
		"user-unknown":           -1,
		"principals-file":        -1,
	}
	rank := make(map[sshwhy.CauseID]int, len(c.Causes))
	for i := range c.Causes {
		n := phases[c.Causes[i].Phase] * 10
		if s, ok := special[c.Causes[i].ID]; ok {
			n += s
		}
		rank[sshwhy.CauseID(i+1)] = n
	}
	return rank
}

// shapes lists what can have left a connection's lines, by their shape. Each
// list rests on where sshd does and does not log, as the comments say.
func (k *known) shapes(list func(...string) []sshwhy.CauseID) {
	// Nothing but "Connection closed by authenticating user": at INFO sshd
	// logs neither a refused key (auth.c auth_log: verbose for a valid user
	// below MaxAuthTries/2) nor a method that is switched off (auth2.c:
	// authmethod_lookup gives NULL, and nothing is logged).
	k.silentClose = list("key-not-authorized", "authorized-keys-missing", "client-gave-up", "password-auth-disabled", "authorized-keys-malformed",
		"authorized-keys-empty", "authorized-keys-bad-option", "authorized-keys-location", "home-missing", "no-usable-method", "pubkey-auth-disabled",
		"method-not-permitted", "second-factor-missing", "kbdint-auth-disabled", "authorized-keys-unreadable", "cert-untrusted-ca", "key-line-is-ca",
		"authorized-keys-command-empty", "empty-password")
	// Since 9.6 the server names the user's algorithms before the first key
	// (kex.c kex_server_update_ext_info), and the client does not offer what
	// is not among them: nothing is refused, and nothing logged. What sshd
	// does not know at all it has logged at VERBOSE only since 7.7
	// (auth2-pubkey.c userauth_pubkey). The program is called sshd up to 9.7.
	k.silentClose = append(k.silentClose, list("key-algorithm-refused")...)
	// The same at VERBOSE, where a refused key does leave a line.
	k.silentCloseVerbose = list("client-gave-up", "password-auth-disabled", "no-usable-method", "pubkey-auth-disabled", "method-not-permitted",
		"kbdint-auth-disabled", "key-algorithm-refused")
	// "Failed publickey" at VERBOSE: a key was looked up and not found.
	k.keyRefused = list("key-not-authorized", "authorized-keys-missing", "authorized-keys-malformed", "authorized-keys-empty",
		"authorized-keys-bad-option", "authorized-keys-location", "home-missing", "authorized-keys-unreadable", "key-line-is-ca", "authorized-keys-command-empty")
	// The same at DEBUG1, with the file not found.
	k.noKeyFile = list("authorized-keys-missing", "home-missing", "authorized-keys-location", "key-not-authorized", "home-not-mounted")
	// The same for a certificate: without an error line before it, its CA is
	// not trusted (auth2-pubkey.c user_cert_trusted_ca: DEBUG2 only).
	k.certRefused = list("cert-untrusted-ca", "key-not-authorized", "cert-wrong-principal", "principals-file", "cert-expired", "cert-not-yet-valid", "cert-without-principals",
		"cert-source-not-permitted", "cert-option-unsupported", "cert-wrong-type", "key-line-is-ca", "authorized-keys-missing")
	// "Failed none" after the first try: an empty password, which the
	// client also sends when its user aborts at the prompt.
	k.noneRefused = list("empty-password", "client-gave-up", "password-auth-disabled")
	// Closed before a user was named.
	k.beforeUser = list("probe", "client-rejected-host-key", "client-gave-up", "connection-reset")
	// The same where it may as well have been in a session.
	k.unknownStage = list("probe", "client-gave-up", "connection-lost", "connection-reset")
	// The same up to 7.4, which never names the user when a client leaves.
	k.beforeUserOld = append(list("client-rejected-host-key", "probe"), k.silentClose[:18]...)
	k.beforeUserVerbose = list("client-rejected-host-key", "probe", "client-gave-up", "password-auth-disabled", "pubkey-auth-disabled", "no-usable-method", "method-not-permitted", "kbdint-auth-disabled")
	k.passwordFailed = list("wrong-password", "password-locked", "password-not-set", "account-locked", "shell-not-listed", "second-factor-failed", "pam-locked-out", "empty-password", "client-gave-up")
	k.secondFailed = list("second-factor-failed", "wrong-password", "password-locked", "password-not-set", "account-locked", "pam-locked-out", "client-gave-up")
	k.rootPasswordFailed = append(list("root-login-refused"), k.passwordFailed...)
	// A password refused on a host where pam_unix writes, without its line:
	// not pam_unix refused it, but another module or the account phase.
	k.passwordSilent = list("shell-not-listed", "pam-locked-out", "pam-account-denied", "wrong-password", "pam-broken", "empty-password", "nologin-file")
	// "invalid user" without the line that says why it is.
	k.invalidCalled = list("user-unknown", "not-in-allow-users", "account-locked", "listed-in-deny-users", "not-in-allow-groups", "listed-in-deny-groups",
		"shell-missing", "shell-not-executable", "account-expired")
	// "Access denied by PAM account configuration" without a module's word.
	k.pamDenied = list("pam-account-denied", "nologin-file", "account-expired", "password-expired", "pam-access-denied", "pam-locked-out", "account-locked", "shell-not-listed")
	k.partial = list("second-factor-missing", "second-factor-failed", "client-gave-up")
	k.keyFound = list("client-gave-up", "no-usable-method", "second-factor-missing", "pam-account-denied", "login-grace-timeout", "connection-lost")
	// A session that ended without the client's goodbye: many programs never
	// send one, and ssh itself does not where it gives up on what sshd denied.
	k.vanished = list("connection-lost", "connection-reset", "session-killed", "channel-timeout", "pty-denied", "forwarding-denied", "subsystem-unknown",
		"subsystem-missing", "chroot-bad-ownership", "chroot-missing", "chroot-without-shell", "nologin-file", "pam-session-failed", "login-limit")
	// The same with a reset: the client that was denied what it came for may
	// end so, with answers of sshd still unread.
	k.vanishedReset = slices.Concat(list("connection-reset"), k.vanished[:1], k.vanished[2:])
	// The client closed, which the process of the session has read: it was not
	// killed. What is left are those that sshd denies without a line of its own
	// at INFO (session.c do_child, serverloop.c): a chroot that is refused,
	// /etc/nologin, a subsystem that nobody knows, a PAM session have theirs.
	k.hungUp = list("connection-lost", "connection-reset", "channel-timeout", "pty-denied", "forwarding-denied", "subsystem-missing", "chroot-without-shell")
	// "Refused by key options" without the line that from= leaves before it
	// (auth2-pubkeyfile.c: expiry-time is DEBUG1 only).
	k.optionsRefused = list("key-entry-expired", "key-source-not-permitted", "authorized-keys-bad-option")
	// Neither end nor answer.
	k.unended = list("login-grace-timeout", "probe", "client-gave-up", "connection-lost")
	k.afterReset = list("connection-reset", "client-gave-up", "probe", "key-not-authorized", "connection-lost", "client-rejected-host-key")
}
