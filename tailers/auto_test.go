package tailers

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sshwhy/sshwhy/causes"
)

// autoHost is a host as Auto sees it.
type autoHost struct {
	fstest.MapFS
	denied []string // what may not be opened
}

// Open implements fs.FS.
func (h autoHost) Open(name string) (fs.File, error) {
	for _, d := range h.denied {
		if name == d || strings.HasPrefix(name, d+"/") {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
		}
	}
	return h.MapFS.Open(name)
}

// Stat implements fs.StatFS: looking at a file needs no right to read it.
func (h autoHost) Stat(name string) (fs.FileInfo, error) { return h.MapFS.Stat(name) }

// ReadDir implements fs.ReadDirFS.
func (h autoHost) ReadDir(name string) ([]fs.DirEntry, error) {
	if slices.Contains(h.denied, name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return h.MapFS.ReadDir(name)
}

func TestAuto(t *testing.T) {
	now := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)
	const machine = "3d1219c7c4c5404aaa1f6d2a48adfda4"
	const kept, volatile = "var/log/journal/" + machine + "/system.journal", "run/log/journal/" + machine + "/system.journal"
	sshdLine := "Nov 22 15:32:51 edge05 sshd[7]: Server listening on 0.0.0.0 port 22.\n"
	cronLine := "Nov 22 15:17:01 edge05 CRON[9]: pam_unix(cron:session): session opened for user root\n"
	file := func(text string, mode fs.FileMode, age time.Duration) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(text), Mode: mode, ModTime: now.Add(-age)}
	}
	something := file("", 0o640, 0)
	journald := fstest.MapFS{"run/systemd/journal/socket": something, "etc/machine-id": file(machine+"\n", 0o644, 0)}
	host := func(parts ...fstest.MapFS) fstest.MapFS {
		all := fstest.MapFS{"etc/passwd": something}
		for _, p := range parts {
			for name, f := range p {
				all[name] = f
			}
		}
		return all
	}
	authLog := fstest.MapFS{"var/log/auth.log": file(sshdLine, 0o640, time.Hour)}
	secure := fstest.MapFS{"var/log/secure": file(sshdLine, 0o600, time.Hour)}
	for _, c := range []struct {
		story    string
		host     fstest.MapFS
		denied   []string
		noReader bool
		noSSHD   bool // in the journal
		name     string
		says     string // a part of Why, or of the hint
		command  string
	}{
		{story: "Debian 12: a journal on disk and no syslog daemon",
			host: host(journald, fstest.MapFS{kept: something}), name: "journal", says: "kept on disk"},
		{story: "Debian 12, upgraded: an auth.log that nobody writes any more",
			host: host(journald, fstest.MapFS{kept: something, "var/log/auth.log": file(sshdLine, 0o640, 300*24*time.Hour)}), name: "journal", says: "kept on disk"},
		{story: "Ubuntu: a journal on disk, and rsyslog's copy",
			host: host(journald, authLog, fstest.MapFS{kept: something}), name: "journal", says: "/var/log/auth.log holds a copy"},
		{story: "Ubuntu, as a user of the group adm before it had the journal's right",
			host: host(journald, authLog, fstest.MapFS{kept: something}), denied: []string{kept}, name: "/var/log/auth.log", says: "the journal may not be read"},
		{story: "Ubuntu, as a user without rights",
			host: host(journald, authLog, fstest.MapFS{kept: something}), denied: []string{kept, "var/log/auth.log"},
			command: "sudo usermod -aG systemd-journal,adm alice", says: "log in anew"},
		{story: "Debian 12, as a user without rights",
			host: host(journald, fstest.MapFS{kept: something}), denied: []string{kept}, command: "sudo usermod -aG systemd-journal,adm alice"},
		{story: "a journal whose folder cannot be looked into",
			host: host(journald, fstest.MapFS{kept: something}), denied: []string{"var/log/journal/" + machine}, command: "sudo usermod -aG systemd-journal,adm alice"},
		{story: "RHEL 9 as root: a journal in memory, and rsyslog's secure",
			host: host(journald, secure, fstest.MapFS{volatile: something}), name: "/var/log/secure", says: "a restart of the host empties the journal"},
		{story: "RHEL 9 as a user of systemd-journal: secure is root's alone",
			host: host(journald, secure, fstest.MapFS{volatile: something}), denied: []string{"var/log/secure"}, name: "journal", says: "a restart of the host empties it"},
		{story: "RHEL 9 with a journal on disk",
			host: host(journald, secure, fstest.MapFS{kept: something}), name: "journal", says: "/var/log/secure holds a copy"},
		{story: "RHEL 9 without rights",
			host: host(journald, secure, fstest.MapFS{volatile: something}), denied: []string{"var/log/secure", volatile}, command: "sudo usermod -aG systemd-journal,adm alice"},
		{story: "CentOS 6: no journald",
			host: host(secure), name: "/var/log/secure", says: "no journald runs"},
		{story: "CentOS 6 without rights: only root may read it",
			host: host(secure), denied: []string{"var/log/secure"}, says: "sudo sshwhy tail"},
		{story: "Devuan: no journald, auth.log of adm's, without rights",
			host: host(authLog), denied: []string{"var/log/auth.log"}, command: "sudo usermod -aG adm alice"},
		{story: "Alpine: one log for all",
			host: host(fstest.MapFS{"var/log/messages": file(cronLine+sshdLine, 0o640, time.Hour)}), name: "/var/log/messages", says: "no journald runs"},
		{story: "Alpine without rights",
			host: host(fstest.MapFS{"var/log/messages": file(cronLine+sshdLine, 0o640, time.Hour)}), denied: []string{"var/log/messages"}, command: "sudo usermod -aG adm alice"},
		{story: "RHEL's messages has nothing of sshd",
			host: host(journald, fstest.MapFS{volatile: something, "var/log/messages": file(cronLine, 0o600, time.Hour)}), name: "journal", says: "no other log"},
		{story: "OpenBSD",
			host: host(fstest.MapFS{"var/log/authlog": file(sshdLine, 0o640, time.Hour)}), name: "/var/log/authlog"},
		{story: "FreeBSD, freshly rotated",
			host: host(fstest.MapFS{"var/log/auth.log": file("", 0o600, time.Hour)}), name: "/var/log/auth.log", says: "no journald runs"},
		{story: "a container with a syslog daemon and the folder of a journal, but no journald",
			host: host(authLog, fstest.MapFS{kept: something}), name: "/var/log/auth.log", says: "no journald runs"},
		{story: "a container with nothing",
			host: host(fstest.MapFS{".dockerenv": something}), says: "docker logs"},
		{story: "macOS", host: host(fstest.MapFS{"System/Library/x": something}), says: "log stream"},
		{story: "an empty host", host: host(), says: "sshwhy tail FILE"},
		{story: "sshd in a chroot writes to the file alone: the journal has none of its lines",
			host: host(journald, authLog, fstest.MapFS{kept: something}), noSSHD: true, name: "/var/log/auth.log", says: "the journal has no lines of sshd"},
		{story: "sshd has not been started yet",
			host: host(journald, fstest.MapFS{kept: something, "var/log/auth.log": file(cronLine, 0o640, time.Hour)}), noSSHD: true, name: "journal", says: "not written yet"},
		{story: "journald, and nothing to read it with",
			host: host(journald, authLog, fstest.MapFS{kept: something}), noReader: true, name: "/var/log/auth.log", says: "neither journalctl nor libsystemd"},
		{story: "journald, nothing to read it with, and no file",
			host: host(journald, fstest.MapFS{kept: something}), noReader: true, says: "sshwhy tail FILE"},
		{story: "both auth.log and secure: the one that is written",
			host: host(secure, fstest.MapFS{"var/log/auth.log": file(sshdLine, 0o640, 30*24*time.Hour)}), name: "/var/log/secure"},
		{story: "an image that was cloned: the journal of another machine",
			host: host(fstest.MapFS{"run/systemd/journal/socket": something, "etc/machine-id": file(machine, 0o644, 0)},
				fstest.MapFS{"var/log/journal/00000000000000000000000000000000/system.journal": something}, authLog), name: "/var/log/auth.log", says: "no lines of sshd"},
		{story: "an old log is better than none",
			host: host(fstest.MapFS{"var/log/auth.log": file(sshdLine, 0o640, 30*24*time.Hour)}), name: "/var/log/auth.log", says: "no other log"},
	} {
		t.Run(c.story, func(t *testing.T) {
			o := AutoOptions{
				Host: autoHost{c.host, c.denied}, User: "alice", Now: now,
				Reader: func() bool { return !c.noReader }, HasSSHD: func() bool { return !c.noSSHD },
				Group: func(info fs.FileInfo) string {
					if info.Mode().Perm() == 0o640 {
						return "adm"
					}
					return "root"
				},
			}
			choice, err := Auto(o)
			if choice.Name != c.name || (c.name == "") != (err != nil) {
				t.Fatalf("got %+v, %v, want %q", choice, err, c.name)
			}
			said := choice.Why
			var none *NoSource
			if errors.As(err, &none) {
				said = none.Hint
				if none.Command != c.command || !strings.Contains(none.Hint, none.Command) {
					t.Errorf("got the command %q in %q, want %q", none.Command, none.Hint, c.command)
				}
			}
			if !strings.Contains(said, c.says) {
				t.Errorf("got %q, want %q in it", said, c.says)
			}
			// It is said in Japanese as well.
			o.Language = causes.Japanese
			japanese, err := Auto(o)
			if err != nil {
				japanese.Why = err.Error()
			}
			if choice.Name != japanese.Name || !strings.ContainsFunc(japanese.Why, func(r rune) bool { return r > 0x3000 }) {
				t.Errorf("in Japanese: got %+v, %v", japanese, err)
			}
		})
	}
}
