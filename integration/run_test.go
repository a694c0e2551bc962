//go:build integration && linux

package integration

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// released builds the program as it is released, without cgo, once for all
// tests. It lies beside that of the tests, in a folder that go test removes.
var released = sync.OnceValues(func() (path string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path = filepath.Join(filepath.Dir(self), "sshwhy-released")
	cmd := exec.Command("go", "build", "-o", path, "github.com/sshwhy/sshwhy/cmd/sshwhy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return path, fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// buildSSHwhy gives the path of the program as it is released.
func buildSSHwhy(t *testing.T) string {
	t.Helper()
	path, err := released()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// long chooses between the short form of a test and the one of "make torture".
func long(short, torture int) int {
	if os.Getenv("SSHWHY_TORTURE") != "" {
		return torture
	}
	return short
}

// eventually waits for something that must come.
func eventually(t *testing.T, within time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", within, what)
		}
	}
}

// percentile gives the time below which so much of all lie.
func percentile(all []time.Duration, p float64) time.Duration {
	slices.Sort(all)
	return all[min(int(p*float64(len(all))), len(all)-1)]
}

// running is a "sshwhy run" with directories of its own.
type running struct {
	t       *testing.T
	program string
	dir     string
	cmd     *exec.Cmd
	said    *os.File
	out     *os.File      // what it has for standard output; nil for said
	ended   chan struct{} // closed when cmd has ended
}

func newRunning(t *testing.T, program, config string) *running {
	t.Helper()
	r := &running{t: t, program: program, dir: t.TempDir()}
	r.configure(config)
	var err error
	if r.said, err = os.Create(r.path("said")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			text, _ := os.ReadFile(r.path("said"))
			t.Logf("it said:\n%s", text[max(0, len(text)-4000):])
		}
		r.said.Close()
	})
	return r
}

func (r *running) path(name string) string { return filepath.Join(r.dir, name) }

// configure writes the configuration. DIR in it is the directory.
func (r *running) configure(text string) {
	r.t.Helper()
	text = "state: DIR/state\nruntime: DIR/run\n" + text
	if err := os.WriteFile(r.path("sshwhy.yaml"), []byte(strings.ReplaceAll(text, "DIR", r.dir)), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) start() {
	r.t.Helper()
	r.cmd = exec.Command(r.program, "run", "--config", r.path("sshwhy.yaml"))
	if r.cmd.Stdout, r.cmd.Stderr = r.said, r.said; r.out != nil {
		r.cmd.Stdout = r.out
	}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended, cmd := make(chan struct{}), r.cmd
	r.ended = ended
	go func() { _ = cmd.Wait(); close(ended) }()
}

// ready waits until it answers.
func (r *running) ready() {
	r.t.Helper()
	eventually(r.t, 20*time.Second, "the service answers", func() bool { return r.ask() != nil || r.over() })
	if r.over() {
		r.t.Fatal("the service has ended")
	}
}

func (r *running) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

func (r *running) kill() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		<-r.ended
	}
}

// stop ends it as systemd does.
func (r *running) stop() {
	r.t.Helper()
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(60 * time.Second):
		r.t.Fatal("it does not stop")
	}
}

// words is what it has said so far.
func (r *running) words() string {
	text, err := os.ReadFile(r.path("said"))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// health is what the service says of itself.
type health struct {
	Lines struct{ Read uint64 }
	Sinks []struct {
		Name                                string
		Queued, Delivered, Refused, Dropped uint64
		Failing                             bool
		LastError                           string `json:"last_error"`
	}
}

// ask gives nil where nobody answers.
func (r *running) ask() *health {
	out, _ := exec.Command(r.program, "status", "--output", "json", "--socket", r.path("run/control.sock")).Output()
	var a health
	if json.Unmarshal(out, &a) != nil {
		return nil
	}
	return &a
}

// given is what tells findings apart.
type given struct {
	id       string
	revision int
	code     string
	user     string
}

// verdictsOf reads JSON lines: findings, and how often each came.
func verdictsOf(t *testing.T, text []byte) map[given]int {
	t.Helper()
	seen := map[given]int{}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		if v, ok := verdictOf(t, line); ok {
			seen[v]++
		}
	}
	return seen
}

