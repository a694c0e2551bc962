//go:build integration && linux

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ailment is one thing that is wrong with a host, and what the doctor must say
// of it.
type ailment struct {
	// name says what is arranged.
	name string
	// config are lines of sshd_config.
	config string
	// arrange breaks the rest before sshd starts, start starts it,
	// afterStart goes on while the doctor looks; each may be nil.
	arrange, start, afterStart func(*box)
	// flags are the doctor's; user is whom it is asked about, alice where
	// empty.
	flags, user string
	// cause is what must be marked as wrong, and nothing else; "" for
	// nothing at all.
	cause string

	// The rest is as in scenario: how the remedy is followed, and the login
	// that then works.
	take       []string
	fill       map[string]func(*box) string
	input      string
	password   string
	afterwards func(*box)
	login      try
	beyond     string

	// long says that it is much like another, and played in the long form
	// alone.
	long bool
}

// TestDoctor has the doctor look at hosts of which one thing is wrong.
func TestDoctor(t *testing.T) {
	if os.Getenv(ailmentVariable) != "" {
		t.Skip("inside a box")
	}
	needRoot(t)
	folder := newFolder(t)
	command(t, "install", "-m", "755", filepath.Join("testdata", "doctor-systemctl"), filepath.Join(folder, "bin"))
	seen := map[string]bool{}
	for _, a := range ailments() {
		if seen[a.name] {
			t.Fatalf("two ailments are named %q", a.name)
		}
		seen[a.name] = true
		if a.long && os.Getenv("SSHWHY_TORTURE") == "" {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			inBox(t, folder, "TestDoctorInBox", ailmentVariable+"="+a.name)
		})
	}
}

const ailmentVariable = "SSHWHY_AILMENT"

// TestDoctorInBox is the part of TestDoctor that runs inside a box.
func TestDoctorInBox(t *testing.T) {
	name := os.Getenv(ailmentVariable)
	if name == "" {
		t.Skip("the inner part of TestDoctor")
	}
	for _, a := range ailments() {
		if a.name == name {
			newBox(t, "").consult(&a)
			return
		}
	}
	t.Fatalf("no ailment is named %q", name)
}

// inBox runs one test of this binary in a box of its own.
func inBox(t *testing.T, folder, test, variable string) {
	// The box dies with its parent, which to the kernel is this thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeout(context.Background(), boxTime)
	defer cancel()
	bin := filepath.Join(folder, "bin")
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc",
		"bash", filepath.Join(bin, "box.sh"), folder, "/mnt/box/bin/integration.test", "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable, "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil || !bytes.Contains(out.Bytes(), []byte("--- PASS: "+test)) {
		t.Fatalf("in the box: %v\n%s", err, out.Bytes())
	}
	if testing.Verbose() {
		t.Logf("\n%s", out.Bytes())
	}
}

// diagnosis is what the tests read of "doctor --output json".
type diagnosis struct {
	Wrong, Unseen int
	Checks        []observed
}

type observed struct {
	Layer, Mark, Check, Cause, Text string
	Remedy                          []step
	Values                          map[string]string
}

