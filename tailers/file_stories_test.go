//go:build unix

package tailers

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/sshwhy/sshwhy"
	"github.com/ulikunitz/xz"
)

// compress puts the compressed form in a file's place, as rotation does.
func (d testFolder) compress(name, ending string) {
	d.t.Helper()
	text, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	var b bytes.Buffer
	var w io.WriteCloser
	switch ending {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".xz":
		w, err = xz.NewWriter(&b)
	case ".zst":
		w, err = zstd.NewWriter(&b)
	}
	if err == nil {
		_, err = w.Write(text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		d.t.Fatal(err)
	}
	info, err := os.Stat(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(name+ending, b.String())
	if err := os.Chtimes(d.path(name+ending), time.Time{}, info.ModTime()); err != nil {
		d.t.Fatal(err)
	}
	d.remove(name)
}

// copyTruncate does what logrotate does with this option.
func (d testFolder) copyTruncate(name, to string) {
	d.t.Helper()
	text, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(to, string(text))
	if err := os.Truncate(d.path(name), 0); err != nil {
		d.t.Fatal(err)
	}
}

// TestFileResumes plays what happens while the program is stopped: it has
// read lines 1 and 2 of auth.log and is started again at the end.
func TestFileResumes(t *testing.T) {
	next := func(d testFolder, text string) { d.write("auth.log", text) }
	for _, c := range []struct {
		name   string
		happen func(testFolder)
		want   string
		notice string
	}{
		{"nothing", func(d testFolder) {}, "", ""},
		{"more lines", func(d testFolder) { next(d, "3\n4\n") }, "3 4", ""},
		{"renamed", func(d testFolder) { next(d, "3\n"); d.rename("auth.log", "auth.log.1"); next(d, "4\n") }, "3 4", ""},
		{"renamed, and nothing came since", func(d testFolder) { next(d, "3\n"); d.rename("auth.log", "auth.log.1") }, "3", ""},
		{"renamed twice", func(d testFolder) {
			next(d, "3\n")
			d.rename("auth.log", "auth.log.1")
			next(d, "4\n")
			d.rename("auth.log.1", "auth.log.2")
			d.rename("auth.log", "auth.log.1")
			next(d, "5\n")
		}, "3 4 5", ""},
		{"renamed by date three times", func(d testFolder) {
			next(d, "3\n")
			d.rename("auth.log", "auth.log-20261120")
			next(d, "4\n")
			d.rename("auth.log", "auth.log-20261121")
			next(d, "5\n")
			d.rename("auth.log", "auth.log-20261122")
			next(d, "6\n")
		}, "3 4 5 6", ""},
		{"compressed with gzip", func(d testFolder) {
			next(d, "3\n")
			d.rename("auth.log", "auth.log.1")
			d.compress("auth.log.1", ".gz")
			next(d, "4\n")
		}, "3 4", ""},
		{"three rotations, the older compressed with xz and zstd", func(d testFolder) {
			next(d, "3\n")
			d.rename("auth.log", "auth.log.3")
			d.compress("auth.log.3", ".xz")
			next(d, "4\n5\n")
			d.rename("auth.log", "auth.log.2")
			d.compress("auth.log.2", ".zst")
			next(d, "6\n")
			d.rename("auth.log", "auth.log.1")
			next(d, "7\n")
		}, "3 4 5 6 7", ""},
		{"copied and truncated", func(d testFolder) { next(d, "3\n"); d.copyTruncate("auth.log", "auth.log.1"); next(d, "4\n") }, "3 4", ""},
		{"copied and truncated, and written beyond the old end", func(d testFolder) {
			next(d, "3\n")
			d.copyTruncate("auth.log", "auth.log.1")
			next(d, "four\nfive\nsix\nseven\n")
		}, "3 four five six seven", ""},
		{"deleted", func(d testFolder) { next(d, "3\n"); d.remove("auth.log"); next(d, "4\n") }, "4", "lines-lost"},
		{"truncated", func(d testFolder) {
			if err := os.Truncate(d.path("auth.log"), 0); err != nil {
				d.t.Fatal(err)
			}
			next(d, "4\n")
		}, "4", "lines-lost"},
		{"a sibling that is not of rotation", func(d testFolder) { d.write("auth.log.anonymised", "x\n"); d.write("auth.log.bak", "y\n") }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newTestFolder(t)
			d.write("auth.log.7", "very old\n")
			d.compress("auth.log.7", ".gz")
			d.write("auth.log.2", "older\n")
			d.write("auth.log", "0\n")
			past := time.Now().Add(-time.Hour)
			for _, old := range []string{"auth.log.7.gz", "auth.log.2"} {
				if err := os.Chtimes(d.path(old), past, past); err != nil {
					t.Fatal(err)
				}
			}
			first := startFile(t, NewFile(d.path("auth.log"), FileOptions{})).ready()
			d.write("auth.log", "1\n2\n")
			first.want("1", "2")
			first.stop()
			if _, err := os.Stat(d.path("auth.log.2")); err == nil && strings.Contains(c.name, "compressed") || strings.Contains(c.name, "twice") {
				d.rename("auth.log.2", "auth.log.5")
			}
			c.happen(d)
			again := startFile(t, NewFile(d.path("auth.log"), FileOptions{Resume: first.resume}))
			d.end(again)
			again.want(append(strings.Fields(c.want), "end")...)
			switch {
			case c.notice != "":
				again.noticed(c.notice)
			case len(again.notices) > 0:
				t.Errorf("notices: %v", again.notices)
			}
			if len(again.errors) > 0 {
				t.Errorf("errors: %v", again.errors)
			}
			// And once more: nothing is given again.
			again.stop()
			last := startFile(t, NewFile(d.path("auth.log"), FileOptions{Resume: again.resume}))
			d.write("auth.log", "last\n")
			last.want("last")
		})
	}
}

// end appends a last line once the reader waits.
func (d testFolder) end(r *fileReader) {
	d.t.Helper()
	r.ready()
	d.write("auth.log", "end\n")
}

// TestFileResumesAnew holds that a file that appears while the program is
// stopped is read from its first line, and that one that was there before
// anything was followed is not.
func TestFileResumesAnew(t *testing.T) {
	d := newTestFolder(t)
	first := startFile(t, NewFile(d.path("auth.log"), FileOptions{}))
	first.until("the first tick", func() bool { return first.ticks > 0 })
	first.stop()
	d.write("auth.log", "1\n2\n")
	again := startFile(t, NewFile(d.path("auth.log"), FileOptions{Resume: first.resume}))
	again.want("1", "2")
}

// TestFileResumesLongFiles rotates a file that takes more than one turn to read
// while the program is stopped. It is not let go of before it was read to its
// end, however long ago it was written.
func TestFileResumesLongFiles(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		t.Run(fmt.Sprintf("compressed %v", compressed), func(t *testing.T) {
			d := newTestFolder(t)
			d.write("auth.log", "1\n")
			first := startFile(t, NewFile(d.path("auth.log"), FileOptions{FromStart: true}))
			first.want("1")
			first.stop()
			want := slices.Repeat([]string{strings.Repeat("x", 999)}, 2*turnSize/1000)
			d.write("auth.log", strings.Join(want, "\n")+"\n")
			d.rename("auth.log", "auth.log.1")
			if compressed {
				d.compress("auth.log.1", ".gz")
			}
			d.write("auth.log", "end\n")
			d.touch(".", time.Hour) // nothing asks for another look at the siblings
			f := NewFile(d.path("auth.log"), FileOptions{Resume: first.resume})
			f.limits.keep = time.Nanosecond
			again := startFile(t, f)
			again.until("the end", func() bool { return slices.Contains(again.texts, "end") })
			again.stop()
			if want = append(want, "end"); !slices.Equal(again.texts, want) {
				t.Errorf("got %d lines, want %d", len(again.texts), len(want))
			}
			if len(again.notices) > 0 {
				t.Errorf("notices: %v", again.notices)
			}
		})
	}
}

