package ledger

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// QueueOptions bound a queue; what is older, or too much, is dropped from its
// front and counted.
type QueueOptions struct {
	// MaxBytes is how much of the file it may take, besides what is on its
	// way; 0 means 256 MiB.
	// Items are compressed: many findings to about a tenth, a single one
	// to about a half.
	MaxBytes int64
	// MaxAge is how long an item may wait; 0 means 72 hours.
	MaxAge time.Duration
}

// QueueStats say how a queue stands. Enqueued is always the sum of Queued,
// Delivered, Refused and Dropped; they count from when the queue was made, over
// all runs.
type QueueStats struct {
	Enqueued, Delivered, Refused, Dropped uint64
	// Queued is the number of items, and Bytes what they take in the file.
	Queued uint64
	Bytes  int64
	// Oldest is when the first item was put into the queue, in nanoseconds
	// since 1970 UTC; 0 for an empty queue. It can be that of an item just
	// before the first.
	Oldest int64
}

// Queue is what a sink has yet to deliver, in order. Items lie in blocks, each
// compressed as a whole, so that a long outage takes little of the disk and
// none of the memory.
//
// Put is for the goroutine of the loop, as is the ledger's Commit; Next,
// Settle, Release and Trim are for the one that delivers; Stats, Value and
// Ready are for any.
type Queue struct {
	l    *Ledger
	name []byte
	o    QueueOptions

	// What Put took since the last commit.
	open  block
	ready []block

	// mu guards what is known of the file. Who holds it may begin a
	// transaction; within one it is never taken.
	mu     sync.Mutex
	counts counts
	first  int64 // the time of the first block
	// flight is the last block that the items of Next are in, 0 for none;
	// up to it nothing is dropped. flying is what these blocks take.
	flight uint64
	flying uint64

	signal chan struct{}

	// What the goroutine that delivers alone uses.
	blocks []inFlight
	window []Item
	raw    []byte
}

const (
	defaultMaxBytes = 256 << 20
	defaultMaxAge   = 72 * time.Hour
)

var (
	bucketBlocks = []byte("blocks")
	bucketValues = []byte("values")
	keyCounts    = []byte("counts")
)

// Queue gives the queue of that name, and makes it where there is none. A queue
// has one user: asked for again it gives an error.
func (l *Ledger) Queue(name string, o QueueOptions) (*Queue, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxAge == 0 {
		o.MaxAge = defaultMaxAge
	}
	l.queuesMu.Lock()
	defer l.queuesMu.Unlock()
	if l.queues[name] != nil || name == "" {
		return nil, fmt.Errorf("the queue %q is in use", name)
	}
	q := &Queue{l: l, name: []byte(name), o: o, signal: make(chan struct{}, 1)}
	if err := q.load(); err != nil {
		return nil, fmt.Errorf("reading the queue %q: %w", name, plain(err))
	}
	l.queues[name] = q
	q.wake()
	return q, nil
}

// Queues gives the names of all queues in the file, in order: also those that
// sinks had that are no longer configured.
func (l *Ledger) Queues() ([]string, error) {
	var names []string
	err := l.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketQueues).ForEachBucket(func(k []byte) error {
			names = append(names, string(k))
			return nil
		})
	})
	return names, err
}

// Waiting gives how many items a queue holds, without using it: 0 for one that
// is not there.
func (l *Ledger) Waiting(name string) (items uint64, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket([]byte(name))
		if b == nil {
			return nil
		}
		m, ok := parseCounts(b.Get(keyCounts))
		if !ok {
			return errCounts
		}
		items = m.queued()
		return nil
	})
	return items, err
}

// Forget deletes a queue that nobody uses in this run, with what it holds.
func (l *Ledger) Forget(name string) error {
	l.queuesMu.Lock()
	defer l.queuesMu.Unlock()
	if l.queues[name] != nil {
		return fmt.Errorf("the queue %q is in use", name)
	}
	return l.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketQueues).DeleteBucket([]byte(name)) })
}

// load reads what an earlier run left. Blocks that are damaged are dropped.
func (q *Queue) load() error {
	return q.l.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket(q.name)
		if b == nil {
			return q.create(tx)
		}
		m, ok := parseCounts(b.Get(keyCounts))
		blocks := b.Bucket(bucketBlocks)
		if !ok || blocks == nil || b.Bucket(bucketValues) == nil {
			return errCounts
		}
		if err := q.mend(blocks, &m); err != nil {
			return err
		}
		q.counts, q.first = m, oldest(blocks)
		return b.Put(keyCounts, m.seal())
	})
}

func (q *Queue) create(tx *bbolt.Tx) error {
	b, err := tx.Bucket(bucketQueues).CreateBucket(q.name)
	if err != nil {
		return err
	}
	_, err1 := b.CreateBucket(bucketBlocks)
	_, err2 := b.CreateBucket(bucketValues)
	return errors.Join(err1, err2, b.Put(keyCounts, (&counts{}).seal()))
}

// mend deletes the blocks that cannot be read, and counts what they held as
// dropped.
func (q *Queue) mend(blocks *bbolt.Bucket, m *counts) error {
	var broken [][]byte
	items, bytes := uint64(0), uint64(0)
	first := true
	if err := blocks.ForEach(func(k, v []byte) error {
		s, _, ok := parseBlock(k, v)
		if ok {
			items += s.items
			bytes += uint64(len(v))
		} else {
			broken = append(broken, slices.Clone(k))
		}
		if first && (!ok || m.index > s.items) {
			m.index = 0
		}
		first = false
		return nil
	}); err != nil {
		return err
	}
	for _, k := range broken {
		if err := blocks.Delete(k); err != nil {
			return err
		}
	}
	m.bytes = bytes
	if items -= m.index; items < m.queued() {
		m.dropped += m.queued() - items
	}
	return nil
}

func (q *Queue) wake() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// Ready is sent to when something was stored.
func (q *Queue) Ready() <-chan struct{} { return q.signal }

// Stats tells how the queue stands. What was put and not committed is not in
// it.
func (q *Queue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := &q.counts
	return QueueStats{
		Enqueued: m.enqueued, Delivered: m.delivered, Refused: m.refused, Dropped: m.dropped,
		Queued: m.queued(), Bytes: int64(m.bytes), Oldest: q.first,
	}
}
