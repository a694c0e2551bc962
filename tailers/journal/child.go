package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Child is the hidden command of this program that reads the journal
// with libsystemd: its arguments and its output are those of journalctl -o
// export.
const Child = "journal-child"

// ExitNoReader is the exit code with which that command says that it cannot
// read any journal on this host: the binary was built without libsystemd, or
// the library is not there. (EX_UNAVAILABLE of sysexits.h.)
const ExitNoReader = 69

// errNoReader says that a command cannot read journals here.
var errNoReader = errors.New("neither journalctl nor a sshwhy with libsystemd is there to read it")

// Commands are the ways to read a journal that this host has, best
// first: this program as a child of itself if it was built with libsystemd,
// and journalctl.
func Commands() [][]string {
	var commands [][]string
	if withLibsystemd {
		commands = append(commands, []string{thisProgram, Child})
	}
	if path, err := exec.LookPath("journalctl"); err == nil {
		commands = append(commands, []string{path})
	}
	return commands
}

// thisProgram is this program's file, also after another took its name.
const thisProgram = "/proc/self/exe"

// isOwn tells children that give a sign of life from those that do not.
func isOwn(command []string) bool { return slices.Contains(command, Child) }

// child is a process that reads a journal.
type child struct {
	cmd    *exec.Cmd
	out    *os.File // the reading end of its output; closed by end
	cancel context.CancelFunc
	stop   func() bool
	errors firstBytes
}

// startChild starts a command. The child does not outlive this process, nor the
// context.
func startChild(ctx context.Context, command, args []string) (*child, error) {
	ctx, cancel := context.WithCancel(ctx)
	out, in, err := os.Pipe()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("starting %q: %w", command[0], err)
	}
	defer in.Close()
	c := &child{out: out, cancel: cancel}
	c.cmd = exec.CommandContext(ctx, command[0], append(slices.Clone(command[1:]), args...)...)
	if command[0] == thisProgram {
		c.cmd.Args[0] = os.Args[0]
	}
	c.cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMD_LOG_LEVEL=warning", "GOTRACEBACK=none")
	c.cmd.Stdout, c.cmd.Stderr = in, &c.errors
	c.cmd.SysProcAttr = bound()
	c.cmd.WaitDelay = time.Second
	if err := c.cmd.Start(); err != nil {
		cancel()
		out.Close()
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return nil, errNoReader
		}
		return nil, fmt.Errorf("starting %q: %w", command[0], err)
	}
	// A read that waits is called back by its deadline.
	c.stop = context.AfterFunc(ctx, func() { out.SetReadDeadline(time.Unix(1, 0)) })
	return c, nil
}

// end ends the child and says how it went: read is the error that reading its
// output came to, nil for its end.
func (c *child) end(read error) error {
	if read != nil {
		c.cancel() // it may write for ever
	}
	err := c.cmd.Wait()
	c.cancel()
	c.stop()
	c.out.Close()
	var exit *exec.ExitError
	switch {
	case errors.Is(read, errStopped), errors.Is(read, errAgain), errors.Is(read, errSilent), errors.Is(read, errExport):
		return read
	case errors.As(err, &exit) && exit.ExitCode() == ExitNoReader:
		return errNoReader
	case errors.As(err, &exit) && exit.ExitCode() == 1 && read == nil && len(c.errors.text) == 0:
		return nil // some releases say so that they found no entry
	case err == nil && read == nil:
		return nil
	}
	if text := c.errors.line(); text != "" {
		return errors.New(text)
	}
	if err != nil {
		return err
	}
	return read
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct{ text []byte }

// Write implements io.Writer.
func (f *firstBytes) Write(p []byte) (int, error) {
	f.text = append(f.text, p[:min(len(p), 1024-len(f.text))]...)
	return len(p), nil
}

// line gives the first line, without this program's own name in front.
func (f *firstBytes) line() string {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(f.text, []byte("sshwhy: ")), []byte("\n"))
	return strings.TrimSpace(string(line))
}
