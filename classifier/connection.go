package classifier

import (
	"unsafe"

	"github.com/sshwhy/sshwhy"
)

// connection is what is known of one connection. Connections are used again
// once they are done: see table.
//
// A line of a log is about another connection than the line before, so that in
// a log of many hosts nearly each costs ways to memory. Hence a connection is
// one piece: what every line needs stands first, then what its end needs, what
// only a finding in full needs last, and the texts, which mostly are parts of
// the lines that are kept anyway, apart.
type connection struct {
	host *host
	near
	buf    []byte     // the texts of the lines, and what is in none of them
	lines  []evidence // at first in room.lines, as proofs and facts
	proofs []shown
	looked *look // what an inspection found, nil for none
	use
	facts  []fact
	source string // of the first line
	room   room
	full
	// also are the numbers of those that it absorbed after their records
	// were given to Held.
	also  []uint64
	signs []signal // of each line what it was the first to show; only for Options.Why
}

// near is what nearly every line asks for: with host no more than the processor
// takes from memory at a time.
type near struct {
	// key is the host and process by which the connection is found, 0 for
	// none.
	key           uint64
	saw           signal
	last          int64 // the time of the last line
	user, address part
	// client is the address with the port behind it, and what stands between,
	// as the line had it that told them; portAt is where the port begins in it.
	client    part
	portAt    uint16
	lineBytes uint16 // of the lines that are kept
	port      int32
	slot      slot  // its own, for good
	weight    int32 // its share in table.bytes
	state     state
	userKnown bool
	orphaned  bool // it stands among its host's orphans
	plain     bool // its first line is of "sshd" and not of a part of it: up to 9.7 all are
	split     bool // its first line is of "sshd-session", which there is since 9.8
}

// room is what most connections need no more than.
type room struct {
	lines  [6]evidence
	proofs [3]shown
	facts  [4]fact
}

// use is what is known of a connection beside.
type use struct {
	revision        int32
	told            verdict // what the last revision said
	passwords, keys int
	child           uint64 // key of the process that sshd starts after login, 0 for none
	peer            uint64 // its key among the peers, 0 for none
	peerPort        uint32 // the port of peer
	dropped         int32  // lines that were not kept
	code            int64  // of the client's disconnect message (RFC 4253, 11.1), 0 for none
	firstKeyFile    part   // the first authorized_keys that sshd looked at (DEBUG1)

	// Of the first line: what the id is made of.
	pid     int32
	ordinal uint32
	start   int64

	number uint64 // tells it from all others
}

// full is what only a finding in full tells, and what Held and Save need.
type full struct {
	ident   part
	method  part
	asked   part // the method that sshd waits in, of its last "Postponed"
	keyType part
	print   part
	turn    uint64 // orders those of a list; set where it is held
	held
}

// The usual size of connection.buf, with the texts of the lines and without.
const (
	usualText  = 384
	usualNames = 96
)

// newConnection makes a connection with room for that much text.
func newConnection(s slot, text int) *connection {
	c := &connection{buf: make([]byte, 0, text)}
	c.slot = s
	c.lines, c.proofs, c.facts = c.room.lines[:0], c.room.proofs[:0], c.room.facts[:0]
	return c
}

// writtenBy notes which program the first line is of.
func (c *connection) writtenBy(ident []byte) {
	c.plain, c.split = string(ident) == "sshd", string(ident) == "sshd-session"
}

// state is where a connection stands in its life.
type state uint8

const (
	stateOpen     state = iota // nothing is decided
	stateAccepted              // the login succeeded, the session goes on
	stateDone                  // settled; kept for the lines that still follow
	stateService               // no connection: what sshd says of itself
	stateKept                  // settled and undetermined; only an inspection can find it
	states
)

// part is where a text stands in connection.buf.
type part struct{ start, end uint16 }

func (p part) empty() bool { return p.start == p.end }

// evidence is a line that was kept.
type evidence struct {
	pattern sshwhy.PatternID
	at      part
}

// shown is a cause that a line proved. What it told of it are the facts with
// the index of it.
type shown struct {
	cause      sshwhy.CauseID
	confidence sshwhy.Confidence
	line       int8 // the index of the line, -1 where it was not kept
}

