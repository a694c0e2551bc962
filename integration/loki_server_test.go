//go:build integration && linux

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tool gives the path of a server, or whatever else loki/install.sh builds.
func tool(t *testing.T, name string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "sshwhy-integration", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; integration/install.sh builds it", err)
	}
	return path
}

// freePort gives a port of loopback that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// server is a real server in a process of its own, that is stopped when the
// test ends.
type server struct {
	*testing.T
	name, program string
	args          []string
	ready         string // a URL
	log           string
	process       *exec.Cmd
}

func (s *server) start() {
	s.Helper()
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.Fatal(err)
	}
	defer out.Close()
	s.process = exec.Command(s.program, s.args...)
	s.process.Stdout, s.process.Stderr = out, out
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		s.Fatal(err)
	}
}

// wait waits until the server says that it is ready.
func (s *server) wait() {
	s.Helper()
	s.until(2*time.Minute, s.name+" is ready", func() bool {
		r, err := http.Get(s.ready)
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// stop ends the server, with SIGTERM or as if the power had failed.
func (s *server) stop(how syscall.Signal) {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(how)
	_ = s.process.Wait()
	s.process = nil
}

func (s *server) until(patience time.Duration, what string, is func() bool) {
	s.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(s.log)
			s.Fatalf("waited in vain until %s; the server said:\n%s", what, text[max(0, len(text)-4000):])
		}
	}
}

// loki is a real Loki with the configuration and the rules of deploy/.
type loki struct {
	server
	url string
}

// startLoki starts one, with the ruler's alerts going to a URL; each more is a
// line of the command.
func startLoki(t *testing.T, alertmanager string, more ...string) *loki {
	t.Helper()
	dir := t.TempDir()
	text := readFile(t, "../deploy/loki/loki.yaml")
	rules := filepath.Join(dir, "etc", "rules")
	for from, to := range map[string]string{": /loki\n": ": " + dir + "\n", ": /loki/": ": " + dir + "/", "/etc/loki/rules": rules} {
		if !strings.Contains(text, from) {
			t.Fatalf("deploy/loki/loki.yaml does not say %q", from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	// Not to wait for a ring of one, when it begins and when it ends.
	text += "\ningester: {lifecycler: {final_sleep: 0s, min_ready_duration: 0s}}\n"
	writeFile(t, filepath.Join(dir, "loki.yaml"), text)
	writeFile(t, filepath.Join(rules, "fake", "sshwhy.yaml"), readFile(t, "../deploy/loki/rules.yaml"))
	port := freePort(t)
	l := &loki{url: "http://127.0.0.1:" + port}
	l.server = server{
		T: t, name: "Loki", program: tool(t, "loki"), ready: l.url + "/ready", log: filepath.Join(dir, "log"),
		args: append([]string{"-config.file=" + filepath.Join(dir, "loki.yaml"),
			"-server.http-listen-address=127.0.0.1", "-server.http-listen-port=" + port,
			"-server.grpc-listen-address=127.0.0.1", "-server.grpc-listen-port=" + freePort(t),
			"-ruler.alertmanager-url=" + alertmanager, "-ruler.evaluation-interval=2s", "-ruler.poll-interval=2s"}, more...),
	}
	l.start()
	t.Cleanup(func() { l.stop(syscall.SIGKILL) })
	l.wait()
	return l
}

// lokiAnswer is one of Loki's query API.
type lokiAnswer struct {
	Status string
	Data   struct {
		ResultType string
		Result     []struct {
			Metric map[string]string
			Stream map[string]string
			Value  [2]any
			Values [][]any
		}
	}
}

// ask queries Loki, for an instant or for the last hours.
func (l *loki) ask(expr string, over time.Duration) (*lokiAnswer, error) {
	q, path := url.Values{"query": {expr}, "limit": {"5000"}}, "/loki/api/v1/query"
	if over > 0 {
		path = "/loki/api/v1/query_range"
		q.Set("start", strconv.FormatInt(time.Now().Add(-over).UnixNano(), 10))
		q.Set("end", strconv.FormatInt(time.Now().Add(time.Minute).UnixNano(), 10))
		q.Set("step", "300")
	}
	r, err := http.Get(l.url + path + "?" + q.Encode())
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", r.Status, body)
	}
	a := &lokiAnswer{}
	return a, json.Unmarshal(body, a)
}

// number gives the value of a query that has one, 0 where it has none.
func (l *loki) number(expr string) float64 {
	l.Helper()
	a, err := l.ask(expr, 0)
	if err != nil {
		l.Fatalf("%s: %v", expr, err)
	}
	if len(a.Data.Result) == 0 {
		return 0
	}
	n, err := strconv.ParseFloat(fmt.Sprint(a.Data.Result[0].Value[1]), 64)
	if err != nil || len(a.Data.Result) > 1 {
		l.Fatalf("%s gave %v", expr, a.Data.Result)
	}
	return n
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
