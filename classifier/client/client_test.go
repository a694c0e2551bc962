package client_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier/client"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
)

// rig reads outputs of ssh.
type rig struct {
	causes *causes.Catalogue
	parser *parser.Client
}

func newRig(t testing.TB) *rig {
	t.Helper()
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	m, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parser.NewClient(m)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{c, p}
}

func (g *rig) verdicts(t testing.TB, output string) []*client.Verdict {
	t.Helper()
	c, err := client.New(g.causes)
	if err != nil {
		t.Fatal(err)
	}
	var ev sshwhy.Event
	for line := range strings.SplitSeq(strings.TrimSuffix(output, "\n"), "\n") {
		g.parser.Parse(&sshwhy.Record{Text: []byte(line)}, &ev)
		c.Read(&ev)
	}
	return c.Verdicts()
}

// gist tells a verdict in one line.
func (g *rig) gist(v *client.Verdict) string {
	text := fmt.Sprintf("%s, %s: %s (%s)", v.Step, v.Side, g.causes.ID(v.Cause), v.Confidence)
	if v.Hop {
		text += " at the jump host"
	}
	if v.Doubts {
		text += " in doubt"
	}
	return text
}

// TestBareMessages are what people paste: the message alone, from releases 7.4
// to 10.x, Linux, macOS and Windows.
func TestBareMessages(t *testing.T) {
	g := newRig(t)
	for _, tt := range []struct{ output, want string }{
		{"ssh: Could not resolve hostname srever: Name or service not known", "resolve, client: host-name-unknown (certain)"},
		{"ssh: Could not resolve hostname srever: nodename nor servname provided, or not known", "resolve, client: host-name-unknown (certain)"},
		{"ssh: Could not resolve hostname srever: No such host is known. ", "resolve, client: host-name-unknown (certain)"},
		{"ssh: Could not resolve hostname server: Temporary failure in name resolution", "resolve, network: name-service-unreachable (certain)"},
		{"ssh: connect to host server port 22: Connection refused", "connect, server: connection-refused (certain)"},
		{"ssh: connect to host server port 22: Connection timed out", "connect, network: connection-timed-out (certain)"},
		{"ssh: connect to host server port 22: Operation timed out", "connect, network: connection-timed-out (certain)"},
		{"ssh: connect to host server port 22: No route to host", "connect, network: no-route-to-host (certain)"},
		{"ssh: connect to host server port 22: Network is unreachable", "connect, client: network-unreachable (certain)"},
		{"ssh: connect to host server port 22: Permission denied", "connect, client: connect-not-permitted (certain)"},
		{"ssh: connect to host server port 22: Operation not permitted", "connect, client: connect-not-permitted (certain)"},
		{"Connection refused", "connect, server: connection-refused (certain)"},
		{"Connection timed out", "connect, network: connection-timed-out (certain)"},
		{"No route to host", "connect, network: no-route-to-host (certain)"},
		{"kex_exchange_identification: Connection closed by remote host", "banner, server: closed-before-banner (certain)"},
		{"ssh_exchange_identification: Connection closed by remote host", "banner, server: closed-before-banner (certain)"},
		{"kex_exchange_identification: read: Connection reset by peer\nConnection reset by 192.0.2.10 port 22", "banner, server: closed-before-banner (certain)"},
		{"ssh_exchange_identification: read: Connection reset by peer", "banner, server: closed-before-banner (certain)"},
		{"Connection timed out during banner exchange\nConnection to 192.0.2.10 port 22 timed out", "banner, server: banner-timeout (certain)"},
		{"Bad remote protocol version identification: 'HTTP/1.0 400 Bad Request'", "banner, server: not-an-ssh-server (certain)"},
		{"kex_exchange_identification: banner line contains invalid characters", "banner, server: not-an-ssh-server (certain)"},
		{"Unable to negotiate with 192.0.2.10 port 22: no matching host key type found. Their offer: ssh-rsa,ssh-dss", "kex, server: no-common-algorithm (certain)"},
		{"Unable to negotiate with 192.0.2.10: no matching key exchange method found. Their offer: diffie-hellman-group1-sha1", "kex, server: no-common-algorithm (certain)"},
		{"ssh_dispatch_run_fatal: Connection to 192.0.2.10 port 22: message authentication code incorrect", "kex, network: corrupted-packet (certain)"},
		{"Bad server host key: Invalid key length", "host-key, server: host-key-not-permitted (certain)"},
		{"Host key verification failed.", "host-key, client: host-key-not-verified (undetermined)"},
		{"No ED25519 host key is known for server and you have requested strict checking.\nHost key verification failed.", "host-key, client: host-key-unknown (certain)"},
		{"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nOffending ED25519 key in /home/tanja/.ssh/known_hosts:7\nHost key verification failed.", "host-key, client: host-key-changed (certain)"},
		{"WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!", "host-key, client: host-key-changed (certain)"},
		{"tanja@server: Permission denied (publickey).", "authentication, unknown: permission-denied (undetermined)"},
		{"Permission denied (publickey,password).", "authentication, unknown: permission-denied (undetermined)"},
		{"tanja@server: Permission denied (publickey,gssapi-keyex,gssapi-with-mic).", "authentication, unknown: permission-denied (undetermined)"},
		{"Permission denied, please try again.", "authentication, server: password-refused (certain)"},
		{"tanja@server's password: \nPermission denied, please try again.\ntanja@server's password: \ntanja@server: Permission denied (publickey,password).", "authentication, server: password-refused (certain)"},
		{"Received disconnect from 192.0.2.10 port 22:2: Too many authentication failures\nDisconnected from 192.0.2.10 port 22", "authentication, client: too-many-auth-failures (certain)"},
		{"Too many authentication failures", "authentication, client: too-many-auth-failures (likely)"},
		{"@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\nPermissions 0644 for '/home/tanja/.ssh/id_rsa' are too open.\nLoad key \"/home/tanja/.ssh/id_rsa\": bad permissions\ntanja@server: Permission denied (publickey).", "authentication, client: client-key-permissions (certain)"},
		{"WARNING: UNPROTECTED PRIVATE KEY FILE!", "authentication, client: client-key-permissions (certain)"},
		{"Load key \"/home/tanja/.ssh/id_rsa\": invalid format", "authentication, client: client-key-invalid (certain)"},
		{"Load key \"/home/tanja/.ssh/id_rsa\": error in libcrypto", "authentication, client: client-key-invalid (certain)"},
		{"Load key \"/home/tanja/.ssh/id_rsa\": Permission denied\ntanja@server: Permission denied (publickey).", "authentication, client: client-key-unreadable (certain)"},
		{"Warning: Identity file work.pem not accessible: No such file or directory.\ntanja@server: Permission denied (publickey).", "authentication, client: client-key-missing (certain)"},
		{"sign_and_send_pubkey: signing failed: agent refused operation\ntanja@server: Permission denied (publickey).", "authentication, client: agent-refused-to-sign (certain)"},
		{"sign_and_send_pubkey: signing failed for ED25519-SK \"/home/tanja/.ssh/id_ed25519_sk\": device not found", "authentication, client: security-key-absent (certain)"},
		{"sign_and_send_pubkey: signing failed for RSA \"/home/tanja/.ssh/id_rsa\": error in libcrypto", "authentication, client: signing-failed (certain)"},
		{"dlopen /usr/lib/opensc-pkcs11.so failed: cannot open shared object file\ntanja@server: Permission denied (publickey).", "authentication, client: pkcs11-failed (certain)"},
		{"Could not open a connection to your authentication agent.", "authentication, client: agent-unreachable (certain)"},
		{"Connection closed by 192.0.2.10 port 22", "authentication, server: closed-during-authentication (undetermined)"},
		{"tanja@server's password: \nConnection closed by 192.0.2.10 port 22", "authentication, server: closed-during-authentication (likely)"},
		{"Load key \"/home/tanja/.ssh/id_rsa\": invalid format\nConnection closed by 192.0.2.10 port 22", "authentication, server: closed-during-authentication (likely)"},
		{"Connection closed by UNKNOWN port 65535", "connect, client: proxy-command-failed (likely)"},
		{"tanja@jump: Permission denied (publickey).\nkex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535", "authentication, unknown: permission-denied (undetermined) at the jump host"},
		{"channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\nkex_exchange_identification: Connection closed by remote host", "connect, server: jump-target-unreachable (certain)"},
		{"bash: line 1: exec: nc: not found\nConnection closed by UNKNOWN port 65535", "connect, client: proxy-command-failed (certain)"},
		{"Bad owner or permissions on /home/tanja/.ssh/config", "setup, client: client-config-permissions (certain)"},
		{"/home/tanja/.ssh/config: line 4: Bad configuration option: identityfiles\n/home/tanja/.ssh/config: terminating, 1 bad configuration options", "setup, client: client-config-invalid (certain)"},
		{"command-line: line 0: Bad configuration option: colour", "setup, client: client-config-invalid (certain)"},
		{"ControlSocket /home/tanja/.ssh/cm already exists, disabling multiplexing", "setup, client: control-socket-unusable (likely)"},
		{"unix_listener: path \"/home/tanja/.ssh/cm-a\" too long for Unix domain socket", "setup, client: control-socket-unusable (certain)"},
		{"mux_client_request_session: session request failed: Session open refused by peer", "session, server: max-sessions (likely)"},
		{"PTY allocation request failed on channel 0", "session, server: pty-denied (likely)"},
		{"subsystem request failed on channel 0\nConnection closed", "session, server: subsystem-unknown (likely)"},
		{"bind [127.0.0.1]:8080: Address already in use\nchannel_setup_fwd_listener_tcpip: cannot listen to port: 8080\nCould not request local forwarding.", "session, client: local-forwarding-failed (certain)"},
		{"Warning: remote port forwarding failed for listen port 8080", "session, server: remote-forwarding-refused (certain)"},
		{"client_loop: send disconnect: Broken pipe", "session, network: connection-broken (certain)"},
		{"packet_write_wait: Connection to 192.0.2.10 port 22: Broken pipe", "session, network: connection-broken (likely)"},
		{"Connection to server closed by remote host.\nConnection to server closed.", "session, server: connection-broken (certain)"},
		{"Timeout, server server not responding.", "session, network: server-not-responding (certain)"},
		{"Please login as the user \"ubuntu\" rather than the user \"root\".", "session, client: wrong-user-name (likely)"},
		{"Connection to server closed.", "session, :  ()"},
		{"some words of nobody", ""},
	} {
		for _, end := range []string{"", "\r"} {
			got := ""
			if all := g.verdicts(t, strings.ReplaceAll(tt.output, "\n", end+"\n")+end); len(all) > 0 {
				got = g.gist(all[0])
			}
			if got != tt.want {
				t.Errorf("%q\ngot  %s\nwant %s", tt.output, got, tt.want)
			}
		}
	}
}

