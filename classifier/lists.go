package classifier

import "iter"

// slot numbers the places that a table has for connections, from 1.
type slot uint32

// list holds connections from the one that has been silent longest. The zero
// value is empty.
type list struct{ first, last slot }

// link is the place of a connection in the list of its host that it stands in.
type link struct {
	prev, next slot  // 0 at the ends
	seen       int64 // its host's clock when its last line came
}

// links are the places of all connections, by slot. They lie side by side and
// apart from the connections: each line puts its connection at the end of a
// list, between two others that nothing else is wanted of. Those have been
// silent for a while, and what lies in them is far from the processor; these
// sixteen bytes are not.
type links []link

// enter puts a connection at the end of its host's list for its state.
func (a links) enter(h *host, state state, s slot) {
	l := &h.in[state]
	p := &a[s]
	p.prev, p.next = l.last, 0
	if l.last != 0 {
		a[l.last].next = s
	} else {
		l.first, h.due = s, atOnce
	}
	l.last = s
}

// leave takes a connection out of the list that it stands in.
func (a links) leave(h *host, state state, s slot) {
	l := &h.in[state]
	p := &a[s]
	if p.next != 0 {
		a[p.next].prev = p.prev
	} else {
		l.last = p.prev
	}
	if p.prev != 0 {
		a[p.prev].next = p.next
	} else {
		l.first, h.due = p.next, atOnce
	}
}

// touch notes that a line of the connection came, which is learnt from then: it
// stands at the end of its list.
func (t *table) touch(h *host, c *connection, at int64) {
	if at > c.last {
		c.last = at
	}
	s, a := c.slot, t.links
	p := &a[s]
	p.seen = h.clock
	l := &h.in[c.state]
	if l.last == s {
		return
	}
	a[p.next].prev = p.prev // there is a next: it is not the last
	if p.prev != 0 {
		a[p.prev].next = p.next
	} else {
		l.first, h.due = p.next, atOnce
	}
	a[l.last].next = s
	p.prev, p.next = l.last, 0
	l.last = s
}

// oldest gives the connection that has been silent longest, nil where there is
// none.
func (t *table) oldest(l *list) *connection { return t.connections[l.first] }

// silent gives the oldest connection of a state that has been silent for too
// long by its host's clock, nil where there is none.
func (t *table) silent(h *host, s state) *connection {
	first := h.in[s].first
	if first == 0 || h.clock-t.links[first].seen <= t.patience[s] {
		return nil
	}
	return t.connections[first]
}

// oldestFirst and newestFirst give the connections of a list that does not
// change meanwhile.
func (t *table) oldestFirst(l *list) iter.Seq[*connection] {
	return func(yield func(*connection) bool) {
		for s := l.first; s != 0 && yield(t.connections[s]); s = t.links[s].next {
		}
	}
}

func (t *table) newestFirst(l *list) iter.Seq[*connection] {
	return func(yield func(*connection) bool) {
		for s := l.last; s != 0 && yield(t.connections[s]); s = t.links[s].prev {
		}
	}
}
