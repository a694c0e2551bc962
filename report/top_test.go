package report

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestTopIsExactWithinItsBudget(t *testing.T) {
	top := NewTop(3)
	for _, name := range []string{"root", "admin", "root", "git", "root", "git"} {
		top.Add([]byte(name), 1)
	}
	got := fmt.Sprint(top.Most(2))
	if want := "[{root 3 0 []} {git 2 0 []}]"; got != want {
		t.Errorf("the most frequent two are %s, not %s", got, want)
	}
	if !top.Exact() {
		t.Error("nothing was pushed out, yet the counts are said to be inexact")
	}
}

func TestTopTakesBack(t *testing.T) {
	top := NewTop(2)
	for _, name := range []string{"a", "a", "b"} {
		top.Add([]byte(name), 1)
	}
	top.Remove([]byte("a"))
	top.Remove([]byte("b"))
	top.Remove([]byte("b"))
	top.Remove([]byte("stranger"))
	if got, want := fmt.Sprint(top.Most(9)), "[{a 1 0 []}]"; got != want {
		t.Errorf("after taking back the list is %s, not %s", got, want)
	}
}

// TestTopKeepsItsGuarantee holds the sketch to what its comment promises, on
// streams of several shapes that have far more names than fit, with names
// taken back in between.
func TestTopKeepsItsGuarantee(t *testing.T) {
	const budget, length = 64, 60_000
	r := rand.New(rand.NewPCG(1, 2))
	streams := map[string]func(i int) int{
		"few names make most of it": func(int) int { return int(rand.NewZipf(r, 1.3, 1, 1<<20).Uint64()) },
		"every name once":           func(i int) int { return i },
		"a flood, then regulars": func(i int) int {
			if i < length/2 {
				return 1000 + i
			}
			return i % 40
		},
		"regulars between a flood": func(i int) int {
			if i%3 == 0 {
				return i % 30
			}
			return 1000 + i
		},
	}
	for title, next := range streams {
		t.Run(title, func(t *testing.T) {
			top, truth, added := NewTop(budget), map[string]uint64{}, uint64(0)
			for i := range length {
				name := strconv.Itoa(next(i))
				top.Add([]byte(name), 1)
				truth[name]++
				added++
				if i%7 == 0 {
					// Only what was counted can be taken back, as
					// the revision of a finding does.
					top.Remove([]byte(name))
					truth[name]--
				}
			}
			holds(t, top, truth, added, budget)
		})
	}
}

func holds(t *testing.T, top *Top, truth map[string]uint64, added, budget uint64) {
	t.Helper()
	listed := map[string]bool{}
	for _, c := range top.Most(int(budget)) {
		listed[c.Name] = true
		if n := truth[c.Name]; c.Count < n || c.Count > n+c.Error {
			t.Errorf("%s occurred %d times, and is listed with %d, error %d", c.Name, n, c.Count, c.Error)
		}
	}
	for name, n := range truth {
		if !listed[name] && n > top.Floor() {
			t.Errorf("%s occurred %d times and is not listed; the floor is %d", name, n, top.Floor())
		}
	}
	if top.Floor() > added/budget {
		t.Errorf("the floor is %d, above %d names in %d places", top.Floor(), added, budget)
	}
	if top.Len() > int(budget) {
		t.Errorf("%d names are kept, more than %d", top.Len(), budget)
	}
}

func TestTopAllocatesNothingForAKnownName(t *testing.T) {
	top := NewTop(16)
	name := []byte("root")
	top.Add(name, 1)
	if n := testing.AllocsPerRun(100, func() { top.Add(name, 1); top.Remove(name) }); n != 0 {
		t.Errorf("%v allocations for a known name", n)
	}
}

// BenchmarkTopFlood is the worst case: every name is new and pushes one out.
func BenchmarkTopFlood(b *testing.B) {
	top := NewTop(4096)
	var name []byte
	for i := range b.N {
		name = strconv.AppendInt(append(name[:0], "198.51."...), int64(i), 10)
		top.Add(name, 1)
	}
}

func BenchmarkTopKnown(b *testing.B) {
	top := NewTop(4096)
	names := make([][]byte, 3000)
	for i := range names {
		names[i] = strconv.AppendInt([]byte("198.51."), int64(i), 10)
	}
	for i := range b.N {
		top.Add(names[i%len(names)], 1)
	}
}

// TestTopTellsNamesApart counts names of all lengths that differ in one byte, or
// in their length alone.
func TestTopTellsNamesApart(t *testing.T) {
	top, want := NewTop(4096), map[string]uint64{}
	add := func(name string) {
		want[name]++
		top.Add([]byte(name), 1)
	}
	for length := range 40 {
		name := bytes.Repeat([]byte{'a'}, length)
		add(string(name))
		for i := range name {
			for range i + 1 {
				name[i] = 'b'
				add(string(name))
				name[i] = 'a'
			}
		}
	}
	got := map[string]uint64{}
	for _, c := range top.Most(4096) {
		got[c.Name] = c.Count
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d names were counted as %d", len(want), len(got))
	}
}

// TestTopPushesOutTheFirst has the name make way that has gone longest without
// being counted, of those that were counted least, also before the list was full.
func TestTopPushesOutTheFirst(t *testing.T) {
	top := NewTop(4)
	for _, name := range []string{"a", "b", "a", "c", "c", "b", "d", "d", "d", "new"} {
		top.Add([]byte(name), 1)
	}
	if got, want := fmt.Sprint(top.Most(4)), "[{d 3 0 []} {new 3 2 []} {b 2 0 []} {c 2 0 []}]"; got != want {
		t.Errorf("the list is %s, not %s", got, want)
	}
	top.Add([]byte("newer"), 1)
	if got, want := fmt.Sprint(top.Most(4)), "[{d 3 0 []} {new 3 2 []} {newer 3 2 []} {b 2 0 []}]"; got != want {
		t.Errorf("the list is %s, not %s", got, want)
	}
}

// TestTopFindsTheMostOfMany holds few of a long list to what all of it say.
func TestTopFindsTheMostOfMany(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	top := NewTop(2000)
	for range 20_000 {
		top.Add([]byte("name "+strconv.Itoa(int(r.ExpFloat64()*300))+strconv.Itoa(r.IntN(4))), 1)
	}
	for range 3000 {
		top.Add([]byte(strconv.Itoa(r.IntN(1<<40))), 1)
	}
	all := top.Most(2000)
	for _, n := range []int{0, 1, 2, 10, 500, 1999} {
		if got := top.Most(n); fmt.Sprint(got) != fmt.Sprint(all[:n]) {
			t.Errorf("of the first %d the list is %v, not %v", n, got, all[:n])
		}
	}
}
