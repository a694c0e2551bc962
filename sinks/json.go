package sinks

import (
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

// appendEscaped copies whole runs of bytes that stand for themselves: most
// texts are one.
func appendEscaped[T ~string | ~[]byte](dst []byte, s T) []byte {
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

// plainLength gives the number of bytes at the beginning of s that stand for
// themselves in JSON: as a rule all of a long line. It may stop at ^, | and ~
// too, see oddOfEight.
func plainLength[T ~string | ~[]byte](s T) int {
	i := 0
	for i+16 <= len(s) && oddOfEight(eight(s, i))|oddOfEight(eight(s, i+8)) == 0 {
		i += 16
	}
	for ; i+8 <= len(s); i += 8 {
		if odd := oddOfEight(eight(s, i)); odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	if i > 0 && i < len(s) {
		// The last eight again: those of them that were looked at are plain.
		if odd := oddOfEight(eight(s, len(s)-8)); odd != 0 {
			return len(s) - 8 + bits.TrailingZeros64(odd)/8
		}
		return len(s)
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

// oddOfEight gives the high bits of those of the eight bytes of w that do not
// stand for themselves in JSON; see plain. It is right up to the first such
// byte, and says nothing of those above it. ^, | and ~ count among them, because
// < > \ and these, which logs hardly ever have, are told from all else at once.
func oddOfEight(w uint64) uint64 {
	const ones = 0x0101010101010101
	odd := w | (w + ones)                      // DEL, and what is not ASCII
	odd |= w - ones*' '                        // control characters
	odd |= ((w | ones*4) ^ ones*'&') - ones    // & and "
	odd |= ((w | ones*0x62) ^ ones*'~') - ones // < > \ ^ | ~
	return odd & (ones << 7)
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

// clock appends times like appendTime, quicker where one follows another of
// the same day, or the same one.
type clock struct {
	of    int64  // the time of the stamp, in nanoseconds
	stamp []byte // the time before this one, as appendTime gives it
	day   int64  // its day, counted from 1970
}

const secondsOfDay = 24 * 60 * 60

func (c *clock) append(dst []byte, nanoseconds int64) []byte {
	if c.stamp == nil || nanoseconds != c.of {
		c.set(nanoseconds)
	}
	return append(dst, c.stamp...)
}

func (c *clock) set(nanoseconds int64) {
	seconds, ms := nanoseconds/1e9, nanoseconds%1e9/1e6
	day := seconds / secondsOfDay
	if c.stamp == nil || day != c.day || nanoseconds < 0 || c.of < 0 {
		c.of, c.day, c.stamp = nanoseconds, day, appendTime(c.stamp[:0], nanoseconds)
		return
	}
	c.of = nanoseconds
	s := seconds % secondsOfDay
	h, m := s/3600, s/60%60
	s %= 60
	copy(c.stamp[len(`"2006-01-02T`):], []byte{digit(h / 10), digit(h % 10), ':', digit(m / 10), digit(m % 10), ':', digit(s / 10), digit(s % 10),
		'.', digit(ms / 100), digit(ms / 10 % 10), digit(ms % 10)})
}

func digit(n int64) byte { return byte('0' + n) }

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
