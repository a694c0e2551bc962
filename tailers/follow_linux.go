package tailers

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/nxadm/tail"
	"github.com/nxadm/tail/watch"
)

// follower has the library follow one generation.
//
// The library gets the name of a descriptor, /proc/self/fd/N. That name leads
// to the generation whatever happens to the path, so the library cannot open
// another file by mistake, and looking at it cannot fail, which would end the
// program. The descriptor is the follower's own, and is closed when the library
// does not watch it any more: a name that is used again too early is not
// heard, and a file that disappears while it is watched can block the library
// for good.
type follower struct {
	tail *tail.Tail
	name string
	own  *os.File
	stop chan struct{}
	once sync.Once
	done chan struct{}
}

// startFollower hands a file to the library at an offset.
func startFollower(f *os.File, offset int64, out chan<- delivery, g *generation) (*follower, error) {
	// Go opens files with O_CLOEXEC and so must the copy be.
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return nil, followed(errno)
	}
	l := &follower{
		name: fmt.Sprintf("/proc/self/fd/%d", fd),
		own:  os.NewFile(fd, f.Name()),
		stop: make(chan struct{}),
		done: make(chan struct{}),
	}
	var err error
	l.tail, err = tail.TailFile(l.name, tail.Config{
		Location: &tail.SeekInfo{Offset: offset, Whence: io.SeekStart},
		Follow:   true, MustExist: true, CompleteLines: true,
		Logger: tail.DiscardingLogger,
	})
	if err != nil {
		l.own.Close()
		return nil, followed(err)
	}
	go l.forward(out, g)
	return l, nil
}

// forward hands on what the library reads until one of the two sides ends.
func (l *follower) forward(out chan<- delivery, g *generation) {
	defer close(l.done)
	for line := range l.tail.Lines {
		select {
		case out <- delivery{from: l, to: g, text: line.Text, end: line.SeekInfo.Offset}:
		case <-l.stop:
		}
	}
	err := l.tail.Wait()
	select {
	case out <- delivery{from: l, to: g, ended: true, err: err}:
	case <-l.stop:
	}
	l.release(err)
}

// release closes the descriptor once the library has let go of its name.
func (l *follower) release(err error) {
	if err == nil {
		for range 1000 {
			if watch.Events(l.name) == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	l.own.Close()
}

// end asks the library to stop; what it has read and not delivered is read
// again by another.
func (l *follower) end() {
	l.once.Do(func() {
		close(l.stop)
		l.tail.Kill(nil)
	})
}

// wait waits until everything is released.
func (l *follower) wait() { <-l.done }

// libraryReady starts what the library does once for the whole process: it
// ends the program if it gets no inotify instance. So two are taken first, and
// given back right before it takes its own.
func libraryReady() error {
	var held [2]int
	for i := range held {
		fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
		if err != nil {
			if i > 0 {
				syscall.Close(held[0])
			}
			return followed(os.NewSyscallError("inotify_init1", err))
		}
		held[i] = fd
	}
	for _, fd := range held {
		syscall.Close(fd)
	}
	const probe = "/proc/self/fd"
	if err := watch.Watch(probe); err != nil {
		return followed(err)
	}
	// That nothing is watched any more may be told as an error.
	_ = watch.RemoveWatch(probe)
	return nil
}

// remote are the file systems whose files others change: inotify does not tell
// of that, and looking at a file there can fail at any time. From statfs(2).
var remote = map[int64]bool{
	0x6969: true, 0x517b: true, 0xff534d42: true, 0xfe534d42: true, // NFS, SMB, CIFS, SMB2
	0x65735546: true, 0x01021997: true, 0x5346414f: true, 0x00c36400: true, // FUSE, 9p, AFS, Ceph
}

// watchable tells whether the system tells of all changes of a file.
func watchable(f *os.File) bool {
	var s syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &s); err != nil {
		return false
	}
	return !remote[int64(uint32(s.Type))]
}

// seekData gives the offset of the first data at or behind an offset, as far as
// the file system knows; -1 if there is none.
func seekData(f *os.File, at int64) int64 {
	const whence = 3 // SEEK_DATA
	data, err := f.Seek(at, whence)
	if err != nil {
		return -1
	}
	return data
}
