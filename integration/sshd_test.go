//go:build integration && linux

package integration

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scenarioVariable names the scenario to the test binary inside a box.
const scenarioVariable = "SSHWHY_SCENARIO"

// scenarios are all entries, in the order of a connection's life.
func scenarios() []scenario {
	var all []scenario
	for _, table := range [][]scenario{
		ending("startup-failed", serviceScenarios()), ending("dropped", droppedScenarios()), ending("refused", negotiationScenarios()),
		ending("refused", accountScenarios()), ending("refused", pamScenarios()),
		ending("refused", keyScenarios()), ending("refused", keysFileScenarios()),
		ending("refused", certificateScenarios()), ending("refused", keysCommandScenarios()),
		ending("refused", passwordScenarios()), ending("refused", methodScenarios()),
		clientScenarios(), ending("accepted", sessionScenarios()),
	} {
		all = append(all, table...)
	}
	return all
}

// TestSSHD runs every scenario in a box of its own.
func TestSSHD(t *testing.T) {
	if os.Getenv(scenarioVariable) != "" {
		t.Skip("inside a box")
	}
	needRoot(t)
	sshd, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	folder := newFolder(t)
	t.Cleanup(func() { recognises(t, folder) })
	seen := map[string]bool{}
	for _, s := range scenarios() {
		if seen[s.name] {
			t.Fatalf("two scenarios are named %q", s.name)
		}
		seen[s.name] = true
		t.Run(s.name, func(t *testing.T) {
			if _, absent := s.on(sshd); absent != "" {
				t.Skip(absent)
			}
			t.Parallel()
			runInBox(t, folder, s.name)
		})
	}
}

// TestInBox is the part of TestSSHD that runs inside a box.
func TestInBox(t *testing.T) {
	name := os.Getenv(scenarioVariable)
	if name == "" {
		t.Skip("the inner part of TestSSHD")
	}
	for _, s := range scenarios() {
		if s.name == name {
			b := newBox(t, s.level)
			t.Cleanup(b.leave)
			seen, _ := s.on(b.sshd)
			b.play(&seen)
			return
		}
	}
	t.Fatalf("no scenario is named %q", name)
}

// leave puts the box's log where recognises finds it, and tells it.
func (b *box) leave() {
	path := "/mnt/box/logs/" + strings.ReplaceAll(os.Getenv(scenarioVariable), "/", "-")
	if err := os.WriteFile(path, []byte(b.readLog()), 0o644); err != nil {
		b.t.Error(err)
	}
	if !b.t.Failed() { // which has told it
		b.notef("the log is\n%s", b.readLog())
	}
}

// recognises reads the logs of all boxes: sshwhy must know every line of sshd.
func recognises(t *testing.T, folder string) {
	logs, err := filepath.Glob(filepath.Join(folder, "logs", "*"))
	if err != nil || len(logs) == 0 {
		return
	}
	cmd := exec.Command(filepath.Join(folder, "bin", "sshwhy"), append([]string{"replay", "--lang", "en", "--missed"}, logs...)...)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("every line of sshd was recognised")) {
		t.Errorf("of the boxes' logs (error: %v):\n%s", err, out)
	}
}

// needRoot skips without root; where nobody is there to read that (CI), it
// fails.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	const reason = "needs root: it makes namespaces and starts sshd on port 22 of them"
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// programVariable names a sshwhy that was built elsewhere, for a root without
// Go.
const programVariable = "SSHWHY_PROGRAM"

// newFolder makes what every box sees as /mnt/box: the programs, and what
// takes long to make.
func newFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	bin := filepath.Join(folder, "bin")
	for _, dir := range []string{bin, filepath.Join(folder, "logs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(folder, 0o755); err != nil { // the client is not root
		t.Fatal(err)
	}
	if program := os.Getenv(programVariable); program != "" {
		command(t, "cp", program, filepath.Join(bin, "sshwhy"))
	} else {
		command(t, "go", "build", "-o", filepath.Join(bin, "sshwhy"), "github.com/sshwhy/sshwhy/cmd/sshwhy")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command(t, "cp", self, filepath.Join(bin, "integration.test"))
	for _, name := range []string{"box.sh", "systemctl", "askpass"} {
		command(t, "install", "-m", "755", filepath.Join("testdata", name), bin)
	}
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		command(t, "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@edge05", "-f", filepath.Join(folder, "ssh_host_"+kind+"_key"))
		command(t, "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "carol@laptop", "-f", filepath.Join(folder, "id_"+kind))
	}
	return folder
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// boxTime is more than any scenario takes.
const boxTime = 240 * time.Second

func runInBox(t *testing.T, folder, name string) {
	// The box dies with its parent, which to the kernel is this thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeout(context.Background(), boxTime)
	defer cancel()
	bin := filepath.Join(folder, "bin")
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc",
		"bash", filepath.Join(bin, "box.sh"), folder, "/mnt/box/bin/integration.test", "-test.run=^TestInBox$", "-test.v")
	cmd.Env = append(os.Environ(), scenarioVariable+"="+name, "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil || !bytes.Contains(out.Bytes(), []byte("--- PASS: TestInBox")) {
		t.Fatalf("in the box: %v\n%s", err, out.Bytes())
	}
	if testing.Verbose() {
		t.Logf("\n%s", out.Bytes())
	}
}
