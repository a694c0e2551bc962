package tailers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// names has the system tell when a followed name appears, and opens the file at
// once: it may be gone a moment later, whatever the loop is busy with. Only
// folders are watched, and in them only what happens to names: other files of
// the folder may be written to without us waking up.
type names struct {
	inotify *os.File
	fd      int // of inotify, which must stay non-blocking: Fd() would end that
	wake    chan struct{}
	done    chan struct{}

	mu       sync.Mutex
	folders  map[string]*folder
	byWatch  map[int32]*folder
	waiting  []arrival
	appeared bool // a name that a glob may match
}

// folder is a watched folder.
type folder struct {
	path  string
	watch int32
	paths map[string][]string // the followed paths by their name here
	globs map[string]bool     // what new names are matched against
}

// newNames begins to listen; close ends it.
func newNames() (*names, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	n := &names{
		inotify: os.NewFile(uintptr(fd), "inotify"), fd: fd,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		folders: map[string]*folder{}, byWatch: map[int32]*folder{},
	}
	go n.listen()
	return n, nil
}

// follow tells of files that get the name from now on, as arrivals of path.
func (n *names) follow(name, path string) error {
	dir, base := filepath.Split(name)
	f, err := n.add(filepath.Clean(dir))
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range f.paths[base] {
		if p == path {
			return nil
		}
	}
	f.paths[base] = append(f.paths[base], path)
	return nil
}

// unfollow ends what follow began.
func (n *names) unfollow(name, path string) {
	if n == nil {
		return
	}
	dir, base := filepath.Split(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.folders[filepath.Clean(dir)]
	if f == nil {
		return
	}
	if f.paths[base] = slices.DeleteFunc(f.paths[base], func(p string) bool { return p == path }); len(f.paths[base]) == 0 {
		delete(f.paths, base)
	}
}

// watch wakes up when a name that matches a glob appears in a folder.
func (n *names) watch(dir, glob string) error {
	f, err := n.add(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) {
			return nil // looked for now and then
		}
		return err
	}
	n.mu.Lock()
	f.globs[glob] = true
	n.mu.Unlock()
	return nil
}

func (n *names) add(dir string) (*folder, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f := n.folders[dir]; f != nil {
		return f, nil
	}
	const mask = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_MOVED_FROM | syscall.IN_DELETE |
		syscall.IN_DELETE_SELF | syscall.IN_MOVE_SELF | syscall.IN_ONLYDIR
	watch, err := syscall.InotifyAddWatch(n.fd, dir, mask)
	if err != nil {
		return nil, os.NewSyscallError("inotify_add_watch", err)
	}
	if f := n.byWatch[int32(watch)]; f != nil { // another way to the same folder
		n.folders[dir] = f
		return f, nil
	}
	f := &folder{path: dir, watch: int32(watch), paths: map[string][]string{}, globs: map[string]bool{}}
	n.folders[dir], n.byWatch[f.watch] = f, f
	return f, nil
}

// listen reads events until the descriptor is closed.
func (n *names) listen() {
	defer close(n.done)
	buffer := make([]byte, 64<<10)
	for {
		size, err := n.inotify.Read(buffer)
		if err != nil {
			return
		}
		n.events(buffer[:size])
	}
}

// events takes what the kernel tells: inotify(7).
func (n *names) events(b []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	woken := false
	for len(b) >= syscall.SizeofInotifyEvent {
		watch := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		size := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		if size > len(b) {
			return
		}
		name := string(bytes.TrimRight(b[syscall.SizeofInotifyEvent:size], "\x00"))
		b = b[size:]
		woken = n.event(watch, mask, name) || woken
	}
	if woken {
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
}

// event tells whether anybody wants to know.
func (n *names) event(watch int32, mask uint32, name string) bool {
	if mask&syscall.IN_Q_OVERFLOW != 0 {
		n.appeared = true
		return true
	}
	f := n.byWatch[watch]
	if f == nil {
		return false
	}
	if mask&(syscall.IN_IGNORED|syscall.IN_MOVE_SELF|syscall.IN_DELETE_SELF|syscall.IN_UNMOUNT) != 0 {
		n.drop(f, mask)
		return true
	}
	if mask&(syscall.IN_CREATE|syscall.IN_MOVED_TO) != 0 {
		for _, path := range f.paths[name] {
			n.open(path)
		}
		for glob := range f.globs {
			if ok, _ := filepath.Match(glob, name); ok {
				n.appeared = true
				return true
			}
		}
	}
	for base := range f.paths {
		if strings.HasPrefix(name, strings.TrimSuffix(base, filepath.Ext(base))) {
			return true
		}
	}
	return false
}

// open opens what a followed path leads to now.
func (n *names) open(path string) {
	a := arrival{path: path}
	if len(n.waiting) < maxArrivals {
		a.file, _ = openLog(path)
	}
	n.waiting = append(n.waiting, a)
}

// openNamed opens what a followed path leads to now. What was opened under the
// names before comes with it, so that all are known in the order in which they
// bore the name.
func (n *names) openNamed(path string) (before []arrival, file *os.File, err error) {
	if n != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		before, n.waiting = n.waiting, nil
	}
	file, err = openLog(path)
	return before, file, err
}

// arrived tells whether arrivals wait to be taken.
func (n *names) arrived() bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.waiting) > 0
}

// drop forgets a folder that was removed or renamed; whoever follows a name in
// it asks for it again.
func (n *names) drop(f *folder, mask uint32) {
	if mask&syscall.IN_IGNORED == 0 {
		_, _ = syscall.InotifyRmWatch(n.fd, uint32(f.watch))
	}
	delete(n.byWatch, f.watch)
	for dir, other := range n.folders {
		if other == f {
			delete(n.folders, dir)
		}
	}
	n.appeared = true
}

// arrivals gives the files that were opened since the last call, in order. They
// belong to the caller.
func (n *names) arrivals() []arrival {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.waiting
	n.waiting = nil
	return a
}

// fresh tells, once, whether a name appeared that a glob may match.
func (n *names) fresh() bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	was := n.appeared
	n.appeared = false
	return was
}

// woken is sent to when something happened; nil on a nil receiver.
func (n *names) woken() <-chan struct{} {
	if n == nil {
		return nil
	}
	return n.wake
}

// close releases everything.
func (n *names) close() {
	if n == nil {
		return
	}
	n.inotify.Close()
	<-n.done
	for _, a := range n.arrivals() {
		if a.file != nil {
			a.file.Close()
		}
	}
}
