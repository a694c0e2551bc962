package tailers

import (
	"fmt"
	"time"

	"github.com/sshwhy/sshwhy"
)

// silence watches how often anything comes.
type silence struct {
	last    time.Time // when anything came
	longest time.Duration
	heardOf int // times that anything came
	told    bool
	polling bool // it was told that the system does not tell of changes
}

// A silence is told of when it is so many times longer than the longest
// before, and never below an hour: nights are quiet.
const (
	muchLonger = 3
	leastTold  = time.Hour
	leastSeen  = 20
)

func (s *silence) heard() {
	now := time.Now()
	s.longest = max(s.longest, now.Sub(s.last))
	s.last = now
	s.heardOf++
	s.told = false
}

// unusual tells, once for a silence, that nothing has come for much longer than
// before.
func (s *silence) unusual(now time.Time) bool {
	quiet := now.Sub(s.last)
	if s.told || s.heardOf < leastSeen || quiet < leastTold || quiet < muchLonger*s.longest {
		return false
	}
	s.told = true
	return true
}

// complain says what is wrong with those who write the log.
func (c *custody) complain(f *following, now time.Time) {
	for _, g := range f.generations {
		if g == f.named || g.content() == nil || g.left.IsZero() || !g.grown.After(g.left.Add(c.limits.stale)) {
			continue
		}
		if f.named == nil || f.named.seen == 0 {
			c.tell(f, "not-reopened", "was rotated, and its writer still writes to the old file",
				"have the writer open its log again: systemctl kill -s HUP rsyslog; it belongs into postrotate of the logrotate configuration")
		}
	}
	if f.named != nil && f.named.seen > 0 {
		delete(f.told, "not-reopened")
	}
	if s := &c.silence; s.unusual(now) {
		c.trouble(&sshwhy.Notice{
			Code: "silence", Source: c.pattern,
			Text: fmt.Sprintf("nothing has come for %v; the longest pause before was %v", now.Sub(s.last).Round(time.Minute), s.longest.Round(time.Second)),
			Hint: "see whether sshd logs to another place, and whether the syslog daemon runs: logger -p auth.info test",
		})
	}
}
