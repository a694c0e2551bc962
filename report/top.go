package report

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"slices"
)

// Top counts names and knows the most frequent. While there are no more
// distinct names than its budget every count is exact. Beyond that it is the
// Space-Saving sketch of Metwally, Agrawal and El Abbadi (Efficient Computation
// of Frequent and Top-k Elements in Data Streams, 2005): a new name takes the
// place of the least frequent one and inherits its count as an error. Then
//
//	true count ≤ Count ≤ true count + Error
//
// holds for every name that is listed, no name that is not listed occurred
// more than Floor times, and Floor is at most the sum of all counts over the
// budget.
//
// A flood makes every name a new one, twice a connection. So the names lie in
// memory that is used again, are found by a hash table of their own, and stand
// in levels, one for each count that occurs: a name that is counted moves to the
// next, and the one to make way is the first of the lowest.
type Top struct {
	slots  []slot
	levels []level
	lowest int32   // level, none where there are no names
	unused int32   // the first of the levels that are not in use, chained by above
	places []place // by the hash of the names
	budget int
	floor  uint64
	seed   maphash.Seed
}

type slot struct {
	name       []byte
	error      uint64 // see Counted
	hash       uint32
	level      int32
	prev, next int32 // in the level
	example    []byte
}

// place is a slot, counted from 1, below the hash of its name; 0 is free. With
// the hash at hand, a search comes by no names but the one that it looks for.
type place uint64

func (p place) slot() int32  { return int32(uint32(p)) - 1 }
func (p place) hash() uint32 { return uint32(p >> 32) }

// level holds the slots of one count, the one first that came first.
type level struct {
	count        uint64
	first, last  int32
	below, above int32
}

const none = -1

// Counted is a name with its count.
type Counted struct {
	Name string
	// Count is how often the name occurred, or up to Error less.
	Count, Error uint64
	// Example is what the caller of Add left for the name.
	Example []byte
}

// NewTop gives an empty list of at most budget names.
func NewTop(budget int) *Top {
	places := 64
	for places < 2*budget {
		places *= 2
	}
	return &Top{budget: budget, lowest: none, unused: none, places: make([]place, places), seed: maphash.MakeSeed()}
}

// Add counts a name n times more. It gives where to leave an example for the
// name, valid until the next call, and whether the name is new.
func (t *Top) Add(name []byte, n uint64) (example *[]byte, isNew bool) {
	hash := t.hash(name)
	i := t.find(name, hash)
	if isNew = i < 0; !isNew {
		t.lift(i, t.count(i)+n)
	} else if len(t.slots) < t.budget {
		i = t.insert(name, hash, n)
	} else {
		i = t.replace(name, hash, n)
	}
	return &t.slots[i].example, isNew
}

// Remove takes back what Add counted once, where the name is still listed. A
// name that is not has nothing to take back: Floor covers it.
func (t *Top) Remove(name []byte) {
	i := t.find(name, t.hash(name))
	if i < 0 {
		return
	}
	if n := t.count(i); n > t.slots[i].error {
		t.sink(i, n-1)
	}
}

func (t *Top) count(i int32) uint64 { return t.levels[t.slots[i].level].count }

// Exact tells that no name was ever pushed out.
func (t *Top) Exact() bool { return t.floor == 0 }

// Floor is the most that a name which is not listed can have occurred.
func (t *Top) Floor() uint64 { return t.floor }

// Len gives the number of names that are listed.
func (t *Top) Len() int { return len(t.slots) }

// Most gives the n most frequent names, the most frequent first; of equal ones
// the first in the alphabet.
func (t *Top) Most(n int) []Counted {
	list := make([]Counted, 0, len(t.slots))
	for i := range t.slots {
		s := &t.slots[i]
		if count := t.count(int32(i)); count > 0 {
			list = append(list, Counted{string(s.name), count, s.error, s.example})
		}
	}
	slices.SortFunc(list, func(a, b Counted) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), cmp.Compare(a.Error, b.Error), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(n, len(list))]
}

func (t *Top) insert(name []byte, hash uint32, n uint64) int32 {
	i := int32(len(t.slots))
	t.slots = append(t.slots, slot{name: bytes.Clone(name), hash: hash})
	t.enter(i)
	t.join(i, t.from(t.lowest, none, n))
	return i
}

