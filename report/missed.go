package report

import (
	"bufio"
	"fmt"

	"github.com/sshwhy/sshwhy"
)

// Missed groups the lines of sshd that no pattern recognised by their shape:
// the message with a placeholder for what differs from line to line.
type Missed struct {
	shapes *Top
	words  *Vocabulary // not owned
	shape  []byte
}

// The bounds of what is kept.
const (
	maxShapes  = 2048
	maxShape   = 512
	maxExample = 1024
)

// NewMissed gives an empty list.
func NewMissed(v *Vocabulary) *Missed { return &Missed{shapes: NewTop(maxShapes), words: v} }

// Note adds the line of an event, if it was not recognised.
func (m *Missed) Note(ev *sshwhy.Event) {
	if ev.Line != sshwhy.LineUnparsed {
		return
	}
	m.shape = m.words.scrub(m.shape[:0], ev.Message[:min(len(ev.Message), maxShape)], placeholder)
	number, isNew := m.shapes.Add(m.shape, uint64(max(1, ev.Repeat)))
	if isNew {
		line := ev.Record.Text
		*m.shapes.Example(number) = append([]byte(nil), line[:min(len(line), maxExample)]...)
	}
}

// placeholder puts the name of its kind in the place of a token; words stay,
// known or not: what a shape is for is to be read.
func placeholder(dst []byte, k token, text []byte) []byte {
	switch k {
	case tokenWord, tokenUnknown:
		return append(dst, text...)
	case tokenAddress:
		_, end, _ := splitAddress(text)
		dst = append(dst, tokenNames[k]...)
		for _, c := range text[end:] {
			if c < '0' || c > '9' {
				dst = append(dst, c)
			}
		}
		return dst
	}
	return append(dst, tokenNames[k]...)
}

// Write lists the shapes, the most frequent first, each with its count and an
// example.
func (m *Missed) Write(w *bufio.Writer, a *Accounting, p Page) error {
	o := writer{Writer: w, page: p, words: &p.Words.Summary, label: 13}
	o.heading(o.words.Missed)
	list := m.shapes.Most(maxShapes)
	if len(list) == 0 {
		fmt.Fprintf(o, "  %s\n", o.words.NothingMissed)
	}
	for _, c := range list {
		count, note := fmt.Sprint(c.Count), ""
		if c.Error > 0 {
			count, note = "~"+count, "  "+fmt.Sprintf(o.words.AtLeast, c.Count-c.Error)
		}
		fmt.Fprintf(o, "%7s  %s%s\n", count, sshwhy.Printable(c.Name), note)
		fmt.Fprintf(o, "%7s  %s\n", "", sshwhy.AppendPrintable(nil, c.Example))
	}
	if !m.shapes.Exact() {
		fmt.Fprintf(o, "%7s  %s\n", "", fmt.Sprintf(o.words.Estimated, maxShapes, m.shapes.Floor()))
	}
	fmt.Fprintln(o)
	o.account(a, "")
	return w.Flush()
}
