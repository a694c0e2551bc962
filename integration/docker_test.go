//go:build integration && linux

package integration

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDocker builds the images of deploy/docker with a real Docker engine, runs
// them, and brings up all of docker-compose.yml. Nothing is pulled: what the
// images are based on, and the servers beside them, are made from the programs
// of this machine, and stand in under the same names.
func TestDocker(t *testing.T) {
	needRoot(t)
	d := startDocker(t)
	d.standIns()
	d.compose("--profile", "demo", "build")
	t.Run("image", d.within(imageWorks))
	t.Run("journal", d.within(journalImageWorks))
	t.Run("compose", d.within(composeWorks))
}

// docker is a Docker engine of its own.
type docker struct {
	*testing.T
	dir string
	env []string
}

func (d *docker) within(f func(*docker)) func(*testing.T) {
	return func(t *testing.T) { f(&docker{t, d.dir, d.env}) }
}

func startDocker(t *testing.T) *docker {
	t.Helper()
	// The path of a socket has at most 107 bytes.
	dir, err := os.MkdirTemp("", "docker")
	if err != nil {
		t.Fatal(err)
	}
	d := &docker{T: t, dir: dir}
	d.env = append(os.Environ(), "DOCKER_HOST=unix://"+dir+"/socket", "DOCKER_BUILDKIT=0", "COMPOSE_PROJECT_NAME=sshwhy",
		"SSHWHY_LOGS="+d.path("logs"), "SSHWHY_JOURNAL="+d.path("volatile"), "SSHWHY_MACHINE_ID="+d.path("machine-id"), "SSHWHY_JOURNAL_GID=991", "DEMO_EVERY=0.05")
	engine := exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "bash", "testdata/dockerd.sh", dir)
	log, err := os.Create(d.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	engine.Stdout, engine.Stderr = log, log
	engine.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	log.Close()
	t.Cleanup(func() {
		_ = engine.Process.Signal(syscall.SIGKILL)
		_ = engine.Wait()
		if err := os.RemoveAll(dir); err != nil {
			t.Log(err)
		}
	})
	d.until(time.Minute, "the engine answers", func() bool { return d.command("docker", "info").Run() == nil })
	return d
}

func (d *docker) path(name string) string { return filepath.Join(d.dir, name) }

func (d *docker) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = d.env
	return cmd
}

// run runs a command, and gives what it says on standard output.
func (d *docker) run(name string, args ...string) string {
	d.Helper()
	return d.feed(nil, name, args...)
}

func (d *docker) feed(in io.Reader, name string, args ...string) string {
	d.Helper()
	cmd := d.command(name, args...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = in, &said
	out, err := cmd.Output()
	if err != nil {
		d.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, tail(string(out)), tail(said.String()))
	}
	return string(out)
}

func tail(text string) string { return text[max(0, len(text)-6000):] }

// compose runs docker-compose (1.29) over the file of the project.
func (d *docker) compose(args ...string) string {
	d.Helper()
	return d.run("docker-compose", append([]string{"-f", "../docker-compose.yml"}, args...)...)
}

func (d *docker) until(patience time.Duration, what string, is func() bool) {
	d.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			said, _ := d.command("docker-compose", "-f", "../docker-compose.yml", "logs", "--tail", "30", "--no-color").CombinedOutput()
			d.Fatalf("waited in vain until %s\n%s\n%s", what, tail(readFile(d.T, d.path("log"))), tail(string(said)))
		}
	}
}

// standIn is an image that is made from files of this machine.
type standIn struct {
	name    string
	changes []string // instructions of a Dockerfile
	files   []file
}

// file is one of an image: from a path of this machine, or with the text, or a
// directory where there is neither.
type file struct {
	to, from, text string
	mode           int64
	owner          int
}

