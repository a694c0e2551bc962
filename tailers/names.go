package tailers

import "os"

// arrival is a followed name that appeared in its folder.
type arrival struct {
	path string   // the path that is followed
	file *os.File // what it led to; nil where that was gone again, or too many wait
}

// maxArrivals is how many opened files may wait for the loop, which may be busy
// for long: more rotations in that time are found beside the file, or counted
// as lost.
const maxArrivals = 256
