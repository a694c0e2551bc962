package sinks

import (
	"io"
	"strconv"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// OCSF writes findings as events of the class Authentication (3002) of the Open
// Cybersecurity Schema Framework, version 1.3, a JSON object a line. What that
// schema has no place for stands in unmapped.
type OCSF struct {
	w        io.Writer         // not owned
	causes   *causes.Catalogue // not owned
	language causes.Language
	o        object
	name     []byte
}

// NewOCSF gives a sink that writes to w, whose caller flushes it.
func NewOCSF(w io.Writer, c *causes.Catalogue, language causes.Language) *OCSF {
	return &OCSF{w: w, causes: c, language: language}
}

// Deliver implements sshwhy.Sink.
func (s *OCSF) Deliver(f *sshwhy.Finding) error {
	s.o.buf, s.o.comma = append(s.o.buf[:0], '{'), false
	s.event(f)
	s.actors(f)
	s.rest(f)
	s.o.buf = append(s.o.buf, '}', '\n')
	_, err := s.w.Write(s.o.buf)
	return err
}

// statusOf gives severity_id and status_id: success or failure, and neither of a
// connection that the log leaves open.
func statusOf(f *sshwhy.Finding) (severity, status int64) {
	switch {
	case leftOpen(f):
		return 1, 0
	case f.Outcome == sshwhy.OutcomeAccepted:
		return 1, 1
	}
	return 2, 2
}

func (s *OCSF) event(f *sshwhy.Finding) {
	o := &s.o
	o.number("class_uid", 3002)
	o.number("category_uid", 3)
	o.number("activity_id", 1) // Logon
	o.number("type_uid", 300201)
	o.key("time") // required, so that of a log without times it is 0
	o.buf = strconv.AppendInt(o.buf, f.End/1e6, 10)
	severity, status := statusOf(f)
	o.number("severity_id", severity)
	o.key("status_id")
	o.buf = strconv.AppendInt(o.buf, status, 10) // 0 is Unknown
	if cause := s.causes.Cause(f.Cause); cause != nil {
		o.word("status_code", cause.ID)
		o.word("status_detail", sshwhy.Printable(because(s.language, f, cause)))
	}
	if f.Start != 0 {
		o.number("start_time", f.Start/1e6)
		o.number("end_time", f.End/1e6)
	}
	o.open("metadata")
	o.word("version", "1.3.0")
	o.word("uid", f.ID())
	o.number("sequence", int64(f.Revision))
	o.open("product")
	o.word("name", "sshwhy")
	o.word("vendor_name", "sshwhy")
	o.close()
	o.close()
}

func (s *OCSF) actors(f *sshwhy.Finding) {
	o := &s.o
	if f.UserKnown {
		s.name = sshwhy.Unescape(s.name[:0], f.User)
		o.open("user")
		o.key("name")
		o.buf = appendString(o.buf, s.name)
		o.close()
	}
	if len(f.Address) > 0 {
		o.open("src_endpoint")
		o.text("ip", f.Address)
		if f.Port > 0 {
			o.number("port", int64(f.Port))
		}
		o.close()
	}
	o.open("dst_endpoint")
	o.text("hostname", f.Host)
	o.word("svc_name", "sshd")
	o.close()
	o.open("service")
	o.word("name", "sshd")
	o.close()
	o.number("auth_protocol_id", 99)
	o.word("auth_protocol", "SSH")
	if len(f.Method) > 0 {
		o.text("logon_type", f.Method)
	}
}

// rest holds what the schema has no place for.
func (s *OCSF) rest(f *sshwhy.Finding) {
	o := &s.o
	o.open("unmapped")
	o.word("outcome", f.Outcome.String())
	o.word("confidence", f.Confidence.String())
	if len(f.Fingerprint) > 0 {
		o.text("key_fingerprint", f.Fingerprint)
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
	o.close()
}
