//go:build integration && linux

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

const dashboardFile = "../deploy/grafana/dashboards/sshwhy.json"

// expression is a LogQL expression of the dashboard, as Grafana asks it.
type expression struct {
	panel, ref, text string
	instant          bool
}

// expressions reads them out of the dashboard.
func expressions(t *testing.T) (list []expression) {
	t.Helper()
	var d struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr, QueryType, RefID string }
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	asked := strings.NewReplacer("$host", ".+", "$__range", "24h", "$__auto", "5m")
	for _, p := range d.Panels {
		if len(p.Targets) == 0 && p.Type != "row" {
			t.Errorf("%s asks nothing", p.Title)
		}
		for _, g := range p.Targets {
			list = append(list, expression{p.Title, g.RefID, asked.Replace(g.Expr), g.QueryType == "instant"})
		}
	}
	return list
}

// dashboard: each expression of the dashboard answers on Loki, and counts what
// is there.
func dashboard(t *testing.T, l *loki) {
	o := newOutboxes(t, lokiOutbox(t, l.url, ""))
	want := &tally{outcomes: map[string]int{}, causes: map[string]int{}}
	replayDemo(t, counting{o, want})
	revised(o, want)
	missing(o)
	o.commit()
	o.Start()
	sent := o.empty(20 * time.Second)[0]
	if sent.Refused+sent.Dropped > 0 {
		t.Fatalf("the outbox stands at %+v", sent)
	}
	// What is hours old when it comes is found when its chunk is written.
	l.until(2*time.Minute, "all is found", func() bool { return l.number(`sum (count_over_time({job="sshwhy"} [26h]))`) == float64(sent.Delivered) })
	values := map[string][]map[string]string{}
	for _, e := range expressions(t) {
		over := 24 * time.Hour
		if e.instant {
			over = 0
		}
		a, err := l.ask(e.text, over)
		if err != nil {
			t.Errorf("%s, %s: %s\n%v", e.panel, e.ref, e.text, err)
			continue
		}
		if len(a.Data.Result) == 0 {
			t.Errorf("%s, %s: nothing is found by %s", e.panel, e.ref, e.text)
		}
		for _, r := range a.Data.Result {
			if e.instant {
				r.Metric["value"] = fmt.Sprint(r.Value[1])
				values[e.panel+e.ref] = append(values[e.panel+e.ref], r.Metric)
			}
		}
	}
	want.compare(t, values)
}

// tally is what the panels must show.
type tally struct{ outcomes, causes map[string]int }

// counting counts the findings on their way to a sink.
type counting struct {
	*outboxes
	*tally
}

// Deliver implements sshwhy.Sink.
func (s counting) Deliver(f *sshwhy.Finding) error {
	s.note(s.outboxes, f)
	return s.outboxes.Deliver(f)
}

// note counts a finding, and takes back what it said before.
func (c *tally) note(o *outboxes, f *sshwhy.Finding) {
	if cause := o.causes.Cause(f.Cause); cause != nil && cause.Phase == "attack" {
		return
	}
	c.add(o, f.Outcome, f.Cause, 1)
	if f.Revision > 1 {
		c.add(o, f.Before.Outcome, f.Before.Cause, -1)
	}
}

func (c *tally) add(o *outboxes, outcome sshwhy.Outcome, cause sshwhy.CauseID, n int) {
	switch outcome {
	case sshwhy.OutcomeAccepted:
		c.outcomes["accepted"] += n
	case sshwhy.OutcomeRefused, sshwhy.OutcomeDisconnected, sshwhy.OutcomeDropped:
		c.outcomes["failures"] += n
	}
	if id := o.causes.ID(cause); id != "" {
		c.causes[id] += n
	}
}

