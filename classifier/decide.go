package classifier

import (
	"slices"

	"github.com/sshwhy/sshwhy"
)

// decision is the answer for a connection.
type decision struct {
	outcome    sshwhy.Outcome
	cause      sshwhy.CauseID
	confidence sshwhy.Confidence
	candidates []sshwhy.CauseID
	why        string
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
	if cause := k.causes.Cause(d.cause); cause != nil && d.confidence != sshwhy.ConfidenceUndetermined {
		switch {
		case cause.Phase == "client" && c.saw&(sawPassword|sawInteractive|sawKey|sawInvalid) == 0:
			return sshwhy.OutcomeDisconnected
		case cause.Phase == "dropped" && cause.ID != "refuse-connection":
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
	if p := k.best(c, k.afterLogin); p != nil {
		d.cause, d.confidence, d.why = p.cause, p.confidence, "a line after the login says so"
		if p.confidence != sshwhy.ConfidenceCertain {
			d.candidates = k.alike(p.cause)
		}
		return d
	}
	switch {
	case c.saw&sawLeft != 0:
	case c.saw&sawClosed != 0:
		d.cause, d.confidence, d.candidates = k.known.lost, sshwhy.ConfidenceLikely, k.known.vanished
		d.why = "the client closed the connection without saying that it leaves"
	case c.saw&sawEnded != 0: // in a chroot without /dev/log sshd cannot log the goodbye
		d.cause, d.confidence, d.candidates = k.known.undetermined, sshwhy.ConfidenceUndetermined, k.known.vanished
		d.why = "the session ended, and the client had not said that it leaves"
	}
	return d
}

// afterLogin tells the causes that can show in a session: all of their phase,
// and some of accounts that sshd or PAM finds out only then.
func (k *Classifier) afterLogin(p *shown) bool {
	switch p.cause {
	case k.known.passwordExpired, k.known.nologin, k.known.pamSession, k.known.loginLimit, k.known.lost, k.known.reset:
		return true
	}
	cause := k.causes.Cause(p.cause)
	return cause.Phase == "session" || cause.ID == "fork-failed"
}

// best gives the proof that answers: the surest, and of equally sure ones the
// one of the lowest rank, and then the first.
func (k *Classifier) best(c *connection, fits func(*shown) bool) *shown {
	var best *shown
	for i := range c.proofs {
		p := &c.proofs[i]
		if fits != nil && !fits(p) {
			continue
		}
		if best == nil || p.confidence > best.confidence || p.confidence == best.confidence && k.known.rank[p.cause] < k.known.rank[best.cause] {
			best = p
		}
	}
	return best
}

// decideRefused answers for a login that did not succeed.
func (k *Classifier) decideRefused(c *connection) decision {
	n := &k.known
	if p := k.best(c, nil); p != nil && (p.confidence == sshwhy.ConfidenceCertain || k.causes.Cause(p.cause).Phase != "client") {
		d := decision{cause: p.cause, confidence: p.confidence, why: "a line says so"}
		if p.confidence != sshwhy.ConfidenceCertain {
			d.candidates = k.candidatesOf(c, p.cause)
			d.why = "a line fits, and so would those of the candidates"
		}
		return d
	}
	switch {
	case c.saw&sawMaxTries != 0:
		return decision{cause: n.tooMany, confidence: sshwhy.ConfidenceCertain, why: "sshd says that MaxAuthTries was reached"}
	case c.saw&sawRefusedOptions != 0:
		return undetermined(n.undetermined, n.optionsRefused, "an option of the key's line refused it, and from= would have left a line before")
	case c.saw&sawInvalid != 0:
		return undetermined(n.undetermined, n.invalidCalled, "sshd calls the user invalid; the line that says why is not there")
	case c.saw&(sawPassword|sawInteractive|sawPAMAuth) != 0:
		return k.decidePassword(c)
	case c.saw&sawPartial != 0:
		return decision{cause: n.secondFactorMissing, confidence: sshwhy.ConfidenceLikely, candidates: n.partial,
			why: "one method was passed, AuthenticationMethods asks for another, and none followed"}
	}
	if p := k.best(c, nil); p != nil { // what the client did, as far as a line tells
		return decision{cause: p.cause, confidence: p.confidence, candidates: k.candidatesOf(c, p.cause), why: "a line fits, and so would those of the candidates"}
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
			why: "one method was passed, and the next was refused"}
	}
	d := decision{cause: n.wrongPassword, confidence: sshwhy.ConfidenceLikely, candidates: n.passwordFailed,
		why: "a password was refused; a locked or unset one leaves the same lines"}
	switch {
	case string(c.user) == "root":
		d.candidates = n.rootPasswordFailed
		d.why = "a password of root was refused; PermitRootLogin leaves the same lines for the right one"
	case c.saw&sawPassword != 0 && c.saw&sawPAMAuth == 0 && c.host.viaPAM(c.user):
		d = undetermined(n.undetermined, n.passwordSilent, "sshd refused a password, but pam_unix, which wrote of this user before, did not")
	}
	return d
}

// decideSilent answers where no line tells anything: by the shape of what is
// there, and by what the LogLevel would have shown.
func (k *Classifier) decideSilent(c *connection) decision {
	n := &k.known
	verbose := c.saw&(sawOpened|sawDebug) != 0
	because := func(list []sshwhy.CauseID, why string) decision { return undetermined(n.undetermined, list, why) }
	switch {
	case c.saw&sawNone != 0:
		return because(n.noneRefused, "method none was refused after another: an empty password, or an abort at the prompt")
	case c.saw&sawCertificate != 0:
		return decision{cause: n.untrustedCA, confidence: sshwhy.ConfidenceLikely, candidates: n.certRefused,
			why: "a certificate was refused, and no line says what is wrong with it: then its CA is not trusted"}
	case c.saw&sawKey != 0 && c.saw&sawDebug != 0 && (c.saw&sawNoKeyFile != 0 || c.saw&sawKeyProbed != 0 && c.saw&sawFileTried == 0):
		return decision{cause: n.keysMissing, confidence: sshwhy.ConfidenceLikely, candidates: n.noKeyFile,
			why: "a key was refused, and at DEBUG1 sshd did not find the file that should hold it"}
	case c.saw&sawKey != 0:
		return because(n.keyRefused, "a key was refused; at this LogLevel sshd does not say why")
	case c.saw&(sawPostponed|sawKeyFound) != 0:
		return because(n.keyFound, "the key would have been accepted, and nothing followed")
	case c.saw&sawReset != 0:
		return decision{cause: n.reset, confidence: sshwhy.ConfidenceLikely, candidates: n.afterReset, why: "the connection was reset"}
	case c.saw&sawDisconnect != 0 && c.saw&sawAuthenticating == 0 && c.code == disconnectByApplication:
		d := decision{cause: n.gaveUp, confidence: sshwhy.ConfidenceLikely, candidates: n.beforeUser, why: "the client said that it leaves, before it named a user"}
		if c.namesNobody() && !verbose {
			d.candidates, d.why = n.beforeUserOld, "the client said that it leaves; releases up to 7.4 do not name the user then"
		}
		return d
	case c.saw&sawAuthenticating != 0 && verbose:
		return because(n.silentCloseVerbose, "the client left, and at VERBOSE a refused key or password would have left a line")
	case c.saw&sawAuthenticating != 0 && string(c.ident) == "sshd":
		return because(n.silentClose, "the client left during authentication; at LogLevel INFO sshd does not log a refused key or a method that is off")
	case c.saw&sawAuthenticating != 0:
		return because(n.silentCloseNew, "the client left during authentication; at LogLevel INFO sshd does not log a refused key or a method that is off")
	case c.saw&(sawClosed|sawDisconnect) != 0 && c.namesNobody() && verbose:
		return because(n.beforeUserVerbose, "the client left; at VERBOSE a refused key or password would have left a line")
	case c.saw&(sawClosed|sawDisconnect) != 0 && c.namesNobody():
		return because(n.beforeUserOld, "the client left; releases up to 7.4 do not name the user then, and do not log a refused key at INFO")
	case c.saw&(sawClosed|sawDisconnect|sawBroken) != 0:
		return because(n.beforeUser, "the client left before it named a user")
	}
	return because(n.unended, "the connection has no end in the log")
}

// disconnectByApplication is what a client says that just leaves
// (RFC 4253, 11.1).
const disconnectByApplication = 11

// namesNobody tells whether the connection may be of a release up to 7.4,
// whose closing lines never name a user.
func (c *connection) namesNobody() bool {
	return c.saw&sawPreauth != 0 && c.saw&sawAuthenticating == 0 && string(c.ident) == "sshd"
}

func undetermined(cause sshwhy.CauseID, candidates []sshwhy.CauseID, why string) decision {
	return decision{cause: cause, confidence: sshwhy.ConfidenceUndetermined, candidates: candidates, why: why}
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
func (k *Classifier) alike(cause sshwhy.CauseID) []sshwhy.CauseID {
	list := []sshwhy.CauseID{cause}
	for _, id := range k.causes.Cause(cause).Alike {
		if n := k.causes.Find(id); n != 0 && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}