func verdictOf(t *testing.T, line []byte) (given, bool) {
	t.Helper()
	var f struct {
		Event struct{ ID, Kind, Code string }
		User  struct{ Name string }
		Why   struct{ Revision int } `json:"sshwhy"`
	}
	if err := json.Unmarshal(line, &f); err != nil {
		t.Fatalf("%v in %.300q", err, line)
	}
	return given{f.Event.ID, f.Why.Revision, f.Event.Code, f.User.Name}, f.Event.Kind == "event"
}

// replayed is what replay says of a log.
func replayed(t *testing.T, program, path string) map[given]int {
	t.Helper()
	cmd := exec.Command(program, "replay", "--output", "jsonl", path)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return verdictsOf(t, out)
}

// compare tells what is missing, what nobody wrote, and what came twice: with
// the same id and revision it is the same verdict.
func compare(want, got map[given]int) (lost, strange []given, twice int) {
	for v := range want {
		if got[v] == 0 {
			lost = append(lost, v)
		}
	}
	said := map[[2]any]given{}
	for v, n := range got {
		if want[v] == 0 {
			strange = append(strange, v)
		}
		if n > 1 {
			twice++
		}
		key := [2]any{v.id, v.revision}
		if other, ok := said[key]; ok && other != v {
			strange = append(strange, other)
		}
		said[key] = v
	}
	return lost, strange, twice
}

// serverLog is what the syslog daemon of a busy server writes, a line a call,
// connections of 2 to 8 lines mixed with each other. It is rotated as the test
// likes; a copy beside it is not.
type serverLog struct {
	t          *testing.T
	path       string
	file, copy *os.File
	open       [][]string // what is still to be written of each connection
	number     int
	lines      int
	rotations  int
	random     *rand.Rand
	back       time.Duration // how far the clock of the host is set back
}

func newServerLog(t *testing.T, path string) *serverLog {
	t.Helper()
	l := &serverLog{t: t, path: path, random: rand.New(rand.NewPCG(1, 2))}
	l.file = l.create(path)
	l.copy = l.create(path + "-undisturbed")
	t.Cleanup(func() { l.file.Close(); l.copy.Close() })
	return l
}

func (l *serverLog) create(path string) *os.File {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		l.t.Fatal(err)
	}
	return f
}

// undisturbed is the path of the copy that is not rotated.
func (l *serverLog) undisturbed() string { return l.copy.Name() }

// connection gives the lines of another connection.
func (l *serverLog) connection() []string {
	n := l.number
	l.number++
	user, address, port := fmt.Sprintf("user%d", n%700), fmt.Sprintf("10.%d.%d.%d", n/60000%250, n/250%240, 1+n%250), 1024+n%60000
	at := fmt.Sprintf("%s port %d", address, port)
	begin := []string{"Connection from " + at + " on 10.0.0.1 port 22 rdomain \"\""}
	failed := "Failed password for " + user + " from " + at + " ssh2"
	closed := "Connection closed by authenticating user " + user + " " + at + " [preauth]"
	var rest []string
	switch n % 7 {
	case 0:
		rest = []string{"Connection closed by " + at + " [preauth]"}
	case 1:
		rest = []string{"Authentication refused: bad ownership or modes for directory /home/" + user, closed}
	case 2:
		rest = []string{failed, failed, closed}
	case 3:
		rest = []string{"User " + user + " from " + address + " not allowed because listed in DenyUsers", failed, failed, "Connection closed by invalid user " + user + " " + at + " [preauth]"}
	case 4:
		rest = []string{failed, failed, failed, failed, closed}
	case 5:
		rest = []string{failed, "Accepted password for " + user + " from " + at + " ssh2", "pam_unix(sshd:session): session opened for user " + user + "(uid=1000) by (uid=0)",
			"Received disconnect from " + at + ":11: disconnected by user", "Disconnected from user " + user + " " + at, "pam_unix(sshd:session): session closed for user " + user}
	default:
		rest = []string{failed, failed, failed, failed, failed, failed, closed}
	}
	for i, text := range append(begin, rest...) {
		begin = append(begin[:i:i], fmt.Sprintf("edge05 sshd[%d]: %s", 1000+n%30000, text))
	}
	return begin
}

