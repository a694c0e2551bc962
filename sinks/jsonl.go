package sinks

import (
	"io"
	"strconv"

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

	w      io.Writer         // not owned
	causes *causes.Catalogue // not owned
	words  *lang.Words
	advice advice
	clock  clock
	line   []byte // the last one
	end    []byte // the time of the finding's last line, as JSON
	name   []byte
	frames [][]*frame // by CauseID, those used most in front
	rules  [][]byte   // as far as they were asked for
	file   file
}

// NewJSONL gives a sink that writes to w, whose caller flushes it.
func NewJSONL(w io.Writer, c *causes.Catalogue, language causes.Language) *JSONL {
	return &JSONL{w: w, causes: c, words: lang.For(language), advice: newAdvice(c, language), frames: make([][]*frame, len(c.Causes)+1)}
}

// Deliver implements sshwhy.Sink.
func (s *JSONL) Deliver(f *sshwhy.Finding) error {
	s.line = append(s.append(s.line[:0], f), '\n')
	_, err := s.w.Write(s.line)
	return err
}

// append appends the object of a finding.
func (s *JSONL) append(dst []byte, f *sshwhy.Finding) []byte {
	s.advice.begin(f)
	around := s.frame(f)
	dst = append(dst, '{')
	if f.End != 0 {
		s.end = s.clock.append(s.end[:0], f.End)
		dst = append(append(append(dst, `"@timestamp":`...), s.end...), ',')
	}
	dst = s.event(dst, f, around)
	dst = s.parties(dst, f)
	dst = s.verdict(dst, f, around)
	return append(dst, '}')
}

func (s *JSONL) event(dst []byte, f *sshwhy.Finding, around *frame) []byte {
	dst = f.AppendID(append(dst, `"event":{"id":"`...))
	dst = append(dst, around.event...)
	if around.advises {
		dst = s.advice.reason(dst)
	}
	if f.Start != 0 {
		dst = s.clock.append(append(dst, `,"start":`...), f.Start)
	}
	if f.End != 0 {
		dst = append(append(dst, `,"end":`...), s.end...)
	}
	return append(dst, '}')
}

// parties appends who and what took part: user, client, host, process, file.
func (s *JSONL) parties(dst []byte, f *sshwhy.Finding) []byte {
	if f.UserKnown {
		s.name = sshwhy.Unescape(s.name[:0], f.User)
		dst = append(appendString(append(dst, `,"user":{"name":`...), s.name), '}')
	}
	if len(f.Address) > 0 || f.Port > 0 {
		var at *sshwhy.Location
		if s.Locator != nil {
			at = s.Locator.Locate(f.Address)
		}
		dst = appendSource(append(dst, `,"source":`...), f.Address, f.Port, at)
	}
	if len(f.Host) > 0 {
		dst = append(appendString(append(dst, `,"host":{"name":`...), f.Host), '}')
	}
	if len(f.Ident) > 0 || f.PID != 0 {
		dst = append(dst, `,"process":{`...)
		if name := programName(f.Ident); len(name) > 0 {
			dst = append(appendString(append(dst, `"name":`...), name), ',')
		}
		if f.PID != 0 {
			dst = append(strconv.AppendInt(append(dst, `"pid":`...), int64(f.PID), 10), ',')
		}
		dst = closeObject(dst)
	}
	if f.Source != "" {
		dst = append(dst, s.file.of(f.Source)...)
	}
	return dst
}

// file is the member that names the file of the finding before, as JSON: most
// have the same.
type file struct {
	source string
	json   []byte
}

func (l *file) of(source string) []byte {
	if l.json == nil || l.source != source {
		l.source = source
		l.json = append(appendString(append(l.json[:0], `,"log":{"file":{"path":`...), source), "}}"...)
	}
	return l.json
}

func (s *JSONL) verdict(dst []byte, f *sshwhy.Finding, around *frame) []byte {
	dst = append(dst, around.verdict...)
	if len(f.Remarks) > 0 {
		dst = s.ids(append(dst, `,"remarks":`...), f.Remarks)
	}
	if f.Revision != 0 {
		dst = strconv.AppendInt(append(dst, `,"revision":`...), int64(f.Revision), 10)
	}
	if dst = append(dst, around.remedy...); around.advises {
		dst = s.advice.remedy(dst)
	}
	dst = append(dst, `,"evidence":[`...)
	for i := range f.Evidence {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, f.Evidence[i].Text)
	}
	dst = append(dst, ']')
	if f.Dropped != 0 {
		dst = strconv.AppendInt(append(dst, `,"evidence_dropped":`...), int64(f.Dropped), 10)
	}
	if len(f.Method) > 0 {
		dst = appendString(append(dst, `,"method":`...), f.Method)
	}
	dst = appendKey(dst, f)
	dst = appendValues(dst, f.Values)
	return append(append(dst, s.rule(f.Why.Rule)...), '}')
}

func appendKey(dst []byte, f *sshwhy.Finding) []byte {
	if len(f.KeyType) == 0 && len(f.Fingerprint) == 0 {
		return dst
	}
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
	if len(values) == 0 {
		return dst
	}
	dst = append(dst, `,"values":{`...)
	for i := range values {
		if v := &values[i]; v.Text != "" {
			dst = append(append(append(dst, '"'), v.Field.String()...), '"', ':')
			dst = append(appendString(dst, v.Text), ',')
		}
	}
	return closeObject(dst)
}

// rule gives the member that says which rule decided, as JSON; nothing for a
// rule without words.
func (s *JSONL) rule(r sshwhy.Rule) []byte {
	for int(r) >= len(s.rules) {
		var json []byte
		if text := s.words.Rule(sshwhy.Rule(len(s.rules))); text != "" {
			json = appendString([]byte(`,"why":`), text)
		}
		s.rules = append(s.rules, json)
	}
	return s.rules[r]
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
