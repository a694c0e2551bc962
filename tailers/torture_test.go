package tailers

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// tortureVariable asks for the long forms, which take minutes.
const tortureVariable = "SSHWHY_TORTURE"

// long picks the time that a load takes.
func long(short, long time.Duration) time.Duration {
	if os.Getenv(tortureVariable) == "1" {
		return long
	}
	return short
}

// tell gives a figure of docs/reliability.md, which torture.sh collects.
func tell(t *testing.T, load, format string, args ...any) {
	t.Helper()
	t.Logf("torture: %s | %s", load, fmt.Sprintf(format, args...))
}

// load is a writer at full speed whose file is rotated. Each of its lines has
// a number; connections of 2 to 8 lines span the rotations.
type load struct {
	t       *testing.T
	path    string
	file    *os.File
	written atomic.Int64 // lines
	line    []byte
	number  int64
	kept    int // generations that rotation keeps
	// What was in the generations that are gone, by when they came and went.
	gone []span
	born time.Time
	from int64
}

// span are the numbers of a generation's lines, the last excluded.
type span struct {
	From, To int64
	Lived    time.Duration
}

func newLoad(t *testing.T, path string) *load {
	l := &load{t: t, path: path, kept: 50}
	l.open(os.O_APPEND)
	return l
}

func (l *load) open(flag int) {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|flag, 0o644)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.born, l.from = f, time.Now(), l.number
}

// write writes for a while, a line a call as syslog daemons do.
func (l *load) write(until time.Time) {
	for i := 0; ; i++ {
		if i&0xf == 0 && !time.Now().Before(until) {
			return
		}
		l.one()
	}
}

func (l *load) one() {
	connection := l.number / 5
	l.line = append(l.line[:0], "Nov 22 15:35:56 edge05 sshd["...)
	l.line = strconv.AppendInt(l.line, 1000+connection%30000, 10)
	l.line = append(l.line, "]: Connection closed by 203.0.113.7 port "...)
	l.line = strconv.AppendInt(l.line, 1024+connection%60000, 10)
	l.line = append(l.line, " line "...)
	l.line = strconv.AppendInt(l.line, l.number, 10)
	l.line = append(l.line, '\n')
	if _, err := l.file.Write(l.line); err != nil {
		l.t.Fatal(err)
	}
	l.number++
	l.written.Store(l.number)
}

func (l *load) must(err error) {
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.t.Fatal(err)
	}
}

func (l *load) old(n int, ending string) string { return fmt.Sprintf("%s.%d%s", l.path, n, ending) }

// shift makes room for auth.log.1.
func (l *load) shift(ending string) {
	l.must(os.Remove(l.old(l.kept, ending)))
	for n := l.kept - 1; n > 0; n-- {
		l.must(os.Rename(l.old(n, ending), l.old(n+1, ending)))
	}
}

// The ways to rotate. Each leaves the writer with an open file.

func (l *load) rename() {
	l.shift("")
	l.must(os.Rename(l.path, l.old(1, "")))
	l.open(os.O_APPEND)
}

// renameLate leaves the name without a file for a moment, and the writer on
// the old one.
func (l *load) renameLate() {
	l.shift("")
	l.must(os.Rename(l.path, l.old(1, "")))
	l.write(time.Now().Add(5 * time.Millisecond))
	l.open(os.O_APPEND)
}

func (l *load) renameAndCompress() {
	l.shift(".gz")
	l.must(os.Rename(l.path, l.old(1, "")))
	l.open(os.O_APPEND)
	in, err := os.Open(l.old(1, ""))
	l.must(err)
	defer in.Close()
	out, err := os.Create(l.old(1, ".gz"))
	l.must(err)
	defer out.Close()
	z, _ := gzip.NewWriterLevel(out, gzip.BestSpeed)
	_, err = io.Copy(z, in)
	l.must(err)
	l.must(z.Close())
	l.must(os.Remove(l.old(1, "")))
}

func (l *load) delete() {
	l.must(os.Remove(l.path))
	l.gone = append(l.gone, span{l.from, l.number, time.Since(l.born)})
	l.open(os.O_APPEND)
}

