package main

import (
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// TestOffsetWatch tells when times in a log are pointed out as off.
func TestOffsetWatch(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		backlog bool
		offset  func(line int) time.Duration
		want    time.Duration
	}{
		{"on time", false, func(i int) time.Duration { return time.Duration(-i) * 100 * time.Millisecond }, 0},
		{"two hours behind: the zone", false, func(i int) time.Duration { return -2*time.Hour - time.Duration(i)*time.Millisecond }, -2 * time.Hour},
		{"ten minutes ahead: the clock", false, func(int) time.Duration { return 10 * time.Minute }, 10 * time.Minute},
		{"a backlog is old, and says nothing", true, func(int) time.Duration { return -2 * time.Hour }, 0},
		{"a file that is copied in says nothing", false, func(i int) time.Duration { return time.Duration(-i) * time.Minute }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var told []time.Duration
			o := offsetWatch{now: func() time.Time { return now }, tell: func(d time.Duration) { told = append(told, d) }}
			ev := sshwhy.Event{Line: sshwhy.LineParsed, Record: &sshwhy.Record{Tick: true}}
			if !c.backlog {
				o.note(&ev)
			}
			ev.Record = &sshwhy.Record{}
			for i := range 100 {
				ev.Time = now.Add(c.offset(i)).UnixNano()
				o.note(&ev)
			}
			switch {
			case c.want == 0 && len(told) > 0:
				t.Errorf("it was told that times are off by %s", told)
			case c.want != 0 && (len(told) != 1 || (told[0]-c.want).Abs() > time.Second):
				t.Errorf("told was %s, want %s once", told, c.want)
			}
		})
	}
}
