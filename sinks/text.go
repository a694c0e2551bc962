package sinks

import (
	"bufio"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

// Text writes verdicts for people: a headline each, the reason, the way out,
// and the line that decided.
type Text struct {
	w      *bufio.Writer     // not owned
	causes *causes.Catalogue // not owned
	words  *lang.Words       // not owned
	o      TextOptions
	line   []byte
}

// TextOptions choose what Text writes.
type TextOptions struct {
	// Color writes ANSI colours.
	Color bool
	// Why adds the rule that decided.
	Why bool
	// Zone is the time zone of the clock times; UTC if nil.
	Zone *time.Location
	// Hosts adds the host's name to every headline.
	Hosts bool
}

// NewText gives a sink that writes to w, whose caller flushes it.
func NewText(w *bufio.Writer, c *causes.Catalogue, words *lang.Words, o TextOptions) *Text {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Text{w: w, causes: c, words: words, o: o}
}

// shownCandidates is how many candidates a verdict names before "and N more".
const shownCandidates = 4

// indent stands in front of what follows a headline, below its first word.
const indent = "          "

// Deliver implements sshwhy.Sink.
func (s *Text) Deliver(f *sshwhy.Finding) error {
	cause := s.causes.Cause(f.Cause)
	s.line = s.line[:0]
	s.headline(f, cause)
	if cause != nil {
		s.explanation(f, cause)
	}
	if len(f.Remarks) > 0 {
		s.row(s.words.Remark, s.titles(f.Remarks, len(f.Remarks)))
	}
	if s.o.Why && f.Why != "" {
		s.row(s.words.Why, f.Why)
	}
	_, err := s.w.Write(s.line)
	return err
}

func (s *Text) headline(f *sshwhy.Finding, cause *causes.Cause) {
	if f.End != 0 {
		s.line = time.Unix(0, f.End).In(s.o.Zone).AppendFormat(s.line, "15:04:05  ")
	} else {
		s.line = append(s.line, "--:--:--  "...)
	}
	mark, color := markOf(f)
	s.paint(color, mark)
	s.line = append(s.line, ' ')
	if s.o.Hosts && len(f.Host) > 0 {
		s.line = sshwhy.AppendPrintable(s.line, f.Host)
		s.line = append(s.line, ": "...)
	}
	s.line = append(s.line, s.who(f, cause)...)
	s.line = append(s.line, "    "...)
	s.line = append(s.line, s.said(f, cause)...)
	s.line = append(s.line, '\n')
}

// who names the user and the client, as far as the log does.
func (s *Text) who(f *sshwhy.Finding, cause *causes.Cause) string {
	var user string
	if f.UserKnown {
		user = sshwhy.Printable(string(sshwhy.Unescape(nil, f.User)))
		if user == "" {
			user = s.words.EmptyUser
		}
	}
	from := sshwhy.Printable(string(f.Address))
	switch {
	case user != "" && from != "":
		return user + s.words.From + from
	case user != "":
		return user
	case from != "":
		return from
	case cause != nil && cause.Phase == "service":
		return "sshd"
	}
	return s.words.SomeClient
}

func (s *Text) said(f *sshwhy.Finding, cause *causes.Cause) string {
	switch {
	case cause == nil && f.Outcome == sshwhy.OutcomeAccepted:
		parts := []string{s.words.Accepted}
		if len(f.Method) > 0 {
			parts = append(parts, sshwhy.Printable(string(f.Method)))
		}
		if len(f.KeyType) > 0 {
			parts = append(parts, sshwhy.Printable(string(f.KeyType)))
		}
		return strings.Join(parts, " ")
	case cause == nil:
		return s.words.Outcome(f.Outcome)
	}
	text := cause.ID + " (" + s.words.Confidence(f.Confidence) + ")"
	if f.Confidence == sshwhy.ConfidenceUndetermined {
		text = s.words.Confidence(f.Confidence)
	}
	if f.Outcome == sshwhy.OutcomeAccepted {
		text = s.words.Accepted + ", " + text
	}
	return text
}

func (s *Text) explanation(f *sshwhy.Finding, cause *causes.Cause) {
	s.row("", cause.Reason(s.words.Language, f.Value))
	if len(f.Candidates) > 0 {
		s.row(s.words.CouldBe, s.titles(f.Candidates, shownCandidates))
	}
	if f.Outcome != sshwhy.OutcomeAccepted || f.Confidence == sshwhy.ConfidenceCertain {
		s.remedy(f, cause)
	}
	if n := len(f.Evidence); n > 0 {
		e := f.Evidence[s.decisive(f)]
		s.row(s.words.Line, string(sshwhy.AppendPrintable(nil, e.Text)))
	}
}

// decisive gives the index of the evidence that is shown: the first line that
// the classifier marked, else the last.
func (s *Text) decisive(f *sshwhy.Finding) int {
	if f.Decisive >= 0 && f.Decisive < len(f.Evidence) {
		return f.Decisive
	}
	return len(f.Evidence) - 1
}

func (s *Text) remedy(f *sshwhy.Finding, cause *causes.Cause) {
	label := s.words.Fix
	if f.Confidence == sshwhy.ConfidenceUndetermined {
		label = s.words.ToKnow
	}
	for _, a := range cause.Steps(s.words.Language, f.Value) {
		text := a.Do
		if a.Run != "" {
			text = a.Run
			if a.Do != "" {
				text += "    # " + a.Do
			}
		}
		if a.Where != "server" {
			text = "[" + s.words.Where(a.Where) + "] " + text
		}
		s.row(label, text)
		if a.Warning != "" {
			s.row("", "! "+a.Warning)
		}
		label = ""
	}
}

// titles gives the titles of the first causes of a list, and how many more
// there are.
func (s *Text) titles(ids []sshwhy.CauseID, most int) string {
	var parts []string
	for _, id := range ids[:min(len(ids), most)] {
		parts = append(parts, s.causes.Cause(id).Texts[s.words.Language].Title)
	}
	if more := len(ids) - most; more > 0 {
		parts = append(parts, s.words.More(more))
	}
	return strings.Join(parts, " · ")
}

// row writes a line below the headline: a label in a column of its own and a
// text.
func (s *Text) row(label, text string) {
	s.line = append(s.line, indent...)
	if label != "" {
		s.paint(faint, label)
		s.line = append(s.line, strings.Repeat(" ", max(1, s.words.LabelWidth-lang.Width(label)))...)
	}
	s.line = append(append(s.line, text...), '\n')
}

// color is an SGR parameter (ECMA-48, 8.3.117).
type color string

const (
	red    color = "31"
	green  color = "32"
	yellow color = "33"
	faint  color = "2"
)

func (s *Text) paint(c color, text string) {
	if !s.o.Color {
		s.line = append(s.line, text...)
		return
	}
	s.line = append(s.line, "\x1b["+string(c)+"m"+text+"\x1b[0m"...)
}

// markOf gives the sign in front of a verdict.
func markOf(f *sshwhy.Finding) (string, color) {
	switch {
	case f.Outcome == sshwhy.OutcomeAccepted && (f.Cause == 0 || f.Confidence == sshwhy.ConfidenceUndetermined):
		return "✓", green
	case f.Outcome == sshwhy.OutcomeAccepted:
		return "!", yellow
	case f.Confidence == sshwhy.ConfidenceUndetermined, f.Cause == 0:
		return "?", yellow
	}
	return "✗", red
}
