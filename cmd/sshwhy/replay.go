package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/geography"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/report"
	"github.com/sshwhy/sshwhy/sinks"
	"github.com/sshwhy/sshwhy/tailers/archives"
)

const replayHelp = `Reads logs that are written already and says of every connection how it ended,
and where the login failed why, and what to do; then a summary. Times are
those of the log, in the zone of --tz.

The input are files, folders, patterns and - for standard input: logs as they
are, packed by gzip, xz, zstd or bzip2, in tar archives, and journal files. A log and
what it was rotated to are read as one, in the order of what they hold; several
logs are merged by time. Lines of other programs are passed over. What cannot
be read is reported on standard error; the rest is read, and the exit code is 3.

With --since and --until, findings count whose connection ended in that time.

The output is one of
  text      a verdict per connection for people, then the summary (default)
  jsonl     one JSON object per verdict and line (names of the Elastic Common
            Schema, or of OCSF with --schema ocsf); no summary
  csv       one line per verdict, safe to open in a spreadsheet; no summary
  timesketch  the same with the columns that Timesketch imports
  summary   the summary alone: outcomes, causes, users, sources, lines

--missed lists the lines of sshd that were not recognised, grouped by shape.
With --anonymise names, addresses, host names, key fingerprints and certificate
ids are replaced, the same one always by the same mask, so that the output of
--missed, text or jsonl can be shown to others. Each run has masks of its own
unless --anonymise-key gives a secret to make them from. The name root, ports,
process and user numbers and times stay.

--geoip names a database in the format of MaxMind, which you have to have; it
adds countries, cities and networks to the page and to jsonl, as far as it has
them. It can be given several times. Nothing is asked over the network.`

const replayExamples = `  sshwhy replay /var/log/auth.log
  journalctl -u ssh -o short-iso | sshwhy replay -
  sshwhy replay --output summary /var/log/archive/ hosts.tar.gz
  sshwhy replay --since 3d --until '2026-11-22 06:00' /var/log/auth.log*
  sshwhy replay --output jsonl auth.log | jq -r 'select(.user.name == "tanja") | .event.reason'
  sshwhy replay --fail-on startup-failed,bad-ownership-or-modes auth.log
  sshwhy replay --report logins.html --since 30d /var/log/auth.log*
  sshwhy replay --report logins.html --geoip GeoLite2-City.mmdb --geoip GeoLite2-ASN.mmdb auth.log
  sshwhy replay --missed --anonymise /var/log/auth.log > to-send.txt`

type replayOptions struct {
	inputOptions
	windowOptions
	displayOptions
	output                 string
	why, missed, anonymise bool
	anonymiseKey           string
	failOn                 []string
	schema, report         string
	geoip                  []string
	filterOptions
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
	f.StringVar(&o.output, "output", "text", "form of the output: text, jsonl, csv, timesketch or summary")
	o.displayOptions.register(cmd)
	f.BoolVar(&o.why, "why", false, "say for each verdict which rule decided it, on which lines, and what was ruled out")
	f.BoolVar(&o.missed, "missed", false, "list the lines of sshd that were not recognised, instead of verdicts")
	f.BoolVar(&o.anonymise, "anonymise", false, "replace names, addresses, host names, fingerprints and certificate ids")
	f.StringVar(&o.anonymiseKey, "anonymise-key", "", "secret from which --anonymise makes the same masks in every run")
	f.StringSliceVar(&o.failOn, "fail-on", nil, "exit with 1 if this was found: an outcome, undetermined, or a cause (sshwhy explain lists them)")
	f.StringVar(&o.schema, "schema", "ecs", "names in jsonl: ecs (Elastic Common Schema) or ocsf (Open Cybersecurity Schema Framework)")
	f.StringVar(&o.report, "report", "", "write a page to hand over, as FILE.html: one file, nothing loaded from elsewhere")
	f.StringArrayVar(&o.geoip, "geoip", nil, "database that says where addresses are, as FILE.mmdb (may be given several times)")
	o.inputOptions.register(cmd)
	o.windowOptions.register(cmd)
	o.filterOptions.register(cmd)
	return cmd
}

