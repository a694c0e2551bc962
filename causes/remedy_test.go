package causes_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// with gives the values of some fields.
func with(pairs map[sshwhy.Field]string) causes.Values {
	return func(f sshwhy.Field) string { return pairs[f] }
}

func path(value string) causes.Values {
	return with(map[sshwhy.Field]string{sshwhy.FieldPath: value})
}

// one makes a cause with one step that runs a command.
func one(s causes.Step) *causes.Cause {
	s.Where = "server"
	if s.Do == nil {
		s.Do = map[causes.Language]string{causes.English: "do", causes.Japanese: "する"}
	}
	return &causes.Cause{ID: "some-cause", Remedy: []causes.Step{s}}
}

// hostile are values as a client or a file name may hold them, and how a
// command names them.
var hostile = []struct{ value, want string }{
	{"/home/alice", "/home/alice"},
	{"/home/o'brien", `'/home/o'\''brien'`},
	{"a b", "'a b'"},
	{"$(reboot)", "'$(reboot)'"},
	{"`reboot`", "'`reboot`'"},
	{"x;reboot", "'x;reboot'"},
	{"x&reboot", "'x&reboot'"},
	{"x|reboot", "'x|reboot'"},
	{"x>y", "'x>y'"},
	{`x"y`, `'x"y'`},
	{`x\y`, `'x\y'`},
	{"~root", "'~root'"},
	{"*", "'*'"},
	{"#x", "'#x'"},
	{"!x", "'!x'"},
	{"{path}", "'{path}'"}, // not filled in again
	{"用户", "'用户'"},
	{"user@host.example,+x:%1=2", "user@host.example,+x:%1=2"},
	// What a program could take for an option, or a terminal for an order,
	// is left to the reader.
	{"-rf", "<PATH>"},
	{"--help", "<PATH>"},
	{"a\nb", "<PATH>"},
	{"a\x1b[2Jb", "<PATH>"},
	{"a\x00b", "<PATH>"},
	{"a\xffb", "<PATH>"},
	{"a\u202eb", "<PATH>"}, // turns the text that follows
	{"", "<PATH>"},
}

func TestCommandsQuoteTheirValues(t *testing.T) {
	cause := one(causes.Step{Run: "chmod go-w {path}"})
	for _, h := range hostile {
		if got := cause.Steps(causes.English, path(h.value))[0].Run; got != "chmod go-w "+h.want {
			t.Errorf("%q: got %s, want chmod go-w %s", h.value, got, h.want)
		}
	}
}

// TestShellReadsTheValue lets sh say what it makes of the quotes.
func TestShellReadsTheValue(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh here")
	}
	cause := one(causes.Step{Run: "printf %s {path}"})
	for _, h := range hostile {
		if h.want == "<PATH>" {
			continue
		}
		out, err := exec.Command(sh, "-c", cause.Steps(causes.English, path(h.value))[0].Run).Output()
		if err != nil || string(out) != h.value {
			t.Errorf("sh read %q as %q, %v", h.value, out, err)
		}
	}
}

