package main

import (
	"github.com/spf13/cobra"
)

func newExplain(io streams) *cobra.Command {
	return &cobra.Command{Use: "explain", Short: "what a line means", Hidden: true}
}
