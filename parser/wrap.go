package parser

import (
	"bytes"
	"time"

	"github.com/sshwhy/sshwhy"
)

// streamAt gives the length of the "stderr F " by which Kubernetes' runtimes
// tell the stream and whether the line is whole.
func streamAt(b []byte) int {
	if len(b) < 9 || b[0] != 's' || b[6] != ' ' || b[8] != ' ' || b[7] != 'F' && b[7] != 'P' {
		return 0
	}
	if string(b[:6]) != "stderr" && string(b[:6]) != "stdout" {
		return 0
	}
	return 9
}

// insideCRI reads what a container printed: mostly bare messages.
func (s *splitter) insideCRI(b []byte, newest time.Time, h *sshwhy.Header, depth int) ([]byte, form, bool) {
	return s.inside(withoutCR(b), newest, h, depth), formCRI, true
}

// inside splits a text that another header was around. The inner header is
// nearer to the writer: what it says counts more.
func (s *splitter) inside(b []byte, newest time.Time, h *sshwhy.Header, depth int) []byte {
	outer := *h
	*h = sshwhy.Header{}
	msg, _, _ := s.outermost(b, newest, h, depth+1)
	if h.Time == 0 {
		h.Time = outer.Time
	}
	if len(h.Host) == 0 {
		h.Host = outer.Host
	}
	if len(h.Ident) == 0 {
		h.Ident = outer.Ident
	}
	if h.PID == 0 {
		h.PID = outer.PID
	}
	return withoutBlanks(msg)
}

// wrapped is what the members of a JSON object have given so far, each with
// the rank of the name it stood under; a lower rank counts more, and of equal
// ranks the first.
type wrapped struct {
	msg, host, ident, syslogTag  []byte
	pid                          int32
	ns                           int64
	msgRank, hostRank, identRank uint8
	pidRank, timeRank            uint8
	journal, container, found    bool
}

// json reads an object of one line: the journal's, a container runtime's, or
// what a shipper made of a line.
func (s *splitter) json(b []byte, newest time.Time, h *sshwhy.Header, depth int) ([]byte, form, bool) {
	line := b
	b = bytes.TrimPrefix(b, []byte("\x1e")) // journalctl -o json-seq
	if len(b) < 2 || b[0] != '{' {
		return line, formBare, false
	}
	s.reserve(len(b), depth)
	w := wrapped{msgRank: worst, hostRank: worst, identRank: worst, pidRank: worst, timeRank: worst}
	s.path = s.path[:0]
	end := s.object(b, 0, 0, newest, &w)
	if end < 0 || len(withoutBlanks(b[end:])) > 0 || !w.found {
		return line, formBare, false
	}
	h.Time, h.Host, h.Ident, h.PID = w.ns, w.host, w.ident, w.pid
	if len(h.Ident) == 0 && len(w.syslogTag) > 0 {
		s.takeTag(w.syslogTag, h)
	}
	if len(h.Ident) > 0 && h.Ident[len(h.Ident)-1] == ')' {
		s.cutModule(h)
	}
	msg := withoutCR(bytes.TrimRight(w.msg, "\n"))
	if len(h.Ident) == 0 {
		msg = s.inside(msg, newest, h, depth)
	}
	return withoutBlanks(msg), w.form(), true
}

// reserve makes room for all that n bytes of JSON can be unescaped to, and for
// as much again of the objects inside, so that buf does not move meanwhile.
func (s *splitter) reserve(n, depth int) {
	if depth > 0 {
		return
	}
	if need := maxNesting * n; cap(s.buf) < need {
		s.buf = make([]byte, 0, need)
	}
	s.buf = s.buf[:0]
}

func (s *splitter) takeTag(b []byte, h *sshwhy.Header) {
	t := tagAt(b)
	if t.kind == tagNone {
		h.Ident = b[:t.end]
		return
	}
	h.Ident = t.ident(b)
	if h.PID == 0 {
		h.PID = t.pid
	}
}

func (w *wrapped) form() form {
	switch {
	case w.journal:
		return formJournalJSON
	case w.container:
		return formContainerJSON
	}
	return formJSON
}

// Members that lie deeper than maxDepth or under names longer than maxPath are
// passed over: none of those that count does.
const (
	maxDepth = 3
	maxPath  = 64
)

