package parser

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// matcher finds the pattern of a message. It is a tree of what may come next:
// literals, which branch by their first byte, and fields. A message is
// matched from its first byte to its last; where several patterns take it, the
// one that is literal earlier wins. A matcher does not change after
// newMatcher and may be shared.
type matcher struct {
	root node
	// conflicts are pairs of entries of which the second can never match.
	conflicts [][2]sshwhy.PatternID
}

type node struct {
	// edges are the literals that may follow, no two with the same first
	// byte.
	edges  []edge
	first  byteset // the first bytes of edges
	fields []fieldEdge
	// pattern is the entry whose template ends here, 0 for none.
	pattern   sshwhy.PatternID
	constants []sshwhy.Captured
}

type edge struct {
	literal string
	to      *node
}

// fieldEdge is a field that may follow. A bounded one leads to the node right
// behind it. A free one leads to the node behind the literal that ends it.
type fieldEdge struct {
	field sshwhy.Field
	kind  patterns.Kind
	ends  string // of a free field: the literal after it; "" where it takes the rest
	to    *node
}

// maxTries bounds the ends that are tried for one field, so that a hostile
// line that repeats a literal a thousand times costs no more than a long one.
const maxTries = 48

// newMatcher makes the matcher of the entries that keep accepts.
func newMatcher(c *patterns.Catalogue, keep func(*patterns.Entry) bool) (*matcher, error) {
	m := &matcher{}
	for i := range c.Entries {
		e := &c.Entries[i]
		if !keep(e) {
			continue
		}
		for _, line := range e.Lines {
			variants, err := patterns.Expand(line.Template)
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", e.ID, err)
			}
			for _, parts := range variants {
				m.insert(parts, sshwhy.PatternID(i+1), c)
			}
		}
	}
	m.root.finish()
	return m, nil
}

func (m *matcher) insert(parts []patterns.Part, id sshwhy.PatternID, c *patterns.Catalogue) {
	n := &m.root
	for i := 0; i < len(parts) && parts[i].Constant == ""; i++ {
		p := parts[i]
		if p.Literal != "" {
			n = n.literal(p.Literal)
			continue
		}
		ends := ""
		if p.Kind.Free() && i+1 < len(parts) {
			if ends = parts[i+1].Literal; ends != "" {
				i++
			}
		}
		n = n.field(p.Field, p.Kind, ends)
	}
	if n.pattern != 0 {
		if n.pattern != id {
			m.conflicts = append(m.conflicts, [2]sshwhy.PatternID{n.pattern, id})
		}
		return
	}
	n.pattern = id
	for _, p := range parts {
		if p.Constant != "" {
			n.constants = append(n.constants, sshwhy.Captured{Field: p.Field, Value: c.Constant(p.Constant)})
		}
	}
}

// literal gives the node behind a literal, splitting edges that share its
// beginning.
func (n *node) literal(s string) *node {
	for i := range n.edges {
		e := &n.edges[i]
		if e.literal[0] != s[0] {
			continue
		}
		shared := 0
		for shared < len(s) && shared < len(e.literal) && s[shared] == e.literal[shared] {
			shared++
		}
		if shared < len(e.literal) {
			e.to = &node{edges: []edge{{e.literal[shared:], e.to}}}
			e.literal = e.literal[:shared]
		}
		if shared == len(s) {
			return e.to
		}
		return e.to.literal(s[shared:])
	}
	to := &node{}
	n.edges = append(n.edges, edge{s, to})
	return to
}

func (n *node) field(f sshwhy.Field, k patterns.Kind, ends string) *node {
	for i := range n.fields {
		if e := &n.fields[i]; e.field == f && e.kind == k && e.ends == ends {
			return e.to
		}
	}
	to := &node{}
	n.fields = append(n.fields, fieldEdge{f, k, ends, to})
	return to
}

// finish sorts the fields of every node: bounded before free, and what says
// more about the text before what says less.
func (n *node) finish() {
	slices.SortStableFunc(n.fields, func(a, b fieldEdge) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), -cmp.Compare(len(a.ends), len(b.ends)))
	})
	for _, e := range n.edges {
		n.first.add(e.literal[0])
		e.to.finish()
	}
	for _, f := range n.fields {
		f.to.finish()
	}
}

func (e *fieldEdge) rank() int {
	switch {
	case !e.kind.Free():
		return int(boundedRank[e.kind])
	case e.ends != "":
		return 100 + int(e.kind)
	default:
		return 200 + int(e.kind)
	}
}

// boundedRank orders the bounded kinds from strict to loose.
var boundedRank = [...]uint8{
	patterns.KindAddr: 1, patterns.KindFingerprint: 2, patterns.KindPort: 3, patterns.KindInt: 4, patterns.KindOctal: 5, patterns.KindHex: 6,
	patterns.KindFloat: 7, patterns.KindMethod: 8, patterns.KindKeyType: 9, patterns.KindFile: 10, patterns.KindIdent: 11, patterns.KindAlgs: 12,
	patterns.KindHost: 13, patterns.KindWord: 14,
}