func TestSentencesShowTheirValues(t *testing.T) {
	cause := &causes.Cause{Texts: map[causes.Language]*causes.Text{causes.English: {Reason: []string{
		"{path} of {user} is wrong.", "{path} is wrong.", "Something is wrong.",
	}}}}
	for _, tt := range []struct {
		name   string
		values causes.Values
		want   string
	}{
		{"all values", with(map[sshwhy.Field]string{sshwhy.FieldPath: "/home/a", sshwhy.FieldUser: "a"}), "/home/a of a is wrong."},
		{"one", path("/home/a"), "/home/a is wrong."},
		{"the other one", with(map[sshwhy.Field]string{sshwhy.FieldUser: "a"}), "Something is wrong."},
		{"none", nothing, "Something is wrong."},
		{"escaped", path("/home/\x1b[2J\u202ex"), `/home/\x1b[2J\u{202e}x is wrong.`},
		{"not filled in again", path("{user}"), "{user} is wrong."},
	} {
		if got := cause.Reason(causes.English, tt.values); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFilling(t *testing.T) {
	for _, tt := range []struct{ template, want string }{
		{"true", "true"},
		{"rm {path}", "rm /x"},
		{"rm {path}{path}", "rm /x/x"},
		{"passwd {user}", "passwd <USER>"},
		{"cat {config}", "cat /etc/ssh/sshd_config"},
		{"awk '{print $1}' {path}", "awk '{print $1}' /x"}, // no field, and meant so
		{"echo ${HOME}", "echo ${HOME}"},
		{"{ rm {path}; }", "{ rm /x; }"},
		{"a {", "a {"},
		{"a { {path}", "a { /x"},
		{"{path", "{path"},
		{"{}", "{}"},
		{"", ""},
	} {
		if got := one(causes.Step{Run: tt.template}).Steps(causes.English, path("/x"))[0].Run; got != tt.want {
			t.Errorf("%q became %q, want %q", tt.template, got, tt.want)
		}
	}
}

func TestStepsApplyByWhatIsKnown(t *testing.T) {
	cause := &causes.Cause{Remedy: []causes.Step{
		{Where: "server", Run: "known {path}", When: []string{"path"}},
		{Where: "server", Run: "unknown", Unless: []string{"path"}},
		{Where: "client", Run: "always"},
	}}
	runs := func(actions []causes.Action) string {
		var all []string
		for _, a := range actions {
			all = append(all, a.Run)
		}
		return strings.Join(all, "; ")
	}
	if got := runs(cause.Steps(causes.English, path("/x"))); got != "known /x; always" {
		t.Errorf("with a path: %s", got)
	}
	if got := runs(cause.Steps(causes.English, nothing)); got != "unknown; always" {
		t.Errorf("without a path: %s", got)
	}
	if got := runs(cause.Page(causes.English)); got != "known <PATH>; always" {
		t.Errorf("on a page: %s", got)
	}
}

// TestConfigIsChangedWithCare: whoever follows the steps can go back, and is
// not locked out.
func TestConfigIsChangedWithCare(t *testing.T) {
	cause := one(causes.Step{Edit: "sed -i '1i AllowUsers '{user} {config}", Line: "AllowUsers {user}"})
	for _, lang := range []causes.Language{causes.English, causes.Japanese} {
		steps := cause.Steps(lang, with(map[sshwhy.Field]string{sshwhy.FieldUser: "alice"}))
		if len(steps) != 4 {
			t.Fatalf("%s: %d steps", lang, len(steps))
		}
		for i, want := range []string{"cp -p /etc/ssh/sshd_config", "sed -i '1i AllowUsers 'alice /etc/ssh/sshd_config", "sshd -t && systemctl reload", ""} {
			if !strings.Contains(steps[i].Run, want) || want == "" && steps[i].Run != "" {
				t.Errorf("%s: step %d runs %q, want %q", lang, i+1, steps[i].Run, want)
			}
			if steps[i].Do == "" {
				t.Errorf("%s: step %d does not say what to do", lang, i+1)
			}
		}
		if !strings.Contains(steps[1].Do, "AllowUsers alice") {
			t.Errorf("%s: the line is not named: %q", lang, steps[1].Do)
		}
	}
}

func TestProofConditions(t *testing.T) {
	fields := map[string]string{"who": "invalid", "reason": "No such file or directory"}
	value := func(name string) (string, bool) { v, ok := fields[name]; return v, ok }
	for _, tt := range []struct {
		when map[string]string
		want bool
	}{
		{nil, true},
		{map[string]string{"who": "invalid"}, true},
		{map[string]string{"who": "user"}, false},
		{map[string]string{"reason": "No such*"}, true},
		{map[string]string{"reason": "No such"}, false},
		{map[string]string{"who": "invalid", "reason": "Permission*"}, false},
		{map[string]string{"path": "*"}, false}, // the line has none
	} {
		if got := (&causes.Proof{When: tt.when}).Holds(value); got != tt.want {
			t.Errorf("%v: %v", tt.when, got)
		}
	}
}

// TestExceptLeavesAWayOut: a way that a fact makes needless stands on pages,
// and in a remedy as long as the fact is not known.
func TestExceptLeavesAWayOut(t *testing.T) {
	cause := one(causes.Step{Run: "chown {user}", Except: []string{"what"}})
	if len(cause.Page(causes.English)) != 1 || len(cause.Steps(causes.English, nothing)) != 1 {
		t.Error("the step is missing where nothing is known")
	}
	what := with(map[sshwhy.Field]string{sshwhy.FieldWhat: "mode"})
	if steps := cause.Steps(causes.English, what); len(steps) != 0 {
		t.Errorf("it is there although it is not needed: %+v", steps)
	}
	if p := cause.Parts(causes.English)[0]; len(p.Unless) != 1 || p.Unless[0] != sshwhy.FieldWhat {
		t.Errorf("its parts do not know of it: %+v", p)
	}
}

// TestRemedyFitsTheDate: who ran into the account's date reads nothing about
// passwords, and the other way round.
func TestRemedyFitsTheDate(t *testing.T) {
	catalogue, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	expired := catalogue.Cause(catalogue.Find("account-expired"))
	for what, runs := range map[string]map[string]bool{
		"":         {"chage -E ": true, "chage -I ": false, "passwd alice": false, "chage -M ": false},
		"password": {"chage -E ": false, "chage -I ": true, "passwd alice": true, "chage -M ": true},
	} {
		var all strings.Builder
		for _, a := range expired.Steps(causes.English, with(map[sshwhy.Field]string{sshwhy.FieldUser: "alice", sshwhy.FieldWhat: what})) {
			all.WriteString(a.Run + "\n")
		}
		for run, want := range runs {
			if got := strings.Contains(all.String(), run); got != want {
				t.Errorf("of %q, %q: %v, want %v", what, run, got, want)
			}
		}
	}
}

// TestCommandWithArguments looks at the program of AuthorizedKeysCommand alone:
// sshd names it with its arguments.
func TestCommandWithArguments(t *testing.T) {
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"/etc/ssh/akc", "/etc/ssh/akc frank1", "/etc/ssh/akc -u 'frank o'\\''x' %t"} {
		looked := false
		for _, step := range c.Cause(c.Find("authorized-keys-command-failed")).Steps(causes.English, with(map[sshwhy.Field]string{sshwhy.FieldCommand: command})) {
			if !strings.HasPrefix(step.Run, "namei ") {
				continue
			}
			looked = true
			out, err := exec.Command("sh", "-c", `namei() { printf '%s\n' "$@"; }; `+step.Run).CombinedOutput()
			if err != nil || string(out) != "-l\n/etc/ssh/akc\n" {
				t.Errorf("%s: %s looks at %q (%v)", command, step.Run, out, err)
			}
		}
		if !looked {
			t.Errorf("%s: no step looks at the program", command)
		}
	}
}
