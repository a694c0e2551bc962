package tailers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/tailers/journal"
)

// AutoOptions are how Auto looks at a host. The zero value looks at this one.
type AutoOptions struct {
	// Host is the host's file system; nil means this one's.
	Host fs.FS
	// Group gives the name of the group that a file belongs to, or "".
	Group func(fs.FileInfo) string
	// User is who wants to read; empty means who runs this.
	User string
	// Reader tells whether the host's journal can be read, by whatever
	// program; HasSSHD whether it holds a line of sshd.
	Reader  func() bool
	HasSSHD func() bool
	// Now is the time; zero means the present one.
	Now time.Time
	// Language is that of the sentences; empty means English.
	Language causes.Language
}

// Choice is the log of a host that is read when none was named.
type Choice struct {
	// Name is "journal" or the path of a file.
	Name string
	// Why is a clause that says why it is this one.
	Why string
}

// NoSource is the error of Auto: there is no log, or none may be read.
type NoSource struct {
	// Text says what is wrong, Hint what to do about it.
	Text, Hint string
	// Denied are the logs that may not be read.
	Denied []string
	// Command is what gives the right to read them; empty where only root
	// can.
	Command string
}

// Error implements error.
func (e *NoSource) Error() string { return e.Text }

const (
	// autoTail is how much of the end of a file is searched for sshd.
	autoTail = 256 << 10
	// autoStale is the age at which a log that nothing was written to is
	// taken for one that is left over: cron alone writes to it every hour.
	autoStale = 7 * 24 * time.Hour
	// autoWait is for how long the journal may be searched for sshd.
	autoWait = 5 * time.Second
)

// autoFiles are the logs that syslog daemons write sshd's lines to: Debian and
// FreeBSD, Red Hat and macOS of old, OpenBSD, NetBSD and Solaris, and what has
// one log for all (SUSE, Alpine, Slackware's fallback).
var autoFiles = []string{"var/log/auth.log", "var/log/secure", "var/log/authlog", "var/log/messages"}

// Auto finds the log of this host to read sshd's lines from. It is one alone:
// where journald runs, a file that a syslog daemon writes is a copy.
//
// The journal is taken where it is kept on disk, may be read and has lines of
// sshd; else a file; else a journal that a restart empties.
func Auto(o AutoOptions) (Choice, error) {
	o.complete()
	words := lang.AutoIn(o.Language)
	j, files := o.journal(), o.files()
	f := best(files)
	switch {
	case j.usable() && j.kept && o.HasSSHD():
		if f != nil {
			return Choice{"journal", fmt.Sprintf(words.Copy, f.path())}, nil
		}
		return Choice{"journal", words.Kept}, nil
	case f != nil && !f.stale && (f.sshd || !j.usable()):
		return Choice{f.path(), j.against(words)}, nil
	case j.usable() && j.kept:
		return Choice{"journal", words.Quiet}, nil
	case j.usable():
		return Choice{"journal", words.Volatile}, nil
	case f != nil:
		return Choice{f.path(), words.Last}, nil
	}
	return Choice{}, o.nothing(words, j, files)
}