// one writes the next line of a connection that is open, or of another.
func (l *serverLog) one() {
	for len(l.open) < 12 {
		l.open = append(l.open, l.connection())
	}
	l.next(l.random.IntN(len(l.open)))
}

// next writes the next line of an open connection.
func (l *serverLog) next(i int) {
	line := time.Now().Add(-l.back).UTC().Format("2006-01-02T15:04:05.000000-07:00") + " " + l.open[i][0] + "\n"
	for _, f := range []*os.File{l.file, l.copy} {
		if _, err := f.WriteString(line); err != nil {
			l.t.Error(err)
		}
	}
	l.lines++
	if l.open[i] = l.open[i][1:]; len(l.open[i]) == 0 {
		l.open = slices.Delete(l.open, i, i+1)
	}
}

// settle writes what is left of the open connections.
func (l *serverLog) settle() {
	for len(l.open) > 0 {
		l.next(0)
	}
}

// rotate renames the log and makes a new one; every other time the old one is
// compressed.
func (l *serverLog) rotate() {
	old := fmt.Sprintf("%s.%d", l.path, 9000-l.rotations)
	l.rotations++
	must := func(err error) {
		if err != nil {
			l.t.Error(err)
		}
	}
	must(os.Rename(l.path, old))
	file := l.create(l.path)
	l.file.Close()
	if l.file = file; l.rotations%2 == 0 {
		return
	}
	in, err := os.ReadFile(old)
	must(err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(in)
	must(err)
	must(z.Close())
	must(os.WriteFile(old+".gz", packed.Bytes(), 0o644))
	must(os.Remove(old))
}

// busy has the log grow by so many lines at a time, and be rotated now and
// then, until the function is called.
func (l *serverLog) busy(lines int, rotation time.Duration) (stop func()) {
	enough, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for last := time.Now(); ; time.Sleep(2 * time.Millisecond) {
			select {
			case <-enough:
				return
			default:
			}
			for range lines {
				l.one()
			}
			if time.Since(last) > rotation {
				l.rotate()
				last = time.Now()
			}
		}
	}()
	return sync.OnceFunc(func() { close(enough); <-ended })
}

// toFile reads the log from its first line: whether the service looks at it
// before or after that is written is not what is tested.
const toFile = `
sources: [{path: DIR/auth.log, from_start: true}]
sinks:
  - {name: out, type: file, send: findings, path: DIR/out.jsonl}
`

// received waits until the file has all verdicts, and a little longer, and
// compares.
func (r *running) received(name, what string, want map[given]int, l *serverLog, kills int) {
	r.t.Helper()
	var got map[given]int
	read := func() []given {
		text, err := os.ReadFile(r.path(name))
		if err != nil && !os.IsNotExist(err) {
			r.t.Fatal(err)
		}
		got = verdictsOf(r.t, text)
		lost, _, _ := compare(want, got)
		return lost
	}
	for deadline := time.Now().Add(60 * time.Second); len(read()) > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	lost, strange, twice := compare(want, got)
	r.t.Logf("torture: %s | %d lines, %d rotations, %d kills, %d verdicts: %d lost, %d that replay does not give, %d twice with the same id and revision", what, l.lines, l.rotations, kills, len(want), len(lost), len(strange), twice)
	if len(lost)+len(strange) > 0 {
		r.t.Errorf("lost: %v\nstrange: %v", lost[:min(5, len(lost))], strange[:min(5, len(strange))])
	}
}

// TestTortureRun kills the service in every way, and compares what a file
// behind its outbox has received with what replay says of the whole log.
func TestTortureRun(t *testing.T) {
	t.Parallel()
	program := buildSSHwhy(t)
	t.Run("at random moments", func(t *testing.T) { t.Parallel(); killAtRandom(t, program) })
	t.Run("between every two lines", func(t *testing.T) { t.Parallel(); killBetweenLines(t, program) })
	t.Run("right after Accepted", func(t *testing.T) { t.Parallel(); killAfterAccepted(t, program) })
}