func replay(ctx context.Context, io streams, o *replayOptions, paths []string) error {
	r, err := newReplayer(io, o, paths)
	if err != nil {
		return err
	}
	defer r.close()
	err = r.run(ctx)
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
	archive    *archives.Archive
	workers    int
	ahead      *sshwhy.Ahead // nil where source and parser are in its place
	source     sshwhy.Source
	parser     sshwhy.Parser
	classifier sshwhy.Classifier
	sink       sshwhy.Sink
	out        *bufio.Writer
	page       report.Page
	accounting report.Accounting
	summary    *report.Summary
	during     window
	outside    outside
	report     *pageOf              // nil unless asked for
	missed     *report.Missed       // nil unless asked for
	jsonl      *sinks.JSONL         // nil for other outputs and schemas
	geography  *geography.Databases // nil unless asked for; closed by close
	evicted    func() uint64
	conditions []condition
	progress   *progress
	troubles   int
	denied     bool // one of them was for want of rights
	narrowed   bool // by filters, through which passed findings came
	passed     int
}

func newReplayer(io streams, o *replayOptions, paths []string) (*replayer, error) {
	language, colored, err := o.display(io.out)
	if err != nil {
		return nil, err
	}
	archive, options, err := o.archive(io, paths)
	if err != nil {
		return nil, err
	}
	messages, err := o.messages()
	if err != nil {
		return nil, err
	}
	catalogue, err := causesWith(messages)
	if err != nil {
		return nil, err
	}
	workers, err := o.processors()
	if err != nil {
		return nil, err
	}
	r := &replayer{io: io, workers: workers, o: o, archive: archive, out: bufio.NewWriterSize(io.out, 64<<10), summary: report.NewSummary(catalogue)}
	r.page = report.Page{Words: lang.For(language), Zone: options.Zone, ZoneName: zoneName(options.Zone), Year: o.year, Color: colored}
	if r.conditions, err = readConditions(o.failOn, catalogue); err != nil {
		return nil, err
	}
	if err := r.choose(messages, catalogue, language); err != nil {
		return nil, err
	}
	if err := r.narrow(messages, catalogue); err != nil {
		return nil, err
	}
	if err := r.bound(options.Zone); err != nil {
		return nil, err
	}
	if err := r.read(messages, catalogue, options); err != nil {
		return nil, err
	}
	r.progress = progressOn(io, o.output == "summary" || o.missed)
	archive.Progress = r.progress.update
	if err := r.locate(language); err != nil {
		return nil, err
	}
	return r, nil
}

// bound keeps to the times that were asked for.
func (r *replayer) bound(zone *time.Location) error {
	since, until, err := r.o.window(time.Now(), zone)
	if err != nil {
		return err
	}
	r.archive.Since, r.archive.Until = since, until
	if r.during = newWindow(since, until); r.during != everything {
		r.sink = windowed{r.during, r.sink}
	}
	return nil
}

// narrow keeps to the verdicts that were asked for, and gathers them for the
// page.
func (r *replayer) narrow(messages *patterns.Catalogue, catalogue *causes.Catalogue) error {
	if r.o.report != "" {
		if r.o.missed || r.o.anonymise {
			return hinted{errors.New("--report is a page of verdicts, and goes with neither --missed nor --anonymise"), "leave one of them out"}
		}
		r.report = &pageOf{r.o.report, messages.Own, report.NewHistory(catalogue)}
		r.archive.Digest = true
		r.sink = both{r.report.history, r.sink}
	}
	f, err := r.o.filter(catalogue)
	if err != nil {
		return err
	}
	if !f.all() {
		r.narrowed, r.sink = true, filtered{f, r.sink, &r.passed}
	}
	return nil
}

