package sinks

import (
	"io"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// JSONL writes one JSON object a line for every finding and revision, with the
// names of the Elastic Common Schema. docs/output.md is its contract.
type JSONL struct {
	w      io.Writer         // not owned
	causes *causes.Catalogue // not owned
	lang   causes.Language
	o      object
	name   []byte
	id     []byte
}

// NewJSONL gives a sink that writes to w, whose caller flushes it.
func NewJSONL(w io.Writer, c *causes.Catalogue, lang causes.Language) *JSONL {
	return &JSONL{w: w, causes: c, lang: lang}
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
	o.time("@timestamp", f.End)
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

func (s *JSONL) event(f *sshwhy.Finding, cause *causes.Cause) {
	o := &s.o
	o.open("event")
	s.id = f.AppendID(s.id[:0])
	o.text("id", s.id)
	o.word("kind", "event")
	o.key("category")
	if f.Outcome == sshwhy.OutcomeStartupFailed || cause != nil && cause.Phase == "service" {
		o.buf = append(o.buf, `["process"]`...)
		o.word("action", "sshd-service")
	} else {
		o.buf = append(o.buf, `["authentication"]`...)
		o.word("action", "ssh-login")
	}
	o.word("outcome", ecsOutcome(f.Outcome))
	if cause != nil {
		o.word("code", cause.ID)
		o.word("reason", cause.Reason(s.lang, f.Value))
	}
	o.time("start", f.Start)
	o.time("end", f.End)
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
	o.word("outcome", f.Outcome.String())
	if cause != nil {
		o.word("phase", cause.Phase)
	}
	o.word("confidence", f.Confidence.String())
	s.list("candidates", f.Candidates)
	if len(f.Remarks) > 0 {
		s.list("remarks", f.Remarks)
	}
	o.number("revision", int64(f.Revision))
	if cause != nil {
		s.remedy(cause.Steps(s.lang, f.Value))
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
	o.word("why", f.Why)
	o.close()
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

func (s *JSONL) remedy(steps []causes.Action) {
	o := &s.o
	o.key("remedy")
	o.buf = append(o.buf, '[')
	for i := range steps {
		a := &steps[i]
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
	o.buf = append(o.buf, ']')
}
