//go:build unix

package tailers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
)

// TestFileKilledBeforeTheFirstLine stops a run that has found what was rotated
// while it was stopped, and told the ledger, but has read nothing of it yet. The
// next one reads it all.
func TestFileKilledBeforeTheFirstLine(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "1\n")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{FromStart: true})).ready()
	r.want("1")
	r.stop()
	for n := 2; n <= 4; n++ {
		for old := n - 2; old > 0; old-- {
			d.rename(fmt.Sprintf("auth.log.%d", old), fmt.Sprintf("auth.log.%d", old+1))
		}
		d.rename("auth.log", "auth.log.1")
		d.write("auth.log", fmt.Sprintln(n))
	}
	killed := &fileReader{t: t, places: r.places, news: make(chan struct{}, 1)}
	for record, err := range NewFile(d.path("auth.log"), FileOptions{Resume: r.resume}).Records(t.Context()) {
		if err == nil && !record.Tick {
			break
		}
		killed.note(record, err)
	}
	if len(killed.texts) > 0 {
		t.Fatalf("read %q", killed.texts)
	}
	startFile(t, NewFile(d.path("auth.log"), FileOptions{Resume: killed.resume})).want("2", "3", "4")
}

// TestFileResumesInTheOrderOfFiles resumes from places that were made in another
// order than the files: one that was passed over in a hurry is found later
// than its successor.
func TestFileResumesInTheOrderOfFiles(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "1\n")
	r := startFile(t, NewFile(d.path("auth.log"), FileOptions{FromStart: true})).ready()
	r.want("1")
	d.rename("auth.log", "auth.log.1")
	d.write("auth.log", "2\n")
	r.want("1", "2")
	d.rename("auth.log.1", "auth.log.2")
	d.rename("auth.log", "auth.log.1")
	d.write("auth.log", "3\n")
	r.want("1", "2", "3")
	r.stop()
	turned := func(stream string) []sshwhy.Place {
		kept := r.resume(stream)
		for i, p := range kept {
			n, inode, _ := strings.Cut(p.Generation, "-")
			switch n {
			case "1":
				kept[i].Generation = "2-" + inode
			case "2":
				kept[i].Generation = "1-" + inode
			}
		}
		return kept
	}
	d.write("auth.log.2", "1, late\n")
	d.write("auth.log.1", "2, late\n")
	d.write("auth.log", "3, more\n")
	startFile(t, NewFile(d.path("auth.log"), FileOptions{Resume: turned})).want("1, late", "2, late", "3, more")
}

// TestScanPlacesWhatItFinds finds a file that was passed over, between others
// of which one has been compressed since.
func TestScanPlacesWhatItFinds(t *testing.T) {
	d := newTestFolder(t)
	d.write("auth.log", "1\n")
	f := NewFile(d.path("auth.log"), FileOptions{FromStart: true})
	f.watch = func() (*names, error) { return nil, nil } // nothing tells of names
	var texts []string
	for record, err := range f.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if record.Tick {
			continue
		}
		switch texts = append(texts, string(record.Text)); len(texts) {
		case 1: // two rotations between two looks
			d.write("auth.log", "2\n")
			d.rename("auth.log", "auth.log.2")
			d.write("auth.log.1", "3\n")
			d.write("auth.log", "4\n")
			d.compress("auth.log.2", ".gz")
		}
		if len(texts) == 4 {
			break
		}
	}
	if got := strings.Join(texts, " "); got != "1 2 3 4" {
		t.Errorf("read in the order %s", got)
	}
}
