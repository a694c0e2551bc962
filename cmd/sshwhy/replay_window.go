package main

import (
	"fmt"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// outside is what was read of a log and lies outside of the window.
type outside struct {
	sshd        bool // some of it is sshd's
	first, last int64
}

// note takes a line that has a time.
func (o *outside) note(ev *sshwhy.Event) {
	o.sshd = o.sshd || ev.Line != sshwhy.LineSkipped
	if o.first == 0 || ev.Time < o.first {
		o.first = ev.Time
	}
	o.last = max(o.last, ev.Time)
}

// missesWindow tells whether all was read as it should be, there are lines, and
// none of sshd's lies in the window; and between which times they lie. Either is
// 0 where it would have to be looked for: what lies outside is passed over as far
// as that can be done.
func (r *replayer) missesWindow() (first, last int64, misses bool) {
	total := r.accounting.Total()
	if r.during == everything || total.Parsed+total.Unparsed > 0 || r.troubles > 0 || r.page.Interrupted {
		return 0, 0, false
	}
	first, passed := r.outside.first, false
	inputs := r.archive.Inputs()
	for i := range inputs {
		in := &inputs[i]
		passed = passed || in.Passed > 0
		if in.First != 0 && (first == 0 || in.First < first) {
			first = in.First
		}
	}
	if !r.outside.sshd && !passed && (total.Read() > 0 || first == 0) {
		return 0, 0, false
	}
	// Reading stops behind the window. Of several logs, one that was passed
	// over may end later than those that were read.
	if r.outside.last < r.during.since && (!passed || len(inputs) == 1) {
		last = r.outside.last
	}
	return first, last, true
}

// sayMissed has the summary say that the window holds nothing, in place of that
// there is no line of sshd.
func (r *replayer) sayMissed(first, last int64) {
	words := *r.page.Words
	words.Summary.NoSSHD = r.nothingInWindow() + r.extent(first, last)
	r.page.Words = &words
}

// nothingInWindow says that no line of sshd lies in the window.
func (r *replayer) nothingInWindow() string {
	japanese := r.page.Words.Language == causes.Japanese
	switch {
	case r.o.until == "" && japanese:
		return "--since 以降の sshd の行はありません"
	case r.o.until == "":
		return "no line of sshd is as late as --since"
	case r.o.since == "" && japanese:
		return "--until より前の sshd の行はありません"
	case r.o.since == "":
		return "no line of sshd is earlier than --until"
	case japanese:
		return "--since から --until までの sshd の行はありません"
	}
	return "no line of sshd falls between --since and --until"
}

// extent says between which times a log lies, as far as that is known.
func (r *replayer) extent(first, last int64) string {
	at := func(ns int64) string { return time.Unix(0, ns).In(r.page.Zone).Format("2006-01-02 15:04:05 -0700") }
	japanese := r.page.Words.Language == causes.Japanese
	switch {
	case first == 0:
		return ""
	case last == 0 && japanese:
		return fmt.Sprintf("（ログの最初は %s）", at(first))
	case last == 0:
		return "; the log begins at " + at(first)
	case japanese:
		return fmt.Sprintf("（ログの最初は %s、最後は %s）", at(first), at(last))
	}
	return fmt.Sprintf("; the log begins at %s and ends at %s", at(first), at(last))
}
