package archives

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sshwhy/sshwhy/tailers/journal"
)

// The bounds of what one run looks for.
const (
	// maxPieces is how many files and members there may be in all.
	maxPieces = 100_000
	// maxSpill is how much of a packed tar may lie in a temporary file,
	// packed again, in bytes.
	maxSpill = 16 << 30
)

// headSize is how much of a file is looked at to tell what it is.
const headSize = 64 << 10

// finder finds the pieces that paths stand for.
type finder struct {
	a       *Archive
	ctx     context.Context
	trouble func(error) // takes what could not be read
	pieces  []*piece
	seen    map[string]bool // paths that are in, links resolved
	roots   []string        // folders that were walked
	binary  int             // files that are no text
	spilled *spill
}

// find gives the pieces in the order of the paths, those of a folder in the
// order of their names.
func (f *finder) find(paths []string) {
	for _, p := range paths {
		if f.ctx.Err() != nil {
			return
		}
		if f.full() {
			f.trouble(fmt.Errorf("there are more than %d files: those from %q on are left out", maxPieces, p))
			return
		}
		if p == "-" {
			f.stream("-", f.a.stdin)
			continue
		}
		f.path(p)
	}
}

func (f *finder) full() bool { return len(f.pieces) >= maxPieces }

// path finds what a path, or a pattern where no file has that name, stands
// for.
func (f *finder) path(p string) {
	info, err := os.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		if names, _ := filepath.Glob(p); len(names) > 0 {
			for _, name := range names {
				f.path(name)
			}
			return
		}
	}
	switch {
	case err != nil:
		f.trouble(fmt.Errorf("reading the log: %w", err))
	case info.IsDir():
		f.folder(p)
	case info.Mode().IsRegular():
		f.file(p, info, false)
	default:
		f.pipe(p)
	}
}

// folder finds the logs in a folder and those inside. A link is followed
// unless what it leads to is found anyway.
func (f *finder) folder(root string) {
	if real, err := filepath.EvalSymlinks(root); err == nil {
		f.roots = append(f.roots, real)
	}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			f.trouble(fmt.Errorf("reading the folder %q: %w", root, err))
			return nil
		case f.full() || f.ctx.Err() != nil:
			return filepath.SkipAll
		case d.Type()&fs.ModeSymlink != 0 && f.leadsInside(name):
			return nil
		case d.Type().IsRegular() || d.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
				f.file(name, info, true)
			}
		}
		return nil
	})
	if err != nil {
		f.trouble(fmt.Errorf("reading the folder %q: %w", root, err))
	}
}

func (f *finder) leadsInside(link string) bool {
	real, err := filepath.EvalSymlinks(link)
	return err != nil || slices.ContainsFunc(f.roots, func(root string) bool {
		return strings.HasPrefix(real, root+string(filepath.Separator))
	})
}

// file looks at one file, once. One that was only found, and not named, is
// passed over where it is no text.
func (f *finder) file(p string, info fs.FileInfo, found bool) {
	real, err := filepath.EvalSymlinks(p)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		real = p
	}
	if f.seen[real] {
		return
	}
	f.seen[real] = true
	f.a.size += info.Size()
	e := extent{path: p, size: info.Size(), whole: true}
	f.look(e, p, info.ModTime(), 0, found, false)
}

