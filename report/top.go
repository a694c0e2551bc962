package report

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
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
// memory that is used again, and are found by a hash table of their own. Once one
// has to make way they stand in levels, one for each count that occurs: a name
// that is counted moves to the next, and the one to make way is the first of the
// lowest.
type Top struct {
	slots   []slot
	levels  []level // none until a name has to make way
	lowest  int32   // level
	unused  int32   // the first of the levels that are not in use, chained by above
	changes uint64  // of counts
	places  []place // by the hash of the names
	budget  int
	floor   uint64
	seed    maphash.Seed
	secrets [3]uint64 // made from it
}

type slot struct {
	key
	hash       uint32
	level      int32
	prev, next int32  // in the level
	changed    uint64 // the number of the last change of its count: levels begin in that order
	count      uint64
	error      uint64 // see Counted
	name       []byte
	example    []byte
}

// key is the length of a name with its first and last bytes, which is all of it
// where there are no more than sixteen.
type key struct {
	first, last uint64
	length      int
}

// longest is the length of the names that a key holds as a whole.
const longest = 16

func keyOf(name []byte) key {
	k := key{length: len(name)}
	switch n := len(name); {
	case n >= 8:
		k.first, k.last = binary.LittleEndian.Uint64(name), binary.LittleEndian.Uint64(name[n-8:])
	case n >= 4:
		k.first, k.last = uint64(binary.LittleEndian.Uint32(name)), uint64(binary.LittleEndian.Uint32(name[n-4:]))
	case n > 0:
		k.first, k.last = uint64(name[0])<<8|uint64(name[n/2]), uint64(name[n-1])
	}
	return k
}

// place is a slot, counted from 1, below the hash of its name; 0 is free. With
// the hash at hand, a search comes by no names but the one that it looks for.
type place uint64

func placeOf(i int32, hash uint32) place { return place(hash)<<32 | place(i+1) }

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
	t := &Top{budget: budget, unused: none, places: make([]place, places), seed: maphash.MakeSeed()}
	for i := range t.secrets {
		t.secrets[i] = maphash.Bytes(t.seed, []byte{byte(i)})
	}
	return t
}

// Add counts a name n times more. It gives where to leave an example for the
// name, valid until the next call, and whether the name is new.
func (t *Top) Add(name []byte, n uint64) (example *[]byte, isNew bool) {
	k := keyOf(name)
	hash := t.hash(&k, name)
	i, free := t.find(&k, name, hash)
	if isNew = i < 0; isNew {
		i = t.enter(free, k, name, hash, n)
	} else {
		t.lift(i, t.slots[i].count+n)
	}
	return &t.slots[i].example, isNew
}

// Remove takes back what Add counted once, where the name is still listed. A
// name that is not has nothing to take back: Floor covers it.
func (t *Top) Remove(name []byte) {
	k := keyOf(name)
	i, _ := t.find(&k, name, t.hash(&k, name))
	if i < 0 {
		return
	}
	if s := &t.slots[i]; s.count > s.error {
		t.sink(i, s.count-1)
	}
}

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
		if s := &t.slots[i]; s.count > 0 {
			list = append(list, Counted{string(s.name), s.count, s.error, s.example})
		}
	}
	slices.SortFunc(list, func(a, b Counted) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), cmp.Compare(a.Error, b.Error), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(n, len(list))]
}

// enter lists a new name, to be found at a free place. Beyond the budget it gets
// the slot of the least frequent one.
func (t *Top) enter(free int, k key, name []byte, hash uint32, n uint64) int32 {
	if len(t.slots) == t.budget {
		return t.replace(free, k, name, hash, n)
	}
	i := int32(len(t.slots))
	t.slots = append(t.slots, slot{key: k, name: bytes.Clone(name), hash: hash})
	t.places[free] = placeOf(i, hash)
	t.lift(i, n)
	return i
}

// replace gives the place of the least frequent name to another. The floor,
// and not only that name's count, is the error: Remove may have taken the
// least count below that of a name pushed out before.
func (t *Top) replace(free int, k key, name []byte, hash uint32, n uint64) int32 {
	if t.levels == nil {
		t.order()
	}
	i := t.levels[t.lowest].first
	s := &t.slots[i]
	t.floor = max(t.floor, s.count)
	t.places[free] = placeOf(i, hash)
	t.leave(placeOf(i, s.hash))
	s.key, s.name, s.hash, s.error = k, append(s.name[:0], name...), hash, t.floor
	if s.example != nil {
		s.example = nil
	}
	t.lift(i, t.floor+n)
	return i
}

