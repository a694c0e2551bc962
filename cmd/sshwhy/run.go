//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy/config"
)

const runHelp = `The service: follows the logs that the configuration names, and brings findings
and alerts to its sinks. What it has read, what is open and what is still to be
delivered lies in a ledger in the state directory, so that nothing is lost and
nothing read twice, whatever stops it.

SIGHUP reads the configuration again, all or nothing, and opens output files
anew. SIGTERM ends it; what could not be delivered is delivered by the next run.

Without --config it reads /etc/sshwhy/sshwhy.yaml. An empty configuration is a
good one.`

const runExamples = `  sshwhy run
  sshwhy run --config sshwhy.yaml --dry-run     prints what would be sent
  sshwhy check /etc/sshwhy/sshwhy.yaml && systemctl reload sshwhy`

func newRun(io streams) *cobra.Command {
	var path, own string
	var dry bool
	cmd := &cobra.Command{
		Use:     "run [--config FILE]",
		Short:   "the service: alerts to Slack, webhooks, Loki, Alertmanager",
		Long:    runHelp,
		Example: runExamples,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runService(cmd.Context(), io, path, own, dry)
		},
	}
	cmd.Flags().StringVar(&path, "config", defaultConfig, "configuration file")
	cmd.Flags().StringVar(&own, "patterns", "", "folder with patterns of your own (default: "+ownPatterns+", if there is one)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print what would be sent instead of sending it, and keep nothing")
	return cmd
}

// runner is the program over all reloads.
type runner struct {
	path    string
	own     string // folder of the user's patterns, "" for the usual one
	dry     bool
	io      streams
	log     zerolog.Logger
	current atomic.Pointer[service]
	reach   *reach // what Landlock leaves; nil before it is in force, and without it
}

func runService(ctx context.Context, io streams, path, own string, dry bool) error {
	c, err := config.Read(path)
	if err != nil {
		return configError(err)
	}
	r := &runner{path: path, own: own, dry: dry, io: io, log: newLog(io, c)}
	if err := r.serve(ctx, c); err != nil {
		return err
	}
	if !dry {
		l, err := listenControl(c.Control())
		if err != nil {
			return err
		}
		defer r.answerOn(l, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			s := r.current.Load()
			if s == nil {
				refuse(w, http.StatusServiceUnavailable, errors.New("the configuration is being read"))
				return
			}
			s.waitForLook(q.Context())
			s.controlHandler().ServeHTTP(w, q)
		}))()
	}
	return r.loop(ctx, c)
}

// newLog makes the program's own log, on standard error.
func newLog(io streams, c *config.Config) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.Log.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	log := zerolog.New(io.err).Level(level).With().Timestamp().Logger()
	if c.Log.Format == "text" || c.Log.Format == "" && isTerminal(io.err) {
		log = log.Output(zerolog.ConsoleWriter{Out: io.err, TimeFormat: time.RFC3339, NoColor: !isTerminal(io.err) || os.Getenv("NO_COLOR") != ""})
	}
	return log
}

// serve answers Prometheus and whoever asks for the service's health.
func (r *runner) serve(ctx context.Context, c *config.Config) error {
	if c.Listen == "" || r.dry {
		return nil
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return hinted{fmt.Errorf("opening the address for metrics: %w", err), "choose another with listen: in the configuration, or leave it out"}
	}
	stop := r.answerOn(l, monitored(r.current.Load))
	context.AfterFunc(ctx, stop)
	return nil
}

// answerOn serves HTTP until the function that it gives is called.
func (r *runner) answerOn(l net.Listener, h http.Handler) func() {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			r.log.Error().Err(err).Str("address", l.Addr().String()).Msg("no longer answering")
		}
	}()
	return func() { server.Close() }
}

// loop runs one configuration after the other: each reload ends the service and
// begins another, which goes on from the ledger.
func (r *runner) loop(ctx context.Context, c *config.Config) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	var before *config.Config // what was in force until the reload
	for {
		next, err := r.one(ctx, c, hup)
		var unfit *unfitError
		switch {
		case errors.As(err, &unfit) && before != nil:
			r.log.Error().Str("error", err.Error()).Msg("the configuration cannot be put to work; the old one is in force again")
			c, before = before, nil
		case err != nil || next == nil:
			r.notify(daemon.SdNotifyStopping)
			return err
		default:
			before, c = c, next
		}
	}
}

