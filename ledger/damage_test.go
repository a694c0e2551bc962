package ledger_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/ledger"
)

// someLedger gives the bytes of a file that has all that one can have: several
// levels of pages, values that flow over, buckets within pages.
func someLedger(t testing.TB) []byte {
	t.Helper()
	path := newPath(t)
	l := openAt(t, path)
	q, err := l.Queue("webhook", ledger.QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		b := sshwhy.Batch{Places: []sshwhy.Place{{Stream: "/var/log/auth.log", Generation: fmt.Sprint(i), Offset: int64(i)}}}
		for k := range 30 {
			b.Held = append(b.Held, line(uint64(i), fmt.Sprintf("Nov 23 10:00:00 edge sshd[%d]: line %d", i, k)))
		}
		b.State = []sshwhy.State{{Room: "alerter", Key: fmt.Sprint(i), Value: bytes.Repeat([]byte{byte(i)}, 6000)}}
		for k := range 20 {
			if err := q.Put(ledger.Item{ID: fmt.Sprint(i, " ", k), Revision: 1, Kind: ledger.KindFinding, Body: fmt.Appendf(nil, "body %d", rand.Uint64())}); err != nil {
				t.Fatal(err)
			}
		}
		if i == 9 {
			b.Dropped = []uint64{2, 3}
		}
		commit(t, l, b)
	}
	l.Close()
	return content(t, path)
}

// use opens a file that may be damaged and uses all of it. It must neither
// panic nor end the process. It tells whether the file was set aside.
func use(t testing.TB, path string) (aside bool) {
	t.Helper()
	var told []*sshwhy.Notice
	before := content(t, path)
	l, err := ledger.Open(path, ledger.Options{NoSync: true, Notice: func(n *sshwhy.Notice) { told = append(told, n) }})
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	defer l.Close()
	if err := l.Restore(func(*sshwhy.Record) {}, func(string, string, []byte) {}); err != nil {
		t.Errorf("restoring: %v", err)
	}
	q, err := l.Queue("webhook", ledger.QueueOptions{})
	if err != nil {
		if !strings.Contains(err.Error(), "checksum") {
			t.Errorf("the queue: %v", err)
		}
	} else {
		drain(t, q)
	}
	commit(t, l, sshwhy.Batch{Held: []sshwhy.Held{line(1, "new")}, Places: []sshwhy.Place{{Stream: "s", Offset: 1}}, State: []sshwhy.State{{Room: "r", Key: "k", Value: make([]byte, 50000)}}})
	commit(t, l, sshwhy.Batch{Dropped: []uint64{1}})
	files, _ := filepath.Glob(path + ".damaged-*")
	if len(told) != len(files) || len(told) > 1 {
		t.Fatalf("%d notices for %d files set aside", len(told), len(files))
	}
	for i, name := range files {
		if !bytes.Equal(content(t, name), before) {
			t.Errorf("the file that was set aside is not the one that was found")
		}
		if n := told[i]; n.Code != "ledger-damaged" || !strings.Contains(n.Text, name) || n.Hint == "" {
			t.Errorf("the notice is %+v", n)
		}
		os.Remove(name)
	}
	return len(told) == 1
}

// drain delivers all of a queue.
func drain(t testing.TB, q *ledger.Queue) (ids []string) {
	t.Helper()
	for {
		items, err := q.Next(100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			return ids
		}
		for _, it := range items {
			ids = append(ids, it.ID)
		}
		if err := q.Settle(len(items), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWholeIsNotDamaged: the check finds nothing in a good file, however it
// came to be.
func TestWholeIsNotDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	write(t, path, someLedger(t))
	if use(t, path) {
		t.Error("a good file was set aside")
	}
	if use(t, path) {
		t.Error("a good file was set aside after it was used")
	}
}

func TestTruncated(t *testing.T) {
	whole := someLedger(t)
	path := filepath.Join(t.TempDir(), "ledger.db")
	for size := 1; size < len(whole); size += 1 + size/9 {
		write(t, path, whole[:size])
		if !use(t, path) && !inUnusedTail(whole, size) {
			t.Errorf("cut to %d of %d bytes, it was used", size, len(whole))
		}
	}
}

// inUnusedTail tells whether only zeros were cut away, which bbolt had put there
// ahead of need.
func inUnusedTail(whole []byte, size int) bool {
	return len(bytes.Trim(whole[size:], "\x00")) == 0
}

// TestFlipped flips bits and writes rubbish all over the file. What is found is
// set aside; what lies in free pages does no harm.
func TestFlipped(t *testing.T) {
	whole := someLedger(t)
	path := filepath.Join(t.TempDir(), "ledger.db")
	r := rand.New(rand.NewPCG(1, 2))
	rounds, found := 200, 0
	if testing.Short() {
		rounds = 100
	}
	for i := range rounds {
		b := bytes.Clone(whole)
		at := r.IntN(len(b))
		switch i % 4 {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1: // the head of a page
			at = at/4096*4096 + r.IntN(48)
			b[at] = byte(r.Uint32())
		case 2:
			for k := at; k < min(at+512, len(b)); k++ {
				b[k] = byte(r.Uint32())
			}
		case 3: // a page in the place of another
			to := r.IntN(len(b)/4096) * 4096
			copy(b[to:to+4096], b[at/4096*4096:])
		}
		write(t, path, b)
		if use(t, path) {
			found++
		}
		if t.Failed() {
			t.Fatalf("round %d, byte %d", i, at)
		}
	}
	t.Logf("%d of %d were set aside", found, rounds)
	if found < rounds/4 {
		t.Errorf("only %d of %d were found", found, rounds)
	}
}

// TestNotALedger: what is something else is set aside as well.
func TestNotALedger(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := bbolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err }); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for name, b := range map[string][]byte{
		"text":            []byte(strings.Repeat("a log\n", 5000)),
		"zeros":           make([]byte, 64<<10),
		"short":           []byte("x"),
		"another program": content(t, other),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			write(t, path, b)
			if !use(t, path) {
				t.Error("it was used")
			}
		})
	}
	t.Run("empty", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "ledger.db")
		write(t, path, nil)
		if use(t, path) {
			t.Error("an empty file was set aside")
		}
	})
}

// FuzzDamage lets the fuzzer say where the file is damaged and how.
func FuzzDamage(f *testing.F) {
	whole := someLedger(f)
	f.Add(uint32(4096*3+10), []byte{0xff})
	f.Add(uint32(16), []byte("\x00\x00\x00\x00\x00"))
	f.Add(uint32(4096*5+16), []byte{1, 0, 0, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, at uint32, with []byte) {
		b := bytes.Clone(whole)
		copy(b[int(at)%len(b):], with)
		path := filepath.Join(t.TempDir(), "ledger.db")
		write(t, path, b)
		use(t, path)
	})
}
