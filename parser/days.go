package parser

import (
	"encoding/binary"
	"time"
)

// Lines follow each other at the same second, or on the same day. So the spelling
// of a day is remembered with the second at which it began, and of the stamps of
// its lines only the time of day is read.

// namedDay is a day that lines spell as "Nov 22 ". It holds where newest, which
// leads to the year, lies in a span of time; the zero value holds nowhere.
type namedDay struct {
	text     uint64 // "Nov 22 " behind a zero
	midnight int64  // in seconds since 1970
	from     int64  // the span's first second
	span     uint64 // the number of its seconds

	// The last stamp of that day with the blank behind it, and its instant.
	stamp [2]uint64
	ns    int64
}

// namedSize is the length of "Nov 22 15:32:51 ".
const namedSize = 16

// namedText takes the seven bytes of "Nov 22 " as one number.
func namedText(b []byte) uint64 { return binary.LittleEndian.Uint64(b) << 8 }

func (d *namedDay) holds(newest time.Time) bool { return uint64(newest.Unix()-d.from) < d.span }

// again tells that b begins with the last stamp. Where the day holds, its instant
// is ns.
func (d *namedDay) again(b *[namedSize]byte) bool {
	return (binary.LittleEndian.Uint64(b[:])^d.stamp[0])|(binary.LittleEndian.Uint64(b[wide:])^d.stamp[1]) == 0
}

// read tells whether b begins with a stamp of the day that has no fraction. Its
// instant is then ns.
func (d *namedDay) read(b *[namedSize]byte, newest time.Time) bool {
	if namedText(b[:]) != d.text || b[namedSize-1] != ' ' || !d.holds(newest) {
		return false
	}
	secs := daytimeOf(binary.LittleEndian.Uint64(b[len("Nov 22 "):]))
	if secs < 0 {
		return false
	}
	d.stamp = [...]uint64{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[wide:])}
	d.ns = (d.midnight + int64(secs)) * 1e9
	return true
}

// nameDay remembers how the date is spelled, where all of its day is even.
func (c *clock) nameDay(b []byte, month, day int) {
	if !c.even || c.stated != 0 || c.date != month<<5|day || c.day != c.year<<9|c.date {
		return
	}
	c.named = namedDay{text: namedText(b), midnight: c.start, from: c.from, span: uint64(c.until - c.from)}
	if c.byNow {
		c.named.from, c.named.span = time.Time{}.Unix(), 1
	}
}

// numberedDay is a day that lines spell as "2026-11-22T", with the layout of what
// stands behind the time of day: a point and some digits or nothing, and a zone
// that names its distance from UTC. The zero value reads nothing.
type numberedDay struct {
	text     [2]uint64 // "2026-11-" and "6-11-22T"
	midnight int64     // in seconds since 1970
	size     int       // of the stamp with the blank behind it
	digits   int       // of the fraction
	unit     int64     // of its last digit, in nanoseconds
	// end is the zone with the blank, as far as mask tells, at the end of the
	// eight bytes at last.
	end, mask uint64
	last      uint8

	// The last time of day, and the instant at which its second began.
	daytime uint64
	second  int64
}

const (
	// numberedMost is the length of the longest stamp that is remembered,
	// "2026-11-22T15:32:51.1234567+01:00 ".
	numberedMost = 34
	// numberedDigits bounds the fraction to less than what is read at once.
	numberedDigits = wide - 1
)

// read gives the instant of a stamp of the day in the same layout.
func (d *numberedDay) read(b *[headSize]byte) (ns int64, ok bool) {
	if d.size == 0 || binary.LittleEndian.Uint64(b[:]) != d.text[0] || binary.LittleEndian.Uint64(b[3:]) != d.text[1] {
		return 0, false
	}
	if binary.LittleEndian.Uint64(b[d.last%(headSize-wide):])&d.mask != d.end {
		return 0, false
	}
	if at := binary.LittleEndian.Uint64(b[len("2026-11-22T"):]); at != d.daytime && !d.turnTo(at) {
		return 0, false
	}
	if d.digits > 0 {
		fraction := binary.LittleEndian.Uint64(b[len("2026-11-22T15:32:51."):])
		if b[len("2026-11-22T15:32:51")] != '.' || first(nonDigits(fraction)) != d.digits {
			return 0, false
		}
		ns = int64(decimal(fraction, d.digits)) * d.unit
	}
	return d.second + ns, true
}

// turnTo makes at the last time of day; false where it is none.
func (d *numberedDay) turnTo(at uint64) bool {
	secs := daytimeOf(at)
	if secs < 0 {
		return false
	}
	d.daytime, d.second = at, (d.midnight+int64(secs))*1e9
	return true
}

// numberDay remembers a day and the layout of a stamp of it: midnight is its
// beginning, point where the time of day ends, zone where the fraction does, and
// end where the stamp does.
func (c *clock) numberDay(b []byte, midnight int64, point, zone, end int) {
	digits := max(zone-point-1, 0)
	if end == len(b) || b[end] != ' ' || digits > numberedDigits || digits > 0 && b[point] != '.' || end >= numberedMost {
		return
	}
	d := numberedDay{midnight: midnight, size: end + 1, last: uint8(end + 1 - wide), digits: digits, unit: 1e9}
	for range digits {
		d.unit /= 10
	}
	d.text = [...]uint64{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[3:])}
	d.mask = ^uint64(0) << (8 * (wide - (d.size - zone)))
	d.end = binary.LittleEndian.Uint64(b[d.last:]) & d.mask
	if d.turnTo(binary.LittleEndian.Uint64(b[len("2026-11-22T"):])) {
		c.numbered = d
	}
}
