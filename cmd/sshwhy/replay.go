package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/sinks"
	"github.com/sshwhy/sshwhy/tailers"
)

type replayOptions struct {
	inputOptions
	output, language string
	why              bool
}

func newReplay(io streams) *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay [flags] PATH…|-",
		Short: "verdicts on every connection of a log, and a summary",
		Args:  somePath,
		RunE: func(cmd *cobra.Command, paths []string) error {
			return replay(cmd.Context(), io, &o, paths)
		},
	}
	cmd.Flags().StringVar(&o.output, "output", "text", "form of the output: text, jsonl or summary")
	cmd.Flags().StringVar(&o.language, "lang", "", "language: en or ja (default: from LC_ALL, LC_MESSAGES, LANG)")
	cmd.Flags().BoolVar(&o.why, "why", false, "say for each verdict which rule decided it")
	o.register(cmd)
	return cmd
}

func replay(ctx context.Context, io streams, o *replayOptions, paths []string) error {
	language, err := lang.Choose(o.language)
	if err != nil {
		return err
	}
	messages, err := patterns.Load()
	if err != nil {
		return err
	}
	catalogue, err := causes.Load()
	if err != nil {
		return err
	}
	options, err := o.parser()
	if err != nil {
		return err
	}
	p, err := parser.New(messages, options)
	if err != nil {
		return err
	}
	c, err := classifier.New(messages, catalogue, classifier.Options{})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(io.out, 64<<10)
	var sink sshwhy.Sink
	switch o.output {
	case "jsonl":
		sink = sinks.NewJSONL(out, catalogue, language)
	case "text":
		sink = sinks.NewText(out, catalogue, lang.For(language), sinks.TextOptions{Why: o.why, Zone: options.Zone})
	default:
		return fmt.Errorf("there is no output %q for replay; there is text, jsonl and summary", o.output)
	}
	var trouble []error
	source := &tailers.Archive{Paths: paths, Stdin: io.in}
	err = sshwhy.Run(ctx, source, p, c, sink, nil, func(err error) { trouble = append(trouble, err) })
	if err != nil {
		return writing(err)
	}
	if err := out.Flush(); err != nil {
		return writing(err)
	}
	if len(trouble) > 0 {
		return exitError{errors.Join(trouble...), exitTrouble}
	}
	return nil
}
