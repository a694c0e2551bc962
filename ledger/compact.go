package ledger

import (
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// compacting is the end of the name of the smaller file while it is made.
const compacting = ".compact"

const (
	// smallFile is a size, in bytes, that is not worth making smaller.
	smallFile = 1 << 20
	// mostly is the share of free pages, in hundredths, from which on a
	// file is made smaller.
	mostly = 75
	// quickCopy is how much, in bytes, is copied while the loop waits; it
	// takes a tenth of a second. Of more the next start takes care.
	quickCopy = 16 << 20
	// copyBytes is how much is copied in a transaction.
	copyBytes = 4 << 20
)

// mostlyFree tells whether most of the file holds nothing any more: bbolt uses
// free pages again, but never gives them back.
func (l *Ledger) mostlyFree() bool {
	size, free := l.extent()
	return size > smallFile && free > size/100*mostly
}

// extent gives the size of the file and how much of it is free, in bytes.
func (l *Ledger) extent() (size, free int64) {
	info, err := os.Stat(l.path)
	if err != nil {
		return 0, 0
	}
	stats := l.db.Stats()
	size = info.Size()
	free = int64(stats.FreePageN+stats.PendingPageN) * pageSize
	_ = l.db.View(func(tx *bbolt.Tx) error {
		free += size - tx.Size() // what the file was grown by ahead of need
		return nil
	})
	return size, free
}

// giveBack makes the file smaller where that is quickly done: after the outage
// of a sink most of it can be free.
func (l *Ledger) giveBack() {
	if l.commits++; l.commits%giveBackEvery != 0 {
		return
	}
	l.mu.RLock()
	size, free := int64(0), int64(0)
	if l.db != nil && l.mostlyFree() {
		size, free = l.extent()
	}
	l.mu.RUnlock()
	if size == 0 || size-free > quickCopy {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.db != nil {
		// Without it the file stays as it is, which is no trouble: where
		// the file itself is lost, the next commit says so.
		_ = l.compact()
	}
}

// giveBackEvery is the number of commits between two looks at the size.
const giveBackEvery = 256

// compact copies what is in use into a new file, which takes the place of the
// old one. An error leaves the old one open, unless it says that the ledger is
// lost.
func (l *Ledger) compact() error {
	name := l.path + compacting
	if err := l.copyTo(name); err != nil {
		os.Remove(name)
		return nil // no space for a copy: as it was
	}
	if err := l.db.Close(); err != nil {
		return l.lose(err)
	}
	if err := os.Rename(name, l.path); err != nil {
		os.Remove(name) // and the old file is opened again
	}
	if err := syncDirectory(l.path); err != nil {
		return l.lose(err)
	}
	db, err := l.openDB(l.path, l.o.NoSync)
	if err != nil {
		return l.lose(err)
	}
	l.db = db
	return nil
}

func (l *Ledger) lose(err error) error {
	l.db, l.broken = nil, fmt.Errorf("making the ledger smaller: %w", err)
	return l.broken
}

func (l *Ledger) copyTo(name string) error {
	os.Remove(name)
	db, err := l.openDB(name, true)
	if err != nil {
		return err
	}
	err = bbolt.Compact(db, l.db, copyBytes)
	if err == nil {
		err = db.Sync()
	}
	if closed := db.Close(); err == nil {
		err = closed
	}
	return err
}
