package alerts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/alerts"
	"github.com/sshwhy/sshwhy/causes"
)

// office is a network from which people log in; the rest of the addresses are
// strangers'.
const (
	office   = "10.1.2.3"
	home     = "198.51.100.20"
	stranger = "203.0.113.66"
)

// story is an alerter, the clock, and what was told.
type story struct {
	t        *testing.T
	causes   *causes.Catalogue
	options  alerts.Options
	alerter  *alerts.Alerter
	now      time.Time
	told     []string
	messages []*sshwhy.Alert
	kept     map[string][]byte
	n        int
	restarts bool // stop and start after every finding
}

func tell(t *testing.T, rules ...alerts.Rule) *story {
	t.Helper()
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := &story{t: t, causes: c, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), kept: map[string][]byte{}}
	s.options = alerts.Options{Now: func() time.Time { return s.now }, Zone: time.UTC}
	if len(rules) > 0 {
		s.options.Rules = rules
	}
	s.start()
	return s
}

func (s *story) start() {
	s.t.Helper()
	a, err := alerts.New(s.causes, s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	for key, value := range s.kept {
		if err := a.Load(key, value); err != nil {
			s.t.Fatal(err)
		}
	}
	s.alerter = a
}

// restart is a kill and a new start: what was saved is all that is known.
func (s *story) restart() {
	s.alerter.Save(func(key string, value []byte) {
		if value == nil {
			delete(s.kept, key)
		} else {
			if len(value) > 64<<10 {
				s.t.Errorf("the entry %q has %d bytes", key, len(value))
			}
			s.kept[key] = slices.Clone(value)
		}
	})
	s.start()
}

func (s *story) take(a *sshwhy.Alert) {
	s.messages = append(s.messages, a)
	if a.News == sshwhy.NewsUpdated {
		return
	}
	var by []string
	for _, b := range a.By {
		by = append(by, b.Value)
	}
	s.told = append(s.told, fmt.Sprintf("%s %s [%s] %d", a.Rule, a.News, strings.Join(by, " "), a.Findings))
}

func (s *story) finding(user, address, cause string, outcome sshwhy.Outcome) *sshwhy.Finding {
	s.n++
	f := &sshwhy.Finding{
		Identity: sshwhy.Identity{Host: []byte("edge05"), First: fmt.Appendf(nil, "line %d", s.n), PID: int32(s.n), Time: s.now.UnixNano()},
		Revision: 1, Outcome: outcome, Cause: s.causes.Find(cause), Confidence: sshwhy.ConfidenceCertain, Start: s.now.UnixNano(), End: s.now.UnixNano(),
		User: []byte(user), UserKnown: user != "", Address: []byte(address), Evidence: []sshwhy.Evidence{{Text: []byte("a line")}},
	}
	if cause != "" && f.Cause == 0 {
		s.t.Fatalf("there is no cause %q", cause)
	}
	return f
}

func (s *story) deliver(f *sshwhy.Finding) {
	s.alerter.Alert(f, s.take)
	if s.restarts {
		s.restart()
	}
}

func (s *story) refused(user, address, cause string) {
	s.deliver(s.finding(user, address, cause, sshwhy.OutcomeRefused))
}

func (s *story) accepted(user, address string) {
	s.deliver(s.finding(user, address, "", sshwhy.OutcomeAccepted))
}

// pass lets time go by, with a tick a second as the loop has them, or one for
// longer times.
func (s *story) pass(d time.Duration) {
	step := time.Second
	if d > time.Hour {
		step = time.Minute
	}
	for ; d > 0; d -= step {
		s.now = s.now.Add(step)
		s.alerter.Tick(&sshwhy.Record{Tick: true, Elapsed: step}, s.take)
	}
	if s.restarts {
		s.restart()
	}
}

func (s *story) expect(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.told, want) {
		s.t.Errorf("told was\n  %s\nwant\n  %s", strings.Join(s.told, "\n  "), strings.Join(want, "\n  "))
	}
}

// twice runs a story as it is, and with a kill after every step: what is told
// must be the same.
func twice(t *testing.T, run func(*testing.T, *story), rules ...alerts.Rule) {
	for _, restarts := range []bool{false, true} {
		t.Run(map[bool]string{false: "undisturbed", true: "killed after every step"}[restarts], func(t *testing.T) {
			s := tell(t, rules...)
			s.restarts = restarts
			run(t, s)
		})
	}
}

