package classifier

import (
	"bytes"
	"hash/maphash"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// learn adds what a line tells to its connection.
func (k *Classifier) learn(c *connection, ev *sshwhy.Event, r *rule, f *facts) {
	first := len(c.lines) == 0
	line := c.keep(ev)
	if line >= 0 {
		k.table.hold(c, ev.Record)
	}
	k.table.mark(c)
	before := c.saw
	passwords, keys := c.passwords, c.keys
	if r.signals&sawPAM != 0 {
		k.notePAM(c.host, f.user)
	} else if !first && ev.Pattern != patterns.KeysCommandNotRun {
		c.saw &^= sawOnlyPAM
	}
	c.saw |= r.signals
	switch {
	case ev.Level >= sshwhy.LevelDebug1:
		c.saw |= sawDebug
	case ev.Level == sshwhy.LevelFatal:
		c.saw |= sawTrouble | sawFatal
	case ev.Level == sshwhy.LevelError:
		c.saw |= sawTrouble
	}
	if ev.Stage == sshwhy.StagePreauth {
		c.saw |= sawPreauth
	}
	k.learnClient(c, f.address, f.port)
	c.learnUser(f)
	var failed signal
	switch ev.Pattern {
	case patterns.LoginFailed:
		failed = c.failed(ev)
	case patterns.LoginAccepted:
		c.method = append(c.method[:0], ev.Get(sshwhy.FieldMethod)...)
		c.learnKey(ev)
	case patterns.LoginPostponed:
		c.asked = append(c.asked[:0], ev.Get(sshwhy.FieldMethod)...)
		c.learnKey(ev)
	case patterns.LoginPartial, patterns.KeyFound:
		c.learnKey(ev)
	case patterns.KeyFileTried:
		if len(c.firstKeyFile) == 0 {
			c.firstKeyFile = append(c.firstKeyFile, ev.Get(sshwhy.FieldPath)...)
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
			return o.saw&sawPAMAuth != 0 && string(o.address) == string(c.address) && (!o.userKnown || string(o.user) == string(c.user))
		})
	case patterns.KeysCommandFailed:
		command := ev.Get(sshwhy.FieldPath)
		k.helper(c, func(o *connection) bool { return o.failedToRun(string(command)) })
	}
	k.proofsOf(c, ev, line)
	if c.passwords > passwords || c.keys > keys {
		n := max(int(ev.Repeat), 1)
		c.host.previous = repeatable{c, c.number, (c.passwords - passwords) / n, (c.keys - keys) / n}
		k.table.markHost(c.host)
	}
	if k.options.Why && line >= 0 {
		c.signs = append(c.signs, r.signals|failed|c.saw&^before)
	}
	k.table.weigh(c)
}

// notePAM notes a user of whom a PAM module wrote.
func (k *Classifier) notePAM(h *host, user []byte) {
	if h.notePAM(user) && k.table.holding != nil {
		k.table.holding.pam = append(k.table.holding.pam, pamUser{h, string(user)})
	}
}

// failed counts a refused try by its method (auth.c auth_log), and gives what
// it shows.
func (c *connection) failed(ev *sshwhy.Event) signal {
	var saw signal
	method := ev.Get(sshwhy.FieldMethod)
	c.method = append(c.method[:0], method...)
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
		c.learnKey(ev)
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
	for i := range c.lines {
		if c.lines[i].pattern != patterns.KeysCommandNotRun {
			return false
		}
	}
	for i := range c.proofs {
		for _, v := range c.proofs[i].values {
			if v.Field == sshwhy.FieldCommand && v.Text == command {
				return true
			}
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
	if string(ev.Get(sshwhy.FieldReason)) == "No such file or directory" && len(path) > 0 && string(path) == string(c.firstKeyFile) && !bytes.HasSuffix(path, []byte("/authorized_keys2")) {
		c.saw |= sawNoKeyFile
	}
}

func (c *connection) learnKey(ev *sshwhy.Event) {
	if fp := ev.Get(sshwhy.FieldFingerprint); fp != nil {
		c.print = append(c.print[:0], fp...)
		c.keyType = append(c.keyType[:0], ev.Get(sshwhy.FieldKeyType)...)
	}
}

// learnClient takes the client's address from a line. The first that has a
// port holds; an address alone may be of another layer (PAM's rhost).
func (k *Classifier) learnClient(c *connection, address []byte, port int) {
	if len(address) == 0 || len(address) > maxNameBytes || c.port > 0 && len(c.address) > 0 {
		return
	}
	if len(c.address) == 0 || port > 0 {
		c.address, c.port = append(c.address[:0], address...), port
		if c.key == 0 {
			k.table.peer(c) // it can only be found by its client
		}
	}
}

// learnUser takes the user's name from a line. PAM's name for an unknown user
// is no name.
func (c *connection) learnUser(f *facts) {
	switch f.who {
	case patterns.ConstantInvalid:
		c.saw |= sawInvalid
	case patterns.ConstantAuthenticating:
		c.saw |= sawAuthenticating
	}
	if c.userKnown {
		return
	}
	if f.named && len(f.user) <= maxNameBytes {
		c.user, c.userKnown = append(c.user[:0], f.user...), true
	}
}

// proofsOf notes the causes that a line shows by itself.
func (k *Classifier) proofsOf(c *connection, ev *sshwhy.Event, line int) {
	list := k.proofs[ev.Pattern]
	for i := range list {
		p := &list[i]
		if p.holds(ev) {
			k.values = k.appendValues(k.values[:0], ev)
			c.prove(p.cause, p.confidence, line, k.values)
		}
	}
}

func (p *proof) holds(ev *sshwhy.Event) bool {
	for i := range p.when {
		if !p.when[i].holds(ev) {
			return false
		}
	}
	return true
}

// appendValues appends the facts of a line that the finding does not hold
// anyway.
func (k *Classifier) appendValues(values []sshwhy.Value, ev *sshwhy.Event) []sshwhy.Value {
	for _, f := range ev.Captures() {
		switch f.Field {
		case sshwhy.FieldUser, sshwhy.FieldAddr, sshwhy.FieldPort, sshwhy.FieldWho, sshwhy.FieldHost:
			continue
		}
		if f.Value == 0 && f.End > f.Start {
			values = append(values, sshwhy.Value{Field: f.Field, Text: k.texts.of(ev.Message[f.Start:f.End])})
		}
	}
	return values
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
