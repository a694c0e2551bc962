//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

// sampler sends a sample to a sink, so that a team sees what they will get.
type sampler struct {
	name   string
	alerts bool // it is sent an alert, else a finding
	// make makes the sink once more: the other one is in use.
	make func() (sinks.Deliverer, sinks.Encoder, func(), error)
}

// sampleFinding is a login that failed, of a user and a host that say what they
// are.
func sampleFinding(c *causes.Catalogue) *sshwhy.Finding {
	now := time.Now().UnixNano()
	line := []byte("sshd[4711]: Authentication refused: bad ownership or modes for directory /home/example-user")
	return &sshwhy.Finding{
		Identity: sshwhy.Identity{Host: []byte("sshwhy-test"), PID: 4711, Time: now, First: line}, Revision: 1,
		Outcome: sshwhy.OutcomeRefused, Cause: c.Find("bad-ownership-or-modes"), Confidence: sshwhy.ConfidenceCertain,
		Start: now, End: now, Ident: []byte("sshd"), User: []byte("example-user"), UserKnown: true, Address: []byte("192.0.2.1"), Port: 50022, Method: []byte("publickey"),
		Values: []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/example-user"}}, Evidence: []sshwhy.Evidence{{Text: line}}, Decisive: 0,
	}
}

func sampleAlert(c *causes.Catalogue) *sshwhy.Alert {
	f := sampleFinding(c)
	one := func(value string) []sshwhy.Counted { return []sshwhy.Counted{{Value: value, Count: 3}} }
	return &sshwhy.Alert{
		ID: f.ID(), Revision: 1, Rule: "test", News: sshwhy.NewsFiring, By: []sshwhy.Shared{{Name: "user", Value: "example-user"}, {Name: "cause", Value: "bad-ownership-or-modes"}},
		Causes: []sshwhy.CauseID{f.Cause}, Findings: 3, Since: f.Start, Until: f.End, Latest: f,
		Users: one("example-user"), NumUsers: 1, Sources: one("192.0.2.1"), NumSources: 1, Hosts: one("sshwhy-test"), NumHosts: 1,
	}
}

// forgetful remembers nothing: a sample is a message of its own.
type forgetful struct{}

// Value implements sinks.Kept.
func (forgetful) Value(string) []byte { return nil }

// Values implements sinks.Kept.
func (forgetful) Values() []ledger.Pair { return nil }

// items writes the sample for the sink: an alert, or a finding where it takes
// no alerts.
func (p *sampler) items(c *causes.Catalogue, e sinks.Encoder) ([]ledger.Item, error) {
	it := ledger.Item{Revision: 1, Kind: ledger.KindAlert, Time: time.Now().UnixNano()}
	var err error
	if p.alerts {
		a := sampleAlert(c)
		it.ID = a.ID
		it.Body, err = e.AppendAlert(nil, a)
	} else {
		f := sampleFinding(c)
		it.ID, it.Kind = f.ID(), ledger.KindFinding
		it.Body, err = e.AppendFinding(nil, f)
	}
	return []ledger.Item{it}, err
}

// send makes the sink anew and gives it the sample.
func (p *sampler) send(ctx context.Context, c *causes.Catalogue) error {
	d, e, closeIt, err := p.make()
	if err != nil {
		return err
	}
	defer closeIt()
	items, err := p.items(c, e)
	if err != nil {
		return err
	}
	sent := d.Send(ctx, items, forgetful{})
	switch {
	case sent.Err != nil:
		return fmt.Errorf("sending a sample to %s: %w", p.name, sent.Err)
	case len(sent.Refused) > 0:
		return fmt.Errorf("sending a sample to %s: %w", p.name, errors.New(sent.Refused[0].Reason))
	}
	return nil
}
