package parser

import (
	"encoding/binary"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// A way through the tree is a chain of places in memory, each of which tells
// where the next one is: the processor waits at each. But most messages of a
// log go a few dozen ways. So those that were gone are remembered as routes, a
// list of literals and fields that can be read ahead, and the messages that
// begin alike try the same one.
//
// A route takes a message only if the tree would lead it the very same way:
// at each node a literal comes first, so a field is right where no literal of
// the node stands there and no field before it can end. If anything else could
// be, the tree is asked.

// recogniser is a matcher with the routes that its messages went. It is for
// one goroutine.
type recogniser struct {
	*matcher
	way  choices // memory of matcher.match
	text text    // the message at hand
	// routes are all that are known, chained by what they begin with. The
	// first is none.
	routes []route
	chains [1 << chainBits]uint16
	// guesses hold for the beginning of a message the route that the last
	// one with the same beginning went.
	guesses [1 << guessBits]uint16
}

const (
	chainBits = 8
	guessBits = 12
	// maxRoutes bounds the routes: hostile lines may go every way there is.
	maxRoutes = 1024
	// maxChain bounds how many routes are tried for one message.
	maxChain = 12
)

// route is a way through the tree: literals with a field behind each, and at
// last a literal alone.
type route struct {
	steps  []step
	last   step // without a field
	ending *ending
	next   uint16 // in its chain, 0 for none
}

// step is a literal, or none, and the field behind it. It fills one line of the
// processor's cache.
type step struct {
	// The literal is compared by eight bytes: full holds those that are
	// whole, tail what is left of it, mask which bytes of tail count.
	full       []uint64
	tail, mask uint64
	field      *fieldEdge
	beside     *beside // what is tried before the field, nil for nothing
	name       sshwhy.Field
	op         op
	class      class // of opClass: the field's bytes
	size       uint8 // of tail
	sure       bool  // as the field's
}

// beside is what a node has that comes before a field of it: literals, an end of
// the message, and fields that are tried earlier.
type beside struct {
	firsts byteset // with which bytes the literals begin
	node   *node
	before int // how many fields
}

// op is how the end of a step's field is found.
type op uint8

const (
	opInt op = iota
	opAddr
	opClass // behind the bytes of a class
	opWord  // before a blank
	opFirst // where its literal stands first
	opLast  // where its literal stands last
	opRest  // at the end of the message
	opOther // as the field does it
)

func opOf(f *fieldEdge) (op, class) {
	switch {
	case f.way == wayBounded:
		return opOfKind(f.kind)
	case f.way == wayRest:
		return opRest, 0
	case f.kind == patterns.KindAbsPath:
		return opOther, 0
	case f.way == wayFirst:
		return opFirst, 0
	case f.way == wayLast:
		return opLast, 0
	}
	return opOther, 0
}

func opOfKind(k patterns.Kind) (op, class) {
	switch k {
	case patterns.KindInt, patterns.KindPort:
		return opInt, 0
	case patterns.KindAddr:
		return opAddr, 0
	case patterns.KindOctal:
		return opClass, octal
	case patterns.KindIdent:
		return opClass, inIdent
	case patterns.KindMethod:
		return opClass, inMethod
	case patterns.KindKeyType:
		return opClass, inKeyType
	case patterns.KindHost, patterns.KindWord, patterns.KindAlgs:
		return opWord, 0
	}
	return opOther, 0
}

func newRecogniser(m *matcher) *recogniser {
	return &recogniser{matcher: m, routes: make([]route, 1, 64)}
}

// match finds the pattern of ev.Message and adds its fields to ev.
func (r *recogniser) match(ev *sshwhy.Event) bool {
	t := &r.text
	if !t.fill(ev.Message) {
		return false
	}
	begin := t.window(0)
	guess := &r.guesses[t.look(begin)>>(64-guessBits)]
	if *guess != 0 && r.routes[*guess].match(t, ev) {
		return true
	}
	chain := &r.chains[uint32(begin)*0x9e3779b1>>(32-chainBits)]
	n := 0
	for i := *chain; i != 0 && n < maxChain; i, n = r.routes[i].next, n+1 {
		if i != *guess && r.routes[i].match(t, ev) {
			*guess = i
			return true
		}
	}
	found, straight := r.matcher.match(t, ev, &r.way)
	if straight && n < maxChain && len(r.routes) < maxRoutes && !r.leads(*chain, found) {
		added := r.trace(t)
		added.next = *chain
		*chain = uint16(len(r.routes))
		*guess = *chain
		r.routes = append(r.routes, added)
	}
	return found != nil
}

// look gives a number that texts of one pattern share as a rule, and others do not:
// how they begin, where there are letters behind that and in the end, and about how
// long they are. Which letters these are would make a difference for every name.
func (t *text) look(begin uint64) uint64 {
	const letters = ones << 6 // a bit that they have, and digits, blanks and most signs have not
	behind := 3*(t.window(2*wide)&letters) ^ 7*(t.window(3*wide)&letters)
	end := 5*uint64(t.at(t.length-1)&(1<<6)) ^ 11*uint64(t.length/16)
	return (begin ^ behind ^ end) * 0x9e3779b97f4a7c15
}

// leads tells whether a route of a chain leads to the ending. It has left the
// message to the tree then.
func (r *recogniser) leads(chain uint16, e *ending) bool {
	for i := chain; i != 0; i = r.routes[i].next {
		if r.routes[i].ending == e {
			return true
		}
	}
	return false
}

// match tells whether a message goes the route, and adds its fields then. It
// asks no function for what is usual: a call costs as much as a step.
func (r *route) match(t *text, ev *sshwhy.Event) bool {
	fields := ev.Room()
	pos := 0
	steps := r.steps
	for i := range steps {
		st := &steps[i]
		for _, w := range st.full {
			if t.window(pos) != w {
				return false
			}
			pos += wide
		}
		if t.window(pos)&st.mask != st.tail {
			return false
		}
		pos += int(st.size)
		if b := st.beside; b != nil && (b.before > 0 || b.firsts.has(t.at(pos)) || pos == t.length) && !b.absent(t, pos) {
			return false
		}
		var end, next int
		switch st.op {
		case opInt:
			end = pos + first(nonDigits(t.window(pos)))
			if next = end; end == pos || end == pos+wide {
				end, next = st.field.firstEnd(t, pos)
			}
		case opAddr:
			if end = pos + scanIPv4(t, pos); end < pos {
				end = pos + scanOtherAddr(t, pos)
			}
			if next = end; end < pos || !st.sure && !st.field.precedes(t, end) {
				end, next = st.field.firstEnd(t, pos)
			}
		case opFirst:
			end, next = st.field.soonest(t, pos)
		case opClass:
			end = t.classEnd(pos, st.class)
			if next = end; end == pos || !st.sure && !st.field.precedes(t, end) {
				end, next = st.field.firstEnd(t, pos)
			}
		case opWord:
			end = t.index(pos, ' ')
			if next = end; end == pos || !st.sure && !st.field.precedes(t, end) {
				end, next = st.field.firstEnd(t, pos)
			}
		case opRest:
			if end, next = t.length, t.length; end-pos < int(st.field.least) || !st.field.rooted(t, pos) {
				return false
			}
		case opLast:
			end, next = st.field.lastEnd(t, pos)
		case opOther:
			end, next = st.field.firstEnd(t, pos)
		}
		if end < 0 {
			return false
		}
		c := &fields[i]
		c.Field, c.Value, c.Start, c.End = st.name, 0, int32(pos), int32(end)
		pos = next
	}
	if r.last.behind(t, pos) != t.length {
		return false
	}
	for i, c := range r.ending.constants {
		fields[len(steps)+i] = c
	}
	ev.Pattern = r.ending.pattern
	ev.Shaped(r.ending.shape)
	return true
}

// behind gives where the step's literal ends that stands at pos, -1 where it does
// not.
func (st *step) behind(t *text, pos int) int {
	for _, w := range st.full {
		if t.window(pos) != w {
			return -1
		}
		pos += wide
	}
	if t.window(pos)&st.mask != st.tail {
		return -1
	}
	return pos + int(st.size)
}

// absent tells whether nothing of what is beside a field stands at pos.
func (b *beside) absent(t *text, pos int) bool {
	if pos == t.length {
		return b.node.stop.ending.pattern == 0 && b.before == 0
	}
	if b.node.literalAt(t, pos) != nil {
		return false
	}
	fields := b.node.stop.fields[:b.before]
	for i := range fields {
		if t.length-pos < int(fields[i].least) {
			continue
		}
		if end, _ := fields[i].firstEnd(t, pos); end >= 0 {
			return false
		}
	}
	return true
}

// trace gives the route of a text to which the first way leads.
func (r *recogniser) trace(t *text) route {
	var found route
	whole := make(outline, 0, t.length)
	var behind []int // where whole goes on behind each field
	n, pos, from := r.root, 0, 0
	for {
		if e := n.literalAt(t, pos); e != nil {
			n, pos = e.to, pos+len(e.literal)
			continue
		}
		st := stepOf(t.bytes[from:pos])
		whole = whole.literal(t.bytes[from:pos])
		if pos == t.length && n.stop.ending.pattern != 0 {
			found.last, found.ending = st, &n.stop.ending
			found.hasten(whole, behind)
			return found
		}
		n, pos = st.enter(n, t, pos)
		from = pos
		if st.field.way == wayBounded {
			whole = append(whole, part{holds[st.field.kind], true})
		}
		behind = append(behind, len(whole))
		found.steps = append(found.steps, st)
	}
}

// stepOf gives a step of a literal.
func stepOf(literal []byte) step {
	var st step
	for ; len(literal) > wide; literal = literal[wide:] {
		st.full = append(st.full, binary.LittleEndian.Uint64(literal))
	}
	var tail [wide]byte
	n := copy(tail[:], literal)
	st.tail, st.mask, st.size = binary.LittleEndian.Uint64(tail[:]), ^uint64(0)>>(8*(wide-n)), uint8(n)
	return st
}

// enter makes the first field of a node that can end the step's, and goes on
// behind it.
func (st *step) enter(n *node, t *text, pos int) (*node, int) {
	before, next := 0, 0
	for st.field == nil {
		f := &n.stop.fields[before]
		var end int
		if end, next = f.firstEnd(t, pos); end >= 0 {
			st.field, st.name, st.sure = f, f.field, f.sure
			st.op, st.class = opOf(f)
			break
		}
		before++
	}
	if literals := n.literals(); before > 0 || len(literals) > 0 || n.stop.ending.pattern != 0 {
		st.beside = &beside{node: n, before: before}
		for _, e := range literals {
			st.beside.firsts.add(e.literal[0])
		}
	}
	return st.field.to, next
}

// hasten makes fields end where their literal stands first that end where it
// stands last, if that is the same: where a message goes the route to its end,
// no place behind the first can be one. The outlines are what stands behind the
// steps' fields.
func (r *route) hasten(whole outline, behind []int) {
	for i := len(r.steps) - 1; i >= 0; i-- {
		st := &r.steps[i]
		if st.op == opLast && !whole[behind[i]:].repeats(st.field) {
			st.op = opFirst
		}
		if st.field.way != wayBounded {
			return // it may hold anything
		}
	}
}
