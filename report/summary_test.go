package report_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = "testdata/" + name
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s (go test ./report -update writes it anew)\ngot\n%s\nwant\n%s", name, got, want)
	}
}

// someCauses is a catalogue for these tests: a cause of each kind.
func someCauses(t testing.TB) *causes.Catalogue {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, phase := range causes.Phases {
		fsys[phase+".yaml"] = &fstest.MapFile{Data: []byte("phase: " + phase + "\n")}
	}
	add := func(phase, entries string) {
		fsys[phase+".yaml"] = &fstest.MapFile{Data: []byte("phase: " + phase + "\ncauses:\n" + entries)}
	}
	add("service", `
  - id: port-in-use
    en: {title: another program has the port, means: m, reason: [r], sure: s}
    ja: {title: ポートが使用中, means: m, reason: [r], sure: s}
    remedy: [{where: server, en: see who has the port, ja: 調べる, run: ss -ltnp}]
`)
	add("account", `
  - id: user-unknown
    en: {title: there is no such user, means: m, reason: [r], sure: s}
    ja: {title: ユーザーが存在しない, means: m, reason: [r], sure: s}
    remedy: [{where: server, en: look, ja: 調べる, run: "getent passwd {user}"}]
`)
	add("method", `
  - id: password-off
    en: {title: PasswordAuthentication is off, means: m, reason: [r], sure: s}
    ja: {title: パスワード認証が無効, means: m, reason: [r], sure: s}
    remedy:
      - {where: server, en: permit it, ja: 許可する, edit: "sed -i '1i PasswordAuthentication yes' {config}", line: PasswordAuthentication yes}
`)
	add("attack", `
  - id: brute-force
    en: {title: many failures from one source, means: m, reason: [r], sure: s}
    ja: {title: 総当たり, means: m, reason: [r], sure: s}
    remedy: [{where: admin, en: tell the owner of the network, ja: 連絡する}]
`)
	add("undetermined", `
  - id: undetermined
    en: {title: the log does not tell, means: m, reason: [r], sure: s}
    ja: {title: 不明, means: m, reason: [r], sure: s}
    remedy: [{where: server, en: look, ja: 見る, run: "sshwhy doctor {user}"}]
`)
	c, err := causes.ReadDir(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// said is a short way to write a finding.
type said struct {
	outcome       sshwhy.Outcome
	cause         string
	user, address string
	before        *said
}

func (s said) finding(c *causes.Catalogue) *sshwhy.Finding {
	f := &sshwhy.Finding{
		Revision: 1, Outcome: s.outcome, Cause: c.Find(s.cause),
		User: []byte(s.user), UserKnown: s.user != "-", Address: []byte(s.address),
	}
	if s.before != nil {
		f.Revision, f.Before = 2, sshwhy.Verdict{Outcome: s.before.outcome, Cause: c.Find(s.before.cause)}
	}
	return f
}

func summaryOf(t testing.TB, c *causes.Catalogue, findings ...said) *report.Summary {
	t.Helper()
	s := report.NewSummary(c)
	for _, f := range findings {
		if err := s.Deliver(f.finding(c)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

const (
	accepted = sshwhy.OutcomeAccepted
	refused  = sshwhy.OutcomeRefused
)

func TestAFindingCountsOnce(t *testing.T) {
	c := someCauses(t)
	tried := said{refused, "user-unknown", "bob", "192.0.2.7", nil}
	for _, test := range []struct {
		title    string
		findings []said
		want     string
	}{
		{"nothing", nil, "0 connections; accepted 0, refused 0; user-unknown 0, undetermined 0; users [], sources []"},
		{"a refusal", []said{tried}, "1 connections; accepted 0, refused 1; user-unknown 1, undetermined 0; users [bob 1], sources [192.0.2.7 1]"},
		{
			"a refusal of which more becomes known",
			[]said{{refused, "undetermined", "bob", "192.0.2.7", nil}, {refused, "user-unknown", "bob", "192.0.2.7", &said{outcome: refused, cause: "undetermined"}}},
			"1 connections; accepted 0, refused 1; user-unknown 1, undetermined 0; users [bob 1], sources [192.0.2.7 1]",
		},
		{
			"a refusal that turns out to be a login",
			[]said{tried, {refused, "undetermined", "eve", "192.0.2.8", nil}, {accepted, "", "eve", "192.0.2.8", &said{outcome: refused, cause: "undetermined"}}},
			"2 connections; accepted 1, refused 1; user-unknown 1, undetermined 0; users [bob 1], sources [192.0.2.7 1]",
		},
		{
			"an attack stands beside its connections",
			[]said{tried, tried, {refused, "brute-force", "bob", "192.0.2.7", nil}},
			"2 connections; accepted 0, refused 2; user-unknown 2, undetermined 0; users [bob 2], sources [192.0.2.7 2]",
		},
		{
			"sshd itself is no connection",
			[]said{{sshwhy.OutcomeStartupFailed, "port-in-use", "-", "", nil}, {sshwhy.OutcomeNone, "port-in-use", "-", "", nil}},
			"0 connections; accepted 0, refused 0; user-unknown 0, undetermined 0; users [], sources []",
		},
		{
			"the empty name is a name",
			[]said{{refused, "user-unknown", "", "192.0.2.7", nil}},
			"1 connections; accepted 0, refused 1; user-unknown 1, undetermined 0; users [ 1], sources [192.0.2.7 1]",
		},
	} {
		t.Run(test.title, func(t *testing.T) {
			s := summaryOf(t, c, test.findings...)
			got := fmt.Sprintf("%d connections; accepted %d, refused %d; user-unknown %d, undetermined %d; users %s, sources %s",
				s.Connections(), s.Outcome(accepted), s.Outcome(refused), s.Cause(c.Find("user-unknown")), s.Cause(c.Find("undetermined")), most(s.Users()), most(s.Sources()))
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func most(t *report.Top) string {
	var list []string
	for _, c := range t.Most(9) {
		list = append(list, fmt.Sprintf("%s %d", c.Name, c.Count))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// TestSummaryAllocatesNothing for findings of which all is known already.
func TestSummaryAllocatesNothing(t *testing.T) {
	c := someCauses(t)
	f := said{refused, "user-unknown", "bob", "192.0.2.7", nil}.finding(c)
	s := report.NewSummary(c)
	s.Deliver(f)
	if n := testing.AllocsPerRun(100, func() { s.Deliver(f) }); n != 0 {
		t.Errorf("%v allocations for a finding", n)
	}
}

// event gives an event as the parser would for a line of some kind.
func event(source string, line sshwhy.Line, second int64, cut int64) *sshwhy.Event {
	ev := &sshwhy.Event{}
	ev.Reset(&sshwhy.Record{Source: source, Text: []byte("the line"), Truncated: cut})
	ev.Line, ev.Time, ev.Form = line, second*1e9, "rfc3164"
	return ev
}

func TestEveryLineIsAccountedFor(t *testing.T) {
	const parsed, unparsed, skipped = sshwhy.LineParsed, sshwhy.LineUnparsed, sshwhy.LineSkipped
	a := report.Accounting{}
	for _, ev := range []*sshwhy.Event{
		event("a.log", skipped, 5, 0), // another program's time does not count
		event("a.log", parsed, 100, 0),
		event("a.log", unparsed, 90, 0),
		event("b.log", parsed, 300, 1000),
		event("b.log", skipped, 0, 7),
		event("a.log", parsed, 0, 0), // without a time, and back in the first source
	} {
		a.Note(ev)
	}
	tick := event("a.log", skipped, 0, 0)
	tick.Record.Tick = true
	a.Note(tick) // no line
	var got []string
	for _, s := range append(a.Sources(), new(a.Total())) {
		got = append(got, fmt.Sprintf("%s %d=%d+%d+%d cut %d/%d", s.Name, s.Read(), s.Parsed, s.Unparsed, s.Skipped, s.TruncatedLines, s.TruncatedBytes))
	}
	want := "a.log 4=2+1+1 cut 0/0; b.log 2=1+0+1 cut 2/1007;  6=3+1+2 cut 2/1007"
	if strings.Join(got, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
	}
	if from, until := a.Span(); from != 90e9 || until != 300e9 {
		t.Errorf("the span is %d to %d", from, until)
	}
}

// TestLinesAreCountedAtOnce: of lines that stand one after another all counts
// are what they are one by one.
func TestLinesAreCountedAtOnce(t *testing.T) {
	const parsed, unparsed, skipped = sshwhy.LineParsed, sshwhy.LineUnparsed, sshwhy.LineSkipped
	var one, all report.Accounting
	for _, run := range [][]*sshwhy.Event{
		{event("a.log", skipped, 5, 0), event("a.log", parsed, 0, 0), event("a.log", unparsed, 100, 0), event("a.log", parsed, 90, 0)},
		{event("b.log", skipped, 1, 7), event("b.log", skipped, 900, 7)},
		{event("a.log", parsed, 300, 0), event("a.log", parsed, 200, 0), event("a.log", skipped, 1000, 0)},
		{event("b.log", parsed, 300, 0)},
	} {
		var events []sshwhy.Event
		for i, ev := range run {
			ev.Form = fmt.Sprint("form ", i)
			one.Note(ev)
			events = append(events, *ev)
		}
		all.NoteAll(run[0].Record, events)
	}
	for i, want := range one.Sources() {
		if got := all.Sources()[i]; *got != *want {
			t.Errorf("at once %v, one by one %v", *got, *want)
		}
	}
	from, until := all.Span()
	if wantFrom, wantUntil := one.Span(); from != wantFrom || until != wantUntil {
		t.Errorf("at once they span %d to %d, one by one %d to %d", from, until, wantFrom, wantUntil)
	}
}

// page writes a whole summary.
func page(t *testing.T, language causes.Language, p report.Page) []byte {
	t.Helper()
	c := someCauses(t)
	findings := []said{
		{accepted, "", "emil", "192.0.2.1", nil},
		{refused, "user-unknown", "bob", "192.0.2.7", nil},
		{refused, "user-unknown", "\\033[2J", "192.0.2.7", nil},
		{refused, "password-off", "tanja", "192.0.2.9", nil},
		{sshwhy.OutcomeDropped, "", "-", "192.0.2.7", nil},
		{sshwhy.OutcomeDisconnected, "undetermined", "", "2001:db8::7", nil},
		{sshwhy.OutcomeStartupFailed, "port-in-use", "-", "", nil},
		{refused, "brute-force", "bob", "192.0.2.7", nil},
	}
	s := summaryOf(t, c, findings...)
	var a report.Accounting
	a.Note(event("/var/log/auth.log.1", sshwhy.LineParsed, 1795176000, 0))
	a.Note(event("/var/log/auth.log", sshwhy.LineParsed, 1795262400, 12))
	a.Note(event("/var/log/auth.log", sshwhy.LineUnparsed, 1795262401, 0))
	a.Note(event("/var/log/auth.log", sshwhy.LineSkipped, 0, 0))
	p.Words = lang.For(language)
	var out bytes.Buffer
	if err := s.Write(bufio.NewWriter(&out), &a, p); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSummaryPage(t *testing.T) {
	golden(t, "summary.en.txt", page(t, causes.English, report.Page{Zone: time.UTC, ZoneName: "UTC"}))
	golden(t, "summary.ja.txt", page(t, causes.Japanese, report.Page{Zone: time.FixedZone("JST", 9*3600), ZoneName: "JST", Year: 2026, Interrupted: true, Evicted: 3}))
}

// TestEstimatesAreMarked: beyond the budget of names the page says which counts
// are estimates, and how far off they may be.
func TestEstimatesAreMarked(t *testing.T) {
	c := someCauses(t)
	s := report.NewSummary(c)
	for i := range 3 * report.Budget {
		s.Deliver(said{refused, "user-unknown", "bob", fmt.Sprintf("198.18.%d.%d", i>>8, i&255), nil}.finding(c))
	}
	var out bytes.Buffer
	s.Write(bufio.NewWriter(&out), &report.Accounting{}, report.Page{Words: lang.For(causes.English), Zone: time.UTC})
	for _, want := range []string{"12288  bob\n", "~3  198.18.", "(at least 1)", "more than 4096 different names", "occurred at most 2 times"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// TestMissedShapes: what differs from line to line is a placeholder, so that
// lines of one kind stand together.
func TestMissedShapes(t *testing.T) {
	_, words := rooms()
	m := report.NewMissed(words)
	for _, message := range []string{
		"frobnicated 17 keys of user bob from 192.0.2.7 port 4",
		"frobnicated 4 keys of user alice from 2001:db8::1 port 51234",
		`cannot grok "GET / HTTP/1.1" in /etc/ssh/sshd_config.d/99-acme.conf: Permission denied`,
		`cannot grok "\\x16\\x03" in /home/bob/x: Permission denied`,
		"greeting of db01.acme.test at [192.0.2.7]:22 with SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE, mode=0755",
	} {
		ev := event("auth.log", sshwhy.LineUnparsed, 1, 0)
		ev.Message = []byte(message)
		m.Note(ev)
	}
	parsed := event("auth.log", sshwhy.LineParsed, 1, 0)
	parsed.Message = []byte("known")
	m.Note(parsed)
	var out bytes.Buffer
	if err := m.Write(bufio.NewWriter(&out), &report.Accounting{}, report.Page{Words: lang.For(causes.English)}); err != nil {
		t.Fatal(err)
	}
	golden(t, "missed.txt", out.Bytes())
}

// BenchmarkSummary takes findings of few users and of as many sources as a
// public server sees; BenchmarkSummaryFlood those of ever new sources.
func BenchmarkSummary(b *testing.B)      { deliver(b, 3000) }
func BenchmarkSummaryFlood(b *testing.B) { deliver(b, 5_000_000) }

func deliver(b *testing.B, sources int) {
	c := someCauses(b)
	s := report.NewSummary(c)
	f := said{refused, "user-unknown", "bob", "", nil}.finding(c)
	for i := range b.N {
		n := i % sources
		f.Address = fmt.Appendf(f.Address[:0], "%d.%d.%d.%d", n>>24, n>>16&255, n>>8&255, n&255)
		s.Deliver(f)
	}
}

// BenchmarkAccounting is what every line costs.
func BenchmarkAccounting(b *testing.B) {
	var a report.Accounting
	ev := event("auth.log", sshwhy.LineParsed, 1, 0)
	for range b.N {
		a.Note(ev)
	}
}
