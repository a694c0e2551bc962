package sinks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/sshwhy/sshwhy/ledger"
)

// FileOptions say how a file is kept; the zero value never begins another one.
type FileOptions struct {
	// MaxBytes is the size at which another file is begun: path becomes
	// path.1, path.1 becomes path.2. 0 leaves that to Reopen and another
	// program.
	MaxBytes int64
	// Keep is how many of the former files stay; 0 means 5.
	Keep int
	// Mode is that of a new file; 0 means 0600.
	Mode os.FileMode
	// NoSync leaves it to the operating system when the disk is written.
	NoSync bool
}

// File writes lines to a file, whole ones only: what a full disk cut off is
// taken back, and what a crash left of one is removed at the next start. It
// implements Deliverer. All but Reopen are for one goroutine.
type File struct {
	path   string
	o      FileOptions
	f      *os.File
	disk   bool // f is a regular file
	size   int64
	buf    []byte
	reopen atomic.Bool
}

// OpenFile opens the file at path, and makes it where there is none.
func OpenFile(path string, o FileOptions) (*File, error) {
	if o.Keep <= 0 {
		o.Keep = 5
	}
	if o.Mode == 0 {
		o.Mode = 0o600
	}
	w := &File{path: path, o: o}
	return w, w.open()
}

func (w *File) open() error {
	f, err := os.OpenFile(w.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, w.o.Mode)
	if err != nil {
		return fmt.Errorf("opening a file to write to: %w", err)
	}
	size, err := mendEnd(f)
	if err != nil {
		f.Close()
		return fmt.Errorf("opening a file to write to: %w", err)
	}
	w.f, w.size = f, size
	return nil
}

// mendEnd removes half a line from the end of the file, and gives its size.
// What does not look like one of ours is ended instead.
func mendEnd(f *os.File) (size int64, err error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return 0, err
	}
	size = info.Size()
	begin, err := lastLine(f, size)
	if err != nil || begin == size {
		return size, err
	}
	var first [1]byte
	if _, err := f.ReadAt(first[:], begin); err != nil {
		return size, err
	}
	if first[0] == '{' {
		return begin, f.Truncate(begin)
	}
	n, err := f.Write([]byte{'\n'})
	return size + int64(n), err
}

// lastLine gives where the text behind the last line's end begins.
func lastLine(f *os.File, size int64) (int64, error) {
	var b [64 << 10]byte
	for end := size; end > 0; {
		begin := max(end-int64(len(b)), 0)
		part := b[:end-begin]
		if _, err := f.ReadAt(part, begin); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return begin + int64(i) + 1, nil
		}
		end = begin
	}
	return 0, nil
}

// Reopen lets the next write open the file by its name again, after another
// program has renamed it. It may be called from any goroutine.
func (w *File) Reopen() { w.reopen.Store(true) }

// Close closes the file.
func (w *File) Close() error {
	if w.f == nil {
		return nil
	}
	err := w.f.Close()
	w.f = nil
	return err
}

// Send implements Deliverer: a line for each item.
func (w *File) Send(_ context.Context, items []ledger.Item, _ Kept) Sent {
	done := 0
	w.buf = w.buf[:0]
	for i := range items {
		if w.full(len(items[i].Body) + 1) {
			if err := w.flush(); err != nil {
				return Sent{Done: done, Err: err}
			}
			done = i
		}
		w.buf = append(append(w.buf, items[i].Body...), '\n')
	}
	if err := w.flush(); err != nil {
		return Sent{Done: done, Err: err}
	}
	return Sent{Done: len(items)}
}

// Append writes one line, whose end it adds.
func (w *File) Append(line []byte) error {
	w.buf = append(append(w.buf[:0], line...), '\n')
	return w.flush()
}

// full tells whether the file would be too long with so many more bytes.
func (w *File) full(more int) bool {
	return w.o.MaxBytes > 0 && len(w.buf) > 0 && w.size+int64(len(w.buf)+more) > w.o.MaxBytes
}

// flush writes what was collected, all of it or nothing, and lets it reach the
// disk.
func (w *File) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if err := w.ready(); err != nil {
		return err
	}
	_, err := w.f.Write(w.buf)
	if err == nil && w.disk && !w.o.NoSync {
		err = w.f.Sync()
	}
	if err != nil {
		if w.disk {
			_ = w.f.Truncate(w.size) // half a line would spoil the next
		}
		return fmt.Errorf("writing to a file: %w", err)
	}
	w.size += int64(len(w.buf))
	w.buf = w.buf[:0]
	return nil
}

// ready opens the file, where that is to be done, or begins another.
func (w *File) ready() error {
	if w.reopen.Swap(false) {
		w.Close()
	}
	if w.f == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	info, err := w.f.Stat()
	if err != nil {
		return fmt.Errorf("writing to a file: %w", err)
	}
	if w.disk = info.Mode().IsRegular(); w.disk {
		w.size = info.Size() // another program may have cut it short
	}
	if w.disk && w.o.MaxBytes > 0 && w.size > 0 && w.size+int64(len(w.buf)) > w.o.MaxBytes {
		return w.rotate()
	}
	return nil
}

// rotate gives the file and its predecessors their next names and begins
// another. Where a name cannot be changed, the file goes on.
func (w *File) rotate() error {
	w.Close()
	for i := w.o.Keep; i > 0; i-- {
		from := w.path
		if i > 1 {
			from += "." + strconv.Itoa(i-1)
		}
		if err := os.Rename(from, w.path+"."+strconv.Itoa(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if d, err := os.Open(filepath.Dir(w.path)); err == nil {
		_ = d.Sync() // the names; the lines are safe without
		d.Close()
	}
	return w.open()
}
