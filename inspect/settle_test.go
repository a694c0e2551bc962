package inspect

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// The candidates that a log leaves of a password that was refused, of root's,
// of one that pam_unix said nothing about, of an account that PAM did not want,
// and of a key whose options did not fit.
var (
	refusedOpen = []string{"wrong-password", "password-locked", "password-not-set", "shell-not-listed", "second-factor-failed", "pam-locked-out"}
	rootOpen    = append([]string{"root-login-refused"}, refusedOpen...)
	wordless    = []string{"shell-not-listed", "pam-locked-out", "pam-account-denied", "wrong-password"}
	unwanted    = []string{"pam-account-denied", "nologin-file", "account-expired"}
	optionsOpen = []string{"key-entry-expired", "key-source-not-permitted"}
)

// ends is when the logins of this test failed.
var ends = noon.Add(-time.Minute)

// change is what makes a described host another.
type change = func(tree, programs)

func changes(list ...change) change {
	return func(f tree, p programs) {
		for _, c := range list {
			c(f, p)
		}
	}
}

// inForce changes what sshd -T prints.
func inForce(pairs ...string) change {
	return func(_ tree, p programs) {
		p["sshd -T -C *"] = strings.NewReplacer(pairs...).Replace(p["sshd -T -C *"])
	}
}

func withShadow(password string) change {
	return func(_ tree, p programs) { p["getent shadow alice"] = "alice:" + password + ":20000:0:99999:7:::\n" }
}

func withPAM(line string) change {
	return func(f tree, _ programs) {
		n := f["/etc/pam.d/sshd"]
		n.text = line + "\n" + n.text
		f["/etc/pam.d/sshd"] = n
		f["/lib/security/pam_shells.so"], f["/lib/security/pam_faillock.so"], f["/lib/security/pam_succeed_if.so"] = file(0, 0o644, ""), file(0, 0o644, ""), file(0, 0o644, "")
	}
}

// tally is what faillock prints of failures of alice, so long before the login.
func tally(before ...time.Duration) change {
	text := "alice:\nWhen                Type  Source       Valid\n"
	for _, d := range before {
		text += ends.Add(-d).Format(time.DateTime) + " RHOST 203.0.113.7     V\n"
	}
	return func(_ tree, p programs) { p["faillock --user alice"] = text }
}

// lastLogin makes a lastlog in which alice came over the network then.
func lastLogin(at time.Time) change {
	size, stamp := 292, 4
	if runtime.GOARCH == "arm64" {
		size, stamp = 296, 8
	}
	log := make([]byte, 1001*size)
	entry := log[1000*size:]
	binary.NativeEndian.PutUint32(entry, uint32(at.Unix()))
	if stamp == 8 {
		binary.NativeEndian.PutUint64(entry, uint64(at.Unix()))
	}
	copy(entry[stamp+32:], "203.0.113.7")
	return func(f tree, _ programs) { f["/var/log/lastlog"] = file(0, 0o644, string(log)) }
}

