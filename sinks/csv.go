package sinks

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// CSV writes a line for each finding, for spreadsheets and databases, or for
// Timesketch, whose three columns then come first. The first line names the
// columns. A finding that is told again has another line with the same id and
// a higher revision.
type CSV struct {
	w          *csv.Writer
	causes     *causes.Catalogue // not owned
	language   causes.Language
	timesketch bool
	begun      bool
	row        []string
}

// NewCSV gives a sink that writes to w, whose caller flushes it.
func NewCSV(w io.Writer, c *causes.Catalogue, language causes.Language) *CSV {
	return &CSV{w: csv.NewWriter(w), causes: c, language: language}
}

// NewTimesketch gives a sink that writes what Timesketch imports: message,
// datetime and timestamp_desc, and the rest as further attributes.
func NewTimesketch(w io.Writer, c *causes.Catalogue, language causes.Language) *CSV {
	s := NewCSV(w, c, language)
	s.timesketch = true
	return s
}

// csvColumns are those of every line, in their order.
var csvColumns = []string{
	"id", "revision", "start", "end", "host", "outcome", "cause", "confidence", "phase", "user", "source", "port", "method", "key_type", "fingerprint",
	"candidates", "remarks", "reason", "remedy", "pid", "file", "line",
}

var timesketchColumns = []string{"message", "datetime", "timestamp_desc"}

// Deliver implements sshwhy.Sink.
func (s *CSV) Deliver(f *sshwhy.Finding) error {
	if !s.begun {
		s.begun = true
		if err := s.w.Write(s.columns()); err != nil {
			return err
		}
	}
	s.fill(f)
	for i := range s.row {
		s.row[i] = cell(s.row[i])
	}
	err := s.w.Write(s.row)
	s.w.Flush()
	if err == nil {
		err = s.w.Error()
	}
	return err
}

func (s *CSV) columns() []string {
	if s.timesketch {
		return append(append([]string(nil), timesketchColumns...), csvColumns...)
	}
	return csvColumns
}

func (s *CSV) fill(f *sshwhy.Finding) {
	cause := s.causes.Cause(f.Cause)
	reason, remedy, phase := "", "", ""
	if cause != nil {
		reason, remedy, phase = because(s.language, f, cause), firstCommand(stepsOf(s.language, f, cause)), cause.Phase
	}
	user := string(sshwhy.Unescape(nil, f.User))
	line := ""
	if f.Decisive >= 0 && f.Decisive < len(f.Evidence) {
		line = string(f.Evidence[f.Decisive].Text)
	}
	s.row = s.row[:0]
	if s.timesketch {
		message := "sshd: "
		if f.Outcome != sshwhy.OutcomeNone {
			message += f.Outcome.String() + " "
		}
		message += user + " from " + string(f.Address)
		if cause != nil {
			message += ": " + reason
		}
		s.row = append(s.row, message, stamp(f.End), "sshwhy verdict")
	}
	s.row = append(s.row, f.ID(), strconv.Itoa(f.Revision), stamp(f.Start), stamp(f.End), string(f.Host), f.Outcome.String(), s.causes.ID(f.Cause), f.Confidence.String(), phase,
		user, string(f.Address), number(f.Port), string(f.Method), string(f.KeyType), string(f.Fingerprint), s.ids(f.Candidates), s.ids(f.Remarks), reason, remedy,
		number(int(f.PID)), f.Source, line)
}

func (s *CSV) ids(list []sshwhy.CauseID) string {
	var names []string
	for _, id := range list {
		names = append(names, s.causes.ID(id))
	}
	return strings.Join(names, " ")
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// stamp writes a time as RFC 3339 in UTC.
func stamp(nanoseconds int64) string {
	if nanoseconds == 0 {
		return ""
	}
	return time.Unix(0, nanoseconds).UTC().Format("2006-01-02T15:04:05.000000+00:00")
}

// cell makes a text safe to open: nothing in it moves a cursor, and a
// spreadsheet takes what begins like a formula for text (OWASP, CSV injection);
// some read the wide letters of Japanese keyboards as the narrow ones.
func cell(text string) string {
	text = sshwhy.Printable(text)
	if first, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + text
	}
	return text
}
