//go:build unix

package main

import (
	"time"

	"github.com/sshwhy/sshwhy"
)

// unseenWatch tells once that a log, though it is followed, has had no line of
// sshd: it is the wrong one, or may not be read. It is for the first run alone;
// later, a quiet night is no news.
type unseenWatch struct {
	first bool // nothing was ever read in an earlier run
	began time.Time
	done  bool
	tell  func(*sshwhy.Notice)
}

// unseenAfter is how long the first line may take.
const unseenAfter = 5 * time.Minute

// note looks at an event. Ticks come also while nothing is read.
func (u *unseenWatch) note(ev *sshwhy.Event, now time.Time) {
	switch {
	case u.done || !u.first:
	case !ev.Record.Tick && ev.Line == sshwhy.LineParsed:
		u.done = true
	case now.Sub(u.began) > unseenAfter:
		u.done = true
		u.tell(&sshwhy.Notice{Code: "no-sshd-line", Text: "no line of sshd has come in the " + unseenAfter.String() + " since the start",
			Hint: "see whether it is the right log, and may be read: by the group adm or systemd-journal, in a container with the host's /etc/machine-id; Debian 12 and later have a journal and no auth.log"})
	}
}
