package sshwhy_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// tape is a source made of words: "tick", "fault", or a line.
type tape []string

// Records implements sshwhy.Source.
func (t tape) Records(context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		for i, word := range t {
			r := sshwhy.Record{Text: []byte(word), Place: sshwhy.Place{Stream: "tape", Mark: fmt.Append(nil, "at ", word), Offset: int64(i + 1)}}
			switch word {
			case "tick":
				r = sshwhy.Record{Tick: true, Elapsed: time.Second}
			case "fault":
				if !yield(nil, errors.New("a fault")) {
					return
				}
				continue
			}
			if !yield(&r, nil) {
				return
			}
		}
	}
}

// room plays all rooms, and writes down what the loop asks of it. Every line
// is a finding, a line "open…" is held and "close" drops all that are.
type room struct {
	log      []string
	held     []sshwhy.Held
	dropped  []uint64
	restored []sshwhy.Held
	state    []sshwhy.State
	full     error
}

func (r *room) note(format string, a ...any) { r.log = append(r.log, fmt.Sprintf(format, a...)) }

// Parse implements sshwhy.Parser.
func (r *room) Parse(record *sshwhy.Record, ev *sshwhy.Event) {
	ev.Reset(record)
	ev.Message = record.Text
}

// Classify implements sshwhy.Classifier.
func (r *room) Classify(ev *sshwhy.Event, yield func(*sshwhy.Finding)) {
	switch text := string(ev.Message); {
	case ev.Record.Tick:
		return
	case strings.HasPrefix(text, "open"):
		r.held = append(r.held, sshwhy.Held{Connection: uint64(len(r.held) + 1), Record: *ev.Record})
	case text == "close":
		for i := range r.held {
			r.dropped = append(r.dropped, r.held[i].Connection)
		}
	}
	yield(&sshwhy.Finding{User: ev.Message})
}

// Close implements sshwhy.Classifier.
func (r *room) Close(func(*sshwhy.Finding)) { r.note("closed") }

// Held implements sshwhy.Holder.
func (r *room) Held(hold func(uint64, *sshwhy.Record), drop func(uint64)) {
	for i := range r.held {
		hold(r.held[i].Connection, &r.held[i].Record)
	}
	for _, c := range r.dropped {
		drop(c)
	}
	r.held, r.dropped = nil, nil
}

// Alert implements sshwhy.Alerter.
func (r *room) Alert(f *sshwhy.Finding, yield func(*sshwhy.Alert)) {
	if string(f.User) == "alarm" {
		yield(&sshwhy.Alert{Rule: "fire"})
	}
}

// Tick implements sshwhy.Alerter.
func (r *room) Tick(_ *sshwhy.Record, yield func(*sshwhy.Alert)) {}

// AlertNotice implements sshwhy.NoticeAlerter.
func (r *room) AlertNotice(n *sshwhy.Notice, yield func(*sshwhy.Alert)) {
	yield(&sshwhy.Alert{Rule: n.Code})
}

// Deliver implements sshwhy.Sink.
func (r *room) Deliver(f *sshwhy.Finding) error {
	r.note("deliver %s", f.User)
	if string(f.User) == "too much" {
		return r.full
	}
	return nil
}

// DeliverAlert implements sshwhy.AlertSink.
func (r *room) DeliverAlert(a *sshwhy.Alert) error {
	r.note("alert %s", a.Rule)
	return r.full
}

// Flush implements sshwhy.Flusher.
func (r *room) Flush() error { r.note("flush"); return nil }

// Commit implements sshwhy.Ledger.
func (r *room) Commit(b *sshwhy.Batch) error {
	text := "commit"
	for _, p := range b.Places {
		text += fmt.Sprintf(" %s:%d:%s", p.Stream, p.Offset, p.Mark)
	}
	for _, h := range b.Held {
		text += fmt.Sprintf(" hold %d", h.Connection)
	}
	for _, d := range b.Dropped {
		text += fmt.Sprintf(" drop %d", d)
	}
	r.note("%s", text)
	return nil
}

// Restore implements sshwhy.Ledger.
func (r *room) Restore(record func(*sshwhy.Record), state func(room, key string, value []byte)) error {
	for _, s := range r.state {
		state(s.Room, s.Key, s.Value)
	}
	for i := range r.restored {
		record(&r.restored[i].Record)
	}
	return nil
}

// Save implements sshwhy.Stateful.
func (r *room) Save(func(key string, value []byte)) {}

// Load implements sshwhy.Stateful.
func (r *room) Load(key string, value []byte) error {
	if string(value) == "strange" {
		return errors.New("it is strange")
	}
	r.note("load %s", key)
	return nil
}

