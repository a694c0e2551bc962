package parser

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"

	"github.com/sshwhy/sshwhy"
)

// Options are what a line cannot say of itself.
type Options struct {
	// Zone is that of the times that name none; nil means the host's.
	Zone *time.Location
	// Year is that of the first line, where lines name none; 0 means to
	// infer it from Record.Newest.
	Year int
	// Now is asked where Record.Newest is zero; nil means time.Now.
	Now func() time.Time
}

// splitter takes headers off lines. It has a memory for speed and for the
// year, so it is for one goroutine and, where Options.Year is set, for one
// source.
//
// The rule that keeps it safe: part of a message is chosen by attackers, so
// only what stands at the very left of a line is ever taken for a header, and
// a word there that sshd's own messages begin with is never taken for a host.
type splitter struct {
	clock clock
	// hosts are copies of words that were found to be hosts, so that the
	// same ones are not looked into line after line. Each has one place.
	hosts [64][]byte
	// origins are the hosts with the programs on them.
	origins origins
	// buf holds what JSON had escaped. split sees to it that it need not
	// grow while parts of it are in use.
	buf []byte
	// path is the name of the JSON member being read, outer ones first.
	path []byte
	// module is what old PAM and syslog put in brackets behind the program
	// in "sshd(pam_unix)[1]: "; the message's usual start stands there.
	// nil where there is none; valid until the next split.
	module []byte
}

func newSplitter(o Options) *splitter {
	s := &splitter{clock: clock{zone: o.Zone, now: o.Now, stated: o.Year, current: o.Year}}
	if s.clock.zone == nil {
		s.clock.zone = time.Local
	}
	if s.clock.now == nil {
		s.clock.now = time.Now
	}
	return s
}

// form is the layout of a header, for people who ask how a line was read.
type form uint8

const (
	formBare form = iota
	formTag
	formHostTag
	formPriority
	formRFC3164
	formRFC3164Year
	formISO8601
	formRFC5424
	formShortFull
	formCtime
	formUnix
	formMonotonic
	formTAI64
	formBSD
	formSolaris
	formAIX
	formESXi
	formMacOS
	formASL
	formCRI
	formContainerJSON
	formJournalJSON
	formJSON
	formJournalNote
)

var formNames = [...]string{
	formBare:          "bare",
	formTag:           "tag-only",
	formHostTag:       "host-and-tag",
	formPriority:      "priority-only",
	formRFC3164:       "rfc3164",
	formRFC3164Year:   "rfc3164-year",
	formISO8601:       "iso8601",
	formRFC5424:       "rfc5424",
	formShortFull:     "journal-short-full",
	formCtime:         "ctime",
	formUnix:          "journal-short-unix",
	formMonotonic:     "journal-short-monotonic",
	formTAI64:         "tai64n",
	formBSD:           "bsd-facility",
	formSolaris:       "solaris",
	formAIX:           "aix-forwarded",
	formESXi:          "esxi",
	formMacOS:         "macos-log",
	formASL:           "macos-asl",
	formCRI:           "container-cri",
	formContainerJSON: "container-json",
	formJournalJSON:   "journal-json",
	formJSON:          "json",
	formJournalNote:   "journal-note",
}

// String gives the form's name as explain shows it.
func (f form) String() string { return formNames[f] }

// maxNesting is how many headers may stand inside each other: a line that a
// daemon relayed inside JSON inside JSON is the most that is seen.
const maxNesting = 3

// split takes the header off a line: it fills h and gives the message, which
// is part of line or of a buffer that the next call overwrites, and so are the
// parts of h. Where no header is recognised ok is false, h is empty, and the
// message is the whole line, as sshd -e writes it. Neither carries the CR of a
// terminal at its end; a message carries no blanks at its start. by tells whose
// message it is.
func (s *splitter) split(line []byte, newest time.Time, h *sshwhy.Header) (msg []byte, f form, by program, ok bool) {
	s.module = nil
	line = withoutCR(line)
	if msg, by := s.usual(line, newest, h); msg != nil {
		return msg, formRFC3164, by, true
	}
	*h = sshwhy.Header{}
	if msg, by := s.familiar(line, newest, h); msg != nil {
		return msg, formRFC3164, by, true
	}
	if msg, f, ok = s.outermost(line, newest, h, 0); ok {
		by = programOf(h.Ident)
	}
	return msg, f, by, ok
}

