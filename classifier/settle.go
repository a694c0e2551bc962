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
	if c.told.Outcome == sshwhy.OutcomeRefused {
		k.refused(c)
	}
}

// saysNothing tells lines of a process that is no connection's as far as the
// log shows: neither a client nor a user, and nothing went wrong. At DEBUG1
// sshd's grandchildren write such lines.
func (c *connection) saysNothing() bool {
	return c.address.empty() && !c.userKnown && len(c.proofs) == 0 && c.saw&^(sawDebug|sawSession|sawPAM|sawOnlyPAM|sawEnded|sawLogEnd) == 0
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
	a := k.decide(c)
	if c.looked != nil {
		k.tellInspected(c, a)
		return
	}
	k.hand(c, a, a.of(c))
}

// hand fills the finding from a connection and its answer.
func (k *Classifier) hand(c *connection, a *answer, outcome sshwhy.Outcome) {
	decisive := c.proofOf(a.cause)
	remarks := len(c.proofs)
	if decisive >= 0 {
		remarks--
	}
	now := verdict{sshwhy.Verdict{Outcome: outcome, Cause: a.cause, Confidence: a.confidence}, uint8(remarks), uint8(len(a.candidates)), a.looked}
	if c.revision > 0 && now == c.told {
		return
	}
	f := &k.finding
	f.Before, f.Outcome, f.Cause, f.Confidence = c.told.Verdict, outcome, a.cause, a.confidence
	c.revision++
	c.told = now
	k.table.mark(c)
	f.Revision = int(c.revision)
	if remarks > 0 || len(f.Remarks) > 0 {
		f.Remarks = c.appendRemarks(f.Remarks[:0], decisive)
	}
	if decisive >= 0 || a.looked || len(f.Values) > 0 {
		k.appendValues(c, decisive, a)
	}
	if k.options.Brief {
		c.name(f)
	} else {
		k.detail(c, a, decisive)
	}
	k.yield(f)
}

// proofOf gives the index of the proof of a cause, -1 for none.
func (c *connection) proofOf(cause sshwhy.CauseID) int {
	for i := range c.proofs {
		if c.proofs[i].cause == cause {
			return i
		}
	}
	return -1
}

// appendRemarks adds the causes that were proved and did not decide.
func (c *connection) appendRemarks(remarks []sshwhy.CauseID, decisive int) []sshwhy.CauseID {
	for i := range c.proofs {
		if i != decisive {
			remarks = append(remarks, c.proofs[i].cause)
		}
	}
	return remarks
}

// appendValues fills in the facts of a proof, and what an inspection found.
func (k *Classifier) appendValues(c *connection, proof int, a *answer) {
	f := &k.finding
	f.Values = f.Values[:0]
	if k.options.Values != nil && !k.options.Values(a.cause) {
		return
	}
	if proof >= 0 {
		for _, fact := range c.facts {
			if int(fact.of) == proof {
				f.Values = append(f.Values, sshwhy.Value{Field: fact.field, Text: k.texts.of(c.text(fact.at))})
			}
		}
	}
	if a.looked {
		f.Values = withMissing(f.Values, c.looked.values)
	}
}

// detail fills in what is left out in brief.
func (k *Classifier) detail(c *connection, a *answer, decisive int) {
	f := &k.finding
	n := min(len(a.candidates), sshwhy.MaxCandidates)
	f.Candidates = a.candidates[:n:n]
	f.Why.Rule, f.Why.Lines, f.Why.Ruled = a.rule, f.Why.Lines[:0], f.Why.Ruled[:0]
	c.describe(f)
	f.Decisive = -1
	if decisive >= 0 {
		f.Decisive = int(c.proofs[decisive].line)
	}
	if f.Decisive < 0 {
		f.Decisive = k.telling(c)
	}
	if a.looked {
		k.show(f, c.looked)
	}
	if k.options.Why {
		k.explain(c, a, f)
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

// name fills in whose connection it was, and when it ended.
func (c *connection) name(f *sshwhy.Finding) {
	f.Host, f.User, f.Address = c.host.bytes, c.text(c.user), c.text(c.address)
	f.UserKnown, f.End = c.userKnown, c.last
}

// describe fills in what a connection is, whatever the answer.
func (c *connection) describe(f *sshwhy.Finding) {
	c.name(f)
	f.First, f.PID, f.Time, f.Ordinal = nil, c.pid, c.start, c.ordinal
	f.Start, f.Ident, f.Source, f.Port = c.start, c.text(c.ident), c.source, int(c.port)
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
