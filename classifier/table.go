package classifier

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
)

// table holds the connections that are open, and for a while those that were
// settled. It is bounded in number and memory.
type table struct {
	byProcess   index
	byPeer      index
	ports       [1 << 10]uint32 // how many have a key among the peers; see placeOfPort
	connections []*connection   // by slot, of which there is no 0; nil where the memory was given back
	links       links           // by slot
	patience    [states]int64   // how long one may be silent, by its state
	spare       []slot          // of connections that wait for their next use
	vacant      []slot          // without a connection
	text        int             // the usual size of a connection's texts
	brief       bool            // Options.Brief
	hosts       map[string]*host
	recent      [1024]*host // those that were asked for last, each in the one place that its name gives it
	seed        maphash.Seed
	open        int
	bytes       int    // of the connections, by their weight
	numbers     uint64 // of connections that were opened
	turns       uint64 // of connections that were touched
	holding     *holding
	clocks      *clocks
}

// host is what is known of one host: its clock, its connections in the order
// of their last lines, and its sshd.
type host struct {
	name  string
	bytes []byte // the same, for findings
	hash  uint64 // of the name, the same in every run
	id    uint32
	clock int64 // see clocks; in nanoseconds since 1970 UTC
	// ticked is how much of clocks.elapsed the clock contains, moved and
	// busy tell whether the host stands in the lists of clocks.
	ticked      int64
	moved, busy bool
	// due is a time that the clock has to pass before anything of the host can
	// have waited too long; atOnce where another has come to stand first in
	// one of its lists since it was found.
	due   int64
	saved int64 // the clock when Save gave it
	dirty bool  // what Save gives of it changed
	place place[host]
	// in are its connections, a list for each state.
	in       [states]list
	episodes queue[episode]
	previous repeatable
	// pam are the users of whom PAM modules have written on this host.
	pam     map[string]string
	lastPAM [64]string    // some of them: the same few come again and again
	orphans []*connection // lines of children whose connection is not known yet
	// told are the causes that were told of its sshd since the last start.
	told []sshwhy.CauseID
	// second and firsts number equal first lines within one second, by the
	// hash of their text; beyond counts those that there was no room for.
	second int64
	firsts map[uint64]uint32
	beyond uint32
}

// maxFirsts bounds host.firsts: a log without times is all one second.
const maxFirsts = 4096

// maxPAMUsers bounds host.pam.
const maxPAMUsers = 2048

// recentPAM gives the place of a user among some of host.pam.
func (h *host) recentPAM(user []byte) *string {
	n := len(user)
	return &h.lastPAM[(uint(user[0])+8*uint(user[n-1])+uint(n))%uint(len(h.lastPAM))]
}

// notePAM notes a user, and tells whether it is a new one.
func (h *host) notePAM(user []byte) bool {
	if len(user) == 0 || len(user) > 256 {
		return false
	}
	last := h.recentPAM(user)
	if known, ok := h.pam[string(user)]; ok {
		*last = known
		return false
	}
	if len(h.pam) >= maxPAMUsers {
		return false
	}
	if h.pam == nil {
		h.pam = map[string]string{}
	}
	name := string(user)
	h.pam[name] = name
	return true
}

// viaPAM tells whether a PAM module has written of the user on this host.
func (h *host) viaPAM(user []byte) bool {
	_, ok := h.pam[string(user)]
	return ok
}

// The bounds of the table: what a flood can make of it.
const (
	maxConnections = 50_000
	maxHosts       = 20_000 // its bits and those of a PID make a key
	maxBytes       = 12 << 20
	maxSpare       = 4096
	maxOrphans     = 64
)

// doneFor is how long a settled connection is kept for lines that follow.
const doneFor = int64(10 * time.Second)

// keptFor is how long an undetermined one is kept for an inspection.
const keptFor = int64(60 * time.Second)

