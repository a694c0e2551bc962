//go:build unix

package main

import "github.com/spf13/cobra"

// serviceCommands gives the commands of the service and of who speaks to it.
func serviceCommands(io streams) []*cobra.Command {
	return []*cobra.Command{newRun(io), newStatus(io), newSilence(io), newNotify(io)}
}
