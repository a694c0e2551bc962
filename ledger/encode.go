package ledger

import (
	"encoding/binary"
	"time"

	"github.com/sshwhy/sshwhy"
)

// Values are numbers as varints and texts behind their lengths, one after the
// other. A reader of values is a cursor that stops at what does not fit.

func appendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) uint() uint64 {
	n, size := binary.Uvarint(c.b)
	if size <= 0 {
		c.bad = true
		return 0
	}
	c.b = c.b[size:]
	return n
}

func (c *cursor) int() int64 {
	n, size := binary.Varint(c.b)
	if size <= 0 {
		c.bad = true
		return 0
	}
	c.b = c.b[size:]
	return n
}

// text gives bytes that share the cursor's memory.
func (c *cursor) text() []byte {
	n := c.uint()
	if n > uint64(len(c.b)) {
		c.bad = true
		return nil
	}
	s := c.b[:n:n]
	c.b = c.b[n:]
	return s
}

// done tells whether all was read and fitted.
func (c *cursor) done() bool { return !c.bad && len(c.b) == 0 }

// What a record has, as bits.
const (
	hasHeader = 1 << iota
	hasNewest
)

// appendRecord appends a record: what the parser needs of it, not its place.
func appendRecord(dst []byte, r *sshwhy.Record) []byte {
	flags := uint64(0)
	if r.Header != nil {
		flags |= hasHeader
	}
	if !r.Newest.IsZero() {
		flags |= hasNewest
	}
	dst = binary.AppendUvarint(dst, flags)
	dst = appendText(dst, r.Text)
	dst = appendText(dst, r.Source)
	dst = binary.AppendVarint(dst, r.Truncated)
	if h := r.Header; h != nil {
		dst = binary.AppendVarint(dst, h.Time)
		dst = appendText(dst, h.Host)
		dst = appendText(dst, h.Ident)
		dst = binary.AppendVarint(dst, int64(h.PID))
	}
	if flags&hasNewest != 0 {
		dst = binary.AppendVarint(dst, r.Newest.Unix())
		dst = binary.AppendVarint(dst, int64(r.Newest.Nanosecond()))
	}
	return dst
}

// decodeRecord fills r, whose bytes share b; h is for its header. It tells
// whether b was a record.
func decodeRecord(b []byte, r *sshwhy.Record, h *sshwhy.Header) bool {
	c := cursor{b: b}
	flags := c.uint()
	*r = sshwhy.Record{Text: c.text(), Source: string(c.text()), Truncated: c.int()}
	if flags&hasHeader != 0 {
		*h = sshwhy.Header{Time: c.int(), Host: c.text(), Ident: c.text(), PID: int32(c.int())}
		r.Header = h
	}
	if flags&hasNewest != 0 {
		r.Newest = time.Unix(c.int(), c.int()).UTC()
	}
	return c.done()
}

// appendPlace appends a place; born says which of its stream's generations came
// before it.
func appendPlace(dst []byte, p *sshwhy.Place, born uint64) []byte {
	dst = binary.AppendUvarint(dst, born)
	dst = binary.AppendVarint(dst, p.Offset)
	return appendText(dst, p.Mark)
}

func decodePlace(b []byte) (p sshwhy.Place, born uint64, ok bool) {
	c := cursor{b: b}
	born, p.Offset, p.Mark = c.uint(), c.int(), c.text()
	return p, born, c.done()
}

// pairKey makes a key of two texts; the first is read back by its length.
func pairKey(first, second string) []byte {
	return append(appendText(nil, first), second...)
}

func splitPair(key []byte) (first, second string, ok bool) {
	c := cursor{b: key}
	first = string(c.text())
	return first, string(c.b), !c.bad
}
