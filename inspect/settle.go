package inspect

import (
	"slices"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
)

// settle answers a question from the checklist.
func (x *examination) settle(q *Asked) (Answer, error) {
	a := Answer{Time: x.Now().UnixNano()}
	if q.Cause != "" && x.changedAfter(q) {
		return Answer{}, ErrNothing // what the log makes likely needs no fault that may be newer
	}
	found := x.blockers()
	fitting := slices.DeleteFunc(slices.Clone(found), func(c Check) bool { return !explains(&c, q) })
	open := x.remaining(q.Candidates)
	if cause, seen := x.inferred(q, fitting); cause != "" {
		a.Cause, a.Confidence, a.Seen, a.Candidates = cause, sshwhy.ConfidenceLikely, seen, leading(cause, open)
		return a, nil
	}
	switch causes := distinct(fitting); {
	case len(causes) == 1 && !x.ambiguous(causes[0]):
		a.Cause, a.Confidence, a.Seen = causes[0], sshwhy.ConfidenceLikely, fitting
		if x.proved(q, found, a.Cause) {
			a.Confidence = sshwhy.ConfidenceCertain
			return a, nil
		}
		a.Candidates = leading(a.Cause, open)
		return a, nil
	case len(fitting) > 0:
		a.Seen = fitting
		for _, c := range slices.Backward(causes) {
			open = leading(c, open)
		}
	case q.Cause != "":
		return Answer{}, ErrNothing // what the log makes likely stays so
	}
	a.Confidence, a.Candidates = sshwhy.ConfidenceUndetermined, open
	if len(open) == 0 || slices.Equal(open, q.Candidates) {
		return Answer{}, ErrNothing
	}
	return a, nil
}

// leading puts a cause in front of the others.
func leading(cause string, others []string) []string {
	return append([]string{cause}, slices.DeleteFunc(slices.Clone(others), func(c string) bool { return c == cause })...)
}

// proved tells whether a cause that fits is more than likely: no way in was
// open and it is the one thing that is wrong, or the key is known by its
// fingerprint.
func (x *examination) proved(q *Asked, found []Check, cause string) bool {
	switch {
	case !x.certain(q):
		return false
	case cause == "key-not-authorized" && q.Fingerprint != "":
		return true
	case x.byPassword() && slices.Contains(q.Candidates, "wrong-password"):
		return false // it may have been wrong besides
	}
	return x.shut() && slices.Equal(distinct(found), []string{cause})
}

// blockers are the things that are wrong and close a way in. What is wrong with
// certificates closes none where a key is registered besides.
func (x *examination) blockers() []Check {
	return slices.DeleteFunc(slices.Clone(x.list), func(c Check) bool {
		return c.Mark != Bad || c.Blocks == 0 && (c.Layer != LayerKeys || x.usable.key)
	})
}

// leaves are causes that no log's list of candidates may hold, and that leave
// the same lines as one that it does hold. What sshd logs by itself at INFO is
// none of them: that an owner is wrong now says nothing of a login for which
// sshd did not complain of it.
var leaves = map[string]string{
	// A client does not offer a key that it does not take itself.
	"key-algorithm-refused": "key-not-authorized",
	"key-too-small":         "key-not-authorized",
	// Before 9.0 sshd does not say that it may not read the file.
	"authorized-keys-selinux": "key-not-authorized",
	"home-not-mounted":        "authorized-keys-missing",
	// "Refused by key options", whichever it is.
	"key-line-principals": "key-entry-expired",
	// With "quiet" pam_succeed_if says nothing.
	"pam-requirement-not-met": "pam-account-denied",
	// Root by another name.
	"root-login-refused": "wrong-password",
}

// explains tells whether what is wrong can be why the login failed: the log
// leaves it open. Where pam_unix itself refused the password, no other module
// that asks for one did.
func explains(c *Check, q *Asked) bool {
	if q.Unix && c.Layer == LayerPAM && c.Blocks != AllWays {
		return false
	}
	return slices.Contains(q.Candidates, c.Cause) || slices.Contains(q.Candidates, leaves[c.Cause])
}

func distinct(list []Check) []string {
	var causes []string
	for i := range list {
		if !slices.Contains(causes, list[i].Cause) {
			causes = append(causes, list[i].Cause)
		}
	}
	return causes
}

// ambiguous tells whether a user without keys could as well have come with a
// password that is right, where none is taken.
func (x *examination) ambiguous(cause string) bool {
	if cause != "authorized-keys-missing" && cause != "authorized-keys-empty" {
		return false
	}
	return !x.mine.is("passwordauthentication") && (x.shadow == nil || x.shadow.secret() == secretSet)
}