// replace gives the place of the least frequent name to another. The floor,
// and not only that name's count, is the error: Remove may have taken the
// least count below that of a name pushed out before.
func (t *Top) replace(name []byte, hash uint32, n uint64) int32 {
	i := t.levels[t.lowest].first
	s := &t.slots[i]
	t.floor = max(t.floor, t.count(i))
	t.leave(i)
	s.name, s.hash, s.error, s.example = append(s.name[:0], name...), hash, t.floor, nil
	t.enter(i)
	t.lift(i, t.floor+n)
	return i
}

// lift moves a slot to a higher count.
func (t *Top) lift(i int32, count uint64) {
	old := t.slots[i].level
	to := t.from(t.levels[old].above, old, count)
	t.part(i)
	t.join(i, to)
}

// sink moves a slot to a lower count.
func (t *Top) sink(i int32, count uint64) {
	below := t.levels[t.slots[i].level].below
	for below != none && t.levels[below].count >= count {
		below = t.levels[below].below
	}
	start := t.lowest
	if below != none {
		start = t.levels[below].above
	}
	to := t.from(start, below, count)
	t.part(i)
	t.join(i, to)
}

// from gives the level of a count, at or above l, which stands above below. It
// makes the level where there is none.
func (t *Top) from(l, below int32, count uint64) int32 {
	for l != none && t.levels[l].count < count {
		below, l = l, t.levels[l].above
	}
	if l != none && t.levels[l].count == count {
		return l
	}
	fresh := level{count: count, first: none, last: none, below: below, above: l}
	at := t.unused
	if at != none {
		t.unused = t.levels[at].above
		t.levels[at] = fresh
	} else {
		at = int32(len(t.levels))
		t.levels = append(t.levels, fresh)
	}
	t.link(below, at)
	if l != none {
		t.levels[l].below = at
	}
	return at
}

// link makes a level the one above another, or the lowest.
func (t *Top) link(below, above int32) {
	if below == none {
		t.lowest = above
	} else {
		t.levels[below].above = above
	}
}

// join puts a slot at the end of a level.
func (t *Top) join(i, to int32) {
	l, s := &t.levels[to], &t.slots[i]
	s.level, s.prev, s.next = to, l.last, none
	if l.last != none {
		t.slots[l.last].next = i
	} else {
		l.first = i
	}
	l.last = i
}

// part takes a slot out of its level, which goes when that was the last.
func (t *Top) part(i int32) {
	s := &t.slots[i]
	l := &t.levels[s.level]
	if s.prev != none {
		t.slots[s.prev].next = s.next
	} else {
		l.first = s.next
	}
	if s.next != none {
		t.slots[s.next].prev = s.prev
	} else {
		l.last = s.prev
	}
	if l.first != none {
		return
	}
	t.link(l.below, l.above)
	if l.above != none {
		t.levels[l.above].below = l.below
	}
	l.above, t.unused = t.unused, s.level
}

// hash mixes the bytes of a name with a secret, so that nobody can choose names
// that share a place.
func (t *Top) hash(name []byte) uint32 { return uint32(maphash.Bytes(t.seed, name)) }

// find gives the slot of a name, -1 for none. Names stand at the place that
// their hash gives, or at the next free one behind it.
func (t *Top) find(name []byte, hash uint32) int32 {
	mask := len(t.places) - 1
	for p := int(hash); t.places[p&mask] != 0; p++ {
		at := t.places[p&mask]
		if at.hash() == hash && bytes.Equal(t.slots[at.slot()].name, name) {
			return at.slot()
		}
	}
	return -1
}

// enter lets a slot be found.
func (t *Top) enter(i int32) {
	mask := len(t.places) - 1
	p := int(t.slots[i].hash)
	for t.places[p&mask] != 0 {
		p++
	}
	t.places[p&mask] = place(t.slots[i].hash)<<32 | place(i+1)
}

// leave undoes enter. What stands behind moves up, so that nothing is cut off
// from its place.
func (t *Top) leave(i int32) {
	mask := len(t.places) - 1
	p := int(t.slots[i].hash)
	for t.places[p&mask].slot() != i {
		p++
	}
	for q := p + 1; t.places[q&mask] != 0; q++ {
		home := int(t.places[q&mask].hash())
		if (q-home)&mask >= q-p {
			t.places[p&mask] = t.places[q&mask]
			p = q
		}
	}
	t.places[p&mask] = 0
}
