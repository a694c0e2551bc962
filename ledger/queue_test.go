package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/ledger"
)

// put queues items by their numbers and commits.
func put(t testing.TB, l *ledger.Ledger, q *ledger.Queue, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := q.Put(ledger.Item{ID: fmt.Sprint(i), Revision: i%3 + 1, Kind: ledger.KindFinding, Body: fmt.Appendf(nil, `{"n":%d,"pad":%q}`, i, strings.Repeat("x", i%50))}); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, l, sshwhy.Batch{})
}

func queue(t testing.TB, l *ledger.Ledger, o ledger.QueueOptions) *ledger.Queue {
	t.Helper()
	q, err := l.Queue("webhook", o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// adds holds the law of the counts.
func adds(t testing.TB, q *ledger.Queue) {
	t.Helper()
	if s := q.Stats(); s.Enqueued != s.Queued+s.Delivered+s.Refused+s.Dropped {
		t.Errorf("the counts do not add up: %+v", s)
	}
}

func numbers(from, to int) (ids []string) {
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprint(i))
	}
	return ids
}

// TestQueueStory: what is put is seen after the commit, in order; what is
// settled is gone, the rest is there in the next run.
func TestQueueStory(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	q := queue(t, l, ledger.QueueOptions{})
	<-q.Ready()
	if err := q.Put(ledger.Item{ID: "0", Revision: 1, Kind: ledger.KindAlert, Body: []byte("first")}); err != nil {
		t.Fatal(err)
	}
	if items, err := q.Next(10, 1<<20); len(items) != 0 || err != nil {
		t.Errorf("before the commit there are %d items, and the error %v", len(items), err)
	}
	put(t, l, q, 1, 2000)
	<-q.Ready()
	var got []string
	for step := 1; ; step++ {
		items, err := q.Next(700, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			break
		}
		if len(got) == 0 && (items[0].Kind != ledger.KindAlert || string(items[0].Body) != "first" || items[0].Time == 0) {
			t.Errorf("the first item is %+v", items[0])
		}
		settle := min(len(items), 13*step)
		for _, it := range items[:settle] {
			got = append(got, it.ID)
		}
		if err := q.Settle(settle/2, 1); err != nil {
			t.Fatal(err)
		}
		if err := q.Settle(settle-settle/2, 0); err != nil {
			t.Fatal(err)
		}
		adds(t, q)
		if step == 5 { // and the program is stopped
			l.Close()
			l = openAt(t, path)
			q = queue(t, l, ledger.QueueOptions{})
			put(t, l, q, 2000, 2100)
		}
		if step == 7 {
			q.Release()
		}
	}
	if !slices.Equal(got, numbers(0, 2100)) {
		t.Errorf("out of order, lost or twice: %d of 2100", len(got))
	}
	if s := q.Stats(); s.Queued != 0 || s.Bytes != 0 || s.Oldest != 0 || s.Refused == 0 || s.Enqueued != 2100 {
		t.Errorf("the empty queue has %+v", s)
	}
}

