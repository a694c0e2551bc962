// Package ledger keeps what must outlive the program, in one file: how far was
// read, the lines of connections that are open, the state of the rooms, and
// what is still to be delivered. One transaction moves all of them together,
// so that a program that was killed goes on where it was.
//
// # The file
//
// It is a bbolt database of pages of 4 KiB with these buckets:
//
//	format   version
//	places   stream, generation       → where a source goes on
//	held     connection, number       → a record of an open connection
//	state    room, key                → an entry of a stateful room
//	queues   name → blocks, values    → what a sink has yet to deliver
//
// bbolt reads its file through a memory map and trusts what it finds: a
// damaged page can end the process. So before it is opened the whole tree is
// checked with plain reads (check.go), and every value carries a checksum of
// its own. A file that does not pass is set aside under another name, never
// written over.
//
// # Who writes
//
// One process at a time. A lock on a second file beside the ledger (".lock",
// which also names the process) is held from Open to Close, so that the ledger
// itself can be renamed under the lock: set aside, or made smaller.
package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/sshwhy/sshwhy"
)

// Options of Open; the zero value is sensible.
type Options struct {
	// NoSync leaves it to the operating system when the disk is written.
	// The death of the program loses nothing then, that of the machine
	// may. It is for tests.
	NoSync bool
	// Notice takes what the ledger says about itself, at Open only: that a
	// file was set aside. Nil drops it.
	Notice func(*sshwhy.Notice)
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// Ledger implements sshwhy.Ledger. Commit, Restore and Places are for the
// goroutine of the loop, the methods of its queues for that of their sink.
type Ledger struct {
	path string
	o    Options
	lock *lock

	// mu is held for writing while the file is replaced by a smaller one.
	mu     sync.RWMutex
	db     *bbolt.DB // nil once closed, or where replacing it failed
	broken error     // why db is nil

	// What the loop's goroutine alone uses.
	fresh   bool              // no batch of this run is stored yet
	places  map[string][]byte // as they are stored, so that equal ones are not written again
	held    map[uint64]budget // by connection
	number  uint64            // of the last record held
	born    uint64            // of the last generation
	commits int               // of this run

	pack     packer
	queuesMu sync.Mutex
	queues   map[string]*Queue
}

const (
	// format is the version of the file that this program writes.
	format = 1
	// pageSize is that of the file on every machine, so that it can be
	// moved between them, and checked without asking.
	pageSize = 4096
	// lockWait is how long Open waits for another process to end.
	lockWait = time.Second
	// batchDelay is how long what one sink settled waits for others to
	// share its transaction.
	batchDelay = 2 * time.Millisecond
)

// The buckets of the file.
var (
	bucketFormat = []byte("format")
	bucketPlaces = []byte("places")
	bucketHeld   = []byte("held")
	bucketState  = []byte("state")
	bucketQueues = []byte("queues")
	keyVersion   = []byte("version")
)

// InUseError says that another process has the ledger.
type InUseError struct {
	Path string
	// PID is that process, 0 where it is not known.
	PID int
}

// Error implements error.
func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the ledger %q is in use by another process", e.Path)
	}
	return fmt.Sprintf("the ledger %q is in use by process %d", e.Path, e.PID)
}

// NewerError says that a later sshwhy wrote the ledger.
type NewerError struct {
	Path    string
	Version uint64
}

// Error implements error.
func (e *NewerError) Error() string {
	return fmt.Sprintf("the ledger %q has format %d, and this sshwhy knows formats up to %d", e.Path, e.Version, format)
}

// Open opens the ledger at path and makes it where there is none: the file is
// its owner's alone (0600), and so is the directory where that has to be made
// (0700). A file that is damaged, or not a ledger, is renamed to
// path.damaged-DATE, a notice says so, and a new one takes its place.
//
// Errors: *InUseError, *NewerError, and those of the operating system.
func Open(path string, o Options) (*Ledger, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Notice == nil {
		o.Notice = func(*sshwhy.Notice) {}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the ledger: %w", err)
	}
	lock, err := acquire(path, lockWait)
	if err != nil {
		return nil, err
	}
	l := &Ledger{path: path, o: o, lock: lock, fresh: true, places: map[string][]byte{}, held: map[uint64]budget{}, queues: map[string]*Queue{}}
	if l.pack, err = newPacker(); err == nil {
		err = l.open()
	}
	if err != nil {
		lock.release()
		return nil, err
	}
	return l, nil
}

// open opens the file, or sets it aside and makes another.
func (l *Ledger) open() error {
	os.Remove(l.path + compacting) // of a run that was killed
	err := l.load()
	var damage *damaged
	if errors.As(err, &damage) {
		if err = l.setAside(damage); err == nil {
			err = l.load()
		}
	}
	return err
}

