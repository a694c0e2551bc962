//go:build !linux

package inspect

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// disk is the files of this host. It does not know owners, and takes on nobody's
// rights: what depends on them is not told.
type disk struct{}

// As implements Files.
func (d disk) As(*Account) (Files, bool) { return d, false }

// Stat implements Files.
func (disk) Stat(path string) (Info, error) { return infoOf(os.Stat(path)) }

// Lstat implements Files.
func (disk) Lstat(path string) (Info, error) { return infoOf(os.Lstat(path)) }

// Readlink implements Files.
func (disk) Readlink(path string) (string, error) { return os.Readlink(path) }

// List implements Files.
func (disk) List(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(maxNames)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}

// Label implements Files.
func (disk) Label(string) string { return "" }

// Read implements Files.
func (disk) Read(path string, limit int64) (Contents, error) {
	info, err := infoOf(os.Stat(path))
	if err != nil {
		return Contents{}, err
	}
	if !info.Mode.IsRegular() {
		return Contents{Info: info}, ErrNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return Contents{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return Contents{}, err
	}
	c := Contents{Info: info, Text: text}
	if int64(len(text)) > limit {
		c.Text, c.More = text[:limit], true
	}
	return c, nil
}

func infoOf(i fs.FileInfo, err error) (Info, error) {
	if err != nil {
		return Info{}, err
	}
	return Info{Mode: i.Mode(), UID: ^uint32(0), GID: ^uint32(0), Size: i.Size(), Modified: i.ModTime(), Changed: i.ModTime()}, nil
}

// newFiles gives the files of this host.
func newFiles() Files { return disk{} }