// unfitError is a configuration that is sound and yet cannot be put to work: a
// file that cannot be opened, a log that is not there.
type unfitError struct{ error }

// Unwrap gives what went wrong.
func (e *unfitError) Unwrap() error { return e.error }

// one runs a configuration until it is reloaded: then it gives the next one.
func (r *runner) one(ctx context.Context, c *config.Config, hup <-chan os.Signal) (*config.Config, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := newService(ctx, c, r.log, r.io, r.own, r.dry)
	if err != nil {
		return nil, &unfitError{err}
	}
	defer s.close()
	if s.inspector != nil {
		s.inspector.AbandonWhen(ctx.Done())
	}
	defer r.current.Store(nil)
	r.current.Store(s)
	if err := r.confine(c); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	ready := make(chan struct{})
	go func() {
		s.waitForLook(ctx)
		close(ready)
	}()
	beat := time.NewTicker(watchdogEvery())
	defer beat.Stop()
	for {
		select {
		case err := <-done:
			return nil, err
		case <-ready:
			ready = nil
			if ctx.Err() == nil {
				r.ready(s, c)
			}
		case <-beat.C:
			if time.Since(time.Unix(0, s.watch.beat.Load())) < standsStill {
				r.notify(daemon.SdNotifyWatchdog)
			}
		case <-hup:
			next := r.reload(s, c)
			if next == nil {
				continue
			}
			s.reloading.Store(true)
			cancel()
			return next, <-done
		}
	}
}

// ready says that what is written from now on is read.
func (r *runner) ready(s *service, c *config.Config) {
	if !s.hasLooked() {
		r.log.Warn().Stringer("after", lookPatience).Str("hint", "a file system that hangs can be the reason").Msg("not every log could be looked at yet; what is written to such a one may not be read")
	}
	r.log.Info().Str("config", r.path).Int("sources", len(c.Sources)).Int("sinks", len(c.Sinks)).Str("version", version).Msg("running")
	r.notify(daemon.SdNotifyReady)
}

// reload reads the configuration again. Output files are opened anew in any
// case; a configuration that is wrong changes nothing.
func (r *runner) reload(s *service, c *config.Config) *config.Config {
	for _, reopen := range s.reopen {
		reopen()
	}
	next, err := config.Read(r.path)
	if err != nil {
		r.log.Error().Str("error", err.Error()).Msg("the configuration is wrong; the old one stays in force")
		return nil
	}
	if _, err := loadPatterns(r.own); err != nil {
		r.log.Error().Str("error", err.Error()).Msg("the patterns are wrong; the old ones stay in force")
		return nil
	}
	if r.reach != nil {
		if beyond := r.reach.beyond(reachOf(next, r.path, r.own)); len(beyond) > 0 {
			r.log.Error().Strs("paths", beyond).Str("hint", "systemctl restart sshwhy").Msg("the new configuration names paths that were closed to the service at its start; the old one stays in force until a restart")
			return nil
		}
	}
	if next.State != c.State || next.Runtime != c.Runtime || next.Listen != c.Listen {
		r.log.Warn().Msg("state, runtime and listen change with a restart only")
		next.State, next.Runtime, next.Listen = c.State, c.Runtime, c.Listen
	}
	return next
}

// confine lets Landlock take away, once, what the configuration does not need.
// A dry run is a person's, who may do what that person may.
func (r *runner) confine(c *config.Config) error {
	if r.reach != nil || r.dry {
		return nil
	}
	reach := reachOf(c, r.path, r.own)
	version, err := confine(reach)
	if err != nil {
		return err
	}
	if version == 0 {
		r.log.Info().Msg("this kernel has no Landlock to confine the service with")
		return nil
	}
	r.reach = reach
	r.log.Info().Int("landlock", version).Strs("reads", reach.read).Strs("writes", reach.write).Strs("runs", reach.run).Msg("confined to what the configuration needs")
	return nil
}

// notify tells systemd, where it listens.
func (r *runner) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		r.log.Warn().Err(err).Msg("telling systemd")
	}
}

// watchdogEvery is half of what systemd waits for (WatchdogSec=), or a minute.
func watchdogEvery() time.Duration {
	if d, err := daemon.SdWatchdogEnabled(false); err == nil && d > 0 {
		return d / 2
	}
	return time.Minute
}