// match finds the pattern of e.Message and adds its fields to e.
func (m *matcher) match(e *sshwhy.Event) bool {
	return m.root.match(e, e.Message, 0)
}

func (n *node) match(ev *sshwhy.Event, s []byte, pos int) bool {
	for {
		if pos == len(s) {
			return n.end(ev, s, pos)
		}
		e := n.edge(s[pos:])
		if e == nil {
			return n.matchFields(ev, s, pos)
		}
		if len(n.fields) != 0 {
			if e.to.match(ev, s, pos+len(e.literal)) {
				return true
			}
			return n.matchFields(ev, s, pos)
		}
		n, pos = e.to, pos+len(e.literal)
	}
}

// end accepts the message if a template ends where it does.
func (n *node) end(ev *sshwhy.Event, s []byte, pos int) bool {
	if n.pattern == 0 {
		return n.matchFields(ev, s, pos) // a free field may be empty
	}
	ev.Pattern = n.pattern
	for _, c := range n.constants {
		ev.Push(c)
	}
	return true
}

func (n *node) edge(s []byte) *edge {
	c := s[0]
	if !n.first.has(c) {
		return nil
	}
	for i := range n.edges {
		e := &n.edges[i]
		if e.literal[0] == c {
			if len(s) >= len(e.literal) && string(s[:len(e.literal)]) == e.literal {
				return e
			}
			return nil
		}
	}
	return nil
}

func (n *node) matchFields(ev *sshwhy.Event, s []byte, pos int) bool {
	mark := ev.Mark()
	for i := range n.fields {
		f := &n.fields[i]
		var ok bool
		switch {
		case !f.kind.Free():
			ok = f.matchBounded(ev, s, pos)
		case f.ends == "":
			ok = (pos < len(s) || f.kind.MayBeEmpty()) && f.take(ev, s, pos, len(s), len(s))
		case f.kind.LastWins():
			ok = f.matchLast(ev, s, pos)
		default:
			ok = f.matchFirst(ev, s, pos)
		}
		if ok {
			return true
		}
		ev.Rewind(mark)
	}
	return false
}

// take gives the field the text from pos to end and goes on at next.
func (f *fieldEdge) take(ev *sshwhy.Event, s []byte, pos, end, next int) bool {
	mark := ev.Mark()
	ev.Push(sshwhy.Captured{Field: f.field, Start: int32(pos), End: int32(end)})
	if f.to.match(ev, s, next) {
		return true
	}
	ev.Rewind(mark)
	return false
}

func (f *fieldEdge) matchBounded(ev *sshwhy.Event, s []byte, pos int) bool {
	if pos == len(s) {
		return false
	}
	length := scan(f.kind, s[pos:])
	if length < 0 {
		return false
	}
	end := pos + length
	if f.to.mayBeginAt(s, end) && f.take(ev, s, pos, end, end) {
		return true
	}
	if !sticky(f.kind) {
		return false
	}
	for tries := 0; end > pos+1 && tries < maxTries; tries++ {
		if end--; f.to.mayBeginAt(s, end) && f.take(ev, s, pos, end, end) {
			return true
		}
	}
	return false
}

// mayBeginAt tells cheaply whether a match of n at pos is out of the question.
func (n *node) mayBeginAt(s []byte, pos int) bool {
	if pos == len(s) {
		return n.pattern != 0 || len(n.fields) != 0
	}
	return n.first.has(s[pos]) || len(n.fields) != 0
}

func (f *fieldEdge) matchLast(ev *sshwhy.Event, s []byte, pos int) bool {
	limit := len(s)
	for tries := 0; tries < maxTries; tries++ {
		end := lastIndex(s[pos:limit], f.ends)
		if end < 0 {
			return false
		}
		end += pos
		if (end > pos || f.kind.MayBeEmpty()) && f.take(ev, s, pos, end, end+len(f.ends)) {
			return true
		}
		limit = end + len(f.ends) - 1
	}
	return false
}

func (f *fieldEdge) matchFirst(ev *sshwhy.Event, s []byte, pos int) bool {
	from := pos
	for tries := 0; tries < maxTries; tries++ {
		end := bytes.Index(s[from:], []byte(f.ends))
		if end < 0 {
			return false
		}
		end += from
		if (end > pos || f.kind.MayBeEmpty()) && f.take(ev, s, pos, end, end+len(f.ends)) {
			return true
		}
		from = end + 1
	}
	return false
}

// lastIndex is bytes.LastIndex for short literals: it looks for the last byte
// of the literal, which for most is rarer than its first, a blank.
func lastIndex(s []byte, literal string) int {
	n := len(literal)
	for end := len(s); end >= n; end-- {
		if s[end-1] == literal[n-1] && string(s[end-n:end]) == literal {
			return end - n
		}
	}
	return -1
}

// byteset is a set of bytes in the space of four words: a tree has tens of
// thousands of nodes.
type byteset [4]uint64

func (s *byteset) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *byteset) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }
