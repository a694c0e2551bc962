package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

// plainEncoder writes the user's name, or the id of an alert.
type plainEncoder struct{ calls int }

func (e *plainEncoder) AppendFinding(dst []byte, f *sshwhy.Finding) ([]byte, error) {
	e.calls++
	return append(dst, f.User...), nil
}

func (e *plainEncoder) AppendAlert(dst []byte, a *sshwhy.Alert) ([]byte, error) {
	return append(dst, a.ID...), nil
}

// sending is a deliverer that a test writes.
type sending func(ctx context.Context, items []ledger.Item, kept sinks.Kept) sinks.Sent

func (f sending) Send(ctx context.Context, items []ledger.Item, kept sinks.Kept) sinks.Sent {
	return f(ctx, items, kept)
}

// received is a deliverer that accepts all and remembers it.
type received struct {
	mu     sync.Mutex
	bodies []string
}

func (r *received) Send(_ context.Context, items []ledger.Item, _ sinks.Kept) sinks.Sent {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range items {
		r.bodies = append(r.bodies, string(it.Body))
	}
	return sinks.Sent{Done: len(items)}
}

func (r *received) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bodies)
}

// running is a ledger with outboxes that run.
type running struct {
	t      testing.TB
	ledger *ledger.Ledger
	*sinks.Outboxes

	mu      sync.Mutex
	notices []*sshwhy.Notice
}

func run(t testing.TB, path string, options ...sinks.OutboxOptions) *running {
	t.Helper()
	r := &running{t: t}
	var err error
	if r.ledger, err = ledger.Open(path, ledger.Options{NoSync: true}); err != nil {
		t.Fatal(err)
	}
	for i := range options {
		o := &options[i]
		if o.Encoder == nil {
			o.Encoder = &plainEncoder{}
		}
		if !o.Findings && !o.Alerts {
			o.Findings = true
		}
		if o.MinWait == 0 {
			o.MinWait, o.MaxWait = time.Millisecond, 5*time.Millisecond
		}
		o.Notice = func(n *sshwhy.Notice) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.notices = append(r.notices, n)
		}
	}
	if r.Outboxes, err = sinks.OpenOutboxes(r.ledger, options...); err != nil {
		t.Fatal(err)
	}
	r.Start()
	t.Cleanup(func() { r.end(0) })
	return r
}

func (r *running) end(grace time.Duration) (left uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	left = r.Stop(ctx)
	if err := r.ledger.Close(); err != nil {
		r.t.Error(err)
	}
	return left
}

