package parser

import (
	"encoding/binary"
	"math"
	"time"
)

// clock turns the stamps at the start of lines into instants. Lines come in
// order, thousands a day, so it remembers the day that it converted last: the
// zone's rules, which cost a search, are asked once a day and not once a line.
type clock struct {
	zone *time.Location
	now  func() time.Time

	// The last day: its packed date, the second at which it began in zone,
	// and whether it has 24 hours. A day on which the clocks change is
	// never taken from here.
	day   int
	start int64
	even  bool

	// The last date without a year: packed month and day, the year that it
	// was given, and the seconds since 1970 from and until which "newest"
	// leads to the same year. byNow tells that Now took newest's place.
	date        int
	year        int
	from, until int64
	byNow       bool

	// The bytes "Nov 22 " of that date as a line spelled them, and the
	// second at which the day began; 0 where there is none to go by.
	spelled  uint64
	midnight int64

	// The stated year: the first, the present one, and the last instant.
	stated, current int
	last            int64
	begun           bool
}

// The years that an instant in nanoseconds can hold whole.
const firstYear, lastYear = 1970, 2261

const secondsOfDay = 24 * 60 * 60

// halfYear is the step back in time that can only be a new year: no log is
// that much out of order.
const halfYear = 183 * secondsOfDay

// stamp is a time as a line began with it.
type stamp struct {
	// ns is the instant, 0 where the stamp counts from the start of the
	// host and so names none.
	ns   int64
	form form
	// loose tells that programs write this stamp in front of whatever
	// sshd -e prints, so that what follows need not be a host and a tag.
	loose bool
}

// stampAt reads the stamp that b begins with, and gives its length without
// the blank behind it; 0 where b begins with none.
func (c *clock) stampAt(b []byte, newest time.Time) (stamp, int) {
	if len(b) < 12 {
		return stamp{}, 0
	}
	switch first := b[0]; {
	case 'A' <= first && first <= 'W':
		if secs := c.sameDay(b, newest); secs >= 0 {
			return stamp{ns: (c.midnight + int64(secs)) * 1e9, form: formRFC3164}, len("Nov 22 15:32:51")
		}
		if st, n := c.traditional(b, newest); n > 0 {
			return st, n
		}
		return c.withWeekday(b, newest)
	case '0' <= first && first <= '9':
		return c.numeric(b)
	case first == '[':
		return sinceBoot(b)
	case first == '@':
		return tai64(b)
	}
	return stamp{}, 0
}

// traditional reads RFC 3164's "Nov 22 15:32:51", whose day may be padded
// with a blank, a zero or nothing, with a year behind the day, and with a
// fraction of the second.
func (c *clock) traditional(b []byte, newest time.Time) (stamp, int) {
	month := monthOf(b)
	if month == 0 || b[3] != ' ' {
		return stamp{}, 0
	}
	day, i := dayAt(b, 4)
	if day == 0 {
		return stamp{}, 0
	}
	if secs := daytime(b, i); secs >= 0 {
		ns, n := fraction(b, i+8)
		if !endsAt(b, n) {
			return stamp{}, 0
		}
		at := c.withoutYear(month, day, secs, newest)
		if i == len("Nov 22 ") {
			c.spell(b, month, day)
		}
		return stamp{ns: at*1e9 + ns, form: formRFC3164}, n
	}
	year := yearAt(b, i)
	if year == 0 || i+5 > len(b) || b[i+4] != ' ' {
		return stamp{}, 0
	}
	secs := daytime(b, i+5)
	if secs < 0 {
		return stamp{}, 0
	}
	ns, n := fraction(b, i+13)
	if !endsAt(b, n) {
		return stamp{}, 0
	}
	return stamp{ns: c.local(year, month, day, secs)*1e9 + ns, form: formRFC3164Year}, n
}

// spelling takes the seven bytes of "Nov 22 " as one number.
func spelling(b []byte) uint64 { return binary.LittleEndian.Uint64(b) << 8 }

