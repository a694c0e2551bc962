//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy/config"
	"github.com/sshwhy/sshwhy/tailers/journal"
)

// reach is what the service has to touch for its configuration, once it runs:
// files, and directories with all that is below. Directories stand for the
// files in them, because files are rotated, and replaced by others of the same
// name.
type reach struct {
	read  []string
	write []string // and read
	run   []string // programs, which read the journal
}

// reachOf gives the reach that a configuration needs. path is its file, own the
// folder of the user's patterns.
func reachOf(c *config.Config, path, own string) *reach {
	r := &reach{write: []string{c.State, c.Runtime}}
	r.file(path)
	if _, missing := os.Stat(ownPatterns); own == "" && missing == nil {
		own = ownPatterns
	}
	if own != "" {
		r.read = append(r.read, own)
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		r.read = append(r.read, dir)
	}
	for i := range c.Sources {
		r.source(&c.Sources[i])
	}
	for i := range c.Sinks {
		r.sink(&c.Sinks[i])
	}
	r.read, r.write, r.run = existing(r.read), existing(r.write), existing(r.run)
	return r
}

// source adds what a source needs.
func (r *reach) source(c *config.Source) {
	switch {
	case c.Directory != "":
		r.journal(c.Directory)
	case c.Path == "journal":
		r.journal("/var/log/journal", "/run/log/journal")
	case c.Path == "auto":
		r.journal("/var/log/journal", "/run/log/journal")
		r.read = append(r.read, "/var/log")
	case c.Path != "-":
		r.log(c.Path)
	}
}

// log adds a file or a glob that is followed, and where its links lead.
func (r *reach) log(path string) {
	fixed, _, _ := strings.Cut(path, "*")
	fixed, _, _ = strings.Cut(fixed, "?")
	fixed, _, _ = strings.Cut(fixed, "[")
	r.read = append(r.read, filepath.Dir(fixed))
	found, _ := filepath.Glob(path) // a bad pattern finds nothing
	for _, name := range append(found, path) {
		if real, err := filepath.EvalSymlinks(name); err == nil && real != name {
			r.read = append(r.read, filepath.Dir(real))
		}
	}
}

// journal adds the directories of a journal and the programs that read it.
func (r *reach) journal(dirs ...string) {
	r.read = append(r.read, dirs...)
	for _, command := range journal.Commands() {
		r.run = append(r.run, command[0])
	}
}

// sink adds what a sink reads anew with each reload, and what it writes.
func (r *reach) sink(c *config.Sink) {
	for _, name := range []string{c.URLFile, c.TokenFile, c.PasswordFile, c.SecretFile, c.Template, c.CA, c.Cert, c.Key, c.Pseudonyms} {
		r.file(name)
	}
	for i := range c.Headers {
		r.file(c.Headers[i].ValueFile)
	}
	if info, err := os.Stat(c.Path); err == nil && !info.Mode().IsRegular() {
		r.write = append(r.write, c.Path) // a pipe or a device
	} else if c.Path != "" {
		r.write = append(r.write, filepath.Dir(c.Path))
	}
}

// file adds a file that is read, and the one that it links to.
func (r *reach) file(name string) {
	if name == "" {
		return
	}
	r.read = append(r.read, filepath.Dir(name))
	if real, err := filepath.EvalSymlinks(name); err == nil && real != name {
		r.read = append(r.read, filepath.Dir(real))
	}
}

// existing puts in place of what is not there yet the nearest directory that
// is. The root directory is left out: it would be everything.
func existing(paths []string) []string {
	var list []string
	for _, p := range paths {
		p, err := filepath.Abs(p)
		for err == nil && p != "/" {
			if _, missing := os.Stat(p); missing == nil {
				break
			}
			p = filepath.Dir(p)
		}
		if err == nil && p != "/" && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// beyond gives what another reach needs that this one does not include.
func (r *reach) beyond(other *reach) []string {
	var list []string
	readable := slices.Concat(r.read, r.write)
	for _, need := range []struct{ paths, within []string }{{other.read, readable}, {other.write, r.write}, {other.run, r.run}} {
		for _, p := range need.paths {
			if !within(p, need.within) && !within(p, hostFiles()) {
				list = append(list, p)
			}
		}
	}
	return list
}

// within tells whether a path is one of the others, or below one.
func within(path string, others []string) bool {
	return slices.ContainsFunc(others, func(dir string) bool {
		return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
	})
}

// hostFiles are what any program reads of a host: programs and libraries, time
// zones, certificates, and how names are resolved. What is secret in /etc is
// kept from the service's user by its mode; to one that is root only the files
// that it needs are left.
func hostFiles() []string {
	files := []string{"/usr", "/lib", "/lib64", "/nix/store", "/gnu/store", "/var/lib/ca-certificates", "/proc/self", "/proc/stat", "/proc/sys/kernel/random"}
	// Who writes these writes them into directories of their own.
	for _, link := range []string{"/etc/resolv.conf", "/etc/localtime", "/etc/machine-id"} {
		if real, err := filepath.EvalSymlinks(link); err == nil && real != link {
			files = append(files, filepath.Dir(real))
		}
	}
	if os.Geteuid() != 0 {
		return append(files, "/etc")
	}
	for _, name := range []string{"resolv.conf", "hosts", "host.conf", "gai.conf", "nsswitch.conf", "services", "localtime", "timezone", "machine-id", "passwd", "group", "ld.so.cache", "ld.so.preload", "ssl", "pki", "ca-certificates", "systemd", "sshwhy"} {
		files = append(files, "/etc/"+name)
	}
	return files
}
