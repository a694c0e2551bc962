package classifier

import (
	"cmp"
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// Pending gives the connections that nothing is decided of yet, in the order
// of their beginning. What it hands out is valid during the call of yield.
func (k *Classifier) Pending(yield func(sshwhy.Pending) bool) {
	k.installRestored()
	var open []*connection
	for p := k.clocks.busy.first; p != nil; p = p.next {
		k.catchUp(p.of)
		for c := range k.table.oldestFirst(&p.of.in[stateOpen]) {
			if !c.orphaned && c.saw&sawOnlyPAM == 0 && !c.saysNothing() {
				open = append(open, c)
			}
		}
	}
	slices.SortFunc(open, func(a, b *connection) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.number, b.number))
	})
	for _, c := range open {
		if !yield(sshwhy.Pending{
			Host: c.host.bytes, User: c.text(c.user), UserKnown: c.userKnown, Address: c.text(c.address), Port: int(c.port), PID: c.pid,
			Since: c.start, Last: c.last, Now: c.host.clock, Step: c.step(), Tries: c.passwords + c.keys,
		}) {
			return
		}
	}
}

// step says how far a connection has come, as far as its lines tell. What is
// asked for next follows from what was refused last: sshd logs refusals and
// not its own questions.
func (c *connection) step() sshwhy.Step {
	switch {
	case c.saw&sawPartial != 0:
		return sshwhy.StepNextMethod
	case c.saw&(sawPassword|sawInteractive|sawPAMAuth) != 0 || c.saw&sawPostponed != 0 && c.askedInteractively():
		return sshwhy.StepPasswordPrompt
	case c.saw&(sawPostponed|sawKeyFound) != 0:
		return sshwhy.StepKeySignature
	case c.saw&sawKey != 0:
		return sshwhy.StepKeyRefused
	case c.saw&sawInvalid != 0:
		return sshwhy.StepUserRefused
	case c.userKnown:
		return sshwhy.StepUserNamed
	case c.saw&sawDebug != 0:
		return sshwhy.StepNegotiating
	}
	return sshwhy.StepConnected
}

// askedInteractively tells whether sshd waits for the answer to a question of
// keyboard-interactive, and not for a key's signature (auth.c auth_log:
// Postponed, with the method).
func (c *connection) askedInteractively() bool {
	for i := len(c.lines) - 1; i >= 0; i-- {
		if c.lines[i].pattern == patterns.LoginPostponed {
			return string(c.text(c.asked)) == "keyboard-interactive"
		}
	}
	return false
}
