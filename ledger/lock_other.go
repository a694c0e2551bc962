//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd && !windows

package ledger

import "os"

// tryLock leaves it to bbolt, which locks the ledger itself.
func tryLock(*os.File) error { return nil }
