package parser

import (
	"math"
	"time"
)

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
		if len(b) >= namedSize && c.named.read((*[namedSize]byte)(b), newest) {
			return stamp{ns: c.named.ns, form: formRFC3164}, namedSize - 1
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
			c.nameDay(b, month, day)
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
		midnight := daysSince1970(year, month, day)*secondsOfDay - int64(offset)
		st.ns = (midnight+int64(secs))*1e9 + ns
		c.numberDay(b, midnight, 19, i, i+n)
		i += n
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
