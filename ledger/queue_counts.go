package ledger

import "encoding/binary"

// counts is stored with the queue.
type counts struct {
	index                                 uint64 // items of the first block that are settled
	bytes                                 uint64
	enqueued, delivered, refused, dropped uint64
}

// errCounts says that what is stored in the place of counts is none.
var errCounts error = &damaged{"the counts of a queue have another checksum than when they were written"}

// change is what a transaction does to a queue.
type change struct {
	counts counts
	first  int64
}

// queued is the number of items that wait.
func (m *counts) queued() uint64 { return m.enqueued - m.delivered - m.refused - m.dropped }

// later tells whether m was written after other.
func (m *counts) later(other *counts) bool {
	return m.enqueued+m.dropped+m.delivered+m.refused >= other.enqueued+other.dropped+other.delivered+other.refused
}

func (m *counts) seal() []byte {
	var v []byte
	for _, n := range []uint64{m.index, m.bytes, m.enqueued, m.delivered, m.refused, m.dropped} {
		v = binary.AppendUvarint(v, n)
	}
	return seal(keyCounts, v)
}

func parseCounts(sealed []byte) (m counts, ok bool) {
	v, ok := unseal(keyCounts, sealed)
	c := cursor{b: v}
	for _, n := range []*uint64{&m.index, &m.bytes, &m.enqueued, &m.delivered, &m.refused, &m.dropped} {
		*n = c.uint()
	}
	return m, ok && c.done()
}
