package inspect

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"
)

// Program is a program that may be executed.
type Program string

// All programs that this package executes: each only reads when it is given the
// arguments that are given here. docs/security.md lists them for users.
const (
	SSHD       Program = "sshd"            // -T, -T -C …, -G: the configuration in force
	Getent     Program = "getent"          // passwd, shadow, group: what the host knows of an account
	ID         Program = "id"              // -G: an account's groups
	Systemctl  Program = "systemctl"       // show: the state of SSH's units
	Journalctl Program = "journalctl"      // -u: what the units wrote
	NFT        Program = "nft"             // -j list ruleset
	IPTables   Program = "iptables-save"   // the rules of IPv4
	IP6Tables  Program = "ip6tables-save"  // the rules of IPv6
	Fail2ban   Program = "fail2ban-client" // banned ADDRESS
	CrowdSec   Program = "cscli"           // decisions list --ip ADDRESS
	Faillock   Program = "faillock"        // --user NAME: failures that pam_faillock counted
)

// folders are where programs are looked for, in this order.
var folders = [...]string{"/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"}

const (
	// commandTime is how long a program may run.
	commandTime = 2 * time.Second
	// maxOutput bounds what is kept of each of its streams.
	maxOutput = 4 << 20
)

// Output is what a program wrote, and how it ended.
type Output struct {
	Out, Err []byte
	Status   int
	// Path is the program that was run.
	Path string
}

// ErrNoProgram is what asking for a program gives that is not there.
var ErrNoProgram = errors.New("not installed")

// find gives the absolute path of a program. Root runs none that others could
// have put there.
func find(files Files, p Program, uid uint32) (string, error) {
	for _, dir := range folders {
		name := path.Join(dir, string(p))
		info, err := files.Stat(name)
		if err != nil || !info.Mode.IsRegular() || info.Mode&0o111 == 0 {
			continue
		}
		if uid == 0 && (info.UID != 0 || info.Mode&0o022 != 0) {
			return "", fmt.Errorf("%s can be changed by others than root", name)
		}
		return name, nil
	}
	return "", fmt.Errorf("%s: %w", p, ErrNoProgram)
}

// execute runs a program of this host: 2 s at most, without a shell, without
// input, with an environment of its own.
func execute(ctx context.Context, p Program, args ...string) (Output, error) {
	name, err := find(newFiles(), p, uint32(os.Geteuid()))
	if err != nil {
		return Output{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + strings.Join(folders[:], ":"), "LC_ALL=C", "TZ=UTC", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"}
	return finish(ctx, cmd)
}

// finish runs a program to its end, or until the context is done.
func finish(ctx context.Context, cmd *exec.Cmd) (Output, error) {
	cmd.WaitDelay = 200 * time.Millisecond
	var out, errs bounded
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		return Output{Path: cmd.Path}, fmt.Errorf("%s did not end in %v", cmd.Path, commandTime)
	}
	o := Output{Out: out.Bytes(), Err: errs.Bytes(), Path: cmd.Path}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		o.Status = exit.ExitCode()
		return o, nil
	}
	return o, err
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), max(0, maxOutput-b.Len()))])
	return len(p), nil
}

// bannerTime is how long a connection to this very host may take.
const bannerTime = 700 * time.Millisecond

// banner connects to an address of this host and reads a line.
func banner(ctx context.Context, to netip.AddrPort) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, bannerTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(bannerTime)); err != nil {
		return "", err
	}
	line := make([]byte, 0, 256)
	one := make([]byte, 1)
	for len(line) < cap(line) {
		if _, err := conn.Read(one); err != nil {
			return string(line), err
		}
		if one[0] == '\n' {
			break
		}
		line = append(line, one[0])
	}
	return strings.TrimRight(string(line), "\r"), nil
}

// libraries gives the shared libraries that a program of this host names.
func libraries(name string) ([]string, error) {
	f, err := elf.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ImportedLibraries()
}

// addresses gives the addresses of this host.
func addresses() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, p.Addr().Unmap())
		}
	}
	return all, nil
}

// This gives the host that the program runs on.
func This() *Host {
	return &Host{
		Files: newFiles(), Execute: execute, RunAs: runAs, Banner: banner, Addresses: addresses, Libraries: libraries, Now: time.Now,
		UID: uint32(os.Geteuid()),
	}
}

// run runs a program and gives what it wrote, where it was there and succeeded.
func (h *Host) run(ctx context.Context, p Program, args ...string) (string, bool) {
	o, err := h.Execute(ctx, p, args...)
	return string(o.Out), err == nil && o.Status == 0
}

// permission tells whether an error says that one may not look.
func permission(err error) bool { return errors.Is(err, fs.ErrPermission) }
