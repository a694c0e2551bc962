package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/report"
	"github.com/sshwhy/sshwhy/sinks"
	"github.com/sshwhy/sshwhy/tailers"
)

const replayHelp = `Reads logs that are written already and says of every connection how it ended,
and where the login failed why, and what to do; then a summary. Times are
those of the log, in the zone of --tz.

The input are files, folders and - for standard input, compressed or not, one
after the other. Lines of other programs are passed over. What cannot be read
is reported on standard error; the rest is read, and the exit code is 3.

The output is one of
  text      a verdict per connection for people, then the summary (default)
  jsonl     one JSON object per verdict and line (names of the Elastic Common
            Schema); no summary
  summary   the summary alone: outcomes, causes, users, sources, lines

--missed lists the lines of sshd that were not recognised, grouped by shape.
With --anonymise names, addresses, host names, key fingerprints and certificate
ids are replaced, the same one always by the same mask, so that the output of
--missed, text or jsonl can be shown to others. Each run has masks of its own
unless --anonymise-key gives a secret to make them from. The name root, ports,
process and user numbers and times stay.`

const replayExamples = `  sshwhy replay /var/log/auth.log
  journalctl -u ssh -o short-iso | sshwhy replay -
  sshwhy replay --output summary /var/log/archive/
  sshwhy replay --output jsonl auth.log | jq -r 'select(.user.name == "tanja") | .event.reason'
  sshwhy replay --fail-on startup-failed,bad-ownership-or-modes auth.log
  sshwhy replay --missed --anonymise /var/log/auth.log > to-send.txt`

type replayOptions struct {
	inputOptions
	output, language, color string
	why, missed, anonymise  bool
	anonymiseKey            string
	failOn                  []string
}

func newReplay(io streams) *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:     "replay [flags] PATH…|-",
		Short:   "verdicts on every connection of a log, and a summary",
		Long:    replayHelp,
		Example: replayExamples,
		Args:    somePath,
		RunE: func(cmd *cobra.Command, paths []string) error {
			return replay(cmd.Context(), io, &o, paths)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.output, "output", "text", "form of the output: text, jsonl or summary")
	f.StringVar(&o.language, "lang", "", "language: en or ja (default: from LC_ALL, LC_MESSAGES, LANG)")
	f.StringVar(&o.color, "color", "auto", "colours: auto (on a terminal, unless NO_COLOR is set), always or never")
	f.BoolVar(&o.why, "why", false, "say for each verdict which rule decided it")
	f.BoolVar(&o.missed, "missed", false, "list the lines of sshd that were not recognised, instead of verdicts")
	f.BoolVar(&o.anonymise, "anonymise", false, "replace names, addresses, host names, fingerprints and certificate ids")
	f.StringVar(&o.anonymiseKey, "anonymise-key", "", "secret from which --anonymise makes the same masks in every run")
	f.StringSliceVar(&o.failOn, "fail-on", nil, "exit with 1 if this was found: an outcome, undetermined, or a cause (sshwhy explain lists them)")
	o.register(cmd)
	return cmd
}

func replay(ctx context.Context, io streams, o *replayOptions, paths []string) error {
	r, err := newReplayer(io, o)
	if err != nil {
		return err
	}
	err = r.run(ctx, paths)
	if err == nil {
		err = r.out.Flush()
	}
	if err != nil {
		return writing(err)
	}
	return r.verdict(ctx)
}

// replayer holds what a replay is made of.
type replayer struct {
	io         streams
	o          *replayOptions
	parser     sshwhy.Parser
	classifier sshwhy.Classifier
	sink       sshwhy.Sink
	out        *bufio.Writer
	page       report.Page
	accounting report.Accounting
	summary    *report.Summary
	missed     *report.Missed // nil unless asked for
	evicted    func() uint64
	conditions []condition
	progress   *progress
	troubles   int
}

