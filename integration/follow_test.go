//go:build integration && linux

package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/tailers"
)

// rsyslog is a real rsyslogd on a socket and a log of its own, with a logrotate
// that rotates it.
type rsyslog struct {
	t      *testing.T
	dir    string
	daemon *exec.Cmd
	conn   net.Conn
}

// rotation is how logrotate is told to rotate, and how late rsyslogd is told
// of it.
type rotation struct {
	name   string
	config string // lines of logrotate.conf
	late   string // seconds
}

func newRsyslog(t *testing.T, r rotation) *rsyslog {
	t.Helper()
	s := &rsyslog{t: t, dir: t.TempDir()}
	s.write("rsyslog.conf", fmt.Sprintf(`global(workDirectory=%[1]q)
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="%[1]s/socket" CreatePath="on" RateLimit.Interval="0")
template(name="classic" type="string" string="%%TIMESTAMP%% %%HOSTNAME%% %%syslogtag%%%%msg:::sp-if-no-1st-sp%%%%msg:::drop-last-lf%%\n")
auth,authpriv.* action(type="omfile" file="%[1]s/auth.log" template="classic" fileCreateMode="0640" asyncWriting="off" flushOnTXEnd="on")
`, s.dir))
	hup := fmt.Sprintf("postrotate\n    sleep %s; kill -HUP $(cat %s/rsyslogd.pid)\n  endscript", r.late, s.dir)
	s.write("logrotate.conf", fmt.Sprintf("%s/auth.log {\n  su root root\n  rotate 9\n  missingok\n  %s\n  %s\n}\n", s.dir, r.config, hup))
	if err := os.Chmod(s.dir, 0o755); err != nil { // logrotate refuses a folder that others may write to
		t.Fatal(err)
	}
	s.daemon = exec.Command("rsyslogd", "-n", "-f", s.path("rsyslog.conf"), "-i", s.path("rsyslogd.pid"))
	var said bytes.Buffer
	s.daemon.Stdout, s.daemon.Stderr = &said, &said
	s.daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.daemon.Process.Signal(syscall.SIGTERM)
		_ = s.daemon.Wait()
	})
	s.until("rsyslogd listens", func() bool {
		var err error
		s.conn, err = net.Dial("unixgram", s.path("socket"))
		return err == nil && s.exists("rsyslogd.pid")
	})
	t.Cleanup(func() { s.conn.Close() })
	return s
}

func (s *rsyslog) path(name string) string { return filepath.Join(s.dir, name) }

func (s *rsyslog) exists(name string) bool {
	_, err := os.Stat(s.path(name))
	return err == nil
}

func (s *rsyslog) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *rsyslog) until(what string, is func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// send logs line number n: connections of 2 to 8 lines, one after the other.
func (s *rsyslog) send(n int) {
	if _, err := fmt.Fprintf(s.conn, "<38>sshd[%d]: Connection closed by 203.0.113.7 port %d line %d", 1000+n/5%30000, 1024+n/5%60000, n); err != nil {
		s.t.Error(err)
	}
}

func (s *rsyslog) rotate() {
	out, err := exec.Command("logrotate", "-f", "-s", s.path("state"), s.path("logrotate.conf")).CombinedOutput()
	if err != nil {
		s.t.Errorf("logrotate: %v\n%s", err, out)
	}
}

// follower counts what a source gives of the lines.
type follower struct {
	seen    []atomic.Int32
	count   atomic.Int64
	strange atomic.Int64
	notices atomic.Int64
	stop    func()
}

func follow(t *testing.T, path string, lines int) *follower {
	f := &follower{seen: make([]atomic.Int32, lines)}
	ctx, cancel := context.WithCancel(context.Background())
	begun, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticks := 0
		for r, err := range tailers.NewFile(path, tailers.FileOptions{}).Records(ctx) {
			if n, ok := errors.AsType[*sshwhy.Notice](err); ok {
				t.Log("notice: ", n)
				f.notices.Add(1)
			} else if err != nil {
				t.Error(err)
			} else if !r.Tick {
				f.note(r.Text)
			} else if ticks++; ticks == 2 {
				close(begun)
			}
		}
	}()
	<-begun
	f.stop = func() { cancel(); <-done }
	t.Cleanup(f.stop)
	return f
}

