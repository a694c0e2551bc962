package tailers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sshwhy/sshwhy"
)

// scripted is a source that yields what a test wrote down: lines, "tick", or
// "error". It uses the same memory for every line, as sources may.
type scripted struct {
	name    string
	script  []string
	forever bool // wait for the context at the end
}

// Records implements sshwhy.Source.
func (s *scripted) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		var text, mark []byte
		for i, line := range s.script {
			r := sshwhy.Record{Source: s.name}
			var err error
			switch line {
			case "tick":
				r.Tick = true
			case "error":
				err = errors.New(s.name + " has a fault")
			default:
				text, mark = append(text[:0], line...), fmt.Appendf(mark[:0], "after %s", line)
				r.Text = text
				r.Header = &sshwhy.Header{Host: text, PID: int32(i)}
				r.Place = sshwhy.Place{Stream: s.name, Mark: mark, Offset: int64(i)}
			}
			if !yield(&r, err) {
				return
			}
		}
		if s.forever {
			<-ctx.Done()
		}
	}
}

// TestMergeKeepsTheOrderOfEachSource holds that what a source yields arrives
// whole and in order, though the source uses its memory again.
func TestMergeKeepsTheOrderOfEachSource(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	const sources, lines = 5, 3000
	var m Merge
	for i := range sources {
		s := &scripted{name: fmt.Sprint("source", i)}
		for n := range lines {
			s.script = append(s.script, fmt.Sprintf("%s %d %s", s.name, n, strings.Repeat("x", n%300)))
			if n%7 == 0 {
				s.script = append(s.script, "tick")
			}
		}
		s.script = append(s.script, "error")
		m.Sources = append(m.Sources, s)
	}
	next, faults := map[string]int{}, 0
	for r, err := range m.Records(t.Context()) {
		if err != nil {
			faults++
			continue
		}
		if r.Tick {
			continue
		}
		want := fmt.Sprintf("%s %d ", r.Source, next[r.Source])
		next[r.Source]++
		if !strings.HasPrefix(string(r.Text), want) || string(r.Header.Host) != string(r.Text) || string(r.Place.Mark) != "after "+string(r.Text) {
			t.Fatalf("got %q with the header of %q and the mark %q; want %q", r.Text, r.Header.Host, r.Place.Mark, want)
		}
	}
	for i := range sources {
		if n := next[fmt.Sprint("source", i)]; n != lines {
			t.Errorf("source %d gave %d lines of %d", i, n, lines)
		}
	}
	if faults != sources {
		t.Errorf("%d faults were told, want %d", faults, sources)
	}
}

// TestMergeTicks holds that a tick follows as soon as nothing waits, and
// further ones while it stays so, each with the time since the one before.
func TestMergeTicks(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := Merge{Sources: []sshwhy.Source{&scripted{name: "quiet", script: []string{"one line", "tick"}, forever: true}}, Every: time.Millisecond}
	start := time.Now()
	var elapsed time.Duration
	var got []string
	for r, err := range m.Records(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if !r.Tick {
			got = append(got, string(r.Text))
			continue
		}
		got = append(got, "tick")
		if elapsed += r.Elapsed; len(got) > 5 {
			cancel()
		}
	}
	if passed := time.Since(start); elapsed <= 0 || elapsed > passed {
		t.Errorf("the ticks told of %s, and %s passed", elapsed, passed)
	}
	if text := strings.Join(got, ", "); !strings.Contains(text, "one line, tick, tick, tick") {
		t.Errorf("got %s", text)
	}
}

// TestMergeStops holds that nothing is left when the loop has enough.
func TestMergeStops(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	endless := make([]string, 10_000)
	for i := range endless {
		endless[i] = "line"
	}
	m := Merge{Sources: []sshwhy.Source{&scripted{name: "a", script: endless}, &scripted{name: "b", script: endless, forever: true}}}
	for range m.Records(t.Context()) {
		break
	}
}

// TestStream holds that a pipe's lines come one by one, with a tick whenever
// the next is not there yet.
func TestStream(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		io.WriteString(w, "first\nsecond\nthi")
		io.WriteString(w, "rd\nlast")
		w.Close()
	}()
	var got []string
	for r, err := range (&Stream{Reader: r}).Records(t.Context()) {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Tick:
			got = append(got, "tick")
		default:
			got = append(got, string(r.Text))
		}
	}
	if text := strings.Join(got, " "); text != "tick first second tick third tick last tick" {
		t.Errorf("got %s", text)
	}
}
