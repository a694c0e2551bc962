package inspect

import (
	"context"
	"slices"
	"strings"
	"time"
)

// locking is how pam_faillock locks users out (faillock.conf(5)), times in
// seconds.
type locking struct {
	deny             int
	interval, unlock int
	unlockRoot       int
	root             bool // root is locked out, too
}

// lockingOf gives what faillock.conf and the arguments of a module say; the
// arguments count.
func (x *examination) lockingOf(m *module) locking {
	l := locking{deny: 3, interval: 900, unlock: 600, unlockRoot: -1}
	for line := range strings.Lines(x.text("/etc/security/faillock.conf")) {
		line, _, _ = strings.Cut(line, "#")
		l.set(line)
	}
	for _, a := range m.arguments {
		l.set(a)
	}
	if l.unlockRoot < 0 {
		l.unlockRoot = l.unlock
	}
	return l
}

// set takes a setting: NAME, or NAME=VALUE. What it does not know does not
// lock.
func (l *locking) set(text string) {
	name, v, _ := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	if name == "even_deny_root" {
		l.root = true
		return
	}
	n, isNumber := number(strings.TrimSpace(v))
	if strings.TrimSpace(v) == "never" {
		n, isNumber = 0, true
	}
	to := map[string]*int{"deny": &l.deny, "fail_interval": &l.interval, "unlock_time": &l.unlock, "root_unlock_time": &l.unlockRoot}[name]
	if to != nil && isNumber {
		*to = n
	}
}

// locks tells whether failures at these times lock a user out at another, as
// pam_faillock counts: those of an interval that ends with the last one, until
// that has been over for long enough.
func (l *locking) locks(failures []time.Time, at time.Time, root bool) bool {
	if l.deny <= 0 || len(failures) == 0 || root && !l.root {
		return false
	}
	last := slices.MaxFunc(failures, time.Time.Compare)
	count := 0
	for _, f := range failures {
		if last.Sub(f) < time.Duration(l.interval)*time.Second {
			count++
		}
	}
	unlock := l.unlock
	if root {
		unlock = l.unlockRoot
	}
	over := unlock > 0 && at.After(last.Add(time.Duration(unlock)*time.Second))
	return count >= l.deny && !over
}

// faillock asks whether the user is locked out for failures, or was before the
// login that is asked about began.
func (x *examination) faillock(ctx context.Context, m *module, blocks Ways) {
	out, ok := x.run(ctx, Faillock, "--user", x.User)
	if !ok {
		return
	}
	at := x.Now()
	if !x.since.IsZero() {
		at = x.since
	}
	var failures []time.Time
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 3 || f[len(f)-1] != "V" {
			continue
		}
		// faillock writes whole seconds, and runs in UTC here. What this
		// very login left counts no more for it than what came later.
		t, err := time.Parse(time.DateTime, f[0]+" "+f[1])
		if err == nil && (x.since.IsZero() || t.Before(x.since.Truncate(time.Second))) {
			failures = append(failures, t)
		}
	}
	if l := x.lockingOf(m); l.locks(failures, at, x.account.UID == 0) {
		x.bad("pam-locked-out", blocks, x.user())
	}
}
