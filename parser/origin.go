package parser

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/sshwhy/sshwhy"
)

// headSize is how much of a line must be there for the short way: a stamp and
// what follows it are read by words, without a look at the length.
const headSize = namedSize + shortOrigin

// usualSize is how much of a line must be behind the stamp for the short way: an
// origin, a number, and what stands between that and the message.
const usualSize = shortOrigin + wide + 4

// shortOrigin is the length up to which an origin is compared by words.
const shortOrigin = 4 * wide

// longOrigin is that of the longest one that is remembered.
const longOrigin = 256

// origin is what stands between the time and the process number in the lines of
// one program on one host: "host ident[". It fills one line of the processor's
// cache.
type origin struct {
	short shortText // the text, where it is short
	long  []byte    // the text, where it is long
	host  uint8     // the length of the host's name
	by    program
}

// shortText is up to 32 bytes with zeros behind them.
type shortText struct{ a, b, c, d uint64 }

// shortOf takes the first 32 bytes.
func shortOf(b *[shortOrigin]byte) shortText {
	return shortText{
		binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[wide:]),
		binary.LittleEndian.Uint64(b[2*wide:]), binary.LittleEndian.Uint64(b[3*wide:]),
	}
}

// brackets marks the bytes that are an opening bracket: of those of a byte the
// four highest bits are for a, b, c and d in turn. Behind the first bracket of a
// word, and behind a byte that is not ASCII, marks may be wrong.
func (t *shortText) brackets() uint64 {
	return bracket(t.a)>>3 | bracket(t.b)>>2 | bracket(t.c)>>1 | bracket(t.d)
}

func bracket(w uint64) uint64 { return (w ^ ones*'[' - ones) & highs }

// upTo gives the text without what is behind its byte at end, which is less than
// 32.
func (t shortText) upTo(end int) shortText {
	m := &beginnings[end]
	return shortText{t.a & m.a, t.b & m.b, t.c & m.c, t.d & m.d}
}

func (t *shortText) is(o *shortText) bool {
	return t.a == o.a && t.b == o.b && t.c == o.c && t.d == o.d
}

// beginnings are masks of the bytes of a short text, by the last of them.
var beginnings = func() (all [shortOrigin]shortText) {
	var mask [shortOrigin]byte
	for n := range mask {
		mask[n] = 0xff
		all[n] = shortOf(&mask)
	}
	return all
}()

// origins are those that were seen of late, each in one of the two places that
// its bytes give it. What is read behind one depends on the bytes alone: tagAt
// stops at the first bracket.
type origins [1 << originBits]origin

// originBits is enough for a few programs on each of hundreds of hosts.
const originBits = 11

// place gives the first place of an origin by its text, or some words of it. The
// second one is beside it.
func (o *origins) place(t shortText) int {
	return int((t.a ^ 3*t.b ^ 5*t.c ^ 9*t.d) * 0x9e3779b97f4a7c15 >> (64 - originBits))
}

// wordsOf gives some words of a long text.
func wordsOf(b []byte) shortText {
	return shortText{
		binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[(len(b)-wide)/2:]),
		binary.LittleEndian.Uint64(b[len(b)-wide:]), 0,
	}
}

// add remembers an origin, in the place of the one of its two that came earlier.
func (o *origins) add(text []byte, host int, by program) {
	known := origin{host: uint8(host), by: by}
	var place int
	switch {
	case len(text) <= shortOrigin:
		var short [shortOrigin]byte
		copy(short[:], text)
		known.short = shortOf(&short)
		place = o.place(known.short)
	case len(text) <= longOrigin:
		known.long = text
		place = o.place(wordsOf(text))
	default:
		return
	}
	first, second := &o[place], &o[place^1]
	if first.short == known.short && bytes.Equal(first.long, known.long) {
		return
	}
	known.long = append(second.long[:0], known.long...)
	*second, *first = *first, known
}

// stampOf reads a stamp of a day that was seen before, and gives its length with
// the blank behind it; 0 where there is none.
func (c *clock) stampOf(b *[headSize]byte, newest time.Time) (ns int64, size int, numbered bool) {
	if c.named.read((*[namedSize]byte)(b[:]), newest) {
		return c.named.ns, namedSize, false
	}
	if ns, ok := c.numbered.read(b); ok {
		return ns, c.numbered.size, true
	}
	return 0, 0, false
}

