// Command sshwhy reads what sshd writes and says why a login failed, and what
// to do.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)   // a second one ends the program at once
	signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough shows as an error of the write
	err := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	if err != nil && err.Error() != "" { // an error without words was told already
		complain(os.Stderr, err)
	}
	os.Exit(exitCode(err))
}

// run is the whole program but for signals and the exit.
func run(ctx context.Context, args []string, io streams) error {
	root := newRoot(io)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// complain prints an error and, on a line of its own, what may help.
func complain(w *os.File, err error) {
	fmt.Fprintf(w, "sshwhy: %v\n", err)
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(w, "sshwhy: %s\n", hint)
	}
}