func killAtRandom(t *testing.T, program string) {
	kills := long(10, 200)
	r := newRunning(t, program, toFile)
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	stop := l.busy(5, 100*time.Millisecond)
	defer stop()
	for range kills {
		time.Sleep(time.Duration(rand.Int64N(int64(time.Second))))
		r.kill()
		r.start()
	}
	stop()
	l.settle()
	r.received("out.jsonl", "sshwhy run, kill -9 at random moments, rotation going on", replayed(t, program, l.undisturbed()), l, kills)
}

// killBetweenLines kills after each line of connections that are written one
// after the other, in turns at once and when the line was read.
func killBetweenLines(t *testing.T, program string) {
	r := newRunning(t, program, toFile)
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	kills := 0
	for n := range long(5, 50) {
		l.number = n
		l.open = [][]string{l.connection()}
		for read := uint64(1); len(l.open) > 0; read++ {
			l.next(0)
			if kills%2 == 0 {
				eventually(t, 60*time.Second, "the line is read", func() bool { a := r.ask(); return a != nil && a.Lines.Read > 0 })
			}
			r.kill()
			r.start()
			kills++
		}
	}
	r.received("out.jsonl", "sshwhy run, kill -9 between every two lines", replayed(t, program, l.undisturbed()), l, kills)
}

func killAfterAccepted(t *testing.T, program string) {
	r := newRunning(t, program, toFile)
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	times := long(6, 50)
	for n := range times {
		l.number = 5 + 7*n // those that are accepted
		l.open = [][]string{l.connection()}
		for accepted := false; !accepted; {
			accepted = strings.Contains(l.open[0][0], "Accepted")
			l.next(0)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Millisecond))))
		r.kill()
		r.start()
		if n%2 == 0 {
			l.settle()
		} else {
			l.open = nil // the session goes on
		}
	}
	r.received("out.jsonl", "sshwhy run, kill -9 right after Accepted", replayed(t, program, l.undisturbed()), l, times)
}

// TestRunService tries the service as its administrator and its host would. What
// is measured is measured first, while nothing else runs.
func TestRunService(t *testing.T) {
	program := buildSSHwhy(t)
	for _, c := range []struct {
		name string
		try  func(*testing.T, string)
		// alone is one that measures.
		alone bool
	}{
		{"a second one is refused", secondRefused, false},
		{"it is reloaded under load", reloadedUnderLoad, false},
		{"sources appear later", sourcesLater, false},
		{"the clock of the log is set back", clockSetBack, false},
		{"the disk of the ledger is full", diskFull, false},
		{"there are no descriptors left", noDescriptors, false},
		{"verdicts come at once", verdictsAtOnce, true},
		{"idle it takes next to nothing", idle, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.alone {
				t.Parallel()
			}
			c.try(t, program)
		})
	}
}

func secondRefused(t *testing.T, program string) {
	r := newRunning(t, program, toFile)
	newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	began := time.Now()
	out, err := exec.Command(program, "run", "--config", r.path("sshwhy.yaml")).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("another sshwhy runs")) && !bytes.Contains(out, []byte("a running sshwhy")) {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("refused after %s: %s", time.Since(began).Round(time.Millisecond), out)
	if r.ask() == nil {
		t.Error("the first one does not answer any more")
	}
}

