package sinks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/ledger"
)

const (
	// windowItems and windowBytes bound what is in memory of a queue.
	windowItems = 2048
	windowBytes = 2 << 20
	// markAfter is how long what was delivered may wait until that is
	// noted: so much may come twice after a crash.
	markAfter = 100 * time.Millisecond
	// failingAfter is the number of tries in vain, in a row, after which a
	// sink that fails is worth a notice.
	failingAfter = 3
	// tellEvery is the shortest time between two notices of a kind.
	tellEvery = time.Minute
)

// outbox is the way of one sink from its queue.
type outbox struct {
	o     OutboxOptions
	queue *ledger.Queue
	// tooLong is the number of items that no queue takes, and that nobody
	// was told of yet.
	tooLong atomic.Uint64

	statsMu sync.Mutex
	stats   OutboxStats

	// What the goroutine that delivers alone uses.
	unmarked int // items dealt with, and not noted in the ledger
	refused  int // of unmarked
	marked   time.Time
	failed   int  // tries in a row
	failing  bool // and told
	drops    account
	refusals account
	reason   string // of the last refusal
}

// account is a count that is told now and then.
type account struct {
	told uint64
	at   time.Time
}

// due gives how much came to the count since it was told, 0 where that is not
// to be told yet.
func (a *account) due(count uint64, now time.Time, final bool) uint64 {
	if count <= a.told || !final && now.Sub(a.at) < tellEvery {
		return 0
	}
	n := count - a.told
	a.told, a.at = count, now
	return n
}

// batcher is a deliverer that knows how many items a Send should get.
type batcher interface{ BatchSize() int }

func newOutbox(o OutboxOptions, q *ledger.Queue) *outbox {
	if o.Batch <= 0 {
		o.Batch = defaultBatch
		if d, ok := o.Deliverer.(batcher); ok {
			o.Batch = d.BatchSize()
		}
	}
	if o.MinWait <= 0 {
		o.MinWait = defaultMinWait
	}
	if o.MaxWait <= 0 {
		o.MaxWait = defaultMaxWait
	}
	if o.Notice == nil {
		o.Notice = func(*sshwhy.Notice) {}
	}
	s := q.Stats()
	return &outbox{o: o, queue: q, stats: OutboxStats{Name: o.Name}, drops: account{told: s.Dropped}, refusals: account{told: s.Refused}}
}

// put queues an item. One that is too long must not end the run.
func (b *outbox) put(it ledger.Item) error {
	if len(it.Body) == 0 {
		return nil
	}
	err := b.queue.Put(it)
	if errors.Is(err, ledger.ErrTooLong) {
		b.tooLong.Add(1)
		return nil
	}
	return err
}

func (b *outbox) statsNow() OutboxStats {
	b.statsMu.Lock()
	defer b.statsMu.Unlock()
	s := b.stats
	s.QueueStats = b.queue.Stats()
	return s
}

// run delivers until the context is done or, once draining is closed, until
// the queue is empty.
func (b *outbox) run(ctx context.Context, draining <-chan struct{}) {
	defer b.tell(true)
	hurry := draining
	for ctx.Err() == nil {
		b.tell(false)
		items, err := b.next()
		var after time.Duration
		switch {
		case err != nil:
			b.note(err)
		case len(items) > 0:
			after, err = b.window(ctx, items)
		default:
			select {
			case <-b.queue.Ready():
			case <-draining:
				return
			case <-ctx.Done():
			}
		}
		if err != nil {
			b.queue.Release()
			hurry = b.wait(ctx, hurry, after)
		}
	}
}

// next gives what is to be delivered, without what has become too old.
func (b *outbox) next() ([]ledger.Item, error) {
	if err := b.queue.Trim(); err != nil {
		return nil, err
	}
	return b.queue.Next(windowItems, windowBytes)
}

// window delivers items, batch after batch, until all are dealt with or one
// fails.
func (b *outbox) window(ctx context.Context, items []ledger.Item) (after time.Duration, err error) {
	b.marked = time.Now()
	for len(items) > 0 && ctx.Err() == nil {
		batch := items[:min(len(items), b.o.Batch)]
		sent := b.o.Deliverer.Send(ctx, batch, b.queue)
		sent.Done = min(max(sent.Done, 0), len(batch))
		if sent.Done < len(batch) && sent.Err == nil {
			sent.Err = fmt.Errorf("%d of %d were left without a reason", len(batch)-sent.Done, len(batch))
		}
		b.take(batch, &sent)
		if len(sent.Keep) > 0 || time.Since(b.marked) > markAfter {
			b.mark(ctx, sent.Keep)
		}
		if items, after, err = items[sent.Done:], sent.After, sent.Err; err != nil {
			break
		}
	}
	b.mark(ctx, nil)
	return after, err
}

