package parser

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/sshwhy/sshwhy"
)

// timeOf gives the time of a line that begins with a stamp.
func timeOf(s *splitter, stamp string, newest time.Time) time.Time {
	var h sshwhy.Header
	s.split([]byte(stamp+" web01 sshd[1]: x"), newest, &h)
	return time.Unix(0, h.Time).UTC()
}

func date(year int, month time.Month, day, hour, minute, second int) time.Time {
	return time.Date(year, month, day, hour, minute, second, 0, time.UTC)
}

// TestHeaderYearInferred tells which year lines without one get: the latest in
// which they are no more than a day younger than the newest line may be.
func TestHeaderYearInferred(t *testing.T) {
	newest := date(2027, 1, 3, 12, 0, 0)
	for _, c := range []struct {
		story, stamp string
		newest, want time.Time
	}{
		{"earlier this year", "Jan  2 10:00:00", newest, date(2027, 1, 2, 10, 0, 0)},
		{"last year's end", "Dec 31 23:59:59", newest, date(2026, 12, 31, 23, 59, 59)},
		{"a clock that is hours ahead", "Jan  4 11:59:59", newest, date(2027, 1, 4, 11, 59, 59)},
		{"a day ahead to the second", "Jan  4 12:00:00", newest, date(2027, 1, 4, 12, 0, 0)},
		{"too far ahead to be true", "Jan  4 12:00:01", newest, date(2026, 1, 4, 12, 0, 1)},
		{"the leap day of three years ago", "Feb 29 08:00:00", newest, date(2024, 2, 29, 8, 0, 0)},
		{"the leap day across a century without one", "Feb 29 08:00:00", date(1903, 5, 1, 0, 0, 0), date(1896, 2, 29, 8, 0, 0)},
		{"the leap day on the day", "Feb 29 08:00:00", date(2028, 2, 29, 9, 0, 0), date(2028, 2, 29, 8, 0, 0)},
		{"new year's day seen from new year's eve", "Jan  1 00:00:10", date(2026, 12, 31, 23, 59, 0), date(2027, 1, 1, 0, 0, 10)},
		{"no newest: now", "Nov 22 15:32:51", time.Time{}, date(2026, 11, 22, 15, 32, 51)},
		{"no newest: a year before now", "Nov 24 15:32:51", time.Time{}, date(2025, 11, 24, 15, 32, 51)},
	} {
		if got := timeOf(utcSplitter(), c.stamp, c.newest); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.story, got, c.want)
		}
	}
}

// TestHeaderYearNeedsNoMemory asks one splitter what a fresh one says, over
// days and newest times in an order that what it remembers must survive.
func TestHeaderYearNeedsNoMemory(t *testing.T) {
	used := utcSplitter()
	for year := 2023; year < 2029; year++ {
		for day := range 366 {
			newest := date(year, 1, 1+day, 6, 0, 0)
			for _, off := range []int{-400, -365, -1, 0, 1, 2, 200} {
				stamp := newest.AddDate(0, 0, off).Format(time.Stamp)
				got, want := timeOf(used, stamp, newest), timeOf(utcSplitter(), stamp, newest)
				if !got.Equal(want) {
					t.Fatalf("%s with newest %v: %v, a fresh one says %v", stamp, newest, got, want)
				}
			}
		}
	}
}

// TestHeaderYearStated follows a log of three years whose first is known.
func TestHeaderYearStated(t *testing.T) {
	s := newSplitter(Options{Zone: time.UTC, Year: 2022})
	for _, c := range []struct {
		stamp string
		want  time.Time
	}{
		{"Nov 30 10:00:00", date(2022, 11, 30, 10, 0, 0)},
		{"Nov 30 09:59:58", date(2022, 11, 30, 9, 59, 58)}, // out of order
		{"Dec 31 23:59:59", date(2022, 12, 31, 23, 59, 59)},
		{"Jan  1 00:00:01", date(2023, 1, 1, 0, 0, 1)},
		{"Dec 31 23:59:59", date(2022, 12, 31, 23, 59, 59)}, // a straggler
		{"Jan  1 00:00:02", date(2023, 1, 1, 0, 0, 2)},
		{"Aug 20 00:00:00", date(2023, 8, 20, 0, 0, 0)}, // after a long silence
		{"Feb 29 12:00:00", date(2024, 2, 29, 12, 0, 0)},
	} {
		if got := timeOf(s, c.stamp, anEvening); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.stamp, got, c.want)
		}
	}
}

// TestHeaderZone walks over the days on which a zone's clocks change, where
// no hour may be taken from a remembered day.
func TestHeaderZone(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "America/Sao_Paulo"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		s := newSplitter(Options{Zone: zone})
		newest := date(2018, 12, 30, 0, 0, 0)
		for at := date(2018, 1, 1, 12, 0, 0); at.Before(newest); at = at.Add(37 * time.Minute) {
			wall := at.In(zone)
			want := time.Date(2018, wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
			if wall.Year() != 2018 {
				continue
			}
			for _, layout := range []string{"Jan _2 15:04:05", "2006-01-02T15:04:05", "2006 Jan 2 15:04:05"} {
				if got := timeOf(s, wall.Format(layout), newest); !got.Equal(want) {
					t.Fatalf("%s in %s: %v, want %v", wall.Format(layout), name, got, want.UTC())
				}
			}
		}
	}
}

// TestHeaderZoneNamed takes both hours of an autumn night apart.
func TestHeaderZoneNamed(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := newSplitter(Options{Zone: berlin})
	for stamp, want := range map[string]time.Time{
		"Sun 2026-10-25 02:30:00 CEST":  date(2026, 10, 25, 0, 30, 0),
		"Sun 2026-10-25 02:30:00 CET":   date(2026, 10, 25, 1, 30, 0),
		"Sun 2026-10-25 02:30:00 UTC":   date(2026, 10, 25, 2, 30, 0),
		"Sun 2026-10-25 02:30:00 +0530": date(2026, 10, 24, 21, 0, 0),
		"Mon 2026-07-13 12:00:00 XST":   date(2026, 7, 13, 10, 0, 0), // unknown: the zone's own
	} {
		if got := timeOf(s, stamp, anEvening); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", stamp, got, want)
		}
	}
}

func TestHeaderDaysSince1970(t *testing.T) {
	for at := date(firstYear, 1, 1, 0, 0, 0); at.Year() <= lastYear; at = at.AddDate(0, 0, 1) {
		if got := daysSince1970(at.Year(), int(at.Month()), at.Day()); got != at.Unix()/secondsOfDay {
			t.Fatalf("%v: %d", at, got)
		}
	}
}

// TestHeaderAnyTime reads the times that JSON holds.
func TestHeaderAnyTime(t *testing.T) {
	want := date(2026, 11, 22, 15, 32, 51)
	for _, text := range []string{
		"1795361571", "1795361571.0", "1795361571000", "1795361571000000", "1795361571000000000",
		"2026-11-22T15:32:51Z", "2026-11-22T15:32:51.000Z", "Nov 22 15:32:51",
	} {
		s := utcSplitter()
		if got := time.Unix(0, s.clock.any([]byte(text), anEvening)); !got.Equal(want) {
			t.Errorf("%q: %v", text, got.UTC())
		}
	}
	for _, text := range []string{"", "x", "1795361571x", "1795361571.x", "99999999999999999999", "2026-11-22T15:32:51Z x"} {
		s := utcSplitter()
		if got := s.clock.any([]byte(text), anEvening); got != 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
}
