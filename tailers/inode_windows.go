package tailers

import (
	"io/fs"
	"os"
	"syscall"
)

// inode tells a file from every other that exists at the same time.
type inode struct{ device, number uint64 }

// inodeOf gives the inode of an open file.
func inodeOf(f *os.File, _ fs.FileInfo) inode {
	var i syscall.ByHandleFileInformation
	if f == nil || syscall.GetFileInformationByHandle(syscall.Handle(f.Fd()), &i) != nil {
		return inode{}
	}
	return inode{uint64(i.VolumeSerialNumber), uint64(i.FileIndexHigh)<<32 | uint64(i.FileIndexLow)}
}

// namedInode gives the inode of what a path leads to.
func namedInode(path string, info fs.FileInfo) (inode, error) {
	f, err := os.Open(path)
	if err != nil {
		return inode{}, err
	}
	defer f.Close()
	return inodeOf(f, info), nil
}

// openLog opens a file for reading.
func openLog(path string) (*os.File, error) { return os.Open(path) }

// deleted is false: a file that is open cannot be deleted.
func deleted(*os.File) bool { return false }
