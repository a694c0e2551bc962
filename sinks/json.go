package sinks

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// appendString appends a JSON string (RFC 8259, 7). Bytes that are not UTF-8
// become \xNN in text, so that nothing of a log is lost or merged.
func appendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s)
	return append(dst, '"')
}

func appendEscaped[T ~string | ~[]byte](dst []byte, s T) []byte {
	from := 0
	for i := 0; i < len(s); {
		for i+8 <= len(s) && allPlain(eight(s, i)) {
			i += 8
		}
		if i == len(s) {
			break
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := decodeRune(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(append(dst, s[from:i]...), '\\', '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			i++
			from = i
			continue
		}
		if plain[c] {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(dst, s[from:]...)
}

// eight gives the bytes of s from i on as one number.
func eight[T ~string | ~[]byte](s T, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// allPlain tells whether all eight bytes of w stand for themselves in JSON; see
// plain. Each term has the high bit of a byte set that does not; below such a
// byte, and only there, all are right.
func allPlain(w uint64) bool {
	const ones = 0x0101010101010101
	odd := w | (w + ones)                   // DEL, and what is not ASCII
	odd |= w - ones*' '                     // control characters
	odd |= ((w | ones*4) ^ ones*'&') - ones // & and "
	odd |= ((w | ones*2) ^ ones*'>') - ones // < and >
	odd |= (w ^ ones*'\\') - ones
	return odd&(ones<<7) == 0
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
// the same day.
type clock struct {
	day  int64
	date []byte // of the day, with the quote before and the T behind it
}

const secondsOfDay = 24 * 60 * 60

func (c *clock) append(dst []byte, nanoseconds int64) []byte {
	if nanoseconds < 0 {
		return appendTime(dst, nanoseconds)
	}
	seconds, ms := nanoseconds/1e9, nanoseconds%1e9/1e6
	if day := seconds / secondsOfDay; day != c.day || c.date == nil {
		c.day = day
		c.date = time.Unix(seconds, 0).UTC().AppendFormat(c.date[:0], `"2006-01-02T`)
	}
	s := seconds % secondsOfDay
	dst = append(dst, c.date...)
	dst = append(two(append(two(append(two(dst, s/3600), ':'), s/60%60), ':'), s%60), '.')
	return append(dst, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z', '"')
}

func two(dst []byte, n int64) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

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
