package parser

import (
	"encoding/binary"
	"math"
)

// monthOf gives the month that b begins with the English abbreviation of, 0
// for none.
func monthOf(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	switch uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) {
	case 'J'<<16 | 'a'<<8 | 'n':
		return 1
	case 'F'<<16 | 'e'<<8 | 'b':
		return 2
	case 'M'<<16 | 'a'<<8 | 'r':
		return 3
	case 'A'<<16 | 'p'<<8 | 'r':
		return 4
	case 'M'<<16 | 'a'<<8 | 'y':
		return 5
	case 'J'<<16 | 'u'<<8 | 'n':
		return 6
	case 'J'<<16 | 'u'<<8 | 'l':
		return 7
	case 'A'<<16 | 'u'<<8 | 'g':
		return 8
	case 'S'<<16 | 'e'<<8 | 'p':
		return 9
	case 'O'<<16 | 'c'<<8 | 't':
		return 10
	case 'N'<<16 | 'o'<<8 | 'v':
		return 11
	case 'D'<<16 | 'e'<<8 | 'c':
		return 12
	}
	return 0
}

func isWeekday(b []byte) bool {
	switch string(b[:3]) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

// dayAt reads a day of the month and the blank behind it; 0 for none.
func dayAt(b []byte, i int) (day, next int) {
	if i+3 > len(b) {
		return 0, i
	}
	if b[i] == ' ' {
		i++
	}
	for start := i; i < len(b) && i < start+2 && isDigit(b[i]); i++ {
		day = day*10 + int(b[i]-'0')
	}
	if day > 31 || i == len(b) || b[i] != ' ' {
		return 0, i
	}
	return day, i + 1
}

// daytime reads HH:MM:SS as seconds, a leap second included; -1 for none.
func daytime(b []byte, i int) int {
	if i < 0 || i+8 > len(b) {
		return -1
	}
	return daytimeOf(binary.LittleEndian.Uint64(b[i:]))
}

// daytimeOf is daytime of the eight bytes of t. Added to what is the most in a
// place, the rest up to 127 lets a larger number reach the high bit.
func daytimeOf(t uint64) int {
	const (
		zeros = '0' | '0'<<8 | ':'<<16 | '0'<<24 | '0'<<32 | ':'<<40 | '0'<<48 | '0'<<56
		room  = 118 | 118<<8 | 127<<16 | 118<<24 | 118<<32 | 127<<40 | 118<<48 | 118<<56
		pairs = 0xff | 0xff<<24 | 0xff<<48
		most  = 127 - 23 | (127-59)<<24 | (127-60)<<48
	)
	t ^= zeros // digits become 0 to 9, colons 0
	sums := (t*10 + t>>8) & pairs
	if (t|(t+room)|(sums+most))&highs != 0 {
		return -1
	}
	return int(sums&0xff)*3600 + int(sums>>24&0xff)*60 + int(sums>>48)
}

// fraction reads the decimals of a second as nanoseconds. Digits beyond the
// ninth are passed over.
func fraction(b []byte, i int) (ns int64, next int) {
	if i+1 >= len(b) || b[i] != '.' && b[i] != ',' || !isDigit(b[i+1]) {
		return 0, i
	}
	unit := int64(1e8)
	for i++; i < len(b) && isDigit(b[i]); i++ {
		ns += int64(b[i]-'0') * unit
		unit /= 10
	}
	return ns, i
}

// offsetAt reads Z, +01:00, +0100 or +01 as seconds east of UTC; n is 0
// where there is no zone.
func offsetAt(b []byte, i int) (offset, n int) {
	if i == len(b) {
		return 0, 0
	}
	sign := 1
	switch b[i] {
	case 'Z', 'z':
		return 0, 1
	case '-':
		sign = -1
	case '+':
	default:
		return 0, 0
	}
	if i+3 > len(b) || uint(two(b, i+1)) > 23 {
		return 0, 0
	}
	offset, n = two(b, i+1)*3600, 3
	colon := 0
	if i+3 < len(b) && b[i+3] == ':' {
		colon = 1
	}
	if i+5+colon <= len(b) && uint(two(b, i+3+colon)) < 60 {
		offset += two(b, i+3+colon) * 60
		n = 5 + colon
	}
	return sign * offset, n
}

// zoneBehindBlank reads " UTC", " GMT" and " +0100", which are no names of
// hosts; "Z" may be one.
func zoneBehindBlank(b []byte, i int) (offset, n int) {
	if i+2 > len(b) || b[i] != ' ' {
		return 0, 0
	}
	if i+4 <= len(b) && endsAt(b, i+4) && (string(b[i+1:i+4]) == "UTC" || string(b[i+1:i+4]) == "GMT") {
		return 0, 4
	}
	if offset, n := offsetAt(b, i+1); n > 1 && endsAt(b, i+1+n) {
		return offset, n + 1
	}
	return 0, 0
}

// abbreviationAt gives the length of a blank and the capitals of a zone.
func abbreviationAt(b []byte, i int) int {
	n := 1
	for i+n < len(b) && 'A' <= b[i+n] && b[i+n] <= 'Z' {
		n++
	}
	if i == len(b) || b[i] != ' ' || n < 3 || n > 7 || !endsAt(b, i+n) {
		return 0
	}
	return n
}

// yearAt reads four digits that are a year an instant can have; 0 for none.
func yearAt(b []byte, i int) int {
	if i+4 > len(b) {
		return 0
	}
	high, low := two(b, i), two(b, i+2)
	if year := high*100 + low; high > 0 && low >= 0 && firstYear < year && year < lastYear {
		return year
	}
	return 0
}

// two reads two digits, or gives -1; b must be long enough.
func two(b []byte, i int) int {
	high, low := b[i]-'0', b[i+1]-'0'
	if high > 9 || low > 9 {
		return -1
	}
	return int(high)*10 + int(low)
}

// numberAt reads a number of up to 19 digits, and gives where it ends.
func numberAt(b []byte, i int) (n int64, next int) {
	for start := i; i < len(b) && isDigit(b[i]); i++ {
		if i-start == 18 && n > math.MaxInt64/10-1 || i-start > 18 {
			return 0, start
		}
		n = n*10 + int64(b[i]-'0')
	}
	return n, i
}

func hexadecimal(b []byte) (n uint64, ok bool) {
	for _, ch := range b {
		d := hexDigit(ch)
		if d < 0 {
			return 0, false
		}
		n = n<<4 | uint64(d)
	}
	return n, true
}

func hexDigit(ch byte) int {
	switch {
	case '0' <= ch && ch <= '9':
		return int(ch - '0')
	case 'a' <= ch && ch <= 'f':
		return int(ch-'a') + 10
	case 'A' <= ch && ch <= 'F':
		return int(ch-'A') + 10
	}
	return -1
}

func isDigit(ch byte) bool { return ch-'0' <= 9 }

// endsAt tells that a word of b is over at i.
func endsAt(b []byte, i int) bool { return i == len(b) || i < len(b) && b[i] == ' ' }

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// daysSince1970 counts from the first of March, so that the leap day is the
// last day of its year and months follow one formula. A 31st of a shorter
// month runs over into the next, as with time.Date.
func daysSince1970(year, month, day int) int64 {
	if month < 3 {
		year, month = year-1, month+12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468)
}
