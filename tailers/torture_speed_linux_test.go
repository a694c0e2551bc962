package tailers

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/nxadm/tail"
	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/tailers/archives"
)

// The figures of docs/reliability.md that are times. They are told, and not
// held: a test that fails on a busy machine is no test.

// cpu is the processor time that this process took so far.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestTortureBacklog reads a backlog as a live source and as an archive.
func TestTortureBacklog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(file, 1<<20)
	total, size := 0, int64(0)
	for most := long64(16<<20, 1<<30); size < most; total++ {
		n, _ := fmt.Fprintf(w, "Nov 22 15:35:56 edge05 sshd[%d]: Failed password for invalid user admin from 203.0.113.7 port %d ssh2\n", 1000+total%30000, 1024+total%60000)
		size += int64(n)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	file.Close()
	report := func(what string, source sshwhy.Source) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		lines := 0
		wall, used := time.Now(), cpu(t)
		for r, err := range source.Records(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Tick {
				continue
			}
			if lines++; lines == total {
				break
			}
		}
		took := time.Since(wall)
		tell(t, "backlog, "+what, "%d MB, %.1f million lines a second, %.0f MB/s, %v of processor", size>>20, float64(lines)/took.Seconds()/1e6, float64(size)/took.Seconds()/1e6, (cpu(t) - used).Round(time.Millisecond))
	}
	for range 2 {
		report("archive", &archives.Archive{Paths: []string{path}})
		report("live", NewFile(path, FileOptions{FromStart: true}))
	}
}

// TestTortureLatency measures from the append of a line to its record.
func TestTortureLatency(t *testing.T) {
	for _, pause := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond} {
		for _, rotating := range []bool{false, true} {
			name := fmt.Sprintf("a line every %v", pause)
			if rotating {
				name += ", a rotation every 50 lines"
			}
			t.Run(name, func(t *testing.T) { latency(t, name, pause, rotating) })
		}
	}
}

func latency(t *testing.T, name string, pause time.Duration, rotating bool) {
	l := newLoad(t, filepath.Join(t.TempDir(), "auth.log"))
	l.one()
	f := NewFile(l.path, FileOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	came := make(chan time.Time, 1)
	begun := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticks := 0
		for r, err := range f.Records(ctx) {
			switch {
			case err != nil:
				t.Error(err)
			case !r.Tick:
				came <- time.Now()
			default:
				if ticks++; ticks == 2 {
					close(begun)
				}
			}
		}
	}()
	<-begun
	var all []time.Duration
	used, wall := cpu(t), time.Now()
	for end := time.Now().Add(long(400*time.Millisecond, 30*time.Second)); time.Now().Before(end); {
		if rotating && len(all)%50 == 25 {
			l.rename()
		}
		at := time.Now()
		l.one()
		all = append(all, (<-came).Sub(at))
		time.Sleep(pause)
	}
	load := 100 * float64(cpu(t)-used) / float64(time.Since(wall))
	cancel()
	<-done
	slices.Sort(all)
	at := func(p float64) time.Duration { return all[int(p*float64(len(all)-1))].Round(time.Microsecond) }
	tell(t, "append to record, "+name, "%d lines: median %v, 99th percentile %v, longest %v; %.1f %% of a core; %d read here, %d delivered by the library", len(all), at(0.5), at(0.99), at(1), load, f.own, f.delivered)
}

// TestTortureIdle measures what ten quiet files take.
func TestTortureIdle(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.log", i)), []byte("old\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, polling := range []bool{false, true} {
		f := NewFile(filepath.Join(dir, "*.log"), FileOptions{})
		if polling {
			f.watch = func() (*names, error) { return nil, syscall.EMFILE }
		}
		r := startFile(t, f).ready()
		time.Sleep(long(300*time.Millisecond, 2*time.Second))
		before := cpu(t)
		wall := time.Now()
		time.Sleep(long(300*time.Millisecond, 60*time.Second))
		used := cpu(t) - before
		name := "ten quiet files"
		if polling {
			name += ", without inotify"
		}
		tell(t, name, "%.3f %% of a core", 100*float64(used)/float64(time.Since(wall)))
		r.stop()
	}
}

func long64(short, long int64) int64 {
	if os.Getenv(tortureVariable) == "1" {
		return long
	}
	return short
}

// TestTortureLibraryAlone tells what github.com/nxadm/tail gives on its own, in
// its best configuration: why it has no custody. Nothing is held.
func TestTortureLibraryAlone(t *testing.T) {
	if err := libraryReady(); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		name   string
		rotate func(*load)
	}{{"rename", (*load).rename}, {"rename, the writer late", (*load).renameLate}} {
		l := newLoad(t, filepath.Join(t.TempDir(), "auth.log"))
		l.one()
		f, err := tail.TailFile(l.path, tail.Config{Follow: true, ReOpen: true, MustExist: true, CompleteLines: true, Logger: tail.DiscardingLogger})
		if err != nil {
			t.Fatal(err)
		}
		y := &tally{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for line := range f.Lines {
				y.note(&sshwhy.Record{Text: []byte(line.Text)}, nil)
			}
		}()
		rotations := 0
		for end := time.Now().Add(long(400*time.Millisecond, 10*time.Second)); time.Now().Before(end); rotations++ {
			for pause := time.Now().Add(200 * time.Millisecond); time.Now().Before(pause); time.Sleep(time.Millisecond) {
				for range 5 {
					l.one()
				}
			}
			c.rotate(l)
		}
		time.Sleep(500 * time.Millisecond)
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
		<-done
		lost, twice := y.count(span{0, l.number, 0})
		tell(t, "the library alone, "+c.name, "%d lines, 5 rotations a second: %d lost, %d twice", l.number, lost, twice)
	}
}
