//go:build integration && linux

package integration

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

// lokiFault is something that happens to Loki while findings come in.
type lokiFault struct {
	name string
	// happen lets it happen, and returns when it is over.
	happen func(*load)
	// refused is how many of the findings no Loki takes, and again how many it
	// may hold twice.
	refused, again int
}

const (
	kills = 3   // of Loki
	batch = 200 // findings of a push, at most
)

// outage is how long a fault lasts.
func outage() time.Duration {
	if torture() {
		return time.Minute
	}
	return 5 * time.Second
}

func lokiFaults() []lokiFault {
	return []lokiFault{
		{name: "down", happen: func(f *load) {
			f.loki.stop(syscall.SIGTERM)
			time.Sleep(outage())
			f.loki.start()
			f.loki.wait()
		}},
		// What Loki stored without an answer is pushed again. It drops what it has
		// already as long as the first copy lies in the open block of its stream;
		// what it reads from its write-ahead log may lie in a closed one.
		{name: "killed mid-push", again: kills * batch, happen: func(f *load) {
			for range kills {
				f.between.inPush(f.T)
				f.loki.stop(syscall.SIGKILL)
				f.loki.start()
				f.loki.wait()
			}
		}},
		{name: "answers 500", happen: func(f *load) {
			f.between.fail(func(w http.ResponseWriter) { http.Error(w, "ingester is busy", http.StatusInternalServerError) })
			time.Sleep(outage())
			f.between.fail(nil)
		}},
		{name: "answers 429", happen: func(f *load) {
			f.between.fail(func(w http.ResponseWriter) {
				w.Header().Set("Retry-After", "2")
				http.Error(w, "ingestion rate limit exceeded", http.StatusTooManyRequests)
			})
			time.Sleep(outage())
			// The hosts are pushed four at a time.
			if n := f.between.failed.Load(); n > 4*int64(1+outage()/(2*time.Second)) {
				f.Errorf("asked to wait 2 s each time, it came %d times in %v", n, outage())
			}
			f.between.fail(nil)
		}},
		{name: "an old entry", refused: 7, happen: func(f *load) { f.due(&f.old, 7) }},
		{name: "out of order", happen: func(f *load) { f.due(&f.late, 500) }}, // half an hour late is no fault
	}
}

// between stands between the outbox and Loki, and answers in its place.
type between struct {
	*httptest.Server
	answer  atomic.Pointer[func(http.ResponseWriter)]
	failed  atomic.Int64
	pushing atomic.Int64
}

func newBetween(t *testing.T, to string) *between {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	b := &between{}
	pass := httputil.NewSingleHostReverseProxy(u)
	pass.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) } // as if nobody stood between
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := b.answer.Load(); f != nil {
			b.failed.Add(1)
			(*f)(w)
			return
		}
		b.pushing.Add(1)
		defer b.pushing.Add(-1)
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *between) fail(with func(http.ResponseWriter)) {
	if with == nil {
		b.answer.Store(nil)
		return
	}
	b.failed.Store(0)
	b.answer.Store(&with)
}

// inPush waits until a request is on its way.
func (b *between) inPush(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); b.pushing.Load() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("nothing is pushed")
		}
		runtime.Gosched()
	}
}

// load is findings that come in at a steady pace, for Loki and for a sink beside
// it.
type load struct {
	*testing.T
	loki    *loki
	between *between
	box     *outboxes
	beside  *beside
	sent    int

	mu        sync.Mutex
	old, late int // that are to come
}

// due waits until findings of a kind were told.
func (f *load) due(kind *int, n int) {
	f.mu.Lock()
	*kind = n
	f.mu.Unlock()
	f.loki.until(20*time.Second, "they were told", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return *kind == 0 })
}

// beside is another sink: it knows how late each finding came.
type beside struct {
	count atomic.Int64
	worst atomic.Int64
}

// Send implements sinks.Deliverer.
func (b *beside) Send(_ context.Context, items []ledger.Item, _ sinks.Kept) sinks.Sent {
	now := time.Now().UnixNano()
	for _, it := range items {
		b.worst.Store(max(b.worst.Load(), now-it.Time))
	}
	b.count.Add(int64(len(items)))
	return sinks.Sent{Done: len(items)}
}

// faults: whatever happens to Loki, sent is accepted and refused, the sink
// beside it is not kept waiting, and memory stays as it is.
func faults(t *testing.T, l *loki) {
	for _, f := range lokiFaults() {
		t.Run(f.name, func(t *testing.T) { suffer(t, l, f) })
	}
}

