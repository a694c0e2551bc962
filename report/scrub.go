package report

import (
	"bytes"
	"net/netip"
)

// token is what a word of a message is.
type token uint8

const (
	tokenWord        token = iota // a word that the vocabulary knows
	tokenUnknown                  // any other
	tokenNumber                   // a number
	tokenAddress                  // an address, with or without brackets, port or prefix length
	tokenFingerprint              // a key's fingerprint
	tokenPath                     // a file name
	tokenHost                     // a name with dots
	tokenName                     // a name of a user or group, by the word in front of it
	tokenText                     // text in quotes
)

var tokenNames = [...]string{
	tokenUnknown: "<WORD>", tokenNumber: "<N>", tokenAddress: "<ADDR>", tokenFingerprint: "<FP>", tokenPath: "<PATH>",
	tokenHost: "<HOST>", tokenName: "<NAME>", tokenText: "<TEXT>",
}

// replace appends what stands for a token.
type replace func(dst []byte, k token, text []byte) []byte

// scrub appends a message to dst with every token replaced; blanks and
// punctuation stay.
func (v *Vocabulary) scrub(dst, s []byte, with replace) []byte {
	var before []byte // the word before
	for len(s) > 0 {
		if blank(s[0]) || opens(s[0]) {
			if n := quoted(s); n > 0 {
				dst = append(dst, s[0])
				dst = with(dst, tokenText, s[1:n-1])
				dst = append(dst, s[n-1])
				s, before = s[n:], nil
				continue
			}
			if !blank(s[0]) {
				before = nil
			}
			dst, s = append(dst, s[0]), s[1:]
			continue
		}
		n := 0
		for n < len(s) && !blank(s[n]) {
			n++
		}
		core := bytes.TrimRight(s[:n], closing)
		if len(core) == 0 {
			dst, s, before = append(dst, s[:n]...), s[n:], nil
			continue
		}
		dst = v.token(dst, core, before, with)
		dst = append(dst, s[len(core):n]...)
		before = core
		if len(core) < n && s[n-1] != ':' {
			before = nil
		}
		s = s[n:]
	}
	return dst
}

// token replaces one token, or both sides of NAME=VALUE.
func (v *Vocabulary) token(dst, core, before []byte, with replace) []byte {
	if i := bytes.IndexByte(core, '='); i > 0 && v.kind(core[:i], nil) == tokenWord {
		dst = append(with(dst, tokenWord, core[:i]), '=')
		value := core[i+1:]
		if len(value) == 0 {
			return dst
		}
		k := v.kind(value, core[:i])
		if k == tokenWord && !v.value(value) {
			k = tokenName
		}
		return with(dst, k, value)
	}
	return with(dst, v.kind(core, before), core)
}

// kind tells what a token is, by itself and by the word before it.
func (v *Vocabulary) kind(core, before []byte) token {
	switch {
	case number(core):
		if v.namesUser(before) {
			return tokenName
		}
		return tokenNumber
	case address(core):
		return tokenAddress
	case fingerprint(core):
		return tokenFingerprint
	}
	known := v.has(core)
	if v.names(before) && !v.joins(core) {
		switch {
		case bytes.IndexByte(core, '/') >= 0:
			return tokenPath
		case bytes.IndexByte(core, '.') > 0 && bytes.IndexByte(core, '@') < 0:
			return tokenHost
		}
		return tokenName
	}
	switch {
	case known:
		return tokenWord
	case bytes.IndexByte(core, '/') >= 0:
		return tokenPath
	case bytes.IndexByte(core, '@') >= 0:
		return tokenName
	case inner(core, '.') || bytes.Count(core, []byte(":")) > 1:
		return tokenHost
	case letters(core):
		return tokenUnknown
	}
	return tokenName
}

// closing are the bytes that end a token without being a part of it.
const closing = ".,;:!?)]}>\"'`"

func blank(c byte) bool { return c == ' ' || c == '\t' }

func opens(c byte) bool {
	switch c {
	case '(', '[', '{', '<', '"', '\'', '`':
		return true
	}
	return false
}

// quoted gives the length of the quotation that s begins with, quotes and all,
// 0 where it begins with none. A quotation may end with the quote that began
// it, and one that began with ` may end with '.
func quoted(s []byte) int {
	end := s[0]
	switch s[0] {
	case '"', '\'':
	case '`':
		if i := bytes.IndexAny(s[1:], "`'"); i >= 0 {
			return i + 2
		}
		return 0
	default:
		return 0
	}
	if i := bytes.LastIndexByte(s[1:], end); i >= 0 {
		return i + 2
	}
	return 0
}

func number(s []byte) bool {
	if bytes.HasPrefix(s, []byte("0x")) && len(s) > 2 {
		s = s[2:]
		for _, c := range s {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
		return true
	}
	if s[0] == '-' || s[0] == '#' {
		s = s[1:]
	}
	digits := 0
	for _, c := range s {
		if c >= '0' && c <= '9' {
			digits++
		} else if c != '.' && c != '%' {
			return false
		}
	}
	return digits > 0 && bytes.Count(s, []byte(".")) < 2
}

// address tells an address, also in the forms [ADDRESS]:PORT, ADDRESS:PORT and
// ADDRESS/BITS.
func address(s []byte) bool {
	_, _, ok := splitAddress(s)
	return ok
}

// splitAddress gives the address that a token begins with, after an opening
// bracket, and where it starts and ends.
func splitAddress(s []byte) (start, end int, ok bool) {
	if len(s) < 2 || !bytes.ContainsAny(s, ".:") {
		return 0, 0, false
	}
	text := s
	if s[0] == '[' {
		start, text = 1, s[1:]
	}
	end = len(s)
	if i := bytes.IndexByte(text, ']'); i >= 0 {
		end, text = start+i, text[:i]
	} else if i := bytes.IndexByte(text, '/'); i >= 0 {
		end, text = start+i, text[:i]
	} else if i := bytes.IndexByte(text, ':'); i > 0 && bytes.Count(text, []byte(":")) == 1 {
		end, text = start+i, text[:i]
	}
	if _, err := netip.ParseAddr(string(text)); err != nil {
		return 0, 0, false
	}
	return start, end, restOfAddress(s[end:])
}

// restOfAddress tells that only a port or a number of bits follows: it is not
// masked, so nothing else may.
func restOfAddress(s []byte) bool {
	if len(s) > len("]:65535") {
		return false
	}
	for _, c := range s {
		if (c < '0' || c > '9') && c != ']' && c != ':' && c != '/' {
			return false
		}
	}
	return true
}

func fingerprint(s []byte) bool {
	for _, hash := range [...]string{"SHA256:", "SHA512:", "SHA384:", "SHA1:", "MD5:", "RIPEMD160:"} {
		if len(s) > len(hash) && string(s[:len(hash)]) == hash {
			return true
		}
	}
	return len(s) == 47 && bytes.Count(s, []byte(":")) == 15
}

func inner(s []byte, c byte) bool {
	i := bytes.IndexByte(s, c)
	return i > 0 && i < len(s)-1
}

func letters(s []byte) bool {
	for _, c := range s {
		if (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '\'' && c != '_' {
			return false
		}
	}
	return true
}
