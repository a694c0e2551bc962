package classifier

import (
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// accept tells that the login succeeded.
func (k *Classifier) accept(c *connection) {
	k.table.move(c, stateAccepted)
	k.table.peer(c) // the child that serves the session is another process
	k.tell(c)
	k.acceptedAfter(c)
}

// endSession notes that a session is over and says what went wrong in it.
func (k *Classifier) endSession(c *connection) {
	if c.saw&(sawDisconnect|sawHungUp) != 0 {
		c.saw |= sawLeft
	}
	k.silentEnd(c)
	c.saw |= sawEnded
	k.table.move(c, stateDone)
	k.revise(c)
}

// settle gives the finding of a connection that is over.
func (k *Classifier) settle(c *connection) {
	k.table.move(c, stateDone)
	if c.saysNothing() {
		return
	}
	k.tell(c)
	if c.told.outcome == sshwhy.OutcomeRefused {
		k.refused(c)
	}
}

// saysNothing tells lines of a process that is no connection's as far as the
// log shows: neither a client nor a user, and nothing went wrong. At DEBUG1
// sshd's grandchildren write such lines.
func (c *connection) saysNothing() bool {
	return c.address.empty() && !c.userKnown && len(c.proofs) == 0 && c.saw&^(sawDebug|sawSession|sawPAM|sawOnlyPAM|sawEnded) == 0
}

// revise gives the finding again if there is anything new to say.
func (k *Classifier) revise(c *connection) {
	if c.revision == 0 {
		if c.state == stateDone && !c.saysNothing() {
			k.tell(c)
		}
		return
	}
	k.tell(c)
}

// tell hands out the finding of a connection, unless it says what was said
// before.
func (k *Classifier) tell(c *connection) {
	d := k.decide(c)
	if c.looked != nil {
		d = k.looked(c, d)
	}
	k.hand(c, &d)
}

// hand fills the finding from a connection and its decision.
func (k *Classifier) hand(c *connection, d *decision) {
	f := &k.finding
	f.Values, f.Remarks, f.Decisive = f.Values[:0], f.Remarks[:0], -1
	decisive := -1 // among the proofs
	for i := range c.proofs {
		if p := &c.proofs[i]; p.cause == d.cause {
			decisive, f.Decisive = i, int(p.line)
		} else {
			f.Remarks = append(f.Remarks, p.cause)
		}
	}
	now := verdict{d.cause, d.outcome, d.confidence, uint8(len(f.Remarks)), uint8(len(d.candidates)), d.looked}
	if c.revision > 0 && now == c.told {
		return
	}
	k.appendValues(c, decisive)
	if d.looked {
		f.Values = withMissing(f.Values, c.looked.values)
	}
	// Field by field: a finding is large, and most of it is filled below.
	f.Before = sshwhy.Verdict{Outcome: c.told.outcome, Cause: c.told.cause, Confidence: c.told.confidence}
	f.Outcome, f.Cause, f.Confidence = d.outcome, d.cause, d.confidence
	f.Candidates = append(f.Candidates[:0], d.candidates[:min(len(d.candidates), sshwhy.MaxCandidates)]...)
	f.Why.Rule, f.Why.Lines, f.Why.Ruled = d.rule, f.Why.Lines[:0], f.Why.Ruled[:0]
	c.describe(f)
	c.revision++
	c.told = now
	k.table.mark(c)
	f.Revision = int(c.revision)
	if f.Decisive < 0 {
		f.Decisive = k.telling(c)
	}
	if d.looked {
		k.show(f, c.looked)
	}
	if k.options.Why {
		k.explain(c, d, f)
	}
	k.yield(f)
}

// appendValues adds the facts of a proof to the finding.
func (k *Classifier) appendValues(c *connection, proof int) {
	for _, f := range c.facts {
		if int(f.of) == proof {
			k.finding.Values = append(k.finding.Values, sshwhy.Value{Field: f.field, Text: k.texts.of(c.text(f.at))})
		}
	}
}

// withMissing adds the values of fields that there are none of yet.
func withMissing(values, more []sshwhy.Value) []sshwhy.Value {
	for _, v := range more {
		if !slices.ContainsFunc(values, func(w sshwhy.Value) bool { return w.Field == v.Field }) {
			values = append(values, v)
		}
	}
	return values
}

// describe fills in what a connection is, whatever the decision.
func (c *connection) describe(f *sshwhy.Finding) {
	f.Host, f.First, f.PID, f.Time, f.Ordinal = c.host.bytes, nil, c.pid, c.start, c.ordinal
	f.Start, f.End, f.Ident, f.Source = c.start, c.last, c.text(c.ident), c.source
	f.User, f.UserKnown, f.Address, f.Port = c.text(c.user), c.userKnown, c.text(c.address), int(c.port)
	f.Method, f.KeyType, f.Fingerprint = c.text(c.method), c.text(c.keyType), c.text(c.print)
	f.Evidence, f.Dropped = f.Evidence[:0], int(c.dropped)
	for _, l := range c.lines {
		f.Evidence = append(f.Evidence, sshwhy.Evidence{Text: c.text(l.at), Pattern: l.pattern})
	}
	if len(c.lines) > 0 {
		f.First = c.line(0)
	}
}

// show adds what an inspection saw to the evidence: it decided.
func (k *Classifier) show(f *sshwhy.Finding, l *look) {
	if len(l.seen) > 0 {
		f.Decisive = len(f.Evidence)
	}
	for _, sentence := range l.seen {
		f.Evidence = append(f.Evidence, sshwhy.Evidence{Text: sentence})
	}
}

// telling gives the index of the line that tells most where none proves the
// cause: the first that says that something was refused, -1 for none.
func (k *Classifier) telling(c *connection) int {
	const refusals = sawPassword | sawKey | sawInteractive | sawPAMAuth | sawPartial | sawMaxTries | sawRefusedOptions
	for i := range c.lines {
		if p := c.lines[i].pattern; p == patterns.LoginFailed || k.rules[p].signals&refusals != 0 {
			return i
		}
	}
	return -1
}