// origin is what stands between the date and the process number in the lines of
// one program on one host: "host ident[".
type origin struct {
	text []byte
	host int // the length of the host's name
	by   program
}

// origins are those that were seen of late, each in the one place that its
// bytes give it. What is read behind one depends on the bytes alone: tagAt stops
// at the first bracket.
type origins [1 << originBits]origin

// originBits is enough for a few programs on each of hundreds of hosts.
const originBits = 10

// place gives the place of what ends in the bracket at b[end].
func (o *origins) place(b []byte, end int) *origin {
	start, middle, last := b[:wide], b[end/2-wide/2:][:wide], b[end+1-wide:][:wide]
	mixed := binary.LittleEndian.Uint64(start) ^ 3*binary.LittleEndian.Uint64(middle) ^ 5*binary.LittleEndian.Uint64(last)
	return &o[mixed*0x9e3779b97f4a7c15>>(64-originBits)]
}

// usual reads the header that nearly all lines of a file have: a date and an
// origin that were seen before, and the number of a process. It takes a short
// way to what the long one says, and gives nil for all other headers.
func (s *splitter) usual(b []byte, newest time.Time, h *sshwhy.Header) ([]byte, program) {
	secs := s.clock.sameDay(b, newest)
	if secs < 0 {
		return nil, programUnknown
	}
	b = b[len("Nov 22 15:32:51 "):]
	bracket := bytes.IndexByte(b, '[')
	if bracket < wide || len(b) < bracket+2*wide {
		return nil, programUnknown
	}
	o := s.origins.place(b, bracket)
	if !bytes.Equal(o.text, b[:bracket+1]) {
		return nil, programUnknown
	}
	number := binary.LittleEndian.Uint64(b[bracket+1:][:wide])
	digits := first(nonDigits(number))
	pid := decimal(number, digits)
	behind := binary.LittleEndian.Uint32(b[bracket+1+digits:][:4])
	if digits == 0 || digits == wide || pid == 0 || behind&0xffffff != ']'|':'<<8|' '<<16 {
		return nil, programUnknown
	}
	switch behind >> 24 {
	case ' ', '\t', '[', 'k':
		return nil, programUnknown
	}
	h.Time, h.Host, h.Ident, h.PID = (s.clock.midnight+int64(secs))*1e9, b[:o.host], b[o.host+1:bracket], pid
	return b[bracket+1+digits+len("]: "):], o.by
}

// familiar is like usual where the host alone was seen before.
func (s *splitter) familiar(b []byte, newest time.Time, h *sshwhy.Header) ([]byte, program) {
	secs := s.clock.sameDay(b, newest)
	if secs < 0 {
		return nil, programUnknown
	}
	b = b[len("Nov 22 15:32:51 "):]
	end := wordEnd(b)
	if end == 0 || end == len(b) {
		return nil, programUnknown
	}
	host, rest := b[:end], b[end+1:]
	if !bytes.Equal(*s.hostPlace(host), host) {
		return nil, programUnknown
	}
	t := tagAt(rest)
	if t.kind != tagPID || t.end+1 >= len(rest) || rest[t.end] != ' ' || rest[t.name-1] == ')' {
		return nil, programUnknown
	}
	switch rest[t.end+1] {
	case ' ', '\t', '[', 'k':
		return nil, programUnknown
	}
	h.Time, h.Host, h.Ident, h.PID = (s.clock.midnight+int64(secs))*1e9, host, t.ident(rest), t.pid
	by := programOf(h.Ident)
	if bracket := end + 1 + t.name; bracket >= wide && bytes.IndexByte(b, '[') == bracket {
		o := s.origins.place(b, bracket)
		o.text, o.host, o.by = append(o.text[:0], b[:bracket+1]...), end, by
	}
	return rest[t.end+1:], by
}

