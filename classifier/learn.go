package classifier

import (
	"bytes"
	"hash/maphash"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// learn adds what a line tells to its connection.
func (k *Classifier) learn(c *connection, ev *sshwhy.Event, r *rule, f *facts) {
	line := &k.line
	first := len(c.lines) == 0
	if !k.options.Brief {
		k.keep(c, ev, line)
	} else if line.index = -1; first || r.beside || c.state == stateService { // what else there was, decides nothing
		line.index = c.keepPattern(ev.Pattern)
	}
	if first {
		c.writtenBy(ev.Ident)
	}
	before := c.saw
	c.saw = before&^r.clears | r.signals | shows[ev.Level&7][ev.Stage&3]
	fields := ev.Captures()
	if who := ev.At(sshwhy.FieldWho); uint(who) < uint(len(fields)) {
		switch fields[who].Value {
		case patterns.ConstantInvalid:
			c.saw |= sawInvalid
		case patterns.ConstantAuthenticating:
			c.saw |= sawAuthenticating
		}
	}
	if c.port == 0 || c.address.empty() {
		k.learnClient(c, ev, f, line)
	}
	if user := ev.At(sshwhy.FieldUser); !c.userKnown && uint(user) < uint(len(fields)) {
		c.learnUser(ev.Message[fields[user].Start:fields[user].End], line)
	}
	var failed signal
	if r.tells {
		if r.signals&sawPAM != 0 {
			k.notePAM(c.host, ev)
		}
		if r.own {
			failed = k.learnOwn(c, ev, line)
		}
		if len(r.proofs) > 0 {
			k.learnProofs(c, ev, r, line)
		}
	}
	if k.options.Why && !k.options.Brief && line.index >= 0 {
		c.signs = append(c.signs, r.signals|failed|c.saw&^before)
	}
	k.table.weigh(c)
}

// keep keeps a line as evidence.
func (k *Classifier) keep(c *connection, ev *sshwhy.Event, line *kept) {
	first := len(c.lines) == 0
	if c.keep(ev, line); line.index < 0 {
		k.keepInstead(c, ev, line)
	}
	if first {
		c.ident = c.partOf(ev.Ident, ev.Record.Text, line)
	}
	if k.table.holding != nil {
		k.hold(c, ev)
	}
}

// hold notes for Held and Save what changed.
func (k *Classifier) hold(c *connection, ev *sshwhy.Event) {
	if k.line.index >= 0 {
		k.table.hold(c, ev.Record)
	}
	k.table.mark(c)
}

// learnOwn adds what only lines of one pattern tell, and gives what a refused try
// shows.
func (k *Classifier) learnOwn(c *connection, ev *sshwhy.Event, line *kept) (failed signal) {
	passwords, keys := c.passwords, c.keys
	failed = k.learnPattern(c, ev, line)
	if c.passwords > passwords || c.keys > keys {
		n := max(int(ev.Repeat), 1)
		c.host.previous = repeatable{c, c.number, (c.passwords - passwords) / n, (c.keys - keys) / n}
		k.table.markHost(c.host)
	}
	return failed
}

func (k *Classifier) learnPattern(c *connection, ev *sshwhy.Event, line *kept) signal {
	switch ev.Pattern {
	case patterns.LoginFailed:
		return k.failed(c, ev, line)
	case patterns.LoginAccepted:
		k.remember(c, &c.method, ev.Get(sshwhy.FieldMethod), line)
		k.learnKey(c, ev, line)
	case patterns.LoginPostponed:
		k.remember(c, &c.asked, ev.Get(sshwhy.FieldMethod), line)
		k.learnKey(c, ev, line)
	case patterns.LoginPartial, patterns.KeyFound:
		k.learnKey(c, ev, line)
	case patterns.KeyFileTried:
		if c.firstKeyFile.empty() {
			c.firstKeyFile = c.part(ev.Get(sshwhy.FieldPath), line)
		}
	case patterns.KeyFileNotOpened:
		c.noFile(ev)
	case patterns.DisconnectReceived, patterns.Disconnected:
		c.code = max(c.code, ev.Int(sshwhy.FieldCode))
		c.farewell(ev)
	case patterns.ChildPID:
		key := c.host.processKey(int32(ev.Int(sshwhy.FieldPID)))
		k.table.bind(c, key)
		k.adopt(c.host, c, key)
	case patterns.PAMAuthFailed:
		c.passwords += int(ev.Repeat)
		k.helper(c, func(o *connection) bool {
			return o.saw&sawPAMAuth != 0 && bytes.Equal(o.text(o.address), c.text(c.address)) && (!o.userKnown || bytes.Equal(o.text(o.user), c.text(c.user)))
		})
	case patterns.AccessDeniedByPAM:
		// Where no module said why in this process, one did in the process
		// that PAM had for keyboard-interactive (auth-pam.c sshpam_thread).
		if c.saw&sawPAM == 0 {
			k.helper(c, func(o *connection) bool {
				return len(o.proofs) > 0 && o.userKnown && bytes.Equal(o.text(o.user), c.text(c.user))
			})
		}
	case patterns.KeysCommandFailed:
		command := ev.Get(sshwhy.FieldPath)
		k.helper(c, func(o *connection) bool { return o.failedToRun(string(command)) })
	}
	return 0
}

// notePAM notes a user of whom a PAM module wrote.
func (k *Classifier) notePAM(h *host, ev *sshwhy.Event) {
	fields := ev.Captures()
	i := ev.At(sshwhy.FieldUser)
	if uint(i) >= uint(len(fields)) {
		return
	}
	user := ev.Message[fields[i].Start:fields[i].End]
	if len(user) == 0 || *h.recentPAM(user) == string(user) {
		return
	}
	if h.notePAM(user) && k.table.holding != nil {
		k.table.holding.pam = append(k.table.holding.pam, pamUser{h, string(user)})
	}
}

// failed counts a refused try by its method (auth.c auth_log), and gives what
// it shows.
func (k *Classifier) failed(c *connection, ev *sshwhy.Event, line *kept) signal {
	var saw signal
	method := ev.Get(sshwhy.FieldMethod)
	k.remember(c, &c.method, method, line)
	switch string(method) {
	case "password":
		saw |= sawPassword
		c.passwords += int(ev.Repeat)
	case "publickey":
		saw |= sawKey
		c.keys += int(ev.Repeat)
		if ev.Has(sshwhy.FieldCertID) {
			saw |= sawCertificate
		}
		k.learnKey(c, ev, line)
	case "none":
		saw |= sawNone
	case "keyboard-interactive":
		saw |= sawInteractive
		c.passwords += int(ev.Repeat)
	default:
		saw |= sawOtherMethod
	}
	if ev.Constant(sshwhy.FieldWho) == patterns.ConstantInvalid {
		saw |= sawInvalid
	}
	c.saw |= saw
	return saw
}

// failedToRun tells whether all that is known of a connection is that a
// command could not be started.
func (c *connection) failedToRun(command string) bool {
	if c.saw&sawPAM != 0 {
		return false
	}
	for i := range c.lines {
		if c.lines[i].pattern != patterns.KeysCommandNotRun {
			return false
		}
	}
	for _, f := range c.facts {
		if f.field == sshwhy.FieldCommand && string(c.text(f.at)) == command {
			return true
		}
	}
	return false
}

// farewell notes where the client's goodbye tells that it had logged in: what
// the process before login writes ends in [preauth] since 5.9, and the port
// stands in these lines since 7.2.
func (c *connection) farewell(ev *sshwhy.Event) {
	const refused = sawPassword | sawKey | sawInteractive | sawInvalid | sawPAMAuth
	if ev.Stage == sshwhy.StageNone && ev.Has(sshwhy.FieldPort) && c.saw&refused == 0 {
		c.saw |= sawSession | sawLeft
	}
}

// noFile notes that the first file with keys that sshd looked for does not
// exist. Of the second of AuthorizedKeysFile's two default names that is the
// rule.
func (c *connection) noFile(ev *sshwhy.Event) {
	path := ev.Get(sshwhy.FieldPath)
	if string(ev.Get(sshwhy.FieldReason)) == "No such file or directory" && len(path) > 0 && bytes.Equal(path, c.text(c.firstKeyFile)) && !bytes.HasSuffix(path, []byte("/authorized_keys2")) {
		c.saw |= sawNoKeyFile
	}
}

func (k *Classifier) learnKey(c *connection, ev *sshwhy.Event, line *kept) {
	if k.options.Brief {
		return
	}
	if fp := ev.Get(sshwhy.FieldFingerprint); fp != nil {
		k.remember(c, &c.print, fp, line)
		k.remember(c, &c.keyType, ev.Get(sshwhy.FieldKeyType), line)
	}
}

// remember keeps what a line told last of how the client logs in, which only a
// finding in full tells. What is the same takes no more room, and where there is
// none left the earlier stays.
func (k *Classifier) remember(c *connection, to *part, b []byte, l *kept) {
	if k.options.Brief || bytes.Equal(c.text(*to), b) {
		return
	}
	if p := c.part(b, l); !p.empty() || len(b) == 0 {
		*to = p
	}
}

// learnClient takes the client's address from a line that has one, where that
// is not known yet. The first that has a port holds; an address alone may be of
// another layer (PAM's rhost).
func (k *Classifier) learnClient(c *connection, ev *sshwhy.Event, f *facts, line *kept) {
	f.read(ev)
	if len(f.address) == 0 || len(f.address) > maxNameBytes {
		return
	}
	if c.address.empty() || f.port > 0 {
		c.port = int32(f.port)
		c.client, c.portAt = c.part(f.client, line), f.portAt
		if c.client.empty() {
			c.address = c.part(f.address, line)
		} else { // it begins with the address
			c.address = part{c.client.start, c.client.start + uint16(len(f.address))}
		}
		if c.key == 0 {
			k.table.peer(c) // it can only be found by its client
		}
	}
}

// learnUser takes the user's name from a line. PAM's name for an unknown user
// is no name.
func (c *connection) learnUser(user []byte, line *kept) {
	if len(user) <= maxNameBytes {
		c.user, c.userKnown = c.part(user, line), true
	}
}

// learnProofs notes the causes that a line shows by itself, those that only hold
// for later logins without any confidence: they are no more than remarks.
func (k *Classifier) learnProofs(c *connection, ev *sshwhy.Event, r *rule, line *kept) {
	var s said
	for i := range r.proofs {
		p := &r.proofs[i]
		if p.when.field != sshwhy.FieldNone {
			if s.field != p.when.field { // those of a pattern are mostly of one field
				s.in(ev, p.when.field)
			}
			if !p.when.holds(&s) || len(p.also) > 0 && !p.holdsAlso(ev) {
				continue
			}
		}
		cause, confidence := p.cause, p.confidence
		if r.inSession != 0 && c.saw&(sawAccepted|sawSession) != 0 {
			cause = r.inSession
		}
		if r.later {
			confidence = sshwhy.ConfidenceNone
		}
		if proof, more := c.prove(cause, confidence, line.index); proof >= 0 && (k.options.Values == nil || r.beside || k.options.Values(cause)) {
			c.learnFacts(proof, more, ev, line)
		}
	}
}

// holdsAlso tells whether a line meets the further conditions.
func (p *proof) holdsAlso(ev *sshwhy.Event) bool {
	for i := range p.also {
		var s said
		if s.in(ev, p.also[i].field); !p.also[i].holds(&s) {
			return false
		}
	}
	return true
}

// learnFacts adds to a proof what a line tells that the finding does not hold
// anyway, or only what is missing of it.
func (c *connection) learnFacts(proof int, missing bool, ev *sshwhy.Event, line *kept) {
	const held = 1<<sshwhy.FieldUser | 1<<sshwhy.FieldAddr | 1<<sshwhy.FieldPort | 1<<sshwhy.FieldWho | 1<<sshwhy.FieldHost
	fields := ev.Captures()
	for i := range fields {
		f := &fields[i]
		if uint64(held)>>(f.Field&63)&1 == 0 && f.Value == 0 && f.End > f.Start && !(missing && c.tells(proof, f.Field)) {
			text := ev.Message[f.Start:f.End]
			if f.Field == sshwhy.FieldOffer {
				c.addFact(proof, f.Field, c.offer(text, line))
				continue
			}
			c.addFact(proof, f.Field, c.part(text, line))
		}
	}
}

// texts are strings of late. A log names the same paths, offers and reasons over
// and over: most need not be made again. Each has the one place that its bytes
// give.
type texts struct {
	seed maphash.Seed
	list [512]string
}

// maxSharedText bounds what is kept by texts.
const maxSharedText = 256

func (t *texts) of(b []byte) string {
	if len(b) > maxSharedText {
		return string(b)
	}
	s := &t.list[maphash.Bytes(t.seed, b)%uint64(len(t.list))]
	if *s != string(b) {
		*s = string(b)
	}
	return *s
}
