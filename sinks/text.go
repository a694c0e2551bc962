package sinks

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/patterns"
)

// Text writes verdicts for people: a headline each, the reason, the way out,
// and the line that decided. A day begins with its date.
type Text struct {
	w      *bufio.Writer     // not owned
	causes *causes.Catalogue // not owned
	words  *lang.Words       // not owned
	o      TextOptions
	line   []byte
	rows   int // written of the present finding
	day    string
	host   string // of the first finding
	count  int    // of findings
	told   map[sshwhy.CauseID]told
}

// told is the remedy that was shown last for a cause.
type told struct {
	text, at string
	steps    int
	count    int
}

// TextOptions choose what Text writes.
type TextOptions struct {
	// Color writes ANSI colours.
	Color bool
	// Why adds the rule that decided.
	Why bool
	// Zone is the time zone of the clock times; UTC if nil.
	Zone *time.Location
	// Width is that of the terminal; 0 leaves long lines alone.
	Width int
	// Hosts adds the host's name to every headline. Without it this
	// begins with the first finding of a second host.
	Hosts bool
}

// NewText gives a sink that writes to w, whose caller flushes it.
func NewText(w *bufio.Writer, c *causes.Catalogue, words *lang.Words, o TextOptions) *Text {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Text{w: w, causes: c, words: words, o: o, told: map[sshwhy.CauseID]told{}}
}

const (
	// shownCandidates is how many candidates a verdict names before "and N
	// more".
	shownCandidates = 4
	// indent stands in front of what follows a headline, below its first
	// word.
	indent = "          "
	// whoWidth is the column of users and clients, so that verdicts stand
	// below each other.
	whoWidth = 34
	// repeatAfter is the number of findings after which a remedy that was
	// shown is shown again in full.
	repeatAfter = 25
	// shortLine is how wide a step may be that stands in one line.
	shortLine = 76
)

// Deliver implements sshwhy.Sink.
func (s *Text) Deliver(f *sshwhy.Finding) error {
	cause := s.causes.Cause(f.Cause)
	s.line, s.rows = s.line[:0], 0
	s.count++
	s.date(f)
	s.headline(f, cause)
	if cause != nil {
		s.explanation(f, cause)
	}
	if remarks := s.remarks(f); len(remarks) > 0 {
		label := s.words.Also
		if f.Outcome == sshwhy.OutcomeAccepted && (cause == nil || vanished(f)) {
			label = s.words.Before
		}
		s.row(label, s.titles(remarks, len(remarks)))
	}
	if s.o.Why {
		s.why(f)
	}
	_, err := s.w.Write(s.line)
	return err
}

// remarks gives the remarks that are more than the last word on the cause: PAM's
// general refusal, say, follows that of a module which named its reason.
func (s *Text) remarks(f *sshwhy.Finding) []sshwhy.CauseID {
	decided := s.causes.ID(f.Cause)
	var list []sshwhy.CauseID
	for _, id := range f.Remarks {
		if !slices.Contains(s.causes.Cause(id).Follows, decided) {
			list = append(list, id)
		}
	}
	return list
}

// why says which rule decided, on which lines it rests, and what was ruled out
// by what.
func (s *Text) why(f *sshwhy.Finding) {
	label := s.words.Why
	if rule := s.words.Rule(f.Why.Rule); rule != "" {
		s.row(label, rule)
		label = ""
	}
	for _, i := range f.Why.Lines {
		text := string(sshwhy.AppendPrintable(nil, messageOf(f.Evidence[i].Text)))
		s.command(label, s.words.OnLine(i+1)+"  "+text)
		label = ""
	}
	label = s.words.CannotBe
	for rest := f.Why.Ruled; len(rest) > 0; {
		n := 1 // those that the same line rules out
		for n < len(rest) && rest[n].Against == rest[0].Against && rest[n].Line == rest[0].Line {
			n++
		}
		s.row(label, s.ruled(rest[:n]))
		label, rest = "", rest[n:]
	}
}

