package classifier

import (
	"slices"

	"github.com/sshwhy/sshwhy"
)

// connection is what is known of one connection. Connections are used again
// once they are done: see table.
//
// A line of a log is about another connection than the line before, so that
// nearly each costs a way to memory: what every line needs lies close together.
type connection struct {
	place place[connection]
	use   // what begins anew with every use

	// The rest is emptied and keeps its memory.
	ident         []byte
	user, address []byte
	method        []byte
	asked         []byte // the method that sshd waits in, of its last "Postponed"
	keyType       []byte
	print         []byte
	firstKeyFile  []byte // the first authorized_keys that sshd looked at (DEBUG1)
	proofs        []shown
	lines         []evidence
	text          []byte   // the lines' texts, one after the other
	signs         []signal // of each line what it was the first to show; only for Options.Why
}

// newConnection makes a connection with room for what most have, side by side.
func newConnection() *connection {
	c := &connection{}
	c.place.of = c
	room := make([]byte, usualRoom)
	for _, part := range [...]struct {
		of   *[]byte
		size int
	}{{&c.address, 40}, {&c.user, 32}, {&c.ident, 16}, {&c.method, 24}, {&c.keyType, 16}, {&c.print, 64}, {&c.text, 256}} {
		*part.of, room = room[:0:part.size], room[part.size:]
	}
	c.lines, c.proofs = make([]evidence, 0, 8), make([]shown, 0, 2)
	return c
}

// usualRoom is what newConnection shares out.
const usualRoom = 40 + 32 + 16 + 24 + 16 + 64 + 256

// use is what is known of a connection without any memory of its own.
type use struct {
	host *host
	// key is the host and process by which the connection is found; child
	// the one of the process that sshd starts after login, 0 for none.
	key       uint64
	saw       signal
	last      int64 // the time of the last line
	seen      int64 // its host's clock when the last line came
	state     state
	userKnown bool
	orphaned  bool // it stands among its host's orphans
	port      int
	weight    int // its share in table.bytes
	passwords int
	keys      int
	child     uint64
	peer      uint64 // its key among the peers, 0 for none
	code      int64  // of the client's disconnect message (RFC 4253, 11.1), 0 for none
	dropped   int    // lines that were not kept

	// Of the first line: what the id is made of.
	pid     int32
	ordinal uint32
	start   int64
	source  string

	number   uint64 // tells it from all others
	turn     uint64 // orders those of a list; set where it is held
	revision int
	told     verdict // what the last revision said
	looked   *look   // what an inspection found, nil for none
	held
}

// state is where a connection stands in its life.
type state uint8

const (
	stateOpen     state = iota // nothing is decided
	stateAccepted              // the login succeeded, the session goes on
	stateDone                  // settled; kept for the lines that still follow
	stateService               // no connection: what sshd says of itself
	stateKept                  // settled and undetermined; only an inspection can find it
)

// evidence is a line that was kept.
type evidence struct {
	pattern sshwhy.PatternID
	end     int32 // in text; it starts where the one before ends
}

// shown is a cause that a line proved.
type shown struct {
	cause      sshwhy.CauseID
	confidence sshwhy.Confidence
	line       int // the index of the line, -1 where it was not kept
	values     []sshwhy.Value
}

// verdict is what a revision said, to tell whether there is anything new.
type verdict struct {
	outcome    sshwhy.Outcome
	cause      sshwhy.CauseID
	confidence sshwhy.Confidence
	remarks    int
	candidates int
	looked     bool
}

// The bounds of what is kept of one connection (enough for any login that is
// not an attack on the reader).
const (
	maxLines     = 64
	maxText      = 16 << 10
	maxLineText  = 4 << 10
	maxProofs    = 12
	maxNameBytes = 1 << 10
	maxKeptText  = 2 << 10 // of one that waits for its next use
)

