package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy/tailers/journal"
)

// newJournalChild is the part of sshwhy that reads the journal in a process of
// its own, which libsystemd may end. It is not for people: it takes the
// arguments of journalctl that the parent gives, and writes what journalctl -o
// export writes.
func newJournalChild(io streams) *cobra.Command {
	return &cobra.Command{
		Use:                journal.Child,
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := journal.Export(cmd.Context(), args, io.out)
			if errors.Is(err, journal.ErrNoLibsystemd) {
				return exitError{err, journal.ExitNoReader}
			}
			return err
		},
	}
}
