package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"

	"github.com/sshwhy/sshwhy/config"
)

// TestConfine asks the kernel: this program starts itself, confines itself to a
// configuration, and tries what it may and what it may not.
func TestConfine(t *testing.T) {
	if dir := os.Getenv("SSHWHY_CONFINED"); dir != "" {
		confined(t, dir)
		return
	}
	if v, err := ll.LandlockGetABIVersion(); err != nil || v < 3 { // 3 has truncation
		t.Skipf("this kernel has Landlock %d: %v", v, err)
	}
	dir := t.TempDir()
	for _, sub := range []string{"etc", "secrets", "log", "state", "run", "out", "private"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"etc/sshwhy.yaml", "secrets/url", "log/auth.log", "log/auth.log.1", "private/key", "state/ledger"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("text\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestConfine$", "-test.v")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOCOVERDIR=") }), "SSHWHY_CONFINED="+dir)
	// Its exit code does not count: TestMain cleans up where it no longer may.
	out, err := cmd.CombinedOutput()
	if !bytes.Contains(out, []byte("tried everything")) || !bytes.Contains(out, []byte("--- PASS: TestConfine")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// confined is the program that was started.
func confined(t *testing.T, dir string) {
	c := &config.Config{
		State: filepath.Join(dir, "state"), Runtime: filepath.Join(dir, "run"),
		Sources: []config.Source{{Path: filepath.Join(dir, "log", "auth.log")}},
		Sinks:   []config.Sink{{Path: filepath.Join(dir, "out", "findings.jsonl"), URLFile: filepath.Join(dir, "secrets", "url")}},
	}
	if _, err := confine(reachOf(c, filepath.Join(dir, "etc", "sshwhy.yaml"), "")); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		what, name string
		do         func(string) error
		works      bool
	}{
		{"read", "log/auth.log", read, true},
		{"read", "log/auth.log.1", read, true},
		{"list", "log", list, true},
		{"read", "etc/sshwhy.yaml", read, true},
		{"read", "secrets/url", read, true},
		{"write", "state/ledger", write, true},
		{"write", "state/new", write, true},
		{"write", "run/control.sock", write, true},
		{"write", "out/findings.jsonl", write, true},
		{"put aside", "out/findings.jsonl", putAside, true},
		{"remove", "state/new", os.Remove, true},
		{"read", "private/key", read, false},
		{"list", "private", list, false},
		{"write", "private/key", write, false},
		{"write", "log/auth.log", write, false},
		{"write", "log/new", write, false},
		{"remove", "log/auth.log", os.Remove, false},
		{"write", "etc/sshwhy.yaml", write, false},
		{"write", "secrets/url", write, false},
		{"read", "/etc/shadow", read, false},
		{"run", "/bin/true", start, false},
		{"run", "/proc/self/exe", start, false},
	} {
		name := x.name
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if err := x.do(name); (err == nil) != x.works {
			t.Errorf("%s %s: %v, and it should work: %v", x.what, x.name, err, x.works)
		}
	}
	fmt.Println("tried everything")
}

func read(name string) error {
	_, err := os.ReadFile(name)
	return err
}

func list(name string) error {
	_, err := os.ReadDir(name)
	return err
}

func write(name string) error { return os.WriteFile(name, []byte("x"), 0o600) }

func putAside(name string) error { return os.Rename(name, name+".1") }

func start(name string) error { return exec.Command(name, "-test.run=^$").Run() }

// TestReachBeyond: a reload may move within what was open, and no farther.
func TestReachBeyond(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"log/remote", "state", "elsewhere"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	with := func(paths ...string) *reach {
		c := &config.Config{State: filepath.Join(dir, "state"), Runtime: filepath.Join(dir, "state")}
		for _, p := range paths {
			c.Sources = append(c.Sources, config.Source{Path: filepath.Join(dir, p)})
		}
		return reachOf(c, filepath.Join(dir, "state", "sshwhy.yaml"), "")
	}
	for _, x := range []struct {
		name  string
		then  []string
		wants []string
	}{
		{"the same", []string{"log/auth.log"}, nil},
		{"another file of the directory", []string{"log/secure"}, nil},
		{"a glob below it", []string{"log/remote/*/auth.log"}, nil},
		{"another directory", []string{"log/auth.log", "elsewhere/auth.log"}, []string{"elsewhere"}},
		{"a directory above", []string{"auth.log"}, []string{"."}},
	} {
		var got []string
		for _, p := range with("log/auth.log").beyond(with(x.then...)) {
			rel, err := filepath.Rel(dir, p)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel)
		}
		if !slices.Equal(got, x.wants) {
			t.Errorf("%s: beyond is %q, want %q", x.name, got, x.wants)
		}
	}
}