// find delivers findings of users with these numbers and commits.
func (r *running) find(from, to int) {
	r.t.Helper()
	for i := from; i < to; i++ {
		if err := r.Deliver(&sshwhy.Finding{Identity: sshwhy.Identity{PID: int32(i)}, Revision: 1, User: fmt.Append(nil, i)}); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := r.ledger.Commit(&sshwhy.Batch{}); err != nil {
		r.t.Fatal(err)
	}
}

// until waits for a condition.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// codes gives the codes of the notices.
func (r *running) codes() (codes []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.notices {
		codes = append(codes, n.Code)
	}
	return codes
}

func (r *running) told(code string) *sshwhy.Notice {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.notices {
		if n.Code == code {
			return n
		}
	}
	return nil
}

func naturals(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

// TestSlowSinkDelaysNoOther: one sink hangs, one fails, and the third has all at
// once; the loop never waits.
func TestSlowSinkDelaysNoOther(t *testing.T) {
	good := &received{}
	hung := make(chan struct{})
	defer close(hung)
	r := run(t, filepath.Join(t.TempDir(), "ledger.db"),
		sinks.OutboxOptions{Name: "hanging", Deliverer: sending(func(ctx context.Context, _ []ledger.Item, _ sinks.Kept) sinks.Sent {
			<-ctx.Done()
			return sinks.Sent{Err: ctx.Err()}
		})},
		sinks.OutboxOptions{Name: "failing", Deliverer: sending(func(context.Context, []ledger.Item, sinks.Kept) sinks.Sent {
			return sinks.Sent{Err: errors.New("no route")}
		})},
		sinks.OutboxOptions{Name: "good", Deliverer: good},
	)
	for i := 0; i < 5000; i += 500 {
		r.find(i, i+500)
	}
	until(t, "the good sink has all", func() bool { return r.Stats()[2].Delivered == 5000 })
	if !slices.Equal(good.all(), naturals(0, 5000)) {
		t.Error("out of order")
	}
	until(t, "the failing one is told of", func() bool { return r.told("sink-failing") != nil })
	if n := r.told("sink-failing"); n.Source != "failing" || !strings.Contains(n.Text, "no route") {
		t.Errorf("the notice is %+v", n)
	}
	for _, s := range r.Stats() {
		if bad := s.Name != "good"; bad && s.Queued != 5000 || !bad && s.Delivered != 5000 {
			t.Errorf("%+v", s)
		}
	}
}

// TestRecovers: a sink that fails and is well again loses nothing, and both is
// told once.
func TestRecovers(t *testing.T) {
	good := &received{}
	failures := 7
	r := run(t, filepath.Join(t.TempDir(), "ledger.db"), sinks.OutboxOptions{Name: "s", Batch: 10, Deliverer: sending(func(ctx context.Context, items []ledger.Item, kept sinks.Kept) sinks.Sent {
		if failures--; failures >= 0 {
			// It took some, and says so.
			sent := good.Send(ctx, items[:len(items)/2], kept)
			if failures > 2 {
				return sinks.Sent{Err: errors.New("busy")}
			}
			sent.Err = errors.New("half")
			return sent
		}
		return good.Send(ctx, items, kept)
	})})
	r.find(0, 300)
	until(t, "all is delivered", func() bool { return r.Stats()[0].Delivered == 300 })
	seen := map[string]bool{}
	for _, b := range good.all() {
		seen[b] = true
	}
	if len(seen) != 300 {
		t.Errorf("%d of 300 came", len(seen))
	}
	if codes := r.codes(); !slices.Equal(codes, []string{"sink-failing", "sink-well"}) {
		t.Errorf("told: %v", codes)
	}
}

// TestDropsTheOldest: what a dead sink cannot keep is counted and told.
func TestDropsTheOldest(t *testing.T) {
	var mu sync.Mutex
	well := false
	good := &received{}
	r := run(t, filepath.Join(t.TempDir(), "ledger.db"), sinks.OutboxOptions{Name: "s", Queue: ledger.QueueOptions{MaxBytes: 30000},
		Deliverer: sending(func(ctx context.Context, items []ledger.Item, kept sinks.Kept) sinks.Sent {
			mu.Lock()
			defer mu.Unlock()
			if !well {
				return sinks.Sent{Err: errors.New("dead")}
			}
			return good.Send(ctx, items, kept)
		})})
	for i := 0; i < 20000; i += 100 {
		r.find(i, i+100)
	}
	until(t, "it is told", func() bool { return r.told("sink-dropped") != nil })
	mu.Lock()
	well = true
	mu.Unlock()
	until(t, "the rest is delivered", func() bool { return r.Stats()[0].Queued == 0 })
	s := r.Stats()[0]
	if s.Dropped == 0 || s.Delivered+s.Dropped != 20000 {
		t.Errorf("%+v", s)
	}
	// What was on its way when the queue became full may be older.
	got := good.all()
	last := -1
	for _, body := range got {
		if n, _ := strconv.Atoi(body); n <= last {
			t.Fatalf("%d came after %d", n, last)
		} else {
			last = n
		}
	}
	if last != 19999 || uint64(len(got)) != s.Delivered {
		t.Errorf("%d came, the last is %d", len(got), last)
	}
}

// TestRefusedIsKept: a refusal is a dead letter with the reason.
func TestRefusedIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	dead, err := sinks.OpenFile(path+".dead", sinks.FileOptions{MaxBytes: 2000, Keep: 1, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	r := run(t, path, sinks.OutboxOptions{Name: "s", DeadLetters: dead, Deliverer: sending(func(_ context.Context, items []ledger.Item, _ sinks.Kept) sinks.Sent {
		s := sinks.Sent{Done: len(items)}
		for i, it := range items {
			if strings.HasSuffix(string(it.Body), "7") {
				s.Refused = append(s.Refused, sinks.Refused{Item: i, Reason: "no sevens"})
			}
		}
		s.Refused = append(s.Refused, sinks.Refused{Item: 1000}) // a mistake of the deliverer
		return s
	})})
	r.find(0, 200)
	until(t, "all is dealt with", func() bool { return r.Stats()[0].Queued == 0 })
	if s := r.Stats()[0]; s.Refused != 20 || s.Delivered != 180 {
		t.Errorf("%+v", s)
	}
	r.end(time.Second)
	if n := r.told("sink-refused"); n == nil || !strings.Contains(n.Text, "no sevens") || !strings.Contains(n.Hint, ".dead") {
		t.Errorf("told: %+v", n)
	}
	lines := strings.Split(strings.TrimSpace(read(t, path+".dead")), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, `"sink":"s"`) || !strings.Contains(last, `"reason":"no sevens","body":197}`) {
		t.Errorf("the last dead letter is %s", last)
	}
}

// TestRemembers: what a deliverer remembers is there at the next Send, and in
// the next run.
func TestRemembers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	var seen []string
	option := sinks.OutboxOptions{Name: "s", Batch: 1, Deliverer: sending(func(_ context.Context, items []ledger.Item, kept sinks.Kept) sinks.Sent {
		seen = append(seen, string(kept.Value("last")))
		return sinks.Sent{Done: 1, Keep: []ledger.Pair{{Key: "last", Value: slices.Clone(items[0].Body)}}}
	})}
	for run2 := range 2 {
		r := run(t, path, option)
		r.find(run2*3, run2*3+3)
		if left := r.end(10 * time.Second); left != 0 {
			t.Fatalf("%d are left", left)
		}
	}
	if want := []string{"", "0", "1", "2", "3", "4"}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
}

// TestRouting: what each sink is given, and that an encoder writes once.
func TestRouting(t *testing.T) {
	shared := &plainEncoder{}
	all, fails, alerts, edits := &received{}, &received{}, &received{}, &received{}
	r := run(t, filepath.Join(t.TempDir(), "ledger.db"),
		sinks.OutboxOptions{Name: "all", Deliverer: all, Encoder: shared, Findings: true, Alerts: true},
		sinks.OutboxOptions{Name: "fails", Deliverer: fails, Encoder: shared, Findings: true, Want: func(f *sshwhy.Finding) bool { return f.Outcome == sshwhy.OutcomeRefused }},
		sinks.OutboxOptions{Name: "alerts", Deliverer: alerts, Alerts: true},
		sinks.OutboxOptions{Name: "edits", Deliverer: edits, Alerts: true, Updates: true},
	)
	deliver := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	deliver(r.Deliver(&sshwhy.Finding{User: []byte("in"), Outcome: sshwhy.OutcomeAccepted}))
	deliver(r.Deliver(&sshwhy.Finding{User: []byte("out"), Outcome: sshwhy.OutcomeRefused}))
	deliver(r.DeliverAlert(&sshwhy.Alert{ID: "to all"}))
	deliver(r.DeliverAlert(&sshwhy.Alert{ID: "to one", To: []string{"edits", "nobody"}}))
	deliver(r.DeliverAlert(&sshwhy.Alert{ID: "numbers", News: sshwhy.NewsUpdated}))
	deliver(r.ledger.Commit(&sshwhy.Batch{}))
	if left := r.end(10 * time.Second); left != 0 {
		t.Errorf("%d are left", left)
	}
	for _, c := range []struct {
		name string
		got  *received
		want []string
	}{
		{"all", all, []string{"in", "out", "to all"}}, {"fails", fails, []string{"out"}},
		{"alerts", alerts, []string{"to all"}}, {"edits", edits, []string{"to all", "to one", "numbers"}},
	} {
		if !slices.Equal(c.got.all(), c.want) {
			t.Errorf("%s got %q, want %q", c.name, c.got.all(), c.want)
		}
	}
	if shared.calls != 2 {
		t.Errorf("the shared encoder wrote %d times", shared.calls)
	}
}

// TestTooLong: a finding that no queue takes does not end the run.
func TestTooLong(t *testing.T) {
	good := &received{}
	r := run(t, filepath.Join(t.TempDir(), "ledger.db"), sinks.OutboxOptions{Name: "s", Deliverer: good})
	if err := r.Deliver(&sshwhy.Finding{User: make([]byte, ledger.MaxBody+1)}); err != nil {
		t.Fatal(err)
	}
	r.find(0, 1)
	r.end(10 * time.Second)
	if got := good.all(); !slices.Equal(got, []string{"0"}) || r.told("sink-dropped") == nil {
		t.Errorf("got %d, told %v", len(got), r.codes())
	}
}

// TestDrainEnds: at the end what can be delivered is, and a dead sink is given up
// after the grace time.
func TestDrainEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	good := &received{}
	r := run(t, filepath.Join(t.TempDir(), "ledger.db"),
		sinks.OutboxOptions{Name: "good", Deliverer: good},
		sinks.OutboxOptions{Name: "dead", MinWait: time.Hour, MaxWait: time.Hour, Deliverer: sending(func(context.Context, []ledger.Item, sinks.Kept) sinks.Sent {
			return sinks.Sent{Err: errors.New("dead"), After: time.Hour}
		})},
	)
	r.find(0, 1000)
	begin := time.Now()
	if left := r.end(200 * time.Millisecond); left != 1000 || time.Since(begin) > 5*time.Second {
		t.Errorf("%d are left after %v", left, time.Since(begin))
	}
	if len(good.all()) != 1000 {
		t.Errorf("the good sink got %d", len(good.all()))
	}
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}
