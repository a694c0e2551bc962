//go:build integration && linux

package integration

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPackage makes packages of the tree as it stands, twice, in clones that lie
// elsewhere, and finds the same bytes. It looks into each. Then it installs the
// .deb on a Debian that has booted systemd, and does there what an administrator
// does: starts the service, has somebody fail to log in, upgrades, and purges;
// and what none would do: it kills the service while its log is rotated.
func TestPackage(t *testing.T) {
	needRoot(t)
	origin := snapshot(t)
	architectures := []string{"amd64"}
	if torture() {
		architectures = append(architectures, "arm64")
	}
	kinds := ""
	for _, arch := range architectures {
		kinds += " " + arch + ":deb,rpm,apk,tar"
	}
	first, second := packages(t, origin, "0.0.1", kinds), packages(t, origin, "0.0.1", kinds)
	sums := readFile(t, filepath.Join(first, "SHA256SUMS"))
	if again := readFile(t, filepath.Join(second, "SHA256SUMS")); sums != again {
		t.Errorf("two builds differ:\n%s\n%s", sums, again)
	}
	if n, want := strings.Count(sums, "\n"), 5*len(architectures); n != want {
		t.Errorf("%d files were made, not %d:\n%s", n, want, sums)
	}
	archivesHold(t, first, "0.0.1", architectures)
	info, err := os.Stat(filepath.Join(first, "amd64", "sshwhy"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the program has %.1f MB", float64(info.Size())/1e6)
	if info.Size() > 25e6 {
		t.Errorf("the program has %d bytes, and may have 25 MB", info.Size())
	}
	newer := packages(t, origin, "0.0.2", "amd64:deb,rpm")
	t.Run("rpm", func(t *testing.T) {
		rpmInstalls(t, filepath.Join(first, "sshwhy-0.0.1-1.x86_64.rpm"), filepath.Join(newer, "sshwhy-0.0.2-1.x86_64.rpm"))
	})
	h := bootHost(t)
	h.copyIn(filepath.Join(first, "sshwhy_0.0.1_amd64.deb"), "/root/1.deb")
	h.copyIn(filepath.Join(newer, "sshwhy_0.0.2_amd64.deb"), "/root/2.deb")
	for _, step := range []struct {
		name string
		do   func(*debian)
	}{
		{"install", packageInstalls}, {"help", packageHelps}, {"journal", serviceReadsJournal}, {"file", serviceFollowsFile},
		{"confined", serviceIsConfined}, {"torture", serviceIsTortured}, {"upgrade", packageUpgrades}, {"purge", packagePurges},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(&debian{t, h.pid}) }) {
			break // each goes on where the last one stopped
		}
	}
}

// snapshot gives a repository with the tree as it stands, whether or not it was
// committed.
func snapshot(t *testing.T) string {
	dir := t.TempDir()
	shell(t, dir, `
		git -C "$1" ls-files -z --cached --others --exclude-standard | tar -C "$1" --null -T - --ignore-failed-read -c 2>/dev/null | tar -x
		git init -q && git add -A
		git -c user.name=test -c user.email=test@localhost commit -q -m snapshot`, top(t))
	return dir
}

