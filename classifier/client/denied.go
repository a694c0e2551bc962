package client

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// denied is about "Permission denied" and its list of methods.
func (k *causeIDs) denied(r *run) decision {
	offer := strings.Join(r.v.Methods, ",")
	d := k.why(r).with(sshwhy.FieldOffer, offer)
	d.step = StepAuth
	return d
}

// why finds out which try was refused, or not made.
func (k *causeIDs) why(r *run) decision {
	if r.partial {
		return k.secondFactor(r)
	}
	if d := k.ownKeys(r); d.cause != "" {
		return d
	}
	offered, certificate := 0, false
	for i := range r.v.Identities {
		if id := &r.v.Identities[i]; id.Fate == FateRefused || id.Fate == FateOffered || id.Fate == FateAccepted {
			offered++
			certificate = certificate || strings.Contains(id.Type, "CERT")
		}
	}
	asked := slices.ContainsFunc(r.v.MethodsTried, isPassword)
	switch {
	case r.retries > 0 || asked || r.prompted && slices.ContainsFunc(r.v.Methods, isPassword):
		d := because("password-refused", StepAuth, SideServer).behind(k.passwords).by(r.find(patterns.SSHPasswordRefused))
		d.line = -1
		if offered > 0 {
			d.remarks = append(d.remarks, "keys-refused")
		}
		return d
	case !r.v.Debug:
		return k.deniedAlone(r)
	case offered > 0:
		candidates := k.keys
		if certificate {
			candidates = append(k.certificates[:len(k.certificates):len(k.certificates)], k.keys...)
		}
		return r.offeredKeys(because("keys-refused", StepAuth, SideServer).behind(candidates), offered)
	}
	return k.nothingTried(r)
}

func isPassword(method string) bool {
	return method == "password" || method == "keyboard-interactive"
}

// offeredKeys adds how many keys were offered, and which where it was one.
func (r *run) offeredKeys(d decision, offered int) decision {
	if offered == 1 {
		for i := range r.v.Identities {
			if id := &r.v.Identities[i]; id.Fate == FateRefused || id.Fate == FateOffered || id.Fate == FateAccepted {
				d = d.with(sshwhy.FieldFingerprint, id.Fingerprint).with(sshwhy.FieldKeyType, id.Type)
			}
		}
		return d
	}
	return d.with(sshwhy.FieldCount, strconv.Itoa(offered))
}

// secondFactor is about logins of which a part succeeded.
func (k *causeIDs) secondFactor(r *run) decision {
	last := ""
	if n := len(r.v.MethodsTried); n > 0 {
		last = r.v.MethodsTried[n-1]
	}
	if slices.Contains(r.v.Methods, last) && last != "publickey" {
		return because("second-factor-failed", StepAuth, SideClient).perhaps()
	}
	return because("second-factor-missing", StepAuth, SideClient).perhaps()
}

// deniedAlone is about the message without -v: the list is all that it tells.
func (k *causeIDs) deniedAlone(r *run) decision {
	d := because("permission-denied", StepAuth, SideUnknown)
	if slices.ContainsFunc(r.v.Methods, isPassword) || len(r.v.Methods) == 0 {
		return d.open(k.deniedAll)
	}
	return d.open(k.deniedKeys)
}

// nothingTried is about logins for which the client had nothing to show.
func (k *causeIDs) nothingTried(r *run) decision {
	if f := r.find(patterns.SSHNoMutualSignature, patterns.SSHKeySkipped); f != nil {
		d := because("no-shared-signature-algorithm", StepAuth, SideClient).by(f)
		for i := range r.v.Identities {
			if r.v.Identities[i].Fate == FateSkipped {
				d = d.with(sshwhy.FieldPath, r.v.Identities[i].Path)
			}
		}
		return d
	}
	if f := r.find(patterns.SSHKerberos); f != nil && slices.Contains(r.v.Methods, "gssapi-with-mic") && !slices.Contains(r.v.Methods, "publickey") {
		return because("gssapi-failed", StepAuth, SideClient).perhaps().by(f)
	}
	if !slices.Contains(r.v.Methods, "publickey") || !slices.Contains(r.v.MethodsTried, "publickey") {
		return because("no-common-method", StepAuth, SideClient)
	}
	d := because("no-key-offered", StepAuth, SideClient)
	if r.find(patterns.SSHAgentUnreachable) != nil {
		d.remarks = append(d.remarks, "agent-unreachable")
	}
	return d
}

