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
	slots    []slot
	long     [][]byte // by slot, the names that are longer than wholly; up to the last of them
	examples [][]byte // by slot, up to the last that was asked for
	levels   []level  // none until a name has to make way
	lowest   int32    // level
	unused   int32    // the first of the levels that are not in use, chained by above
	changes  uint64   // of counts
	chains   []int32  // the first slot of those whose hash ends alike, counted from 1; 0 for none
	budget   int
	floor    uint64
	seed     maphash.Seed
	secrets  [3]uint64 // made from it
}

// slot is a name with its count. It has no pointers, and fills one line of the
// processor's cache.
type slot struct {
	ends
	count      uint64
	changed    uint64 // the number of the last change of count: levels begin in that order
	error      uint64 // see Counted
	length     uint32 // of the name
	hash       uint32
	chain      int32 // the next slot of the chain, as in chains
	level      int32
	prev, next int32 // in the level
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

// name gives the name of n bytes that has the ends, wholly at most.
func (e ends) name(n int) string {
	var b [wholly]byte
	switch {
	case n >= 8:
		binary.LittleEndian.PutUint64(b[:], e.first)
		binary.LittleEndian.PutUint64(b[n-8:], e.last)
	case n >= 4:
		binary.LittleEndian.PutUint32(b[:], uint32(e.first))
		binary.LittleEndian.PutUint32(b[n-4:], uint32(e.last))
	case n > 0:
		b[0], b[n/2], b[n-1] = byte(e.first>>8), byte(e.first), byte(e.last)
	}
	return string(b[:n])
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
	// Example is what was left for the name; see Top.Example.
	Example []byte
}

// NewTop gives an empty list of at most budget names.
func NewTop(budget int) *Top {
	chains := 64
	for chains < 2*budget {
		chains *= 2
	}
	t := &Top{slots: make([]slot, 0, budget), budget: budget, lowest: none, unused: none, chains: make([]int32, chains), seed: maphash.MakeSeed()}
	for i := range t.secrets {
		t.secrets[i] = maphash.Bytes(t.seed, []byte{byte(i)})
	}
	return t
}

// Add counts a name n times more. It gives the number of the name, valid until
// the next call, and whether the name is new.
func (t *Top) Add(name []byte, n uint64) (number int, isNew bool) {
	e := endsOf(name)
	hash := t.hash(name, e)
	i := t.find(name, e, hash)
	if i == none {
		return int(t.enter(name, e, hash, n)), true
	}
	s := &t.slots[i]
	if t.change(s, s.count+n); t.levels != nil {
		t.lift(s, i)
	}
	return int(i), false
}

// Example gives where to leave an example for the name of that number.
func (t *Top) Example(number int) *[]byte {
	t.examples = lengthened(t.examples, number)
	return &t.examples[number]
}

// lengthened gives a list as one that has an element of that number.
func lengthened(list [][]byte, number int) [][]byte {
	if more := number + 1 - len(list); more > 0 {
		list = append(list, make([][]byte, more)...)
	}
	return list
}

// Remove takes back what Add counted once, where the name is still listed. A
// name that is not has nothing to take back: Floor covers it.
func (t *Top) Remove(name []byte) {
	e := endsOf(name)
	i := t.find(name, e, t.hash(name, e))
	if i == none {
		return
	}
	s := &t.slots[i]
	if s.count <= s.error {
		return
	}
	if t.change(s, s.count-1); t.levels != nil {
		t.sink(s, i)
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
	if n < 1 {
		return nil
	}
	var list []Counted
	var last *Counted // of n that come before all that were left out
	for i := range t.slots {
		if s := &t.slots[i]; s.count == 0 || last != nil && s.count < last.Count {
			continue
		}
		c := t.counted(i)
		if last != nil && c.compare(last) > 0 {
			continue
		}
		if list = append(list, c); len(list) == 2*n+100 { // so few are asked for that not all need be sorted
			list = first(list, n)
			last = &list[n-1]
		}
	}
	return first(list, n)
}

// first sorts a list and cuts it to n.
func first(list []Counted, n int) []Counted {
	slices.SortFunc(list, func(a, b Counted) int { return a.compare(&b) })
	return list[:min(n, len(list))]
}

// compare tells which of two is listed first.
func (c *Counted) compare(o *Counted) int {
	switch {
	case c.Count != o.Count:
		return -cmp.Compare(c.Count, o.Count)
	case c.Error != o.Error:
		return cmp.Compare(c.Error, o.Error)
	}
	return cmp.Compare(c.Name, o.Name)
}

// counted gives a slot as others see it.
func (t *Top) counted(i int) Counted {
	s := &t.slots[i]
	c := Counted{Count: s.count, Error: s.error}
	if s.length <= wholly {
		c.Name = s.ends.name(int(s.length))
	} else {
		c.Name = string(t.long[i])
	}
	if i < len(t.examples) {
		c.Example = t.examples[i]
	}
	return c
}

// enter lists a new name, and gives its slot. Beyond the budget that is the one of
// the least frequent name.
func (t *Top) enter(name []byte, e ends, hash uint32, n uint64) int32 {
	if len(t.slots) == t.budget {
		return t.replace(name, e, hash, n)
	}
	i := int32(len(t.slots))
	t.slots = append(t.slots, slot{})
	s := &t.slots[i]
	t.call(s, i, name, e, hash)
	t.change(s, n)
	return i
}

// call gives a slot, the i-th, its name.
func (t *Top) call(s *slot, i int32, name []byte, e ends, hash uint32) {
	s.ends, s.hash, s.length = e, hash, uint32(len(name))
	if len(name) > wholly {
		t.long = lengthened(t.long, int(i))
		t.long[i] = append(t.long[i][:0], name...)
	}
	c := t.chainOf(hash)
	s.chain, *c = *c, i+1
}

// replace gives the place of the least frequent name to another. The floor,
// and not only that name's count, is the error: Remove may have taken the
// least count below that of a name pushed out before.
func (t *Top) replace(name []byte, e ends, hash uint32, n uint64) int32 {
	if t.levels == nil {
		t.order()
	}
	i := t.levels[t.lowest].first
	s := &t.slots[i]
	t.floor = max(t.floor, s.count)
	t.unchain(s, i)
	t.call(s, i, name, e, hash)
	if int(i) < len(t.examples) {
		t.examples[i] = nil
	}
	s.error = t.floor
	t.change(s, t.floor+n)
	t.lift(s, i)
	return i
}

// order puts the slots in levels, each as if it had moved there with the last
// change of its count.
func (t *Top) order() {
	bySlot := bits.Len(uint(len(t.slots)))
	all := make([]uint64, len(t.slots)) // the number of a change, and the slot: there will be no 2^50 changes
	for i := range all {
		all[i] = t.slots[i].changed<<bySlot | uint64(i)
	}
	slices.Sort(all)
	at := int32(none)
	for _, last := range all {
		i := int32(last & (1<<bySlot - 1))
		s := &t.slots[i]
		if at == none || t.levels[at].count != s.count {
			at = t.from(t.lowest, none, s.count)
		}
		t.join(s, i, at)
	}
}

// lift moves a slot of which the count has grown to its level.
func (t *Top) lift(s *slot, i int32) {
	to := t.levels[s.level].above
	if to == none || t.levels[to].count != s.count {
		to = t.from(to, s.level, s.count)
	}
	t.part(s)
	t.join(s, i, to)
}

// sink moves a slot of which the count has shrunk to its level.
func (t *Top) sink(s *slot, i int32) {
	below := t.levels[s.level].below
	for below != none && t.levels[below].count >= s.count {
		below = t.levels[below].below
	}
	start := t.lowest
	if below != none {
		start = t.levels[below].above
	}
	to := t.from(start, below, s.count)
	t.part(s)
	t.join(s, i, to)
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

// find gives the slot of a name, none where there is none.
func (t *Top) find(name []byte, e ends, hash uint32) int32 {
	for i := *t.chainOf(hash) - 1; i >= 0; {
		s := &t.slots[i]
		if s.ends == e && int(s.length) == len(name) && (len(name) <= wholly || bytes.Equal(t.long[i], name)) {
			return i
		}
		i = s.chain - 1
	}
	return none
}

// chainOf gives where the chain of a hash begins.
func (t *Top) chainOf(hash uint32) *int32 { return &t.chains[int(hash)&(len(t.chains)-1)] }

// unchain lets a slot, the i-th, be found no more.
func (t *Top) unchain(s *slot, i int32) {
	c := t.chainOf(s.hash)
	for *c != i+1 {
		c = &t.slots[*c-1].chain
	}
	*c = s.chain
}
