package sshwhy

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Source gives the records of a log in order.
//
// Records is called once, from one goroutine. It yields until the log ends,
// the context is done, or the loop stops asking; it has released everything
// when it returns. A record is valid until the next one is yielded. An error
// that concerns one file or line is yielded with a nil record, and the
// sequence goes on; so is a Notice. An end without an error means that all was
// read.
//
// A live source yields a tick whenever it is about to wait, and carries its
// place in every record.
type Source interface {
	Records(ctx context.Context) iter.Seq2[*Record, error]
}

// Parser turns a record into an event. It cannot fail: a line that says
// nothing known is an event as well. It is called from one goroutine.
type Parser interface {
	Parse(*Record, *Event)
}

// Classifier joins events and gives the findings that they settle.
//
// Classify is called with every event in the order of the log, ticks and
// inspections included, Close once after the last, both from one goroutine. The
// findings that they yield are valid until the next is asked for; the sequence
// must be run to its end.
type Classifier interface {
	Classify(*Event, func(*Finding))
	Close(func(*Finding))
}

// Sink takes findings. Deliver is called from one goroutine and must not keep
// the finding. An error ends the run; a sink that can wait and try again does
// so behind a queue of its own.
type Sink interface {
	Deliver(*Finding) error
}

// Flusher is a sink that collects what it writes. Flush is called when nothing
// waits to be read, so that a verdict is seen as soon as it is known.
type Flusher interface {
	Flush() error
}

// Alerter joins findings that belong together. Alert is called with every
// finding, Tick whenever a live source has nothing to read, Close never: what
// an alerter knows is Stateful.
type Alerter interface {
	Alert(*Finding, func(*Alert))
	Tick(*Record, func(*Alert))
}

// NoticeAlerter is an alerter that is told of notices as well.
type NoticeAlerter interface {
	AlertNotice(*Notice, func(*Alert))
}

// AlertSink is a sink that takes alerts as well, under the rules of Deliver.
type AlertSink interface {
	DeliverAlert(*Alert) error
}

// Holder is a classifier whose open connections outlive the program: it tells
// which records they rest on.
//
// Held gives what changed since the last call: hold for each record that now
// belongs to a connection, in their order, drop for each connection that can
// say nothing more, or that no longer needs records, after which its number is
// not used again. Numbers belong to one run of the program.
type Holder interface {
	Held(hold func(connection uint64, r *Record), drop func(connection uint64))
}

// Stateful is a room with state that outlives the program and that the records
// of open connections do not bring back: windows, counters, what was told.
//
// Save gives the entries that changed since the last call; a nil value deletes
// one. Load takes every entry that was kept, before the first record. Keys are
// the room's own, values at most 64 KiB. An entry that cannot be understood
// gives an error, and the others count all the same.
type Stateful interface {
	Save(put func(key string, value []byte))
	Load(key string, value []byte) error
}

// Ledger keeps what must outlive the program.
//
// Commit stores a batch and all that was delivered into the ledger's own
// queues since the last one, in one transaction: when it returns nil, none of
// it can be lost and none of it is read again. It is called at least once a
// second: with nothing to store it does nothing. Restore gives back what was
// kept, before the first record; what it gives is valid during the call.
type Ledger interface {
	Commit(*Batch) error
	Restore(record func(*Record), state func(room, key string, value []byte)) error
}

// Batch is what changed between two commits.
type Batch struct {
	// Places are the newest of each generation.
	Places []Place
	// Held are records that came to belong to open connections, Dropped the
	// connections that can say nothing more. In the first batch of a run
	// Held replaces all that was kept before.
	Held    []Held
	Dropped []uint64
	// State are the entries of the stateful rooms that changed.
	State []State
}

// Held is a record that an open connection rests on.
type Held struct {
	Connection uint64
	Record     Record
}

// State is an entry of a stateful room; a nil value deletes it.
type State struct {
	Room, Key string
	Value     []byte
}

