package parser

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/sshwhy/sshwhy"
)

// origin is what stands between the date and the process number in the lines of
// one program on one host: "host ident[".
type origin struct {
	text []byte
	host int // the length of the host's name
	by   program
}

// origins are those that were seen of late, each in the one place that its
// bytes give it. What is read behind one depends on the bytes alone: tagAt stops
// at the first bracket.
type origins [1 << originBits]origin

// originBits is enough for a few programs on each of hundreds of hosts.
const originBits = 10

// place gives the place of what ends in the bracket at b[end].
func (o *origins) place(b []byte, end int) *origin {
	start, middle, last := b[:wide], b[end/2-wide/2:][:wide], b[end+1-wide:][:wide]
	mixed := binary.LittleEndian.Uint64(start) ^ 3*binary.LittleEndian.Uint64(middle) ^ 5*binary.LittleEndian.Uint64(last)
	return &o[mixed*0x9e3779b97f4a7c15>>(64-originBits)]
}

// usual reads the header that nearly all lines of a file have: a date and an
// origin that were seen before, and the number of a process. It takes a short
// way to what the long one says, and gives nil for all other headers.
func (s *splitter) usual(b []byte, newest time.Time, h *sshwhy.Header) ([]byte, program) {
	secs := s.clock.sameDay(b, newest)
	if secs < 0 {
		return nil, programUnknown
	}
	b = b[len("Nov 22 15:32:51 "):]
	bracket := bytes.IndexByte(b, '[')
	if bracket < wide || len(b) < bracket+2*wide {
		return nil, programUnknown
	}
	o := s.origins.place(b, bracket)
	if !bytes.Equal(o.text, b[:bracket+1]) {
		return nil, programUnknown
	}
	number := binary.LittleEndian.Uint64(b[bracket+1:][:wide])
	digits := first(nonDigits(number))
	pid := decimal(number, digits)
	behind := binary.LittleEndian.Uint32(b[bracket+1+digits:][:4])
	if digits == 0 || digits == wide || pid == 0 || behind&0xffffff != ']'|':'<<8|' '<<16 {
		return nil, programUnknown
	}
	switch behind >> 24 {
	case ' ', '\t', '[', 'k':
		return nil, programUnknown
	}
	h.Time, h.Host, h.Ident, h.PID = (s.clock.midnight+int64(secs))*1e9, b[:o.host], b[o.host+1:bracket], pid
	return b[bracket+1+digits+len("]: "):], o.by
}

// familiar is like usual where the host alone was seen before.
func (s *splitter) familiar(b []byte, newest time.Time, h *sshwhy.Header) ([]byte, program) {
	secs := s.clock.sameDay(b, newest)
	if secs < 0 {
		return nil, programUnknown
	}
	b = b[len("Nov 22 15:32:51 "):]
	end := wordEnd(b)
	if end == 0 || end == len(b) {
		return nil, programUnknown
	}
	host, rest := b[:end], b[end+1:]
	if !bytes.Equal(*s.hostPlace(host), host) {
		return nil, programUnknown
	}
	t := tagAt(rest)
	if t.kind != tagPID || t.end+1 >= len(rest) || rest[t.end] != ' ' || rest[t.name-1] == ')' {
		return nil, programUnknown
	}
	switch rest[t.end+1] {
	case ' ', '\t', '[', 'k':
		return nil, programUnknown
	}
	h.Time, h.Host, h.Ident, h.PID = (s.clock.midnight+int64(secs))*1e9, host, t.ident(rest), t.pid
	by := programOf(h.Ident)
	if bracket := end + 1 + t.name; bracket >= wide && bytes.IndexByte(b, '[') == bracket {
		o := s.origins.place(b, bracket)
		o.text, o.host, o.by = append(o.text[:0], b[:bracket+1]...), end, by
	}
	return rest[t.end+1:], by
}
