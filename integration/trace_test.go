//go:build integration && linux

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// trace is a way in which ssh does not come through, and what "sshwhy client"
// must make of its output. The default is that of every box: alice's key is
// carol's, and the login works.
type trace struct {
	// name says what is arranged, config are lines of sshd_config.
	name, config string
	// arrange breaks something; it may be nil.
	arrange func(*box)
	// command is the line of sh; VERBOSE in it becomes -v or -vvv.
	command string
	// password is what ssh's questions are answered, env is added to its
	// environment.
	password string
	env      []string

	// step, side and cause must be the verdict's; cause is "" where
	// nothing failed. Sides between | are as good as each other.
	step, side, cause string
	// behind must be among the candidates, hop tells that it is about the
	// jump host.
	behind string
	hop    bool
	// bare is the verdict on the output without -v, where it is not the
	// same; "-" for outputs that say nothing without it.
	bare string
	// server is the cause that the verdict of both sides must name, with
	// the server's log.
	server string
}

const traceVariable = "SSHWHY_TRACES"

// traceBoxes is how many boxes share the traces.
const traceBoxes = 5

// TestClient has ssh fail in all ways that can be arranged, and sshwhy read
// what it wrote: with -v, with -vvv, and without.
func TestClient(t *testing.T) {
	if os.Getenv(traceVariable) != "" {
		t.Skip("inside a box")
	}
	needRoot(t)
	folder := newFolder(t)
	for n := range traceBoxes {
		t.Run(fmt.Sprint("part ", n+1), func(t *testing.T) {
			t.Parallel()
			inBox(t, folder, "TestClientInBox", fmt.Sprint(traceVariable, "=", n))
		})
	}
}

// TestClientInBox is the part of TestClient that runs inside a box.
func TestClientInBox(t *testing.T) {
	part := os.Getenv(traceVariable)
	if part == "" {
		t.Skip("the inner part of TestClient")
	}
	b := newBox(t, "")
	answer(t)
	outputs := 0
	for i, s := range traces() {
		if fmt.Sprint(i%traceBoxes) == part {
			outputs += b.trace(&s)
		}
	}
	t.Logf("%d outputs of ssh were read", outputs)
}

// trace arranges one, and gives the number of outputs that were read.
func (b *box) trace(s *trace) int {
	b.renew(s.config)
	if s.arrange != nil {
		s.arrange(b)
	}
	if _, err := os.Stat("/mnt/stopped"); err != nil {
		b.startSSHD()
	}
	n := 0
	for _, verbose := range []string{"-v", "-vvv", ""} {
		option := verbose
		if option == "" {
			option = "-o LogLevel=INFO" // as where nobody configured it
		}
		r := b.asClient(s.password, "", strings.ReplaceAll(s.command, "VERBOSE", option), s.env...)
		want := s.cause
		if verbose == "" && s.bare != "" {
			want = s.bare
		}
		if want == "-" {
			continue
		}
		n++
		path := "/tmp/trace.txt"
		b.write(path, 0, 0o644, r.output)
		got := b.clientVerdict(path)
		if problem := s.differs(got, want, verbose); problem != "" {
			b.errorf("%s, %q: %s\n%s", s.name, verbose, problem, r.output)
		}
		if s.server != "" {
			b.log.quiet()
			if both := b.clientVerdict(path, "--log", "/var/log/auth.log"); both.Event.Code != s.server {
				b.errorf("%s, %q: both sides give %q (%s), not %q", s.name, verbose, both.Event.Code, both.Why.Confidence, s.server)
			}
		}
	}
	b.release()
	b.sh("rm -f /mnt/stopped; systemctl stop ssh; nft flush ruleset; ip route flush type unreachable; ip route flush type prohibit")
	return n
}