// fact is a part of a line that a sentence or a remedy names.
type fact struct {
	field sshwhy.Field
	of    uint8 // the index in connection.proofs
	at    part
}

// verdict is what a revision said, to tell whether there is anything new.
type verdict struct {
	sshwhy.Verdict
	remarks, candidates uint8
	looked              bool
}

// The bounds of what is kept of one connection (enough for any login that is
// not an attack on the reader).
const (
	maxLines     = 64
	maxText      = 16 << 10 // of lines
	maxLineText  = 4 << 10
	maxOther     = 32 << 10 // of texts that are in no line that is kept
	maxProofs    = 12
	maxFacts     = 128
	maxNameBytes = 1 << 10
	maxKeptText  = 2 << 10 // of one that waits for its next use
)

// reset makes a connection ready for its next use, keeping its memory. In brief
// nothing was put into what is for findings in full, which is far from the rest.
func (c *connection) reset(brief bool) {
	if cap(c.buf) > maxKeptText {
		c.buf = nil
	}
	c.near, c.use = near{slot: c.slot}, use{} // without pointers: these cost more to clear
	if c.looked != nil {
		c.looked = nil
	}
	c.lines = c.lines[:0] // one by one: so where they are need not be written
	c.proofs = c.proofs[:0]
	c.facts = c.facts[:0]
	c.buf = c.buf[:0]
	if !brief {
		c.full, c.also, c.signs = full{}, nil, c.signs[:0]
	}
}

// text gives the bytes of a part; they are the connection's.
func (c *connection) text(p part) []byte { return c.buf[p.start:p.end] }

// line gives the text of a kept line.
func (c *connection) line(i int) []byte { return c.text(c.lines[i].at) }

// kept is the line at hand, and where it went.
type kept struct {
	index int // in connection.lines, -1 where it was not kept
	// start and end are where its text stands in connection.buf, and behind
	// is where the array of the event's message would end there; 0 where the
	// text was not kept, or the message does not stand in it.
	start, end, behind int
}

// keep adds the line to the evidence where there is room.
func (c *connection) keep(ev *sshwhy.Event, l *kept) {
	text := ev.Record.Text
	if len(text) > maxLineText {
		text = text[:maxLineText]
	}
	start := len(c.buf)
	*l = kept{index: c.keepText(text, ev.Pattern)}
	if l.index < 0 {
		return
	}
	l.start, l.end = start, len(c.buf)
	if at := inside(text, ev.Message); at >= 0 {
		l.behind = start + at + cap(ev.Message)
	}
}

// keepText adds a line and gives its index, -1 where there is no room.
func (c *connection) keepText(line []byte, pattern sshwhy.PatternID) int {
	if int(c.lineBytes)+len(line) > maxText {
		c.dropped++
		return -1
	}
	at := len(c.buf)
	i := c.keepPattern(pattern)
	if i >= 0 {
		c.buf = append(c.buf, line...)
		c.lineBytes += uint16(len(line))
		c.lines[i].at = part{uint16(at), uint16(len(c.buf))}
	}
	return i
}

// keepPattern adds a line without its text.
func (c *connection) keepPattern(pattern sshwhy.PatternID) int {
	i := len(c.lines)
	if i == maxLines {
		c.dropped++
		return -1
	}
	c.lines = append(c.lines, evidence{pattern: pattern})
	return i
}

// inside gives where one text begins in another, -1 where it does not. Slices of
// one array end where it ends, as far as they may grow: from that follows where
// they begin.
func inside(text, b []byte) int {
	if at := cap(text) - cap(b); len(b) > 0 && at >= 0 && at < len(text) && &text[at] == &b[0] {
		return at
	}
	return -1
}

// part gives where a part of the event's message stands in buf: mostly in the
// line that was just kept, so that nothing need be copied.
func (c *connection) part(b []byte, l *kept) part {
	if len(b) == 0 {
		return part{}
	}
	if at := l.behind - cap(b); at >= 0 && at+len(b) <= l.end {
		return part{uint16(at), uint16(at + len(b))}
	}
	p, _ := c.copied(b)
	return p
}