// compare holds the panels against the tally.
func (c *tally) compare(t *testing.T, values map[string][]map[string]string) {
	one := func(panel string) string {
		if len(values[panel]) != 1 {
			t.Errorf("%s has %v", panel, values[panel])
			return ""
		}
		return values[panel][0]["value"]
	}
	if got, want := one("Logins acceptedA"), fmt.Sprint(c.outcomes["accepted"]); got != want {
		t.Errorf("%s logins were accepted, want %s", got, want)
	}
	if got, want := one("FailuresA"), fmt.Sprint(c.outcomes["failures"]); got != want {
		t.Errorf("there are %s failures, want %s", got, want)
	}
	if got := one("Lines maybe lostA"); got != "320" {
		t.Errorf("%s lines may be lost, want 320", got)
	}
	shown := map[string]int{}
	for _, v := range values["Top causesA"] {
		n := 0
		fmt.Sscan(v["value"], &n)
		shown[v["cause"]] = n
	}
	for _, cause := range slices.Sorted(maps.Keys(shown)) {
		if shown[cause] != c.causes[cause] {
			t.Errorf("%s is counted %d times, want %d", cause, shown[cause], c.causes[cause])
		}
	}
	if c.causes["bad-ownership-or-modes"] < 3 || shown["bad-ownership-or-modes"] != c.causes["bad-ownership-or-modes"] {
		t.Errorf("of the %d causes %v are shown", len(c.causes), shown)
	}
	t.Logf("%d causes, %v", len(shown), c.outcomes)
}

// revised tells findings of which the cause was found out later.
func revised(o *outboxes, want *tally) {
	now := time.Now().Add(-10 * time.Minute)
	tell := func(f *sshwhy.Finding) {
		want.note(o, f)
		o.tell(f)
	}
	for i := range 3 {
		f := found(o.causes, "web01", i, now)
		f.Cause, f.Confidence = o.causes.Find("undetermined"), sshwhy.ConfidenceUndetermined
		tell(f)
		f = found(o.causes, "web01", i, now)
		f.Revision, f.Before = 2, sshwhy.Verdict{Outcome: sshwhy.OutcomeRefused, Cause: o.causes.Find("undetermined"), Confidence: sshwhy.ConfidenceUndetermined}
		tell(f)
	}
	stopped := found(o.causes, "web02", 9, now)
	stopped.Outcome, stopped.Cause, stopped.User, stopped.UserKnown, stopped.Address = sshwhy.OutcomeNone, o.causes.Find("sshd-stopped"), nil, false, nil
	tell(stopped)
	fails := found(o.causes, "web02", 10, now)
	fails.Outcome, fails.Cause, fails.User, fails.UserKnown, fails.Address = sshwhy.OutcomeStartupFailed, o.causes.Find("sshd-config-invalid"), nil, false, nil
	tell(fails)
}

// missing tells what sshwhy says of its own work; one of them twice.
func missing(o *outboxes) {
	for i, n := range []*sshwhy.Notice{
		{Code: "lines-lost", Source: "/var/log/auth.log", Text: "lines were lost", Lost: 300},
		{Code: "silence", Source: "journal", Text: "nothing was written"},
		{Code: "lines-lost", Source: "journal", Text: "journald suppressed lines", Lost: 20},
	} {
		a := &sshwhy.Alert{ID: fmt.Sprint("n", i), Revision: 1, Rule: "log-trouble", By: []sshwhy.Shared{{Name: "notice", Value: n.Code}, {Name: "source", Value: n.Source}}, Notice: n, Findings: 1, Since: 1, Until: 1}
		for _, a.News = range []sshwhy.News{sshwhy.NewsFiring, sshwhy.NewsReminder} {
			if err := o.DeliverAlert(a); err != nil {
				o.Fatal(err)
			}
			a.Revision++
		}
	}
}

// plain writes the enumerations of a type as the texts that stand in JSON.
const plain = `type Plain<T> = 0 extends 1 & T ? T
  : T extends string ? ` + "`${T}`" + `
  : T extends (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
`

// TestDashboardTypes: the dashboard is one of Grafana's, by its own types.
func TestDashboardTypes(t *testing.T) {
	library := tool(t, "dashboard")
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(library, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	text := "import type { Dashboard } from '@grafana/schema';\n" + plain + "export const dashboard: Plain<Partial<Dashboard>> = " + readFile(t, dashboardFile) + ";\n"
	writeFile(t, filepath.Join(dir, "dashboard.ts"), text)
	cmd := exec.Command("node", filepath.Join(library, "node_modules", "typescript", "bin", "tsc"),
		"--noEmit", "--strict", "--module", "esnext", "--moduleResolution", "bundler", "--skipLibCheck", "--preserveSymlinks", "dashboard.ts")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
