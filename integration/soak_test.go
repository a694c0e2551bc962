//go:build integration && linux

package integration

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
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
type soaked struct{ heap, memory, descriptors, goroutines int }

// typical gives of each what is in the middle: while a configuration is read
// again, two services are there.
func typical(all []soaked) soaked {
	of := func(get func(soaked) int) int {
		var list []int
		for _, s := range all {
			list = append(list, get(s))
		}
		slices.Sort(list)
		return list[len(list)/2]
	}
	return soaked{
		of(func(s soaked) int { return s.heap }), of(func(s soaked) int { return s.memory }),
		of(func(s soaked) int { return s.descriptors }), of(func(s soaked) int { return s.goroutines }),
	}
}

// flat tells whether what is taken at the end is what was taken in the
// beginning. Rotated files are kept open for five minutes, each with its watch
// and what reads it. Of the memory only what is in use counts: when what is not
// is given back is the collector's affair; spare is for what a short run has not
// yet taken when it is first looked at.
func flat(first, last soaked, kept, spare int) bool {
	return last.heap <= first.heap+spare && last.descriptors <= first.descriptors+2*kept+8 && last.goroutines <= first.goroutines+4*kept+16
}

var (
	goroutines = regexp.MustCompile(`(?m)^go_goroutines (\S+)`)
	// The collector's next aim is twice what was in use when it last ran.
	nextAim = regexp.MustCompile(`(?m)^go_memstats_next_gc_bytes (\S+)`)
)

// scraper asks for the metrics, and leaves no connection behind that would count.
var scraper = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// sample looks at the service; it waits where that cannot answer yet.
func sample(r *running, address string) (s soaked) {
	r.t.Helper()
	var text []byte
	eventually(r.t, time.Minute, "the service tells its metrics", func() bool {
		if r.over() {
			r.t.Fatal("the service has ended")
		}
		answer, err := scraper.Get("http://" + address + "/metrics")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err = io.ReadAll(answer.Body)
		return err == nil && answer.StatusCode == http.StatusOK
	})
	number := func(pattern *regexp.Regexp) int {
		m := pattern.FindSubmatch(text)
		if m == nil {
			r.t.Fatalf("the metrics have no %s", pattern)
		}
		n, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			r.t.Fatal(err)
		}
		return int(n)
	}
	s.goroutines, s.heap = number(goroutines), number(nextAim)/2/1024
	_, s.memory = memoryOf(r.t, r.cmd.Process.Pid)
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.cmd.Process.Pid))
	if err != nil {
		r.t.Fatal(err)
	}
	s.descriptors = len(names)
	return s
}

// soakSinks are webhooks that fail in their own ways every other while.
const soakSinks = `  - {name: broken, type: webhook, send: findings, url: URL/broken, proxy: none}
  - {name: resetting, type: webhook, send: findings, url: URL/resetting, proxy: none}
  - {name: hanging, type: webhook, send: findings, url: URL/hanging, proxy: none, timeout: 1s}
`

// soakedService starts a service with those sinks, and gives it with its log,
// its configuration and the address of its metrics. A port that is free now can
// be another's a moment later: then it tries the next.
func soakedService(t *testing.T, url string) (r *running, l *serverLog, config, address string) {
	t.Helper()
	program := buildSSHwhy(t)
	for range 5 {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address = free.Addr().String()
		free.Close()
		config = "listen: " + address + toFile + strings.ReplaceAll(soakSinks, "URL", url)
		r = newRunning(t, program, config)
		l = newServerLog(t, r.path("auth.log"))
		r.start()
		eventually(t, time.Minute, "the service answers", func() bool { return r.over() || r.ask() != nil })
		if !r.over() || !strings.Contains(r.words(), "opening the address for metrics") {
			break
		}
	}
	if r.over() {
		t.Fatal("the service has ended")
	}
	return r, l, config, address
}

