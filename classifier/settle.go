package classifier

import (
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
	return len(c.address) == 0 && !c.userKnown && len(c.proofs) == 0 && c.saw&^(sawDebug|sawSession|sawPAM|sawOnlyPAM|sawEnded) == 0
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
func (k *Classifier) tell(c *connection) { k.hand(c, k.looked(c, k.decide(c))) }

// hand fills the finding from a connection and its decision.
func (k *Classifier) hand(c *connection, d decision) {
	f := &k.finding
	*f = sshwhy.Finding{
		Identity: sshwhy.Identity{Host: []byte(nil), PID: c.pid, Time: c.start, Ordinal: c.ordinal},
		Outcome:  d.outcome, Cause: d.cause, Confidence: d.confidence,
		Candidates: append(f.Candidates[:0], d.candidates[:min(len(d.candidates), sshwhy.MaxCandidates)]...),
		Remarks:    f.Remarks[:0], Start: c.start, End: c.last, Ident: c.ident,
		User: c.user, UserKnown: c.userKnown, Address: c.address, Port: c.port, Method: c.method,
		KeyType: c.keyType, Fingerprint: c.print, Values: f.Values[:0], Evidence: f.Evidence[:0], Dropped: c.dropped,
		Decisive: -1, Source: c.source, Why: sshwhy.Why{Rule: d.rule, Lines: f.Why.Lines[:0], Ruled: f.Why.Ruled[:0]},
	}
	for i := range c.proofs {
		p := &c.proofs[i]
		if p.cause == d.cause {
			f.Values, f.Decisive = append(f.Values, p.values...), p.line
		} else {
			f.Remarks = append(f.Remarks, p.cause)
		}
	}
	if d.looked {
		f.Values = withMissing(f.Values, c.looked.values)
	}
	now := verdict{d.outcome, d.cause, d.confidence, len(f.Remarks), len(d.candidates), d.looked}
	if c.revision > 0 && now == c.told {
		return
	}
	f.Before = sshwhy.Verdict{Outcome: c.told.outcome, Cause: c.told.cause, Confidence: c.told.confidence}
	c.revision++
	c.told = now
	k.table.mark(c)
	f.Revision = c.revision
	f.Host = c.host.bytes
	if f.Decisive < 0 {
		f.Decisive = k.telling(c)
	}
	for i := range c.lines {
		f.Evidence = append(f.Evidence, sshwhy.Evidence{Text: c.line(i), Pattern: c.lines[i].pattern})
	}
	if d.looked {
		k.show(f, c.looked)
	}
	if len(c.lines) > 0 {
		f.First = c.line(0)
	}
	if k.options.Why {
		k.explain(c, &d, f)
	}
	k.yield(f)
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