// sameDay gives the seconds of the day of a stamp that begins as the last one
// did and has no fraction, which nearly every line's does; -1 for others.
func (c *clock) sameDay(b []byte, newest time.Time) int {
	if len(b) < 16 || spelling(b) != c.spelled || b[15] != ' ' || !c.holds(newest) {
		return -1
	}
	return daytime(b, 7)
}

// holds tells that newest leads to the year of the remembered date.
func (c *clock) holds(newest time.Time) bool {
	if c.byNow {
		return newest.IsZero()
	}
	at := newest.Unix()
	return c.from <= at && at < c.until
}

// spell remembers how the date is spelled, where all of its day is even.
func (c *clock) spell(b []byte, month, day int) {
	if c.even && c.stated == 0 && c.date == month<<5|day && c.day == c.year<<9|c.date {
		c.spelled, c.midnight = spelling(b), c.start
	}
}

// withWeekday reads "Sun 2026-11-22 15:32:51 UTC" (journalctl -o short-full,
// with-unit) and "Sun Nov 22 15:32:51 2026" (OpenWrt's logread).
func (c *clock) withWeekday(b []byte, newest time.Time) (stamp, int) {
	if !isWeekday(b) || b[3] != ' ' || len(b) < 20 {
		return stamp{}, 0
	}
	if st, n := c.iso(b[4:], true); n > 0 {
		st.form = formShortFull
		return st, n + 4
	}
	month := monthOf(b[4:])
	if month == 0 || b[7] != ' ' {
		return stamp{}, 0
	}
	day, i := dayAt(b, 8)
	secs := daytime(b, i)
	if day == 0 || secs < 0 {
		return stamp{}, 0
	}
	i += 8
	if year := yearAt(b, i+1); year > 0 && b[i] == ' ' && endsAt(b, i+5) {
		return stamp{ns: c.local(year, month, day, secs) * 1e9, form: formCtime}, i + 5
	}
	if !endsAt(b, i) {
		return stamp{}, 0
	}
	return stamp{ns: c.withoutYear(month, day, secs, newest) * 1e9, form: formCtime}, i
}

// numeric reads the stamps that begin with a digit.
func (c *clock) numeric(b []byte) (stamp, int) {
	if b[4] == '-' || b[4] == '/' {
		return c.iso(b, false)
	}
	if b[4] == ' ' {
		return c.yearFirst(b)
	}
	return sinceEpoch(b)
}

// iso reads ISO 8601 as RFC 3339 narrows it and as log daemons widen it: a
// blank for the T, a comma before the fraction, the zone with or without a
// colon, behind a blank, or absent. Where named is set the zone may be an
// abbreviation too.
func (c *clock) iso(b []byte, named bool) (stamp, int) {
	if len(b) < 19 || b[4] != b[7] || b[4] != '-' && b[4] != '/' {
		return stamp{}, 0
	}
	year, month, day := yearAt(b, 0), two(b, 5), two(b, 8)
	if year == 0 || month < 1 || month > 12 || day < 1 || day > 31 {
		return stamp{}, 0
	}
	if b[10] != 'T' && b[10] != ' ' && b[10] != 't' {
		return stamp{}, 0
	}
	secs := daytime(b, 11)
	if secs < 0 {
		return stamp{}, 0
	}
	ns, i := fraction(b, 19)
	// Nine digits are what container runtimes and the log programs of
	// supervisors write, in front of whatever sshd -e prints.
	st := stamp{form: formISO8601, loose: i == 29}
	if offset, n := offsetAt(b, i); n > 0 {
		i += n
		st.ns = (daysSince1970(year, month, day)*secondsOfDay+int64(secs-offset))*1e9 + ns
	} else if offset, n := zoneBehindBlank(b, i); n > 0 {
		i += n
		st.ns = (daysSince1970(year, month, day)*secondsOfDay+int64(secs-offset))*1e9 + ns
	} else if n := abbreviationAt(b, i); named && n > 0 {
		st.ns = c.inNamedZone(c.local(year, month, day, secs), string(b[i+1:i+n]))*1e9 + ns
		i += n
	} else {
		st.ns = c.local(year, month, day, secs)*1e9 + ns
	}
	if !endsAt(b, i) {
		return stamp{}, 0
	}
	return st, i
}

