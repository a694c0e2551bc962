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
	ev.Reset(r)
	if r.Tick {
		return
	}
	if r.Header != nil {
		ev.Header = *r.Header
		p.message(ev, r.Text, programOf(ev.Ident))
		return
	}
	text, f, by, _ := p.splitter.split(r.Text, r.Newest, &ev.Header)
	ev.Form, ev.Borrowed = f.String(), len(p.splitter.buf) > 0
	if len(ev.Host) == 0 {
		ev.Host = r.Host
	}
	p.message(ev, text, by)
}

// message recognises what stands after the header.
func (p *Parser) message(ev *sshwhy.Event, text []byte, program program) {
	if program == programOther {
		return
	}
	if inner, n := repeated(text); inner != nil {
		text, ev.Repeat = inner, n
	} else {
		// The message was that of the line before.
		ev.Repeat, program = n, programSystem
	}
	if len(text) == 0 {
		return
	}
	if program == programSystem {
		p.recognise(ev, p.system, text)
		return
	}
	text, ev.Level = cutLevel(text)
	known := p.staged(ev, text)
	if !known {
		if rest := cutPlace(text); len(rest) < len(text) {
			known = p.staged(ev, rest)
		}
	}
	if known {
		if ev.Level == sshwhy.LevelNone {
			ev.Level = p.levels[ev.Pattern]
		}
	} else if program == programSSHD {
		ev.Line = sshwhy.LineUnparsed
	}
}

// staged recognises a message that may end in the stage. Where it makes no
// sense without that end, the end is what a client said.
func (p *Parser) staged(ev *sshwhy.Event, text []byte) bool {
	rest, stage := cutStage(text)
	if ev.Stage = stage; p.recognise(ev, p.sshd, rest) {
		return true
	}
	ev.Stage = sshwhy.StageNone
	return stage != sshwhy.StageNone && p.recognise(ev, p.sshd, text)
}

func (p *Parser) recognise(ev *sshwhy.Event, m *recogniser, text []byte) bool {
	if ev.Message = text; !m.match(ev) {
		// Some daemons add a blank, and some messages end in one.
		if ev.Message = bytes.TrimRight(text, " "); len(ev.Message) == len(text) || len(ev.Message) == 0 || !m.match(ev) {
			ev.Message = text
			return false
		}
	}
	ev.Line = sshwhy.LineParsed
	return true
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
	if len(text) == 0 || text[len(text)-1] != ']' {
		return text, sshwhy.StageNone
	}
	if rest, ok := bytes.CutSuffix(text, []byte(" [preauth]")); ok {
		return rest, sshwhy.StagePreauth
	}
	if rest, ok := bytes.CutSuffix(text, []byte(" [postauth]")); ok {
		return rest, sshwhy.StagePostauth
	}
	return text, sshwhy.StageNone
}

// cutLevel takes the level off that log.c do_log writes in front of errors and
// debugging messages.
func cutLevel(text []byte) ([]byte, sshwhy.Level) {
	if len(text) == 0 {
		return text, sshwhy.LevelNone
	}
	switch text[0] {
	case 'e':
		if rest, ok := bytes.CutPrefix(text, []byte("error: ")); ok {
			return rest, sshwhy.LevelError
		}
	case 'f':
		if rest, ok := bytes.CutPrefix(text, []byte("fatal: ")); ok {
			return rest, sshwhy.LevelFatal
		}
	case 'd':
		if len(text) > 8 && string(text[:5]) == "debug" && text[5] >= '1' && text[5] <= '3' && string(text[6:8]) == ": " {
			return text[8:], sshwhy.LevelDebug1 + sshwhy.Level(text[5]-'1')
		}
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
