package main

import (
	"io"

	"github.com/spf13/cobra"
)

// streams are the standard streams, so that tests can put others in place.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

const rootHelp = `sshwhy reads what sshd writes and says, for every connection, why the login
failed and what to do.`

const rootExamples = `  sshwhy replay /var/log/auth.log         every login of this log, and a summary
  journalctl -u ssh | sshwhy replay -     the same from the journal
  sshwhy explain 'Authentication refused: bad ownership or modes for directory /home/alice'
  sshwhy parse auth.log | jq .            one JSON object per line of the log`

func newRoot(io streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "sshwhy",
		Short:         "why an SSH login failed, from sshd's log",
		Long:          rootHelp,
		Example:       rootExamples,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.AddCommand(newTail(io), newReplay(io), newExplain(io), newClient(io), newParse(io), newCheck(io), newDoctor(io), newInspectServer(io), newVersion(io), newJournalChild(io), newMan())
	root.AddCommand(serviceCommands(io)...)
	return root
}