// choose makes what takes the findings.
func (r *replayer) choose(messages *patterns.Catalogue, catalogue *causes.Catalogue, language causes.Language) error {
	if r.o.missed && r.programs() {
		return hinted{fmt.Errorf("--missed is a list of its own, and not a part of %s", r.o.output), "leave one of the two out"}
	}
	switch r.o.output {
	case "jsonl", "csv", "timesketch":
		if err := r.forPrograms(catalogue, language); err != nil {
			return err
		}
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
		return fmt.Errorf("there is no output %q for replay; there is text, jsonl, csv, timesketch and summary", r.o.output)
	}
	return nil
}

// programs tells that the output is for programs, which want no summary.
func (r *replayer) programs() bool {
	return r.o.output == "jsonl" || r.o.output == "csv" || r.o.output == "timesketch"
}

// forPrograms makes the sinks that programs read.
func (r *replayer) forPrograms(catalogue *causes.Catalogue, language causes.Language) error {
	switch {
	case r.o.schema != "ecs" && r.o.schema != "ocsf":
		return fmt.Errorf("--schema %q is neither ecs nor ocsf", r.o.schema)
	case r.o.schema == "ocsf" && r.o.output != "jsonl":
		return hinted{errors.New("--schema ocsf is a form of jsonl"), "add --output jsonl"}
	case r.o.output == "csv":
		r.sink = sinks.NewCSV(r.out, catalogue, language)
	case r.o.output == "timesketch":
		r.sink = sinks.NewTimesketch(r.out, catalogue, language)
	case r.o.schema == "ocsf":
		r.sink = sinks.NewOCSF(r.out, catalogue, language)
	default:
		r.jsonl = sinks.NewJSONL(r.out, catalogue, language)
		r.sink = r.jsonl
	}
	return nil
}

