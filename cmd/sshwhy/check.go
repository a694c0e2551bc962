package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy/config"
)

// defaultConfig is where the packages put the configuration.
const defaultConfig = "/etc/sshwhy/sshwhy.yaml"

const checkHelp = `Reads a configuration as "sshwhy run" would and says everything that is wrong
with it, each with its line: keys that do not exist, values that mean nothing,
rules that cannot work, secrets that are not there, sources that would bring the
same sshd twice. Nothing is sent, and nothing is changed.`

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
				return hinted{err, "docs/configuration.md describes every key"}
			}
			fmt.Fprintf(io.out, "%s is sound: %d sources, %d alert rules, %d sinks\n", path, len(c.Sources), len(c.AlertRules()), len(c.Sinks))
			return nil
		},
	}
}
