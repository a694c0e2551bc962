package parser

import (
	"math/bits"
	"strings"

	"github.com/sshwhy/sshwhy/patterns"
)

// Where a field ends is told by the field itself where it is bounded, and else by
// the literal behind it: where that stands first or last with something behind it
// that can follow.

// rooted tells whether a field that must begin with a slash does.
func (f *fieldEdge) rooted(t *text, pos int) bool {
	return f.kind != patterns.KindAbsPath || t.at(pos) == '/'
}

// end gives where a field ends that can end in one place only, and where what
// is behind it begins; -1 where it cannot end or nothing can follow.
func (f *fieldEdge) end(t *text, pos int) (end, next int) {
	if f.way == wayBounded {
		length := scan(f.kind, t, pos)
		if end = pos + length; length < 0 || !f.precedes(t, end) {
			return -1, 0
		}
		return end, end
	}
	end = t.length - len(f.ends.literal)
	if t.length-pos < int(f.least) || !f.rooted(t, pos) || string(t.from(end)) != f.ends.literal {
		return -1, 0
	}
	return end, t.length
}

// precedes tells whether what stands at next can be what is behind the field.
func (f *fieldEdge) precedes(t *text, next int) bool {
	rest := t.length - next
	return rest >= int(f.rest) && (rest == 0 || f.next.has(t.at(next))) && (!f.address || mayBeAddress(t.window(next)))
}

// firstEnd gives the first end of the field that is tried at pos, and where
// what is behind it begins; -1 for none.
func (f *fieldEdge) firstEnd(t *text, pos int) (end, next int) {
	if f.sure {
		return f.end(t, pos)
	}
	if t.length-pos < int(f.least) || !f.rooted(t, pos) {
		return -1, 0
	}
	c := choice{pos: pos, bound: fresh}
	return f.nextEnd(t, &c)
}

// lastEnd gives the last end of a field of wayLast that something can stand
// behind, and where that begins; -1 for none.
func (f *fieldEdge) lastEnd(t *text, pos int) (end, next int) {
	size := len(f.ends.literal)
	from, limit := pos+int(f.least)-int(f.rest)-size, t.length-int(f.rest)
	for {
		end := f.lastIndex(t, from, limit)
		if end < 0 {
			return -1, 0
		}
		if f.precedes(t, end+size) {
			return end, end + size
		}
		limit = end + size - 1
	}
}

// soonest gives the first end of a field that its literal ends and that something
// can stand behind, and where that begins; -1 for none, or where there are many
// that it does not end at: they are the tree's to weigh.
func (f *fieldEdge) soonest(t *text, pos int) (end, next int) {
	size, at := len(f.ends.literal), int(f.keyAt)
	tries := 0
	for begin := pos + int(f.least) - int(f.rest) - size + at; begin < t.length; begin += wide {
		for marks := matching(t.window(begin), f.keys); marks != 0; marks &= marks - 1 {
			end := begin + first(marks) - at
			if t.window(end)&f.ends.mask != f.ends.head || size > wide && !f.ends.goesOn(t, end) {
				continue
			}
			next := end + size
			w := t.window(next)
			if (f.next.has(byte(w)) || next == t.length) && (!f.address || equal(w, '.') != 0 || mayBeAddress(w)) {
				return end, next
			}
			if tries++; tries == mostTries {
				return -1, 0
			}
		}
	}
	return -1, 0
}

// mostTries bounds the ends that a route tries.
const mostTries = 64

// nextEnd gives the next end of the field at c that something can stand behind,
// and where that begins; -1 for none.
func (f *fieldEdge) nextEnd(t *text, c *choice) (end, next int) {
	switch {
	case f.sure:
		return f.end(t, c.pos)
	case f.way == wayBounded:
		return f.shorter(t, c)
	case f.way == wayLast:
		return f.earlier(t, c)
	}
	return f.later(t, c)
}