// read makes what reads the lines.
func (r *replayer) read(messages *patterns.Catalogue, catalogue *causes.Catalogue, options parser.Options) error {
	p, err := parser.New(messages, options)
	if err != nil {
		return err
	}
	r.parsers(p)
	if r.o.anonymise || r.o.missed {
		words := report.NewVocabulary(messages, catalogue)
		if r.o.missed {
			r.missed = report.NewMissed(words)
		}
		if r.o.anonymise {
			// Masks are given in the order of the log: one parser.
			r.ahead, r.source = nil, r.archive
			r.parser = report.NewAnonymiser(p, report.NewMasks(r.o.anonymiseKey, words), options.Zone)
		}
	}
	if r.missed != nil {
		r.classifier = unclassified{}
		return nil
	}
	told := classifier.Options{Why: r.o.why}
	if r.o.output == "summary" && r.report == nil {
		told.Brief, told.Values = true, r.summary.Wants
	}
	c, err := classifier.New(messages, catalogue, told)
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

// parsers puts as many parsers to work as there are processors.
func (r *replayer) parsers(p *parser.Parser) {
	r.ahead = &sshwhy.Ahead{Source: r.archive}
	for range r.workers {
		r.ahead.Parsers = append(r.ahead.Parsers, p.Clone())
	}
}

// memoryPercent is how much the memory may grow between two collections of
// garbage, of which a replay makes little.
const memoryPercent = 30

// run reads all and writes what goes with the output: nothing after jsonl, and
// nothing where nothing could be read.
func (r *replayer) run(ctx context.Context) error {
	loop := sshwhy.Loop{Ahead: r.ahead, Source: r.source, Parser: r.parser, Classifier: r.classifier, Sink: r.sink, Count: r.count(), Watch: r.watch(), Trouble: r.trouble}
	defer debug.SetGCPercent(debug.SetGCPercent(memoryPercent))
	err := loop.Run(ctx)
	r.progress.clear()
	if err != nil {
		return err
	}
	r.page.Interrupted = ctx.Err() != nil
	total := r.accounting.Total()
	if total.Read() == 0 && r.troubles == 0 && ctx.Err() == nil && len(r.archive.Inputs()) == 0 {
		r.trouble(fmt.Errorf("reading the log: there is no file in %s", sshwhy.Printable(strings.Join(r.archive.Paths, ", "))))
	}
	if n := r.archive.Binary(); n > 0 {
		fmt.Fprintf(r.io.err, "sshwhy: passed over %d of the files found: they are no text\n", n)
	}
	first, last, misses := r.missesWindow()
	if misses {
		r.sayMissed(first, last)
	}
	if r.narrowed && r.passed == 0 && !misses && r.troubles == 0 && ctx.Err() == nil && !r.programs() {
		fmt.Fprintln(r.io.err, "sshwhy: no connection passes the filters; one that never reached sshd is in no log: sshwhy doctor looks at the host, sshwhy client at the other side")
	}
	if r.geography != nil && r.geography.Err() != nil {
		r.trouble(r.geography.Err())
	}
	if r.evicted != nil {
		r.page.Evicted = r.evicted()
	}
	if r.troubles > 0 && total.Read() == 0 {
		return nil
	}
	if r.report != nil {
		if err := r.report.write(r); err != nil {
			return err
		}
	}
	switch {
	case r.missed != nil:
		return r.missed.Write(r.out, &r.accounting, r.page)
	case !r.programs():
		return r.summary.Write(r.out, &r.accounting, r.page)
	}
	return nil
}

// count gives what counts the lines where all of them count and none is looked
// at, nil for all else.
func (r *replayer) count() func(*sshwhy.Record, []sshwhy.Event) {
	if r.missed == nil && r.during == everything {
		return r.accounting.NoteAll
	}
	return nil
}

// watch gives what looks at every line, nil where nothing does.
func (r *replayer) watch() func(*sshwhy.Event) {
	var watch func(*sshwhy.Event)
	if r.count() == nil {
		watch = r.watchLines
	}
	if r.report != nil {
		watch = r.report.watch(watch)
	}
	return watch
}

// watchLines counts the lines one by one.
func (r *replayer) watchLines(ev *sshwhy.Event) {
	if ev.Time != 0 && !r.during.holds(ev.Time) {
		r.outside.note(ev)
		return
	}
	r.accounting.Note(ev)
	if r.missed != nil {
		r.missed.Note(ev)
	}
}

// trouble reports what could not be read, as it happens.
func (r *replayer) trouble(err error) {
	r.troubles++
	r.denied = r.denied || errors.Is(err, os.ErrPermission)
	r.progress.clear()
	fmt.Fprintf(r.io.err, "sshwhy: %v\n", err)
}

// verdict gives the error that the exit code is made of.
func (r *replayer) verdict(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return exitError{errors.New("interrupted: the rest was not read"), exitCancelled}
	case r.denied:
		return exitError{hinted{fmt.Errorf("%d of the inputs could not be read, or not to the end", r.troubles), "try it with sudo, or as a member of the group that may read logs (ls -l names it)"}, exitTrouble}
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

// window is a span of time in nanoseconds since 1970 UTC, its end not included.
type window struct{ since, until int64 }

// everything is the window that leaves nothing out.
var everything = window{math.MinInt64, math.MaxInt64}

// newWindow gives the window between two times; zero means no bound.
func newWindow(since, until time.Time) window {
	w := everything
	if !since.IsZero() {
		w.since = since.UnixNano()
	}
	if !until.IsZero() {
		w.until = until.UnixNano()
	}
	return w
}

func (w window) holds(ns int64) bool { return w.since <= ns && ns < w.until }

// windowed hands on what ended inside a window.
type windowed struct {
	window
	sink sshwhy.Sink
}

// Deliver implements sshwhy.Sink.
func (w windowed) Deliver(f *sshwhy.Finding) error {
	if f.End != 0 && !w.holds(f.End) {
		return nil
	}
	return w.sink.Deliver(f)
}

// Flush implements sshwhy.Flusher.
func (w windowed) Flush() error {
	if f, ok := w.sink.(sshwhy.Flusher); ok {
		return f.Flush()
	}
	return nil
}
