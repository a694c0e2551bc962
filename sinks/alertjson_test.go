package sinks_test

import (
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/sinks"
)

// someAlerts are alerts in which every key of the contract occurs, and is absent
// once.
func someAlerts(c *causes.Catalogue) []*sshwhy.Alert {
	counted := func(values ...string) (list []sshwhy.Counted) {
		for i, v := range values {
			list = append(list, sshwhy.Counted{Value: v, Count: len(values) - i})
		}
		return list
	}
	findings := someFindings(c)
	return []*sshwhy.Alert{
		{ // one cause hits many since sshd restarted
			ID: "0123456789abcdef0123456789abcdef", Revision: 2, Rule: "one cause, many users", News: sshwhy.NewsGrown,
			By: []sshwhy.Shared{{Name: "cause", Value: "bad-ownership-or-modes"}, {Name: "host", Value: "edge05"}}, After: c.Find("port-in-use"), AfterFor: 40 * time.Second,
			Causes: []sshwhy.CauseID{c.Find("bad-ownership-or-modes")}, Findings: 30, Since: noon, Until: noon + 60e9,
			Users: counted("tanja", "emil"), NumUsers: 12, Sources: counted("203.0.113.7", "client.example.org", "fe80::1%eth0"), NumSources: 3, Hosts: counted("edge05"), NumHosts: 1,
			Latest: findings[0],
		},
		{ // sshd does not start
			ID: "1", Revision: 1, Rule: "sshd down", News: sshwhy.NewsFiring, Causes: []sshwhy.CauseID{c.Find("port-in-use"), c.Find("undetermined")}, Findings: 1, Since: noon, Until: noon,
			Hosts: counted("edge05"), NumHosts: 1, Latest: findings[3],
		},
		{ // a log that is silent
			ID: "2", Revision: 1, Rule: "silence", News: sshwhy.NewsFiring,
			Notice: &sshwhy.Notice{Code: "lines-lost", Source: "/var/log/auth.log", Text: "12 lines may be lost", Hint: "raise RateLimitBurst", Lost: 12},
		},
		{ // what a client chose
			ID: "3", Revision: 7, Rule: "lockout", News: sshwhy.NewsResolved, By: []sshwhy.Shared{{Name: "user", Value: "\"},\x1b[2J\n\xff<!channel>"}}, Findings: 3, Since: noon, Until: noon,
			Users: counted("\"},\x1b[2J\n\xff<!channel>"), NumUsers: 1, Latest: findings[7],
		},
	}
}

// TestAlertJSON holds the form of alerts, with goldens that docs/output.md
// describes.
func TestAlertJSON(t *testing.T) {
	c := someCauses(t)
	for _, language := range []causes.Language{causes.English, causes.Japanese} {
		var out []byte
		e := sinks.NewJSON(c, language)
		for _, a := range someAlerts(c) {
			var err error
			if out, err = e.AppendAlert(out, a); err != nil {
				t.Fatal(err)
			}
			out = append(out, '\n')
		}
		golden(t, "alerts."+string(language)+".jsonl", out)
		wellFormed(t, out, len(someAlerts(c)))
	}
}
