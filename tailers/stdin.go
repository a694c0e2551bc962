package tailers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/tailers/lines"
)

// Stream follows what a pipe brings, as "tail -f auth.log | sshwhy tail -"
// does. It ends with the pipe. A reader that waits does not notice that the
// context is done: give it one that does.
type Stream struct {
	// Reader is where the lines come from. Not owned.
	Reader io.Reader
	// Name stands for it in records; "-" if empty.
	Name string
}

// Records implements sshwhy.Source.
func (s *Stream) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		record := sshwhy.Record{Source: s.Name}
		if record.Source == "" {
			record.Source = "-"
		}
		tick := sshwhy.Record{Tick: true}
		l := lines.New(s.Reader)
		for ctx.Err() == nil {
			if !l.Ready() && !yield(&tick, nil) {
				return
			}
			text, cut, err := l.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, fmt.Errorf("reading %s: %w", record.Source, err))
				}
				return
			}
			record.Text, record.Truncated = text, cut
			if !yield(&record, nil) {
				return
			}
		}
	}
}
