//go:build integration && linux

package integration

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soakFor is how long the service is soaked: SSHWHY_SOAK, as 5m or 1h, or a
// moment that shows that the test itself works.
func soakFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SSHWHY_SOAK")
	if text == "" {
		return 15 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// soaked is what the service takes at a moment.
type soaked struct{ memory, descriptors, goroutines int }

// most gives the highest of each.
func most(all []soaked) (m soaked) {
	for _, s := range all {
		m.memory, m.descriptors, m.goroutines = max(m.memory, s.memory), max(m.descriptors, s.descriptors), max(m.goroutines, s.goroutines)
	}
	return m
}

var goroutines = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)

func sample(t *testing.T, pid int, address string) (s soaked) {
	t.Helper()
	_, s.memory = memoryOf(t, pid)
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	s.descriptors = len(names)
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text := new(strings.Builder)
	if err := answer.Write(text); err != nil {
		t.Fatal(err)
	}
	m := goroutines.FindStringSubmatch(text.String())
	if m == nil {
		t.Fatal("the metrics do not count goroutines")
	}
	s.goroutines, err = strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSoak leaves the service at work: load, twenty rotations, a webhook that is
// broken every other while, reloads. What it takes at the end is what it took
// in the beginning, and nothing is lost.
func TestSoak(t *testing.T) {
	program, length := buildSSHwhy(t), soakFor(t)
	w := &web{seen: map[string]map[string]time.Time{}}
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	defer server.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	config := "listen: " + address + toFile + fmt.Sprintf("  - {name: broken, type: webhook, send: findings, url: %q, proxy: none}\n", server.URL+"/broken")
	r := newRunning(t, program, config)
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	var samples []soaked
	begun := time.Now()
	due := func(every time.Duration, times *int) bool {
		if time.Since(begun) < time.Duration(*times+1)*every {
			return false
		}
		*times++
		return true
	}
	var rotated, turned, reloaded, sampled int
	for time.Since(begun) < length {
		for range 4 {
			l.one()
		}
		time.Sleep(10 * time.Millisecond)
		if due(length/20, &rotated) {
			l.rotate()
		}
		if due(length/12, &turned) {
			w.mu.Lock()
			w.state = []string{"", "faulty"}[turned%2]
			w.mu.Unlock()
		}
		if due(length/8, &reloaded) {
			_ = r.cmd.Process.Signal(syscall.SIGHUP)
		}
		if due(length/60, &sampled) {
			samples = append(samples, sample(t, r.cmd.Process.Pid, address))
		}
	}
	w.mu.Lock()
	w.state = ""
	w.mu.Unlock()
	l.settle()
	r.received("out.jsonl", fmt.Sprintf("sshwhy run for %s: rotation, %d reloads, a webhook broken half of the time", length, reloaded), replayed(t, program, l.undisturbed()), l, 0)
	eventually(t, time.Minute+length/10, "the webhook has what waited for it", func() bool {
		for _, k := range r.ask().Sinks {
			if k.Queued > 0 {
				return false
			}
		}
		return true
	})
	third := len(samples) / 3
	first, last := most(samples[:third]), most(samples[2*third:])
	t.Logf("torture: sshwhy run for %s, the first third against the last | own memory %d and %d KiB, descriptors %d and %d, goroutines %d and %d",
		length, first.memory, last.memory, first.descriptors, last.descriptors, first.goroutines, last.goroutines)
	// A rotated file is kept open for five minutes, and its watch with it.
	if last.memory > first.memory+16<<10 || last.descriptors > first.descriptors+30 || last.goroutines > first.goroutines+30 {
		t.Error("the service takes more and more")
	}
}
