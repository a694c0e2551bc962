package classifier

import (
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// decision is the answer for a connection.
type decision struct {
	outcome    sshwhy.Outcome
	cause      sshwhy.CauseID
	confidence sshwhy.Confidence
	candidates []sshwhy.CauseID
	rule       sshwhy.Rule
	looked     bool // by an inspection
}

// decide says what the lines of a connection mean, all together: it does not
// matter in which order they came.
func (k *Classifier) decide(c *connection) decision {
	if c.saw&(sawAccepted|sawSession) != 0 {
		return k.decideAccepted(c)
	}
	d := k.decideRefused(c)
	d.outcome = k.outcomeOf(c, &d)
	return d
}

// outcomeOf tells a refusal from a client that left.
func (k *Classifier) outcomeOf(c *connection, d *decision) sshwhy.Outcome {
	if d.cause != 0 && d.confidence != sshwhy.ConfidenceUndetermined {
		switch n := &k.known.natures[d.cause]; {
		case n.client && c.saw&(sawPassword|sawInteractive|sawKey|sawInvalid) == 0:
			return sshwhy.OutcomeDisconnected
		case n.drops:
			return sshwhy.OutcomeDropped
		}
		return sshwhy.OutcomeRefused
	}
	if c.saw&(sawPassword|sawInteractive|sawKey|sawInvalid|sawAuthenticating|sawPAMAuth|sawMaxTries) != 0 {
		return sshwhy.OutcomeRefused
	}
	return sshwhy.OutcomeDisconnected
}

// decideAccepted answers for a login that succeeded: only what went wrong in
// the session is a cause; what went wrong before it is a remark.
func (k *Classifier) decideAccepted(c *connection) decision {
	d := decision{outcome: sshwhy.OutcomeAccepted}
	if p := k.best(c, afterLogin); p != nil {
		d.cause, d.confidence, d.rule = p.cause, p.confidence, sshwhy.RuleAfterLogin
		switch {
		case p.confidence == sshwhy.ConfidenceCertain:
		case p.cause == k.known.reset:
			d.candidates = k.known.vanishedReset
		default:
			d.candidates = k.alike(p.cause)
		}
		return d
	}
	switch {
	case c.saw&sawLeft != 0:
	case c.saw&sawClosed != 0:
		d.cause, d.confidence, d.candidates = k.known.lost, sshwhy.ConfidenceLikely, k.known.vanished
		d.rule = sshwhy.RuleClosedWithoutWord
	case c.saw&sawEnded != 0: // in a chroot without /dev/log sshd cannot log the goodbye
		d.cause, d.confidence, d.candidates = k.known.undetermined, sshwhy.ConfidenceUndetermined, k.known.vanished
		d.rule = sshwhy.RuleEndedWithoutWord
	}
	return d
}

// showing says which proofs count.
type showing bool

const (
	always     showing = false
	afterLogin showing = true // of causes that can show in a session
)

// best gives the proof that answers: the surest, and of equally sure ones the
// one of the lowest rank, and then the first. Those of what holds for later
// logins answer for none.
func (k *Classifier) best(c *connection, s showing) *shown {
	var best *shown
	for i := range c.proofs {
		p := &c.proofs[i]
		n := &k.known.natures[p.cause]
		if p.confidence == sshwhy.ConfidenceNone || s == afterLogin && !n.session {
			continue
		}
		if best == nil || p.confidence > best.confidence || p.confidence == best.confidence && n.rank < k.known.natures[best.cause].rank {
			best = p
		}
	}
	return best
}

// decideRefused answers for a login that did not succeed.
func (k *Classifier) decideRefused(c *connection) decision {
	n := &k.known
	if p := k.best(c, always); p != nil && (p.confidence == sshwhy.ConfidenceCertain || !k.known.natures[p.cause].client) {
		d := decision{cause: p.cause, confidence: p.confidence, rule: sshwhy.RuleLine}
		if p.confidence != sshwhy.ConfidenceCertain {
			d.candidates = k.candidatesOf(c, p.cause)
			d.rule = sshwhy.RuleLineFits
		}
		return d
	}
	switch {
	case c.saw&sawMaxTries != 0:
		return decision{cause: n.tooMany, confidence: sshwhy.ConfidenceCertain, rule: sshwhy.RuleMaxTries}
	case c.saw&sawRefusedOptions != 0:
		return undetermined(n.undetermined, n.optionsRefused, sshwhy.RuleKeyOptions)
	case c.saw&sawInvalid != 0:
		return undetermined(n.undetermined, n.invalidCalled, sshwhy.RuleInvalidUnexplained)
	case c.saw&(sawPassword|sawInteractive|sawPAMAuth) != 0:
		return k.decidePassword(c)
	case c.saw&sawPartial != 0:
		return decision{cause: n.secondFactorMissing, confidence: sshwhy.ConfidenceLikely, candidates: n.partial,
			rule: sshwhy.RuleSecondMissing}
	}
	if p := k.best(c, always); p != nil { // what the client did, as far as a line tells
		return decision{cause: p.cause, confidence: p.confidence, candidates: k.candidatesOf(c, p.cause), rule: sshwhy.RuleLineFits}
	}
	return k.decideSilent(c)
}

// decidePassword answers where a password was refused. sshd's line is the same
// for a wrong password, a locked one, one that was never set, and a right one
// that PermitRootLogin refuses (auth-passwd.c auth_password, auth-pam.c
// sshpam_auth_passwd): at most likely.
func (k *Classifier) decidePassword(c *connection) decision {
	n := &k.known
	if c.saw&sawPartial != 0 {
		return decision{cause: n.secondFactorFailed, confidence: sshwhy.ConfidenceLikely, candidates: n.secondFailed,
			rule: sshwhy.RuleSecondRefused}
	}
	d := decision{cause: n.wrongPassword, confidence: sshwhy.ConfidenceLikely, candidates: n.passwordFailed,
		rule: sshwhy.RulePassword}
	switch {
	case string(c.text(c.user)) == "root":
		d.candidates = n.rootPasswordFailed
		d.rule = sshwhy.RuleRootPassword
	case c.saw&sawPassword != 0 && c.saw&sawPAMAuth == 0 && c.host.viaPAM(c.text(c.user)):
		d = undetermined(n.undetermined, n.passwordSilent, sshwhy.RulePasswordNotByPAMUnix)
	}
	return d
}

// decideSilent answers where no line tells anything: by the shape of what is
// there, and by what the LogLevel would have shown.
func (k *Classifier) decideSilent(c *connection) decision {
	n := &k.known
	verbose := c.saw&(sawOpened|sawDebug) != 0
	because := func(list []sshwhy.CauseID, rule sshwhy.Rule) decision {
		return undetermined(n.undetermined, list, rule)
	}
	switch {
	case c.saw&sawNone != 0:
		return because(n.noneRefused, sshwhy.RuleNoneRefused)
	case c.saw&sawCertificate != 0:
		return decision{cause: n.untrustedCA, confidence: sshwhy.ConfidenceLikely, candidates: n.certRefused,
			rule: sshwhy.RuleCertificate}
	case c.saw&sawKey != 0 && c.saw&sawDebug != 0 && c.saw&sawNoKeyFile != 0:
		return decision{cause: n.keysMissing, confidence: sshwhy.ConfidenceLikely, candidates: n.noKeyFile,
			rule: sshwhy.RuleKeyFileMissing}
	case c.saw&sawKey != 0:
		return because(n.keyRefused, sshwhy.RuleKey)
	case c.saw&(sawPostponed|sawKeyFound) != 0:
		return because(n.keyFound, sshwhy.RuleKeyAccepted)
	case c.saw&sawReset != 0:
		return decision{cause: n.reset, confidence: sshwhy.ConfidenceLikely, candidates: n.afterReset, rule: sshwhy.RuleReset}
	case c.saw&sawDisconnect != 0 && c.saw&sawAuthenticating == 0 && c.code == disconnectByApplication:
		d := decision{cause: n.gaveUp, confidence: sshwhy.ConfidenceLikely, candidates: n.beforeUser, rule: sshwhy.RuleSaidGoodbye}
		if c.namesNobody() && !verbose {
			d.candidates, d.rule = n.beforeUserOld, sshwhy.RuleSaidGoodbyeUnnamed
		}
		return d
	case c.saw&sawAuthenticating != 0 && verbose:
		return because(n.silentCloseVerbose, sshwhy.RuleLeftVerbose)
	case c.saw&sawAuthenticating != 0 && string(c.text(c.ident)) == "sshd":
		return because(n.silentClose, sshwhy.RuleLeft)
	case c.saw&sawAuthenticating != 0:
		return because(n.silentCloseNew, sshwhy.RuleLeft)
	case c.saw&(sawClosed|sawDisconnect) != 0 && c.namesNobody() && verbose:
		return because(n.beforeUserVerbose, sshwhy.RuleLeftUnnamedVerbose)
	case c.saw&(sawClosed|sawDisconnect) != 0 && c.namesNobody():
		return because(n.beforeUserOld, sshwhy.RuleLeftUnnamed)
	case c.saw&(sawClosed|sawDisconnect|sawBroken) != 0:
		return because(n.beforeUser, sshwhy.RuleLeftBeforeUser)
	}
	return because(n.unended, sshwhy.RuleNoEnd)
}

// disconnectByApplication is what a client says that just leaves
// (RFC 4253, 11.1).
const disconnectByApplication = 11

// namesNobody tells whether the connection may be of a release up to 7.4,
// whose closing lines never name a user.
func (c *connection) namesNobody() bool {
	return c.saw&sawPreauth != 0 && c.saw&sawAuthenticating == 0 && string(c.text(c.ident)) == "sshd"
}

func undetermined(cause sshwhy.CauseID, candidates []sshwhy.CauseID, rule sshwhy.Rule) decision {
	return decision{cause: cause, confidence: sshwhy.ConfidenceUndetermined, candidates: candidates, rule: rule}
}

// candidatesOf lists what else fits where a line makes a cause likely.
func (k *Classifier) candidatesOf(c *connection, cause sshwhy.CauseID) []sshwhy.CauseID {
	switch cause {
	case k.known.pamAccount:
		return k.known.pamDenied
	}
	return k.alike(cause)
}

// alike gives the cause and those that its entry names as looking the same.
// Nobody writes to the list.
func (k *Classifier) alike(cause sshwhy.CauseID) []sshwhy.CauseID { return k.alikes[cause] }

// alikes makes what alike gives, by CauseID.
func alikes(c *causes.Catalogue) [][]sshwhy.CauseID {
	all := make([][]sshwhy.CauseID, len(c.Causes)+1)
	for i := range c.Causes {
		list := []sshwhy.CauseID{sshwhy.CauseID(i + 1)}
		for _, id := range c.Causes[i].Alike {
			if n := c.Find(id); n != 0 && !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
		all[i+1] = list
	}
	return all
}