func (f *follower) note(text []byte) {
	n, err := strconv.Atoi(string(text[bytes.LastIndexByte(text, ' ')+1:]))
	if err != nil || n < 0 || n >= len(f.seen) {
		f.strange.Add(1)
		return
	}
	f.seen[n].Add(1)
	f.count.Add(1)
}

// TestFollowRotation follows the log of a real rsyslogd that a real logrotate
// rotates five times while 40,000 lines are logged.
func TestFollowRotation(t *testing.T) {
	needRoot(t)
	var all []rotation
	for _, create := range []string{"create 0640 root root", "nocreate"} {
		for _, late := range []string{"0", "0.2", "1"} {
			all = append(all, rotation{create + ", HUP " + late + " s late", create + "\n  compress\n  delaycompress", late})
		}
	}
	all = append(all,
		rotation{"compressed at once with gzip", "nocreate\n  compress", "0.2"},
		rotation{"compressed at once with zstd, named by date", "create 0640 root root\n  compress\n  compresscmd /usr/bin/zstd\n  compressext .zst\n  compressoptions --rm\n  dateext\n  dateformat -%Y%m%d-%s", "0.2"},
		rotation{"copytruncate", "copytruncate", "0"},
	)
	for _, r := range all {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(r.config, "zstd") {
				if _, err := exec.LookPath("zstd"); err != nil {
					t.Skip(err)
				}
			}
			followRotation(t, r)
		})
	}
}

func followRotation(t *testing.T, r rotation) {
	const lines, rotations = 40_000, 5
	s := newRsyslog(t, r)
	f := follow(t, s.path("auth.log"), lines)
	rotated := make(chan struct{})
	go func() {
		defer close(rotated)
		for range rotations {
			pause := 700 * time.Millisecond
			if strings.Contains(r.config, "%s") {
				pause = 1100 * time.Millisecond // a name a second
			}
			time.Sleep(pause)
			s.rotate()
		}
	}()
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for n := 0; n < lines; <-pace.C {
		// As many as needed for the load to last longer than the rotations.
		burst := 55
		select {
		case <-rotated:
			burst = 1000
		default:
			if lines-n <= 2000 {
				burst = 1
			}
		}
		for ; burst > 0 && n < lines; burst-- {
			s.send(n)
			n++
		}
	}
	<-rotated
	copied := strings.Contains(r.config, "copytruncate")
	if !copied {
		s.until("all lines came", func() bool { return f.count.Load() >= lines })
	} else {
		s.until("the last line came", func() bool { return f.seen[lines-1].Load() > 0 })
	}
	time.Sleep(500 * time.Millisecond) // what comes twice
	f.stop()
	lost, twice, nowhere := 0, 0, 0
	there := s.inFiles(lines)
	for n := range f.seen {
		switch times := f.seen[n].Load(); {
		case times == 0 && !there[n]:
			nowhere++ // copytruncate: written between the copy and the truncation
		case times == 0:
			lost++
		case times > 1:
			twice++
		}
	}
	t.Logf("torture: rsyslogd and logrotate, %s | %d lines, %d rotations: %d lost, %d twice, %d written to no file that is left", r.name, lines, rotations, lost, twice, nowhere)
	if lost > 0 || twice > 0 || f.strange.Load() > 0 || nowhere > 0 && !copied || f.notices.Load() > 0 && !copied {
		t.Errorf("%d lost, %d twice, %d strange, %d nowhere, %d notices", lost, twice, f.strange.Load(), nowhere, f.notices.Load())
	}
}