func top(t *testing.T) string {
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// packages makes packages, as PACKAGES= names them, in a clone of its own, and
// gives their directory.
func packages(t *testing.T, origin, version, kinds string) string {
	t.Helper()
	dir := t.TempDir()
	shell(t, dir, `git clone -q "$1" clone && cd clone && VERSION=$2 PACKAGES=$3 bash deploy/package/build.sh`, origin, version, kinds)
	return filepath.Join(dir, "clone", "dist")
}

func shell(t *testing.T, dir, script string, args ...string) {
	t.Helper()
	cmd := exec.Command("bash", append([]string{"-euc", script, "bash"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, tail(string(out)))
	}
}

// rpmHistory is what an installation, an upgrade and a removal leave to see: the
// group may read the configuration, what the administrator wrote stays, and the
// user stays as RPM has it.
const rpmHistory = `^sshwhy 0\.0\.1 .*
sshwhy adm systemd-journal
640 root sshwhy /etc/sshwhy/sshwhy.yaml
#.*
/etc/sshwhy/sshwhy.yaml is sound: .*
sshwhy 0\.0\.2 .*
sshwhy adm systemd-journal
640 root sshwhy /etc/sshwhy/sshwhy.yaml
# the administrator was here
left:
/etc/sshwhy
/etc/sshwhy/sshwhy.yaml.rpmsave
sshwhy adm systemd-journal
$`

// rpmInstalls has the program rpm, where there is one, install the .rpm into a
// Debian that has not booted, upgrade it and remove it.
func rpmInstalls(t *testing.T, older, newer string) {
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "bash", "testdata/rpm.sh", debianRoot(t), t.TempDir(), older, newer)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || !regexp.MustCompile(rpmHistory).Match(out) {
		t.Errorf("%v\n%s\n%s", err, out, said.String())
	}
}

// debian is a host that has booted; pid is its first process.
type debian struct {
	*testing.T
	pid string
}

// debianPackages is what the host has besides the least.
const debianPackages = "systemd,systemd-sysv,dbus,man-db,bash-completion,zsh,openssh-server,openssh-client,rsyslog,ca-certificates"

// debianRoot gives a root of Debian, which is kept for the next time.
func debianRoot(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	root := filepath.Join(cache, "sshwhy-integration", "bookworm-1")
	if _, err := os.Stat(root); err == nil {
		return root
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	half := root + ".half"
	if err := os.RemoveAll(half); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("debootstrap", "--variant=minbase", "--include="+debianPackages, "bookworm", half)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("a root of Debian could not be made, so the package was not installed: %v\n%s", err, tail(string(out)))
	}
	if err := os.Rename(half, root); err != nil {
		t.Fatal(err)
	}
	return root
}

// bootHost boots a Debian.
func bootHost(t *testing.T) *debian {
	t.Helper()
	root := debianRoot(t)
	group := "sshwhy-test-" + strconv.Itoa(os.Getpid())
	cmd := exec.Command("bash", "testdata/boot.sh", root, t.TempDir(), group)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		shell(t, "", `
			hierarchy=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
			for try in $(seq 50); do
				find "$hierarchy/$1" -depth -type d -exec rmdir {} + 2>/dev/null && break
				sleep 0.1
			done`, group)
	})
	h := &debian{T: t}
	// The process that was started has one child, which becomes systemd.
	children := filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "task", strconv.Itoa(cmd.Process.Pid), "children")
	h.until("the host has booted", func() bool {
		b, err := os.ReadFile(children)
		if h.pid = strings.TrimSpace(string(b)); err != nil || h.pid == "" {
			return false
		}
		name, err := os.ReadFile("/proc/" + h.pid + "/comm")
		if err != nil || strings.TrimSpace(string(name)) != "systemd" {
			return false
		}
		out, _ := h.command("systemctl is-system-running").Output()
		state := strings.TrimSpace(string(out))
		return state == "running" || state == "degraded"
	})
	return h
}

// command is a line of sh on the host.
func (h *debian) command(line string) *exec.Cmd {
	cmd := exec.Command("nsenter", "--target", h.pid, "--all", "--", "/bin/bash", "-euc", line)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "TERM=dumb", "MANPAGER=cat", "DEBIAN_FRONTEND=noninteractive"}
	cmd.Dir = "/"
	return cmd
}

// run runs a line that must succeed, and gives all that it says.
func (h *debian) run(line string) string {
	h.Helper()
	out, err := h.command(line).CombinedOutput()
	if err != nil {
		journal, _ := h.command("journalctl --no-pager -o cat -n 30 -u sshwhy").CombinedOutput()
		h.Fatalf("%s: %v\n%s\nthe journal of the service:\n%s", line, err, tail(string(out)), tail(string(journal)))
	}
	return string(out)
}