// doctor asks about the host as it is.
func (b *box) doctor(a *ailment) *diagnosis {
	user := a.user
	if user == "" {
		user = "alice"
	}
	words := append([]string{"doctor", user, "--output", "json", "--lang", "en"}, strings.Fields(a.flags)...)
	cmd := exec.Command("/mnt/box/bin/sshwhy", words...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	d := &diagnosis{}
	if e := json.Unmarshal(out.Bytes(), d); e != nil {
		b.fatalf("sshwhy %s: %v, %v\n%s", strings.Join(words, " "), err, e, complaint.Bytes())
	}
	if (d.Wrong > 0) != (cmd.ProcessState.ExitCode() == 1) {
		b.errorf("%d things are wrong, and the exit code is %d", d.Wrong, cmd.ProcessState.ExitCode())
	}
	b.notef("doctor took %v", took.Round(time.Millisecond))
	for _, o := range d.Checks {
		b.notef("%s %s%s [%s] %s", o.Mark, o.Layer, " "+o.Check, o.Cause, o.Text)
	}
	return d
}

// wrong gives what is marked so.
func (d *diagnosis) wrong() (list []observed) {
	for _, o := range d.Checks {
		if o.Mark == "bad" {
			list = append(list, o)
		}
	}
	return list
}

// maxUnseen is how much may not be seen by root.
const maxUnseen = 3

// consult plays an ailment: from what is arranged to the login that works.
func (b *box) consult(a *ailment) {
	// The doctor executes nothing but what lies in the folders of a system.
	b.sh("install -m 755 /mnt/box/bin/doctor-systemctl /usr/bin/systemctl")
	os.Setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/mnt/box/bin")
	b.configure(a.config)
	if a.arrange != nil {
		a.arrange(b)
	}
	if a.start != nil {
		a.start(b)
	} else {
		b.startSSHD()
	}
	if a.afterStart != nil {
		a.afterStart(b)
	}
	b.log.quiet()
	d := b.doctor(a)
	if d.Unseen > maxUnseen {
		b.errorf("root could not see %d things", d.Unseen)
	}
	wrong := d.wrong()
	if a.cause == "" {
		if len(wrong) > 0 {
			b.errorf("nothing is wrong, and the doctor says %s", wrong[0].Cause)
		}
	} else {
		if len(wrong) == 0 || slices.ContainsFunc(wrong, func(o observed) bool { return o.Cause != a.cause }) {
			b.fatalf("the doctor does not say %s alone", a.cause)
		}
		if a.beyond != "" {
			b.notef("no remedy here: %s", a.beyond)
			return
		}
		for _, o := range wrong { // several files may have the same
			b.heal(a, o.Remedy)
		}
		for _, o := range b.doctor(a).wrong() {
			b.errorf("after the remedy the doctor still says %s", o.Cause)
		}
	}
	login := a.login
	if login == nil {
		login = byKey()
	}
	if !login(b) {
		b.fatalf("the login fails")
	}
}

// heal follows the remedy of one thing.
func (b *box) heal(a *ailment, remedy []step) {
	b.mend(&scenario{take: a.take, fill: a.fill, input: a.input, password: a.password}, remedy)
	if a.afterwards != nil {
		a.afterwards(b)
	}
}

// ailments are all, those first that keep a client from reaching sshd.
func ailments() []ailment {
	return slices.Concat(healthy(), refusals(), denials(), keyAilments())
}

// healthy are hosts with which nothing is wrong.
func healthy() []ailment {
	return []ailment{
		{name: "a healthy host"},
		{name: "a healthy host, for a client", flags: "--from " + clientAddress},
		{name: "a healthy host, for a key", flags: "--key " + carolHome + "/.ssh/id_ed25519.pub"},
		{name: "a healthy host with passwords off", config: "PasswordAuthentication no"},
		{name: "a healthy account of a cloud image", config: "PasswordAuthentication no", arrange: func(b *box) { b.sh("usermod -p '!' alice") }},
		{name: "a healthy host on another port", config: "Port 2222", login: byKey("-p 2222")},
		{
			name:   "a healthy host of which values are in an included file, in a Match block, and given twice",
			config: "PubkeyAuthentication no\nDenyUsers alice\nMatch User alice Address 198.51.100.0/24\n    PasswordAuthentication no",
			arrange: func(b *box) {
				b.write("/etc/ssh/sshd_config.d/10-first.conf", 0, 0o644, "PubkeyAuthentication yes\nDenyUsers mallory\n")
				// Of DenyUsers all lines count, of PubkeyAuthentication the first.
				b.sh("sed -i '/^DenyUsers alice/d' " + sshdConfig)
			},
		},
	}
}
