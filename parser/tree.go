package parser

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// draft is a node of the tree while templates are added to it. freeze makes a
// matcher's nodes of drafts.
type draft struct {
	// edges are the literals that may follow, no two with the same first
	// byte.
	edges  []draftEdge
	fields []draftField
	ending ending
	// shortest is least() + 1 once that is known.
	shortest int
}

type draftEdge struct {
	literal string
	to      *draft
}

// draftField is a field that may follow. A bounded one leads to the draft right
// behind it. A free one leads to the draft behind the literal that ends it.
type draftField struct {
	field sshwhy.Field
	kind  patterns.Kind
	ends  string
	to    *draft
}

// newMatcher makes the matcher of the entries that keep accepts.
func newMatcher(c *patterns.Catalogue, keep func(*patterns.Entry) bool) (*matcher, error) {
	m := &matcher{}
	root := &draft{}
	shapes := make(map[string]*sshwhy.Shape)
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
				end := m.insert(root, parts, sshwhy.PatternID(i+1), c)
				if err := end.setShape(parts, shapes); err != nil {
					return nil, fmt.Errorf("pattern %q: %w", e.ID, err)
				}
			}
		}
	}
	if n := root.choices(); n > maxChoices {
		return nil, fmt.Errorf("a template has %d fields with something beside them, and %d are the most", n, maxChoices)
	}
	m.root = freeze(root)
	m.starts.fill(m.root, nil)
	return m, nil
}

// insert adds a template to what d matches, and gives its ending.
func (m *matcher) insert(d *draft, parts []patterns.Part, id sshwhy.PatternID, c *patterns.Catalogue) *ending {
	for i := 0; i < len(parts) && parts[i].Constant == ""; i++ {
		p := parts[i]
		if p.Literal != "" {
			d = d.literal(p.Literal)
			continue
		}
		ends := ""
		if p.Kind.Free() && i+1 < len(parts) {
			if ends = parts[i+1].Literal; ends != "" {
				i++
			}
		}
		d = d.field(p.Field, p.Kind, ends)
	}
	if d.ending.pattern != 0 {
		if d.ending.pattern != id {
			m.conflicts = append(m.conflicts, [2]sshwhy.PatternID{d.ending.pattern, id})
		}
		return &d.ending
	}
	d.ending.pattern = id
	for _, p := range parts {
		if p.Constant != "" {
			d.ending.constants = append(d.ending.constants, sshwhy.Captured{Field: p.Field, Value: c.Constant(p.Constant)})
		}
	}
	return &d.ending
}

// setShape notes which fields the way to the ending gives. Most ways share
// their shape with others.
func (e *ending) setShape(parts []patterns.Part, known map[string]*sshwhy.Shape) error {
	if e.shape != nil {
		return nil
	}
	var fields []sshwhy.Captured
	var key []byte
	for _, p := range parts {
		if p.Literal == "" && p.Constant == "" {
			fields, key = append(fields, sshwhy.Captured{Field: p.Field}), append(key, byte(p.Field))
		}
	}
	for _, c := range e.constants {
		fields, key = append(fields, c), append(key, byte(c.Field))
	}
	if len(fields) > sshwhy.MaxFields {
		return fmt.Errorf("a template has %d fields, and %d are the most", len(fields), sshwhy.MaxFields)
	}
	if e.shape = known[string(key)]; e.shape == nil {
		e.shape = sshwhy.ShapeOf(fields)
		known[string(key)] = e.shape
	}
	return nil
}

// literal gives the draft behind a literal, splitting edges that share its
// beginning.
func (d *draft) literal(s string) *draft {
	for i := range d.edges {
		e := &d.edges[i]
		if e.literal[0] != s[0] {
			continue
		}
		shared := 0
		for shared < len(s) && shared < len(e.literal) && s[shared] == e.literal[shared] {
			shared++
		}
		if shared < len(e.literal) {
			e.to = &draft{edges: []draftEdge{{e.literal[shared:], e.to}}}
			e.literal = e.literal[:shared]
		}
		if shared == len(s) {
			return e.to
		}
		return e.to.literal(s[shared:])
	}
	to := &draft{}
	d.edges = append(d.edges, draftEdge{s, to})
	return to
}

func (d *draft) field(f sshwhy.Field, k patterns.Kind, ends string) *draft {
	for i := range d.fields {
		if e := &d.fields[i]; e.field == f && e.kind == k && e.ends == ends {
			return e.to
		}
	}
	to := &draft{}
	d.fields = append(d.fields, draftField{f, k, ends, to})
	return to
}

// rank orders the fields that may follow: bounded before free, and what says
// more about the text before what says less.
func (f *draftField) rank() int {
	switch {
	case !f.kind.Free():
		return int(boundedRank[f.kind])
	case f.ends != "":
		return 100 + int(f.kind)
	default:
		return 200 + int(f.kind)
	}
}

// boundedRank orders the bounded kinds from strict to loose.
var boundedRank = [...]uint8{
	patterns.KindAddr: 1, patterns.KindFingerprint: 2, patterns.KindPort: 3, patterns.KindInt: 4, patterns.KindOctal: 5, patterns.KindHex: 6,
	patterns.KindFloat: 7, patterns.KindMethod: 8, patterns.KindKeyType: 9, patterns.KindFile: 10, patterns.KindIdent: 11, patterns.KindAlgs: 12,
	patterns.KindHost: 13, patterns.KindWord: 14,
}

