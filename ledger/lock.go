package ledger

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// lock is the right to write, from Open to Close. It lies on a file of its own,
// which stays where it is when the ledger is renamed. The file names the
// process that has it.
type lock struct{ f *os.File }

// errLocked is what tryLock gives where another has the lock.
var errLocked = errors.New("locked")

// acquire takes the lock of the ledger at path.
func acquire(path string, wait time.Duration) (*lock, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the ledger: %w", err)
	}
	for until := time.Now().Add(wait); ; time.Sleep(20 * time.Millisecond) {
		err = tryLock(f)
		if !errors.Is(err, errLocked) || time.Now().After(until) {
			break
		}
	}
	switch {
	case errors.Is(err, errLocked):
		err = &InUseError{Path: path, PID: holder(f)}
	case err != nil:
		err = fmt.Errorf("locking the ledger: %w", err)
	default:
		err = sign(f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &lock{f}, nil
}

// sign writes the number of this process.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("signing the lock of the ledger: %w", err)
	}
	// A full disk does not matter here: the lock counts, not the number.
	f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return nil
}

// holder reads whose lock it is, 0 where that is not known.
func holder(f *os.File) int {
	var b [20]byte
	n, _ := f.ReadAt(b[:], 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

func (l *lock) release() {
	l.f.Truncate(0)
	l.f.Close()
}

// heldByAnother tells whether a program that is not sshwhy has locked the file
// itself, as every bbolt database in use is.
func heldByAnother(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(tryLock(f), errLocked)
}
