package parser

import "time"

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

	// How lines spelled the days of their stamps of late.
	named    namedDay
	numbered numberedDay

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

// holds tells that newest leads to the year of the remembered date.
func (c *clock) holds(newest time.Time) bool {
	if c.byNow {
		return newest.IsZero()
	}
	at := newest.Unix()
	return c.from <= at && at < c.until
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
	c.date, c.named = 0, namedDay{}
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
