package inspect

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sshwhy/sshwhy"
)

// Verdict is what the classifier makes of lines of sshd.
type Verdict struct {
	// Cause is an id of the catalogue.
	Cause   string
	Certain bool
	Values  []sshwhy.Value
	// Outcome says whether it is about sshd itself.
	Outcome sshwhy.Outcome
	// Address is the client that it is about, "" for none.
	Address string
	// Time is that of its last line, in nanoseconds since 1970 UTC, 0 where
	// the lines have none.
	Time int64
}

// Question is what a checklist is to answer.
type Question struct {
	// User is the account that cannot log in, "" for the service alone.
	User string
	// From is the client's address; it may be missing.
	From netip.Addr
	// Port is the one that the client uses, 0 for any.
	Port uint16
	// Method is the way the client comes, where it is known: publickey,
	// password or keyboard-interactive.
	Method string
	// Key is a fingerprint, KeyKind its key's type where that is known.
	Key, KeyKind string
	// Certificate is the user's, where the client comes with one.
	Certificate *ssh.Certificate
	// RunCommands permits to run the site's own programs
	// (AuthorizedKeysCommand).
	RunCommands bool
	// Quiet leaves out what others notice: connecting to the port.
	Quiet bool
}

// Doctor goes through the checklist.
type Doctor struct {
	Host *Host
	// Classify reads lines of sshd: its complaints, or a log.
	Classify func(lines []string) []Verdict
}

// examination is one way through the checklist.
type examination struct {
	checks
	*Host
	Question
	classify func([]string) []Verdict

	units   map[string]unit
	daemon  *daemon // nil where none runs
	program string  // sshd's path, "" where it is not installed
	// released is what sshd says its release is.
	released string
	global   asked // without a connection
	port     netip.AddrPort
	sockets  []socket
	// seen says whether the sockets that sshd holds could be told.
	seen bool

	account *Account
	mine    Config // in force for this user from this address
	shadow  *shadow
	modes   modes
	usable  usable
	unix    bool // pam_unix refused a password
	// files are those with the user's keys, nil before they were read;
	// exact says that they were read with the user's rights.
	files []keyFile
	exact bool
	// registered says that one of them holds a key that sshd takes; command
	// and authority that keys may come from AuthorizedKeysCommand, or
	// certificates of a CA be accepted.
	registered, command, authority bool
	// names are those of the user's principals file.
	names []string
	// tried is the method that the log says was refused, "" where it says of
	// none; since is when that login began, zero where nobody asked for one.
	tried string
	since time.Time
	// changed is when something that was looked at changed last.
	changed time.Time
}

// usable are the ways to log in that are open, as far as it could be seen.
type usable struct{ key, password, interactive bool }

// Report is what was found.
type Report struct {
	// Checks are the lines of the checklist in their order.
	Checks []Check
	// Config is what is in force without regard to a connection, nil where
	// it could not be seen.
	Config Config
}

// Examine looks at the host and goes through the checklist.
func (d *Doctor) Examine(ctx context.Context, q Question) *Report {
	x := d.examine(ctx, q)
	return &Report{Checks: x.list, Config: x.global.config}
}

func (d *Doctor) examine(ctx context.Context, q Question) *examination {
	x := &examination{Host: d.Host, Question: q, classify: d.Classify}
	x.modes.host = d.Host
	x.look(ctx)
	x.refused(ctx)
	if q.User != "" {
		x.denied(ctx)
	}
	return x
}

// look collects what many checks need.
func (x *examination) look(ctx context.Context) {
	x.units = x.Host.units(ctx)
	x.daemon = x.daemonOf()
	var invocation []string
	if x.daemon != nil {
		invocation = x.daemon.invocation
	}
	if name, err := find(x.Files, SSHD, x.UID); err == nil {
		x.program = name
	}
	x.global = x.effective(ctx, invocation, nil)
	if all, ok := x.listening(); ok {
		x.sockets = all
	}
}

// refused goes through what stands between a client and sshd's banner.
func (x *examination) refused(ctx context.Context) {
	x.layer = LayerService
	if !x.service(ctx) {
		return
	}
	x.layer = LayerConfig
	x.configuration(ctx)
	x.layer = LayerListen
	x.ports(ctx)
	x.layer = LayerNetwork
	x.network(ctx)
}

// invocation gives the arguments with which sshd runs.
func (x *examination) invocation() []string {
	if x.daemon == nil {
		return nil
	}
	return x.daemon.invocation
}

// socketUnit gives the active socket unit of SSH.
func (x *examination) socketUnit() (string, unit) {
	for _, name := range []string{"ssh.socket", "sshd.socket"} {
		if u := x.units[name]; u != nil && u["ActiveState"] == "active" {
			return name, u
		}
	}
	return "", nil
}

// serviceUnit gives the service unit of SSH.
func (x *examination) serviceUnit() (string, unit) {
	for _, name := range []string{"ssh.service", "sshd.service"} {
		if u := x.units[name]; u != nil {
			return name, u
		}
	}
	return "", nil
}

