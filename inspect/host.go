package inspect

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"path"
	"strings"
	"time"
)

// Host is what is looked at: files, programs, the network, the clock.
type Host struct {
	Files Files
	// Execute runs a program of the table with these arguments.
	Execute func(ctx context.Context, program Program, args ...string) (Output, error)
	// RunAs runs a program of the site with the rights of a user; nil where
	// that is not possible.
	RunAs func(ctx context.Context, user *Account, command []string) (Output, error)
	// Banner connects to an address of this host and gives the first line
	// that is sent there.
	Banner func(ctx context.Context, to netip.AddrPort) (string, error)
	// Addresses gives the addresses of this host.
	Addresses func() ([]netip.Addr, error)
	// Libraries gives the shared libraries that a program names.
	Libraries func(path string) ([]string, error)
	Now       func() time.Time
	// UID is the number of the user who looks: 0 sees everything.
	UID uint32
}

// Files is a tree of files, as one user sees it. Paths are absolute.
type Files interface {
	// Stat follows links, Lstat does not.
	Stat(path string) (Info, error)
	Lstat(path string) (Info, error)
	Readlink(path string) (string, error)
	// List gives the names in a directory, at most maxNames of them.
	List(path string) ([]string, error)
	// Read gives at most limit bytes of a regular file, and tells what the
	// file was when it was opened. It never waits: a file of another kind
	// gives ErrNotRegular.
	Read(path string, limit int64) (Contents, error)
	// Label gives the SELinux label of a file, "" where it has none.
	Label(path string) string
	// As gives the same tree with the rights of a user. exact is false
	// where these cannot be taken on; what is refused then says nothing.
	As(user *Account) (files Files, exact bool)
}

// Contents is what was read of a file.
type Contents struct {
	Info
	Text []byte
	// More says that the file goes on.
	More bool
}

// Info is what is known of a file without reading it.
type Info struct {
	Mode     fs.FileMode
	UID, GID uint32
	Size     int64
	// Modified is when the contents changed, Changed when anything did.
	Modified, Changed time.Time
}

// ErrNotRegular is what reading a directory, a FIFO or a device gives.
var ErrNotRegular = errors.New("not a regular file")

const (
	maxNames = 1 << 16
	// maxConfig bounds what is read of a file of the system.
	maxConfig = 1 << 20
)

// text gives a file of the system as a string, "" where it cannot be read.
func (h *Host) text(path string) string {
	c, err := h.Files.Read(path, maxConfig)
	if err != nil {
		return ""
	}
	return string(c.Text)
}

// exists tells whether there is something under that name.
func (h *Host) exists(path string) bool {
	_, err := h.Files.Stat(path)
	return err == nil
}

func (h *Host) root() bool { return h.UID == 0 }

// maxLinks is how many links a path may lead over (path_resolution(7)).
const maxLinks = 40

// realpath resolves all links of a path, as realpath(3).
func realpath(files Files, name string) (string, error) {
	left := strings.Split(path.Clean("/"+name), "/")
	done := "/"
	for links := 0; len(left) > 0; {
		part := left[0]
		left = left[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		info, err := files.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: "realpath", Path: name, Err: errors.New("too many levels of symbolic links")}
		}
		target, err := files.Readlink(next)
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(target, "/") {
			done = "/"
		}
		left = append(strings.Split(target, "/"), left...)
	}
	return done, nil
}
