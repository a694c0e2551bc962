package client

import (
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// key notes what becomes of the client's keys.
func (r *run) key(ev *sshwhy.Event, marked bool) bool {
	if !marked {
		return false
	}
	path := fieldText(ev, sshwhy.FieldPath)
	switch ev.Pattern {
	case patterns.SSHIdentityFile:
		if r.at < StepAuth && len(r.paths) < maxList {
			r.paths = append(r.paths, path)
		}
	case patterns.SSHKeyCandidate:
		r.identity(ev)
	case patterns.SSHKeyOffered:
		r.withoutSignature()
		r.settleKeys(FateRefused)
		if i := r.identity(ev); i >= 0 {
			r.v.Identities[i].Fate, r.waiting = FateOffered, i+1
		}
		r.keep(ev)
	case patterns.SSHKeyAccepted:
		r.keyAccepted(ev)
	case patterns.SSHKeyTried:
		r.withoutSignature()
		r.settleKeys(FateRefused)
		r.identity(ev)
	case patterns.SSHKeySkipped:
		if i := r.identity(ev); i >= 0 {
			r.v.Identities[i].Fate, r.v.Identities[i].Reason = FateSkipped, fieldText(ev, sshwhy.FieldReason)
		}
		r.fact(ev)
	case patterns.SSHNoMutualSignature:
		if r.waiting > 0 {
			r.v.Identities[r.waiting-1].Fate = FateSkipped
			r.waiting = 0
		}
		r.fact(ev)
	default:
		return false
	}
	return true
}

// identity finds the key of a message, or adds it; -1 where there is no room.
func (r *run) identity(ev *sshwhy.Event) int {
	path, explicit := strings.CutSuffix(strings.TrimRight(fieldText(ev, sshwhy.FieldPath), " "), " explicit")
	id := Identity{Path: path, Explicit: explicit, Type: fieldText(ev, sshwhy.FieldKeyType), Fingerprint: fieldText(ev, sshwhy.FieldFingerprint), From: "file"}
	if r.at >= StepAuth && len(r.paths) < maxList && strings.HasPrefix(id.Path, "/") {
		r.paths = append(r.paths, id.Path)
	}
	id.Explicit = id.Explicit || ev.Constant(sshwhy.FieldWhat) == patterns.ConstantExplicit
	switch {
	case ev.Constant(sshwhy.FieldOther) == patterns.ConstantAgent:
		id.From = "agent"
	case ev.Constant(sshwhy.FieldName) == patterns.ConstantToken:
		id.From = "token"
	case ev.Constant(sshwhy.FieldName) == patterns.ConstantAuthenticator:
		id.From = "authenticator"
	case !slices.Contains(r.paths, id.Path) && !strings.ContainsAny(id.Path, `/\`):
		id.From = "agent" // up to 7.9 the line does not tell; the name is the agent's
	}
	for i := range r.v.Identities {
		known := &r.v.Identities[i]
		if known.Path == id.Path && (known.Fingerprint == "" || id.Fingerprint == "" || known.Fingerprint == id.Fingerprint) {
			setOnce(&known.Type, id.Type)
			setOnce(&known.Fingerprint, id.Fingerprint)
			return i
		}
	}
	if len(r.v.Identities) == maxList {
		return -1
	}
	r.v.Identities = append(r.v.Identities, id)
	return len(r.v.Identities) - 1
}

// keyAccepted notes that the server knows a key. Up to 7.9 the line does not
// say which; then it is the one that was offered last.
func (r *run) keyAccepted(ev *sshwhy.Event) {
	i := r.waiting - 1
	if ev.Has(sshwhy.FieldPath) {
		i = r.identity(ev)
	}
	if i >= 0 {
		r.v.Identities[i].Fate = FateAccepted
	}
	r.waiting, r.signing = 0, i+1
	r.keep(ev)
}

// withoutSignature notes that ssh went on though the server waits for a
// signature.
func (r *run) withoutSignature() {
	if r.signing > 0 {
		r.unsigned = r.signing
		r.v.Identities[r.signing-1].Fate = FateUnusable
	}
	r.signing = 0
}

// settleKeys gives the key whose answer is due its fate.
func (r *run) settleKeys(fate Fate) {
	if r.waiting > 0 && r.v.Identities[r.waiting-1].Fate == FateOffered {
		r.v.Identities[r.waiting-1].Fate = fate
	}
	r.waiting = 0
}

// failedQuietly notes messages of debugging that say what went wrong.
func (r *run) failedQuietly(ev *sshwhy.Event) bool {
	switch ev.Pattern {
	case patterns.SSHPassphraseWrong, patterns.SSHKerberos, patterns.SSHMuxConnectFailed, patterns.SSHRemoteNote, patterns.SSHOpenFailed:
		r.fact(ev)
		return true
	}
	return false
}