// outermost takes off the outermost header, which may have others inside.
func (s *splitter) outermost(b []byte, newest time.Time, h *sshwhy.Header, depth int) ([]byte, form, bool) {
	if len(b) == 0 || depth == maxNesting {
		return b, formBare, false
	}
	switch b[0] {
	case '{', 0x1e:
		// What looks like JSON is JSON or nothing: its members may hold
		// what a client chose, with blanks around it.
		return s.json(b, newest, h, depth)
	case 'd':
		if rest, ok := bytes.CutPrefix(b, []byte("data: {")); ok {
			return s.json(b[len(b)-len(rest)-1:], newest, h, depth)
		}
	case '<':
		if n := priorityAt(b); n > 0 {
			return s.behindPriority(b[n:], newest, h, depth)
		}
	case '1':
		if msg, ok := s.rfc5424(b, newest, h); ok {
			return msg, formRFC5424, true
		}
	case '[':
		if msg, ok := s.asl(b, newest, h); ok {
			return msg, formASL, true
		}
	case '-':
		if isJournalNote(b) {
			return b, formJournalNote, true
		}
	}
	return s.stamped(b, newest, h, depth)
}

// behindPriority reads what follows "<38>", which only transports write.
func (s *splitter) behindPriority(b []byte, newest time.Time, h *sshwhy.Header, depth int) ([]byte, form, bool) {
	if msg, ok := s.rfc5424(b, newest, h); ok {
		return msg, formRFC5424, true
	}
	msg, f, ok := s.stamped(b, newest, h, depth)
	if !ok {
		return withoutBlanks(msg), formPriority, true
	}
	return msg, f, true
}

// stamped reads a time, where there is one, and then who wrote the line.
func (s *splitter) stamped(b []byte, newest time.Time, h *sshwhy.Header, depth int) ([]byte, form, bool) {
	st, n := s.clock.stampAt(b, newest)
	if n == 0 {
		return s.untimed(b, h)
	}
	h.Time = st.ns
	rest := withoutBlanks(b[n:])
	if st.form == formISO8601 && !st.loose && len(b)-n-len(rest) == 2 {
		st.form = formMacOS
	}
	return s.origin(rest, newest, h, st, depth)
}

// origin reads who wrote a line that a time stands in front of: marks of
// several systems, the host, the tag.
func (s *splitter) origin(b []byte, newest time.Time, h *sshwhy.Header, st stamp, depth int) ([]byte, form, bool) {
	if st.form == formISO8601 {
		if n := streamAt(b); n > 0 {
			return s.insideCRI(b[n:], newest, h, depth)
		}
	}
	if n := wordEnd(b); n > 0 && n < len(b) && bytes.Equal(*s.hostPlace(b[:n]), b[:n]) {
		return s.behindHost(b, b[:n], h, st)
	}
	first := tagAt(b)
	if first.kind == tagNone || first.kind == tagPlain && !writesWithoutPID(first.ident(b)) {
		if n, f := markAt(b, first.end); n > 0 {
			return s.behindMark(b[n:], newest, h, stamp{ns: st.ns, form: f, loose: f == formBSD && b[n-2] == ':'}, depth)
		}
		return s.fromHost(b, h, st, first)
	}
	return s.fromTag(b, first, h, st.form)
}

// behindMark goes on behind a facility. Some daemons write a second time
// there, and some neither host nor tag.
func (s *splitter) behindMark(b []byte, newest time.Time, h *sshwhy.Header, st stamp, depth int) ([]byte, form, bool) {
	b = withoutBlanks(b)
	if again, n := s.clock.stampAt(b, newest); n > 0 && depth < maxNesting {
		b = withoutBlanks(b[n:])
		again.form, again.loose = st.form, st.loose
		return s.origin(b, newest, h, again, depth+1)
	}
	first := tagAt(b)
	if first.kind == tagNone || first.kind == tagPlain && !writesWithoutPID(first.ident(b)) {
		return s.fromHost(b, h, st, first)
	}
	return s.fromTag(b, first, h, st.form)
}

