package classifier

import (
	"bytes"
	"hash/maphash"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
)

// table holds the connections that are open, and for a while those that were
// settled. It is bounded in number and memory.
type table struct {
	byProcess map[uint64]*connection
	byPeer    map[uint64]*connection
	hosts     map[string]*host
	seed      maphash.Seed
	free      *connection
	open      int
	bytes     int // of the connections, by their weight
	spare     int // connections that wait for their next use
	evicted   uint64
}

// host is what is known of one host: its clock, its connections in the order
// of their last lines, and its sshd.
type host struct {
	name  string
	bytes []byte // the same, for findings
	id    uint32
	clock int64 // the highest time seen, in nanoseconds since 1970 UTC
	// waiting are connections that nothing was decided of, accepted those
	// with a session, done the settled ones: each from the one that has
	// been silent longest.
	waiting, accepted, done, notes list
	// pam are the users of whom PAM modules have written on this host.
	pam     map[string]struct{}
	orphans []*connection // lines of children whose connection is not known yet
	// told are the causes that were told of its sshd since the last start.
	told []sshwhy.CauseID
	// second and firsts number equal first lines within one second.
	second int64
	firsts map[uint64]uint32
}

// maxPAMUsers bounds host.pam.
const maxPAMUsers = 2048

func (h *host) notePAM(user []byte) {
	if len(user) == 0 || len(user) > 256 {
		return
	}
	if _, ok := h.pam[string(user)]; ok || len(h.pam) >= maxPAMUsers {
		return
	}
	if h.pam == nil {
		h.pam = map[string]struct{}{}
	}
	h.pam[string(user)] = struct{}{}
}

// viaPAM tells whether a PAM module has written of the user on this host.
func (h *host) viaPAM(user []byte) bool {
	_, ok := h.pam[string(user)]
	return ok
}

// The bounds of the table: what a flood can make of it.
const (
	maxConnections = 50_000
	maxHosts       = 20_000
	maxBytes       = 12 << 20
	maxSpare       = 4096
	maxOrphans     = 64
)

// doneFor is how long a settled connection is kept for lines that follow.
const doneFor = int64(10 * time.Second)

// list is a doubly linked list of connections.
type list struct{ first, last *connection }

func (l *list) add(c *connection) {
	c.prev, c.next = l.last, nil
	if l.last != nil {
		l.last.next = c
	} else {
		l.first = c
	}
	l.last = c
}

func (l *list) remove(c *connection) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.last = c.prev
	}
	c.prev, c.next = nil, nil
}

func newTable() table {
	return table{
		byProcess: map[uint64]*connection{},
		byPeer:    map[uint64]*connection{},
		hosts:     map[string]*host{},
		seed:      maphash.MakeSeed(),
	}
}

// host gives the host of that name. When there are more than fit, further ones
// share one without a name.
func (t *table) host(name []byte) *host {
	if h := t.hosts[string(name)]; h != nil {
		return h
	}
	if len(t.hosts) >= maxHosts {
		name = nil
		if h := t.hosts[""]; h != nil {
			return h
		}
	}
	h := &host{name: string(name), bytes: bytes.Clone(name), id: uint32(len(t.hosts) + 1), firsts: map[uint64]uint32{}}
	t.hosts[h.name] = h
	return h
}

// processKey is the key of a process on a host, 0 where the line has no PID.
func (h *host) processKey(pid int32) uint64 {
	if pid == 0 {
		return 0
	}
	return uint64(h.id)<<32 | uint64(uint32(pid))
}

// peerKey is the key of a client's address and port on a host.
func (t *table) peerKey(h *host, address []byte, port int) uint64 {
	if len(address) == 0 || port <= 0 {
		return 0
	}
	return maphash.Bytes(t.seed, address) ^ uint64(h.id)<<40 ^ uint64(port)<<17 | 1
}

// create opens a connection for an event, to be found by the key of its
// process; 0 for none.
func (t *table) create(h *host, ev *sshwhy.Event, key uint64) *connection {
	c := t.free
	if c != nil {
		t.free = c.next
		c.next = nil
		t.spare--
	} else {
		c = &connection{}
	}
	c.host, c.key, c.pid = h, key, ev.PID
	c.start, c.last, c.source = ev.Time, ev.Time, ev.Record.Source
	c.ident = append(c.ident, ev.Ident...)
	if c.key != 0 {
		t.byProcess[c.key] = c
	}
	h.waiting.add(c)
	t.open++
	return c
}

// ordinal numbers equal first lines of one second. Where lines bear a process
// number, only the connection that had it before can have begun with the same.
func (t *table) ordinal(h *host, ev *sshwhy.Event, before *connection) uint32 {
	second := ev.Time / int64(time.Second)
	if ev.PID != 0 {
		if before != nil && before.start/int64(time.Second) == second && len(before.lines) > 0 && bytes.Equal(before.line(0), ev.Record.Text) {
			return before.ordinal + 1
		}
		return 0
	}
	return t.counted(h, ev, second)
}

// counted numbers equal lines of one second.
func (t *table) counted(h *host, ev *sshwhy.Event, second int64) uint32 {
	if second != h.second {
		h.second = second
		clear(h.firsts)
	}
	first := maphash.Bytes(t.seed, ev.Record.Text)
	n := h.firsts[first]
	h.firsts[first] = n + 1
	return n
}

// list gives the list that a connection stands in.
func (c *connection) list() *list {
	switch c.state {
	case stateAccepted:
		return &c.host.accepted
	case stateDone:
		return &c.host.done
	case stateService:
		return &c.host.notes
	}
	return &c.host.waiting
}

// move puts a connection into another state, at the end of its list.
func (c *connection) move(s state) {
	c.list().remove(c)
	c.state = s
	c.list().add(c)
}

// touch notes that a line of the connection came.
func (c *connection) touch(t int64) {
	c.last = max(c.last, t)
	if l := c.list(); l.last != c {
		l.remove(c)
		l.add(c)
	}
}

// peer makes the connection findable by its client's address and port.
func (t *table) peer(c *connection) {
	if key := t.peerKey(c.host, c.address, c.port); key != c.peer {
		t.forgetPeer(c)
		c.peer = key
		if key != 0 {
			t.byPeer[key] = c
		}
	}
}

func (t *table) forgetPeer(c *connection) {
	if c.peer != 0 && t.byPeer[c.peer] == c {
		delete(t.byPeer, c.peer)
	}
	c.peer = 0
}

// bind makes the connection findable by a further process of its.
func (t *table) bind(c *connection, key uint64) {
	if key == 0 || key == c.key {
		return
	}
	if c.child != 0 && t.byProcess[c.child] == c {
		delete(t.byProcess, c.child)
	}
	c.child = key
	t.byProcess[key] = c
}

// remove takes a connection out and keeps its memory for the next.
func (t *table) remove(c *connection) {
	c.list().remove(c)
	for _, key := range [...]uint64{c.key, c.child} {
		if key != 0 && t.byProcess[key] == c {
			delete(t.byProcess, key)
		}
	}
	t.forgetPeer(c)
	if c.orphaned {
		c.host.orphans = slices.DeleteFunc(c.host.orphans, func(o *connection) bool { return o == c })
	}
	t.open--
	t.bytes -= c.weight
	if t.spare < maxSpare {
		c.reset()
		c.next, t.free = t.free, c
		t.spare++
	}
}

// weigh notes how much memory a connection takes.
func (t *table) weigh(c *connection) {
	size := c.size()
	t.bytes += size - c.weight
	c.weight = size
}
