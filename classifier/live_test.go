package classifier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier"
)

// live is a classifier as a live source feeds it.
type live struct {
	*rig
	t          testing.TB
	parser     sshwhy.Parser
	classifier *classifier.Classifier
	event      sshwhy.Event
	found      []string // since it was last asked: user, outcome, cause, revision
	last       *sshwhy.Finding
}

func newLive(t testing.TB, o classifier.Options) *live {
	return newRig(t).live(t, o)
}

func (g *rig) live(t testing.TB, o classifier.Options) *live {
	k, err := classifier.New(g.patterns, g.causes, o)
	if err != nil {
		t.Fatal(err)
	}
	return &live{rig: g, t: t, parser: g.parser.Clone(), classifier: k}
}

func (l *live) record(r *sshwhy.Record) {
	l.parser.Parse(r, &l.event)
	l.classifier.Classify(&l.event, l.note)
}

func (l *live) note(f *sshwhy.Finding) {
	l.last = f.Clone()
	l.found = append(l.found, fmt.Sprintf("%s %s %s.%d", f.User, f.Outcome, l.causes.ID(f.Cause), f.Revision))
}

// line writes a line of sshd at a time of the day on web01, or on the host that
// a slash follows.
func (l *live) line(clock, message string) {
	host := "web01"
	if before, after, ok := strings.Cut(clock, "/"); ok {
		host, clock = before, after
	}
	l.raw("Nov 22 " + clock + " " + host + " " + message)
}

func (l *live) raw(line string) {
	l.record(&sshwhy.Record{Text: []byte(line), Source: "auth.log", Newest: newest})
}

func (l *live) tick(seconds int) {
	for range seconds {
		l.record(&sshwhy.Record{Tick: true, Elapsed: time.Second})
	}
}

// want compares what was found since the last call.
func (l *live) want(when string, findings ...string) {
	l.t.Helper()
	if !slices.Equal(l.found, findings) {
		l.t.Errorf("%s: found %q, want %q", when, l.found, findings)
	}
	l.found = nil
}

const (
	asked   = "sshd[7]: Failed password for alice from 203.0.113.7 port 4000 ssh2"
	invalid = "sshd[8]: Invalid user bob from 203.0.113.8 port 4001"
)

// TestQuietNight settles the last connection of a log in which nothing is
// written any more.
func TestQuietNight(t *testing.T) {
	l := newLive(t, classifier.Options{})
	l.line("23:00:00", asked)
	l.tick(130) // LoginGraceTime and what is added to it; the first was before the line
	l.want("after the grace time")
	l.tick(2)
	l.want("a moment later", "alice refused wrong-password.1")
	l.tick(1000)
	l.want("nothing is told twice")
}

// TestQuietStart tells of a start of sshd that failed, though no line follows.
func TestQuietStart(t *testing.T) {
	l := newLive(t, classifier.Options{})
	l.line("23:00:00", "sshd[9]: error: Bind to port 22 on 0.0.0.0 failed: Address already in use.")
	l.line("23:00:00", "sshd[9]: fatal: Cannot bind any address.")
	l.tick(8)
	l.want("once sshd has said all", " startup-failed port-in-use.1")
}

// TestEpisodeEnds ends an attack when its source has been silent for long.
func TestEpisodeEnds(t *testing.T) {
	l := newLive(t, classifier.Options{})
	for i := range 12 {
		l.line(fmt.Sprintf("23:00:%02d", i), fmt.Sprintf("sshd[%d]: Failed password for root from 203.0.113.9 port %d ssh2", 100+i, 5000+i))
		l.line(fmt.Sprintf("23:00:%02d", i), fmt.Sprintf("sshd[%d]: Connection closed by authenticating user root 203.0.113.9 port %d [preauth]", 100+i, 5000+i))
	}
	l.found = nil
	l.tick(590)
	l.want("within ten minutes")
	l.tick(20)
	l.want("after them", "root refused brute-force.2")
}

