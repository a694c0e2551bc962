package archives

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/tailers/lines"
)

// Clock reads the time of a line, in nanoseconds since 1970 UTC; ok tells
// whether it has one. A line without a year is of the latest that makes it no
// later than a day after newest, which stands for now where it is zero. It is
// called from one goroutine.
type Clock func(line []byte, newest time.Time) (ns int64, ok bool)

const (
	day = int64(24 * time.Hour)
	// halfYear is the step back in time that can only be a new year: no log
	// is that much out of order.
	halfYear = 183 * day
)

// times finds out when the lines of pieces were written.
type times struct {
	clock Clock // nil where times do not matter
	now   func() time.Time
	// all tells that places in a file will be looked for by their times.
	all bool
}

// The sizes up to which a file without years is read twice, so that every turn
// of the year in it is known: in bytes, as it lies there.
const (
	rereadPlain  = 1 << 20
	rereadPacked = 256 << 10
)

// probe finds the first time of a piece and how it is written.
func (t *times) probe(p *piece, c *content) {
	if t.clock == nil || p.export {
		return
	}
	anchor := t.anchor(p)
	line, first := t.firstTime(c.head, anchor, c.err == nil)
	if first == 0 {
		return
	}
	p.first, p.input.First = first, first
	if long, ok := t.clock(line, anchor.AddDate(-3, 0, 0)); ok && long != first {
		p.line = bytes.Clone(line)
		p.lead = isMonth(line)
		p.input.Year = YearModified
	}
	t.survey(p, c, anchor)
}

// anchor is a time that no line of a piece is later than by more than a day.
func (t *times) anchor(p *piece) time.Time {
	if p.modified.IsZero() {
		return t.now()
	}
	return p.modified
}

// firstTime gives the first line of a text that has a time. Where there is
// more behind the text, its last line may not be whole.
func (t *times) firstTime(text []byte, newest time.Time, more bool) (line []byte, ns int64) {
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			if more {
				return nil, 0
			}
			end = len(text)
		}
		line = bytes.TrimSuffix(text[:end], []byte("\r"))
		if ns, ok := t.clock(line, newest); ok && ns != 0 {
			return line, ns
		}
		text = text[min(end+1, len(text)):]
	}
	return nil, 0
}

// survey finds times further on, and where years turn. The first line gets the
// latest year that leaves no line later than the anchor, and every leap day one
// that has it.
func (t *times) survey(p *piece, c *content, anchor time.Time) {
	var seen []sighting
	switch {
	case p.yearless() && p.at.size <= rereadPacked || p.yearless() && p.packed == "" && p.at.size <= rereadPlain:
		seen = t.readAll(p, c)
	case p.seekable() && (p.yearless() || t.all):
		seen = t.sample(p)
	default:
		return
	}
	if !p.yearless() {
		p.marks, _ = t.date(p, seen, p.first)
		return
	}
	for years := range mostYears {
		first, ok := t.clock(p.line, anchor.AddDate(-years, 0, 0))
		if !ok {
			return
		}
		marks, fits := t.date(p, seen, first)
		if last := marks[len(marks)-1].time; last > anchor.Add(24*time.Hour).UnixNano() || !fits && years < mostYears-1 {
			continue
		}
		p.first, p.input.First, p.marks = first, first, marks
		return
	}
}

// mostYears is how many years a file may span whose lines do not name them.
const mostYears = 60

// sighting is a line that was seen at an offset.
type sighting struct {
	offset int64
	line   []byte
}

// date dates what was seen from the time of the first line on, and tells
// whether every day exists in its year.
func (t *times) date(p *piece, seen []sighting, first int64) (marks []mark, fits bool) {
	marks, fits = append(marks, mark{0, first}), true
	last := first
	for _, s := range seen {
		ns, ok := t.clock(s.line, time.Unix(0, last+halfYear))
		if !ok || ns == 0 {
			continue
		}
		if p.yearless() && ns < last-halfYear-2*day {
			fits = false // the 29th of February
			continue
		}
		marks = append(marks, mark{s.offset, ns})
		last = ns
	}
	return marks, fits
}

// readAll reads the whole piece and gives the lines at which months turn, and
// the last.
func (t *times) readAll(p *piece, c *content) []sighting {
	d := dater{clock: t.clock, lead: p.lead, last: p.first}
	in := lines.New(c)
	var seen []sighting
	var at int64
	var last sighting
	for {
		line, cut, err := in.Next()
		if err != nil {
			if last.line != nil {
				seen = append(seen, last)
			}
			return seen
		}
		if d.lead && d.otherMonth(line) || !d.lead && d.turns(line) {
			seen = append(seen, sighting{at, bytes.Clone(line)})
		}
		if !p.lead || isMonth(line) {
			last = sighting{at, append(last.line[:0], line...)}
		}
		at += int64(len(line)) + cut + 1
	}
}

// The spacing of samples: at most so many, and no closer than that.
const (
	maxSamples    = 64
	sampleSpacing = 64 << 10
	maxFiner      = 8
)

// sample looks into a file at evenly spaced places, and closer where there is
// a long time between two of them; and at its end.
func (t *times) sample(p *piece) []sighting {
	r, closing, err := p.at.open()
	if err != nil {
		return nil
	}
	defer closing.Close()
	s := sampler{times: t, p: p, r: r.(io.ReaderAt), buf: make([]byte, headSize), last: mark{0, p.first}}
	n := min(maxSamples, p.at.size/sampleSpacing)
	for i := int64(1); i < n; i++ {
		s.look(p.at.size/n*i, 0)
	}
	s.end()
	return s.seen
}