// TestSettle names what the log hides, and only what it leaves open.
func TestSettle(t *testing.T) {
	noKeys := func(f tree, _ programs) { delete(f, "/home/alice/.ssh/authorized_keys") }
	nologin := func(changed time.Time) change {
		return func(f tree, _ programs) { f["/run/nologin"] = node{mode: 0o644, changed: changed} }
	}
	sshChanged := func(at time.Time) change {
		return func(f tree, _ programs) {
			f["/home/alice/.ssh"] = node{mode: 0o700 | os.ModeDir, uid: 1000, gid: 1000, changed: at}
		}
	}
	locked, shells := withShadow("!$6$x$y"), withPAM("auth required pam_shells.so")
	faillock := withPAM("auth required pam_faillock.so preauth deny=3")
	password := Asked{Cause: "wrong-password", Method: "password", Candidates: refusedOpen, Unix: true}
	interactive := Asked{Cause: "wrong-password", Method: "keyboard-interactive/pam", Candidates: refusedOpen, Unix: true}
	unnamed := Asked{Cause: "wrong-password", Candidates: refusedOpen, Unix: true} // keyboard-interactive at INFO
	silentPAM := Asked{Method: "password", Candidates: wordless}
	silent := Asked{Candidates: append(slices.Clone(leftOpen), "empty-password", "authorized-keys-command-empty")}
	account := Asked{Cause: "pam-account-denied", Candidates: unwanted}
	twoFactors := inForce("authenticationmethods any", "authenticationmethods publickey,password")
	oneOff := inForce("authenticationmethods any", "authenticationmethods publickey,password password,keyboard-interactive,publickey")
	off := inForce("passwordauthentication yes", "passwordauthentication no")
	command := changes(inForce("authorizedkeyscommand none", "authorizedkeyscommand /bin/find %u\nauthorizedkeyscommanduser alice", "authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2", "authorizedkeysfile none"),
		func(f tree, _ programs) { f["/bin/find"] = file(0, 0o755, "") })
	for _, test := range []struct {
		name   string
		change change
		asked  Asked
		want   string // cause and confidence, "" for no answer
	}{
		{"the password is set, and was wrong", nil, password, ""},
		{"it is locked", locked, password, "password-locked likely"},
		{"it is locked, and something changed meanwhile", changes(locked, sshChanged(noon)), password, ""},
		{"it is locked, and asked for by keyboard-interactive", changes(locked, inForce("kbdinteractiveauthentication no", "kbdinteractiveauthentication yes")), interactive, "password-locked likely"},
		{"it is locked, and there is no other way in: it may have been wrong besides", changes(locked, inForce("pubkeyauthentication yes", "pubkeyauthentication no")), password, "password-locked likely"},
		{"it is locked, there is no other way in, and pam_unix alone tells of a password", changes(locked, inForce("pubkeyauthentication yes", "pubkeyauthentication no")), unnamed, "password-locked likely"},
		{"there never was one", withShadow("*"), password, "password-not-set likely"},
		{"there never was one, and pam_unix alone tells of a password", withShadow("*"), unnamed, "password-not-set likely"},
		{"that keys are broken is no reason for a wrong password", func(f tree, _ programs) { f["/home/alice/.ssh/authorized_keys"] = file(1000, 0o600, "garbage") }, password, ""},

		{"the shell is not listed", shells, silentPAM, "shell-not-listed likely"},
		{"the shell is not listed, and pam_unix refused the password", shells, password, ""},
		{"two things are wrong", changes(shells, faillock, tally(9*time.Second, 8*time.Second, 7*time.Second)), silentPAM, " undetermined pam-locked-out shell-not-listed"},
		{"locked out", changes(faillock, tally(9*time.Second, 8*time.Second, 7*time.Second)), silentPAM, "pam-locked-out likely"},
		{"one short of being locked out before this very login", changes(faillock, tally(9*time.Second, 8*time.Second, 0)), silentPAM, ""},
		{"locked out, but that was over", changes(faillock, tally(1209*time.Second, 1208*time.Second, 1207*time.Second)), silentPAM, ""},

		{"a nologin file", nologin(ends.Add(-time.Hour)), account, "nologin-file certain"},
		{"a nologin file that came later", nologin(noon), account, ""},
		{"a nologin file that came in the same second", nologin(ends.Add(time.Millisecond)), account, "nologin-file likely"},
		{"a nologin file, and nobody got that far", nologin(ends.Add(-time.Hour)), silent, ""},
		{"a requirement without a word", withPAM("account required pam_succeed_if.so quiet user ingroup wheel"), account, "pam-requirement-not-met certain"},

		{"the second factor is missing", twoFactors, silent, "second-factor-missing likely"},
		{"the first factor is missing already", changes(twoFactors, noKeys), silent, "authorized-keys-missing likely"},
		{"the key comes second", inForce("authenticationmethods any", "authenticationmethods password,publickey"), silent, ""},
		{"the key alone would do", inForce("authenticationmethods any", "authenticationmethods publickey publickey,password"), silent, ""},
		{"a password that is asked for only after a key", twoFactors, password, "second-factor-failed likely"},
		{"a password that may come first", inForce("authenticationmethods any", "authenticationmethods publickey,password password"), password, ""},
		{"a list in which the password comes first has a method that is off", oneOff, password, "second-factor-failed likely"},
		{"a list in which the key comes second has a method that is off", oneOff, silent, "second-factor-missing likely"},

		{"a command gives no key", command, silent, "authorized-keys-command-empty likely"},
		{"the home is not mounted", func(f tree, _ programs) {
			for name := range f {
				if strings.HasPrefix(name, "/home/alice") {
					delete(f, name)
				}
			}
			f["/proc/self/mounts"] = file(0, 0o444, "auto.home /home autofs rw,fd=7,pgrp=1,timeout=300,minproto=5,maxproto=5,indirect 0 0\n")
		}, silent, "home-not-mounted likely"},
		{"the password is empty", withShadow(""), silent, "empty-password likely"},
		{"owners are wrong, and sshd did not complain", func(f tree, _ programs) { f["/home/alice"] = folder(1000, 0o777) }, silent, ""},
		{"the key is for another address, and sshd did not complain", func(f tree, _ programs) {
			f["/home/alice/.ssh/authorized_keys"] = file(1000, 0o600, `from="198.51.100.0/24" `+aKey+"\n")
		}, silent, ""},
		{"principals= of a key that is no CA", func(f tree, _ programs) {
			f["/home/alice/.ssh/authorized_keys"] = file(1000, 0o600, `principals="alice" `+aKey+"\n")
		}, Asked{Candidates: optionsOpen}, "key-line-principals likely"},

		{"passwords are off, and the last login had no key", changes(off, noKeys, sshChanged(ends.Add(-3*time.Hour)), lastLogin(ends.Add(-2*time.Hour))), silent, "password-auth-disabled likely"},
		{"passwords are off, and the last login may have had a key", changes(off, noKeys, sshChanged(ends.Add(-time.Hour)), lastLogin(ends.Add(-2*time.Hour))), silent, " undetermined authorized-keys-missing"},
		{"passwords are off, and nobody ever logged in", changes(off, noKeys), silent, " undetermined authorized-keys-missing"},
	} {
		q := test.asked
		q.User, q.Address, q.Start, q.End = "alice", "203.0.113.7", ends.UnixNano(), ends.UnixNano()
		i := Inspector{Host: described(test.change)}
		a, err := i.Inspect(context.Background(), q)
		if err != nil && !errors.Is(err, ErrNothing) {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := spelt(&a, test.want); err == nil && got != test.want {
			t.Errorf("%s: %q, not %q (candidates %q)", test.name, got, test.want, a.Candidates)
		} else if err != nil && test.want != "" {
			t.Errorf("%s: no answer, and not %q", test.name, test.want)
		}
		if a.Confidence == sshwhy.ConfidenceLikely && (a.Candidates[0] != a.Cause || q.Cause != "" && !slices.Contains(a.Candidates, q.Cause)) {
			t.Errorf("%s: the candidates are %q", test.name, a.Candidates)
		}
		if a.Cause != "" && len(a.Seen) == 0 {
			t.Errorf("%s: it rests on nothing", test.name)
		}
	}
}

// TestSettleMethods leaves only those candidates open that AuthenticationMethods
// makes room for.
func TestSettleMethods(t *testing.T) {
	candidates := []string{"client-gave-up", "method-not-permitted", "second-factor-missing"}
	for _, test := range []struct{ methods, want string }{
		{"any", "client-gave-up"},
		{"publickey password", "client-gave-up"},
		{"publickey", "client-gave-up method-not-permitted"}, // it may have been a password
		{"publickey,password password", "client-gave-up second-factor-missing"},
		{"password,publickey", "client-gave-up method-not-permitted second-factor-missing"},
		{"publickey,keyboard-interactive password publickey", "client-gave-up"}, // one of them is off
	} {
		i := Inspector{Host: described(inForce("authenticationmethods any", "authenticationmethods "+test.methods))}
		a, err := i.Inspect(context.Background(), Asked{User: "alice", Address: "203.0.113.7", Candidates: candidates, Start: ends.UnixNano(), End: ends.UnixNano()})
		if errors.Is(err, ErrNothing) {
			a.Candidates, err = candidates, nil
		}
		if got := strings.Join(a.Candidates, " "); err != nil || got != test.want {
			t.Errorf("%s: %q, not %q; %v", test.methods, got, test.want, err)
		}
	}
}

// spelt writes an answer as TestSettle does: with as many candidates as are
// wanted. One that only leaves candidates out says nothing.
func spelt(a *Answer, want string) string {
	if a.Cause == "" && len(a.Seen) == 0 {
		return ""
	}
	text := a.Cause + " " + a.Confidence.String()
	for i := range len(strings.Fields(want)) - 1 {
		if a.Cause == "" && i < len(a.Candidates) {
			text += " " + a.Candidates[i]
		}
	}
	return text
}

// TestSettleRoot tells that root may not come with a password.
func TestSettleRoot(t *testing.T) {
	for setting, want := range map[string]string{"no": "root-login-refused", "without-password": "root-login-refused", "yes": ""} {
		i := Inspector{Host: described(func(_ tree, p programs) {
			p["getent passwd root"] = "root:x:0:0::/root:/bin/sh\n"
			p["getent shadow root"] = "root:$6$x$y:20000:0:99999:7:::\n"
			p["id -G root"] = "0\n"
			p["sshd -T -C *"] = strings.Replace(inForceText, "permitrootlogin without-password", "permitrootlogin "+setting, 1)
		})}
		// Of keyboard-interactive the finding has no method at INFO.
		method := map[bool]string{true: "password"}[setting == "no"]
		a, err := i.Inspect(context.Background(), Asked{
			User: "root", Address: "203.0.113.7", Method: method, Cause: "wrong-password", Candidates: rootOpen, Unix: true, Start: ends.UnixNano(), End: ends.UnixNano(),
		})
		if a.Cause != want || a.Confidence == sshwhy.ConfidenceCertain || (want == "") != errors.Is(err, ErrNothing) {
			t.Errorf("PermitRootLogin %s: %q (%s), %v", setting, a.Cause, a.Confidence, err)
		}
	}
}

// TestAskOfLikely takes a question about a refusal of which the log only makes
// a cause likely, and says how the password was refused.
func TestAskOfLikely(t *testing.T) {
	c := catalogueOf(t)
	s, err := NewSource(SourceOptions{Causes: c, Hostname: "edge05"})
	if err != nil {
		t.Fatal(err)
	}
	f := finding(c, "edge05")
	f.Confidence, f.Cause, f.Outcome, f.Method = sshwhy.ConfidenceLikely, c.Find("wrong-password"), sshwhy.OutcomeRefused, []byte("password")
	f.Start, f.End = 7, 9
	if !s.Ask(f) {
		t.Fatal("the question is refused")
	}
	if q := <-s.queue; q.Cause != "wrong-password" || q.Method != "password" || q.Start != 7 || q.End != 9 || q.Unix {
		t.Errorf("the question is %+v", q)
	}
	if s.Ask(f) {
		t.Error("the same user is asked for twice at once")
	}
	f.User = []byte("carol")
	for what, change := range map[string]func(*sshwhy.Finding){
		"it is certain":                      func(f *sshwhy.Finding) { f.Confidence = sshwhy.ConfidenceCertain },
		"it is a session that was lost":      func(f *sshwhy.Finding) { f.Outcome = sshwhy.OutcomeAccepted },
		"there is no other cause to ask for": func(f *sshwhy.Finding) { f.Candidates = f.Candidates[:1] },
	} {
		other := f.Clone()
		change(other)
		if s.Ask(other) {
			t.Errorf("a question is taken although %s", what)
		}
	}
}

// TestLocks counts failures as pam_faillock does.
func TestLocks(t *testing.T) {
	at := func(seconds ...int) (list []time.Time) {
		for _, s := range seconds {
			list = append(list, noon.Add(-time.Duration(s)*time.Second))
		}
		return list
	}
	plain := locking{deny: 3, interval: 900, unlock: 600, unlockRoot: 60}
	withRoot, forever := plain, plain
	withRoot.root, forever.unlock = true, 0
	for _, test := range []struct {
		name     string
		l        locking
		failures []time.Time
		root     bool
		want     bool
	}{
		{"three", plain, at(30, 20, 10), false, true},
		{"two", plain, at(20, 10), false, false},
		{"none", plain, nil, false, false},
		{"the first was long before the last", plain, at(2000, 20, 10), false, false},
		{"it is over", plain, at(700, 690, 680), false, false},
		{"it is never over", forever, at(70000, 69990, 69980), false, true},
		{"root", plain, at(30, 20, 10), true, false},
		{"root, too", withRoot, at(30, 20, 10), true, true},
		{"root's is over", withRoot, at(90, 80, 70), true, false},
	} {
		if got := test.l.locks(test.failures, noon, test.root); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	x := &examination{Host: described(func(f tree, _ programs) {
		f["/etc/security/faillock.conf"] = file(0, 0o644, "# deny = 9\ndeny = 5\nunlock_time = never # for good\neven_deny_root\n")
	})}
	got := x.lockingOf(&module{arguments: []string{"preauth", "silent", "deny=4"}})
	if want := (locking{deny: 4, interval: 900, unlock: 0, unlockRoot: 0, root: true}); got != want {
		t.Errorf("the settings are %+v, not %+v", got, want)
	}
}
