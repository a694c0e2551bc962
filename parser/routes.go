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
	// chains hold the routes by what they begin with, known is their number.
	chains [1 << chainBits]*route
	known  int
	// guesses hold for the beginning of a message the route that the last
	// one with the same beginning went.
	guesses [1 << guessBits]*route
}

const (
	chainBits = 8
	guessBits = 11
	// maxRoutes bounds the routes: hostile lines may go every way there is.
	maxRoutes = 1024
	// maxChain bounds how many routes are tried for one message.
	maxChain = 12
	// mostOnRoutes bounds the messages, in bytes.
	mostOnRoutes = sshwhy.MaxLine - 8*wide
)

// route is a way through the tree: literals with a field behind each, and at
// last a literal alone.
type route struct {
	first  *step
	count  int // of fields
	ending *ending
	next   *route // in its chain
}

// step is a literal, or none, and the field behind it. It fills one line of the
// processor's cache.
type step struct {
	// The literal is compared by eight bytes: full holds those that are
	// whole, tail what is left of it, mask which bytes of tail count.
	full       *[]uint64 // nil for none
	tail, mask uint64
	next       *step // nil behind a field that the message ends with
	field      *fieldEdge
	beside     *beside // what is tried before the field, nil for nothing
	name       sshwhy.Field
	value      uint8 // 0
	op         op
	class      class // of opClass: the field's bytes
	size       uint8 // of tail
	place      uint8 // of the field among the event's
	sure       bool  // as the field's
	number     bool  // the next step is read along with it: see join
}

// beside is what a node has that comes before a field of it: literals, an end of
// the message, and fields that are tried earlier.
type beside struct {
	firsts byteset // with which bytes it can begin, 0 for the end
	node   *node
	before int // how many fields
}

// op is how the end of a step's field is found.
type op uint8

const (
	opInt op = iota
	opAddr
	opClass // behind the bytes of a class that has all small letters
	opWord  // before a blank
	opName  // where its literal of at most eight bytes stands first
	opFirst // where its literal stands first
	opLast  // where its literal stands last
	opRest  // at the end of the message
	opPrint // a fingerprint's
	opOther // as the field does it
	opStop  // no field: the end of the message
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
		return opSoonest(f), 0
	case f.way == wayLast:
		return opLast, 0
	}
	return opOther, 0
}

// opSoonest is the op of a field that ends where its literal stands first.
func opSoonest(f *fieldEdge) op {
	if len(f.ends.literal) <= wide {
		return opName
	}
	return opFirst
}

func opOfKind(k patterns.Kind) (op, class) {
	switch k {
	case patterns.KindInt, patterns.KindPort:
		return opInt, 0
	case patterns.KindAddr:
		return opAddr, 0
	case patterns.KindIdent:
		return opClass, inIdent
	case patterns.KindMethod:
		return opClass, inMethod
	case patterns.KindKeyType:
		return opClass, inKeyType
	case patterns.KindFingerprint:
		return opPrint, 0
	case patterns.KindHost, patterns.KindWord, patterns.KindAlgs:
		return opWord, 0
	}
	return opOther, 0
}

func newRecogniser(m *matcher) *recogniser { return &recogniser{matcher: m} }

// match finds the pattern of ev.Message and adds its fields to ev.
func (r *recogniser) match(ev *sshwhy.Event) bool {
	if len(ev.Message) > mostOnRoutes {
		return r.matchLong(ev)
	}
	t := &r.text
	t.fill(ev.Message)
	way := r.guesses[t.look(t.window(0))>>(64-guessBits)]
	if way == nil || !way.match(t, ev.Room()) {
		if way = r.search(ev, way); way == nil {
			return r.explore(ev)
		}
	}
	e := way.ending
	for i, c := range e.constants {
		ev.Room()[way.count+i] = c
	}
	ev.Pattern = e.pattern
	ev.Shaped(e.shape)
	return true
}

// matchLong is match of a message that the tree alone reads: a route looks a few
// windows further than where its message ends.
func (r *recogniser) matchLong(ev *sshwhy.Event) bool {
	if len(ev.Message) >= sshwhy.MaxLine {
		return false
	}
	r.text.fill(ev.Message)
	found, _ := r.matcher.match(&r.text, ev, &r.way)
	return found != nil
}

