package inspect

import (
	"context"
	"errors"
	"net/netip"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/sshwhy/sshwhy"
)

// Asked is a question about a login that failed.
type Asked struct {
	User string
	// Address is the client's, "" where the log does not tell.
	Address string
	// Fingerprint and KeyKind are of the key that was offered, where the
	// log tells.
	Fingerprint, KeyKind string
	// Candidates are the causes that the log leaves open, likeliest first.
	Candidates []string
	// End is the time of the login's last line, in nanoseconds since 1970
	// UTC.
	End int64
}

// Answer is what a look at the host says of it.
type Answer struct {
	// Time is when the host was looked at, in nanoseconds since 1970 UTC.
	Time int64
	// Cause is the answer, "" where it stays open; Candidates are what
	// stays possible.
	Cause      string
	Confidence sshwhy.Confidence
	Candidates []string
	// Seen are the lines of the checklist that it rests on.
	Seen []Check
}

// Inspector answers questions about logins that have just failed, from what
// the host is now. It never runs a program of the site, asks for no account
// that the host does not have, and looks at one user at most once a minute.
// It may be used by several goroutines.
type Inspector struct {
	Host *Host

	mu    sync.Mutex
	asked map[string]time.Time
}

// ErrTooSoon says that the same user was looked at less than a minute ago.
var ErrTooSoon = errors.New("this user was looked at less than a minute ago")

// ErrNothing says that the host does not tell more than the log.
var ErrNothing = errors.New("the host does not tell more than the log")

const (
	// pause is the time between two looks at the same user.
	pause = time.Minute
	// maxAsked bounds the users that are remembered for it.
	maxAsked = 4096
	// maxName is longer than any name of an account (useradd(8): 32).
	maxName = 256
)

// admit tells whether a user may be looked at now.
func (i *Inspector) admit(user string) bool {
	now := i.Host.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.asked == nil {
		i.asked = map[string]time.Time{}
	}
	for name, at := range i.asked {
		if d := now.Sub(at); d >= pause || d < 0 {
			delete(i.asked, name)
		}
	}
	if _, early := i.asked[user]; early || len(i.asked) >= maxAsked {
		return false
	}
	i.asked[user] = now
	return true
}

// Inspect looks at the host. It gives ErrTooSoon or ErrNothing where it has no
// answer.
func (i *Inspector) Inspect(ctx context.Context, q Asked) (Answer, error) {
	if q.User == "" || len(q.User) > maxName {
		return Answer{}, ErrNothing
	}
	if !i.admit(q.User) {
		return Answer{}, ErrTooSoon
	}
	x := &examination{Host: i.Host, Question: Question{User: q.User, Quiet: true, Key: q.Fingerprint, KeyKind: q.KeyKind}}
	if a, err := netip.ParseAddr(q.Address); err == nil {
		x.From = a.Unmap()
	}
	x.modes.host = i.Host
	x.daemon = x.daemonOf()
	x.denied(ctx)
	if x.account == nil || x.mine == nil {
		return Answer{}, ErrNothing
	}
	x.touched()
	return x.settle(&q)
}

// touched notes when the files that decide on accounts and configuration, and
// the folders on the way to the keys, changed last.
func (x *examination) touched() {
	names := []string{"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/pam.d/sshd", "/etc/security"}
	main := configPath
	if x.daemon != nil {
		main = x.daemon.config
	}
	if file, _ := x.newest(main); file != "" {
		names = append(names, file)
	}
	for _, f := range x.files {
		for dir := f.path; dir != "/"; dir = path.Dir(dir) {
			names = append(names, dir)
		}
	}
	for _, name := range names {
		if info, err := x.Files.Stat(name); err == nil {
			x.note(info)
		}
	}
}

// settle answers a question from the checklist.
func (x *examination) settle(q *Asked) (Answer, error) {
	a := Answer{Time: x.Now().UnixNano()}
	found := x.blockers()
	fitting := slices.DeleteFunc(slices.Clone(found), func(c Check) bool { return !explains(&c, q.Candidates) })
	open := x.remaining(q.Candidates)
	switch causes := distinct(fitting); {
	case len(causes) == 1 && !x.ambiguous(causes[0]):
		a.Cause, a.Confidence, a.Seen = causes[0], sshwhy.ConfidenceLikely, fitting
		if len(distinct(found)) == 1 && x.shut() && x.certain(q) || a.Cause == "key-not-authorized" && q.Fingerprint != "" && x.certain(q) {
			a.Confidence = sshwhy.ConfidenceCertain
			return a, nil
		}
		a.Candidates = append([]string{a.Cause}, slices.DeleteFunc(open, func(c string) bool { return c == a.Cause })...)
		return a, nil
	case len(fitting) > 0:
		a.Seen = fitting
		for _, c := range slices.Backward(causes) {
			open = append([]string{c}, slices.DeleteFunc(open, func(o string) bool { return o == c })...)
		}
	}
	a.Confidence, a.Candidates = sshwhy.ConfidenceUndetermined, open
	if len(open) == 0 || slices.Equal(open, q.Candidates) {
		return Answer{}, ErrNothing
	}
	return a, nil
}

// blockers are the things that are wrong and close a way in. What is wrong with
// certificates closes none where a key is registered besides.
func (x *examination) blockers() []Check {
	return slices.DeleteFunc(slices.Clone(x.list), func(c Check) bool {
		return c.Mark != Bad || c.Blocks == 0 && (c.Layer != LayerKeys || x.usable.key)
	})
}

// explains tells whether what is wrong can be why a login failed of which the log
// leaves these causes open.
func explains(c *Check, candidates []string) bool {
	if slices.Contains(candidates, c.Cause) {
		return true
	}
	// The list of candidates is bounded; what keeps every key out leaves
	// the same lines.
	return c.Layer == LayerKeys && c.Blocks == WayKey && slices.Contains(candidates, "key-not-authorized")
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
	if !x.root() || slices.ContainsFunc(x.list, func(c Check) bool { return c.Mark == Unknown }) {
		return slices.Clone(candidates)
	}
	never := map[string]bool{}
	for _, c := range []string{
		"authorized-keys-missing", "authorized-keys-malformed", "authorized-keys-empty", "authorized-keys-bad-option", "authorized-keys-location",
		"authorized-keys-unreadable", "authorized-keys-not-regular-file", "home-missing", "key-line-is-ca", "pubkey-auth-disabled", "method-not-permitted",
		"bad-ownership-or-modes", "revoked-keys-unreadable", "shell-not-listed",
	} {
		never[c] = true
	}
	never["password-auth-disabled"] = x.mine.is("passwordauthentication")
	never["kbdint-auth-disabled"] = x.mine.kbdint()
	never["second-factor-missing"] = !slices.ContainsFunc(x.mine.words("authenticationmethods"), func(l string) bool { return l != "any" })
	never["authorized-keys-command-empty"] = x.mine.first("authorizedkeyscommand") == "none"
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
