package sshwhy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"
)

// blocks is a source of blocks that are given, with an error behind each.
type blocks struct {
	count, lines int
	trouble      error
}

// Records implements Source.
func (s blocks) Records(context.Context) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		var b Block
		for i := range s.count {
			b.Reset()
			s.fill(&b, i)
			if !b.Records(yield) || s.trouble != nil && !yield(nil, s.trouble) {
				return
			}
		}
	}
}

// Blocks implements BlockSource.
func (s blocks) Blocks(ctx context.Context, blank func() *Block) iter.Seq2[*Block, error] {
	return func(yield func(*Block, error) bool) {
		for i := range s.count {
			b := blank()
			if b == nil {
				return
			}
			s.fill(b, i)
			if !yield(b, nil) || s.trouble != nil && !yield(nil, s.trouble) {
				return
			}
		}
	}
}

func (s blocks) fill(b *Block, n int) {
	even, odd := &Record{Source: "even"}, &Record{Source: "odd"}
	for i := range s.lines {
		line := fmt.Appendf(nil, "host%d prog message %d of block %d", i%3, i, n)
		switch {
		case i%7 == 3:
			b.Add(&Record{Text: line, Source: "journal", Header: &Header{Host: fmt.Appendf(nil, "own%d", i), PID: int32(i)}})
		case i/5%2 == 0:
			b.Append(line, even)
		default:
			b.Append(line, odd)
		}
	}
}

// echo is a parser that gives parts of a line, some of them in memory of its
// own that the next line overwrites.
type echo struct {
	own []byte
}

// Parse implements Parser.
func (p *echo) Parse(r *Record, ev *Event) {
	ev.Reset(r)
	if len(r.Text)%5 == 0 {
		runtime.Gosched()
	}
	words := bytes.SplitN(r.Text, []byte(" "), 3)
	p.own = append(p.own[:0], words[1]...)
	ev.Host, ev.Ident, ev.Message = words[0], p.own, words[2]
	if r.Header != nil {
		ev.Header = *r.Header
	}
	ev.Line, ev.Pattern, ev.Time, ev.Repeat = LineParsed, PatternID(len(r.Text)), int64(len(words[2])), 2
	for i := range len(r.Text) % 5 {
		ev.Push(Captured{FieldUser, 0, int32(i), int32(i + 2)})
	}
	ev.Form, ev.Borrowed = string(words[0][:1]), true
}

// events gives what the pages hold.
func (a *Ahead) events(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for p, err := range a.pages(ctx) {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			for events, lines, record := p.run(); len(events) > 0; events, lines, record = p.run() {
				for i := range events {
					record.Text = p.Text[lines[i].Start:lines[i].End]
					events[i].Record = record
					if !yield(&events[i], nil) {
						return
					}
				}
			}
		}
	}
}

// told writes down all that an event says.
func told(ev *Event) string {
	return fmt.Sprintf("%s %q %q %q %q %q %d %d %d %d %d %v", ev.Record.Source, ev.Record.Text, ev.Host, ev.Ident, ev.Message, ev.Form,
		ev.PID, ev.Time, ev.Pattern, ev.Line, ev.Repeat, ev.Captures())
}

// TestAhead: with any number of parsers the loop sees the same records, events
// and errors in the same order as with one parser behind the source.
func TestAhead(t *testing.T) {
	for _, source := range []blocks{
		{count: 50, lines: 40, trouble: errors.New("a damaged file")},
		{count: 2, lines: 1000},
	} {
		var want []string
		var plain echo
		var ev Event
		for r, err := range source.Records(t.Context()) {
			if err != nil {
				want = append(want, err.Error())
				continue
			}
			plain.Parse(r, &ev)
			want = append(want, told(&ev))
		}
		for _, n := range []int{1, 2, 8} {
			ahead := &Ahead{Source: source}
			for range n {
				ahead.Parsers = append(ahead.Parsers, &echo{})
			}
			i := 0
			for ev, err := range ahead.events(t.Context()) {
				got := fmt.Sprint(err)
				if err == nil {
					got = told(ev)
					ev.Push(Captured{FieldAddr, 0, 7, 7}) // what is added to one event is in no other
				}
				if i >= len(want) || got != want[i] {
					t.Fatalf("%d parsers, record %d: got\n%s", n, i, got)
				}
				i++
			}
			if i != len(want) {
				t.Errorf("%d parsers: %d records of %d", n, i, len(want))
			}
		}
	}
}

// TestAheadStops: who has enough ends the reading and all goroutines.
func TestAheadStops(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, after := range []int{1, 40, 41, 500} {
		ahead := &Ahead{Source: blocks{count: 1000, lines: 40, trouble: errors.New("x")}, Parsers: []Parser{&echo{}, &echo{}}}
		n := 0
		for range ahead.events(t.Context()) {
			if n++; n == after {
				break
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ahead := &Ahead{Source: blocks{count: 1 << 30, lines: 40}, Parsers: []Parser{&echo{}}}
	for range ahead.events(ctx) {
		cancel()
	}
	for wait := time.Now(); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Since(wait) > 5*time.Second {
			t.Fatalf("%d goroutines are left, there were %d", runtime.NumGoroutine(), before)
		}
	}
}