// inFiles tells which lines are in the log or what rotation made of it.
func (s *rsyslog) inFiles(lines int) []bool {
	there := make([]bool, lines)
	out, err := exec.Command("bash", "-c", "cd \"$0\"; for f in auth.log*; do case $f in *.gz) zcat $f;; *.zst) zstdcat $f;; *) cat $f;; esac; done", s.dir).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range bytes.Lines(out) {
		line = bytes.TrimSpace(line)
		if n, err := strconv.Atoi(string(line[bytes.LastIndexByte(line, ' ')+1:])); err == nil && n >= 0 && n < lines {
			there[n] = true
		}
	}
	return there
}

// TestFollowWithoutInotify follows in a namespace that has no inotify instance
// left: github.com/nxadm/tail would end the program.
func TestFollowWithoutInotify(t *testing.T) {
	followInNamespace(t, "TestFollowExhausted", "echo 0 >/proc/sys/user/max_inotify_instances")
}

// TestFollowWithoutWatches has instances, and no watches left.
func TestFollowWithoutWatches(t *testing.T) {
	followInNamespace(t, "TestFollowExhausted", "echo 0 >/proc/sys/user/max_inotify_watches")
}

// TestFollowWithoutDescriptors has so few descriptors that rotation cannot be
// followed for a while.
func TestFollowWithoutDescriptors(t *testing.T) {
	followInNamespace(t, "TestFollowFewDescriptors", "ulimit -n 40")
}

func followInNamespace(t *testing.T, inner, arrange string) {
	needRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--user", "--map-root-user", "bash", "-c", arrange+` && exec "$0" -test.run="^$1\$" -test.v`, self, inner)
	cmd.Env = append(os.Environ(), followVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+inner)) {
		if bytes.Contains(out, []byte("unshare failed")) {
			t.Skipf("no user namespaces here: %s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// followVariable tells the inner tests that they are inside.
const followVariable = "SSHWHY_FOLLOW"

// TestFollowExhausted is the inner part of those without inotify.
func TestFollowExhausted(t *testing.T) {
	if os.Getenv(followVariable) == "" {
		t.Skip("an inner test")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.log")
	f, n := follow(t, path, 1000), 0
	for round := range 10 {
		appendLines(t, path, &n, 100)
		if err := os.Rename(path, fmt.Sprintf("%s.%d", path, 10-round)); err != nil {
			t.Fatal(err)
		}
	}
	waitAll(t, f, n)
	if f.notices.Load() != 1 {
		t.Errorf("%d notices, want one on polling", f.notices.Load())
	}
}

// TestFollowFewDescriptors is the inner part of the test without descriptors.
func TestFollowFewDescriptors(t *testing.T) {
	if os.Getenv(followVariable) == "" {
		t.Skip("an inner test")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.log")
	f := follow(t, path, 10_000)
	// The writer is another process, with descriptors of its own.
	writer := exec.Command("bash", "-c", `cd "$0" && for ((r = 0; r < 100; r++)); do
		for ((i = 0; i < 100; i++)); do echo "Nov 22 15:35:56 edge05 sshd[$((1000 + r))]: line $((100 * r + i))"; done >>auth.log
		mv auth.log auth.log.$((100 - r)); sleep 0.01
	done`, dir)
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	var held []*os.File
	for { // all that are left
		h, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, h)
	}
	time.Sleep(time.Second)
	for _, h := range held {
		h.Close()
	}
	if err := writer.Wait(); err != nil {
		t.Fatal(err)
	}
	waitAll(t, f, 10_000)
}

func appendLines(t *testing.T, path string, n *int, count int) {
	t.Helper()
	var text bytes.Buffer
	for range count {
		fmt.Fprintf(&text, "Nov 22 15:35:56 edge05 sshd[%d]: line %d\n", 1000+*n/5, *n)
		*n++
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = file.Write(text.Bytes())
		file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func waitAll(t *testing.T, f *follower, n int) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); f.count.Load() < int64(n) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	f.stop()
	for i := range n {
		if times := f.seen[i].Load(); times != 1 {
			t.Fatalf("line %d came %d times; %d of %d lines came", i, times, f.count.Load(), n)
		}
	}
}
