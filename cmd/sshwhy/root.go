package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sshwhy/sshwhy/tailers"
)

// streams are the standard streams, so that tests can put others in place.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

const rootHelp = `sshwhy reads what sshd writes and says, for every connection, why the login
failed, how sure that is, and what to do.

Alone on a terminal it follows the log of this host, as "sshwhy tail" does.`

const rootExamples = `  sshwhy tail                             every login as it happens
  sshwhy replay /var/log/auth.log         every login of a log, and a summary
  journalctl -u ssh | sshwhy replay -     the same from the journal
  sudo sshwhy doctor tanja                why tanja cannot log in to this host
  ssh -v tanja@server 2>&1 | sshwhy client
                                          the same, from the client's side
  sshwhy explain 'Authentication refused: bad ownership or modes for directory /home/alice'
  sshwhy replay --report logins.html --since 30d /var/log/auth.log*
                                          a page to hand over
  sshwhy run --config sshwhy.yaml         alerts to Slack, webhooks, Loki`

// The groups in which the help lists the commands.
const (
	groupLogs    = "logs"
	groupHost    = "host"
	groupService = "service"
	groupMore    = "more"
)

// groupOf tells under which heading the help lists a command.
func groupOf(name string) string {
	switch name {
	case "tail", "replay", "explain", "parse":
		return groupLogs
	case "doctor", "client":
		return groupHost
	case "run", "check", "status", "silence", "notify":
		return groupService
	}
	return groupMore
}

func newRoot(io streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "sshwhy",
		Short:         "why an SSH login failed, from sshd's log",
		Long:          rootHelp,
		Example:       rootExamples,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !isTerminal(io.in) || !isTerminal(io.out) {
				return cmd.Help()
			}
			return alone(cmd, io)
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate(versionLine())
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.AddGroup(
		&cobra.Group{ID: groupLogs, Title: "Read logs:"},
		&cobra.Group{ID: groupHost, Title: "Look at a host, or at a client:"},
		&cobra.Group{ID: groupService, Title: "Run as a service:"},
		&cobra.Group{ID: groupMore, Title: "More:"},
	)
	root.SetHelpCommandGroupID(groupMore)
	root.SetCompletionCommandGroupID(groupMore)
	commands := []*cobra.Command{newTail(io), newReplay(io), newExplain(io), newClient(io), newParse(io), newCheck(io), newDoctor(io), newPatterns(io), newInspectServer(io), newVersion(io), newJournalChild(io), newMan()}
	for _, cmd := range append(commands, serviceCommands(io)...) {
		cmd.GroupID = groupOf(cmd.Name())
		root.AddCommand(cmd)
		explainArgs(cmd)
	}
	root.SetFlagErrorFunc(flagError)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Short = "help on a command"
		case "completion":
			cmd.Short = "completion for bash, zsh, fish and PowerShell"
			explainArgs(cmd)
		}
	}
	return root
}

// explainArgs has a command and those below it say in our words what is wrong
// with its arguments, and what its form is. One that only has others below it
// gives its help alone, and an error for a word that is none of them.
func explainArgs(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	if !cmd.Runnable() {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		cmd.Args = noSuchCommand
	}
	check := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if check == nil || check(cmd, args) == nil {
			return nil
		}
		err := check(cmd, args)
		switch {
		case hintOf(err) != "":
			return err
		case cmd.HasSubCommands():
			return noSuchCommand(cmd, args)
		case len(args) == 0:
			err = fmt.Errorf("%s needs to know more", cmd.CommandPath())
		default:
			err = fmt.Errorf("%s does not take so many words: %q", cmd.CommandPath(), args)
		}
		return hinted{err, "its form is: " + cmd.UseLine()}
	}
	for _, below := range cmd.Commands() {
		explainArgs(below)
	}
}

// flagError says what is wrong with a flag, and where all are listed.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		kind := "value that it takes"
		switch invalid.GetFlag().Value.Type() {
		case "int", "uint16":
			kind = "number"
		case "duration":
			kind = "span of time, as 90s, 10m or 2h"
		}
		err = fmt.Errorf("--%s %q is no %s", invalid.GetFlag().Name, invalid.GetValue(), kind)
	}
	return hinted{err, cmd.CommandPath() + " --help lists the flags"}
}

// alone does what a person most likely wants who types the name of the program
// and no more: it follows the log of this host.
func alone(cmd *cobra.Command, io streams) error {
	o := tailOptions{output: "text", displayOptions: displayOptions{color: "auto"}}
	err := tail(cmd.Context(), io, &o, nil)
	var none *tailers.NoSource
	if errors.As(err, &none) {
		return hinted{err, strings.TrimPrefix(hintOf(err)+"\nsshwhy: ", "\nsshwhy: ") + "sshwhy replay FILE reads a log of another host; sshwhy --help tells what else there is"}
	}
	return err
}

// noSuchCommand says what may be meant by a word that is no command: one that is
// spelt alike, or a log.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("there is no command %q", args[0])
	if cmd.HasParent() {
		err = fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0])
	}
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		return hinted{err, "did you mean " + strings.Join(similar, " or ") + "?"}
	}
	_, missing := os.Stat(args[0])
	switch {
	case cmd.HasParent():
	case missing == nil || args[0] == "-":
		return hinted{err, "sshwhy replay " + args[0] + " reads it as a log"}
	case strings.Contains(args[0], " "):
		return hinted{err, "sshwhy explain '…' tells what a line means"}
	}
	return hinted{err, cmd.CommandPath() + " --help lists them"}
}
