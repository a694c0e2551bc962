package sinks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/ledger"
)

// Deliverer brings items to where they go: to a webhook, to Loki, into a file.
//
// Send is called from one goroutine, with items in the order in which they were
// put; again with those that it did not deal with; and after a crash again with
// some that it did: at least once, with the same id and revision. The items and
// their bodies are valid during the call. It returns soon after the context is
// done, which happens when the program ends, and within a minute or so in any
// case.
type Deliverer interface {
	Send(ctx context.Context, items []ledger.Item, kept Kept) Sent
}

// Kept is what a deliverer remembered with Sent.Keep, in this run or another.
// *ledger.Queue implements it.
type Kept interface {
	// Value gives a copy of what is kept under the key, nil for nothing.
	Value(key string) []byte
	// Values gives copies of all that is kept, in the order of the keys.
	Values() []ledger.Pair
}

// Sent says what became of the items of a Send.
type Sent struct {
	// Done is how many of them, counted from the first, are dealt with:
	// accepted, or refused for good. They are not sent again.
	Done int
	// Refused are those among them that the other side will never accept.
	Refused []Refused
	// Keep is to be remembered; it is stored in the transaction that notes
	// that these items are done, before Send is called again.
	Keep []ledger.Pair
	// Err says why the others are not done, without secrets. They are sent
	// again after a while, and not before After.
	Err   error
	After time.Duration
}

// Refused is an item that was refused, and why.
type Refused struct {
	// Item is its index in what Send got.
	Item   int
	Reason string
}

// SentAll says that the items had one fate: that of a request which held them
// all and ended with err, nil or what Poster.Post gave.
func SentAll(items int, err error) Sent {
	if err == nil {
		return Sent{Done: items}
	}
	var f *Failure
	if !errors.As(err, &f) {
		return Sent{Err: err}
	}
	if f.Retry {
		return Sent{Err: err, After: f.After}
	}
	s := Sent{Done: items}
	for i := range items {
		s.Refused = append(s.Refused, Refused{i, f.Reason})
	}
	return s
}

// Encoder writes findings and alerts for a deliverer, at the time when they
// are found. It is called from the goroutine of the loop. Nothing appended
// means that there is nothing to deliver.
type Encoder interface {
	AppendFinding(dst []byte, f *sshwhy.Finding) ([]byte, error)
	AppendAlert(dst []byte, a *sshwhy.Alert) ([]byte, error)
}

// OutboxOptions describe an outbox. Name, Deliverer and Encoder are needed; for
// all else the zero value is sensible.
type OutboxOptions struct {
	// Name is that of the sink in the configuration, and of its queue.
	Name      string
	Deliverer Deliverer
	// Encoder may be shared by outboxes: what it writes is then written
	// once for all.
	Encoder Encoder
	// Findings and Alerts say what the sink takes. Want, if not nil, says
	// which findings.
	Findings, Alerts bool
	Want             func(*sshwhy.Finding) bool
	// Updates says that the sink wants alerts of which nothing but the
	// numbers has changed (sshwhy.NewsUpdated).
	Updates bool
	// Batch is the most items that one Send gets; 0 means what the
	// deliverer's method BatchSize says, or else 100.
	Batch int
	// Queue bounds what waits.
	Queue ledger.QueueOptions
	// MinWait and MaxWait bound the time before what failed is tried
	// again: it doubles from the one to the other, and up to a half of it
	// is left to chance. 0 means 1 second and 1 minute.
	MinWait, MaxWait time.Duration
	// DeadLetters takes what was refused, with the reason. Nil drops it.
	DeadLetters *File
	// Notice takes what is to be told of the sink: that it fails, that it
	// is well again, that items were refused or dropped. It is called from
	// the outbox's own goroutine. Nil drops it.
	Notice func(*sshwhy.Notice)
}

const (
	defaultBatch   = 100
	defaultMinWait = time.Second
	defaultMaxWait = time.Minute
)

