package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier/client"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/tailers/archives"
)

const clientHelp = `Reads what ssh writes with -v, -vv or -vvv, or its messages alone, and says at
which step it ended, on which side the reason lies, and what to do. Without a
file it reads standard input.

With --log it looks for the connection in the server's log, by user, time,
port and key, and gives one verdict from both sides. Files are named as for
replay; give --log again for each.`

const clientExamples = `  ssh -vvv tanja@server 2>&1 | sshwhy client
  sshwhy client trace.txt
  sshwhy client trace.txt --log /var/log/auth.log
  echo 'tanja@server: Permission denied (publickey).' | sshwhy client`

type clientOptions struct {
	inputOptions
	output, language, color string
	search                  clientSearch
}

func newClient(io streams) *cobra.Command {
	var o clientOptions
	cmd := &cobra.Command{
		Use:     "client [flags] [FILE…|-]",
		Short:   "at which step ssh failed, and why, from the output of ssh -v",
		Long:    clientHelp,
		Example: clientExamples,
		RunE: func(cmd *cobra.Command, paths []string) error {
			return readTraces(cmd.Context(), io, &o, paths)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.output, "output", "text", "form of the output: text or json (one object a run of ssh)")
	f.StringVar(&o.language, "lang", "", "language: en or ja (default: from LC_ALL, LC_MESSAGES, LANG)")
	f.StringVar(&o.color, "color", "auto", "colours: auto, always or never")
	o.search.register(cmd)
	o.register(cmd)
	return cmd
}

func readTraces(ctx context.Context, io streams, o *clientOptions, paths []string) error {
	if o.output != "text" && o.output != "json" {
		return fmt.Errorf("there is no output %q for client; there is text and json", o.output)
	}
	language, err := lang.Choose(o.language)
	if err != nil {
		return err
	}
	colored, err := chooseColor(o.color, io.out)
	if err != nil {
		return err
	}
	messages, err := o.messages()
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
	reader, err := newClientReader(messages, catalogue)
	if err != nil {
		return err
	}
	traces, troubles := reader.readAll(ctx, io, paths)
	found := make([]*serverSide, len(traces))
	if len(o.search.logs) > 0 {
		if found, err = o.search.find(ctx, io, traces, messages, catalogue, options); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(io.out)
	page := newClientPage(out, catalogue, language, options.Zone, colored, terminalWidth(io.out))
	for i, t := range traces {
		if o.output == "json" {
			err = page.json(t, found[i])
		} else {
			page.text(t, found[i])
		}
		if err != nil {
			return err
		}
	}
	if len(traces) == 0 && o.output == "text" && len(troubles) == 0 {
		fmt.Fprintln(out, page.words.NothingSaid)
	}
	if err := out.Flush(); err != nil {
		return writing(err)
	}
	if len(troubles) > 0 {
		return exitError{errors.Join(troubles...), exitTrouble}
	}
	return nil
}

// trace is one run of ssh as an input shows it.
type trace struct {
	*client.Verdict
	// source is the file, "-" for standard input; number counts the runs
	// in it from 1, and of is how many there are.
	source     string
	number, of int
	// ended is about when the run ended: when the file was changed last,
	// or now. known tells whether somebody said so.
	ended time.Time
	known bool
}

// clientReader reads outputs of ssh.
type clientReader struct {
	parser *parser.Client
	causes *causes.Catalogue
}

func newClientReader(messages *patterns.Catalogue, catalogue *causes.Catalogue) (*clientReader, error) {
	p, err := parser.NewClient(messages)
	if err != nil {
		return nil, err
	}
	return &clientReader{p, catalogue}, nil
}

// readAll reads every file, and standard input where none is named.
func (c *clientReader) readAll(ctx context.Context, io streams, paths []string) ([]*trace, []error) {
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	var all []*trace
	var troubles []error
	for _, path := range paths {
		traces, err := c.readPath(ctx, io, path)
		if err != nil {
			troubles = append(troubles, err)
		}
		all = append(all, traces...)
	}
	return all, troubles
}

func (c *clientReader) readPath(ctx context.Context, io streams, path string) ([]*trace, error) {
	if path == "-" {
		return c.read(archives.Stoppable(ctx, io.in), path, time.Now)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading what ssh wrote: %w", err)
	}
	defer f.Close()
	return c.read(f, path, func() time.Time {
		if info, err := f.Stat(); err == nil {
			return info.ModTime()
		}
		return time.Time{}
	})
}

// read makes the verdicts of one input. Lines longer than sshwhy.MaxLine are
// cut; what stands in front of an error counts.
func (c *clientReader) read(r io.Reader, source string, ended func() time.Time) ([]*trace, error) {
	runs, err := client.New(c.causes)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReaderSize(r, sshwhy.MaxLine)
	var ev sshwhy.Event
	for err == nil {
		var line []byte
		line, err = lines.ReadSlice('\n')
		if len(line) > 0 && line[len(line)-1] == '\n' {
			line = line[:len(line)-1]
		}
		c.parser.Parse(&sshwhy.Record{Text: line, Source: source}, &ev)
		runs.Read(&ev)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
	}
	var all []*trace
	verdicts := runs.Verdicts()
	for i, v := range verdicts {
		all = append(all, &trace{Verdict: v, source: source, number: i + 1, of: len(verdicts), ended: ended()})
	}
	if !errors.Is(err, io.EOF) {
		return all, fmt.Errorf("reading what ssh wrote from %s: %w", source, err)
	}
	return all, nil
}
