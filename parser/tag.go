package parser

import (
	"bytes"
	"math"
)

// sshdName is what programOfUnit makes of sshd's units. Never written to.
var sshdName = []byte("sshd")

// programOfUnit undoes journalctl -o with-unit, which gives the unit in the
// program's place: "ssh.service" and "sshd@7-192.0.2.1:22-….service" are
// sshd's. After login its lines stand under the session's scope, but so may
// any program's: those get no name.
func programOfUnit(ident []byte) []byte {
	switch {
	case bytes.HasSuffix(ident, []byte(".scope")) && bytes.HasPrefix(ident, []byte("session-")):
		return nil
	case !bytes.HasSuffix(ident, []byte(".service")):
		return ident
	}
	switch name := ident[:bytes.IndexAny(ident, "@.")]; string(name) {
	case "ssh", "sshd", "openssh", "openssh-server":
		return sshdName
	}
	return ident
}

// tag is the program and process at the start of a text: "sshd[8148]:".
type tag struct {
	kind tagKind
	// name is where the program's name ends, end where the tag does: the
	// blank behind the first word where there is no tag.
	name, end int
	pid       int32
}

type tagKind uint8

const (
	tagNone  tagKind = iota
	tagPlain         // without a pid that is a number
	tagPID
)

func (t tag) ident(b []byte) []byte { return b[:t.name] }

// tagAt reads the tag that b begins with.
func tagAt(b []byte) tag {
	colons, open := false, 0
	for i := 0; i < len(b); i++ {
		if classes[b[i]]&marksTag == 0 {
			continue
		}
		switch b[i] {
		case ' ', '\t':
			return tag{end: i}
		case '"', '\'', '=':
			// No program has such a name; sshd's messages have such words.
			return tag{end: i + wordEnd(b[i:])}
		case '(':
			open++
		case ')':
			open--
		case ':':
			if i > 0 && !colons && (endsAt(b, i+1) || b[i+1] == '[' && string(b[:i]) == "kernel") {
				return tag{kind: tagPlain, name: i, end: i + 1}
			}
			colons = true
		case '[':
			if i > 0 && open == 0 {
				if t := bracketAt(b, i); t.kind != tagNone {
					return t
				}
			}
		}
	}
	return tag{end: len(b)}
}

// bracketAt reads the rest of a tag from its bracket on.
func bracketAt(b []byte, open int) tag {
	pid, i := int32(0), open+1
	for ; i < len(b) && i <= open+9 && isDigit(b[i]); i++ {
		pid = pid*10 + int32(b[i]-'0')
	}
	if i+1 < len(b) && b[i] == ']' && b[i+1] == ':' && pid > 0 {
		return tag{kind: tagPID, name: open, end: i + 2, pid: pid}
	}
	return oddBracketAt(b, open)
}

// oddBracketAt reads the rare rests of a tag: pids of ten digits, syslog-ng's
// "[-]:", macOS's "[8148] <Notice>:", and, of programs that it knows, "[8148]"
// without a colon.
func oddBracketAt(b []byte, open int) tag {
	pid, i := numberAt(b, open+1)
	if i == open+1 || pid > math.MaxInt32 {
		pid = 0
		for i < len(b) && i < open+32 && b[i] != ']' && b[i] != ' ' {
			i++
		}
	}
	if i == open+1 || i >= len(b) || b[i] != ']' {
		return tag{}
	}
	t := tag{kind: tagPlain, name: open, pid: int32(pid)}
	if pid > 0 {
		t.kind = tagPID
	}
	i++
	switch {
	case i < len(b) && b[i] == ':':
		t.end = i + 1
		return t
	case i+2 < len(b) && b[i] == ' ' && b[i+1] == '<':
		if n := bytes.Index(b[i:min(len(b), i+16)], []byte(">:")); n > 0 {
			t.end = i + n + 2
			return t
		}
	case t.kind == tagPID && endsAt(b, i) && writesWithoutPID(b[:open]):
		t.end = i
		return t
	}
	return tag{}
}

// writesWithoutPID knows the programs whose name and a colon make a tag even
// where neither a host nor a pid stands beside it.
func writesWithoutPID(ident []byte) bool {
	switch string(ident) {
	case "sshd", "sshd-session", "sshd-auth", "internal-sftp", "sftp-server",
		"systemd", "systemd-logind", "sshd(pam_unix)":
		return true
	}
	return false
}

// isMessageLikeTag knows the message of sshd that begins as a tag does
// (sshd.c main).
func isMessageLikeTag(b []byte) bool {
	return bytes.HasPrefix(b, []byte("sshd: no hostkeys available"))
}

// isHost refuses as a host what holds a quote or a bracket, what ends in a
// colon, and the words that sshd's messages begin with where something that a
// client chose may come second: a user by the name of "sshd[1]:" must not make
// a header of "User sshd[1]: …".
func isHost(word []byte) bool {
	if len(word) == 0 {
		return false
	}
	if word[0] == '{' || word[0] == '<' || bytes.ContainsAny(word, `"'()=`) {
		return false
	}
	if last := len(word) - 1; word[last] == ':' && (last == 0 || word[last-1] != ':') {
		return false
	}
	switch string(word) {
	case "Accepted", "Account", "Address", "Authentication", "AuthorizedKeysCommand", "Bad",
		"Certificate", "Close", "Closing", "Connection", "Could", "Deprecated",
		"Did", "Disconnected", "Disconnecting", "Excess", "Exiting", "Failed",
		"Found", "Illegal", "Invalid", "Locked", "Login", "Nasty", "Partial",
		"Postponed", "ROOT", "Received", "Refused", "Refusing", "Root", "Server",
		"Starting", "Timeout", "Transferred", "Unable", "Unsafe", "Unsupported",
		"User", "account", "banner", "channel", "connect_to", "maximum", "request", "reverse", "subsystem":
		return false
	}
	return true
}
