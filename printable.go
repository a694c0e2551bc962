package sshwhy

import (
	"bytes"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// AppendPrintable appends text from a log to dst in a form that is safe to
// show on a terminal: control characters, escape sequences, bytes that are not
// UTF-8, and characters that reorder or hide text become \xNN or \u{NNNN}.
func AppendPrintable(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < 0x7f {
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1 || r < 0x80:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		case !Shown(r):
			dst = append(dst, '\\', 'u', '{')
			dst = strconv.AppendInt(dst, int64(r), 16)
			dst = append(dst, '}')
		default:
			dst = append(dst, text[i:i+size]...)
		}
		i += size
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// Printable is AppendPrintable for a string.
func Printable(text string) string {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c >= 0x7f {
			return string(AppendPrintable(nil, []byte(text)))
		}
	}
	return text
}

// Shown tells whether a character can be shown as it is: it has a shape of its
// own and does not change how its neighbours are shown. Bidirectional controls
// (UAX #9), zero-width and private-use characters do not.
func Shown(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) && r != 0x115F && r != 0x1160 && r != 0x3164 && r != 0xFFA0
}

// Unescape appends to dst a name as the client sent it: sshd writes a
// backslash twice and other bytes in octal (log.c, strnvis with VIS_SAFE and
// VIS_OCTAL). A name that is not UTF-8 once unescaped stays as the log spells
// it, so that every reader sees the same text.
func Unescape(dst, text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return append(dst, text...)
	}
	start := len(dst)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\\' || i+1 == len(text) {
			dst = append(dst, c)
			continue
		}
		switch d := text[i+1:]; {
		case d[0] == '\\':
			dst = append(dst, '\\')
			i++
		case len(d) >= 3 && octal(d[0]) && d[0] < '4' && octal(d[1]) && octal(d[2]):
			dst = append(dst, (d[0]-'0')<<6|(d[1]-'0')<<3|(d[2]-'0'))
			i += 3
		default:
			dst = append(dst, c)
		}
	}
	if !utf8.Valid(dst[start:]) {
		dst = append(dst[:start], text...)
	}
	return dst
}

func octal(c byte) bool { return c >= '0' && c <= '7' }
