package classifier

// index finds connections by a key. It does what a map does, at a third of the
// cost: there is a look or two for every line of a log. Keys lie side by side,
// each at the place that its bits give or at the next free one behind it (linear
// probing). No key is 0, and at least half of the places are free.
type index struct {
	slots []indexed
	count int
	shift uint8
}

type indexed struct {
	key uint64 // 0 for a free place
	of  *connection
}

const indexBits = 8 // of the smallest index

func newIndex() index {
	return index{slots: make([]indexed, 1<<indexBits), shift: 64 - indexBits}
}

// place gives where a key would stand if all were free (Knuth, The Art of
// Computer Programming 3, 6.4: multiplicative hashing).
func (x *index) place(key uint64) int { return int(key * 0x9e3779b97f4a7c15 >> (x.shift & 63)) }

// find gives the place of a key, or the free one where it belongs.
func (x *index) find(key uint64) *indexed {
	for i := x.place(key); ; i++ {
		s := &x.slots[i&(len(x.slots)-1)]
		if s.key == key || s.key == 0 {
			return s
		}
	}
}

// get gives the connection of a key, nil where there is none.
func (x *index) get(key uint64) *connection {
	if s := x.find(key); s.key == key {
		return s.of
	}
	return nil
}

// set lets a connection be found by a key that is not 0, in place of another.
func (x *index) set(key uint64, c *connection) {
	if 2*x.count >= len(x.slots) {
		x.grow()
	}
	s := x.find(key)
	if s.key == 0 {
		x.count++
	}
	s.key, s.of = key, c
}

func (x *index) grow() {
	old := x.slots
	x.slots, x.count = make([]indexed, 2*len(old)), 0
	x.shift--
	for _, s := range old {
		if s.key != 0 {
			x.set(s.key, s.of)
		}
	}
}

// delete forgets a key. Those behind it that stand away from their places move
// up, so that none is cut off from its own.
func (x *index) delete(key uint64) {
	mask := len(x.slots) - 1
	i := x.place(key)
	for x.slots[i&mask].key != key {
		if x.slots[i&mask].key == 0 {
			return
		}
		i++
	}
	x.count--
	for j := i + 1; x.slots[j&mask].key != 0; j++ {
		if away := j - x.place(x.slots[j&mask].key); away&mask >= j-i {
			x.slots[i&mask] = x.slots[j&mask]
			i = j
		}
	}
	x.slots[i&mask] = indexed{}
}
