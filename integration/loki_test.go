//go:build integration && linux

package integration

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/sinks"
	"github.com/sshwhy/sshwhy/tailers"
)

// TestLoki pushes to a real Loki, with the configuration, the rules and the
// dashboard of deploy/.
func TestLoki(t *testing.T) {
	am := startAlertmanager(t)
	l := startLoki(t, am.url)
	t.Run("asked back", func(t *testing.T) { askedBack(t, l) })
	t.Run("dashboard", func(t *testing.T) { dashboard(t, l) })
	t.Run("rules", func(t *testing.T) { rules(t, l, am) })
	t.Run("alerts", func(t *testing.T) { alertsArrive(t, am) })
	t.Run("faults", func(t *testing.T) { faults(t, l) })
	t.Run("backlog", func(t *testing.T) { backlog(t, l) })
}

// outboxes are durable outboxes, over a ledger of their own.
type outboxes struct {
	testing.TB
	*sinks.Outboxes
	ledger *ledger.Ledger
	causes *causes.Catalogue

	mu      sync.Mutex
	notices []string
}

func newOutboxes(t testing.TB, options ...sinks.OutboxOptions) *outboxes {
	t.Helper()
	o := &outboxes{TB: t, causes: catalogueOf(t)}
	var err error
	if o.ledger, err = ledger.Open(filepath.Join(t.TempDir(), "ledger"), ledger.Options{}); err != nil {
		t.Fatal(err)
	}
	for i := range options {
		options[i].Notice = func(n *sshwhy.Notice) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.notices = append(o.notices, n.Code)
		}
	}
	if o.Outboxes, err = sinks.OpenOutboxes(o.ledger, options...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		o.Stop(ctx)
		if err := o.ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *outboxes) commit() {
	o.Helper()
	if err := o.ledger.Commit(&sshwhy.Batch{}); err != nil {
		o.Fatal(err)
	}
}

func (o *outboxes) tell(findings ...*sshwhy.Finding) {
	o.Helper()
	for _, f := range findings {
		if err := o.Deliver(f); err != nil {
			o.Fatal(err)
		}
	}
}

// empty waits until all that was told is dealt with.
func (o *outboxes) empty(patience time.Duration) []sinks.OutboxStats {
	o.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left, stats := uint64(0), o.Stats()
		for _, s := range stats {
			left += s.Queued
		}
		if left == 0 {
			return stats
		}
		if time.Now().After(deadline) {
			o.Fatalf("the queues did not become empty: %+v; notices %v", stats, o.notices)
		}
	}
}

