package classifier

import (
	"cmp"
	"slices"

	"github.com/sshwhy/sshwhy"
)

// restored is what an earlier run knew, until its records have come back and
// something new comes.
type restored struct {
	connections []*restoredConnection
	lines       map[uint64][]*restoredLine // those that wait for their record, by hash
	episodes    []*episode
	previous    []previousLine
}

type restoredConnection struct {
	connection                       *connection
	lines                            []*restoredLine
	ownsProcess, ownsChild, ownsPeer bool
}

// restoredLine is a line of a connection; nil text is one that is missing.
type restoredLine struct {
	of      *connection
	text    []byte
	pattern sshwhy.PatternID
}

// previousLine is a host's repeatable before its connection is there.
type previousLine struct {
	host            *host
	number          uint64
	passwords, keys int
}

func newRestored() *restored { return &restored{lines: map[uint64][]*restoredLine{}} }

// loadConnection reads what packConnection wrote.
func (k *Classifier) loadConnection(number uint64, u *unpacker) error {
	r := &restoredConnection{}
	c := k.table.fresh()
	r.connection = c
	c.number, c.saved = number, true
	c.turn = u.uint()
	host := u.bytes()
	var keyed, looked bool
	u.flags(&c.orphaned, &c.userKnown, &c.told.looked, &looked, &keyed, &r.ownsProcess, &r.ownsChild, &r.ownsPeer, &c.whole)
	c.pid = int32(u.int())
	process, child := int32(u.int()), int32(u.int())
	c.state = state(u.uint())
	c.start, c.last, k.table.links[c.slot].seen = u.int(), u.int(), u.int()
	c.ordinal, c.source, c.revision = uint32(u.uint()), u.text(), int32(u.int())
	c.told.Outcome, c.told.Cause, c.told.Confidence = sshwhy.Outcome(u.uint()), k.causes.Find(u.text()), sshwhy.Confidence(u.uint())
	c.told.remarks, c.told.candidates = uint8(u.int()), uint8(u.int())
	c.saw, c.code = signal(u.uint()), u.int()
	c.passwords, c.keys, c.port, c.dropped = int(u.int()), int(u.int()), int32(u.int()), int32(u.int())
	for _, text := range c.names() {
		*text, _ = c.copied(u.bytes())
	}
	c.writtenBy(c.text(c.ident))
	for range min(u.count(), maxProofs) {
		p := shown{cause: k.causes.Find(u.text()), confidence: sshwhy.Confidence(u.uint()), line: lineIndex(u.int())}
		if values := u.values(); p.cause != 0 {
			c.proofs = append(c.proofs, p)
			c.addValues(len(c.proofs)-1, values)
		}
	}
	hashes := map[*restoredLine]uint64{}
	for range min(u.count(), maxLines) {
		l := &restoredLine{of: c}
		var recorded bool
		if u.flags(&recorded); recorded {
			hashes[l] = u.fixed()
		} else {
			l.pattern, l.text = k.patterns.Find(u.text()), slices.Clone(u.bytes())
		}
		r.lines = append(r.lines, l)
	}
	if looked {
		c.looked = k.unpackLook(u)
	}
	if err := u.err(); err != nil {
		k.table.release(c)
		return err
	}
	if c.state > stateKept || c.told.Outcome > sshwhy.OutcomeStartupFailed || c.told.Confidence > sshwhy.ConfidenceCertain {
		k.table.release(c)
		return errDamaged
	}
	c.host = k.table.host(host)
	if keyed {
		c.key = c.host.processKey(process)
	}
	c.child = c.host.processKey(child)
	for _, l := range r.lines {
		if hash, ok := hashes[l]; ok {
			k.restored.lines[hash] = append(k.restored.lines[hash], l)
		}
	}
	k.restored.connections = append(k.restored.connections, r)
	k.table.numbers, k.table.turns = max(k.table.numbers, number), max(k.table.turns, c.turn)
	return nil
}

// lineIndex gives the index of a line that was saved, -1 for what is none.
func lineIndex(n int64) int8 {
	if n < 0 || n >= maxLines {
		return -1
	}
	return int8(n)
}

// addValues adds values that were saved to a proof.
func (c *connection) addValues(proof int, values []sshwhy.Value) {
	for _, v := range values {
		at, _ := c.copied([]byte(v.Text))
		c.addFact(proof, v.Field, at)
	}
}

// restore takes a record that an earlier run held, and tells whether it is one.
// Which of two lines of the same text it is does not matter.
func (k *Classifier) restore(ev *sshwhy.Event) bool {
	if len(ev.Record.Text) > 0 {
		hash := hashOf(ev.Record.Text)
		if waiting := k.restored.lines[hash]; len(waiting) > 0 {
			l := waiting[0]
			k.restored.lines[hash] = waiting[1:]
			l.text, l.pattern = slices.Clone(ev.Record.Text), ev.Pattern
			k.table.hold(l.of, ev.Record)
			return true
		}
	}
	k.installRestored()
	return false
}

// installRestored puts what was restored in its place: nothing of it comes any
// more.
func (k *Classifier) installRestored() {
	r := k.restored
	if r == nil {
		return
	}
	k.restored = nil
	slices.SortFunc(r.connections, func(a, b *restoredConnection) int { return cmp.Compare(a.connection.turn, b.connection.turn) })
	byNumber := map[uint64]*connection{}
	for _, rc := range r.connections {
		if k.install(rc) {
			byNumber[rc.connection.number] = rc.connection
		}
	}
	for _, h := range k.table.hosts {
		slices.SortFunc(h.orphans, func(a, b *connection) int { return cmp.Compare(a.number, b.number) })
	}
	for _, p := range r.previous {
		if c := byNumber[p.number]; c != nil {
			p.host.previous = repeatable{c, p.number, p.passwords, p.keys}
		}
	}
	slices.SortFunc(r.episodes, func(a, b *episode) int { return cmp.Or(cmp.Compare(a.seen, b.seen), cmp.Compare(a.key, b.key)) })
	for _, e := range r.episodes {
		if k.attacks.bySource[e.key] == nil && len(k.attacks.bySource) < maxSources {
			k.addEpisode(e)
		}
	}
}

// install opens a connection that was restored, and tells whether any line of
// it came back.
func (k *Classifier) install(r *restoredConnection) bool {
	c, t := r.connection, &k.table
	moved := make([]int, len(r.lines)) // the index of each line now
	for i, l := range r.lines {
		if moved[i] = -1; l.text == nil {
			c.dropped++
			continue
		}
		moved[i] = c.keepText(l.text[:min(len(l.text), maxLineText)], l.pattern)
	}
	if len(c.lines) == 0 {
		if t.holding != nil {
			t.holding.deleted = append(t.holding.deleted, c.number)
		}
		t.release(c)
		return false
	}
	for i := range c.proofs {
		if p := &c.proofs[i]; p.line >= 0 && int(p.line) < len(moved) {
			p.line = int8(moved[p.line])
		} else {
			p.line = -1
		}
	}
	t.links.enter(c.host, c.state, c.slot)
	t.clocks.rouse(c.host)
	if r.ownsProcess {
		t.byProcess.set(c.key, c.slot)
	}
	if r.ownsChild {
		t.byProcess.set(c.child, c.slot)
	}
	if r.ownsPeer {
		t.peer(c)
	}
	if c.orphaned {
		c.host.orphans = append(c.host.orphans, c)
	}
	t.open++
	t.weigh(c)
	return true
}