// TestOtherClocks has hosts whose clocks differ, and one whose clock is set
// back: none of them ends what is open on another, or its own.
func TestOtherClocks(t *testing.T) {
	l := newLive(t, classifier.Options{})
	l.line("web01/23:00:00", asked)
	l.line("ahead/00:30:00", "sshd[3]: Connection closed by 203.0.113.1 port 1 [preauth]")
	l.raw("Nov 23 00:30:00 ahead sshd[4]: Server listening on 0.0.0.0 port 22.")
	l.tick(5)
	l.found = nil
	l.line("web01/22:00:00", invalid) // the clock was set back
	l.tick(5)
	l.line("web01/22:00:06", "sshd[1]: Server listening on 0.0.0.0 port 22.")
	l.tick(60)
	l.want("a minute later")
	l.line("web01/22:01:10", "sshd[8]: Connection closed by invalid user bob 203.0.113.8 port 4001 [preauth]")
	l.want("its end", "bob refused user-unknown.1")
	l.tick(90)
	l.want("the older one's deadline", "alice refused wrong-password.1")
}

// TestTickBesideLines delivers a tick a second beside a line a second: time
// counts once.
func TestTickBesideLines(t *testing.T) {
	l := newLive(t, classifier.Options{})
	l.line("23:00:00", asked)
	for i := 1; i <= 120; i++ {
		l.line(fmt.Sprintf("23:%02d:%02d", i/60, i%60), "sshd[1]: Server listening on 0.0.0.0 port 22.")
		l.tick(1)
	}
	l.want("after two minutes")
}

// TestLoggedWithoutTime leaves a host alone whose lines have no times.
func TestLoggedWithoutTime(t *testing.T) {
	l := newLive(t, classifier.Options{})
	l.raw(asked)
	l.tick(1000)
	l.want("after a while")
}

// BenchmarkIdleTick measures a tick with 20,000 hosts that have nothing to
// settle.
func BenchmarkIdleTick(b *testing.B) {
	g := newRig(b)
	k := g.classifier()
	p := g.parser.Clone()
	var ev sshwhy.Event
	for i := range 20_000 {
		p.Parse(&sshwhy.Record{Text: fmt.Appendf(nil, "Nov 22 23:00:00 host%d sshd[1]: Server listening on 0.0.0.0 port 22.", i), Newest: newest}, &ev)
		k.Classify(&ev, func(*sshwhy.Finding) {})
	}
	for b.Loop() {
		p.Parse(&sshwhy.Record{Tick: true, Elapsed: time.Second}, &ev)
		k.Classify(&ev, func(*sshwhy.Finding) {})
	}
}

const left = "sshd[7]: Connection closed by authenticating user alice 203.0.113.7 port 4000 [preauth]"

// TestInspection lets a look at the host answer what the log leaves open.
func TestInspection(t *testing.T) {
	l := newLive(t, classifier.Options{Inspect: true})
	l.line("23:00:00", left)
	l.want("the log alone", "alice refused undetermined.1")
	asked := l.last
	l.tick(40) // the process is forgotten, the question is not
	l.line("23:00:41", "sshd[7]: Invalid user carol from 203.0.113.7 port 4009")
	in := &sshwhy.Inspection{
		Of: asked.Identity, Cause: l.causes.Find("authorized-keys-missing"), Confidence: sshwhy.ConfidenceLikely,
		Candidates: []sshwhy.CauseID{l.causes.Find("authorized-keys-missing"), l.causes.Find("client-gave-up")},
		Values:     []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/alice/.ssh/authorized_keys"}},
		Seen:       []string{"/home/alice/.ssh/authorized_keys does not exist"},
	}
	l.record(&sshwhy.Record{Inspection: in})
	l.want("the answer", "alice refused authorized-keys-missing.2")
	f := l.last
	seen := f.Evidence[len(f.Evidence)-1]
	switch {
	case f.ID() != asked.ID(), f.Before.Confidence != sshwhy.ConfidenceUndetermined, f.Confidence != sshwhy.ConfidenceLikely, len(f.Candidates) != 2:
		t.Errorf("the revision is %+v", f)
	case string(seen.Text) != in.Seen[0] || seen.Pattern != 0 || f.Decisive != len(f.Evidence)-1:
		t.Errorf("what was seen is %q in %d, and %d decides", seen.Text, len(f.Evidence), f.Decisive)
	case f.Value(sshwhy.FieldPath) != in.Values[0].Text:
		t.Errorf("the path is %q", f.Value(sshwhy.FieldPath))
	}
	l.record(&sshwhy.Record{Inspection: in})
	l.want("the same again")
	l.tick(60)
	in.Cause = l.causes.Find("client-gave-up")
	l.record(&sshwhy.Record{Inspection: in})
	l.want("too late")
}

