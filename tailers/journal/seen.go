package journal

import (
	"slices"
	"sort"
	"time"
)

// entriesSeen are the entries that were read behind a place: a child that
// begins there gives them once more, and with them what an earlier child did
// not see.
type entriesSeen struct {
	from   place
	since  time.Time // when from was as far as was read
	count  int
	series map[string]*numbersSeen
}

// numbersSeen are the numbers of one series of entries. Other programs' entries
// have numbers of the same series, so there are gaps.
type numbersSeen struct {
	before uint64 // up to this number nothing is wanted; 0 if that is not known
	runs   []numberRun
}

// numberRun is a run of numbers without a gap.
type numberRun struct{ first, last uint64 }

// newEntriesSeen begins at a place. before is what was seen until then, nil if
// nothing was.
func newEntriesSeen(from place, now time.Time, before *entriesSeen) *entriesSeen {
	s := &entriesSeen{from: from, since: now, series: map[string]*numbersSeen{}}
	if before != nil {
		for name, n := range before.series {
			s.series[name] = &numbersSeen{before: n.last()}
		}
	}
	if c, ok := parseCursor(from.cursor); ok && s.series[c.series] == nil {
		s.series[c.series] = &numbersSeen{before: c.number}
	}
	return s
}

// has tells whether an entry was read, or is before the place; known is false
// where the numbers do not tell.
func (s *entriesSeen) has(c *cursor) (read, known bool) {
	n := s.series[c.series]
	if n == nil || n.before == 0 && len(n.runs) > 0 && c.number < n.runs[0].first {
		return false, false
	}
	return n.has(c.number), true
}

// add notes an entry.
func (s *entriesSeen) add(c *cursor) {
	n := s.series[c.series]
	if n == nil {
		n = new(numbersSeen)
		s.series[c.series] = n
	}
	n.add(c.number)
	s.count++
}

// late tells whether an entry that is numbered behind it was read already.
func (s *entriesSeen) late(c *cursor) bool {
	n := s.series[c.series]
	return n != nil && c.number < n.last()
}

func (n *numbersSeen) last() uint64 {
	if len(n.runs) == 0 {
		return n.before
	}
	return n.runs[len(n.runs)-1].last
}

// place gives the index of the first run that ends at the number or behind it.
func (n *numbersSeen) place(number uint64) int {
	return sort.Search(len(n.runs), func(i int) bool { return n.runs[i].last >= number })
}

func (n *numbersSeen) has(number uint64) bool {
	if number <= n.before {
		return true
	}
	i := n.place(number)
	return i < len(n.runs) && n.runs[i].first <= number
}

func (n *numbersSeen) add(number uint64) {
	if end := len(n.runs) - 1; end >= 0 && n.runs[end].last+1 == number {
		n.runs[end].last = number
		return
	}
	if !n.has(number) {
		n.runs = slices.Insert(n.runs, n.place(number), numberRun{number, number})
	}
}

// memory is what was seen lately, in two generations: a new child begins where
// the older one does, which is some way back.
type memory struct{ older, newer *entriesSeen }

const (
	// memorySpan is how far back a generation reaches at least before the
	// next takes its place. It is longer than journald takes to make a file
	// that libsystemd can read.
	memorySpan = 5 * time.Second
	// memoryEntries is the number of entries after which one takes its
	// place in any case: it bounds what is kept, and read again.
	memoryEntries = 1 << 16
)

func newMemory(from place) memory {
	s := newEntriesSeen(from, time.Now(), nil)
	return memory{older: s, newer: s}
}

// add notes an entry, behind which the place is at.
func (m *memory) add(c *cursor, at *place) {
	m.older.add(c)
	if m.newer != m.older {
		m.newer.add(c)
	}
	if m.newer.count >= memoryEntries {
		m.turn(at, time.Now())
	}
}

// turn forgets the older generation and begins a new one.
func (m *memory) turn(at *place, now time.Time) {
	m.older, m.newer = m.newer, newEntriesSeen(*at, now, m.newer)
}

// settle is told that a child begins: all that it reads again is settled when
// the next one begins.
func (m *memory) settle(at *place) {
	if now := time.Now(); now.Sub(m.newer.since) >= memorySpan && m.newer.count > 0 {
		m.turn(at, now)
	}
}