// TestFileResumesLongAfter holds that a writer is not complained about that wrote
// its last line long before we came.
func TestFileResumesLongAfter(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "1\n")
	d.touch("auth.log", 2*time.Hour)
	first := startFile(t, NewFile(d.path("auth.log"), FileOptions{FromStart: true}))
	first.want("1")
	first.stop()
	d.write("auth.log", "2\n")
	d.touch("auth.log", time.Hour)
	d.rename("auth.log", "auth.log.1")
	d.write("auth.log", "")
	again := startFile(t, NewFile(d.path("auth.log"), FileOptions{Resume: first.resume})).ready()
	again.want("2")
	d.end(again)
	again.want("2", "end")
	if len(again.notices) > 0 {
		t.Errorf("notices: %v", again.notices)
	}
}

func TestFileCopyTruncate(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "old\n")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{})).ready()
	d.write("auth.log", "1\n")
	r.want("1")
	d.write("auth.log", "2\n")
	d.copyTruncate("auth.log", "auth.log.1")
	d.write("auth.log", "3 is longer than all that was there before\n")
	r.want("1", "2", "3 is longer than all that was there before")
	d.copyTruncate("auth.log", "auth.log.2")
	d.write("auth.log", "4\n")
	r.want("1", "2", "3 is longer than all that was there before", "4")
}