// TestClosedAlone: where nothing shows how far ssh came, the server may not even
// have said who it is.
func TestClosedAlone(t *testing.T) {
	g := newRig(t)
	early := g.causes.Find("closed-before-banner")
	for output, want := range map[string]bool{
		"Connection closed by 192.0.2.10 port 22": true,
		"Warning: Identity file work.pem not accessible: No such file or directory.\nConnection closed by 192.0.2.10 port 22": true,
		"tanja@server's password: \nConnection closed by 192.0.2.10 port 22":                                                  false,
	} {
		if v := g.verdicts(t, output)[0]; slices.Contains(v.Candidates, early) != want {
			t.Errorf("%q: candidates %v, with closed-before-banner %v", output, v.Candidates, want)
		}
	}
}

// TestClientTranscripts reads testdata/NAME.txt: the first line says
// what the verdict is, behind "# "; the rest is an output of ssh -v.
func TestClientTranscripts(t *testing.T) {
	g := newRig(t)
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		first, output, _ := strings.Cut(string(text), "\n")
		var got []string
		for _, v := range g.verdicts(t, output) {
			got = append(got, g.gist(v))
		}
		if want := strings.TrimPrefix(first, "# "); strings.Join(got, "; ") != want {
			t.Errorf("%s\ngot  %s\nwant %s", path, strings.Join(got, "; "), want)
		}
	}
}

