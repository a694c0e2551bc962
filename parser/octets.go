package parser

import (
	"encoding/binary"
	"math/bits"

	"github.com/sshwhy/sshwhy"
)

// Reading a message byte by byte costs a branch for each, and the processor
// guesses wrong where a name or a number ends. So eight bytes are read as one
// number, the first of them the lowest, and what is looked for becomes a mask
// with the high bit of each byte that is it (Mycroft; Warren, Hacker's Delight,
// 6-1).

// wide is the number of bytes that are looked at at once.
const wide = 8

const (
	ones  = 0x0101010101010101 // a byte times ones is that byte eight times
	highs = 0x8080808080808080
	lows  = ^uint64(highs)
)

// text is a message where the matcher reads it. It has zeros behind its end, so
// that eight bytes can be read everywhere without a look at its length, and a
// size that the compiler knows, so that it need not look either.
type text struct {
	length int
	effort int // that the tree may still spend: effortOf
	bytes  [sshwhy.MaxLine + 3*wide]byte
}

// fill takes a message of less than MaxLine bytes.
func (t *text) fill(message []byte) {
	n := copy(t.bytes[:], message)
	binary.LittleEndian.PutUint64(t.bytes[uint(n)%sshwhy.MaxLine:], 0)
	binary.LittleEndian.PutUint64(t.bytes[uint(n)%sshwhy.MaxLine+wide:], 0)
	t.length = n
}

// window gives the bytes from pos on, which is at most the length, or less than
// wide beyond it.
func (t *text) window(pos int) uint64 {
	return binary.LittleEndian.Uint64(t.bytes[uint(pos)%sshwhy.MaxLine:])
}

// at gives the byte at pos, 0 behind the end.
func (t *text) at(pos int) byte { return t.bytes[uint(pos)%sshwhy.MaxLine] }

// from gives the text from pos on.
func (t *text) from(pos int) []byte { return t.bytes[pos:t.length] }

// index gives where c stands first from pos on, the length where it does not.
func (t *text) index(pos int, c byte) int {
	for ; pos < t.length; pos += wide {
		if marks := equal(t.window(pos), c); marks != 0 {
			return min(pos+first(marks), t.length)
		}
	}
	return t.length
}

// classEnd gives where the bytes of a class end that stand from pos on. What is behind the text is of none.
func (t *text) classEnd(pos int, c class) int {
	for classes[t.at(pos)]&c != 0 {
		pos++
	}
	return pos
}

// equal marks the bytes of w that are c. Only the lowest mark is to be relied
// on: a byte above it that is c+1 or c-1 may be marked as well.
func equal(w uint64, c byte) uint64 { return matching(w, ones*uint64(c)) }

// matching is equal for a byte that was repeated already.
func matching(w, repeated uint64) uint64 {
	w ^= repeated
	return (w - ones) &^ w & highs
}

// nonDigits marks the bytes of w that are no decimal digit.
func nonDigits(w uint64) uint64 {
	w ^= ones * '0' // digits become 0 to 9
	return ((w & lows) + ones*(0x80-10) | w) & highs
}

// nonLetters marks the bytes of w that are no small letter.
func nonLetters(w uint64) uint64 {
	x := w & lows
	return (x + ones*(0x80-'z'-1) | ^(x + ones*(0x80-'a')) | w) & highs
}

// first gives the place of the lowest mark, 8 where there is none.
func first(marks uint64) int { return bits.TrailingZeros64(marks) / 8 }

// places makes a mark at byte i the bit i: the product adds up eight copies of
// the marks, shifted so that all bits meet in the highest byte.
func places(marks uint64) uint64 { return marks * 0x0002040810204081 >> 56 }

// decimal gives the number that the first n bytes of w spell, n digits, 1 to 8:
// first pairs of digits are joined, then pairs of pairs, then both halves.
func decimal(w uint64, n int) int32 {
	w <<= 8 * (wide - n) & 63 // zeros in front
	w = (w & (ones * 0x0f)) * (10<<8 + 1) >> 8
	w = (w & 0x00ff00ff00ff00ff) * (100<<16 + 1) >> 16
	return int32((w & 0x0000ffff0000ffff) * (10000<<32 + 1) >> 32)
}
