//go:build integration && linux

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/sinks"
)

// alertmanager is a real Alertmanager with the configuration of deploy/, and a
// receiver.
type alertmanager struct {
	server
	url string

	mu       sync.Mutex
	received []string // the bodies that the receiver got
}

func startAlertmanager(t *testing.T) *alertmanager {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	a := &alertmanager{url: "http://127.0.0.1:" + port}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.received = append(a.received, string(body))
	}))
	t.Cleanup(receiver.Close)
	text := readFile(t, "../deploy/alertmanager/alertmanager.yml")
	for from, to := range map[string]string{
		"- name: team\n":     "- name: team\n    webhook_configs: [{url: '" + receiver.URL + "'}]\n",
		"group_wait: 30s":    "group_wait: 1s",
		"group_interval: 5m": "group_interval: 1s",
	} {
		if !strings.Contains(text, from) {
			t.Fatalf("deploy/alertmanager/alertmanager.yml does not say %q", from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	writeFile(t, filepath.Join(dir, "alertmanager.yml"), text)
	a.server = server{
		T: t, name: "Alertmanager", program: tool(t, "alertmanager"), ready: a.url + "/-/ready", log: filepath.Join(dir, "log"),
		args: []string{"--config.file=" + filepath.Join(dir, "alertmanager.yml"), "--storage.path=" + dir, "--web.listen-address=127.0.0.1:" + port, "--cluster.listen-address="},
	}
	a.start()
	t.Cleanup(func() { a.stop(syscall.SIGKILL) })
	a.wait()
	return a
}

// standing is an alert as Alertmanager's API tells it.
type standing struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	Status              struct {
		State       string
		InhibitedBy []string
	}
}

// standing gives the alerts of a name.
func (a *alertmanager) standing(name string) (list []standing) {
	a.Helper()
	r, err := http.Get(a.url + "/api/v2/alerts?filter=" + url.QueryEscape(fmt.Sprintf("alertname=%q", name)))
	if err != nil {
		a.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&list); err != nil {
		a.Fatal(err)
	}
	return list
}

func (a *alertmanager) got(text string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.received, func(body string) bool { return strings.Contains(body, text) })
}

// fleet is what many hosts tell at the same time, so that each of the rules has
// something to say.
func fleet(o *outboxes) {
	now := time.Now().Add(-30 * time.Second)
	with := func(host string, number int, change func(*sshwhy.Finding)) {
		f := found(o.causes, host, number, now)
		change(f)
		o.tell(f)
	}
	for i := range 12 { // one source at twelve doors
		with(fmt.Sprintf("edge%02d", i), 100+i, func(f *sshwhy.Finding) {
			f.Address, f.User, f.Cause = []byte("198.51.100.66"), []byte("root"), o.causes.Find("wrong-password")
			f.Method = []byte("password")
		})
	}
	with("db01", 200, func(f *sshwhy.Finding) { // and one opens
		f.Address, f.User, f.Method = []byte("198.51.100.66"), []byte("backup"), []byte("password")
		f.Outcome, f.Cause, f.Confidence = sshwhy.OutcomeAccepted, 0, sshwhy.ConfidenceNone
	})
	for i := range 6 { // a roll-out that broke something
		with(fmt.Sprintf("app%02d", i), 300+i, func(f *sshwhy.Finding) { f.Address = fmt.Appendf(nil, "192.0.2.%d", i) })
	}
	with("web07", 400, func(f *sshwhy.Finding) {
		f.Outcome, f.Cause = sshwhy.OutcomeAccepted, o.causes.Find("login-after-failures")
		f.Address, f.User = []byte("198.51.100.9"), []byte("alice")
	})
	with("web08", 401, func(f *sshwhy.Finding) {
		f.Outcome, f.Cause = sshwhy.OutcomeStartupFailed, o.causes.Find("sshd-config-invalid")
		f.Address, f.User, f.UserKnown = nil, nil, false
	})
}

