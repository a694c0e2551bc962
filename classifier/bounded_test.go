package classifier_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier"
)

// maxState is how much memory the classifier may hold, whatever comes: Go's
// heap grows to twice what is in use, and all of it must fit into 64 MB.
const maxState = 30 << 20

// TestBoundedState floods the classifier from more addresses than it can
// remember: what it holds stays within bounds, each connection has its finding,
// and those that were cut short are counted.
func TestBoundedState(t *testing.T) {
	g := newRig(t)
	const connections = 300_000
	f := newFlood(t, g)
	for n := range connections {
		f.connect(n)
	}
	held := f.held()
	f.classifier.Close(f.count)
	evicted, sources := f.classifier.Evicted()
	t.Logf("%d findings, %d connections cut short, %d sources forgotten, %.1f MiB held", f.findings, evicted, sources, float64(held)/(1<<20))
	if held > maxState {
		t.Errorf("%d bytes are held after %d connections, more than %d", held, connections, int(maxState))
	}
	if f.ids != connections {
		t.Errorf("%d findings on %d connections", f.ids, connections)
	}
	if evicted == 0 {
		t.Error("nothing was cut short: the flood is too small to show anything")
	}
}

// TestBoundedNotes has ever new processes say what an sshd says when it starts,
// all in one second: what is known of them stays within bounds, too.
func TestBoundedNotes(t *testing.T) {
	g := newRig(t)
	f := newFlood(t, g)
	for n := range 150_000 {
		f.record.Text = fmt.Appendf(f.line[:0], "Nov 22 00:00:00 edge05 sshd[%d]: error: Could not load host key: /etc/ssh/key%d", 1_000_000+n, n)
		f.parser.Parse(&f.record, &f.event)
		f.classifier.Classify(&f.event, f.count)
	}
	if held := f.held(); held > maxState {
		t.Errorf("%d bytes are held, more than %d", held, int(maxState))
	}
}

// TestBoundedOrphans: lines that wait for the connection that they belong to are
// bounded together with the connections, and not for each host alone.
func TestBoundedOrphans(t *testing.T) {
	g := newRig(t)
	f := newFlood(t, g)
	line := func(host, pid int, text string) {
		f.record.Text = fmt.Appendf(f.line[:0], "Nov 22 00:00:00 host%d sshd[%d]: %s", host, pid, text)
		f.parser.Parse(&f.record, &f.event)
		f.classifier.Classify(&f.event, f.count)
	}
	const hosts = 2300
	for h := range hosts {
		for n := range 2 {
			line(h, 10+n, fmt.Sprintf("Accepted password for user%d from 192.0.2.7 port %d ssh2", n, 1024+n))
		}
	}
	for h := range hosts {
		for n := range 64 {
			line(h, 100+n, `fatal: bad ownership or modes for chroot directory "/srv"`)
		}
	}
	if held := f.held(); held > maxState {
		t.Errorf("%d bytes are held, more than %d", held, int(maxState))
	}
}

// TestManyTries: what the last line told is known also when there is no more
// room for text.
func TestManyTries(t *testing.T) {
	g := newRig(t)
	var lines []string
	for range 3000 {
		lines = append(lines, "Nov 22 00:00:00 edge05 sshd[7]: Failed publickey for tanja from 192.0.2.7 port 1024 ssh2: RSA SHA256:x/EJUbWcanMRIWSYegIJBm2XFGCUYPEzWH9ItZ8JjS8")
	}
	lines = append(lines, "Nov 22 00:00:01 edge05 sshd[7]: Connection closed by authenticating user tanja 192.0.2.7 port 1024 [preauth]")
	c, err := classifier.New(g.patterns, g.causes, classifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := g.parser
	var ev sshwhy.Event
	var method, print string
	take := func(f *sshwhy.Finding) { method, print = string(f.Method), string(f.Fingerprint) }
	for _, line := range lines {
		p.Parse(&sshwhy.Record{Text: []byte(line)}, &ev)
		c.Classify(&ev, take)
	}
	c.Close(take)
	if method != "publickey" || !strings.HasPrefix(print, "SHA256:") {
		t.Errorf("after %d tries the method is %q, the key %q", len(lines), method, print)
	}
}

// BenchmarkFlood measures a connection of a flood. With -benchtime 5000000x it
// is the one that must fit into 64 MiB; slowdown compares its last tenth with
// its first.
func BenchmarkFlood(b *testing.B) {
	g := newRig(b)
	f := newFlood(b, g)
	b.ReportAllocs()
	b.ResetTimer()
	begin := time.Now()
	var first, last time.Duration
	for n := range b.N {
		f.connect(n)
		switch n + 1 {
		case b.N / 10:
			first = time.Since(begin)
		case b.N - b.N/10:
			last = time.Since(begin)
		}
	}
	if first > 0 {
		b.ReportMetric(float64(time.Since(begin)-last)/float64(first), "slowdown")
	}
	b.StopTimer()
	b.ReportMetric(float64(f.held())/(1<<20), "MiB")
	evicted, _ := f.classifier.Evicted()
	b.ReportMetric(float64(evicted), "evicted")
}

// flood is a log of connections, each from another address, of which every
// third never ends.
type flood struct {
	parser     sshwhy.Parser
	classifier *classifier.Classifier
	before     uint64 // what was held at the start
	event      sshwhy.Event
	record     sshwhy.Record
	line       []byte
	findings   int // revisions included
	ids        int
}

func newFlood(t testing.TB, g *rig) *flood {
	f := &flood{parser: g.parser.Clone(), classifier: g.classifier()}
	f.record.Newest = newest
	f.before = heap()
	return f
}

// perSecond is how fast the flood comes: many times more than there is room
// for within LoginGraceTime.
const perSecond = 2000

// connect writes the lines of a connection.
func (f *flood) connect(n int) {
	address := fmt.Appendf(nil, "10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
	if n>>24 > 0 {
		address = fmt.Appendf(nil, "2001:db8::%x:%x", n>>16, n&0xffff)
	}
	user := fmt.Appendf(nil, "user%d", n)
	f.write(n, "Invalid user %s from %s port %d", user, address, 1024+n%60000)
	if n%3 > 0 {
		f.write(n, "Connection closed by invalid user %s %s port %d [preauth]", user, address, 1024+n%60000)
	}
}

func (f *flood) write(n int, message string, values ...any) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second / perSecond)
	f.line = at.AppendFormat(f.line[:0], time.Stamp)
	f.line = fmt.Appendf(f.line, " edge05 sshd[%d]: ", n+1)
	f.line = fmt.Appendf(f.line, message, values...)
	f.record.Text = f.line
	f.parser.Parse(&f.record, &f.event)
	f.classifier.Classify(&f.event, f.count)
}

func (f *flood) count(v *sshwhy.Finding) {
	f.findings++
	if v.Revision == 1 && v.PID != 0 {
		f.ids++
	}
}

// held gives the bytes that are held now beyond those at the start.
func (f *flood) held() uint64 {
	now := heap()
	runtime.KeepAlive(f.classifier)
	return max(now, f.before) - f.before
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
