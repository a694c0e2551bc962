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
	chains  []int32 // the first slot of those whose hash ends alike, counted from 1; 0 for none
	budget  int
	floor   uint64
	seed    maphash.Seed
	secrets [3]uint64 // made from it
}

type slot struct {
	ends
	hash       uint32
	chain      int32 // the next slot of the chain, as in chains
	level      int32
	prev, next int32 // in the level
	count      uint64
	changed    uint64 // the number of the last change of count: levels begin in that order
	error      uint64 // see Counted
	name       []byte
	example    []byte
}

// ends are the first and last bytes of a name. With its length they are all of it
// where there are no more than sixteen, as in nearly all names.
type ends struct{ first, last uint64 }

// wholly is the length of names of which the ends are all.
const wholly = 16

func endsOf(name []byte) ends {
	switch n := len(name); {
	case n >= 8:
		return ends{binary.LittleEndian.Uint64(name), binary.LittleEndian.Uint64(name[n-8:])}
	case n >= 4:
		return ends{uint64(binary.LittleEndian.Uint32(name)), uint64(binary.LittleEndian.Uint32(name[n-4:]))}
	case n > 0:
		return ends{uint64(name[0])<<8 | uint64(name[n/2]), uint64(name[n-1])}
	}
	return ends{}
}

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
	chains := 64
	for chains < 2*budget {
		chains *= 2
	}
	t := &Top{budget: budget, unused: none, chains: make([]int32, chains), seed: maphash.MakeSeed()}
	for i := range t.secrets {
		t.secrets[i] = maphash.Bytes(t.seed, []byte{byte(i)})
	}
	return t
}

// Add counts a name n times more. It gives where to leave an example for the
// name, valid until the next call, and whether the name is new.
func (t *Top) Add(name []byte, n uint64) (example *[]byte, isNew bool) {
	e := endsOf(name)
	hash := t.hash(name, e)
	s := t.find(name, e, hash)
	if s == nil {
		return &t.enter(name, e, hash, n).example, true
	}
	if t.change(s, s.count+n); t.levels != nil {
		t.lift(s)
	}
	return &s.example, false
}

// Remove takes back what Add counted once, where the name is still listed. A
// name that is not has nothing to take back: Floor covers it.
func (t *Top) Remove(name []byte) {
	e := endsOf(name)
	s := t.find(name, e, t.hash(name, e))
	if s == nil || s.count <= s.error {
		return
	}
	if t.change(s, s.count-1); t.levels != nil {
		t.sink(s)
	}
}

// change sets a count.
func (t *Top) change(s *slot, count uint64) {
	t.changes++
	s.count, s.changed = count, t.changes
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

// enter lists a new name. Beyond the budget it gets the slot of the least frequent
// one.
func (t *Top) enter(name []byte, e ends, hash uint32, n uint64) *slot {
	if len(t.slots) == t.budget {
		return t.replace(name, e, hash, n)
	}
	t.slots = append(t.slots, slot{ends: e, name: bytes.Clone(name), hash: hash})
	s := &t.slots[len(t.slots)-1]
	t.chain(s, int32(len(t.slots)))
	t.change(s, n)
	return s
}

// replace gives the place of the least frequent name to another. The floor,
// and not only that name's count, is the error: Remove may have taken the
// least count below that of a name pushed out before.
func (t *Top) replace(name []byte, e ends, hash uint32, n uint64) *slot {
	if t.levels == nil {
		t.order()
	}
	i := t.levels[t.lowest].first
	s := &t.slots[i]
	t.floor = max(t.floor, s.count)
	t.unchain(s, i+1)
	s.ends, s.name, s.hash, s.error = e, append(s.name[:0], name...), hash, t.floor
	if s.example != nil {
		s.example = nil
	}
	t.chain(s, i+1)
	t.change(s, t.floor+n)
	t.lift(s)
	return s
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
		s := &t.slots[i]
		if at == none || t.levels[at].count != s.count {
			at = t.made(s.count, at, none)
		}
		t.join(s, i, at)
	}
}

// lift moves a slot of which the count has grown to its level.
func (t *Top) lift(s *slot) {
	to := t.levels[s.level].above
	if to == none || t.levels[to].count != s.count {
		to = t.from(to, s.level, s.count)
	}
	t.join(s, t.part(s), to)
}

// sink moves a slot of which the count has shrunk to its level.
func (t *Top) sink(s *slot) {
	below := t.levels[s.level].below
	for below != none && t.levels[below].count >= s.count {
		below = t.levels[below].below
	}
	start := t.lowest
	if below != none {
		start = t.levels[below].above
	}
	to := t.from(start, below, s.count)
	t.join(s, t.part(s), to)
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

// join puts a slot, the i-th, at the end of a level.
func (t *Top) join(s *slot, i, to int32) {
	l := &t.levels[to]
	s.level, s.prev, s.next = to, l.last, none
	if l.last != none {
		t.slots[l.last].next = i
	} else {
		l.first = i
	}
	l.last = i
}

// part takes a slot out of its level, which goes when that was the last, and gives
// its index.
func (t *Top) part(s *slot) (i int32) {
	l := &t.levels[s.level]
	if s.prev != none {
		p := &t.slots[s.prev]
		i, p.next = p.next, s.next
	} else {
		i, l.first = l.first, s.next
	}
	if s.next != none {
		t.slots[s.next].prev = s.prev
	} else {
		l.last = s.prev
	}
	if l.first == none {
		t.discard(s.level)
	}
	return i
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
// chain. Short ones, as nearly all are, are mixed as the runtime does for its maps
// where the processor has no instructions for it: who writes the names sees
// nothing of the products, and so cannot know of any two that they are alike.
func (t *Top) hash(name []byte, e ends) uint32 {
	if len(name) > wholly {
		return t.hashLong(name)
	}
	return uint32(mix(uint64(len(name))^t.secrets[2], mix(e.first^t.secrets[0], e.last^t.secrets[1])))
}

func (t *Top) hashLong(name []byte) uint32 { return uint32(maphash.Bytes(t.seed, name)) }

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// find gives the slot of a name, nil where there is none.
func (t *Top) find(name []byte, e ends, hash uint32) *slot {
	for i := t.chains[int(hash)&(len(t.chains)-1)]; i != 0; {
		s := &t.slots[i-1]
		if s.hash == hash && s.ends == e && len(s.name) == len(name) && (len(name) <= wholly || bytes.Equal(s.name, name)) {
			return s
		}
		i = s.chain
	}
	return nil
}

// chain lets the slot of that number be found, and unchain no more.
func (t *Top) chain(s *slot, number int32) {
	c := &t.chains[int(s.hash)&(len(t.chains)-1)]
	s.chain, *c = *c, number
}

func (t *Top) unchain(s *slot, number int32) {
	c := &t.chains[int(s.hash)&(len(t.chains)-1)]
	for *c != number {
		c = &t.slots[*c-1].chain
	}
	*c = s.chain
}
