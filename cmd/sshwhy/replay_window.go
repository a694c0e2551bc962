package main

import (
	"fmt"
	"time"

	"github.com/sshwhy/sshwhy"
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
	w := &words.Summary
	switch {
	case r.o.until == "":
		w.NoSSHD = w.NoneSince
	case r.o.since == "":
		w.NoSSHD = w.NoneUntil
	default:
		w.NoSSHD = w.NoneBetween
	}
	at := func(ns int64) string { return time.Unix(0, ns).In(r.page.Zone).Format("2006-01-02 15:04:05 -0700") }
	switch {
	case first == 0:
	case last == 0:
		w.NoSSHD += fmt.Sprintf(w.LogBegins, at(first))
	default:
		w.NoSSHD += fmt.Sprintf(w.LogSpans, at(first), at(last))
	}
	r.page.Words = &words
}
