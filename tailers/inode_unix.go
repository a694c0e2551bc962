//go:build unix

package tailers

import (
	"io/fs"
	"os"
	"syscall"
)

// inode tells a file from every other that exists at the same time. The number
// of a file that is gone is soon given to another.
type inode struct{ device, number uint64 }

// inodeOf gives the inode of an open file.
func inodeOf(_ *os.File, info fs.FileInfo) inode { return statInode(info) }

// namedInode gives the inode of what a path leads to.
func namedInode(_ string, info fs.FileInfo) (inode, error) { return statInode(info), nil }

func statInode(info fs.FileInfo) inode {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return inode{uint64(s.Dev), uint64(s.Ino)}
	}
	return inode{}
}

// openLog opens a file for reading; that it is a FIFO without a writer does
// not hold it up.
func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// deleted tells whether an open file has no name any more.
func deleted(f *os.File) bool {
	if f == nil {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Nlink == 0
}