// partOf is part for bytes that may stand elsewhere in the line.
func (c *connection) partOf(b, line []byte, l *kept) part {
	if l.end > 0 {
		if at := inside(line, b); at >= 0 && l.start+at+len(b) <= l.end {
			at += l.start
			return part{uint16(at), uint16(at + len(b))}
		}
	}
	p, _ := c.copied(b)
	return p
}

// copied adds bytes that are in no line that was kept, and tells whether there
// was room.
func (c *connection) copied(b []byte) (part, bool) {
	if len(c.buf)-int(c.lineBytes)+len(b) > maxOther {
		return part{}, false
	}
	at := len(c.buf)
	c.buf = append(c.buf, b...)
	return part{uint16(at), uint16(len(c.buf))}, true
}

// size is the memory that a connection takes, about.
func (c *connection) size() int32 {
	size := connectionSize + cap(c.buf)
	if n := cap(c.lines); n != len(c.room.lines) {
		size += n * int(unsafe.Sizeof(evidence{}))
	}
	return int32(size)
}

// connectionSize is that of the struct and of its entries in the indexes.
const connectionSize = int(unsafe.Sizeof(connection{})) + 96

// prove notes that a line showed a cause, and gives the index among the
// proofs, -1 where there is no room. Of one cause the surest counts, and of
// equally sure ones the first; more tells that it was shown before, so that
// only what is missing of the facts is to be added.
func (c *connection) prove(cause sshwhy.CauseID, confidence sshwhy.Confidence, line int) (i int, more bool) {
	for i := range c.proofs {
		p := &c.proofs[i]
		if p.cause != cause {
			continue
		}
		if confidence <= p.confidence {
			return i, true
		}
		p.confidence, p.line = confidence, int8(line)
		c.forgetFacts(i)
		return i, false
	}
	if len(c.proofs) == maxProofs {
		return -1, false
	}
	c.proofs = append(c.proofs, shown{cause, confidence, int8(line)})
	return len(c.proofs) - 1, false
}

// tells tells whether a field is among the facts of a proof.
func (c *connection) tells(proof int, field sshwhy.Field) bool {
	for _, f := range c.facts {
		if int(f.of) == proof && f.field == field {
			return true
		}
	}
	return false
}

// addFact adds a fact to a proof.
func (c *connection) addFact(proof int, field sshwhy.Field, at part) {
	if len(c.facts) < maxFacts && !at.empty() {
		c.facts = append(c.facts, fact{field, uint8(proof), at})
	}
}

// forgetFacts takes the facts of a proof out.
func (c *connection) forgetFacts(proof int) {
	left := c.facts[:0]
	for _, f := range c.facts {
		if int(f.of) != proof {
			left = append(left, f)
		}
	}
	c.facts = left
}

// absorb takes over what another connection object knows: it turned out to be
// another process of the same connection.
func (c *connection) absorb(o *connection) {
	shift := len(c.lines)
	taken := 0
	for i := range o.lines {
		if c.keepText(o.line(i), o.lines[i].pattern) < 0 {
			c.dropped += int32(len(o.lines) - i - 1)
			break
		}
		if len(o.signs) > i {
			c.signs = append(c.signs, o.signs[i])
		}
		taken++
	}
	for i, p := range o.proofs {
		line := int(p.line)
		if line >= taken {
			line = -1
		} else if line >= 0 {
			line += shift
		}
		if into, more := c.prove(p.cause, p.confidence, line); into >= 0 {
			c.takeFacts(into, more, o, i)
		}
	}
	c.saw |= o.saw &^ sawOnlyPAM
	c.passwords += o.passwords
	c.keys += o.keys
	c.dropped += o.dropped
	if c.address.empty() {
		c.address, _ = c.copied(o.text(o.address))
		c.port = o.port
	}
	if !c.userKnown && o.userKnown {
		c.user, c.userKnown = c.copied(o.text(o.user))
	}
	c.start = min(c.start, o.start)
	c.last = max(c.last, o.last)
}

// takeFacts copies the facts of another's proof, or only what is missing.
func (c *connection) takeFacts(into int, missing bool, o *connection, proof int) {
	for _, f := range o.facts {
		if int(f.of) == proof && !(missing && c.tells(into, f.field)) {
			at, _ := c.copied(o.text(f.at))
			c.addFact(into, f.field, at)
		}
	}
}
