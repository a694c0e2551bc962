package classifier_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
)

// run is what a real sshd wrote while something was arranged to go wrong:
// testdata/truth/*.jsonl.gz holds one a line.
type run struct {
	// ID is the release, the LogLevel and the scenario.
	ID string
	// Log is what was written, in the traditional form of syslog.
	Log string
	// Sessions are the connections, or starts of sshd, that were arranged.
	Sessions []session
	lines    []string
}

// session is what was arranged: the truth about one verdict.
type session struct {
	// Causes are the right answers: more than one where the log cannot
	// separate them. Also are true as well, but not the answer.
	Causes, Also []string
	Outcome      string
	// Revealed tells that a line of the log names the cause.
	Revealed  bool
	User, Src string
	// PIDs are the connection's processes, Listeners those of sshd itself.
	PIDs      []int32 `json:"pids"`
	Listeners []int32 `json:"listener_pids"`
}

// level gives the LogLevel of the run.
func (r *run) level() string { return strings.Split(r.ID, "/")[1] }

// truthFiles gives the runs of each file, in its order.
func truthFiles(t testing.TB) map[string][]run {
	t.Helper()
	paths, err := filepath.Glob("testdata/truth/*.jsonl.gz")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no truth files: %v", err)
	}
	files := map[string][]run{}
	for _, path := range paths {
		files[strings.TrimSuffix(filepath.Base(path), ".jsonl.gz")] = truthFile(t, path)
	}
	return files
}