// yearFirst reads "2026 Nov 22 15:32:51".
func (c *clock) yearFirst(b []byte) (stamp, int) {
	year, month := yearAt(b, 0), monthOf(b[5:])
	if year == 0 || month == 0 || b[8] != ' ' {
		return stamp{}, 0
	}
	day, i := dayAt(b, 9)
	secs := daytime(b, i)
	if day == 0 || secs < 0 {
		return stamp{}, 0
	}
	ns, i := fraction(b, i+8)
	if !endsAt(b, i) {
		return stamp{}, 0
	}
	return stamp{ns: c.local(year, month, day, secs)*1e9 + ns, form: formRFC3164Year}, i
}

// sinceEpoch reads "1795361571.123456" (journalctl -o short-unix).
func sinceEpoch(b []byte) (stamp, int) {
	secs, i := numberAt(b, 0)
	if i < 9 || i > 10 || i == len(b) || b[i] != '.' {
		return stamp{}, 0
	}
	ns, n := fraction(b, i)
	if n == i || !endsAt(b, n) {
		return stamp{}, 0
	}
	return stamp{ns: secs*1e9 + ns, form: formUnix}, n
}

// sinceBoot reads "[  970.699396]" (journalctl -o short-monotonic, dmesg) and
// "[  970.699396 <    0.000012 >]" (short-delta), which name no instant.
func sinceBoot(b []byte) (stamp, int) {
	point := false
	for i := 1; i < len(b) && i < 48; i++ {
		switch ch := b[i]; {
		case ch == ']':
			if !point || !endsAt(b, i+1) {
				return stamp{}, 0
			}
			return stamp{form: formMonotonic}, i + 1
		case ch == '.':
			point = i > 1 && isDigit(b[i-1])
		case !isDigit(ch) && ch != ' ' && ch != '<' && ch != '>':
			return stamp{}, 0
		}
	}
	return stamp{}, 0
}

// tai64 reads the "@" and 24 hexadecimal digits of multilog and s6-log: the
// seconds since 1970 TAI plus 2^62, and the nanoseconds. Those programs count
// 10 seconds between TAI and UTC, whatever leap seconds there were since.
func tai64(b []byte) (stamp, int) {
	if len(b) < 26 || !endsAt(b, 25) {
		return stamp{}, 0
	}
	secs, ok1 := hexadecimal(b[1:17])
	ns, ok2 := hexadecimal(b[17:25])
	secs -= 1<<62 + 10
	if !ok1 || !ok2 || secs > math.MaxInt64/1_000_000_000-1 || ns >= 1e9 {
		return stamp{}, 0
	}
	return stamp{ns: int64(secs)*1e9 + int64(ns), form: formTAI64, loose: true}, 25
}

// local gives the seconds since 1970 of a date and time in the zone.
func (c *clock) local(year, month, day, secs int) int64 {
	if packed := year<<9 | month<<5 | day; packed != c.day {
		c.turnTo(packed, year, month, day)
	}
	if c.even {
		return c.start + int64(secs)
	}
	return time.Date(year, time.Month(month), day, 0, 0, secs, 0, c.zone).Unix()
}

func (c *clock) turnTo(packed, year, month, day int) {
	c.day = packed
	c.start = time.Date(year, time.Month(month), day, 0, 0, 0, 0, c.zone).Unix()
	c.even = time.Date(year, time.Month(month), day+1, 0, 0, 0, 0, c.zone).Unix()-c.start == secondsOfDay
}

// inNamedZone corrects an instant for the abbreviation that stood beside it.
// Only the hour that comes twice in autumn needs it: abbreviations are not
// unique in the world, so one that the zone does not know changes nothing,
// those that mean UTC everywhere apart.
func (c *clock) inNamedZone(secs int64, name string) int64 {
	here, offset := time.Unix(secs, 0).In(c.zone).Zone()
	switch {
	case here == name:
		return secs
	case name == "UTC" || name == "GMT":
		return secs + int64(offset)
	}
	for _, other := range [...]int64{secs + 3600, secs - 3600} {
		there, o := time.Unix(other, 0).In(c.zone).Zone()
		if there == name && other+int64(o) == secs+int64(offset) {
			return other
		}
	}
	return secs
}

