package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

const explainHelp = `Without an argument: all causes that sshwhy tells apart, by the part of a
connection's life.

With the id of a cause: what it means, from which LogLevel the log shows it,
how to be sure, what looks the same, and what to do. <NAME> stands for what
you know and sshwhy does not.

With a line of sshd's log, or its message alone: how it was read, what it says,
and what it can be evidence of. A message of ssh, the client, as "Connection
refused", is explained as well. - reads the line from standard input.`

const explainExamples = `  sshwhy explain
  sshwhy explain bad-ownership-or-modes
  sshwhy explain 'Authentication refused: bad ownership or modes for directory /home/alice'
  sshwhy explain --lang ja user-unknown
  tail -n 1 /var/log/auth.log | sshwhy explain -`

type explainOptions struct {
	inputOptions
	output, language string
}

func newExplain(io streams) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:     "explain [flags] [CAUSE|'LINE'|-]",
		Short:   "a cause in full, or what one line of a log means",
		Long:    explainHelp,
		Example: explainExamples,
		Args:    cobra.ArbitraryArgs, // a line whose quotes were forgotten
		RunE: func(_ *cobra.Command, args []string) error {
			return explain(io, &o, strings.Join(args, " "))
		},
	}
	cmd.Flags().StringVar(&o.output, "output", "text", "form of the output: text or json")
	cmd.Flags().StringVar(&o.language, "lang", "", "language: en or ja (default: from LC_ALL, LC_MESSAGES, LANG)")
	o.register(cmd)
	return cmd
}

func explain(io streams, o *explainOptions, what string) error {
	if o.output != "text" && o.output != "json" {
		return fmt.Errorf("there is no output %q for explain; there is text and json", o.output)
	}
	language, err := lang.Choose(o.language)
	if err != nil {
		return err
	}
	messages, err := o.messages()
	if err != nil {
		return err
	}
	catalogue, err := causesWith(messages)
	if err != nil {
		return err
	}
	x := &explainer{explainOptions: o, causes: catalogue, language: language, headings: causes.HeadingsIn(language), words: lang.ExplainIn(language), out: bufio.NewWriter(io.out)}
	if what == "-" {
		if what, err = lineOf(io.in); err != nil {
			return err
		}
	}
	if err := x.explain(what); err != nil {
		return err
	}
	if err := x.out.Flush(); err != nil {
		return writing(err)
	}
	return nil
}

// explainer holds what the pages of explain are made with.
type explainer struct {
	*explainOptions
	causes   *causes.Catalogue
	language causes.Language
	headings *causes.Headings
	words    *lang.Explain
	out      *bufio.Writer
}

// explain finds out what is asked for: a word that has no blank is a cause or
// meant to be one, all else is a line.
func (x *explainer) explain(what string) error {
	what = strings.TrimRight(what, "\r\n")
	if what == "" {
		return x.list()
	}
	if id := x.causes.Find(strings.ToLower(strings.ReplaceAll(what, "_", "-"))); id != 0 {
		return x.cause(x.causes.Cause(id))
	}
	if strings.Contains(what, "\n") {
		return hinted{errors.New("there is more than one line to explain"), "sshwhy replay - reads many from standard input and joins them"}
	}
	if !strings.Contains(what, " ") {
		return x.noSuchCause(what)
	}
	return x.line(what)
}

// suggestions is how many ids an error suggests.
const suggestions = 4

func (x *explainer) noSuchCause(word string) error {
	err := fmt.Errorf("there is no cause \"%s\"", sshwhy.Printable(word))
	if ids := x.causes.Closest(word, suggestions); len(ids) > 0 {
		return hinted{err, "did you mean " + strings.Join(ids, ", ") + "?"}
	}
	return hinted{err, "sshwhy explain lists all causes"}
}

// lineOf reads the one line of standard input; what follows it would be read
// by replay.
func lineOf(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, sshwhy.MaxLine+1))
	if err != nil {
		return "", exitError{fmt.Errorf("reading standard input: %w", err), exitTrouble}
	}
	if len(strings.TrimRight(string(text), "\r\n")) == 0 {
		return "", hinted{errors.New("standard input is empty"), "sshwhy explain lists all causes"}
	}
	return string(text), nil
}

// json writes a value for programs.
func (x *explainer) json(value any) error {
	enc := json.NewEncoder(x.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return writing(err)
	}
	return nil
}

// pageWidth is the number of columns that texts are wrapped at; commands are
// not wrapped.
const pageWidth = 88

// labelWidth is the column in which the texts behind labels begin.
const labelWidth = 12

// row writes a label and a text in lines that stand below each other. With an
// empty label the text stands in the same column.
func (x *explainer) row(label, text string) {
	for _, line := range lang.Wrap(text, pageWidth-labelWidth) {
		x.verbatim(label, line)
		label = ""
	}
}

// verbatim writes a label and a text that must not be wrapped.
func (x *explainer) verbatim(label, text string) {
	fmt.Fprintf(x.out, "%s%s%s\n", label, strings.Repeat(" ", max(1, labelWidth-lang.Width(label))), text)
}
