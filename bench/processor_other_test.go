//go:build !unix

package bench

import "time"

var began = time.Now()

// processorTime gives the time on the wall, in place of the processors'.
func processorTime() time.Duration { return time.Since(began) }
