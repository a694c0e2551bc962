package main

import (
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

func TestFilter(t *testing.T) {
	catalogue, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	locked, wrong := catalogue.Find("account-locked"), catalogue.Find("wrong-password")
	found := sshwhy.Finding{
		Identity: sshwhy.Identity{Host: []byte("edge05")}, Revision: 2, Before: sshwhy.Verdict{Outcome: sshwhy.OutcomeAccepted, Cause: wrong},
		User: []byte(`al\\ice`), Address: []byte("::ffff:203.0.113.7"), Cause: locked, Outcome: sshwhy.OutcomeRefused,
	}
	for _, c := range []struct {
		name string
		o    filterOptions
		want bool
	}{
		{"no flag lets everything pass", filterOptions{}, true},
		{"the user as the client sent it", filterOptions{users: []string{`al\ice`}}, true},
		{"one of several users", filterOptions{users: []string{"bob", `al\ice`}}, true},
		{"another user", filterOptions{users: []string{"bob"}}, false},
		{"an address in its other spelling", filterOptions{addresses: []string{"203.0.113.7"}}, true},
		{"a network", filterOptions{addresses: []string{"203.0.113.99/24"}}, true},
		{"another network", filterOptions{addresses: []string{"203.0.112.0/24", "2001:db8::/32"}}, false},
		{"a host name is not its address", filterOptions{addresses: []string{"client.example.org"}}, false},
		{"the cause", filterOptions{causes: []string{"account-locked"}}, true},
		{"what it was taken for before", filterOptions{causes: []string{"wrong-password"}}, true},
		{"another cause", filterOptions{causes: []string{"shell-missing"}}, false},
		{"the outcome", filterOptions{outcomes: []string{"refused"}}, true},
		{"the outcome before", filterOptions{outcomes: []string{"accepted"}}, true},
		{"the host", filterOptions{hosts: []string{"edge05"}}, true},
		{"all flags must hold", filterOptions{hosts: []string{"edge05"}, users: []string{"bob"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := c.o.filter(catalogue)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.passes(&found); got != c.want {
				t.Errorf("passes gave %t", got)
			}
		})
	}
}

func TestFilterRefuses(t *testing.T) {
	catalogue, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    filterOptions
		want string
	}{
		{filterOptions{addresses: []string{"203.0.113.0/240"}}, "neither an address nor a network"},
		{filterOptions{causes: []string{"acount-locked"}}, "no cause"},
		{filterOptions{outcomes: []string{"refuse"}}, "no outcome"},
	} {
		if _, err := c.o.filter(catalogue); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v gave the error %v, want one with %q", c.o, err, c.want)
		}
	}
}
