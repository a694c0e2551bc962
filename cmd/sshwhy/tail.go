package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/inspect"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/report"
	"github.com/sshwhy/sshwhy/sinks"
	"github.com/sshwhy/sshwhy/tailers"
)

const tailHelp = `Follows the log of sshd and says of every connection how it ended, as soon as
that is known, and where the login failed why, and what to do. It begins now;
--since begins in the past. Ctrl-C ends it with a summary.

A SOURCE is the path of a log, which is followed through its rotations, a glob
as '/var/log/*/auth.log', "journal" for systemd's journal, or - for standard
input. Without one sshwhy takes what this host has: the journal, or
/var/log/auth.log, or /var/log/secure.

A verdict that is given again and again is written in full once and counted from
then on; --output jsonl gives every one. On a terminal the connections that are
still open are shown below.`

const tailExamples = `  sshwhy tail
  sshwhy tail --user alice --since 10m
  sshwhy tail --all /var/log/auth.log
  sshwhy tail --output jsonl journal | jq -r 'select(.event.outcome == "failure") | .event.reason'
  ssh web1 tail -F /var/log/auth.log | sshwhy tail -`

type tailOptions struct {
	inputOptions
	filterOptions
	displayOptions
	output            string
	since, ledger     string
	all, why, inspect bool
	grace             time.Duration
}

