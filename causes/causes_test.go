package causes_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/patterns"
)

var update = flag.Bool("update", false, "write the generated files anew")

// catalogues reads the YAML files, which the embedded table is made from, and
// the messages.
func catalogues(t *testing.T) (*causes.Catalogue, *patterns.Catalogue) {
	t.Helper()
	c, err := causes.ReadDir(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	messages, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c, messages
}

func TestGeneratedFilesAreCurrent(t *testing.T) {
	c, messages := catalogues(t)
	files, err := causes.Generate(c, messages)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if *update {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		} else if string(got) != want {
			t.Errorf("%s is stale: go generate ./causes", name)
		}
	}
}

// TestList holds the ids that the output contract promises: they may become
// more, and none may go.
func TestList(t *testing.T) {
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile("testdata/ids.txt")
	if err != nil {
		t.Fatal(err)
	}
	phase := ""
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "# "); ok {
			phase = name
			continue
		}
		if line == "" {
			continue
		}
		entry := c.Cause(c.Find(line))
		if entry == nil {
			t.Errorf("there is no cause %q", line)
		} else if entry.Phase != phase {
			t.Errorf("%s is in phase %q, not %q", line, entry.Phase, phase)
		}
	}
}

func TestEntriesAreComplete(t *testing.T) {
	c, messages := catalogues(t)
	for i := range c.Causes {
		e := &c.Causes[i]
		for _, lang := range []causes.Language{causes.English, causes.Japanese} {
			text := e.Texts[lang]
			if text == nil || text.Title == "" || text.Means == "" || text.Sure == "" || len(text.Reason) == 0 {
				t.Errorf("%s says too little in %s", e.ID, lang)
				continue
			}
			if lang == causes.Japanese && !strings.ContainsFunc(text.Title, func(r rune) bool { return r >= 0x3040 }) {
				t.Errorf("the Japanese title of %s is %q", e.ID, text.Title)
			}
			if reason := e.Reason(lang, nothing); reason == "" || strings.ContainsAny(reason, "{}") {
				t.Errorf("the %s reason of %s without values is %q", lang, e.ID, reason)
			}
			for _, a := range e.Page(lang) {
				if a.Do == "" {
					t.Errorf("a step of %s does not say in %s what to do: %+v", e.ID, lang, a)
				}
			}
		}
		for _, p := range e.Proof {
			if messages.Shape(p.Event, p.When) == "" {
				t.Errorf("%s is proved by %q with %v, which no pattern gives", e.ID, p.Event, p.When)
			}
			if p.Confidence != "certain" && p.Confidence != "likely" {
				t.Errorf("%s: the confidence of %q is %q", e.ID, p.Event, p.Confidence)
			}
		}
		for _, s := range e.Shows {
			if !slices.Contains([]string{"fatal", "error", "info", "verbose", "debug1", "debug2", "debug3"}, s.Level) {
				t.Errorf("%s shows at the level %q", e.ID, s.Level)
			}
		}
	}
}

func nothing(sshwhy.Field) string { return "" }

// named are the fields whose values a remedy must name when the evidence has
// them: who reads it must not have to look for them.
var named = map[sshwhy.Field]string{
	sshwhy.FieldPath: "/srv/home/tanja", sshwhy.FieldOption: "SomeOption", sshwhy.FieldAlgorithm: "some-algorithm", sshwhy.FieldUser: "tanja",
}

// aboutUser are the phases in which the remedy is about the user.
var aboutUser = []string{"account", "key", "password"}

