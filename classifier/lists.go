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

// add puts a connection at the end.
func (a links) add(l *list, s slot) {
	a[s].prev, a[s].next = l.last, 0
	if l.last != 0 {
		a[l.last].next = s
	} else {
		l.first = s
	}
	l.last = s
}

// remove takes a connection out that stands in the list.
func (a links) remove(l *list, s slot) {
	p := &a[s]
	if p.prev != 0 {
		a[p.prev].next = p.next
	} else {
		l.first = p.next
	}
	if p.next != 0 {
		a[p.next].prev = p.prev
	} else {
		l.last = p.prev
	}
	p.prev, p.next = 0, 0
}

// renew puts a connection that stands in the list at its end: it was seen now.
func (a links) renew(l *list, s slot, now int64) {
	p := &a[s]
	p.seen = now
	if l.last == s {
		return
	}
	a[p.next].prev = p.prev // there is a next: it is not the last
	if p.prev != 0 {
		a[p.prev].next = p.next
	} else {
		l.first = p.next
	}
	a[l.last].next = s
	p.prev, p.next = l.last, 0
	l.last = s
}

// oldest gives the connection that has been silent longest, nil where there is
// none.
func (t *table) oldest(l *list) *connection { return t.connections[l.first] }

// silent gives the oldest connection that has been silent for longer than that
// by its host's clock, nil where there is none.
func (t *table) silent(l *list, h *host, longer int64) *connection {
	if l.first == 0 || h.clock-t.links[l.first].seen <= longer {
		return nil
	}
	return t.connections[l.first]
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
