package tailers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
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

// beside is a source that waits for its context and then has a last word.
type beside struct{ word string }

// Records implements sshwhy.Source.
func (s beside) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		if yield(&sshwhy.Record{Tick: true}, nil) {
			<-ctx.Done()
			yield(&sshwhy.Record{Text: []byte(s.word)}, nil)
		}
	}
}

// TestMergeEndsWithItsSources holds that what is read beside them keeps nothing
// alive, and still has its say when they have had theirs.
func TestMergeEndsWithItsSources(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	tests := []struct {
		name    string
		sources []sshwhy.Source
		beside  []sshwhy.Source
		want    string
	}{
		{"a log that ends", []sshwhy.Source{&scripted{script: []string{"a line"}}}, []sshwhy.Source{beside{"a notice"}}, "a line, a notice"},
		{"an empty log", []sshwhy.Source{&scripted{}}, []sshwhy.Source{beside{"a notice"}}, "a notice"},
		{"one that ends of its own", []sshwhy.Source{&scripted{script: []string{"a line"}}}, []sshwhy.Source{&scripted{}}, "a line"},
		{"no log", nil, []sshwhy.Source{beside{"a notice"}}, "a notice"},
		{"nothing", nil, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for r, err := range (&Merge{Sources: test.sources, Beside: test.beside}).Records(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if !r.Tick {
					got = append(got, string(r.Text))
				}
			}
			if text := strings.Join(got, ", "); text != test.want {
				t.Errorf("got %q, want %q", text, test.want)
			}
		})
	}
}

// slow is a source that complains, and looks when it is told to.
type slow struct{ look <-chan struct{} }

// Records implements sshwhy.Source.
func (s slow) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		if !yield(nil, errors.New("this takes a while")) {
			return
		}
		<-s.look
		for _, p := range []sshwhy.Place{{Stream: "slow", Generation: "1"}, {Stream: "slow", Generation: "2"}, {}} {
			if !yield(&sshwhy.Record{Tick: true, Place: p}, nil) {
				return
			}
		}
		<-ctx.Done()
	}
}

// TestMergeTellsOfTheFirstLook holds that it is told once, when the slowest
// source has looked and the loop has had the places where it begins, and a tick
// after that; a complaint is no look, and an end is one.
func TestMergeTellsOfTheFirstLook(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	look := make(chan struct{})
	var story []string
	m := Merge{
		Sources: []sshwhy.Source{slow{look}, &scripted{}, &scripted{name: "b", script: []string{"a line", "tick"}, forever: true}},
		Beside:  []sshwhy.Source{&scripted{forever: true}},
		Looked:  func() { story = append(story, "looked"); cancel() },
		Every:   time.Millisecond,
	}
	ticks := 0
	for r, err := range m.Records(ctx) {
		switch {
		case err != nil:
			story = append(story, "complaint")
		case r.Place.Stream == "slow":
			story = append(story, "place "+r.Place.Generation)
		case r.Tick:
			switch last := story[max(0, len(story)-1):]; {
			case slices.Equal(last, []string{"complaint"}):
				if ticks++; ticks == 3 {
					story = append(story, "still looking")
					close(look)
				}
			case slices.Equal(last, []string{"place 2"}):
				story = append(story, "tick")
			}
		}
	}
	if text := strings.Join(story, ", "); text != "complaint, still looking, place 1, place 2, tick, looked" {
		t.Errorf("got %s", text)
	}
	for _, sources := range [][]sshwhy.Source{nil, {&scripted{}}} {
		told := 0
		for range (&Merge{Sources: sources, Looked: func() { told++ }}).Records(t.Context()) {
		}
		if told != 1 {
			t.Errorf("of %d sources that end at once it was told %d times", len(sources), told)
		}
	}
}

// TestMergeHasLookedAtAnEmptyLog follows what logrotate has just made: of a file
// in which nothing stands there is all the same a first look.
func TestMergeHasLookedAtAnEmptyLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, fromStart := range []bool{true, false} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		told := false
		m := Merge{Sources: []sshwhy.Source{NewFile(path, FileOptions{FromStart: fromStart})}, Looked: func() { told = ctx.Err() == nil; cancel() }}
		for range m.Records(ctx) {
		}
		if !told {
			t.Errorf("from its start: %v; the look at an empty log is not over", fromStart)
		}
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