// standIns makes all images that docker-compose.yml and the Dockerfile name and
// do not build.
func (d *docker) standIns() {
	d.Helper()
	busybox := []file{{to: "bin/busybox", from: "/bin/busybox", mode: 0o755}, {to: "tmp", mode: 0o1777}, {to: "etc/passwd", text: "root:x:0:0::/:/bin/sh\n", mode: 0o644}}
	for _, name := range []string{"sh", "mkdir", "chmod", "rm", "mv", "wc", "date", "sleep", "cat", "echo", "wget", "httpd", "ls", "id", "grep"} {
		busybox = append(busybox, file{to: "bin/" + name, text: "#!/bin/busybox sh\nexec /bin/busybox " + name + " \"$@\"\n", mode: 0o755})
	}
	busybox[3] = file{to: "bin/sh", from: "/bin/busybox", mode: 0o755}
	with := func(more ...file) []file { return append(append([]file{}, busybox...), more...) }
	named := d.imagesNamed()
	images := []standIn{
		{name: "busybox", files: busybox},
		{name: "grafana/loki", changes: []string{`ENTRYPOINT ["/usr/bin/loki"]`, "USER 10001"}, files: []file{{to: "usr/bin/loki", from: tool(d.T, "loki"), mode: 0o755}, {to: "loki", mode: 0o755, owner: 10001}, {to: "tmp", mode: 0o1777}}},
		{name: "prom/alertmanager", changes: []string{`ENTRYPOINT ["/bin/alertmanager"]`, "USER 65534", "WORKDIR /alertmanager", "ENV PATH=/bin"},
			files: with(file{to: "bin/alertmanager", from: tool(d.T, "alertmanager"), mode: 0o755}, file{to: "alertmanager", mode: 0o755, owner: 65534})},
		// Grafana cannot be built here: this one shows only that its files are
		// where it looks for them, and that it may write where it must.
		{name: "grafana/grafana", changes: []string{`ENTRYPOINT ["/bin/sh", "/run.sh"]`, "USER 472", "ENV PATH=/bin"},
			files: with(file{to: "var/lib/grafana", mode: 0o755, owner: 472}, file{to: "run.sh", mode: 0o755, text: grafana})},
		{name: "golang", changes: []string{"ENV PATH=/usr/local/go/bin:/bin", "ENV GOPATH=/go", "ENV GOPROXY=file:///go/pkg/mod/cache/download", "ENV GOSUMDB=off", "ENV GOTOOLCHAIN=local", "ENV GOMAXPROCS=2"}, files: with(d.goFiles()...)},
		{name: "debian", changes: []string{"ENV PATH=/bin:/usr/bin", `CMD ["/bin/sh"]`}, files: with(d.journalctl()...)},
	}
	for _, image := range images {
		tag := named[image.name]
		if tag == "" {
			d.Fatalf("nothing is based on %s any more", image.name)
		}
		d.load(image, image.name+":"+tag)
	}
	if len(named) != len(images) {
		d.Errorf("images are named that have no stand-in: %v", named)
	}
}

// grafana is what stands in for Grafana.
const grafana = `set -e
grep -q 'url: http://loki:3100' /etc/grafana/provisioning/datasources/loki.yaml
grep -q 'path: /etc/grafana/dashboards' /etc/grafana/provisioning/dashboards/sshwhy.yaml
grep -q '"uid": "sshwhy"' "$GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"
mkdir -p /var/lib/grafana/www/api
echo '{"database":"ok"}' >/var/lib/grafana/www/api/health
exec httpd -f -p 3000 -h /var/lib/grafana/www
`

// imagesNamed gives the tags of the images that are not ours. Each is pinned.
func (d *docker) imagesNamed() map[string]string {
	d.Helper()
	named := map[string]string{}
	text := readFile(d.T, "../docker-compose.yml") + readFile(d.T, "../deploy/docker/Dockerfile")
	for _, m := range regexp.MustCompile(`(?m)^ *(?:image: |ARG (?:GO|BASE)=)([^\s:]+)(?::(\S+))?$`).FindAllStringSubmatch(text, -1) {
		if m[1] == "sshwhy" {
			continue
		}
		if m[2] == "" || m[2] == "latest" {
			d.Errorf("%s is not pinned", m[0])
		}
		named[m[1]] = m[2]
	}
	return named
}

// load makes an image.
func (d *docker) load(image standIn, tag string) {
	d.Helper()
	args := []string{"import"}
	for _, c := range image.changes {
		args = append(args, "--change", c)
	}
	r, w := io.Pipe()
	go func() {
		packed := tar.NewWriter(w)
		for _, f := range image.files {
			if err := f.pack(packed); err != nil {
				w.CloseWithError(fmt.Errorf("packing %s: %w", f.to, err))
				return
			}
		}
		w.CloseWithError(packed.Close())
	}()
	d.feed(r, "docker", append(args, "-", tag)...)
}