// fails runs a line that must not succeed, and gives all that it says.
func (h *debian) fails(line string) string {
	h.Helper()
	out, err := h.command(line).CombinedOutput()
	if err == nil {
		h.Errorf("%s: succeeded\n%s", line, tail(string(out)))
	}
	return string(out)
}

func (h *debian) says(line, want string) {
	h.Helper()
	if got := h.run(line); !regexp.MustCompile(want).MatchString(got) {
		h.Errorf("%s says\n%s\nand not %s", line, tail(got), want)
	}
}

func (h *debian) until(what string, is func() bool) {
	h.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			journal := ""
			if h.pid != "" {
				out, _ := h.command("journalctl --no-pager -o cat -n 30 -u sshwhy").CombinedOutput()
				journal = tail(string(out))
			}
			h.Fatalf("waited in vain until %s\n%s", what, journal)
		}
	}
}

// untilSays waits until a line says something.
func (h *debian) untilSays(line, want string) {
	h.Helper()
	pattern := regexp.MustCompile(want)
	h.until(line+" says "+want, func() bool {
		out, _ := h.command(line).CombinedOutput()
		return pattern.Match(out)
	})
}

func (h *debian) copyIn(from, to string) {
	h.Helper()
	cmd := h.command("cat > " + to)
	f, err := os.Open(from)
	if err != nil {
		h.Fatal(err)
	}
	defer f.Close()
	cmd.Stdin = f
	if out, err := cmd.CombinedOutput(); err != nil {
		h.Fatalf("%v\n%s", err, out)
	}
}

func (h *debian) write(path, text string) {
	h.Helper()
	cmd := h.command("mkdir -p \"$(dirname " + path + ")\" && cat > " + path)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.Fatalf("%v\n%s", err, out)
	}
}

// knock has somebody fail to log in.
func (h *debian) knock(user string) {
	h.Helper()
	h.fails("ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes " + user + "@127.0.0.1 true")
}

func packageInstalls(h *debian) {
	h.run("dpkg -i /root/1.deb")
	h.says("sshwhy version", `^sshwhy 0\.0\.1 `)
	h.says("id -nG sshwhy", `^sshwhy adm systemd-journal\n$`)
	h.says("stat -c '%a %U %G' /etc/sshwhy/sshwhy.yaml", "^640 root sshwhy\n$")
	h.says("dpkg-query -W -f '${Conffiles}' sshwhy", "/etc/sshwhy/sshwhy.yaml")
	h.run("setpriv --reuid sshwhy --regid sshwhy --init-groups sshwhy check /etc/sshwhy/sshwhy.yaml")
	if out := h.run("systemd-analyze verify sshwhy.service sshwhy-inspect.service sshwhy-inspect.socket"); strings.Contains(out, "sshwhy") {
		h.Errorf("systemd-analyze verify says\n%s", out)
	}
	h.run("systemd-analyze security --offline=yes --threshold=15 /usr/lib/systemd/system/sshwhy.service")
	h.says("systemctl is-enabled sshwhy || true", "disabled")
}

func packageHelps(h *debian) {
	pages := strings.Fields(h.run("ls /usr/share/man/man1 | grep ^sshwhy | sed 's/.1.gz//'"))
	if len(pages) < 10 {
		h.Errorf("there are %d manual pages", len(pages))
	}
	for _, page := range pages {
		h.says("man "+page, "(?s)NAME.*SYNOPSIS")
	}
	h.says(`. /usr/share/bash-completion/bash_completion; _completion_loader sshwhy || true
		COMP_WORDS=(sshwhy rep) COMP_CWORD=1 COMP_LINE='sshwhy rep' COMP_POINT=10 COMP_TYPE=9
		set +eu; __start_sshwhy sshwhy rep sshwhy; echo "${COMPREPLY[@]}"`, `(?m)^replay`)
	h.says(`zsh -c 'autoload -U compinit && compinit -u && echo ${_comps[sshwhy]}'`, "^_sshwhy\n$")
}