// look opens a part of a file and tells what it is.
func (f *finder) look(e extent, name string, modified time.Time, depth int, found, cut bool) {
	if e.size == 0 {
		f.add(&piece{name: name, at: e, modified: modified})
		return
	}
	r, closing, err := e.open()
	if err != nil {
		f.trouble(fmt.Errorf("reading the log: %w", err))
		return
	}
	defer closing.Close()
	raw := &counting{r: &attentive{f, r}, n: new(int64)}
	c, err := unpack(raw)
	//lint:ignore SA5001 with an error as well it gives what is to be closed
	defer c.Close()
	if err != nil {
		f.fail(&piece{name: name, at: e, modified: modified}, fmt.Errorf("reading %q: %w", name, err))
		return
	}
	c.need(headSize)
	switch {
	case c.tar && depth == maxLayers:
		f.fail(&piece{name: name, at: e, modified: modified}, fmt.Errorf("reading %q: more than %d archives lie in each other", name, maxLayers))
	case c.tar && c.packed == "":
		f.index(e, name, depth)
	case c.tar:
		f.a.read += raw.here
		raw.n = &f.a.read // all of it is read now, and what is kept again later
		f.unfold(c, name, depth)
	case isJournal(c.head):
		f.add(&piece{name: name, at: e, packed: c.packed, modified: modified, journal: true, files: []extent{e}})
	case found && isBinary(c.head):
		f.binary++
	default:
		p := &piece{name: name, at: e, packed: c.packed, modified: modified, cut: cut, export: journal.IsExport(c.head)}
		if t := c.modified; !t.IsZero() && t.Before(p.modified) {
			p.modified = t // a copy is younger than what it holds
		}
		f.add(p)
		f.doubt(p, c)
		f.a.times.probe(p, c)
	}
}

// add takes a piece up, and begins its account.
func (f *finder) add(p *piece) {
	p.input = Input{Name: p.name, Packed: p.packed, Size: p.at.size, Modified: p.modified}
	f.pieces = append(f.pieces, p)
}

// fail accounts for a piece that cannot be read.
func (f *finder) fail(p *piece, err error) {
	f.a.failed = append(f.a.failed, Input{Name: p.name, Size: p.at.size, Modified: p.modified, Err: err})
	f.trouble(err)
}

// pipe opens what can be read once only, and has a path.
func (f *finder) pipe(p string) {
	file, err := os.Open(p)
	if err != nil {
		f.trouble(fmt.Errorf("reading the log: %w", err))
		return
	}
	f.a.closing = append(f.a.closing, file)
	f.stream(p, file)
}

// stream looks at what can be read once only.
func (f *finder) stream(name string, r io.Reader) {
	c, err := unpack(&counting{r: r, n: &f.a.read})
	f.a.closing = append(f.a.closing, closer(c.Close))
	switch {
	case err != nil:
		f.fail(&piece{name: name}, fmt.Errorf("reading %q: %w", name, err))
	case c.tar:
		f.unfold(c, name, 0)
	default:
		p := &piece{name: name, stream: c, packed: c.packed, export: journal.IsExport(c.head)}
		f.add(p)
		f.doubt(p, c)
	}
}

// doubt reports a file that was named and is no text: it may be one that was
// packed, and damaged where that shows. It is read all the same.
func (f *finder) doubt(p *piece, c *content) {
	if !p.export && isBinary(c.head) {
		p.input.Err = fmt.Errorf("reading %q: it does not look like text", p.name)
		f.trouble(p.input.Err)
	}
}

// index finds the members of a tar that can be gone back in.
func (f *finder) index(e extent, name string, depth int) {
	r, closing, err := e.open()
	if err != nil {
		f.trouble(fmt.Errorf("reading the log: %w", err))
		return
	}
	defer closing.Close()
	err = members(r, func(h *tar.Header, _ io.Reader) error {
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil || f.full() {
			return errStop
		}
		inner := memberName(name, h)
		if sparse(h) {
			f.fail(&piece{name: inner}, fmt.Errorf("reading %q: it was stored with holes, which sshwhy does not read", inner))
			return nil
		}
		size := min(h.Size, e.size-at)
		f.look(e.part(at, size), inner, h.ModTime, depth+1, true, size < h.Size)
		return nil
	})
	f.ended(name, err)
}

func (f *finder) ended(name string, err error) {
	if err != nil && !errors.Is(err, errStop) && f.ctx.Err() == nil {
		f.fail(&piece{name: name}, fmt.Errorf("reading %q: a part of the archive is damaged: %w", name, err))
	}
}