// copyTruncate copies, and truncates what the writer goes on with. That the
// writer writes between the two is left out: what it would write then is
// nowhere.
func (l *load) copyTruncate() {
	l.shift("")
	in, err := os.Open(l.path)
	l.must(err)
	defer in.Close()
	out, err := os.Create(l.old(1, ""))
	l.must(err)
	_, err = io.Copy(out, in)
	l.must(err)
	l.must(out.Close())
	l.must(os.Truncate(l.path, 0))
}

// tally counts how often each line came.
type tally struct {
	seen      []byte
	unknown   int
	last      int64
	backwards int
	notices   []string
}

func (y *tally) note(r *sshwhy.Record, err error) {
	if err != nil {
		y.notices = append(y.notices, err.Error())
		return
	}
	if r.Tick {
		return
	}
	i := bytes.LastIndexByte(r.Text, ' ')
	n, err := strconv.ParseInt(string(r.Text[i+1:]), 10, 64)
	if err != nil || !bytes.HasPrefix(r.Text, []byte("Nov 22 15:35:56 edge05 sshd[")) {
		y.unknown++
		return
	}
	for int64(len(y.seen)) <= n {
		y.seen = append(y.seen, make([]byte, 1<<20)...)
	}
	if y.seen[n] < 255 {
		y.seen[n]++
	}
	if n < y.last {
		y.backwards++
	}
	y.last = n
}

// count gives the lines of a span that did not come, and those that came again.
func (y *tally) count(s span) (lost, twice int64) {
	for n := s.From; n < s.To; n++ {
		switch {
		case n >= int64(len(y.seen)) || y.seen[n] == 0:
			lost++
		case y.seen[n] > 1:
			twice++
		}
	}
	return lost, twice
}

// The writer of a load is a process of its own, as a syslog daemon is: a child
// of the test, which says at the end what it did.
const (
	childLoad     = "SSHWHY_CHILD_LOAD" // the path
	childRotation = "SSHWHY_CHILD_ROTATION"
)

// rotations are the ways to rotate.
var rotations = []struct {
	name   string
	rotate func(*load)
}{
	{"rename", (*load).rename},
	{"rename, the writer late", (*load).renameLate},
	{"rename and compress", (*load).renameAndCompress},
	{"delete", (*load).delete},
	{"copytruncate", (*load).copyTruncate},
}

// deed is what a child did.
type deed struct {
	Lines, Rotations int64
	Took             time.Duration
	Gone             []span
}

// TestLoadChild is the child.
func TestLoadChild(t *testing.T) {
	path := os.Getenv(childLoad)
	if path == "" {
		t.Skip("the child of TestTortureRotations")
	}
	l := newLoad(t, path)
	did := deed{}
	began := time.Now()
	for end := began.Add(long(400*time.Millisecond, 30*time.Second)); time.Now().Before(end); did.Rotations++ {
		l.write(time.Now().Add(20*time.Millisecond - time.Since(began)%(20*time.Millisecond)))
		for _, r := range rotations {
			if r.name == os.Getenv(childRotation) {
				r.rotate(l)
			}
		}
	}
	did.Took = time.Since(began)
	l.one()
	did.Lines, did.Gone = l.number, l.gone
	if err := json.NewEncoder(os.Stdout).Encode(did); err != nil {
		t.Fatal(err)
	}
}

// runLoad runs the child to its end.
func runLoad(t *testing.T, path, rotation string) deed {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLoadChild$")
	cmd.Env = append(os.Environ(), childLoad+"="+path, childRotation+"="+rotation)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var did deed
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&did); err != nil {
		t.Fatal(err)
	}
	return did
}

// TestTortureRotations rotates a file 50 times a second under a writer at full
// speed.
func TestTortureRotations(t *testing.T) {
	for _, r := range rotations {
		for _, polling := range []bool{false, true} {
			name := r.name
			if polling {
				name += ", without inotify"
			}
			t.Run(name, func(t *testing.T) { torture(t, name, r.name, polling) })
		}
	}
}

