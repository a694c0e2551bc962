package sinks_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/sinks"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what was written with a file of testdata.
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
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		var g, w string
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if g != w {
			t.Errorf("%s:%d (go test ./sinks -update writes it anew)\ngot  %s\nwant %s", name, i+1, g, w)
		}
	}
}

// someCauses is a catalogue for these tests, so that the goldens hold the form
// of the output and not the texts of the catalogue.
func someCauses(t *testing.T) *causes.Catalogue {
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
    en: {title: t, means: m, reason: ["Port {lport} is in use.", Its port is in use.], sure: s}
    ja: {title: t, means: m, reason: [ポートが使用中です。], sure: s}
    remedy: [{where: server, en: see who has the port, ja: 調べる, run: ss -ltnp}]
`)
	add("key", `
  - id: bad-ownership-or-modes
    en: {title: t, means: m, reason: ["{path} can be written by others.", A path can be written by others.], sure: s}
    ja: {title: t, means: m, reason: ["{path} は他人が書き込めます。", 他人が書き込めます。], sure: s}
    remedy:
      - {where: server, en: take write permission from others, ja: 権限を外す, run: "chmod go-w {path}"}
      - {where: client, en: try again, ja: 再試行する, warning: {en: not too often, ja: 頻繁にしない}}
  - id: key-not-authorized
    en: {title: t, means: m, reason: [No key is authorized.], sure: s}
    ja: {title: t, means: m, reason: [鍵が登録されていません。], sure: s}
    remedy: [{where: admin, en: ask, ja: 頼む}]
`)
	add("undetermined", `
  - id: undetermined
    en: {title: t, means: m, reason: [The log does not say.], sure: s}
    ja: {title: t, means: m, reason: [ログからは分かりません。], sure: s}
    remedy: [{where: server, en: look, ja: 見る, run: "sshwhy doctor {user}"}]
`)
	c, err := causes.ReadDir(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const noon = 1795176000_123456789 // 2026-11-20T12:00:00.123456789Z

// someFindings tells of a few connections, so that every key of the contract
// occurs, and is absent once.
func someFindings(c *causes.Catalogue) []*sshwhy.Finding {
	line := func(texts ...string) (list []sshwhy.Evidence) {
		for _, text := range texts {
			list = append(list, sshwhy.Evidence{Text: []byte(text)})
		}
		return list
	}
	identity := func(first string) sshwhy.Identity {
		return sshwhy.Identity{Host: []byte("edge05"), First: []byte(first), PID: 16140, Time: noon}
	}
	return []*sshwhy.Finding{
		{ // a key that was ignored, with everything that a log can tell
			Identity: identity("one"), Revision: 1, Outcome: sshwhy.OutcomeRefused,
			Cause: c.Find("bad-ownership-or-modes"), Confidence: sshwhy.ConfidenceCertain,
			Start: noon, End: noon + 2e9, Ident: []byte("sshd-session"), User: []byte("tanja"), UserKnown: true,
			Address: []byte("203.0.113.7"), Port: 51234, Method: []byte("publickey"), KeyType: []byte("ED25519"), Fingerprint: []byte("SHA256:abc"),
			Values:   []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/tanja"}},
			Evidence: line("Authentication refused: bad ownership or modes for directory /home/tanja"), Dropped: 3,
			Source: "/var/log/auth.log", Why: sshwhy.Why{Rule: sshwhy.RuleLine},
		},
		{ // the same told again: the user got in with a password
			Identity: identity("one"), Revision: 2, Outcome: sshwhy.OutcomeAccepted, Remarks: []sshwhy.CauseID{c.Find("bad-ownership-or-modes")},
			Start: noon, End: noon + 9e9, Ident: []byte("/usr/sbin/sshd"), User: []byte("tanja"), UserKnown: true,
			Address: []byte("203.0.113.7"), Port: 51234, Method: []byte("password"), Evidence: line("Accepted password for tanja from 203.0.113.7 port 51234 ssh2"), Source: "-",
		},
		{ // a bare line of sshd -E: no time, host, program, or address
			Identity: sshwhy.Identity{First: []byte("two")}, Revision: 1, Outcome: sshwhy.OutcomeDisconnected,
			Cause: c.Find("undetermined"), Confidence: sshwhy.ConfidenceUndetermined, Candidates: []sshwhy.CauseID{c.Find("key-not-authorized"), c.Find("bad-ownership-or-modes")},
			User: []byte(""), UserKnown: true,
		},
		{ // sshd did not start
			Identity: identity("three"), Revision: 1, Outcome: sshwhy.OutcomeStartupFailed, Cause: c.Find("port-in-use"), Confidence: sshwhy.ConfidenceLikely,
			Start: noon, End: noon, Ident: []byte("sshd"), Values: []sshwhy.Value{{Field: sshwhy.FieldLocalPort, Text: "22"}}, Evidence: line("fatal: Cannot bind any address."),
		},
		{ // it stopped: neither failure nor success
			Identity: identity("four"), Revision: 1, Cause: c.Find("port-in-use"), Confidence: sshwhy.ConfidenceCertain, Start: noon, End: noon, Ident: []byte("sshd"),
		},
		{ // a client that is a host name, and one with a zone
			Identity: identity("five"), Revision: 1, Outcome: sshwhy.OutcomeDropped, Start: noon, End: noon, Ident: []byte("sshd(pam_unix)"), Address: []byte("client.example.org"), Port: 65536,
		},
		{
			Identity: identity("six"), Revision: 1, Outcome: sshwhy.OutcomeRefused, Start: noon, End: noon, Ident: []byte("sshd"), Address: []byte("fe80::1%eth0"), Port: 22,
		},
		{ // what a client chose, and what a file name can hold
			Identity: identity("seven"), Revision: 1, Outcome: sshwhy.OutcomeRefused, Cause: c.Find("bad-ownership-or-modes"), Confidence: sshwhy.ConfidenceCertain,
			Start: noon, End: noon, Ident: []byte("sshd"), User: []byte("\"x\\033[2J\\\\n\x1b]0;\a\xff\u202e</script>"), UserKnown: true, Address: []byte("203.0.113.9"),
			Values:   []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/x'; reboot\n\xfe"}},
			Evidence: line("Invalid user \"\x00\x01\x7f\r\n\xc3( from 203.0.113.9"), Source: "/tmp/a\nb\xff",
		},
	}
}

func TestJSONL(t *testing.T) {
	c := someCauses(t)
	for _, lang := range []causes.Language{causes.English, causes.Japanese} {
		var out bytes.Buffer
		sink := sinks.NewJSONL(&out, c, lang)
		sink.Locator = located{"203.0.113.9": {Code: "JP", Country: "Japan", City: "Kyoto", Number: 64500, Organisation: "<Example> \"Net\""}}
		for _, f := range someFindings(c) {
			if err := sink.Deliver(f); err != nil {
				t.Fatal(err)
			}
		}
		golden(t, "findings."+string(lang)+".jsonl", out.Bytes())
		wellFormed(t, out.Bytes(), len(someFindings(c)))
	}
}

// located is a database of geography.
type located map[string]sshwhy.Location

// Locate implements sshwhy.Locator.
func (l located) Locate(address []byte) *sshwhy.Location {
	if at, ok := l[string(address)]; ok {
		return &at
	}
	return nil
}

// TestJSONLOfAVanishedSession: a login that was accepted is not said to have
// been refused, however its session ended, nor is it advised to mend anything;
// and one that was not is told as before.
func TestJSONLOfAVanishedSession(t *testing.T) {
	c := someCauses(t)
	refused := &sshwhy.Finding{Revision: 1, Outcome: sshwhy.OutcomeDisconnected, Cause: c.Find("undetermined"), Confidence: sshwhy.ConfidenceUndetermined, User: []byte("emil"), UserKnown: true}
	accepted := *refused
	accepted.Outcome = sshwhy.OutcomeAccepted
	for _, language := range []causes.Language{causes.English, causes.Japanese} {
		var out bytes.Buffer
		sink := sinks.NewJSONL(&out, c, language)
		words := lang.For(language)
		for i, f := range []*sshwhy.Finding{refused, &accepted, refused} {
			out.Reset()
			if err := sink.Deliver(f); err != nil {
				t.Fatal(err)
			}
			says := strings.Contains(out.String(), `"reason":"`+words.Accepted+"; "+words.Vanished+`"`) && strings.Contains(out.String(), `"remedy":[]`)
			if says != (f.Outcome == sshwhy.OutcomeAccepted) {
				t.Errorf("%s, finding %d: %s", language, i, &out)
			}
		}
	}
}

// TestJSONLTellsVerdictsApart: what is kept of earlier findings is never
// written for another verdict, however many there are of a cause and in what
// order they come.
func TestJSONLTellsVerdictsApart(t *testing.T) {
	c := someCauses(t)
	verdict := func(n int) *sshwhy.Finding {
		f := &sshwhy.Finding{Revision: 1, Cause: c.Find("undetermined"), Start: int64(n) * 1e9, End: int64(n/2) * 1e9}
		f.Outcome = sshwhy.Outcomes()[n%3]
		f.Confidence = sshwhy.ConfidenceUndetermined - sshwhy.Confidence(n%2)
		for i := range n % 24 {
			f.Candidates = append(f.Candidates, sshwhy.CauseID(1+(n*i)%len(c.Causes)))
		}
		return f
	}
	var kept bytes.Buffer
	long := sinks.NewJSONL(&kept, c, causes.English)
	for _, n := range slices.Concat(rand.Perm(60), rand.Perm(60), rand.Perm(20), rand.Perm(20)) {
		var fresh bytes.Buffer
		if err := sinks.NewJSONL(&fresh, c, causes.English).Deliver(verdict(n)); err != nil {
			t.Fatal(err)
		}
		kept.Reset()
		if err := long.Deliver(verdict(n)); err != nil {
			t.Fatal(err)
		}
		if kept.String() != fresh.String() {
			t.Errorf("verdict %d after others is\n%sand alone\n%s", n, &kept, &fresh)
		}
	}
}

// TestJSONLWritesIntoEveryBuffer holds what goes through buffers of many sizes,
// as much of it as fits written in its place, against what was never in one.
func TestJSONLWritesIntoEveryBuffer(t *testing.T) {
	c := someCauses(t)
	deliver := func(w io.Writer) {
		sink := sinks.NewJSONL(w, c, causes.English)
		for i := range 40 {
			for _, f := range someFindings(c) {
				if i == 20 {
					f.Evidence = append(f.Evidence, sshwhy.Evidence{Text: bytes.Repeat([]byte("long "), 2000)})
				}
				if err := sink.Deliver(f); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	var want strings.Builder
	deliver(&want)
	for _, size := range []int{16, 1000, 1500, 4096, 20_000, 64 << 10, 1 << 20} {
		var got strings.Builder
		w := bufio.NewWriterSize(&got, size)
		deliver(w)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("through a buffer of %d bytes come other lines", size)
		}
	}
}

func TestJSONLReportsTheWriter(t *testing.T) {
	c := someCauses(t)
	full := errors.New("no space left")
	if err := sinks.NewJSONL(failing{full}, c, causes.English).Deliver(someFindings(c)[0]); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// wellFormed holds what every line of every output promises: it is one JSON
// object, no key stands twice in it, and no byte of it needs care.
func wellFormed(t *testing.T, out []byte, lines int) {
	t.Helper()
	n := 0
	for line := range bytes.Lines(out) {
		n++
		if !json.Valid(line) {
			t.Errorf("line %d is not JSON: %s", n, line)
		}
		for _, key := range keysOf(t, line) {
			if strings.HasSuffix(key, " twice") {
				t.Errorf("line %d: %s", n, key)
			}
		}
		if i := bytes.IndexFunc(bytes.TrimSuffix(line, []byte("\n")), func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }); i >= 0 {
			t.Errorf("line %d has %q at %d", n, line[i], i)
		}
	}
	if n != lines {
		t.Errorf("%d lines for %d things", n, lines)
	}
}

// keysOf gives the paths of all members of an object; "path twice" for one
// that stands there already.
func keysOf(t *testing.T, line []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	seen := map[string]bool{}
	var walk func(path string)
	walk = func(path string) {
		token, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch token {
		case json.Delim('{'):
			here := map[string]bool{}
			for dec.More() {
				key, _ := dec.Token()
				below := strings.TrimPrefix(path+"."+key.(string), ".")
				if here[below] {
					seen[below+" twice"] = true
				}
				here[below], seen[below] = true, true
				walk(below)
			}
			dec.Token()
		case json.Delim('['):
			for dec.More() {
				walk(path + "[]")
			}
			dec.Token()
		}
	}
	walk("")
	return slices.Sorted(maps.Keys(seen))
}

// TestContractIsWhatIsWritten compares docs/output.md with the goldens: every
// key that is written is described, and every one described is written.
func TestContractIsWhatIsWritten(t *testing.T) {
	page, err := os.ReadFile("../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct{ begin, end, golden string }{
		{"## Findings", "## Lines", "testdata/findings.en.jsonl"},
		{"## Lines", "## Alerts", "testdata/events.jsonl"},
		{"## Alerts", "## What is not promised", "testdata/alerts.en.jsonl"},
	} {
		_, rest, ok := strings.Cut(string(page), part.begin)
		text, _, ok2 := strings.Cut(rest, part.end)
		if !ok || !ok2 {
			t.Fatalf("docs/output.md has no part from %q to %q", part.begin, part.end)
		}
		described := map[string]bool{}
		for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
			described[row[1]] = true
		}
		objects, err := os.ReadFile(part.golden)
		if err != nil {
			t.Fatal(err)
		}
		written := map[string]bool{}
		for line := range bytes.Lines(objects) {
			for _, key := range keysOf(t, line) {
				written[documentedAs(key)] = true
			}
		}
		for key := range written {
			if !described[key] && !parent(written, key) {
				t.Errorf("%s: %q is written and not described", part.begin, key)
			}
		}
		for key := range described {
			if !written[key] {
				t.Errorf("%s: %q is described and not written by any golden", part.begin, key)
			}
		}
	}
}

// documentedAs gives the row in which a key is described: fields share one.
func documentedAs(key string) string {
	for _, many := range []string{"sshwhy.fields.", "sshwhy.values.", "sshwhy.by.", "sshwhy.latest."} {
		if strings.HasPrefix(key, many) {
			return many + "*"
		}
	}
	return key
}

// parent tells a key whose value is an object, which needs no row of its own.
func parent(keys map[string]bool, key string) bool {
	for k := range keys {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}
