package ledger_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/ledger"
)

// TestMain lets the test binary be the program that is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("LEDGER_TO_WRITE"); path != "" {
		if err := writeUntilKilled(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeUntilKilled commits step after step: every one moves the place, the
// state, the held record and the queue by one. It says when a step is durable.
func writeUntilKilled(path string) error {
	l, err := ledger.Open(path, ledger.Options{})
	if err != nil {
		return err
	}
	q, err := l.Queue("webhook", ledger.QueueOptions{})
	if err != nil {
		return err
	}
	n := 0
	for _, p := range l.Places("s") {
		n = int(p.Offset)
	}
	for {
		n++
		text := strconv.Itoa(n)
		if err := q.Put(ledger.Item{ID: text, Kind: ledger.KindFinding, Body: []byte(strings.Repeat(text+" ", 700))}); err != nil {
			return err
		}
		if err := l.Commit(&sshwhy.Batch{
			Places:  []sshwhy.Place{{Stream: "s", Offset: int64(n)}},
			Held:    []sshwhy.Held{line(uint64(n), text)},
			Dropped: []uint64{uint64(n - 1)},
			State:   []sshwhy.State{{Room: "r", Key: "n", Value: []byte(text)}},
		}); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// TestKilled kills the program while it commits. What it said is durable is
// there, everything is of the same step, and nothing is twice.
func TestKilled(t *testing.T) {
	path := newPath(t)
	rounds := 12
	if os.Getenv("SSHWHY_TORTURE") == "1" {
		rounds = 200
	}
	for round := range rounds {
		said := writeAndKill(t, path, 3+round%7)
		l := openAt(t, path)
		records, states := restored(t, l)
		got := int(l.Places("s")[0].Offset)
		if got < said || got > said+1 {
			t.Fatalf("step %d was said to be durable, and the ledger is at %d", said, got)
		}
		want(t, "records", records, []string{strconv.Itoa(got)})
		want(t, "states", states, []string{fmt.Sprint("r/n=", got)})
		q, err := l.Queue("webhook", ledger.QueueOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ids := drainKeeping(t, q)
		if len(ids) != got || got > 0 && ids[got-1] != strconv.Itoa(got) {
			t.Fatalf("the ledger is at step %d, and the queue has %v", got, ids)
		}
		l.Close()
		if t.Failed() {
			return
		}
	}
}

// drainKeeping gives what waits, and settles nothing.
func drainKeeping(t *testing.T, q *ledger.Queue) (ids []string) {
	items, err := q.Next(1<<30, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	return ids
}

// writeAndKill runs the program until it has said so many steps, kills it, and
// gives the last one that it said.
func writeAndKill(t *testing.T, path string, steps int) (last int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "LEDGER_TO_WRITE="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for range steps {
		if !said.Scan() {
			t.Fatal("the program ended by itself")
		}
		last, _ = strconv.Atoi(said.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for said.Scan() { // what it said until then
		last, _ = strconv.Atoi(said.Text())
	}
	_ = cmd.Wait() // killed
	return last
}
