package tailers

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy/tailers/archives"
)

// sibling is a file beside a followed one that rotation may have made of it.
type sibling struct {
	path     string
	inode    inode
	size     int64
	modified time.Time
	packed   bool
	age      age
}

// age orders siblings by their names, as far as these tell.
type age struct {
	number int    // of auth.log.2, and 0 where there is none
	date   string // of auth.log-20261122; empty where there is none
}

// packings are the endings of compressed files.
var packings = []string{".gz", ".xz", ".zst", ".bz2"}

// rotatedAs tells whether name is what rotation makes of base, and what the
// name tells of its age: auth.log.1, auth.log.2.gz, auth.log-20261122.xz,
// auth.log.old, auth-20261122.log.
func rotatedAs(base, name string) (a age, packed, ok bool) {
	for _, p := range packings {
		if rest, found := strings.CutSuffix(name, p); found {
			name, packed = rest, true
			break
		}
	}
	suffix, found := strings.CutPrefix(name, base)
	if inside := !found; inside { // where a number is another program's log
		stem := strings.TrimSuffix(base, filepath.Ext(base))
		if suffix, found = strings.CutPrefix(name, stem); found {
			suffix, found = strings.CutSuffix(suffix, filepath.Ext(base))
		}
		found = found && len(suffix) > 6
	}
	if !found || len(suffix) < 2 || !strings.ContainsRune(".-_", rune(suffix[0])) {
		return a, packed, false
	}
	suffix = suffix[1:]
	if suffix == "old" {
		return age{number: 1}, packed, true
	}
	digits := 0
	for _, c := range []byte(suffix) {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case !strings.ContainsRune("-_.:TZ", rune(c)):
			return a, packed, false
		}
	}
	if digits < 6 {
		for _, c := range []byte(suffix) {
			if c < '0' || c > '9' {
				return a, packed, false
			}
			a.number = a.number*10 + int(c-'0')
		}
		return age{number: a.number + 1}, packed, true // some begin with 0
	}
	return age{date: suffix}, packed, true
}

// older orders siblings, the oldest first: by number or date, where both names
// have the same, else by the time of the last change.
func older(a, b sibling) int {
	switch {
	case a.age.number > 0 && b.age.number > 0:
		return cmp.Compare(b.age.number, a.age.number)
	case a.age.date != "" && len(a.age.date) == len(b.age.date):
		return strings.Compare(a.age.date, b.age.date)
	}
	return a.modified.Compare(b.modified)
}

// siblingsOf lists what rotation made of the file at path, the oldest first.
// Of a file that is being compressed only the file is listed: what it is
// compressed to is not complete.
func siblingsOf(path string) ([]sibling, error) {
	found, _, err := familyOf(path)
	return found, err
}

// restless is how often files are listed that are renamed meanwhile.
const restless = 50

// familyOf lists the siblings as they were at one moment, and tells which file
// bore the name itself then; the zero inode if none did.
//
// A file that is renamed while names are listed may be missed, or seen twice,
// and the time of the folder may not show it: many kernels advance the times of
// files every 4 ms only. Rotation gives no file a name back that it had before.
// So two listings in a row that are the same were both true between them.
func familyOf(path string) (siblings []sibling, named inode, err error) {
	folder, base := filepath.Split(path)
	if folder == "" {
		folder = "."
	}
	var last []sibling
	var lastNamed inode
	for try := 0; ; try++ {
		info, err := os.Stat(folder)
		if err != nil {
			return nil, inode{}, fmt.Errorf("looking for rotated files: %w", err)
		}
		siblings, whole, err := listSiblings(folder, base)
		if err != nil {
			return nil, inode{}, fmt.Errorf("looking for rotated files: %w", err)
		}
		named := bearer(path)
		switch {
		case try == restless,
			whole && try > 0 && named == lastNamed && slices.EqualFunc(siblings, last, sibling.same),
			whole && unchanged(folder, info.ModTime()):
			return siblings, named, nil
		}
		last, lastNamed = siblings, named
	}
}

// bearer tells which file bears a name now; the zero inode if none does.
func bearer(path string) inode {
	info, err := os.Stat(path)
	if err != nil {
		return inode{}
	}
	i, err := namedInode(path, info)
	if err != nil {
		return inode{}
	}
	return i
}