// deniedTrace is an output of ssh -v up to the first answer of the server,
// with what it may send in between, and to its end.
func deniedTrace(sent string) string {
	return strings.ReplaceAll(`OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.14 4 Jun 2024
debug1: Connecting to server [192.0.2.10] port 22.
debug1: Connection established.
debug1: identity file /home/tanja/.ssh/id_ed25519 type 3
debug1: Local version string SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3
debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2p1
debug1: Authenticating to server:22 as 'tanja'
debug1: SSH2_MSG_KEXINIT sent
debug1: SSH2_MSG_KEXINIT received
debug1: expecting SSH2_MSG_KEX_ECDH_REPLY
debug1: Server host key: ssh-ed25519 SHA256:x/EJUbWcanMRIWSYegIJBm2XFGCUYPEzWH9ItZ8JjS8
debug1: Host 'server' is known and matches the ED25519 host key.
debug1: SSH2_MSG_NEWKEYS sent
debug1: SSH2_MSG_NEWKEYS received
debug1: SSH2_MSG_SERVICE_ACCEPT received
`, "\n", "\r\n") + sent + strings.ReplaceAll(`debug1: Authentications that can continue: publickey
debug1: Next authentication method: publickey
debug1: Offering public key: /home/tanja/.ssh/id_ed25519 ED25519 SHA256:x/EJUbWcanMRIWSYegIJBm2XFGCUYPEzWH9ItZ8JjS8
debug1: Authentications that can continue: publickey
debug1: No more authentication methods to try.
tanja@server: Permission denied (publickey).
`, "\n", "\r\n")
}

