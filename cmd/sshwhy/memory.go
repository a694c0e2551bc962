package main

import (
	"runtime/debug"
	"time"

	"github.com/sshwhy/sshwhy"
)

// startSmall keeps the memory that a start takes near to what stays of it,
// until the function that it gives is called: tables are read by way of much
// that is thrown away, and what stays would lie scattered among it.
func startSmall() (done func()) {
	before := debug.SetGCPercent(25)
	return func() { debug.SetGCPercent(before) }
}

// quietMemory gives memory back when a log that is followed has become quiet:
// after the start, and after every burst. The collector of the runtime by itself
// would keep twice of what is needed, and for a service that mostly waits that
// is what it takes.
type quietMemory struct {
	idle  time.Duration // since the last line
	given bool          // nothing has come since it was given back
}

// quietFor is how long nothing must have come.
const quietFor = 2 * time.Second

// note sees every event.
func (q *quietMemory) note(ev *sshwhy.Event) {
	if !ev.Record.Tick {
		q.idle, q.given = 0, false
		return
	}
	if q.idle += ev.Record.Elapsed; q.idle >= quietFor && !q.given {
		q.given = true
		debug.FreeOSMemory()
	}
}