// fromHost reads "host tag: message"; first is what tagAt found at the host.
func (s *splitter) fromHost(b []byte, h *sshwhy.Header, st stamp, first tag) ([]byte, form, bool) {
	if n := forwardedAt(b); n > 0 {
		return s.forwarded(b[n:], h, st.form)
	}
	host := b[:first.end]
	if first.kind != tagNone {
		host = b[:wordEnd(b)]
	}
	if len(host) == len(b) || !isHost(host) {
		return b, st.form, true
	}
	// With a bracket in it, what follows may decide whether it is a tag.
	if bytes.IndexByte(host, '[') < 0 {
		place := s.hostPlace(host)
		*place = append((*place)[:0], host...)
	}
	return s.behindHost(b, host, h, st)
}

// hostPlace gives the place of a word among the hosts. Names of hosts mostly
// end in a number.
func (s *splitter) hostPlace(word []byte) *[]byte {
	last := len(word) - 1
	return &s.hosts[(uint(word[last])+7*uint(word[max(last-1, 0)])+uint(last))%uint(len(s.hosts))]
}

// behindHost reads the tag behind what can be a host. Where there is none, it
// was the first word of a message.
func (s *splitter) behindHost(b, host []byte, h *sshwhy.Header, st stamp) ([]byte, form, bool) {
	rest, f := withoutBlanks(b[len(host):]), st.form
	if n := forwardedAt(rest); n > 0 {
		return s.forwarded(rest[n:], h, st.form)
	}
	t := tagAt(rest)
	if t.kind == tagNone {
		if n, marked := markAt(rest, t.end); n > 0 {
			rest, f = withoutBlanks(rest[n:]), marked
			t = tagAt(rest)
		}
	}
	switch {
	case t.kind == tagNone && bytes.HasPrefix(rest, []byte("last message repeated ")):
		h.Host = host
		return rest, f, true
	case t.kind == tagNone, t.kind == tagPlain && st.loose && !writesWithoutPID(t.ident(rest)):
		return b, st.form, true
	}
	h.Host = host
	return s.fromTag(rest, t, h, f)
}

// forwarded goes on behind AIX's "Message forwarded from ", with the host
// that the message came from in place of the one that relayed it.
func (s *splitter) forwarded(b []byte, h *sshwhy.Header, f form) ([]byte, form, bool) {
	colon := bytes.Index(b, []byte(": "))
	if colon < 0 {
		return b, f, true
	}
	h.Host = b[:colon]
	b = withoutBlanks(b[colon+2:])
	if t := tagAt(b); t.kind != tagNone {
		return s.fromTag(b, t, h, formAIX)
	}
	return b, formAIX, true
}

// untimed reads the headers without a time: "sshd[1]: message", with or
// without blanks or a host in front. Anything else is a bare message, so what
// is accepted here no message of sshd may look like.
func (s *splitter) untimed(line []byte, h *sshwhy.Header) ([]byte, form, bool) {
	b := withoutBlanks(line)
	if n := forwardedAt(b); n > 0 {
		return s.forwarded(b[n:], h, formAIX)
	}
	first := tagAt(b)
	switch first.kind {
	case tagPID:
		return s.fromTag(b, first, h, formTag)
	case tagPlain:
		if !writesWithoutPID(first.ident(b)) || isMessageLikeTag(b) {
			return line, formBare, false
		}
		return s.fromTag(b, first, h, formTag)
	}
	if n, f := markAt(b, first.end); n > 0 {
		if t := tagAt(b[n:]); t.kind == tagPID {
			return s.fromTag(b[n:], t, h, f)
		}
		return s.hostUntimed(line, b[n:], wordEnd(b[n:]), h, f)
	}
	return s.hostUntimed(line, b, first.end, h, formHostTag)
}

func (s *splitter) hostUntimed(line, b []byte, end int, h *sshwhy.Header, f form) ([]byte, form, bool) {
	if end == len(b) || !isHost(b[:end]) || string(b[:end]) == "user" {
		return line, formBare, false
	}
	rest := withoutBlanks(b[end:])
	t := tagAt(rest)
	if n, marked := markAt(rest, t.end); n > 0 && t.kind != tagPID {
		rest, f = rest[n:], marked
		t = tagAt(rest)
	}
	if t.kind != tagPID {
		return line, formBare, false
	}
	h.Host = b[:end]
	return s.fromTag(rest, t, h, f)
}

