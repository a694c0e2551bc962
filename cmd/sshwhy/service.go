//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/alerts"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/config"
	"github.com/sshwhy/sshwhy/inspect"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/sinks"
	"github.com/sshwhy/sshwhy/tailers"
)

// service is one configuration at work: what "sshwhy run" builds from it, and
// builds anew when it is reloaded. What it knows lies in the ledger, so that the
// next one goes on where it stopped.
type service struct {
	config     *config.Config
	own        string // folder of the user's patterns
	log        zerolog.Logger
	catalogue  *causes.Catalogue
	messages   *patterns.Catalogue
	parser     *zonedParser
	classifier *classifier.Classifier
	alerter    *alerts.Alerter
	ledger     *ledger.Ledger  // nil in a dry run
	outboxes   *sinks.Outboxes // nil in a dry run
	printed    several         // of a dry run
	closers    []func() error
	reopen     []func()
	samplers   []sampler
	inspector  *inspect.Source // nil unless it is on
	bulletin   *bulletin
	source     sshwhy.Source
	looked     chan struct{} // closed when each log was looked at, and the ledger knows where it begins
	watch      *watch
	started    time.Time
	dry        bool
	reloading  atomic.Bool // the next one begins at once
}

// stopGrace is how long a stop waits for what is still to be delivered, and
// reloadGrace a reload; the rest is delivered by the next run.
const (
	stopGrace   = 5 * time.Second
	reloadGrace = 200 * time.Millisecond
)

// lookPatience is how long the first look at the logs may take before the
// service counts as ready without it. systemd waits for 90 s (TimeoutStartSec=).
const lookPatience = 30 * time.Second