// elsewhere are values that a remedy does without, and why.
var elsewhere = map[string]string{
	"sshd-config-invalid option":            "the line that holds it is named by file and number",
	"sshd-config-invalid alg":               "the line that holds it is named by file and number",
	"sshd-config-invalid path":              "a line that names no number says that others before it do",
	"random-source-missing path":            "sshd opens no others than those that the command makes",
	"nologin-file path":                     "sshd writes no others than those that the command removes",
	"nologin-file user":                     "the file shuts everybody out",
	"authorized-keys-bad-option option":     "this is the whole option with its argument, and what is wrong is in the middle",
	"key-source-not-permitted path":         "without a number it is a command's output, which no file holds",
	"key-line-is-ca path":                   "the line may stay: it lets certificates in, and no key",
	"key-type-unsupported alg":              "a key of another type is made",
	"key-undecodable alg":                   "the key is made anew, whatever its type",
	"key-too-small alg":                     "the key is made anew, and of another type",
	"security-key-not-verified user":        "the key is made anew, and registered for whom it was",
	"cert-expired path":                     "where the CA is trusted; the certificate is what must change",
	"cert-not-yet-valid path":               "where the CA is trusted; the certificate is what must change",
	"cert-wrong-principal path":             "where the CA is trusted; the certificate is what must change",
	"cert-without-principals path":          "where the CA is trusted; the certificate is what must change",
	"cert-wrong-type path":                  "where the CA is trusted; the certificate is what must change",
	"cert-source-not-permitted path":        "where the CA is trusted; the certificate is what must change",
	"cert-option-unsupported path":          "where the CA is trusted; the certificate is what must change",
	"cert-forced-command-mismatch path":     "where the CA is trusted; the command is in the certificate",
	"authorized-keys-command-failed option": "the log calls it by the name of the cause",
	"authorized-keys-command-failed path":   "the log has the command with its arguments; the steps ask sshd for the program",

	"authorized-principals-command-failed option": "the log calls it by the name of the cause",
	"authorized-principals-command-failed path":   "the log has the command with its arguments; the steps ask sshd for the program",
}

// TestRemedyNamesTheEvidence gives every cause the values of each spelling of
// each line that proves it.
func TestRemedyNamesTheEvidence(t *testing.T) {
	c, messages := catalogues(t)
	for i := range c.Causes {
		e := &c.Causes[i]
		missing := map[string][]string{}
		for _, p := range e.Proof {
			for _, fields := range fieldsOf(messages, p) {
				for _, f := range unnamed(e, fields) {
					missing[f] = append(missing[f], p.Event)
				}
			}
		}
		for _, f := range slices.Sorted(maps.Keys(missing)) {
			if _, known := elsewhere[e.ID+" "+f]; !known {
				t.Errorf("the remedy of %s does not name the %s of %v", e.ID, f, slices.Compact(missing[f]))
			}
		}
	}
}

// fieldsOf gives the fields of every spelling that meets a proof.
func fieldsOf(messages *patterns.Catalogue, p causes.Proof) [][]sshwhy.Field {
	var all [][]sshwhy.Field
	for _, l := range messages.Entry(messages.Find(p.Event)).Lines {
		variants, err := patterns.Expand(l.Template)
		if err != nil {
			panic(err) // the table was checked when it was made
		}
		for _, parts := range variants {
			var fields []sshwhy.Field
			for _, part := range parts {
				if part.Field != sshwhy.FieldNone && part.Constant == "" {
					fields = append(fields, part.Field)
				}
			}
			all = append(all, fields)
		}
	}
	return all
}

// unnamed gives the names of the fields that the remedy does not show.
func unnamed(e *causes.Cause, fields []sshwhy.Field) []string {
	values := func(f sshwhy.Field) string {
		if slices.Contains(fields, f) {
			if v := named[f]; v != "" {
				return v
			}
			return "1"
		}
		return ""
	}
	var all strings.Builder
	for _, a := range e.Steps(causes.English, values) {
		fmt.Fprintln(&all, a.Do, a.Run)
	}
	var missing []string
	for f, v := range named {
		if f == sshwhy.FieldUser && !slices.Contains(aboutUser, e.Phase) {
			continue
		}
		if slices.Contains(fields, f) && !strings.Contains(all.String(), v) {
			missing = append(missing, f.String())
		}
	}
	return missing
}

