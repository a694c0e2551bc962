package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// inFlight is a block that items of the window are in.
type inFlight struct {
	key   []byte
	items int // of the window
	from  int // of the block, before the window
	size  int
}

// Next gives the first items that are not settled: whole blocks, until there
// are the given number of items or of bytes. They are valid until the next call
// of Next or Release, and none of them is dropped until then. What a Next
// before gave and Settle did not settle is given again.
func (q *Queue) Next(items, size int) ([]Item, error) {
	packed, err := q.read(items, size)
	if err != nil {
		return nil, fmt.Errorf("reading the queue %q: %w", q.name, plain(err))
	}
	q.window, q.raw = q.window[:0], q.raw[:0]
	var starts []int
	for i := range packed {
		start := len(q.raw)
		raw, err := q.l.pack.decode.DecodeAll(packed[i], q.raw)
		if err != nil { // its checksum was right, so this is no accident
			return nil, fmt.Errorf("reading the queue %q: %w", q.name, err)
		}
		q.raw = raw
		starts = append(starts, start)
	}
	// The memory of the items stays where it is from here on.
	for i, start := range starts {
		end := len(q.raw)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		c := cursor{b: q.raw[start:end:end]}
		for n := 0; len(c.b) > 0 && !c.bad; n++ {
			it := c.item()
			if n >= q.blocks[i].from {
				q.window = append(q.window, it)
				q.blocks[i].items++
			}
		}
	}
	return q.window, nil
}

// read copies the first blocks and notes that they are in flight.
func (q *Queue) read(items, size int) (packed [][]byte, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.blocks, q.flight, q.flying = q.blocks[:0], 0, 0
	err = q.l.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket(q.name)
		m, _ := parseCounts(b.Get(keyCounts))
		c := b.Bucket(bucketBlocks).Cursor()
		count, bytesRead := 0, 0
		for k, v := c.First(); k != nil && count < items && bytesRead < size; k, v = c.Next() {
			s, p, ok := parseBlock(k, v)
			if !ok {
				return &damaged{"a block has another checksum than when it was written"}
			}
			f := inFlight{key: bytes.Clone(k), size: len(v)}
			if len(q.blocks) == 0 {
				f.from = int(m.index)
			}
			q.blocks = append(q.blocks, f)
			packed = append(packed, bytes.Clone(p))
			count += int(s.items) - f.from
			bytesRead += blockSize(p)
			q.flight = binary.BigEndian.Uint64(k)
			q.flying += uint64(len(v))
		}
		return nil
	})
	return packed, err
}

// Settle says that the first items of Next are dealt with: so many delivered
// or refused, so many of them refused. They are not given again. What the sink
// wants to remember is stored in the same transaction; other queues may share
// it.
func (q *Queue) Settle(items, refused int, remember ...Pair) error {
	finished, index := q.settled(items)
	var c change
	err := q.l.batch(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket(q.name)
		m, _ := parseCounts(b.Get(keyCounts))
		blocks := b.Bucket(bucketBlocks)
		for _, f := range finished {
			if err := blocks.Delete(f.key); err != nil {
				return err
			}
			m.bytes -= min(m.bytes, uint64(f.size))
		}
		m.index = uint64(index)
		m.delivered += uint64(items - refused)
		m.refused += uint64(refused)
		c = change{m, oldest(blocks)}
		return errors.Join(b.Put(keyCounts, m.seal()), putValues(b.Bucket(bucketValues), remember))
	})
	if err != nil {
		return fmt.Errorf("writing the queue %q: %w", q.name, plain(err))
	}
	q.advance(items, len(finished), index)
	q.refresh(c)
	return nil
}

// settled gives the blocks that so many items finish, and how many items of the
// block behind them are settled.
func (q *Queue) settled(items int) (finished []inFlight, index int) {
	for i := range q.blocks {
		f := &q.blocks[i]
		if items < f.items {
			return q.blocks[:i], f.from + items
		}
		items -= f.items
	}
	return q.blocks, 0
}

// advance moves the window.
func (q *Queue) advance(items, finished, index int) {
	for i := range q.blocks[:finished] {
		items -= q.blocks[i].items
	}
	q.blocks = q.blocks[finished:]
	if len(q.blocks) > 0 {
		q.blocks[0].from = index
		q.blocks[0].items -= items
	}
}

// refresh takes over what a transaction of Settle wrote. A commit may have
// written since: of two the later has enqueued, or dropped, or settled more.
func (q *Queue) refresh(c change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flying = 0
	for i := range q.blocks {
		q.flying += uint64(q.blocks[i].size)
	}
	if len(q.blocks) == 0 {
		q.flight = 0
	}
	if c.counts.later(&q.counts) {
		q.counts, q.first = c.counts, c.first
	}
}

// Release gives up what Next gave: Next gives it again, unless it has become
// too old by then.
func (q *Queue) Release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.blocks, q.flight, q.flying = q.blocks[:0], 0, 0
}