// newService builds the service; it is closed by close, also after an error.
func newService(ctx context.Context, c *config.Config, log zerolog.Logger, io streams, own string, dry bool) (*service, error) {
	s := &service{config: c, own: own, log: log, bulletin: newBulletin(), looked: make(chan struct{}), started: time.Now(), dry: dry}
	for _, step := range []func(context.Context, streams) error{s.load, s.open, s.deliver, s.follow} {
		if err := step(ctx, io); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// load makes the rooms that need nothing from outside.
func (s *service) load(context.Context, streams) error {
	var err error
	if s.messages, err = loadPatterns(s.own); err != nil {
		return err
	}
	if s.catalogue, err = causesWith(s.messages); err != nil {
		return err
	}
	if s.parser, err = newZonedParser(s.messages, s.config); err != nil {
		return err
	}
	options := classifier.Options{GraceTime: s.config.LoginGraceTime, Hold: true, Inspect: s.config.Inspect.Enabled}
	if s.classifier, err = classifier.New(s.messages, s.catalogue, options); err != nil {
		return err
	}
	zone, err := zoneOf(s.config.Timezone)
	if err != nil {
		return err
	}
	s.alerter, err = alerts.New(s.catalogue, alerts.Options{Rules: s.config.AlertRules(), Zone: zone})
	return err
}

// open opens the ledger. A dry run has none: it must not move what the real one
// knows.
func (s *service) open(context.Context, streams) error {
	if s.dry {
		return nil
	}
	path := s.config.Ledger()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return hinted{fmt.Errorf("making the state directory: %w", err), "run sshwhy as the user that owns it, or name another with state: in the configuration"}
	}
	var err error
	s.ledger, err = ledger.Open(path, ledger.Options{Notice: s.bulletin.post})
	if err != nil {
		var used *ledger.InUseError
		if errors.As(err, &used) {
			return hinted{err, "another sshwhy runs with this state directory; stop it, or give this one its own"}
		}
		return err
	}
	s.closers = append(s.closers, s.ledger.Close)
	return nil
}

// deliver makes the sinks behind their queues.
func (s *service) deliver(_ context.Context, io streams) error {
	var options []sinks.OutboxOptions
	m := sinkMaker{service: s, out: io.out, encoders: map[string]sinks.Encoder{}}
	for i := range s.config.Sinks {
		if s.dry {
			sink, err := m.dryRun(&s.config.Sinks[i])
			if err != nil {
				return err
			}
			s.printed = append(s.printed, sink)
			continue
		}
		o, err := m.make(&s.config.Sinks[i])
		if err != nil {
			return fmt.Errorf("making the sink %q: %w", s.config.Sinks[i].Name, err)
		}
		options = append(options, o)
	}
	if s.dry {
		return nil
	}
	var err error
	if s.outboxes, err = sinks.OpenOutboxes(s.ledger, options...); err != nil {
		return err
	}
	return s.forsaken(options)
}

// forsaken looks after the queues of sinks that the configuration no longer
// names: an empty one goes, another waits for its sink to come back.
func (s *service) forsaken(options []sinks.OutboxOptions) error {
	names, err := s.ledger.Queues()
	if err != nil {
		return err
	}
	for _, name := range names {
		if slices.ContainsFunc(options, func(o sinks.OutboxOptions) bool { return o.Name == name }) {
			continue
		}
		n, err := s.ledger.Waiting(name)
		if err != nil {
			return err
		}
		if n > 0 {
			s.log.Warn().Str("sink", name).Uint64("items", n).Str("hint", "name the sink again to have them delivered").Msg("the configuration does not name this sink any more, and some wait for it")
		} else if err := s.ledger.Forget(name); err != nil {
			return err
		}
	}
	return nil
}

// follow makes the one source of all that is followed.
func (s *service) follow(ctx context.Context, io streams) error {
	m := &tailers.Merge{Beside: []sshwhy.Source{s.bulletin}, Looked: func() { close(s.looked) }}
	for i := range s.config.Sources {
		source, err := s.follower(ctx, io, &s.config.Sources[i])
		if err != nil {
			return err
		}
		m.Sources = append(m.Sources, source)
	}
	if s.config.Inspect.Enabled {
		var err error
		if s.inspector, err = newInspection(s.catalogue, causes.Language(s.config.Language), s.config.Inspect.Socket); err != nil {
			return err
		}
		m.Beside = append(m.Beside, s.inspector)
		s.log.Info().Str("socket", s.config.Inspect.Socket).Msg("findings that the log does not explain are looked into on this host")
	}
	s.source = m
	s.watch = newWatch(func(n *sshwhy.Notice) { s.bulletin.post(n) })
	s.watch.unseen.first = s.ledger == nil || len(s.ledger.Streams()) == 0
	return nil
}

// follower makes a source of the configuration.
func (s *service) follower(ctx context.Context, io streams, c *config.Source) (sshwhy.Source, error) {
	name := c.Timezone
	if name == "" {
		name = s.config.Timezone
	}
	p, err := s.parser.in(name)
	if err != nil {
		return nil, err
	}
	o := liveOptions{time: timeReader(p), directory: c.Directory, fromStart: c.FromStart}
	if s.ledger != nil {
		o.resume = lastPlaces(s.ledger)
	}
	switch name = c.Path; {
	case c.Directory != "":
		name = "journal"
	case name == "auto":
		found, err := findLog(causes.Language(s.config.Language))
		if err != nil {
			return nil, err
		}
		name = found.Name
		s.log.Info().Str("source", name).Str("why", found.Why).Msg("found the log of this host")
	}
	return liveSource(ctx, name, io.in, o), nil
}

// run leads the log through the rooms until the context is done, or every
// source has ended: in failure if one of them did, so that systemd tries again.
func (s *service) run(ctx context.Context) error {
	loop := sshwhy.Loop{
		Source: s.source, Parser: s.parser, Classifier: s.classifier, Alerter: s.alerter, Sink: s.printed,
		Watch: s.watch.note, Trouble: s.trouble, Live: true,
	}
	if !s.dry {
		s.outboxes.Start()
		defer s.stop()
		loop.Ledger, loop.Sink = s.ledger, asking{s.outboxes, s.inspector}
	}
	err := loop.Run(ctx)
	if err == nil && ctx.Err() == nil && s.watch.troubles.Load() > 0 {
		return exitError{errors.New("no source is left to follow, and not all could be read"), exitTrouble}
	}
	return err
}

// hasLooked tells whether every log was looked at: what is written to it after
// that is read, by this run or the next.
func (s *service) hasLooked() bool {
	select {
	case <-s.looked:
		return true
	default:
		return false
	}
}

// waitForLook waits until every log was looked at, the context is done, or
// patience is at its end.
func (s *service) waitForLook(ctx context.Context) {
	timer := time.NewTimer(time.Until(s.started.Add(lookPatience)))
	defer timer.Stop()
	select {
	case <-s.looked:
	case <-ctx.Done():
	case <-timer.C:
	}
}

// stop delivers what is left for a while.
func (s *service) stop() {
	grace := stopGrace
	if s.reloading.Load() {
		grace = reloadGrace
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if left := s.outboxes.Stop(ctx); left > 0 {
		s.log.Info().Uint64("items", left).Msg("some are left to be delivered by the next run")
	}
}

func (s *service) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil {
			s.log.Error().Err(err).Msg("closing")
		}
	}
	s.closers = nil
}

