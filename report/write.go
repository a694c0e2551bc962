package report

import (
	"bufio"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

// Page is how a report is written for people.
type Page struct {
	Words *lang.Words // not owned
	// Zone is that of the times shown, and the one that was taken for
	// times without one.
	Zone *time.Location
	// ZoneName is how the user calls it.
	ZoneName string
	// Year is the year that the user stated for the first line, 0 for none.
	Year int
	// Interrupted tells that the log was not read to its end.
	Interrupted bool
	// Evicted is the number of connections that were judged early.
	Evicted uint64
	// Color writes ANSI colours.
	Color bool
	// Notices are those of the run; those that tell of lost lines are
	// repeated in the account.
	Notices []*sshwhy.Notice
	// Open is the number of connections that were open at the end, and have
	// no verdict.
	Open int
}

// How much of each list is shown.
const (
	shownCauses  = 12
	shownNames   = 10
	shownSources = 10
)

// Write writes the summary and the account of the lines.
func (s *Summary) Write(w *bufio.Writer, a *Accounting, p Page) error {
	o := writer{Writer: w, page: p, words: &p.Words.Summary, label: 13}
	title := o.words.Title
	if p.Interrupted {
		title = o.words.SoFar
	}
	o.heading(title)
	o.span(a)
	o.connections(s)
	o.account(a, o.words.SeeMissed)
	o.assumptions(a)
	o.causes(s, o.words.Causes, aboutConnection)
	o.causes(s, o.words.ServiceCauses, aboutService)
	o.causes(s, o.words.Attacks, aboutAttack)
	o.names(o.words.Users, s.users, func(name string) string {
		if name == "" {
			return p.Words.EmptyUser
		}
		return string(sshwhy.Unescape(nil, []byte(name)))
	})
	o.names(o.words.Sources, s.sources, func(name string) string { return name })
	return w.Flush()
}

// writer writes the parts of a report. Errors stay in the bufio.Writer until
// its Flush.
type writer struct {
	*bufio.Writer
	page  Page
	words *lang.Summary
	label int // the width of the labels' column
}

func (o *writer) heading(text string) {
	if o.page.Color {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	fmt.Fprintf(o, "\n%s\n", text)
}

// row writes a label in a column of its own and a text.
func (o *writer) row(label, text string) {
	fmt.Fprintf(o, "  %s%s\n", padded(label, o.label), text)
}

// padded fills a text up with blanks to a number of columns, at least one.
func padded(text string, columns int) string {
	return text + strings.Repeat(" ", max(1, columns-lang.Width(text)))
}

func (o *writer) span(a *Accounting) {
	from, until := a.Span()
	if from == 0 {
		return
	}
	first, last := time.Unix(0, from).In(o.page.Zone), time.Unix(0, until).In(o.page.Zone)
	layout := "2006-01-02 15:04:05"
	if first.Format(time.DateOnly) == last.Format(time.DateOnly) {
		layout = time.TimeOnly
	}
	o.row(o.words.Span, fmt.Sprintf("%s – %s %s  (%s)", first.Format(time.DateTime), last.Format(layout), last.Format("-0700"), last.Sub(first).Round(time.Second)))
}

func (o *writer) connections(s *Summary) {
	var parts, service []string
	for _, out := range sshwhy.Outcomes() {
		n := s.Outcome(out)
		if n == 0 {
			continue
		}
		part := fmt.Sprintf("%s %d", o.page.Words.Outcome(out), n)
		if out == sshwhy.OutcomeStartupFailed {
			service = append(service, part)
		} else {
			parts = append(parts, part)
		}
	}
	if n := s.Open(); n > 0 {
		parts = append(parts, fmt.Sprintf("%s %d", o.page.Words.StillOpen, n))
	}
	text := fmt.Sprint(s.Connections())
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	o.row(o.words.Connections, text)
	if len(service) > 0 {
		o.row(o.words.Service, strings.Join(service, ", "))
	}
	if o.page.Open > 0 {
		o.row("", fmt.Sprintf(lang.TailIn(o.page.Words.Language).Open, o.page.Open))
	}
	if o.page.Evicted > 0 {
		o.row("", fmt.Sprintf(o.words.Evicted, o.page.Evicted))
	}
}

// account writes what became of the lines, and a hint if some were not
// recognised.
func (o *writer) account(a *Accounting, hint string) {
	t := a.Total()
	o.row(o.words.Lines, fmt.Sprintf(o.words.Read, t.Read(), t.Parsed, t.Unparsed, t.Skipped))
	if t.TruncatedLines > 0 {
		o.row("", fmt.Sprintf(o.words.Truncated, t.TruncatedLines, t.TruncatedBytes, sshwhy.MaxLine))
	}
	if t.Unparsed > 0 && hint != "" {
		o.row("", hint)
	}
	if t.Parsed+t.Unparsed == 0 {
		o.row("", o.words.NoSSHD)
	}
	tail := lang.TailIn(o.page.Words.Language)
	for _, n := range o.page.Notices {
		if n.Lost > 0 {
			o.row("", fmt.Sprintf(tail.MaybeLost, n.Lost, sshwhy.Printable(n.Error())))
		}
	}
	if len(a.sources) < 2 {
		return
	}
	for i, s := range a.sources {
		if i == shownSources {
			o.row("", o.page.Words.More(len(a.sources)-i))
			break
		}
		o.row("", fmt.Sprintf(o.words.PerSource, sshwhy.Printable(s.Name), s.Read(), s.Parsed, s.Unparsed, s.Skipped))
	}
}

// assumptions says what was assumed of times that are not whole, and of which
// sources.
func (o *writer) assumptions(a *Accounting) {
	var noYear, noZone []string
	for _, s := range a.sources {
		name := sshwhy.Printable(path.Base(s.Name))
		switch s.Form {
		case "rfc3164", "bsd-facility", "solaris", "aix-forwarded":
			noYear, noZone = append(noYear, name), append(noZone, name)
		case "rfc3164-year", "ctime":
			noZone = append(noZone, name)
		}
	}
	if len(noYear) > 0 {
		text := fmt.Sprintf(o.words.NoYear, o.few(noYear))
		if o.page.Year != 0 {
			text = fmt.Sprintf(o.words.NoYearStated, o.few(noYear), o.page.Year)
		}
		o.row(o.words.Assumed, text)
	}
	if len(noZone) > 0 {
		label := o.words.Assumed
		if len(noYear) > 0 {
			label = ""
		}
		o.row(label, fmt.Sprintf(o.words.NoZone, o.few(noZone), o.page.ZoneName))
	}
}

// few joins the first names of a list.
func (o *writer) few(names []string) string {
	const most = 3
	if len(names) > most {
		names = append(names[:most:most], o.page.Words.More(len(names)-most))
	}
	return strings.Join(names, ", ")
}

// causes lists what was found most often, each with the first step of its
// remedy.
func (o *writer) causes(s *Summary, heading string, about kind) {
	ids := s.commonest(func(k kind) bool { return k == about })
	if len(ids) == 0 {
		return
	}
	o.heading(heading)
	width := 0
	for _, id := range ids[:min(len(ids), shownCauses)] {
		width = max(width, len(s.causes.ID(id)))
	}
	for _, id := range ids[:min(len(ids), shownCauses)] {
		o.cause(s, id, width+2)
	}
	if len(ids) > shownCauses {
		var others uint64
		for _, id := range ids[shownCauses:] {
			others += s.Cause(id)
		}
		fmt.Fprintf(o, "%7s  %s\n", "", fmt.Sprintf(o.words.OtherCauses, others, len(ids)-shownCauses))
	}
	if about == aboutConnection {
		fmt.Fprintf(o, "%7s  %s\n", "", fmt.Sprintf(o.words.Explain, s.causes.ID(ids[0])))
	}
}

func (o *writer) cause(s *Summary, id sshwhy.CauseID, width int) {
	cause, t := s.causes.Cause(id), &s.tallies[id]
	fmt.Fprintf(o, "%7d  %s%s\n", t.count(), padded(cause.ID, width), cause.Texts[o.page.Words.Language].Title)
	step, ok := firstStep(cause, o.page.Words.Language, t.value)
	if !ok {
		return
	}
	text, label := step.Run, o.words.Fix
	if text == "" {
		text = step.Do
	}
	if step.Where != "server" {
		text = "[" + o.page.Words.Where(step.Where) + "] " + text
	}
	unknown := func(sshwhy.Field) string { return "" }
	if general, ok := firstStep(cause, o.page.Words.Language, unknown); t.count() > 1 && (!ok || general.Run != step.Run) {
		label = o.words.Example
	}
	fmt.Fprintf(o, "%7s  %s%s: %s\n", "", strings.Repeat(" ", width), label, text)
}

// firstStep gives the first step that does something: the copy that a change
// of sshd_config begins with is not it.
func firstStep(c *causes.Cause, language causes.Language, values causes.Values) (causes.Action, bool) {
	for _, a := range c.Steps(language, values) {
		if !strings.Contains(a.Run, "cp -p "+causes.DefaultConfig+" ") {
			return a, true
		}
	}
	return causes.Action{}, false
}

// names lists the most frequent names.
func (o *writer) names(heading string, t *Top, shown func(string) string) {
	list := t.Most(shownNames)
	if len(list) == 0 {
		return
	}
	o.heading(heading)
	for _, c := range list {
		count, note := fmt.Sprint(c.Count), ""
		if c.Error > 0 {
			count, note = "~"+count, "  "+fmt.Sprintf(o.words.AtLeast, c.Count-c.Error)
		}
		fmt.Fprintf(o, "%7s  %s%s\n", count, sshwhy.Printable(shown(c.Name)), note)
	}
	if !t.Exact() {
		fmt.Fprintf(o, "%7s  %s\n", "", fmt.Sprintf(o.words.Estimated, Budget, t.Floor()))
	} else if more := t.Len() - len(list); more > 0 {
		fmt.Fprintf(o, "%7s  %s\n", "", o.page.Words.More(more))
	}
}