// renew makes the box as it was at first.
func (b *box) renew(config string) {
	b.sh("rm -rf " + carolHome + "/.ssh /home/alice/.ssh; : > /var/log/auth.log")
	b.mkdir(carolHome+"/.ssh", carolID, 0o700)
	b.mkdir(aliceHome+"/.ssh", aliceID, 0o700)
	b.mkdir(aliceHome, aliceID, 0o755)
	b.give("id_ed25519")
	b.authorize(b.read(carolHome + "/.ssh/id_ed25519.pub"))
	b.sh("usermod --expiredate '' alice; cp /mnt/box/ssh_host_* /etc/ssh/; rm -f /etc/ssh/*-cert.pub")
	b.write("/etc/nsswitch.conf", 0, 0o644, "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
	b.configure(config)
}

// release closes what meanwhile holds.
func (b *box) release() {
	for _, conn := range b.held {
		conn.Close()
	}
	b.held = nil
}

// clientObject is what "sshwhy client --output json" writes.
type clientObject struct {
	Event struct{ Code, Reason string }
	Why   struct {
		Step, Side, Confidence string
		Candidates             []string
		Hop, Debug             bool
		Remedy                 []struct{ Run string }
	} `json:"sshwhy"`
}

func (b *box) clientVerdict(path string, flags ...string) *clientObject {
	r := b.asRoot("", "sshwhy client --lang en --output json "+strings.Join(flags, " ")+" "+path)
	if r.status != 0 {
		b.fatalf("sshwhy client: status %d\n%s", r.status, r.output)
	}
	var o clientObject
	lines := strings.Split(strings.TrimSpace(r.output), "\n")
	if lines[0] == "" {
		return &o
	}
	if len(lines) != 1 {
		b.errorf("%d verdicts on one run of ssh", len(lines))
	}
	b.must(json.Unmarshal([]byte(lines[0]), &o))
	return &o
}

// differs says what is not as it must be.
func (s *trace) differs(got *clientObject, cause, verbose string) string {
	is := fmt.Sprintf("step %s, side %s, cause %s (%s), candidates %v", got.Why.Step, got.Why.Side, got.Event.Code, got.Why.Confidence, got.Why.Candidates)
	switch {
	case got.Event.Code != cause:
		return "want cause " + cause + "; " + is
	case cause != s.cause: // of the message alone
		return ""
	case got.Why.Step != s.step, !slices.Contains(strings.Split(s.side, "|"), got.Why.Side):
		return "want " + s.step + ", " + s.side + "; " + is
	case s.behind != "" && verbose != "" && !slices.Contains(got.Why.Candidates, s.behind):
		return "want the candidate " + s.behind + "; " + is
	case got.Why.Hop != s.hop:
		return fmt.Sprint("is it about the jump host? ", got.Why.Hop)
	case cause != "" && len(got.Why.Remedy) == 0:
		return "no remedy"
	}
	return ""
}

// answer starts servers that are no sshd, each on a port of its own.
func answer(t *testing.T) {
	servers := map[int]func(net.Conn){
		2221: func(c net.Conn) {},                                   // closes
		2222: func(c net.Conn) { resets(c) },                        // resets
		2223: func(c net.Conn) { io.Copy(io.Discard, c) },           // says nothing
		2224: says("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"), // is another server
		2225: says("SSH-2.0-OpenSSH_9.2p1\r\n"),                     // leaves
		2226: func(c net.Conn) { io.WriteString(c, "SSH-2.0-OpenSSH_9.2p1\r\n"); io.Copy(io.Discard, c) },
		2227: says("SSH-1.5-old\r\n"),
	}
	for port, serve := range servers {
		l, err := net.Listen("tcp4", fmt.Sprint("192.0.2.10:", port))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() { serve(conn); conn.Close() }()
			}
		}()
	}
}

// resets lets the client come through before it sends it away.
func resets(c net.Conn) {
	c.Read(make([]byte, 1))
	c.(*net.TCPConn).SetLinger(0)
}

func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, text)
		var once sync.Once
		time.AfterFunc(300*time.Millisecond, func() { once.Do(func() { c.Close() }) })
		io.Copy(io.Discard, c)
	}
}

// carolFile writes into carol's .ssh.
func (b *box) carolFile(name string, mode os.FileMode, text string) {
	b.write(filepath.Join(carolHome, ".ssh", name), carolID, mode, text)
}

