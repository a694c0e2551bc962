package classifier

import (
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// answer is what the lines of a connection can mean. There are only so many: they
// are made once, and decide points to one. Nobody writes to it.
type answer struct {
	cause      sshwhy.CauseID
	confidence sshwhy.Confidence
	rule       sshwhy.Rule
	looked     bool // by an inspection
	// outcome is how it ended, unless the connection showed that it tried
	// something: then it was refused.
	outcome    sshwhy.Outcome
	tried      signal
	candidates []sshwhy.CauseID
}

// of gives the outcome of a connection.
func (a *answer) of(c *connection) sshwhy.Outcome {
	if c.saw&a.tried != 0 {
		return sshwhy.OutcomeRefused
	}
	return a.outcome
}

// proved are the answers where lines prove a cause: in a login, and in a session.
type proved struct{ certain, likely, certainInSession, likelyInSession answer }

// inLogin and inSession give the answer for how sure the line is.
func (p *proved) inLogin(c sshwhy.Confidence) *answer {
	if c == sshwhy.ConfidenceCertain {
		return &p.certain
	}
	return &p.likely
}

func (p *proved) inSession(c sshwhy.Confidence) *answer {
	if c == sshwhy.ConfidenceCertain {
		return &p.certainInSession
	}
	return &p.likelyInSession
}

// answers are all there are but those of an inspection, and of sshd itself.
type answers struct {
	proved []proved // by CauseID

	accepted, lost, closed, ended answer

	maxTries, keyOptions, invalid, secondMissing, secondRefused, password, rootPassword, passwordSilent answer

	noneRefused, certificate, keyFileMissing, key, keyAccepted, reset, goodbye, goodbyeUnnamed,
	leftVerbose, left, unnamedVerbose, unnamed, unknownStage, beforeUser, open, openKey, noEnd answer
}

func makeAnswers(k *known, alikes [][]sshwhy.CauseID) answers {
	const certain, likely = sshwhy.ConfidenceCertain, sshwhy.ConfidenceLikely
	unclear := func(list []sshwhy.CauseID, rule sshwhy.Rule) answer {
		return k.refusal(k.undetermined, sshwhy.ConfidenceUndetermined, list, rule)
	}
	a := answers{
		accepted: session(0, sshwhy.ConfidenceNone, nil, sshwhy.RuleNone),
		lost:     session(k.lost, likely, k.vanished, sshwhy.RuleClosedWithoutWord),
		closed:   session(k.undetermined, sshwhy.ConfidenceUndetermined, k.hungUp, sshwhy.RuleClosedWithoutWord),
		ended:    session(k.undetermined, sshwhy.ConfidenceUndetermined, k.vanished, sshwhy.RuleEndedWithoutWord),

		maxTries:       k.refusal(k.tooMany, certain, nil, sshwhy.RuleMaxTries),
		keyOptions:     unclear(k.optionsRefused, sshwhy.RuleKeyOptions),
		invalid:        unclear(k.invalidCalled, sshwhy.RuleInvalidUnexplained),
		secondMissing:  k.refusal(k.secondFactorMissing, likely, k.partial, sshwhy.RuleSecondMissing),
		secondRefused:  k.refusal(k.secondFactorFailed, likely, k.secondFailed, sshwhy.RuleSecondRefused),
		password:       k.refusal(k.wrongPassword, likely, k.passwordFailed, sshwhy.RulePassword),
		rootPassword:   k.refusal(k.wrongPassword, likely, k.rootPasswordFailed, sshwhy.RuleRootPassword),
		passwordSilent: unclear(k.passwordSilent, sshwhy.RulePasswordNotByPAMUnix),

		noneRefused:    unclear(k.noneRefused, sshwhy.RuleNoneRefused),
		certificate:    k.refusal(k.untrustedCA, likely, k.certRefused, sshwhy.RuleCertificate),
		keyFileMissing: k.refusal(k.keysMissing, likely, k.noKeyFile, sshwhy.RuleKeyFileMissing),
		key:            unclear(k.keyRefused, sshwhy.RuleKey),
		keyAccepted:    unclear(k.keyFound, sshwhy.RuleKeyAccepted),
		reset:          k.refusal(k.reset, likely, k.afterReset, sshwhy.RuleReset),
		goodbye:        k.refusal(k.gaveUp, likely, k.beforeUser, sshwhy.RuleSaidGoodbye),
		goodbyeUnnamed: k.refusal(k.gaveUp, likely, k.beforeUserOld, sshwhy.RuleSaidGoodbyeUnnamed),
		leftVerbose:    unclear(k.silentCloseVerbose, sshwhy.RuleLeftVerbose),
		left:           unclear(k.silentClose, sshwhy.RuleLeft),
		unnamedVerbose: unclear(k.beforeUserVerbose, sshwhy.RuleLeftUnnamedVerbose),
		unnamed:        unclear(k.beforeUserOld, sshwhy.RuleLeftUnnamed),
		unknownStage:   unclear(k.unknownStage, sshwhy.RuleLeftUnknownStage),
		beforeUser:     unclear(k.beforeUser, sshwhy.RuleLeftBeforeUser),
		open:           answer{cause: k.undetermined, confidence: sshwhy.ConfidenceUndetermined, candidates: k.unended, rule: sshwhy.RuleOpen},
		openKey:        answer{cause: k.undetermined, confidence: sshwhy.ConfidenceUndetermined, candidates: k.keyRefused, rule: sshwhy.RuleOpen},
		noEnd:          unclear(k.unended, sshwhy.RuleNoEnd),
	}
	a.proved = make([]proved, len(alikes))
	for i := range a.proved {
		cause, candidates, later := sshwhy.CauseID(i), alikes[i], alikes[i]
		if cause == k.pamAccount {
			candidates = k.pamDenied
		}
		if cause == k.reset {
			later = k.vanishedReset
		}
		a.proved[i] = proved{
			certain:          k.refusal(cause, certain, nil, sshwhy.RuleLine),
			likely:           k.refusal(cause, likely, candidates, sshwhy.RuleLineFits),
			certainInSession: session(cause, certain, nil, sshwhy.RuleAfterLogin),
			likelyInSession:  session(cause, likely, later, sshwhy.RuleAfterLogin),
		}
	}
	return a
}

// session makes an answer for a login that succeeded.
func session(cause sshwhy.CauseID, confidence sshwhy.Confidence, candidates []sshwhy.CauseID, rule sshwhy.Rule) answer {
	return answer{cause: cause, confidence: confidence, candidates: candidates, rule: rule, outcome: sshwhy.OutcomeAccepted}
}

// refusal makes an answer for one that did not. What the client did is a refusal
// only where it tried something before, as is what nothing proves.
func (k *known) refusal(cause sshwhy.CauseID, confidence sshwhy.Confidence, candidates []sshwhy.CauseID, rule sshwhy.Rule) answer {
	const tried = sawPassword | sawInteractive | sawKey | sawInvalid
	a := answer{cause: cause, confidence: confidence, candidates: candidates, rule: rule}
	switch n := &k.natures[cause]; {
	case confidence == sshwhy.ConfidenceUndetermined:
		a.outcome, a.tried = sshwhy.OutcomeDisconnected, tried|sawAuthenticating|sawPAMAuth|sawMaxTries
	case n.client:
		a.outcome, a.tried = sshwhy.OutcomeDisconnected, tried
	case n.drops:
		a.outcome = sshwhy.OutcomeDropped
	default:
		a.outcome = sshwhy.OutcomeRefused
	}
	return a
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
