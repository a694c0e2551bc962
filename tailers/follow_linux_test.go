package tailers

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// countDelivered counts the lines that the library delivers.
func countDelivered(t *testing.T, f *File) *atomic.Int64 {
	ctx, _ := contextOf(t)
	count := new(atomic.Int64)
	f.follow = func(file *os.File, offset int64, out chan<- delivery, g *generation) (*follower, error) {
		between := make(chan delivery)
		l, err := startFollower(file, offset, between, g)
		if err != nil {
			return nil, err
		}
		go func() {
			for {
				select {
				case d := <-between:
					if !d.ended {
						count.Add(1)
					}
					select {
					case out <- d:
					case <-l.done:
						return
					}
				case <-l.done:
					return
				case <-ctx.Done():
					return
				}
			}
		}()
		return l, nil
	}
	return count
}

// TestLibraryDelivers proves who reads a quiet file: github.com/nxadm/tail.
func TestLibraryDelivers(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "old\n")
	f := NewFile(d.path("auth.log"), FileOptions{})
	count := countDelivered(t, f)
	r := startFile(t, f).ready()
	r.handedOver(d.path("auth.log"))
	var want []string
	for i := range 50 {
		line := fmt.Sprint("line ", i)
		want = append(want, line)
		d.write("auth.log", line+"\n")
		r.want(want...)
	}
	r.stop()
	if count.Load() < 45 || f.delivered < 45 || f.own+f.delivered != 50 {
		t.Errorf("the library read %d of 50 lines, of which %d were given; %d were read by us", count.Load(), f.delivered, f.own)
	}
}

// handedOver waits until the library watches the file.
func (r *fileReader) handedOver(path string) {
	r.t.Helper()
	watched := 0
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if watched = watchesOf(r.t, path); watched > 0 {
			return
		}
	}
	r.t.Fatal("the library does not watch the file")
}

// watchesOf counts the inotify watches of this process on a file; proc(5).
func watchesOf(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	mine := fmt.Sprintf(" ino:%x ", statInode(info).number)
	n := 0
	for _, text := range watches(t) {
		n += strings.Count(text, mine)
	}
	return n
}

// watches gives what the kernel tells of this process's inotify instances.
func watches(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fdinfo")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range entries {
		if text, err := os.ReadFile("/proc/self/fdinfo/" + e.Name()); err == nil && strings.Contains(string(text), "inotify") {
			texts = append(texts, string(text))
		}
	}
	return texts
}

// TestFileLeavesNothing holds that after the end no goroutine, descriptor and
// watch is left. What the library keeps for the whole process is let be: two
// goroutines, and one inotify instance without watches.
func TestFileLeavesNothing(t *testing.T) {
	if err := libraryReady(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	ignore := goleak.IgnoreCurrent()
	before := descriptors(t)
	d := newTestFolder(t)
	for round := range 20 {
		d.write("auth.log", "old\n")
		f := NewFile(d.path("auth.log"), FileOptions{})
		r := startFile(t, f).ready()
		if round%2 == 0 {
			r.handedOver(d.path("auth.log"))
		}
		d.write("auth.log", "1\n")
		r.want("1")
		d.rename("auth.log", "auth.log.1")
		d.write("auth.log", "2\n")
		r.want("1", "2")
		r.stop()
		d.remove("auth.log")
	}
	goleak.VerifyNone(t, ignore)
	if after := descriptors(t); len(after) > len(before) {
		t.Errorf("descriptors were left:\n%s\nbefore:\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	for _, text := range watches(t) {
		if strings.Contains(text, "inotify wd") {
			t.Errorf("watches were left:\n%s", text)
		}
	}
}

func descriptors(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(target, "/proc/") {
			names = append(names, e.Name()+" "+target)
		}
	}
	return names
}

// TestFileWithoutInotify holds that exhausted limits are told once, and that
// all goes on.
func TestFileWithoutInotify(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "old\n")
	f := NewFile(d.path("auth.log"), FileOptions{})
	f.watch = func() (*names, error) { return nil, os.NewSyscallError("inotify_init1", syscall.EMFILE) }
	r := startFile(t, f).ready()
	r.noticed("polling")
	d.write("auth.log", "1\n")
	d.rename("auth.log", "auth.log.1")
	d.write("auth.log", "2\n")
	r.want("1", "2")
	if len(r.notices) != 1 || r.notices[0].Hint == "" {
		t.Errorf("got notices %v, want one with a hint", r.notices)
	}
}

