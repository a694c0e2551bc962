package parser

import (
	"strings"

	"github.com/sshwhy/sshwhy/patterns"
)

// outline is what can be known beforehand of a text that goes a route: a byte of
// a literal after another, and for a field one or more bytes that it can hold.
type outline []part

type part struct {
	bytes byteset
	field bool // there may be several
}

func (o outline) literal(s []byte) outline {
	for _, c := range s {
		var p part
		p.bytes.add(c)
		o = append(o, p)
	}
	return o
}

// repeats tells whether the literal that ends a field may stand once more in the
// text that begins with it and goes on like o to the end of the message, with
// something behind it that makes it an end of the field.
func (o outline) repeats(f *fieldEdge) bool {
	literal := f.ends.literal
	for i := 1; i < len(literal); i++ {
		if strings.HasPrefix(literal, literal[i:]) && o.ends(f, literal[len(literal)-i:]) {
			return true
		}
	}
	for i := range o {
		if o[i:].ends(f, literal) {
			return true
		}
	}
	return false
}

// ends tells whether a text like o may begin with the literal and something that
// can stand behind f.
func (o outline) ends(f *fieldEdge, literal string) bool {
	switch {
	case literal == "":
		return o.follows(f)
	case len(o) == 0 || !o[0].bytes.has(literal[0]):
		return false
	}
	return o[1:].ends(f, literal[1:]) || o[0].field && o.ends(f, literal[1:])
}

// follows tells whether a text like o may stand behind f.
func (o outline) follows(f *fieldEdge) bool {
	if len(o) == 0 {
		return f.rest == 0
	}
	return o[0].bytes.meets(&f.next) && (!f.address || o.isAddress())
}

// isAddress tells whether a text like o may begin with an address: that has a dot
// or a colon, and hexadecimal digits alone in front of it, or it is the word for
// one that is not known.
func (o outline) isAddress() bool {
	for i := range o {
		if s := &o[i].bytes; s.has('.') || s.has(':') || s.has(unknownAddr[0]) {
			return true
		} else if !s.meets(&hexDigits) {
			return false
		}
	}
	return false
}

var hexDigits = setOf(func(c byte) bool { return classes[c]&hex != 0 })

// holds are the bytes that the text of a bounded kind can hold.
var holds = func() (sets [len(boundedRank)]byteset) {
	for k := range sets {
		sets[k] = setOf(func(c byte) bool { return canHold(patterns.Kind(k), c) })
	}
	// Of numbers canHold says nothing.
	number := setOf(func(c byte) bool { return classes[c]&digit != 0 || c == '-' })
	sets[patterns.KindPort], sets[patterns.KindInt], sets[patterns.KindOctal] = number, number, number
	sets[patterns.KindHex] = setOf(func(c byte) bool { return classes[c]&hex != 0 || c == 'x' })
	sets[patterns.KindFloat] = setOf(func(c byte) bool { return number.has(c) || c == '.' })
	return sets
}()

func setOf(has func(byte) bool) (s byteset) {
	for c := range 256 {
		if has(byte(c)) {
			s.add(byte(c))
		}
	}
	return s
}
