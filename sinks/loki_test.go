package sinks_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

// pushed is an entry as Loki gets it.
type pushed struct {
	labels, line string
	seconds      uint64
	meta         map[string]string
}

// fields gives the fields of a protobuf message.
func fields(t *testing.T, b []byte, each func(number protowire.Number, value []byte, integer uint64)) {
	t.Helper()
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal("the message is broken")
		}
		b = b[n:]
		switch kind {
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				t.Fatal("the message is broken")
			}
			each(number, v, 0)
			b = b[n:]
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			each(number, nil, v)
			b = b[n:]
		default:
			t.Fatalf("the message has a field of the kind %d", kind)
		}
	}
}

func entriesOf(t *testing.T, body []byte) (list []pushed) {
	t.Helper()
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	fields(t, raw, func(_ protowire.Number, stream []byte, _ uint64) {
		labels := ""
		fields(t, stream, func(n protowire.Number, v []byte, _ uint64) {
			if n == 1 {
				labels = string(v)
				return
			}
			p := pushed{labels: labels, meta: map[string]string{}}
			fields(t, v, func(n protowire.Number, v []byte, _ uint64) {
				switch n {
				case 1:
					fields(t, v, func(n protowire.Number, _ []byte, i uint64) {
						if n == 1 {
							p.seconds = i
						}
					})
				case 2:
					p.line = string(v)
				case 3:
					var pair [3]string
					fields(t, v, func(n protowire.Number, v []byte, _ uint64) { pair[n] = string(v) })
					p.meta[pair[1]] = pair[2]
				}
			})
			list = append(list, p)
		})
	})
	return list
}

// lokiServer takes what is pushed; refuse tells entries that it does not want.
func lokiServer(t *testing.T, refuse func(pushed) bool) (*url.URL, *[]pushed, *http.Header) {
	t.Helper()
	var mu sync.Mutex
	var all []pushed
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		header = r.Header.Clone()
		refused := false
		entries := entriesOf(t, body)
		for _, e := range entries {
			if e.labels != entries[0].labels { // of all but the last nobody would hear
				t.Errorf("a request has the streams %s and %s", entries[0].labels, e.labels)
			}
			if refuse != nil && refuse(e) {
				refused = true
			} else if !slices.ContainsFunc(all, func(o pushed) bool { return o.line == e.line && o.meta["id"] == e.meta["id"] }) {
				all = append(all, e)
			}
		}
		if refused {
			http.Error(w, "entry with timestamp 2020-01-01 ignored, reason: 'entry too far behind'", http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, &all, &header
}

func lokiItems(t *testing.T, c *causes.Catalogue, users ...string) (items []ledger.Item) {
	t.Helper()
	e := sinks.NewLokiLines(c, causes.English)
	for i, user := range users {
		f := &sshwhy.Finding{
			Identity: sshwhy.Identity{Host: []byte([]string{"edge05", "edge06"}[i%2]), PID: int32(i), First: []byte(user)}, Revision: 2, Outcome: sshwhy.OutcomeRefused,
			Before: sshwhy.Verdict{Outcome: sshwhy.OutcomeRefused, Cause: c.Find("undetermined")}, Cause: c.Find("bad-ownership-or-modes"), Confidence: sshwhy.ConfidenceCertain,
			End: 1_700_000_000e9, User: []byte(user), UserKnown: true, Address: []byte("203.0.113.7"), Values: []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/x"}}, Decisive: -1,
		}
		body, err := e.AppendFinding(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, ledger.Item{ID: f.ID(), Revision: 2, Kind: ledger.KindFinding, Body: body})
	}
	return items
}

// TestLoki shows what Loki gets: a stream for each host, a sentence, and all
// else as structured metadata.
func TestLoki(t *testing.T) {
	u, got, header := lokiServer(t, nil)
	c := loadCauses(t)
	l := sinks.NewLoki(sinks.LokiOptions{URL: u, Tenant: "team-a", Poster: poster(t)})
	if sent := l.Send(t.Context(), lokiItems(t, c, "tanja", "bob", "carol"), nil); sent.Done != 3 || sent.Err != nil || len(sent.Refused) > 0 {
		t.Fatalf("it gave %+v", sent)
	}
	if n := len(*got); n != 3 {
		t.Fatalf("%d entries arrived", n)
	}
	e := (*got)[slices.IndexFunc(*got, func(e pushed) bool { return e.meta["user"] == "tanja" })]
	if e.labels != `{host="edge05", job="sshwhy"}` || e.seconds != 1_700_000_000 || !strings.Contains(e.line, "tanja") || !strings.Contains(e.line, "bad-ownership-or-modes") {
		t.Errorf("the entry is %+v", e)
	}
	for name, want := range map[string]string{"user": "tanja", "cause": "bad-ownership-or-modes", "phase": "key", "confidence": "certain", "revision": "2", "before_cause": "undetermined", "source_address": "203.0.113.7", "kind": "finding"} {
		if e.meta[name] != want {
			t.Errorf("%s is %q, want %q", name, e.meta[name], want)
		}
	}
	if !strings.Contains(e.meta["remedy"], "/home/x") {
		t.Errorf("the remedy is %q", e.meta["remedy"])
	}
	if (*header).Get("X-Scope-OrgID") != "team-a" || (*header).Get("Content-Encoding") != "snappy" {
		t.Errorf("the header is %v", *header)
	}
}

// TestLokiRefusesSome: what is too old for Loki is refused, and all others are
// stored, once each.
func TestLokiRefusesSome(t *testing.T) {
	c := loadCauses(t)
	u, got, _ := lokiServer(t, func(e pushed) bool { return strings.HasPrefix(e.meta["user"], "old") })
	l := sinks.NewLoki(sinks.LokiOptions{URL: u, Poster: poster(t)})
	users := []string{"a", "b", "old1", "c", "d", "e", "f", "old2", "g"}
	sent := l.Send(t.Context(), lokiItems(t, c, users...), nil)
	var refused []int
	for _, r := range sent.Refused {
		refused = append(refused, r.Item)
		if !strings.Contains(r.Reason, "too far behind") {
			t.Errorf("the reason is %q", r.Reason)
		}
	}
	if sent.Done != len(users) || !slices.Equal(refused, []int{2, 7}) || len(*got) != 7 {
		t.Errorf("it gave %+v; %d arrived", sent, len(*got))
	}
}

// TestLokiAway: while one stream cannot be pushed, nothing behind its first
// entry counts as dealt with.
func TestLokiAway(t *testing.T) {
	c := loadCauses(t)
	u, got, _ := lokiServer(t, nil)
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if entriesOf(t, body)[0].labels == `{host="edge06", job="sshwhy"}` {
			w.Header().Set("Retry-After", "7")
			http.Error(w, "rate limit", http.StatusTooManyRequests)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u) }}).ServeHTTP(w, r)
	}))
	defer away.Close()
	to, _ := url.Parse(away.URL)
	l := sinks.NewLoki(sinks.LokiOptions{URL: to, Poster: poster(t)})
	sent := l.Send(t.Context(), lokiItems(t, c, "a", "b", "c", "d"), nil)
	if sent.Done != 1 || sent.Err == nil || sent.After != 7*time.Second || len(sent.Refused) > 0 {
		t.Errorf("it gave %+v; %d arrived", sent, len(*got))
	}
}

