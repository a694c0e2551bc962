package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/classifier/client"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/tailers/archives"
)

// clientSearch says how to find a run of ssh in a server's log.
type clientSearch struct {
	logs   []string
	at     string
	from   string
	port   int
	within time.Duration
}

func (s *clientSearch) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&s.logs, "log", nil, "the server's log, in which the connection is looked for")
	f.StringVar(&s.at, "at", "", "when ssh ran, as 2006-01-02 15:04:05 or RFC 3339 (default: the file's time of change, or now)")
	f.StringVar(&s.from, "from", "", "the client's address as the server sees it")
	f.IntVar(&s.port, "port", 0, "the client's own port as the server sees it")
	f.DurationVar(&s.within, "within", 2*time.Minute, "how far the clocks of both sides may be apart")
}

// serverSide is what the server's log has of a run.
type serverSide struct {
	finding *sshwhy.Finding // nil where the log has none that fits
	several int             // how many fit as well as this one
	// nearest tells that none was at that time.
	nearest bool
	// never tells that sshd cannot have seen the run.
	never bool
}

// names tells whether the log says more of the cause than ssh can.
func (s *serverSide) names() bool {
	return s != nil && s.finding != nil && s.finding.Cause != 0 && s.finding.Confidence >= sshwhy.ConfidenceLikely
}

// narrow leaves those candidates that the log leaves as well.
func (s *serverSide) narrow(ids []sshwhy.CauseID) []sshwhy.CauseID {
	if s == nil || s.finding == nil || len(s.finding.Candidates) == 0 {
		return ids
	}
	var both []sshwhy.CauseID
	for _, id := range s.finding.Candidates {
		if slices.Contains(ids, id) {
			both = append(both, id)
		}
	}
	if len(both) == 0 {
		return ids
	}
	return both
}

// line gives the line of the log that decided, "" for none.
func (s *serverSide) line() string {
	f := s.finding
	if len(f.Evidence) == 0 {
		return ""
	}
	i := len(f.Evidence) - 1
	if f.Decisive >= 0 && f.Decisive <= i {
		i = f.Decisive
	}
	return string(f.Evidence[i].Text)
}

// find reads the logs, and looks in them for every run.
func (s *clientSearch) find(ctx context.Context, io streams, traces []*trace, messages *patterns.Catalogue, catalogue *causes.Catalogue, options parser.Options) ([]*serverSide, error) {
	if s.at != "" {
		at, err := s.time(options.Zone)
		if err != nil {
			return nil, err
		}
		for _, t := range traces {
			t.ended, t.known = at, true
		}
	}
	p, err := parser.New(messages, options)
	if err != nil {
		return nil, err
	}
	c, err := classifier.New(messages, catalogue, classifier.Options{Excerpt: true})
	if err != nil {
		return nil, err
	}
	kept := &connections{traces: traces, byID: map[string]int{}}
	var troubles []error
	loop := sshwhy.Loop{
		Source: &archives.Archive{Paths: s.logs, Stdin: io.in}, Parser: p, Classifier: c, Sink: kept,
		Trouble: func(err error) { troubles = append(troubles, err) },
	}
	if err := loop.Run(ctx); err != nil {
		return nil, err
	}
	if len(troubles) > 0 {
		return nil, exitError{errors.Join(troubles...), exitTrouble}
	}
	found := make([]*serverSide, len(traces))
	for i, t := range traces {
		found[i] = s.match(t, kept.all)
	}
	return found, nil
}

// time reads --at.
func (s *clientSearch) time(zone *time.Location) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if at, err := time.ParseInLocation(layout, s.at, zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, hinted{fmt.Errorf("--at %q is not a time", s.at), "write it as 2026-11-22 15:04:05, or as RFC 3339"}
}

// maxConnections bounds the connections that are kept for the search.
const maxConnections = 50_000

// connections keeps the verdicts that can be those of the runs: the newest
// revision of each.
type connections struct {
	traces []*trace
	all    []*sshwhy.Finding
	byID   map[string]int
}

// Deliver implements sshwhy.Sink.
func (c *connections) Deliver(f *sshwhy.Finding) error {
	if f.Outcome == sshwhy.OutcomeNone || f.Outcome == sshwhy.OutcomeStartupFailed || !slices.ContainsFunc(c.traces, func(t *trace) bool { return sameUser(t, f) }) {
		return nil
	}
	id := f.ID()
	if i, ok := c.byID[id]; ok {
		c.all[i] = f.Clone()
	} else if len(c.all) < maxConnections {
		c.byID[id] = len(c.all)
		c.all = append(c.all, f.Clone())
	}
	return nil
}

// sameUser tells whether a connection of the log can be one of that user. Until
// ssh has asked for a user, the log has none either.
func sameUser(t *trace, f *sshwhy.Finding) bool {
	if !f.UserKnown {
		return t.Step <= client.StepAuth
	}
	return t.User == "" || string(sshwhy.Unescape(nil, f.User)) == t.User
}

// match finds the connection of a run.
func (s *clientSearch) match(t *trace, all []*sshwhy.Finding) *serverSide {
	if t.Step < client.StepBanner && t.Side != client.SideUnknown {
		return &serverSide{never: true}
	}
	var fit []*sshwhy.Finding
	for _, f := range all {
		if s.fits(t, f) {
			fit = append(fit, f)
		}
	}
	result := &serverSide{}
	near := slices.DeleteFunc(slices.Clone(fit), func(f *sshwhy.Finding) bool { return f.End != 0 && distance(t, f) > s.within })
	if len(near) == 0 && !t.known && len(fit) > 0 {
		near, result.nearest = fit[len(fit)-1:], true
	}
	if byKey := slices.DeleteFunc(slices.Clone(near), func(f *sshwhy.Finding) bool { return !sameKey(t, f) }); len(byKey) > 0 {
		near = byKey
	}
	for _, f := range near {
		if result.finding == nil || distance(t, f) < distance(t, result.finding) || distance(t, f) == distance(t, result.finding) && f.UserKnown {
			result.finding = f
		}
	}
	result.several = len(near)
	return result
}

// fits tells whether a connection can be that of a run, its time apart.
func (s *clientSearch) fits(t *trace, f *sshwhy.Finding) bool {
	switch {
	case !sameUser(t, f):
		return false
	case s.port != 0 && f.Port != s.port:
		return false
	case s.from != "" && string(f.Address) != s.from:
		return false
	}
	return (t.Outcome == sshwhy.OutcomeAccepted) == (f.Outcome == sshwhy.OutcomeAccepted)
}

// sameKey tells whether the log names a key that ssh had.
func sameKey(t *trace, f *sshwhy.Finding) bool {
	return len(f.Fingerprint) > 0 && slices.ContainsFunc(t.Identities, func(id client.Identity) bool { return id.Fingerprint == string(f.Fingerprint) })
}

func distance(t *trace, f *sshwhy.Finding) time.Duration {
	return t.ended.Sub(time.Unix(0, f.End)).Abs()
}
