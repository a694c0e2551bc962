package sinks

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"
)

// appendString appends a JSON string (RFC 8259, 7). Bytes that are not UTF-8
// become \xNN in text, so that nothing of a log is lost or merged.
func appendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// appendEscaped takes a text as it is where it can: most texts have nothing to
// escape. Of others it copies whole runs of bytes that stand for themselves.
func appendEscaped[T ~string | ~[]byte](dst []byte, s T) []byte {
	if isPlain(s) {
		return append(dst, s...)
	}
	for {
		n := plainLength(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst
		}
		s = s[n:]
		dst, n = appendOdd(dst, s)
		s = s[n:]
	}
}

// isPlain tells a text whose bytes all stand for themselves in JSON. It denies
// that of some others, see doubtful.
func isPlain[T ~string | ~[]byte](s T) bool {
	if len(s) < 8 {
		return doubtful(fewerThanEight(s))&highBits == 0
	}
	// The last eight are looked at whether they were before or not.
	odd := doubtful(eight(s, len(s)-8))
	i := 0
	for ; i < len(s)-31; i += 32 {
		b := s[i : i+32]
		odd |= doubtful(eight(b, 0)) | doubtful(eight(b, 8)) | doubtful(eight(b, 16)) | doubtful(eight(b, 24))
	}
	for ; i < len(s)-8; i += 8 {
		odd |= doubtful(eight(s, i))
	}
	return odd&highBits == 0
}

// plainLength gives the number of bytes at the beginning of s that stand for
// themselves in JSON. It may stop at ^ | and ~ too, see oddOfEight.
func plainLength[T ~string | ~[]byte](s T) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if odd := oddOfEight(eight(s, i)); odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for i < len(s) && s[i] < utf8.RuneSelf && plain[s[i]] {
		i++
	}
	return i
}

// appendOdd appends the first character of s, at which plainLength stopped, and
// those behind it that are not ASCII, and tells how many bytes they were.
func appendOdd[T ~string | ~[]byte](dst []byte, s T) ([]byte, int) {
	switch c := s[0]; {
	case c >= utf8.RuneSelf:
		return appendRunes(dst, s)
	case plain[c]:
		return append(dst, c), 1
	case c == '"' || c == '\\':
		return append(dst, '\\', c), 1
	case c == '\n':
		return append(dst, '\\', 'n'), 1
	case c == '\r':
		return append(dst, '\\', 'r'), 1
	case c == '\t':
		return append(dst, '\\', 't'), 1
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15]), 1
	}
}

