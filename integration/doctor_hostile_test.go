//go:build integration && linux

package integration

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const hostileVariable = "SSHWHY_HOSTILE"

// TestHostileHome has the doctor look at homes that were made to reveal
// something, to hang it, or to feed it.
func TestHostileHome(t *testing.T) {
	if os.Getenv(hostileVariable) != "" {
		t.Skip("inside a box")
	}
	needRoot(t)
	folder := newFolder(t)
	command(t, "install", "-m", "755", filepath.Join("testdata", "doctor-systemctl"), filepath.Join(folder, "bin"))
	inBox(t, folder, "TestHostileHomeInBox", hostileVariable+"=yes")
}

// TestHostileHomeInBox is the part of TestHostileHome that runs inside a box.
func TestHostileHomeInBox(t *testing.T) {
	if os.Getenv(hostileVariable) == "" {
		t.Skip("the inner part of TestHostileHome")
	}
	b := newBox(t, "")
	b.configure("")
	const secret = "c2VjcmV0IG9mIHJvb3Q"
	b.write("/root/authorized", 0, 0o600, "# "+secret+"\n"+`environment="TOKEN=`+secret+`" `+b.key()+"\n")
	b.startSSHD()
	inSSH := func(line string) func() {
		return func() { b.sh("cd " + aliceHome + "/.ssh && rm -rf authorized_keys && " + line) }
	}
	stop := make(chan struct{})
	for _, home := range []struct {
		name   string
		make   func()
		unmake func()
	}{
		{"a link to /etc/shadow", inSSH("ln -s /etc/shadow authorized_keys"), nil},
		{"a link to a file of root's with keys", inSSH("ln -s /root/authorized authorized_keys"), nil},
		{"a hard link to a file that all may read", inSSH("cp /etc/passwd authorized_keys && chown alice authorized_keys"), nil},
		{"a FIFO", inSSH("mkfifo authorized_keys && chown alice authorized_keys"), nil},
		{"a link to /dev/zero", inSSH("ln -s /dev/zero authorized_keys"), nil},
		{"a link to a terminal", inSSH("ln -s /dev/ptmx authorized_keys"), nil},
		{"a link to /proc/self/environ", inSSH("ln -s /proc/self/environ authorized_keys"), nil},
		{"a link to /proc/self/fd/0", inSSH("ln -s /proc/self/fd/0 authorized_keys"), nil},
		{"links in a circle", inSSH("ln -s authorized_keys authorized_keys"), nil},
		{"1 GB without a line", inSSH("truncate -s 1G authorized_keys && chown alice authorized_keys"), nil},
		{"64 MiB of lines", inSSH("yes 'ssh-ed25519 AAAA' | head -c 64M > authorized_keys; chown alice authorized_keys"), nil},
		{"options that hold a secret", inSSH(`printf 'command="mail %s" ssh-ed25519 AAAA\ncomand="%s" %s\n' ` + secret + " " + secret + ` "$(cat /mnt/box/id_ed25519.pub)" > authorized_keys; chown alice authorized_keys`), nil},
		{"escapes", inSSH(`printf 'no-\033[31mpty\nx ssh-ed25519 AAAA\n\033]0;title\007,no-pty %s\n' "$(cat /mnt/box/id_ed25519.pub)" > authorized_keys; chown alice authorized_keys`), nil},
		{"a file that changes while it is read", func() {
			go func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						name := aliceHome + "/.ssh/authorized_keys"
						os.Remove(name)
						switch i % 4 {
						case 0:
							os.Symlink("/etc/shadow", name)
						case 1:
							os.WriteFile(name, []byte(strings.Repeat(b.key()+"\n", i%1000)), 0o600)
						case 2:
							os.Mkdir(name, 0o700)
						}
					}
				}
			}()
		}, func() { close(stop) }},
		{"a home whose name has a line's end and an escape", func() {
			b.sh("mv /home/alice \"$(printf '/home/al\\nice\\033[2J')\"; sed -i 's|:/home/alice:|:/home/al\\\\nice:|' /etc/passwd")
		}, nil},
	} {
		home.make()
		for _, form := range []string{"text", "json"} {
			cmd := exec.Command("/mnt/box/bin/sshwhy", "doctor", "alice", "--output", form, "--no-advice", "--key", "/mnt/box/id_ed25519.pub")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			begin := time.Now()
			b.must(cmd.Start())
			timer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
			err := cmd.Wait()
			timer.Stop()
			took := time.Since(begin)
			b.notef("%s: %v, %v", home.name, took.Round(time.Millisecond), err)
			if took > 2*time.Second {
				b.errorf("%s: the doctor took %v", home.name, took)
			}
			text := out.String()
			if strings.Contains(text, secret) || strings.Contains(text, "$6$") || strings.Contains(text, strings.Fields(b.key())[1]) {
				b.errorf("%s: the doctor reveals something:\n%s", home.name, text)
			}
			if strings.ContainsAny(text, "\x1b\x07") {
				b.errorf("%s: the doctor writes escapes:\n%q", home.name, text)
			}
			if form == "json" && !json.Valid(out.Bytes()) {
				b.errorf("%s: this is no JSON:\n%s", home.name, text)
			}
		}
		if home.unmake != nil {
			home.unmake()
		}
	}
}