// service tells whether sshd runs, or why it does not; false ends the layer.
func (x *examination) service(ctx context.Context) bool {
	socket, _ := x.socketUnit()
	switch {
	case x.daemon != nil:
		x.good("service-runs", num(sshwhy.FieldPID, x.daemon.pid))
	case socket != "":
		x.good("socket-active", val(sshwhy.FieldUnit, socket))
	case x.hidden():
		x.unknown("service-not-seen")
	default:
		x.stopped(ctx)
		return false
	}
	if starts, known := x.atBoot(x.units); starts {
		x.good("boot-enabled")
	} else if known {
		x.bad("not-started-at-boot", 0)
	}
	return true
}

// hidden tells whether sshd may run although its process is not seen: the
// system shows no processes, or none of others, and something of root's
// listens where sshd would.
func (x *examination) hidden() bool {
	if _, err := x.Files.List("/proc"); err != nil {
		return true
	}
	port := cmp.Or(x.Port, 22)
	return !x.root() && slices.ContainsFunc(x.sockets, func(s socket) bool { return s.uid == 0 && s.at.Port() == port })
}

// stopped finds out why sshd does not run: what it says of itself now, then
// what stands in its way, then what the log says of the last time.
func (x *examination) stopped(ctx context.Context) {
	name, u := x.serviceUnit()
	switch {
	case x.program == "" && x.global.err != nil:
		x.bad("sshd-installation-broken", AllWays, val(sshwhy.FieldPath, "/usr/sbin/sshd"))
		return
	case x.complains():
		return
	case u != nil && u["LoadState"] == "masked" || u["UnitFileState"] == "masked":
		x.bad("service-masked", AllWays, val(sshwhy.FieldUnit, name))
		return
	case x.exists("/etc/ssh/sshd_not_to_be_run"):
		x.bad("sshd-not-to-be-run", AllWays)
		return
	case x.portTaken(ctx), x.addressMissing():
		return
	}
	if v, ok := x.last(ctx); ok {
		x.add(Bad, "", v.Cause, AllWays, v.Values)
		return
	}
	switch u["Result"] {
	case "start-limit-hit":
		x.bad("start-limit-hit", AllWays, val(sshwhy.FieldUnit, name))
	case "oom-kill":
		x.bad("sshd-oom-killed", AllWays, val(sshwhy.FieldUnit, name))
	default:
		x.bad("sshd-stopped", AllWays)
	}
}

// complains tells what sshd itself finds wrong with its configuration, host
// keys and surroundings.
func (x *examination) complains() bool {
	if !x.global.unfit {
		return false
	}
	for _, v := range x.judge(x.global.said) {
		if v.Outcome != sshwhy.OutcomeStartupFailed || v.Cause == "" {
			continue
		}
		if v.Cause == "privsep-directory-missing" && (x.daemon != nil || x.makesDirectory()) {
			continue
		}
		if !x.root() && strings.HasPrefix(v.Cause, "host-key-") {
			continue // only root may read them
		}
		if v.Cause == hostKeyModes && x.openHostKeys() {
			return true
		}
		x.add(Bad, "", v.Cause, AllWays, v.Values)
		return true
	}
	return false
}

// makesDirectory tells whether the service makes the privilege separation
// directory when it starts, so that its absence means nothing before.
func (x *examination) makesDirectory() bool {
	_, u := x.serviceUnit()
	if u["RuntimeDirectory"] != "" {
		return true
	}
	for _, dir := range []string{"/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"} {
		for _, name := range []string{"ssh.service", "sshd.service"} {
			if strings.Contains(x.text(dir+name), "RuntimeDirectory=sshd") {
				return true
			}
		}
	}
	return false
}

// judge has the classifier read what sshd printed.
func (x *examination) judge(said []string) []Verdict {
	if x.classify == nil || len(said) == 0 {
		return nil
	}
	tagged := make([]string, len(said))
	for i, line := range said {
		tagged[i] = "sshd[1]: " + line
	}
	return x.classify(tagged)
}

// last gives what the log says of the last start that failed, where nothing
// later says that sshd ran.
func (x *examination) last(ctx context.Context) (Verdict, bool) {
	var found *Verdict
	all := x.judgeLog(ctx)
	for i := range all {
		if all[i].Outcome == sshwhy.OutcomeStartupFailed || isService(all[i].Cause) {
			found = &all[i]
		}
	}
	// What sshd says now, and could be asked for, counts more.
	if found == nil || slices.Contains([]string{"sshd-config-invalid", "sshd-config-missing", "privsep-directory-missing"}, found.Cause) || strings.HasPrefix(found.Cause, "host-key-") {
		return Verdict{}, false
	}
	return *found, true
}

// isService tells whether a cause is one of why sshd does not run any more.
func isService(cause string) bool {
	return slices.Contains([]string{"sshd-stopped", "sshd-oom-killed", "start-limit-hit", "ssh-socket-conflict", "port-in-use"}, cause)
}

const (
	// logTail is how much is read of the end of a log file.
	logTail = 256 << 10
	logDays = "-2d"
)

