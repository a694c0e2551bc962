package classifier

import (
	"math"
	"time"

	"github.com/sshwhy/sshwhy"
)

// clocks are what moves the hosts' clocks while nothing is written. The clock
// of a host is the highest time that a line of it bore, and runs on by the
// ticks of a live source; hosts do not share one, for theirs may differ.
type clocks struct {
	elapsed int64 // by all ticks, in nanoseconds
	// moved are the hosts whose lines have moved their clock since the last
	// tick: its time was theirs already.
	moved []*host
	// busy are the hosts that have something to settle or forget.
	busy queue[host]
}

// clockStep is how far ticks move the clock of a busy host before it is saved
// again.
const clockStep = int64(10 * time.Second)

// advance moves a host's clock to the time of a line of it, and settles what
// has waited too long.
func (k *Classifier) advance(h *host, now int64) {
	if k.catchUp(h); now <= h.clock {
		return
	}
	h.clock = now
	k.table.markHost(h)
	if !h.moved {
		h.moved = true
		k.clocks.moved = append(k.clocks.moved, h)
	}
	if now > h.due {
		k.expire(h)
	}
}

// catchUp adds the ticks to a host's clock, if it has been set.
func (k *Classifier) catchUp(h *host) {
	if h.clock != 0 && !h.moved {
		h.clock += k.clocks.elapsed - h.ticked
	}
	h.ticked = k.clocks.elapsed
}

// tick moves all clocks by the time that passed, and settles what has waited
// too long. Hosts that have nothing to settle catch up when they need it.
func (k *Classifier) tick(elapsed time.Duration) {
	c := &k.clocks
	c.elapsed += max(int64(elapsed), 0)
	for _, h := range c.moved {
		h.moved, h.ticked = false, c.elapsed
	}
	c.moved = c.moved[:0]
	for p := c.busy.first; p != nil; {
		h := p.of
		p = p.next
		if k.catchUp(h); h.clock-h.saved >= clockStep {
			k.table.markHost(h)
		}
		k.expire(h)
		if h.idle() {
			c.busy.remove(&h.place)
			h.busy = false
		}
	}
}

// rouse notes that a host has something to settle or forget.
func (c *clocks) rouse(h *host) {
	if !h.busy {
		h.busy = true
		c.busy.add(&h.place)
	}
}

// idle tells whether a host has nothing that time settles.
func (h *host) idle() bool {
	return h.in[stateOpen].first == 0 && h.in[stateDone].first == 0 && h.in[stateKept].first == 0 && h.in[stateService].first == 0 && h.episodes.first == nil
}

// expire settles and forgets what its host's clock is through with. What
// counts is when a line came, and not the time that it bears: a clock may be
// set back.
func (k *Classifier) expire(h *host) {
	t := &k.table
	for c := t.silent(h, stateOpen); c != nil; c = t.silent(h, stateOpen) {
		k.settle(c)
	}
	for c := t.silent(h, stateDone); c != nil; c = t.silent(h, stateDone) {
		k.retire(c)
	}
	for c := t.silent(h, stateKept); c != nil; c = t.silent(h, stateKept) {
		t.remove(c)
	}
	for e := h.episodes.oldest(); e != nil && h.clock-e.seen > attackWithin; e = h.episodes.oldest() {
		k.endEpisode(e)
	}
	for c := t.silent(h, stateService); c != nil; c = t.silent(h, stateService) {
		k.settleNotes(c)
	}
	h.due = forever
	for s := range h.in {
		if first := h.in[s].first; first != 0 {
			h.due = min(h.due, t.links[first].seen+t.patience[s])
		}
	}
	if e := h.episodes.oldest(); e != nil {
		h.due = min(h.due, e.seen+attackWithin)
	}
}

// atOnce is before any log, and forever is longer than one.
const (
	atOnce  = math.MinInt64
	forever = int64(1) << 62
)

// unwritten takes a record without text: a tick, or what a look at the host
// found.
func (k *Classifier) unwritten(r *sshwhy.Record) {
	k.installRestored()
	if r.Inspection != nil {
		k.inspect(r.Inspection)
	}
	if r.Tick {
		k.tick(r.Elapsed)
	}
}
