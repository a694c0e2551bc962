//go:build !linux

package journal

import "syscall"

// bound does nothing where there is no journald: a child that reads journal
// files ends with them, or with its pipe.
func bound() *syscall.SysProcAttr { return nil }
