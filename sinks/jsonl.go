package sinks

import (
	"io"
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

// JSONL writes one JSON object a line for every finding and revision, with the
// names of the Elastic Common Schema. docs/output.md is its contract.
type JSONL struct {
	w        io.Writer         // not owned
	causes   *causes.Catalogue // not owned
	words    *lang.Words
	advice   advice
	clock    clock
	o        object
	name     []byte
	headings []heading // by CauseID
	rules    [][]byte  // as far as they were asked for
	file     file
}

// NewJSONL gives a sink that writes to w, whose caller flushes it.
func NewJSONL(w io.Writer, c *causes.Catalogue, language causes.Language) *JSONL {
	return &JSONL{w: w, causes: c, words: lang.For(language), advice: newAdvice(c, language), headings: make([]heading, len(c.Causes)+1)}
}

// Deliver implements sshwhy.Sink.
func (s *JSONL) Deliver(f *sshwhy.Finding) error {
	s.o.buf, s.o.comma = append(s.o.buf[:0], '{'), false
	s.advice.begin(f)
	s.append(f)
	s.o.buf = append(s.o.buf, '}', '\n')
	_, err := s.w.Write(s.o.buf)
	return err
}

func (s *JSONL) append(f *sshwhy.Finding) {
	o := &s.o
	cause := s.causes.Cause(f.Cause)
	if f.End != 0 {
		o.buf = append(s.clock.append(append(o.buf, `"@timestamp":`...), f.End), ',')
	}
	s.event(f, cause)
	if f.UserKnown {
		s.name = sshwhy.Unescape(s.name[:0], f.User)
		o.buf = append(appendString(append(o.buf, `,"user":{"name":`...), s.name), '}')
	}
	source(o, f.Address, f.Port)
	if len(f.Host) > 0 {
		o.buf = append(appendString(append(o.buf, `,"host":{"name":`...), f.Host), '}')
	}
	if len(f.Ident) > 0 || f.PID != 0 {
		o.open("process")
		o.text("name", programName(f.Ident))
		o.number("pid", int64(f.PID))
		o.close()
	}
	if f.Source != "" {
		o.buf = append(o.buf, s.file.of(f.Source)...)
	}
	s.verdict(f, cause)
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

func (s *JSONL) event(f *sshwhy.Finding, cause *causes.Cause) {
	o := &s.o
	o.buf = f.AppendID(append(o.buf, `"event":{"id":"`...))
	o.buf = append(o.buf, `","kind":"event","category":`...)
	if f.Outcome == sshwhy.OutcomeStartupFailed || cause != nil && cause.Phase == "service" {
		o.buf = append(o.buf, `["process"],"action":"sshd-service","outcome":"`...)
	} else {
		o.buf = append(o.buf, `["authentication"],"action":"ssh-login","outcome":"`...)
	}
	o.buf = append(append(o.buf, ecsOutcome(f.Outcome)...), '"')
	if cause != nil {
		o.buf = append(append(append(o.buf, `,"code":"`...), cause.ID...), `","reason":`...)
		o.buf = s.reason(o.buf, f)
	}
	if f.Start != 0 {
		o.buf = s.clock.append(append(o.buf, `,"start":`...), f.Start)
	}
	if f.End != 0 {
		o.buf = s.clock.append(append(o.buf, `,"end":`...), f.End)
	}
	o.close()
}

// ecsOutcome gives the word that the Elastic Common Schema has for an outcome.
func ecsOutcome(out sshwhy.Outcome) string {
	switch out {
	case sshwhy.OutcomeAccepted:
		return "success"
	case sshwhy.OutcomeNone:
		return "unknown"
	}
	return "failure"
}

func (s *JSONL) verdict(f *sshwhy.Finding, cause *causes.Cause) {
	o := &s.o
	o.buf = append(append(o.buf, `,"sshwhy":{`...), s.heading(f, cause)...)
	if len(f.Remarks) > 0 {
		s.list("remarks", f.Remarks)
	}
	o.number("revision", int64(f.Revision))
	if cause != nil {
		o.buf = s.remedy(append(o.buf, `,"remedy":`...), f)
	}
	o.buf = append(o.buf, `,"evidence":[`...)
	for i := range f.Evidence {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = appendString(o.buf, f.Evidence[i].Text)
	}
	o.buf = append(o.buf, ']')
	o.number("evidence_dropped", int64(f.Dropped))
	o.text("method", f.Method)
	if len(f.KeyType) > 0 || len(f.Fingerprint) > 0 {
		o.open("key")
		o.text("type", f.KeyType)
		o.text("fingerprint", f.Fingerprint)
		o.close()
	}
	if len(f.Values) > 0 {
		o.open("values")
		for _, v := range f.Values {
			o.word(v.Field.String(), v.Text)
		}
		o.close()
	}
	o.buf = append(o.buf, s.rule(f.Why.Rule)...)
	o.close()
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

// heading is what the verdicts on a cause have in common as JSON. The last one
// of each cause is kept: most connections that fail for a cause leave the same
// candidates.
type heading struct {
	verdict    sshwhy.Verdict
	candidates []sshwhy.CauseID
	json       []byte
}

// heading gives the first members of a verdict.
func (s *JSONL) heading(f *sshwhy.Finding, cause *causes.Cause) []byte {
	h := &s.headings[f.Cause]
	now := sshwhy.Verdict{Outcome: f.Outcome, Cause: f.Cause, Confidence: f.Confidence}
	if h.json != nil && h.verdict == now && slices.Equal(h.candidates, f.Candidates) {
		return h.json
	}
	kept := s.o
	s.o = object{buf: h.json[:0]}
	s.o.word("outcome", f.Outcome.String())
	if cause != nil {
		s.o.word("phase", cause.Phase)
	}
	s.o.word("confidence", f.Confidence.String())
	s.list("candidates", f.Candidates)
	h.verdict, h.candidates, h.json = now, append(h.candidates[:0], f.Candidates...), s.o.buf
	s.o = kept
	return h.json
}

func (s *JSONL) list(name string, ids []sshwhy.CauseID) {
	o := &s.o
	o.key(name)
	o.buf = append(o.buf, '[')
	for i, id := range ids {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = appendString(o.buf, s.causes.ID(id))
	}
	o.buf = append(o.buf, ']')
}

// reason appends the sentence that says why. Of a login that succeeded and
// whose session just ended, the catalogue's would say that it had not.
func (s *JSONL) reason(dst []byte, f *sshwhy.Finding) []byte {
	if vanished(f) {
		return appendString(dst, s.words.Accepted+"; "+s.words.Vanished)
	}
	return s.advice.reason(dst)
}

// remedy appends the steps as a JSON array.
func (s *JSONL) remedy(dst []byte, f *sshwhy.Finding) []byte {
	if vanished(f) {
		return append(dst, "[]"...) // nothing is to be mended
	}
	return s.advice.remedy(dst)
}
