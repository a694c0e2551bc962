package classifier

import (
	"slices"

	"github.com/sshwhy/sshwhy"
)

// restsOn gives what a rule concludes from. Rules that name a line rest on it.
func restsOn(r sshwhy.Rule) signal {
	switch r {
	case sshwhy.RuleMaxTries:
		return sawMaxTries
	case sshwhy.RuleKeyOptions:
		return sawRefusedOptions
	case sshwhy.RuleInvalidUnexplained:
		return sawInvalid
	case sshwhy.RuleSecondMissing:
		return sawPartial
	case sshwhy.RuleSecondRefused:
		return sawPartial | sawPassword | sawInteractive | sawPAMAuth
	case sshwhy.RulePassword, sshwhy.RuleRootPassword, sshwhy.RulePasswordNotByPAMUnix:
		return sawPassword | sawInteractive | sawPAMAuth
	case sshwhy.RuleNoneRefused:
		return sawNone
	case sshwhy.RuleCertificate, sshwhy.RuleKey, sshwhy.RuleOpen:
		return sawKey
	case sshwhy.RuleKeyFileMissing:
		return sawKey | sawNoKeyFile
	case sshwhy.RuleKeyAccepted:
		return sawPostponed | sawKeyFound
	case sshwhy.RuleReset:
		return sawReset
	case sshwhy.RuleSaidGoodbye, sshwhy.RuleSaidGoodbyeUnnamed:
		return sawDisconnect
	case sshwhy.RuleLeft, sshwhy.RuleLeftUnnamed, sshwhy.RuleLeftUnknownStage, sshwhy.RuleLeftBeforeUser:
		return sawAuthenticating | sawClosed | sawDisconnect | sawBroken
	case sshwhy.RuleLeftVerbose, sshwhy.RuleLeftUnnamedVerbose:
		return sawAuthenticating | sawClosed | sawDisconnect | sawBroken | sawOpened
	case sshwhy.RuleClosedWithoutWord, sshwhy.RuleEndedWithoutWord:
		return sawClosed | sawEnded
	case sshwhy.RuleNone:
		return sawAccepted
	}
	return 0
}

// objection is something that lines can show and that speaks against causes
// that leave similar lines otherwise, unless others have shown what makes room
// for them.
type objection struct {
	saw, unless signal
	against     sshwhy.Against
	causes      []sshwhy.CauseID
}

// makeObjections lists them, those that say most first. Each holds wherever its
// line stands: what is neither a candidate nor named here is left out by the
// shape of the connection alone.
func (k *known) makeObjections(list func(...string) []sshwhy.CauseID) {
	k.objections = []objection{
		{sawNoKeyFile, 0, sshwhy.AgainstNoKeyFile, list("authorized-keys-malformed", "authorized-keys-empty", "authorized-keys-bad-option", "key-line-is-ca")},
		{sawKey | sawPostponed | sawKeyFound, 0, sshwhy.AgainstKeyTried, list("client-rejected-host-key", "probe", "pubkey-auth-disabled")},
		{sawKey, 0, sshwhy.AgainstKeyTried, list("no-usable-method")}, // a key that would do may be one that the client cannot sign with
		{sawPassword | sawInteractive | sawPAMAuth, 0, sshwhy.AgainstPasswordTried, list("client-rejected-host-key", "probe", "no-usable-method")},
		// auth.c allowed_user: those that it refuses are called invalid.
		// What PAM alone refuses is not.
		{sawAuthenticating, sawInvalid, sshwhy.AgainstValid, list("user-unknown", "not-in-allow-users", "listed-in-deny-users", "not-in-allow-groups",
			"listed-in-deny-groups", "shell-missing", "shell-not-executable")},
		{sawInvalid, 0, sshwhy.AgainstInvalid, append(list("wrong-password", "password-locked", "password-not-set"), k.keyRefused...)},
		{sawAuthenticating | sawInvalid, 0, sshwhy.AgainstNamed, list("client-rejected-host-key", "probe")},
		// auth.c auth_log: at VERBOSE every refused key leaves a line.
		{sawOpened | sawDebug, sawKey | sawPostponed | sawKeyFound, sshwhy.AgainstLevel, k.keyRefused},
	}
}

// explain tells which lines a finding rests on, and what they speak against.
func (k *Classifier) explain(c *connection, a *answer, f *sshwhy.Finding) {
	rests := restsOn(a.rule)
	for i := range c.lines {
		if i < len(c.signs) && c.signs[i]&rests != 0 || i == f.Decisive || k.proves(c, i, a.cause) {
			f.Why.Lines = append(f.Why.Lines, i)
		}
	}
	for i := len(c.lines); i < len(f.Evidence); i++ { // what an inspection saw
		f.Why.Lines = append(f.Why.Lines, i)
	}
	if f.Outcome == sshwhy.OutcomeAccepted || a.confidence != sshwhy.ConfidenceUndetermined && a.confidence != sshwhy.ConfidenceLikely {
		return // of a login that succeeded, no reason to refuse it is a candidate
	}
	for i := range k.known.objections {
		o := &k.known.objections[i]
		if c.saw&o.saw == 0 || c.saw&o.unless != 0 {
			continue
		}
		for _, cause := range o.causes {
			if cause != a.cause && !slices.Contains(f.Candidates, cause) && !slices.Contains(f.Remarks, cause) &&
				!slices.ContainsFunc(f.Why.Ruled, func(r sshwhy.RuledOut) bool { return r.Cause == cause }) {
				f.Why.Ruled = append(f.Why.Ruled, sshwhy.RuledOut{Cause: cause, Against: o.against, Line: c.shows(o.saw)})
			}
		}
	}
}

// proves tells whether a line proves the cause.
func (k *Classifier) proves(c *connection, line int, cause sshwhy.CauseID) bool {
	return slices.ContainsFunc(k.rules[c.lines[line].pattern].proofs, func(p proof) bool { return p.cause == cause }) &&
		slices.ContainsFunc(c.proofs, func(s shown) bool { return s.cause == cause })
}

// shows gives the first line that shows any of the signals, -1 for none.
func (c *connection) shows(s signal) int {
	return slices.IndexFunc(c.signs, func(sign signal) bool { return sign&s != 0 })
}