// TestFileHole truncates under a writer that goes on where it was.
func TestFileHole(t *testing.T) {
	d := newTestFolder(t)
	w, err := os.Create(d.path("auth.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	write := func(text string) {
		if _, err := w.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Repeat("old\n", 100_000))
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{})).ready()
	write("1\n")
	r.want("1")
	d.copyTruncate("auth.log", "auth.log.1")
	write("2\n")
	r.want("1", "2")
	write("3\n")
	r.want("1", "2", "3")
	r.stop()
	write("4\n")
	again := startFile(t, NewFile(d.path("auth.log"), FileOptions{Resume: r.resume}))
	again.want("4")
}

func TestFileHalfLines(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "")
	f := NewFile(d.path("auth.log"), FileOptions{})
	f.limits.half = 300 * time.Millisecond
	r := startFile(t, f).ready()
	d.write("auth.log", "a")
	time.Sleep(20 * time.Millisecond)
	d.write("auth.log", "b")
	time.Sleep(20 * time.Millisecond)
	d.write("auth.log", "c\nd")
	r.want("abc")
	r.want("abc", "d") // its end did not come
	d.write("auth.log", "e\n")
	r.want("abc", "d", "e")
	d.write("auth.log", "f")
	d.rename("auth.log", "auth.log.1")
	d.write("auth.log", "")
	d.write("auth.log.1", "g\n")
	d.write("auth.log", "h\n")
	r.want("abc", "d", "e", "fg", "h")
}

func TestFileEndlessLine(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{})).ready()
	block := strings.Repeat("x", 1<<20)
	for range 40 {
		d.write("auth.log", block)
	}
	d.write("auth.log", "\nz\n")
	r.want(block[:sshwhy.MaxLine], "z")
}

func TestFileSymlink(t *testing.T) {
	d := newTestFolder(t)
	d.write("one.log", "old\n")
	link := func(to string) {
		if err := os.Symlink(to, d.path("new")); err != nil {
			t.Fatal(err)
		}
		d.rename("new", "auth.log")
	}
	link("one.log")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{})).ready()
	d.write("one.log", "1\n")
	r.want("1")
	d.write("two.log", "2\n")
	link("two.log")
	r.want("1", "2")
	d.write("one.log", "3\n")
	d.write("two.log", "4\n")
	r.until("4 lines", func() bool { return len(r.texts) == 4 })
	d.rename("two.log", "two.log.1") // rotated where the link leads
	d.write("two.log", "5\n")
	r.until("5 lines", func() bool { return len(r.texts) == 5 })
}

func TestFileGlob(t *testing.T) {
	d := newTestFolder(t)
	folder := func(name string) {
		if err := os.Mkdir(d.path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	folder("a")
	d.write("a/auth.log", "old\n")
	r := startFile(t, NewFile(d.path("*/auth.log"), FileOptions{})).ready()
	d.write("a/auth.log", "1\n")
	r.want("1")
	folder("b")
	d.write("b/auth.log", "2\n")
	r.want("1", "2")
	d.rename("b/auth.log", "b/auth.log.1")
	d.write("b/auth.log", "3\n")
	r.want("1", "2", "3")
	r.stop()
	d.write("b/auth.log", "4\n")
	folder("c")
	d.write("c/auth.log", "5\n")
	again := startFile(t, NewFile(d.path("*/auth.log"), FileOptions{Resume: r.resume}))
	again.want("4", "5")
}

func TestFileSince(t *testing.T) {
	at := func(line []byte) (time.Time, bool) {
		stamp, err := time.Parse("2006-01-02T15:04", string(line[:min(16, len(line))]))
		return stamp, err == nil
	}
	since := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var many strings.Builder
	for stamp := since.Add(-200 * time.Hour); stamp.Before(since); stamp = stamp.Add(time.Minute) {
		many.WriteString(stamp.Format("2006-01-02T15:04") + " before, and a line without a time:\n  " + strings.Repeat("x", 100) + "\n")
	}
	d := newTestFolder(t)
	d.write("auth.log.3", many.String())
	d.compress("auth.log.3", ".gz")
	past := since.Add(-time.Hour)
	if err := os.Chtimes(d.path("auth.log.3.gz"), past, past); err != nil {
		t.Fatal(err)
	}
	d.write("auth.log.2", many.String()+"2026-11-22T10:00 1\n2026-11-22T10:30 2\n")
	d.compress("auth.log.2", ".gz")
	d.write("auth.log.1", many.String()+"2026-11-22T11:00 3\n")
	d.write("auth.log", "2026-11-22T11:30 4\n2026-11-22T11:31 5\n")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{Since: since, Time: at}))
	r.want("2026-11-22T10:00 1", "2026-11-22T10:30 2", "2026-11-22T11:00 3", "2026-11-22T11:30 4", "2026-11-22T11:31 5")
}

