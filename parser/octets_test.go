package parser

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestEightAtOnce holds the masks against a look at each byte.
func TestEightAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	odd := []byte{'`', 'a', 'z', '{', 'A', 'Z', 0xe1, 0, '.', '/', '0', '9', ':', ' ', 0x7f, 0x80, 0xae, 0xff, '!', 0x1f}
	x := &text{}
	for range 100_000 {
		var b [wide]byte
		for i := range b {
			b[i] = odd[r.IntN(len(odd))]
		}
		x.fill(b[:])
		w := x.window(0)
		var dots, others, strange uint64
		for i, c := range b {
			if c == '.' {
				dots |= 1 << i
			}
			if c < '0' || c > '9' {
				others |= 1 << i
			}
			if c < 'a' || c > 'z' {
				strange |= 1 << i
			}
		}
		if got := places(nonLetters(w)); got != strange {
			t.Fatalf("%q: others than small letters at %b, want %b", b, got, strange)
		}
		if got := places(nonDigits(w)); got != others {
			t.Fatalf("%q: others than digits at %b, want %b", b, got, others)
		}
		if got, want := first(equal(w, '.')), bits.TrailingZeros64(dots); dots != 0 && got != want {
			t.Fatalf("%q: the first dot is at %d, want %d", b, got, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 4194304, 99999999, 12345678, 700} {
		s := strconv.Itoa(n)
		if got := decimal(textOf([]byte(s+"]: x")).window(0), len(s)); int(got) != n {
			t.Errorf("%q is read as %d", s, got)
		}
	}
}

// TestLiteralPlaces looks for literals in texts of few letters, where they stand
// often, touch and overlap.
func TestLiteralPlaces(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	letters := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("ab "[r.IntN(3)])
		}
		return b.String()
	}
	x := &text{}
	for range 50_000 {
		literal, s := letters(1+r.IntN(20)), letters(r.IntN(80))
		f := &fieldEdge{ends: newEdge(literal), keyAt: uint8(keyOf(literal))}
		f.keys = ones * uint64(literal[f.keyAt])
		from := r.IntN(len(s) + 1)
		limit := from + r.IntN(len(s)-from+1)
		part := []byte(s[from:limit])
		x.fill([]byte(s))
		if got, want := f.lastIndex(x, from, limit), behind(from, bytes.LastIndex(part, []byte(literal))); got != want {
			t.Fatalf("%q stands last in %q from %d to %d at %d, want %d", literal, s, from, limit, got, want)
		}
		if got, want := f.firstIndex(x, from, limit), behind(from, bytes.Index(part, []byte(literal))); got != want {
			t.Fatalf("%q stands first in %q from %d to %d at %d, want %d", literal, s, from, limit, got, want)
		}
	}
}

func behind(from, i int) int {
	if i < 0 {
		return i
	}
	return from + i
}

// TestNothingOfTheTextBefore reads a short text where a long one lay.
func TestNothingOfTheTextBefore(t *testing.T) {
	x := textOf([]byte("Failed password for root from 192.0.2.7 port 22 ssh2"))
	x.fill([]byte("192.0.2"))
	if n := scanAddr(x, 0); n > 0 {
		t.Errorf("an address of %d bytes is found in %q", n, x.from(0))
	}
	if n := scanInt(x, 6); n != 1 {
		t.Errorf("a number of %d digits ends %q", n, x.from(0))
	}
	if got := x.index(0, 'f'); got != 7 {
		t.Errorf("a letter is found at %d of %q", got, x.from(0))
	}
}