// judgeLog has the classifier read the end of the host's log.
func (x *examination) judgeLog(ctx context.Context) []Verdict {
	if x.classify == nil {
		return nil
	}
	if x.exists("/run/systemd/journal") || x.exists("/var/log/journal") {
		out, ok := x.run(ctx, Journalctl, "--no-pager", "-o", "short-iso", "-n", "400", "--since", logDays, "-u", "ssh.service", "-u", "sshd.service", "-u", "ssh.socket", "-u", "sshd.socket")
		if ok && strings.Count(out, "\n") > 1 {
			return x.classify(lines(out))
		}
	}
	for _, name := range []string{"/var/log/auth.log", "/var/log/secure", "/var/log/messages", "/var/log/syslog"} {
		if text, ok := x.tail(name); ok {
			return x.classify(lines(text))
		}
	}
	return nil
}

// tail gives the end of a log file, from the beginning of a line.
func (x *examination) tail(name string) (string, bool) {
	c, err := x.Files.Read(name, 16<<20)
	if err != nil {
		return "", false
	}
	text := string(c.Text)
	if len(text) > logTail {
		text = text[len(text)-logTail:]
		text = text[strings.IndexByte(text, '\n')+1:]
	}
	return text, true
}

// portTaken finds another program on a port that sshd is to have.
func (x *examination) portTaken(ctx context.Context) bool {
	for _, want := range x.global.config.wanted() {
		for _, s := range x.sockets {
			if !s.covers(want) {
				continue
			}
			values := []sshwhy.Value{num(sshwhy.FieldLocalPort, want.Port()), val(sshwhy.FieldLocalAddr, want.Addr().String())}
			if p, ok := x.owner(s); ok {
				values = append(values, num(sshwhy.FieldPID, p.pid), val(sshwhy.FieldName, p.name))
			}
			x.add(Bad, "", "port-in-use", AllWays, values)
			return true
		}
	}
	return false
}

// owner gives the process that holds a socket.
func (x *examination) owner(s socket) (process, bool) {
	if !x.root() {
		return process{}, false
	}
	pids, err := x.Files.List("/proc")
	if err != nil {
		return process{}, false
	}
	for _, text := range pids {
		pid, ok := number(text)
		if !ok || len(x.holds(text, []socket{s})) == 0 {
			continue
		}
		return x.process(pid)
	}
	return process{}, false
}

// addressMissing finds a ListenAddress that is none of this host's, where sshd
// has no other.
func (x *examination) addressMissing() bool {
	ours, err := x.Addresses()
	if err != nil || x.text("/proc/sys/net/ipv4/ip_nonlocal_bind") == "1\n" {
		return false
	}
	for _, want := range x.global.config.wanted() {
		if a := want.Addr(); !a.IsUnspecified() && !slices.Contains(ours, a.WithZone("")) {
			x.bad("listen-address-unavailable", AllWays, val(sshwhy.FieldLocalAddr, a.String()), num(sshwhy.FieldLocalPort, want.Port()))
			return true
		}
	}
	return false
}

// configuration tells whether what stands in the files is valid, and in force.
func (x *examination) configuration(context.Context) {
	if x.complains() {
		return
	}
	if x.global.config == nil {
		x.unknown("config-not-seen")
		return
	}
	main := configPath
	if x.daemon != nil {
		main = x.daemon.config
	}
	x.good("config-valid", val(sshwhy.FieldPath, main))
	x.hostKeys()
	x.inForce(main)
}

// hostKeys tells whether sshd could load its host keys.
func (x *examination) hostKeys() {
	if !x.root() {
		return
	}
	for _, v := range x.judge(x.global.said) {
		if strings.HasPrefix(v.Cause, "host-key-") && v.Cause != hostKeyModes {
			x.add(Bad, "", v.Cause, 0, v.Values)
			return
		}
	}
	if !x.openHostKeys() {
		x.good("host-keys-fine")
	}
}

const hostKeyModes = "host-key-permissions"

// openHostKeys tells each host key that others than root may read.
func (x *examination) openHostKeys() bool {
	names := x.global.config["hostkey"]
	if len(names) == 0 {
		names = []string{"/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_ed25519_key"}
	}
	found := false
	for _, name := range names {
		// Of the default keys, some may be missing.
		if info, err := x.Files.Stat(name); err == nil && info.UID == 0 && info.Mode.Perm()&0o077 != 0 {
			found = true
			x.bad(hostKeyModes, 0, val(sshwhy.FieldPath, name))
		}
	}
	return found
}

// inForce tells whether the running sshd has read what stands in the files.
func (x *examination) inForce(main string) {
	if x.daemon == nil || x.daemon.since.IsZero() {
		return
	}
	file, changed := x.newest(main)
	if changed.Sub(x.daemon.since) > x.daemon.blur {
		x.bad("config-not-in-force", 0, num(sshwhy.FieldPID, x.daemon.pid), val(sshwhy.FieldPath, file), val(sshwhy.FieldTime, changed.UTC().Format("2006-01-02 15:04:05 UTC")))
		return
	}
	x.good("config-in-force")
}
