package tailers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// fileReader takes what a File gives, as the loop would.
type fileReader struct {
	t      *testing.T
	file   *File
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	texts   []string
	ticks   int
	notices []*sshwhy.Notice
	errors  []error
	places  map[string]sshwhy.Place // of stream and generation, as a ledger keeps them
	news    chan struct{}
}

// startFile begins to read; the test's end stops it.
func startFile(t *testing.T, f *File) *fileReader {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &fileReader{t: t, file: f, cancel: cancel, done: make(chan struct{}), places: map[string]sshwhy.Place{}, news: make(chan struct{}, 1)}
	go func() {
		defer close(r.done)
		for record, err := range f.Records(ctx) {
			r.note(record, err)
		}
	}()
	t.Cleanup(r.stop)
	return r
}

func (r *fileReader) note(record *sshwhy.Record, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch n, ok := err.(*sshwhy.Notice); {
	case ok:
		r.notices = append(r.notices, n)
	case err != nil:
		r.errors = append(r.errors, err)
	default:
		if record.Tick {
			r.ticks++
		} else {
			r.texts = append(r.texts, string(record.Text))
		}
		if p := record.Place; p.Stream != "" {
			p.Mark = slices.Clone(p.Mark)
			key := p.Stream + "\x00" + p.Generation
			if r.places[key] = p; p.Done {
				delete(r.places, key)
			}
		}
	}
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func (r *fileReader) stop() {
	r.cancel()
	<-r.done
}

// resume gives the places that were kept, for another run.
func (r *fileReader) resume(stream string) []sshwhy.Place {
	var kept []sshwhy.Place
	for _, p := range r.places {
		if p.Stream == stream {
			kept = append(kept, p)
		}
	}
	return kept
}

// until waits until the reader's state is as asked for.
func (r *fileReader) until(what string, is func() bool) {
	r.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		ok := is()
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-r.news:
		case <-deadline:
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Fatalf("waited in vain for %s; got %d lines %.300q, notices %v, errors %v", what, len(r.texts), r.texts, r.notices, r.errors)
		}
	}
}

// want waits until exactly these lines have come, and everything was told.
func (r *fileReader) want(lines ...string) {
	r.t.Helper()
	r.until(fmt.Sprintf("%d lines", len(lines)), func() bool { return len(r.texts) >= len(lines) })
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.texts, lines) {
		r.t.Fatalf("got %q, want %q", r.texts, lines)
	}
}

// ready waits until the reader waits for what comes.
func (r *fileReader) ready() *fileReader {
	r.t.Helper()
	r.until("the first tick", func() bool { return r.ticks > 1 })
	return r
}

// noticed waits for a notice of a kind.
func (r *fileReader) noticed(code string) {
	r.t.Helper()
	r.until("a notice "+code, func() bool {
		return slices.ContainsFunc(r.notices, func(n *sshwhy.Notice) bool { return n.Code == code })
	})
}

// folder is a folder with logs.
type testFolder struct {
	t   *testing.T
	dir string
}

func newTestFolder(t *testing.T) testFolder { return testFolder{t, t.TempDir()} }

func (d testFolder) path(name string) string { return filepath.Join(d.dir, name) }

// write appends text to a file, which is made if it is absent.
func (d testFolder) write(name, text string) {
	d.t.Helper()
	f, err := os.OpenFile(d.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		f.Close()
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d testFolder) rename(from, to string) {
	d.t.Helper()
	if err := os.Rename(d.path(from), d.path(to)); err != nil {
		d.t.Fatal(err)
	}
}

func (d testFolder) remove(name string) {
	d.t.Helper()
	if err := os.Remove(d.path(name)); err != nil {
		d.t.Fatal(err)
	}
}

func TestFileBeginsAtItsEnd(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "old 1\nold 2\nhalf")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{})).ready()
	d.write("auth.log", " a line\nnew 1\n")
	r.want("half a line", "new 1")
	d.write("auth.log", "new 2\r\n")
	r.want("half a line", "new 1", "new 2")
}

func TestFileFromStart(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "old 1\n\nold 2\n")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{FromStart: true}))
	r.want("old 1", "", "old 2")
}

func TestFileAppearsLater(t *testing.T) {
	d := newTestFolder(t)
	r := startFile(t, NewFile(d.path("later/auth.log"), FileOptions{})).ready()
	if err := os.Mkdir(d.path("later"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.write("later/auth.log", "a\n")
	r.want("a")
}

func TestFileRotations(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{})).ready()
	d.write("auth.log", "1\n2\n")
	r.want("1", "2")
	d.rename("auth.log", "auth.log.1")
	d.write("auth.log.1", "3\n") // the writer has not noticed
	d.write("auth.log", "4\n")
	r.want("1", "2", "3", "4")
	d.write("auth.log.1", "5\n")
	r.want("1", "2", "3", "4", "5")
	d.remove("auth.log")
	d.write("auth.log", "6\n")
	r.want("1", "2", "3", "4", "5", "6")
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx, cancel
}

// touch sets the time of the last change to so long ago.
func (d testFolder) touch(name string, ago time.Duration) {
	d.t.Helper()
	past := time.Now().Add(-ago)
	if err := os.Chtimes(d.path(name), past, past); err != nil {
		d.t.Fatal(err)
	}
}