// pack writes a file, or all of a directory, into an archive.
func (f *file) pack(w *tar.Writer) error {
	info, err := os.Stat(f.from)
	switch {
	case f.from == "" && f.text == "":
		return w.WriteHeader(&tar.Header{Name: f.to + "/", Typeflag: tar.TypeDir, Mode: f.mode, Uid: f.owner, Gid: f.owner})
	case f.from == "":
		if err := w.WriteHeader(&tar.Header{Name: f.to, Mode: f.mode, Size: int64(len(f.text)), Uid: f.owner, Gid: f.owner}); err != nil {
			return err
		}
		_, err := io.WriteString(w, f.text)
		return err
	case err != nil:
		return err
	case !info.IsDir():
		return f.packFile(w, f.from, f.to, info)
	}
	return filepath.WalkDir(f.from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		name, err := filepath.Rel(f.from, path)
		if err != nil {
			return err
		}
		return f.packFile(w, path, filepath.Join(f.to, name), info)
	})
}

func (f *file) packFile(w *tar.Writer, path, to string, info fs.FileInfo) error {
	mode := f.mode
	if mode == 0 {
		mode = int64(info.Mode().Perm())
	}
	if err := w.WriteHeader(&tar.Header{Name: to, Mode: mode, Size: info.Size(), Uid: f.owner, Gid: f.owner, ModTime: info.ModTime()}); err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(w, in)
	return err
}

// goFiles are this machine's Go, and the modules that the project needs.
func (d *docker) goFiles() []file {
	d.Helper()
	root := strings.TrimSpace(d.run("go", "env", "GOROOT"))
	cache := strings.TrimSpace(d.run("go", "env", "GOMODCACHE"))
	modules := d.path("modules")
	fetch := d.command("go", "mod", "download")
	fetch.Dir = ".."
	fetch.Env = append(d.env, "GOMODCACHE="+modules, "GOPROXY=file://"+cache+"/cache/download,"+strings.TrimSpace(d.run("go", "env", "GOPROXY")), "GOFLAGS=-modcacherw")
	if out, err := fetch.CombinedOutput(); err != nil {
		d.Fatalf("%v\n%s", err, out)
	}
	list := []file{{to: "go/pkg/mod/cache/download", from: filepath.Join(modules, "cache/download")}, {to: "etc/ssl/certs/ca-certificates.crt", from: "/etc/ssl/certs/ca-certificates.crt"}}
	for _, part := range []string{"bin", "pkg", "src", "lib", "VERSION", "go.env"} {
		list = append(list, file{to: "usr/local/go/" + part, from: filepath.Join(root, part)})
	}
	return list
}

// journalctl is this machine's, with its libraries, in what is else a Debian in
// which there is nothing left to install.
func (d *docker) journalctl() []file {
	d.Helper()
	list := []file{{to: "usr/bin/journalctl", from: "/usr/bin/journalctl", mode: 0o755}, {to: "bin/apt-get", text: "#!/bin/sh\nexit 0\n", mode: 0o755},
		{to: "etc/ssl/certs/ca-certificates.crt", from: "/etc/ssl/certs/ca-certificates.crt"}, {to: "var/log", mode: 0o755}}
	for _, m := range regexp.MustCompile(`(/\S+) \(0x`).FindAllStringSubmatch(d.run("ldd", "/usr/bin/journalctl"), -1) {
		list = append(list, file{to: strings.TrimPrefix(m[1], "/"), from: m[1], mode: 0o755})
	}
	return list
}

// imageWorks: the small image is small, has nothing but the program, and reads
// files and standard input as somebody who may do nothing else.
func imageWorks(d *docker) {
	var size int64
	if _, err := fmt.Sscan(d.run("docker", "image", "inspect", "--format", "{{.Size}}", "sshwhy"), &size); err != nil || size > 25e6 {
		d.Errorf("the image has %d bytes (%v)", size, err)
	}
	d.Logf("the image has %.1f MB", float64(size)/1e6)
	d.run("docker", "build", "-f", "../deploy/docker/Dockerfile", "--target", "sshwhy", "-t", "sshwhy:again", "..")
	flags := []string{"run", "--rm", "-i", "--read-only", "--cap-drop", "ALL", "--network", "none"}
	log := readFile(d.T, "../testdata/demo/auth.log")
	out := d.feed(strings.NewReader(log), "docker", append(flags, "sshwhy", "replay", "--output", "jsonl", "--tz", "Europe/Berlin", "-")...)
	if !strings.Contains(out, `"code":"bad-ownership-or-modes"`) {
		d.Errorf("of standard input it says\n%s", tail(out))
	}
	writeFile(d.T, d.path("some/auth.log"), log)
	out = d.run("docker", append(flags, "-v", d.path("some")+":/var/log:ro", "sshwhy", "replay", "--output", "summary", "/var/log/auth.log")...)
	if !strings.Contains(out, "bad-ownership-or-modes") {
		d.Errorf("of a file it says\n%s", tail(out))
	}
}