// TestLokiOneLine: what a log of whole seconds tells several times stays apart,
// and what is sent again does not.
func TestLokiOneLine(t *testing.T) {
	c := loadCauses(t)
	e := sinks.NewLokiLines(c, causes.English)
	write := func(pid int32, end int64) string {
		body, err := e.AppendFinding(nil, &sshwhy.Finding{Identity: sshwhy.Identity{Host: []byte("web01"), PID: pid}, Revision: 1, Outcome: sshwhy.OutcomeRefused, End: end, Decisive: -1})
		if err != nil {
			t.Fatal(err)
		}
		return string(body[:26]) // the host and the time
	}
	const second = 1_700_000_000e9
	if write(1, second) == write(2, second) || write(1, second+5e3) == write(2, second+5e3) {
		t.Error("two findings of one second have the same time")
	}
	first, again := write(1, second), write(1, second)
	if first != again || write(1, second+1) != write(2, second+1) {
		t.Error("a time is changed that needs no change, or each time another")
	}
}

// TestLokiAlert: an alert that names no host, or several, is filed under this
// one.
func TestLokiAlert(t *testing.T) {
	u, got, _ := lokiServer(t, nil)
	e := sinks.NewLokiLines(loadCauses(t), causes.English)
	body, err := e.AppendAlert(nil, &sshwhy.Alert{ID: "a", Revision: 1, Rule: "log-trouble", Notice: &sshwhy.Notice{Code: "lines-lost", Text: "lines were lost", Lost: 300}})
	if err != nil {
		t.Fatal(err)
	}
	l := sinks.NewLoki(sinks.LokiOptions{URL: u, Poster: poster(t)})
	if sent := l.Send(t.Context(), []ledger.Item{{ID: "a", Revision: 1, Kind: ledger.KindAlert, Body: body}}, nil); sent.Done != 1 {
		t.Fatalf("it gave %+v", sent)
	}
	here, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if a := (*got)[0]; a.labels != `{host="`+here+`", job="sshwhy"}` || a.meta["notice"] != "lines-lost" || a.meta["lost"] != "300" {
		t.Errorf("it arrived as %+v", a)
	}
}

// TestLokiHostile: names cannot break out of the labels or the metadata.
func TestLokiHostile(t *testing.T) {
	c := loadCauses(t)
	u, got, _ := lokiServer(t, nil)
	l := sinks.NewLoki(sinks.LokiOptions{URL: u, Poster: poster(t)})
	for _, name := range []string{`"}, {x="y`, "a\nb", "\xff\xfe", "\u202e", "\x1b[2J", strings.Repeat("A", 64<<10), "<!channel>"} {
		items := lokiItems(t, c, name)
		items[0].Body = append([]byte{byte(len("h\"\n"))}, append([]byte("h\"\n"), items[0].Body[7:]...)...)
		if sent := l.Send(t.Context(), items, nil); sent.Done != 1 || len(sent.Refused) > 0 {
			t.Fatalf("%.20q gave %+v", name, sent)
		}
		e := (*got)[len(*got)-1]
		if strings.Contains(e.labels, "\n") || !strings.HasSuffix(e.labels, `, job="sshwhy"}`) || len(e.meta["user"]) > 2<<10 {
			t.Errorf("%.20q arrived under %s", name, e.labels)
		}
		for _, text := range append(slices.Collect(maps.Values(e.meta)), e.line) {
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\u202e\n") {
				t.Errorf("%.20q arrived as %.100q", name, text)
			}
		}
	}
}
