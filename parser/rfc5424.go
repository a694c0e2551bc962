package parser

import (
	"bytes"
	"time"

	"github.com/sshwhy/sshwhy"
)

// rfc5424 reads "1 TIME HOST APP PROCID MSGID DATA message"; the priority in
// front is gone. "-" stands for what the writer did not know.
func (s *splitter) rfc5424(b []byte, newest time.Time, h *sshwhy.Header) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(b, []byte("1 "))
	if !ok {
		return nil, false
	}
	at, rest := nextWord(rest)
	var ns int64
	if string(at) != "-" {
		st, n := s.clock.stampAt(at, newest)
		if n != len(at) || st.form != formISO8601 {
			return nil, false
		}
		ns = st.ns
	}
	host, rest := nextWord(rest)
	app, rest := nextWord(rest)
	procID, rest := nextWord(rest)
	msgID, rest := nextWord(rest)
	if len(host) == 0 || len(app) == 0 || len(procID) == 0 || len(msgID) == 0 {
		return nil, false
	}
	h.Time, h.Host, h.Ident, h.PID = ns, notNil(host), notNil(app), pidOf(procID)
	if len(h.Ident) > 0 && h.Ident[len(h.Ident)-1] == ')' {
		s.cutModule(h)
	}
	rest = withoutBlanks(rest[structuredData(rest):])
	return withoutBlanks(bytes.TrimPrefix(rest, []byte("\xef\xbb\xbf"))), true
}

// structuredData gives the length of RFC 5424's "[id name="value"]…" or "-".
// Brackets in quotes, and quotes behind a backslash, end nothing.
func structuredData(b []byte) int {
	if len(b) > 0 && b[0] == '-' && endsAt(b, 1) {
		return 1
	}
	i := 0
	for i < len(b) && b[i] == '[' {
		end := elementEnd(b, i)
		if end < 0 {
			return 0
		}
		i = end
	}
	if !endsAt(b, i) {
		return 0
	}
	return i
}

func elementEnd(b []byte, i int) int {
	quoted := false
	for ; i < len(b); i++ {
		switch b[i] {
		case '\\':
			if quoted {
				i++
			}
		case '"':
			quoted = !quoted
		case ']':
			if !quoted {
				return i + 1
			}
		}
	}
	return -1
}

// nextWord takes the first word and one blank off b.
func nextWord(b []byte) (word, rest []byte) {
	i := bytes.IndexByte(b, ' ')
	if i < 0 {
		return b, nil
	}
	return b[:i], b[i+1:]
}

func notNil(word []byte) []byte {
	if string(word) == "-" {
		return nil
	}
	return word
}

// pidOf gives a pid that is a number, else 0.
func pidOf(b []byte) int32 {
	n, i := numberAt(b, 0)
	if i == 0 || i != len(b) || n > 1<<31-1 {
		return 0
	}
	return int32(n)
}