// search gives the known route that the message goes, and guesses it the next
// time; nil for none. It does not go the one that was tried.
func (r *recogniser) search(ev *sshwhy.Event, tried *route) *route {
	t := &r.text
	for way := *r.chain(); way != nil; way = way.next {
		if way != tried && way.match(t, ev.Room()) {
			r.guesses[t.look(t.window(0))>>(64-guessBits)] = way
			return way
		}
	}
	return nil
}

// chain gives where the routes are that begin as the message does.
func (r *recogniser) chain() **route {
	return &r.chains[uint32(r.text.window(0))*0x9e3779b1>>(32-chainBits)]
}

// explore asks the tree, and keeps the way that it tells.
func (r *recogniser) explore(ev *sshwhy.Event) bool {
	t := &r.text
	found, straight := r.matcher.match(t, ev, &r.way)
	if chain := r.chain(); straight && r.known < maxRoutes && (*chain).admits(found) {
		r.known++
		way := r.trace(t)
		way.next = *chain
		*chain, r.guesses[t.look(t.window(0))>>(64-guessBits)] = way, way
	}
	return found != nil
}

// look gives a number that texts of one pattern share as a rule, and others do not:
// how they begin, where there are letters behind that and in the end, and about how
// long they are. Which letters these are would make a difference for every name.
func (t *text) look(begin uint64) uint64 {
	const letters = ones << 6 // a bit that they have, and digits, blanks and most signs have not
	behind := 3*(t.window(2*wide)&letters) ^ 7*(t.window(3*wide)&letters)
	end := 5*uint64(t.at(t.length-1)&(1<<6)) ^ 11*(uint64(t.length)/16)
	return (begin ^ behind ^ end) * 0x9e3779b97f4a7c15
}

// admits tells whether the chain that begins with r has room for one more route,
// which leads to the ending. One that leads there already has left the message
// to the tree.
func (r *route) admits(e *ending) bool {
	n := 0
	for ; r != nil && r.ending != e; r = r.next {
		n++
	}
	return r == nil && n < maxChain
}

// match tells whether a message goes the route, and gives its fields then. It
// asks no function for what is usual: a call costs as much as a step. That what
// was found ends where the message does is looked at last, and only there: every
// step goes on, so none can have gone too far then.
func (r *route) match(t *text, fields *[sshwhy.MaxFields]sshwhy.Captured) bool {
	length := t.length
	pos := 0
	for st := r.first; ; st = st.next {
		if st.full != nil {
			for _, w := range *st.full {
				if t.window(pos) != w {
					return false
				}
				pos += wide
			}
		}
		if t.window(pos)&st.mask != st.tail {
			return false
		}
		pos += int(st.size)
		if b := st.beside; b != nil && b.firsts.has(t.at(pos)) && !b.absent(t, pos) {
			return false
		}
		var end, next int
		switch st.op {
		case opAddr:
			end = pos + scanIPv4(t, pos)
			if next = end; end < pos {
				end, next = st.end(t, pos)
			}
		case opName:
			f := st.field
			begin := pos + int(f.reach)
			marks := matching(t.window(begin), f.front)
			for marks == 0 && begin < length {
				begin += wide
				marks = matching(t.window(begin), f.front)
			}
			end = begin + first(marks) - int(f.frontAt)
			if next = end + len(f.ends.literal); t.window(end)&f.ends.mask != f.ends.head {
				end, next = st.end(t, pos)
			}
		case opClass:
			end = pos + first(nonLetters(t.window(pos)))
			for classes[t.at(end)]&st.class != 0 {
				end++
			}
			if next = end; end == pos || !st.sure {
				end, next = st.end(t, pos)
			}
		case opStop:
			return pos == length
		default:
			end, next = st.end(t, pos)
		}
		if end < 0 {
			return false
		}
		fields[st.place] = sshwhy.Captured{Field: st.name, Value: st.value, Start: int32(pos), End: int32(end)}
		pos = next
		if st.number {
			st = st.next
			if t.window(pos)&st.mask != st.tail {
				return false
			}
			pos += int(st.size)
			end = pos + first(nonDigits(t.window(pos)))
			if end == pos || end == pos+wide {
				if end, _ = st.field.firstEnd(t, pos); end < 0 {
					return false
				}
			}
			fields[st.place] = sshwhy.Captured{Field: st.name, Value: st.value, Start: int32(pos), End: int32(end)}
			pos = end
		}
		if st.next == nil {
			return pos == length
		}
	}
}

