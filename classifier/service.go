package classifier

import (
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// What a host's sshd says of itself, from a start or a reload to the line that
// tells how it went, is kept like the lines of a connection, in stateService.

// serviceQuiet is how long sshd may be silent before what it said of itself
// counts as all: a failing start takes no second.
const serviceQuiet = int64(5 * time.Second)

// notesOf gives what the process of an event has said of its sshd, or nil.
func (k *Classifier) notesOf(h *host, ev *sshwhy.Event) *connection {
	if c := k.table.ofProcess(h.processKey(ev.PID)); c != nil && c.state == stateService {
		return c
	}
	return nil
}

// ofStart tells whether a line that may be a connection's is one of a start.
func (k *Classifier) ofStart(h *host, ev *sshwhy.Event, r *rule) bool {
	return r.start && k.startsUp(h, ev) || h.in[stateService].first != 0 && k.belongsToStart(h, ev, r)
}

// startsUp tells whether a line that connections write as well is one of a
// start: it comes from a process that is no connection's.
func (k *Classifier) startsUp(h *host, ev *sshwhy.Event) bool {
	c := k.table.ofProcess(h.processKey(ev.PID))
	return c == nil || c.state == stateService
}

// belongsToStart tells whether a line between those of a start is a part of
// it: it names neither a client nor a user, and says nothing on a login.
func (k *Classifier) belongsToStart(h *host, ev *sshwhy.Event, r *rule) bool {
	return k.notesOf(h, ev) != nil && r.signals == 0 && !r.early && ev.Stage == sshwhy.StageNone &&
		!ev.Has(sshwhy.FieldAddr) && !ev.Has(sshwhy.FieldUser)
}

// serve adds a line of the listener to what its sshd says of itself.
func (k *Classifier) serve(h *host, ev *sshwhy.Event, r *rule) {
	notes := k.notesOf(h, ev)
	switch r.does {
	case doListen:
		k.settleNotes(notes)
		return
	case doRestart:
		k.settleNotes(notes)
		k.untold(h)
		return
	case doStop:
		k.settleNotes(notes)
		k.settleNotes(k.note(h, ev, r))
		k.untold(h)
		return
	}
	notes = k.note(h, ev, r)
	if r.does == doFail || ev.Level == sshwhy.LevelFatal {
		notes.saw |= sawFatal
	}
}

// note keeps a line of the listener.
func (k *Classifier) note(h *host, ev *sshwhy.Event, r *rule) *connection {
	c := k.notesOf(h, ev)
	if c == nil {
		k.bound(h)
		c = k.table.create(h, ev, h.processKey(ev.PID))
		k.table.move(c, stateService)
	}
	k.table.touch(h, c, ev.Time)
	var f facts
	k.learn(c, ev, r, &f)
	if c.saw &^= sawNoMore; k.isLast(ev.Pattern) {
		c.saw |= sawNoMore
	}
	return c
}

// settleNotes gives the finding of what one process said of its sshd. Every
// connection's process reads the configuration and the keys again and says the
// same again; that is told once between two starts.
func (k *Classifier) settleNotes(c *connection) {
	if c == nil {
		return
	}
	h := c.host
	fails := c.saw&(sawFatal|sawNoMore) != 0
	if p := k.best(c, always); p != nil && (fails || !slices.Contains(h.told, p.cause)) {
		h.told = append(h.told, p.cause)
		k.table.markHost(h)
		k.tellService(c, p, fails)
	}
	k.table.remove(c)
}

// untold forgets what was told of a host's sshd: it starts anew.
func (k *Classifier) untold(h *host) {
	h.told = h.told[:0]
	k.table.markHost(h)
}

func (k *Classifier) tellService(c *connection, p *shown, fails bool) {
	a := answer{cause: p.cause, confidence: p.confidence, rule: sshwhy.RuleService}
	if p.cause != k.known.stopped && fails {
		a.outcome = sshwhy.OutcomeStartupFailed
	}
	if p.confidence != sshwhy.ConfidenceCertain {
		a.candidates = k.alike(p.cause)
	}
	k.hand(c, &a, a.outcome)
}

// isLast tells whether a line is one after which sshd cannot have gone on.
// Before it has loaded its keys, sshd writes errors and fatal errors to standard
// error without the words (log.c do_log), so the catalogue's level counts.
func (k *Classifier) isLast(p sshwhy.PatternID) bool {
	return p == patterns.ConfigTerminating || slices.Contains(k.patterns.Entries[p-1].Levels, sshwhy.LevelFatal)
}
