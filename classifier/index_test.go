package classifier

import (
	"math/rand/v2"
	"testing"
)

// TestIndexIsAMap does the same to an index and to a map, with so few keys that
// they come and go all the time, and others that crowd at one place.
func TestIndexIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x, m := newIndex(), map[uint64]slot{}
	for range 200_000 {
		key := 1 + r.Uint64N(700)
		if r.IntN(3) == 0 {
			key = 1<<46 + key%20
		}
		switch r.IntN(3) {
		case 0:
			of := slot(1 + r.IntN(3))
			x.delete(key, of)
			if m[key] == of {
				delete(m, key)
			}
		case 1:
			s := slot(1 + r.IntN(3))
			if r.IntN(100) == 0 {
				s = maxConnections + 1
			}
			x.set(key, s)
			m[key] = s
		}
		if got := x.get(key); got != m[key] {
			t.Fatalf("key %d gives %d, want %d", key, got, m[key])
		}
	}
	if x.count != len(m) {
		t.Errorf("it counts %d keys, want %d", x.count, len(m))
	}
	for key, s := range m {
		if x.get(key) != s {
			t.Errorf("key %d is lost", key)
		}
	}
	if x.get(0) != 0 {
		t.Error("there is a connection without a key")
	}
}
