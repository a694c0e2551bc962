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
// memory that is used again, and are found by a hash table of their own.
type Top struct {
	slots  []slot
	heap   []heaped // the least count first
	at     []int32  // where in heap each slot stands
	places []int32  // slots by the hash of their names, counted from 1; 0 is free
	budget int
	floor  uint64
	seed   maphash.Seed
}

type slot struct {
	name    []byte
	error   uint64 // see Counted
	hash    uint32
	example []byte
}

// heaped is a slot's count, close to the others that it is compared with.
type heaped struct {
	count uint64
	slot  int32
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
	places := 64
	for places < 4*budget {
		places *= 2
	}
	return &Top{budget: budget, places: make([]int32, places), seed: maphash.MakeSeed()}
}

// Add counts a name n times more. It gives where to leave an example for the
// name, valid until the next call, and whether the name is new.
func (t *Top) Add(name []byte, n uint64) (example *[]byte, isNew bool) {
	hash := t.hash(name)
	i := t.find(name, hash)
	if i >= 0 {
		at := t.at[i]
		t.heap[at].count += n
		t.down(int(at))
		return &t.slots[i].example, false
	}
	if len(t.slots) < t.budget {
		i = t.insert(name, hash, n)
	} else {
		i = t.replace(name, hash, n)
	}
	return &t.slots[i].example, true
}

// Remove takes back what Add counted once, where the name is still listed. A
// name that is not has nothing to take back: Floor covers it.
func (t *Top) Remove(name []byte) {
	i := t.find(name, t.hash(name))
	if i < 0 {
		return
	}
	if h := &t.heap[t.at[i]]; h.count > t.slots[i].error {
		h.count--
		t.up(int(t.at[i]))
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
		s := &t.slots[i]
		if count := t.heap[t.at[i]].count; count > 0 {
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
	t.at = append(t.at, i)
	t.heap = append(t.heap, heaped{n, i})
	t.enter(i)
	t.up(int(i))
	return i
}

// replace gives the place of the least frequent name to another. The floor,
// and not only that name's count, is the error: Remove may have taken the
// least count below that of a name pushed out before.
func (t *Top) replace(name []byte, hash uint32, n uint64) int32 {
	h := &t.heap[0]
	i := h.slot
	s := &t.slots[i]
	t.floor = max(t.floor, h.count)
	t.leave(i)
	s.name, s.hash, s.error, s.example = append(s.name[:0], name...), hash, t.floor, nil
	h.count = t.floor + n
	t.enter(i)
	t.down(0)
	return i
}

// hash mixes the bytes of a name with a secret, so that nobody can choose names
// that share a place.
func (t *Top) hash(name []byte) uint32 { return uint32(maphash.Bytes(t.seed, name)) }

// find gives the slot of a name, -1 for none. Names stand at the place that
// their hash gives, or at the next free one behind it.
func (t *Top) find(name []byte, hash uint32) int32 {
	mask := len(t.places) - 1
	for p := int(hash); t.places[p&mask] != 0; p++ {
		i := t.places[p&mask] - 1
		if s := &t.slots[i]; s.hash == hash && bytes.Equal(s.name, name) {
			return i
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
	t.places[p&mask] = i + 1
}

// leave undoes enter. What stands behind moves up, so that nothing is cut off
// from its place.
func (t *Top) leave(i int32) {
	mask := len(t.places) - 1
	p := int(t.slots[i].hash)
	for t.places[p&mask] != i+1 {
		p++
	}
	for q := p + 1; t.places[q&mask] != 0; q++ {
		home := int(t.slots[t.places[q&mask]-1].hash)
		if (q-home)&mask >= q-p {
			t.places[p&mask] = t.places[q&mask]
			p = q
		}
	}
	t.places[p&mask] = 0
}

// down moves what stands at a place of the heap behind lesser counts.
func (t *Top) down(at int) {
	moved := t.heap[at]
	for {
		child := 2*at + 1
		if child >= len(t.heap) {
			break
		}
		if right := child + 1; right < len(t.heap) && t.heap[right].count < t.heap[child].count {
			child = right
		}
		if moved.count <= t.heap[child].count {
			break
		}
		t.put(at, t.heap[child])
		at = child
	}
	t.put(at, moved)
}

// up moves what stands at a place of the heap before greater counts.
func (t *Top) up(at int) {
	moved := t.heap[at]
	for at > 0 {
		parent := (at - 1) / 2
		if t.heap[parent].count <= moved.count {
			break
		}
		t.put(at, t.heap[parent])
		at = parent
	}
	t.put(at, moved)
}

func (t *Top) put(at int, h heaped) {
	t.heap[at] = h
	t.at[h.slot] = int32(at)
}