// object reads an object from its brace at i on, and gives where it ends, or
// -1 where it is none.
func (s *splitter) object(b []byte, i, depth int, newest time.Time, w *wrapped) int {
	outer := len(s.path)
	i = blanksEnd(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for i < len(b) && b[i] == '"' {
		end := stringEnd(b, i)
		if end < 0 {
			return -1
		}
		s.path = append(s.path[:outer], b[i+1:end-1]...)
		if i = blanksEnd(b, end); i == len(b) || b[i] != ':' {
			return -1
		}
		if i = s.value(b, blanksEnd(b, i+1), depth, newest, w); i < 0 {
			return -1
		}
		if i = blanksEnd(b, i); i == len(b) {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = blanksEnd(b, i+1)
	}
	return -1
}

// value reads the value of the member that path names.
func (s *splitter) value(b []byte, i, depth int, newest time.Time, w *wrapped) int {
	if i == len(b) {
		return -1
	}
	switch b[i] {
	case '{':
		if depth == maxDepth || len(s.path) > maxPath {
			return valueEnd(b, i)
		}
		s.path = append(s.path, '.')
		return s.object(b, i, depth+1, newest, w)
	case '[':
		return s.array(b, i, newest, w)
	case '"':
		end := stringEnd(b, i)
		if end > 0 {
			s.member(b[i+1:end-1], true, newest, w)
		}
		return end
	}
	end := valueEnd(b, i)
	if end > 0 {
		s.member(b[i:end], false, newest, w)
	}
	return end
}

// array passes over an array, except that the journal writes a message which
// is not UTF-8 as an array of bytes, and one that was written twice in an
// entry as an array of both.
func (s *splitter) array(b []byte, i int, newest time.Time, w *wrapped) int {
	end := valueEnd(b, i)
	if end < 0 || string(s.path) != "MESSAGE" {
		return end
	}
	w.journal = true
	if first := blanksEnd(b, i+1); b[first] == '"' {
		return s.firstString(b, first, end, newest, w)
	}
	start := len(s.buf)
	for j := i + 1; j < end; {
		n, next := numberAt(b, blanksEnd(b, j))
		if next == j || n > 255 || next >= end {
			break
		}
		if isDigit(b[next-1]) {
			s.buf = append(s.buf, byte(n))
		}
		j = blanksEnd(b, next) + 1
	}
	w.message(s.buf[start:len(s.buf):len(s.buf)], 1)
	return end
}

func (s *splitter) firstString(b []byte, i, end int, newest time.Time, w *wrapped) int {
	if close := stringEnd(b, i); close > 0 {
		s.member(b[i+1:close-1], true, newest, w)
	}
	return end
}

// worst is the rank of what has not been found.
const worst = 255

func (w *wrapped) message(text []byte, rank uint8) {
	if rank < w.msgRank {
		w.msg, w.msgRank, w.found = text, rank, true
	}
}

// member takes the value of the member that path names, if it says anything.
// quoted tells a string, still escaped, from a number or a word.
func (s *splitter) member(v []byte, quoted bool, newest time.Time, w *wrapped) {
	role, rank := roleOf(s.path)
	if role == roleNone || !quoted && role != rolePID && role != roleTime {
		w.mark(role, s.path)
		return
	}
	if quoted {
		v = s.unescaped(v)
	}
	w.mark(role, s.path)
	switch role {
	case roleMessage:
		w.message(v, rank)
	case roleHost:
		if rank < w.hostRank && len(v) > 0 {
			w.host, w.hostRank = v, rank
		}
	case roleIdent:
		if rank < w.identRank && len(v) > 0 {
			w.ident, w.identRank = v, rank
		}
	case roleTag:
		w.syslogTag = v
	case rolePID:
		if pid := pidOf(v); rank < w.pidRank && pid > 0 {
			w.pid, w.pidRank = pid, rank
		}
	case roleTime:
		if rank < w.timeRank {
			if ns := s.clock.any(v, newest); ns != 0 {
				w.ns, w.timeRank = ns, rank
			}
		}
	}
}

// mark notes the members that tell who wrote the object.
func (w *wrapped) mark(role role, path []byte) {
	switch {
	case role == roleStream:
		w.container = true
	case len(path) > 2 && path[0] == '_' && (string(path) == "_PID" || string(path[:2]) == "__"):
		w.journal = true
	}
}

// role is what a member of an object says of the line.
type role uint8

const (
	roleNone role = iota
	roleMessage
	roleHost
	roleIdent
	roleTag
	rolePID
	roleTime
	roleStream
)

// roleOf knows the names under which the journal, container runtimes and
// shippers (rsyslog, syslog-ng, Fluent Bit, Vector, Filebeat, Graylog, the
// clouds' agents) store the parts of a line, dots between nested ones.
func roleOf(path []byte) (role, uint8) {
	switch string(path) {
	case "MESSAGE", "message":
		return roleMessage, 1
	case "msg", "SyslogMessage", "textPayload", "jsonPayload.message", "jsonPayload.MESSAGE":
		return roleMessage, 2
	case "log", "line":
		return roleMessage, 3
	case "short_message", "body", "text":
		return roleMessage, 4
	case "event.original", "rawmsg":
		return roleMessage, 5

	case "_HOSTNAME", "hostname", "HOST", "HostName", "log.syslog.hostname", "jsonPayload._HOSTNAME":
		return roleHost, 1
	case "host", "source_host", "Computer":
		return roleHost, 2
	case "host.name", "host.hostname":
		return roleHost, 3
	case "fromhost", "agent.hostname", "beat.hostname":
		return roleHost, 4

	case "SYSLOG_IDENTIFIER", "ident", "appname", "app_name", "app-name", "program", "PROGRAM", "programname",
		"ProcessName", "process.name", "log.syslog.appname", "syslog_identifier", "jsonPayload.SYSLOG_IDENTIFIER":
		return roleIdent, 1
	case "_COMM":
		return roleIdent, 2
	case "syslogtag":
		return roleTag, 1

	case "_PID", "pid", "PID", "procid", "process.pid", "ProcessID", "ProcessId", "log.syslog.procid", "jsonPayload._PID":
		return rolePID, 1
	case "SYSLOG_PID", "syslog_pid", "proc_id":
		return rolePID, 2

	case "_SOURCE_REALTIME_TIMESTAMP": // when sshd wrote it; journalctl shows this one, too
		return roleTime, 1
	case "__REALTIME_TIMESTAMP":
		return roleTime, 2
	case "time", "timestamp", "ISODATE", "EventTime", "timereported":
		return roleTime, 3
	case "@timestamp", "ts", "date", "TimeGenerated":
		return roleTime, 4

	case "stream":
		return roleStream, 1
	}
	return roleNone, 0
}