// take counts what became of a batch, and buries what was refused.
func (b *outbox) take(batch []ledger.Item, sent *Sent) {
	for _, r := range sent.Refused {
		if r.Item >= 0 && r.Item < sent.Done {
			b.refused++
			b.reason = r.Reason
			b.bury(&batch[r.Item], r.Reason)
		}
	}
	b.unmarked += sent.Done
	b.statsMu.Lock()
	b.stats.Tries++
	if sent.Done > 0 {
		b.stats.LastSuccess = time.Now()
	}
	b.stats.Failing = false
	b.statsMu.Unlock()
	if sent.Done > 0 {
		b.recovered()
	}
	if sent.Err != nil {
		b.note(sent.Err)
	}
}

// mark notes in the ledger what was dealt with. Until that succeeds nothing
// else is sent, or a full disk would make all of it come twice.
func (b *outbox) mark(ctx context.Context, keep []ledger.Pair) {
	for b.unmarked > 0 || len(keep) > 0 {
		err := b.queue.Settle(b.unmarked, b.refused, keep...)
		if err == nil {
			b.unmarked, b.refused, keep = 0, 0, nil
			b.marked = time.Now()
			return
		}
		b.note(err)
		b.tell(false)
		if b.wait(ctx, nil, 0); ctx.Err() != nil {
			b.unmarked, b.refused = 0, 0 // it comes again in the next run
			return
		}
	}
}

// bury keeps an item that was refused, as a line of JSON.
func (b *outbox) bury(it *ledger.Item, reason string) {
	if b.o.DeadLetters == nil {
		return
	}
	o := object{buf: []byte{'{'}}
	o.time("@timestamp", time.Now().UnixNano())
	o.word("sink", b.o.Name)
	o.word("id", it.ID)
	o.number("revision", int64(it.Revision))
	o.word("kind", it.Kind)
	o.word("reason", reason)
	o.key("body")
	if json.Valid(it.Body) {
		o.buf = append(o.buf, it.Body...)
	} else {
		o.buf = appendString(o.buf, it.Body)
	}
	o.close()
	if err := b.o.DeadLetters.Append(o.buf); err != nil {
		b.o.Notice(&sshwhy.Notice{Code: "dead-letter-lost", Source: b.o.Name, Text: fmt.Sprintf("%s %s was refused and could not be kept: %v", it.Kind, it.ID, err), Hint: "make space on the disk of the state directory"})
	}
}

// note remembers why a try was in vain.
func (b *outbox) note(err error) {
	b.failed++
	b.statsMu.Lock()
	defer b.statsMu.Unlock()
	b.stats.Failures++
	b.stats.Failing, b.stats.LastError, b.stats.LastFailure = true, tidy(err.Error(), nil), time.Now()
}

func (b *outbox) recovered() {
	if b.failing {
		b.failing = false
		b.o.Notice(&sshwhy.Notice{Code: "sink-well", Source: b.o.Name, Text: fmt.Sprintf("the sink takes again what it is sent, after %d tries in vain", b.failed)})
	}
	b.failed = 0
}

// tell gives the notices that are due.
func (b *outbox) tell(final bool) {
	now, s := time.Now(), b.statsNow()
	if b.failed >= failingAfter && !b.failing {
		b.failing = true
		b.o.Notice(&sshwhy.Notice{Code: "sink-failing", Source: b.o.Name, Text: "the sink does not take what it is sent: " + s.LastError,
			Hint: fmt.Sprintf("%d wait and are tried again; nothing is lost until the queue is full", s.Queued)})
	}
	if n := b.refusals.due(s.Refused, now, final); n > 0 {
		hint := "its dead letters are not kept"
		if b.o.DeadLetters != nil {
			hint = "they are kept in " + strconv.Quote(b.o.DeadLetters.path)
		}
		b.o.Notice(&sshwhy.Notice{Code: "sink-refused", Source: b.o.Name, Text: fmt.Sprintf("the sink refused %d for good, the last because of: %s", n, b.reason), Hint: hint})
	}
	if n := b.drops.due(s.Dropped, now, final); n > 0 {
		b.o.Notice(&sshwhy.Notice{Code: "sink-dropped", Source: b.o.Name, Text: fmt.Sprintf("%d that waited for the sink were dropped, the oldest first: its queue was full, or they were too old", n),
			Hint: "see why the sink does not take them, or let its queue be larger"})
	}
	if n := b.tooLong.Swap(0); n > 0 {
		b.o.Notice(&sshwhy.Notice{Code: "sink-dropped", Source: b.o.Name, Text: fmt.Sprintf("%d for the sink were dropped, each longer than %d bytes", n, ledger.MaxBody)})
	}
}

// wait waits before the next try: longer each time, but not when the program
// is about to end, which it gives one more try at once.
func (b *outbox) wait(ctx context.Context, hurry <-chan struct{}, after time.Duration) (next <-chan struct{}) {
	timer := time.NewTimer(max(after, b.backoff()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-hurry:
		return nil
	}
	return hurry
}

// backoff doubles with every try in vain; up to a half of it is left to chance,
// so that a thousand hosts do not come back at the same moment.
func (b *outbox) backoff() time.Duration {
	d := b.o.MaxWait
	if n := max(b.failed-1, 0); n < 20 {
		d = min(d, b.o.MinWait<<n)
	}
	return d - time.Duration(rand.Int64N(int64(d)/2+1))
}
