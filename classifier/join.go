package classifier

import (
	"bytes"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// join gives the connection that an event belongs to, opening one where it
// begins one; nil where the event waits for its connection among the orphans.
func (k *Classifier) join(h *host, ev *sshwhy.Event, r *rule) *connection {
	address, port := clientOf(ev)
	key := h.processKey(ev.PID)
	peer := k.table.peerKey(h, address, port)
	if c := k.table.byProcess[key]; c != nil && key != 0 {
		if !k.another(c, ev, r, peer) {
			return c
		}
		k.finish(c)
	}
	if peer != 0 {
		if c := k.table.byPeer[peer]; c != nil && k.plausible(c, ev) {
			k.table.bind(c, key)
			k.adopt(h, c, key)
			return c
		}
	}
	if c := k.byUser(h, ev, r, port); c != nil {
		return c
	}
	if r.child && k.orphan(h, ev) {
		return nil
	}
	if key == 0 {
		if c := k.withoutProcess(h, ev, peer); c != nil {
			return c
		}
	}
	c := k.table.create(h, ev)
	if r.signals&sawPAM != 0 || ev.Pattern == patterns.KeysCommandNotRun {
		c.saw |= sawOnlyPAM
	}
	return c
}

// another tells whether an event on the process of a known connection begins
// another one: process numbers are used again.
func (k *Classifier) another(c *connection, ev *sshwhy.Event, r *rule, peer uint64) bool {
	if peer != 0 && c.peer != 0 && peer != c.peer {
		return true
	}
	if r.signals&sawOpened != 0 {
		return c.state == stateDone || c.peer != 0 || c.saw&sawOpened != 0
	}
	if c.state != stateDone || peer != 0 {
		return false
	}
	// After the end come only the lines of what is taken down.
	return ev.Level < sshwhy.LevelDebug1 && r.does != doTrail && r.does != doEnd && r.does != doSettle && r.signals&sawDisconnect == 0 && !r.child
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
func (k *Classifier) byUser(h *host, ev *sshwhy.Event, r *rule, port int) *connection {
	if port > 0 || !r.child && ev.Pattern != patterns.UserNotAllowedNologin {
		return nil
	}
	user := ev.Get(sshwhy.FieldUser)
	if user == nil {
		return nil
	}
	for c := h.accepted.last; c != nil; c = c.prev {
		if c.userKnown && bytes.Equal(c.user, user) {
			return c
		}
	}
	return nil
}

// withoutProcess finds the connection of a line in a log without PIDs: that of
// the same client, or else the last one that is open.
func (k *Classifier) withoutProcess(h *host, ev *sshwhy.Event, peer uint64) *connection {
	if peer != 0 {
		return nil
	}
	c := h.waiting.last
	if c == nil || c.key != 0 || ev.Time-c.last > int64(2*time.Second) {
		return nil
	}
	if user := ev.Get(sshwhy.FieldUser); user != nil && c.userKnown && !bytes.Equal(user, c.user) {
		return nil
	}
	return c
}

// finish takes a connection out whose process number is used by another.
func (k *Classifier) finish(c *connection) {
	if c.state == stateOpen {
		k.settle(c)
	}
	k.table.remove(c)
}

// orphan keeps a line of a child whose connection is not known, and tells
// whether it did: the child's later lines, or a session that ends without a
// word, tell whose it was.
func (k *Classifier) orphan(h *host, ev *sshwhy.Event) bool {
	if h.accepted.first == nil || len(h.orphans) == maxOrphans || ev.PID == 0 {
		return false
	}
	if path := ev.Get(sshwhy.FieldPath); path != nil {
		if c := k.byHome(h, path); c != nil {
			k.table.bind(c, h.processKey(ev.PID))
			k.learn(c, ev, &k.rules[ev.Pattern])
			k.revise(c)
			return true
		}
	}
	if c := h.accepted.first; c == h.accepted.last && c.child == 0 {
		k.table.bind(c, h.processKey(ev.PID))
		k.learn(c, ev, &k.rules[ev.Pattern])
		k.revise(c)
		return true
	}
	o := k.table.create(h, ev)
	k.learn(o, ev, &k.rules[ev.Pattern])
	o.orphaned = true
	h.orphans = append(h.orphans, o)
	return true
}

// byHome finds the one session whose user's name is a part of the path.
func (k *Classifier) byHome(h *host, path []byte) *connection {
	var found *connection
	for c := h.accepted.last; c != nil; c = c.prev {
		if c.userKnown && len(c.user) > 0 && c.child == 0 && hasElement(path, c.user) {
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
	c.absorb(o)
	key := o.key
	k.table.remove(o)
	k.table.bind(c, key)
	k.revise(c)
}

// silentEnd gives a session that ended without a disconnect line the orphan
// that fits: the first child after its process.
func (k *Classifier) silentEnd(c *connection) {
	h := c.host
	if c.child != 0 || c.saw&(sawLeft|sawClosed|sawReset) != 0 {
		return
	}
	best := -1
	for i, o := range h.orphans {
		if o.start < c.start || o.pid < c.pid {
			continue
		}
		if best < 0 || o.pid < h.orphans[best].pid {
			best = i
		}
	}
	if best >= 0 {
		k.give(h, best, c)
	}
}

// helper lets a connection absorb what a process of its wrote before: PAM's
// helper for keyboard-interactive, or the command that was to give the keys.
// Their lines come first and bear the address, or nothing.
func (k *Classifier) helper(c *connection, fits func(*connection) bool) {
	for o := c.host.waiting.last; o != nil; o = o.prev {
		if o != c && o.saw&sawOnlyPAM != 0 && c.last-o.last <= int64(30*time.Second) && fits(o) {
			key := o.key
			c.absorb(o)
			k.table.remove(o)
			k.table.bind(c, key)
			return
		}
	}
}

// clientOf gives the client's address, or its name, and port.
func clientOf(ev *sshwhy.Event) ([]byte, int) {
	address := ev.Get(sshwhy.FieldAddr)
	if address == nil {
		address = ev.Get(sshwhy.FieldHost)
	}
	return address, int(ev.Int(sshwhy.FieldPort))
}
