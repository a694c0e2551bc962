package tailers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// A child of the test follows a log and keeps what it was given, and the
// places, in a journal: a batch is a write, which a kill leaves whole or not at
// all. It stands in for loop and ledger.
const (
	childLog     = "SSHWHY_CHILD_LOG"
	childJournal = "SSHWHY_CHILD_JOURNAL"
)

// TestKilledChild is the child.
func TestKilledChild(t *testing.T) {
	if os.Getenv(childLog) == "" {
		t.Skip("the child of TestTortureKill")
	}
	j, err := openKept(os.Getenv(childJournal))
	if err != nil {
		t.Fatal(err)
	}
	f := NewFile(os.Getenv(childLog), FileOptions{FromStart: true, Resume: j.resume})
	for record, err := range f.Records(context.Background()) {
		if err == nil {
			err = j.note(record)
		}
		if n, ok := errors.AsType[*sshwhy.Notice](err); ok {
			fmt.Println(n)
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// keptLines is lines of numbers that were given, each batch ended by a line of
// the places that changed.
type keptLines struct {
	file    *os.File
	batch   bytes.Buffer
	records int
	changed map[string]sshwhy.Place
	places  map[string]sshwhy.Place
	numbers []int64
}

// openKept reads what was stored and cuts off what was not.
func openKept(path string) (*keptLines, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	j := &keptLines{file: file, changed: map[string]sshwhy.Place{}, places: map[string]sshwhy.Place{}}
	input := bufio.NewReaderSize(file, 1<<20)
	whole, at := int64(0), int64(0)
	var batch []int64
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			break
		}
		at += int64(len(line))
		if line[0] != '{' {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
			batch = append(batch, n)
			continue
		}
		changed := map[string]sshwhy.Place{}
		if err := json.Unmarshal(line, &changed); err != nil {
			return nil, err
		}
		for key, p := range changed {
			if j.places[key] = p; p.Done {
				delete(j.places, key)
			}
		}
		j.numbers = append(j.numbers, batch...)
		batch, whole = batch[:0], at
	}
	return j, file.Truncate(whole)
}

func (j *keptLines) resume(stream string) []sshwhy.Place {
	var kept []sshwhy.Place
	for _, p := range j.places {
		if p.Stream == stream {
			kept = append(kept, p)
		}
	}
	return kept
}

func (j *keptLines) note(r *sshwhy.Record) error {
	if !r.Tick {
		i := bytes.LastIndexByte(r.Text, ' ')
		j.batch.Write(r.Text[i+1:])
		j.batch.WriteByte('\n')
		j.records++
	}
	if p := r.Place; p.Stream != "" {
		p.Mark = bytes.Clone(p.Mark)
		j.changed[p.Stream+"\x00"+p.Generation] = p
	}
	if !r.Tick && j.records < 500 {
		return nil
	}
	if err := json.NewEncoder(&j.batch).Encode(j.changed); err != nil {
		return err
	}
	_, err := j.file.Write(j.batch.Bytes())
	j.batch.Reset()
	j.records = 0
	clear(j.changed)
	return err
}

// TestTortureKill kills the reader at random moments, under load with rotation
// going on.
func TestTortureKill(t *testing.T) {
	for _, c := range []struct {
		name   string
		rotate func(*load)
	}{
		{"rename", (*load).rename},
		{"rename and compress", (*load).renameAndCompress},
		{"copytruncate", (*load).copyTruncate},
	} {
		t.Run(c.name, func(t *testing.T) { kill(t, "kill -9, "+c.name, c.rotate, int(long(4, 200))) })
	}
}

func kill(t *testing.T, name string, rotate func(*load), times int) {
	dir := t.TempDir()
	l := newLoad(t, filepath.Join(dir, "auth.log"))
	l.kept = 100
	l.one()
	path := filepath.Join(dir, "journal")
	var said strings.Builder
	// Every other child may get to its work before its time runs out.
	run := func(lives time.Duration, work bool) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
		cmd.Env = append(os.Environ(), childLog+"="+l.path, childJournal+"="+path)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Error(err)
			return
		}
		before := sizeOf(path)
		end := time.AfterFunc(0, func() {
			for deadline := time.Now().Add(10 * time.Second); work && sizeOf(path) == before && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(lives)
			cmd.Process.Kill()
		})
		defer end.Stop()
		text, _ := io.ReadAll(out)
		said.Write(text)
		_ = cmd.Wait()
	}
	run(300*time.Millisecond, true) // before the first rotation
	stop, stopped := make(chan struct{}), make(chan struct{})
	rotations := 0
	go func() {
		defer close(stopped)
		last := time.Now()
		for {
			select {
			case <-stop:
				return
			default:
			}
			for range 20 {
				l.one()
			}
			time.Sleep(time.Millisecond)
			if time.Since(last) > 40*time.Millisecond {
				rotate(l)
				rotations++
				last = time.Now()
			}
		}
	}()
	for n := range times {
		run(time.Duration(rand.Int64N(int64(120*time.Millisecond))), n%2 == 0)
	}
	close(stop)
	<-stopped
	run(long(time.Second, 3*time.Second), true)
	j, err := openKept(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := make([]byte, l.number)
	for _, n := range j.numbers {
		if n >= 0 && n < l.number && seen[n] < 255 {
			seen[n]++
		}
	}
	lost, twice := 0, 0
	for _, n := range seen {
		switch {
		case n == 0:
			lost++
		case n > 1:
			twice++
		}
	}
	tell(t, name, "%d lines, %d rotations, %d kills: %d lost, %d twice", l.number, rotations, times, lost, twice)
	t.Logf("places kept: %d; %.500s", len(j.places), said.String())
	if lost > 0 || twice > 0 {
		t.Fail()
	}
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
