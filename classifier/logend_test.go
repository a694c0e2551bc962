package classifier_test

import (
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier"
)

// TestLogEnd ends the log amidst a connection: that is no failure, unless
// something was refused, and no end where LoginGraceTime was over before.
func TestLogEnd(t *testing.T) {
	const (
		opened   = "Nov 22 23:00:00 web01 sshd[7]: Connection from 203.0.113.7 port 4000 on 192.0.2.1 port 22"
		refused  = "Nov 22 23:00:01 web01 sshd[7]: Failed publickey for alice from 203.0.113.7 port 4000 ssh2: RSA SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE"
		asked    = "Nov 22 23:00:01 web01 sshd[7]: Postponed publickey for alice from 203.0.113.7 port 4000 ssh2 [preauth]"
		password = "Nov 22 23:00:01 web01 sshd[7]: Failed password for alice from 203.0.113.7 port 4000 ssh2"
		accepted = "Nov 22 23:00:01 web01 sshd[7]: Accepted password for alice from 203.0.113.7 port 4000 ssh2"
		goodbye  = "Nov 22 23:00:01 web01 sshd[7]: Received disconnect from 203.0.113.7: 11: Bye Bye"
		soon     = "Nov 22 23:01:00 web01 sshd[1]: Server listening on 0.0.0.0 port 22."
		later    = "Nov 22 23:05:00 web01 sshd[1]: Server listening on 0.0.0.0 port 22."
	)
	g := newRig(t)
	for _, test := range []struct {
		lines          []string
		outcome, cause string
		rule           sshwhy.Rule
	}{
		{[]string{opened}, "", "undetermined", sshwhy.RuleOpen},
		{[]string{opened, soon}, "", "undetermined", sshwhy.RuleOpen},
		{[]string{opened, refused}, "", "undetermined", sshwhy.RuleOpen},
		{[]string{opened, asked}, "", "undetermined", sshwhy.RuleOpen},
		{[]string{asked}, "", "undetermined", sshwhy.RuleOpen}, // at INFO the connection has no beginning either
		{[]string{opened, later}, "disconnected", "undetermined", sshwhy.RuleNoEnd},
		{[]string{opened, refused, later}, "refused", "undetermined", sshwhy.RuleKey},
		{[]string{password}, "refused", "wrong-password", sshwhy.RulePassword},
		{[]string{goodbye}, "disconnected", "client-gave-up", sshwhy.RuleSaidGoodbyeUnnamed},
		{[]string{opened, accepted}, "accepted", "", sshwhy.RuleNone},
	} {
		found := g.findings(t, test.lines)
		if len(found) != 1 || found[0].outcome != test.outcome || found[0].cause != test.cause || found[0].why != test.rule {
			t.Errorf("%q: got %v by rule %d, want %q, %s by rule %d", test.lines, found, found[0].why, test.outcome, test.cause, test.rule)
		}
	}
	// Without times nobody knows how long it had been open, and of an excerpt
	// how it went on.
	bare := g.findings(t, []string{"Failed publickey for alice from 203.0.113.7 port 4000 ssh2: RSA SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE"})
	if len(bare) != 1 || bare[0].why != sshwhy.RuleKey {
		t.Errorf("without times: got %v by rule %d", bare, bare[0].why)
	}
	for _, v := range g.told(t, []string{opened, refused}, classifier.Options{Excerpt: true}) {
		if v.why != sshwhy.RuleKey {
			t.Errorf("of an excerpt: got %s by rule %d", v.String(), v.why)
		}
	}
}
