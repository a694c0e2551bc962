package parser

import (
	"bytes"

	"github.com/sshwhy/sshwhy/patterns"
)

// charset is a set of bytes.
type charset [256]bool

func chars(s string) *charset {
	var set charset
	for i := 0; i < len(s); i++ {
		set[s[i]] = true
	}
	return &set
}

const (
	digits  = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	letters = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

var (
	digitChars   = chars(digits)
	hexChars     = chars(digits + "abcdefABCDEF")
	octalChars   = chars("01234567")
	identChars   = chars(digits + letters + "_-.@+/")
	methodChars  = chars(digits + lower + "-.@")
	keyTypeChars = chars(digits + letters + "-.@_")
	addressChars = chars(digits + "abcdefABCDEF:.")
	zoneChars    = chars(digits + letters + "_-.")
)

// scan gives the end of the longest text at the start of s that a field of a
// bounded kind can take, or -1 where none can.
func scan(k patterns.Kind, s []byte) int {
	switch k {
	case patterns.KindAddr:
		return scanAddr(s)
	case patterns.KindPort, patterns.KindInt:
		if len(s) > 1 && s[0] == '-' {
			return shifted(run(digitChars, s[1:]), 1)
		}
		return run(digitChars, s)
	case patterns.KindHex:
		if bytes.HasPrefix(s, []byte("0x")) {
			return shifted(run(hexChars, s[2:]), 2)
		}
		return run(hexChars, s)
	case patterns.KindOctal:
		return run(octalChars, s)
	case patterns.KindFloat:
		return scanFloat(s)
	case patterns.KindIdent:
		return run(identChars, s)
	case patterns.KindMethod:
		return run(methodChars, s)
	case patterns.KindKeyType:
		return run(keyTypeChars, s)
	case patterns.KindFingerprint:
		return scanFingerprint(s)
	case patterns.KindFile:
		if len(s) == 0 || s[0] != '/' {
			return -1
		}
		return scanWord(s)
	default: // host, word, algs
		return scanWord(s)
	}
}

// sticky tells kinds whose text may hold the first bytes of the literal that
// follows, so that shorter ends than the longest are worth a try.
func sticky(k patterns.Kind) bool {
	switch k {
	case patterns.KindAddr, patterns.KindHost, patterns.KindWord, patterns.KindAlgs, patterns.KindIdent, patterns.KindFingerprint,
		patterns.KindKeyType, patterns.KindMethod, patterns.KindFile:
		return true
	}
	return false
}

// run gives the length of the bytes of set that s begins with, -1 for none.
func run(set *charset, s []byte) int {
	i := 0
	for i < len(s) && set[s[i]] {
		i++
	}
	if i == 0 {
		return -1
	}
	return i
}

func shifted(end, by int) int {
	if end < 0 {
		return -1
	}
	return end + by
}

func scanWord(s []byte) int {
	i := bytes.IndexByte(s, ' ')
	if i < 0 {
		i = len(s)
	}
	if i == 0 {
		return -1
	}
	return i
}

func scanFloat(s []byte) int {
	sign := 0
	if len(s) > 0 && s[0] == '-' {
		sign = 1
	}
	i := run(digitChars, s[sign:])
	if i < 0 {
		return -1
	}
	i += sign
	if i < len(s) && s[i] == '.' {
		if j := run(digitChars, s[i+1:]); j > 0 {
			return i + 1 + j
		}
	}
	return i
}

// scanAddr takes IPv4 in dotted form, IPv6 with or without a zone, and the
// word that sshd writes where it does not know (canohost.c). A colon at the
// end is not part of the address unless it belongs to a pair.
func scanAddr(s []byte) int {
	n, dots, colons, hex := 0, 0, 0, false
	for n < len(s) && addressChars[s[n]] {
		switch c := s[n]; {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case c > '9':
			hex = true
		}
		n++
	}
	switch {
	case n == 0 || dots == 0 && colons < 2:
		if bytes.HasPrefix(s, []byte("UNKNOWN")) {
			return len("UNKNOWN")
		}
		return -1
	case colons == 0:
		if hex || !quads(s[:n], dots) {
			return -1
		}
		return n
	case colons == 1: // "192.0.2.7:", an address and what follows it
		n = bytes.IndexByte(s, ':')
		if hex || !quads(s[:n], dots) {
			return -1
		}
		return n
	}
	if s[n-1] == ':' && (n < 2 || s[n-2] != ':' || n > 2 && s[n-3] == ':') {
		n--
	}
	if dots != 0 && dots != 3 {
		return -1
	}
	if n < len(s) && s[n] == '%' {
		if z := run(zoneChars, s[n+1:]); z > 0 {
			n += 1 + z
		}
	}
	return n
}

// quads tells whether s is four numbers of one to three digits.
func quads(s []byte, dots int) bool {
	if dots != 3 {
		return false
	}
	length := 0
	for _, c := range s {
		if c == '.' {
			if length == 0 {
				return false
			}
			length = 0
		} else if length++; length > 3 {
			return false
		}
	}
	return length > 0
}

// scanFingerprint takes the forms of sshkey_fingerprint: HASH:base64, and the
// older pairs of hexadecimal digits between colons.
func scanFingerprint(s []byte) int {
	n := 0
	for n < len(s) && s[n] != ' ' && s[n] != ',' && s[n] != ')' {
		n++
	}
	for _, hash := range [...]string{"SHA256:", "MD5:", "SHA1:", "SHA512:", "SHA384:", "RIPEMD160:"} {
		if n > len(hash) && string(s[:len(hash)]) == hash {
			return n
		}
	}
	if n < 8 || n%3 != 2 {
		return -1
	}
	for i := 2; i < n; i += 3 {
		if s[i] != ':' {
			return -1
		}
	}
	return n
}