// same tells whether a name leads to the same file.
func (s sibling) same(other sibling) bool { return s.path == other.path && s.inode == other.inode }

// unchanged tells whether a folder has been at rest for so long that its time
// would show it if it had changed.
func unchanged(folder string, before time.Time) bool {
	info, err := os.Stat(folder)
	return err == nil && info.ModTime().Equal(before) && time.Since(before) > time.Second
}

// listSiblings lists them once, and tells whether all that were there could be
// looked at.
func listSiblings(folder, base string) (found []sibling, whole bool, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, false, err
	}
	whole = true
	plain := map[string]bool{}
	for _, e := range entries {
		a, packed, ok := rotatedAs(base, e.Name())
		if !ok {
			continue
		}
		s := sibling{path: filepath.Join(folder, e.Name()), packed: packed, age: a}
		if !packed {
			plain[s.path] = true
		}
		info, err := os.Stat(s.path)
		if err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err == nil {
			s.inode, err = namedInode(s.path, info)
		}
		if err != nil {
			whole = whole && !errors.Is(err, fs.ErrNotExist)
			continue
		}
		s.size, s.modified = info.Size(), info.ModTime()
		found = append(found, s)
	}
	found = slices.DeleteFunc(found, func(s sibling) bool {
		return s.packed && plain[strings.TrimSuffix(s.path, filepath.Ext(s.path))]
	})
	slices.SortStableFunc(found, older)
	return found, whole, nil
}

// open opens the sibling, and makes sure that the name still leads to the file
// that was listed. One of file and packed is not nil without an error.
func (s *sibling) open() (file *os.File, p *unpacked, err error) {
	file, err = openLog(s.path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && inodeOf(file, info) != s.inode {
		err = fs.ErrNotExist
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	if !s.packed {
		return file, nil, nil
	}
	p, err = unpackFile(file)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("unpacking %q: %w", s.path, err)
	}
	return nil, p, nil
}

// unpacked is the content of a compressed file. It can be read forwards only: at
// a place in the part that was read last, or behind it.
type unpacked struct {
	file    *os.File      // owned
	r       io.ReadCloser // zstd holds goroutines
	window  []byte        // the part that was read last
	start   int64         // where it begins
	drained error
}

func unpackFile(file *os.File) (*unpacked, error) {
	buffered := bufio.NewReaderSize(file, 64<<10)
	head, err := buffered.Peek(archives.Magic)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	r, err := archives.Unpacked(head, buffered)
	if err != nil {
		return nil, err
	}
	return &unpacked{file: file, r: r}, nil
}

// ReadAt implements io.ReaderAt for places that do not go back.
func (p *unpacked) ReadAt(b []byte, at int64) (int, error) {
	if at < p.start {
		return 0, fmt.Errorf("reading a compressed log backwards: %w", errors.ErrUnsupported)
	}
	for at > p.start+int64(len(p.window)) && p.drained == nil {
		p.start += int64(len(p.window))
		p.window = p.window[:0]
		p.fill(int(min(at-p.start, chunkSize)))
	}
	drop := min(at-p.start, int64(len(p.window)))
	p.window = append(p.window[:0], p.window[drop:]...)
	p.start += drop
	for len(p.window) < len(b) && p.drained == nil {
		p.fill(len(b) - len(p.window))
	}
	if at > p.start {
		return 0, p.drained
	}
	n := copy(b, p.window)
	if n < len(b) {
		return n, p.drained
	}
	return n, nil
}

// fill reads n bytes more into the window, or what there is.
func (p *unpacked) fill(n int) {
	p.window = slices.Grow(p.window, n)
	for end := len(p.window) + n; len(p.window) < end && p.drained == nil; {
		got, err := p.r.Read(p.window[len(p.window):end])
		p.window = p.window[:len(p.window)+got]
		p.drained = err
	}
}

// beginning gives the first bytes, before anything else was read.
func (p *unpacked) beginning() io.ReaderAt {
	for len(p.window) < headLength && p.start == 0 && p.drained == nil {
		p.fill(headLength - len(p.window))
	}
	if p.start > 0 {
		return bytes.NewReader(nil)
	}
	return bytes.NewReader(p.window)
}

// Close releases the file.
func (p *unpacked) Close() error {
	return errors.Join(p.r.Close(), p.file.Close())
}
