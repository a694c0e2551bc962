package parser

import (
	"encoding/binary"
	"math/bits"

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

// node is a place in the tree.
type node struct {
	// edge is the literal that may follow, where there is only one.
	edge edge
	// branch holds the literals that may follow, where there are several.
	branch *branch
	// fields may follow where no literal does.
	fields []fieldEdge
	// ending is the entry whose template ends here, nil for none.
	ending *ending
}

// edge is a literal and where it leads. Most literals are short: head holds the
// first eight bytes, or fewer, to be compared at once.
type edge struct {
	head    uint64
	literal string
	to      *node
}

func newEdge(literal string) edge {
	var head [wide]byte
	copy(head[:], literal)
	return edge{head: binary.LittleEndian.Uint64(head[:]), literal: literal}
}

// wide is the number of bytes that are compared at once.
const wide = 8

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
	constants []sshwhy.Captured
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
	ends        string // of a free field: the literal after it; "" where it takes the rest
	to          *node
}

// way is how the end of a field is found.
type way uint8

const (
	wayBounded way = iota // by its own bytes
	wayRest               // at the end of the message
	wayLast               // where its literal stands last
	wayFirst              // where its literal stands first
)

func wayOf(k patterns.Kind, ends string) way {
	switch {
	case !k.Free():
		return wayBounded
	case ends == "":
		return wayRest
	case k.LastWins():
		return wayLast
	}
	return wayFirst
}

// maxTries bounds the ends that are tried for one field, so that a hostile
// line that repeats a literal a thousand times costs no more than a long one.
const maxTries = 48

// match finds the pattern of ev.Message and adds its fields to ev.
func (m *matcher) match(ev *sshwhy.Event) bool {
	mark := ev.Mark()
	if m.fromStart(ev) {
		return true
	}
	ev.Rewind(mark)
	return false
}

// fromStart takes the short way to the node behind the first literal.
func (m *matcher) fromStart(ev *sshwhy.Event) bool {
	first := m.starts.find(ev.Message)
	if first == nil {
		return m.root.match(ev, 0)
	}
	begin := wordSize - first.used
	if first.edge.fits(ev.Message[begin:]) && first.edge.to.match(ev, begin+len(first.edge.literal)) {
		return true
	}
	return len(m.root.fields) > 0 && m.root.match(ev, 0)
}

// match tells whether what stands at pos leads from n to an ending. Where it
// does not, fields may have been added, which the caller takes back.
func (n *node) match(ev *sshwhy.Event, pos int) bool {
	for {
		s := ev.Message[pos:]
		e := &n.edge
		if n.branch != nil {
			e = n.branch.find(s)
		}
		follows := e != nil && e.to != nil && e.fits(s)
		switch {
		case follows && len(n.fields) == 0:
			n, pos = e.to, pos+len(e.literal)
			continue
		case follows && e.match(ev, pos):
			return true
		case len(s) == 0 && n.ending != nil:
			n.ending.settle(ev)
			return true
		case len(n.fields) == 0:
			return false
		}
		last := len(n.fields) - 1
		for i := range last {
			if n.fields[i].match(ev, pos) {
				return true
			}
		}
		f := &n.fields[last]
		if !f.sure {
			return f.match(ev, pos)
		}
		// With nothing else to try, what follows is no detour.
		end := f.end(ev.Message, pos)
		if end < 0 {
			return false
		}
		ev.Push(sshwhy.Captured{Field: f.field, Start: int32(pos), End: int32(end)})
		n, pos = f.to, end
	}
}

// match tries the way through an edge that has fields beside it.
func (e *edge) match(ev *sshwhy.Event, pos int) bool {
	mark := ev.Mark()
	if e.to.match(ev, pos+len(e.literal)) {
		return true
	}
	ev.Rewind(mark)
	return false
}

