package main

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/tailers/archives"
)

// inputOptions are the flags of every command that reads a log.
type inputOptions struct {
	zone     string
	year     int
	patterns string
}

func (o *inputOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.zone, "tz", "", "time zone of times without one, as Europe/Berlin or UTC (default: this host's)")
	cmd.Flags().StringVar(&o.patterns, "patterns", "", "folder with patterns of your own (default: "+ownPatterns+", if there is one)")
	cmd.Flags().IntVar(&o.year, "year", 0, "year of the first line, for times without one (default: from the file's time of change)")
}

// messages gives the catalogue of messages, with those of the user's own.
func (o *inputOptions) messages() (*patterns.Catalogue, error) { return loadPatterns(o.patterns) }

// parser gives the parser's options.
func (o *inputOptions) parser() (parser.Options, error) {
	options := parser.Options{Zone: time.Local, Year: o.year}
	if o.zone != "" {
		zone, err := time.LoadLocation(o.zone)
		if err != nil {
			return options, hinted{fmt.Errorf("reading --tz %q: %w", o.zone, err), "give a name of the tz database, as Europe/Berlin, or UTC"}
		}
		options.Zone = zone
	}
	if o.year != 0 && (o.year < 1970 || o.year > 9999) {
		return options, fmt.Errorf("--year %d is not a year from 1970 to 9999", o.year)
	}
	return options, nil
}

// archive gives the source of logs that are written already, and the options
// of the parser that goes with it: the source dates the lines.
func (o *inputOptions) archive(io streams, paths []string) (*archives.Archive, parser.Options, error) {
	options, err := o.parser()
	if err != nil {
		return nil, options, err
	}
	options.Year = 0
	source := &archives.Archive{Paths: paths, Stdin: io.in, Clock: parser.NewClock(options).Time, Year: o.year, Zone: options.Zone}
	return source, options, nil
}

// windowOptions are the flags of commands that read a part of a log, on several
// processors.
type windowOptions struct {
	since, until string
	workers      int
}

func (o *windowOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "", "leave out what ended before: a time as 2026-11-20, '2026-11-20 14:00' or 2026-11-20T14:00:00Z, or how long ago, as 2h or 3d")
	f.StringVar(&o.until, "until", "", "leave out what ended then or later; as --since")
	f.IntVar(&o.workers, "workers", 0, "number of parsers that work at once (default: one per processor); the output does not depend on it")
}

// window gives the times that the flags name; zero for none.
func (o *windowOptions) window(now time.Time, zone *time.Location) (since, until time.Time, err error) {
	if since, err = momentOf("--since", o.since, now, zone); err != nil {
		return since, until, err
	}
	if until, err = momentOf("--until", o.until, now, zone); err != nil {
		return since, until, err
	}
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		return since, until, fmt.Errorf("--since %q is not before --until %q", o.since, o.until)
	}
	return since, until, nil
}

// processors gives the number of parsers.
func (o *windowOptions) processors() (int, error) {
	if o.workers < 0 || o.workers > 256 {
		return 0, fmt.Errorf("--workers %d is not a number from 1 to 256, or 0 for one per processor", o.workers)
	}
	if o.workers == 0 {
		return runtime.GOMAXPROCS(0), nil
	}
	return o.workers, nil
}

// ago is how long ago something was.
var ago = regexp.MustCompile(`^(\d{1,6})\s*(s|m|min|h|d|w)$`)

// momentOf reads a point in time.
func momentOf(flag, text string, now time.Time, zone *time.Location) (time.Time, error) {
	now = now.In(zone)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone)
	switch text {
	case "":
		return time.Time{}, nil
	case "now":
		return now, nil
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	if m := ago.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		switch m[2] {
		case "d":
			return now.AddDate(0, 0, -n), nil
		case "w":
			return now.AddDate(0, 0, -7*n), nil
		}
		unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "min": time.Minute, "h": time.Hour}
		return now.Add(-time.Duration(n) * unit[m[2]]), nil
	}
	for _, layout := range [...]string{time.RFC3339, time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, hinted{fmt.Errorf("%s %q is no time", flag, text), "give a time as 2026-11-20, '2026-11-20 14:00' or 2026-11-20T14:00:00Z, or how long ago, as 90m, 2h or 3d"}
}

// somePath asks for at least one file.
func somePath(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return hinted{errors.New("no log was named"), "name files or folders, or - for standard input"}
	}
	return nil
}

// writing wraps an error of the output. A reader that has seen enough, as
// head does, is no error.
func writing(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return exitError{fmt.Errorf("writing the output: %w", err), exitTrouble}
}