// machineID is that of the host whose journal is read.
const machineID = "5d1c0cbd5f8f4c1aa1f2b6f1b2f7a0e9"

// journal appends to a journal, with the program that receives journals of
// other hosts.
func (d *docker) journal(lines ...string) {
	d.Helper()
	var export bytes.Buffer
	// journalctl follows what is of the present boot.
	boot := strings.ReplaceAll(strings.TrimSpace(readFile(d.T, "/proc/sys/kernel/random/boot_id")), "-", "")
	for i, line := range lines {
		ident, rest, _ := strings.Cut(line, "[")
		pid, message, _ := strings.Cut(rest, "]: ")
		now := time.Now().UnixMicro() + int64(i)
		fmt.Fprintf(&export, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n_MACHINE_ID=%s\n_HOSTNAME=bookworm\nSYSLOG_FACILITY=4\nPRIORITY=6\n_UID=0\n_COMM=sshd\n_SYSTEMD_UNIT=ssh.service\n_TRANSPORT=syslog\nSYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%s\n_PID=%s\nMESSAGE=%s\n\n",
			now, now, boot, machineID, ident, pid, pid, message)
	}
	// As on a host: for root and the group alone, which new files get too.
	dir := d.path("logs/journal/" + machineID)
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chown(dir, 0, 991), os.Chmod(dir, os.ModeSetgid|0o750)); err != nil {
		d.Fatal(err)
	}
	d.feed(&export, "/lib/systemd/systemd-journal-remote", "-o", filepath.Join(dir, "system.journal"), "-")
	writeFile(d.T, d.path("machine-id"), machineID+"\n")
	writeFile(d.T, d.path("volatile/.keep"), "")
}

// failed is a login that fails, as sshd of Debian 12 writes it.
func failed(pid int, user string) []string {
	return []string{
		fmt.Sprintf("sshd[%d]: Connection from 192.0.2.17 port 40112 on 192.0.2.1 port 22 rdomain \"\"", pid),
		fmt.Sprintf("sshd[%d]: Authentication refused: bad ownership or modes for directory /home/%s", pid, user),
		fmt.Sprintf("sshd[%d]: Connection closed by authenticating user %s 192.0.2.17 port 40112 [preauth]", pid, user),
	}
}

// journalImageWorks: the other image reads the journal of a host, by the right
// of the group.
func journalImageWorks(d *docker) {
	d.journal(failed(4711, "tanja")...)
	flags := []string{"run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "none", "--group-add", "991",
		"-v", d.path("logs") + ":/var/log:ro", "-v", d.path("machine-id") + ":/etc/machine-id:ro"}
	out := d.run("docker", append(flags, "sshwhy:journal", "replay", "--output", "jsonl", "/var/log/journal/"+machineID)...)
	if !strings.Contains(out, "chmod go-w /home/tanja") {
		d.Errorf("of the journal it says\n%s", tail(out))
	}
}

// container is what the engine tells of one.
type container struct {
	Name   string
	Config struct {
		User, Image string
		Labels      map[string]string
	}
	HostConfig struct {
		ReadonlyRootfs bool
		CapDrop        []string
		PortBindings   map[string][]struct{ HostIP string }
	}
	State struct {
		Status string
		Health *struct{ Status string }
	}
	Mounts []struct {
		Type, Destination string
		RW                bool
	}
}

func (d *docker) containers() (list []container) {
	d.Helper()
	ids := strings.Fields(d.compose("--profile", "demo", "ps", "-q"))
	if err := json.Unmarshal([]byte(d.run("docker", append([]string{"inspect"}, ids...)...)), &list); err != nil {
		d.Fatal(err)
	}
	return list
}

