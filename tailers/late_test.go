//go:build unix

package tailers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// rotate does what logrotate does with its defaults.
func (d testFolder) rotate(name string) {
	d.t.Helper()
	d.shift(name)
	d.rename(name, name+".1")
}

// shift makes room for the file with the number 1.
func (d testFolder) shift(name string) {
	d.t.Helper()
	for n := 8; n > 0; n-- {
		for _, ending := range []string{"", ".gz"} {
			from := fmt.Sprint(name, ".", n, ending)
			if _, err := os.Stat(d.path(from)); err == nil {
				d.rename(from, fmt.Sprint(name, ".", n+1, ending))
			}
		}
	}
}

// copied rotates the file by copying and truncating it.
func (d testFolder) copied(name string) {
	d.t.Helper()
	d.shift(name)
	d.copyTruncate(name, name+".1")
}

func (d testFolder) truncate(name string) {
	d.t.Helper()
	if err := os.Truncate(d.path(name), 0); err != nil {
		d.t.Fatal(err)
	}
}

// lateRotations are what may become of a file, which has lines 1 and 2, between
// the look at its name and the one at its siblings.
var lateRotations = []struct {
	name   string
	happen func(d testFolder)
	want   string // behind 1 and 2
}{
	{"nothing", func(d testFolder) {}, ""},
	{"renamed", func(d testFolder) { d.rotate("auth.log"); d.write("auth.log", "3\n") }, "3"},
	{"renamed, and the writer is late", func(d testFolder) {
		d.rotate("auth.log")
		d.write("auth.log", "4\n")
		d.write("auth.log.1", "3\n")
	}, "3 4"},
	{"renamed, and nothing came since", func(d testFolder) { d.rotate("auth.log") }, ""},
	{"renamed twice", func(d testFolder) {
		d.rotate("auth.log")
		d.write("auth.log", "3\n")
		d.rotate("auth.log")
		d.write("auth.log", "4\n")
	}, "3 4"},
	{"renamed twice, and nothing came since", func(d testFolder) {
		d.rotate("auth.log")
		d.write("auth.log", "3\n")
		d.rotate("auth.log")
	}, "3"},
	{"renamed, and the next begins as it did", func(d testFolder) { d.rotate("auth.log"); d.write("auth.log", "1\n2\n3\n") }, "1 2 3"},
	{"renamed by date twice", func(d testFolder) {
		d.rename("auth.log", "auth.log-20261121")
		d.write("auth.log", "3\n")
		d.rename("auth.log", "auth.log-20261122")
		d.write("auth.log", "4\n")
	}, "3 4"},
	{"renamed and compressed", func(d testFolder) {
		d.rotate("auth.log")
		d.compress("auth.log.1", ".gz")
		d.write("auth.log", "3\n")
	}, "3"},
	{"renamed and compressed, which gives it another time", func(d testFolder) {
		d.touch("auth.log", time.Hour)
		d.rotate("auth.log")
		d.compress("auth.log.1", ".gz")
		d.touch("auth.log.1.gz", 0)
		d.write("auth.log", "3\n")
	}, "3"},
	{"renamed twice and both compressed", func(d testFolder) {
		d.rotate("auth.log")
		d.compress("auth.log.1", ".gz")
		d.write("auth.log", "3\n")
		d.rotate("auth.log")
		d.compress("auth.log.1", ".gz")
		d.write("auth.log", "4\n")
	}, "3 4"},
	{"copied and truncated", func(d testFolder) {
		d.copied("auth.log")
		d.write("auth.log", "3\n")
	}, "3"},
	{"copied and truncated, and written beyond the old end", func(d testFolder) {
		d.copied("auth.log")
		d.write("auth.log", "three\nfour\nfive\n")
	}, "three four five"},
	{"copied and truncated, and nothing came since", func(d testFolder) {
		d.copied("auth.log")
	}, ""},
	{"copied and truncated twice", func(d testFolder) {
		d.copied("auth.log")
		d.write("auth.log", "3\n")
		d.copied("auth.log")
		d.write("auth.log", "4\n")
	}, "3 4"},
	{"copied, truncated and compressed", func(d testFolder) {
		d.copied("auth.log")
		d.compress("auth.log.1", ".gz")
		d.write("auth.log", "3\n")
	}, "3"},
	{"copied, and truncated later", func(d testFolder) {
		d.shift("auth.log")
		d.write("auth.log.1", "1\n2\n")
	}, ""},
	{"copied, but nothing is in the copy yet", func(d testFolder) {
		d.shift("auth.log")
		d.write("auth.log.1", "")
	}, ""},
	{"renamed, and the next copied and truncated", func(d testFolder) {
		d.rotate("auth.log")
		d.write("auth.log", "3\n")
		d.copied("auth.log")
		d.write("auth.log", "4\n")
	}, "3 4"},
	{"renamed an hour after the last line, and nothing came since", func(d testFolder) {
		d.touch("auth.log", time.Hour)
		d.rotate("auth.log")
		d.write("auth.log", "")
	}, ""},
	{"renamed and compressed an hour after the last line", func(d testFolder) {
		d.touch("auth.log", time.Hour)
		d.rotate("auth.log")
		d.compress("auth.log.1", ".gz")
		d.write("auth.log", "3\n")
	}, "3"},
	{"deleted, and its clock was ahead, and the next copied", func(d testFolder) {
		d.touch("auth.log", -time.Hour)
		d.remove("auth.log")
		d.write("auth.log", "3\n")
		d.shift("auth.log")
		d.write("auth.log.1", "3\n")
	}, "3"},
	{"deleted", func(d testFolder) { d.remove("auth.log"); d.write("auth.log", "3\n") }, "3"},
	{"deleted, and nothing came since", func(d testFolder) { d.remove("auth.log") }, ""},
	{"deleted, and the next renamed", func(d testFolder) {
		d.remove("auth.log")
		d.write("auth.log", "3\n")
		d.rotate("auth.log")
		d.write("auth.log", "4\n")
	}, "3 4"},
	{"renamed and deleted", func(d testFolder) {
		d.rotate("auth.log")
		d.remove("auth.log.1")
		d.write("auth.log", "3\n")
	}, "3"},
}