// TestInspectionOfLikely lets a look at the host answer otherwise than what the
// log makes likely, and say that there is more than one answer.
func TestInspectionOfLikely(t *testing.T) {
	l := newLive(t, classifier.Options{Inspect: true})
	refuse := func(clock string, pid int) {
		l.line(clock, fmt.Sprintf("sshd[%d]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7  user=alice", pid))
		l.line(clock, fmt.Sprintf("sshd[%d]: Failed password for alice from 203.0.113.7 port 4000 ssh2", pid))
		l.line(clock, fmt.Sprintf("sshd[%d]: Connection closed by authenticating user alice 203.0.113.7 port 4000 [preauth]", pid))
	}
	refuse("23:00:00", 7)
	l.want("the log alone", "alice refused wrong-password.1")
	of := l.last.Identity
	l.tick(40)
	locked, unset := l.causes.Find("password-locked"), l.causes.Find("password-not-set")
	l.record(&sshwhy.Record{Inspection: &sshwhy.Inspection{Of: of, Cause: locked, Confidence: sshwhy.ConfidenceLikely, Candidates: []sshwhy.CauseID{locked, l.causes.Find("wrong-password")}}})
	l.want("the answer", "alice refused password-locked.2")

	refuse("23:01:00", 8)
	l.want("another", "alice refused wrong-password.1")
	l.record(&sshwhy.Record{Inspection: &sshwhy.Inspection{Of: l.last.Identity, Confidence: sshwhy.ConfidenceUndetermined, Candidates: []sshwhy.CauseID{locked, unset}}})
	l.want("two answers", "alice refused undetermined.2")
	if f := l.last; f.Confidence != sshwhy.ConfidenceUndetermined || len(f.Candidates) != 2 || f.Candidates[0] != locked {
		t.Errorf("the revision is %+v", f)
	}
}

// TestInspectionAndLog has the log decide after all.
func TestInspectionAndLog(t *testing.T) {
	l := newLive(t, classifier.Options{Inspect: true})
	l.line("23:00:00", left)
	l.record(&sshwhy.Record{Inspection: &sshwhy.Inspection{Of: l.last.Identity, Cause: l.causes.Find("home-missing"), Confidence: sshwhy.ConfidenceCertain}})
	l.want("before", "alice refused undetermined.1", "alice refused home-missing.2")
	l.line("23:00:00", "sshd[7]: Connection reset by authenticating user alice 203.0.113.7 port 4000 [preauth]")
	l.want("a line that came late", "alice disconnected connection-reset.3")
	if n := len(l.last.Evidence); n != 2 {
		t.Errorf("%d lines are evidence", n)
	}
	l.record(&sshwhy.Record{Inspection: &sshwhy.Inspection{Of: sshwhy.Identity{Host: []byte("nowhere")}}})
}