// sampler reads times in the middle of a file.
type sampler struct {
	*times
	p    *piece
	r    io.ReaderAt // not owned
	buf  []byte
	seen []sighting
	last mark // of the one seen last
}

// look takes the first line behind an offset.
func (s *sampler) look(offset int64, finer int) {
	line, ns := s.at(offset, s.last.time)
	if ns == 0 {
		return
	}
	if middle := (s.last.offset + offset) / 2; s.p.yearless() && ns-s.last.time > halfYear/2 && finer < maxFiner && offset-s.last.offset > 2*sampleSpacing {
		s.look(middle, finer+1)
		s.look(offset, maxFiner)
		return
	}
	s.take(sighting{offset, bytes.Clone(line)}, ns)
}

func (s *sampler) take(seen sighting, ns int64) {
	s.seen = append(s.seen, seen)
	s.last = mark{seen.offset, ns}
}

// at gives the first line that begins behind an offset and its time, dated from
// an earlier one; 0 where there is none near.
func (s *sampler) at(offset, before int64) (line []byte, ns int64) {
	for size := 4096; ; size = len(s.buf) {
		n, err := s.r.ReadAt(s.buf[:size], offset)
		text := s.buf[:n]
		if start := bytes.IndexByte(text, '\n'); start >= 0 {
			if line, ns := s.firstTime(text[start+1:], time.Unix(0, before+halfYear), err == nil); ns != 0 {
				return line, ns
			}
		}
		if size == len(s.buf) {
			return nil, 0
		}
	}
}

// end takes the last line.
func (s *sampler) end() {
	offset := max(0, s.p.at.size-int64(len(s.buf)))
	n, err := s.r.ReadAt(s.buf, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return
	}
	text := bytes.TrimRight(s.buf[:n], "\r\n")
	for len(text) > 0 {
		start := bytes.LastIndexByte(text, '\n') + 1
		if ns, ok := s.clock(text[start:], time.Unix(0, s.last.time+halfYear)); ok && ns != 0 {
			s.take(sighting{offset + int64(start), bytes.Clone(text[start:])}, ns)
			return
		}
		text = bytes.TrimRight(text[:start], "\r\n")
	}
}

// tail finds the last time of a piece that was not surveyed, where that can be
// done without reading it.
func (t *times) tail(p *piece) {
	if len(p.marks) > 0 || !p.seekable() || p.first == 0 {
		return
	}
	r, closing, err := p.at.open()
	if err != nil {
		return
	}
	defer closing.Close()
	s := sampler{times: t, p: p, r: r.(io.ReaderAt), buf: make([]byte, headSize), last: mark{0, p.first}}
	s.end()
	p.marks = []mark{{0, p.first}, s.last}
}

// last gives the time of the last line where it is known, else 0.
func (p *piece) last() int64 {
	if n := len(p.marks); n > 1 {
		return p.marks[n-1].time
	}
	return 0
}

// dater tells the year of lines that do not name it, from line to line: a step
// back by half a year is the turn of the year.
type dater struct {
	clock Clock
	// lead tells that the month stands at the beginning of every line; else
	// each is asked for its time.
	lead bool
	// last is the time of the line at which the month turned last.
	last  int64
	month uint32 // the beginning of that line
	// limit, where it is set, is a time that no line is later than by more
	// than a day.
	limit time.Time
}

// turns tells that a line is of another month than the one before, or, where
// that cannot be seen, of a time far from it; and dates it.
func (d *dater) turns(line []byte) bool {
	if d.lead && !d.otherMonth(line) {
		return false
	}
	ns, ok := d.clock(line, d.newest())
	if !ok || ns == 0 || ns < d.last-halfYear-2*day && d.limit.IsZero() {
		return false // no time, or a day that the year does not have
	}
	if !d.lead && ns-d.last < 20*day && d.last-ns < 20*day {
		return false
	}
	d.last = ns
	return true
}

// otherMonth tells that a line that begins with a month begins with another
// than the one before.
func (d *dater) otherMonth(line []byte) bool {
	if len(line) < monthSize || d.same(line) || !isMonth(line) {
		return false
	}
	d.month = binary.LittleEndian.Uint32(line)
	return true
}

// same tells that a line, which has monthSize bytes, begins with the month of the
// one before; not where that cannot be seen.
func (d *dater) same(line []byte) bool {
	return d.lead && binary.LittleEndian.Uint32(line) == d.month
}

// newest gives the time by which the parser dates lines like the last one.
func (d *dater) newest() time.Time {
	at := time.Unix(0, d.last+halfYear)
	if !d.limit.IsZero() && d.limit.Before(at) {
		return d.limit
	}
	return at
}

// monthSize is the length of an English month and a blank.
const monthSize = 4

// isMonth tells that a line begins with an English month and a blank.
func isMonth(line []byte) bool {
	if len(line) < monthSize || line[3] != ' ' {
		return false
	}
	switch string(line[:3]) {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec":
		return true
	}
	return false
}

// like gives what the records of a piece have in common.
func (p *piece) like(newest time.Time) *sshwhy.Record {
	return &sshwhy.Record{Source: p.name, Host: p.host, Newest: newest}
}