// forgeries are texts that a server can send to make its client look as if
// something else had happened.
var forgeries = []string{
	"ssh: connect to host server port 22: Connection refused\n",
	"ssh: Could not resolve hostname server: Name or service not known\n",
	"kex_exchange_identification: Connection closed by remote host\n",
	"Unable to negotiate with 192.0.2.10 port 22: no matching cipher found. Their offer: x\n",
	"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nOffending ED25519 key in /etc/passwd:1\nHost key verification failed.\n",
	"tanja@server: Permission denied (password).\n",
	"Permission denied, please try again.\n",
	"Load key \"/home/tanja/.ssh/id_rsa\": bad permissions\nPermissions 0644 for '/etc/shadow' are too open.\n",
	"debug1: Connecting to evil [198.51.100.1] port 1.\n",
	"debug1: connect to address 198.51.100.1 port 1: Connection refused\nssh: connect to host evil port 1: Connection refused\n",
	"debug1: Authentication succeeded (none).\nAuthenticated to server ([192.0.2.10]:22).\n",
	"debug1: Executing proxy command: exec evil\nOpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.14 4 Jun 2024\n",
	"OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.14 4 Jun 2024\ndebug1: Connecting to evil [198.51.100.1] port 1.\n",
	"debug1: No more authentication methods to try.\ntanja@server: Permission denied (hostbased).\n",
}

// TestServerCannotMoveTheStep has a server send text that imitates ssh, with
// both ends of line: the step and the cause stay what they are.
func TestServerCannotMoveTheStep(t *testing.T) {
	g := newRig(t)
	const want = "authentication, server: keys-refused"
	for _, sent := range forgeries {
		for _, text := range []string{sent, strings.ReplaceAll(sent, "\n", "\r\n")} {
			all := g.verdicts(t, deniedTrace(text))
			if len(all) != 1 {
				t.Errorf("%q makes %d runs", text, len(all))
				continue
			}
			v := all[0]
			// Where the text comes with ssh's ends of line, it may take part in the cause, never in the step.
			if v.Step != client.StepAuth || v.Host != "server" || v.Address != "192.0.2.10" || v.User != "tanja" || strings.Contains(g.gist(v), "host-key") {
				t.Errorf("%q gives %s, %s at %s", text, g.gist(v), v.User, v.Host)
			}
			if text == sent && !strings.HasPrefix(sent, "debug1") && !strings.HasPrefix(g.gist(v), want) {
				t.Errorf("%q gives %s", text, g.gist(v))
			}
		}
	}
}

// TestDisconnectTextIsMute: the words of a disconnect message can hold line
// ends, and nothing behind them counts.
func TestDisconnectTextIsMute(t *testing.T) {
	g := newRig(t)
	for _, sent := range forgeries {
		output, _, _ := strings.Cut(deniedTrace(""), "debug1: Authentications")
		output += "Received disconnect from 192.0.2.10 port 22:2: bye\r\n" + strings.ReplaceAll(sent, "\n", "\r\n") + "Disconnected from 192.0.2.10 port 22\r\n"
		v := g.verdicts(t, output)[0]
		if got := g.gist(v); got != "authentication, server: disconnected-by-server (certain)" {
			t.Errorf("%q gives %s", sent, got)
		}
	}
}