// ruled names the causes that one line rules out.
func (s *Text) ruled(list []sshwhy.RuledOut) string {
	ids := make([]sshwhy.CauseID, len(list))
	for i := range list {
		ids[i] = list[i].Cause
	}
	by := s.words.Against(list[0].Against)
	if list[0].Line >= 0 {
		by = s.words.OnLine(list[0].Line+1) + s.words.Colon + by
	}
	return s.titles(ids, len(ids)) + " (" + by + ")"
}

// date writes the day where it is another than that of the finding before, and
// notices that there is more than one host.
func (s *Text) date(f *sshwhy.Finding) {
	if s.count == 1 {
		s.host = string(f.Host)
	} else if string(f.Host) != s.host {
		s.o.Hosts = true
	}
	if f.End == 0 {
		return
	}
	day := time.Unix(0, f.End).In(s.o.Zone).Format("2006-01-02 -0700")
	if day == s.day {
		return
	}
	s.day = day
	if !s.o.Hosts && s.host != "" {
		day += "  " + sshwhy.Printable(s.host)
	}
	s.paint(faint, day)
	s.line = append(s.line, '\n')
}

func (s *Text) headline(f *sshwhy.Finding, cause *causes.Cause) {
	s.line = append(s.line, s.clock(f)...)
	s.line = append(s.line, "  "...)
	mark, color := markOf(f)
	s.paint(color, mark)
	s.line = append(s.line, ' ')
	who := s.who(f, cause)
	s.line = append(s.line, who...)
	s.line = append(s.line, strings.Repeat(" ", max(2, whoWidth-lang.Width(who)))...)
	s.line = append(s.line, s.said(f, cause)...)
	s.line = append(s.line, '\n')
}

// clock gives the time of a finding.
func (s *Text) clock(f *sshwhy.Finding) string {
	if f.End == 0 {
		return "--:--:--"
	}
	return time.Unix(0, f.End).In(s.o.Zone).Format(time.TimeOnly)
}

// who names the user and the client, as far as the log does, or the host whose
// sshd the finding is about.
func (s *Text) who(f *sshwhy.Finding, cause *causes.Cause) string {
	host := sshwhy.Printable(string(f.Host))
	if ofService(f) {
		if host == "" {
			return "sshd"
		}
		return fmt.Sprintf(s.words.Daemon, host)
	}
	who := s.client(f)
	if s.o.Hosts && host != "" {
		return host + ": " + who
	}
	return who
}

// ofService tells a finding about sshd itself from one about a connection.
func ofService(f *sshwhy.Finding) bool {
	return f.Outcome == sshwhy.OutcomeStartupFailed || f.Outcome == sshwhy.OutcomeNone && !leftOpen(f)
}

func (s *Text) client(f *sshwhy.Finding) string {
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
	}
	return s.words.SomeClient
}

// said gives the verdict in a few words.
func (s *Text) said(f *sshwhy.Finding, cause *causes.Cause) string {
	text := ""
	switch {
	case unlike(f):
		text = ownReason(s.words, f)
	case cause == nil && f.Outcome == sshwhy.OutcomeAccepted:
		text = s.words.Accepted
		for _, part := range [...][]byte{f.Method, f.KeyType} {
			if len(part) > 0 {
				text += " " + sshwhy.Printable(string(part))
			}
		}
	case cause == nil:
		text = s.words.Outcome(f.Outcome)
	case f.Confidence == sshwhy.ConfidenceUndetermined:
		text = s.words.Confidence(f.Confidence)
	default:
		text = cause.ID + " (" + s.words.Confidence(f.Confidence) + ")"
		if f.Outcome == sshwhy.OutcomeAccepted {
			text = s.words.Accepted + ", " + text
		}
	}
	if f.Revision > 1 {
		text += fmt.Sprintf(s.words.Revised, f.Revision)
	}
	return text
}

// vanished tells a login that succeeded and whose session ended without a
// word: the reason that the catalogue has for what is undetermined is about
// logins that fail.
func vanished(f *sshwhy.Finding) bool {
	return f.Outcome == sshwhy.OutcomeAccepted && f.Confidence == sshwhy.ConfidenceUndetermined
}

// leftOpen tells a connection that the log ends before.
func leftOpen(f *sshwhy.Finding) bool { return f.Why.Rule == sshwhy.RuleOpen }