// shorter gives the longest end first: the literal behind may begin with bytes
// that the field can hold.
func (f *fieldEdge) shorter(t *text, c *choice) (end, next int) {
	if c.bound == fresh {
		c.bound = c.pos + scan(f.kind, t, c.pos) + 1
	}
	for c.bound > c.pos+1 && t.effort > 0 {
		c.bound--
		t.effort -= tryCost
		if f.precedes(t, c.bound) {
			return c.bound, c.bound
		}
	}
	return -1, 0
}

// earlier gives the places of the literal behind the field from the last on.
func (f *fieldEdge) earlier(t *text, c *choice) (end, next int) {
	from := c.pos + int(f.least) - int(f.rest) - len(f.ends.literal)
	if c.bound == fresh {
		c.bound = t.length - int(f.rest)
	}
	for t.effort > 0 {
		end := f.lastIndex(t, from, c.bound)
		if end < 0 {
			t.effort -= c.bound - c.pos
			break
		}
		next := end + len(f.ends.literal)
		t.effort -= c.bound - end + tryCost
		c.bound = next - 1
		if f.precedes(t, next) {
			return end, next
		}
	}
	return -1, 0
}

// later gives the places of the literal behind the field from the first on.
func (f *fieldEdge) later(t *text, c *choice) (end, next int) {
	if c.bound == fresh {
		c.bound = c.pos + int(f.least) - int(f.rest) - len(f.ends.literal)
	}
	for t.effort > 0 {
		end := f.firstIndex(t, c.bound, t.length-int(f.rest))
		if end < 0 {
			t.effort -= t.length - c.bound
			break
		}
		next := end + len(f.ends.literal)
		t.effort -= next - c.bound + tryCost
		c.bound = end + 1
		if f.precedes(t, next) {
			return end, next
		}
	}
	return -1, 0
}

// lastIndex gives the last place from which on the field's literal stands in s,
// whole between from and limit; -1 for none. It looks for one byte of it first.
func (f *fieldEdge) lastIndex(t *text, from, limit int) int {
	at := int(f.keyAt)
	low, high := from+at, limit-len(f.ends.literal)+at // where the key can stand
	for ; high >= low; high -= wide {
		begin := high - (wide - 1)
		marks := matching(t.window(max(begin, 0)), f.keys)
		if begin < 0 {
			marks &= highs >> (-8 * begin & 63)
			begin = 0
		}
		for marks != 0 {
			mark := bits.Len64(marks) - 1
			i := begin + mark/8
			if i < low {
				return -1
			}
			if i -= at; f.ends.fits(t, i, t.window(i)) {
				return i
			}
			marks &^= 1 << (mark & 63)
		}
	}
	return -1
}

// firstIndex is like lastIndex for the first place.
func (f *fieldEdge) firstIndex(t *text, from, limit int) int {
	at := int(f.keyAt)
	high := limit - len(f.ends.literal) + at
	for begin := from + at; begin <= high; begin += wide {
		for marks := matching(t.window(begin), f.keys); marks != 0; marks &= marks - 1 {
			i := begin + first(marks)
			if i > high {
				return -1
			}
			if i -= at; f.ends.fits(t, i, t.window(i)) {
				return i
			}
		}
	}
	return -1
}

// common are bytes in the order in which messages hold them most, as far as
// that matters for choosing a key.
const common = " etaornis0123456789cudlhp.:mfgbvykw"

// keyOf gives the place of the byte in a literal that is rarest elsewhere.
func keyOf(literal string) int {
	best, rarest := 0, -1
	for i := range len(literal) {
		rank := strings.IndexByte(common, literal[i])
		if rank < 0 {
			rank = len(common)
		}
		if rank > rarest && i < 256 {
			best, rarest = i, rank
		}
	}
	return best
}

// frontOf is keyOf for a look from the beginning of a field on: few names hold a
// blank, and what is behind them does not matter.
func frontOf(k patterns.Kind, literal string) int {
	if (k == patterns.KindUser || k == patterns.KindAccount) && literal[0] == ' ' {
		return 0
	}
	return keyOf(literal)
}