func TestFileNotAFile(t *testing.T) {
	d := newTestFolder(t)
	if err := syscall.Mkfifo(d.path("pipe"), 0o600); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{d.path("pipe"), d.dir, os.DevNull} {
		r := startFile(t, NewFile(path, FileOptions{}))
		<-r.done
		if len(r.notices) != 1 || r.notices[0].Code != "not-a-file" || r.notices[0].Hint == "" {
			t.Errorf("%s: got %v, want one notice with a hint", path, r.notices)
		}
	}
	// Later it is a notice, and what comes after it is followed.
	d.write("auth.log", "old\n")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{})).ready()
	d.rename("auth.log", "auth.log.1")
	d.rename("pipe", "auth.log")
	r.noticed("not-a-file")
	d.remove("auth.log")
	d.write("auth.log", "1\n")
	r.want("1")
}

// TestFileNotReopened rotates a file whose writer does not notice.
func TestFileNotReopened(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "")
	f := NewFile(d.path("auth.log"), FileOptions{})
	f.limits.stale = 100 * time.Millisecond
	r := startFile(t, f).ready()
	d.rename("auth.log", "auth.log.1")
	d.write("auth.log", "")
	for i := 0; i < 30; i++ {
		time.Sleep(10 * time.Millisecond)
		d.write("auth.log.1", "x\n")
	}
	r.noticed("not-reopened")
	r.until("30 lines", func() bool { return len(r.texts) == 30 })
	if len(r.notices) != 1 {
		t.Errorf("notices: %v", r.notices)
	}
}

// TestFileForgets holds that an old generation is let go of, that the ledger
// may then forget it, and that what comes to it even later is not lost.
func TestFileForgets(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "0\n")
	f := NewFile(d.path("auth.log"), FileOptions{})
	f.limits.keep = 50 * time.Millisecond
	r := startFile(t, f).ready()
	d.write("auth.log", "1\n")
	d.rename("auth.log", "auth.log.1")
	d.write("auth.log", "2\n")
	r.want("1", "2")
	r.until("one place", func() bool { return len(r.places) == 2 }) // and that of the start
	d.write("auth.log.1", "3\n")
	d.rename("auth.log.1", "auth.log.2")
	r.want("1", "2", "3")
}

// TestFileFirstTick holds that what is written after the first tick is read:
// the tick says that reading has begun, and the ledger then knows where.
func TestFileFirstTick(t *testing.T) {
	for _, pattern := range []string{"auth.log", "*.log"} {
		t.Run(pattern, func(t *testing.T) {
			d := newTestFolder(t)
			d.write("auth.log", "old\n")
			ctx, stop := contextOf(t)
			var first sshwhy.Place
			var got []string
			for r, err := range NewFile(d.path(pattern), FileOptions{}).Records(ctx) {
				switch {
				case err != nil:
					t.Fatal(err)
				case r.Tick && first.Stream == "":
					first = r.Place
					d.write("auth.log", "new\n")
				case !r.Tick:
					got = append(got, string(r.Text))
					stop()
				}
			}
			if !slices.Equal(got, []string{"new"}) || first.Stream != d.path("auth.log") || first.Offset != int64(len("old\n")) {
				t.Errorf("got %q, and the place %s %d first", got, first.Stream, first.Offset)
			}
		})
	}
}

// TestFileSilence tells that nothing comes any more.
func TestFileSilence(t *testing.T) {
	var s silence
	s.last = time.Now().Add(-2 * time.Hour)
	if s.unusual(time.Now()) {
		t.Error("a silence was told of though nothing is known of what is usual")
	}
	s.heardOf, s.longest = leastSeen, 10*time.Minute
	if !s.unusual(time.Now()) {
		t.Error("two hours of silence were not told of")
	}
	if s.unusual(time.Now()) {
		t.Error("the silence was told of twice")
	}
	s.heard()
	if s.unusual(time.Now()) {
		t.Error("a silence was told of right after something came")
	}
	if s.longest < 2*time.Hour {
		t.Errorf("the longest pause is %v", s.longest)
	}
}

// TestFileUnreadable takes the right to read away and gives it back.
func TestFileUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	d := newTestFolder(t)
	d.write("auth.log", "old\n")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{})).ready()
	d.write("new", "1\n")
	if err := os.Chmod(d.path("new"), 0); err != nil {
		t.Fatal(err)
	}
	d.rename("auth.log", "auth.log.1")
	d.rename("new", "auth.log")
	r.noticed("unreadable")
	if err := os.Chmod(d.path("auth.log"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.want("1")
}

// TestAsAnybody runs the tests that root cannot: as nobody.
func TestAsAnybody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("is for root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := newTestFolder(t)
	program := d.path("test")
	if out, err := exec.Command("cp", self, program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, dir := range []string{d.dir, d.path("..")} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "-test.run=^TestFileUnreadable$", "-test.v")
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+d.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFileUnreadable")) {
		t.Errorf("%v\n%s", err, out)
	}
}
