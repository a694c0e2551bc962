package ledger

import (
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// Trim drops what has become too old. Commit does so too, where something is
// put; Trim is for a sink that waits.
func (q *Queue) Trim() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.first == 0 || q.first >= q.l.o.Now().Add(-q.o.MaxAge).UnixNano() {
		return nil
	}
	var c change
	err := q.l.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket(q.name)
		m, _ := parseCounts(b.Get(keyCounts))
		if err := q.trim(b.Bucket(bucketBlocks), &m); err != nil {
			return err
		}
		c = change{m, oldest(b.Bucket(bucketBlocks))}
		return b.Put(keyCounts, m.seal())
	})
	if err != nil {
		return fmt.Errorf("dropping from the queue %q: %w", q.name, plain(err))
	}
	q.counts, q.first = c.counts, c.first
	return nil
}

// trim drops what is too old, and the oldest of what is too much, behind what
// is being delivered. The caller holds mu.
func (q *Queue) trim(blocks *bbolt.Bucket, m *counts) error {
	before := q.l.o.Now().Add(-q.o.MaxAge).UnixNano()
	c := blocks.Cursor()
	k, v := c.First()
	if q.flight > 0 {
		k, v = c.Seek(binary.BigEndian.AppendUint64(nil, q.flight+1))
	}
	var drop [][]byte
	for ; k != nil; k, v = c.Next() {
		s, _, _ := parseBlock(k, v)
		if s.last >= before && m.bytes <= uint64(q.o.MaxBytes)+q.flying {
			break
		}
		drop = append(drop, slices.Clone(k))
		m.bytes -= min(m.bytes, uint64(len(v)))
		m.dropped += s.items
		if q.flight == 0 && len(drop) == 1 {
			m.dropped -= m.index // those were settled
			m.index = 0
		}
	}
	for _, k := range drop {
		if err := blocks.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
