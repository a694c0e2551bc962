package sinks_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func items(bodies ...string) (list []ledger.Item) {
	for _, b := range bodies {
		list = append(list, ledger.Item{Body: []byte(b)})
	}
	return list
}

func openFile(t testing.TB, path string, o sinks.FileOptions) *sinks.File {
	t.Helper()
	f, err := sinks.OpenFile(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func sends(t testing.TB, d sinks.Deliverer, bodies ...string) {
	t.Helper()
	if s := d.Send(context.Background(), items(bodies...), nil); s.Done != len(bodies) || s.Err != nil {
		t.Fatalf("got %+v", s)
	}
}

// TestFileRotates: no file is longer than allowed, no line is cut or lost, and no
// more files are kept than asked for.
func TestFileRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	f := openFile(t, path, sinks.FileOptions{MaxBytes: 100, Keep: 3})
	var bodies []string
	for i := range 40 {
		bodies = append(bodies, fmt.Sprintf(`{"n":%d}`, i))
	}
	sends(t, f, bodies[:25]...)
	sends(t, f, bodies[25:]...)
	all := read(t, path+".3") + read(t, path+".2") + read(t, path+".1") + read(t, path)
	if want := strings.Join(bodies, "\n") + "\n"; !strings.HasSuffix(want, all) {
		t.Errorf("got %q", all)
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != 4 {
		t.Errorf("the files are %q", files)
	}
	for _, name := range files {
		if n := len(read(t, name)); n > 100 || n < 80 && name != path {
			t.Errorf("%s has %d bytes", name, n)
		}
	}
	sends(t, f, strings.Repeat("x", 500)) // longer than a file may be
	if n := len(read(t, path)); n != 501 {
		t.Errorf("a long line is in a file of %d bytes", n)
	}
}

// TestFileReopens: another program renames the file and says so.
func TestFileReopens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	f := openFile(t, path, sinks.FileOptions{})
	sends(t, f, "1")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	sends(t, f, "2")
	f.Reopen()
	sends(t, f, "3")
	if old, now := read(t, path+".old"), read(t, path); old != "1\n2\n" || now != "3\n" {
		t.Errorf("got %q and %q", old, now)
	}
}

// TestFileMendsItsEnd: half a line of ours is removed, anything else ended.
func TestFileMendsItsEnd(t *testing.T) {
	for before, want := range map[string]string{
		"":                       "{}\n",
		"{\"a\":1}\n":            "{\"a\":1}\n{}\n",
		"{\"a\":1}\n{\"b":        "{\"a\":1}\n{}\n",
		"{\"only":                "{}\n",
		"a note":                 "a note\n{}\n",
		"a\nnote":                "a\nnote\n{}\n",
		strings.Repeat("{", 1e5): "{}\n",
	} {
		path := filepath.Join(t.TempDir(), "out.jsonl")
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		sends(t, openFile(t, path, sinks.FileOptions{}), "{}")
		if got := read(t, path); got != want {
			t.Errorf("%.20q became %.40q", before, got)
		}
	}
}

// TestFileCutShort: another program empties the file; nothing of ours is lost,
// and no hole appears.
func TestFileCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	f := openFile(t, path, sinks.FileOptions{MaxBytes: 1000})
	sends(t, f, "1", "2")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	sends(t, f, "3")
	if got := read(t, path); got != "3\n" {
		t.Errorf("got %q", got)
	}
}

func TestFileCannotBeWritten(t *testing.T) {
	if _, err := sinks.OpenFile(t.TempDir(), sinks.FileOptions{}); err == nil {
		t.Error("a directory gives no error")
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("has no /dev/full")
	}
	s := openFile(t, "/dev/full", sinks.FileOptions{}).Send(context.Background(), items("1"), nil)
	if s.Done != 0 || s.Err == nil || !strings.Contains(s.Err.Error(), "no space left") {
		t.Errorf("got %+v", s)
	}
}

// half is a writer that takes so many bytes.
type half struct {
	took strings.Builder
	room int
}

func (h *half) Write(b []byte) (int, error) {
	n := min(h.room, len(b))
	h.room -= n
	h.took.Write(b[:n])
	if n < len(b) {
		return n, os.ErrClosed
	}
	return n, nil
}

func TestLines(t *testing.T) {
	h := &half{room: 10}
	l := sinks.NewLines(h)
	sends(t, l, "one", "two")
	if s := l.Send(context.Background(), items("3", "four"), nil); s.Done != 1 || s.Err == nil || h.took.String() != "one\ntwo\n3\n" {
		t.Errorf("got %+v after %q", s, h.took.String())
	}
}