// get asks a server of the composition, from within.
func (d *docker) get(address string) string {
	d.Helper()
	out, err := d.command("docker-compose", "-f", "../docker-compose.yml", "exec", "-T", "alertmanager", "wget", "-q", "-O", "-", address).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// count asks Loki for a number.
func (d *docker) count(expr string) float64 {
	d.Helper()
	var a lokiAnswer
	_ = json.Unmarshal([]byte(d.get("http://loki:3100/loki/api/v1/query?query="+url.QueryEscape(expr))), &a)
	if len(a.Data.Result) == 0 {
		return 0
	}
	n, _ := strconv.ParseFloat(fmt.Sprint(a.Data.Result[0].Value[1]), 64)
	return n
}

// composeWorks: all of it comes up and is well, what the host's journal and the
// demo tell is found in Loki, and no part has more rights than it needs.
func composeWorks(d *docker) {
	d.journal("sshd[1]: Server listening on 0.0.0.0 port 22.")
	d.compose("--profile", "demo", "up", "-d")
	defer d.compose("--profile", "demo", "down", "-v", "-t", "3")
	d.until(3*time.Minute, "all are healthy", func() bool {
		for _, c := range d.containers() {
			if c.State.Status != "running" || c.State.Health != nil && c.State.Health.Status != "healthy" {
				return false
			}
		}
		return true
	})
	d.narrow()
	d.journal(failed(4712, "oliver")...)
	d.until(time.Minute, "the journal's finding is in Loki", func() bool {
		return d.count(`sum (count_over_time({job="sshwhy", host="bookworm"} | user="oliver" | cause="bad-ownership-or-modes" [1h]))`) == 1
	})
	d.until(time.Minute, "the demo's findings are in Loki", func() bool {
		return d.count(`count (sum by (host) (count_over_time({job="sshwhy", host=~"web01|edge05|el7-legacy"} | kind="finding" [1h])))`) == 3
	})
	if out := d.compose("exec", "-T", "sshwhy", "/usr/bin/sshwhy", "status"); !strings.Contains(out, "loki: ") {
		d.Errorf("its status is\n%s", out)
	}
	if rules := d.get("http://loki:3100/loki/api/v1/rules"); !strings.Contains(rules, "SSHOneCauseOnManyHosts") {
		d.Errorf("Loki's rules are\n%s", rules)
	}
	d.until(time.Minute, "metrics are told", func() bool { return strings.Contains(d.get("http://sshwhy:9222/metrics"), "sshwhy_lines_total") })
}

// narrow checks what each container may do.
func (d *docker) narrow() {
	d.Helper()
	list := d.containers()
	if len(list) != 6 {
		d.Errorf("there are %d containers", len(list))
	}
	for _, c := range list {
		if user, _, _ := strings.Cut(c.Config.User, ":"); user == "" || user == "0" || user == "root" {
			d.Errorf("%s runs as %q", c.Name, c.Config.User)
		}
		if !c.HostConfig.ReadonlyRootfs || len(c.HostConfig.CapDrop) == 0 {
			d.Errorf("%s may write to its root, or has capabilities: %+v", c.Name, c.HostConfig)
		}
		for port, to := range c.HostConfig.PortBindings {
			for _, b := range to {
				if b.HostIP != "127.0.0.1" {
					d.Errorf("%s opens %s on %q", c.Name, port, b.HostIP)
				}
			}
		}
		for _, m := range c.Mounts {
			if m.Type == "bind" && m.RW {
				d.Errorf("%s may write to the host's %s", c.Name, m.Destination)
			}
		}
	}
}

// TestComposeFile: the file is one for docker-compose 1.29 and for the Compose
// specification, which "docker compose" follows, and both read the same in it.
func TestComposeFile(t *testing.T) {
	for _, args := range [][]string{{"docker-compose", "-f", "../docker-compose.yml", "--profile", "demo", "config"}, {tool(t, "compose-go"), "../docker-compose.yml"}} {
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", args[0], err, out)
		}
		for _, want := range []string{"grafana/loki:", "sshwhy:journal", "read_only: true", "/etc/machine-id", "target: journal", "busybox:"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s does not read %q in it:\n%s", args[0], want, out)
			}
		}
	}
}