func catalogueOf(t testing.TB) *causes.Catalogue {
	t.Helper()
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lokiOutbox is the outbox of a Loki; job sets what it is sent apart.
func lokiOutbox(t testing.TB, address, job string) sinks.OutboxOptions {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p, err := sinks.NewPoster(sinks.PosterOptions{Timeout: 10 * time.Second, Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return sinks.OutboxOptions{
		Name: "loki", Findings: true, Alerts: true,
		Encoder: sinks.NewLokiLines(catalogueOf(t), causes.English), Deliverer: sinks.NewLoki(sinks.LokiOptions{URL: u, Job: job, Poster: p}),
	}
}

// found is a finding as the log of a busy host gives it.
func found(c *causes.Catalogue, host string, number int, at time.Time) *sshwhy.Finding {
	line := fmt.Appendf(nil, "%s %s sshd[%d]: Authentication refused: bad ownership or modes for directory /home/user%d", at.Format(time.RFC3339Nano), host, 1000+number, number%500)
	return &sshwhy.Finding{
		Identity: sshwhy.Identity{Host: []byte(host), PID: int32(1000 + number), Time: at.UnixNano(), First: line},
		Revision: 1, Outcome: sshwhy.OutcomeRefused, Cause: c.Find("bad-ownership-or-modes"), Confidence: sshwhy.ConfidenceCertain,
		Start: at.UnixNano(), End: at.UnixNano(), User: fmt.Appendf(nil, "user%d", number%500), UserKnown: true,
		Address: fmt.Appendf(nil, "203.0.113.%d", number%250), Port: 40000 + number%20000, Method: []byte("publickey"), KeyType: []byte("ED25519"),
		Fingerprint: []byte("SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE"),
		Values:      []sshwhy.Value{{Field: sshwhy.FieldPath, Text: fmt.Sprintf("/home/user%d", number%500)}},
		Evidence:    []sshwhy.Evidence{{Text: line}},
	}
}

// replayDemo leads the demo's log through the rooms, as if its last line had
// been written now.
func replayDemo(t *testing.T, sink sshwhy.Sink) {
	t.Helper()
	text := readFile(t, "../testdata/demo/auth.log")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	stamp := func(line string) (time.Time, string) {
		first, rest, _ := strings.Cut(line, " ")
		at, err := time.Parse(time.RFC3339Nano, first)
		if err != nil {
			t.Fatal(err)
		}
		return at, rest
	}
	last, _ := stamp(lines[len(lines)-1])
	var moved bytes.Buffer
	for _, line := range lines {
		at, rest := stamp(line)
		fmt.Fprintf(&moved, "%s %s\n", time.Now().Add(at.Sub(last)).UTC().Format("2006-01-02T15:04:05.000000+00:00"), rest)
	}
	messages, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parser.New(messages, parser.Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	k, err := classifier.New(messages, catalogueOf(t), classifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	loop := sshwhy.Loop{Source: &tailers.Stream{Reader: &moved}, Parser: p, Classifier: k, Sink: sink, Trouble: func(err error) { t.Log(err) }}
	if err := loop.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// askedBack: what was pushed is found again by each of its properties.
func askedBack(t *testing.T, l *loki) {
	o := newOutboxes(t, lokiOutbox(t, l.url, "asked"))
	now := time.Now().Add(-time.Minute).Truncate(time.Second)
	undetermined := found(o.causes, "web01", 1, now)
	undetermined.Cause, undetermined.Confidence = o.causes.Find("undetermined"), sshwhy.ConfidenceUndetermined
	undetermined.Candidates = []sshwhy.CauseID{o.causes.Find("key-not-authorized"), o.causes.Find("authorized-keys-missing")}
	later := found(o.causes, "web01", 1, now)
	later.Revision, later.Before = 2, sshwhy.Verdict{Outcome: sshwhy.OutcomeRefused, Cause: undetermined.Cause, Confidence: undetermined.Confidence}
	hostile := found(o.causes, "web02", 2, now)
	hostile.User = []byte("\x1b[2J\"} | x=`y`\n\u202e")
	o.tell(undetermined, later, hostile)
	// The same user fails three times within a second, which is all that
	// the log tells: each counts, also when they are sent again.
	for range 2 {
		for i := range 3 {
			f := found(o.causes, "old01", 3, now)
			f.PID, f.End = int32(100+i), now.UnixNano()
			o.tell(f)
		}
	}
	o.commit()
	o.Start()
	if s := o.empty(20 * time.Second)[0]; s.Delivered != 9 || s.Refused > 0 {
		t.Fatalf("the outbox stands at %+v", s)
	}
	for expr, want := range map[string]float64{
		`sum (count_over_time({job="asked", host="web01"} | kind="finding" | id="` + later.ID() + `" [1h]))`:                                              2,
		`sum (count_over_time({job="asked"} | revision="2" | before_cause="undetermined" | cause="bad-ownership-or-modes" [1h]))`:                         1,
		`sum (count_over_time({job="asked"} | candidates=~".*authorized-keys-missing.*" | confidence="undetermined" [1h]))`:                               1,
		`sum (count_over_time({job="asked"} | user="user1" | source_address="203.0.113.1" | method="publickey" | key_type="ED25519" | phase="key" [1h]))`: 1,
		`sum (count_over_time({job="asked"} | remedy="chmod go-w /home/user1" | outcome="refused" [1h]))`:                                                 1,
		`sum (count_over_time({job="asked", host="web02"} | line=~"Authentication refused.*" [1h]))`:                                                      1,
		`sum (count_over_time({job="asked", host="old01"} | user="user3" [1h]))`:                                                                          3,
		`count (sum by (host) (count_over_time({job="asked"} [1h])))`:                                                                                     3,
		`sum (count_over_time({job="asked"} |= "/home/user1" | fingerprint=~"SHA256:.*" | pid="1001" [1h]))`:                                              1,
		`sum (count_over_time({job="asked", host="web02"} | kind="finding" | user=~".*x1b.*" [1h]))`:                                                      1,
	} {
		if n := l.number(expr); n != want {
			t.Errorf("%s is %v, want %v", expr, n, want)
		}
	}
	a, err := l.ask(`{job="asked", host="web02"}`, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(a.Data.Result)
	if len(a.Data.Result) != 1 || strings.ContainsAny(text, "\x1b\u202e\n") {
		t.Errorf("the hostile name came back as %q", text)
	}
	t.Logf("%s", text)
}

// busy measures what the program takes: processor time and the most memory.
type busy struct {
	began time.Time
	cpu   time.Duration
}

func startBusy() busy { return busy{time.Now(), cpuTime()} }

func (b busy) seconds() (wall, cpu float64) {
	return time.Since(b.began).Seconds(), (cpuTime() - b.cpu).Seconds()
}

// cpuTime is the processor time of this process, all threads.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// backlog: what waited in the queue of a Loki that was away goes to it at ten
// thousand a second and more, with less than a core of ours.
func backlog(t *testing.T, l *loki) {
	n := 50_000
	if torture() {
		n = 500_000
	}
	before := l.chunks()
	o := newOutboxes(t, lokiOutbox(t, l.url, "backlog"))
	began := time.Now().Add(-30 * time.Minute)
	for i := range n {
		o.tell(found(o.causes, fmt.Sprintf("host%03d", i%100), i, began.Add(time.Duration(i)*time.Millisecond*3)))
		if i%4096 == 4095 {
			o.commit()
		}
	}
	o.commit()
	waiting := o.Stats()[0]
	b := startBusy()
	o.Start()
	s := o.empty(10 * time.Minute)[0]
	wall, cpu := b.seconds()
	t.Logf("%d findings, %d bytes in the queue, drained in %.1f s: %.0f a second; %.2f s of processor time, %.2f cores", n, waiting.Bytes, wall, float64(n)/wall, cpu, cpu/wall)
	if s.Delivered != uint64(n) || s.Refused+s.Dropped > 0 {
		t.Errorf("the outbox stands at %+v", s)
	}
	if stored := l.number(`sum (count_over_time({job="backlog"} [1h]))`); stored != float64(n) {
		t.Errorf("%v are stored", stored)
	}
	// The speed is the machine's, and Loki's on it; what it costs is ours.
	if each := cpu / float64(n); each > 1.0/10_000 {
		t.Errorf("one takes %.0f µs of processor time: ten thousand a second would take more than a core", each*1e6)
	}
	body, err := lokiOutbox(t, l.url, "").Encoder.AppendFinding(nil, found(o.causes, "host001", 1, began))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("one has %d bytes, and takes %.0f in Loki's chunks", len(body), float64(l.chunks()-before)/float64(n))
}

// chunks lets Loki write all that it holds, and gives how many bytes that is.
func (l *loki) chunks() (size int64) {
	l.Helper()
	r, err := http.Post(l.url+"/flush", "", nil)
	if err != nil {
		l.Fatal(err)
	}
	r.Body.Close()
	at := time.Now()
	l.until(time.Minute, "the chunks are written", func() bool {
		now := int64(0)
		_ = filepath.Walk(filepath.Join(filepath.Dir(l.log), "chunks"), func(_ string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				now += info.Size()
			}
			return nil
		})
		if now != size {
			size, at = now, time.Now()
		}
		return time.Since(at) > 3*time.Second
	})
	return size
}