// complete fills in what looks at this host.
func (o *AutoOptions) complete() {
	if o.Host == nil {
		o.Host = os.DirFS("/")
	}
	if o.Group == nil {
		o.Group = groupOf
	}
	if o.User == "" {
		o.User = "NAME"
		if u, err := user.Current(); err == nil {
			o.User = u.Username
		}
	}
	if o.Reader == nil {
		o.Reader = func() bool { return len(journal.Commands()) > 0 }
	}
	if o.HasSSHD == nil {
		o.HasSSHD = journalHasSSHD
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
}

// journalHasSSHD looks into this host's journal.
func journalHasSSHD() bool {
	ctx, cancel := context.WithTimeout(context.Background(), autoWait)
	defer cancel()
	for r, err := range journal.New(journal.Options{FromStart: true}).Records(ctx) {
		if err == nil && !strings.HasPrefix(string(r.Header.Ident), "systemd") {
			return true
		}
	}
	return false
}

// autoJournal is what the journal of a host looks like from outside.
type autoJournal struct {
	running  bool // journald is there to write it
	kept     bool // on disk, across restarts
	readable bool // by whom this is run
	reader   bool // there is a program for it
	denied   string
}

func (j *autoJournal) usable() bool { return j.running && j.readable && j.reader }

// against says why the journal is not what is read.
func (j *autoJournal) against(words *lang.Auto) string {
	switch {
	case !j.running:
		return words.NoJournald
	case j.denied != "":
		return words.NoRight
	case !j.reader:
		return words.NoReader
	case j.readable && !j.kept:
		return words.Lost
	}
	return words.Empty
}

// journal looks at the files that journald writes at present. What it holds of
// a user's own programs, which that user may read, is no log of sshd.
func (o *AutoOptions) journal() *autoJournal {
	j := &autoJournal{reader: o.Reader()}
	_, err := fs.Stat(o.Host, "run/systemd/journal/socket")
	j.running = err == nil
	machine := "*"
	if id, err := fs.ReadFile(o.Host, "etc/machine-id"); err == nil && len(bytes.TrimSpace(id)) == 32 {
		machine = string(bytes.TrimSpace(id))
	}
	for _, folder := range []string{"var/log/journal", "run/log/journal"} {
		found, _ := fs.Glob(o.Host, path.Join(folder, machine, "system.journal"))
		for _, name := range found {
			switch err := o.open(name); {
			case err == nil:
				j.readable, j.kept = true, folder == "var/log/journal"
				return j
			case errors.Is(err, fs.ErrPermission):
				j.denied = "/" + folder
			}
		}
		// Without the right to look into the folder there is nothing to
		// be found in it.
		if _, err := fs.ReadDir(o.Host, path.Join(folder, strings.Trim(machine, "*"))); len(found) == 0 && errors.Is(err, fs.ErrPermission) {
			j.denied = "/" + folder
		}
	}
	return j
}

// DeniedJournal gives what of this host's journal may not be read, "" if nothing
// is denied, and the command that gives the right.
func DeniedJournal() (denied, command string) {
	o := AutoOptions{Reader: func() bool { return true }}
	o.complete()
	j := o.journal()
	if j.readable || j.denied == "" {
		return "", ""
	}
	return j.denied, o.join(journalGroups)
}

// journalGroups are whom journald gives the right to read all that it writes.
var journalGroups = []string{"systemd-journal", "adm"}

// join is the command that adds the user to groups.
func (o *AutoOptions) join(groups []string) string {
	return "sudo usermod -aG " + strings.Join(groups, ",") + " " + o.User
}

// open tells whether a file may be read.
func (o *AutoOptions) open(name string) error {
	f, err := o.Host.Open(name)
	if err != nil {
		return err
	}
	return f.Close()
}

// autoFile is a log of this host.
type autoFile struct {
	name   string // below the root, without the first slash
	time   time.Time
	sshd   bool // its end has lines of sshd
	stale  bool
	denied bool
	group  string // that may read it; empty if none may
}

func (f *autoFile) path() string { return "/" + f.name }

// files looks at the logs of this host.
func (o *AutoOptions) files() (all []*autoFile) {
	for _, name := range autoFiles {
		info, err := fs.Stat(o.Host, name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		f := &autoFile{name: name, time: info.ModTime(), stale: o.Now.Sub(info.ModTime()) > autoStale}
		if info.Mode().Perm()&0o040 != 0 {
			f.group = o.Group(info)
		}
		if f.sshd, err = o.mentions(name, info.Size()); errors.Is(err, fs.ErrPermission) {
			f.denied = true
		} else if err != nil {
			continue
		}
		// What holds the lines of all programs is a log of sshd only if
		// sshd's are among them.
		if path.Base(name) == "messages" && !f.sshd && !f.denied {
			continue
		}
		all = append(all, f)
	}
	return all
}

// mentions looks for sshd at the end of a file.
func (o *AutoOptions) mentions(name string, size int64) (bool, error) {
	f, err := o.Host.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if s, ok := f.(io.Seeker); ok && size > autoTail {
		if _, err := s.Seek(size-autoTail, io.SeekStart); err != nil {
			return false, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, autoTail))
	return bytes.Contains(text, []byte("sshd")), err
}

// best gives the file to read: one with lines of sshd before one without, a
// live one before one that is left over, then the order of the list.
func best(files []*autoFile) (chosen *autoFile) {
	rank := func(f *autoFile) (n int) {
		if f.sshd {
			n++
		}
		if !f.stale {
			n += 2
		}
		return n
	}
	for _, f := range files {
		if !f.denied && (chosen == nil || rank(f) > rank(chosen)) {
			chosen = f
		}
	}
	return chosen
}

// nothing says what keeps the logs from being read, and what to do.
func (o *AutoOptions) nothing(words *lang.Auto, j *autoJournal, files []*autoFile) error {
	e := &NoSource{}
	var groups []string
	if j.running && j.denied != "" && j.reader {
		e.Denied, groups = append(e.Denied, j.denied), slices.Clone(journalGroups)
	}
	for _, f := range files {
		// Whether sshd's lines are in the log of all programs cannot be
		// seen: it counts where there is nothing else.
		if f.denied && (path.Base(f.name) != "messages" || len(e.Denied) == 0) {
			e.Denied = append(e.Denied, f.path())
			if f.group != "" && f.group != "root" && f.group != "wheel" && !slices.Contains(groups, f.group) {
				groups = append(groups, f.group)
			}
		}
	}
	switch {
	case len(groups) > 0:
		e.Command = o.join(groups)
		e.Text, e.Hint = fmt.Sprintf(words.Denied, strings.Join(e.Denied, ", ")), fmt.Sprintf(words.Groups, e.Command)
	case len(e.Denied) > 0:
		e.Text, e.Hint = fmt.Sprintf(words.Denied, strings.Join(e.Denied, ", ")), words.Root
	case j.running && !j.reader:
		e.Text, e.Hint = words.Nothing+": "+words.NoReader, words.Name
	default:
		e.Text, e.Hint = words.Nothing, o.elsewhere(words)
	}
	return e
}

// elsewhere says where else sshd's lines may be.
func (o *AutoOptions) elsewhere(words *lang.Auto) string {
	for _, sign := range []struct{ name, hint string }{
		{".dockerenv", words.Container}, {"run/.containerenv", words.Container}, {"System/Library", words.MacOS},
	} {
		if _, err := fs.Stat(o.Host, sign.name); err == nil {
			return sign.hint
		}
	}
	return words.Name
}
