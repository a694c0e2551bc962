//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy"
)

// socketFlag adds the flag that names the control socket of the service.
func socketFlag(cmd *cobra.Command, into *string) {
	path := "/run/sshwhy"
	if dir := os.Getenv("RUNTIME_DIRECTORY"); dir != "" {
		path = dir
	}
	cmd.PersistentFlags().StringVar(into, "socket", filepath.Join(path, "control.sock"), "control socket of the running service")
}

func newStatus(io streams) *cobra.Command {
	var socket, output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "how the running service is",
		Long: `Asks the running service what it reads, what it has delivered, and whether all
is well. The exit code is 0 if so, and 1 if not.`,
		Example: "  sshwhy status\n  sshwhy status --output json | jq .sinks",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var st status
			if err := newControlClient(socket).call(cmd.Context(), "GET", "/status", nil, &st); err != nil {
				return err
			}
			if err := writeStatus(io, &st, output); err != nil {
				return err
			}
			if !st.Ready {
				return exitError{errors.New("not all is well"), exitFound}
			}
			return nil
		},
	}
	socketFlag(cmd, &socket)
	cmd.Flags().StringVar(&output, "output", "text", "form of the output: text or json")
	return cmd
}

func writeStatus(io streams, st *status, output string) error {
	switch output {
	case "json":
		e := json.NewEncoder(io.out)
		e.SetIndent("", "  ")
		return e.Encode(st)
	case "text":
	default:
		return fmt.Errorf("there is no output %q for status; there is text and json", output)
	}
	fmt.Fprintf(io.out, "sshwhy %s, process %d, running for %s\n", sshwhy.Printable(st.Version), st.PID, time.Since(st.Started).Round(time.Second))
	fmt.Fprintf(io.out, "lines    %d read = %d parsed + %d unparsed + %d skipped", st.Lines.Read, st.Lines.Parsed, st.Lines.Unparsed, st.Lines.Skipped)
	if st.Lines.MaybeLost > 0 {
		fmt.Fprintf(io.out, "; at least %d may be lost", st.Lines.MaybeLost)
	}
	fmt.Fprintln(io.out)
	for _, s := range st.Sources {
		fmt.Fprintf(io.out, "source   %s: the last line came %s ago\n", sshwhy.Printable(s.Name), seconds(s.Age))
	}
	for _, k := range st.Sinks {
		fmt.Fprintf(io.out, "sink     %s: %d delivered, %d waiting", sshwhy.Printable(k.Name), k.Delivered, k.Queued)
		if k.Queued > 0 {
			fmt.Fprintf(io.out, " (the first for %s)", seconds(k.Oldest))
		}
		if k.Refused > 0 || k.Dropped > 0 {
			fmt.Fprintf(io.out, ", %d refused, %d dropped", k.Refused, k.Dropped)
		}
		if k.Failing {
			fmt.Fprintf(io.out, "; it fails: %s", sshwhy.Printable(k.LastError))
		}
		fmt.Fprintln(io.out)
	}
	for _, t := range st.Troubles {
		fmt.Fprintf(io.out, "trouble  %s\n", sshwhy.Printable(t))
	}
	return nil
}

func seconds(n float64) time.Duration {
	return time.Duration(n * float64(time.Second)).Round(time.Second)
}