// fromTag fills in what the tag says, and takes off what stands between it
// and the message.
func (s *splitter) fromTag(b []byte, t tag, h *sshwhy.Header, f form) ([]byte, form, bool) {
	h.Ident, h.PID = t.ident(b), t.pid
	if last := len(h.Ident) - 1; h.Ident[last] == ')' {
		s.cutModule(h)
	}
	if f == formShortFull {
		h.Ident = programOfUnit(h.Ident)
	}
	if t.kind == tagPlain && isMessageLikeTag(b) {
		return b, f, true
	}
	msg := withoutBlanks(b[t.end:])
	if len(msg) == 0 {
		return msg, f, true
	}
	switch msg[0] {
	case '[':
		if n := messageIDAt(msg); n > 0 {
			return withoutBlanks(msg[n:]), formSolaris, true
		}
	case 'k':
		if n := kernelAt(msg); n > 0 {
			return withoutBlanks(msg[n:]), f, true
		}
	}
	return msg, f, true
}

// cutModule makes "sshd(pam_unix)" the program sshd and the module pam_unix.
func (s *splitter) cutModule(h *sshwhy.Header) {
	if open := bytes.IndexByte(h.Ident, '('); open > 0 {
		s.module = h.Ident[open+1 : len(h.Ident)-1]
		h.Ident = h.Ident[:open]
	}
}

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

// markAt gives the length of a mark of facility and level, and of the blank
// behind it: FreeBSD's "<auth.info> " and "<4.6> ", "auth.info " of busybox
// and OpenWrt, AIX's "auth|security:info ", "auth.info: ", ESXi's "In(38) ".
//
// The word ends at end. Most words that come here are hosts, so the end of the
// word, which is a level or is not, decides first.
func markAt(b []byte, end int) (int, form) {
	if end >= len(b) || end < 5 || end > 32 {
		return 0, formBare
	}
	word := b[:end]
	switch word[end-1] {
	case ')':
		if isESXiMark(word) {
			return end + 1, formESXi
		}
		return 0, formBare
	case '>':
		if word[0] != '<' {
			return 0, formBare
		}
		if word = word[1 : end-1]; isNumericMark(word) {
			return end + 1, formBSD
		}
	case ':':
		word = word[:end-1]
	}
	if isFacilityAndLevel(word) {
		return end + 1, formBSD
	}
	return 0, formBare
}

// longestLevel is the length of the longest word that isLevel knows.
const longestLevel = len("warning")

func isFacilityAndLevel(word []byte) bool {
	i := len(word) - 1
	for i >= 0 && word[i] != '.' && word[i] != ':' {
		if len(word)-i > longestLevel {
			return false
		}
		i--
	}
	if i < 0 || !isLevel(word[i+1:]) {
		return false
	}
	for facility := range bytes.SplitSeq(word[:i], []byte("|")) {
		if !isFacility(facility) {
			return false
		}
	}
	return true
}

func isNumericMark(word []byte) bool {
	_, i := numberAt(word, 0)
	if i == 0 || i > 2 || i == len(word) || word[i] != '.' {
		return false
	}
	_, end := numberAt(word, i+1)
	return end == i+2 && end == len(word)
}

func isESXiMark(word []byte) bool {
	if len(word) < 5 || word[2] != '(' || word[0] < 'A' || word[0] > 'Z' {
		return false
	}
	_, end := numberAt(word, 3)
	return end > 3 && end == len(word)-1
}

func isFacility(word []byte) bool {
	switch string(word) {
	case "kern", "user", "mail", "daemon", "auth", "security", "syslog", "lpr",
		"news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "console",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7":
		return true
	}
	return false
}

func isLevel(word []byte) bool {
	switch string(word) {
	case "emerg", "panic", "alert", "crit", "err", "error", "warning", "warn",
		"notice", "info", "debug":
		return true
	}
	return false
}

// priorityAt gives the length of "<38>" at the start of b.
func priorityAt(b []byte) int {
	n, i := numberAt(b, 1)
	if i == 1 || i > 4 || n > 191 || i == len(b) || b[i] != '>' {
		return 0
	}
	return i + 1
}

