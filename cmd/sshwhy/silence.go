//go:build unix

package main

import (
	"errors"
	"fmt"
	"os/user"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/alerts"
	"github.com/sshwhy/sshwhy/config"
)

const silenceHelp = `Keeps the running service from telling alerts for a while: those that have all
that is named, or all alerts where nothing is. What happens meanwhile is counted,
and told afterwards if it still goes on.`

const silenceExamples = `  sshwhy silence --user bob --for 2h --comment "moves house"
  sshwhy silence --for 1h --comment maintenance
  sshwhy silence --host web7 --from 2026-11-23T02:00 --for 4h
  sshwhy silence list
  sshwhy silence end 1a2b3c4d`

func newSilence(io streams) *cobra.Command {
	var socket, span, from, comment string
	match := map[string]*string{}
	cmd := &cobra.Command{
		Use:     "silence [flags]",
		Short:   "keep alerts quiet for a while",
		Long:    silenceHelp,
		Example: silenceExamples,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := silenceOf(match, span, from, comment)
			if err != nil {
				return err
			}
			var got struct{ ID string }
			if err := newControlClient(socket).call(cmd.Context(), "POST", "/silences", s, &got); err != nil {
				return err
			}
			fmt.Fprintf(io.out, "%s until %s\n", sshwhy.Printable(got.ID), s.Until.Local().Format(time.DateTime))
			return nil
		},
	}
	socketFlag(cmd, &socket)
	for _, name := range append([]string{"rule"}, alerts.Properties()...) {
		match[name] = cmd.Flags().String(name, "", "only alerts with this "+name)
	}
	cmd.Flags().StringVar(&span, "for", "", "how long: 30m, 2h, 3d")
	cmd.Flags().StringVar(&from, "from", "", "when it begins, as 2026-11-23T02:00 (default: now)")
	cmd.Flags().StringVar(&comment, "comment", "", "why")
	cmd.AddCommand(newSilenceList(io, &socket), newSilenceEnd(io, &socket))
	return cmd
}

func silenceOf(match map[string]*string, span, from, comment string) (*alerts.Silence, error) {
	if span == "" {
		return nil, hinted{errors.New("a silence needs an end"), "say for how long: --for 2h"}
	}
	d, err := config.ParseSpan(span)
	if err != nil {
		return nil, fmt.Errorf("reading --for: %w", err)
	}
	now := time.Now()
	begin, err := momentOf("--from", from, now, time.Local)
	if err != nil {
		return nil, err
	}
	if begin.IsZero() {
		begin = now
	}
	s := &alerts.Silence{Match: map[string]string{}, From: begin, Until: begin.Add(d), Comment: comment}
	for name, value := range match {
		if *value != "" {
			s.Match[name] = *value
		}
	}
	if u, err := user.Current(); err == nil {
		s.By = u.Username
	}
	return s, nil
}

func newSilenceList(io streams, socket *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "the silences in force and to come", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []alerts.Silence
			if err := newControlClient(*socket).call(cmd.Context(), "GET", "/silences", nil, &list); err != nil {
				return err
			}
			for _, s := range list {
				var parts []string
				for name, value := range s.Match {
					parts = append(parts, name+"="+value)
				}
				sort.Strings(parts)
				what := strings.Join(parts, " ")
				if what == "" {
					what = "all alerts"
				}
				fmt.Fprintf(io.out, "%s  %s  from %s until %s  %s %s\n", sshwhy.Printable(s.ID), sshwhy.Printable(what), s.From.Local().Format(time.DateTime), s.Until.Local().Format(time.DateTime), sshwhy.Printable(s.By), sshwhy.Printable(s.Comment))
			}
			return nil
		},
	}
}

func newSilenceEnd(_ streams, socket *string) *cobra.Command {
	return &cobra.Command{
		Use: "end ID", Short: "end a silence early", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var nothing struct{}
			return newControlClient(*socket).call(cmd.Context(), "DELETE", "/silences/"+args[0], nil, &nothing)
		},
	}
}

func newNotify(io streams) *cobra.Command {
	var socket string
	cmd := &cobra.Command{Use: "notify", Short: "try a sink of the running service", Args: cobra.NoArgs}
	test := &cobra.Command{
		Use: "test SINK", Short: "send a sample to a sink", Args: cobra.ExactArgs(1),
		Long:    "Lets the running service send a sample to one of its sinks, past the queue, and says\nwhether it was taken. The sample is of the user example-user on the host sshwhy-test.",
		Example: "  sshwhy notify test ops-slack",
		RunE: func(cmd *cobra.Command, args []string) error {
			var nothing struct{}
			if err := newControlClient(socket).call(cmd.Context(), "POST", "/notify/"+args[0], nil, &nothing); err != nil {
				return err
			}
			fmt.Fprintf(io.out, "%s took the sample\n", sshwhy.Printable(args[0]))
			return nil
		},
	}
	socketFlag(cmd, &socket)
	cmd.AddCommand(test)
	return cmd
}