// rules: Loki's ruler has loaded the rules, each of them fires for what it is
// there for and for nothing else, and reaches Alertmanager and its receiver.
func rules(t *testing.T, l *loki, am *alertmanager) {
	am.T = t
	o := newOutboxes(t, lokiOutbox(t, l.url, ""))
	fleet(o)
	o.commit()
	o.Start()
	o.empty(20 * time.Second)
	for name, want := range map[string]string{
		"SSHOneSourceAgainstManyHosts":   "198.51.100.66 failed to log in to 12 hosts within 15 minutes",
		"SSHOneCauseOnManyHosts":         "bad-ownership-or-modes keeps logins from 6 hosts within 10 minutes",
		"SSHLoginAfterFailures":          "alice got in to web07 from 198.51.100.9 after many failures",
		"SSHLoginAfterFailuresElsewhere": "backup got in to db01 with a password from 198.51.100.66, which failed on at least 5 hosts within the hour",
		"SSHServerDoesNotStart":          "sshd does not start on web08: sshd-config-invalid",
	} {
		t.Run(name, func(t *testing.T) {
			am.until(90*time.Second, name+" arrived", func() bool { return len(am.standing(name)) > 0 })
			list := am.standing(name)
			if len(list) != 1 || list[0].Annotations["summary"] != want || list[0].Annotations["remedy"] == "" {
				t.Errorf("there are %+v", list)
			}
			am.until(30*time.Second, "the receiver got it", func() bool { return am.got(want) })
		})
	}
}

// alertsArrive: sshwhy's own alerts stand in Alertmanager until they are over,
// those of two hosts beside each other.
func alertsArrive(t *testing.T, am *alertmanager) {
	am.T = t
	c := catalogueOf(t)
	u, err := url.Parse(am.url)
	if err != nil {
		t.Fatal(err)
	}
	p, err := sinks.NewPoster(sinks.PosterOptions{Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var options []sinks.OutboxOptions
	for _, host := range []string{"web01", "web02"} {
		options = append(options, sinks.OutboxOptions{Name: host, Alerts: true, Updates: true, Encoder: sinks.NewAlertmanagerLines(c, causes.English),
			Deliverer: sinks.NewAlertmanager(sinks.AlertmanagerOptions{URL: u, Poster: p, Instance: host})})
	}
	o := newOutboxes(t, options...)
	o.Start()
	tell := func(news sshwhy.News, to ...string) {
		t.Helper()
		f := found(c, "web01", 7, time.Now().Add(-time.Minute))
		a := &sshwhy.Alert{ID: "a1", Rule: "locked-out", News: news, To: to, By: []sshwhy.Shared{{Name: "user", Value: "bob"}, {Name: "cause", Value: "authorized-keys-missing"}},
			Findings: 3, Since: f.Start, Until: f.End, Users: []sshwhy.Counted{{Value: "bob", Count: 3}}, NumUsers: 1, Hosts: []sshwhy.Counted{{Value: "web01", Count: 3}}, NumHosts: 1,
			Causes: []sshwhy.CauseID{f.Cause}, Latest: f}
		if err := o.DeliverAlert(a); err != nil {
			t.Fatal(err)
		}
		o.commit()
		for _, s := range o.empty(20 * time.Second) {
			if s.Refused+s.Dropped > 0 {
				t.Fatalf("the outbox stands at %+v", s)
			}
		}
	}
	firing := func() (instances []string) {
		for _, a := range am.standing("locked-out") {
			instances = append(instances, a.Labels["instance"])
		}
		slices.Sort(instances)
		return instances
	}
	tell(sshwhy.NewsFiring)
	am.until(20*time.Second, "both stand", func() bool { return slices.Equal(firing(), []string{"web01", "web02"}) })
	if a := am.standing("locked-out")[0]; !strings.Contains(a.Annotations["summary"], "bob") || !strings.Contains(a.Annotations["remedy"], "chmod") || a.Labels["user"] != "bob" {
		t.Errorf("it is told as %+v", a)
	}
	am.until(20*time.Second, "the receiver got it", func() bool { return am.got(`"user":"bob"`) })
	tell(sshwhy.NewsResolved, "web01")
	am.until(20*time.Second, "one is over", func() bool { return slices.Equal(firing(), []string{"web02"}) })
	am.until(20*time.Second, "the receiver was told", func() bool { return am.got(`"status":"resolved"`) })
}
