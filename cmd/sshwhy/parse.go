package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/sinks"
)

const parseHelp = `Writes one JSON object for every line of the input, in its order: what the
parser alone makes of it. sshwhy.line tells whether the line was parsed,
unparsed (sshd's, and not recognised) or skipped (another program's).`

const parseExamples = `  sshwhy parse /var/log/auth.log | jq -r '.source.ip // empty' | sort | uniq -c
  tail -n 100 /var/log/secure | sshwhy parse -`

func newParse(io streams) *cobra.Command {
	var o inputOptions
	var output string
	cmd := &cobra.Command{
		Use:     "parse [flags] PATH…|-",
		Short:   "one JSON object per line of a log",
		Long:    parseHelp,
		Example: parseExamples,
		Args:    somePath,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if output != "jsonl" {
				return fmt.Errorf("there is no output %q for parse; there is jsonl", output)
			}
			return parse(cmd.Context(), io, &o, paths)
		},
	}
	cmd.Flags().StringVar(&output, "output", "jsonl", "form of the output: jsonl")
	o.register(cmd)
	return cmd
}

func parse(ctx context.Context, io streams, o *inputOptions, paths []string) error {
	catalogue, err := o.messages()
	if err != nil {
		return err
	}
	source, options, err := o.archive(io, paths)
	if err != nil {
		return err
	}
	p, err := parser.New(catalogue, options)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(io.out, 64<<10)
	sink := sinks.NewEvents(out, catalogue)
	var ev sshwhy.Event
	var trouble []error
	for record, err := range source.Records(ctx) {
		if err != nil {
			trouble = append(trouble, err)
			continue
		}
		p.Parse(record, &ev)
		if err := sink.Write(&ev); err != nil {
			return writing(err)
		}
	}
	if err := out.Flush(); err != nil {
		return writing(err)
	}
	if len(trouble) > 0 {
		return exitError{errors.Join(trouble...), exitTrouble}
	}
	return nil
}
