package classifier

import (
	"bytes"
	"slices"

	"github.com/sshwhy/sshwhy"
)

// look is what an inspection of the host found out about a connection.
type look struct {
	cause      sshwhy.CauseID
	confidence sshwhy.Confidence
	candidates []sshwhy.CauseID
	values     []sshwhy.Value
	seen       [][]byte
}

// The bounds of what is kept of an inspection.
const (
	maxSeen     = 16
	maxSeenText = 512
)

// inspect takes the answer to a finding that is not certain, and gives a revision
// of it. One of a connection that is forgotten, or that the log has decided since,
// is too late.
func (k *Classifier) inspect(in *sshwhy.Inspection) {
	h := k.table.known(in.Of.Host)
	if h == nil {
		return
	}
	c := k.identified(h, &in.Of)
	if c == nil || c.revision == 0 || !askable(c.told.Outcome, c.told.Confidence) && !c.told.looked {
		return
	}
	c.looked = &look{cause: in.Cause, confidence: in.Confidence, candidates: slices.Clone(in.Candidates), values: slices.Clone(in.Values)}
	for _, sentence := range in.Seen[:min(len(in.Seen), maxSeen)] {
		c.looked.seen = append(c.looked.seen, []byte(sentence[:min(len(sentence), maxSeenText)]))
	}
	k.table.mark(c)
	k.tell(c)
}

// identified finds the connection of a finding.
func (k *Classifier) identified(h *host, of *sshwhy.Identity) *connection {
	if c := k.table.ofProcess(h.processKey(of.PID)); c != nil && of.PID != 0 && c.is(of) {
		return c
	}
	for _, l := range [...]*list{&h.in[stateKept], &h.in[stateDone], &h.in[stateAccepted]} {
		for c := range k.table.newestFirst(l) {
			if c.is(of) {
				return c
			}
		}
	}
	return nil
}

// is compares all that an id is made of.
func (c *connection) is(of *sshwhy.Identity) bool {
	return c.pid == of.PID && c.start == of.Time && c.ordinal == of.Ordinal && len(c.lines) > 0 && bytes.Equal(c.line(0), of.First)
}

// retire forgets a settled connection, or keeps it for an inspection alone.
func (k *Classifier) retire(c *connection) {
	if !k.options.Inspect || c.state != stateDone || c.revision == 0 || !askable(c.told.Outcome, c.told.Confidence) {
		k.table.remove(c)
		return
	}
	k.table.unlink(c)
	k.table.move(c, stateKept)
}

// askable tells whether the log leaves something to an inspection: all of it, or
// which of several reasons a refusal had.
func askable(o sshwhy.Outcome, c sshwhy.Confidence) bool {
	return c == sshwhy.ConfidenceUndetermined || c == sshwhy.ConfidenceLikely && o == sshwhy.OutcomeRefused
}

// tellInspected lets the inspection answer where the log is not certain.
func (k *Classifier) tellInspected(c *connection, log *answer) {
	l, outcome := c.looked, log.of(c)
	if !askable(outcome, log.confidence) {
		k.hand(c, log, outcome)
		return
	}
	a := *log
	a.looked, a.rule = true, sshwhy.RuleInspected
	if l.cause != 0 && l.confidence != sshwhy.ConfidenceNone {
		a.cause, a.confidence = l.cause, l.confidence
	} else if a.confidence == sshwhy.ConfidenceLikely { // the host has more than one
		a.cause, a.confidence = k.known.undetermined, sshwhy.ConfidenceUndetermined
	}
	if len(l.candidates) > 0 || a.confidence != sshwhy.ConfidenceUndetermined {
		a.candidates = l.candidates
	}
	if a.confidence == sshwhy.ConfidenceCertain {
		a.candidates = nil
	}
	k.hand(c, &a, outcome)
}
