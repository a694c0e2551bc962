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

// Note counts the line of an event. It is called for every line of the log.
func (a *Accounting) Note(ev *sshwhy.Event) {
	r := ev.Record
	s := a.current
	if s == nil || s.Name != r.Source || r.Truncated > 0 {
		if s = a.unusual(r); s == nil {
			return
		}
	}
	switch ev.Line {
	case sshwhy.LineParsed:
		s.Parsed++
	case sshwhy.LineUnparsed:
		s.Unparsed++
	default:
		if !r.Tick && r.Inspection == nil {
			s.Skipped++
		}
		return
	}
	if s.Form == "" {
		s.Form = ev.Form
	}
	t := ev.Time
	if t > a.until {
		a.until = t
	}
	if (t < a.from || a.from == 0) && t != 0 {
		a.from = t
	}
}

// unusual gives the account of a record that is not simply the next line of its
// source; nil where it is no line.
func (a *Accounting) unusual(r *sshwhy.Record) *SourceCount {
	if r.Tick || r.Inspection != nil {
		return nil
	}
	s := a.source(r.Source)
	if r.Truncated > 0 {
		s.TruncatedLines++
		s.TruncatedBytes += uint64(r.Truncated)
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
