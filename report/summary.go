package report

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// Summary counts findings: how connections ended and why, and who could not
// log in. It implements sshwhy.Sink. A finding counts once: a revision takes
// back what the one before it said.
//
// It keeps nothing of a finding but counts, names up to a budget, and for each
// cause the facts of its first finding, as an example; it allocates only where
// one of these is new.
type Summary struct {
	causes  *causes.Catalogue // not owned
	tallies []tally           // by CauseID
	users   *Top
	sources *Top
}

// kind tells what a finding is about.
type kind uint8

const (
	aboutConnection kind = iota
	aboutService
	aboutAttack
)

// outcomes is the number of outcomes.
const outcomes = sshwhy.OutcomeStartupFailed + 1

// tally is how often a cause was found.
type tally struct {
	counts [outcomes]uint64 // by Outcome
	kind   kind             // of the cause
	open   bool             // without an outcome it is of a connection that the log leaves open
	seen   bool
	facts  []sshwhy.Value // of the first finding
}

// Budget is how many distinct names the lists of users and sources hold before
// they become estimates.
const Budget = 4096

// maxName bounds what is kept of a name that a client chose.
const maxName = 256

// NewSummary gives an empty summary.
func NewSummary(c *causes.Catalogue) *Summary {
	s := &Summary{causes: c, tallies: make([]tally, len(c.Causes)+1), users: NewTop(Budget), sources: NewTop(Budget)}
	s.tallies[0].seen = true // of no cause there is no example
	s.tallies[c.Find(causes.Undetermined)].open = true
	for i := range c.Causes {
		switch c.Causes[i].Phase {
		case "service":
			s.tallies[i+1].kind = aboutService
		case "attack":
			s.tallies[i+1].kind = aboutAttack
		}
	}
	return s
}

// Deliver implements sshwhy.Sink.
func (s *Summary) Deliver(f *sshwhy.Finding) error {
	t := &s.tallies[f.Cause]
	t.counts[f.Outcome]++
	if !t.seen {
		t.example(f)
	}
	failed, failedBefore := t.failed(f.Outcome), false
	if f.Revision > 1 {
		before := &s.tallies[f.Before.Cause]
		before.counts[f.Before.Outcome]--
		failedBefore = before.failed(f.Before.Outcome)
	}
	if failed != failedBefore {
		s.name(f, failed)
	}
	return nil
}

// count gives the number of findings with the cause.
func (t *tally) count() uint64 {
	var n uint64
	for _, count := range t.counts {
		n += count
	}
	if t.open {
		n -= t.counts[sshwhy.OutcomeNone] // nothing was wrong yet
	}
	return n
}

// about tells what a finding of the cause is about that ended so.
func (t *tally) about(o sshwhy.Outcome) kind {
	switch {
	case o == sshwhy.OutcomeNone && t.open:
		return aboutConnection
	case o == sshwhy.OutcomeStartupFailed || o == sshwhy.OutcomeNone:
		return aboutService
	case t.kind == aboutAttack:
		return aboutAttack
	}
	return aboutConnection // also one that a fault of the service ended
}

// failed tells a connection whose user did not get in.
func (t *tally) failed(o sshwhy.Outcome) bool {
	return o != sshwhy.OutcomeAccepted && o != sshwhy.OutcomeNone && t.about(o) == aboutConnection
}

// Wants tells whether the values of a finding with the cause are of use: those of
// the first are.
func (s *Summary) Wants(cause sshwhy.CauseID) bool { return !s.tallies[cause].seen }

// name counts, or takes back, the names of a connection that failed.
func (s *Summary) name(f *sshwhy.Finding, failed bool) {
	user, source := bounded(f.User), bounded(f.Address)
	switch {
	case failed:
		if f.UserKnown {
			s.users.Add(user, 1)
		}
		if len(source) > 0 {
			s.sources.Add(source, 1)
		}
	default:
		if f.UserKnown {
			s.users.Remove(user)
		}
		if len(source) > 0 {
			s.sources.Remove(source)
		}
	}
}

func bounded(name []byte) []byte {
	if len(name) > maxName {
		return name[:maxName]
	}
	return name
}

// example keeps the facts of the first finding of a cause, so that its remedy
// can be shown with values in it.
func (t *tally) example(f *sshwhy.Finding) {
	t.seen = true
	t.facts = slices.Clone(f.Values)
	if f.UserKnown {
		t.facts = append(t.facts, sshwhy.Value{Field: sshwhy.FieldUser, Text: string(sshwhy.Unescape(nil, bytes.Clone(f.User)))})
	}
}

// value gives a fact of the example.
func (t *tally) value(field sshwhy.Field) string {
	for _, v := range t.facts {
		if v.Field == field {
			return v.Text
		}
	}
	return ""
}

// Connections gives the number of connections.
func (s *Summary) Connections() uint64 {
	var n uint64
	for i := range s.tallies {
		for o := range outcomes {
			if s.tallies[i].about(o) == aboutConnection {
				n += s.tallies[i].counts[o]
			}
		}
	}
	return n
}

// Outcome gives the number of connections, or of starts of sshd, that ended
// so.
func (s *Summary) Outcome(o sshwhy.Outcome) uint64 {
	var n uint64
	for i := range s.tallies {
		if s.tallies[i].about(o) != aboutAttack {
			n += s.tallies[i].counts[o]
		}
	}
	return n
}

// Open gives the number of connections that the log leaves open.
func (s *Summary) Open() uint64 {
	return s.tallies[s.causes.Find(causes.Undetermined)].counts[sshwhy.OutcomeNone]
}

// Cause gives the number of findings with a cause.
func (s *Summary) Cause(id sshwhy.CauseID) uint64 { return s.tallies[id].count() }

// Users and Sources give the users and the clients' addresses of connections
// that failed.
func (s *Summary) Users() *Top   { return s.users }
func (s *Summary) Sources() *Top { return s.sources }

// commonest gives the causes of a kind that were found, the most frequent
// first.
func (s *Summary) commonest(fits func(kind) bool) []sshwhy.CauseID {
	var ids []sshwhy.CauseID
	for id := 1; id < len(s.tallies); id++ {
		if s.Cause(sshwhy.CauseID(id)) > 0 && fits(s.tallies[id].kind) {
			ids = append(ids, sshwhy.CauseID(id))
		}
	}
	slices.SortStableFunc(ids, func(a, b sshwhy.CauseID) int {
		return -cmp.Compare(s.Cause(a), s.Cause(b))
	})
	return ids
}