func suffer(t *testing.T, l *loki, fault lokiFault) {
	l.T = t
	job := "fault-" + strings.ReplaceAll(fault.name, " ", "-")
	f := &load{loki: l, T: t, between: newBetween(t, l.url), beside: &beside{}}
	letters := filepath.Join(t.TempDir(), "dead.jsonl")
	dead, err := sinks.OpenFile(letters, sinks.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	o := lokiOutbox(t, f.between.URL, job)
	o.Batch, o.DeadLetters, o.MaxWait = batch, dead, 2*time.Second
	f.box = newOutboxes(t, o, sinks.OutboxOptions{Name: "beside", Findings: true, Encoder: sinks.NewJSON(catalogueOf(t), "en"), Deliverer: f.beside})
	f.box.Start()

	over := make(chan struct{})
	go func() { defer close(over); fault.happen(f) }()
	grown := f.pour(over)
	stats := f.box.empty(2 * time.Minute)[0]

	stored := int(l.number(`sum (count_over_time({job="` + job + `"} [3h]))`))
	ids := f.ids(job)
	t.Logf("%d sent = %d accepted + %d refused; %d stored with %d ids; %d tries failed, the last: %s; the sink beside waited %v at most; memory grew by %.1f MB",
		f.sent, stats.Delivered, stats.Refused, stored, ids, stats.Failures, stats.LastError, time.Duration(f.beside.worst.Load()).Round(time.Millisecond), float64(grown)/1e6)
	if stats.Dropped > 0 || int(stats.Delivered+stats.Refused) != f.sent || int(stats.Refused) != fault.refused || ids != int(stats.Delivered) || stored < ids || stored > ids+fault.again {
		t.Errorf("the outbox stands at %+v; %d were sent, %d are stored", stats, f.sent, stored)
	}
	if n := strings.Count(readFile(t, letters), "\n"); n != fault.refused {
		t.Errorf("%d dead letters, want %d", n, fault.refused)
	}
	if n := int(f.beside.count.Load()); n != f.sent {
		t.Errorf("the sink beside got %d of %d", n, f.sent)
	}
	if worst := time.Duration(f.beside.worst.Load()); worst > time.Second {
		t.Errorf("the sink beside waited %v", worst)
	}
	if grown > 64<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
}

// pour tells findings at some two thousand a second, until the fault is over and
// a second more, and gives how much memory grew meanwhile at most.
func (f *load) pour(over <-chan struct{}) (grown uint64) {
	before := heap()
	began := time.Now()
	var end time.Time
	for end.IsZero() || time.Now().Before(end) {
		select {
		case <-over:
			over, end = nil, time.Now().Add(time.Second)
		default:
		}
		for f.sent < int(time.Since(began)/(500*time.Microsecond)) {
			f.one()
		}
		f.box.commit()
		grown = max(grown, max(heap(), before)-before)
		time.Sleep(20 * time.Millisecond)
	}
	return grown
}

// one tells the next finding.
func (f *load) one() {
	at := time.Now()
	host := fmt.Sprintf("web%02d", f.sent%10)
	f.mu.Lock()
	switch {
	case f.old > 0 && f.sent > 500 && f.sent%50 == 0: // Loki takes no more than an hour late
		at, f.old = at.Add(-2*time.Hour), f.old-1
	case f.late > 0 && f.sent%3 == 0:
		at, f.late = at.Add(-30*time.Minute), f.late-1
	}
	f.mu.Unlock()
	f.box.tell(found(f.box.causes, host, f.sent, at))
	f.sent++
}

// ids counts the different findings that Loki has.
func (f *load) ids(job string) (n int) {
	for host := range 10 {
		n += int(f.loki.number(fmt.Sprintf(`count (sum by (id) (count_over_time({job=%q, host="web%02d"} [3h])))`, job, host)))
	}
	return n
}

// heap is how much memory is in use, or was before the last collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// TestLokiStreams: a fleet that has more hosts than Loki may have streams loses
// nothing; when the limit is raised the rest arrives.
func TestLokiStreams(t *testing.T) {
	const limit = "-ingester.max-global-streams-per-user="
	l := startLoki(t, "http://127.0.0.1:1", limit+"40")
	o := lokiOutbox(t, l.url, "fleet")
	o.MaxWait = 2 * time.Second
	box := newOutboxes(t, o)
	for i := range 60 {
		box.tell(found(box.causes, fmt.Sprintf("host%02d", i), i, time.Now()))
	}
	box.commit()
	box.Start()
	l.until(30*time.Second, "the limit is reached", func() bool {
		s := box.Stats()[0]
		return s.Failing && strings.Contains(s.LastError, "stream limit")
	})
	if s := box.Stats()[0]; s.Queued < 20 || s.Refused+s.Dropped > 0 {
		t.Errorf("the outbox stands at %+v", s)
	}
	t.Logf("%s", box.Stats()[0].LastError)
	l.stop(syscall.SIGTERM)
	l.args[len(l.args)-1] = limit + "20000"
	l.start()
	l.wait()
	if s := box.empty(30 * time.Second)[0]; s.Delivered != 60 || s.Refused+s.Dropped > 0 {
		t.Errorf("the outbox stands at %+v", s)
	}
	if n := l.number(`count (sum by (host) (count_over_time({job="fleet"} [1h])))`); n != 60 {
		t.Errorf("%v hosts are found", n)
	}
}
