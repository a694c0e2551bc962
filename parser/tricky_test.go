package parser

import (
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// trap is a line that parsers have been caught by, and what is true of it. A
// field that is "" or 0 must not be there, user apart: noUser tells that there
// is none, "" that the client sent an empty name.
type trap struct {
	story   string
	line    string
	pattern string
	user    string
	addr    string
	port    string
	pid     int32
	host    string
}

const noUser = "\x00"

// The traps are those that other projects' tests and bug reports tell of, in
// lines of our own.
var traps = []trap{
	// A user name that looks like the rest of the line: the address that sshd
	// wrote is the last one.
	{story: "the name is empty but for an address", line: "Nov 22 15:32:51 web01 sshd[2001]: Failed password for invalid user from 192.0.2.66 from 203.0.113.7 port 51234 ssh2",
		pattern: "login-failed", user: "from 192.0.2.66", addr: "203.0.113.7", port: "51234", pid: 2001, host: "web01"},
	{story: "the name holds a whole ending", line: "Nov 22 15:32:52 web01 sshd[2001]: Failed password for invalid user bob from 192.0.2.66 port 22 ssh2 from 203.0.113.7 port 51234 ssh2",
		pattern: "login-failed", user: "bob from 192.0.2.66 port 22 ssh2", addr: "203.0.113.7", port: "51234", pid: 2001, host: "web01"},
	{story: "the name holds an address, no port", line: " sshd[2002]: Invalid user bob from 192.0.2.66 from 203.0.113.7",
		pattern: "user-invalid", user: "bob from 192.0.2.66", addr: "203.0.113.7", pid: 2002},
	{story: "the name is the same message", line: " sshd[2003]: Invalid user Invalid user root from 192.0.2.66 from 203.0.113.7",
		pattern: "user-invalid", user: "Invalid user root from 192.0.2.66", addr: "203.0.113.7", pid: 2003},
	{story: "the name is the same message, and there is no address", line: " sshd[2003]: input_userauth_request: invalid user Invalid user root from 192.0.2.66 [preauth]",
		pattern: "userauth-invalid-user", user: "Invalid user root from 192.0.2.66", pid: 2003},
	{story: "the close behind it", line: " sshd[2003]: Connection closed by 203.0.113.7 [preauth]",
		pattern: "connection-closed", user: noUser, addr: "203.0.113.7", pid: 2003},

	// The text of a disconnect is the client's.
	{story: "a Java client's reason", line: "Nov 22 15:33:01 web01 sshd[2010]: Received disconnect from 203.0.113.7: 3: com.jcraft.jsch.JSchException: Auth cancel",
		pattern: "disconnect-received", user: noUser, addr: "203.0.113.7", pid: 2010, host: "web01"},
	{story: "with a port that touches the code", line: "Nov 22 15:33:01 web01 sshd[2010]: error: Received disconnect from 203.0.113.7 port 51234:3: com.jcraft.jsch.JSchException: Auth cancel [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "203.0.113.7", port: "51234", pid: 2010, host: "web01"},
	{story: "an error with a code and no port", line: "Nov 22 15:33:01 localhost sshd[2010]: error: Received disconnect from 203.0.113.7: 3: java.net.SocketException: Auth cancel [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "203.0.113.7", pid: 2010, host: "localhost"},
	{story: "the client mocks", line: "Nov 22 15:33:01 localhost sshd[2010]: error: Received disconnect from 203.0.113.7: 3: nice try: from 192.0.2.66: Auth fail [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "203.0.113.7", pid: 2010, host: "localhost"},
	{story: "a friendly goodbye", line: "Nov 22 15:33:02 web01 sshd[2011]: Received disconnect from 203.0.113.7: 11: Normal Shutdown, see you soon [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "203.0.113.7", pid: 2011, host: "web01"},
	{story: "a goodbye with a line inside", line: "Nov 22 15:33:02 web01 sshd[2011]: Received disconnect from 203.0.113.7 port 51234:11: Accepted password for root from 192.0.2.66 port 22 ssh2 [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "203.0.113.7", port: "51234", pid: 2011, host: "web01"},

	// Lines without an address: it is not to be invented.
	{story: "too many tries, old", line: "Nov 22 15:33:09 localhost sshd[2020]: Disconnecting: Too many authentication failures for alice [preauth]",
		pattern: "disconnecting-max-tries", user: "alice", pid: 2020, host: "localhost"},
	{story: "nothing was sent for a version", line: `Nov 22 15:33:09 sshd[2021]: error: kex_exchange_identification: client sent invalid protocol identifier ""`,
		pattern: "banner-exchange-invalid", user: noUser, pid: 2021},
	{story: "an address was sent for a version", line: `Nov 22 15:33:09 sshd[2021]: error: kex_exchange_identification: client sent invalid protocol identifier "GET / from 192.0.2.66 port 22"`,
		pattern: "banner-exchange-invalid", user: noUser, pid: 2021},
	{story: "reset before the version", line: "Nov 22 15:33:10 web01 sshd[2022]: error: kex_exchange_identification: read: Connection reset by peer",
		pattern: "banner-exchange-error", user: noUser, pid: 2022, host: "web01"},

	// PAM: what looks like a failure may be one module of several.
	{story: "the module's word", line: "2026-11-22T15:33:20.104000+00:00 web01 sshd[2030]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7  user=root",
		pattern: "pam-unix-auth-failure", user: "root", addr: "203.0.113.7", pid: 2030, host: "web01"},
	{story: "the user stands in ruser", line: "Nov 22 15:33:20 web01 sshd[2031]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser=alice rhost=203.0.113.7 [preauth]",
		pattern: "pam-unix-auth-failure", user: noUser, addr: "203.0.113.7", pid: 2031, host: "web01"},
	{story: "and yet the session opens", line: "Nov 22 15:33:20 web01 sshd[2031]: pam_unix(sshd:session): session opened for user alice by (uid=0)",
		pattern: "pam-unix-session-opened", user: "alice", pid: 2031, host: "web01"},
	{story: "one user fails", line: "Nov 22 15:33:23 web01 sshd[2032]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser=bob rhost=203.0.113.7",
		pattern: "pam-unix-auth-failure", user: noUser, addr: "203.0.113.7", pid: 2032, host: "web01"},
	{story: "another gets in", line: "Nov 22 15:33:24 web01 sshd[2032]: Accepted password for tanja from 203.0.113.7 port 51234 ssh2",
		pattern: "login-accepted", user: "tanja", addr: "203.0.113.7", port: "51234", pid: 2032, host: "web01"},
	{story: "the user name takes the rest", line: "Nov 22 15:33:24 web01 sshd[2032]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7  user=x rhost=192.0.2.66  user=root",
		pattern: "pam-unix-auth-failure", user: "x rhost=192.0.2.66  user=root", addr: "203.0.113.7", pid: 2032, host: "web01"},
	{story: "a key among several", line: "Nov 22 15:33:30 git01 sshd[2033]: Failed publickey for git from 203.0.113.7 port 51234 ssh2: ECDSA 0e:ff:10:aa:00:11:22:33:44:55:66:77:88:99:aa:bb",
		pattern: "login-failed", user: "git", addr: "203.0.113.7", port: "51234", pid: 2033, host: "git01"},
	{story: "more failures, counted", line: "Nov 22 15:33:31 localhost sshd(pam_unix)[2034]: 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7  user=root",
		pattern: "pam-more-failures", user: "root", addr: "203.0.113.7", pid: 2034, host: "localhost"},
	{story: "more failures, cut short", line: "sshd(pam_unix)[2034]: 2 more authentication failures; logname= uid=0",
		pattern: "pam-more-failures", user: noUser, pid: 2034},
	{story: "a module in the tag, a session", line: "Nov 22 15:33:32 ip-10-0-0-9 sshd(pam_unix)[2035]: session opened for user bob by (uid=508)",
		pattern: "pam-unix-session-opened", user: "bob", pid: 2035, host: "ip-10-0-0-9"},

	// Addresses.
	{story: "a zone, of a long name", line: "Invalid user bob from 2001:db8::bad:c0de%abcdefgh1234567",
		pattern: "user-invalid", user: "bob", addr: "2001:db8::bad:c0de%abcdefgh1234567"},
	{story: "a zone behind PAM's words", line: "error: PAM: authentication failure for tanja from 2001:db8::bad:c0de%vbr1",
		pattern: "pam-auth-failed", user: "tanja", addr: "2001:db8::bad:c0de%vbr1"},
	{story: "eight groups", line: "Nov 22 15:33:40 web01 sshd[2040]: error: PAM: Authentication failure for bob from 2001:db8:220:1:248:1893:25c8:1946",
		pattern: "pam-auth-failed", user: "bob", addr: "2001:db8:220:1:248:1893:25c8:1946", pid: 2040, host: "web01"},
	{story: "few groups", line: "Nov 22 15:33:40 web01 sshd[2041]: Failed password for invalid user BOB from 2001:db8:cccc:1234::1:1 port 51234 ssh2",
		pattern: "login-failed", user: "BOB", addr: "2001:db8:cccc:1234::1:1", port: "51234", pid: 2041, host: "web01"},
	{story: "few groups and a key", line: "Nov 02 15:33:40 web01 sshd[2042]: Failed publickey for invalid user bob from 2001:db8:cccc:1234::1:1 port 51234 ssh2: RSA SHA256:lpFqWMYjEgYP9Msu1uXKLw5XDT5Oh2oSMhkeaSjFdcM",
		pattern: "login-failed", user: "bob", addr: "2001:db8:cccc:1234::1:1", port: "51234", pid: 2042, host: "web01"},
	{story: "the code behind the colons", line: "Nov 22 15:33:41 web01 sshd[2043]: error: Received disconnect from 2001:db8::bad:c0de: 3: com.jcraft.jsch.JSchException: Auth cancel [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "2001:db8::bad:c0de", pid: 2043, host: "web01"},
	{story: "the code 11, an apostrophe", line: "Nov 22 15:33:42 web01 sshd[2044]: Received disconnect from 2001:db8::bad:c0de: 11: that's all. [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "2001:db8::bad:c0de", pid: 2044, host: "web01"},
	{story: "the code 14", line: "Nov 22 15:33:43 web01 sshd[2045]: error: Received disconnect from 2001:db8::bad:c0de: 14: No supported authentication methods available [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "2001:db8::bad:c0de", pid: 2045, host: "web01"},
	{story: "IPv4 inside IPv6", line: "Nov 22 15:33:44 web01 sshd[2046]: Connection closed by ::ffff:203.0.113.7",
		pattern: "connection-closed", user: noUser, addr: "::ffff:203.0.113.7", pid: 2046, host: "web01"},
	{story: "a name in the address's place", line: "Nov 22 15:33:45 web01 sshd[2047]: error: PAM: Authentication failure for alice from client.example.com",
		pattern: "pam-auth-failed", user: "alice", pid: 2047, host: "web01"},
	{story: "a name, and our own address behind it", line: "Nov 22 15:33:46 mac.local sshd[2048]: error: PAM: authentication error for alice from client.example.com via 192.0.2.1",
		pattern: "pam-auth-failed", user: "alice", pid: 2048, host: "mac.local"},
	{story: "a name behind a user who is not let in", line: "Nov 22 15:33:47 web01 sshd[2049]: User alice from client.example.com not allowed because not in any group",
		pattern: "user-not-allowed-no-group", user: "alice", pid: 2049, host: "web01"},
	{story: "someone blotted the address out", line: "sshd[2050]: Failed password for invalid user bob from x.x.x.x port 51234 ssh2", user: noUser, pid: 2050},
	{story: "and the port", line: "sshd[2050]: Failed password for invalid user bob from x.x.x.x ..", user: noUser, pid: 2050},
	{story: "leading zeros", line: "web01 sshd[2051]: error: PAM: Authentication failure for alice from 192.000.2.7",
		pattern: "pam-auth-failed", user: "alice", addr: "192.000.2.7", pid: 2051, host: "web01"},

	// Names.
	{story: "no name", line: "Nov 2 15:33:50 web01 sshd[2060]: Invalid user  from 203.0.113.7 port 51234",
		pattern: "user-invalid", user: "", addr: "203.0.113.7", port: "51234", pid: 2060, host: "web01"},
	{story: "no name, no port", line: "Nov  2 15:33:50 BOX_9 sshd[2061]: Invalid user  from 203.0.113.7",
		pattern: "user-invalid", user: "", addr: "203.0.113.7", pid: 2061, host: "BOX_9"},
	{story: "a word in angle brackets", line: "Nov 22 15:33:51 sun sshd[2062]: [ID 800047 auth.info] Failed keyboard-interactive for <invalid username> from 203.0.113.7 port 51234 ssh2",
		pattern: "login-failed", user: "<invalid username>", addr: "203.0.113.7", port: "51234", pid: 2062, host: "sun"},
	{story: "a byte in octal", line: `Nov 22 15:33:52 web01 sshd[2063]: Invalid user alic\351 from 203.0.113.7`,
		pattern: "user-invalid", user: `alic\351`, addr: "203.0.113.7", pid: 2063, host: "web01"},
	{story: "again, without an address", line: `Nov 22 15:33:52 web01 sshd[2064]: input_userauth_request: invalid user alic\351`,
		pattern: "userauth-invalid-user", user: `alic\351`, pid: 2064, host: "web01"},
	{story: "again, with a password", line: `Nov 22 15:33:54 web01 sshd[2063]: Failed password for invalid user alic\351 from 203.0.113.7 port 51234 ssh2`,
		pattern: "login-failed", user: `alic\351`, addr: "203.0.113.7", port: "51234", pid: 2063, host: "web01"},
	{story: "the byte itself", line: "Nov 22 15:33:54 web01 sshd[2063]: pam_succeed_if(sshd:auth): error retrieving information about user alic\xe9",
		pattern: "pam-succeed-if-no-user", user: "alic\xe9", pid: 2063, host: "web01"},
	{story: "a name of two words that are a message", line: "Nov 22 15:33:55 web01 sshd[2065]: Disconnected from invalid user user alice 203.0.113.7 port 51234 [preauth]",
		pattern: "disconnected", user: "user alice", addr: "203.0.113.7", port: "51234", pid: 2065, host: "web01"},

	// Headers.
	{story: "RFC 5424 with data", line: `<38>1 2026-11-22T15:34:00+00:00 fw.example.net sshd 2070 - [meta sequenceId="1"] Invalid user bob from 203.0.113.7 port 51234`,
		pattern: "user-invalid", user: "bob", addr: "203.0.113.7", port: "51234", pid: 2070, host: "fw.example.net"},
	{story: "RFC 5424 of a host that is an address", line: "<35>1 2026-11-22T15:34:00.257387-05:00 192.0.2.9 sshd 2071 - - error: PAM: Authentication error for root from 203.0.113.7",
		pattern: "pam-auth-failed", user: "root", addr: "203.0.113.7", pid: 2071, host: "192.0.2.9"},
	{story: "macOS writes two blanks", line: "2026-11-22 15:34:01.801612-0700  localhost sshd[2072]: error: PAM: unknown user for illegal user bob from 203.0.113.7",
		pattern: "pam-auth-failed", user: "bob", addr: "203.0.113.7", pid: 2072, host: "localhost"},
	{story: "neither host nor tag", line: "2026-11-22T15:34:02.46667 auth.info: Invalid user bob from 203.0.113.7",
		pattern: "user-invalid", user: "bob", addr: "203.0.113.7"},
	{story: "no host, and two blanks", line: "2026-11-22T15:34:02.10040 auth.info: sshd[2073]:  Invalid user bob from 203.0.113.7",
		pattern: "user-invalid", user: "bob", addr: "203.0.113.7", pid: 2073},
	{story: "facility and level as numbers", line: "Nov  2 15:34:03 <4.3> fox sshd[2074]: error: PAM: authentication error for alice from client.example.com",
		pattern: "pam-auth-failed", user: "alice", pid: 2074, host: "fox"},
	{story: "numbers of two digits", line: "Nov  2 15:34:03 <10.5> fox sshd[2075]: Invalid user bob from 203.0.113.7",
		pattern: "user-invalid", user: "bob", addr: "203.0.113.7", pid: 2075, host: "fox"},
	{story: "facility and level as words", line: "Nov 22 15:34:03 <auth.info> fox sshd[2076]: Invalid user bob from 203.0.113.7",
		pattern: "user-invalid", user: "bob", addr: "203.0.113.7", pid: 2076, host: "fox"},
	{story: "without brackets, behind the host", line: "Nov 22 15:34:03 vps auth.info sshd[2077]: Invalid user bob from 203.0.113.7",
		pattern: "user-invalid", user: "bob", addr: "203.0.113.7", pid: 2077, host: "vps"},
	{story: "no host: the tag is not one", line: "Nov 22 15:34:04 sshd[2078]: Disconnecting: Too many authentication failures for root [preauth]",
		pattern: "disconnecting-max-tries", user: "root", pid: 2078},
	{story: "no host, a close", line: "Nov 22 15:34:04 sshd[2078]: Connection closed by 203.0.113.7 [preauth]",
		pattern: "connection-closed", user: noUser, addr: "203.0.113.7", pid: 2078},
	{story: "no host, two addresses", line: "Nov 22 15:34:04 sshd[2079]: Connection from 203.0.113.7 port 51234 on 192.0.2.1 port 22",
		pattern: "connection-opened", user: noUser, addr: "203.0.113.7", port: "51234", pid: 2079},
	{story: "the tag alone, accepted", line: "sshd[2080]: Accepted password for root from 203.0.113.7 port 1066 ssh2",
		pattern: "login-accepted", user: "root", addr: "203.0.113.7", port: "1066", pid: 2080},
	{story: "the tag alone, failed", line: "sshd[2081]: Failed password for root from 203.0.113.7 port 1045 ssh2",
		pattern: "login-failed", user: "root", addr: "203.0.113.7", port: "1045", pid: 2081},
	{story: "host and tag, failed", line: "web01 sshd[2082]: Failed password for invalid user BOB from 203.0.113.7 port 50273 ssh2",
		pattern: "login-failed", user: "BOB", addr: "203.0.113.7", port: "50273", pid: 2082, host: "web01"},
	{story: "host and tag, unknown user", line: "web01 sshd[2083]: Invalid user bob from 203.0.113.7",
		pattern: "user-invalid", user: "bob", addr: "203.0.113.7", pid: 2083, host: "web01"},
	{story: "macOS up to 10.11", line: "[Time 2026.11.22 15:34:10 UTC] [Facility auth] [Sender sshd] [PID 2084] [Message error: PAM: Authentication failure for alice from 203.0.113.7] [Level 3] [UID -2] [GID -2] [Host mac]",
		pattern: "pam-auth-failed", user: "alice", addr: "203.0.113.7", pid: 2084, host: "mac"},
	{story: "the kernel's clock, with a colon", line: "web01 sshd[2085]: kernel:[  970.699396]: Failed keyboard-interactive for <invalid username> from 203.0.113.7 port 51234 ssh2",
		pattern: "login-failed", user: "<invalid username>", addr: "203.0.113.7", port: "51234", pid: 2085, host: "web01"},
	{story: "the kernel's clock, with a blank", line: "web01 sshd[2086]: kernel: [  970.699397] Failed password for user bob from 203.0.113.7 port 51234 ssh2",
		pattern: "login-failed", user: "user bob", addr: "203.0.113.7", port: "51234", pid: 2086, host: "web01"},
	{story: "the kernel's clock of four digits more", line: "web01 sshd[2087]: kernel:[12970.699398] Failed password for user bob from 2001:db8::1 port 51234 ssh2",
		pattern: "login-failed", user: "user bob", addr: "2001:db8::1", port: "51234", pid: 2087, host: "web01"},
	{story: "Solaris, a host with dots", line: "Nov 22 15:34:12 mac-mini.local sshd[2088]: [ID 800047 auth.info] Failed keyboard-interactive for <invalid username> from 203.0.113.35 port 51234 ssh2",
		pattern: "login-failed", user: "<invalid username>", addr: "203.0.113.35", port: "51234", pid: 2088, host: "mac-mini.local"},
	{story: "AIX relays", line: "<38>Nov 22 15:34:13 Message forwarded from aix66: sshd[679960]: Accepted publickey for nico from 203.0.113.7 port 42096 ssh2",
		pattern: "login-accepted", user: "nico", addr: "203.0.113.7", port: "42096", pid: 679960, host: "aix66"},
	{story: "a priority, and a text that sshd does not write", line: "<13>Nov 22 15:34:14 web01 sshd[2089]: hello[world]",
		user: noUser, pid: 2089, host: "web01"},
	{story: "a priority, and no pid", line: "<13>Nov 22 15:34:14 web01 sshd: hello", user: noUser, host: "web01"},
	{story: "a day of one digit behind one blank", line: "Nov 2 15:34:15 web01 sshd[2090]: User root from 203.0.113.7 not allowed because a group is listed in DenyGroups",
		pattern: "user-not-allowed-deny-groups", user: "root", addr: "203.0.113.7", pid: 2090, host: "web01"},
	{story: "another, with an apostrophe", line: "Nov 2 15:34:15 NAS sshd[2091]: User root from 203.0.113.7 not allowed because none of user's groups are listed in AllowGroups",
		pattern: "user-not-allowed-allow-groups", user: "root", addr: "203.0.113.7", pid: 2091, host: "NAS"},
	{story: "another, a probe", line: "Nov 2 15:34:16 web01 sshd[2092]: Did not receive identification string from 203.0.113.7",
		pattern: "banner-missing", user: noUser, addr: "203.0.113.7", pid: 2092, host: "web01"},

	// Programs and wordings of new releases.
	{story: "sshd-session", line: "Nov  2 15:34:20 web01 sshd-session[2100]: Failed password for root from 203.0.113.7 port 56502 ssh2",
		pattern: "login-failed", user: "root", addr: "203.0.113.7", port: "56502", pid: 2100, host: "web01"},
	{story: "sshd-session, unknown user", line: "Nov 22 15:34:20 sd-126 sshd-session[2101]: Invalid user tanja5 from 203.0.113.7 port 53502",
		pattern: "user-invalid", user: "tanja5", addr: "203.0.113.7", port: "53502", pid: 2101, host: "sd-126"},
	{story: "a drop names two addresses", line: "Nov 22 15:34:21 web01 sshd[2102]: drop connection #0 from [203.0.113.7]:48602 on [192.0.2.1]:22 penalty: exceeded LoginGraceTime",
		pattern: "drop-penalty", user: noUser, addr: "203.0.113.7", port: "48602", pid: 2102, host: "web01"},
	{story: "a time-out names two addresses", line: "Nov 22 15:34:21 web01 sshd[2102]: Timeout before authentication for connection from 203.0.113.7 to 192.0.2.1, pid = 2101",
		pattern: "login-grace-exceeded", user: noUser, addr: "203.0.113.7", pid: 2102, host: "web01"},
	{story: "goodbye, the code at the port", line: "Nov 22 15:34:22 web01 sshd[2103]: Received disconnect from 203.0.113.7 port 58846:11: Bye Bye [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "203.0.113.7", port: "58846", pid: 2103, host: "web01"},
	{story: "code 14 at the port", line: "Nov 22 15:34:22 web01 sshd[2104]: error: Received disconnect from 203.0.113.7 port 1684:14: No supported authentication methods available [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "203.0.113.7", port: "1684", pid: 2104, host: "web01"},

	// What alarms and is no failure, and what is not OpenSSH's.
	{story: "the name does not map back", line: "Nov 22 15:34:30 web01 sshd[2110]: Address 203.0.113.7 maps to client.example.com, but this does not map back to the address - POSSIBLE BREAK-IN ATTEMPT",
		pattern: "old-reverse-mapping", user: noUser, addr: "203.0.113.7", pid: 2110, host: "web01"},
	{story: "a session ends", line: "Nov 22 15:34:31 web01 sshd[3685002]: Close session: user alice from 203.0.113.7 port 34928 id 0",
		pattern: "session-closed", user: "alice", addr: "203.0.113.7", port: "34928", pid: 3685002, host: "web01"},
	{story: "words in the wrong place", line: "Nov 22 15:34:32 web01 sshd[2111]: Disconnected from somewhere user alice 203.0.113.7 port 26138 [preauth]",
		user: noUser, pid: 2111, host: "web01"},
	{story: "another maker's sshd", line: "sshd[2112]: [ID 702911 auth.notice] User alice, coming from client,", user: noUser, pid: 2112},
	{story: "no method at all", line: "Nov 22 15:34:33 web01 sshd[2113]: Accepted none for alice from 203.0.113.7 port 1066 ssh2",
		pattern: "login-accepted", user: "alice", addr: "203.0.113.7", port: "1066", pid: 2113, host: "web01"},
	{story: "a code that nobody knows", line: "Received disconnect from 203.0.113.7: 2103: Bye Bye [preauth]",
		pattern: "disconnect-received", user: noUser, addr: "203.0.113.7"},
}

func TestTraps(t *testing.T) {
	c := readCatalogue(t)
	p, err := New(c, Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	var ev sshwhy.Event
	for _, want := range traps {
		p.Parse(&sshwhy.Record{Text: []byte(want.line), Newest: time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)}, &ev)
		got := trap{story: want.story, line: want.line, user: noUser, addr: string(ev.Get(sshwhy.FieldAddr)), port: string(ev.Get(sshwhy.FieldPort)), pid: ev.PID, host: string(ev.Host)}
		if e := c.Entry(ev.Pattern); e != nil {
			got.pattern = e.ID
		}
		if ev.Has(sshwhy.FieldUser) {
			got.user = string(ev.Get(sshwhy.FieldUser))
		}
		if got != want {
			t.Errorf("%s\n  %s\n  got  %+v\n  want %+v", want.story, want.line, got.fields(), want.fields())
		}
	}
}

// fields gives what a failure shows of a trap.
func (x trap) fields() map[string]any {
	return map[string]any{"pattern": x.pattern, "user": x.user, "addr": x.addr, "port": x.port, "pid": x.pid, "host": x.host}
}