// order puts the slots in levels, each as if it had moved there with the last
// change of its count.
func (t *Top) order() {
	all := make([]int32, len(t.slots))
	for i := range all {
		all[i] = int32(i)
	}
	slices.SortFunc(all, func(a, b int32) int {
		s, o := &t.slots[a], &t.slots[b]
		return cmp.Or(cmp.Compare(s.count, o.count), cmp.Compare(s.changed, o.changed))
	})
	at := int32(none)
	for _, i := range all {
		if at == none || t.levels[at].count != t.slots[i].count {
			at = t.made(t.slots[i].count, at, none)
		}
		t.join(i, at)
	}
}

// change sets a count.
func (t *Top) change(s *slot, count uint64) {
	t.changes++
	s.count, s.changed = count, t.changes
}

// lift moves a slot to a higher count.
func (t *Top) lift(i int32, count uint64) {
	s := &t.slots[i]
	if t.change(s, count); t.levels == nil {
		return
	}
	to := t.levels[s.level].above
	if to == none || t.levels[to].count != count {
		to = t.from(to, s.level, count)
	}
	t.part(s)
	t.join(i, to)
}

// sink moves a slot to a lower count.
func (t *Top) sink(i int32, count uint64) {
	s := &t.slots[i]
	if t.change(s, count); t.levels == nil {
		return
	}
	below := t.levels[s.level].below
	for below != none && t.levels[below].count >= count {
		below = t.levels[below].below
	}
	start := t.lowest
	if below != none {
		start = t.levels[below].above
	}
	to := t.from(start, below, count)
	t.part(s)
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
	return t.made(count, below, l)
}

// made makes the level of a count between two others, each of which may be none.
func (t *Top) made(count uint64, below, above int32) int32 {
	fresh := level{count: count, first: none, last: none, below: below, above: above}
	at := t.unused
	if at != none {
		t.unused = t.levels[at].above
		t.levels[at] = fresh
	} else {
		at = int32(len(t.levels))
		t.levels = append(t.levels, fresh)
	}
	t.link(below, at)
	if above != none {
		t.levels[above].below = at
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
func (t *Top) part(s *slot) {
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
	if l.first == none {
		t.discard(s.level)
	}
}

// discard takes a level out that is empty.
func (t *Top) discard(at int32) {
	l := &t.levels[at]
	t.link(l.below, l.above)
	if l.above != none {
		t.levels[l.above].below = l.below
	}
	l.above, t.unused = t.unused, at
}

// hash mixes a name with secrets, so that nobody can choose names that share a
// place. Short ones, as nearly all are, are mixed as the runtime does for its maps
// where the processor has no instructions for it: who writes the names sees
// nothing of the products, which is what it takes to find two that are alike.
func (t *Top) hash(k *key, name []byte) uint32 {
	if k.length > longest {
		return uint32(maphash.Bytes(t.seed, name))
	}
	return uint32(mix(uint64(k.length)^t.secrets[2], mix(k.first^t.secrets[0], k.last^t.secrets[1])))
}

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// find gives the slot of a name, -1 for none and the free place where it belongs.
// Names stand at the place that their hash gives, or at the next free one behind
// it.
func (t *Top) find(k *key, name []byte, hash uint32) (i int32, free int) {
	mask := len(t.places) - 1
	for p := int(hash) & mask; ; p = (p + 1) & mask {
		at := t.places[p]
		if at == 0 {
			return none, p
		}
		if at.hash() != hash {
			continue
		}
		if s := &t.slots[at.slot()]; s.key == *k && (k.length <= longest || bytes.Equal(s.name, name)) {
			return at.slot(), p
		}
	}
}

// leave frees a place. What stands behind moves up, so that nothing is cut off
// from its place.
func (t *Top) leave(was place) {
	mask := len(t.places) - 1
	p := int(was.hash())
	for t.places[p&mask] != was {
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