// TestSoak leaves the service at work: load, twenty rotations, webhooks that
// fail every other while, reloads with sinks that come and go. What it takes at
// the end is what it took in the beginning, and nothing is lost.
func TestSoak(t *testing.T) {
	t.Parallel()
	length := soakFor(t)
	w := &web{seen: map[string]map[string]time.Time{}}
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	defer server.Close()
	r, l, config, address := soakedService(t, server.URL)
	turn := func(state string) {
		w.mu.Lock()
		w.state = state
		w.mu.Unlock()
	}
	var samples []soaked
	var rotated, turned, reloaded, sampled int
	begun := time.Now()
	due := func(every time.Duration, times *int) bool {
		if time.Since(begun) < time.Duration(*times+1)*every {
			return false
		}
		*times++
		return true
	}
	// However slow the machine is, there is enough to compare.
	for time.Since(begun) < length || len(samples) < 12 {
		for range 4 {
			l.one()
		}
		time.Sleep(10 * time.Millisecond)
		if due(length/20, &rotated) {
			l.rotate()
		}
		if due(length/12, &turned) {
			turn([]string{"", "faulty"}[turned%2])
		}
		if due(length/8, &reloaded) {
			r.configure(config + []string{"", "  - {name: now-and-then, type: file, path: DIR/now-and-then.jsonl}\n"}[reloaded%2])
			_ = r.cmd.Process.Signal(syscall.SIGHUP)
		}
		if due(length/60, &sampled) {
			samples = append(samples, sample(r, address))
		}
	}
	turn("")
	l.settle()
	want := replayed(t, r.program, l.undisturbed())
	soakDelivers(r, w, want, time.Minute+length/5)
	what := fmt.Sprintf("sshwhy run for %s: rotation, %d reloads, three webhooks that fail half of the time", length, reloaded)
	r.received("out.jsonl", what, want, l, 0)
	if strings.Contains(r.words(), "stays in force") {
		t.Errorf("a reload was refused:\n%s", r.words())
	}
	// The first quarter warms it up: the first reload is in it.
	quarter := len(samples) / 4
	first, last := typical(samples[quarter:2*quarter]), typical(samples[len(samples)-quarter:])
	t.Logf("torture: %s, the second quarter against the last | memory in use %d and %d KiB, taken from the system %d and %d KiB, descriptors %d and %d, goroutines %d and %d",
		what, first.heap, last.heap, first.memory, last.memory, first.descriptors, last.descriptors, first.goroutines, last.goroutines)
	spare := 8 << 10
	if length < 5*time.Minute {
		spare *= 2
	}
	if kept := min(rotated, int(5*time.Minute*20/length)+1); !flat(first, last, kept, spare) {
		t.Errorf("the service takes more and more; it may keep %d rotated files open: %v", kept, samples)
	}
	if peak := slices.MaxFunc(samples, func(a, b soaked) int { return cmp.Compare(a.memory, b.memory) }).memory; peak > 192<<10 {
		t.Errorf("it took %d KiB once; its unit gives it 256 MiB", peak)
	}
}

// soakDelivers waits until each webhook has every verdict, and nothing waits.
func soakDelivers(r *running, w *web, want map[given]int, within time.Duration) {
	r.t.Helper()
	ids := map[string]bool{}
	for v := range want {
		ids[v.id] = true
	}
	for _, name := range []string{"broken", "resetting", "hanging"} {
		lost := 0
		count := func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			lost = 0
			for id := range ids {
				if w.seen[name][id].IsZero() {
					lost++
				}
			}
			return lost == 0
		}
		for deadline := time.Now().Add(within); !count() && time.Now().Before(deadline) && !r.over(); {
			time.Sleep(200 * time.Millisecond)
		}
		r.t.Logf("torture: the webhook that is %s half of the time | %d verdicts: %d lost", name, len(ids), lost)
		if lost > 0 {
			r.t.Errorf("the webhook %q lacks %d of %d verdicts", name, lost, len(ids))
		}
	}
	eventually(r.t, time.Minute, "nothing waits", func() bool {
		a := r.ask()
		if a == nil {
			return false
		}
		waiting := uint64(0)
		for _, k := range a.Sinks {
			waiting += k.Queued
		}
		return waiting == 0
	})
}
