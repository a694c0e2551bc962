package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

// displayOptions are the flags of every command that writes for people.
type displayOptions struct {
	language, color string
}

func (o *displayOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.language, "lang", "", "language: en or ja (default: from LC_ALL, LC_MESSAGES, LANG)")
	f.StringVar(&o.color, "color", "auto", "colours: auto (on a terminal, unless NO_COLOR is set), always or never")
}

// display gives what the flags mean for an output.
func (o *displayOptions) display(out io.Writer) (language causes.Language, colored bool, err error) {
	if language, err = lang.Choose(o.language); err != nil {
		return language, false, err
	}
	colored, err = chooseColor(o.color, out)
	return language, colored, err
}

// chooseColor tells whether to write colours (no-color.org).
func chooseColor(flag string, out io.Writer) (bool, error) {
	switch flag {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(out), nil
	}
	return false, fmt.Errorf("--color %q is none of auto, always and never", flag)
}
