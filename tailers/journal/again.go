package journal

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// libsystemd can pass over entries for good. It reads several files as one, a
// file for the system and one for each user, and goes on behind the last entry
// that it gave. When journald rotates them, and when a user's first entry makes
// a new one, a file can come to its notice after entries of another file that
// are newer than those in it; the older ones are then behind. The same happens,
// much more rarely, when it looks at one file just before and at another just
// after journald writes to both. journalctl and every program on the library
// share this.
//
// So the last entries are read once more, by a new child: a second or two after
// files came or went, and now and then while entries come. What the earlier
// child did not see is yielded late, but is not lost.

const (
	// lookAfter is how often the folders are looked at, and how long after
	// a change a new child begins.
	lookAfter = time.Second
	// againAfter is how often a new child begins while entries come and no
	// file does.
	againAfter = time.Minute
)

// secondLook says when to read the last entries once more.
type secondLook struct {
	folders []string
	changed []time.Time // of the folders, when last looked at
	looked  time.Time
	due     time.Time // zero if no file came or went
	started time.Time // of the child
	entries int       // that were read before it started
}

func newSecondLook(folders []string) *secondLook {
	l := &secondLook{folders: folders, changed: make([]time.Time, len(folders)), looked: time.Now()}
	l.filesChanged()
	return l
}

// start is told of a new child.
func (l *secondLook) start(entries int) {
	l.started, l.entries = time.Now(), entries
	if !l.due.After(l.started) {
		l.due = time.Time{}
	}
}

// wanted tells whether it is time for another child.
func (l *secondLook) wanted(entries int) bool {
	now := time.Now()
	if now.Sub(l.looked) < lookAfter {
		return false
	}
	l.looked = now
	if l.filesChanged() {
		l.due = now.Add(lookAfter)
		return false
	}
	if !l.due.IsZero() {
		return !now.Before(l.due)
	}
	return entries > l.entries && now.Sub(l.started) >= againAfter
}

// filesChanged tells whether files came or went since it was asked last.
func (l *secondLook) filesChanged() (any bool) {
	for i, folder := range l.folders {
		var changed time.Time
		if info, err := os.Stat(folder); err == nil {
			changed = info.ModTime()
		}
		if !changed.Equal(l.changed[i]) {
			l.changed[i], any = changed, true
		}
	}
	return any
}

// foldersMax bounds what is looked at each second.
const foldersMax = 64

// folders gives the folders whose files are read. Files that were named are no
// folder: nothing joins them.
func (o *Options) folders() (folders []string) {
	switch {
	case o.Directory != "":
		folders = append(folders, o.Directory)
		entries, _ := os.ReadDir(o.Directory)
		for _, e := range entries {
			if e.IsDir() && len(folders) < foldersMax {
				folders = append(folders, filepath.Join(o.Directory, e.Name()))
			}
		}
	case len(o.Files) == 0:
		id, _ := os.ReadFile("/etc/machine-id")
		name := filepath.Base(strings.TrimSpace(string(id)))
		for _, root := range []string{"/var/log/journal", "/run/log/journal"} {
			folders = append(folders, root, filepath.Join(root, name))
		}
	}
	return folders
}
