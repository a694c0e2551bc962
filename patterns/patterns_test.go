package patterns_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

var update = flag.Bool("update", false, "write the generated files anew")

func TestGeneratedFilesAreCurrent(t *testing.T) {
	c, err := patterns.ReadDir(os.DirFS("."), ".")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range patterns.Generate(c) {
		if *update {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		} else if string(got) != want {
			t.Errorf("%s is stale: go generate ./patterns", name)
		}
	}
}

// TestTableHoldsAll compares the embedded table with the files that it was
// made from: examples apart, nothing is lost.
func TestTableHoldsAll(t *testing.T) {
	read, err := patterns.ReadDir(os.DirFS("."), ".")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(read.Entries) != len(loaded.Entries) || !slices.Equal(read.Constants, loaded.Constants) {
		t.Fatalf("%d entries were read, %d loaded", len(read.Entries), len(loaded.Entries))
	}
	for i := range read.Entries {
		want, got := read.Entries[i], loaded.Entries[i]
		want.Examples, want.Over = nil, nil
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("loaded %+v\nread   %+v", got, want)
		}
	}
}

func TestFind(t *testing.T) {
	c, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	if id := c.Find("login-failed"); id != patterns.LoginFailed || c.Entry(id).ID != "login-failed" {
		t.Errorf("login-failed is entry %d", id)
	}
	if id := c.Find("no-such-entry"); id != 0 || c.Entry(id) != nil {
		t.Errorf("an entry that is none is %d", id)
	}
	if n := c.Constant("invalid"); n != patterns.ConstantInvalid || c.ConstantName(n) != "invalid" {
		t.Errorf("the constant invalid is %d", n)
	}
	if c.Constant("no-such-constant") != 0 || c.ConstantName(255) != "" {
		t.Error("a constant that is none was found")
	}
}

// spell writes a way through a template on one line: literals as they are,
// {field:kind}, {field=constant}.
func spell(parts []patterns.Part) string {
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.Constant != "":
			fmt.Fprintf(&b, "{%s=%s}", p.Field, p.Constant)
		case p.Field != sshwhy.FieldNone:
			fmt.Fprintf(&b, "{%s:%s}", p.Field, p.Kind)
		default:
			b.WriteString(p.Literal)
		}
	}
	return b.String()
}

