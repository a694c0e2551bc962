package sinks

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/patterns"
)

// Live writes verdicts as they happen, for people who watch. A verdict that is
// given again and again is written in full once and counted from then on: on a
// terminal in place, elsewhere in a line now and then. Below the verdicts a
// terminal shows what is still open.
type Live struct {
	text     *Text
	w        *bufio.Writer       // not owned
	patterns *patterns.Catalogue // not owned
	words    *lang.Tail
	o        LiveOptions
	folds    map[string]*fold
	order    []*fold // by the time of their last verdict, roughly
	counted  *fold   // the one whose count is the last line written, nil for none
	status   []string
	rows     int // of the status, as it stands on the terminal
	key      []byte
}

// LiveOptions choose how Live writes.
type LiveOptions struct {
	TextOptions
	// Terminal allows to move the cursor; Width is then the terminal's.
	Terminal bool
}

// fold is a verdict that may come again.
type fold struct {
	key         string
	mark        string
	color       color
	who, said   string
	first, last int64 // times of the findings
	count       int
	written     int                 // the count that was written last
	at          int64               // the time of the finding that it was written with
	names       map[string]struct{} // of users, where they differ; at most maxFoldNames
}

const (
	// foldFor is how long after the last one a verdict counts as repeated.
	foldFor = int64(10 * time.Minute)
	// foldEvery is how often a count is written where it cannot be changed
	// in place.
	foldEvery    = int64(time.Minute)
	maxFolds     = 1024
	maxFoldNames = 1000
)

// NewLive gives a sink that writes to w and flushes it when the loop rests.
func NewLive(w *bufio.Writer, c *causes.Catalogue, p *patterns.Catalogue, words *lang.Words, o LiveOptions) *Live {
	return &Live{
		text: NewText(w, c, words, o.TextOptions), w: w, patterns: p, words: lang.TailIn(words.Language), o: o,
		folds: map[string]*fold{},
	}
}

// Deliver implements sshwhy.Sink.
func (l *Live) Deliver(f *sshwhy.Finding) error {
	l.clearStatus()
	now := f.End
	k := l.foldOf(f)
	if k.count == 0 || now-k.last > foldFor {
		l.counted = nil
		err := l.text.Deliver(f)
		l.begin(k, f)
		return err
	}
	k.count++
	k.last = max(k.last, now)
	k.name(f)
	if l.o.Terminal || worthALine(k.count) || now-k.at >= foldEvery {
		l.count(k)
	}
	return nil
}

// begin notes a verdict that was written in full.
func (l *Live) begin(k *fold, f *sshwhy.Finding) {
	cause := l.text.causes.Cause(f.Cause)
	*k = fold{key: k.key, first: f.End, last: f.End, count: 1, written: 1, at: f.End, who: l.text.who(f, cause), said: l.text.said(f, cause)}
	k.mark, k.color = markOf(f)
	k.name(f)
}

// worthALine tells the counts that are told where a line cannot be changed:
// 10, 100, and so on.
func worthALine(n int) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

// foldOf gives the fold that a finding belongs to. Names that do not exist are
// made up by the client: there the address alone counts.
func (l *Live) foldOf(f *sshwhy.Finding) *fold {
	b := fmt.Appendf(l.key[:0], "%d %d %d ", f.Cause, f.Outcome, f.Confidence)
	b = append(append(append(b, f.Host...), 0), f.Address...)
	if !l.madeUp(f) {
		b = append(append(b, 0), f.User...)
		for _, v := range f.Values {
			b = append(append(b, 0), v.Text...)
		}
	}
	l.key = b
	if k := l.folds[string(b)]; k != nil {
		return k
	}
	if len(l.order) >= maxFolds {
		l.forgetHalf()
	}
	k := &fold{key: string(b)}
	l.folds[k.key] = k
	l.order = append(l.order, k)
	return k
}

// madeUp tells findings about accounts that the host does not have.
func (l *Live) madeUp(f *sshwhy.Finding) bool {
	return f.Cause != 0 && l.text.causes.ID(f.Cause) == "user-unknown"
}

