package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
)

func generate(t *testing.T, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Generate(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSameOptionsSameLog(t *testing.T) {
	o := Options{Lines: 5000, Hosts: 3, Seed: 7}
	first := generate(t, o)
	if !bytes.Equal(first, generate(t, o)) {
		t.Error("two logs of the same options differ")
	}
	if o.Seed++; bytes.Equal(first, generate(t, o)) {
		t.Error("another seed gives the same log")
	}
	if n := bytes.Count(first, []byte("\n")); n != o.Lines {
		t.Errorf("the log has %d lines, want %d", n, o.Lines)
	}
}

// TestLooksLikeALog holds what the measurements rely on: enough kinds, three
// lines each on average, many connections open at a time, and times that
// never step back.
func TestLooksLikeALog(t *testing.T) {
	if len(scripts) < 20 {
		t.Errorf("%d kinds of connections are too few", len(scripts))
	}
	const lines = 50_000
	g := newGenerator(Options{Lines: lines, Hosts: 2, Seed: 1})
	open, interleaved := 0, 0
	var last, writer string
	for range lines {
		line := string(g.next())
		open += len(g.open)
		// All are of one November, so that the stamps sort as text.
		if line[:15] < last {
			t.Fatalf("a line of %s stands behind one of %s", line[:15], last)
		}
		last = line[:15]
		if tag, _, _ := strings.Cut(line[16:], ": "); tag != writer {
			writer = tag
			interleaved++
		}
	}
	if mean := float64(lines) / float64(g.count); mean < 2.7 || mean > 3.3 {
		t.Errorf("a connection has %.2f lines on average, want about 3", mean)
	}
	if open/lines < 20 {
		t.Errorf("%d connections are open on average, want dozens", open/lines)
	}
	if interleaved < lines/2 {
		t.Errorf("only %d of %d lines follow one of another connection", interleaved, lines)
	}
}

// TestEveryLineIsRecognised keeps the scripts to what programs really write.
func TestEveryLineIsRecognised(t *testing.T) {
	c, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parser.New(c, parser.Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	others := 0
	var ev sshwhy.Event
	lines := bytes.Split(bytes.TrimSuffix(generate(t, Options{Lines: 30_000, Hosts: 2, Seed: 2}), []byte("\n")), []byte("\n"))
	for _, line := range lines {
		p.Parse(&sshwhy.Record{Text: line, Newest: time.Date(2026, time.November, 20, 0, 0, 0, 0, time.UTC)}, &ev)
		switch {
		case ev.Line == sshwhy.LineUnparsed:
			t.Errorf("not recognised: %s", line)
		case ev.Line == sshwhy.LineSkipped:
			others++
		case ev.Time == 0 || len(ev.Host) == 0 || strings.HasPrefix(string(ev.Ident), "sshd") && ev.PID == 0:
			t.Errorf("its header was not read: %s", line)
		}
	}
	if others == 0 || others > len(lines)/5 {
		t.Errorf("%d of %d lines are of other programs", others, len(lines))
	}
}