// forwardedAt gives the length of what AIX's syslogd puts before lines that
// came from another host.
func forwardedAt(b []byte) int {
	if len(b) > 0 && b[0] == 'M' && bytes.HasPrefix(b, []byte("Message forwarded from ")) {
		return len("Message forwarded from ")
	}
	return 0
}

// messageIDAt gives the length of Solaris's "[ID 800047 auth.info] ".
func messageIDAt(b []byte) int {
	if !bytes.HasPrefix(b, []byte("[ID ")) {
		return 0
	}
	_, i := numberAt(b, 4)
	if i == 4 || i >= len(b) || b[i] != ' ' {
		return 0
	}
	n := bytes.IndexByte(b[i:min(len(b), i+32)], ']')
	if n < 0 || !endsAt(b, i+n+1) {
		return 0
	}
	point := bytes.LastIndexByte(b[i:i+n], '.')
	if point < 0 || !isFacility(b[i+1:i+point]) || !isLevel(b[i+point+1:i+n]) {
		return 0
	}
	return min(len(b), i+n+2)
}

// kernelAt gives the length of "kernel: [  970.699397] ", which log daemons
// that read the kernel's ring buffer leave before relayed lines, with or
// without the blank and with or without another colon.
func kernelAt(b []byte) int {
	if !bytes.HasPrefix(b, []byte("kernel:")) {
		return 0
	}
	rest := withoutBlanks(b[len("kernel:"):])
	if len(rest) == 0 || rest[0] != '[' {
		return 0
	}
	n := bytes.IndexByte(rest[:min(len(rest), 24)], ']')
	if n < 0 {
		return 0
	}
	for _, ch := range rest[1:n] {
		if !isDigit(ch) && ch != '.' && ch != ' ' {
			return 0
		}
	}
	end := len(b) - len(rest) + n + 1
	if end < len(b) && b[end] == ':' {
		end++
	}
	return end
}

// isJournalNote knows the lines that journalctl itself writes between others.
func isJournalNote(b []byte) bool {
	for _, start := range [...]string{"-- Boot ", "-- Journal begins at ", "-- Logs begin at ", "-- No entries --", "-- Reboot --", "-- cursor: "} {
		if len(b) >= len(start) && string(b[:len(start)]) == start {
			return true
		}
	}
	return false
}

// repeated unfolds what log daemons make of equal messages in a row: rsyslog's
// "message repeated 3 times: [ … ]" holds the message, BSD's "last message
// repeated 3 times" refers to the line before, so inner is nil there. n is how
// often the message was written; 1 where msg is no such line, or says so.
func repeated(msg []byte) (inner []byte, n int32) {
	const rsyslog, bsd = "message repeated ", "last message repeated "
	if len(msg) < len(rsyslog) || msg[0] != 'm' && msg[0] != 'l' {
		return msg, 1
	}
	start := len(rsyslog)
	if msg[0] == 'l' {
		start = len(bsd)
		if !bytes.HasPrefix(msg, []byte(bsd)) {
			return msg, 1
		}
	} else if string(msg[:start]) != rsyslog {
		return msg, 1
	}
	times, i := numberAt(msg, start)
	if i == start || i > start+9 || times == 0 {
		return msg, 1
	}
	rest := msg[i:]
	if msg[0] == 'l' {
		if string(rest) != " times" && string(rest) != " time" {
			return msg, 1
		}
		return nil, int32(times)
	}
	rest, ok := bytes.CutPrefix(rest, []byte(" times: ["))
	if !ok {
		return msg, 1
	}
	// A line that was cut short has lost the bracket, not its meaning.
	return withoutBlanks(bytes.TrimSuffix(rest, []byte("]"))), int32(times)
}

// wordEnd gives where the first word of b ends.
func wordEnd(b []byte) int {
	for i, ch := range b {
		if ch == ' ' || ch == '\t' {
			return i
		}
	}
	return len(b)
}

func withoutBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}

func withoutCR(b []byte) []byte {
	n := len(b)
	for n > 0 && b[n-1] == '\r' {
		n--
	}
	return b[:n]
}
