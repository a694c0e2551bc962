package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// What a path may be used for.
const (
	landlockRead  landlock.AccessFSSet = ll.AccessFSReadFile
	landlockList  landlock.AccessFSSet = ll.AccessFSReadDir
	landlockRun   landlock.AccessFSSet = ll.AccessFSExecute | ll.AccessFSReadFile
	landlockWrite landlock.AccessFSSet = ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSTruncate
	landlockKeep  landlock.AccessFSSet = landlockWrite | landlockList | ll.AccessFSMakeReg | ll.AccessFSMakeDir | ll.AccessFSMakeSock | ll.AccessFSRemoveFile | ll.AccessFSRemoveDir
)

// confine takes from this process, and from all that it starts, every right to
// files but those of the reach; what is open stays open. There is no way back.
// It gives the version of Landlock that the kernel has, 0 if it has none and
// nothing was done.
//
// Version 7 is the last that it was tried with. The network is not restricted:
// where sinks are may change with a reload, and proxies and redirections lead
// elsewhere.
func confine(r *reach) (version int, err error) {
	version, err = ll.LandlockGetABIVersion()
	if err != nil || version <= 0 {
		return 0, nil // ENOSYS or EOPNOTSUPP: a kernel without it, or a filter
	}
	rules := []landlock.Rule{landlock.PathAccess(landlockWrite, "/dev/null")}
	for _, p := range slices.Concat(hostFiles(), r.read) {
		rules = append(rules, landlockRule(p, landlockRead, landlockRead|landlockList))
	}
	for _, p := range r.write {
		rules = append(rules, landlockRule(p, landlockWrite, landlockKeep))
	}
	for _, p := range r.run {
		for _, p := range []string{p, interpreter(p)} {
			if p != "" {
				rules = append(rules, landlockRule(p, landlockRun, landlockRun))
			}
		}
	}
	if err := landlock.V7.BestEffort().RestrictPaths(rules...); err != nil {
		return 0, fmt.Errorf("confining the service: %w", err)
	}
	return version, nil
}

// landlockRule gives a rule for a path that may be a file or a directory, or be
// gone.
func landlockRule(path string, file, dir landlock.AccessFSSet) landlock.FSRule {
	access := file
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		access = dir
	}
	return landlock.PathAccess(access, path).IgnoreIfMissing()
}

// interpreter gives the loader that the kernel starts a program with, "" if it
// needs none.
func interpreter(program string) string {
	f, err := elf.Open(program)
	if err != nil {
		return ""
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		name := make([]byte, p.Filesz)
		if _, err := io.ReadFull(p.Open(), name); err != nil && !errors.Is(err, io.EOF) {
			return ""
		}
		return string(name[:max(0, len(name)-1)]) // it ends with a zero
	}
	return ""
}
