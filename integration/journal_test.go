//go:build integration && linux

package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/tailers/journal"
)

// journalVariable names the scenario to the test binary beside a journald,
// journalBinary the sshwhy that reads the journal.
const (
	journalVariable = "SSHWHY_JOURNAL"
	journalBinary   = "SSHWHY_JOURNAL_BINARY"
)

// journalScenario is something that a real journald does to those who read it.
type journalScenario struct {
	name string
	run  func(*journalBox)
}

func journalScenarios() []journalScenario {
	return []journalScenario{
		{name: "rotated and killed", run: (*journalBox).rotatedAndKilled},
		{name: "prompt", run: (*journalBox).prompt},
		{name: "hanging", run: (*journalBox).hanging},
		{name: "vacuumed", run: (*journalBox).vacuumed},
		{name: "resumed", run: (*journalBox).resumed},
		{name: "rebooted", run: (*journalBox).rebooted},
		{name: "shortened", run: (*journalBox).shortened},
		{name: "orphaned", run: (*journalBox).orphaned},
		{name: "chosen", run: (*journalBox).chosen},
		{name: "files", run: (*journalBox).files},
		{name: "idle", run: (*journalBox).idle},
	}
}

// TestJournal reads a real journald, through libsystemd and through
// journalctl. Each scenario has a journald of its own.
func TestJournal(t *testing.T) {
	if os.Getenv(journalVariable) != "" || os.Getenv(scenarioVariable) != "" {
		t.Skip("inside a box")
	}
	needRoot(t)
	if _, err := os.Stat("/lib/systemd/systemd-journald"); err != nil {
		t.Skip("this machine has no journald")
	}
	binary := filepath.Join(t.TempDir(), "sshwhy")
	build := exec.Command("go", "build", "-tags", "libsystemd", "-o", binary, "../cmd/sshwhy")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building sshwhy with libsystemd: %v\n%s", err, out)
	}
	for _, s := range journalScenarios() {
		for _, child := range []string{"libsystemd", "journalctl"} {
			t.Run(s.name+", "+child, func(t *testing.T) {
				t.Parallel()
				besideJournald(t, s, child, binary)
			})
		}
	}
}

