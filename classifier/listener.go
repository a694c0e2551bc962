package classifier

import (
	"time"

	"github.com/sshwhy/sshwhy"
)

// drop gives the finding of a connection that sshd's listener closed at once:
// it never had a process of its own, so each line is a connection.
func (k *Classifier) drop(h *host, ev *sshwhy.Event) {
	c := k.table.create(h, ev, 0) // the process is the listener's
	c.ordinal = k.table.counted(h, ev, ev.Time/int64(time.Second))
	var f facts
	k.learn(c, ev, &k.rules[ev.Pattern], &f)
	k.settle(c)
	k.table.remove(c)
}

// timeOut settles the connection whose process the listener names: nobody
// logged in within LoginGraceTime (since 9.8, sshd.c child_reap).
func (k *Classifier) timeOut(h *host, ev *sshwhy.Event) {
	pid := int32(ev.Int(sshwhy.FieldPID))
	if pid == 0 { // up to 9.7 the connection's own process writes the line
		pid = ev.PID
	}
	c := k.table.ofProcess(h.processKey(pid))
	if c == nil || c.state != stateOpen {
		c = k.createOf(h, ev, pid)
	}
	k.table.touch(h, c, ev.Time)
	var f facts
	k.learn(c, ev, &k.rules[ev.Pattern], &f)
	k.settle(c)
}

// createOf opens the connection of a process that another writes about.
func (k *Classifier) createOf(h *host, ev *sshwhy.Event, pid int32) *connection {
	named := *ev
	named.PID = pid
	return k.table.create(h, &named, h.processKey(pid))
}

// reap takes the listener's word on the process of a connection that ended before
// anyone logged in (since 9.8, sshd.c child_reap). Where nothing else is known of
// the connection it counts only if it tells a cause.
func (k *Classifier) reap(h *host, ev *sshwhy.Event, r *rule) {
	pid := int32(ev.Int(sshwhy.FieldPID))
	c := k.table.ofProcess(h.processKey(pid))
	if c == nil || c.state == stateService {
		if len(r.proofs) == 0 {
			return
		}
		c = k.createOf(h, ev, pid)
	}
	k.table.touch(h, c, ev.Time)
	var f facts
	k.learn(c, ev, r, &f)
	if c.state == stateOpen {
		k.settle(c)
	} else {
		k.revise(c)
	}
	k.bound(h)
}
