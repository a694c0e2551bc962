package tailers

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
)

// Archive reads logs that are written no more: files, the files of folders,
// and standard input under the name "-", one after the other in the order
// given. Compressed files are told by their first bytes.
type Archive struct {
	// Paths are what to read.
	Paths []string
	// Stdin is read for the path "-". Not owned.
	Stdin io.Reader
	// Progress, where set, is called now and then with the number of bytes
	// read so far, and of those in all files, 0 where that is not known.
	Progress func(read, size int64)

	read, size int64
}

// Records implements sshwhy.Source.
func (a *Archive) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		paths, errs := a.expand()
		for _, err := range errs {
			if !yield(nil, err) {
				return
			}
		}
		for _, path := range paths {
			if !a.file(ctx, path, yield) {
				return
			}
		}
	}
}

// expand puts the files of a folder in the folder's place, in order of name,
// and adds up the sizes.
func (a *Archive) expand() (paths []string, errs []error) {
	for _, p := range a.Paths {
		if p == "-" {
			paths = append(paths, p)
			continue
		}
		info, err := os.Stat(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading the log: %w", err))
			continue
		}
		if !info.IsDir() {
			paths = append(paths, p)
			a.size += info.Size()
			continue
		}
		err = filepath.WalkDir(p, func(name string, d os.DirEntry, err error) error {
			if err != nil {
				errs = append(errs, fmt.Errorf("reading the folder %q: %w", p, err))
				return nil
			}
			if d.Type().IsRegular() {
				paths = append(paths, name)
				if info, err := d.Info(); err == nil {
					a.size += info.Size()
				}
			}
			return nil
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("reading the folder %q: %w", p, err))
		}
	}
	return paths, errs
}

// file yields the records of one file and tells whether to go on with others.
func (a *Archive) file(ctx context.Context, path string, yield func(*sshwhy.Record, error) bool) bool {
	r, newest, closing, err := a.open(path)
	if err != nil {
		return yield(nil, err)
	}
	defer closing()
	record := &sshwhy.Record{Source: path, Newest: newest}
	input := newLines(r)
	for n := 0; ; n++ {
		if n&0xfff == 0 {
			if ctx.Err() != nil {
				return false
			}
			if a.Progress != nil {
				a.Progress(a.read, a.size)
			}
		}
		record.Text, record.Truncated, err = input.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return true
			}
			return yield(nil, fmt.Errorf("reading %q, after line %d: %w", path, n, err))
		}
		if !yield(record, nil) {
			return false
		}
	}
}

// open opens a file and what unpacks it.
func (a *Archive) open(path string) (io.Reader, time.Time, func(), error) {
	raw := a.Stdin
	var newest time.Time
	closing := func() {}
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, newest, nil, fmt.Errorf("reading the log: %w", err)
		}
		closing = func() { f.Close() }
		if info, err := f.Stat(); err == nil {
			newest = info.ModTime()
		}
		raw = f
	}
	buffered := bufio.NewReaderSize(counter{raw, &a.read}, bufferSize)
	head, err := buffered.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		closing()
		return nil, newest, nil, fmt.Errorf("reading %q: %w", path, err)
	}
	r, err := unpack(head, buffered)
	if err != nil {
		closing()
		return nil, newest, nil, fmt.Errorf("unpacking %q: %w", path, err)
	}
	return r, newest, closing, nil
}

// unpack gives the reader of what r holds, by its first bytes.
func unpack(head []byte, r io.Reader) (io.Reader, error) {
	switch {
	case slices.Equal(head[:min(2, len(head))], []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case string(head) == "BZh":
		return bzip2.NewReader(r), nil
	}
	return r, nil
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n *int64
}

func (c counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += int64(n)
	return n, err
}
