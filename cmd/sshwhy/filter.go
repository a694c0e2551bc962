package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// filterOptions are the flags that choose among verdicts. Of one flag's values
// any may hold, of different flags all must.
type filterOptions struct {
	users, addresses, causes, outcomes, hosts []string
}

func (o *filterOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.users, "user", nil, "only verdicts on these users")
	f.StringSliceVar(&o.addresses, "ip", nil, "only verdicts on these clients: addresses, networks as 203.0.113.0/24, host names")
	f.StringSliceVar(&o.causes, "cause", nil, "only verdicts with these causes, or undetermined")
	f.StringSliceVar(&o.outcomes, "outcome", nil, "only verdicts with these outcomes: "+outcomeNames())
	f.StringSliceVar(&o.hosts, "host", nil, "only verdicts of these hosts")
}

// filter lets findings pass.
type filter struct {
	users, hosts []string
	clients      []string
	networks     []netip.Prefix
	causes       []sshwhy.CauseID
	outcomes     []sshwhy.Outcome
}

// filter reads the flags, and complains of what cannot match anything.
func (o *filterOptions) filter(catalogue *causes.Catalogue) (*filter, error) {
	f := &filter{users: o.users, hosts: o.hosts}
	for _, text := range o.addresses {
		if p, err := netip.ParsePrefix(text); err == nil {
			f.networks = append(f.networks, p.Masked())
		} else if a, err := netip.ParseAddr(text); err == nil {
			f.networks = append(f.networks, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		} else if strings.ContainsAny(text, "/: ") || text == "" {
			return nil, fmt.Errorf("--ip %q is neither an address nor a network nor a host name", text)
		} else {
			f.clients = append(f.clients, text)
		}
	}
	for _, name := range o.causes {
		id := catalogue.Find(name)
		if id == 0 {
			return nil, hinted{fmt.Errorf("--cause %q is no cause", name), "sshwhy explain lists them"}
		}
		f.causes = append(f.causes, id)
	}
	for _, name := range o.outcomes {
		i := slices.IndexFunc(sshwhy.Outcomes(), func(out sshwhy.Outcome) bool { return out.String() == name })
		if i < 0 {
			return nil, hinted{fmt.Errorf("--outcome %q is no outcome", name), "give " + outcomeNames()}
		}
		f.outcomes = append(f.outcomes, sshwhy.Outcomes()[i])
	}
	return f, nil
}

// all tells that the filter lets everything pass.
func (f *filter) all() bool {
	return len(f.users)+len(f.hosts)+len(f.clients)+len(f.networks)+len(f.causes)+len(f.outcomes) == 0
}

// passes tells whether a finding is wanted. One that was wanted before its
// revision is so still: a reader must hear that it was taken back.
func (f *filter) passes(found *sshwhy.Finding) bool {
	switch {
	case len(f.users) > 0 && !slices.Contains(f.users, string(sshwhy.Unescape(nil, found.User))),
		len(f.hosts) > 0 && !slices.Contains(f.hosts, string(found.Host)),
		!f.client(string(found.Address)),
		len(f.causes) > 0 && !f.cause(found),
		len(f.outcomes) > 0 && !slices.Contains(f.outcomes, found.Outcome) && !slices.Contains(f.outcomes, found.Before.Outcome):
		return false
	}
	return true
}

func (f *filter) cause(found *sshwhy.Finding) bool {
	return slices.ContainsFunc(f.causes, func(id sshwhy.CauseID) bool {
		return id == found.Cause || id == found.Before.Cause && found.Revision > 1 || slices.Contains(found.Remarks, id)
	})
}

func (f *filter) client(address string) bool {
	if len(f.clients)+len(f.networks) == 0 || slices.Contains(f.clients, address) {
		return true
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(f.networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// filtered hands on the findings that pass.
type filtered struct {
	filter *filter
	sink   sshwhy.Sink
	passed *int // how many did
}

// Deliver implements sshwhy.Sink.
func (s filtered) Deliver(f *sshwhy.Finding) error {
	if !s.filter.passes(f) {
		return nil
	}
	*s.passed++
	return s.sink.Deliver(f)
}

// Flush implements sshwhy.Flusher.
func (s filtered) Flush() error {
	if f, ok := s.sink.(sshwhy.Flusher); ok {
		return f.Flush()
	}
	return nil
}