func torture(t *testing.T, name, rotation string, polling bool) {
	path := filepath.Join(t.TempDir(), "auth.log")
	f := NewFile(path, FileOptions{})
	if polling {
		f.watch = func() (*names, error) { return nil, errors.ErrUnsupported }
	}
	y := &tally{}
	wait := startTally(t, f, y, make(chan struct{}))
	did := runLoad(t, path, rotation)
	wait(did.Lines - 1)
	lost, twice := y.count(span{0, did.Lines, 0})
	maybe := int64(0)
	for _, s := range did.Gone {
		if s.Lived < 100*time.Millisecond {
			n, _ := y.count(s)
			lost -= n
			maybe += n
		}
	}
	tell(t, name, "%d lines, %.0f rotations a second: %d lost, %d maybe lost (of files that existed for less than 100 ms), %d twice",
		did.Lines, float64(did.Rotations)/did.Took.Seconds(), lost, maybe, twice)
	t.Logf("%d unknown, %d out of order; %d read here, %d delivered by the library; notices: %d %.400q", y.unknown, y.backwards, f.own, f.delivered, len(y.notices), y.notices)
	if lost != 0 || twice != 0 || y.unknown != 0 {
		t.Fail()
	}
	if maybe > 0 && len(y.notices) == 0 {
		t.Error("lines may be lost, and nothing was said")
	}
}

// TestTortureCopyTruncate copies and truncates while the writer goes on. What
// it writes between the two is in no file any more; all else must come.
func TestTortureCopyTruncate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	l := newLoad(t, path)
	l.one()
	y := &tally{}
	f := NewFile(path, FileOptions{FromStart: true})
	r := startTally(t, f, y, make(chan struct{}))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				l.write(time.Now().Add(time.Millisecond))
				time.Sleep(time.Millisecond)
			}
		}
	}()
	there := &tally{}
	rotations := 0
	for end := time.Now().Add(long(500*time.Millisecond, 30*time.Second)); time.Now().Before(end); rotations++ {
		time.Sleep(20 * time.Millisecond)
		l.shift("")
		l.slowCopy(there)
		l.must(os.Truncate(l.path, 0))
	}
	close(stop)
	<-stopped
	l.one()
	there.file(t, path)
	r(l.number - 1)
	lost, twice, nowhere := 0, 0, 0
	for n := range l.number {
		switch times := y.seen[n]; {
		case times > 1:
			twice++
		case times == 0 && there.seen[n] > 0:
			lost++
		case times == 0:
			nowhere++
		}
	}
	tell(t, "copytruncate, written to meanwhile", "%d lines, %d rotations: %d lost, %d twice; %d were written between copy and truncation and are in no file", l.number, rotations, lost, twice, nowhere)
	t.Logf("%d unknown; notices: %d %.200q", y.unknown, len(y.notices), y.notices)
	if lost > 0 || twice > 0 || y.unknown > 0 {
		t.Fail()
	}
}

// slowCopy copies the log in pieces, as logrotate does, and notes what is in
// the copy.
func (l *load) slowCopy(y *tally) {
	in, err := os.Open(l.path)
	l.must(err)
	defer in.Close()
	out, err := os.Create(l.old(1, ""))
	l.must(err)
	buffer := make([]byte, 16<<10)
	for {
		n, err := in.Read(buffer)
		if err != nil {
			break
		}
		_, err = out.Write(buffer[:n])
		l.must(err)
	}
	l.must(out.Close())
	y.file(l.t, l.old(1, ""))
}

// file notes the whole lines of a file.
func (y *tally) file(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	for line := range bytes.Lines(text) {
		if trimmed, whole := bytes.CutSuffix(line, []byte("\n")); whole {
			y.note(&sshwhy.Record{Text: trimmed}, nil)
		}
	}
}

// startTally reads into the tally. What it gives waits for the line of a number
// to come, and some time more for one that should not.
func startTally(t *testing.T, f *File, y *tally, done chan struct{}) func(last int64) {
	var last atomic.Int64
	ctx, cancel := contextOf(t)
	begun := make(chan struct{})
	defer func() { <-begun }()
	go func() {
		defer close(done)
		ticks := 0
		for record, err := range f.Records(ctx) {
			y.note(record, err)
			if err == nil && record.Tick {
				if ticks++; ticks == 2 {
					close(begun)
				}
			}
			last.Store(y.last)
		}
	}()
	return func(n int64) {
		deadline := time.Now().Add(20 * time.Second)
		for last.Load() < n && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(300 * time.Millisecond)
		cancel()
		<-done
	}
}
