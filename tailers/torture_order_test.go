package tailers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// TestTortureOrder starts and stops the reader again and again while the file
// is rotated at irregular moments, up to 50 ms apart. The writer is one and
// never late, so lines must come strictly in the order of writing.
func TestTortureOrder(t *testing.T) {
	for _, c := range []struct {
		name   string
		rotate func(*load)
	}{
		{"rename", (*load).rename},
		{"rename and compress", (*load).renameAndCompress},
	} {
		for _, polling := range []bool{false, true} {
			name := c.name
			if polling {
				name += ", without inotify"
			}
			t.Run(name, func(t *testing.T) { order(t, name, c.rotate, polling, int(long(10, 200))) })
		}
	}
}

// order reads the log of one writer in many runs.
func order(t *testing.T, name string, rotate func(*load), polling bool, runs int) {
	l := newLoad(t, filepath.Join(t.TempDir(), "auth.log"))
	l.kept = 100
	l.one()
	stop, stopped := make(chan struct{}), make(chan struct{})
	rotations := 0
	go func() {
		defer close(stopped)
		for {
			for end := time.Now().Add(rand.N(50 * time.Millisecond)); time.Now().Before(end); {
				for range 20 {
					l.one()
				}
				time.Sleep(time.Millisecond)
			}
			select {
			case <-stop:
				return
			default:
			}
			rotate(l)
			rotations++
		}
	}()
	k := &keptOrder{places: map[string]sshwhy.Place{}}
	for range runs {
		k.run(l.path, polling, rand.N(100*time.Millisecond), -1)
		time.Sleep(rand.N(100 * time.Millisecond)) // what is rotated while nobody reads
	}
	close(stop)
	<-stopped
	k.run(l.path, polling, time.Minute, l.number-1)
	backwards, lost := k.disorder(l.number)
	tell(t, name+", started again and again", "%d lines, %d rotations, %d starts: %d out of order, %d lost, %d twice",
		l.number, rotations, runs+1, backwards, lost, len(k.numbers)-int(l.number)+lost)
	if backwards > 0 || lost > 0 || len(k.numbers) != int(l.number) {
		t.Errorf("%.1000s; notices %.500q", k.told, k.notices)
	}
}

// keptOrder is what a ledger keeps of many runs: the numbers of the lines, in
// the order in which they came, and the places.
type keptOrder struct {
	numbers []int64
	starts  []int // of the runs, in numbers
	places  map[string]sshwhy.Place
	notices []string
	told    string
}

// run reads for so long, or until the last line has come, and forgets, as a
// kill does, what came after the last batch.
func (k *keptOrder) run(path string, polling bool, lives time.Duration, last int64) {
	ctx, cancel := context.WithTimeout(context.Background(), lives)
	defer cancel()
	before := k.places
	f := NewFile(path, FileOptions{FromStart: true, Resume: func(stream string) (kept []sshwhy.Place) {
		for _, p := range before {
			if p.Stream == stream {
				kept = append(kept, p)
			}
		}
		return kept
	}})
	if polling {
		f.watch = func() (*names, error) { return nil, errors.ErrUnsupported }
	}
	k.starts = append(k.starts, len(k.numbers))
	changed := map[string]sshwhy.Place{}
	y := &tally{}
	var batch []int64
	for r, err := range f.Records(ctx) {
		if err != nil {
			k.notices = append(k.notices, err.Error())
			continue
		}
		if p := r.Place; p.Stream != "" {
			p.Mark = slices.Clone(p.Mark)
			changed[p.Stream+"\x00"+p.Generation] = p
		}
		if !r.Tick {
			y.note(r, nil)
			batch = append(batch, y.last)
		}
		if !r.Tick && len(batch) < 100 {
			continue
		}
		k.numbers = append(k.numbers, batch...)
		for key, p := range changed {
			if k.places[key] = p; p.Done {
				delete(k.places, key)
			}
		}
		batch = batch[:0]
		clear(changed)
		if n := len(k.numbers); n > 0 && k.numbers[n-1] == last {
			return
		}
	}
}

// disorder counts the lines that came before an older one, and those that did
// not come.
func (k *keptOrder) disorder(lines int64) (backwards, lost int) {
	seen := make([]bool, lines)
	for i, n := range k.numbers {
		seen[n] = true
		if i > 0 && n != k.numbers[i-1]+1 {
			run, _ := slices.BinarySearch(k.starts, i+1)
			k.told += fmt.Sprintf("run %d, %d lines after its start: %d after %d; ", run, i-k.starts[run-1], n, k.numbers[i-1])
		}
		if i > 0 && n < k.numbers[i-1] {
			backwards++
		}
	}
	for _, s := range seen {
		if !s {
			lost++
		}
	}
	return backwards, lost
}