// serviceReadsJournal is the service as it comes: the journal, and findings on
// its standard output.
func serviceReadsJournal(h *debian) {
	h.run("systemctl enable --now sshwhy")
	h.knock("mallory")
	h.untilSays("journalctl -u sshwhy -o cat --no-pager", `"user":\{"name":"mallory"`)
	if out := h.run("journalctl -u sshwhy -o cat --no-pager"); strings.Contains(out, "journal-interrupted") {
		h.Errorf("the journal could not be read:\n%s", out)
	}
}

// A sink on the host: what is sent lies in /run/caught.
const (
	catchSocket  = "[Socket]\nListenStream=127.0.0.1:9999\nAccept=yes\n"
	catchService = "[Service]\nStandardInput=socket\nExecStart=sh -c 'timeout 0.5 cat >> /run/caught; printf \"HTTP/1.1 204 No Content\\r\\nConnection: close\\r\\n\\r\\n\"'\n"
	fileConfig   = `sources: [/var/log/auth.log]
sinks:
  - {type: file, path: /var/lib/sshwhy/findings.jsonl}
  - {name: hook, type: webhook, send: findings, url_file: "${CREDENTIALS_DIRECTORY}/hook"}
`
)

// serviceFollowsFile has it follow a file, through a rotation and a reload, and
// deliver to a file and to an address that is a credential.
func serviceFollowsFile(h *debian) {
	h.write("/etc/systemd/system/catch.socket", catchSocket)
	h.write("/etc/systemd/system/catch@.service", catchService)
	h.write("/root/hook", "http://127.0.0.1:9999/ssh\n")
	h.write("/etc/systemd/system/sshwhy.service.d/hook.conf", "[Service]\nLoadCredential=hook:/root/hook\n")
	h.run("chmod 600 /root/hook; systemctl daemon-reload; systemctl start catch.socket")
	h.run("cat > /etc/sshwhy/sshwhy.yaml <<'END'\n" + fileConfig + "END\nsystemctl restart sshwhy")
	h.knock("oscar")
	h.untilSays("cat /var/lib/sshwhy/findings.jsonl", `"user":\{"name":"oscar"`)
	h.untilSays("cat /run/caught", `"user":\{"name":"oscar"`)
	h.run("mv /var/log/auth.log /var/log/auth.log.1; systemctl kill -s HUP rsyslog")
	h.knock("peggy")
	h.untilSays("cat /var/lib/sshwhy/findings.jsonl", `"user":\{"name":"peggy"`)
	h.run("systemctl reload sshwhy")
	h.knock("victor")
	h.untilSays("cat /var/lib/sshwhy/findings.jsonl", `"user":\{"name":"victor"`)
	for _, name := range []string{"oscar", "peggy", "victor"} {
		h.says(`grep -c '"kind":"event".*"user":{"name":"`+name+`"' /var/lib/sshwhy/findings.jsonl`, "^1\n$")
	}
}

// confined expects the process of the service to be the user that the package
// made, with no capability, and under the filter of system calls.
func (h *debian) confined() {
	h.Helper()
	status := h.run("cat /proc/$(systemctl show -P MainPID sshwhy)/status")
	user := strings.TrimSpace(h.run("id -u sshwhy"))
	for _, want := range []string{
		"Name:\tsshwhy", "Uid:" + strings.Repeat("\t"+user, 4),
		"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
	} {
		if !strings.Contains(status, want+"\n") {
			h.Errorf("the process does not have %q:\n%s", want, status)
		}
	}
}

