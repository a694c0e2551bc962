// Package parser turns a record into an event: it takes the header off
// (header.go), finds the message among the patterns of the catalogue
// (match.go), and gives the parts of it that mean something (fields.go).
//
// What it says of a line depends on that line alone, the year of a time
// without one apart. It allocates nothing for a line.
package parser

import (
	"bytes"
	"fmt"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// Parser recognises the lines of one source after another. It is for one
// goroutine; Clone gives another one that shares the tables.
type Parser struct {
	options  Options
	splitter *splitter
	sshd     *recogniser // what sshd and the PAM modules inside it write
	system   *recogniser // what systemd and the log daemons write about it
	levels   []sshwhy.Level
}

// New makes a parser of the catalogue, which must not change afterwards.
func New(c *patterns.Catalogue, o Options) (*Parser, error) {
	sshd, err := newMatcher(c, func(e *patterns.Entry) bool { return e.Group == "sshd" || e.Group == "pam" })
	if err != nil {
		return nil, fmt.Errorf("making the parser: %w", err)
	}
	system, err := newMatcher(c, func(e *patterns.Entry) bool { return e.Group == "systemd" })
	if err != nil {
		return nil, fmt.Errorf("making the parser: %w", err)
	}
	return &Parser{options: o, splitter: newSplitter(o), sshd: newRecogniser(sshd), system: newRecogniser(system), levels: unmarkedLevels(c)}, nil
}

// Clone gives a parser for another goroutine or source.
func (p *Parser) Clone() *Parser {
	return &Parser{
		options: p.options, splitter: newSplitter(p.options), levels: p.levels,
		sshd: newRecogniser(p.sshd.matcher), system: newRecogniser(p.system.matcher),
	}
}

// Parse fills ev from r. Both, and what they hand out, are valid until the
// next call.
func (p *Parser) Parse(r *sshwhy.Record, ev *sshwhy.Event) {
	if r.Header == nil {
		if text, numbered, by := p.splitter.usual(r.Text, &r.Newest, &ev.Header); text != nil {
			if by == programOther {
				ev.Begin(r, nil, string(formOf(numbered)))
				return
			}
			ev.Begin(r, text, string(formOf(numbered)))
			p.message(ev, by)
			return
		}
	}
	p.unusual(r, ev)
}

// unusual is Parse of a record whose header is not the usual one.
func (p *Parser) unusual(r *sshwhy.Record, ev *sshwhy.Event) {
	ev.Reset(r)
	if r.Tick {
		return
	}
	text, by := r.Text, programUnknown
	if r.Header != nil {
		ev.Header = *r.Header
		by = programOf(ev.Ident)
	} else {
		var f form
		text, f, by, _ = p.splitter.unusual(r.Text, r.Newest, &ev.Header)
		ev.Form, ev.Borrowed = string(f), len(p.splitter.buf) > 0
		if len(ev.Host) == 0 {
			ev.Host = r.Host
		}
	}
	if by != programOther {
		ev.Message = text
		p.message(ev, by)
	}
}

// message recognises what stands after the header, which is ev.Message.
func (p *Parser) message(ev *sshwhy.Event, by program) {
	text := ev.Message
	if len(text) == 0 || by == programSystem || openings[text[0]]&marked != 0 {
		var ok bool
		if text, ok = p.unmarked(ev, text, by); !ok {
			return
		}
		ev.Message = text
	}
	if last := len(text) - 1; last >= 0 && text[last] == ']' {
		ev.Message, ev.Stage = cutStage(text)
	}
	if p.sshd.match(ev) || p.odd(ev, text) {
		ev.Line = sshwhy.LineParsed
		if ev.Level == sshwhy.LevelNone {
			ev.Level = p.levels[ev.Pattern]
		}
	} else if by == programSSHD {
		ev.Line = sshwhy.LineUnparsed
	}
}

// unmarked gives a message of sshd's without what daemons that fold lines, and
// sshd itself, put in front. Other messages it recognises, and then ok is false.
func (p *Parser) unmarked(ev *sshwhy.Event, text []byte, by program) (rest []byte, ok bool) {
	inner, n := repeated(text)
	ev.Repeat = n
	if inner == nil {
		// The message was that of the line before.
		inner, by = text, programSystem
	}
	switch {
	case len(inner) == 0:
		ev.Message = nil
		return nil, false
	case by != programSystem:
		inner, ev.Level = cutLevel(inner)
		return inner, true
	}
	if p.recognise(ev, p.system, inner) {
		ev.Line = sshwhy.LineParsed
	}
	return nil, false
}

// odd recognises a message that is none of the catalogue's as it is, ev.Message
// being what is left of text without the stage.
func (p *Parser) odd(ev *sshwhy.Event, text []byte) bool {
	if p.oddAtEnd(ev, text) {
		return true
	}
	rest := cutPlace(text)
	if len(rest) == len(text) {
		return false
	}
	ev.Message, ev.Stage = cutStage(rest)
	return p.sshd.match(ev) || p.oddAtEnd(ev, rest)
}

// oddAtEnd is odd of a message with nothing in front of it. Where it makes no
// sense without the stage, that is what a client said.
func (p *Parser) oddAtEnd(ev *sshwhy.Event, text []byte) bool {
	if matchTrimmed(ev, p.sshd) {
		return true
	}
	if ev.Stage == sshwhy.StageNone {
		return false
	}
	ev.Message, ev.Stage = text, sshwhy.StageNone
	return p.sshd.match(ev) || matchTrimmed(ev, p.sshd)
}

// recognise finds the pattern of a text that bears neither a level nor a stage.
func (p *Parser) recognise(ev *sshwhy.Event, m *recogniser, text []byte) bool {
	ev.Message = text
	return m.match(ev) || matchTrimmed(ev, m)
}

// matchTrimmed recognises a message without the blanks at its end: some daemons
// add one, and some messages end in one.
func matchTrimmed(ev *sshwhy.Event, m *recogniser) bool {
	text := ev.Message
	ev.Message = bytes.TrimRight(text, " ")
	if len(ev.Message) < len(text) && len(ev.Message) > 0 && m.match(ev) {
		return true
	}
	ev.Message = text
	return false
}

// unmarkedLevels gives, by pattern, the level of a message that bears none:
// sshd marks errors and debugging, so it is info or verbose.
func unmarkedLevels(c *patterns.Catalogue) []sshwhy.Level {
	levels := make([]sshwhy.Level, len(c.Entries)+1)
	for i := range c.Entries {
		for _, l := range c.Entries[i].Levels {
			if l == sshwhy.LevelInfo || l == sshwhy.LevelVerbose {
				levels[i+1] = l
				break
			}
		}
	}
	return levels
}

// program tells whose messages to expect behind a header.
type program uint8

const (
	programUnknown program = iota // no header: a bare message, of anyone
	programSSHD
	programSystem
	programOther
)

// programOf knows the names under which sshd and its parts write (log_init's
// first argument in sshd.c, sshd-session.c, sshd-auth.c, sftp-server.c), with
// a path or a module in brackets around them, and the daemons whose lines
// about sshd and about lost lines matter.
func programOf(ident []byte) program {
	switch string(ident) {
	case "sshd", "sshd-session":
		return programSSHD
	}
	if i := bytes.LastIndexByte(ident, '/'); i >= 0 {
		ident = ident[i+1:]
	}
	if i := bytes.IndexByte(ident, '('); i > 0 {
		ident = ident[:i]
	}
	switch string(ident) {
	case "sshd", "sshd-session", "sshd-auth", "internal-sftp", "sftp-server", "openssh", "OpenSSH":
		return programSSHD
	case "":
		return programUnknown
	case "systemd", "systemd-logind", "systemd-journald", "systemd-journal", "rsyslogd", "rsyslogd-pstats", "syslog-ng", "syslogd", "kernel":
		return programSystem
	}
	return programOther
}

// cutStage takes the end off that tells which process of sshd wrote the line.
func cutStage(text []byte) ([]byte, sshwhy.Stage) {
	const pre, post = " [preauth]", " [postauth]"
	if n := len(text) - len(pre); n >= 0 && string(text[n:]) == pre {
		return text[:n], sshwhy.StagePreauth
	}
	if n := len(text) - len(post); n >= 0 && string(text[n:]) == post {
		return text[:n], sshwhy.StagePostauth
	}
	return text, sshwhy.StageNone
}

// cutLevel takes the level off that log.c do_log writes in front of errors and
// debugging messages.
func cutLevel(text []byte) ([]byte, sshwhy.Level) {
	const mark = len("error: ") // of "fatal: " as well
	if len(text) < mark {
		return text, sshwhy.LevelNone
	}
	switch string(text[:mark]) {
	case "error: ":
		return text[mark:], sshwhy.LevelError
	case "fatal: ":
		return text[mark:], sshwhy.LevelFatal
	}
	if len(text) > 8 && string(text[:5]) == "debug" && text[5] >= '1' && text[5] <= '3' && string(text[6:8]) == ": " {
		return text[8:], sshwhy.LevelDebug1 + sshwhy.Level(text[5]-'1')
	}
	return text, sshwhy.LevelNone
}

// cutPlace takes off what LogVerbose puts in front of a message since 8.5
// (log.c sshlogv): file.c:function():line (pid=N): , with bin=NAME in 10.x.
func cutPlace(text []byte) []byte {
	colon := bytes.IndexByte(text[:min(len(text), 48)], ':')
	if colon < 3 || string(text[colon-2:colon]) != ".c" {
		return text
	}
	call := bytes.Index(text[:min(len(text), 128)], []byte("():"))
	if call < 0 {
		return text
	}
	line := run(digit, text[call+3:])
	if line < 0 {
		return text
	}
	rest, ok := bytes.CutPrefix(text[call+3+line:], []byte(" ("))
	if !ok {
		return text
	}
	end := bytes.Index(rest[:min(len(rest), 64)], []byte("): "))
	if end < 0 || !bytes.Contains(rest[:end], []byte("pid=")) {
		return text
	}
	return rest[end+3:]
}