// unlike tells a finding that failed nothing, though the log does not tell the
// cause: neither the catalogue's reason nor its remedy is for it.
func unlike(f *sshwhy.Finding) bool { return vanished(f) || leftOpen(f) }

// ownReason gives the reason of such a finding.
func ownReason(w *lang.Words, f *sshwhy.Finding) string {
	if leftOpen(f) {
		return w.StillOpen
	}
	return w.Accepted + "; " + w.Vanished
}

// because gives the reason of a finding that has a cause.
func because(l causes.Language, f *sshwhy.Finding, cause *causes.Cause) string {
	if unlike(f) {
		return ownReason(lang.For(l), f)
	}
	return cause.Reason(l, f.Value)
}

// stepsOf gives its remedy.
func stepsOf(l causes.Language, f *sshwhy.Finding, cause *causes.Cause) []causes.Action {
	if unlike(f) {
		return nil
	}
	return cause.Steps(l, f.Value)
}

func (s *Text) explanation(f *sshwhy.Finding, cause *causes.Cause) {
	if !unlike(f) {
		s.prose(cause.Reason(s.words.Language, f.Value))
	}
	if others := without(f.Candidates, f.Cause); len(others) > 0 {
		s.row(s.words.CouldBe, s.titles(others, shownCandidates))
	}
	if !leftOpen(f) && (f.Outcome != sshwhy.OutcomeAccepted || f.Confidence == sshwhy.ConfidenceCertain) {
		s.remedy(f, cause)
	}
	if n := len(f.Evidence); n > 0 {
		text := messageOf(f.Evidence[s.decisive(f)].Text)
		s.command(s.words.Line, string(sshwhy.AppendPrintable(nil, text)))
	}
}

// messageOf takes the header off a line, where it is of the common form that
// ends in "sshd[PID]: ".
func messageOf(line []byte) []byte {
	for from := 0; ; {
		i := bytes.Index(line[from:min(len(line), 160)], []byte("sshd"))
		if i < 0 {
			return line
		}
		from += i + len("sshd")
		rest := bytes.TrimLeft(line[from:], "-abcdefghijklmnopqrstuvwxyz")
		if len(rest) == 0 || rest[0] != '[' {
			continue
		}
		if message, ok := bytes.CutPrefix(bytes.TrimLeft(rest[1:], "0123456789"), []byte("]: ")); ok {
			return message
		}
	}
}

// without gives the causes of a list but one.
func without(ids []sshwhy.CauseID, one sshwhy.CauseID) []sshwhy.CauseID {
	if !slices.Contains(ids, one) {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id sshwhy.CauseID) bool { return id == one })
}

// decisive gives the index of the evidence that is shown: the line that the
// classifier marked, else the last refusal, else the last line.
func (s *Text) decisive(f *sshwhy.Finding) int {
	last := len(f.Evidence) - 1
	if f.Decisive >= 0 && f.Decisive <= last {
		return f.Decisive
	}
	for i := last; i >= 0; i-- {
		if f.Evidence[i].Pattern == patterns.LoginFailed {
			return i
		}
	}
	return last
}

// remedy writes the steps of the remedy. One that was shown a short while ago
// is not repeated: where it was the same the time of that verdict stands for
// it, and where the same steps were for another user or file the commands alone.
func (s *Text) remedy(f *sshwhy.Finding, cause *causes.Cause) {
	steps := cause.Steps(s.words.Language, f.Value)
	start, rows := len(s.line), s.rows
	if f.Confidence == sshwhy.ConfidenceUndetermined {
		s.commands(s.words.ToKnow, steps)
	} else {
		s.steps(steps)
	}
	text := string(s.line[start:])
	before, ok := s.told[f.Cause]
	if !ok || len(steps) != before.steps || s.rows-rows < 2 || s.count-before.count > repeatAfter || f.End == 0 {
		s.told[f.Cause] = told{text, s.clock(f), len(steps), s.count}
		return
	}
	s.line, s.rows = s.line[:start], rows
	if before.text == text {
		s.row(s.remedyLabel(f), fmt.Sprintf(s.words.AsAt, before.at))
		return
	}
	s.commands(s.remedyLabel(f), steps)
}