// TestLockedOut: a colleague fails three times, goes on, and gets in at last.
func TestLockedOut(t *testing.T) {
	twice(t, func(t *testing.T, s *story) {
		for range 2 {
			s.refused("bob", office, "account-locked")
			s.pass(10 * time.Second)
		}
		s.expect()
		s.refused("bob", office, "account-locked")
		s.expect("locked-out firing [bob account-locked] 3")
		for range 6 {
			s.pass(10 * time.Second)
			s.refused("bob", office, "account-locked")
		}
		s.pass(20 * time.Second)
		s.accepted("bob", office)
		s.expect("locked-out firing [bob account-locked] 3", "locked-out resolved [bob account-locked] 9")
		first, last := s.messages[0], s.messages[len(s.messages)-1]
		if first.ID != last.ID || first.Revision != 1 || last.Revision <= first.Revision {
			t.Errorf("the messages are %s.%d and %s.%d", first.ID, first.Revision, last.ID, last.Revision)
		}
	})
}

// TestWindow: failures that lie further apart than the window are no alert.
func TestWindow(t *testing.T) {
	twice(t, func(_ *testing.T, s *story) {
		for range 10 {
			s.refused("bob", office, "account-locked")
			s.pass(8 * time.Minute)
		}
		s.expect()
	})
}

// TestRevisions: a finding that is told again counts once, and one that turns
// out to be something else is taken back.
func TestRevisions(t *testing.T) {
	twice(t, func(_ *testing.T, s *story) {
		f := s.finding("bob", office, "account-locked", sshwhy.OutcomeRefused)
		for revision := range 5 {
			f.Revision = revision + 1
			s.deliver(f)
		}
		g := s.finding("bob", office, "account-locked", sshwhy.OutcomeRefused)
		s.deliver(g)
		g.Revision, g.Cause = 2, s.causes.Find("password-expired")
		s.deliver(g)
		s.refused("bob", office, "account-locked")
		s.expect()
		s.refused("bob", office, "account-locked")
		s.expect("locked-out firing [bob account-locked] 3")
	})
}

// TestManyUsers: one cause hits everybody, right after sshd was restarted. It
// is one alert, and says so.
func TestManyUsers(t *testing.T) {
	twice(t, func(t *testing.T, s *story) {
		stop := s.finding("", "", "sshd-stopped", sshwhy.OutcomeNone)
		s.deliver(stop)
		s.pass(40 * time.Second)
		for i := range 60 {
			s.refused(fmt.Sprint("user", i%12), office, "not-in-allow-users")
			s.pass(2 * time.Second)
		}
		if s.told[0] != "many-users firing [not-in-allow-users] 5" || len(s.told) > 3 {
			t.Errorf("told was\n  %s", strings.Join(s.told, "\n  "))
		}
		m := s.messages[0]
		if s.causes.ID(m.After) != "sshd-stopped" || m.AfterFor != 40*time.Second || m.NumUsers != 5 {
			t.Errorf("the alert is after %q by %s, of %d users", s.causes.ID(m.After), m.AfterFor, m.NumUsers)
		}
	})
}

// TestBurst: ten thousand failures of five causes within seconds are a handful
// of messages, and later one for each cause.
func TestBurst(t *testing.T) {
	twice(t, func(t *testing.T, s *story) {
		list := []string{"account-locked", "not-in-allow-users", "bad-ownership-or-modes", "authorized-keys-missing", "key-too-small"}
		n := 10_000
		if s.restarts {
			n = 60 // each is a restart
		}
		for i := range n {
			s.refused(fmt.Sprint("user", i/7%3000), office, list[i%len(list)])
			if i%200 == 199 {
				s.now = s.now.Add(time.Second)
			}
		}
		s.pass(2 * time.Second)
		if len(s.told) > 10 {
			t.Errorf("%d messages in the first minute:\n  %s", len(s.told), strings.Join(s.told, "\n  "))
		}
		before := len(s.told)
		s.pass(2 * time.Minute)
		later := s.told[before:]
		for _, line := range later {
			if !strings.HasPrefix(line, "many-users grown") && !strings.HasPrefix(line, "locked-out ") {
				t.Errorf("later told was %q", line)
			}
		}
		if len(later) > len(list)+2 {
			t.Errorf("later %d messages:\n  %s", len(later), strings.Join(later, "\n  "))
		}
	})
}

// TestStrangers: names that are guessed make one message a day.
func TestStrangers(t *testing.T) {
	twice(t, func(t *testing.T, s *story) {
		s.accepted("alice", home)
		guesses := 300
		if s.restarts {
			guesses = 60
		}
		for i := range guesses {
			s.refused([]string{"root", "admin", "oracle"}[i%3], stranger, []string{"wrong-password", "user-unknown", "user-unknown"}[i%3])
		}
		s.expect()
		s.pass(time.Hour) // until nine
		digest := fmt.Sprintf("background-noise digest [] %d", guesses)
		s.expect(digest)
		for range 3 {
			s.refused("alice", home, "wrong-password")
		}
		s.expect(digest, "locked-out firing [alice wrong-password] 3")
	})
}