// besideJournald runs the test binary once more, with a journald of its own.
func besideJournald(t *testing.T, s journalScenario, child, binary string) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	limit := 4 * time.Minute
	if torture() {
		limit = 20 * time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
		"bash", "testdata/journald.sh", t.TempDir(), self, "-test.run", "^TestBesideJournald$", "-test.v")
	cmd.Env = append(os.Environ(), journalVariable+"="+s.name, journalBinary+"="+binary, "SSHWHY_JOURNAL_CHILD="+child)
	out, err := cmd.CombinedOutput()
	if err != nil || testing.Verbose() {
		t.Logf("%s", out)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestBesideJournald is the part of TestJournal that runs there.
func TestBesideJournald(t *testing.T) {
	name := os.Getenv(journalVariable)
	if name == "" {
		t.Skip("runs beside a journald of its own: see TestJournal")
	}
	b := &journalBox{T: t, commands: [][]string{{os.Getenv(journalBinary), journal.Child}}}
	if os.Getenv("SSHWHY_JOURNAL_CHILD") == "journalctl" {
		b.commands = [][]string{{"journalctl"}}
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b.socket = conn
	for _, s := range journalScenarios() {
		if s.name == name {
			s.run(b)
		}
	}
}

// torture tells whether the long forms were asked for.
func torture() bool { return os.Getenv("SSHWHY_TORTURE") != "" }

// journalBox is a host with a journald.
type journalBox struct {
	*testing.T
	commands [][]string
	socket   *net.UnixConn
	written  int // lines of load
}

// write has a program of root's say something.
func (b *journalBox) write(ident string, pid int, message string, more ...string) {
	b.Helper()
	b.writeAs(0, ident, pid, message, more...)
}

// writeAs has a program of a user's say something. What users say goes to
// files of their own.
func (b *journalBox) writeAs(user uint32, ident string, pid int, message string, more ...string) {
	b.Helper()
	text := fmt.Sprintf("MESSAGE=%s\nSYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%d\nPRIORITY=6\n", message, ident, pid)
	for _, field := range more {
		text += field + "\n"
	}
	journald := &net.UnixAddr{Name: "/run/systemd/journal/socket", Net: "unixgram"}
	who := syscall.UnixCredentials(&syscall.Ucred{Pid: int32(os.Getpid()), Uid: user, Gid: user})
	for {
		_, _, err := b.socket.WriteMsgUnix([]byte(text), who, journald)
		if err == nil {
			return
		}
		if !errors.Is(err, syscall.ENOBUFS) && !errors.Is(err, syscall.EAGAIN) {
			b.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

func (b *journalBox) sh(script string) string {
	b.Helper()
	out, err := exec.Command("bash", "-ec", script).CombinedOutput()
	if err != nil {
		b.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// reader follows the journal in the background.
type reader struct {
	records chan string // the texts
	notices chan error
	marks   chan sshwhy.Place // the places of the first records
	stop    func()
}

// follow starts a reader.
func (b *journalBox) follow(o journal.Options) *reader {
	b.Helper()
	o.Follow = true
	if o.Commands == nil {
		o.Commands = b.commands
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{records: make(chan string, 1<<18), notices: make(chan error, 1000), marks: make(chan sshwhy.Place, 1<<12)}
	started, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		first := true
		for record, err := range journal.New(o).Records(ctx) {
			if first {
				first = false
				close(started)
			}
			if err != nil {
				r.notices <- err
			} else if !record.Tick {
				if len(r.marks) < cap(r.marks) {
					place := record.Place
					place.Mark = slices.Clone(place.Mark)
					r.marks <- place
				}
				r.records <- string(record.Text)
			}
		}
	}()
	<-started
	r.stop = func() { cancel(); <-done }
	b.Cleanup(r.stop)
	return r
}

// next gives the next record, and fails if none comes.
func (b *journalBox) next(r *reader) string {
	b.Helper()
	select {
	case text := <-r.records:
		return text
	case err := <-r.notices:
		b.Fatalf("instead of a record came %v", err)
	case <-time.After(60 * time.Second):
		b.Fatal("no record came")
	}
	return ""
}

// none fails if a record comes within a moment that is longer than journald
// holds its notices back.
func (b *journalBox) none(r *reader) {
	b.Helper()
	select {
	case text := <-r.records:
		b.Fatalf("an unexpected record came: %s", text)
	case <-time.After(600 * time.Millisecond):
	}
}

// children gives the processes that read the journal.
func (b *journalBox) children() []int {
	b.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		b.Fatal(err)
	}
	var pids []int
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for word := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				b.Fatal(err)
			}
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if strings.Contains(string(command), "--output=export") {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// signal sends a signal to the child, once there is one.
func (b *journalBox) signal(s syscall.Signal) {
	b.Helper()
	for range 1000 {
		pids := b.children()
		for _, pid := range pids {
			syscall.Kill(pid, s)
		}
		if len(pids) > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.Fatal("no child was seen")
}

// load writes connections of 2 to 8 lines, four at a time, and calls at with
// the number of lines that were written.
func (b *journalBox) load(lines int, at func(written int)) (all []string) {
	type connection struct{ pid, left int }
	var open [4]connection
	for range lines {
		n := b.written
		b.written++
		c := &open[n%len(open)]
		if c.left == 0 {
			*c = connection{pid: 1000 + n, left: 2 + n/len(open)%7}
		}
		c.left--
		text := fmt.Sprintf("Failed password for user%d from 203.0.113.7 port %d ssh2", n, 1024+c.pid%60000)
		if c.left == 0 {
			text = fmt.Sprintf("Connection closed by authenticating user user%d 203.0.113.7 port %d [preauth]", n, 1024+c.pid%60000)
		}
		switch {
		case n%3 == 0:
			b.write("sshd", c.pid, text)
		case n%5 == 0:
			b.writeAs(aliceID, "sshd-session", c.pid, text) // after the login
		default:
			b.write("sshd-session", c.pid, text)
		}
		all = append(all, text)
		at(len(all))
	}
	return all
}

// check compares what came with what was written: each once, and in order but
// for the few that libsystemd passed over when files were rotated, which come
// when they are looked for.
func (b *journalBox) check(r *reader, want []string) {
	b.Helper()
	got := make(map[string]int, len(want))
	late, newest := 0, -1
	place := make(map[string]int, len(want))
	for i, text := range want {
		place[text] = i
	}
	deadline := time.After(60 * time.Second)
	for n := 0; n < len(want); n++ {
		select {
		case text := <-r.records:
			got[text]++
			if place[text] < newest {
				late++
			}
			newest = max(newest, place[text])
		case <-deadline:
			n = len(want)
		}
	}
	for range 8 {
		select {
		case text := <-r.records:
			got[text]++
		case <-time.After(100 * time.Millisecond):
		}
	}
	lost, twice := 0, 0
	for _, text := range want {
		switch n := got[text]; {
		case n == 0:
			if lost++; lost < 5 {
				b.Errorf("lost: %s", text)
			}
		case n > 1:
			twice++
		}
		delete(got, text)
	}
	b.Logf("%d entries: %d lost, %d twice, %d late, %d foreign", len(want), lost, twice, late, len(got))
	if lost+twice+len(got) > 0 || late > len(want)/100 {
		b.Errorf("%d lost, %d twice, %d late, %d foreign", lost, twice, late, len(got))
	}
}

// rotatedAndKilled is the bar of issue 4.
func (b *journalBox) rotatedAndKilled() {
	lines, rotations, kills := 20_000, 5, 3
	if torture() {
		lines, rotations, kills = 200_000, 40, 10
	}
	r := b.follow(journal.Options{})
	begun := time.Now()
	want := b.load(lines, func(n int) {
		if n%(lines/rotations) == 0 {
			b.sh("journalctl --rotate")
		}
		if n%(lines/kills) == lines/kills/2 {
			b.signal(syscall.SIGBUS)
		}
	})
	b.Logf("written in %v", time.Since(begun).Round(time.Millisecond))
	b.check(r, want)
	b.Logf("read after %v; this process %s", time.Since(begun).Round(time.Millisecond), resident("self"))
}

// resident gives the memory of a process that has not ended.
func resident(pid string) string {
	text, _ := os.ReadFile("/proc/" + pid + "/status")
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmRSS:") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return "ended"
}

// prompt measures from the write to the record: of lines that come one by one
// out of silence, and of lines in a flow.
func (b *journalBox) prompt() {
	count := 10
	if torture() {
		count = 400
	}
	r := b.follow(journal.Options{})
	send := func(n int) { b.write("sshd", 77, fmt.Sprintf("Connection from %d port %d", time.Now().UnixNano(), n)) }
	since := func(text string) time.Duration {
		var at int64
		if _, err := fmt.Sscanf(text, "Connection from %d port", &at); err != nil {
			b.Fatalf("got %q: %v", text, err)
		}
		return time.Since(time.Unix(0, at))
	}
	var alone, flow []time.Duration
	for n := range count {
		send(n)
		alone = append(alone, since(b.next(r)))
		time.Sleep(time.Duration(n*37%300) * time.Millisecond)
	}
	go func() {
		for n := range 2 * count {
			send(n)
			time.Sleep(time.Duration(n*37%200) * time.Millisecond)
		}
	}()
	for range 2 * count {
		flow = append(flow, since(b.next(r)))
	}
	// journald tells of new entries 250 to 500 ms after the first one behind
	// a pause. libsystemd is made to look; journalctl waits for that, so that
	// its figures are journald's.
	bar := 450 * time.Millisecond
	b.within("in a flow", flow, bar)
	if b.commands[0][0] == "journalctl" {
		bar = time.Second
	}
	b.within("one by one", alone, bar)
}

// within holds the 99th percentile to a bar; in the short form, which others
// run beside, the median.
func (b *journalBox) within(what string, all []time.Duration, bar time.Duration) {
	slices.Sort(all)
	median, p99 := all[len(all)/2], all[len(all)*99/100]
	b.Logf("%s, %d lines: median %v, 99th percentile %v, longest %v", what, len(all), median, p99, all[len(all)-1])
	if p99 > bar && torture() || median > bar {
		b.Errorf("%s: that is more than %v", what, bar)
	}
}

// hanging stops the child, which then neither writes nor ends.
func (b *journalBox) hanging() {
	r := b.follow(journal.Options{Patience: 2 * time.Second})
	b.write("sshd", 1, "Server listening on 0.0.0.0 port 22.")
	b.next(r)
	b.signal(syscall.SIGSTOP)
	b.write("sshd", 1, "Received signal 15; terminating.")
	if got := b.next(r); got != "Received signal 15; terminating." {
		b.Errorf("got %q", got)
	}
	b.none(r)
}

// vacuumed deletes the file that the cursor stands in while nothing reads.
func (b *journalBox) vacuumed() {
	r := b.follow(journal.Options{})
	b.write("sshd", 1, "Failed password for one from 203.0.113.7 port 1 ssh2")
	b.next(r)
	place := <-r.marks
	r.stop()
	b.sh("journalctl --rotate")
	b.write("sshd", 2, "Failed password for two from 203.0.113.7 port 1 ssh2")
	b.write("sshd", 3, "Failed password for three from 203.0.113.7 port 1 ssh2")
	b.sh("journalctl --sync && rm /var/log/journal/*/system@*.journal")
	r = b.follow(journal.Options{Resume: places(place)})
	for _, name := range []string{"two", "three"} {
		if got := b.next(r); !strings.Contains(got, name) {
			b.Errorf("got %q, want that of %s", got, name)
		}
	}
	b.none(r)
}

func places(p ...sshwhy.Place) func(string) []sshwhy.Place {
	return func(stream string) []sshwhy.Place {
		if stream != p[0].Stream {
			return nil
		}
		return p
	}
}

// resumed goes on at each of some places, with cursors that are whole, damaged
// or of another journal, and expects what follows, once.
func (b *journalBox) resumed() {
	r := b.follow(journal.Options{})
	want := b.load(200, func(n int) {
		if n%70 == 0 {
			b.sh("journalctl --rotate")
		}
	})
	b.check(r, want)
	var marks []sshwhy.Place
	for range want {
		marks = append(marks, <-r.marks)
	}
	r.stop()
	other := strings.NewReplacer("s=", "s=0123456789abcdef", "b=", "b=fedcba9876543210")
	for name, damage := range map[string]func(string) string{
		"whole":              func(m string) string { return m },
		"cut off":            func(m string) string { return m[:len(m)-len(m)/2] },
		"of another journal": func(m string) string { return otherJournal(other.Replace(m)) },
		"without cursor":     func(m string) string { return strings.Join(strings.Fields(m)[:2], " ") },
		"number changed":     func(m string) string { return strings.Replace(m, ";t=", ";t=1", 1) },
	} {
		for _, n := range []int{0, 69, 70, 150, 198} {
			mark := damage(string(marks[n].Mark))
			r := b.follow(journal.Options{Resume: places(sshwhy.Place{Stream: marks[n].Stream, Mark: []byte(mark)})})
			if got := b.next(r); got != want[n+1] {
				b.Errorf("%s, at %d (%s): got %q, want %q", name, n, mark, got, want[n+1])
			}
			r.stop()
			if left := len(r.records); left > len(want)-n-2 {
				b.Errorf("%s, at %d: %d more records, of %d", name, n, left, len(want)-n-2)
			}
		}
	}
}

// otherJournal shortens the IDs to their length again.
func otherJournal(mark string) string {
	parts := strings.Split(mark, ";")
	for i, p := range parts {
		if before, id, ok := strings.Cut(p, "="); ok && len(id) > 32 {
			parts[i] = before + "=" + id[:32]
		}
	}
	return strings.Join(parts, ";")
}

// rebooted goes on in the entries of the next boot: with those of the boot that
// the cursor is of, and without.
func (b *journalBox) rebooted() {
	const first, second = "6e3cc7ae85b94588bfa21a7bc3d37621", "0d1219c7c4c5404aaa1f6d2a48adfda4"
	boot := func(id string, from, to int, start int64) (lines []string) {
		var text strings.Builder
		for n := from; n < to; n++ {
			line := fmt.Sprintf("Failed password for user%d from 203.0.113.7 port 1 ssh2", n)
			lines = append(lines, line)
			fmt.Fprintf(&text, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\nSYSLOG_IDENTIFIER=sshd\nSYSLOG_PID=7\n_HOSTNAME=edge05\nMESSAGE=%s\n\n",
				start+int64(n), 5_000_000+n-from, id, line)
		}
		if err := os.WriteFile("/run/box/"+id, []byte(text.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		b.sh("/lib/systemd/systemd-journal-remote -o /run/box/made/" + id + ".journal /run/box/" + id + " 2>&1")
		return lines
	}
	b.sh("mkdir /run/box/made")
	start := time.Now().Add(-time.Hour).UnixMicro()
	before := boot(first, 0, 50, start)
	o := journal.Options{Directory: "/run/box/made", FromStart: true}
	r := b.follow(o)
	b.check(r, before)
	r.stop()
	var last sshwhy.Place
	for range before {
		last = <-r.marks
	}
	after := boot(second, 50, 80, start+60_000_000)
	o.Resume = places(last)
	r = b.follow(o)
	b.check(r, after)
	r.stop()
	b.sh("rm /run/box/made/" + first + ".journal")
	b.check(b.follow(o), after)
}

// shortened takes from under the child what it is reading: before v255
// libsystemd ends its process then. What is left is read, once.
func (b *journalBox) shortened() {
	first := b.load(5000, func(int) {})
	b.sh("journalctl --rotate")
	second := b.load(5000, func(int) {})
	b.sh("journalctl --sync")
	ctx, cancel := context.WithTimeout(b.Context(), 60*time.Second)
	defer cancel()
	got := map[string]int{}
	o := journal.Options{Follow: true, FromStart: true, Commands: b.commands}
	for r, err := range journal.New(o).Records(ctx) {
		switch {
		case err != nil:
			b.Log(err)
		case r.Tick && got[second[len(second)-1]] > 0:
			cancel()
		case !r.Tick:
			if got[string(r.Text)]++; len(got) == 10 {
				b.sh("truncate -s 1M /var/log/journal/*/system@*.journal")
			}
		}
	}
	count := func(lines []string) (lost, twice int) {
		for _, text := range lines {
			switch n := got[text]; {
			case n == 0:
				lost++
			case n > 1:
				twice++
			}
		}
		return lost, twice
	}
	lost, twice := count(second)
	gone, double := count(first)
	b.Logf("the file that was shortened: %d gone, %d twice; the one behind it: %d lost, %d twice", gone, double, lost, twice)
	if lost+twice+double > 0 || gone == 0 {
		b.Errorf("%d lost, %d twice", lost, twice+double)
	}
}

// orphaned: a child does not outlive its parent, however that ends.
func (b *journalBox) orphaned() {
	if os.Getenv("SSHWHY_JOURNAL_PARENT") != "" {
		b.follow(journal.Options{})
		b.signal(0)
		fmt.Println("following")
		time.Sleep(time.Hour)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	parent := exec.Command(self, "-test.run", "^TestBesideJournald$")
	parent.Env = append(os.Environ(), "SSHWHY_JOURNAL_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		b.Fatal(err)
	}
	out.Read(make([]byte, 1))
	alive := func() bool {
		return exec.Command("pgrep", "-f", "--", "--output=export").Run() == nil
	}
	if !alive() {
		b.Fatal("there is no child")
	}
	parent.Process.Kill()
	parent.Wait()
	for range 100 {
		if !alive() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Error("the child lives on")
}

// chosen: what is sshd's, and what is about it, and nothing else.
func (b *journalBox) chosen() {
	r := b.follow(journal.Options{})
	b.write("cron", 1, "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)")
	b.write("sshd", 2, "Server listening on 0.0.0.0 port 22.")
	b.write("internal-sftp", 3, "session opened for local user alice from [203.0.113.7]")
	b.write("systemd", 4, "Not of the first process", "UNIT=ssh.service")
	b.write("systemd-journald", 4, "Suppressed 77 messages from ssh.service", "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e")
	b.write("systemd-journald", 4, "Suppressed 78 messages from cron.service", "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e")
	b.write("sshd-auth", 5, "two\tblanks and \x1b[31m colour")
	long := strings.Repeat("x", sshwhy.MaxLine+10)
	b.write("sshd", 6, long)
	for _, want := range []string{
		"Server listening on 0.0.0.0 port 22.", "session opened for local user alice from [203.0.113.7]",
		"Suppressed 77 messages from ssh.service", "two\tblanks and \x1b[31m colour", long[:sshwhy.MaxLine],
	} {
		if got := b.next(r); got != want {
			b.Errorf("got %.80q (%d bytes), want %.80q", got, len(got), want)
		}
	}
	b.none(r)
}

// files reads what journalctl can also read, without a journald: a file, a
// folder and an export, each to its end.
func (b *journalBox) files() {
	var want []string
	for n := range 3000 {
		want = append(want, fmt.Sprintf("Failed password for user%d from 203.0.113.7 port 1 ssh2", n))
		b.write("sshd", n, want[n])
		if n == 999 {
			b.sh("journalctl --rotate")
		}
	}
	b.sh("journalctl --sync; cp -r /var/log/journal/* /run/box/copy; cp /run/box/copy/system@*.journal '/run/box/a [b]*.journal'")
	for name, try := range map[string]struct {
		o        journal.Options
		want     []string
		troubles int
	}{
		"folder":           {o: journal.Options{Directory: "/run/box/copy"}, want: want},
		"file":             {o: journal.Options{Files: []string{"/run/box/a [b]*.journal"}}, want: want[:1000]},
		"both files":       {o: journal.Options{Files: []string{"/run/box/copy/system.journal", "/run/box/a [b]*.journal"}}, want: want},
		"from a time on":   {o: journal.Options{Since: time.Now().Add(time.Hour)}},
		"this host's":      {o: journal.Options{}, want: want},
		"an empty folder":  {o: journal.Options{Directory: "/run/box/dev/shm"}},
		"a missing folder": {o: journal.Options{Directory: "/run/box/none"}, troubles: 1},
		"not a journal":    {o: journal.Options{Files: []string{"/etc/passwd"}}, troubles: 1},
	} {
		try.o.Commands = b.commands
		var got []string
		var troubles []error
		for record, err := range journal.New(try.o).Records(b.Context()) {
			if err != nil {
				troubles = append(troubles, err)
				continue
			}
			got = append(got, string(record.Text))
		}
		if !slices.Equal(got, try.want) || len(troubles) != try.troubles {
			b.Errorf("%s: got %d records and %v, want %d", name, len(got), troubles, len(try.want))
		}
	}
}

// idle measures what waiting costs: this process, which holds the reader and
// little else, and the child.
func (b *journalBox) idle() {
	span := 3 * time.Second
	if torture() {
		span = time.Minute
	}
	r := b.follow(journal.Options{})
	for range b.load(20_000, func(int) {}) {
		b.next(r)
	}
	time.Sleep(time.Second)
	pids, before := b.processes(), []time.Duration(nil)
	// The reader begins another child where files of the journal came or
	// went: what that costs is not what waiting costs.
	for range 10 {
		before = processorTimes(pids)
		time.Sleep(span)
		again := b.processes()
		if slices.Equal(again, pids) {
			break
		}
		b.Logf("processes %v became %v: measured again", pids, again)
		pids, before = again, nil
	}
	if before == nil {
		b.Fatal("the children do not stay")
	}
	after := processorTimes(pids)
	total := 0.0
	for i, pid := range pids {
		share := 100 * float64(after[i]-before[i]) / float64(span)
		total += share
		b.Logf("process %d: idle %.3f %% of a core, %s", pid, share, resident(fmt.Sprint(pid)))
	}
	if total > 0.2 && torture() {
		b.Errorf("waiting costs %.3f %% of a core, more than 0.2 %%", total)
	}
}

// processes gives this one and its children.
func (b *journalBox) processes() []int {
	pids := append(b.children(), os.Getpid())
	slices.Sort(pids)
	return pids
}

// processorTimes gives what processes have used so far, all their threads.
func processorTimes(pids []int) (used []time.Duration) {
	for _, pid := range pids {
		var sum time.Duration
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, task := range tasks {
			if text, err := os.ReadFile(task); err == nil {
				n, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
				sum += time.Duration(n)
			}
		}
		used = append(used, sum)
	}
	return used
}