// end gives where the field of a step ends that is tried at pos, and where what is
// behind it begins; -1 for none.
func (st *step) end(t *text, pos int) (end, next int) {
	switch st.op {
	case opAddr:
		if n := scanOtherAddr(t, pos); n > 0 && (st.sure || st.field.precedes(t, pos+n)) {
			return pos + n, pos + n
		}
	case opName, opFirst:
		return st.field.soonest(t, pos)
	case opClass:
		if end = t.classEnd(pos, st.class); end > pos && st.field.precedes(t, end) {
			return end, end
		}
	case opWord:
		if end = t.index(pos, ' '); end > pos && (st.sure || st.field.precedes(t, end)) {
			return end, end
		}
	case opRest:
		if t.length-pos >= int(st.field.least) && st.field.rooted(t, pos) {
			return t.length, t.length
		}
		return -1, 0
	case opLast:
		return st.field.lastEnd(t, pos)
	case opPrint:
		if n := scanFingerprint(t, pos); n > 0 && (st.sure || st.field.precedes(t, pos+n)) {
			return pos + n, pos + n
		}
	}
	return st.field.firstEnd(t, pos)
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
func (r *recogniser) trace(t *text) *route {
	var steps []step
	whole := make(outline, 0, t.length)
	var behind []int // where whole goes on behind each field
	n, pos, from := r.root, 0, 0
	for {
		if e := n.literalAt(t, pos); e != nil {
			n, pos = e.to, pos+len(e.literal)
			continue
		}
		st := stepOf(t.bytes[from:pos])
		st.place = uint8(len(steps))
		whole = whole.literal(t.bytes[from:pos])
		if pos == t.length && n.stop.ending.pattern != 0 {
			hasten(steps, whole, behind)
			if st.op = opStop; pos > from || len(steps) == 0 {
				steps = append(steps, st)
			}
			join(steps)
			return &route{first: &steps[0], count: len(behind), ending: &n.stop.ending}
		}
		n, pos = st.enter(n, t, pos)
		from = pos
		if st.field.way == wayBounded {
			whole = append(whole, part{holds[st.field.kind], true})
		}
		behind = append(behind, len(whole))
		steps = append(steps, st)
	}
}

// stepOf gives a step of a literal.
func stepOf(literal []byte) step {
	var st step
	if len(literal) > wide {
		st.full = new([]uint64)
	}
	for ; len(literal) > wide; literal = literal[wide:] {
		*st.full = append(*st.full, binary.LittleEndian.Uint64(literal))
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
		st.beside.firsts.add(0) // as at the end
		for _, e := range literals {
			st.beside.firsts.add(e.literal[0])
		}
		for _, f := range n.stop.fields[:before] {
			begins := setOf(func(c byte) bool { return canBegin(f.kind, c) })
			st.beside.firsts.join(&begins)
		}
	}
	return st.field.to, next
}

// hasten makes fields end where their literal stands first that end where it
// stands last, if that is the same: where a message goes the route to its end,
// no place behind the first can be one. The outlines are what stands behind the
// steps' fields.
func hasten(steps []step, whole outline, behind []int) {
	for i := len(steps) - 1; i >= 0; i-- {
		st := &steps[i]
		if st.op == opLast && !whole[behind[i]:].repeats(st.field) {
			st.op = opSoonest(st.field)
		}
		if st.field.way != wayBounded {
			return // it may hold anything
		}
	}
}

// join links the steps, and marks those behind which a number is next, with at
// most eight bytes of a literal in front and nothing else beside it. It is read
// along with them.
func join(steps []step) {
	for i := range steps[1:] {
		st, next := &steps[i], &steps[i+1]
		st.next = next
		st.number = next.op == opInt && next.full == nil && next.beside == nil && (i == 0 || !steps[i-1].number)
	}
}
