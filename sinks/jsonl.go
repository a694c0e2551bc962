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
}

// NewJSONL gives a sink that writes to w, whose caller flushes it.
func NewJSONL(w io.Writer, c *causes.Catalogue, language causes.Language) *JSONL {
	return &JSONL{w: w, causes: c, words: lang.For(language), advice: newAdvice(c, language), headings: make([]heading, len(c.Causes)+1)}
}

// Deliver implements sshwhy.Sink.
func (s *JSONL) Deliver(f *sshwhy.Finding) error {
	s.o.buf, s.o.comma = append(s.o.buf[:0], '{'), false
	s.append(f)
	s.o.buf = append(s.o.buf, '}', '\n')
	_, err := s.w.Write(s.o.buf)
	return err
}

func (s *JSONL) append(f *sshwhy.Finding) {
	o := &s.o
	cause := s.causes.Cause(f.Cause)
	s.time("@timestamp", f.End)
	s.event(f, cause)
	if f.UserKnown {
		s.name = sshwhy.Unescape(s.name[:0], f.User)
		o.open("user")
		o.key("name")
		o.buf = appendString(o.buf, s.name)
		o.close()
	}
	source(o, f.Address, f.Port)
	if len(f.Host) > 0 {
		o.open("host")
		o.text("name", f.Host)
		o.close()
	}
	if len(f.Ident) > 0 || f.PID != 0 {
		o.open("process")
		o.text("name", programName(f.Ident))
		o.number("pid", int64(f.PID))
		o.close()
	}
	if f.Source != "" {
		o.open("log")
		o.open("file")
		o.word("path", f.Source)
		o.close()
		o.close()
	}
	s.verdict(f, cause)
}

// time writes a time; many of a second follow each other.
func (s *JSONL) time(name string, nanoseconds int64) {
	if nanoseconds != 0 {
		s.o.key(name)
		s.o.buf = s.clock.append(s.o.buf, nanoseconds)
	}
}

func (s *JSONL) event(f *sshwhy.Finding, cause *causes.Cause) {
	o := &s.o
	o.key("event")
	o.buf = append(o.buf, `{"id":"`...)
	o.buf = f.AppendID(o.buf)
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
	s.time("start", f.Start)
	s.time("end", f.End)
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
	o.open("sshwhy")
	o.buf = append(o.buf, s.heading(f, cause)...)
	o.comma = true
	if len(f.Remarks) > 0 {
		s.list("remarks", f.Remarks)
	}
	o.number("revision", int64(f.Revision))
	if cause != nil {
		o.buf = append(append(o.buf, `,"remedy":`...), s.remedy(f, cause)...)
	}
	o.key("evidence")
	o.buf = append(o.buf, '[')
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
	o.word("why", s.words.Rule(f.Why.Rule))
	o.close()
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
	return s.advice.reason(dst, f)
}

// remedy gives the steps as a JSON array.
func (s *JSONL) remedy(f *sshwhy.Finding, cause *causes.Cause) []byte {
	if vanished(f) {
		return []byte("[]") // nothing is to be mended
	}
	return s.advice.remedy(f, func() []byte {
		o := object{buf: []byte{'['}}
		for i, a := range cause.Steps(s.words.Language, f.Value) {
			if i > 0 {
				o.buf = append(o.buf, ',')
			}
			o.buf = append(o.buf, '{')
			o.comma = false
			o.word("where", a.Where)
			o.word("do", a.Do)
			o.word("run", a.Run)
			o.word("warning", a.Warning)
			o.close()
		}
		return append(o.buf, ']')
	})
}
