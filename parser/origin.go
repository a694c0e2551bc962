package parser

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/sshwhy/sshwhy"
)

// headSize is how much of a line must be there for the short way: a stamp and
// what follows it are read by words, without a look at the length.
const headSize = namedSize + shortOrigin

// shortOrigin is the length up to which an origin is compared by words.
const shortOrigin = 4 * wide

// longOrigin is that of the longest one that is remembered.
const longOrigin = 256

// origin is what stands between the time and the process number in the lines of
// one program on one host: "host ident[".
type origin struct {
	short [shortOrigin / wide]uint64 // the text and zeros, where it is short
	long  []byte                     // the text, where it is long
	host  int                        // the length of the host's name
	by    program
}

// origins are those that were seen of late, each in the one place that its
// bytes give it. What is read behind one depends on the bytes alone: tagAt stops
// at the first bracket.
type origins [1 << originBits]origin

// originBits is enough for a few programs on each of hundreds of hosts.
const originBits = 10

// place gives the place of an origin by some of its words.
func (o *origins) place(first, middle, last uint64) *origin {
	return &o[(first^3*middle^5*last)*0x9e3779b97f4a7c15>>(64-originBits)]
}

// find gives the origin that b begins with, and its length; nil where it is not
// known.
func (o *origins) find(b []byte) (known *origin, size int) {
	head := (*[shortOrigin]byte)(b)
	var text [shortOrigin / wide]uint64
	for i := range text {
		word := binary.LittleEndian.Uint64(head[i*wide:])
		marks := equal(word, '[')
		if marks == 0 {
			text[i] = word
			continue
		}
		text[i] = word & (marks ^ (marks - 1))
		if known = o.place(text[0], text[1], text[i]); known.short != text {
			return nil, 0
		}
		return known, i*wide + first(marks) + 1
	}
	return o.findLong(b)
}

func (o *origins) findLong(b []byte) (known *origin, size int) {
	bracket := bytes.IndexByte(b[:min(len(b), longOrigin)], '[')
	if bracket < 0 {
		return nil, 0
	}
	if known = o.longPlace(b, bracket); !bytes.Equal(known.long, b[:bracket+1]) {
		return nil, 0
	}
	return known, bracket + 1
}

// longPlace gives the place of an origin that ends in the bracket at b[end].
func (o *origins) longPlace(b []byte, end int) *origin {
	return o.place(binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[end/2-wide/2:]), binary.LittleEndian.Uint64(b[end+1-wide:]))
}

// add remembers an origin.
func (o *origins) add(text []byte, host int, by program) {
	var known *origin
	switch bracket := len(text) - 1; {
	case bracket < shortOrigin:
		var head [shortOrigin]byte
		copy(head[:], text)
		var short [shortOrigin / wide]uint64
		for i := range short {
			short[i] = binary.LittleEndian.Uint64(head[i*wide:])
		}
		known = o.place(short[0], short[1], short[bracket/wide])
		known.short, known.long = short, known.long[:0]
	case bracket < longOrigin:
		known = o.longPlace(text, bracket)
		known.short, known.long = [shortOrigin / wide]uint64{}, append(known.long[:0], text...)
	default:
		return
	}
	known.host, known.by = host, by
}

// stampOf reads a stamp of a day that was seen before, and gives its length with
// the blank behind it; 0 where there is none.
func (c *clock) stampOf(b *[headSize]byte, newest time.Time) (ns int64, size int, f form) {
	if c.named.read((*[namedSize]byte)(b[:]), newest) {
		return c.named.ns, namedSize, formRFC3164
	}
	if ns, ok := c.numbered.read(b); ok {
		return ns, c.numbered.size, formISO8601
	}
	return 0, 0, formBare
}

// usual reads the header that nearly all lines of a file have: a day and an
// origin that were seen before, and the number of a process. It takes a short
// way to what the long one says, and gives nil for all other headers.
func (s *splitter) usual(line []byte, newest time.Time, h *sshwhy.Header) ([]byte, form, program) {
	line = withoutCR(line)
	if len(line) < headSize {
		return nil, formBare, programUnknown
	}
	head := (*[headSize]byte)(line)
	ns, f, b := s.clock.named.ns, formRFC3164, line[namedSize:]
	if !s.clock.named.again((*[namedSize]byte)(head[:]), newest) {
		var size int
		if ns, size, f = s.clock.stampOf(head, newest); size == 0 || len(line) < size+shortOrigin {
			return nil, formBare, programUnknown
		}
		b = line[size:]
	}
	o, size := s.origins.find(b)
	if o == nil || len(b)-size < wide+4 {
		return nil, formBare, programUnknown
	}
	number := (*[wide + 4]byte)(b[size:])
	word := binary.LittleEndian.Uint64(number[:])
	digits := first(nonDigits(word))
	behind := binary.LittleEndian.Uint32(number[digits:])
	if uint(digits-1) >= wide-1 || behind&0xffffff != ']'|':'<<8|' '<<16 || openings[behind>>24]&notAMessage != 0 {
		return nil, formBare, programUnknown
	}
	pid := decimal(word, digits)
	if pid == 0 {
		return nil, formBare, programUnknown
	}
	h.Time, h.Host, h.Ident, h.PID = ns, b[:o.host], b[o.host+1:size-1], pid
	return b[size+digits+len("]: "):], f, o.by
}

// familiar is like usual where the host alone was seen before.
func (s *splitter) familiar(line []byte, newest time.Time, h *sshwhy.Header) ([]byte, form, program) {
	if len(line) < headSize {
		return nil, formBare, programUnknown
	}
	ns, size, f := s.clock.stampOf((*[headSize]byte)(line), newest)
	if size == 0 {
		return nil, formBare, programUnknown
	}
	b := line[size:]
	end := wordEnd(b)
	if end == 0 || end == len(b) {
		return nil, formBare, programUnknown
	}
	host, rest := b[:end], b[end+1:]
	if !bytes.Equal(*s.hostPlace(host), host) {
		return nil, formBare, programUnknown
	}
	t := tagAt(rest)
	if t.kind == tagNone || t.end+1 >= len(rest) || rest[t.end] != ' ' || rest[t.name-1] == ')' ||
		openings[rest[t.end+1]]&notAMessage != 0 || t.kind == tagPlain && isMessageLikeTag(rest) {
		return nil, formBare, programUnknown
	}
	h.Time, h.Host, h.Ident, h.PID = ns, host, t.ident(rest), t.pid
	by := programOf(h.Ident)
	if bracket := end + 1 + t.name; bytes.IndexByte(b, '[') == bracket {
		s.origins.add(b[:bracket+1], end, by)
	}
	return rest[t.end+1:], f, by
}

// openings tells of what a message may begin with.
var openings = func() (all [256]opening) {
	for set, chars := range map[opening]string{notAMessage: " \t[k", marked: "mledf"} {
		for i := range len(chars) {
			all[chars[i]] = set
		}
	}
	return all
}()

type opening uint8

const (
	// notAMessage is what may still belong to the header.
	notAMessage opening = 1 << iota
	// marked is what a level, or a daemon that folds lines, begins with.
	marked
)