// settle makes the message one of the ending's pattern.
func (e *ending) settle(ev *sshwhy.Event) {
	ev.Pattern = e.pattern
	for _, c := range e.constants {
		ev.Push(c)
	}
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

// fits tells whether s begins with the literal.
func (e *edge) fits(s []byte) bool {
	n := len(e.literal)
	if len(s) < wide {
		return len(s) >= n && string(s[:n]) == e.literal
	}
	differs := binary.LittleEndian.Uint64(s) ^ e.head
	if n <= wide {
		return differs<<(8*(wide-n)) == 0
	}
	return differs == 0 && len(s) >= n && string(s[wide:n]) == e.literal[wide:]
}

func (b *branch) find(s []byte) *edge {
	if len(s) == 0 {
		return nil
	}
	var i int
	if b.index != nil {
		i = int(b.index[s[0]]) - 1
	} else {
		i = place(b.firsts, s[0])
	}
	if uint(i) >= uint(len(b.edges)) {
		return nil
	}
	return &b.edges[i]
}

// place gives the place of the lowest byte of word that is c, 8 for none: a
// byte that equals c is zero in x, and the lowest zero byte of x is the lowest
// whose high bit is set in the difference.
func place(word uint64, c byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	x := word ^ ones*uint64(c)
	return bits.TrailingZeros64((x-ones)&^x&highs) / 8
}

// match tries every end that the field may have.
func (f *fieldEdge) match(ev *sshwhy.Event, pos int) bool {
	if len(ev.Message)-pos < int(f.least) || !f.rooted(ev.Message, pos) {
		return false
	}
	switch {
	case f.sure:
		end := f.end(ev.Message, pos)
		return end >= 0 && f.take(ev, pos, end, end)
	case f.way == wayBounded:
		return f.matchShrinking(ev, pos)
	case f.way == wayLast:
		return f.matchLast(ev, pos)
	}
	return f.matchFirst(ev, pos)
}

// rooted tells whether a field that must begin with a slash does.
func (f *fieldEdge) rooted(s []byte, pos int) bool {
	return f.kind != patterns.KindAbsPath || s[pos] == '/'
}

// end gives where a field ends that can end in one place only, -1 where it
// cannot end or nothing can follow.
func (f *fieldEdge) end(s []byte, pos int) int {
	if f.way == wayRest {
		if len(s)-pos < int(f.least) || !f.rooted(s, pos) {
			return -1
		}
		return len(s)
	}
	length := scan(f.kind, s[pos:])
	if length < 0 {
		return -1
	}
	return pos + length
}

// take gives the field the text from pos to end and goes on at next. It leaves
// no field behind where the rest of the message does not match.
func (f *fieldEdge) take(ev *sshwhy.Event, pos, end, next int) bool {
	rest := ev.Message[next:]
	if len(rest) < int(f.rest) || len(rest) > 0 && !f.next.has(rest[0]) {
		return false
	}
	mark := ev.Mark()
	ev.Push(sshwhy.Captured{Field: f.field, Start: int32(pos), End: int32(end)})
	if f.to.match(ev, next) {
		return true
	}
	ev.Rewind(mark)
	return false
}

// matchShrinking tries the longest end first: the literal behind may begin with
// bytes that the field can hold.
func (f *fieldEdge) matchShrinking(ev *sshwhy.Event, pos int) bool {
	end := pos + scan(f.kind, ev.Message[pos:])
	for tries := 0; end > pos && tries <= maxTries; tries++ {
		if f.take(ev, pos, end, end) {
			return true
		}
		end--
	}
	return false
}

func (f *fieldEdge) matchLast(ev *sshwhy.Event, pos int) bool {
	from := pos + int(f.least) - int(f.rest) - len(f.ends)
	limit := len(ev.Message) - int(f.rest)
	for tries := 0; tries < maxTries; tries++ {
		end := lastIndex(ev.Message[from:limit], f.ends)
		if end < 0 {
			return false
		}
		end += from
		if f.take(ev, pos, end, end+len(f.ends)) {
			return true
		}
		limit = end + len(f.ends) - 1
	}
	return false
}

func (f *fieldEdge) matchFirst(ev *sshwhy.Event, pos int) bool {
	from := pos + int(f.least) - int(f.rest) - len(f.ends)
	limit := len(ev.Message) - int(f.rest)
	for tries := 0; tries < maxTries; tries++ {
		end := firstIndex(ev.Message[from:limit], f.ends)
		if end < 0 {
			return false
		}
		end += from
		if f.take(ev, pos, end, end+len(f.ends)) {
			return true
		}
		from = end + 1
	}
	return false
}

// lastIndex is bytes.LastIndex for texts as short as messages. It looks for
// the middle byte of the literal first: many begin and end with a blank.
func lastIndex(s []byte, literal string) int {
	n, middle := len(literal), len(literal)/2
	c := literal[middle]
	for i := len(s) - n; i >= 0; i-- {
		if s[i+middle] == c && string(s[i:i+n]) == literal {
			return i
		}
	}
	return -1
}

// firstIndex is bytes.Index for texts as short as messages.
func firstIndex(s []byte, literal string) int {
	n, middle := len(literal), len(literal)/2
	c := literal[middle]
	for i := 0; i <= len(s)-n; i++ {
		if s[i+middle] == c && string(s[i:i+n]) == literal {
			return i
		}
	}
	return -1
}

// byteset is a set of bytes.
type byteset [4]uint64

func (s *byteset) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *byteset) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }
