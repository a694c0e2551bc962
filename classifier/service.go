package classifier

import (
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// service is what a host's sshd says of itself, from a start or a reload to
// the line that tells how it went.
type service struct {
	notes *connection // the lines so far, nil for none
	fails bool        // a line said that sshd ends
	// told is what was said since the last start: every connection's
	// process reads the configuration and the keys again, and says so.
	told []sshwhy.CauseID
}

// serviceQuiet is how long sshd may be silent before what it said of itself
// counts as all: a failing start takes no second.
const serviceQuiet = int64(5 * time.Second)

// startsUp tells whether a line that connections write as well is one of a
// start: it comes from a process that is no connection's.
func (k *Classifier) startsUp(h *host, ev *sshwhy.Event) bool {
	key := h.processKey(ev.PID)
	c := k.table.byProcess[key]
	return c == nil || c == h.service.notes
}

// belongsToStart tells whether a line between those of a start is a part of
// it: it names neither a client nor a user, and says nothing on a login.
func (k *Classifier) belongsToStart(h *host, ev *sshwhy.Event, r *rule) bool {
	notes := h.service.notes
	return notes != nil && notes.pid == ev.PID && r.signals == 0 && !r.early && ev.Stage == sshwhy.StageNone &&
		!ev.Has(sshwhy.FieldAddr) && !ev.Has(sshwhy.FieldUser)
}

// serve adds a line of the listener to what its sshd says of itself.
func (k *Classifier) serve(h *host, ev *sshwhy.Event, r *rule) {
	s := &h.service
	if s.notes != nil && s.notes.pid != ev.PID {
		k.settleService(h, true)
	}
	switch r.does {
	case doListen:
		k.settleService(h, true)
		return
	case doStop:
		k.settleService(h, true)
		s.told = s.told[:0]
		k.note(h, ev, r)
		k.settleService(h, true)
		s.told = s.told[:0]
		return
	case doRestart:
		k.settleService(h, true)
		s.told = s.told[:0]
		return
	}
	k.note(h, ev, r)
	if r.does == doFail || ev.Level == sshwhy.LevelFatal {
		s.fails = true
	}
}

// note keeps a line of the listener.
func (k *Classifier) note(h *host, ev *sshwhy.Event, r *rule) {
	s := &h.service
	if s.notes == nil {
		s.notes = k.table.create(h, ev, h.processKey(ev.PID))
		h.waiting.remove(s.notes)
		s.notes.state = stateService
		h.notes.add(s.notes)
	}
	s.notes.last = max(s.notes.last, ev.Time)
	k.learn(s.notes, ev, r)
}

// settleService gives the finding of what a host's sshd said of itself, once
// it has said all.
func (k *Classifier) settleService(h *host, now bool) {
	s := &h.service
	if s.notes == nil || !now && h.clock-s.notes.last < serviceQuiet {
		return
	}
	c, fails := s.notes, s.fails
	s.notes, s.fails = nil, false
	if p := k.best(c, nil); p != nil && (fails || !slices.Contains(s.told, p.cause)) {
		s.told = append(s.told, p.cause)
		k.tellService(c, p, fails)
	}
	k.table.remove(c)
}

func (k *Classifier) tellService(c *connection, p *shown, fails bool) {
	d := decision{cause: p.cause, confidence: p.confidence, why: "sshd says so of itself"}
	if p.cause != k.known.stopped && (fails || k.fatalAlone(c)) {
		d.outcome = sshwhy.OutcomeStartupFailed
	}
	if p.confidence != sshwhy.ConfidenceCertain {
		d.candidates = k.alike(p.cause)
	}
	k.hand(c, d)
}

// fatalAlone tells whether the last line is one after which sshd cannot have
// gone on. Before it has loaded its keys, sshd writes errors and fatal errors
// to standard error without the words (log.c do_log), so the catalogue's level
// counts.
func (k *Classifier) fatalAlone(c *connection) bool {
	last := c.lines[len(c.lines)-1].pattern
	for _, l := range k.patterns.Entries[last-1].Levels {
		if l == sshwhy.LevelFatal {
			return true
		}
	}
	return last == patterns.ConfigTerminating
}
