package inspect

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// disk is the files of this host, seen with the rights of this process or of a
// user.
type disk struct{ as *Account }

// As implements Files. Only root can take on the rights of another.
func (d disk) As(user *Account) (Files, bool) {
	switch {
	case os.Geteuid() == 0:
		return disk{as: user}, true
	case uint32(os.Geteuid()) == user.UID:
		return disk{}, true
	}
	return disk{}, false
}

// act does something with the rights of the user. The kernel holds these for
// each thread: this one takes on the user's for files, which takes root's own
// from it, and ends with its goroutine.
func (d disk) act(do func()) error {
	if d.as == nil {
		do()
		return nil
	}
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		err := takeRights(d.as)
		if err == nil {
			do()
		}
		failed <- err
	}()
	return <-failed
}

func takeRights(user *Account) error {
	groups := make([]uint32, 0, len(user.Groups)+1)
	for _, g := range user.Groups {
		groups = append(groups, g.GID)
	}
	groups = append(groups, user.GID)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
		return errno
	}
	const query = ^uintptr(0) // no user has this number: it only asks
	syscall.RawSyscall(syscall.SYS_SETFSGID, uintptr(user.GID), 0, 0)
	syscall.RawSyscall(syscall.SYS_SETFSUID, uintptr(user.UID), 0, 0)
	gid, _, _ := syscall.RawSyscall(syscall.SYS_SETFSGID, query, 0, 0)
	uid, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, query, 0, 0)
	if uint32(gid) != user.GID || uint32(uid) != user.UID {
		return errors.New("the rights of the user could not be taken on")
	}
	return nil
}

// Stat implements Files.
func (d disk) Stat(path string) (info Info, err error) {
	failed := d.act(func() { info, err = infoOf(os.Stat(path)) })
	return info, first(failed, err)
}

// Lstat implements Files.
func (d disk) Lstat(path string) (info Info, err error) {
	failed := d.act(func() { info, err = infoOf(os.Lstat(path)) })
	return info, first(failed, err)
}

// Readlink implements Files.
func (d disk) Readlink(path string) (target string, err error) {
	failed := d.act(func() { target, err = os.Readlink(path) })
	return target, first(failed, err)
}

// List implements Files.
func (d disk) List(path string) (names []string, err error) {
	failed := d.act(func() {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_DIRECTORY, 0); err != nil {
			return
		}
		defer f.Close()
		if names, err = f.Readdirnames(maxNames); errors.Is(err, io.EOF) {
			err = nil
		}
	})
	return names, first(failed, err)
}

// Label implements Files.
func (disk) Label(path string) string {
	label := make([]byte, 256)
	n, err := syscall.Getxattr(path, "security.selinux", label)
	if err != nil || n > len(label) {
		return ""
	}
	return strings.TrimRight(string(label[:n]), "\x00")
}

// Read implements Files. The rights count at the opening alone.
func (d disk) Read(path string, limit int64) (c Contents, err error) {
	failed := d.act(func() { c, err = read(path, limit) })
	return c, first(failed, err)
}

func read(path string, limit int64) (Contents, error) {
	// The descriptor is read without the poller: a file that is regular
	// never makes a reader wait, and no other is read.
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return Contents{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	info, err := infoOf(f.Stat())
	if err != nil {
		return Contents{}, err
	}
	if !info.Mode.IsRegular() {
		return Contents{Info: info}, ErrNotRegular
	}
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
	s, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return Info{}, errors.New("the system does not tell the owner of the file")
	}
	return Info{
		Mode: i.Mode(), UID: s.Uid, GID: s.Gid, Size: i.Size(), Modified: i.ModTime(),
		Changed: time.Unix(int64(s.Ctim.Sec), int64(s.Ctim.Nsec)), // 32 bits on some machines
	}, nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// newFiles gives the files of this host.
func newFiles() Files { return disk{} }