// formOf gives the form of a header whose stamp stampOf took.
func formOf(numbered bool) form {
	if numbered {
		return formISO8601
	}
	return formRFC3164
}

// usual reads the header that nearly all lines of a file have: a day and an
// origin that were seen before, and the number of a process. It takes a short
// way to what the long one says, and gives nil for all other headers, of which h
// may then hold a part. numbered tells that the day was spelled with numbers.
//
// It is one function, though it could be three: every line pays for the calls.
func (s *splitter) usual(line []byte, newest *time.Time, h *sshwhy.Header) (msg []byte, numbered bool, by program) {
	if len(line) < headSize {
		return nil, false, programUnknown
	}
	if line[len(line)-1] == '\r' {
		return s.usual(withoutCR(line), newest, h)
	}
	head := (*[headSize]byte)(line)
	day, b := &s.clock.named, line[namedSize:]
	h.Time = day.ns
	if !day.again((*[namedSize]byte)(head[:])) || !day.holds(*newest) {
		var size int
		if h.Time, size, numbered = s.clock.stampOf(head, *newest); size == 0 {
			return nil, false, programUnknown
		}
		b = line[size:]
	}

	if len(b) < usualSize {
		return nil, false, programUnknown
	}
	text := shortOf((*[shortOrigin]byte)(b))
	marks := text.brackets()
	if marks == 0 {
		msg, by = s.origins.behindLong(b, h)
		return msg, numbered, by
	}
	// Of several brackets this may be the wrong one, and then nothing is found.
	mark := bits.TrailingZeros64(marks)
	end := (mark%8-4)*wide + mark/8
	text = text.upTo(end)
	place := s.origins.place(text)
	known := &s.origins[place]
	if !known.short.is(&text) {
		if known = &s.origins[place^1]; !known.short.is(&text) {
			return nil, false, programUnknown
		}
	}

	rest := b[end+1:]
	word := binary.LittleEndian.Uint64(rest)
	digits := first(nonDigits(word))
	if uint(digits-1) >= wide-1 {
		return nil, false, programUnknown
	}
	behind := binary.LittleEndian.Uint32(rest[digits:])
	pid := decimal(word, digits)
	if behind&0xffffff != ']'|':'<<8|' '<<16 || openings[behind>>24]&notAMessage != 0 || pid == 0 {
		return nil, false, programUnknown
	}
	host := int(known.host % shortOrigin)
	h.Host, h.Ident, h.PID = b[:host], b[host+1:end], pid
	return rest[digits+len("]: "):], numbered, known.by
}

// behindLong is usual of what stands behind the stamp, where the bracket is not
// among the first 32 bytes.
func (o *origins) behindLong(b []byte, h *sshwhy.Header) (msg []byte, by program) {
	bracket := bytes.IndexByte(b[:min(len(b), longOrigin)], '[')
	if bracket < 0 {
		return nil, programUnknown
	}
	text, place := b[:bracket+1], o.place(wordsOf(b[:bracket+1]))
	known := &o[place]
	if !bytes.Equal(known.long, text) {
		if known = &o[place^1]; !bytes.Equal(known.long, text) {
			return nil, programUnknown
		}
	}
	t := bracketAt(b, bracket)
	if t.kind != tagPID || t.end+1 >= len(b) || b[t.end] != ' ' || openings[b[t.end+1]]&notAMessage != 0 {
		return nil, programUnknown
	}
	h.Host, h.Ident, h.PID = b[:known.host], b[int(known.host)+1:bracket], t.pid
	return b[t.end+1:], known.by
}

// familiar is like usual where the host alone was seen before.
func (s *splitter) familiar(line []byte, newest time.Time, h *sshwhy.Header) ([]byte, form, program) {
	if len(line) < headSize {
		return nil, formBare, programUnknown
	}
	ns, size, numbered := s.clock.stampOf((*[headSize]byte)(line), newest)
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
	return rest[t.end+1:], formOf(numbered), by
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
