package classifier

import (
	"math/rand/v2"
	"testing"
)

// TestIndexIsAMap does the same to an index and to a map, with so few keys that
// they come and go all the time, and others that crowd at one place.
func TestIndexIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x, m := newIndex(), map[uint64]*connection{}
	some := make([]connection, 50)
	for range 200_000 {
		key := 1 + r.Uint64N(700)
		if r.IntN(3) == 0 {
			key = 1<<32 + key%20
		}
		switch r.IntN(3) {
		case 0:
			x.delete(key)
			delete(m, key)
		case 1:
			c := &some[r.IntN(len(some))]
			x.set(key, c)
			m[key] = c
		}
		if got := x.get(key); got != m[key] {
			t.Fatalf("key %d gives %p, want %p", key, got, m[key])
		}
	}
	if x.count != len(m) {
		t.Errorf("it counts %d keys, want %d", x.count, len(m))
	}
	for key, c := range m {
		if x.get(key) != c {
			t.Errorf("key %d is lost", key)
		}
	}
	if x.get(0) != nil {
		t.Error("there is a connection without a key")
	}
}