// load opens the file as it is. A *damaged is returned for one that must not
// be used; nothing of it was changed.
func (l *Ledger) load() error {
	if err := checkFile(l.path); err != nil {
		return err
	}
	db, err := l.openDB(l.path, l.o.NoSync)
	if err != nil {
		return err
	}
	if err := l.understand(db); err != nil {
		db.Close()
		return err
	}
	l.db = db
	if l.mostlyFree() {
		return l.compact()
	}
	return nil
}

// openDB opens a file that was checked. What bbolt panics about all the same
// is damage.
func (l *Ledger) openDB(path string, noSync bool) (db *bbolt.DB, err error) {
	var f *os.File
	defer func() {
		if r := recover(); r != nil {
			f.Close() // and with it the lock
			err = &damaged{fmt.Sprint(r)}
		}
	}()
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:  lockWait,
		NoSync:   noSync,
		PageSize: pageSize,
		// The list of free pages is not stored: after a long outage of
		// a sink it would be a megabyte in every commit. It is made
		// anew at the start from the tree.
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (file *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			f = file
			return file, err
		},
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, &InUseError{Path: path}
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrChecksum):
		return nil, &damaged{err.Error()}
	case err != nil:
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	db.MaxBatchDelay = batchDelay
	return db, nil
}

// understand makes a new file a ledger, brings an older one up to date, and
// checks the values of what is read at the start.
func (l *Ledger) understand(db *bbolt.DB) error {
	version, empty, err := versionOf(db)
	switch {
	case err != nil:
		return err
	case version > format:
		return &NewerError{l.path, version}
	case version < format || empty:
		if err := db.Update(func(tx *bbolt.Tx) error { return migrate(tx, version, steps) }); err != nil {
			return fmt.Errorf("bringing the ledger to format %d: %w", format, err)
		}
		if err := syncDirectory(l.path); err != nil {
			return err
		}
	}
	return db.View(l.verify)
}

// versionOf reads the format; 0 is that of a file without any bucket.
func versionOf(db *bbolt.DB) (version uint64, empty bool, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketFormat)
		if b == nil {
			if name, _ := tx.Cursor().First(); name == nil {
				empty = true
				return nil
			}
			return &damaged{"it is a database of another program"}
		}
		v, ok := unseal(keyVersion, b.Get(keyVersion))
		if !ok || len(v) != 8 {
			return &damaged{"its format cannot be read"}
		}
		version = binary.BigEndian.Uint64(v)
		return nil
	})
	return version, empty, err
}

// step brings a file of one format to the next.
type step func(*bbolt.Tx) error

// steps are by the format that they begin with.
var steps = []step{
	// 0: a new file.
	func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketFormat, bucketPlaces, bucketHeld, bucketState, bucketQueues} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	},
}

func migrate(tx *bbolt.Tx, from uint64, steps []step) error {
	for _, s := range steps[from:] {
		if err := s(tx); err != nil {
			return err
		}
	}
	version := binary.BigEndian.AppendUint64(nil, uint64(len(steps)))
	return tx.Bucket(bucketFormat).Put(keyVersion, seal(keyVersion, version))
}

// verify checks the values that Restore and Places give, and learns where the
// numbers go on.
func (l *Ledger) verify(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketPlaces, bucketHeld, bucketState, bucketQueues} {
		b := tx.Bucket(name)
		if b == nil {
			return &damaged{fmt.Sprintf("it has no %s", name)}
		}
		if string(name) == string(bucketQueues) {
			continue // read, and checked, piece by piece
		}
		if err := b.ForEach(func(k, sealed []byte) error {
			v, ok := unseal(k, sealed)
			if ok {
				switch string(name) {
				case string(bucketPlaces):
					ok = l.learnPlace(k, v)
				case string(bucketHeld):
					var r sshwhy.Record
					ok = len(k) == heldKey && decodeRecord(v, &r, new(sshwhy.Header))
				}
			}
			if !ok {
				return &damaged{fmt.Sprintf("an entry of %s has another checksum than when it was written", name)}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the file. What was put into queues and not committed is gone:
// the places were not moved either.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.db == nil {
		return nil
	}
	err := l.db.Close()
	l.db, l.broken = nil, fs.ErrClosed
	l.lock.release()
	return err
}

// view reads from the file.
func (l *Ledger) view(fn func(*bbolt.Tx) error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.db == nil {
		return l.broken
	}
	return l.db.View(fn)
}

// update writes to the file, alone.
func (l *Ledger) update(fn func(*bbolt.Tx) error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.db == nil {
		return l.broken
	}
	return l.db.Update(fn)
}

// batch writes to the file, with what others want to write within the next
// milliseconds. The function may be called more than once.
func (l *Ledger) batch(fn func(*bbolt.Tx) error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.db == nil {
		return l.broken
	}
	return l.db.Batch(fn)
}

// syncDirectory makes the name of a file durable. Where directories cannot be
// synced (Windows) there is nothing to do.
func syncDirectory(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("syncing the directory of the ledger: %w", err)
	}
	return nil
}
