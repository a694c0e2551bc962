package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy/config"
)

// defaultConfig is where the packages put the configuration.
const defaultConfig = "/etc/sshwhy/sshwhy.yaml"

const checkHelp = `Reads a configuration as "sshwhy run" would and says everything that is wrong
with it, each with its line: keys that do not exist, values that mean nothing,
rules that cannot work, secrets that are not there, sources that would bring the
same sshd twice. Patterns of your own in /etc/sshwhy/patterns.d are checked as
well. Nothing is sent, and nothing is changed.`

func newCheck(io streams) *cobra.Command {
	return &cobra.Command{
		Use:     "check [FILE]",
		Short:   "check a configuration",
		Long:    checkHelp,
		Example: "  sshwhy check /etc/sshwhy/sshwhy.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := defaultConfig
			if len(args) > 0 {
				path = args[0]
			}
			c, err := config.Read(path)
			if err != nil {
				return configError(err)
			}
			if _, err := loadPatterns(""); err != nil {
				return err
			}
			fmt.Fprintf(io.out, "%s is sound: %s, %s, %s\n", path, counted(len(c.Sources), "source"), counted(len(c.AlertRules()), "alert rule"), counted(len(c.Sinks), "sink"))
			return nil
		},
	}
}

// configError adds to what is wrong with a configuration where to look.
func configError(err error) error {
	var wrong *config.Problems
	switch {
	case errors.As(err, &wrong):
		return hinted{err, "docs/configuration.md describes every key"}
	case errors.Is(err, fs.ErrNotExist):
		return hinted{err, "name the file that you have; an empty one is a good configuration"}
	case errors.Is(err, fs.ErrPermission):
		return hinted{err, "run it as root, or as the user of the service"}
	}
	return err
}

// counted gives a number with its noun.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