// forgetHalf makes room: the older half is forgotten, and written in full when
// it comes again.
func (l *Live) forgetHalf() {
	half := len(l.order) / 2
	for _, k := range l.order[:half] {
		delete(l.folds, k.key)
	}
	l.order = append(l.order[:0], l.order[half:]...)
	l.counted = nil
}

func (k *fold) name(f *sshwhy.Finding) {
	if k.names == nil {
		k.names = map[string]struct{}{}
	}
	if len(k.names) < maxFoldNames {
		k.names[string(f.User)] = struct{}{}
	}
}

// count writes how often a verdict was given, in the place of the last count
// where that is the last line that was written.
func (l *Live) count(k *fold) {
	if l.o.Terminal && l.counted == k {
		l.w.WriteString("\x1b[1A\r\x1b[K")
	}
	t := l.text
	who := k.who
	if n := len(k.names) - 1; n > 0 {
		who += " (" + fmt.Sprintf(l.words.OtherNames, n) + ")"
	}
	rest := " " + who + strings.Repeat(" ", max(2, whoWidth-lang.Width(who))) + k.said + "  " + fmt.Sprintf(l.words.Times, k.count, l.clock(k.first))
	if l.o.Terminal {
		rest = fit(rest, l.o.Width-len(indent)-1)
	}
	t.line = append(append(t.line[:0], l.clock(k.last)...), "  "...)
	t.paint(k.color, k.mark)
	t.line = append(append(t.line, rest...), '\n')
	l.w.Write(t.line)
	l.counted = k
	k.written, k.at = k.count, k.last
}

// clock gives a time of day.
func (l *Live) clock(t int64) string {
	if t == 0 {
		return "--:--:--"
	}
	return time.Unix(0, t).In(l.text.o.Zone).Format(time.TimeOnly)
}

// fit cuts a text so that it does not wrap on a terminal of that width.
func fit(text string, width int) string {
	if width < 10 || lang.Width(text) <= width {
		return text
	}
	n := 0
	for i, r := range text {
		if n += lang.Width(string(r)); n >= width {
			return text[:i] + "…"
		}
	}
	return text
}

// Event writes a line of sshd and what it was taken for.
func (l *Live) Event(ev *sshwhy.Event) {
	if ev.Line == sshwhy.LineSkipped {
		return
	}
	l.clearStatus()
	l.counted = nil
	t := l.text
	t.line = t.line[:0]
	t.line = append(append(t.line, l.clock(ev.Time)...), "    "...)
	t.line = fmt.Appendf(t.line, "%s[%d]: ", sshwhy.Printable(string(ev.Ident)), ev.PID)
	t.line = append(sshwhy.AppendPrintable(t.line, ev.Message), ' ', ' ')
	taken := l.words.Unknown
	if e := l.patterns.Entry(ev.Pattern); e != nil {
		taken = fmt.Sprintf(l.words.Taken, e.ID)
	}
	t.paint(faint, taken)
	t.line = append(t.line, '\n')
	l.w.Write(t.line)
}

// Pending says what is still open, a line each. It is shown when the loop
// rests, and on terminals only.
func (l *Live) Pending(lines []string) { l.status = lines }

// Flush implements sshwhy.Flusher: it writes what is open below all verdicts.
func (l *Live) Flush() error {
	if l.o.Terminal {
		l.clearStatus()
		for _, line := range l.status {
			text := fit("          … "+line, l.o.Width-1)
			if l.o.Color {
				text = "\x1b[" + string(faint) + "m" + text + "\x1b[0m"
			}
			l.w.WriteString(text + "\n")
		}
		l.rows = len(l.status)
	}
	return l.w.Flush()
}

// Clear takes what is open off the terminal, before someone else writes to it.
func (l *Live) Clear() error {
	l.clearStatus()
	l.counted = nil
	return l.w.Flush()
}

func (l *Live) clearStatus() {
	if l.rows > 0 {
		fmt.Fprintf(l.w, "\x1b[%dA\r\x1b[J", l.rows)
		l.rows = 0
	}
}

// Resize tells that the terminal has another width.
func (l *Live) Resize(width int) { l.o.Width, l.text.o.Width = width, width }

// Close writes the counts that were not written yet.
func (l *Live) Close() error {
	l.clearStatus()
	for _, k := range l.order {
		if k.count > k.written {
			l.count(k)
		}
	}
	return l.w.Flush()
}
