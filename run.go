package sshwhy

import (
	"context"
	"fmt"
	"iter"
)

// Source gives the records of a log in order.
//
// Records is called once, from one goroutine. It yields until the log ends,
// the context is done, or the loop stops asking; it has released everything
// when it returns. A record is valid until the next one is yielded. An error
// that concerns one file or line is yielded with a nil record, and the
// sequence goes on; an end without an error means that all was read.
type Source interface {
	Records(ctx context.Context) iter.Seq2[*Record, error]
}

// Parser turns a record into an event. It cannot fail: a line that says
// nothing known is an event as well. It is called from one goroutine.
type Parser interface {
	Parse(*Record, *Event)
}

// Classifier joins events and gives the findings that they settle.
//
// Classify is called with every event in the order of the log, Close once
// after the last, both from one goroutine. The findings that they yield are
// valid until the next is asked for; the sequence must be run to its end.
type Classifier interface {
	Classify(*Event, func(*Finding))
	Close(func(*Finding))
}

// Sink takes findings. Deliver is called from one goroutine and must not keep
// the finding. An error ends the run; a sink that can wait and try again does
// so behind a queue of its own.
type Sink interface {
	Deliver(*Finding) error
}

// Run reads the source to its end and hands every finding to the sink. The
// watch function sees each event before it is classified; it may be nil. An
// error of the source that concerns one file or line is given to trouble, and
// reading goes on; errors of the sink end the run.
func Run(ctx context.Context, source Source, parser Parser, classifier Classifier, sink Sink, watch func(*Event), trouble func(error)) error {
	var event Event
	var failed error
	deliver := func(f *Finding) {
		if failed == nil {
			failed = sink.Deliver(f)
		}
	}
	for record, err := range source.Records(ctx) {
		if err != nil {
			trouble(err)
			continue
		}
		parser.Parse(record, &event)
		if watch != nil {
			watch(&event)
		}
		classifier.Classify(&event, deliver)
		if failed != nil {
			return fmt.Errorf("delivering a finding: %w", failed)
		}
	}
	classifier.Close(deliver)
	if failed != nil {
		return fmt.Errorf("delivering a finding: %w", failed)
	}
	return nil
}
