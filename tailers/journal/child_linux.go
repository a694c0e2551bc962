package journal

import "syscall"

// bound ties a child to this process: it is killed when this one ends in
// whatever way. Ctrl-C on a terminal does not reach it: this process ends it
// when it has read what there is.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