// TestRoot: root may log in from where root does; from elsewhere it is told,
// once.
func TestRoot(t *testing.T) {
	twice(t, func(_ *testing.T, s *story) {
		s.accepted("root", office)
		s.accepted("root", office)
		s.accepted("root", stranger)
		s.accepted("root", stranger)
		s.expect("root-from-new-source firing [" + stranger + "] 1")
	})
}

// TestReminderAndEnd: what goes on is told again, and what has stopped ends
// though nothing is written any more.
func TestReminderAndEnd(t *testing.T) {
	twice(t, func(_ *testing.T, s *story) {
		s.refused("bob", office, "account-locked")
		for range 4 {
			s.pass(50 * time.Minute)
			s.refused("bob", office, "account-locked")
		}
		s.pass(2 * time.Hour)
		s.expect("r firing [bob] 1", "r reminder [bob] 2", "r reminder [bob] 3", "r reminder [bob] 5", "r resolved [bob] 5")
	}, alerts.Rule{Name: "r", When: `outcome == "refused"`, By: []string{"user"}, Within: time.Hour, RemindEvery: 70 * time.Minute, ResolveAfter: time.Hour})
}

// TestNotices: what sshwhy says of itself is an alert as well.
func TestNotices(t *testing.T) {
	s := tell(t)
	n := &sshwhy.Notice{Code: "silent", Source: "/var/log/auth.log", Text: "nothing has come for 3 h"}
	s.alerter.AlertNotice(n, s.take)
	s.alerter.AlertNotice(n, s.take)
	s.expect("log-trouble firing [silent /var/log/auth.log] 1")
	if s.messages[0].Notice == nil || s.messages[0].Notice.Text != n.Text {
		t.Errorf("the alert has the notice %v", s.messages[0].Notice)
	}
}

// TestSilence: what is silenced is counted and told when the silence ends.
func TestSilence(t *testing.T) {
	twice(t, func(t *testing.T, s *story) {
		if _, err := s.alerter.Silence(alerts.Silence{Match: map[string]string{"user": "bob"}, Until: s.now.Add(5 * time.Minute), Comment: "bob moves house"}); err != nil {
			t.Fatal(err)
		}
		if s.restarts {
			s.restart()
		}
		for range 4 {
			s.refused("bob", office, "account-locked")
			s.refused("carol", office, "account-locked")
		}
		s.expect("locked-out firing [carol account-locked] 3")
		s.pass(6 * time.Minute)
		if left := s.alerter.Silences(); len(left) != 0 {
			t.Errorf("the silences %v are left", left)
		}
		s.refused("bob", office, "account-locked")
		s.expect("locked-out firing [carol account-locked] 3", "locked-out firing [bob account-locked] 5")
	})
}

// TestSilenceRefused: a silence that cannot work is an error.
func TestSilenceRefused(t *testing.T) {
	s := tell(t)
	for _, c := range []struct {
		silence alerts.Silence
		want    string
	}{
		{alerts.Silence{Match: map[string]string{"usr": "bob"}, Until: s.now.Add(time.Hour)}, `"usr"`},
		{alerts.Silence{Until: s.now.Add(-time.Hour)}, "has passed"},
	} {
		if _, err := s.alerter.Silence(c.silence); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v gave the error %v, want one with %s", c.silence, err, c.want)
		}
	}
}

// TestRules: what is wrong with rules is said all at once.
func TestRules(t *testing.T) {
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	_, err = alerts.New(c, alerts.Options{Rules: []alerts.Rule{
		{Name: "a", When: `outcom == "refused"`},
		{Name: "b", When: `user`},
		{Name: "c", When: `true`, By: []string{"usr"}},
		{Name: "d", When: `true`, Unless: []string{"z"}},
		{Name: "e", When: `true`}, {Name: "e", When: `true`},
		{Name: "f"},
		{Name: "g", When: `true`, Within: -time.Second},
	}})
	if err == nil {
		t.Fatal("no rule was refused")
	}
	for _, want := range []string{`rule "a"`, "outcom", `rule "b"`, `rule "c"`, `"usr"`, `rule "d"`, `"z"`, `two rules have the name "e"`, `rule "f"`, "empty", `rule "g"`, "negative"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %s:\n%v", want, err)
		}
	}
}

// TestBounded: names without end take no more room than the bounds.
func TestBounded(t *testing.T) {
	s := tell(t, alerts.Rule{Name: "r", When: `true`, By: []string{"user"}, AtLeast: 3, Within: time.Hour})
	long := strings.Repeat("x", 1000)
	for i := range 6000 {
		s.refused(fmt.Sprint("user", i, long), stranger, "user-unknown")
	}
	s.restart()
	if n := len(s.kept); n > 5000 {
		t.Errorf("%d entries are kept", n)
	}
	s.expect()
}