func (r *room) loop(words ...string) *sshwhy.Loop {
	return &sshwhy.Loop{Source: tape(words), Parser: r, Classifier: r, Sink: r, Trouble: func(err error) { r.note("trouble: %v", err) }}
}

func (r *room) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(r.log, want) {
		t.Errorf("the loop did\n  %s\nwant\n  %s", strings.Join(r.log, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestLoopReplay holds the order of a replay: faults do not end it, and what
// is open is closed at the end.
func TestLoopReplay(t *testing.T) {
	var r room
	if err := r.loop("one", "fault", "two").Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.expect(t, "deliver one", "trouble: a fault", "deliver two", "closed", "flush")
}

// TestLoopLive holds that a live run commits before it rests, stores the last
// place of each stream, what is open, and alerts after the finding.
func TestLoopLive(t *testing.T) {
	var r room
	l := r.loop("open a", "alarm", "tick", "close", "tick")
	l.Alerter, l.Ledger, l.Live = &r, &r, true
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the user has seen enough: what is open stays open
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	r.expect(t, "deliver open a", "deliver alarm", "alert fire", "commit tape:2:at alarm hold 1", "flush",
		"deliver close", "commit tape:4:at close", "flush", "commit", "flush")
}

// TestLoopRestores holds that records of open connections go through the rooms
// again before the first line, and that what they say is not told twice.
func TestLoopRestores(t *testing.T) {
	r := room{restored: []sshwhy.Held{{Connection: 7, Record: sshwhy.Record{Text: []byte("open before")}}}}
	l := r.loop("close")
	l.Ledger = &r
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.expect(t, "deliver close", "closed", "commit tape:1:at close hold 1 drop 1", "flush")
}

// TestLoopTellsOfStateItCannotRead holds that entries that no room understands
// are told of once, as a notice, and that the others count.
func TestLoopTellsOfStateItCannotRead(t *testing.T) {
	r := room{state: []sshwhy.State{
		{Room: "alerter", Key: "group/1", Value: []byte("fine")},
		{Room: "classifier", Key: "seat/2", Value: []byte("strange")},
		{Room: "classifier", Key: "seat/3", Value: []byte("strange")},
		{Room: "of another version", Key: "key", Value: []byte("strange")},
	}}
	l := r.loop("one")
	l.Alerter, l.Ledger = &r, &r
	var told []error
	l.Trouble = func(err error) { told = append(told, err) }
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.expect(t, "load group/1", "alert state-unreadable", "deliver one", "closed", "commit tape:1:at one", "flush")
	var n *sshwhy.Notice
	if len(told) != 1 || !errors.As(told[0], &n) {
		t.Fatalf("told %v, want one notice", told)
	}
	if want := `2 of the 3 entries that the last run left cannot be understood, the first is "seat/2" of the classifier: it is strange`; n.Code != "state-unreadable" || n.Text != want {
		t.Errorf("told %s: %s\nwant %s", n.Code, n.Text, want)
	}
}

// TestLoopCannotTellOfState holds that a run ends whose sink takes not even
// what is told before the first line.
func TestLoopCannotTellOfState(t *testing.T) {
	r := room{full: errors.New("no space left"), state: []sshwhy.State{{Room: "sink", Key: "last", Value: []byte("strange")}}}
	l := r.loop("one")
	l.Alerter, l.Ledger = &r, &r
	if err := l.Run(t.Context()); !errors.Is(err, r.full) {
		t.Errorf("the run ended with %v", err)
	}
	r.expect(t, `trouble: 1 of the 1 entries that the last run left cannot be understood, the first is "last" of the sink: it is strange`, "alert state-unreadable")
}

// TestLoopFullBatch holds that a backlog is committed in parts.
func TestLoopFullBatch(t *testing.T) {
	var r room
	l := r.loop(slices.Repeat([]string{"line"}, 10_000)...)
	l.Ledger = &r
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	commits := 0
	for _, entry := range r.log {
		if strings.HasPrefix(entry, "commit") {
			commits++
		}
	}
	if commits != 3 {
		t.Errorf("%d commits, want 3", commits)
	}
}

// TestLoopFails holds that a sink that cannot take a finding ends the run
// before anything is committed: the line is read again next time.
func TestLoopFails(t *testing.T) {
	r := room{full: errors.New("no space left")}
	l := r.loop("one", "too much", "three")
	l.Ledger = &r
	err := l.Run(t.Context())
	if !errors.Is(err, r.full) || !strings.Contains(err.Error(), "delivering a finding") {
		t.Errorf("the run ended with %v", err)
	}
	r.expect(t, "deliver one", "deliver too much")
}
