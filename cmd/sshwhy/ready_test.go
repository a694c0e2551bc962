//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestRunIsReadyWhenItHasLooked starts the service as systemd does, and writes
// to its logs the moment that it says it is ready: each line is read, also by a
// service that was killed right then and started again. Whoever asks for its
// status gets no answer before.
func TestRunIsReadyWhenItHasLooked(t *testing.T) {
	dir, err := os.MkdirTemp("", "ready") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	const logs = 50
	for i := range logs {
		appendText(t, at(fmt.Sprintf("%d.log", i)), loginOf("old", 1000+i))
	}
	config := fmt.Sprintf("state: %s\nruntime: %s\nsources: [%q]\nsinks:\n  - {name: kept, type: file, path: %s, send: findings}\n", at("state"), at("run"), at("*.log"), at("found.jsonl"))
	appendText(t, at("sshwhy.yaml"), config)

	kill := startReady(t, at)
	kill()
	for i := range logs {
		appendText(t, at(fmt.Sprintf("%d.log", i)), loginOf("between", 2000+i))
	}
	defer startReady(t, at)()
	for i := range logs {
		appendText(t, at(fmt.Sprintf("%d.log", i)), loginOf("after", 3000+i))
	}
	status := program(t, "status", "--output", "json", "--socket", at("run/control.sock"))
	if out, err := status.Output(); err != nil || !bytes.Contains(out, []byte(`"ready": true`)) {
		t.Errorf("the status is %s, %v", out, err)
	}
	var told map[string]int
	for deadline := time.Now().Add(time.Minute); told["between"] < logs || told["after"] < logs; time.Sleep(20 * time.Millisecond) {
		if told = loginsIn(t, at("found.jsonl")); time.Now().After(deadline) {
			break
		}
	}
	if len(told) != 2 || told["between"] != logs || told["after"] != logs {
		t.Errorf("%d logs have a login each that was written while nothing ran, and one that was written after: told are %v", logs, told)
	}
}

// loginsIn counts the logins that a file of JSON lines tells, by the user.
func loginsIn(t *testing.T, path string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	told := map[string]int{}
	for line := range bytes.Lines(text) {
		var f struct {
			Event struct{ Code string }
			User  struct{ Name string }
		}
		if json.Unmarshal(line, &f) == nil && f.Event.Code == "user-unknown" { // the last may be half written
			told[f.User.Name]++
		}
	}
	return told
}

// loginOf is a login of a user that the host does not know.
func loginOf(user string, pid int) string {
	const form = "2026-11-20T12:00:00+00:00 edge05 sshd[%[2]d]: Invalid user %[1]s from 192.0.2.7 port %[2]d\n" +
		"2026-11-20T12:00:00+00:00 edge05 sshd[%[2]d]: Connection closed by invalid user %[1]s 192.0.2.7 port %[2]d [preauth]\n"
	return fmt.Sprintf(form, user, pid)
}

func appendText(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// program is this program as main runs it.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Path: path, Args: append([]string{"sshwhy"}, args...)}
}

// startReady starts the service and waits until it says that it is ready. The
// function that it gives kills it.
func startReady(t *testing.T, at func(string) string) (kill func()) {
	t.Helper()
	os.Remove(at("notify"))
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var said bytes.Buffer
	cmd := program(t, "run", "--config", at("sshwhy.yaml"))
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+at("notify"), "TZ=UTC", "LC_ALL=C")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		cmd.Process.Signal(syscall.SIGKILL)
		cmd.Wait()
	}
	socket.SetReadDeadline(time.Now().Add(time.Minute))
	buffer := make([]byte, 4096)
	n, err := socket.Read(buffer)
	if err != nil || string(buffer[:n]) != "READY=1" {
		kill()
		t.Fatalf("it tells systemd %q, %v\n%s", buffer[:n], err, &said)
	}
	return kill
}