func (s *Text) remedyLabel(f *sshwhy.Finding) string {
	if f.Confidence == sshwhy.ConfidenceUndetermined {
		return s.words.ToKnow
	}
	return s.words.Fix
}

// commands writes a row for each step: its command, or what to do where it has
// none or changes sshd_config. The care around such a change is left out.
func (s *Text) commands(label string, steps []causes.Action) {
	for i := 0; i < len(steps); i++ {
		a := &steps[i]
		switch {
		case isBackup(a):
			continue
		case isReload(a):
			i++ // and the advice to keep the session
			continue
		case a.Run == "" || strings.Contains(a.Run, causes.DefaultConfig):
			s.row(label, s.place(a)+a.Do)
		default:
			s.command(label, s.place(a)+a.Run)
		}
		label = ""
	}
}

// steps writes what to do, step by step: what for, and below it the command on
// a line of its own, so that it can be copied. The copy before and the reload
// after changes of sshd_config stand on their own, as they belong to whichever
// of them is made. A remedy of one short step stands in one line.
func (s *Text) steps(steps []causes.Action) {
	if len(steps) == 1 && short(&steps[0]) {
		text := s.place(&steps[0]) + steps[0].Run
		if do := steps[0].Do; do != "" {
			text += "    # " + do
		}
		s.command(s.words.Fix, text)
		return
	}
	label := s.words.Fix
	for i := range steps {
		s.step(label, &steps[i])
		label = ""
	}
}

// short tells a step that fits one line with its command.
func short(a *causes.Action) bool {
	return a.Run != "" && a.Warning == "" && lang.Width(a.Run)+lang.Width(a.Do) <= shortLine
}

// step writes one step with its command.
func (s *Text) step(label string, a *causes.Action) {
	do := a.Do
	if a.Run != "" && (isBackup(a) || !strings.Contains(a.Run, causes.DefaultConfig)) { // a change's text may end in a line to copy
		do = strings.TrimRight(do, ".。:：") + ":"
	}
	s.row(label, s.place(a)+do)
	if a.Run != "" {
		s.command("", "  "+a.Run)
	}
	if a.Warning != "" {
		s.row("", "! "+a.Warning)
	}
}

// isBackup and isReload tell the steps that causes.Cause.Steps puts before and
// after changes of sshd_config.
func isBackup(a *causes.Action) bool {
	return strings.Contains(a.Run, "cp -p "+causes.DefaultConfig+" ")
}

func isReload(a *causes.Action) bool {
	return strings.HasPrefix(a.Run, "sshd -t && ") && !strings.Contains(a.Run, causes.DefaultConfig)
}

// place says where a step is done, unless it is the server.
func (s *Text) place(a *causes.Action) string {
	if a.Where == "server" {
		return ""
	}
	return "[" + s.words.Where(a.Where) + "] "
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

// row writes prose below the headline, with a label in a column of its own.
func (s *Text) row(label, text string) {
	column := len(indent) + s.words.LabelWidth
	for _, part := range lang.Wrap(text, s.o.Width-column) {
		s.begin(label)
		s.line = append(append(s.line, part...), '\n')
		label = ""
	}
}

// prose writes a sentence that begins where labels do.
func (s *Text) prose(text string) {
	for _, part := range lang.Wrap(text, s.o.Width-len(indent)) {
		s.line = append(append(append(s.line, indent...), part...), '\n')
		s.rows++
	}
}

// command writes text that must not be broken.
func (s *Text) command(label, text string) {
	s.begin(label)
	s.line = append(append(s.line, text...), '\n')
}

// begin writes a label up to the column of the text.
func (s *Text) begin(label string) {
	s.rows++
	s.line = append(s.line, indent...)
	if label != "" {
		s.paint(faint, label)
	}
	s.line = append(s.line, strings.Repeat(" ", max(1, s.words.LabelWidth-lang.Width(label)))...)
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
	case ofService(f) && f.Outcome == sshwhy.OutcomeNone:
		return "!", yellow
	case f.Confidence == sshwhy.ConfidenceUndetermined, f.Cause == 0:
		return "?", yellow
	}
	return "✗", red
}