func newTable(text int) table {
	return table{
		byProcess:   newIndex(),
		byPeer:      newIndex(),
		connections: make([]*connection, 1),
		links:       make(links, 1),
		hosts:       map[string]*host{},
		seed:        maphash.MakeSeed(),
		text:        text,
	}
}

// host gives the host of that name. When there are more than fit, further ones
// share one without a name.
func (t *table) host(name []byte) *host {
	h := t.recalled(name)
	if h == nil {
		h = t.anyHost(name)
		*t.recentOf(name) = h
	}
	return h
}

// recalled gives the host of that name if it is one of the recent ones.
func (t *table) recalled(name []byte) *host {
	if h := *t.recentOf(name); h != nil && h.name == string(name) {
		return h
	}
	return nil
}

// known gives the host of that name if there is one.
func (t *table) known(name []byte) *host {
	if h := t.recalled(name); h != nil {
		return h
	}
	return t.hosts[string(name)]
}

// recentOf gives the place of a name among the recent ones. Names of hosts
// mostly end in a number: up to a thousand of one kind have places of their own.
func (t *table) recentOf(name []byte) **host {
	if len(name) < 4 {
		return &t.recent[0]
	}
	const digits = 1 + 10<<8 + 100<<16 + 1000<<24 // adds up the last byte, ten times the one before it, and so on
	last := binary.LittleEndian.Uint32(name[len(name)-4:])
	return &t.recent[uint64(last)*digits>>24%uint64(len(t.recent))]
}

func (t *table) anyHost(name []byte) *host {
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
	h.hash = hashOf(name)
	h.place.of = h
	t.hosts[h.name] = h
	return h
}

// ofProcess and ofPeer give the connection of a key, nil where there is none.
func (t *table) ofProcess(key uint64) *connection { return t.connections[t.byProcess.get(key)] }
func (t *table) ofPeer(key uint64) *connection    { return t.connections[t.byPeer.get(key)] }

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
	return (maphash.Bytes(t.seed, address)^uint64(h.id)<<40^uint64(port)<<(slotBits+1))>>slotBits | 1 // none is 0
}

// peered gives the connection of a client's address and port on a host, nil where
// there is none. Most ports are nobody's, and need not be looked for.
func (t *table) peered(h *host, address []byte, port int) *connection {
	if len(address) == 0 || port <= 0 || t.ports[placeOfPort(uint32(port))] == 0 {
		return nil
	}
	return t.ofPeer(t.peerKey(h, address, port))
}

// placeOfPort gives where table.ports counts a port.
func placeOfPort(port uint32) uint32 { return port % 1024 }

// create opens a connection for an event, to be found by the key of its
// process; 0 for none.
func (t *table) create(h *host, ev *sshwhy.Event, key uint64) *connection {
	c := t.fresh()
	t.numbers++
	c.number = t.numbers
	c.host, c.key, c.pid = h, key, ev.PID
	c.start, c.last, c.source = ev.Time, ev.Time, ev.Record.Source
	if c.key != 0 {
		t.own(c.key, c)
	}
	t.links[c.slot].seen = h.clock
	t.links.enter(h, stateOpen, c.slot)
	t.clocks.rouse(h)
	t.open++
	t.mark(c)
	return c
}

// fresh gives a connection without anything in it.
func (t *table) fresh() *connection {
	if n := len(t.spare); n > 0 {
		c := t.connections[t.spare[n-1]]
		t.spare = t.spare[:n-1]
		return c
	}
	if n := len(t.vacant); n > 0 {
		s := t.vacant[n-1]
		t.vacant = t.vacant[:n-1]
		t.connections[s] = newConnection(s, t.text)
		return t.connections[s]
	}
	c := newConnection(slot(len(t.connections)), t.text)
	t.connections, t.links = append(t.connections, c), append(t.links, link{})
	return c
}

