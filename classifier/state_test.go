package classifier_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier"
)

// TestHeldAndDroppedCancelOut tells nothing of a connection that begins and is
// forgotten between two calls.
func TestHeldAndDroppedCancelOut(t *testing.T) {
	l := newLive(t, classifier.Options{Hold: true})
	l.line("23:00:00", left)
	l.line("23:00:00", invalid)
	l.line("23:00:30", "sshd[1]: Server listening on 0.0.0.0 port 22.")
	held, dropped := l.held()
	if len(held) != 1 || !strings.Contains(held[0], "bob") || len(dropped) != 0 {
		t.Errorf("held are %q, dropped %v: want bob's line alone", held, dropped)
	}
	l.tick(200)
	if held, dropped = l.held(); len(held) != 0 || len(dropped) != 1 {
		t.Errorf("later held are %q, dropped %v: want bob dropped", held, dropped)
	}
	if held, dropped = l.held(); len(held)+len(dropped) > 0 {
		t.Errorf("then nothing happened, and held are %q, dropped %v", held, dropped)
	}
}

// TestHeldUntilForgotten keeps a session's records after its login, and those
// of a connection that is settled, for lines that come late.
func TestHeldUntilForgotten(t *testing.T) {
	l := newLive(t, classifier.Options{Hold: true})
	l.line("23:00:00", "sshd[7]: Accepted password for alice from 203.0.113.7 port 4000 ssh2")
	l.tick(3600)
	if held, dropped := l.held(); len(held) != 1 || len(dropped) != 0 {
		t.Errorf("of a session, held are %q, dropped %v", held, dropped)
	}
	l.line("23:59:59", "sshd[7]: pam_unix(sshd:session): session closed for user alice")
	l.tick(5)
	if held, dropped := l.held(); len(held) != 1 || len(dropped) != 0 {
		t.Errorf("of one that has just ended, held are %q, dropped %v", held, dropped)
	}
	l.tick(10)
	if _, dropped := l.held(); len(dropped) != 1 {
		t.Errorf("later %v are dropped", dropped)
	}
}

// TestHeldHeader gives records that have their header apart as they came.
func TestHeldHeader(t *testing.T) {
	l := newLive(t, classifier.Options{Hold: true})
	r := &sshwhy.Record{
		Text: []byte("Invalid user bob from 203.0.113.8 port 4001"), Source: "journal",
		Header: &sshwhy.Header{Time: newest.UnixNano(), Host: []byte("web01"), Ident: []byte("sshd"), PID: 8},
	}
	l.record(r)
	l.classifier.Held(func(_ uint64, got *sshwhy.Record) {
		if string(got.Text) != string(r.Text) || got.Source != r.Source || got.Header == nil || string(got.Header.Host) != "web01" ||
			string(got.Header.Ident) != "sshd" || got.Header.PID != 8 || got.Header.Time != r.Header.Time {
			t.Errorf("held is %+v, with %+v", got, got.Header)
		}
	}, func(uint64) {})
}

// TestNothingIsHeldUnasked gives nothing without Options.Hold.
func TestNothingIsHeldUnasked(t *testing.T) {
	l := newLive(t, classifier.Options{})
	l.line("23:00:00", asked)
	if held, _ := l.held(); len(held) > 0 || len(l.saved()) > 0 {
		t.Errorf("held are %q, saved %v", held, l.saved())
	}
}

func (l *live) held() (held []string, dropped []uint64) {
	l.classifier.Held(func(_ uint64, r *sshwhy.Record) { held = append(held, string(r.Text)) },
		func(number uint64) { dropped = append(dropped, number) })
	return held, dropped
}

func (l *live) saved() map[string][]byte {
	all := map[string][]byte{}
	l.classifier.Save(func(key string, value []byte) { all[key] = slices.Clone(value) })
	return all
}

