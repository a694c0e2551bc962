package parser

import (
	"bytes"
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
	// origins are the hosts with the programs on them. They stand first, so
	// that each fills one line of the processor's cache and not part of two.
	origins origins
	clock   clock
	// hosts are copies of words that were found to be hosts, so that the
	// same ones are not looked into line after line. Each has one place.
	hosts [64][]byte
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

// form is the layout of a header, as explain shows it to people who ask how a line
// was read.
type form string

const (
	formBare          form = "bare"
	formTag           form = "tag-only"
	formHostTag       form = "host-and-tag"
	formPriority      form = "priority-only"
	formRFC3164       form = "rfc3164"
	formRFC3164Year   form = "rfc3164-year"
	formISO8601       form = "iso8601"
	formRFC5424       form = "rfc5424"
	formShortFull     form = "journal-short-full"
	formCtime         form = "ctime"
	formUnix          form = "journal-short-unix"
	formMonotonic     form = "journal-short-monotonic"
	formTAI64         form = "tai64n"
	formBSD           form = "bsd-facility"
	formSolaris       form = "solaris"
	formAIX           form = "aix-forwarded"
	formESXi          form = "esxi"
	formMacOS         form = "macos-log"
	formASL           form = "macos-asl"
	formCRI           form = "container-cri"
	formContainerJSON form = "container-json"
	formJournalJSON   form = "journal-json"
	formJSON          form = "json"
	formJournalNote   form = "journal-note"
)

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
	if msg, numbered, by := s.usual(line, &newest, h); msg != nil {
		return msg, formOf(numbered), by, true
	}
	*h = sshwhy.Header{}
	return s.unusual(line, newest, h)
}

// unusual is split of a line that usual does not take. h is empty.
func (s *splitter) unusual(line []byte, newest time.Time, h *sshwhy.Header) (msg []byte, f form, by program, ok bool) {
	s.module, s.buf = nil, s.buf[:0]
	line = withoutCR(line)
	if msg, f, by := s.familiar(line, newest, h); msg != nil {
		return msg, f, by, true
	}
	if msg, f, ok = s.outermost(line, newest, h, 0); ok {
		by = programOf(h.Ident)
	}
	return msg, f, by, ok
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