func newReplayer(io streams, o *replayOptions) (*replayer, error) {
	language, err := lang.Choose(o.language)
	if err != nil {
		return nil, err
	}
	colored, err := chooseColor(o.color, io.out)
	if err != nil {
		return nil, err
	}
	options, err := o.parser()
	if err != nil {
		return nil, err
	}
	messages, err := patterns.Load()
	if err != nil {
		return nil, err
	}
	catalogue, err := causes.Load()
	if err != nil {
		return nil, err
	}
	r := &replayer{io: io, o: o, out: bufio.NewWriterSize(io.out, 64<<10), summary: report.NewSummary(catalogue)}
	r.page = report.Page{Words: lang.For(language), Zone: options.Zone, ZoneName: zoneName(options.Zone), Year: o.year, Color: colored}
	if r.conditions, err = readConditions(o.failOn, catalogue); err != nil {
		return nil, err
	}
	if err := r.choose(messages, catalogue, language); err != nil {
		return nil, err
	}
	if err := r.read(messages, catalogue, options); err != nil {
		return nil, err
	}
	r.progress = progressOn(io, o.output == "summary" || o.missed)
	return r, nil
}

// choose makes what takes the findings.
func (r *replayer) choose(messages *patterns.Catalogue, catalogue *causes.Catalogue, language causes.Language) error {
	switch r.o.output {
	case "jsonl":
		if r.o.missed {
			return hinted{errors.New("--missed is a list of its own, and not a part of jsonl"), "leave one of the two out"}
		}
		r.sink = sinks.NewJSONL(r.out, catalogue, language)
		if len(r.conditions) > 0 {
			r.sink = both{r.summary, r.sink}
		}
	case "text":
		r.sink = both{r.summary, sinks.NewText(r.out, catalogue, r.page.Words, sinks.TextOptions{
			Why: r.o.why, Zone: r.page.Zone, Color: r.page.Color, Width: terminalWidth(r.io.out),
		})}
	case "summary":
		r.sink = r.summary
	default:
		return fmt.Errorf("there is no output %q for replay; there is text, jsonl and summary", r.o.output)
	}
	return nil
}

// read makes what reads the lines.
func (r *replayer) read(messages *patterns.Catalogue, catalogue *causes.Catalogue, options parser.Options) error {
	p, err := parser.New(messages, options)
	if err != nil {
		return err
	}
	r.parser = p
	r.accounting.Form = p.Form
	if r.o.anonymise || r.o.missed {
		words := report.NewVocabulary(messages, catalogue)
		if r.o.missed {
			r.missed = report.NewMissed(words)
		}
		if r.o.anonymise {
			r.parser = report.NewAnonymiser(p, report.NewMasks(r.o.anonymiseKey, words), options.Zone)
		}
	}
	if r.missed != nil {
		r.classifier = unclassified{}
		return nil
	}
	c, err := classifier.New(messages, catalogue, classifier.Options{})
	if err != nil {
		return err
	}
	r.classifier = c
	r.evicted = func() uint64 {
		connections, _ := c.Evicted()
		return connections
	}
	return nil
}

// run reads all and writes what goes with the output: nothing after jsonl.
func (r *replayer) run(ctx context.Context, paths []string) error {
	source := &tailers.Archive{Paths: paths, Stdin: newStoppable(ctx, r.io.in), Progress: r.progress.update}
	loop := sshwhy.Loop{Source: source, Parser: r.parser, Classifier: r.classifier, Sink: r.sink, Watch: r.watch(), Trouble: r.trouble}
	err := loop.Run(ctx)
	r.progress.clear()
	if err != nil {
		return err
	}
	r.page.Interrupted = ctx.Err() != nil
	if r.evicted != nil {
		r.page.Evicted = r.evicted()
	}
	switch {
	case r.missed != nil:
		return r.missed.Write(r.out, &r.accounting, r.page)
	case r.o.output != "jsonl":
		return r.summary.Write(r.out, &r.accounting, r.page)
	}
	return nil
}

func (r *replayer) watch() func(*sshwhy.Event) {
	if r.missed == nil {
		return r.accounting.Note
	}
	return func(ev *sshwhy.Event) {
		r.accounting.Note(ev)
		r.missed.Note(ev)
	}
}

// trouble reports what could not be read, as it happens.
func (r *replayer) trouble(err error) {
	r.troubles++
	r.progress.clear()
	fmt.Fprintf(r.io.err, "sshwhy: %v\n", err)
}

