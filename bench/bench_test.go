package bench

import (
	"bytes"
	"context"
	"io"
	"iter"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/report"
	"github.com/sshwhy/sshwhy/sinks"
)

// logLines is the length of the log that is measured: long enough for memory
// to matter, short enough to be made in a fraction of a second.
const logLines = 200_000

// log gives the generated log in one piece, and its lines.
func log(b *testing.B) (whole []byte, lines [][]byte) {
	b.Helper()
	var buf bytes.Buffer
	if err := Generate(&buf, Options{Lines: logLines, Hosts: 4, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	lines = bytes.Split(bytes.TrimSuffix(buf.Bytes(), []byte("\n")), []byte("\n"))
	return buf.Bytes(), lines
}

// newest is later than every line of the log.
var newest = time.Date(2026, time.November, 20, 0, 0, 0, 0, time.UTC)

// BenchmarkParser measures the parser alone: headers off, message found,
// fields taken. An operation is one line.
func BenchmarkParser(b *testing.B) {
	whole, lines := log(b)
	p := newParser(b)
	record := &sshwhy.Record{Source: "auth.log", Newest: newest}
	var ev sshwhy.Event
	b.SetBytes(int64(len(whole) / len(lines)))
	b.ReportAllocs()
	started := processorTime()
	for i := 0; b.Loop(); i++ {
		if i == len(lines) {
			i = 0
		}
		record.Text = lines[i]
		p.Parse(record, &ev)
	}
	linesPerSecond(b, b.N, started)
}

// BenchmarkClassifier measures the parser and the classifier. An operation is
// the whole log.
func BenchmarkClassifier(b *testing.B) {
	run(b, classifier.Options{}, func() sshwhy.Sink { return nothing{} })
}

// BenchmarkSummary measures what replay --output summary does once it has a
// line.
func BenchmarkSummary(b *testing.B) {
	catalogue := readCauses(b)
	run(b, classifier.Options{Brief: true}, func() sshwhy.Sink { return report.NewSummary(catalogue) })
}

// BenchmarkJSONL measures what replay --output jsonl does once it has a line.
func BenchmarkJSONL(b *testing.B) {
	catalogue := readCauses(b)
	run(b, classifier.Options{}, func() sshwhy.Sink { return sinks.NewJSONL(io.Discard, catalogue, causes.English) })
}

func run(b *testing.B, options classifier.Options, sink func() sshwhy.Sink) {
	whole, lines := log(b)
	p := newParser(b)
	messages, catalogue := readPatterns(b), readCauses(b)
	b.SetBytes(int64(len(whole)))
	b.ReportAllocs()
	started := processorTime()
	for b.Loop() {
		c, err := classifier.New(messages, catalogue, options)
		if err != nil {
			b.Fatal(err)
		}
		trouble := func(err error) { b.Fatal(err) }
		loop := sshwhy.Loop{Source: source(lines), Parser: p, Classifier: c, Sink: sink(), Trouble: trouble}
		if err := loop.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	linesPerSecond(b, b.N*len(lines), started)
}

// linesPerSecond reports the lines for every second that a processor spent on
// them. It counts the garbage collector, and not the time that the machine
// gave to others.
func linesPerSecond(b *testing.B, lines int, started time.Duration) {
	b.ReportMetric(float64(lines)/(processorTime()-started).Seconds(), "lines/cpu-s")
}

func newParser(b *testing.B) *parser.Parser {
	b.Helper()
	p, err := parser.New(readPatterns(b), parser.Options{Zone: time.UTC})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func readPatterns(b *testing.B) *patterns.Catalogue {
	b.Helper()
	c, err := patterns.Load()
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func readCauses(b *testing.B) *causes.Catalogue {
	b.Helper()
	c, err := causes.Load()
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// source gives lines that are in memory.
type source [][]byte

// Records implements sshwhy.Source.
func (s source) Records(context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		record := &sshwhy.Record{Source: "auth.log", Newest: newest}
		for _, line := range s {
			record.Text = line
			if !yield(record, nil) {
				return
			}
		}
	}
}

// nothing is a sink that only takes.
type nothing struct{}

// Deliver implements sshwhy.Sink.
func (nothing) Deliver(*sshwhy.Finding) error { return nil }