// unfold puts the members of a tar that can be read once only into a temporary
// file, so that they can be read in the order of their times.
func (f *finder) unfold(c io.Reader, name string, depth int) {
	if f.spilled == nil {
		s, err := newSpill()
		if err != nil {
			f.trouble(fmt.Errorf("unpacking %q: %w", name, err))
			return
		}
		f.spilled = s
		f.a.closing = append(f.a.closing, s)
	}
	err := members(c, func(h *tar.Header, r io.Reader) error {
		if f.full() || f.ctx.Err() != nil {
			return errStop
		}
		inner := memberName(name, h)
		head := newPeeker(r)
		if head.need(headSize); isBinary(head.head) && codecOf(head.head) == nil && !isTar(head.head) && !isJournal(head.head) {
			f.binary++
			return nil
		}
		e, cut, err := f.spilled.keep(head)
		f.a.size += e.size
		if err != nil {
			f.fail(&piece{name: inner}, fmt.Errorf("unpacking %q: %w", inner, err))
			return errStop
		}
		f.look(e, inner, h.ModTime, depth+1, true, cut != nil)
		return nil
	})
	if err == nil {
		_, err = io.Copy(io.Discard, c) // up to the check sum
	}
	f.ended(name, err)
}

// attentive is a reader that ends when nobody waits for it any more, and shows
// how far it is.
type attentive struct {
	f *finder
	r io.Reader // not owned
}

func (a *attentive) Read(p []byte) (int, error) {
	if err := a.f.ctx.Err(); err != nil {
		return 0, err
	}
	if a.f.a.Progress != nil {
		a.f.a.Progress(a.f.a.read, a.f.a.size)
	}
	return a.r.Read(p)
}

// spill is a temporary file without a name.
type spill struct {
	*os.File
	end  int64
	pack *zstd.Encoder
}

func newSpill() (*spill, error) {
	file, err := os.CreateTemp("", "sshwhy-*")
	if err != nil {
		return nil, err
	}
	os.Remove(file.Name()) // where an open file cannot be removed, Close does
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10))
	if err != nil {
		file.Close()
		return nil, err
	}
	return &spill{File: file, pack: pack}, nil
}

// keep stores a stream, packed unless it is. cut is why it did not come to its
// end, err why it could not be stored.
func (s *spill) keep(r *peeker) (e extent, cut, err error) {
	e = extent{spilled: s.File, offset: s.end}
	out := &limitedWriter{w: io.NewOffsetWriter(s.File, s.end), left: maxSpill - s.end}
	in := &faulty{r: r}
	if codecOf(r.head) != nil || isTar(r.head) || isJournal(r.head) {
		_, err = io.Copy(out, in)
	} else {
		s.pack.Reset(out)
		_, err = io.Copy(s.pack, in)
		err = errors.Join(err, s.pack.Close())
	}
	e.size = out.n
	s.end += out.n
	return e, in.err, err
}

// Close releases the file.
func (s *spill) Close() error {
	err := s.File.Close()
	os.Remove(s.Name())
	return err
}

// limitedWriter refuses what is beyond a bound.
type limitedWriter struct {
	w       io.Writer // not owned
	n, left int64
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, fmt.Errorf("more than %d GiB would be stored on the way: %w", int64(maxSpill>>30), errTooMuch)
	}
	n, err := l.w.Write(p)
	l.n += int64(n)
	l.left -= int64(n)
	return n, err
}

// faulty is a stream whose errors count as its end, and are kept.
type faulty struct {
	r   io.Reader // not owned
	err error
}

func (f *faulty) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err, err = err, io.EOF
	}
	return n, err
}

// closer is a function that releases something.
type closer func()

// Close implements io.Closer.
func (c closer) Close() error {
	c()
	return nil
}

// isJournal tells a file of systemd-journald (journal-def.h, HEADER_SIGNATURE).
func isJournal(head []byte) bool { return bytes.HasPrefix(head, []byte("LPKSHHRH")) }

// isBinary tells what is no text: more than a tenth of its bytes are controls.
// A log may have a few, and holes of zeros where a machine lost power.
func isBinary(head []byte) bool {
	head = head[:min(len(head), 4096)]
	controls := 0
	for _, ch := range head {
		if ch < ' ' && ch != '\t' && ch != '\n' && ch != '\r' && ch != '\f' && ch != 0x1b && ch != 0x1e {
			controls++
		}
	}
	return controls > len(head)/10
}