// traces are the ways to fail, in the order of the steps.
func traces() []trace {
	const toServer = "ssh VERBOSE -T alice@server echo in"
	byKeyOnly := "ssh VERBOSE -T -o BatchMode=yes alice@server echo in"
	sh := func(line string) func(*box) { return func(b *box) { b.sh(line) } }
	asCarol := func(line string) func(*box) {
		return func(b *box) {
			if r := b.asClient("", "", line); r.status != 0 {
				b.fatalf("arranging: %s: %s", line, r.output)
			}
		}
	}
	knownHosts := func(line string) func(*box) {
		return func(b *box) { b.carolFile("known", 0o600, line) }
	}
	another := func(b *box) string { return strings.Join(strings.Fields(b.read("/mnt/box/id_ed25519.pub"))[:2], " ") }
	const known = " -o UserKnownHostsFile=" + carolHome + "/.ssh/known -o GlobalKnownHostsFile=/dev/null"
	list := []trace{
		{name: "an option that ssh does not know", command: "ssh VERBOSE -o Colour=blue alice@server", step: "setup", side: "client", cause: "client-config-invalid"},
		{
			name: "a line of the configuration that ssh does not know", command: byKeyOnly, step: "setup", side: "client", cause: "client-config-invalid",
			arrange: func(b *box) { b.carolFile("config", 0o600, "Host server\n    IdentityFiles x\n") },
		},
		{
			name: "a configuration that others can write", command: byKeyOnly, step: "setup", side: "client", cause: "client-config-permissions",
			arrange: func(b *box) { b.carolFile("config", 0o666, "Host server\n") },
		},
		{name: "a port that is none", command: "ssh VERBOSE -p 99999 alice@server", step: "setup", side: "client", cause: "client-command-invalid"},
		{
			name: "a control socket whose path is too long", step: "setup", side: "client", cause: "control-socket-unusable",
			command: "ssh VERBOSE -T -o ControlMaster=yes -o ControlPath=" + carolHome + "/" + strings.Repeat("long", 30) + " alice@server echo in",
		},
		{name: "a name that is unknown", command: "ssh VERBOSE alice@srever", step: "resolve", side: "client", cause: "host-name-unknown"},
		{
			name: "a name service that does not answer", command: "ssh VERBOSE alice@srever", step: "resolve", side: "network", cause: "name-service-unreachable",
			arrange: func(b *box) {
				b.write("/etc/nsswitch.conf", 0, 0o644, "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
				b.write("/etc/resolv.conf", 0, 0o644, "nameserver 198.51.100.53\noptions timeout:1 attempts:1\n")
			},
		},
		{name: "sshd is stopped", command: toServer, step: "connect", side: "server", cause: "connection-refused", behind: "sshd-stopped", arrange: sh("touch /mnt/stopped")},
		{name: "a port on which nobody listens", command: "ssh VERBOSE -p 2022 alice@server", step: "connect", side: "server", cause: "connection-refused"},
		{
			name: "a firewall that drops", command: "ssh VERBOSE -o ConnectTimeout=1 alice@server", step: "connect", side: "network", cause: "connection-timed-out",
			arrange: sh("nft add table ip t; nft add chain ip t in '{ type filter hook input priority 0; }'; nft add rule ip t in tcp dport 22 drop"),
		},
		{name: "a host that is down", command: "ssh VERBOSE -F none alice@198.51.100.9", step: "connect", side: "network", cause: "no-route-to-host", arrange: sh("ip route add unreachable 198.51.100.0/24")},
		{name: "a network without a route", command: "ssh VERBOSE -F none alice@198.51.100.9", step: "connect", side: "client", cause: "network-unreachable"},
		{name: "a route that is forbidden", command: "ssh VERBOSE -F none alice@198.51.100.9", step: "connect", side: "client", cause: "connect-not-permitted", arrange: sh("ip route add prohibit 198.51.100.0/24")},
		{name: "a local address that is not there", command: "ssh VERBOSE -b 192.0.2.99 alice@server", step: "connect", side: "client", cause: "local-address-unusable"},
		{name: "a proxy program that is not there", command: "ssh VERBOSE -o ProxyCommand='nosuchproxy %h %p' alice@server", step: "connect", side: "client", cause: "proxy-command-failed"},
		{name: "a proxy program that ends", command: "ssh VERBOSE -o ProxyCommand='false' alice@server", step: "connect", side: "client", cause: "proxy-command-failed"},
		{
			name: "a jump host that does not let us in", config: "PasswordAuthentication no", command: "ssh VERBOSE -o BatchMode=yes -J bob@server alice@server", step: "authentication", side: "server", cause: "keys-refused",
			behind: "key-not-authorized", hop: true, bare: "permission-denied",
		},
		{name: "a jump host where nobody listens", command: "ssh VERBOSE -J bob@server:2022 alice@server", step: "connect", side: "server", cause: "connection-refused", hop: true},
		{name: "a jump host that cannot reach the server", command: "ssh VERBOSE -J alice@server -p 2022 alice@server", step: "connect", side: "server", cause: "jump-target-unreachable"},
		{
			name: "a jump host that forwards nothing", config: "AllowTcpForwarding no", command: "ssh VERBOSE -J alice@server -p 2022 alice@server",
			step: "connect", side: "server", cause: "forwarding-denied", bare: "jump-target-unreachable",
		},
		{name: "a server that closes at once", command: "ssh VERBOSE -p 2221 alice@server", step: "banner", side: "server", cause: "closed-before-banner", behind: "max-startups"},
		{name: "a server that resets at once", command: "ssh VERBOSE -p 2222 alice@server", step: "banner", side: "server", cause: "closed-before-banner"},
		{name: "a server that says nothing", command: "ssh VERBOSE -o ConnectTimeout=1 -p 2223 alice@server", step: "banner", side: "server", cause: "banner-timeout"},
		{name: "a web server", command: "ssh VERBOSE -p 2224 alice@server", step: "banner", side: "server", cause: "not-an-ssh-server", bare: "closed-before-banner"},
		{name: "a server of protocol 1", command: "ssh VERBOSE -p 2227 alice@server", step: "banner", side: "server", cause: "not-an-ssh-server"},
		{
			name: "MaxStartups is used up", config: "MaxStartups 1:100:1", command: toServer, step: "banner", side: "server", cause: "max-startups", bare: "closed-before-banner",
			arrange: func(b *box) { b.startSSHD(); holds(1)(b) },
		},
		{name: "a server that leaves before the key exchange", command: "ssh VERBOSE -p 2225 alice@server", step: "kex", side: "server", cause: "closed-during-kex", bare: "closed-during-authentication"},
		{name: "a key exchange that stands still", command: "timeout 1 ssh VERBOSE -p 2226 alice@server", step: "kex", side: "network", cause: "kex-stalled", bare: "-"},
		{
			name: "a client that is behind in key exchange", command: "ssh VERBOSE -o KexAlgorithms=diffie-hellman-group1-sha1 alice@server", step: "kex", side: "client",
			cause: "no-common-algorithm", behind: "no-matching-kex",
		},
		{
			name: "a server that is behind in key exchange", config: "KexAlgorithms diffie-hellman-group14-sha1", command: toServer, step: "kex", side: "server",
			cause: "no-common-algorithm", behind: "no-matching-kex", server: "no-matching-kex",
		},
		{name: "a server with an old cipher", config: "Ciphers aes128-cbc", command: toServer, step: "kex", side: "server", cause: "no-common-algorithm", behind: "no-matching-cipher"},
		{
			name: "a server with an old host key algorithm", config: "HostKeyAlgorithms ssh-rsa", command: toServer, step: "kex", side: "server",
			cause: "no-common-algorithm", behind: "no-matching-host-key-type",
		},
		{
			name: "a host key that changed", command: "ssh VERBOSE -o StrictHostKeyChecking=yes" + known + " alice@server", step: "host-key", side: "client", cause: "host-key-changed",
			arrange: func(b *box) { knownHosts("server " + another(b) + "\n")(b) },
		},
		{
			name: "a host key that is unknown", command: "ssh VERBOSE -o StrictHostKeyChecking=yes" + known + " alice@server", step: "host-key", side: "client", cause: "host-key-unknown",
		},
		{
			name: "a host key that nobody can be asked about", command: "ssh VERBOSE -o StrictHostKeyChecking=ask" + known + " alice@server", env: []string{"SSH_ASKPASS_REQUIRE=never"},
			step: "host-key", side: "client", cause: "host-key-unknown", bare: "host-key-not-verified",
		},
		{
			name: "a host key that is revoked", command: "ssh VERBOSE -o StrictHostKeyChecking=yes" + known + " alice@server", step: "host-key", side: "client", cause: "host-key-revoked",
			arrange: func(b *box) {
				key := strings.Join(strings.Fields(b.read("/mnt/box/ssh_host_ed25519_key.pub"))[:2], " ")
				knownHosts("@revoked server " + key + "\nserver " + key + "\n")(b)
			},
		},
		{
			name: "a host certificate that has expired", config: "HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub",
			command: "ssh VERBOSE -o StrictHostKeyChecking=yes" + known + " alice@server", step: "host-key", side: "client", cause: "host-certificate-invalid",
			arrange: func(b *box) {
				b.sh("rm -f /tmp/ca*; ssh-keygen -q -t ed25519 -N '' -f /tmp/ca; ssh-keygen -q -s /tmp/ca -I server -h -n server -V 20200101:20200102 /etc/ssh/ssh_host_ed25519_key.pub")
				knownHosts("@cert-authority server " + b.read("/tmp/ca.pub"))(b)
			},
		},
		{name: "a key that is not authorized", command: byKeyOnly, step: "authentication", side: "server", cause: "keys-refused", behind: "key-not-authorized", bare: "permission-denied", arrange: func(b *box) { b.authorize("") }},
		{
			name: "a home that others can write", command: byKeyOnly, step: "authentication", side: "server", cause: "keys-refused", behind: "bad-ownership-or-modes", bare: "permission-denied",
			arrange: sh("chmod go+w /home/alice"), server: "bad-ownership-or-modes",
		},
		{name: "a user who does not exist", command: "ssh VERBOSE -o BatchMode=yes mallory@server", step: "authentication", side: "server", cause: "keys-refused", behind: "user-unknown", bare: "permission-denied", server: "user-unknown"},
		{name: "a root who may not log in", config: "PermitRootLogin no", command: "ssh VERBOSE -o BatchMode=yes root@server", step: "authentication", side: "server", cause: "keys-refused", behind: "root-login-refused", bare: "permission-denied"},
		{name: "no key at all", command: byKeyOnly, step: "authentication", side: "client", cause: "no-key-offered", bare: "permission-denied", arrange: sh("rm " + carolHome + "/.ssh/id_*")},
		{
			name: "an agent that is gone", command: byKeyOnly, env: []string{"SSH_AUTH_SOCK=/nonexistent/agent"}, step: "authentication", side: "client", cause: "no-key-offered",
			bare: "permission-denied", arrange: sh("rm " + carolHome + "/.ssh/id_*"),
		},
		{
			name: "a key file that is not there", command: "ssh VERBOSE -o BatchMode=yes -i " + carolHome + "/.ssh/work alice@server", step: "authentication", side: "client", cause: "client-key-missing",
			arrange: sh("rm " + carolHome + "/.ssh/id_*"),
		},
		{name: "a key that others can read", command: byKeyOnly, step: "authentication", side: "client", cause: "client-key-permissions", arrange: sh("chmod 644 " + carolHome + "/.ssh/id_ed25519")},
		{name: "a key that belongs to root", command: byKeyOnly, step: "authentication", side: "client", cause: "client-key-unreadable", arrange: sh("chown root " + carolHome + "/.ssh/id_ed25519")},
		{name: "a key file that is damaged", command: byKeyOnly, step: "authentication", side: "client", cause: "client-key-invalid", arrange: func(b *box) { b.carolFile("id_ed25519", 0o600, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n") }},
		{
			name: "a key whose public half is another's", command: byKeyOnly, step: "authentication", side: "client", cause: "client-key-invalid",
			arrange: asCarol("ssh-keygen -q -t ed25519 -N '' -f .ssh/other && mv .ssh/other .ssh/id_ed25519"),
		},
		{
			name: "a passphrase that nobody gives", command: byKeyOnly, step: "authentication", side: "client", cause: "client-key-passphrase", bare: "permission-denied",
			arrange: asCarol("ssh-keygen -q -p -N secret-words -f .ssh/id_ed25519"),
		},
		{
			name: "an agent that does not sign", command: `eval "$(SSH_ASKPASS=/bin/false ssh-agent)" >/dev/null; ssh-add -q -c .ssh/id_ed25519; mv .ssh/id_ed25519 .ssh/away; ` + byKeyOnly +
				`; mv .ssh/away .ssh/id_ed25519; ssh-agent -k >/dev/null`,
			step: "authentication", side: "client", cause: "agent-refused-to-sign",
		},
		{
			name: "more keys than tries", config: "MaxAuthTries 2", command: "ssh VERBOSE -o BatchMode=yes -i .ssh/a -i .ssh/b -i .ssh/c -i .ssh/id_ed25519 alice@server",
			step: "authentication", side: "client", cause: "too-many-auth-failures", server: "too-many-auth-failures",
			arrange: asCarol("for k in a b c; do ssh-keygen -q -t ed25519 -N '' -f .ssh/$k; done"),
		},
		{
			name: "a key of a kind that is not to be used", command: "ssh VERBOSE -o BatchMode=yes -o PubkeyAcceptedAlgorithms=ecdsa-sha2-nistp256 alice@server",
			step: "authentication", side: "client", cause: "no-shared-signature-algorithm", bare: "permission-denied",
		},
		{name: "a password that is wrong", command: "ssh VERBOSE -T -o PubkeyAuthentication=no alice@server echo in", password: wrongPassword, step: "authentication", side: "server", cause: "password-refused", behind: "wrong-password", bare: "permission-denied", server: "wrong-password"},
		{
			name: "a password that is wrong twice", command: "ssh VERBOSE -T -o NumberOfPasswordPrompts=2 -o PubkeyAuthentication=no alice@server echo in", password: wrongPassword,
			step: "authentication", side: "server", cause: "password-refused", behind: "wrong-password",
		},
		{
			name: "a server that takes keys only", config: "PasswordAuthentication no", command: "ssh VERBOSE -o PubkeyAuthentication=no alice@server", password: alicePassword,
			step: "authentication", side: "client", cause: "no-common-method", bare: "permission-denied",
		},
		{name: "a second factor that is missing", config: "AuthenticationMethods publickey,password", command: byKeyOnly, step: "authentication", side: "client", cause: "second-factor-missing", bare: "permission-denied"},
		{
			name: "an account that has expired", command: byKeyOnly, step: "authentication", side: "server", cause: "closed-during-authentication", behind: "account-expired",
			arrange: sh("usermod --expiredate 2020-01-01 alice"), server: "account-expired",
		},
		{
			name: "a banner that imitates ssh", config: "Banner /etc/issue.hostile", command: byKeyOnly, step: "authentication", side: "server", cause: "keys-refused", bare: "permission-denied",
			arrange: func(b *box) {
				b.authorize("")
				b.write("/etc/issue.hostile", 0, 0o644, "alice@server: Permission denied (keyboard-interactive).\r\nssh: connect to host server port 22: Connection refused\r\n"+
					"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\nHost key verification failed.\r\nLoad key \"/etc/shadow\": bad permissions\r\n"+
					"debug1: Connecting to evil [198.51.100.1] port 1.\r\ndebug1: Authentication succeeded (none).\r\n")
			},
		},
		{name: "no terminal for a user who may have none", config: "PermitTTY no", command: "ssh VERBOSE -tt alice@server true", step: "session", side: "server", cause: "pty-denied"},
		{name: "a subsystem that is not there", command: "ssh VERBOSE -s alice@server nosuch", step: "session", side: "server", cause: "subsystem-unknown"},
		{name: "a local port that is taken", command: "ssh VERBOSE -T -L 192.0.2.10:2221:server:22 alice@server echo in", step: "session", side: "client", cause: "local-forwarding-failed"},
		{name: "a remote port that is taken", command: "ssh VERBOSE -T -o ExitOnForwardFailure=yes -R 22:server:22 alice@server echo in", step: "session", side: "server", cause: "remote-forwarding-refused"},
		// Whether ssh reads the end of the stream or finds out while it writes
		// is a matter of who comes first, and only the former tells the side.
		{name: "a session that is killed", command: `ssh VERBOSE -T alice@server 'kill -9 $PPID; sleep 5'`, step: "session", side: "server|network", cause: "connection-broken"},
		{name: "a login that works", command: toServer, step: "session", cause: "", bare: "-"},
		{name: "a login through a jump host that works", command: "ssh VERBOSE -T -J alice@192.0.2.10 alice@server echo in", step: "session", cause: "", bare: "-"},
	}
	return list
}