// verdict gives the error that the exit code is made of.
func (r *replayer) verdict(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return exitError{errors.New("interrupted: the rest was not read"), exitCancelled}
	case r.troubles > 0:
		return exitError{fmt.Errorf("%d of the inputs could not be read, or not to the end", r.troubles), exitTrouble}
	}
	for _, c := range r.conditions {
		if n := c.count(r.summary); n > 0 {
			return exitError{fmt.Errorf("--fail-on %s: found %d times", c.name, n), exitFound}
		}
	}
	return nil
}

// condition is something that --fail-on asks for.
type condition struct {
	name  string
	count func(*report.Summary) uint64
}

func readConditions(names []string, catalogue *causes.Catalogue) ([]condition, error) {
	var list []condition
	for _, name := range names {
		c, ok := newCondition(name, catalogue)
		if !ok {
			return nil, hinted{fmt.Errorf("--fail-on %q is neither an outcome nor a cause", name), "give " + outcomeNames() + ", undetermined, or a cause that sshwhy explain lists"}
		}
		list = append(list, c)
	}
	return list, nil
}

func newCondition(name string, catalogue *causes.Catalogue) (condition, bool) {
	for _, out := range sshwhy.Outcomes() {
		if out.String() == name {
			return condition{name, func(s *report.Summary) uint64 { return s.Outcome(out) }}, true
		}
	}
	if id := catalogue.Find(name); id != 0 {
		return condition{name, func(s *report.Summary) uint64 { return s.Cause(id) }}, true
	}
	return condition{}, false
}

func outcomeNames() string {
	var names []string
	for _, out := range sshwhy.Outcomes() {
		names = append(names, out.String())
	}
	return strings.Join(names, ", ")
}

// chooseColor tells whether to write colours (no-color.org).
func chooseColor(flag string, out io.Writer) (bool, error) {
	switch flag {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(out), nil
	}
	return false, fmt.Errorf("--color %q is none of auto, always and never", flag)
}

// zoneName gives the zone's name as people know it: that of the host has none
// of its own.
func zoneName(zone *time.Location) string {
	if zone == time.Local {
		name, _ := time.Now().In(zone).Zone()
		return name
	}
	return zone.String()
}

// both hands a finding to two sinks.
type both [2]sshwhy.Sink

// Deliver implements sshwhy.Sink.
func (b both) Deliver(f *sshwhy.Finding) error {
	if err := b[0].Deliver(f); err != nil {
		return err
	}
	return b[1].Deliver(f)
}

// unclassified is a classifier for runs that want no verdicts.
type unclassified struct{}

// Classify implements sshwhy.Classifier.
func (unclassified) Classify(*sshwhy.Event, func(*sshwhy.Finding)) {}

// Close implements sshwhy.Classifier.
func (unclassified) Close(func(*sshwhy.Finding)) {}

// stoppable is a reader that ends when its context is done, though the one
// below waits for input, as a terminal or a pipe does.
type stoppable struct {
	ctx    context.Context
	r      io.Reader // not owned
	chunks chan chunk
	free   chan []byte
	rest   chunk
}

type chunk struct {
	text, buffer []byte
	err          error
}

func newStoppable(ctx context.Context, r io.Reader) *stoppable {
	return &stoppable{ctx: ctx, r: r}
}

// Read implements io.Reader.
func (s *stoppable) Read(p []byte) (int, error) {
	if s.chunks == nil {
		s.chunks, s.free = make(chan chunk), make(chan []byte, 2)
		for range cap(s.free) {
			s.free <- make([]byte, 128<<10)
		}
		go s.pump()
	}
	for len(s.rest.text) == 0 {
		if s.rest.err != nil {
			return 0, s.rest.err
		}
		if s.rest.buffer != nil {
			s.free <- s.rest.buffer
		}
		select {
		case s.rest = <-s.chunks:
		case <-s.ctx.Done():
			s.rest = chunk{err: io.EOF}
		}
	}
	n := copy(p, s.rest.text)
	s.rest.text = s.rest.text[n:]
	return n, nil
}

// pump reads ahead by one chunk. After the context is done it stays in its
// last Read until the program ends: nothing can call that back.
func (s *stoppable) pump() {
	for buffer := range s.free {
		n, err := s.r.Read(buffer)
		select {
		case s.chunks <- chunk{buffer[:n], buffer, err}:
		case <-s.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