func TestExpand(t *testing.T) {
	for _, tt := range []struct {
		template string
		want     []string
	}{
		{"Accepted", []string{"Accepted"}},
		{"from {addr}", []string{"from {addr:addr}"}},
		{"from {addr:host}", []string{"from {addr:host}"}},
		{"a[ b]", []string{"a b", "a"}},
		{"a[ b| c]", []string{"a b", "a c", "a"}},
		{"(a|b) c", []string{"a c", "b c"}},
		{"x (a|b", nil},
		{"a[ b[ c]]", []string{"a b c", "a b", "a"}},
		{"main (pid={pid})", []string{"main (pid={pid:int})"}}, // no |, so no group
		{`x (a\|b)`, []string{"x (a|b)"}},                      // no group either
		{`(x \(y\)|z) w`, []string{"x (y) w", "z w"}},          // parentheses within a group
		{`[x (y)|z] w`, []string{"x (y) w", "z w", " w"}},      // within brackets they end nothing
		{`\[preauth\] \{x\} \\`, []string{`[preauth] {x} \`}},  // signs without their meaning
		{"[invalid user {who=invalid}]{user} x", []string{"invalid user {user:user} x{who=invalid}", "{user:user} x"}},
		{"by {peer}", []string{
			"by authenticating user {user:user} {addr:addr} port {port:port}{who=authenticating}", "by authenticating user {user:user} {addr:addr}{who=authenticating}",
			"by invalid user {user:user} {addr:addr} port {port:port}{who=invalid}", "by invalid user {user:user} {addr:addr}{who=invalid}",
			"by user {user:user} {addr:addr} port {port:port}{who=user}", "by user {user:user} {addr:addr}{who=user}",
			"by {addr:addr} port {port:port}", "by {addr:addr}",
		}},
	} {
		variants, err := patterns.Expand(tt.template)
		if tt.want == nil {
			if err == nil {
				t.Errorf("%q gave no error", tt.template)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, v := range variants {
			got = append(got, spell(v))
		}
		slices.Sort(got)
		slices.Sort(tt.want)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q\ngot  %q\nwant %q", tt.template, got, tt.want)
		}
	}
}

func TestExpandErrors(t *testing.T) {
	for _, tt := range []struct{ template, want string }{
		{"", "no literal text"},
		{"{user}", "no literal text"},
		{"{addr}: {port}", "no literal text"}, // would take any line of that form
		{"a {nobody}", `no field is named "nobody"`},
		{"a {user:sort}", `no kind is named "sort"`},
		{"a {nobody=x}", `no field is named "nobody"`},
		{"a {who=Invalid}", `constant "Invalid" is not of`},
		{"a {who=}", `constant "" is not of`},
		{"a {user", "no closing }"},
		{"a [b", "no closing ']'"},
		{"a (b|c", "no closing ')'"},
		{"a {user}{addr}", `fields "user" and "addr" touch`},
		{"a {user}[ x]{addr}", `fields "user" and "addr" touch`},
		{"a {user} b {user}", `field "user" stands twice`},
		{"a" + strings.Repeat("[b]", 9), "more than 256 variants"},
	} {
		_, err := patterns.Expand(tt.template)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want … %s", tt.template, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%q", tt.template)) {
			t.Errorf("the error does not name the template: %v", err)
		}
	}
}

const wellFormed = `topic: t
entries:
  - id: some-message
    says: s
    level: info
    lines:
      - Some message of {user}
    examples:
      - {line: Some message of bob, gives: {user: bob}}
plumbing:
  monitor.c:
    mm_send:
      - fatal 5.3- reading {n}
`

func TestFaultsAreNamed(t *testing.T) {
	read := func(yaml string) (*patterns.Catalogue, error) {
		return patterns.ReadDir(fstest.MapFS{"sshd/topic.yaml": &fstest.MapFile{Data: []byte(yaml)}}, ".")
	}
	c, err := read(wellFormed)
	if err != nil {
		t.Fatalf("the file that the faults are put into: %v", err)
	}
	if len(c.Entries) != 2 || c.Entries[1].ID != "monitor/mm_send/reading-n" || c.Entries[1].Lines[0].Template != "mm_send: reading {n}" {
		t.Fatalf("it was read as %+v", c.Entries)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"id in capitals", "id: some-message", "id: SomeMessage", `sshd/topic.yaml: entry "SomeMessage": the id is not of`},
		{"no id", "id: some-message", "id: ''", `sshd/topic.yaml: entry ""`},
		{"says nothing", "says: s", "says: ''", `sshd/topic.yaml: entry "some-message": it does not say what it means`},
		{"says two lines", "says: s", `says: "a\nb"`, `entry "some-message": "a\nb" holds a tab or a line end`},
		{"level", "level: info", "level: loud", `entry "some-message": no level is named "loud"`},
		{"no lines", "    lines:\n      - Some message of {user}\n", "", `entry "some-message": it has no lines`},
		{"no examples", "    examples:\n      - {line: Some message of bob, gives: {user: bob}}\n", "", `entry "some-message": it has no examples`},
		{"template", "of {user}", "of {usr}", `sshd/topic.yaml: entry "some-message": template "Some message of {usr}", at "": no field is named "usr"`},
		{"unknown key", "says: s", "say: s", "sshd/topic.yaml: yaml: unmarshal errors:\n  line 4: field say not found"},
		{"no YAML", "entries:", "entries", "sshd/topic.yaml: yaml: line "},
		{"plumbing without release", "fatal 5.3- reading", "fatal reading", `sshd/topic.yaml: monitor.c: mm_send: "fatal reading {n}": "reading" is not a span of releases`},
		{"plumbing level", "fatal 5.3-", "deadly 5.3-", `no level is named "deadly"`},
		{"plumbing too short", "fatal 5.3- reading {n}", "fatal 5.3-", "not of the form LEVEL SINCE-UNTIL TEMPLATE"},
		{"id twice", "plumbing:\n", "  - {id: some-message, says: s, level: info, lines: [Other], examples: [{line: Other, gives: {}}]}\nplumbing:\n", `patterns/sshd: id "some-message" stands twice`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(wellFormed, tt.old) {
				t.Fatalf("%q is not in the file", tt.old)
			}
			_, err := read(strings.Replace(wellFormed, tt.old, tt.new, 1))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant … %s", err, tt.want)
			}
		})
	}
}

// TestEveryFaultIsReported: one round of repairs is enough.
func TestEveryFaultIsReported(t *testing.T) {
	_, err := patterns.ReadDir(fstest.MapFS{
		"sshd/a.yaml": &fstest.MapFile{Data: []byte("entries:\n  - {id: one}\n  - {id: two}\n")},
		"pam/b.yaml":  &fstest.MapFile{Data: []byte("entries: 7\n")},
	}, ".")
	for _, want := range []string{"pam/b.yaml", `sshd/a.yaml: entry "one"`, `sshd/a.yaml: entry "two"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported: %v", want, err)
		}
	}
}

func TestShape(t *testing.T) {
	e := patterns.Entry{Lines: []patterns.Line{{Template: "Failed {method} for [invalid user {who=invalid}]{user} from {addr}[ port {port}]"}}}
	for _, tt := range []struct {
		when map[string]string
		want string
	}{
		{nil, "Failed <METHOD> for <USER> from <ADDR>"},
		{map[string]string{"who": "invalid"}, "Failed <METHOD> for invalid user <USER> from <ADDR>"},
		{map[string]string{"method": "none"}, "Failed none for <USER> from <ADDR>"},
		{map[string]string{"method": "keyboard*"}, "Failed keyboard… for <USER> from <ADDR>"},
		{map[string]string{"path": "/x"}, ""},
		{map[string]string{"who": "user"}, ""},
	} {
		if got := e.Shape(tt.when); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.when, got, tt.want)
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"a {user} from {addr}[ port {port}]", "(a|b[c|{peer}])", `\[x\] {who=invalid}`, "a [b", "((((|"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, template string) {
		variants, err := patterns.Expand(template)
		if err != nil {
			return
		}
		for _, v := range variants {
			for i := 1; i < len(v); i++ {
				if v[i-1].Constant == "" && v[i].Constant == "" && (v[i-1].Literal == "") == (v[i].Literal == "") {
					t.Errorf("%q: parts %d and %d of %q are of a kind", template, i-1, i, spell(v))
				}
			}
		}
	})
}
