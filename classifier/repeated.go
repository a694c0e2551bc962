package classifier

import "github.com/sshwhy/sshwhy"

// repeatable is what a line counted, for "last message repeated N times": that
// line has neither a program nor a process, and means the line before it of
// the same host.
type repeatable struct {
	of              *connection
	number          uint64 // of the connection
	passwords, keys int
}

// repeat counts a line's repetitions. It is no evidence of its own.
func (k *Classifier) repeat(h *host, ev *sshwhy.Event) {
	p := &h.previous
	if p.of == nil || p.of.number != p.number {
		return
	}
	p.of.passwords += p.passwords * int(ev.Repeat)
	p.of.keys += p.keys * int(ev.Repeat)
	k.table.mark(p.of)
}

// interrupted notes that a host's last line is none that can be repeated.
func (k *Classifier) interrupted(h *host) {
	if h != nil && h.previous.of != nil {
		h.previous = repeatable{}
		k.table.markHost(h)
	}
}
