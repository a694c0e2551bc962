package inspect

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// guilty is what keeps sshd from trusting a file: the part of the way to it,
// and what is wrong with that.
type guilty struct {
	path string
	Info
	// owner says that the owner is wrong, else the mode is.
	owner bool
}

// modes judges owners and modes as this host's sshd does.
type modes struct {
	host *Host
	// private says that sshd lets a group write whose only member is the
	// user (Debian's patch user-group-modes).
	private bool
	passwd  []*Account // all accounts, nil until asked for
}

// walk goes the way of sshd's safe_path from a file up to the user's home, or
// to the root where the file lies elsewhere, and gives the first part that
// sshd would not trust; nil where it trusts all. uid owns the home, 0 for
// none.
func (m *modes) walk(ctx context.Context, files Files, name, home string, uid uint32) (*guilty, error) {
	real, err := realpath(files, name)
	if err != nil {
		return nil, err
	}
	if home != "" {
		if home, err = realpath(files, home); err != nil {
			home = ""
		}
	}
	for {
		info, err := files.Stat(real)
		if err != nil {
			return nil, err
		}
		if info.UID != 0 && info.UID != uid {
			return &guilty{real, info, true}, nil
		}
		if !m.trusted(ctx, info, uid) {
			return &guilty{real, info, false}, nil
		}
		if real == home || real == "/" {
			return nil, nil
		}
		real = path.Dir(real)
	}
}

// trusted tells whether sshd accepts a mode.
func (m *modes) trusted(ctx context.Context, info Info, uid uint32) bool {
	switch {
	case info.Mode&0o002 != 0:
		return false
	case info.Mode&0o020 == 0:
		return true
	}
	return m.private && m.ownGroup(ctx, info, uid)
}

// ownGroup tells whether a file's group is nobody's but the user's: it is the
// primary group of no other, and its only further member, if any, is the
// owner.
func (m *modes) ownGroup(ctx context.Context, info Info, uid uint32) bool {
	if m.passwd == nil {
		out, _ := m.host.run(ctx, Getent, "passwd")
		for line := range strings.Lines(out) {
			if a, ok := parsePasswd(strings.TrimSpace(line)); ok {
				m.passwd = append(m.passwd, a)
			}
		}
	}
	members, owner := 0, ""
	for _, a := range m.passwd {
		if a.UID == info.UID {
			owner = a.Name
		}
		if a.GID != info.GID {
			continue
		}
		if members++; a.UID != uid {
			return false
		}
	}
	out, ok := m.host.run(ctx, Getent, "group", strconv.FormatUint(uint64(info.GID), 10))
	f := strings.Split(strings.TrimSpace(out), ":")
	if !ok || len(f) < 4 {
		return false
	}
	if f[3] != "" {
		if members++; f[3] != owner {
			return false
		}
	}
	return members > 0
}

// missing tells whether an error says that there is no such file, or no way to
// one.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// expand fills the tokens of a path of sshd_config, which begins in the home
// where it is not absolute (AUTHORIZED KEYS FILE of sshd_config(5)).
func expand(pattern string, a *Account) string {
	name := strings.NewReplacer("%%", "%", "%h", a.Home, "%u", a.Name, "%U", strconv.FormatUint(uint64(a.UID), 10)).Replace(pattern)
	if !strings.HasPrefix(name, "/") {
		name = a.Home + "/" + name
	}
	return path.Clean(name)
}

// wildcards are the characters that make a pattern (glob(3)).
const wildcards = "*?["

// matching gives the files that a pattern names as glob(3) does: itself where it
// has no wildcards, and else those that are there. The error is of a folder that
// could not be read.
func matching(files Files, pattern string) (found []string, err error) {
	if !strings.ContainsAny(pattern, wildcards) {
		return []string{pattern}, nil
	}
	dir, last := path.Split(pattern)
	dirs, err := matching(files, path.Clean(dir))
	for _, dir := range dirs {
		if !strings.ContainsAny(last, wildcards) {
			if _, missed := files.Lstat(path.Join(dir, last)); missed == nil {
				found = append(found, path.Join(dir, last))
			}
			continue
		}
		names, failed := files.List(dir)
		if failed != nil {
			err = failed
		}
		slices.Sort(names)
		for _, name := range names {
			hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(last, ".")
			if ok, _ := path.Match(last, name); ok && !hidden {
				found = append(found, path.Join(dir, name))
			}
		}
	}
	return found, err
}
