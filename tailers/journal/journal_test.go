package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sshwhy/sshwhy"
)

// fake is a journal in a folder: a file in the export format, and what goes
// wrong with the child that reads it, one fault for each start. The child is
// this test binary (TestFakeChild).
type fake struct {
	*testing.T
	folder string
}

const fakeVariable = "SSHWHY_FAKE_JOURNAL"

// fakeSeries and fakeBoot are IDs as journald makes them.
const (
	fakeSeries = "39bad203f78a4151a77dec0dc15fd722"
	fakeBoot   = "6e3cc7ae85b94588bfa21a7bc3d37621"
	fakeStart  = 1795361571000000 // µs
)

// fakeEntry writes entry n. Three in a row have the same time.
func fakeEntry(n int, series string) string {
	stamp := fakeStart + n/3
	return fmt.Sprintf("__CURSOR=s=%s;i=%x;b=%s;m=%x;t=%x;x=%x\n__REALTIME_TIMESTAMP=%d\nSYSLOG_IDENTIFIER=sshd\n_PID=7\nMESSAGE=line %d\n\n",
		series, n+1, fakeBoot, n, stamp, n, stamp, n)
}

func newFake(t *testing.T, entries int, faults ...string) *fake {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no journal on Windows, nor pipes with deadlines")
	}
	j := &fake{t, t.TempDir()}
	var text strings.Builder
	for n := range entries {
		text.WriteString(fakeEntry(n, fakeSeries))
	}
	j.put("journal", text.String())
	j.put("faults", strings.Join(faults, "\n"))
	t.Setenv(fakeVariable, j.folder)
	return j
}

func (j *fake) put(name, text string) {
	j.Helper()
	if err := os.WriteFile(filepath.Join(j.folder, name), []byte(text), 0o600); err != nil {
		j.Fatal(err)
	}
}

// starts gives the command lines of the children that were started.
func (j *fake) starts() []string {
	text, _ := os.ReadFile(filepath.Join(j.folder, "starts"))
	return slices.Collect(strings.Lines(string(text)))
}