func truthFile(t testing.TB, path string) []run {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var runs []run
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var r run
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		r.lines = strings.Split(strings.TrimSuffix(r.Log, "\n"), "\n")
		runs = append(runs, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return runs
}

// rig is the way of a line to a verdict. Its parts may be read by several
// goroutines; each makes a parser and classifier of its own.
type rig struct {
	patterns *patterns.Catalogue
	causes   *causes.Catalogue
	parser   *parser.Parser
	unused   *classifier.Classifier // that others are made like
	excerpt  bool                   // the end of a log says nothing
}

func newRig(t testing.TB) *rig {
	t.Helper()
	messages, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parser.New(messages, parser.Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	k, err := classifier.New(messages, catalogue, classifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{patterns: messages, causes: catalogue, parser: p, unused: k}
}

func (g *rig) classifier() *classifier.Classifier {
	return g.unused.Anew(classifier.Options{Excerpt: g.excerpt})
}

// newest lies after every line of the truth files.
var newest = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// verdict is what a test keeps of a finding.
type verdict struct {
	id             string
	revision       int
	host, user     string
	named          bool // the user is known
	address        string
	port           int
	pid            int32
	outcome, cause string
	phase          string
	confidence     sshwhy.Confidence
	candidates     string // ids with blanks between them
	remarks        string
	why            sshwhy.Rule
	evidence       []string
	decisive       string // the line that decided
	remedy         string // its sentences and commands, in English
	values         map[sshwhy.Field]string
}

func (v *verdict) String() string {
	s := v.outcome + " " + v.cause
	if v.confidence != sshwhy.ConfidenceNone {
		s += " (" + v.confidence.String() + ")"
	}
	return s
}

// aboutConnection tells whether the verdict is on a connection, and neither on
// the service nor on an attack.
func (v *verdict) aboutConnection() bool { return v.phase != "service" && v.phase != "attack" }

// list gives the candidates.
func (v *verdict) list() []string { return strings.Fields(v.candidates) }

func (g *rig) verdict(f *sshwhy.Finding) verdict {
	v := verdict{
		id: f.ID(), revision: f.Revision, host: string(f.Host), user: string(sshwhy.Unescape(nil, f.User)), named: f.UserKnown,
		address: string(f.Address), port: f.Port, pid: f.PID, outcome: f.Outcome.String(), cause: g.causes.ID(f.Cause),
		confidence: f.Confidence, candidates: g.ids(f.Candidates), remarks: g.ids(f.Remarks), why: f.Why.Rule, values: map[sshwhy.Field]string{},
	}
	if cause := g.causes.Cause(f.Cause); cause != nil {
		v.phase = cause.Phase
		for _, step := range cause.Steps(causes.English, f.Value) {
			v.remedy += step.Do + "\n" + step.Run + "\n"
		}
	}
	for _, e := range f.Evidence {
		v.evidence = append(v.evidence, string(e.Text))
	}
	if f.Decisive >= 0 && f.Decisive < len(v.evidence) {
		v.decisive = v.evidence[f.Decisive]
	}
	for _, field := range sshwhy.Fields() {
		if text := f.Value(field); text != "" {
			v.values[field] = text
		}
	}
	return v
}

func (g *rig) ids(list []sshwhy.CauseID) string {
	words := make([]string, len(list))
	for i, id := range list {
		words[i] = g.causes.ID(id)
	}
	return strings.Join(words, " ")
}

// replay gives every finding on the lines, revisions included, in order.
func (g *rig) replay(t testing.TB, source string, lines []string) []verdict {
	t.Helper()
	p, k := g.parser.Clone(), g.classifier()
	var ev sshwhy.Event
	var all []verdict
	keep := func(f *sshwhy.Finding) { all = append(all, g.verdict(f)) }
	for _, line := range lines {
		p.Parse(&sshwhy.Record{Text: []byte(line), Source: source, Newest: newest}, &ev)
		k.Classify(&ev, keep)
	}
	k.Close(keep)
	return all
}

// findings gives what counts of the findings on the lines: the highest
// revision of each id, in the order of the first.
func (g *rig) findings(t testing.TB, lines []string) []verdict {
	t.Helper()
	return latest(g.replay(t, "auth.log", lines))
}

func latest(all []verdict) []verdict {
	var last []verdict
	at := map[string]int{}
	for _, v := range all {
		i, known := at[v.id]
		switch {
		case !known:
			at[v.id] = len(last)
			last = append(last, v)
		case v.revision >= last[i].revision:
			last[i] = v
		}
	}
	return last
}

// iso rewrites the stamp of a line: Nov 22 15:35:30 becomes
// 2026-11-22T15:35:30.000123+00:00.
func iso(t testing.TB, line string, micro int) string {
	t.Helper()
	at := stamp(t, line)
	return at.Add(time.Duration(micro)*time.Microsecond).Format("2006-01-02T15:04:05.000000-07:00") + line[len(time.Stamp):]
}

// stamp reads the time of a line in the traditional form.
func stamp(t testing.TB, line string) time.Time {
	t.Helper()
	at, err := time.Parse(time.Stamp, line[:len(time.Stamp)])
	if err != nil {
		t.Fatalf("no stamp: %q", line)
	}
	return at.AddDate(newest.Year(), 0, 0)
}

// concerns tells whether a verdict is one on the session: by the process, the
// address and the user, or the user alone.
func (s *session) concerns(v *verdict) bool {
	if v.pid != 0 && slices.Contains(s.PIDs, v.pid) {
		return true
	}
	if s.ofListener() && (v.pid == 0 || slices.Contains(s.Listeners, v.pid)) {
		return true
	}
	if ip := addressOf(v.address); ip.IsValid() && s.Src != "" {
		return ip == addressOf(s.Src) && (v.user == "" || s.User == "" || v.user == s.User)
	}
	return v.named && v.user != "" && v.user == s.User
}

func addressOf(text string) netip.Addr {
	ip, _ := netip.ParseAddr(text)
	return ip.Unmap()
}

// ofListener tells whether sshd itself, and no connection, was concerned.
func (s *session) ofListener() bool {
	return s.Outcome == "startup-failed" || slices.ContainsFunc(s.Causes, func(c string) bool { return toldByListener[c] })
}

// of gives the verdicts that concern the session.
func (s *session) of(all []verdict) []*verdict {
	var mine []*verdict
	for i := range all {
		if s.concerns(&all[i]) {
			mine = append(mine, &all[i])
		}
	}
	return mine
}
