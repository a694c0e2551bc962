package classifier

import (
	"bytes"
	"math"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// goesOn tells whether a line of the connection's process is its own at the
// first look, as most are: it is neither over nor an orphan's, and the line does
// not name another client. What says that a connection was opened is asked for
// more.
func (c *connection) goesOn(ev *sshwhy.Event, f *facts) bool {
	return c.state <= stateAccepted && !c.orphaned && (c.port <= 0 || c.canBeOf(ev, f))
}

// canBeOf tells whether a line names no other client. Most name the client as the
// line did that it is known from: then the address, the port and what stands
// between are the same in one piece, and need not be read.
func (c *connection) canBeOf(ev *sshwhy.Event, f *facts) bool {
	fields := ev.Captures()
	port, address := ev.At(sshwhy.FieldPort), ev.At(sshwhy.FieldAddr)
	if uint(port) >= uint(len(fields)) {
		return true
	}
	if uint(address) < uint(len(fields)) {
		a, p := &fields[address], &fields[port]
		if a.End-a.Start == int32(c.address.end-c.address.start) && p.Start-a.Start == int32(c.portAt) &&
			string(ev.Message[a.Start:p.End]) == string(c.text(c.client)) {
			return true
		}
	}
	f.read(ev)
	return f.port <= 0 || len(f.address) == 0 || f.port == int(c.port) && string(f.address) == string(c.text(c.address))
}

// join gives the connection that an event belongs to, opening one where it
// begins one; nil where the event waits for its connection among the orphans.
// The connection before is the one that has had the process number until now, or
// nil.
func (k *Classifier) join(h *host, ev *sshwhy.Event, r *rule, f *facts, key uint64, before *connection) *connection {
	f.read(ev)
	address, port := f.address, f.port
	named := len(address) > 0 && port > 0 // the line names the client's side of the connection
	if before != nil && before.state == stateService {
		k.settleNotes(before) // a process that re-reads what the listener has read
		before = nil
	}
	if before != nil {
		if p := k.claimed(before, address, port); p != nil {
			return p
		}
		if !another(before, ev, r, address, port) {
			return before
		}
	}
	if named {
		if c := k.table.peered(h, address, port); c != nil && c != before && k.plausible(c, ev) {
			k.finish(before)
			k.table.bind(c, key)
			k.adopt(h, c, key)
			return c
		}
	}
	if port <= 0 && r.elsewhere {
		if c := k.byUser(h, ev, r); c != nil && c != before {
			k.finish(before)
			return c
		}
		if c := k.byAddress(h, ev, r, address); c != nil && c != before {
			k.finish(before)
			k.table.bind(c, key)
			k.adopt(h, c, key)
			return c
		}
	}
	if r.child {
		k.finish(before)
		if before = nil; k.orphan(h, ev, f) {
			return nil
		}
	}
	if key == 0 {
		if c := k.withoutProcess(h, ev, named); c != nil {
			return c
		}
	}
	var ordinal uint32
	if before != nil || key == 0 {
		ordinal = k.table.ordinal(h, ev, before)
		k.finish(before)
	}
	c := k.table.create(h, ev, key)
	c.ordinal = ordinal
	if r.signals&sawPAM != 0 || r.beside {
		c.saw |= sawOnlyPAM
	}
	return c
}

// claimed gives the connection of the client that a line of an orphan's
// process names: the orphan was its child.
func (k *Classifier) claimed(c *connection, address []byte, port int) *connection {
	if !c.orphaned || len(address) == 0 || port <= 0 {
		return nil
	}
	p := k.table.peered(c.host, address, port)
	if p == nil || p == c {
		return nil
	}
	k.give(c.host, slices.Index(c.host.orphans, c), p)
	return p
}

// another tells whether an event on the process of a known connection begins
// another one: process numbers are used again.
func another(c *connection, ev *sshwhy.Event, r *rule, address []byte, port int) bool {
	named := len(address) > 0 && port > 0
	if named && c.port > 0 && (port != int(c.port) || !bytes.Equal(address, c.text(c.address))) {
		return true
	}
	if r.signals&sawOpened != 0 {
		return c.state == stateDone || c.port > 0 || c.saw&sawOpened != 0
	}
	if c.state != stateDone || ev.Level >= sshwhy.LevelDebug1 {
		return false
	}
	served := c.saw&(sawAccepted|sawSession) != 0
	switch {
	case r.early:
		return true // it can only stand before a login, and this connection is over
	case named:
		return c.port == 0
	case c.saw&sawFatal != 0 && !served:
		return r.signals != 0 && r.does != doTrail && r.does != doEnd
	case r.child:
		return !served
	}
	// One line ends a connection; a second one ends another.
	return r.does == doSettle && ev.Time > c.last && !served
}

// plausible tells whether a line from another process can belong to the
// connection of the same address and port: within a connection's life, or
// right after it.
func (k *Classifier) plausible(c *connection, ev *sshwhy.Event) bool {
	if c.state == stateAccepted {
		return true
	}
	return ev.Time-c.last <= int64(k.options.GraceTime+graceSlack)
}

// byUser finds the session of a user for a line that sshd writes after login
// from a process of its own, with the user and without the address.
func (k *Classifier) byUser(h *host, ev *sshwhy.Event, r *rule) *connection {
	if !r.child && ev.Pattern != patterns.UserNotAllowedNologin {
		return nil
	}
	user := ev.Get(sshwhy.FieldUser)
	if user == nil {
		return nil
	}
	for c := range k.table.newestFirst(&h.in[stateAccepted]) {
		if c.userKnown && bytes.Equal(c.text(c.user), user) {
			return c
		}
	}
	return nil
}

// byAddress finds the session of a client for the line that up to 7.1 the
// child writes at its end, with the address and without the port.
func (k *Classifier) byAddress(h *host, ev *sshwhy.Event, r *rule, address []byte) *connection {
	if len(address) == 0 || ev.Stage == sshwhy.StagePreauth || r.signals&(sawDisconnect|sawClosed) == 0 {
		return nil
	}
	for c := range k.table.oldestFirst(&h.in[stateAccepted]) {
		if c.child == 0 && ev.PID > c.pid && bytes.Equal(c.text(c.address), address) {
			return c
		}
	}
	return nil
}

// withoutProcess finds the connection of a line in a log without PIDs: that of
// the same client, or else the last one that is open.
func (k *Classifier) withoutProcess(h *host, ev *sshwhy.Event, named bool) *connection {
	if named {
		return nil
	}
	if h.in[stateOpen].last == 0 {
		return nil
	}
	c := k.table.connections[h.in[stateOpen].last]
	if c.key != 0 || ev.Time-c.last > int64(2*time.Second) {
		return nil
	}
	if user := ev.Get(sshwhy.FieldUser); user != nil && c.userKnown && !bytes.Equal(user, c.text(c.user)) {
		return nil
	}
	return c
}

// finish takes a connection out whose process number is used by another; nil
// is none.
func (k *Classifier) finish(c *connection) {
	if c == nil {
		return
	}
	if c.state == stateOpen {
		k.settle(c)
	}
	k.retire(c)
}

// orphan keeps a line of a child whose connection is not known, and tells
// whether it did: the child's later lines, or a session that ends without a
// word, tell whose it was.
func (k *Classifier) orphan(h *host, ev *sshwhy.Event, f *facts) bool {
	if h.in[stateAccepted].first == 0 || len(h.orphans) == maxOrphans || ev.PID == 0 {
		return false
	}
	if path := ev.Get(sshwhy.FieldPath); path != nil {
		if c := k.byHome(h, path); c != nil {
			k.table.bind(c, h.processKey(ev.PID))
			k.learn(c, ev, &k.rules[ev.Pattern], f)
			k.revise(c)
			return true
		}
	}
	if c := k.table.oldest(&h.in[stateAccepted]); h.in[stateAccepted].first == h.in[stateAccepted].last && c.child == 0 {
		k.table.bind(c, h.processKey(ev.PID))
		k.learn(c, ev, &k.rules[ev.Pattern], f)
		k.revise(c)
		return true
	}
	o := k.table.create(h, ev, h.processKey(ev.PID))
	k.learn(o, ev, &k.rules[ev.Pattern], f)
	o.orphaned = true
	h.orphans = append(h.orphans, o)
	return true
}

// byHome finds the one session whose user's name is a part of the path.
func (k *Classifier) byHome(h *host, path []byte) *connection {
	var found *connection
	for c := range k.table.newestFirst(&h.in[stateAccepted]) {
		if c.userKnown && !c.user.empty() && c.child == 0 && hasElement(path, c.text(c.user)) {
			if found != nil {
				return found // the later login of the two
			}
			found = c
		}
	}
	return found
}

func hasElement(path, name []byte) bool {
	for element := range bytes.SplitSeq(path, []byte("/")) {
		if bytes.Equal(element, name) {
			return true
		}
	}
	return false
}

// adopt gives the lines of an orphan to the connection that its process turned
// out to belong to.
func (k *Classifier) adopt(h *host, c *connection, key uint64) {
	for i, o := range h.orphans {
		if o.key == key {
			k.give(h, i, c)
			return
		}
	}
}

// give lets a connection absorb the i-th orphan.
func (k *Classifier) give(h *host, i int, c *connection) {
	o := h.orphans[i]
	key := o.key
	k.absorb(c, o)
	k.table.bind(c, key)
	k.revise(c)
}

// absorb lets a connection take over another, which is gone then.
func (k *Classifier) absorb(c, o *connection) {
	if len(c.lines)+len(o.lines) > maxLines || int(c.lineBytes)+int(o.lineBytes) > maxText {
		k.thin(c, maxLines/2, maxText/2)
		k.thin(o, maxLines/2, maxText/2)
	}
	c.absorb(o)
	k.table.links[c.slot].seen = max(k.table.links[c.slot].seen, k.table.links[o.slot].seen)
	k.table.inherit(c, o)
	k.table.remove(o)
	k.table.mark(c)
}

// silentEnd gives a session that ended without a goodbye the orphan that fits:
// a child that died of what it said, the next one after its process. Children
// that go on are claimed by their own later lines.
func (k *Classifier) silentEnd(c *connection) {
	h := c.host
	if c.child != 0 || c.saw&(sawLeft|sawClosed|sawReset) != 0 {
		return
	}
	best, distance := -1, int32(math.MaxInt32)
	for i, o := range h.orphans {
		if d := after(c.pid, o.pid); o.saw&sawFatal != 0 && o.start >= c.start && d < distance {
			best, distance = i, d
		}
	}
	if best >= 0 {
		k.give(h, best, c)
	}
}

// after gives how many processes were started between two, the second being
// the later: numbers begin again behind the kernel's pid_max, which is 32768
// or 4194304 (proc(5)).
func after(first, second int32) int32 {
	d := second - first
	switch {
	case d >= 0:
		return d
	case first <= 1<<15:
		return d + 1<<15
	}
	return d + 1<<22
}

// nearby is how far the number of a helper process can be from that of the
// process that started it, on a busy host.
const nearby = 2000

// mostAsked is how many connections are asked whether they are such a helper: it has
// just written, and a log may be made so that each line asks thousands.
const mostAsked = 500

// helper lets a connection absorb what a process that it started wrote before:
// PAM's helper for keyboard-interactive, or the command that was to give the
// keys. Such lines bear no port.
func (k *Classifier) helper(c *connection, fits func(*connection) bool) {
	asked := 0
	for o := range k.table.newestFirst(&c.host.in[stateOpen]) {
		if asked++; asked > mostAsked {
			return
		}
		if o != c && o.saw&sawOnlyPAM != 0 && c.last-o.last <= int64(30*time.Second) && after(c.pid, o.pid) < nearby && fits(o) {
			key := o.key
			k.absorb(c, o)
			k.table.bind(c, key)
			return
		}
	}
}

// facts are what a line says of the client. Most lines say what is known already
// and need not be read.
type facts struct {
	address []byte // the client's, or its name
	client  []byte // the address with the port behind it, nil where they stand apart
	portAt  uint16 // where the port begins in client
	known   bool   // they were read
	port    int
}

// mostBetween is how much may stand between an address and the end of its port.
const mostBetween = 16

// read takes them from an event, where that was not done.
func (f *facts) read(ev *sshwhy.Event) {
	if f.known {
		return
	}
	f.known = true
	fields := ev.Captures()
	var port sshwhy.Captured
	if i := ev.At(sshwhy.FieldPort); uint(i) < uint(len(fields)) {
		port = fields[i]
		f.port = number(ev.Message[port.Start:port.End])
	}
	if i := ev.At(sshwhy.FieldAddr); uint(i) < uint(len(fields)) {
		address := &fields[i]
		f.address = ev.Message[address.Start:address.End]
		if port.Start >= address.End && port.End-address.End <= mostBetween {
			f.client, f.portAt = ev.Message[address.Start:port.End], uint16(port.Start-address.Start)
		}
	} else if i := ev.At(sshwhy.FieldHost); i >= 0 && fields[i].Value == 0 {
		f.address = ev.Message[fields[i].Start:fields[i].End]
	}
}

// number reads a port; what is none gives 0.
func number(digits []byte) int {
	n := 0
	for _, d := range digits {
		if d -= '0'; d > 9 || n > 1<<20 {
			return 0
		}
		n = n*10 + int(d)
	}
	return n
}