// trouble writes what went wrong to the program's own log. Text from a log is
// in fields alone, which are escaped.
func (s *service) trouble(err error) {
	var n *sshwhy.Notice
	if !errors.As(err, &n) {
		s.log.Error().Str("error", sshwhy.Printable(err.Error())).Msg("a part of a log could not be read")
		s.watch.troubles.Add(1)
		return
	}
	s.watch.lost.Add(n.Lost)
	e := s.log.Warn().Str("code", n.Code).Str("source", sshwhy.Printable(n.Source)).Str("notice", sshwhy.Printable(n.Text))
	if n.Hint != "" {
		e = e.Str("hint", sshwhy.Printable(n.Hint))
	}
	if n.Lost > 0 {
		e = e.Int64("lost", n.Lost)
	}
	e.Msg("notice")
}

// asking delivers findings and has the host looked at where they do not tell.
type asking struct {
	*sinks.Outboxes
	inspector *inspect.Source // nil unless it is on
}

// Deliver implements sshwhy.Sink.
func (a asking) Deliver(f *sshwhy.Finding) error {
	if err := a.Outboxes.Deliver(f); err != nil {
		return err
	}
	if a.inspector != nil {
		a.inspector.Ask(f)
	}
	return nil
}

// watch counts what goes through the loop, for whoever asks how the service is.
// The loop writes, others read.
type watch struct {
	parsed, unparsed, skipped, troubles atomic.Uint64
	lost                                atomic.Int64
	beat                                atomic.Int64 // when the loop last moved
	offset                              offsetWatch
	unseen                              unseenWatch
	memory                              quietMemory
	sources                             lastLines
}

func newWatch(tell func(*sshwhy.Notice)) *watch {
	w := &watch{}
	w.offset = offsetWatch{now: time.Now, tell: func(d time.Duration) {
		tell(&sshwhy.Notice{Code: "times-off", Text: fmt.Sprintf("the times in the log differ from this host's clock by %s", d), Hint: "check timezone: in the configuration, and the clock of the host that writes it"})
	}}
	w.unseen = unseenWatch{began: time.Now(), tell: tell}
	w.beat.Store(time.Now().UnixNano())
	return w
}

// note sees every event.
func (w *watch) note(ev *sshwhy.Event) {
	now := time.Now().UnixNano()
	w.beat.Store(now)
	w.offset.note(ev)
	w.unseen.note(ev, time.Unix(0, now))
	w.memory.note(ev)
	if ev.Record.Tick || ev.Record.Inspection != nil {
		return
	}
	switch ev.Line {
	case sshwhy.LineParsed:
		w.parsed.Add(1)
	case sshwhy.LineUnparsed:
		w.unparsed.Add(1)
	default:
		w.skipped.Add(1)
	}
	w.sources.note(ev.Record.Source, now)
}
