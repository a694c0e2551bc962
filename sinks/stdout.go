package sinks

import (
	"context"
	"fmt"
	"io"

	"github.com/sshwhy/sshwhy/ledger"
)

// Lines writes a line for each item, as to standard output. It implements
// Deliverer.
type Lines struct {
	w   io.Writer // not owned
	buf []byte
}

// NewLines gives a deliverer that writes each batch to w with one call.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Send implements Deliverer.
func (l *Lines) Send(_ context.Context, items []ledger.Item, _ Kept) Sent {
	l.buf = l.buf[:0]
	for i := range items {
		l.buf = append(append(l.buf, items[i].Body...), '\n')
	}
	n, err := l.w.Write(l.buf)
	if err == nil {
		return Sent{Done: len(items)}
	}
	// Whole lines that were written are not written again.
	done := 0
	for done < len(items) && n > len(items[done].Body) {
		n -= len(items[done].Body) + 1
		done++
	}
	return Sent{Done: done, Err: fmt.Errorf("writing lines: %w", err)}
}