// TestFileThatCannotBeLookedAt puts a loop of links in the file's place: the
// library would end the program.
func TestFileThatCannotBeLookedAt(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "old\n")
	f := NewFile(d.path("auth.log"), FileOptions{})
	r := startFile(t, f).ready()
	r.handedOver(d.path("auth.log"))
	d.rename("auth.log", "auth.log.1")
	if err := os.Symlink("auth.log", d.path("auth.log")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.path("auth.log")); !errors.Is(err, syscall.ELOOP) {
		t.Fatal(err)
	}
	d.write("auth.log.1", "1\n")
	r.noticed("unreadable")
	r.want("1")
	d.remove("auth.log")
	d.write("auth.log", "2\n")
	r.want("1", "2")
}

// TestFileWhileTheLoopIsBusy deletes files while the loop waits for a disk:
// those that existed for 100 ms are not lost.
func TestFileWhileTheLoopIsBusy(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "")
	ctx, _ := contextOf(t)
	busy, free := make(chan struct{}), make(chan struct{})
	got := make(chan string, 100)
	go func() {
		defer close(got)
		ticks := 0
		for r, err := range NewFile(d.path("auth.log"), FileOptions{}).Records(ctx) {
			switch {
			case err != nil:
				t.Error(err)
			case !r.Tick:
				got <- string(r.Text)
				if string(r.Text) == "end" {
					return
				}
			default:
				if ticks++; ticks == 2 {
					close(busy)
					<-free
				}
			}
		}
	}()
	<-busy
	const files = 5
	for i := range files {
		d.remove("auth.log")
		d.write("auth.log", fmt.Sprintln("file", i))
		time.Sleep(100 * time.Millisecond)
	}
	d.write("auth.log", "end\n")
	close(free)
	for i := range files {
		if text, want := <-got, fmt.Sprint("file ", i); text != want {
			t.Fatalf("got %q, want %q", text, want)
		}
	}
	if text := <-got; text != "end" {
		t.Fatalf("got %q, want the end", text)
	}
}

// heldDeleted counts the descriptors on files of a folder that were deleted.
func (d testFolder) heldDeleted() int {
	n := 0
	for _, name := range descriptors(d.t) {
		if strings.Contains(name, d.dir+"/") && strings.HasSuffix(name, " (deleted)") {
			n++
		}
	}
	return n
}

// TestFileManyDeleted deletes more files than descriptors are kept for: each is
// read to its end, those that were left first are let go of, and the one that
// was deleted last is still read.
func TestFileManyDeleted(t *testing.T) {
	d := newTestFolder(t)
	const files, old = 60, 8
	name := func(i int) string { return fmt.Sprintf("%02d.log", i) }
	for i := range files {
		d.write(name(i), "old\n")
	}
	d.write("last.log", "old\n")
	writer, err := os.OpenFile(d.path("last.log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	f := NewFile(d.path("*.log"), FileOptions{})
	f.limits.old = old
	r := startFile(t, f).ready()
	for i := range files {
		d.write(name(i), "last words\n")
		d.remove(name(i))
	}
	r.until("the last words", func() bool { return len(r.texts) == files })
	d.letGo(old)
	d.remove("last.log")
	const own = 1 // the writer's
	d.letGo(old + own)
	fmt.Fprintln(writer, "after all")
	r.until("a line of the file that was deleted last", func() bool { return slices.Contains(r.texts, "after all") })
	if len(r.notices) > 0 {
		t.Errorf("notices: %v", r.notices)
	}
}

// letGo waits until so many descriptors on deleted files are left.
func (d testFolder) letGo(left int) {
	d.t.Helper()
	for deadline := time.Now().Add(time.Minute); d.heldDeleted() != left; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("%d descriptors are held on deleted files, not %d", d.heldDeleted(), left)
		}
	}
}

// TestFileForgetsNames holds that names of a glob that are gone do not add up,
// and that one that comes back is a new file.
func TestFileForgetsNames(t *testing.T) {
	d := newTestFolder(t)
	d.write("stays.log", "old\n")
	d.write("first.log", "old\n")
	f := NewFile(d.path("*.log"), FileOptions{})
	f.limits.keep, f.limits.glob = 10*time.Millisecond, 10*time.Millisecond
	f.limits.gone = 0
	r := startFile(t, f).ready()
	places := func(name string) (n int) {
		for _, p := range r.places {
			if p.Stream == d.path(name) {
				n++
			}
		}
		return n
	}
	d.write("first.log", "1\n")
	r.want("1")
	d.remove("first.log")
	r.until("the ledger to forget", func() bool { return places("first.log") == 0 })
	d.write("first.log", "old\n2\n")
	r.want("1", "old", "2")
	d.remove("first.log")
	r.until("the ledger to forget again", func() bool { return places("first.log") == 0 })
	if places("stays.log") != 1 {
		t.Errorf("the places are %v", r.places)
	}
	r.stop()
	again := startFile(t, NewFile(d.path("*.log"), FileOptions{Resume: r.resume})).ready()
	d.write("first.log", "3\n")
	again.want("3")
}