// busy gives the state of a classifier that has something of everything.
func busy(t testing.TB) map[string][]byte {
	l := newLive(t, classifier.Options{Hold: true, Inspect: true})
	l.line("23:00:00", left)
	l.record(&sshwhy.Record{Inspection: &sshwhy.Inspection{Of: l.last.Identity, Cause: l.causes.Find("home-missing"), Confidence: sshwhy.ConfidenceCertain,
		Values: []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/alice"}}, Seen: []string{"/home/alice does not exist"}}})
	l.line("23:00:01", "sshd[1]: error: Could not load host key: /etc/ssh/ssh_host_rsa_key")
	for i := range 6 {
		l.line("23:00:02", strings.ReplaceAll("sshd[PID]: Failed password for root from 203.0.113.9 port 50PID ssh2", "PID", string(rune('2'+i))+"0"))
		l.line("23:00:02", strings.ReplaceAll("sshd[PID]: Connection closed by authenticating user root 203.0.113.9 port 50PID [preauth]", "PID", string(rune('2'+i))+"0"))
	}
	l.line("23:00:03", "sshd[30]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.8  user=dora")
	l.line("23:00:03", "sshd: drop connection #10 from [198.51.100.8]:4712 on [203.0.113.1]:22 past MaxStartups")
	l.line("23:00:04", asked)
	state := l.saved()
	kinds := map[string]bool{}
	for key := range state {
		kind, _, _ := strings.Cut(key, "/")
		kinds[kind] = true
	}
	if len(kinds) != 5 {
		t.Fatalf("saved is but %v", slices.Sorted(maps.Keys(kinds)))
	}
	return state
}

// TestStateIsIncremental saves what changed, and nothing else.
func TestStateIsIncremental(t *testing.T) {
	l := newLive(t, classifier.Options{Hold: true})
	l.line("23:00:00", asked)
	l.line("23:00:00", invalid)
	l.saved()
	if again := l.saved(); len(again) > 0 {
		t.Errorf("nothing happened, and saved is %v", slices.Sorted(maps.Keys(again)))
	}
	l.tick(1)
	if again := l.saved(); len(again) > 0 {
		t.Errorf("a second passed, and saved is %v", slices.Sorted(maps.Keys(again)))
	}
	l.line("23:00:00", left)
	n := 0
	for key := range l.saved() {
		if strings.HasPrefix(key, "connection/") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d connections are saved after a line of one", n)
	}
}

// TestDamagedState takes every byte of every entry for another, cuts it, and
// lengthens it: what cannot be read is an error, and the rest counts.
func TestDamagedState(t *testing.T) {
	g := newRig(t)
	for key, value := range busy(t) {
		for i := range value {
			l := g.live(t, classifier.Options{Hold: true})
			damaged := slices.Clone(value)
			damaged[i] ^= 0x55
			_ = l.classifier.Load(key, damaged) // may be right by chance
			if err := l.classifier.Load(key, value[:i]); err == nil {
				t.Errorf("%s: %d of %d bytes are read as all", key, i, len(value))
			}
			if err := l.classifier.Load(key, value); err != nil {
				t.Errorf("%s: the whole value after a damaged one: %v", key, err)
			}
			l.line("23:00:05", invalid)
			l.tick(200)
			if !slices.Contains(l.found, "bob refused user-unknown.1") {
				t.Fatalf("%s, byte %d damaged: found %q", key, i, l.found)
			}
			if testing.Short() {
				break
			}
		}
		l := g.live(t, classifier.Options{})
		if err := l.classifier.Load(key, append(slices.Clone(value), 0)); err == nil {
			t.Errorf("%s: a value with something behind it is read", key)
		}
	}
	l := newLive(t, classifier.Options{})
	for _, key := range []string{"", "host", "nothing/1", "seat/999999", "seat/-1", "connection/x"} {
		if l.classifier.Load(key, []byte{1}) == nil {
			t.Errorf("an entry %q is read", key)
		}
	}
}

// FuzzLoad reads what anybody may have written into the ledger.
func FuzzLoad(f *testing.F) {
	for key, value := range busy(f) {
		kind, _, _ := strings.Cut(key, "/")
		f.Add(kind+"/1", value)
	}
	g := newRig(f)
	p := g.parser.Clone()
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		k, err := classifier.New(g.patterns, g.causes, classifier.Options{Hold: true, Inspect: true})
		if err != nil {
			t.Fatal(err)
		}
		k.Load(key, value)
		var ev sshwhy.Event
		for _, line := range []string{asked, left, invalid} {
			p.Parse(&sshwhy.Record{Text: []byte("Nov 22 23:00:00 web01 " + line), Newest: newest}, &ev)
			k.Classify(&ev, func(*sshwhy.Finding) {})
		}
		p.Parse(&sshwhy.Record{Tick: true, Elapsed: time.Hour}, &ev)
		k.Classify(&ev, func(*sshwhy.Finding) {})
		k.Held(func(uint64, *sshwhy.Record) {}, func(uint64) {})
		k.Save(func(key string, value []byte) {
			if len(value) > 64<<10 {
				t.Errorf("%s has %d bytes", key, len(value))
			}
		})
		k.Close(func(*sshwhy.Finding) {})
	})
}

// BenchmarkHold measures a connection of a flood of which everything is held
// and saved, in batches as the loop makes them.
func BenchmarkHold(b *testing.B) {
	g := newRig(b)
	f := newFlood(b, g)
	k, err := classifier.New(g.patterns, g.causes, classifier.Options{Hold: true})
	if err != nil {
		b.Fatal(err)
	}
	f.classifier = k
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		f.connect(n)
		if n%2048 == 0 {
			k.Held(func(uint64, *sshwhy.Record) {}, func(uint64) {})
			k.Save(func(string, []byte) {})
		}
	}
}
