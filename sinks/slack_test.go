package sinks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

// workspace is a stand-in for Slack. It holds messages to the limits that Slack
// documents, and writes down what it was asked.
type workspace struct {
	t      *testing.T
	server *httptest.Server
	calls  []string
	bodies []map[string]any
	answer func(method string) (status int, body string) // nil means that all is well
}

func newWorkspace(t *testing.T) *workspace {
	w := &workspace{t: t}
	w.server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.server.Close)
	return w
}

func (w *workspace) serve(rw http.ResponseWriter, r *http.Request) {
	var m map[string]any
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		w.t.Errorf("the body is no JSON: %v", err)
	}
	method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	call := method
	for _, name := range []string{"ts", "thread_ts"} {
		if v, ok := m[name]; ok {
			call += fmt.Sprintf(" %s=%v", name, v)
		}
	}
	w.calls, w.bodies = append(w.calls, call), append(w.bodies, m)
	w.limits(m)
	status, body := http.StatusOK, fmt.Sprintf(`{"ok":true,"channel":"C1","ts":"1.%d"}`, len(w.calls))
	if w.answer != nil {
		if s, b := w.answer(method); s != 0 {
			status, body = s, b
		}
	}
	if status == http.StatusTooManyRequests {
		rw.Header().Set("Retry-After", "7")
	}
	rw.WriteHeader(status)
	fmt.Fprint(rw, body)
}

// limits checks what Block Kit allows.
func (w *workspace) limits(m map[string]any) {
	blocks, _ := m["blocks"].([]any)
	if len(blocks) > 50 {
		w.t.Errorf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		b := b.(map[string]any)
		text, _ := json.Marshal(b)
		if n := utf8.RuneCount(text); n > 12_000 {
			w.t.Errorf("a block of %d characters", n)
		}
		if b["type"] == "header" {
			if n := utf8.RuneCountInString(b["text"].(map[string]any)["text"].(string)); n > 150 {
				w.t.Errorf("a header of %d characters", n)
			}
		}
		if strings.Contains(string(text), `"mrkdwn"`) {
			w.t.Errorf("there is mrkdwn in %s", text)
		}
	}
	if text, _ := m["text"].(string); text == "" || strings.ContainsAny(text, "<>") || utf8.RuneCountInString(text) > 3000 || m["mrkdwn"] == true {
		w.t.Errorf("the text is %q", text)
	}
}

func (w *workspace) bot() *sinks.Slack {
	api, err := url.Parse(w.server.URL + "/api")
	if err != nil {
		w.t.Fatal(err)
	}
	return sinks.NewSlack(sinks.SlackOptions{Token: "xoxb-secret-token", Channel: "#ops", API: api, Poster: poster(w.t)})
}

