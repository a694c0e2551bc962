package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/report"
)

// month is four weeks of a host: logins, failures, an attack that got in, a
// night without a line, and a user whose name is an attack on the reader.
func month(t *testing.T, c *causes.Catalogue, by sshwhy.Locator) (*report.History, *report.Accounting) {
	t.Helper()
	h, a := report.NewHistory(c), &report.Accounting{}
	h.Locator = by
	start := time.Date(2026, 2, 1, 8, 0, 0, 0, time.UTC)
	n := 0
	deliver := func(at time.Time, user, address, cause, method, key string, out sshwhy.Outcome) {
		n++
		f := &sshwhy.Finding{
			Identity: sshwhy.Identity{Host: []byte("edge05"), First: fmt.Append(nil, "line ", n), Time: at.UnixNano()}, Revision: 1, Outcome: out, Cause: c.Find(cause), Confidence: sshwhy.ConfidenceCertain,
			Start: at.UnixNano(), End: at.UnixNano(), User: []byte(user), UserKnown: true, Address: []byte(address), Method: []byte(method), Decisive: -1,
			Values: []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/" + user}, {Field: sshwhy.FieldCount, Text: "57"}},
		}
		if key != "" {
			f.KeyType, f.Fingerprint = []byte(key), []byte("SHA256:"+user+key)
		}
		if err := h.Deliver(f); err != nil {
			t.Fatal(err)
		}
	}
	for d := range 28 {
		for hour := range 12 {
			at := start.AddDate(0, 0, d).Add(time.Duration(hour) * 5 * time.Minute)
			ev := sshwhy.Event{Record: &sshwhy.Record{Source: "auth.log"}, Line: sshwhy.LineParsed}
			ev.Host, ev.Time = []byte("edge05"), at.UnixNano()
			if d != 14 && d != 15 && d != 16 { // the log of three days is gone
				a.Note(&ev)
				h.Note(&ev)
			}
			deliver(at, "emil", "198.51.100.7", "", "publickey", "ED25519", sshwhy.OutcomeAccepted)
			deliver(at, "otto", "198.51.100.8", "", "password", "", sshwhy.OutcomeAccepted)
			deliver(at, "rita", "198.51.100.9", "", "publickey", "RSA", sshwhy.OutcomeAccepted)
		}
		deliver(start.AddDate(0, 0, d), "tanja", "203.0.113.7", "bad-ownership-or-modes", "", "", sshwhy.OutcomeRefused)
	}
	last := start.AddDate(0, 0, 27)
	deliver(last, "bob", "203.0.113.8", "account-locked", "", "", sshwhy.OutcomeRefused)
	deliver(last, "root", "203.0.113.66", "login-after-failures", "", "", sshwhy.OutcomeAccepted)
	deliver(last, `<script>alert(1)</script><img src=x onerror=alert(2)>`, "203.0.113.9", "user-unknown", "", "", sshwhy.OutcomeRefused)
	deliver(last, "\u202egnp.exe\x1b[2J", "203.0.113.9", "user-unknown", "", "", sshwhy.OutcomeRefused)
	return h, a
}

func htmlPage(t *testing.T, language causes.Language) string {
	t.Helper()
	return located(t, language, nil)
}

// located gives the page with geography, or without for nil.
func located(t *testing.T, language causes.Language, by sshwhy.Locator) string {
	t.Helper()
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	h, a := month(t, c, by)
	var b bytes.Buffer
	about := report.About{Version: "1.2.3", Catalogue: "c0ffee", Inputs: []report.Input{{Name: "auth.log", Packed: "gzip", SHA256: "abc", Size: 123456, Lines: 336, Year: "stated", Problem: "it ends in the middle"}}}
	if by != nil {
		about.Geography = []string{"Test-City.mmdb (Test-City, 2026-10-01)"}
	}
	if err := h.WriteHTML(&b, a, report.Page{Words: lang.For(language), Zone: time.UTC, ZoneName: "UTC"}, about); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHTMLAnswers: the page says at its top what an analyst was asked.
func TestHTMLAnswers(t *testing.T) {
	text := htmlPage(t, causes.English)
	for _, want := range []string{
		"tanja (28 ×): ", "chmod", "1 × the account is locked", // why, what to do, what is new
		"root ← 203.0.113.66", "no key that ever worked: otto.", "RSA keys only: rita.",
		"SHA256:emilED25519", "it ends in the middle", "as stated", "<svg", "c0ffee", "silent",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if !strings.Contains(htmlPage(t, causes.Japanese), "最初にすべきこと") {
		t.Error("the Japanese page is not Japanese")
	}
}

// TestHTMLIsClosed: nothing is loaded from elsewhere, and what a client wrote
// is text.
func TestHTMLIsClosed(t *testing.T) {
	text := htmlPage(t, causes.English)
	for _, bad := range []string{"<script>alert", "<img", "http://", "https://", "\x1b", "\u202e", "src=", "url("} {
		if strings.Contains(strings.ReplaceAll(text, "src=x", ""), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if !strings.Contains(text, "&lt;script&gt;alert(1)") {
		t.Error("the hostile name is not shown")
	}
	if strings.Count(text, "<script>") != 1 {
		t.Errorf("there are %d scripts", strings.Count(text, "<script>"))
	}
}

// TestHTMLIsStable: the same input gives the same bytes.
func TestHTMLIsStable(t *testing.T) {
	if one, two := htmlPage(t, causes.English), htmlPage(t, causes.English); one != two {
		t.Error("two pages of one log differ")
	}
}

// atlas is a database of geography.
type atlas map[string]sshwhy.Location

// Locate implements sshwhy.Locator.
func (m atlas) Locate(address []byte) *sshwhy.Location {
	if at, ok := m[string(address)]; ok {
		return &at
	}
	return nil
}

// TestHTMLGeography: with a database the page says where addresses are and how
// many connections came from which country, and by which database; without one
// it says nothing of countries.
func TestHTMLGeography(t *testing.T) {
	where := atlas{
		"198.51.100.7": {Code: "DE", Country: "Germany", City: "Kiel"}, "198.51.100.8": {Code: "DE", Country: "Germany"}, "198.51.100.9": {Code: "SE"},
		"203.0.113.7": {Code: "FI", Country: "Finland", Number: 64500, Organisation: "<b>Example</b>"}, "203.0.113.66": {Code: "NO", Country: "Norway"}, "203.0.113.8": {Number: 64501},
	}
	text := located(t, causes.English, where)
	for _, want := range []string{
		">Kiel, Germany (DE)<", "Finland (FI), AS64500 &lt;b&gt;Example", ">AS64501<", // beside the addresses
		"root ← 203.0.113.66 (NO) (edge05)", "<td>198.51.100.9 (SE)</td>", // who got in, the ledger
		// Countries: two addresses have one, and some none.
		`<td>Germany (DE)</td><td class="n">672</td><td class="n">672</td><td class="n">0</td>`, `<td>SE</td><td class="n">336</td>`,
		`<td>in no database</td><td class="n">3</td><td class="n">0</td>`,
		`<a href="#countries">`, "by Test-City.mmdb (Test-City, 2026-10-01)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, word := range []string{"Countries", "<th>where</th>", "geography by"} {
		if strings.Contains(htmlPage(t, causes.English), word) {
			t.Errorf("without a database the page has %q", word)
		}
	}
	if !strings.Contains(located(t, causes.Japanese, where), "国・地域") {
		t.Error("the Japanese page is not Japanese")
	}
}
