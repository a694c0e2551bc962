package parser

import (
	"bytes"
	"math/bits"

	"github.com/sshwhy/sshwhy/patterns"
)

// class is a set of kinds of bytes, a bit each.
type class uint16

const (
	digit class = 1 << iota
	hex
	octal
	inIdent
	inMethod
	inKeyType
	inAddress
	inIPv4
	inZone
	dot
	marksTag // what tagAt looks for
)

// classes tells for every byte which kinds it is of.
var classes = func() (all [256]class) {
	const (
		digits  = "0123456789"
		lower   = "abcdefghijklmnopqrstuvwxyz"
		letters = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	)
	for c, chars := range map[class]string{
		digit:     digits,
		hex:       digits + "abcdefABCDEF",
		octal:     "01234567",
		inIdent:   digits + letters + "_-.@+/",
		inMethod:  digits + lower + "-.@",
		inKeyType: digits + letters + "-.@_",
		inAddress: digits + "abcdefABCDEF:.",
		inIPv4:    digits + ".",
		inZone:    digits + letters + "_-.",
		dot:       ".",
		marksTag:  " \t\"'=():[",
	} {
		for i := range len(chars) {
			all[chars[i]] |= c
		}
	}
	return all
}()

// scan gives the length of the longest text at pos that a field of a bounded
// kind can take, or -1 where none can.
func scan(k patterns.Kind, t *text, pos int) int {
	switch k {
	case patterns.KindAddr:
		return scanAddr(t, pos)
	case patterns.KindPort, patterns.KindInt:
		return scanInt(t, pos)
	case patterns.KindHex:
		if s := t.from(pos); bytes.HasPrefix(s, []byte("0x")) {
			return shifted(run(hex, s[2:]), 2)
		}
		return run(hex, t.from(pos))
	case patterns.KindOctal:
		return run(octal, t.from(pos))
	case patterns.KindFloat:
		return scanFloat(t.from(pos))
	case patterns.KindIdent:
		return run(inIdent, t.from(pos))
	case patterns.KindMethod:
		return run(inMethod, t.from(pos))
	case patterns.KindKeyType:
		return run(inKeyType, t.from(pos))
	case patterns.KindFingerprint:
		return scanFingerprint(t, pos)
	case patterns.KindFile:
		if byte(t.window(pos)) != '/' {
			return -1
		}
	}
	return scanWord(t, pos) // host, word, algs
}

// canShrink tells whether the text of a bounded kind may hold a byte that what
// follows can begin with, so that shorter ends than the longest are worth a
// try.
func canShrink(k patterns.Kind, next *byteset) bool {
	for c := range 256 {
		if next.has(byte(c)) && canHold(k, byte(c)) {
			return true
		}
	}
	return false
}

// canHold tells whether c may stand within the text of a bounded kind.
func canHold(k patterns.Kind, c byte) bool {
	switch k {
	case patterns.KindAddr:
		return classes[c]&(inAddress|inZone) != 0 || c == '%'
	case patterns.KindPort, patterns.KindInt, patterns.KindHex, patterns.KindOctal, patterns.KindFloat:
		return false // a number ends where its digits do
	case patterns.KindIdent:
		return classes[c]&inIdent != 0
	case patterns.KindMethod:
		return classes[c]&inMethod != 0
	case patterns.KindKeyType:
		return classes[c]&inKeyType != 0
	}
	return c != ' '
}

// canBegin tells whether the text of a field can begin with c.
func canBegin(k patterns.Kind, c byte) bool {
	switch k {
	case patterns.KindAddr:
		return classes[c]&inAddress != 0 || c == unknownAddr[0]
	case patterns.KindPort, patterns.KindInt, patterns.KindFloat:
		return classes[c]&digit != 0 || c == '-'
	case patterns.KindHex:
		return classes[c]&hex != 0
	case patterns.KindOctal:
		return classes[c]&octal != 0
	case patterns.KindIdent:
		return classes[c]&inIdent != 0
	case patterns.KindMethod:
		return classes[c]&inMethod != 0
	case patterns.KindKeyType:
		return classes[c]&inKeyType != 0
	case patterns.KindFile, patterns.KindAbsPath:
		return c == '/'
	}
	return c != ' ' || k.Free()
}

