package report

import (
	"cmp"
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
type Top struct {
	slots  []slot
	heap   []int32 // indices of slots, the least count first
	byName map[string]int32
	budget int
	floor  uint64
}

type slot struct {
	Counted
	place int32 // in heap
}

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
	return &Top{budget: budget, byName: make(map[string]int32)}
}

// Add counts a name n times more. It gives the name's entry, valid until the
// next call, and whether the entry is new. It allocates only for a new name.
func (t *Top) Add(name []byte, n uint64) (*Counted, bool) {
	if i, ok := t.byName[string(name)]; ok {
		t.slots[i].Count += n
		t.down(t.slots[i].place)
		return &t.slots[i].Counted, false
	}
	if len(t.slots) < t.budget {
		return t.insert(string(name), n), true
	}
	return t.replace(string(name), n), true
}

// Remove takes back what Add counted once, where the name is still listed. A
// name that is not has nothing to take back: Floor covers it.
func (t *Top) Remove(name []byte) {
	i, ok := t.byName[string(name)]
	if !ok {
		return
	}
	s := &t.slots[i]
	if s.Count > s.Error {
		s.Count--
		t.up(s.place)
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
		if t.slots[i].Count > 0 {
			list = append(list, t.slots[i].Counted)
		}
	}
	slices.SortFunc(list, func(a, b Counted) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), cmp.Compare(a.Error, b.Error), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(n, len(list))]
}

func (t *Top) insert(name string, n uint64) *Counted {
	i := int32(len(t.slots))
	t.slots = append(t.slots, slot{Counted: Counted{Name: name, Count: n}, place: i})
	t.heap = append(t.heap, i)
	t.byName[name] = i
	t.up(i)
	return &t.slots[i].Counted
}

// replace gives the place of the least frequent name to another. The floor,
// and not only that name's count, is the error: Remove may have taken the
// least count below that of a name pushed out before.
func (t *Top) replace(name string, n uint64) *Counted {
	i := t.heap[0]
	s := &t.slots[i]
	t.floor = max(t.floor, s.Count)
	delete(t.byName, s.Name)
	s.Counted = Counted{Name: name, Count: t.floor + n, Error: t.floor}
	t.byName[name] = i
	t.down(0)
	return &s.Counted
}

// down moves the slot at a place of the heap behind those with lesser counts.
func (t *Top) down(place int32) {
	for {
		child := 2*place + 1
		if int(child) >= len(t.heap) {
			return
		}
		if right := child + 1; int(right) < len(t.heap) && t.count(right) < t.count(child) {
			child = right
		}
		if t.count(place) <= t.count(child) {
			return
		}
		t.swap(place, child)
		place = child
	}
}

// up moves the slot at a place before those with greater counts.
func (t *Top) up(place int32) {
	for place > 0 {
		parent := (place - 1) / 2
		if t.count(parent) <= t.count(place) {
			return
		}
		t.swap(place, parent)
		place = parent
	}
}

func (t *Top) count(place int32) uint64 { return t.slots[t.heap[place]].Count }

func (t *Top) swap(a, b int32) {
	t.heap[a], t.heap[b] = t.heap[b], t.heap[a]
	t.slots[t.heap[a]].place, t.slots[t.heap[b]].place = a, b
}
