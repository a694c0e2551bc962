//go:build !linux

package tailers

import (
	"errors"
	"os"
)

// follower would have the library follow a generation. Only Linux has names of
// descriptors, without which the library may open another file than the one it
// is given, and end the program when it cannot look at it.
type follower struct{}

func startFollower(*os.File, int64, chan<- delivery, *generation) (*follower, error) {
	return nil, followed(errors.ErrUnsupported)
}

func (*follower) end()  {}
func (*follower) wait() {}

func libraryReady() error     { return followed(errors.ErrUnsupported) }
func watchable(*os.File) bool { return false }

// seekData knows of no holes here.
func seekData(*os.File, int64) int64 { return -1 }