// TestFileRotatedAsItIsFound rotates a file that is read from its first line
// while it is looked at for the first time. Its lines all come, in their order;
// those of older siblings do not.
func TestFileRotatedAsItIsFound(t *testing.T) {
	for _, begin := range []struct {
		name          string
		late, polling bool
		moment        moment
		sibling       time.Duration // the age of one that is not ours to read
	}{
		{"late, before it is opened", true, false, listed, 0},
		{"late, before it is opened, without inotify", true, true, listed, time.Hour},
		{"late", true, false, opened, time.Hour},
		{"late, beside a young sibling", true, false, opened, 0},
		{"late, without inotify", true, true, opened, 0},
		{"late, after all", true, false, gathered, 0},
		{"from start", false, false, opened, 0},
		{"from start, without inotify", false, true, opened, time.Hour},
	} {
		for _, c := range lateRotations {
			if begin.moment == listed && strings.Contains(c.name, "deleted") {
				continue // nobody can have it
			}
			t.Run(begin.name+"/"+c.name, func(t *testing.T) {
				d := newLateFolder(t, begin.sibling)
				f := d.file(FileOptions{FromStart: !begin.late})
				if begin.polling {
					f.watch = func() (*names, error) { return nil, errors.ErrUnsupported }
				}
				d.at(f, begin.moment, c.happen)
				if !begin.late {
					d.appear()
				}
				r := startFile(t, f)
				if begin.late {
					r.ready()
					d.appear()
				}
				want := append([]string{"1", "2"}, strings.Fields(c.want)...)
				r.want(want...)
				switch c.name {
				case "copied, but nothing is in the copy yet":
					d.write("auth.log.1", "1\n2\n")
					d.truncate("auth.log")
				case "copied, and truncated later":
					d.truncate("auth.log")
				}
				d.write("auth.log", "end\n")
				r.want(append(want, "end")...)
				d.endsWell(r)
			})
		}
	}
}

// moment is one of the first look at a file: before and behind each listing of
// its siblings there is one.
type moment int

const (
	matched  moment = iota // by the glob
	listed                 // its siblings are known
	opened                 // so is the file
	gathered               // and what rotation has made since
)

// at has something happen at a moment.
func (d lateFolder) at(f *File, m moment, happen func(testFolder)) {
	now := matched
	next := func() {
		if now == m {
			happen(d.testFolder)
		}
		now++
	}
	f.list = func(path string) ([]sibling, inode, error) {
		if filepath.Dir(path) != d.dir {
			return familyOf(path)
		}
		next()
		defer next()
		return familyOf(path)
	}
}

// lateFolder is the folder b of one in which the files */auth.log are followed,
// with lines 1 and 2 and a sibling that is not ours to read.
type lateFolder struct {
	testFolder
	parent, hidden testFolder
}