// run gives the length of the bytes of a class that s begins with, -1 for none.
func run(c class, s []byte) int {
	i := 0
	for i < len(s) && classes[s[i]]&c != 0 {
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

func scanInt(t *text, pos int) int {
	if n := first(nonDigits(t.window(pos))); 0 < n && n < wide {
		return n
	}
	s := t.from(pos)
	if len(s) > 1 && s[0] == '-' {
		return shifted(run(digit, s[1:]), 1)
	}
	return run(digit, s)
}

func scanWord(t *text, pos int) int {
	end := t.index(pos, ' ')
	if end == pos {
		return -1
	}
	return end - pos
}

func scanFloat(s []byte) int {
	sign := 0
	if len(s) > 0 && s[0] == '-' {
		sign = 1
	}
	i := run(digit, s[sign:])
	if i < 0 {
		return -1
	}
	i += sign
	if i < len(s) && s[i] == '.' {
		if j := run(digit, s[i+1:]); j > 0 {
			return i + 1 + j
		}
	}
	return i
}

// unknownAddr is what sshd writes where it does not know the address
// (canohost.c get_peer_ipaddr).
const unknownAddr = "UNKNOWN"

// scanAddr takes IPv4 in dotted form, IPv6 with or without a zone, and the
// word for an address that is not known. A dot behind it ends a sentence, and
// a colon behind it is not part of it unless it belongs to a pair.
func scanAddr(t *text, pos int) int {
	if n := scanIPv4(t, pos); n > 0 {
		return n
	}
	return scanOtherAddr(t, pos)
}

// scanOtherAddr is scanAddr where there is no IPv4 address.
func scanOtherAddr(t *text, pos int) int {
	s := t.from(pos)
	if bytes.HasPrefix(s, []byte(unknownAddr)) {
		return len(unknownAddr)
	}
	return scanIPv6(s)
}

// mayBeAddress spares a scan where it is plain that no address stands where w is
// the window: a word of fewer than eight bytes without the dots and colons that
// one has.
func mayBeAddress(w uint64) bool {
	return equal(w, '.') != 0 || equal(w, ':') != 0 || byte(w) == unknownAddr[0] || equal(w, ' ')|equal(w, 0) == 0
}

// scanIPv4 takes four numbers of one to three digits, where neither another
// number nor a letter of an IPv6 address follows. Two windows hold the longest
// and what follows it; with a bit for each of their bytes all numbers are
// measured at once.
func scanIPv4(t *text, pos int) int {
	others := uint32(places(nonDigits(t.window(pos))) | places(nonDigits(t.window(pos+wide)))<<wide | 0xf<<(2*wide))
	from2 := others & (others - 1) // all but the first
	from3 := from2 & (from2 - 1)
	from4 := from3 & (from3 - 1)
	last := from4 & -from4
	dots := others ^ from4
	digits := (last - 1) ^ dots
	pairs := digits & (digits >> 1)
	if (dots<<1|1)&^digits|pairs&(pairs>>2) != 0 { // an empty number, or four digits in a row
		return -1
	}
	if t.at(pos+bits.TrailingZeros32(others)) != '.' || t.at(pos+bits.TrailingZeros32(from2)) != '.' || t.at(pos+bits.TrailingZeros32(from3)) != '.' {
		return -1
	}
	end := bits.TrailingZeros32(last)
	if c := t.at(pos + end); c != ' ' && classes[c]&(hex|dot) != 0 {
		if c != '.' || classes[t.at(pos+end+1)]&(hex|dot) != 0 {
			return -1
		}
	}
	return end
}

// scanIPv6 takes eight groups, or fewer with a pair of colons in place of those
// that are zero; the last two may be an IPv4 address, and a zone may follow.
func scanIPv6(s []byte) int {
	n, dots, colons, pairs := 0, 0, 0, 0
	for ; n < len(s) && classes[s[n]]&inAddress != 0; n++ {
		switch {
		case s[n] == '.':
			dots++
		case s[n] == ':':
			colons++
			if n > 0 && s[n-1] == ':' {
				pairs++
			}
		}
	}
	if colons < 2 {
		return -1
	}
	if s[n-1] == '.' {
		n, dots = n-1, dots-1
	}
	if s[n-1] == ':' && (s[n-2] != ':' || n > 2 && s[n-3] == ':') {
		if s[n-2] == ':' {
			pairs--
		}
		n, colons = n-1, colons-1
	}
	if dots != 0 && dots != 3 || pairs > 1 || pairs == 0 && colons != 7-dots/3 || colons > 8 {
		return -1
	}
	if n < len(s) && s[n] == '%' {
		if z := run(inZone, s[n+1:]); z > 0 {
			n += 1 + z
		}
	}
	return n
}

// scanFingerprint takes the forms of sshkey_fingerprint: HASH:base64, and the
// older pairs of hexadecimal digits between colons.
func scanFingerprint(t *text, pos int) int {
	end := pos
	for end < t.length {
		w := t.window(end)
		if ends := equal(w, ' ') | equal(w, ',') | equal(w, ')'); ends != 0 {
			end += first(ends)
			break
		}
		end += wide
	}
	end = min(end, t.length)
	if t.window(pos)<<8 == sha256Mark<<8 && end-pos > len("SHA256:") {
		return end - pos
	}
	s := t.bytes[pos:end]
	for _, hash := range [...]string{"MD5:", "SHA1:", "SHA512:", "SHA384:", "RIPEMD160:"} {
		if len(s) > len(hash) && string(s[:len(hash)]) == hash {
			return len(s)
		}
	}
	if len(s) < 8 || len(s)%3 != 2 {
		return -1
	}
	for i := 2; i < len(s); i += 3 {
		if s[i] != ':' {
			return -1
		}
	}
	return len(s)
}

// sha256Mark is what a usual fingerprint begins with, as a window, the first byte
// the lowest.
const sha256Mark = 'S' | 'H'<<8 | 'A'<<16 | '2'<<24 | '5'<<32 | '6'<<40 | ':'<<48
