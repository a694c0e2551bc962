//go:build !unix

package sinks_test

import "time"

// processor cannot tell.
func processor() time.Duration { return 0 }
