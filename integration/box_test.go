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
	"strings"
	"syscall"
	"testing"
	"time"
)

// The people of every box. alice is whom the logins are for; bob is another
// user of the server; carol sits at the client, which is the same host but
// another home.
const (
	aliceHome, aliceID = "/home/alice", 2001
	bobHome, bobID     = "/home/bob", 2002
	carolHome, carolID = "/home/carol", 2003

	alicePassword = "tulip-Quartz-31"
	wrongPassword = "tulip-quartz-31"

	// The hash of alicePassword, made with "openssl passwd -6".
	aliceHash = "$6$edge05$L4hLSVapzy7CqG0IYGTXVSrGtFlmBKHjoxGkwKH/whxQJlZhoJ1.t/qBwCmUAHJaSQKw.Hc7nM2IqY5yBDXEo0"
)

const (
	sshdConfig = "/etc/ssh/sshd_config"
	aliceKeys  = aliceHome + "/.ssh/authorized_keys"

	serverAddress = "192.0.2.10"
	clientAddress = "203.0.113.7"
)

// box is a host on which one scenario is played. Its methods end the test
// where the host does not do what it should.
type box struct {
	t     *testing.T
	sshd  release
	level string
	log   *syslogd
	// hasCA tells that this scenario's CA is at hand, so that its steps
	// can be taken as well.
	hasCA bool
	held  []net.Conn // connections that meanwhile holds open
}

// newBox makes a host on which everything works. sshd does not run yet.
func newBox(t *testing.T, level string) *box {
	t.Helper()
	if level == "" {
		level = "INFO"
	}
	sshd, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, sshd: sshd, level: level}
	if b.log, err = newSyslogd("/var/log/auth.log"); err != nil {
		t.Fatal(err)
	}
	os.Setenv("PATH", "/mnt/box/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	b.addUser("alice", aliceID, aliceHash)
	b.addUser("bob", bobID, aliceHash)
	b.addUser("carol", carolID, "*")
	b.sh("rm -f /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d/* /etc/ssh/ssh_config.d/* /etc/nologin /etc/security/limits.d/*; cp /mnt/box/ssh_host_* /etc/ssh/")
	b.sh("chmod 600 /etc/ssh/ssh_host_*_key")
	b.write("/etc/hosts", 0, 0o644, "127.0.0.1 localhost\n"+serverAddress+" server edge05\n")
	b.write("/etc/ssh/ssh_config", 0, 0o644, `Host *
    BindAddress `+clientAddress+`
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    NumberOfPasswordPrompts 1
    ConnectTimeout 10
    LogLevel ERROR
`)
	b.give("id_ed25519")
	b.authorize(b.read(carolHome + "/.ssh/id_ed25519.pub"))
	return b
}

// addUser adds an account with a home and a .ssh.
func (b *box) addUser(name string, id int, hash string) {
	home := "/home/" + name
	b.appendTo("/etc/passwd", fmt.Sprintf("%s:x:%d:%d::%s:/bin/bash\n", name, id, id, home))
	b.appendTo("/etc/group", fmt.Sprintf("%s:x:%d:\n", name, id))
	b.appendTo("/etc/shadow", fmt.Sprintf("%s:%s:20000:0:99999:7:::\n", name, hash))
	for _, dir := range []string{home, home + "/.ssh"} {
		b.mkdir(dir, id, 0o700)
	}
	b.must(os.Chmod(home, 0o755))
}

// give puts a key pair of that name into carol's .ssh.
func (b *box) give(name string) {
	for ending, mode := range map[string]os.FileMode{"": 0o600, ".pub": 0o644} {
		b.write(carolHome+"/.ssh/"+name+ending, carolID, mode, b.read("/mnt/box/"+name+ending))
	}
}

// authorize makes the lines all that alice's authorized_keys holds.
func (b *box) authorize(lines string) {
	b.write(aliceKeys, aliceID, 0o600, strings.TrimSpace(lines)+"\n")
}

// key gives carol's public key.
func (b *box) key() string { return strings.TrimSpace(b.read(carolHome + "/.ssh/id_ed25519.pub")) }