// TestPending lists what is open, the oldest first, and says how far it is.
func TestPending(t *testing.T) {
	l := newLive(t, classifier.Options{})
	l.line("db01/22:59:58", "sshd[5]: Connection from 203.0.113.5 port 4005 on 192.0.2.1 port 22")
	l.line("23:00:00", asked)
	l.line("23:00:01", invalid)
	l.line("23:00:02", "sshd[9]: Failed publickey for carol from 203.0.113.9 port 4002 ssh2: RSA SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE")
	l.line("23:00:03", "sshd[10]: Postponed publickey for dave from 203.0.113.10 port 4003 ssh2 [preauth]")
	l.line("23:00:04", "sshd[11]: Postponed keyboard-interactive for erin from 203.0.113.11 port 4004 ssh2 [preauth]")
	l.line("23:00:05", "sshd[12]: Accepted password for frank from 203.0.113.12 port 4005 ssh2")
	l.line("23:00:06", "sshd[13]: Connection closed by 203.0.113.13 port 4006 [preauth]")
	l.tick(40)
	var got []string
	for p := range l.classifier.Pending {
		got = append(got, fmt.Sprintf("%s %s %s %d", p.User, p.Address, p.Step, (p.Now-p.Since)/1e9))
	}
	want := []string{
		" 203.0.113.5 connected 39", "alice 203.0.113.7 password-prompt 45", "bob 203.0.113.8 user-refused 44", "carol 203.0.113.9 key-refused 43",
		"dave 203.0.113.10 key-signature 42", "erin 203.0.113.11 password-prompt 41",
	}
	if !slices.Equal(got, want) {
		t.Errorf("open are\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

// TestRepeatedLine counts what the log daemon wrote once, towards the line
// that it means.
func TestRepeatedLine(t *testing.T) {
	for story, c := range map[string]struct {
		lines []string
		tries int
	}{
		"after the line": {[]string{asked, "last message repeated 4 times"}, 5},
		"twice":          {[]string{asked, "last message repeated 2 times", "last message repeated 2 times"}, 5},
		"after another program's line, which it means":        {[]string{asked, "cron[3]: (root) CMD (true)", "last message repeated 4 times"}, 1},
		"after another connection's line":                     {[]string{asked, invalid, "last message repeated 4 times"}, 1},
		"on another host":                                     {[]string{asked, "other/last message repeated 4 times"}, 1},
		"with another host's line in between":                 {[]string{asked, "other/" + invalid, "last message repeated 4 times"}, 5},
		"of a line that counts for nothing":                   {[]string{asked, "sshd[7]: debug1: userauth-request for user alice service ssh-connection method none", "last message repeated 9 times"}, 1},
		"in the spelling of rsyslog, which holds the message": {[]string{asked, "sshd[7]: message repeated 4 times: [ Failed password for alice from 203.0.113.7 port 4000 ssh2]"}, 5},
		"of that": {[]string{"sshd[7]: message repeated 2 times: [ Failed password for alice from 203.0.113.7 port 4000 ssh2]", "last message repeated 3 times"}, 5},
	} {
		l := newLive(t, classifier.Options{})
		for _, line := range c.lines {
			host, clock := "", "23:00:00"
			if rest, ok := strings.CutPrefix(line, "other/"); ok {
				host, line = "other/", rest
			}
			l.line(host+clock, line)
		}
		tries := 0
		for p := range l.classifier.Pending {
			if string(p.User) == "alice" {
				tries = p.Tries
			}
		}
		if tries != c.tries {
			t.Errorf("%s: %d tries, want %d", story, tries, c.tries)
		}
		l.tick(200)
		for _, e := range l.last.Evidence {
			if strings.Contains(string(e.Text), "last message") {
				t.Errorf("%s: %q is evidence", story, e.Text)
			}
		}
	}
}

// TestWhy says which lines count and what they rule out, and costs nothing
// where nobody asks.
func TestWhy(t *testing.T) {
	for _, asked := range []bool{true, false} {
		l := newLive(t, classifier.Options{Why: asked})
		l.line("23:00:00", "sshd[7]: Connection from 203.0.113.7 port 4000 on 192.0.2.1 port 22")
		l.line("23:00:01", "sshd[7]: Failed publickey for alice from 203.0.113.7 port 4000 ssh2: RSA SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE")
		l.line("23:00:02", left)
		why := l.last.Why
		if why.Rule != sshwhy.RuleKey {
			t.Errorf("the rule is %d", why.Rule)
		}
		if !asked {
			if len(why.Lines) > 0 || len(why.Ruled) > 0 {
				t.Errorf("nobody asked, and got %+v", why)
			}
			continue
		}
		if !slices.Equal(why.Lines, []int{1}) {
			t.Errorf("lines %v count", why.Lines)
		}
		by := map[string]string{}
		for _, r := range why.Ruled {
			by[l.causes.ID(r.Cause)] = fmt.Sprintf("%d by line %d", r.Against, r.Line)
			if slices.Contains(l.last.Candidates, r.Cause) {
				t.Errorf("%s is a candidate, and ruled out", l.causes.ID(r.Cause))
			}
		}
		for cause, want := range map[string]string{
			"pubkey-auth-disabled": fmt.Sprintf("%d by line 1", sshwhy.AgainstKeyTried),
			"user-unknown":         fmt.Sprintf("%d by line 2", sshwhy.AgainstValid),
		} {
			if by[cause] != want {
				t.Errorf("%s is ruled out %q, want %q", cause, by[cause], want)
			}
		}
	}
}
