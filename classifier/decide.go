package classifier

import (
	"github.com/sshwhy/sshwhy"
)

// decide says what the lines of a connection mean, all together: it does not
// matter in which order they came.
func (k *Classifier) decide(c *connection) *answer {
	if c.saw&(sawAccepted|sawSession) != 0 {
		return k.decideAccepted(c)
	}
	p := k.best(c, always)
	if p != nil && (p.confidence == sshwhy.ConfidenceCertain || !k.known.natures[p.cause].client) {
		return k.answers.proved[p.cause].inLogin(p.confidence)
	}
	const shapes = sawMaxTries | sawRefusedOptions | sawInvalid | sawPassword | sawInteractive | sawPAMAuth | sawPartial
	switch {
	case c.saw&shapes != 0:
		return k.decideTried(c)
	case p != nil: // what the client did, as far as a line tells
		return k.answers.proved[p.cause].inLogin(p.confidence)
	}
	return k.decideSilent(c)
}

// decideAccepted answers for a login that succeeded: only what went wrong in
// the session is a cause; what went wrong before it is a remark.
func (k *Classifier) decideAccepted(c *connection) *answer {
	if p := k.best(c, afterLogin); p != nil {
		return k.answers.proved[p.cause].inSession(p.confidence)
	}
	switch {
	case c.saw&(sawLeft|sawClosed|sawEnded) == 0 || c.saw&sawLeft != 0:
		return &k.answers.accepted
	case c.saw&sawClosed != 0 && c.saw&sawDebug != 0:
		// What sshd denies in a session leaves a line at DEBUG1 at the latest
		// (session.c session_pty_req, serverloop.c server_input_global_request).
		return &k.answers.lost
	case c.saw&sawClosed != 0:
		// sshd read the end of the stream (serverloop.c process_input), so the
		// client's host did answer: its program ended without a goodbye, as it
		// also does where sshd denied what it came for.
		return &k.answers.closed
	}
	return &k.answers.ended // in a chroot without /dev/log sshd cannot log the goodbye
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

// decideTried answers where a line tells what was refused, and none why.
func (k *Classifier) decideTried(c *connection) *answer {
	a := &k.answers
	switch {
	case c.saw&sawMaxTries != 0:
		return &a.maxTries
	case c.saw&sawRefusedOptions != 0:
		return &a.keyOptions
	case c.saw&sawInvalid != 0:
		return &a.invalid
	case c.saw&(sawPassword|sawInteractive|sawPAMAuth) != 0:
		return k.decidePassword(c)
	}
	return &a.secondMissing
}

// decidePassword answers where a password was refused. sshd's line is the same
// for a wrong password, a locked one, one that was never set, and a right one
// that PermitRootLogin refuses (auth-passwd.c auth_password, auth-pam.c
// sshpam_auth_passwd): at most likely.
func (k *Classifier) decidePassword(c *connection) *answer {
	a := &k.answers
	switch {
	case c.saw&sawPartial != 0:
		return &a.secondRefused
	case string(c.text(c.user)) == "root":
		return &a.rootPassword
	case c.saw&sawPassword != 0 && c.saw&sawPAMAuth == 0 && c.host.viaPAM(c.text(c.user)):
		return &a.passwordSilent
	}
	return &a.password
}

// decideSilent answers where no line tells anything: by the shape of what is
// there, and by what the LogLevel would have shown.
func (k *Classifier) decideSilent(c *connection) *answer {
	a := &k.answers
	verbose := c.saw&(sawOpened|sawDebug) != 0
	switch {
	case c.isOpen() && c.saw&sawKey != 0:
		return &a.openKey
	case c.isOpen():
		return &a.open
	case c.saw&sawNone != 0:
		return &a.noneRefused
	case c.saw&sawCertificate != 0:
		return &a.certificate
	case c.saw&sawKey != 0 && c.saw&sawDebug != 0 && c.saw&sawNoKeyFile != 0:
		return &a.keyFileMissing
	case c.saw&sawKey != 0:
		return &a.key
	case c.saw&(sawPostponed|sawKeyFound) != 0:
		return &a.keyAccepted
	case c.saw&sawReset != 0:
		return &a.reset
	case c.saw&sawDisconnect != 0 && c.saw&sawAuthenticating == 0 && c.code == disconnectByApplication:
		if c.namesNobody() && !verbose {
			return &a.goodbyeUnnamed
		}
		return &a.goodbye
	case c.saw&sawAuthenticating != 0 && verbose:
		return &a.leftVerbose
	case c.saw&sawAuthenticating != 0:
		return &a.left
	case c.saw&(sawClosed|sawDisconnect) != 0 && c.namesNobody() && verbose:
		return &a.unnamedVerbose
	case c.saw&(sawClosed|sawDisconnect) != 0 && c.namesNobody():
		return &a.unnamed
	case c.ofUnknownStage():
		return &a.unknownStage
	case c.saw&(sawClosed|sawDisconnect|sawBroken) != 0:
		return &a.beforeUser
	}
	return &a.noEnd
}

// disconnectByApplication is what a client says that just leaves
// (RFC 4253, 11.1).
const disconnectByApplication = 11

// namesNobody tells whether the connection may be of a release up to 7.4,
// whose closing lines never name a user. Before 5.9 they bear no [preauth], and
// until 7.1 no port.
func (c *connection) namesNobody() bool {
	return c.saw&(sawPreauth|sawUnmarked) != 0 && c.saw&sawAuthenticating == 0 && c.plain
}

// ofUnknownStage tells a line "Connection closed by" of 9.8 or later alone and
// without [preauth]. Up to 9.9 a client that leaves before its banner has that,
// as the first exchange is no part of what is marked (sshd-session.c main); in
// all of them one whose session began in lines that the log lacks, of which the
// child writes the same at INFO (serverloop.c process_input).
func (c *connection) ofUnknownStage() bool {
	return c.saw&sawClosed != 0 && c.saw&(sawPreauth|sawOpened|sawDebug|sawBroken) == 0 && c.split
}

// isOpen tells whether the log ended before the connection: nothing in it says
// that either side left, and it may still be logging in. A key that was refused
// is no end: the client tries the next, or another method.
func (c *connection) isOpen() bool {
	const ends = sawClosed | sawReset | sawDisconnect | sawHungUp | sawBroken | sawFatal
	return c.saw&sawLogEnd != 0 && c.saw&(ends|sawNone|sawCertificate) == 0
}
