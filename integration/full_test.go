//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

// smallDisk gives a directory on a disk of so many bytes, and a function that
// takes or frees all that is left of it.
func smallDisk(t *testing.T, size int) (dir string, fill func(), free func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a file system")
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("cannot mount a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(dir, "filler")
	fill = func() {
		f, err := os.OpenFile(filler, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, size := range []int{1 << 16, 1 << 12, 1} {
			for _, err = f.Write(make([]byte, size)); err == nil; _, err = f.Write(make([]byte, size)) {
			}
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	free = func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
	return dir, fill, free
}

// TestLedgerOnAFullDisk: a commit that finds no space says so and changes
// nothing; when there is space again, the same batch is stored.
func TestLedgerOnAFullDisk(t *testing.T) {
	dir, fill, free := smallDisk(t, 4<<20)
	path := filepath.Join(dir, "ledger.db")
	open := func() *ledger.Ledger {
		l, err := ledger.Open(path, ledger.Options{Notice: func(n *sshwhy.Notice) { t.Error(n) }})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	q, err := l.Queue("s", ledger.QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	batch := func(n int) *sshwhy.Batch {
		if err := q.Put(ledger.Item{ID: fmt.Sprint(n), Kind: ledger.KindFinding, Body: []byte("body")}); err != nil {
			t.Fatal(err)
		}
		return &sshwhy.Batch{
			Places: []sshwhy.Place{{Stream: "log", Offset: int64(n)}},
			State:  []sshwhy.State{{Room: "r", Key: fmt.Sprint(n), Value: []byte(strings.Repeat("x", 30000))}},
		}
	}
	if err := l.Commit(batch(1)); err != nil {
		t.Fatal(err)
	}
	fill()
	n := 1
	var failed *sshwhy.Batch
	for err == nil {
		n++
		failed = batch(n)
		err = l.Commit(failed)
	}
	t.Log(err)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
		t.Fatalf("commit %d: %v", n, err)
	}
	if places := l.Places("log"); places[0].Offset != int64(n-1) {
		t.Errorf("after a failed commit the place is %d, not %d", places[0].Offset, n-1)
	}
	if err := l.Commit(failed); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("again: %v", err)
	}
	// What the disk has is the commit before.
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	free()
	if err := l.Commit(failed); err != nil {
		t.Fatalf("with space again: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open()
	if got := l.Places("log")[0].Offset; got != int64(n) {
		t.Errorf("the place is %d, not %d", got, n)
	}
	if q, err = l.Queue("s", ledger.QueueOptions{}); err != nil || q.Stats().Queued != uint64(n) {
		t.Errorf("%d are queued, not %d; %v", q.Stats().Queued, n, err)
	}
	l.Close()
	copied := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(copied, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	path = copied
	l = open()
	defer l.Close()
	if got := l.Places("log")[0].Offset; got != int64(n-1) {
		t.Errorf("on the full disk the place was %d, not %d", got, n-1)
	}
}

// TestFileSinkOnAFullDisk: what does not fit waits in the ledger, and no line is
// ever half.
func TestFileSinkOnAFullDisk(t *testing.T) {
	dir, fill, free := smallDisk(t, 1<<20)
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	path := filepath.Join(dir, "out.jsonl")
	f, err := sinks.OpenFile(path, sinks.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	boxes, err := sinks.OpenOutboxes(l, sinks.OutboxOptions{Name: "file", Deliverer: f, Encoder: users{}, Findings: true, Batch: 20, MinWait: time.Millisecond, MaxWait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	fill()
	boxes.Start()
	for i := range 3000 {
		if err := boxes.Deliver(&sshwhy.Finding{User: fmt.Appendf(nil, "{%d %s}", i, strings.Repeat("x", 100))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Commit(&sshwhy.Batch{}); err != nil {
		t.Fatal(err)
	}
	for boxes.Stats()[0].Failures < 5 {
		time.Sleep(time.Millisecond)
	}
	if s := boxes.Stats()[0]; !strings.Contains(s.LastError, "no space left") || s.Queued == 0 {
		t.Errorf("%+v", s)
	}
	free()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if left := boxes.Stop(ctx); left != 0 {
		t.Errorf("%d are left", left)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(got)) {
		if want := fmt.Sprintf("{%d %s}\n", n, strings.Repeat("x", 100)); line != want {
			t.Fatalf("line %d is %q", n, line)
		}
		n++
	}
	if n != 3000 {
		t.Errorf("%d of 3000 came", n)
	}
}

// users is an encoder that writes the user's name.
type users struct{}

func (users) AppendFinding(dst []byte, f *sshwhy.Finding) ([]byte, error) {
	return append(dst, f.User...), nil
}

func (users) AppendAlert(dst []byte, a *sshwhy.Alert) ([]byte, error) {
	return append(dst, a.ID...), nil
}
