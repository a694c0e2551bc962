package inspect

import (
	"context"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"
)

// process is an sshd that listens, or a program that could be one.
type process struct {
	pid    int
	parent int
	name   string
	uid    uint32
	// words are the command line, title the whole of it where the process
	// wrote something else there.
	words []string
	title string
}

// processes gives those of a name, in the same network as we.
func (h *Host) processes(name string) []process {
	pids, err := h.Files.List("/proc")
	if err != nil {
		return nil
	}
	ours, _ := h.Files.Readlink("/proc/self/ns/net")
	var list []process
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		if err != nil {
			continue
		}
		p, ok := h.process(pid)
		if !ok || p.name != name {
			continue
		}
		if theirs, err := h.Files.Readlink(path.Join("/proc", text, "ns/net")); err == nil && ours != "" && theirs != ours {
			continue
		}
		list = append(list, p)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].pid < list[j].pid })
	return list
}

func (h *Host) process(pid int) (process, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	// "PID (NAME) STATE PARENT …"
	stat := h.text(dir + "/stat")
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return process{}, false
	}
	f := strings.Fields(stat[end+1:])
	if len(f) < 2 {
		return process{}, false
	}
	p := process{pid: pid, name: stat[open+1 : end]}
	p.parent, _ = strconv.Atoi(f[1])
	if info, err := h.Files.Stat(dir); err == nil {
		p.uid = info.UID
	}
	line := strings.TrimRight(h.text(dir+"/cmdline"), "\x00")
	p.words = strings.Split(line, "\x00")
	p.title = strings.ReplaceAll(line, "\x00", " ")
	return p, true
}

// daemon is the sshd that listens.
type daemon struct {
	process
	// since is when it read its configuration.
	since time.Time
	blur  time.Duration // how exactly that is known
	// invocation are the arguments that change the configuration.
	invocation []string
	config     string
	// unauthenticated is how many connections have not logged in; begin and
	// full are MaxStartups. -1 where sshd does not say it.
	unauthenticated, begin, full int
}

// daemonOf finds the sshd that listens: the one that is root's, is no child of
// another, and has not written the name of a user as its title.
func (h *Host) daemonOf() *daemon {
	list := h.processes("sshd")
	is := map[int]bool{}
	for _, p := range list {
		is[p.pid] = true
	}
	for _, p := range list {
		if p.uid != 0 || is[p.parent] {
			continue
		}
		if strings.HasPrefix(p.title, "sshd: ") && !strings.Contains(p.title, "[listener]") {
			continue
		}
		return h.read(p)
	}
	return nil
}

// read makes out what the process says of itself: the title of a listener is
// "sshd: COMMAND [listener] N of BEGIN-FULL startups" (8.2 and later).
func (h *Host) read(p process) *daemon {
	d := &daemon{process: p, unauthenticated: -1, config: configPath}
	words := p.words
	if rest, ok := strings.CutPrefix(p.title, "sshd: "); ok {
		command, startups, _ := strings.Cut(rest, " [listener] ")
		words = strings.Fields(command)
		d.startups(startups)
	}
	for i := 1; i < len(words); i++ {
		for _, flag := range []string{"-f", "-p", "-o"} {
			switch {
			case words[i] == flag && i+1 < len(words):
				d.invocation = append(d.invocation, flag, words[i+1])
				i++
			case strings.HasPrefix(words[i], flag) && len(words[i]) > len(flag):
				d.invocation = append(d.invocation, flag, words[i][len(flag):])
			default:
				continue
			}
			break
		}
	}
	for i := 0; i+1 < len(d.invocation); i += 2 {
		if d.invocation[i] == "-f" {
			d.config = d.invocation[i+1]
		}
	}
	d.since, d.blur = h.readAt(p.pid)
	return d
}

func (d *daemon) startups(text string) {
	// "3 of 10-100 startups"
	now, rest, ok := strings.Cut(text, " of ")
	limits, _, ok2 := strings.Cut(rest, " startups")
	begin, full, ok3 := strings.Cut(limits, "-")
	if !ok || !ok2 || !ok3 {
		return
	}
	n, err := strconv.Atoi(now)
	b, err2 := strconv.Atoi(begin)
	f, err3 := strconv.Atoi(full)
	if err == nil && err2 == nil && err3 == nil {
		d.unauthenticated, d.begin, d.full = n, b, f
	}
}

