package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy/parser"
)

// inputOptions are the flags of every command that reads a log.
type inputOptions struct {
	zone string
	year int
}

func (o *inputOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.zone, "tz", "", "time zone of times without one, as Europe/Berlin or UTC (default: this host's)")
	cmd.Flags().IntVar(&o.year, "year", 0, "year of the first line, for times without one (default: from the file's time of change)")
}

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
