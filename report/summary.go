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
	causes   *causes.Catalogue // not owned
	kinds    []kind            // by CauseID
	outcomes [sshwhy.OutcomeStartupFailed + 1]uint64
	connects uint64
	tallies  []tally // by CauseID
	users    *Top
	sources  *Top
}

// kind tells what a finding is about.
type kind uint8

const (
	aboutConnection kind = iota
	aboutService
	aboutAttack
)

// tally is how often a cause was found.
type tally struct {
	count uint64
	facts []sshwhy.Value // of the first finding
	seen  bool
}

// Budget is how many distinct names the lists of users and sources hold before
// they become estimates.
const Budget = 4096

// maxName bounds what is kept of a name that a client chose.
const maxName = 256

// NewSummary gives an empty summary.
func NewSummary(c *causes.Catalogue) *Summary {
	s := &Summary{
		causes: c, kinds: make([]kind, len(c.Causes)+1), tallies: make([]tally, len(c.Causes)+1),
		users: NewTop(Budget), sources: NewTop(Budget),
	}
	for i := range c.Causes {
		switch c.Causes[i].Phase {
		case "service":
			s.kinds[i+1] = aboutService
		case "attack":
			s.kinds[i+1] = aboutAttack
		}
	}
	return s
}

// Deliver implements sshwhy.Sink.
func (s *Summary) Deliver(f *sshwhy.Finding) error {
	now := sshwhy.Verdict{Outcome: f.Outcome, Cause: f.Cause, Confidence: f.Confidence}
	if f.Revision > 1 {
		s.count(f.Before, -1)
	}
	s.count(now, +1)
	if f.Cause != 0 && !s.tallies[f.Cause].seen {
		s.example(f)
	}
	failed, failedBefore := s.failed(now), f.Revision > 1 && s.failed(f.Before)
	if failed != failedBefore {
		s.name(f, failed)
	}
	return nil
}

// count adds or takes back a verdict.
func (s *Summary) count(v sshwhy.Verdict, n int) {
	by := uint64(n) // two's complement takes back
	s.tallies[v.Cause].count += by
	switch s.kind(v) {
	case aboutConnection:
		s.connects += by
		s.outcomes[v.Outcome] += by
	case aboutService:
		s.outcomes[v.Outcome] += by
	}
}

// kind tells what a verdict is about.
func (s *Summary) kind(v sshwhy.Verdict) kind {
	switch {
	case v.Outcome == sshwhy.OutcomeStartupFailed || v.Outcome == sshwhy.OutcomeNone:
		return aboutService
	case s.kinds[v.Cause] == aboutAttack:
		return aboutAttack
	}
	return aboutConnection // also one that a fault of the service ended
}

// failed tells a connection whose user did not get in.
func (s *Summary) failed(v sshwhy.Verdict) bool {
	return v.Outcome != sshwhy.OutcomeAccepted && s.kind(v) == aboutConnection
}

// name counts, or takes back, the names of a connection that failed.
func (s *Summary) name(f *sshwhy.Finding, failed bool) {
	if f.UserKnown {
		tell(s.users, f.User, failed)
	}
	if len(f.Address) > 0 {
		tell(s.sources, f.Address, failed)
	}
}

func tell(t *Top, name []byte, failed bool) {
	if len(name) > maxName {
		name = name[:maxName]
	}
	if failed {
		t.Add(name, 1)
	} else {
		t.Remove(name)
	}
}

// example keeps the facts of the first finding of a cause, so that its remedy
// can be shown with values in it.
func (s *Summary) example(f *sshwhy.Finding) {
	t := &s.tallies[f.Cause]
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
func (s *Summary) Connections() uint64 { return s.connects }

// Outcome gives the number of connections, or of starts of sshd, that ended
// so.
func (s *Summary) Outcome(o sshwhy.Outcome) uint64 { return s.outcomes[o] }

// Cause gives the number of findings with a cause.
func (s *Summary) Cause(id sshwhy.CauseID) uint64 { return s.tallies[id].count }

// Users and Sources give the users and the clients' addresses of connections
// that failed.
func (s *Summary) Users() *Top   { return s.users }
func (s *Summary) Sources() *Top { return s.sources }

// commonest gives the causes of a kind that were found, the most frequent
// first.
func (s *Summary) commonest(fits func(kind) bool) []sshwhy.CauseID {
	var ids []sshwhy.CauseID
	for id := 1; id < len(s.tallies); id++ {
		if s.tallies[id].count > 0 && fits(s.kinds[id]) {
			ids = append(ids, sshwhy.CauseID(id))
		}
	}
	slices.SortStableFunc(ids, func(a, b sshwhy.CauseID) int {
		return -cmp.Compare(s.tallies[a].count, s.tallies[b].count)
	})
	return ids
}
