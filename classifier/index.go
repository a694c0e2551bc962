package classifier

// index finds connections by a key. It does what a map does, at a third of the
// cost: there is a look or two for every line of a log. Entries lie side by
// side, each at the place that the bits of its key give or at the next free one
// behind it (linear probing), and about three quarters of the places are free or
// more, so that mostly the first look tells. An entry is one word, so that the
// index of thousands of connections stays in the processor's cache.
type index struct {
	entries []entry
	count   int
	shift   uint8
}

// entry is a key and, in its lowest bits, the slot of a connection; 0 is free.
type entry uint64

const (
	slotBits  = 17 // maxConnections fits, and one more for each of maxHosts
	keyBits   = 64 - slotBits
	indexBits = 8 // of the smallest index
)

func (e entry) key() uint64 { return uint64(e) >> slotBits }
func (e entry) slot() slot  { return slot(e & (1<<slotBits - 1)) }

func newIndex() index {
	return index{entries: make([]entry, 1<<indexBits), shift: 64 - indexBits}
}

// place gives where a key would stand if all were free (Knuth, The Art of
// Computer Programming 3, 6.4: multiplicative hashing).
func (x *index) place(key uint64) int { return int(key * 0x9e3779b97f4a7c15 >> (x.shift & 63)) }

// find gives the place of a key, or the free one where it belongs.
func (x *index) find(key uint64) *entry {
	for i := x.place(key); ; i++ {
		e := &x.entries[i&(len(x.entries)-1)]
		if *e == 0 || e.key() == key {
			return e
		}
	}
}

// get gives the slot of a key's connection, 0 where there is none.
func (x *index) get(key uint64) slot { return x.find(key).slot() }

// set lets a connection be found by a key, in place of another. Keys have
// keyBits, and none is 0.
func (x *index) set(key uint64, s slot) {
	if 4*x.count >= len(x.entries) {
		x.grow()
	}
	e := x.find(key)
	if *e == 0 {
		x.count++
	}
	*e = entry(key<<slotBits | uint64(s))
}

func (x *index) grow() {
	old := x.entries
	x.entries, x.count = make([]entry, 2*len(old)), 0
	x.shift--
	for _, e := range old {
		if e != 0 {
			x.set(e.key(), e.slot())
		}
	}
}

// delete forgets a key if it is that connection's. Those behind it that stand
// away from their places move up, so that none is cut off from its own.
func (x *index) delete(key uint64, of slot) {
	mask := len(x.entries) - 1
	i := x.place(key)
	for x.entries[i&mask].key() != key {
		if x.entries[i&mask] == 0 {
			return
		}
		i++
	}
	if x.entries[i&mask].slot() != of {
		return
	}
	x.count--
	for j := i + 1; x.entries[j&mask] != 0; j++ {
		if away := j - x.place(x.entries[j&mask].key()); away&mask >= j-i {
			x.entries[i&mask] = x.entries[j&mask]
			i = j
		}
	}
	x.entries[i&mask] = 0
}
