package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sshwhy": main})
}

// TestScript runs the transcripts of testdata/script: each tells one behaviour
// of the program as a user meets it.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "UTC")
			e.Setenv("LC_ALL", "C")
			e.Setenv("ESC", "\x1b")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"bytes": writeBytes,
			"lines": countLines,
		},
	})
}

// writeBytes is "bytes FILE TEXT…": it writes texts with Go's escapes to a
// file; *N repeats the text before it.
func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: bytes FILE TEXT…")
	}
	var parts []string
	for _, arg := range args[1:] {
		if n, ok := strings.CutPrefix(arg, "*"); ok && len(parts) > 0 {
			times, err := strconv.Atoi(n)
			ts.Check(err)
			parts[len(parts)-1] = strings.Repeat(parts[len(parts)-1], times)
			continue
		}
		text, err := strconv.Unquote(`"` + arg + `"`)
		ts.Check(err)
		parts = append(parts, text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(parts, "")), 0o644))
}

// countLines is "lines N FILE": the file, or stdout, has that many lines.
func countLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines N FILE")
	}
	if got := strings.Count(ts.ReadFile(args[1]), "\n"); strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s has %d lines, not %s", args[1], got, args[0])
	}
}

// TestReadmeShowsRealOutput holds the README to what the demo prints.
func TestReadmeShowsRealOutput(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```console\n$ sshwhy replay --tz UTC testdata/demo/auth.log\n")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README shows no output of the demo")
	}
	var out, errs bytes.Buffer
	args := []string{"replay", "--lang", "en", "--tz", "UTC", "../../testdata/demo/auth.log"}
	if err := run(t.Context(), args, streams{strings.NewReader(""), &out, &errs}); err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	for piece := range strings.SplitSeq(shown, "…\n") {
		if !strings.Contains(out.String(), piece) {
			t.Errorf("the demo does not print\n%s", piece)
		}
	}
}