// reloadedUnderLoad sends SIGHUP with a wrong configuration and with right
// ones, while lines come.
func reloadedUnderLoad(t *testing.T, program string) {
	r := newRunning(t, program, toFile)
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	load := func(lines int) {
		for range lines {
			l.one()
			time.Sleep(500 * time.Microsecond)
		}
	}
	hup := func(config string) {
		r.configure(config)
		_ = r.cmd.Process.Signal(syscall.SIGHUP)
	}
	load(300)
	hup(strings.Replace(toFile, "sinks:", "sinkz:", 1))
	load(300)
	eventually(t, 60*time.Second, "the wrong configuration is refused", func() bool { return strings.Contains(r.words(), "the old one stays in force") })
	for range 3 {
		hup(strings.Replace(toFile, "sinks:", "language: ja\nsinks:", 1))
		load(300)
		hup(toFile + "  - {name: second, type: file, send: findings, path: DIR/second.jsonl}\n")
		load(300)
	}
	l.settle()
	r.received("out.jsonl", "sshwhy run, SIGHUP under load", replayed(t, program, l.undisturbed()), l, 0)
	if info, err := os.Stat(r.path("second.jsonl")); err != nil || info.Size() == 0 {
		t.Errorf("the second sink has nothing: %v", err)
	}
}

