package sinks_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

type amAlert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
}

// TestAlertmanager: an alert fires until it is said to be over, and the labels
// that make it the same one stay as they are.
func TestAlertmanager(t *testing.T) {
	var got [][]amAlert
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var list []amAlert
		if err := json.NewDecoder(r.Body).Decode(&list); err != nil || r.URL.Path != "/am/api/v2/alerts" {
			t.Errorf("%s: %v", r.URL, err)
		}
		got = append(got, list)
	}))
	defer server.Close()
	u, _ := url.Parse(server.URL + "/am/")
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	m := sinks.NewAlertmanager(sinks.AlertmanagerOptions{URL: u, Poster: poster(t), Now: func() time.Time { return now }})
	c := loadCauses(t)
	e := sinks.NewAlertmanagerLines(c, causes.English)
	for _, batch := range [][]ledger.Item{
		{news(t, c, e, 1, sshwhy.NewsFiring, "bob"), news(t, c, e, 2, sshwhy.NewsUpdated, "bob")},
		{news(t, c, e, 3, sshwhy.NewsResolved, "bob")},
	} {
		if sent := m.Send(t.Context(), batch, nil); sent.Done != len(batch) || sent.Err != nil {
			t.Fatalf("it gave %+v", sent)
		}
	}
	if len(got) != 2 || len(got[0]) != 1 || len(got[1]) != 1 {
		t.Fatalf("posted was %v", got)
	}
	fires, over := got[0][0], got[1][0]
	if !fires.EndsAt.After(now.Add(24*time.Hour)) || !over.EndsAt.Equal(now) {
		t.Errorf("it ends at %s, and over at %s", fires.EndsAt, over.EndsAt)
	}
	if fires.Labels["alertname"] != "locked-out" || fires.Labels["user"] != "bob" || len(fires.Labels) != len(over.Labels) {
		t.Errorf("the labels are %v and %v", fires.Labels, over.Labels)
	}
	if !strings.Contains(fires.Annotations["remedy"], "chmod") || !strings.Contains(fires.Annotations["summary"], "bob cannot log in") {
		t.Errorf("the annotations are %v", fires.Annotations)
	}
}

// TestAlertmanagerRefusesSome: one alert that it does not want keeps no other
// from it.
func TestAlertmanagerRefusesSome(t *testing.T) {
	var users []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var list []amAlert
		if err := json.NewDecoder(r.Body).Decode(&list); err != nil {
			t.Error(err)
		}
		for _, a := range list {
			if a.Labels["user"] == "bad" {
				http.Error(w, `"label value is wrong"`, http.StatusBadRequest)
				return
			}
		}
		for _, a := range list {
			users = append(users, a.Labels["user"])
		}
	}))
	defer server.Close()
	u, _ := url.Parse(server.URL)
	m := sinks.NewAlertmanager(sinks.AlertmanagerOptions{URL: u, Poster: poster(t)})
	c := loadCauses(t)
	e := sinks.NewAlertmanagerLines(c, causes.English)
	var items []ledger.Item
	for _, user := range []string{"a", "b", "bad", "c"} {
		it := news(t, c, e, 1, sshwhy.NewsFiring, user)
		it.ID = user
		items = append(items, it)
	}
	sent := m.Send(t.Context(), items, nil)
	if sent.Done != 4 || len(sent.Refused) != 1 || sent.Refused[0].Item != 2 || !slices.Equal(users, []string{"a", "b", "c"}) {
		t.Errorf("it gave %+v; arrived are %v", sent, users)
	}
}

// TestServices: a text for chat services mentions nobody, and a URL of no
// known service is an error that does not give the URL away.
func TestServices(t *testing.T) {
	c := loadCauses(t)
	e := sinks.NewPlainText(c, causes.English, time.UTC)
	for name, want := range map[string]string{"@everyone": "@\u200beveryone", "<!channel>": "‹!channel›", "x`@here`": "ʼ@\u200bhereʼ", "[a](http://x)": "[a]\u200b(http"} {
		if text := string(news(t, c, e, 1, sshwhy.NewsFiring, name).Body); !strings.Contains(text, want) {
			t.Errorf("%q became %q", name, text)
		}
	}
	if _, err := sinks.NewServices("nosuchservice://token-hunter2@host/path", 0); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is %v", err)
	}
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests == 1 {
			http.Error(w, "no", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	s, err := sinks.NewServices("generic+"+server.URL+"/hook", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	items := []ledger.Item{news(t, c, e, 1, sshwhy.NewsFiring, "bob")}
	if sent := s.Send(t.Context(), items, nil); sent.Done != 0 || sent.Err == nil {
		t.Errorf("a broken service gave %+v", sent)
	}
	if sent := s.Send(t.Context(), items, nil); sent.Done != 1 || sent.Err != nil {
		t.Errorf("a sound one gave %+v", sent)
	}
}
