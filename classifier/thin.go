package classifier

import (
	"slices"

	"github.com/sshwhy/sshwhy"
)

// At LogLevel DEBUG1 sshd writes more lines about one login than are kept, at
// DEBUG3 hundreds before the client has named a user. What is decided does not
// rest on which of them are kept, but whoever reads the finding should see the
// lines that it rests on. So where there is no room for a line, others go that
// say less.

// What thinning leaves at most, so that it is not done for each line: a line of
// any length fits then.
const (
	thinLines = maxLines * 3 / 4
	thinText  = maxText - maxLineText
)

// keepInstead keeps a line that there was no room for in place of others.
func (k *Classifier) keepInstead(c *connection, ev *sshwhy.Event, l *kept) {
	k.thin(c, thinLines, thinText)
	c.dropped-- // it was counted as one that was not kept
	c.keep(ev, l)
}

// thin takes lines out of the evidence until no more are left than that: of
// LogLevel DEBUG those that tell nothing, then those whose like was there
// before, then any. The first of all, which the id is made of, and those that
// prove a cause stay. The oldest go first: what comes last tells how far a
// connection came.
func (k *Classifier) thin(c *connection, lines, text int) {
	var stays, gone [maxLines]bool
	stays[0] = true
	for _, p := range c.proofs {
		if p.line >= 0 {
			stays[p.line] = true
		}
	}
	left, leftText := len(c.lines), int(c.lineBytes)
	for _, may := range [...]func(int) bool{
		func(i int) bool { return k.dull(c.lines[i].pattern) },
		c.repeats,
		func(int) bool { return true },
	} {
		for i := 0; i < len(c.lines) && (left > lines || leftText > text); i++ {
			if !stays[i] && !gone[i] && may(i) {
				gone[i] = true
				left--
				leftText -= len(c.line(i))
			}
		}
	}
	if left < len(c.lines) {
		k.space = append(k.space[:0], c.buf...)
		c.forget(&gone, k.space)
		k.table.keepWhole(c)
	}
}

// dull tells whether lines of a pattern only stand at DEBUG1 and beyond, and
// tell nothing that counts.
func (k *Classifier) dull(p sshwhy.PatternID) bool {
	r, e := &k.rules[p], k.patterns.Entry(p)
	return r.signals == 0 && !r.own && len(r.proofs) == 0 && e != nil && len(e.Levels) > 0 &&
		!slices.ContainsFunc(e.Levels, func(l sshwhy.Level) bool { return l < sshwhy.LevelDebug1 })
}

// repeats tells whether a line is of the same pattern as one before it.
func (c *connection) repeats(line int) bool {
	return slices.ContainsFunc(c.lines[:line], func(l evidence) bool { return l.pattern == c.lines[line].pattern })
}

// forget takes lines out, and out of the texts all that nothing names any more;
// old is a copy of these.
func (c *connection) forget(gone *[maxLines]bool, old []byte) {
	var stood [maxLines]part // each line
	var now [maxLines]int    // its index, -1 where it is gone
	lines, signs := c.lines, c.signs[:0]
	c.buf, c.lines, c.lineBytes = c.buf[:0], c.lines[:0], 0
	for i, l := range lines {
		if stood[i], now[i] = l.at, -1; gone[i] {
			c.dropped++
			continue
		}
		if now[i] = c.keepText(old[l.at.start:l.at.end], l.pattern); i < len(c.signs) {
			signs = append(signs, c.signs[i])
		}
	}
	c.signs = signs
	moved := func(p part) part {
		for i := range lines {
			if now[i] >= 0 && p.start >= stood[i].start && p.end <= stood[i].end {
				at := c.lines[now[i]].at.start
				return part{at + p.start - stood[i].start, at + p.end - stood[i].start}
			}
		}
		p, _ = c.copied(old[p.start:p.end])
		return p
	}
	for _, name := range c.names() {
		*name = moved(*name)
	}
	c.client = moved(c.client)
	for i := range c.facts {
		c.facts[i].at = moved(c.facts[i].at)
	}
	for i := range c.proofs {
		if p := &c.proofs[i]; p.line >= 0 {
			p.line = int8(now[p.line])
		}
	}
}