// OutboxStats say how an outbox stands: the queue over all runs, the rest since
// the program began.
type OutboxStats struct {
	Name string
	ledger.QueueStats
	// Tries is how often something was sent, Failures how often in vain.
	Tries, Failures uint64
	// LastError is why it failed last, without secrets, at LastFailure;
	// LastSuccess is when something was dealt with. Zero for never.
	LastError                string
	LastFailure, LastSuccess time.Time
	// Failing says that the last try failed.
	Failing bool
}

// Outboxes makes sinks that are slow, or away, look like one that is instant:
// what is delivered goes into a queue of the ledger for each of them, with the
// transaction that moves the places, and a goroutine each brings it on from
// there. It implements sshwhy.Sink and sshwhy.AlertSink.
//
// Open it after the ledger, Start it when the loop may begin, Stop it when the
// loop has ended, and close the ledger after that.
type Outboxes struct {
	boxes []*outbox
	body  []byte
	id    []byte

	running  sync.WaitGroup
	draining chan struct{}
	cancel   context.CancelFunc
}

// OpenOutboxes opens the queues in the ledger.
func OpenOutboxes(l *ledger.Ledger, sinks ...OutboxOptions) (*Outboxes, error) {
	s := &Outboxes{draining: make(chan struct{})}
	for _, o := range sinks {
		q, err := l.Queue(o.Name, o.Queue)
		if err != nil {
			return nil, fmt.Errorf("opening the outbox of %q: %w", o.Name, err)
		}
		s.boxes = append(s.boxes, newOutbox(o, q))
	}
	return s, nil
}

// Start begins to deliver.
func (s *Outboxes) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	for _, b := range s.boxes {
		s.running.Go(func() { b.run(ctx, s.draining) })
	}
}

// Stop delivers what is in the queues, for as long as the context allows, and
// gives back how many items are left for the next run.
func (s *Outboxes) Stop(ctx context.Context) (left uint64) {
	if s.cancel == nil {
		return 0
	}
	close(s.draining)
	stop := context.AfterFunc(ctx, s.cancel)
	s.running.Wait()
	stop()
	s.cancel()
	s.cancel = nil
	for _, b := range s.boxes {
		left += b.queue.Stats().Queued
	}
	return left
}

// Stats tells how each outbox stands, in the order of the configuration. It may
// be called from any goroutine.
func (s *Outboxes) Stats() []OutboxStats {
	all := make([]OutboxStats, len(s.boxes))
	for i, b := range s.boxes {
		all[i] = b.statsNow()
	}
	return all
}

// Deliver implements sshwhy.Sink.
func (s *Outboxes) Deliver(f *sshwhy.Finding) error {
	var wrote Encoder
	for _, b := range s.boxes {
		if !b.o.Findings || b.o.Want != nil && !b.o.Want(f) {
			continue
		}
		if wrote != b.o.Encoder {
			var err error
			if s.body, err = b.o.Encoder.AppendFinding(s.body[:0], f); err != nil {
				return fmt.Errorf("writing a finding for %q: %w", b.o.Name, err)
			}
			if wrote == nil {
				s.id = f.AppendID(s.id[:0])
			}
			wrote = b.o.Encoder
		}
		if err := b.put(ledger.Item{ID: string(s.id), Revision: f.Revision, Kind: ledger.KindFinding, Body: s.body}); err != nil {
			return err
		}
	}
	return nil
}

// DeliverAlert implements sshwhy.AlertSink.
func (s *Outboxes) DeliverAlert(a *sshwhy.Alert) error {
	var wrote Encoder
	for _, b := range s.boxes {
		if !b.o.Alerts || len(a.To) > 0 && !slices.Contains(a.To, b.o.Name) || a.News == sshwhy.NewsUpdated && !b.o.Updates {
			continue
		}
		if wrote != b.o.Encoder {
			var err error
			if s.body, err = b.o.Encoder.AppendAlert(s.body[:0], a); err != nil {
				return fmt.Errorf("writing an alert for %q: %w", b.o.Name, err)
			}
			wrote = b.o.Encoder
		}
		if err := b.put(ledger.Item{ID: a.ID, Revision: a.Revision, Kind: ledger.KindAlert, Body: s.body}); err != nil {
			return err
		}
	}
	return nil
}