func poster(t *testing.T) *sinks.Poster {
	t.Helper()
	p, err := sinks.NewPoster(sinks.PosterOptions{Proxy: "none", Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// memory is what a sink keeps.
type memory map[string][]byte

// Value implements sinks.Kept.
func (m memory) Value(key string) []byte { return m[key] }

// Values implements sinks.Kept.
func (m memory) Values() (list []ledger.Pair) {
	for k, v := range m {
		list = append(list, ledger.Pair{Key: k, Value: v})
	}
	return list
}

func (m memory) take(pairs []ledger.Pair) {
	for _, p := range pairs {
		if p.Value == nil {
			delete(m, p.Key)
		} else {
			m[p.Key] = p.Value
		}
	}
}

// news makes an item of an alert about bob.
func news(t *testing.T, c *causes.Catalogue, e sinks.Encoder, revision int, n sshwhy.News, user string) ledger.Item {
	t.Helper()
	since := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).UnixNano()
	a := &sshwhy.Alert{
		ID: "incident", Revision: revision, Rule: "locked-out", News: n, By: []sshwhy.Shared{{Name: "user", Value: user}}, Causes: []sshwhy.CauseID{c.Find("bad-ownership-or-modes")},
		Findings: 3 * revision, Since: since, Until: since, Users: []sshwhy.Counted{{Value: user, Count: 3}}, NumUsers: 1,
		Sources: []sshwhy.Counted{{Value: "203.0.113.7", Count: 3}}, NumSources: 1, Hosts: []sshwhy.Counted{{Value: "edge05", Count: 3}}, NumHosts: 1,
		Latest: &sshwhy.Finding{
			Identity: sshwhy.Identity{Host: []byte("edge05")}, Revision: 1, Outcome: sshwhy.OutcomeRefused, Cause: c.Find("bad-ownership-or-modes"), Confidence: sshwhy.ConfidenceCertain,
			User: []byte(user), UserKnown: true, Address: []byte("203.0.113.7"), Decisive: -1, Values: []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/" + user}},
		},
	}
	body, err := e.AppendAlert(nil, a)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Item{ID: a.ID, Revision: revision, Kind: ledger.KindAlert, Body: body}
}

func loadCauses(t *testing.T) *causes.Catalogue {
	t.Helper()
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *workspace) expect(want ...string) {
	w.t.Helper()
	if got := strings.Join(w.calls, "; "); got != strings.Join(want, "; ") {
		w.t.Errorf("Slack was asked\n  %s\nwant\n  %s", got, strings.Join(want, "; "))
	}
}

// TestSlackIncident follows an incident from its first message to its end: one
// message, changed in place, and a reply for all that people are to hear.
func TestSlackIncident(t *testing.T) {
	w, c, kept := newWorkspace(t), loadCauses(t), memory{}
	e, s := sinks.NewSlackBlocks(c, causes.English, time.UTC), w.bot()
	for i, n := range []sshwhy.News{sshwhy.NewsFiring, sshwhy.NewsUpdated, sshwhy.NewsGrown, sshwhy.NewsResolved} {
		sent := s.Send(t.Context(), []ledger.Item{news(t, c, e, i+1, n, "bob")}, kept)
		if sent.Done != 1 || sent.Err != nil || len(sent.Refused) > 0 {
			t.Fatalf("%s gave %+v", n, sent)
		}
		kept.take(sent.Keep)
	}
	w.expect("chat.postMessage", "chat.update ts=1.1", "chat.update ts=1.1", "chat.postMessage thread_ts=1.1", "chat.update ts=1.1", "chat.postMessage thread_ts=1.1")
	if len(kept) != 0 {
		t.Errorf("after the end %v is kept", kept)
	}
	text, _ := json.Marshal(w.bodies[0]["blocks"])
	for _, want := range []string{"bob cannot log in", "/home/bob", "chmod", "203.0.113.7", "2026-03-02 08:00:00"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the message lacks %q: %s", want, text)
		}
	}
}

// TestSlackUpdatesMakeWay: of several changes that wait the last is shown.
func TestSlackUpdatesMakeWay(t *testing.T) {
	w, c, kept := newWorkspace(t), loadCauses(t), memory{}
	e, s := sinks.NewSlackBlocks(c, causes.English, time.UTC), w.bot()
	items := []ledger.Item{news(t, c, e, 1, sshwhy.NewsFiring, "bob"), news(t, c, e, 2, sshwhy.NewsUpdated, "bob"), news(t, c, e, 3, sshwhy.NewsUpdated, "bob")}
	for len(items) > 0 {
		sent := s.Send(t.Context(), items, kept)
		if sent.Err != nil {
			t.Fatal(sent.Err)
		}
		kept.take(sent.Keep)
		items = items[sent.Done:]
	}
	w.expect("chat.postMessage", "chat.update ts=1.1")
}

// TestSlackFaults tells what becomes of an item when Slack does not want it.
func TestSlackFaults(t *testing.T) {
	for _, f := range []struct {
		name    string
		status  int
		body    string
		done    int
		refused bool
		after   time.Duration
	}{
		{"too many requests", 429, `{"ok":false,"error":"ratelimited"}`, 0, false, 7 * time.Second},
		{"the token was revoked", 200, `{"ok":false,"error":"token_revoked"}`, 0, false, 0},
		{"the channel is not there", 200, `{"ok":false,"error":"channel_not_found"}`, 0, false, 0},
		{"the message is wrong", 200, `{"ok":false,"error":"invalid_blocks"}`, 1, true, 0},
		{"a broken server", 503, `upstream`, 0, false, 0},
		{"no JSON", 200, `<html>xoxb-secret-token</html>`, 0, false, 0},
	} {
		t.Run(f.name, func(t *testing.T) {
			w, c := newWorkspace(t), loadCauses(t)
			w.answer = func(string) (int, string) { return f.status, f.body }
			sent := w.bot().Send(t.Context(), []ledger.Item{news(t, c, sinks.NewSlackBlocks(c, causes.English, time.UTC), 1, sshwhy.NewsFiring, "bob")}, memory{})
			if sent.Done != f.done || (len(sent.Refused) > 0) != f.refused || sent.After != f.after {
				t.Errorf("it gave %+v", sent)
			}
			if text := fmt.Sprint(sent); strings.Contains(text, "xoxb-secret") {
				t.Errorf("the token is in %s", text)
			}
		})
	}
}

// TestSlackMessageGone: when the message of an incident was deleted there is
// another one.
func TestSlackMessageGone(t *testing.T) {
	w, c, kept := newWorkspace(t), loadCauses(t), memory{}
	e, s := sinks.NewSlackBlocks(c, causes.English, time.UTC), w.bot()
	sent := s.Send(t.Context(), []ledger.Item{news(t, c, e, 1, sshwhy.NewsFiring, "bob")}, kept)
	kept.take(sent.Keep)
	w.answer = func(method string) (int, string) {
		if method == "chat.update" {
			return 200, `{"ok":false,"error":"message_not_found"}`
		}
		return 0, ""
	}
	sent = s.Send(t.Context(), []ledger.Item{news(t, c, e, 2, sshwhy.NewsGrown, "bob")}, kept)
	if sent.Done != 1 || sent.Err != nil {
		t.Fatalf("it gave %+v", sent)
	}
	w.expect("chat.postMessage", "chat.update ts=1.1", "chat.postMessage")
}

// TestSlackWebhook: an incoming webhook gets each news as a message, but for
// those that only change numbers.
func TestSlackWebhook(t *testing.T) {
	w, c := newWorkspace(t), loadCauses(t)
	u, _ := url.Parse(w.server.URL + "/services/T1/B1/secret")
	s := sinks.NewSlack(sinks.SlackOptions{URL: u, Poster: poster(t)})
	e := sinks.NewSlackBlocks(c, causes.Japanese, time.UTC)
	for i, n := range []sshwhy.News{sshwhy.NewsFiring, sshwhy.NewsUpdated, sshwhy.NewsResolved} {
		if sent := s.Send(context.Background(), []ledger.Item{news(t, c, e, i+1, n, "bob")}, memory{}); sent.Done != 1 || sent.Err != nil {
			t.Fatalf("%s gave %+v", n, sent)
		}
	}
	w.expect("secret", "secret")
}

// TestSlackHostile: whatever a client calls itself, Slack shows it as text.
func TestSlackHostile(t *testing.T) {
	for _, name := range []string{"<!channel>", "*_~`x`", strings.Repeat("A", 64<<10), "a\nb\r\nc", "\u202egnp.exe", "\x1b[2J", "=cmd()", `"; rm -rf /`, "@here", "&lt;!here&gt;", "\xff\xfe"} {
		w, c := newWorkspace(t), loadCauses(t)
		item := news(t, c, sinks.NewSlackBlocks(c, causes.English, time.UTC), 1, sshwhy.NewsFiring, name)
		if sent := w.bot().Send(t.Context(), []ledger.Item{item}, memory{}); sent.Done != 1 || sent.Err != nil {
			t.Fatalf("%.20q gave %+v", name, sent)
		}
		for _, b := range w.bodies {
			body, _ := json.Marshal(b)
			if strings.ContainsAny(string(body), "\x1b\u202e") || !utf8.Valid(body) {
				t.Errorf("%.20q arrived as it is: %.300s", name, body)
			}
		}
	}
}
