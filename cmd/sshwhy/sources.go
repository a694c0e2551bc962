package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/tailers"
	"github.com/sshwhy/sshwhy/tailers/archives"
	"github.com/sshwhy/sshwhy/tailers/journal"
)

// liveOptions say how logs are followed.
type liveOptions struct {
	// since begins in the past; zero begins now.
	since time.Time
	// resume gives the places that a ledger kept; nil without one.
	resume func(stream string) []sshwhy.Place
	// time reads the time of a line.
	time func(line []byte) (time.Time, bool)
	// directory is that of a journal; empty for the host's.
	directory string
	// fromStart reads what is there already when it is first seen.
	fromStart bool
}

// liveSource makes the source that a name stands for: "journal", "-" for
// standard input, or the path of a file or a glob.
func liveSource(ctx context.Context, name string, stdin io.Reader, o liveOptions) sshwhy.Source {
	switch name {
	case "journal":
		return journal.New(journal.Options{Resume: o.resume, Since: o.since, FromStart: o.fromStart, Directory: o.directory, Follow: true, Denied: tailers.DeniedJournal})
	case "-":
		return &tailers.Stream{Reader: archives.Stoppable(ctx, stdin)}
	}
	return tailers.NewFile(name, tailers.FileOptions{Resume: o.resume, Since: o.since, FromStart: o.fromStart, Time: o.time})
}

// lastPlaces gives the places that the last run left, as they are now: sources
// ask for them from goroutines of their own, at any time, and the ledger is the
// loop's.
func lastPlaces(l *ledger.Ledger) func(stream string) []sshwhy.Place {
	places := map[string][]sshwhy.Place{}
	for _, stream := range l.Streams() {
		places[stream] = l.Places(stream)
	}
	return func(stream string) []sshwhy.Place { return places[stream] }
}

// findLog finds the log of this host, or says what keeps us from it.
func findLog(language causes.Language) (tailers.Choice, error) {
	found, err := tailers.Auto(tailers.AutoOptions{Language: language})
	var none *tailers.NoSource
	if errors.As(err, &none) && none.Hint != "" {
		return found, hinted{err, none.Hint}
	}
	return found, err
}

// timeReader gives a function that reads the time of a line, with a parser of
// its own: that of the run learns from the lines in their order. The two share
// their tables.
func timeReader(p *parser.Parser) func(line []byte) (time.Time, bool) {
	p = p.Clone()
	var ev sshwhy.Event
	return func(line []byte) (time.Time, bool) {
		p.Parse(&sshwhy.Record{Text: line}, &ev)
		return time.Unix(0, ev.Time), ev.Time != 0
	}
}