// reset makes a connection ready for its next use, keeping its memory.
func (c *connection) reset() {
	if cap(c.text) > maxKeptText {
		c.text = nil
	}
	for i := range c.proofs {
		clear(c.proofs[i].values) // the texts; the memory for them stays
	}
	c.use = use{}
	c.ident, c.user, c.address = c.ident[:0], c.user[:0], c.address[:0]
	c.method, c.asked = c.method[:0], c.asked[:0]
	c.keyType, c.print, c.firstKeyFile = c.keyType[:0], c.print[:0], c.firstKeyFile[:0]
	c.proofs, c.lines, c.text, c.signs = c.proofs[:0], c.lines[:0], c.text[:0], c.signs[:0]
}

// keep adds the line to the evidence and gives its index, -1 where there is no
// room: the first and the last lines matter most, so the one before the last
// makes way.
func (c *connection) keep(ev *sshwhy.Event) int {
	line := ev.Record.Text
	if len(line) > maxLineText {
		line = line[:maxLineText]
	}
	if len(c.lines) == maxLines || len(c.text)+len(line) > maxText {
		c.dropped++
		return -1
	}
	c.text = append(c.text, line...)
	c.lines = append(c.lines, evidence{ev.Pattern, int32(len(c.text))})
	return len(c.lines) - 1
}

// size is the memory that a connection takes, about.
func (c *connection) size() int {
	return connectionSize + cap(c.text) + 8*cap(c.lines) + 48*cap(c.proofs) + cap(c.user) + cap(c.address)
}

// connectionSize is that of the struct, of its entries in the indexes, and of the
// short texts that every connection has.
const connectionSize = 740

// line gives the text of a kept line.
func (c *connection) line(i int) []byte {
	start := int32(0)
	if i > 0 {
		start = c.lines[i-1].end
	}
	return c.text[start:c.lines[i].end]
}

// prove notes that a line showed a cause. Of one cause the surest counts, and
// of equally sure ones the first. The values stay the caller's.
func (c *connection) prove(cause sshwhy.CauseID, confidence sshwhy.Confidence, line int, values []sshwhy.Value) {
	for i := range c.proofs {
		if p := &c.proofs[i]; p.cause == cause {
			if confidence > p.confidence {
				p.confidence, p.line, p.values = confidence, line, append(p.values[:0], values...)
			} else {
				p.values = withMissing(p.values, values)
			}
			return
		}
	}
	n := len(c.proofs)
	if n == maxProofs {
		return
	}
	if n == cap(c.proofs) {
		c.proofs = append(c.proofs, shown{})
	}
	c.proofs = c.proofs[:n+1]
	p := &c.proofs[n] // whose values have memory of an earlier use
	p.cause, p.confidence, p.line, p.values = cause, confidence, line, append(p.values[:0], values...)
}

// withMissing adds the values of fields that there are none of yet: two lines
// of one cause often tell a part of it each.
func withMissing(values, more []sshwhy.Value) []sshwhy.Value {
	for _, v := range more {
		if !slices.ContainsFunc(values, func(w sshwhy.Value) bool { return w.Field == v.Field }) {
			values = append(values, v)
		}
	}
	return values
}

// absorb takes over what another connection object knows: it turned out to be
// another process of the same connection.
func (c *connection) absorb(o *connection) {
	shift := len(c.lines)
	kept := 0
	for i := range o.lines {
		line := o.line(i)
		if len(c.lines) == maxLines || len(c.text)+len(line) > maxText {
			c.dropped += len(o.lines) - i
			break
		}
		c.text = append(c.text, line...)
		c.lines = append(c.lines, evidence{o.lines[i].pattern, int32(len(c.text))})
		if len(o.signs) > i {
			c.signs = append(c.signs, o.signs[i])
		}
		kept++
	}
	for _, p := range o.proofs {
		if p.line >= kept {
			p.line = -1
		} else if p.line >= 0 {
			p.line += shift
		}
		c.prove(p.cause, p.confidence, p.line, p.values)
	}
	c.saw |= o.saw &^ sawOnlyPAM
	c.passwords += o.passwords
	c.keys += o.keys
	c.dropped += o.dropped
	if len(c.address) == 0 {
		c.address, c.port = append(c.address, o.address...), o.port
	}
	if !c.userKnown && o.userKnown {
		c.user, c.userKnown = append(c.user[:0], o.user...), true
	}
	c.start = min(c.start, o.start)
	c.last = max(c.last, o.last)
	c.seen = max(c.seen, o.seen)
}