// freezer lays nodes, fields and literals out in the order in which a message
// meets them, close together: matching is bound by the caches.
type freezer struct {
	nodes    []node
	fields   []fieldEdge
	literals strings.Builder
}

func freeze(root *draft) *node {
	nodes, fields, letters := root.size()
	z := &freezer{nodes: make([]node, 0, nodes), fields: make([]fieldEdge, 0, fields)}
	z.literals.Grow(letters)
	return z.node(root)
}

// size counts what freeze must make room for, since what it has handed out
// must not move.
func (d *draft) size() (nodes, fields, letters int) {
	nodes, fields = 1, len(d.fields)
	for _, e := range d.edges {
		n, f, l := e.to.size()
		nodes, fields, letters = nodes+n, fields+f, letters+l+len(e.literal)
	}
	for _, e := range d.fields {
		n, f, l := e.to.size()
		nodes, fields, letters = nodes+n, fields+f, letters+l+len(e.ends)
	}
	return nodes, fields, letters
}

func (z *freezer) literal(s string) string {
	start := z.literals.Len()
	z.literals.WriteString(s)
	return z.literals.String()[start:]
}

func (z *freezer) node(d *draft) *node {
	z.nodes = append(z.nodes, node{})
	n := &z.nodes[len(z.nodes)-1]
	n.edge = noEdge
	z.edges(n, d)
	if d.ending.pattern == 0 && len(d.fields) == 0 {
		return n
	}
	n.stop = &stop{ending: d.ending}
	slices.SortStableFunc(d.fields, func(a, b draftField) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), -cmp.Compare(len(a.ends), len(b.ends)))
	})
	start := len(z.fields)
	z.fields = z.fields[:start+len(d.fields)]
	n.stop.fields = z.fields[start:len(z.fields):len(z.fields)]
	for i, f := range d.fields {
		e := &n.stop.fields[i]
		e.field, e.kind, e.way, e.ends = f.field, f.kind, wayOf(&f), newEdge(z.literal(f.ends))
		e.next, e.rest, e.least = f.to.begins(), uint16(f.to.least()), uint16(f.least())
		e.sure = e.way == wayRest || e.way == wayEnding || e.way == wayBounded && !canShrink(e.kind, &e.next)
		e.address = f.to.isAddress()
		if f.ends != "" {
			e.keyAt = uint8(keyOf(f.ends))
			e.keys = ones * uint64(f.ends[e.keyAt])
			e.frontAt = uint8(frontOf(f.kind, f.ends))
			e.front = ones * uint64(f.ends[e.frontAt])
			e.reach = e.frontAt + uint8(int(e.least)-int(e.rest)-len(f.ends))
		}
		e.to = z.node(f.to)
	}
	if len(n.stop.fields) == 1 && n.stop.fields[0].sure {
		n.stop.only = &n.stop.fields[0]
	}
	return n
}

func (z *freezer) edges(n *node, d *draft) {
	switch len(d.edges) {
	case 0:
	case 1:
		n.edge = newEdge(z.literal(d.edges[0].literal))
		n.edge.to = z.node(d.edges[0].to)
	default:
		n.branch = &branch{edges: make([]edge, len(d.edges))}
		if len(d.edges) > fewEdges {
			n.branch.index = new([256]uint8)
		}
		for i, e := range d.edges {
			if n.branch.index != nil {
				n.branch.index[e.literal[0]] = uint8(i + 1)
			} else {
				n.branch.firsts |= uint64(e.literal[0]) << (8 * i)
			}
			n.branch.edges[i] = newEdge(z.literal(e.literal))
			n.branch.edges[i].to = z.node(e.to)
		}
	}
}

// begins gives the bytes that a text can begin with which d matches.
func (d *draft) begins() byteset {
	var set byteset
	for _, e := range d.edges {
		set.add(e.literal[0])
	}
	for _, f := range d.fields {
		for c := range 256 {
			if canBegin(f.kind, byte(c)) {
				set.add(byte(c))
			}
		}
	}
	return set
}

// choices gives the number of drafts with fields on the way that leads past the
// most of them.
func (d *draft) choices() int {
	most := 0
	for _, e := range d.edges {
		most = max(most, e.to.choices())
	}
	for _, f := range d.fields {
		most = max(most, f.to.choices())
	}
	if len(d.fields) > 0 {
		most++
	}
	return most
}

// isAddress tells whether d matches addresses, with something behind them, and
// nothing else.
func (d *draft) isAddress() bool {
	for i := range d.fields {
		if d.fields[i].kind != patterns.KindAddr {
			return false
		}
	}
	return len(d.fields) > 0 && len(d.edges) == 0 && d.ending.pattern == 0
}

// least gives the length of the shortest text that d matches.
func (d *draft) least() int {
	if d.shortest > 0 {
		return d.shortest - 1
	}
	shortest := math.MaxInt
	if d.ending.pattern != 0 {
		shortest = 0
	}
	for _, e := range d.edges {
		shortest = min(shortest, len(e.literal)+e.to.least())
	}
	for i := range d.fields {
		shortest = min(shortest, d.fields[i].least())
	}
	d.shortest = shortest + 1
	return shortest
}

func (f *draftField) least() int {
	own := 1
	if f.kind.MayBeEmpty() {
		own = 0
	}
	return own + len(f.ends) + f.to.least()
}