// read follows the journal until want records have come, and a moment longer.
func (j *fake) read(o Options, want int) (lines []string, last sshwhy.Place, troubles []error) {
	j.Helper()
	defer goleak.VerifyNone(j.T, goleak.IgnoreCurrent()) // the library of the file tests keeps two for ever
	if o.Commands == nil {
		o.Commands = [][]string{{os.Args[0], "-test.run=^TestFakeChild$", "--"}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for r, err := range New(o).Records(ctx) {
		switch {
		case err != nil:
			troubles = append(troubles, err)
		case r.Tick:
			if r.Place.Stream != "" {
				last = sshwhy.Place{Stream: r.Place.Stream, Mark: slices.Clone(r.Place.Mark)}
			}
			if len(lines) >= want {
				time.AfterFunc(50*time.Millisecond, cancel)
			}
		default:
			lines = append(lines, string(r.Text))
			last = sshwhy.Place{Stream: r.Place.Stream, Mark: slices.Clone(r.Place.Mark)}
		}
	}
	if ctx.Err() == context.DeadlineExceeded {
		j.Errorf("only %d of %d records came; the children were\n%s", len(lines), want, strings.Join(j.starts(), ""))
	}
	return lines, last, troubles
}

func numbered(from, to int) (lines []string) {
	for n := from; n < to; n++ {
		lines = append(lines, fmt.Sprint("line ", n))
	}
	return lines
}

// TestFakeChild is the child: it does as journalctl does, up to its fault.
func TestFakeChild(t *testing.T) {
	folder := os.Getenv(fakeVariable)
	args := os.Args[slices.Index(os.Args, "--")+1:]
	if folder == "" || len(args) == len(os.Args) {
		t.Skip("is the child of other tests")
	}
	os.Exit(fakeChild(folder, args, os.Stdout))
}

func fakeChild(folder string, args []string, out io.Writer) int {
	starts := filepath.Join(folder, "starts")
	before, _ := os.ReadFile(starts)
	os.WriteFile(starts, append(before, strings.Join(args, " ")+"\n"...), 0o600)
	text, _ := os.ReadFile(filepath.Join(folder, "faults"))
	fault, after := "", 1<<30
	if faults := strings.Split(string(text), "\n"); bytes.Count(before, []byte("\n")) < len(faults) {
		fmt.Sscan(faults[bytes.Count(before, []byte("\n"))], &fault, &after)
	}
	cursor, since, follow := "", int64(0), false
	for _, arg := range args {
		if c, ok := strings.CutPrefix(arg, "--cursor="); ok {
			cursor = c
		}
		if s, ok := strings.CutPrefix(arg, "--since="); ok {
			at, _ := time.Parse(timeLayout, s)
			since = at.UnixMicro()
		}
		follow = follow || arg == "--follow"
	}
	if fault == "no-cursors" && cursor != "" {
		fmt.Fprintln(os.Stderr, "Failed to seek to cursor: Invalid argument")
		return 1
	}
	journal, _ := os.ReadFile(filepath.Join(folder, "journal"))
	found, written := cursor == "", 0
	for entry := range strings.SplitAfterSeq(string(journal), "\n\n") {
		var stamp int64
		if at := strings.Index(entry, "TIMESTAMP="); at >= 0 {
			fmt.Sscan(entry[at+len("TIMESTAMP="):], &stamp)
		}
		found = found || strings.HasPrefix(entry, "__CURSOR="+cursor+"\n")
		if entry == "" || !found || stamp < since {
			continue
		}
		if fault == "misses" && written >= after {
			fault = ""
			continue
		}
		if written == after {
			if code := fakeFault(fault, entry, out); code >= 0 {
				return code
			}
		}
		io.WriteString(out, entry)
		written++
	}
	if fault == "unavailable" {
		return ExitNoReader
	}
	if follow {
		io.WriteString(out, "\n") // a sign of life
		time.Sleep(time.Hour)
	}
	return 0
}

// fakeFault does what goes wrong before an entry.
func fakeFault(fault, entry string, out io.Writer) int {
	switch fault {
	case "ends":
		return 0
	case "fails":
		fmt.Fprintln(os.Stderr, "Failed to iterate through journal: Bad message")
		return 1
	case "killed":
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		time.Sleep(time.Hour)
	case "half":
		io.WriteString(out, entry[:len(entry)-4])
		return 1
	case "rubbish":
		io.WriteString(out, "\x00\x01 rubbish\n")
		time.Sleep(time.Hour)
	case "cursorless":
		io.WriteString(out, "MESSAGE=line 1000\n\n")
		time.Sleep(time.Hour)
	case "hangs":
		time.Sleep(time.Hour)
	}
	return -1
}

// TestChildFails: whatever becomes of the children, every entry comes once, and
// nothing is left behind.
func TestChildFails(t *testing.T) {
	for _, c := range []struct {
		story  string
		faults []string
	}{
		{"nothing", nil},
		{"it ends", []string{"ends 5", "ends 1", "ends 2"}},
		{"it fails", []string{"fails 5", "fails 1", "fails 3"}},
		{"it is killed", []string{"killed 7", "killed 7", "killed 1"}},
		{"it is killed before it wrote anything", []string{"killed 0", "killed 0", "killed 0", "killed 0", "killed 0"}},
		{"it is killed while it writes", []string{"half 5", "half 1", "half 2"}},
		{"it writes rubbish and stays", []string{"rubbish 4", "rubbish 0", "rubbish 3"}},
		{"it writes an entry without a cursor", []string{"cursorless 4"}},
		{"it hangs", []string{"hangs 4", "hangs 0", "hangs 2"}},
		{"it understands no cursor", []string{"fails 5", "no-cursors", "no-cursors", "no-cursors", "no-cursors"}},
		{"one after the other", []string{"fails 4", "hangs 3", "rubbish 2", "half 3", "killed 2", "ends 2"}},
	} {
		t.Run(c.story, func(t *testing.T) {
			j := newFake(t, 20, c.faults...)
			lines, _, troubles := j.read(Options{Follow: true, FromStart: true, Patience: 50 * time.Millisecond}, 20)
			if want := numbered(0, 20); !slices.Equal(lines, want) {
				t.Errorf("got %q; the children were\n%s", lines, strings.Join(j.starts(), ""))
			}
			if len(troubles) > 1 {
				t.Errorf("said %d times: %v", len(troubles), troubles)
			}
			for _, err := range troubles {
				var notice *sshwhy.Notice
				if !errors.As(err, &notice) || notice.Code != "journal-interrupted" {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestResumes: from each place the rest comes, with its cursor, with the time
// alone, and in a journal that was begun anew.
func TestResumes(t *testing.T) {
	j := newFake(t, 12)
	for n := range 12 {
		cursor := strings.TrimPrefix(strings.SplitN(fakeEntry(n, fakeSeries), "\n", 2)[0], "__CURSOR=")
		for name, mark := range map[string]string{
			"whole":   fmt.Sprintf("%d %d %s", fakeStart+n/3, n%3+1, cursor),
			"time":    fmt.Sprintf("%d %d ", fakeStart+n/3, n%3+1),
			"damaged": fmt.Sprintf("%d %d s=12;i", fakeStart+n/3, n%3+1),
			// The number is believed where the series is known.
			"other time": fmt.Sprintf("%d %d %s", fakeStart-1, n%3+1, cursor),
		} {
			resume := func(stream string) []sshwhy.Place {
				if stream != "journal" {
					t.Errorf("asked for the stream %q", stream)
				}
				return []sshwhy.Place{{Stream: "journal", Mark: []byte(mark)}}
			}
			lines, _, troubles := j.read(Options{Follow: true, Resume: resume}, 11-n)
			if !slices.Equal(lines, numbered(n+1, 12)) || len(troubles) > 0 {
				t.Errorf("%s, behind line %d: got %q, %v", name, n, lines, troubles)
			}
		}
		if testing.Short() {
			break
		}
	}
}

// TestMissedEntry: what a child passed over comes when files of the journal
// came or went, once, and the place stays at the newest entry.
func TestMissedEntry(t *testing.T) {
	cursor := func(n int) string {
		return strings.TrimPrefix(strings.SplitN(fakeEntry(n, fakeSeries), "\n", 2)[0], "__CURSOR=")
	}
	for _, c := range []struct {
		story string
		mark  string // where to begin; empty for the start
		first int    // the line that follows it
	}{
		{"from the start", "", 0},
		{"from a cursor", fmt.Sprintf("%d 3 %s", fakeStart+1, cursor(5)), 6},
		{"from a time", fmt.Sprintf("%d 2 ", fakeStart+1), 5},
	} {
		t.Run(c.story, func(t *testing.T) {
			// A cursor is given again, and a time is in whole seconds.
			skipped := map[bool]int{true: 1, false: c.first}[strings.Contains(c.mark, "s=")]
			j := newFake(t, 20, fmt.Sprint("misses ", skipped+3))
			o := Options{Follow: true, FromStart: c.mark == "", Directory: t.TempDir()}
			if c.mark != "" {
				o.Resume = func(string) []sshwhy.Place { return []sshwhy.Place{{Mark: []byte(c.mark)}} }
			}
			all := numbered(c.first, 20)
			want := append(slices.Delete(slices.Clone(all), 3, 4), all[3])
			time.AfterFunc(100*time.Millisecond, func() {
				os.WriteFile(filepath.Join(o.Directory, "user-1000.journal"), nil, 0o600)
			})
			lines, last, troubles := j.read(o, len(want))
			if !slices.Equal(lines, want) || len(troubles) > 0 {
				t.Errorf("got %q, %v; the children were\n%s", lines, troubles, strings.Join(j.starts(), ""))
			}
			if at, ok := parsePlace(last.Mark); !ok || at.cursor != cursor(19) {
				t.Errorf("the place is %s", last.Mark)
			}
		})
	}
}

// TestEntriesSeen: whatever was read, in whatever order, is known, and nothing
// else.
func TestEntriesSeen(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		s := newEntriesSeen(place{cursor: fmt.Sprintf("s=%s;i=64;b=%s;t=1", fakeSeries, fakeBoot)}, time.Now(), nil)
		read := map[uint64]bool{}
		for range random.IntN(60) {
			c := cursor{series: fakeSeries, number: 101 + random.Uint64N(50)}
			s.add(&c)
			read[c.number] = true
		}
		for n := uint64(90); n < 160; n++ {
			if got, known := s.has(&cursor{series: fakeSeries, number: n}); !known || got != (n <= 100 || read[n]) {
				t.Fatalf("number %d: got %v, %v after %v", n, got, known, read)
			}
		}
		if _, known := s.has(&cursor{series: fakeBoot, number: 3}); known {
			t.Fatal("knows another series")
		}
		next := newEntriesSeen(place{}, time.Now(), s)
		if got, _ := next.has(&cursor{series: fakeSeries, number: s.series[fakeSeries].last()}); !got {
			t.Fatal("the next generation does not know what came before it")
		}
	}
}

// TestPlaceBeforeTheFirst: a run that saw nothing leaves a place all the same,
// and the next one gives what was written meanwhile.
func TestPlaceBeforeTheFirst(t *testing.T) {
	j := newFake(t, 12)
	since := time.UnixMicro(fakeStart + 4)
	_, last, _ := j.read(Options{Follow: true}, 0)
	if last.Stream != "journal" || len(last.Mark) == 0 {
		t.Fatalf("got %+v", last)
	}
	lines, _, _ := j.read(Options{Follow: true, Since: since}, 0)
	if len(lines) != 0 {
		t.Errorf("got %q", lines)
	}
	lines, last, _ = j.read(Options{Follow: true, Since: time.UnixMicro(fakeStart + 2)}, 6)
	if !slices.Equal(lines, numbered(6, 12)) {
		t.Errorf("got %q", lines)
	}
	var more strings.Builder
	for n := range 15 {
		more.WriteString(fakeEntry(n, fakeSeries))
	}
	j.put("journal", more.String())
	lines, _, _ = j.read(Options{Follow: true, Resume: func(string) []sshwhy.Place { return []sshwhy.Place{last} }}, 3)
	if !slices.Equal(lines, numbered(12, 15)) {
		t.Errorf("got %q", lines)
	}
}

// TestOtherReader: where one command cannot read, the next does.
func TestOtherReader(t *testing.T) {
	j := newFake(t, 3, "unavailable 0")
	self := []string{os.Args[0], "-test.run=^TestFakeChild$", "--"}
	lines, _, troubles := j.read(Options{Follow: true, FromStart: true, Commands: [][]string{{"/does/not/exist"}, self, self}}, 3)
	if want := numbered(0, 3); !slices.Equal(lines, want) && !slices.Equal(lines, append(want, want...)) || len(troubles) > 0 {
		t.Errorf("got %q, %v", lines, troubles)
	}
	lines, _, troubles = j.read(Options{Commands: [][]string{{"/does/not/exist"}}, Files: []string{"a.journal"}}, 1)
	if len(lines) != 0 || len(troubles) != 1 || !strings.Contains(troubles[0].Error(), "journalctl") {
		t.Errorf("got %q, %v", lines, troubles)
	}
}

// TestReadOnce: a journal that is not followed ends, and one that cannot be
// read is an error.
func TestReadOnce(t *testing.T) {
	j := newFake(t, 20, "killed 5", "half 3")
	lines, last, troubles := j.read(Options{}, 20)
	if !slices.Equal(lines, numbered(0, 20)) || len(troubles) > 0 || last.Stream != "" {
		t.Errorf("got %q, %+v, %v", lines, last, troubles)
	}
	j = newFake(t, 20, "fails 5", "fails 1", "fails 1", "fails 0", "fails 0", "fails 0")
	lines, _, troubles = j.read(Options{Files: []string{"x.journal"}}, 20)
	if !slices.Equal(lines, numbered(0, 5)) || len(troubles) != 1 {
		t.Errorf("got %q, %v", lines, troubles)
	}
}

// TestCommandLine holds what is asked of journalctl.
func TestCommandLine(t *testing.T) {
	cursor := strings.TrimPrefix(strings.SplitN(fakeEntry(0, fakeSeries), "\n", 2)[0], "__CURSOR=")
	for _, c := range []struct {
		o    Options
		from place
		want string
	}{
		{Options{}, place{}, "--output=export --quiet --no-pager"},
		{Options{Follow: true}, place{realtime: fakeStart}, "--output=export --quiet --no-pager --follow --no-tail --since=2026-11-22 15:32:51"},
		{Options{Follow: true}, place{realtime: fakeStart, same: 1, cursor: cursor}, "--output=export --quiet --no-pager --follow --no-tail --cursor=" + cursor},
		{Options{Directory: "/mnt/a b"}, place{}, "--output=export --quiet --no-pager --directory=/mnt/a b"},
		{Options{Files: []string{"-", "/x/[a]*.journal"}}, place{}, `--output=export --quiet --no-pager --file=./- --file=/x/\[a]\*.journal`},
	} {
		r := &reading{o: &c.o}
		got := r.arguments(&resumption{from: c.from, byTime: !c.from.seekable()})
		if text := strings.Join(got[:len(got)-len(matches())], " "); text != c.want {
			t.Errorf("got  %s\nwant %s", text, c.want)
		}
	}
}

// TestConcernsSSH: of what systemd and journald say, what is about sshd.
func TestConcernsSSH(t *testing.T) {
	for entry, want := range map[string]bool{
		"SYSLOG_IDENTIFIER=sshd\nMESSAGE=x":                                                                         true,
		"_COMM=sshd\nMESSAGE=x":                                                                                     true,
		"SYSLOG_IDENTIFIER=systemd\nUNIT=ssh.service\nMESSAGE=x":                                                    true,
		"SYSLOG_IDENTIFIER=systemd\nUNIT=sshd.socket\nMESSAGE=x":                                                    true,
		"SYSLOG_IDENTIFIER=systemd\nUNIT=sshd@3-192.0.2.1:22-198.51.100.7:51234.service\nMESSAGE=x":                 true,
		"SYSLOG_IDENTIFIER=systemd\nUNIT=sshd-unix-local@0.service\nMESSAGE=x":                                      true,
		"SYSLOG_IDENTIFIER=systemd\nUNIT=sshd-keygen.service\nMESSAGE=x":                                            true,
		"SYSLOG_IDENTIFIER=systemd\nUNIT=ssh-agent.service\nMESSAGE=x":                                              false,
		"SYSLOG_IDENTIFIER=systemd\nUNIT=sshguard.service\nMESSAGE=x":                                               false,
		"SYSLOG_IDENTIFIER=systemd\nUNIT=cron.service\nMESSAGE=ssh.service":                                         false,
		"SYSLOG_IDENTIFIER=systemd\nMESSAGE=Startup finished":                                                       false,
		"SYSLOG_IDENTIFIER=systemd-journald\nMESSAGE=Suppressed 12 messages from ssh.service":                       true,
		"SYSLOG_IDENTIFIER=systemd-journald\nMESSAGE=Suppressed 12 messages from /system.slice/sshd.service":        true,
		"SYSLOG_IDENTIFIER=systemd-journald\nMESSAGE=Suppressed 12 messages from /system.slice/ssh.slice/x.service": false,
		"SYSLOG_IDENTIFIER=systemd-journald\nMESSAGE=Suppressed 12 messages from docker.service":                    false,
	} {
		x := newExport(strings.NewReader("__CURSOR=x\n" + entry + "\n\n"))
		if err := x.next(); err != nil {
			t.Fatal(err)
		}
		if got := concernsSSH(x); got != want {
			t.Errorf("%s: got %v", entry, got)
		}
	}
}
