//go:build !unix

package main

import "github.com/spf13/cobra"

// serviceCommands gives none: the service needs signals and sockets of Unix.
func serviceCommands(streams) []*cobra.Command { return nil }
