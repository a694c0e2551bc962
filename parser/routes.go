package parser

import (
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
	ending *ending
	next   uint16 // in its chain, 0 for none
}

// step is a literal, or none, and the field behind it.
type step struct {
	literal edge
	field   *fieldEdge
	op      op
	before  uint8 // how many fields of the node are tried before this one
	// beside tells that the node has something besides fields that are
	// tried later, and firsts with which bytes its literals begin.
	beside bool
	firsts byteset
	node   *node // where the field stands
}

// op is how the end of a step's field is found.
type op uint8

const (
	opEnding op = iota // there is no field: the message ends
	opOther            // as the field does it
	opInt
	opAddr
	opBounded // of another kind
	opRest
	opLast
)

func opOf(f *fieldEdge) op {
	switch {
	case f.way == wayRest:
		return opRest
	case f.way == wayLast:
		return opLast
	case f.way != wayBounded:
		return opOther
	case f.kind == patterns.KindInt || f.kind == patterns.KindPort:
		return opInt
	case f.kind == patterns.KindAddr:
		return opAddr
	}
	return opBounded
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
	guess := &r.guesses[(begin^3*t.window(2*wide)^5*uint64(t.length/16))*0x9e3779b97f4a7c15>>(64-guessBits)]
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
	if straight && n < maxChain && len(r.routes) < maxRoutes {
		added := r.trace(t)
		added.next = *chain
		*chain = uint16(len(r.routes))
		*guess = *chain
		r.routes = append(r.routes, added)
	}
	return found
}

// match tells whether a message goes the route, and adds its fields then. It
// asks no function for what is usual: a call costs as much as a step.
func (r *route) match(t *text, ev *sshwhy.Event) bool {
	mark := ev.Mark()
	pos := 0
	for i := range r.steps {
		st := &r.steps[i]
		size := len(st.literal.literal)
		if t.window(pos)&st.literal.mask != st.literal.head || size > wide && !st.literal.goesOn(t, pos) {
			break
		}
		pos += size
		if st.beside && !st.alone(t, pos) {
			break
		}
		f := st.field
		end, next := 0, 0
		switch st.op {
		case opEnding:
			if pos != t.length {
				ev.Rewind(mark)
				return false
			}
			r.ending.settle(ev)
			return true
		case opInt:
			end = pos + first(nonDigits(t.window(pos)))
			if next = end; end == pos || end == pos+wide {
				end, next = f.firstEnd(t, pos)
			}
		case opAddr:
			end = pos + scanAddr(t, pos)
			if next = end; end < pos || !f.sure && !f.precedes(t, end) {
				end, next = f.firstEnd(t, pos)
			}
		case opBounded:
			end = pos + scan(f.kind, t, pos)
			if next = end; end < pos || !f.sure && !f.precedes(t, end) {
				end, next = f.firstEnd(t, pos)
			}
		case opRest:
			if end = t.length; end-pos < int(f.least) || !f.rooted(t, pos) {
				end = -1
			}
			next = t.length
		case opLast:
			end, next = f.lastEnd(t, pos)
		default:
			end, next = f.firstEnd(t, pos)
		}
		if end < 0 {
			break
		}
		ev.Push(sshwhy.Captured{Field: f.field, Start: int32(pos), End: int32(end)})
		pos = next
	}
	ev.Rewind(mark)
	return false
}

// alone tells whether nothing that comes before the step's field can stand at
// pos.
func (st *step) alone(t *text, pos int) bool {
	if pos == t.length {
		return st.node.stop.ending.pattern == 0 && st.before == 0
	}
	if st.firsts.has(byte(t.window(pos))) && st.node.literalAt(t, pos) != nil {
		return false
	}
	for i := range st.before {
		if end, _ := st.node.stop.fields[i].firstEnd(t, pos); end >= 0 {
			return false
		}
	}
	return true
}

// trace gives the route of a text to which the first way leads.
func (r *recogniser) trace(t *text) route {
	var found route
	n, pos, from := r.root, 0, 0
	for {
		if e := n.literalAt(t, pos); e != nil {
			n, pos = e.to, pos+len(e.literal)
			continue
		}
		st := step{literal: newEdge(string(t.bytes[from:pos]))}
		if pos == t.length && n.stop.ending.pattern != 0 {
			found.steps, found.ending = append(found.steps, st), &n.stop.ending
			return found
		}
		n, pos = st.enter(n, t, pos)
		from = pos
		found.steps = append(found.steps, st)
	}
}

// enter makes the first field of a node that can end the step's, and goes on
// behind it.
func (st *step) enter(n *node, t *text, pos int) (*node, int) {
	st.node = n
	next := 0
	for st.field == nil {
		f := &n.stop.fields[st.before]
		var end int
		if end, next = f.firstEnd(t, pos); end >= 0 {
			st.field, st.op = f, opOf(f)
			break
		}
		st.before++
	}
	for _, e := range n.literals() {
		st.firsts.add(e.literal[0])
	}
	st.beside = st.before > 0 || len(n.literals()) > 0 || n.stop.ending.pattern != 0
	return st.field.to, next
}