// TestRunsOfOneInput: each run of ssh has a verdict of its own.
func TestRunsOfOneInput(t *testing.T) {
	g := newRig(t)
	all := g.verdicts(t, deniedTrace("")+deniedTrace("hello\n"))
	if len(all) != 2 || g.gist(all[0]) != g.gist(all[1]) {
		t.Errorf("%d verdicts", len(all))
	}
}

// TestServersThatCannotBeReached: ssh without -v, called for one after the
// other.
func TestServersThatCannotBeReached(t *testing.T) {
	g := newRig(t)
	var got []string
	for _, v := range g.verdicts(t, "ssh: connect to host a port 22: Connection refused\nssh: connect to host b port 22: Connection timed out\nssh: Could not resolve hostname c: Name or service not known\n") {
		got = append(got, v.Host+" "+g.gist(v))
	}
	want := "a connect, server: connection-refused (certain); b connect, network: connection-timed-out (certain); c resolve, client: host-name-unknown (certain)"
	if strings.Join(got, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
	}
}

// TestBannerWithoutDebugging: without -v the last message that ends ssh counts,
// and what a banner says in front of it is taken back.
func TestBannerWithoutDebugging(t *testing.T) {
	g := newRig(t)
	for _, sent := range forgeries {
		if strings.HasPrefix(sent, "debug1: Executing") {
			continue // looks like a jump host that refused
		}
		all := g.verdicts(t, sent+"tanja@server: Permission denied (publickey).\n")
		if got := all[len(all)-1]; got.Step != client.StepAuth || got.Confidence == sshwhy.ConfidenceCertain && !strings.HasPrefix(sent, "Load key") && !strings.HasPrefix(sent, "Permission denied, please") {
			t.Errorf("%q gives %s", sent, g.gist(got))
		}
	}
}

// TestLongForgeryWithoutDebugging: all of them in one banner.
func TestLongForgeryWithoutDebugging(t *testing.T) {
	g := newRig(t)
	all := g.verdicts(t, strings.Join(forgeries, "")+"tanja@server: Permission denied (publickey).\n")
	if got := g.gist(all[len(all)-1]); got != "authentication, unknown: permission-denied (undetermined) in doubt" {
		t.Errorf("got %s", got)
	}
}

// TestClientIsBounded: an endless output fills no lists.
func TestClientIsBounded(t *testing.T) {
	g := newRig(t)
	var b strings.Builder
	b.WriteString(deniedTrace(""))
	for i := range 20_000 {
		fmt.Fprintf(&b, "debug1: Offering public key: /k%d ED25519 SHA256:%d\r\ndebug1: Next authentication method: m%d\r\ndebug1: identity file /k%d type 1\r\nLoad key \"/k%d\": bad permissions\r\n", i, i, i, i, i)
	}
	for _, v := range g.verdicts(t, b.String()) {
		if len(v.Identities) > 64 || len(v.MethodsTried) > 64 || len(v.Evidence) > 64 || len(v.Values) > 64 {
			t.Errorf("%d keys, %d methods, %d lines, %d values", len(v.Identities), len(v.MethodsTried), len(v.Evidence), len(v.Values))
		}
	}
}

// FuzzServerText sends any text in the place of a banner. Whatever it is, the
// steps that ssh went stay where they are.
func FuzzServerText(f *testing.F) {
	for _, s := range forgeries {
		f.Add(s)
		f.Add(strings.ReplaceAll(s, "\n", "\r\n"))
	}
	g := newRig(f)
	f.Fuzz(func(t *testing.T, sent string) {
		if !strings.HasSuffix(sent, "\n") {
			sent += "\n"
		}
		v := g.verdicts(t, deniedTrace(sent))[0]
		if v.Step < client.StepAuth || v.Host != "server" || v.Address != "192.0.2.10" || v.User != "tanja" {
			t.Errorf("%q gives %s, %q at %q", sent, g.gist(v), v.User, v.Host)
		}
		for s := client.StepConnect; s < client.StepAuth; s++ {
			if !v.Shown[s] {
				t.Errorf("%q takes step %s back", sent, s)
			}
		}
		if v.Decisive >= len(v.Evidence) || slices.Contains(v.Candidates, 0) {
			t.Errorf("%q: line %d of %d, candidates %v", sent, v.Decisive, len(v.Evidence), v.Candidates)
		}
	})
}