// TestQueueRemembers: what a sink remembers is stored with what it settled.
func TestQueueRemembers(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	q := queue(t, l, ledger.QueueOptions{})
	put(t, l, q, 0, 3)
	if _, err := q.Next(10, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := q.Settle(1, 0, ledger.Pair{Key: "alert 1", Value: []byte("ts 5")}, ledger.Pair{Key: "alert 2", Value: []byte("ts 6")}); err != nil {
		t.Fatal(err)
	}
	if err := q.Settle(1, 0, ledger.Pair{Key: "alert 2"}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	q = queue(t, openAt(t, path), ledger.QueueOptions{})
	want(t, "remembered", string(q.Value("alert 1")), "ts 5")
	want(t, "forgotten", q.Value("alert 2"), nil)
	want(t, "all", q.Values(), []ledger.Pair{{Key: "alert 1", Value: []byte("ts 5")}})
	want(t, "left", drain(t, q), []string{"2"})
}

// TestQueueBounded: of too much, and of what is too old, the oldest is dropped;
// never what is on its way, and never out of the middle.
func TestQueueBounded(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	l, err := ledger.Open(newPath(t), ledger.Options{NoSync: true, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	q := queue(t, l, ledger.QueueOptions{MaxBytes: 20000, MaxAge: time.Hour})
	put(t, l, q, 0, 600)
	flying, err := q.Next(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	flown := len(flying)
	for i := 600; i < 6000; i += 100 {
		put(t, l, q, i, i+100)
		adds(t, q)
	}
	s := q.Stats()
	if s.Bytes > 20000+5000 || s.Dropped == 0 {
		t.Errorf("of 20000 bytes the queue has %+v", s)
	}
	if err := q.Settle(flown, 0); err != nil {
		t.Fatal(err)
	}
	items, err := q.Next(1<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	if !slices.Equal(ids, numbers(6000-len(ids), 6000)) || uint64(len(ids)) != q.Stats().Queued {
		t.Errorf("what is left is not the newest: %d items, counted %+v", len(ids), q.Stats())
	}
	if err := q.Settle(30, 0); err != nil { // a part of a block
		t.Fatal(err)
	}
	now = now.Add(2 * time.Hour)
	if err := q.Trim(); err != nil {
		t.Fatal(err)
	}
	if q.Stats().Queued == 0 {
		t.Error("what is on its way was dropped")
	}
	q.Release()
	if err := q.Trim(); err != nil {
		t.Fatal(err)
	}
	if s := q.Stats(); s.Queued != 0 || s.Bytes != 0 || s.Delivered != uint64(flown)+30 {
		t.Errorf("of what is too old the queue has %+v", s)
	}
	adds(t, q)
}

// TestQueuesApart: two queues do not disturb each other, and one that nobody
// uses can be deleted.
func TestQueuesApart(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	a := queue(t, l, ledger.QueueOptions{})
	b, err := l.Queue("slack", ledger.QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, l, a, 0, 10)
	put(t, l, b, 10, 20)
	want(t, "the first", drain(t, a), numbers(0, 10))
	if _, err := l.Queue("slack", ledger.QueueOptions{}); err == nil {
		t.Error("a queue was given twice")
	}
	if err := l.Forget("slack"); err == nil {
		t.Error("a queue in use was deleted")
	}
	l.Close()
	l = openAt(t, path)
	for name, items := range map[string]uint64{"slack": 10, "webhook": 0, "nobody's": 0} {
		n, err := l.Waiting(name)
		want(t, "error", err, nil)
		want(t, "what waits for "+name, n, items)
	}
	if err := l.Forget("slack"); err != nil {
		t.Error(err)
	}
	names, err := l.Queues()
	want(t, "names", names, []string{"webhook"})
	want(t, "error", err, nil)
}

// TestQueueTooLong: a body that is too long is refused before it is in the way.
func TestQueueTooLong(t *testing.T) {
	l := openAt(t, newPath(t))
	q := queue(t, l, ledger.QueueOptions{})
	if err := q.Put(ledger.Item{Body: make([]byte, ledger.MaxBody+1)}); err == nil {
		t.Error("it was taken")
	}
	if err := q.Put(ledger.Item{ID: "long", Body: make([]byte, ledger.MaxBody)}); err != nil {
		t.Error(err)
	}
	put(t, l, q, 0, 2)
	want(t, "ids", drain(t, q), []string{"long", "0", "1"})
}

// TestQueueTogether lets a loop put and commit while three sinks deliver.
func TestQueueTogether(t *testing.T) {
	l := openAt(t, newPath(t))
	const items = 3000
	var queues []*ledger.Queue
	results := make(chan []string)
	for i := range 3 {
		q, err := l.Queue(fmt.Sprint("sink ", i), ledger.QueueOptions{})
		if err != nil {
			t.Fatal(err)
		}
		queues = append(queues, q)
		go func() {
			var ids []string
			for len(ids) < items {
				<-q.Ready()
				for {
					batch, err := q.Next(50*(i+1), 1<<20)
					if err != nil || len(batch) == 0 {
						break
					}
					n := min(len(batch), 70)
					for _, it := range batch[:n] {
						ids = append(ids, it.ID)
					}
					if q.Settle(n, 0) != nil {
						break
					}
				}
			}
			results <- ids
		}()
	}
	for i := 0; i < items; i += 100 {
		for _, q := range queues {
			for k := i; k < i+100; k++ {
				if err := q.Put(ledger.Item{ID: fmt.Sprint(k), Body: []byte("body")}); err != nil {
					t.Error(err)
				}
			}
		}
		commit(t, l, sshwhy.Batch{Places: []sshwhy.Place{{Stream: "s", Offset: int64(i)}}})
	}
	for range queues {
		if ids := <-results; !slices.Equal(ids, numbers(0, items)) {
			t.Errorf("out of order, lost or twice: %d of %d", len(ids), items)
		}
	}
	for _, q := range queues {
		adds(t, q)
	}
}
