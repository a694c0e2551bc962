package parser

import (
	"bytes"
	"unicode/utf8"
)

// stringEnd gives where the string at i, a quote, ends; -1 where it does not.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// valueEnd gives where the value at i ends, whatever it is; -1 where it does
// not.
func valueEnd(b []byte, i int) int {
	if b[i] == '{' || b[i] == '[' {
		return compoundEnd(b, i)
	}
	start := i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func compoundEnd(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := stringEnd(b, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

func blanksEnd(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}

// unescaped gives the bytes that a JSON string stands for: v itself where
// nothing is escaped, else a part of buf.
func (s *splitter) unescaped(v []byte) []byte {
	escape := bytes.IndexByte(v, '\\')
	if escape < 0 {
		return v
	}
	start := len(s.buf)
	for escape >= 0 {
		s.buf = append(s.buf, v[:escape]...)
		v = v[escape+1:]
		v = v[s.unescapeOne(v):]
		escape = bytes.IndexByte(v, '\\')
	}
	s.buf = append(s.buf, v...)
	return s.buf[start:len(s.buf):len(s.buf)]
}

// unescapeOne appends what follows a backslash, and gives its length.
func (s *splitter) unescapeOne(v []byte) int {
	if len(v) == 0 {
		return 0
	}
	ch := v[0]
	switch ch {
	case 'n':
		ch = '\n'
	case 't':
		ch = '\t'
	case 'r':
		ch = '\r'
	case 'b':
		ch = '\b'
	case 'f':
		ch = '\f'
	case 'u':
		r, n := unicodeEscape(v)
		s.buf = utf8.AppendRune(s.buf, r)
		return n
	}
	s.buf = append(s.buf, ch)
	return 1
}

// unicodeEscape reads "u1234", and the second half of a pair behind it.
func unicodeEscape(v []byte) (rune, int) {
	r, ok := hexRune(v)
	if !ok {
		return 'u', 1
	}
	if r < 0xd800 || r > 0xdfff {
		return r, 5
	}
	if r < 0xdc00 && len(v) >= 11 && v[5] == '\\' {
		if low, ok := hexRune(v[6:]); ok && 0xdc00 <= low && low <= 0xdfff {
			return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, 11
		}
	}
	return utf8.RuneError, 5
}

func hexRune(v []byte) (rune, bool) {
	if len(v) < 5 || v[0] != 'u' {
		return 0, false
	}
	n, ok := hexadecimal(v[1:5])
	return rune(n), ok
}