// newLateFolder makes the folder where it is not seen, but for appear: then the
// first look at it finds it whole.
func newLateFolder(t *testing.T, sibling time.Duration) lateFolder {
	t.Helper()
	d := lateFolder{parent: newTestFolder(t), hidden: newTestFolder(t)}
	d.testFolder = testFolder{t, d.parent.path("b")}
	d.hidden.makeFolder("b")
	d.hidden.write("b/auth.log", "1\n2\n")
	d.hidden.write("b/auth.log.1", "old 1\nold 2\n")
	d.hidden.touch("b/auth.log.1", sibling)
	d.parent.makeFolder("a")
	d.parent.write("a/auth.log", "")
	return d
}

func (d lateFolder) appear() {
	d.t.Helper()
	if err := os.Rename(d.hidden.path("b"), d.dir); err != nil {
		d.t.Fatal(err)
	}
}

// file looks for the folder often.
func (d lateFolder) file(o FileOptions) *File {
	o.Poll = 10 * time.Millisecond
	f := NewFile(d.parent.path("*/auth.log"), o)
	f.limits.glob = 10 * time.Millisecond
	return f
}

// endsWell holds that nothing was said, and that another run gives nothing again.
func (d lateFolder) endsWell(r *fileReader) {
	d.t.Helper()
	r.stop()
	if len(r.errors) > 0 || len(r.notices) > 0 {
		d.t.Errorf("errors %v, notices %v", r.errors, r.notices)
	}
	d.write("auth.log", "last\n")
	startFile(d.t, d.file(FileOptions{Resume: r.resume})).want("last")
}

func (d testFolder) makeFolder(name string) {
	d.t.Helper()
	if err := os.Mkdir(d.path(name), 0o755); err != nil {
		d.t.Fatal(err)
	}
}

// TestFileRotatedAsItIsMatched rotates a file after a glob has matched it, and
// before anything else is known of it.
func TestFileRotatedAsItIsMatched(t *testing.T) {
	d := newLateFolder(t, 0)
	r := startFile(t, d.file(FileOptions{Resume: func(stream string) []sshwhy.Place {
		if stream == d.path("auth.log") {
			d.rotate("auth.log")
			d.write("auth.log", "3\n")
		}
		return nil
	}})).ready()
	d.appear()
	r.want("1", "2", "3")
	d.endsWell(r)
}

// TestFileTruncatedAsItIsFound truncates a file of which there is a copy already
// when it is looked at for the first time.
func TestFileTruncatedAsItIsFound(t *testing.T) {
	d := newLateFolder(t, 0)
	d.hidden.shift("b/auth.log")
	d.hidden.write("b/auth.log.1", "1\n2\n")
	f := d.file(FileOptions{})
	d.at(f, opened, func(d testFolder) {
		d.truncate("auth.log")
		d.write("auth.log", "3\n")
	})
	r := startFile(t, f).ready()
	d.appear()
	r.want("1", "2", "3")
	d.endsWell(r)
}

// TestFileLostAsItIsFound has something bear the name that nobody could open: it
// is told of, though more files were opened than the name was told of.
func TestFileLostAsItIsFound(t *testing.T) {
	n, err := newNames()
	if err != nil {
		t.Skip("nothing tells of names:", err)
	}
	n.close()
	d := newLateFolder(t, 0)
	f := d.file(FileOptions{})
	d.at(f, opened, func(d testFolder) {
		d.rotate("auth.log")
		if err := os.Symlink("nowhere", d.path("auth.log")); err != nil {
			t.Fatal(err)
		}
		d.remove("auth.log")
		d.write("auth.log", "3\n")
	})
	r := startFile(t, f).ready()
	d.appear()
	r.want("1", "2", "3")
	r.noticed("lines-lost")
}

// TestFileKilledAsItIsFound stops a run which has found a late file, and told the
// ledger, but has read nothing of it yet. It is rotated before the next one.
func TestFileKilledAsItIsFound(t *testing.T) {
	d := newLateFolder(t, time.Hour)
	killed := &fileReader{t: t, places: map[string]sshwhy.Place{}, news: make(chan struct{}, 1)}
	for record, err := range d.file(FileOptions{}).Records(t.Context()) {
		if err == nil && !record.Tick {
			break
		}
		killed.note(record, err)
		if killed.ticks == 2 {
			d.appear()
		}
	}
	d.rotate("auth.log")
	d.write("auth.log", "3\n")
	startFile(t, d.file(FileOptions{Resume: killed.resume})).want("1", "2", "3")
}