// shut tells whether no way in is open to this user.
func (x *examination) shut() bool {
	if slices.ContainsFunc(x.list, func(c Check) bool { return c.Mark == Bad && c.Blocks == AllWays }) {
		return true
	}
	for _, method := range []string{"gssapiauthentication", "hostbasedauthentication", "kerberosauthentication"} {
		if x.mine.is(method) {
			return false
		}
	}
	if (x.mine.is("passwordauthentication") || x.mine.kbdint()) && !x.plainPAM() {
		return false
	}
	return !x.usable.key && !x.usable.password && !x.usable.interactive
}

// plainPAM tells whether no module of PAM but pam_unix takes passwords, so that
// /etc/shadow decides alone.
func (x *examination) plainPAM() bool {
	if !x.mine.is("usepam") {
		return true
	}
	known := []string{"pam_unix.so", "pam_deny.so", "pam_permit.so", "pam_env.so", "pam_nologin.so", "pam_faildelay.so", "pam_shells.so", "pam_faillock.so", "pam_access.so", "pam_cap.so", "pam_succeed_if.so", "pam_listfile.so"}
	return !slices.ContainsFunc(x.stack(), func(m module) bool { return m.kind == "auth" && !slices.Contains(known, m.name) })
}

// changedAfter tells whether something that was looked at changed after the
// login, beyond the second in which it ended: many logs have whole seconds.
func (x *examination) changedAfter(q *Asked) bool {
	return !x.changed.Before(time.Unix(0, q.End).Truncate(time.Second).Add(time.Second))
}

// countsFailures tells whether some module of PAM may lock out users for
// failures.
func (x *examination) countsFailures() bool {
	return x.mine.is("usepam") && slices.ContainsFunc(x.stack(), func(m module) bool {
		return strings.HasPrefix(m.name, "pam_tally") || m.name == "pam_faillock.so" || m.name == "pam_sss.so" || m.name == "pam_abl.so"
	})
}

// certain tells whether all was seen, and is as it was when the login failed.
func (x *examination) certain(q *Asked) bool {
	if !x.root() || x.files != nil && !x.exact || x.daemon == nil || x.From.IsValid() != (q.Address != "") {
		return false
	}
	if slices.ContainsFunc(x.list, func(c Check) bool { return c.Mark == Unknown }) {
		return false
	}
	if _, changed := x.newest(x.daemon.config); changed.Sub(x.daemon.since) > x.daemon.blur {
		return false // sshd went by another configuration
	}
	return q.End > 0 && x.changed.UnixNano() <= q.End && x.daemon.since.UnixNano() <= q.End
}

// remaining are the candidates that the host leaves open: without those that
// would have been seen.
func (x *examination) remaining(candidates []string) []string {
	if !x.root() || slices.ContainsFunc(x.list, func(c Check) bool { return c.Mark == Unknown && c.Seen != keysCommandNotRun }) {
		return slices.Clone(candidates)
	}
	never := map[string]bool{}
	for _, c := range []string{
		"authorized-keys-missing", "authorized-keys-malformed", "authorized-keys-empty", "authorized-keys-bad-option", "authorized-keys-location",
		"authorized-keys-unreadable", "authorized-keys-not-regular-file", "home-missing", "key-line-is-ca", "pubkey-auth-disabled",
		"bad-ownership-or-modes", "revoked-keys-unreadable", "shell-not-listed",
	} {
		never[c] = true
	}
	never["method-not-permitted"] = !x.postponed()
	never["password-auth-disabled"] = x.mine.is("passwordauthentication")
	never["kbdint-auth-disabled"] = x.mine.kbdint()
	lists, _ := x.orders()
	never["second-factor-missing"] = !slices.ContainsFunc(lists, func(methods []string) bool { return len(methods) > 1 })
	never["second-factor-failed"] = never["second-factor-missing"]
	never["authorized-keys-command-empty"] = x.mine.first("authorizedkeyscommand") == "none"
	judged := x.any(Good, LayerPassword) || x.any(Bad, LayerPassword)
	never["password-locked"], never["password-not-set"] = judged, judged
	never["root-login-refused"] = x.any(Good, LayerLists)
	never["pam-locked-out"] = !x.countsFailures()
	for i := range x.list {
		if x.list[i].Cause != "" {
			never[x.list[i].Cause] = false
		}
		if x.list[i].Mark == Advice && x.list[i].Seen == "line-refused" {
			never[x.list[i].Value(sshwhy.FieldName)] = false
		}
	}
	return slices.DeleteFunc(slices.Clone(candidates), func(c string) bool { return never[c] })
}
