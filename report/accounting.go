package report

import (
	"github.com/sshwhy/sshwhy"
)

// Accounting says what became of the lines of a log, source by source:
//
//	read = parsed + unparsed + skipped
//
// and between which times the lines of sshd lie. The zero value is ready.
type Accounting struct {
	sources []*SourceCount
	byName  map[string]*SourceCount
	current *SourceCount
	from    int64
	until   int64
}

// SourceCount is the account of one source.
type SourceCount struct {
	Name                      string
	Parsed, Unparsed, Skipped uint64
	// TruncatedLines were longer than sshwhy.MaxLine; TruncatedBytes is
	// what was cut from them.
	TruncatedLines, TruncatedBytes uint64
	// Form is the layout of the first line that was sshd's.
	Form string
}

// Read gives the number of lines.
func (s *SourceCount) Read() uint64 { return s.Parsed + s.Unparsed + s.Skipped }

// Note counts the line of an event. Each line of the log is given to Note or to
// NoteAll.
func (a *Accounting) Note(ev *sshwhy.Event) {
	s := a.of(ev.Record, 1)
	if s == nil {
		return
	}
	switch ev.Line {
	case sshwhy.LineParsed:
		s.Parsed++
	case sshwhy.LineUnparsed:
		s.Unparsed++
	default:
		s.Skipped++
		return
	}
	s.form(ev)
	a.span(ev.Time)
}

// NoteAll counts the lines of events whose records differ from like in their
// text only.
func (a *Accounting) NoteAll(like *sshwhy.Record, events []sshwhy.Event) {
	s := a.of(like, len(events))
	if s == nil {
		return
	}
	var counts [sshwhy.LineUnparsed + 1]uint64
	for i := range events {
		ev := &events[i]
		counts[ev.Line]++
		if (ev.Time > a.until || ev.Time < a.from) && ev.Line != sshwhy.LineSkipped {
			a.span(ev.Time)
		}
	}
	s.Parsed += counts[sshwhy.LineParsed]
	s.Unparsed += counts[sshwhy.LineUnparsed]
	s.Skipped += counts[sshwhy.LineSkipped]
	for i := 0; s.Form == "" && i < len(events); i++ {
		s.form(&events[i])
	}
}

// form keeps the layout of the first line that is sshd's.
func (s *SourceCount) form(ev *sshwhy.Event) {
	if s.Form == "" && ev.Line != sshwhy.LineSkipped {
		s.Form = ev.Form
	}
}

// span widens the times between which lines of sshd lie; 0 is none.
func (a *Accounting) span(t int64) {
	a.until = max(a.until, t)
	if (t < a.from || a.from == 0) && t != 0 {
		a.from = t
	}
}

// of gives the account of lines like one; nil where they are none.
func (a *Accounting) of(like *sshwhy.Record, lines int) *SourceCount {
	if like.Tick || like.Inspection != nil {
		return nil
	}
	s := a.current
	if s == nil || s.Name != like.Source {
		s = a.source(like.Source)
	}
	if like.Truncated > 0 {
		s.TruncatedLines += uint64(lines)
		s.TruncatedBytes += uint64(lines) * uint64(like.Truncated)
	}
	return s
}

// source gives the account of a source, and makes it the current one.
func (a *Accounting) source(name string) *SourceCount {
	s := a.byName[name]
	if s == nil {
		s = &SourceCount{Name: name}
		if a.byName == nil {
			a.byName = map[string]*SourceCount{}
		}
		a.byName[name] = s
		a.sources = append(a.sources, s)
	}
	a.current = s
	return s
}

// Sources gives the accounts in the order in which the sources were read.
func (a *Accounting) Sources() []*SourceCount { return a.sources }

// Total adds the sources up.
func (a *Accounting) Total() SourceCount {
	var t SourceCount
	for _, s := range a.sources {
		t.Parsed += s.Parsed
		t.Unparsed += s.Unparsed
		t.Skipped += s.Skipped
		t.TruncatedLines += s.TruncatedLines
		t.TruncatedBytes += s.TruncatedBytes
	}
	return t
}

// Span gives the first and last time of the lines of sshd, in nanoseconds
// since 1970 UTC; zero where they carry none.
func (a *Accounting) Span() (from, until int64) { return a.from, a.until }
