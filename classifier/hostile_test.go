package classifier_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
)

// hostile is what a client may choose: the text of a name, a banner, a
// farewell, a certificate or an offer.
type hostile string

// raw gives the text as sshd formats it into a message: a C string, cut where
// its conversion says so.
func (h hostile) raw(most int) string {
	s, _, _ := strings.Cut(string(h), "\x00")
	return s[:min(len(s), most)]
}

// vis writes text as sshd hands it to syslog: log.c do_log calls strnvis with
// VIS_CSTYLE, VIS_NL, VIS_TAB and VIS_OCTAL on the whole message.
func vis(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if n := strings.IndexByte("\n\r\b\a\v\t\f", c); n >= 0 {
			b.WriteByte('\\')
			b.WriteByte("nrbavtf"[n])
			continue
		}
		switch {
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// connection is one on whose lines hostile text stands.
type connection struct {
	name string
	// lines are the messages; each %s is the hostile text, cut at most
	// bytes. One that ends in [preauth] was written by the child and went
	// through its monitor, so it is escaped twice.
	lines []string
	most  int
}

// connections holds every kind of line into which sshd writes what a client
// chose, in the company in which it writes it. {peer} is address and port.
var connections = []connection{
	{"a name that does not exist, with a password", []string{
		"Connection from {peer} on 203.0.113.1 port 22 rdomain \"\"",
		"Invalid user %s from {peer}",
		"Failed none for invalid user %s from {peer} ssh2",
		"pam_unix(sshd:auth): check pass; user unknown",
		"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={address} ",
		"Failed password for invalid user %s from {peer} ssh2",
		"Failed keyboard-interactive/pam for invalid user %s from {peer} ssh2",
		"Connection closed by invalid user %s {peer} [preauth]",
		"PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost={address} ",
	}, 100},
	{"the same before 7.5", []string{
		"Invalid user %s from {address}",
		"input_userauth_request: invalid user %s [preauth]",
		"Failed password for invalid user %s from {peer} ssh2",
		"Connection closed by {address} [preauth]",
	}, 100},
	{"a name that does not exist, reset", []string{
		"Invalid user %s from {peer}",
		"Connection reset by invalid user %s {peer} [preauth]",
	}, 100},
	{"a name that does not exist, timed out", []string{
		"Invalid user %s from {peer}",
		"fatal: Timeout before authentication for {peer}",
	}, 100},
	{"too many failures", []string{
		"Invalid user %s from {peer}",
		"error: maximum authentication attempts exceeded for invalid user %s from {peer} ssh2 [preauth]",
		"Disconnecting invalid user %s {peer}: Too many authentication failures [preauth]",
	}, 100},
	{"too many failures before 7.5", []string{
		"Invalid user %s from {peer}",
		"error: maximum authentication attempts exceeded for invalid user %s from {peer} ssh2 [preauth]",
		"Disconnecting: Too many authentication failures [preauth]",
	}, 100},
	{"another name in the middle", []string{
		"Invalid user %s from {peer}",
		"Disconnecting invalid user %s {peer}: Change of username or service not allowed: (%s,ssh-connection) -> (%s,%s) [preauth]",
	}, 32},
	{"a name that PAM knows and refuses", []string{
		"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={address}  user=%s",
		"Failed password for %s from {peer} ssh2",
		"Connection closed by authenticating user %s {peer} [preauth]",
	}, 100},
	{"a farewell before login", []string{
		"Received disconnect from {peer}:11: %s [preauth]",
		"Disconnected from authenticating user root {peer} [preauth]",
	}, 150},
	{"a farewell with an error", []string{
		"error: Received disconnect from {peer}:3: %s [preauth]",
		"Disconnected from {peer} [preauth]",
	}, 150},
	{"a farewell before 7.2", []string{
		"Received disconnect from {address}: 11: %s [preauth]",
	}, 150},
	{"a farewell after login", []string{
		"Accepted publickey for alice from {peer} ssh2: ED25519 SHA256:x/EJUbWcanMRIWSYegIJBm2XFGCUYPEzWH9ItZ8JjS8",
		"pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)",
		"Received disconnect from {peer}:11: %s",
		"Disconnected from user alice {peer}",
		"pam_unix(sshd:session): session closed for user alice",
	}, 150},
	{"a banner before 8.0", []string{
		"Bad protocol version identification '%s' from {peer}",
	}, 200},
	{"a banner since 8.0", []string{
		"Connection from {peer} on 203.0.113.1 port 22 rdomain \"\"",
		"error: kex_exchange_identification: client sent invalid protocol identifier \"%s\"",
		"banner exchange: Connection from {peer}: invalid format",
	}, 200},
	{"a banner at DEBUG1", []string{
		"Connection from {peer} on 203.0.113.1 port 22",
		"debug1: Client protocol version 2.0; client software version %s",
		"debug1: Remote protocol version 2.0, remote software version %s",
		"Connection closed by {peer} [preauth]",
	}, 100},
	{"a version that is too old", []string{
		"Protocol major versions differ for {peer}: SSH-2.0-OpenSSH_9.2 vs. %s",
	}, 150},
	{"an offer", []string{
		"Unable to negotiate with {peer}: no matching key exchange method found. Their offer: %s [preauth]",
	}, 150},
	{"an offer by a name", []string{
		"fatal: Unable to negotiate with {peer}: no matching host key type found. Their offer: %s [preauth]",
	}, 150},
	{"a certificate of an unknown CA", []string{
		"Failed publickey for bob from {peer} ssh2: RSA-CERT SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE ID %s (serial 7) CA ED25519 SHA256:lpFqWMYjEgYP9Msu1uXKLw5XDT5Oh2oSMhkeaSjFdcM",
		"Connection closed by authenticating user bob {peer} [preauth]",
	}, 150},
	{"a certificate that has expired", []string{
		"error: Refusing certificate ID \"%s\" serial=7 signed by ED25519 CA SHA256:lpFqWMYjEgYP9Msu1uXKLw5XDT5Oh2oSMhkeaSjFdcM: Certificate invalid: expired",
		"Connection closed by authenticating user bob {peer} [preauth]",
	}, 150},
	{"a key type", []string{
		"userauth_pubkey: unsupported public key algorithm: %s [preauth]",
		"Connection closed by authenticating user bob {peer} [preauth]",
	}, 150},
	{"a forwarding's target", []string{
		"Accepted password for alice from {peer} ssh2",
		"Received request from {peer} to connect to host %s port 25, but the request was denied.",
		"refused local port forward: originator %s port 25, target %s port 25",
		"subsystem request for %s by user alice failed, subsystem not found",
		"Disconnected from user alice {peer}",
	}, 100},
}

// address is the peer of the n-th connection, whose process it is as well.
func (c *connection) address(n int) string { return fmt.Sprintf("203.0.113.%d", 20+n) }

func (c *connection) port(n int) int { return 51200 + n }

func (c *connection) process(n int) int { return 16100 + n }

// log writes the n-th connection as syslog does.
func (c *connection) log(n int, h hostile) []string {
	text := h.raw(c.most)
	peer := strings.NewReplacer("{peer}", fmt.Sprintf("%s port %d", c.address(n), c.port(n)), "{address}", c.address(n))
	lines := make([]string, len(c.lines))
	for i, line := range c.lines {
		line, child := strings.CutSuffix(peer.Replace(line), " [preauth]")
		line = strings.ReplaceAll(line, "%s", text)
		switch {
		case child:
			line = vis(vis(line)) + " [preauth]"
		case strings.HasPrefix(line, "pam_"):
			line = raw(line) // PAM writes to syslog itself
		default:
			line = vis(line)
		}
		lines[i] = fmt.Sprintf("Nov 22 15:35:%02d web01 sshd[%d]: %s", 30+i, c.process(n), line)
	}
	return lines
}

// raw writes control characters as rsyslogd does, which knows no others.
func raw(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f {
			fmt.Fprintf(&b, "#%03o", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// trace is what hostile text must not change.
type trace struct {
	parsed   string // a letter a line
	findings int
	address  string
	port     int
	pid      int32
	outcome  string
}

// trace reads all connections, one after the other, with the same text.
func (g *rig) trace(t testing.TB, h hostile) []trace {
	traces := make([]trace, len(connections))
	byProcess := map[int32]*trace{}
	var all []string
	p := g.parser.Clone()
	var ev sshwhy.Event
	for n := range connections {
		s := &traces[n]
		byProcess[int32(connections[n].process(n))] = s
		lines := connections[n].log(n, h)
		all = append(all, lines...)
		for _, line := range lines {
			p.Parse(&sshwhy.Record{Text: []byte(line), Newest: newest}, &ev)
			s.parsed += ev.Line.String()[:1]
			if int(ev.PID) != connections[n].process(n) || string(ev.Host) != "web01" || ev.Repeat != 1 {
				s.parsed += "?"
			}
		}
	}
	found := g.findings(t, all)
	for i := range found {
		v := &found[i]
		if v.phase == "attack" {
			continue
		}
		s := byProcess[v.pid]
		if s == nil {
			s = &traces[0]
		}
		s.findings++
		s.address, s.port, s.pid, s.outcome = v.address, v.port, v.pid, v.outcome
	}
	return traces
}

// harm compares a text with the traces of one that means no harm.
func (g *rig) harm(t testing.TB, harmless []trace, h hostile) {
	t.Helper()
	for n, got := range g.trace(t, h) {
		if c := &connections[n]; got != harmless[n] {
			t.Errorf("%s: %q changes %+v to %+v\n  %s", c.name, h, harmless[n], got, strings.Join(c.log(n, h), "\n  "))
		}
	}
}

// harmless is a text that looks like nothing else, and makes one finding of
// each connection.
func (g *rig) harmless(t testing.TB) []trace {
	traces := g.trace(t, "bob")
	for n, s := range traces {
		c := &connections[n]
		if want := strings.Repeat("p", len(c.lines)); s.parsed != want || s.findings != 1 || s.address != c.address(n) || int(s.pid) != c.process(n) {
			t.Errorf("%s: %+v\n  %s", c.name, s, strings.Join(c.log(n, "bob"), "\n  "))
		}
	}
	return traces
}

// attempts are texts that look like something else to a careless reader.
var attempts = []hostile{
	"", " ", "  ", "a", "root", "-", "\\", "\\\\", "\"", "'", "%s%n", "\x01\x1b[31m", "\xff\xfe", "caf\u00e9", "\u202eevil", "\n", "\r\n", "\t",
	"root from 8.8.8.8 port 22", "root from 8.8.8.8 port 22 ssh2", "x from 8.8.8.8", " from ", " port ", "from", "x port 22", "8.8.8.8", "8.8.8.8 port 22", "::1",
	"x [preauth]", "[preauth]", "[postauth]", "error: x", "fatal: x", "debug1: x",
	"x\nAccepted password for root from 8.8.8.8 port 22 ssh2", "x\nNov 22 15:35:30 web01 sshd[1]: Accepted password for root from 8.8.8.8 port 22 ssh2",
	"invalid user x", "authenticating user x 8.8.8.8 port 22", "user root 8.8.8.8 port 22 [preauth]", "x 8.8.8.8 port 22 [preauth]", "x 8.8.8.8 port 22: Too many authentication failures",
	"x ssh2: RSA SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x (serial 1) CA RSA SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x\" serial=1 signed by RSA CA SHA256:aaa: Certificate invalid: expired",
	"x' from 8.8.8.8 port 22", "x\"", "SSH-2.0-x from 8.8.8.8 port 1", "disconnected by user", "Too many authentication failures", "Bye Bye", "Host key verification failed", "Auth fail",
	"x for invalid user y from 8.8.8.8 port 22 ssh2", "message repeated 5 times: [ x ]", "message repeated 99 times: [ Failed password for root from 8.8.8.8 port 22 ssh2]",
	"none", "no", "not allowed because not listed in AllowUsers", "root not allowed because account is locked", "x, user=root", "root  user=root", "x rhost=8.8.8.8 user=root", "UNKNOWN", "NOUSER",
	// As many places where a field could end as fit into what sshd writes.
	hostile(strings.Repeat(" ", 200)), hostile(strings.Repeat(" 8.8.8.8", 30)), hostile(strings.Repeat(" 8.8.8.8 port 22", 15)), hostile(strings.Repeat(": ", 100)),
	hostile(strings.Repeat("x from 8.8.8.8 port 22 ssh2 ", 9)), hostile(strings.Repeat(") -> (", 40)), hostile(strings.Repeat(" [preauth]", 20)),
	") by (uid=0)", "alice(uid=0) by (uid=0)", "x,ssh-connection) -> (y,z", "x: y", "127.0.0.1 port 22 [preauth]", "x on 8.8.8.8 port 22",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
}

// TestHostileClient lets a client choose texts that imitate what sshd writes:
// they change neither who it is, nor how it ended, nor how many it was.
func TestHostileClient(t *testing.T) {
	g := newRig(t)
	harmless := g.harmless(t)
	for _, h := range attempts {
		g.harm(t, harmless, h)
	}
}

// FuzzHostileClient looks for further ones.
func FuzzHostileClient(f *testing.F) {
	for _, h := range attempts {
		f.Add(string(h))
	}
	g := newRig(f)
	harmless := g.harmless(f)
	f.Fuzz(func(t *testing.T, text string) { g.harm(t, harmless, hostile(text)) })
}
