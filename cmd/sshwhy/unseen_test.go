//go:build unix

package main

import (
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// TestUnseen: that no line of sshd comes is told once, in the first run, and
// not where one came.
func TestUnseen(t *testing.T) {
	tick := &sshwhy.Event{Record: &sshwhy.Record{Tick: true}}
	line := &sshwhy.Event{Record: &sshwhy.Record{}, Line: sshwhy.LineParsed}
	other := &sshwhy.Event{Record: &sshwhy.Record{}, Line: sshwhy.LineSkipped}
	for _, c := range []struct {
		name   string
		first  bool
		events []*sshwhy.Event // one a minute
		told   int
	}{
		{"nothing", true, []*sshwhy.Event{tick, tick, tick, tick, tick, tick, tick, tick, tick}, 1},
		{"another program", true, []*sshwhy.Event{other, tick, other, tick, tick, other, tick, tick}, 1},
		{"soon enough", true, []*sshwhy.Event{tick, tick, line, tick, tick, tick, tick, tick}, 0},
		{"not yet", true, []*sshwhy.Event{tick, tick, tick}, 0},
		{"a later run", false, []*sshwhy.Event{tick, tick, tick, tick, tick, tick, tick, tick}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			told, now := 0, time.Now()
			u := unseenWatch{first: c.first, began: now, tell: func(*sshwhy.Notice) { told++ }}
			for _, ev := range c.events {
				now = now.Add(time.Minute)
				u.note(ev, now)
			}
			if told != c.told {
				t.Errorf("it was told %d times, want %d", told, c.told)
			}
		})
	}
}
