package classifier

// queue is a doubly linked list of things that hold their own places: each is
// taken out without being looked for, and nothing is allocated. The zero value
// is empty.
type queue[T any] struct{ first, last *place[T] }

// place is where a thing stands in a list; of is the thing itself. What stands
// in two lists at a time has two.
type place[T any] struct {
	prev, next *place[T]
	of         *T
}

// oldest gives the thing that was added first, nil where there is none.
func (l *queue[T]) oldest() *T {
	if l.first == nil {
		return nil
	}
	return l.first.of
}

// add puts a thing at the end.
func (l *queue[T]) add(p *place[T]) {
	p.prev, p.next = l.last, nil
	if l.last != nil {
		l.last.next = p
	} else {
		l.first = p
	}
	l.last = p
}

// remove takes a thing out that stands in the list.
func (l *queue[T]) remove(p *place[T]) {
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		l.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		l.last = p.prev
	}
	p.prev, p.next = nil, nil
}

// renew puts a thing that stands in the list at its end.
func (l *queue[T]) renew(p *place[T]) {
	if l.last != p {
		l.remove(p)
		l.add(p)
	}
}