func appendRunes[T ~string | ~[]byte](dst []byte, s T) ([]byte, int) {
	i := 0
	for i < len(s) && s[i] >= utf8.RuneSelf {
		r, size := decodeRune(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, '\\', '\\', 'x', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		} else {
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return dst, i
}

// eight gives the bytes of s from i on as one number, the first lowest.
func eight[T ~string | ~[]byte](s T, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// fewerThanEight gives the bytes of a short s as one number, some of them twice
// and in any order, and letters in the places that are left.
func fewerThanEight[T ~string | ~[]byte](s T) uint64 {
	switch n := len(s); {
	case n >= 4:
		return uint64(four(s, 0)) | uint64(four(s, n-4))<<32
	case n > 0:
		return 'a'*0x0101010101000000 | uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16
	}
	return 'a' * ones
}

// four gives the bytes of s from i on as one number.
func four[T ~string | ~[]byte](s T, i int) uint32 {
	b := s[i : i+4]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

const (
	ones     = 0x0101010101010101 // eight bytes that are 1
	highBits = ones << 7
)

// doubtful marks, in their high bits, all those of the eight bytes of w that do
// not stand for themselves in JSON, see plain, and such as are told with them in
// few steps: $ % ' ^ | } ~, and any above one that is marked.
func doubtful(w uint64) uint64 {
	upper := w + ones*4                       // gives a high bit to | } ~ DEL and most of what is not ASCII,
	odd := upper | ((w ^ ones*6) - ones*0x25) // and this to the rest of it, control characters and " $ % & '
	odd |= upper&(ones*0x1d) - ones           // and this to < > \ ^, which are 0x40 0x42 0x60 0x62 by now.
	return odd
}

// oddOfEight marks likewise, with more steps and up to the first byte, what does
// not stand for itself and ^ | ~, which logs hardly ever have.
func oddOfEight(w uint64) uint64 {
	odd := w | (w + ones)                      // DEL, and what is not ASCII
	odd |= w - ones*' '                        // control characters
	odd |= ((w | ones*4) ^ ones*'&') - ones    // & and "
	odd |= ((w | ones*0x62) ^ ones*'~') - ones // < > \ ^ | ~
	return odd & highBits
}

const hexDigits = "0123456789abcdef"

// plain are the ASCII bytes that stand for themselves in JSON. DEL is not
// among them for the sake of terminals, nor < > & for that of HTML.
var plain = func() (t [utf8.RuneSelf]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return t
}()

func decodeRune[T ~string | ~[]byte](s T) (rune, int) {
	var b [utf8.UTFMax]byte
	n := copy(b[:], s)
	return utf8.DecodeRune(b[:n])
}

// appendTime appends a time as RFC 3339 in UTC with milliseconds, quoted.
func appendTime(dst []byte, nanoseconds int64) []byte {
	dst = append(dst, '"')
	dst = time.Unix(0, nanoseconds).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	return append(dst, '"')
}

// few is the number of bytes that appendShort is quick with.
const few = 32

// appendShort appends a text, most of which are short: names and addresses.
// Then as many bytes are copied as a short one can have, and cut off behind it:
// that takes fewer steps than to find out how to copy as many as there are.
func appendShort(dst, text []byte) []byte {
	end := len(dst)
	if len(text) > few || cap(text) < few || cap(dst)-end < few {
		return append(dst, text...)
	}
	b := [few]byte(text[:few]) // a copy of its own: as far as the compiler knows, both overlap
	*(*[few]byte)(dst[end : end+few]) = b
	return dst[:end+len(text)]
}

// snippet is a text that is appended again and again. As long as it has no more
// than 128 bytes, so many are copied, whatever its length.
type snippet struct {
	text  []byte
	parts [2][64]byte // the beginning of it
}

// set takes another text, which is the snippet's from then on.
func (s *snippet) set(text []byte) {
	s.text = text
	n := copy(s.parts[0][:], text)
	copy(s.parts[1][:], text[n:])
}

func (s *snippet) append(dst []byte) []byte {
	const all = len(s.parts) * len(s.parts[0])
	end := len(dst)
	if len(s.text) > all || cap(dst)-end < all {
		return append(dst, s.text...)
	}
	to := dst[end : end+all]
	*(*[64]byte)(to) = s.parts[0]
	*(*[64]byte)(to[64:]) = s.parts[1]
	return dst[:end+len(s.text)]
}

// clock appends times like appendTime, quicker where one follows another of
// the same day, or the same one.
type clock struct {
	stamp [len(`"2006-01-02T15:04:05.000Z"`)]byte // the time before this one, as appendTime gives it
	of    int64                                   // that time, in nanoseconds
	day   int64                                   // its day, counted from 1970
	// minute is its minute of the day, where turn has written that.
	minute uint64
}

const secondsOfDay = 24 * 60 * 60

// newClock gives a clock that stands at the beginning of 1970.
func newClock() clock {
	var c clock
	copy(c.stamp[:], appendTime(nil, 0))
	return c
}

func (c *clock) append(dst []byte, nanoseconds int64) []byte {
	if nanoseconds != c.of {
		c.turn(nanoseconds)
	}
	end := len(dst)
	if cap(dst)-end < len(c.stamp) {
		return append(dst, c.stamp[:]...)
	}
	dst = dst[:end+len(c.stamp)]
	*(*[len(c.stamp)]byte)(dst[end:]) = c.stamp
	return dst
}

// turn puts another time into the stamp.
func (c *clock) turn(nanoseconds int64) {
	seconds := nanoseconds / 1e9
	day := seconds / secondsOfDay
	if day != c.day || nanoseconds < 0 || c.of < 0 {
		c.of, c.day, c.minute = nanoseconds, day, secondsOfDay
		copy(c.stamp[:], appendTime(nil, nanoseconds))
		return
	}
	c.of = nanoseconds
	s := uint64(seconds - day*secondsOfDay)
	ms := uint64(nanoseconds-seconds*1e9) / 1e6
	t := (*[len(`hh:mm:ss.mmm`)]byte)(c.stamp[len(`"2006-01-02T`):])
	if minute := s / 60; minute != c.minute {
		c.minute = minute
		t[0], t[1] = twoDigits(minute / 60)
		t[3], t[4] = twoDigits(minute % 60)
	}
	t[6], t[7] = twoDigits(s % 60)
	t[9] = byte('0' + ms/100)
	t[10], t[11] = twoDigits(ms % 100)
}

// twoDigits gives the digits of a number below 100.
func twoDigits(n uint64) (tens, units byte) { return byte('0' + n/10), byte('0' + n%10) }

// appendNumber is strconv.AppendInt to the base of ten, quicker for numbers of
// up to eight digits: those of processes and ports.
func appendNumber(dst []byte, n int) []byte {
	if n < 0 || n >= 1e8 {
		return strconv.AppendInt(dst, int64(n), 10)
	}
	// All digits at once, the first of them lowest: halves of four, then
	// pairs, then each in a byte of its own. x*10486>>20 is x/100 below
	// 10000, and x*103>>10 is x/10 below 100.
	x := uint64(n)/1e4 | uint64(n)%1e4<<32
	high := x * 10486 >> 20 & (0x7f<<32 | 0x7f)
	x = high | (x-high*100)<<16
	high = x * 103 >> 10 & (0xf<<48 | 0xf<<32 | 0xf<<16 | 0xf)
	x = high | (x-high*10)<<8
	zeros := bits.TrailingZeros64(x|1<<63) / 8 // in front, of which the last digit is none
	dst = binary.LittleEndian.AppendUint64(dst, (x|'0'*ones)>>(8*zeros))
	return dst[:len(dst)-zeros]
}

// closeObject ends an object whose members have their commas behind them.
func closeObject(dst []byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = '}'
		return dst
	}
	return append(dst, '}')
}

// object writes the members of a JSON object, with their commas.
type object struct {
	buf   []byte
	comma bool
}

// key begins a member; its value is appended to buf by the caller.
func (o *object) key(name string) {
	if o.comma {
		o.buf = append(o.buf, ',')
	}
	o.comma = true
	o.buf = append(append(append(o.buf, '"'), name...), '"', ':')
}

func (o *object) open(name string) {
	o.key(name)
	o.buf = append(o.buf, '{')
	o.comma = false
}

func (o *object) close() {
	o.buf = append(o.buf, '}')
	o.comma = true
}

func (o *object) text(name string, value []byte) {
	if len(value) > 0 {
		o.key(name)
		o.buf = appendString(o.buf, value)
	}
}

func (o *object) word(name, value string) {
	if value != "" {
		o.key(name)
		o.buf = appendString(o.buf, value)
	}
}

func (o *object) number(name string, value int64) {
	if value != 0 {
		o.key(name)
		o.buf = strconv.AppendInt(o.buf, value, 10)
	}
}

func (o *object) time(name string, nanoseconds int64) {
	if nanoseconds != 0 {
		o.key(name)
		o.buf = appendTime(o.buf, nanoseconds)
	}
}
