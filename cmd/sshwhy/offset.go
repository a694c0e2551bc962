package main

import (
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
)

// offsetWatch notices that the times of lines that have just been written
// differ from this host's clock by a constant: a zone that was assumed wrongly,
// or a clock that is off.
type offsetWatch struct {
	now     func() time.Time
	tell    func(time.Duration)
	live    bool // the backlog was read: what comes now was written now
	samples []time.Duration
	told    bool
}

const (
	// offsetSamples is how many lines must agree.
	offsetSamples = 20
	// offsetSpread is how far from their middle they may lie: syslog
	// daemons hold lines back for a moment.
	offsetSpread = 10 * time.Second
	// offsetLeast is what a clock may be off by without a word.
	offsetLeast = 2 * time.Minute
)

// note looks at an event. The first tick says that the backlog was read.
func (o *offsetWatch) note(ev *sshwhy.Event) {
	switch {
	case ev.Record.Tick:
		o.live = true
		return
	case o.told || !o.live || ev.Line == sshwhy.LineSkipped || ev.Time == 0:
		return
	}
	o.samples = append(o.samples, time.Unix(0, ev.Time).Sub(o.now()))
	if len(o.samples) < offsetSamples {
		return
	}
	slices.Sort(o.samples)
	middle := o.samples[len(o.samples)/2]
	if o.samples[len(o.samples)-1]-o.samples[0] < 2*offsetSpread && middle.Abs() > offsetLeast {
		o.told = true
		o.tell(middle.Round(time.Second))
	}
	o.samples = o.samples[:0]
}
