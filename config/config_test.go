package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy/alerts"
	"github.com/sshwhy/sshwhy/config"
)

// TestEmpty: no configuration is a good one.
func TestEmpty(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	for _, text := range []string{"", "\n# nothing\n", "sources:\nsinks:\n"} {
		c, err := config.Parse("empty.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Sources) != 1 || c.Sources[0].Path != "auto" || len(c.Sinks) != 1 || c.Sinks[0].Type != "stdout" || c.Ledger() != "/var/lib/sshwhy/ledger" {
			t.Errorf("%q gave %+v", text, c)
		}
		if len(c.AlertRules()) != len(alerts.Defaults()) {
			t.Errorf("%q gave the rules %v", text, c.AlertRules())
		}
	}
}

// TestWhole reads a configuration with everything in it.
func TestWhole(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "slack")
	if err := os.WriteFile(secret, []byte("https://hooks.example/T/B/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	t.Setenv("SSHWHY_STATE", "/srv/sshwhy")
	c, err := config.Parse("whole.yaml", []byte(`
language: ja
timezone: Asia/Tokyo
listen: 127.0.0.1:9222
login_grace_time: 45s
log: {level: debug, format: text}
sources:
  - /var/log/*/auth.log
  - path: journal
    directory: /var/log/journal/remote
inspect: {enabled: true}
alerts:
  rules:
    - name: locked-out
      off: true
    - name: Ops
      when: outcome == "refused" && user in ["Alice", "bob"]
      by: [user, cause]
      at_least: 2
      within: 1h30m
      remind_every: 2d
      to: [ops]
sinks:
  - name: ops
    type: slack
    url_file: ${CREDENTIALS_DIRECTORY}/slack
  - type: webhook
    url: https://example.org/hook
    headers:
      - {name: X-Team, value: SRE}
    queue_size: 64MiB
`))
	if err != nil {
		t.Fatal(err)
	}
	rules := c.AlertRules()
	last := rules[len(rules)-1]
	for name, ok := range map[string]bool{
		"zone": c.Timezone == "Asia/Tokyo", "grace": c.LoginGraceTime == 45*time.Second, "state by the environment": c.State == "/srv/sshwhy",
		"a plain source": c.Sources[0].Path == "/var/log/*/auth.log", "a journal": c.Sources[1].Directory == "/var/log/journal/remote",
		"a shipped rule that is off": len(rules) == len(alerts.Defaults()), "an own rule": last.Name == "Ops" && last.Within == 90*time.Minute && last.RemindEvery == 48*time.Hour,
		"upper case stays":   strings.Contains(last.When, "Alice") && c.Sinks[1].Headers[0].Name == "X-Team",
		"a secret of a file": c.Sinks[0].URL == "https://hooks.example/T/B/x", "sizes": c.Sinks[1].QueueSize == 64<<20 && c.Sinks[0].QueueSize == 256<<20,
		"names and languages": c.Sinks[1].Name == "webhook" && c.Sinks[1].Language == "ja", "what is sent": c.Sinks[0].Send == "alerts" && c.Sinks[1].Send == "all",
	} {
		if !ok {
			t.Errorf("%s: read was %+v", name, c)
		}
	}
}

// TestProblems: every fault is told with its line, all at once.
func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"not YAML", "language: en\n\tsources: x\n", []string{"c.yaml:2:", "indentation"}},
		{"misspelt keys", "langage: en\nsources:\n  - pth: /var/log/auth.log\n", []string{"c.yaml:1: langage: there is no such key (did you mean language?)", "c.yaml:3: sources[0].pth: there is no such key (did you mean path?)"}},
		{"a key far from all", "colour: red\n", []string{"c.yaml:1: colour: there is no such key (there is language, timezone"}},
		{"a key twice", "language: en\nlanguage: ja\n", []string{"c.yaml:2: language: this key stands here twice"}},
		{"values of the wrong kind", "listen: [a]\nlogin_grace_time: soon\nsources: /var/log/auth.log\nalerts: {rules: [{name: a, when: 'true', at_least: many}]}\n",
			[]string{"c.yaml:1: listen: one value", "c.yaml:2: login_grace_time: \"soon\" is not a span", "c.yaml:3: sources: a list is wanted", `c.yaml:4: alerts.rules[0].at_least: "many" is not a whole number`}},
		{"values that mean nothing", "language: de\ntimezone: Mars/Olympus\nlisten: '9222'\nlog: {level: inf}\n",
			[]string{`c.yaml:1: language: "de" is not known`, `c.yaml:2: timezone: "Mars/Olympus"`, "c.yaml:3: listen:", `c.yaml:4: log.level: "inf" is not known (did you mean info?)`}},
		{"the same sshd twice", "sources: [journal, /var/log/auth.log]\n", []string{"c.yaml:1: sources[1]: sources[0] is this host's journal: its sshd would be read twice"}},
		{"auto beside others", "sources:\n  - auto\n  - /var/log/secure\n", []string{"c.yaml:3: sources[1]: sources[0] is auto"}},
		{"the same source twice", "sources:\n  - /srv/a.log\n  - /srv/a.log\n", []string{"c.yaml:3: sources[1]: this is sources[0] again"}},
		{"a relative path", "sources: [auth.log]\n", []string{"does not begin with /"}},
		{"rules", "alerts:\n  rules:\n    - name: a\n      when: outcom == 1\n    - name: b\n      when: 'true'\n      to: [nobody]\n", []string{"c.yaml:3: alerts.rules[0]:", "outcom", `c.yaml:7: alerts.rules[1].to: there is no sink "nobody"`}},
		{"sinks", "sinks:\n  - type: slak\n  - type: webhook\n  - type: loki\n    url: loki:3100\n    channel: x\n  - {}\n",
			[]string{"c.yaml:2: sinks[0].type:", "did you mean slack?", "c.yaml:3: sinks[1]: webhook needs the key url", "c.yaml:5: sinks[2].url: this is not the URL", "c.yaml:6: sinks[2].channel: loki does not take this key", "c.yaml:7: sinks[3]: the sink has no type"}},
		{"two sinks of a name", "sinks:\n  - type: stdout\n  - type: stdout\n", []string{"c.yaml:3: sinks[1]: sinks[0] has the name"}},
		{"a secret that is not there", "sinks:\n  - type: slack\n    url_file: /nonexistent/secret\n", []string{"c.yaml:3: sinks[0].url_file: open /nonexistent/secret"}},
		{"a variable that is not set", "state: ${SSHWHY_TEST_UNSET}/x\n", []string{"c.yaml:1: state: the environment variable SSHWHY_TEST_UNSET is not set"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := config.Parse("c.yaml", []byte(c.text))
			var p *config.Problems
			if !errors.As(err, &p) {
				t.Fatalf("the error is %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

// TestSecretsStaySecret: no error names what is in a secret.
func TestSecretsStaySecret(t *testing.T) {
	_, err := config.Parse("c.yaml", []byte("sinks:\n  - {type: webhook, url: 'ftp://user:hunter2@example.org/', token: hunter2, channel: hunter2}\n"))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is %v", err)
	}
}

// FuzzParse: whatever stands in a file gives a configuration or an error.
func FuzzParse(f *testing.F) {
	f.Add("sources: [auto]\nsinks: [{type: stdout}]\n")
	f.Add("alerts: {rules: [{name: a, when: 'user == \"x\"', by: [user]}]}\n")
	f.Add("a: &x [*x]\n")
	f.Add("log:\n  <<: {level: info}\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Parse("f.yaml", []byte(text))
		if err == nil && (len(c.Sources) == 0 || len(c.Sinks) == 0) {
			t.Errorf("%q gave %+v", text, c)
		}
	})
}