// entry makes a catalogue whose key.yaml holds this, and all other files no
// causes.
func entry(yaml string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, phase := range causes.Phases {
		fsys[phase+".yaml"] = &fstest.MapFile{Data: []byte("phase: " + phase + "\n")}
	}
	fsys["key.yaml"] = &fstest.MapFile{Data: []byte(yaml)}
	return fsys
}

const wellFormed = `phase: key
causes:
  - id: some-cause
    arranged: false
    en: {title: t, means: m, reason: ["of {user}", r], sure: s}
    ja: {title: t, means: m, reason: [r], sure: s}
    remedy:
      - {where: server, en: do, ja: do, run: "rm {path}"}
`

func TestFaultsAreNamed(t *testing.T) {
	if _, err := causes.ReadDir(entry(wellFormed)); err != nil {
		t.Fatalf("the entry that the faults are put into: %v", err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"no language", "    ja: {title: t, means: m, reason: [r], sure: s}\n", "", `cause "some-cause": ja: it says nothing in this language`},
		{"no title", "en: {title: t", "en: {title: ''", `cause "some-cause": en: title, means or sure is missing`},
		{"no reason without values", `["of {user}", r]`, `["of {user}"]`, `cause "some-cause": en: the last reason needs a value`},
		{"no reason", `reason: [r]`, `reason: []`, `cause "some-cause": ja: it gives no reason`},
		{"no remedy", "    remedy:\n      - {where: server, en: do, ja: do, run: \"rm {path}\"}\n", "", `cause "some-cause": it has no remedy`},
		{"place", "where: server", "where: moon", `step 1 of the remedy: where is "moon"`},
		{"unknown field", "rm {path}", "rm {paht}", `no field is named "paht"`},
		{"unknown field of a condition", `run: "rm {path}"`, `when: [paht]`, `no field is named "paht"`},
		{"step without words", "ja: do", "ja: ''", `it does not say in "ja" what to do`},
		{"two commands", `run: "rm {path}"`, `run: "true", edit: "true"`, "it has both run and edit"},
		{"unknown key", "arranged: false", "aranged: false", "field aranged not found"},
		{"alike", "arranged: false", "alike: [other-cause]", `alike names "other-cause", which is no cause`},
		{"phase", "phase: key", "phase: lock", `causes/key.yaml: its phase is "lock"`},
		{"no YAML", "phase: key", "phase: [key", "causes/key.yaml: yaml: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(wellFormed, tt.old) {
				t.Fatalf("%q is not in the entry", tt.old)
			}
			_, err := causes.ReadDir(entry(strings.Replace(wellFormed, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant … %s", err, tt.want)
			}
		})
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	fsys := entry(wellFormed)
	delete(fsys, "client.yaml")
	if _, err := causes.ReadDir(fsys); err == nil || !strings.Contains(err.Error(), "causes/client.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestClosest(t *testing.T) {
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]string{
		"usr-unknown":      "user-unknown", // a letter is missing
		"wrong-pasword":    "wrong-password",
		"worng-password":   "wrong-password", // two are swapped
		"Wrong Password":   "wrong-password", // as people speak
		"max_startups":     "max-startups",
		"MaxStartups":      "max-startups", // as sshd_config spells it
		"ownership":        "bad-ownership-or-modes",
		"bad-onership":     "bad-ownership-or-modes",
		"grace":            "login-grace-timeout",
		"xyzzy":            "",
		"nope":             "", // one letter of four is too much to guess a part
		"":                 "",
		"a":                "",
		"\xff\xfe\x00":     "",
		"user-unknown\x1b": "user-unknown",
	} {
		got := ""
		if ids := c.Closest(word, 4); len(ids) > 0 {
			got = ids[0]
		}
		if got != want {
			t.Errorf("closest to %q is %q, want %q", word, got, want)
		}
	}
}