func sourcesLater(t *testing.T, program string) {
	r := newRunning(t, program, strings.Replace(toFile, "[{", "[{path: DIR/later/*/auth.log, from_start: true}, {", 1))
	r.start()
	r.ready()
	if err := os.MkdirAll(r.path("later/web1"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := map[given]int{}
	var l *serverLog
	for i, name := range []string{"auth.log", "later/web1/auth.log"} {
		l = newServerLog(t, r.path(name))
		l.number = 1000 * i
		for range 200 {
			l.one()
		}
		l.settle()
		for v := range replayed(t, program, l.undisturbed()) {
			want[v]++
		}
	}
	r.received("out.jsonl", "sshwhy run, sources that appear later", want, l, 0)
}

// clockSetBack has the host's clock go back by an hour.
func clockSetBack(t *testing.T, program string) {
	r := newRunning(t, program, toFile)
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	for i := range 400 {
		if i == 200 {
			l.back = time.Hour
		}
		l.one()
	}
	l.settle()
	r.received("out.jsonl", "sshwhy run, the host's clock set back by an hour", replayed(t, program, l.undisturbed()), l, 0)
}

// diskFull takes the space of the ledger while lines come: the service says so
// and ends, or goes on; when there is space again nothing is missing.
func diskFull(t *testing.T, program string) {
	state, fill, free := smallDisk(t, 8<<20)
	r := newRunning(t, program, toFile)
	config, err := os.ReadFile(r.path("sshwhy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config = bytes.Replace(config, []byte(r.path("state")), []byte(state), 1)
	if err := os.WriteFile(r.path("sshwhy.yaml"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	for range 200 {
		l.one()
	}
	fill()
	for range 2000 {
		l.one()
	}
	select {
	case <-r.ended:
		t.Log("it ended")
		if said := r.words(); !strings.Contains(said, "no space left") {
			t.Errorf("it did not say why: %s", said)
		}
	case <-time.After(5 * time.Second):
		t.Log("it goes on")
	}
	free()
	if r.over() {
		r.start()
	}
	l.settle()
	r.received("out.jsonl", "sshwhy run, no space on the disk of the ledger for a while", replayed(t, program, l.undisturbed()), l, 0)
}

// noDescriptors takes the right to open another descriptor for a while, and
// rotates the log meanwhile.
func noDescriptors(t *testing.T, program string) {
	r := newRunning(t, program, toFile)
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	for range 100 {
		l.one()
	}
	eventually(t, 60*time.Second, "the log is read", func() bool { return r.ask().Lines.Read > 50 })
	var before unix.Rlimit
	limit := func(l *unix.Rlimit, old *unix.Rlimit) {
		if err := unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, l, old); err != nil {
			t.Fatal(err)
		}
	}
	limit(nil, &before)
	limit(&unix.Rlimit{Cur: 5, Max: before.Max}, nil)
	for range 4 {
		for range 100 {
			l.one()
		}
		l.rotate()
		time.Sleep(500 * time.Millisecond)
	}
	if r.over() {
		t.Errorf("it ended")
		r.start()
	}
	limit(&before, nil)
	l.settle()
	r.received("out.jsonl", "sshwhy run, no descriptors left for two seconds", replayed(t, program, l.undisturbed()), l, 0)
	if !strings.Contains(r.words(), "LimitNOFILE") {
		t.Error("it did not say what it lacks")
	}
}

// verdictsAtOnce measures the time from the append of the line that settles a
// connection to its verdict.
func verdictsAtOnce(t *testing.T, program string) {
	measure := func(what string, l *serverLog, out *bufio.Reader, most time.Duration) {
		var all []time.Duration
		for n := range 300 {
			l.number = 7*n + 1
			l.open = [][]string{l.connection()}
			for len(l.open[0]) > 1 {
				l.next(0)
			}
			time.Sleep(10 * time.Millisecond)
			began := time.Now()
			l.next(0)
			if _, err := out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			all = append(all, time.Since(began))
		}
		p50, p99 := percentile(all, 0.5), percentile(all, 0.99)
		t.Logf("torture: from the line that settles to the verdict, %s | median %s, 99th percentile %s, worst %s", what, p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond), all[len(all)-1].Round(10*time.Microsecond))
		if p50 > most || p99 > 10*most { // the machine has others to serve
			t.Errorf("%s: too late", what)
		}
	}
	t.Run("tail", func(t *testing.T) {
		l := newServerLog(t, filepath.Join(t.TempDir(), "auth.log"))
		ctx, cancel := context.WithCancel(t.Context())
		cmd := exec.CommandContext(ctx, program, "tail", "--since", "1h", "--output", "jsonl", l.path)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { cancel(); _ = cmd.Wait() }()
		time.Sleep(time.Second) // its start is not measured; where it takes longer, nothing is missed
		measure("tail", l, bufio.NewReader(out), 20*time.Millisecond)
	})
	t.Run("run", func(t *testing.T) {
		r := newRunning(t, program, "sources: [DIR/auth.log]\nsinks:\n  - {name: out, type: stdout, send: findings}\n")
		l := newServerLog(t, r.path("auth.log"))
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		r.out = out
		r.start()
		out.Close()
		r.ready()
		measure("run with its ledger and outbox", l, bufio.NewReader(in), 100*time.Millisecond)
	})
}

// idle measures processor and memory with ten files of which none grows.
func idle(t *testing.T, program string) {
	dir := t.TempDir()
	var names []string
	for i := range 10 {
		name := filepath.Join(dir, fmt.Sprintf("host%d.log", i))
		l := newServerLog(t, name)
		for range 100 {
			l.one()
		}
		names = append(names, name)
	}
	r := newRunning(t, program, "sources: ["+strings.Join(names, ", ")+"]\n"+toFile[strings.Index(toFile, "sinks:"):])
	r.start()
	r.ready()
	cmd := exec.Command(program, append([]string{"tail"}, names...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	time.Sleep(4 * time.Second)
	span := time.Duration(long(5, 60)) * time.Second
	for _, p := range []struct {
		name string
		pid  int
	}{{"tail", cmd.Process.Pid}, {"run", r.cmd.Process.Pid}} {
		before := processorTime(t, p.pid)
		time.Sleep(span)
		used := processorTime(t, p.pid) - before
		resident, own := memoryOf(t, p.pid)
		share := 100 * float64(used) / float64(span)
		t.Logf("torture: %s idle with 10 files | %.2f %% of a core, %.1f MB resident, of which %.1f MB are its own and the rest the program's file", p.name, share, float64(resident)/1024, float64(own)/1024)
		if share > 2 || resident > 40<<10 { // ten times the bar, and a third more: the machine has others to serve
			t.Errorf("%s takes too much", p.name)
		}
	}
}

// processorTime is what the threads of a process have used.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	var sum int64
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			continue // a thread that has ended
		}
		n, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		sum += n
	}
	if sum == 0 {
		t.Fatal("the system does not tell how much processor time a process has used")
	}
	return time.Duration(sum)
}

// memoryOf gives the memory of a process in KiB: all, and what no file holds.
func memoryOf(t *testing.T, pid int) (all, own int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 {
			n, _ := strconv.Atoi(f[1])
			switch f[0] {
			case "VmRSS:":
				all = n
			case "RssAnon:":
				own = n
			}
		}
	}
	return all, own
}