func newTail(io streams) *cobra.Command {
	var o tailOptions
	cmd := &cobra.Command{
		Use:     "tail [flags] [SOURCE…]",
		Short:   "verdicts on every connection as it happens",
		Long:    tailHelp,
		Example: tailExamples,
		RunE: func(cmd *cobra.Command, names []string) error {
			return tail(cmd.Context(), io, &o, names)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.output, "output", "text", "form of the output: text or jsonl")
	f.StringVar(&o.since, "since", "", "begin in the past: 10m, 2h, 3d, or a time as 2026-11-22 03:00")
	f.BoolVar(&o.all, "all", false, "show every line of sshd with what it was taken for")
	f.BoolVar(&o.why, "why", false, "say for each verdict which rule decided it")
	o.displayOptions.register(cmd)
	f.StringVar(&o.ledger, "ledger", "", "file that keeps how far was read, so that the next run goes on there")
	f.BoolVar(&o.inspect, "inspect", false, "look at this host where its log does not tell (as root: it sees what only root can)")
	f.DurationVar(&o.grace, "login-grace-time", 0, "LoginGraceTime of sshd: how long an open connection is waited for (default 2m)")
	o.inputOptions.register(cmd)
	o.filterOptions.register(cmd)
	return cmd
}

func tail(ctx context.Context, io streams, o *tailOptions, names []string) error {
	started := startSmall()
	f, err := newFollower(io, o)
	if err != nil {
		return err
	}
	defer f.close()
	source, err := f.source(ctx, names)
	if err != nil {
		return err
	}
	started()
	if err := f.run(ctx, source); err != nil {
		return writing(err)
	}
	return f.verdict()
}

// follower holds what "tail" is made of.
type follower struct {
	io         streams
	o          *tailOptions
	messages   *patterns.Catalogue
	catalogue  *causes.Catalogue
	options    parser.Options
	parser     *parser.Parser
	classifier *classifier.Classifier
	filter     *filter
	out        *bufio.Writer
	live       *sinks.Live // nil for jsonl
	summary    *report.Summary
	accounting report.Accounting
	page       report.Page
	words      *lang.Tail
	offset     offsetWatch
	memory     quietMemory
	ledger     *ledger.Ledger  // nil without --ledger; closed by close
	inspector  *inspect.Source // nil without --inspect
	notices    map[string]*sshwhy.Notice
	unread     int // sources that could not be read, or not to their end
	now        func() time.Time
}

func newFollower(io streams, o *tailOptions) (*follower, error) {
	language, colored, err := o.display(io.out)
	if err != nil {
		return nil, err
	}
	f := &follower{io: io, o: o, out: bufio.NewWriterSize(io.out, 64<<10), words: lang.TailIn(language), notices: map[string]*sshwhy.Notice{}, now: time.Now}
	if f.options, err = o.parser(); err != nil {
		return nil, err
	}
	if f.messages, err = o.messages(); err != nil {
		return nil, err
	}
	catalogue, err := causesWith(f.messages)
	if err != nil {
		return nil, err
	}
	f.catalogue = catalogue
	if f.filter, err = o.filter(catalogue); err != nil {
		return nil, err
	}
	if f.parser, err = parser.New(f.messages, f.options); err != nil {
		return nil, err
	}
	if f.classifier, err = classifier.New(f.messages, catalogue, classifier.Options{GraceTime: o.grace, Hold: o.ledger != "", Why: o.why, Inspect: o.inspect}); err != nil {
		return nil, err
	}
	f.summary = report.NewSummary(catalogue)
	f.page = report.Page{Words: lang.For(language), Zone: f.options.Zone, ZoneName: zoneName(f.options.Zone), Year: o.year, Color: colored}
	f.offset = offsetWatch{now: f.now, tell: f.timesAreOff}
	if o.inspect {
		if f.inspector, err = newInspection(catalogue, language, ""); err != nil {
			return nil, err
		}
		fmt.Fprintf(io.err, "sshwhy: %s\n", f.words.Inspecting)
	}
	return f, f.choose(catalogue, language)
}

// choose makes what takes the findings.
func (f *follower) choose(catalogue *causes.Catalogue, language causes.Language) error {
	switch f.o.output {
	case "jsonl":
		if f.o.all {
			return hinted{errors.New("--all is for people, and not a part of jsonl"), "sshwhy parse gives one object per line"}
		}
	case "text":
		f.live = sinks.NewLive(f.out, catalogue, f.messages, f.page.Words, sinks.LiveOptions{
			TextOptions: sinks.TextOptions{Why: f.o.why, Zone: f.page.Zone, Color: f.page.Color, Width: terminalWidth(f.io.out)},
			Terminal:    isTerminal(f.io.out),
		})
	default:
		return fmt.Errorf("there is no output %q for tail; there is text and jsonl", f.o.output)
	}
	return nil
}

// sink gives what takes the findings that pass, behind the summary.
func (f *follower) sink() sshwhy.Sink {
	if f.live != nil {
		return followed{f, f.live}
	}
	return followed{f, jsonl{sinks.NewJSONL(f.out, f.catalogue, f.page.Words.Language), f.out}}
}

// jsonl is a sink of JSON lines with the buffer that it writes to.
type jsonl struct {
	*sinks.JSONL
	out *bufio.Writer
}

// Flush implements sshwhy.Flusher.
func (j jsonl) Flush() error { return j.out.Flush() }

// followed counts every finding that passes and hands it on. When the loop
// rests it shows what is open.
type followed struct {
	f *follower
	sshwhy.Sink
}

// Deliver implements sshwhy.Sink.
func (s followed) Deliver(found *sshwhy.Finding) error {
	if !s.f.filter.passes(found) {
		return nil
	}
	if s.f.inspector != nil {
		s.f.inspector.Ask(found)
	}
	if err := s.f.summary.Deliver(found); err != nil {
		return err
	}
	return s.Sink.Deliver(found)
}

// Flush implements sshwhy.Flusher.
func (s followed) Flush() error {
	s.f.showPending()
	if flusher, ok := s.Sink.(sshwhy.Flusher); ok {
		return flusher.Flush()
	}
	return nil
}

// source makes one source of all that the user named.
func (f *follower) source(ctx context.Context, names []string) (sshwhy.Source, error) {
	var o liveOptions
	var err error
	if o.since, err = momentOf("--since", f.o.since, f.now(), f.options.Zone); err != nil {
		return nil, err
	}
	if f.o.ledger != "" {
		if f.ledger, err = ledger.Open(f.o.ledger, ledger.Options{Notice: func(n *sshwhy.Notice) { f.trouble(n) }}); err != nil {
			return nil, err
		}
		o.resume = lastPlaces(f.ledger)
	}
	if len(names) == 0 {
		found, err := findLog(f.page.Words.Language)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(f.io.err, "sshwhy: "+f.words.Following+"\n", found.Name, found.Why)
		names = []string{found.Name}
	}
	m := &tailers.Merge{}
	for _, name := range names {
		if found, err := filepath.Glob(name); err == nil && len(found) == 0 && name != "-" && name != "journal" {
			fmt.Fprintf(f.io.err, "sshwhy: "+f.words.Awaited+"\n", sshwhy.Printable(name))
		}
		o.time = timeReader(f.parser) // each source reads in a goroutine of its own
		m.Sources = append(m.Sources, liveSource(ctx, name, f.io.in, o))
	}
	if f.inspector != nil {
		f.inspector.AbandonWhen(ctx.Done())
		m.Beside = append(m.Beside, f.inspector)
	}
	return m, nil
}

func (f *follower) run(ctx context.Context, source sshwhy.Source) error {
	loop := sshwhy.Loop{
		Source: source, Parser: f.parser, Classifier: f.classifier, Sink: f.sink(),
		Watch: f.watch, Trouble: f.trouble, Live: true,
	}
	if f.ledger != nil {
		loop.Ledger = f.ledger
	}
	if err := loop.Run(ctx); err != nil {
		return err
	}
	return f.finish(ctx)
}

// watch sees every event before it is judged.
func (f *follower) watch(ev *sshwhy.Event) {
	f.accounting.Note(ev)
	f.offset.note(ev)
	f.memory.note(ev)
	if f.o.all && f.live != nil && ev.Line != sshwhy.LineSkipped {
		f.live.Event(ev)
	}
}

// trouble tells of what could not be read, and of what sshwhy notices about its
// own work.
func (f *follower) trouble(err error) {
	if f.live != nil {
		f.live.Clear()
	}
	var n *sshwhy.Notice
	if !errors.As(err, &n) {
		f.unread++
		fmt.Fprintf(f.io.err, "sshwhy: %s\n", sshwhy.Printable(err.Error()))
		return
	}
	if n.Code == "not-a-file" || n.Code == "bad-pattern" {
		f.unread++
	}
	f.note(n)
	text := sshwhy.Printable(n.Error())
	if n.Hint != "" {
		text += "; " + sshwhy.Printable(n.Hint)
	}
	fmt.Fprintf(f.io.err, "sshwhy: %s: %s\n", f.words.Note, text)
}

// note keeps a notice for the summary, adding up the lines of equal ones.
func (f *follower) note(n *sshwhy.Notice) {
	key := n.Code + "\x00" + n.Source
	if before := f.notices[key]; before != nil {
		before.Lost += n.Lost
		return
	}
	kept := *n
	f.notices[key] = &kept
	f.page.Notices = append(f.page.Notices, &kept)
}

func (f *follower) timesAreOff(by time.Duration) {
	f.trouble(&sshwhy.Notice{Code: "times-off", Text: fmt.Sprintf(f.words.Offset, by)})
}

// verdict gives the error that the exit code is made of.
func (f *follower) verdict() error {
	if f.unread > 0 {
		return exitError{errors.New("not all sources could be read to the end"), exitTrouble}
	}
	return nil
}

// finish writes the summary for people.
func (f *follower) finish(ctx context.Context) error {
	if f.live == nil {
		return f.out.Flush()
	}
	if err := f.live.Close(); err != nil {
		return err
	}
	if total := f.accounting.Total(); f.unread > 0 && total.Read() == 0 {
		return nil // why is said already
	}
	connections, _ := f.classifier.Evicted()
	f.page.Evicted = connections
	if ctx.Err() != nil {
		f.page.Open = f.open()
	}
	return f.summary.Write(f.out, &f.accounting, f.page)
}

func (f *follower) close() {
	if f.ledger != nil {
		f.ledger.Close()
	}
}

// shownPending is how many open connections a terminal shows.
const shownPending = 5

// showPending lists the connections that are still open.
func (f *follower) showPending() {
	if f.live == nil || !isTerminal(f.io.out) {
		return
	}
	f.live.Resize(terminalWidth(f.io.out))
	var lines []string
	more := 0
	f.classifier.Pending(func(p sshwhy.Pending) bool {
		if len(lines) < shownPending {
			lines = append(lines, f.words.Pending(f.page.Words, &p))
		} else {
			more++
		}
		return true
	})
	if more > 0 {
		lines = append(lines, fmt.Sprintf(f.words.MorePending, more))
	}
	f.live.Pending(lines)
}

// open counts the connections without a verdict.
func (f *follower) open() int {
	n := 0
	f.classifier.Pending(func(sshwhy.Pending) bool { n++; return true })
	return n
}
