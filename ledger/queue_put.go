package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// Item is something to be delivered: a finding or an alert, as its sink wrote
// it when it was found.
type Item struct {
	// ID and Revision tell it apart, and stay the same when it is
	// delivered twice.
	ID       string
	Revision int
	// Kind is KindFinding or KindAlert.
	Kind string
	// Time is when it was put into the queue, in nanoseconds since 1970
	// UTC; 0 lets Put ask the clock.
	Time int64
	// Body is what the sink's encoder wrote.
	Body []byte
}

// The kinds of items.
const (
	KindFinding = "finding"
	KindAlert   = "alert"
)

// MaxBody bounds an item's body, in bytes.
const MaxBody = 4 << 20

// ErrTooLong says that the body of an item is longer than MaxBody.
var ErrTooLong = errors.New("the body is too long")

// Put adds an item, or gives ErrTooLong. It is stored by the next Commit of the
// ledger, together with how far was read; until then nobody sees it. The body
// is copied.
func (q *Queue) Put(it Item) error {
	if len(it.Body) > MaxBody {
		return fmt.Errorf("queueing the %s %s: %w", it.Kind, it.ID, ErrTooLong)
	}
	if it.Time == 0 {
		it.Time = q.l.o.Now().UnixNano()
	}
	b := &q.open
	if b.items == 0 {
		b.first = it.Time
	}
	b.last = it.Time
	b.items++
	b.raw = appendItem(b.raw, &it)
	if len(b.raw) >= blockBytes || b.items >= blockItems {
		q.pack()
	}
	return nil
}

// pack ends the open block.
func (q *Queue) pack() {
	if q.open.items == 0 {
		return
	}
	b := q.open
	head := binary.AppendUvarint(nil, b.items)
	head = binary.AppendVarint(head, b.first)
	head = binary.AppendVarint(head, b.last)
	b.packed = q.l.pack.encode.EncodeAll(b.raw, head)
	q.open = block{raw: b.raw[:0]}
	b.raw = nil
	q.ready = append(q.ready, b)
}

// pending packs what the queues took and gives those that took something,
// locked.
func (l *Ledger) pending() []*Queue {
	l.queuesMu.Lock()
	defer l.queuesMu.Unlock()
	var with []*Queue
	for _, q := range l.queues {
		q.pack()
		if len(q.ready) > 0 {
			with = append(with, q)
		}
	}
	for _, q := range with {
		q.mu.Lock()
	}
	return with
}

// store writes what the queue took, and drops from its front what is too much
// then. The caller holds mu.
func (q *Queue) store(tx *bbolt.Tx) (change, error) {
	b := tx.Bucket(bucketQueues).Bucket(q.name)
	m, _ := parseCounts(b.Get(keyCounts))
	blocks := b.Bucket(bucketBlocks)
	blocks.FillPercent = 0.95 // keys only grow
	for i := range q.ready {
		n, err := blocks.NextSequence()
		if err != nil {
			return change{}, err
		}
		key := binary.BigEndian.AppendUint64(nil, n)
		sealed := seal(key, q.ready[i].packed)
		if err := blocks.Put(key, sealed); err != nil {
			return change{}, err
		}
		m.enqueued += q.ready[i].items
		m.bytes += uint64(len(sealed))
	}
	if err := q.trim(blocks, &m); err != nil {
		return change{}, err
	}
	return change{m, oldest(blocks)}, b.Put(keyCounts, m.seal())
}

// stored notes that the transaction has succeeded. The caller holds mu.
func (q *Queue) stored(c change) {
	q.counts, q.first = c.counts, c.first
	q.ready = q.ready[:0]
	q.wake()
}