// serviceIsConfined looks at the process of the service, and puts a shell in its
// place to see how far it gets.
func serviceIsConfined(h *debian) {
	h.confined()
	h.says("journalctl -u sshwhy -o cat --no-pager", `confined to what the configuration needs|no Landlock`)
	h.write("/etc/systemd/system/sshwhy-probe.service", "")
	h.run(`sed -e '/^Exec/d; /^Type=/d; /^WatchdogSec=/d; /^Restart/d; /^\[Service\]/a Type=oneshot\nExecStart=/bin/bash /root-probe' /usr/lib/systemd/system/sshwhy.service > /etc/systemd/system/sshwhy-probe.service; systemctl daemon-reload`)
	for _, probe := range []struct {
		name, line string
		works      bool
	}{
		{"writes its state", "echo > /var/lib/sshwhy/probe && rm /var/lib/sshwhy/probe", true},
		{"reads a log", "test -r /var/log/auth.log", true},
		{"reads the passwords", "cat /etc/shadow", false},
		{"reads the key of the host", "cat /etc/ssh/ssh_host_ed25519_key", false},
		{"reads a credential where root put it", "cat /root/hook", false},
		{"sees homes", "ls /home/* /root/*", false},
		{"writes its configuration", "echo >> /etc/sshwhy/sshwhy.yaml", false},
		{"writes a log", "echo >> /var/log/auth.log", false},
		{"writes elsewhere in /var", "echo > /var/tmp/../probe", false},
		{"mounts", "mount -t tmpfs none /mnt", false},
		{"makes a namespace", "unshare --user true", false},
	} {
		h.write("/root-probe", probe.line+"\n")
		out, err := h.command("chmod 644 /root-probe; systemctl start sshwhy-probe").CombinedOutput()
		if (err == nil) != probe.works {
			h.Errorf("the service %s: %v, and should: %v\n%s", probe.name, err == nil, probe.works, out)
		}
	}
	h.run("rm /etc/systemd/system/sshwhy-probe.service /root-probe; systemctl daemon-reload; systemctl reset-failed")
	h.run("systemctl is-active sshwhy || systemctl restart sshwhy")
	// A new name that was closed at the start changes nothing, and says so.
	h.run("mkdir -p /srv/logs; cp /etc/sshwhy/sshwhy.yaml /root/was.yaml; sed -i 's,^sources:.*,sources: [/srv/logs/auth.log],' /etc/sshwhy/sshwhy.yaml; systemctl reload sshwhy")
	if strings.Contains(h.run("journalctl -u sshwhy -o cat --no-pager"), "confined to") {
		h.untilSays("journalctl -u sshwhy -o cat --no-pager", `closed to the service at its start`)
	}
	h.run("cat /root/was.yaml > /etc/sshwhy/sshwhy.yaml; systemctl reload sshwhy")
}

// inside is the path here of a path on the host.
func (h *debian) inside(path string) string { return filepath.Join("/proc", h.pid, "root", path) }

// The log lies in a folder that the group adm alone may enter, and findings in
// the service's state: it needs all that its confinement leaves it.
const tortureConfig = `sources: [{path: /var/log/torture/auth.log, from_start: true}]
sinks:
  - {name: torture, type: file, send: findings, path: /var/lib/sshwhy/torture.jsonl}
`

// serviceIsTortured writes and rotates a log while the service, started by its
// unit and confined as that says, is killed again and again, and systemd starts
// it anew. What its file has received is what replay says of the log as it was
// written.
func serviceIsTortured(h *debian) {
	h.run("cp -p /etc/sshwhy/sshwhy.yaml /root/was.yaml; install -d -m 2750 -g adm /var/log/torture")
	h.run("cat > /etc/sshwhy/sshwhy.yaml <<'END'\n" + tortureConfig + "END\nsystemctl restart sshwhy")
	l := newServerLog(h.T, h.inside("/var/log/torture/auth.log"))
	stop := l.busy(1, 200*time.Millisecond)
	defer stop()
	kills := long(10, 60)
	for n := range kills {
		if n == 2 { // the unit as it is did what it says; now at shorter intervals
			h.write("/etc/systemd/system/sshwhy.service.d/torture.conf", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=100ms\n")
			h.run("systemctl daemon-reload")
		}
		h.kill()
	}
	h.confined()
	stop()
	l.settle()
	replay := h.command("sshwhy replay --output jsonl /var/log/torture/" + filepath.Base(l.undisturbed()))
	undisturbed, err := replay.Output()
	if err != nil {
		h.Fatal(err)
	}
	want := verdictsOf(h.T, undisturbed)
	got := func() map[given]int {
		return verdictsOf(h.T, []byte(readFile(h.T, h.inside("/var/lib/sshwhy/torture.jsonl"))))
	}
	lost, strange, twice := compare(want, got())
	for deadline := time.Now().Add(time.Minute); len(lost) > 0 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		lost, strange, twice = compare(want, got())
	}
	h.Logf("torture: the installed unit, confined, kill -9 by its process number, rotation going on | %d lines, %d rotations, %d kills, %d verdicts: %d lost, %d that replay does not give, %d twice with the same id and revision",
		l.lines, l.rotations, kills, len(want), len(lost), len(strange), twice)
	if len(want) == 0 || len(lost)+len(strange) > 0 {
		h.Fatalf("lost: %v\nstrange: %v", lost[:min(5, len(lost))], strange[:min(5, len(strange))])
	}
	h.run("rm -rf /etc/systemd/system/sshwhy.service.d/torture.conf /var/log/torture; systemctl daemon-reload; cat /root/was.yaml > /etc/sshwhy/sshwhy.yaml; systemctl restart sshwhy")
}