// own makes a connection findable by a process, which is no other's any more.
func (t *table) own(key uint64, c *connection) {
	if t.holding != nil {
		if o := t.ofProcess(key); o != nil {
			t.mark(o)
		}
	}
	t.byProcess.set(key, c.slot)
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
		h.beyond = 0
		clear(h.firsts)
	}
	first := hashOf(ev.Record.Text)
	n := h.firsts[first]
	if n == 0 && len(h.firsts) == maxFirsts {
		h.beyond++
		t.markHost(h)
		return maxFirsts + h.beyond
	}
	h.firsts[first] = n + 1
	t.markHost(h)
	return n
}

// hashOf mixes eight bytes at a time: the same in every run, so that it can be
// kept. Who is harmed by two texts of one hash compares the texts.
func hashOf(text []byte) uint64 {
	const factor = 0x9e3779b97f4a7c15
	h := uint64(len(text)) * factor
	left := text
	for ; len(left) >= 8; left = left[8:] {
		h = (h ^ binary.LittleEndian.Uint64(left)) * factor
		h ^= h >> 29
	}
	var rest uint64
	if len(text) >= 8 {
		rest = binary.LittleEndian.Uint64(text[len(text)-8:]) >> (64 - 8*len(left))
	} else {
		for i, c := range left {
			rest |= uint64(c) << (8 * i)
		}
	}
	h = (h ^ rest) * factor
	return h ^ h>>32
}

// move puts a connection into another state, at the end of its queue.
func (t *table) move(c *connection, s state) {
	h := c.host
	t.links.leave(h, c.state, c.slot)
	c.state = s
	t.links.enter(h, s, c.slot)
	t.clocks.rouse(h)
	t.mark(c)
}

// peer makes the connection findable by its client's address and port.
func (t *table) peer(c *connection) {
	if key := t.peerKey(c.host, c.text(c.address), int(c.port)); key != c.peer {
		t.forgetPeer(c)
		if c.peer = key; key != 0 {
			c.peerPort = uint32(c.port)
			t.ports[placeOfPort(c.peerPort)]++
			if o := t.ofPeer(key); o != nil {
				t.mark(o)
			}
			t.byPeer.set(key, c.slot)
		}
	}
}

func (t *table) forgetPeer(c *connection) {
	if c.peer != 0 {
		t.byPeer.delete(c.peer, c.slot)
		t.ports[placeOfPort(c.peerPort)]--
		c.peer = 0
	}
}

// bind makes the connection findable by a further process of its.
func (t *table) bind(c *connection, key uint64) {
	if key == 0 || key == c.key {
		return
	}
	if c.child != 0 {
		t.byProcess.delete(c.child, c.slot)
	}
	c.child = key
	t.own(key, c)
	t.mark(c)
}

// remove takes a connection out and keeps its memory for the next.
func (t *table) remove(c *connection) {
	t.links.leave(c.host, c.state, c.slot)
	t.unlink(c)
	t.open--
	t.bytes -= int(c.weight)
	t.drop(c)
	t.release(c)
}

// release keeps the memory of a connection that is nowhere for the next.
func (t *table) release(c *connection) {
	c.reset(t.brief)
	if len(t.spare) < maxSpare {
		t.spare = append(t.spare, c.slot)
	} else {
		t.connections[c.slot] = nil
		t.vacant = append(t.vacant, c.slot)
	}
}

// unlink makes a connection unfindable by lines.
func (t *table) unlink(c *connection) {
	if c.key != 0 {
		t.byProcess.delete(c.key, c.slot)
	}
	if c.child != 0 {
		t.byProcess.delete(c.child, c.slot)
	}
	if c.peer != 0 {
		t.forgetPeer(c)
	}
	if c.orphaned {
		c.host.orphans = slices.DeleteFunc(c.host.orphans, func(o *connection) bool { return o == c })
		c.orphaned = false
	}
}

// weigh notes how much memory a connection takes.
func (t *table) weigh(c *connection) {
	if size := c.size(); size != c.weight {
		t.bytes += int(size - c.weight)
		c.weight = size
	}
}
