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
	run(b, func() (classifier.Options, sshwhy.Sink) { return classifier.Options{}, nothing{} })
}

// BenchmarkSummary measures what replay --output summary does once it has a
// line.
func BenchmarkSummary(b *testing.B) {
	catalogue := readCauses(b)
	run(b, func() (classifier.Options, sshwhy.Sink) {
		s := report.NewSummary(catalogue)
		return classifier.Options{Brief: true, Values: s.Wants}, s
	})
}

// BenchmarkJSONL measures what replay --output jsonl does once it has a line.
func BenchmarkJSONL(b *testing.B) {
	catalogue := readCauses(b)
	run(b, func() (classifier.Options, sshwhy.Sink) {
		return classifier.Options{}, sinks.NewJSONL(io.Discard, catalogue, causes.English)
	})
}

func run(b *testing.B, begin func() (classifier.Options, sshwhy.Sink)) {
	whole, lines := log(b)
	p := newParser(b)
	messages, catalogue := readPatterns(b), readCauses(b)
	b.SetBytes(int64(len(whole)))
	b.ReportAllocs()
	started := processorTime()
	for b.Loop() {
		options, sink := begin()
		c, err := classifier.New(messages, catalogue, options)
		if err != nil {
			b.Fatal(err)
		}
		trouble := func(err error) { b.Fatal(err) }
		loop := sshwhy.Loop{Ahead: &sshwhy.Ahead{Source: text(whole), Parsers: []sshwhy.Parser{p}}, Classifier: c, Sink: sink, Trouble: trouble}
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

// text is a source of the lines that are in memory, as a file is one: it copies
// them block by block.
type text []byte

// blockBytes is how long the text of a block is, about.
const blockBytes = 64 << 10

// Records implements sshwhy.Source.
func (t text) Records(context.Context) iter.Seq2[*sshwhy.Record, error] { panic("in blocks only") }

// Blocks implements sshwhy.BlockSource.
func (t text) Blocks(_ context.Context, blank func() *sshwhy.Block) iter.Seq2[*sshwhy.Block, error] {
	return func(yield func(*sshwhy.Block, error) bool) {
		like := &sshwhy.Record{Source: "auth.log", Newest: newest}
		for left := []byte(t); len(left) > 0; {
			b := blank()
			n := min(len(left), blockBytes)
			n = bytes.LastIndexByte(left[:n], '\n') + 1
			b.Text = append(b.Text, left[:n]...)
			for start := 0; start < n; {
				end := start + bytes.IndexByte(b.Text[start:], '\n')
				b.Line(start, end, like)
				start = end + 1
			}
			left = left[n:]
			if !yield(b, nil) {
				return
			}
		}
	}
}

// nothing is a sink that only takes.
type nothing struct{}

// Deliver implements sshwhy.Sink.
func (nothing) Deliver(*sshwhy.Finding) error { return nil }