// kill kills the service at a moment that nobody chose, and waits until systemd
// has started another.
func (h *debian) kill() {
	h.Helper()
	time.Sleep(time.Duration(rand.Int64N(int64(time.Second))))
	pid := strings.TrimSpace(h.run("systemctl show -P MainPID sshwhy"))
	h.run("kill -9 " + pid)
	h.until("systemd has started it again", func() bool {
		out, _ := h.command("systemctl show -P ActiveState -P MainPID sshwhy").Output()
		is := strings.Fields(string(out))
		return len(is) == 2 && slices.Contains(is, "active") && !slices.Contains(is, pid)
	})
}

func packageUpgrades(h *debian) {
	before := h.run("sha256sum /etc/sshwhy/sshwhy.yaml; stat -c %i /var/lib/sshwhy/ledger; systemctl show -P MainPID sshwhy")
	h.run("dpkg -i /root/2.deb < /dev/null")
	h.says("sshwhy version", `^sshwhy 0\.0\.2 `)
	h.run("systemctl is-active sshwhy")
	after := h.run("sha256sum /etc/sshwhy/sshwhy.yaml; stat -c %i /var/lib/sshwhy/ledger; systemctl show -P MainPID sshwhy")
	b, a := strings.Fields(before), strings.Fields(after)
	if len(a) != 4 || len(b) != 4 || a[0] != b[0] || a[2] != b[2] {
		h.Errorf("configuration or state are others: before\n%safter\n%s", before, after)
	} else if a[3] == b[3] {
		h.Error("the old program still runs")
	}
	h.knock("wendy")
	h.untilSays("cat /var/lib/sshwhy/findings.jsonl", `"user":\{"name":"wendy"`)
	for _, name := range []string{"oscar", "wendy"} {
		h.says(`grep -c '"kind":"event".*"user":{"name":"`+name+`"' /var/lib/sshwhy/findings.jsonl`, "^1\n$")
	}
}

func packagePurges(h *debian) {
	// What the administrator made is the administrator's to remove.
	h.run("rm -r /etc/systemd/system/sshwhy.service.d")
	h.run("dpkg --remove sshwhy")
	h.run("test -e /var/lib/sshwhy/ledger && test -e /etc/sshwhy/sshwhy.yaml")
	h.fails("systemctl is-active sshwhy")
	h.run("dpkg --purge sshwhy")
	// The files that end with - are the former ones of the user database.
	h.fails("getent passwd sshwhy")
	h.fails("getent group sshwhy")
	if left := h.run("find / -xdev -path /proc -prune -o -path /sys -prune -o -path /var/cache/man -prune -o -name '*sshwhy*' -print; grep -rl --exclude='*-' sshwhy /etc || true; ls -d /run/sshwhy* 2>/dev/null || true"); left != "" {
		h.Errorf("left behind:\n%s", left)
	}
}
