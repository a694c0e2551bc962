package parser

import (
	"encoding/binary"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// matcher finds the pattern of a message. It is a tree of what may come next:
// literals, which branch by their first byte, and fields. A message is
// matched from its first byte to its last; where several patterns take it, the
// one that is literal earlier wins. A matcher does not change after
// newMatcher and may be shared.
type matcher struct {
	root *node
	// starts leads from the first bytes of a message right into the tree.
	starts starts
	// conflicts are pairs of entries of which the second can never match.
	conflicts [][2]sshwhy.PatternID
}

// node is a place in the tree. It fills one line of the processor's cache.
type node struct {
	// edge is the literal that may follow, where there is only one.
	edge edge
	// branch holds the literals that may follow, where there are several.
	branch *branch
	// stop is what else may come here, nil where only literals do.
	stop *stop
}

// edge is a literal and where it leads. Most literals are short: head holds the
// first eight bytes, or fewer, to be compared at once, and mask tells which of
// them count.
type edge struct {
	head, mask uint64
	literal    string
	last       uint64 // the last eight bytes of a longer literal
	to         *node
}

// stop is what may come in a place other than a literal.
type stop struct {
	// fields may follow where no literal does.
	fields []fieldEdge
	// only is the field, where there is one alone and it can end in one
	// place only.
	only *fieldEdge
	// ending is the entry whose template ends here, its pattern 0 for none.
	ending ending
}

func newEdge(literal string) edge {
	var head [wide]byte
	n := copy(head[:], literal)
	e := edge{head: binary.LittleEndian.Uint64(head[:]), mask: ^uint64(0) >> (8 * (wide - n)), literal: literal}
	if len(literal) >= wide {
		e.last = binary.LittleEndian.Uint64([]byte(literal[len(literal)-wide:]))
	}
	return e
}

// noEdge leads nowhere and fits nothing.
var noEdge = edge{mask: 0, head: 1}

// branch finds an edge by the first byte of its literal: among eight at once
// where there are no more, else by an index that counts from 1.
type branch struct {
	firsts uint64 // the first bytes, the lowest first
	edges  []edge
	index  *[256]uint8
}

// fewEdges is how many first bytes fit into branch.firsts.
const fewEdges = 8

type ending struct {
	pattern   sshwhy.PatternID
	constants []sshwhy.Captured // behind the fields of the way
	shape     *sshwhy.Shape     // of both
}

// fieldEdge is a field that may follow. A bounded one leads to the node right
// behind it. A free one leads to the node behind the literal that ends it.
type fieldEdge struct {
	field sshwhy.Field
	kind  patterns.Kind
	way   way
	sure  bool // it can end in one place only
	// least is the shortest text that the field and all behind it can take,
	// rest the shortest that stands where to goes on. Where that is not the
	// end of the message it begins with one of next.
	least, rest uint16
	next        byteset
	ends        edge // of a free field: the literal after it; "" where it takes the rest
	to          *node
	// keys is the byte of ends that is looked for, the one at keyAt, eight
	// times.
	keys  uint64
	keyAt uint8
	// front and frontAt are the same for a look from the field's beginning
	// on, and reach is how far behind that the byte stands at least. They are
	// for short literals: see opName.
	front   uint64
	frontAt uint8
	reach   uint8
	// address tells that nothing but an address can stand where to goes on.
	address bool
}

// way is how the end of a field is found.
type way uint8

const (
	wayBounded way = iota // by its own bytes
	wayRest               // at the end of the message
	wayEnding             // where its literal stands at the end of the message
	wayLast               // where its literal stands last
	wayFirst              // where its literal stands first
)

func wayOf(f *draftField) way {
	switch {
	case !f.kind.Free():
		return wayBounded
	case f.ends == "":
		return wayRest
	case len(f.to.edges) == 0 && len(f.to.fields) == 0:
		return wayEnding
	case f.kind.LastWins():
		return wayLast
	}
	return wayFirst
}

// effortOf bounds what may be spent on a message of n bytes: a try costs tryCost,
// and looking for its end the bytes that were passed. A text that holds the same
// literal a hundred times is still read to its end, and one made to be slow costs
// no more than a longer one.
func effortOf(n int) int { return 16<<10 + 16*n }

// tryCost is what a try costs beside the look for its end, in bytes.
const tryCost = 16

// match finds the pattern of a text and adds its fields to ev. It gives the
// ending, nil for none, and tells whether the first way that it took led there.
// The choices are memory for the way; what they hold before and after means
// nothing.
func (m *matcher) match(t *text, ev *sshwhy.Event, way *choices) (found *ending, straight bool) {
	t.effort = effortOf(t.length)
	next := t.window(0)
	start := m.starts.find(uint32(next))
	if start == nil {
		return m.root.match(t, 0, ev, way)
	}
	begin := wordSize - start.used
	if begin > 0 {
		next = t.window(begin)
	}
	if start.edge.fits(t, begin, next) {
		if found, straight = start.edge.to.match(t, begin+len(start.edge.literal), ev, way); found != nil {
			return found, straight
		}
	}
	if m.root.stop == nil {
		return nil, false
	}
	return m.root.match(t, 0, ev, way)
}

// match gives the ending to which what stands at pos leads from n, and adds the
// fields of that way to ev. Where there is none, ev is as it was.
//
// It is one loop: where several ways go on, it takes the first and notes the
// others among the choices, to come back to when that has led nowhere.
func (n *node) match(t *text, pos int, ev *sshwhy.Event, way *choices) (found *ending, straight bool) {
	begin := ev.Mark()
	straight = true
	depth := 0
	for {
		stop := n.stop
		if pos < t.length {
			next := t.window(pos)
			e := &n.edge
			if n.branch != nil {
				e = n.branch.find(byte(next))
			}
			if e.fits(t, pos, next) {
				if stop != nil && len(stop.fields) > 0 {
					way[depth%maxChoices] = choice{node: n, pos: pos, bound: fresh, mark: ev.Mark()}
					depth++
				}
				n, pos = e.to, pos+len(e.literal)
				continue
			}
		} else if stop != nil && stop.ending.pattern != 0 {
			stop.ending.settle(ev)
			return &stop.ending, straight
		}
		if stop != nil && stop.only != nil { // most fields: there is no other way
			f := stop.only
			if end, next := f.end(t, pos); end >= 0 {
				ev.Push(sshwhy.Captured{Field: f.field, Start: int32(pos), End: int32(end)})
				n, pos = f.to, next
				continue
			}
		} else if stop != nil && len(stop.fields) > 0 {
			c := &way[depth%maxChoices]
			*c = choice{node: n, pos: pos, bound: fresh, mark: ev.Mark()}
			to, next := c.take(t, ev)
			if c.field < len(stop.fields) {
				depth++
			}
			if to != nil {
				n, pos = to, next
				continue
			}
		}
		straight = false
		for n = nil; n == nil; {
			if depth == 0 {
				ev.Rewind(begin)
				return nil, false
			}
			c := &way[(depth-1)%maxChoices]
			ev.Rewind(c.mark)
			if n, pos = c.take(t, ev); c.field == len(c.node.stop.fields) {
				depth--
			}
		}
	}
}

// choice is a place where several ways may go on, and which of them to take
// next: a field, and where it has several ends, one of these.
type choice struct {
	node  *node
	pos   int
	field int
	bound int   // beyond the ends that were not tried yet; fresh where none was
	mark  uint8 // the fields of ev on the way here
}

// fresh is the bound of a field that was not tried yet.
const fresh = -1

// choices are those on the way to a node, the first one first.
type choices [maxChoices]choice

// maxChoices bounds the choices on a way; newMatcher refuses templates that
// would need more.
const maxChoices = 64

// take goes the next way from a choice and tells where to; nil where there is
// none. It adds the field of that way.
func (c *choice) take(t *text, ev *sshwhy.Event) (*node, int) {
	fields := c.node.stop.fields
	for c.field < len(fields) {
		f := &fields[c.field]
		if c.bound >= 0 || t.length-c.pos >= int(f.least) && f.rooted(t, c.pos) {
			end, next := f.nextEnd(t, c)
			if f.sure || end < 0 {
				c.field, c.bound = c.field+1, fresh
			}
			if end >= 0 {
				ev.Push(sshwhy.Captured{Field: f.field, Start: int32(c.pos), End: int32(end)})
				return f.to, next
			}
			continue
		}
		c.field, c.bound = c.field+1, fresh
	}
	return nil, 0
}

// settle makes the message one of the ending's pattern, where ev holds the fields
// of the way and no others.
func (e *ending) settle(ev *sshwhy.Event) {
	ev.Pattern = e.pattern
	for _, c := range e.constants {
		ev.Push(c)
	}
	ev.Shaped(e.shape)
}

// literals gives the edges of a node.
func (n *node) literals() []*edge {
	var all []*edge
	if n.edge.to != nil {
		all = append(all, &n.edge)
	}
	if n.branch != nil {
		for i := range n.branch.edges {
			all = append(all, &n.branch.edges[i])
		}
	}
	return all
}

// fits tells whether the literal stands at pos; next is the window there.
func (e *edge) fits(t *text, pos int, next uint64) bool {
	return next&e.mask == e.head && (len(e.literal) <= wide || e.goesOn(t, pos))
}

// goesOn tells whether a literal of more than eight bytes, the first of which
// stand at pos, stands there to its end.
func (e *edge) goesOn(t *text, pos int) bool {
	n := len(e.literal)
	if t.length-pos < n || t.window(pos+n-wide) != e.last {
		return false
	}
	return n <= 2*wide || string(t.bytes[pos+wide:pos+n-wide]) == e.literal[wide:n-wide]
}

func (b *branch) find(c byte) *edge {
	var i int
	if b.index != nil {
		i = int(b.index[c]) - 1
	} else {
		i = first(equal(b.firsts, c))
	}
	if uint(i) >= uint(len(b.edges)) {
		return &noEdge
	}
	return &b.edges[i]
}

// literalAt gives the edge whose literal stands at pos, nil for none.
func (n *node) literalAt(t *text, pos int) *edge {
	if pos == t.length {
		return nil
	}
	next := t.window(pos)
	e := &n.edge
	if n.branch != nil {
		e = n.branch.find(byte(next))
	}
	if e.fits(t, pos, next) {
		return e
	}
	return nil
}

// byteset is a set of bytes.
type byteset [4]uint64

func (s *byteset) add(c byte) { s[c>>6] |= 1 << (c & 63) }
func (s *byteset) join(o *byteset) {
	for i := range s {
		s[i] |= o[i]
	}
}
func (s *byteset) meets(o *byteset) bool {
	return s[0]&o[0]|s[1]&o[1]|s[2]&o[2]|s[3]&o[3] != 0
}
func (s *byteset) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }
