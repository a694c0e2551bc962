package sinks

import (
	"bytes"
	"io"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

// JSONL writes one JSON object a line for every finding and revision, with the
// names of the Elastic Common Schema. docs/output.md is its contract.
type JSONL struct {
	// Locator says where addresses are; nil for objects without geography.
	// Not owned. Set before the first finding.
	Locator sshwhy.Locator

	w          io.Writer         // not owned
	space      spacious          // the same, nil where it has no space to give
	causes     *causes.Catalogue // not owned
	words      *lang.Words
	advice     advice
	start, end clock
	line       []byte // memory for one, as long as the longest before
	name       []byte
	frames     []frames // by CauseID
	programs   programs
	file       file
}

// spacious is a writer that gives away the space it has left, to be filled and
// handed to its Write: what stands there already it need not copy.
type spacious interface{ AvailableBuffer() []byte }

// NewJSONL gives a sink that writes to w, whose caller flushes it.
func NewJSONL(w io.Writer, c *causes.Catalogue, language causes.Language) *JSONL {
	space, _ := w.(spacious)
	return &JSONL{w: w, space: space, causes: c, words: lang.For(language), advice: newAdvice(c, language), start: newClock(), end: newClock(), frames: make([]frames, len(c.Causes)+1)}
}

// Deliver implements sshwhy.Sink.
func (s *JSONL) Deliver(f *sshwhy.Finding) error {
	dst := s.room()
	line := append(s.append(dst, f), '\n')
	if cap(line) > cap(dst) {
		s.line = line[:0] // it has outgrown what there was
	}
	_, err := s.w.Write(line)
	return err
}

// room gives where to write a line: where it is to go in the end, if there is
// space for as long a one as there has been.
func (s *JSONL) room() []byte {
	if s.space != nil {
		if room := s.space.AvailableBuffer(); cap(room) >= cap(s.line) {
			return room
		}
	}
	return s.line
}

// append appends the object of a finding.
func (s *JSONL) append(dst []byte, f *sshwhy.Finding) []byte {
	s.advice.begin(f)
	around := s.frame(f)
	dst = s.event(dst, f, around)
	dst = s.parties(dst, f)
	return s.verdict(dst, f, around)
}

// event appends what goes in front of the parties: when it was, and what.
func (s *JSONL) event(dst []byte, f *sshwhy.Finding, around *frame) []byte {
	if f.End != 0 {
		dst = append(s.end.append(append(dst, `{"@timestamp":`...), f.End), ',')
	} else {
		dst = append(dst, '{')
	}
	dst = f.AppendID(append(dst, `"event":{"id":"`...))
	dst = s.advice.fill(dst, around.event)
	if f.Start != 0 {
		start := &s.start
		if f.Start == f.End {
			start = &s.end // which stands there already
		}
		dst = start.append(append(dst, `,"start":`...), f.Start)
	}
	if f.End != 0 {
		dst = s.end.append(append(dst, `,"end":`...), f.End)
	}
	return append(dst, '}')
}

// parties appends who and what took part: user, client, host, process, file.
func (s *JSONL) parties(dst []byte, f *sshwhy.Finding) []byte {
	if f.UserKnown {
		dst = append(append(dst, `,"user":`...), `{"name":"`...) // in two, each short enough to need no call
		dst = append(s.user(dst, f.User), `"}`...)
	}
	if len(f.Address) > 0 || f.Port > 0 {
		var at *sshwhy.Location
		if s.Locator != nil {
			at = s.Locator.Locate(f.Address)
		}
		dst = appendSource(append(dst, `,"source":`...), f.Address, s.advice.numeric, f.Port, at)
	}
	if p := s.programs.of(f.Host, f.Ident); f.PID != 0 {
		dst = append(appendNumber(p.numbered.append(dst), int(f.PID)), '}')
	} else {
		dst = p.unnumbered.append(dst)
	}
	if f.Source != "" {
		dst = s.file.of(f.Source).append(dst)
	}
	return dst
}

// user appends the name that a client asked for, without quotes.
func (s *JSONL) user(dst, name []byte) []byte {
	if own := s.advice.user; len(own) > 0 {
		return appendShort(dst, own)
	}
	s.name = sshwhy.Unescape(s.name[:0], name)
	return appendEscaped(dst, s.name)
}

// programs are some of those that wrote the lines of findings: most findings
// are of a host and a program that had some before.
type programs [16]program

// program is a program on a host, as JSON.
type program struct {
	host, ident []byte
	// numbered goes up to where the number of the process is due, unnumbered
	// is for findings without one.
	numbered, unnumbered snippet
}

// of gives a program that findings carry. Hosts are mostly told apart by the
// end of their names, programs by the length of theirs.
func (l *programs) of(host, ident []byte) *program {
	place := len(ident)
	if n := len(host); n > 0 {
		place += int(host[n-1])
	}
	p := &l[place%len(l)]
	if !bytes.Equal(p.host, host) || !bytes.Equal(p.ident, ident) || p.numbered.text == nil {
		p.set(host, ident)
	}
	return p
}

func (p *program) set(host, ident []byte) {
	p.host, p.ident = append(p.host[:0], host...), append(p.ident[:0], ident...)
	unnumbered := p.unnumbered.text[:0]
	if len(host) > 0 {
		unnumbered = append(appendString(append(unnumbered, `,"host":{"name":`...), host), '}')
	}
	numbered := append(append(p.numbered.text[:0], unnumbered...), `,"process":{`...)
	if name := programName(ident); len(name) > 0 {
		numbered = append(appendString(append(numbered, `"name":`...), name), ',')
	}
	if len(ident) > 0 {
		unnumbered = closeObject(append(unnumbered, numbered[len(unnumbered):]...))
	}
	p.unnumbered.set(unnumbered)
	p.numbered.set(append(numbered, `"pid":`...))
}

// file is the member that names the file of the finding before, as JSON: most
// have the same.
type file struct {
	source string
	json   snippet
}

func (l *file) of(source string) *snippet {
	if l.json.text == nil || l.source != source {
		l.source = source
		l.json.set(append(appendString(append(l.json.text[:0], `,"log":{"file":{"path":`...), source), "}}"...))
	}
	return &l.json
}

// verdict appends the rest of the object.
func (s *JSONL) verdict(dst []byte, f *sshwhy.Finding, around *frame) []byte {
	switch f.Revision {
	case 0:
		dst = s.advice.fill(append(dst, around.verdict[:len(around.verdict)-len(revision)]...), around.remedy)
	case 1:
		dst = s.advice.fill(dst, around.first)
	default:
		dst = s.advice.fill(appendNumber(append(dst, around.verdict...), f.Revision), around.remedy)
	}
	if len(f.Evidence) > 0 {
		dst = appendLines(dst, f.Evidence)
	}
	dst = append(dst, ']')
	if f.Dropped != 0 {
		dst = appendNumber(append(dst, `,"evidence_dropped":`...), f.Dropped)
	}
	if len(f.Method) > 0 {
		dst = appendString(append(dst, `,"method":`...), f.Method)
	}
	if len(f.KeyType) > 0 || len(f.Fingerprint) > 0 {
		dst = appendKey(dst, f)
	}
	if len(f.Values) > 0 {
		dst = appendValues(dst, f.Values)
	}
	return around.rule.append(dst)
}

// appendLines appends lines as JSON strings with commas between them. As a rule
// no byte of any needs to be escaped: so they are put in place with room for
// what goes between them, and looked at all at once.
func appendLines(dst []byte, lines []sshwhy.Evidence) []byte {
	dst = append(dst, '"')
	start := len(dst)
	for i := range lines {
		if i > 0 {
			dst = append(dst, "   "...)
		}
		dst = append(dst, lines[i].Text...)
	}
	if !isPlain(dst[start:]) {
		return appendEscapedLines(dst[:start-1], lines)
	}
	end := start
	for i := range lines[1:] {
		end += len(lines[i].Text) + len(`","`)
		copy(dst[end-len(`","`):end], `","`)
	}
	return append(dst, '"')
}

func appendEscapedLines(dst []byte, lines []sshwhy.Evidence) []byte {
	for i := range lines {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, lines[i].Text)
	}
	return dst
}

// appendKey appends the key that was offered or accepted.
func appendKey(dst []byte, f *sshwhy.Finding) []byte {
	dst = append(dst, `,"key":{`...)
	if len(f.KeyType) > 0 {
		dst = append(appendString(append(dst, `"type":`...), f.KeyType), ',')
	}
	if len(f.Fingerprint) > 0 {
		dst = append(appendString(append(dst, `"fingerprint":`...), f.Fingerprint), ',')
	}
	return closeObject(dst)
}

func appendValues(dst []byte, values []sshwhy.Value) []byte {
	dst = append(dst, `,"values":{`...)
	for i := range values {
		if v := &values[i]; v.Text != "" {
			dst = append(append(append(dst, '"'), v.Field.String()...), '"', ':')
			dst = append(appendString(dst, v.Text), ',')
		}
	}
	return closeObject(dst)
}

func (s *JSONL) ids(dst []byte, ids []sshwhy.CauseID) []byte {
	dst = append(dst, '[')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s.causes.ID(id))
	}
	return append(dst, ']')
}