// readAt gives when a process read its configuration: when it started, or was
// told to read it again, after which sshd writes its PID file anew.
func (h *Host) readAt(pid int) (since time.Time, blur time.Duration) {
	// The start of a process is known to 10 ms, and so is that of the host.
	const ofStart = 50 * time.Millisecond
	since = h.startOf(pid)
	for _, name := range []string{"/run/sshd.pid", "/var/run/sshd.pid"} {
		c, err := h.Files.Read(name, 64)
		if err == nil && strings.TrimSpace(string(c.Text)) == strconv.Itoa(pid) && c.Modified.After(since.Add(-ofStart)) {
			return c.Modified, 0
		}
	}
	return since, ofStart
}

// ticks is the unit of times in /proc, which is the same wherever Linux runs.
const ticks = 100

// startOf gives when a process started, to a hundredth of a second (proc(5)).
func (h *Host) startOf(pid int) time.Time {
	stat := h.text("/proc/" + strconv.Itoa(pid) + "/stat")
	f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const start = 19 // the 22nd field of all
	if len(f) <= start {
		return time.Time{}
	}
	n, err := strconv.ParseInt(f[start], 10, 64)
	boot := h.boot()
	if err != nil || boot.IsZero() {
		return time.Time{}
	}
	return boot.Add(time.Duration(n) * time.Second / ticks)
}

// boot gives when the host was started, by the clock of now.
func (h *Host) boot() time.Time {
	up, _, _ := strings.Cut(h.text("/proc/uptime"), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	if err != nil {
		return time.Time{}
	}
	return h.Now().Add(-time.Duration(seconds * float64(time.Second)))
}

// unit is what systemd knows of a unit.
type unit map[string]string

// units gives the units of SSH that systemd has, by name.
func (h *Host) units(ctx context.Context) map[string]unit {
	if !h.exists("/run/systemd/system") {
		return nil
	}
	out, ok := h.run(ctx, Systemctl, "show", "--no-pager",
		"--property=Id,LoadState,ActiveState,SubState,Result,UnitFileState,MainPID,Listen,RuntimeDirectory,ConditionResult",
		"ssh.service", "sshd.service", "ssh.socket", "sshd.socket")
	if !ok {
		return nil
	}
	list := map[string]unit{}
	for block := range strings.SplitSeq(out, "\n\n") {
		u := unit{}
		for line := range strings.Lines(block) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				if u[name] != "" {
					value = u[name] + " " + value
				}
				u[name] = value
			}
		}
		if u["LoadState"] == "loaded" || u["LoadState"] == "masked" {
			list[u["Id"]] = u
		}
	}
	return list
}

// atBoot tells whether sshd, or its socket, starts with the host; known is
// false where nothing is found that starts services, as in a container.
func (h *Host) atBoot(units map[string]unit) (starts, known bool) {
	for _, u := range units {
		known = true
		switch state := u["UnitFileState"]; {
		case strings.HasPrefix(state, "enabled"), state == "static", state == "generated", state == "alias", state == "indirect":
			return true, true
		}
	}
	if known {
		return false, true
	}
	for _, name := range []string{"sshd", "ssh"} {
		switch {
		case !h.exists("/etc/init.d/" + name):
		case h.exists("/run/openrc"):
			_, err := h.Files.Lstat("/etc/runlevels/default/" + name)
			return err == nil, true
		case !h.exists("/run/systemd/system") && h.initIsPlain():
			return h.inRunlevel(name), true
		}
	}
	return false, false
}

// initIsPlain tells whether the first process is the one of System V.
func (h *Host) initIsPlain() bool {
	p, ok := h.process(1)
	return ok && p.name == "init"
}

func (h *Host) inRunlevel(name string) bool {
	for _, level := range []string{"2", "3", "5"} {
		names, err := h.Files.List("/etc/rc" + level + ".d")
		if err != nil {
			continue
		}
		for _, n := range names {
			if strings.HasPrefix(n, "S") && strings.HasSuffix(n, name) {
				return true
			}
		}
	}
	return false
}
