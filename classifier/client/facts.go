package client

import (
	"bytes"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// fact is something that went wrong and did not end ssh by itself.
type fact struct {
	pattern sshwhy.PatternID
	what    uint8 // the catalogue's constant, 0 for none
	values  []sshwhy.Value
	line    int
}

// value gives a part of the message.
func (f *fact) value(field sshwhy.Field) string {
	for i := range f.values {
		if f.values[i].Field == field {
			return f.values[i].Text
		}
	}
	return ""
}

// fact notes something that went wrong. What a server could imitate counts
// only where ssh has named the file before.
func (r *run) fact(ev *sshwhy.Event) {
	switch ev.Pattern {
	case patterns.SSHKeyNotLoaded, patterns.SSHKeyMode, patterns.SSHKeyMismatch, patterns.SSHIdentityMissing:
		if r.v.Debug && r.at >= StepAuth && !r.pathNamed(fieldText(ev, sshwhy.FieldPath)) {
			return
		}
	case patterns.SSHPasswordRefused:
		r.retries++
	case patterns.SSHPasswordPrompt, patterns.SSHPrompt:
		r.prompted = true
		setOnce(&r.v.User, fieldText(ev, sshwhy.FieldUser))
		setOnce(&r.v.Host, fieldText(ev, sshwhy.FieldHost))
	case patterns.SSHHostChanged, patterns.SSHHostUnknown, patterns.SSHHostRevoked:
		setOnce(&r.v.Host, fieldText(ev, sshwhy.FieldHost))
	case patterns.SSHHostAsks:
		host, _, _ := strings.Cut(fieldText(ev, sshwhy.FieldHost), " (")
		setOnce(&r.v.Host, host)
	}
	if len(r.facts) >= maxList || !noteworthy(ev.Pattern) {
		return
	}
	f := fact{pattern: ev.Pattern, what: ev.Constant(sshwhy.FieldWhat), line: r.keep(ev)}
	for _, c := range ev.Captures() {
		if c.Value == 0 {
			f.values = append(f.values, sshwhy.Value{Field: c.Field, Text: fieldText(ev, c.Field)})
		}
	}
	r.facts = append(r.facts, f)
	if path := f.value(sshwhy.FieldPath); ev.Pattern == patterns.SSHKeyNotLoaded || ev.Pattern == patterns.SSHKeyMode {
		for i := range r.v.Identities {
			if id := &r.v.Identities[i]; id.Path == path && id.Fate != FateAccepted {
				id.Fate, id.Reason = FateUnusable, f.value(sshwhy.FieldReason)
			}
		}
	}
}

// noteworthy leaves out what says nothing about a failure.
func noteworthy(id sshwhy.PatternID) bool {
	switch id {
	case patterns.SSHHostAdded, patterns.SSHHostNotAdded, patterns.SSHHostRemoval, patterns.SSHHostWarning, patterns.SSHPasswordPrompt, patterns.SSHPrompt,
		patterns.SSHPassphrasePrompt, patterns.SSHCaller, patterns.SSHNoTerminal, patterns.SSHTransferred, patterns.SSHExitStatus, patterns.SSHConfigRead,
		patterns.SSHConfigIgnoredOption, patterns.SSHSessionBegins:
		return false
	}
	return true
}

func (r *run) pathNamed(path string) bool {
	return slices.ContainsFunc(r.paths, func(p string) bool { return p == path || strings.TrimSuffix(p, ".pub") == path })
}

// find gives the last fact of these patterns, nil for none.
func (r *run) find(ids ...sshwhy.PatternID) *fact {
	for i := len(r.facts) - 1; i >= 0; i-- {
		if slices.Contains(ids, r.facts[i].pattern) {
			return &r.facts[i]
		}
	}
	return nil
}

// keep keeps a line as evidence and gives its index, -1 where there is no room.
func (r *run) keep(ev *sshwhy.Event) int {
	line := string(bytes.TrimRight(ev.Record.Text[:min(len(ev.Record.Text), maxLine)], "\r"))
	if n := len(r.v.Evidence); n > 0 && r.v.Evidence[n-1] == line {
		return n - 1
	}
	if len(r.v.Evidence) >= maxEvidence {
		// The last lines say more than those in the middle.
		r.v.Evidence[maxEvidence-1] = line
		return maxEvidence - 1
	}
	r.v.Evidence = append(r.v.Evidence, line)
	return len(r.v.Evidence) - 1
}

// fieldText gives a part of a message, not too long.
func fieldText(ev *sshwhy.Event, f sshwhy.Field) string {
	b := ev.Get(f)
	return string(b[:min(len(b), maxLine)])
}

// namesOf takes a list of names apart.
func namesOf(names string) []string {
	var all []string
	for name := range strings.SplitSeq(names, ",") {
		if name != "" && len(all) < maxList {
			all = append(all, name)
		}
	}
	return all
}

// setOnce keeps what was known before.
func setOnce(to *string, value string) {
	if *to == "" {
		*to = value
	}
}
