package journal

import (
	"strconv"
	"strings"
)

// place is how far a journal was read. The time stands beside the cursor, which
// a journal can lose its meaning of: files are deleted, damaged, or begun anew.
type place struct {
	// realtime is when the journal took the last entry, in microseconds
	// since 1970, and same how many entries of that very time were read
	// last. Before the first entry same is 0 and realtime the time to start
	// at, 0 for the beginning.
	realtime uint64
	same     int
	cursor   string // of the last entry; empty before the first
	entries  int    // that this run has read
}

// append writes the place as the ledger keeps it: time, number, cursor.
func (p *place) append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, p.realtime, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(p.same), 10)
	dst = append(dst, ' ')
	return append(dst, p.cursor...)
}

// parsePlace reads what append wrote. A cursor that is none is left out.
func parsePlace(mark []byte) (place, bool) {
	stamp, rest, _ := strings.Cut(string(mark), " ")
	same, cursor, _ := strings.Cut(rest, " ")
	p := place{realtime: microseconds([]byte(stamp))}
	if n, err := strconv.Atoi(same); err == nil && n >= 0 {
		p.same = n
	}
	if c, ok := parseCursor(cursor); ok {
		if p.realtime == 0 {
			p.realtime, p.same = c.realtime, 1
		}
		p.cursor = cursor
	}
	return p, p.realtime > 0 || stamp == "0" // 0 is the beginning
}

// seekable tells whether the cursor can be used: it is one, and of the time
// that stands beside it.
func (p *place) seekable() bool {
	c, ok := parseCursor(p.cursor)
	return ok && c.realtime == p.realtime
}

// advance moves the place behind an entry of that time, µs since 1970.
func (p *place) advance(realtime uint64, cursor string) {
	if realtime == p.realtime {
		p.same++
	} else {
		p.realtime, p.same = realtime, 1
	}
	p.cursor = cursor
	p.entries++
}

// cursor are the parts of a journal's cursor that order its entries.
type cursor struct {
	series   string // ID of the series of numbers that the journal's files share
	number   uint64 // in that series
	realtime uint64
}

// parseCursor takes a cursor apart: s=ID;i=number;b=boot;m=monotonic;t=realtime;x=hash,
// numbers in hexadecimal digits (sd_journal_get_cursor).
func parseCursor(text string) (c cursor, ok bool) {
	seen := 0
	for part := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || len(name) != 1 || len(value) == 0 || strings.Trim(value, "0123456789abcdef") != "" {
			return cursor{}, false
		}
		if name == "s" || name == "b" {
			if len(value) != 32 {
				return cursor{}, false
			}
			if seen++; name == "s" {
				c.series = value
			}
			continue
		}
		n, err := strconv.ParseUint(value, 16, 64)
		if err != nil {
			return cursor{}, false
		}
		switch name {
		case "i":
			c.number = n
			seen++
		case "t":
			c.realtime = n
			seen++
		}
	}
	return c, seen == 4
}

// resumption passes over what was read already: a new child begins some way
// back, or with the second that the entry there was taken in.
type resumption struct {
	from   place
	seen   *entriesSeen // behind from; not owned
	byTime bool         // the child was told the time, not the cursor
	same   int          // entries of the very time of from
	over   bool         // an entry of an unknown series was new, and so are all behind it
}

// read tells whether the entry at hand was read before. c is its cursor, nil if
// that cannot be read.
func (s *resumption) read(x *export, c *cursor) bool {
	if c != nil {
		if read, known := s.seen.has(c); known {
			return read
		}
	}
	if s.over {
		return false
	}
	// The journal was begun anew, or there is no cursor: the time decides.
	switch t := x.realtime(); {
	case t < s.from.realtime && s.byTime:
		return true
	case t == s.from.realtime:
		if s.same++; s.same <= s.from.same {
			return true
		}
	}
	s.over = true
	return false
}
