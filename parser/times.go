package parser

import (
	"time"

	"github.com/sshwhy/sshwhy"
)

// Clock reads the times of lines and nothing else of them, for sources that put
// lines in order. It dates a line as a Parser of the same options does. It is
// for one goroutine.
type Clock struct{ splitter *splitter }

// NewClock makes a clock. Options.Year does not count.
func NewClock(o Options) *Clock {
	o.Year = 0
	return &Clock{newSplitter(o)}
}

// Time gives the time of a line in nanoseconds since 1970 UTC. Where the line
// names no year it is of the latest that makes it no later than a day after
// newest, which stands for now where it is zero; ok is false where the line
// bears no time.
func (c *Clock) Time(line []byte, newest time.Time) (ns int64, ok bool) {
	line = withoutCR(line)
	if st, n := c.splitter.clock.stampAt(line, newest); n > 0 && st.ns != 0 {
		return st.ns, true
	}
	var h sshwhy.Header
	c.splitter.split(line, newest, &h)
	return h.Time, h.Time != 0
}