// configure writes sshd_config: what Debian ships, the LogLevel, and lines.
func (b *box) configure(lines string) {
	text := "Include /etc/ssh/sshd_config.d/*.conf\n"
	for _, line := range []string{
		"LogLevel " + b.level, "KbdInteractiveAuthentication no", "UsePAM yes", "X11Forwarding yes", "PrintMotd no",
		"AcceptEnv LANG LC_*", "Subsystem sftp /usr/lib/openssh/sftp-server",
	} {
		// Of a keyword given twice the first counts: the scenario's.
		if keyword, _, _ := strings.Cut(line, " "); keyword == "Subsystem" || !strings.Contains(lines, keyword) {
			text += line + "\n"
		}
	}
	b.write(sshdConfig, 0, 0o644, spelt(text+lines+"\n", b.sshd))
}

// startSSHD starts the service; that it does not come up may be what was
// arranged.
func (b *box) startSSHD() { b.asRoot("", "systemctl start ssh") }

// settled waits until sshd has no connections and the log is quiet.
func (b *box) settled() {
	for range 150 {
		if b.connections() == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.log.quiet()
}

// until waits for something that is under way.
func (b *box) until(done func() bool) {
	for range 250 {
		if done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.fatalf("arranging: what was to happen did not happen in 5 s")
}

// connections counts the processes whose parent is the listening sshd.
func (b *box) connections() int {
	listener, err := os.ReadFile("/run/sshd.pid")
	if err != nil {
		return 0
	}
	n := 0
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, _ := os.ReadFile(path)
		// "PID (NAME) STATE PARENT ..."
		_, rest, ok := bytes.Cut(stat, []byte(") "))
		if f := bytes.Fields(rest); ok && len(f) > 1 && bytes.Equal(f[1], bytes.TrimSpace(listener)) {
			n++
		}
	}
	return n
}

// result is what became of a command.
type result struct {
	status int
	output string // of both standard streams
}

// asRoot runs a line of sh on the server.
func (b *box) asRoot(input, line string) result {
	return b.run(exec.Command("sh", "-c", line), input)
}

// asClient runs a line of sh as carol, without a terminal. ssh's questions are
// answered with the password.
func (b *box) asClient(password, input, line string, env ...string) result {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = carolHome
	cmd.Env = append([]string{
		"HOME=" + carolHome, "USER=carol", "LOGNAME=carol", "PATH=" + os.Getenv("PATH"), "TERM=dumb",
		"SSH_ASKPASS=/mnt/box/bin/askpass", "SSH_ASKPASS_REQUIRE=force", "PASSWORD=" + password,
	}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: carolID, Gid: carolID}, Setsid: true}
	return b.run(cmd, input)
}

// commandTime bounds a command: one that waits for somebody ends as a failure.
const commandTime = 60 * time.Second

func (b *box) run(cmd *exec.Cmd, input string) result {
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &out
	cmd.WaitDelay = time.Second
	b.must(cmd.Start())
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	go func() {
		<-ctx.Done()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cmd.Process.Kill()
		}
	}()
	err := cmd.Wait()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState == nil {
		b.fatalf("%s: %v", cmd, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String()}
}

// sh runs a line of sh that must succeed.
func (b *box) sh(line string) string {
	r := b.asRoot("", line)
	if r.status != 0 {
		b.fatalf("%s: status %d\n%s", line, r.status, r.output)
	}
	return r.output
}

func (b *box) read(path string) string {
	text, err := os.ReadFile(path)
	b.must(err)
	return string(text)
}

func (b *box) write(path string, owner int, mode os.FileMode, text string) {
	b.must(os.MkdirAll(filepath.Dir(path), 0o755))
	b.must(os.WriteFile(path, []byte(text), mode))
	b.must(os.Chmod(path, mode))
	b.must(os.Chown(path, owner, owner))
}

func (b *box) appendTo(path, text string) {
	b.must(os.WriteFile(path, []byte(b.read(path)+text), 0o644))
}

func (b *box) mkdir(path string, owner int, mode os.FileMode) {
	b.must(os.MkdirAll(path, 0o755))
	b.must(os.Chmod(path, mode))
	b.must(os.Chown(path, owner, owner))
}

func (b *box) must(err error) {
	if err != nil {
		b.fatalf("arranging: %v", err)
	}
}

func (b *box) notef(format string, args ...any) {
	b.t.Helper()
	b.t.Logf(format, args...)
}

func (b *box) errorf(format string, args ...any) {
	b.t.Helper()
	b.t.Errorf(format, args...)
}

// fatalf ends the test, with the log so far.
func (b *box) fatalf(format string, args ...any) {
	b.t.Helper()
	b.t.Errorf(format, args...)
	b.t.Fatalf("the log is\n%s", b.readLog())
}