// withoutYear gives the seconds since 1970 of a stamp that has no year: of
// the first stated year and on from there, or else of the latest year that
// makes it no later than a day after newest.
func (c *clock) withoutYear(month, day, secs int, newest time.Time) int64 {
	if c.stated != 0 {
		return c.onFromStated(month, day, secs)
	}
	if c.date == month<<5|day && c.holds(newest) {
		return c.local(c.year, month, day, secs)
	}
	return c.infer(month, day, secs, newest)
}

func (c *clock) infer(month, day, secs int, newest time.Time) int64 {
	c.byNow = newest.IsZero()
	if c.byNow {
		newest = c.now()
	}
	limit := newest.Unix() + secondsOfDay
	year := yearBefore(month, day, newest.Add(secondsOfDay*time.Second).In(c.zone).Year()+1)
	for c.local(year, month, day, secs) > limit {
		year = yearBefore(month, day, year)
	}
	c.remember(month, day, year, newest.Unix())
	return c.local(year, month, day, secs)
}

// remember keeps the year for the other lines of that day, unless part of the
// day lies beyond the limit.
func (c *clock) remember(month, day, year int, at int64) {
	c.date, c.spelled = 0, 0
	begins := c.local(year, month, day, 0)
	next := year + 1
	for month == 2 && day == 29 && !isLeap(next) {
		next++
	}
	c.from, c.until = begins, c.local(next, month, day, 0)-secondsOfDay
	if c.from <= at && at < c.until {
		c.date, c.year = month<<5|day, year
	}
}

// yearBefore gives the last year before another that has the date.
func yearBefore(month, day, year int) int {
	year--
	for month == 2 && day == 29 && !isLeap(year) {
		year--
	}
	return year
}

// onFromStated dates a log whose first line is known to be of a certain year:
// a step back by half a year is the turn of the year. A straggler that was
// written just before the turn keeps the old year and moves nothing.
func (c *clock) onFromStated(month, day, secs int) int64 {
	for month == 2 && day == 29 && !isLeap(c.current) {
		c.current++
	}
	at := c.local(c.current, month, day, secs)
	if !c.begun {
		c.begun, c.last = true, at
		return at
	}
	switch {
	case at < c.last-halfYear && c.current < lastYear:
		c.current++
		at = c.local(c.current, month, day, secs)
	case at > c.last+halfYear && c.current > c.stated:
		if before := c.local(c.current-1, month, day, secs); before >= c.last-secondsOfDay {
			return before
		}
	}
	c.last = at
	return at
}

// any reads a time that a JSON field holds whole: a stamp, or a number of
// seconds, or of smaller units where it is too large for seconds.
func (c *clock) any(b []byte, newest time.Time) int64 {
	if st, n := c.stampAt(b, newest); n > 0 && n == len(b) {
		return st.ns
	}
	n, i := numberAt(b, 0)
	if i == 0 || i > 18 && i != 19 {
		return 0
	}
	var ns int64
	if i < len(b) {
		if b[i] != '.' {
			return 0
		}
		var end int
		if ns, end = fraction(b, i); end != len(b) {
			return 0
		}
	}
	switch {
	case n < 9e9:
		return n*1e9 + ns
	case n < 9e12:
		return n*1e6 + ns/1e3
	case n < 9e15:
		return n*1e3 + ns/1e6
	}
	return n
}

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
	t := b[i : i+8 : i+8]
	h, m, s := two(t, 0), two(t, 3), two(t, 6)
	if t[2] != ':' || t[5] != ':' || uint(h) > 23 || uint(m) > 59 || uint(s) > 60 {
		return -1
	}
	return h*3600 + m*60 + s
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