// ownKeys is about the client's own keys: those that the server would take and
// that could not sign, then those that ssh could not read.
func (k *causeIDs) ownKeys(r *run) decision {
	if f := r.find(patterns.SSHSigningFailed); f != nil {
		return signingFailed(f)
	}
	if f := r.find(patterns.SSHTokenFailed); f != nil {
		return because("pkcs11-failed", StepAuth, SideClient).by(f)
	}
	d := unreadKey(r)
	if d.cause == "" && r.unsigned > 0 {
		// With -v alone ssh does not say that it got no passphrase.
		d = because("client-key-passphrase", StepAuth, SideClient).perhaps().with(sshwhy.FieldPath, r.v.Identities[r.unsigned-1].Path)
	}
	if d.cause == "" {
		return d
	}
	// Where other keys were offered, theirs can be the refusal that counts.
	if slices.ContainsFunc(r.v.Identities, func(id Identity) bool { return id.Fate == FateRefused }) {
		d = d.perhaps()
		d.remarks = append(d.remarks, "keys-refused")
	}
	return d
}

func signingFailed(f *fact) decision {
	cause := "signing-failed"
	switch reason := f.value(sshwhy.FieldReason); {
	case begins(reason, "agent refused operation", "communication with agent failed"):
		cause = "agent-refused-to-sign"
	case begins(reason, "device not found"):
		cause = "security-key-absent"
	case begins(reason, "incorrect passphrase"):
		cause = "client-key-passphrase"
	}
	return because(cause, StepAuth, SideClient).by(f)
}

// unreadKey is about key files that ssh could not use.
func unreadKey(r *run) decision {
	key := func(cause string, f *fact) decision { return because(cause, StepAuth, SideClient).by(f) }
	if f := r.find(patterns.SSHKeyMode, patterns.SSHKeyUnprotected); f != nil {
		return key("client-key-permissions", f).by(r.find(patterns.SSHKeyMode))
	}
	if f := r.find(patterns.SSHKeyMismatch); f != nil {
		return key("client-key-invalid", f)
	}
	if f := r.find(patterns.SSHKeyNotLoaded); f != nil {
		switch reason := f.value(sshwhy.FieldReason); {
		case begins(reason, "bad permissions"):
			return key("client-key-permissions", f)
		case begins(reason, "Permission denied", "Is a directory", "Operation not permitted"):
			return key("client-key-unreadable", f)
		case begins(reason, "incorrect passphrase"):
			return key("client-key-passphrase", f)
		case begins(reason, "No such file"):
			return key("client-key-missing", f)
		}
		return key("client-key-invalid", f)
	}
	if f := r.find(patterns.SSHPassphraseWrong); f != nil {
		d := key("client-key-passphrase", f)
		if r.unsigned > 0 {
			d = d.with(sshwhy.FieldPath, r.v.Identities[r.unsigned-1].Path)
		}
		return d
	}
	if f := r.find(patterns.SSHIdentityMissing); f != nil && !strings.Contains(f.value(sshwhy.FieldPath), "/.ssh/id_") {
		return key("client-key-missing", f)
	}
	return decision{}
}

// begins tells whether a text begins with one of several.
func begins(text string, starts ...string) bool {
	return slices.ContainsFunc(starts, func(s string) bool { return strings.HasPrefix(text, s) })
}