// Loop is the journey of a line: read, parse, classify, alert, commit, deliver.
// Source and Parser, or without a Ledger Ahead in their place, Classifier and Sink
// are needed, all else may be nil.
type Loop struct {
	Source     Source
	Parser     Parser
	Ahead      *Ahead
	Classifier Classifier
	Alerter    Alerter
	Ledger     Ledger
	Sink       Sink
	// Count sees events before Watch does, ticks too: at once all of lines
	// that follow each other and differ in their text only. The record is what
	// these have in common.
	Count func(*Record, []Event)
	// Watch sees each event before it is classified, ticks too.
	Watch func(*Event)
	// Trouble takes errors of the source that concern one file or line, and
	// notices; reading goes on.
	Trouble func(error)
	// Live says that the log goes on after the run: when the context is
	// done, what is open stays open.
	Live bool

	yield  func(*Finding) // deliver, made once: it is handed on with every line
	failed error
	batch  *batch // nil without a ledger
}

// Run reads the source to its end. Errors of the sink and of the ledger end it.
func (l *Loop) Run(ctx context.Context) error {
	if err := l.restore(); err != nil {
		return err
	}
	l.yield = l.deliver
	if l.Ahead != nil {
		l.takePages(ctx)
	} else {
		l.takeRecords(ctx)
	}
	if l.failed != nil {
		return l.failed
	}
	if !l.Live || ctx.Err() == nil {
		l.Classifier.Close(l.deliver)
	}
	l.rest()
	return l.failed
}

// takeRecords reads, parses and takes line by line.
func (l *Loop) takeRecords(ctx context.Context) {
	var one [1]Event
	for record, err := range l.Source.Records(ctx) {
		if err != nil {
			l.trouble(err)
			continue
		}
		l.Parser.Parse(record, &one[0])
		if l.Count != nil {
			l.Count(record, one[:])
		}
		if l.take(&one[0]); l.failed != nil {
			return
		}
	}
}

// takePages takes what was read and parsed ahead.
func (l *Loop) takePages(ctx context.Context) {
	for p, err := range l.Ahead.pages(ctx) {
		if err != nil {
			l.trouble(err)
			continue
		}
		if l.takePage(p); l.failed != nil {
			return
		}
	}
}

// takePage takes the events that were parsed of a page. A log that is read in
// blocks has no ticks.
func (l *Loop) takePage(p *page) {
	for events, lines, record := p.run(); len(events) > 0; events, lines, record = p.run() {
		if l.Count != nil {
			l.Count(record, events)
		}
		for i, at := range lines {
			record.Text = p.Text[at.Start:at.End]
			ev := &events[i]
			ev.Record = record
			if l.Watch != nil {
				l.Watch(ev)
			}
			l.Classifier.Classify(ev, l.yield)
			if l.failed != nil {
				return
			}
		}
	}
}

// take leads one event through the rooms.
func (l *Loop) take(ev *Event) {
	r := ev.Record
	if l.Watch != nil {
		l.Watch(ev)
	}
	l.Classifier.Classify(ev, l.yield)
	if r.Tick && l.Alerter != nil {
		l.Alerter.Tick(r, l.deliverAlert)
	}
	if l.batch != nil {
		l.batch.note(r)
	}
	if r.Tick || l.batch.full() {
		l.rest()
	}
}

// trouble tells of what went wrong; reading goes on.
func (l *Loop) trouble(err error) {
	l.Trouble(err)
	var n *Notice
	if a, ok := l.Alerter.(NoticeAlerter); ok && errors.As(err, &n) {
		a.AlertNotice(n, l.deliverAlert)
	}
}

// rest makes what was done durable and seen: nothing waits to be read.
func (l *Loop) rest() {
	l.commit()
	if f, ok := l.Sink.(Flusher); ok && l.failed == nil {
		l.fail("writing what was found", f.Flush())
	}
}

func (l *Loop) deliver(f *Finding) {
	if l.failed != nil {
		return
	}
	if err := l.Sink.Deliver(f); err != nil {
		l.fail("delivering a finding", err)
	}
	if l.Alerter != nil {
		l.Alerter.Alert(f, l.deliverAlert)
	}
}

func (l *Loop) deliverAlert(a *Alert) {
	if s, ok := l.Sink.(AlertSink); ok && l.failed == nil {
		l.fail("delivering an alert", s.DeliverAlert(a))
	}
}

func (l *Loop) fail(doing string, err error) {
	if err != nil && l.failed == nil {
		l.failed = fmt.Errorf("%s: %w", doing, err)
	}
}
