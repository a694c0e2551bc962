package inspect

import (
	"bytes"
	"encoding/binary"
	"path"
	"runtime"
	"slices"
	"time"
)

// lastlogPath is the file in which sshd keeps when each user logged in last.
const lastlogPath = "/var/log/lastlog"

// maxLastlog bounds what is read of it: enough for the numbers of people.
const maxLastlog = 8 << 20

// lastLogin gives when a user last logged in over the network, false where that
// is not known. The file is an array by user number of struct lastlog of
// glibc's utmp.h: the time, the terminal (32 bytes), the client (256 bytes).
func (h *Host) lastLogin(uid uint32) (time.Time, bool) {
	stamp := 4
	if runtime.GOARCH == "arm64" {
		stamp = 8 // no 32-bit programs to share the file with
	}
	const terminal, client = 32, 256
	size := int64(stamp + terminal + client)
	at := int64(uid) * size
	if at+size > maxLastlog {
		return time.Time{}, false
	}
	c, err := h.Files.Read(lastlogPath, at+size)
	if err != nil || int64(len(c.Text)) < at+size {
		return time.Time{}, false
	}
	entry := c.Text[at:]
	seconds := int64(binary.NativeEndian.Uint32(entry))
	if stamp == 8 {
		seconds = int64(binary.NativeEndian.Uint64(entry))
	}
	from := entry[stamp+terminal:]
	if seconds == 0 || bytes.IndexByte(from, 0) == 0 { // of a terminal of the host itself
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}

// lastPassword gives when this user last came with a password, where none is
// taken any more: the last login was one, for nothing has changed since then
// where the keys would stand, and there are none. fitting are the faults that
// would explain the login else.
func (x *examination) lastPassword(fitting []Check) (last time.Time, used bool) {
	if x.mine.is("passwordauthentication") || x.mine.kbdint() || x.command || x.authority || len(x.files) == 0 {
		return time.Time{}, false
	}
	if x.shadow == nil || x.shadow.secret() != secretSet {
		return time.Time{}, false
	}
	for _, cause := range distinct(fitting) {
		if cause != "authorized-keys-missing" && cause != "authorized-keys-empty" {
			return time.Time{}, false
		}
	}
	last, known := x.lastLogin(x.account.UID)
	if !known || len(fitting) == 0 || slices.ContainsFunc(x.files, func(f keyFile) bool { return !x.unchanged(f.path, last) }) {
		return time.Time{}, false
	}
	return last, true
}

// unchanged tells whether what there is of a path is as it was at a time: the
// file, or the folder nearest to it.
func (x *examination) unchanged(name string, at time.Time) bool {
	for ; name != "/"; name = path.Dir(name) {
		info, err := x.Files.Stat(name)
		if err == nil {
			// The time is of whole seconds: what changed in the same
			// one may have changed afterwards.
			return info.Changed.Before(at)
		}
		if !missing(err) {
			return false
		}
	}
	return false
}
