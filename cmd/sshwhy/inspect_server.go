package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/inspect"
	"github.com/sshwhy/sshwhy/lang"
)

const inspectServerHelp = `Answers the questions of "sshwhy run" and "sshwhy tail" about logins that have
just failed, so that these need not run as root. It listens on a unix socket
that systemd hands over (LISTEN_FDS), or on --socket. A question is a line of
JSON, and so is the answer. Only root and the users of --user are answered.`

type inspectServerOptions struct {
	socket string
	users  []string
}

func newInspectServer(io streams) *cobra.Command {
	var o inspectServerOptions
	cmd := &cobra.Command{
		Use:    "inspect-server [flags]",
		Short:  "look at this host on behalf of sshwhy run",
		Long:   inspectServerHelp,
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return inspectServer(cmd.Context(), io, &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.socket, "socket", "", "path of the socket to listen on, where systemd hands none over")
	f.StringSliceVar(&o.users, "user", nil, "a user who may ask, besides root")
	return cmd
}

func inspectServer(ctx context.Context, io streams, o *inspectServerOptions) error {
	allowed, err := numbersOf(o.users)
	if err != nil {
		return err
	}
	l, err := inspectListener(o.socket)
	if err != nil {
		return err
	}
	inspector := inspect.Inspector{Host: inspect.This()}
	server := inspect.Server{
		Inspect: inspector.Inspect, Users: allowed,
		Trouble: func(err error) { fmt.Fprintf(io.err, "sshwhy: %v\n", err) },
	}
	return server.Serve(ctx, l)
}

// numbersOf gives the numbers of users.
func numbersOf(names []string) ([]uint32, error) {
	var list []uint32
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			return nil, fmt.Errorf("looking up --user %q: %w", name, err)
		}
		n, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("looking up --user %q: %w", name, err)
		}
		list = append(list, uint32(n))
	}
	return list, nil
}

// firstPassed is the first descriptor that systemd hands over
// (sd_listen_fds(3)).
const firstPassed = 3

// inspectListener gives the socket that systemd hands over, or makes one.
func inspectListener(path string) (net.Listener, error) {
	if os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) && os.Getenv("LISTEN_FDS") == "1" {
		f := os.NewFile(firstPassed, "the socket of systemd")
		defer f.Close()
		l, err := net.FileListener(f)
		if err != nil {
			return nil, fmt.Errorf("taking the socket of systemd: %w", err)
		}
		return l, nil
	}
	if path == "" {
		return nil, hinted{errors.New("there is no socket"), "name one with --socket, or let systemd hand it over"}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of the socket: %w", err)
	}
	// A socket that a process left behind is in the way.
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("removing the old socket: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	// Who may ask is told by the credentials of the other end.
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, fmt.Errorf("opening the socket to others: %w", err)
	}
	return l, nil
}

// newInspection gives the source that settles undetermined findings of this
// host. It asks the helper at socket, or looks itself where that is empty.
func newInspection(catalogue *causes.Catalogue, language causes.Language, socket string) (*inspect.Source, error) {
	d := &diagnosis{classes: classes{catalogue: catalogue}, words: lang.DoctorIn(language), general: lang.For(language)}
	o := inspect.SourceOptions{Causes: catalogue, Say: func(check *inspect.Check) string { return d.observe(check).Text }}
	if socket != "" {
		o.Inspect = (&inspect.Client{Path: socket}).Inspect
	} else {
		o.Inspect = (&inspect.Inspector{Host: inspect.This()}).Inspect
	}
	return inspect.NewSource(o)
}
