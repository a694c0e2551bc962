//go:build integration && linux

package integration

import (
	"os"
	"strings"
)

// sessionScenarios: the login succeeds, and what it is for does not.
func sessionScenarios() []scenario {
	sftp := runs("", "echo pwd | sftp -b - alice@server")
	// sftpElsewhere names the place that the program has on other systems.
	sftpElsewhere := func(b *box) { b.sh("sed -i 's|/usr/lib/openssh/|/usr/libexec/openssh/|' " + sshdConfig) }
	const jail = "Match User alice\n    ChrootDirectory /srv/jail\n    ForceCommand internal-sftp"
	return []scenario{
		{
			name: "the chroot directory belongs to the user", code: "chroot-bad-ownership", confidence: "certain",
			config: jail, arrange: func(b *box) { b.mkdir("/srv/jail", aliceID, 0o755) }, login: sftp,
		},
		{
			name: "the chroot directory is missing", code: "chroot-missing", confidence: "certain", config: jail, login: sftp,
		},
		{
			name: "the chroot has no shell, and gets sftp", code: "", cause: "chroot-without-shell",
			config: "Match User alice\n    ChrootDirectory /srv/jail", arrange: func(b *box) { b.mkdir("/srv/jail", 0, 0o755) },
			take: []string{"make that the only thing"}, again: sftp,
		},
		{
			name: "no subsystem sftp is configured", code: "subsystem-unknown", confidence: "certain",
			arrange: func(b *box) { b.sh("sed -i /^Subsystem/d " + sshdConfig) }, login: sftp, take: []string{"configure sftp"},
		},
		{
			name: "the subsystem's program is missing", code: "subsystem-missing", confidence: "certain",
			level: "DEBUG1", arrange: sftpElsewhere, login: sftp,
		},
		{
			name: "the subsystem's program is missing, which INFO does not tell", code: "", cause: "subsystem-missing",
			arrange: sftpElsewhere, login: sftp,
		},
		{
			name: "TCP forwarding is off, and permitted to this target", code: "forwarding-denied", confidence: "certain",
			config: "AllowTcpForwarding no", login: runs("", "ssh -o BatchMode=yes -W 127.0.0.1:22 alice@server </dev/null"), take: []string{"to that target only"},
		},
		{
			name: "PermitOpen names another target", code: "forwarding-denied", confidence: "certain",
			config: "PermitOpen 127.0.0.1:80", login: runs("", "ssh -o BatchMode=yes -W 127.0.0.1:22 alice@server </dev/null"), take: []string{"to that target only"},
		},
		{
			name: "TCP forwarding is off, and the client asks for a port of the server", code: unsure, cause: "forwarding-denied",
			config: "AllowTcpForwarding no", login: byKey("-o ExitOnForwardFailure=yes -R 18081:127.0.0.1:22"), take: []string{"permit"},
		},
		{
			name: "the target of the forwarding refuses", code: "forwarding-failed", confidence: "certain",
			login: runs("", "ssh -o BatchMode=yes -W 127.0.0.1:9 alice@server </dev/null"), beyond: "nobody listens on the target's port",
		},
		{
			name: "a key without a terminal", code: unsure, cause: "pty-denied",
			arrange: func(b *box) { b.authorize("no-pty " + b.key()) },
			login:   runs("", "ssh -o BatchMode=yes -tt alice@server 'tty && echo in'"), take: []string{"take no-pty out"},
		},
		{
			name: "PermitTTY is no, and the command needs no terminal", code: unsure, cause: "pty-denied",
			config: "PermitTTY no", login: runs("", "ssh -o BatchMode=yes -tt alice@server echo in"), take: []string{"without a terminal"}, again: byKey(),
		},
		{
			name: "MaxSessions is reached, and is raised", code: "max-sessions", confidence: "certain",
			config: "MaxSessions 1", login: shared, take: []string{"or permit more"},
		},
		{
			name: "MaxSessions is reached, and another connection is opened", code: "max-sessions", confidence: "certain",
			config: "MaxSessions 1", login: shared, take: []string{"a connection of its own"}, again: byKey("-o ControlPath=none"),
		},
		{
			name: "the session's process is killed", code: unsure, cause: "session-killed",
			views: []view{{in: span{since: release{9, 8}}, code: "session-killed", confidence: "certain"}}, // mm_reap
			login: func(b *box) bool {
				b.stays(1, "ssh -o BatchMode=yes alice@server sleep 30")
				b.sh(`pkill -KILL -f '^sshd(-session)?: alice@'`)
				return false
			},
			take: []string{"log in again"}, again: byKey(),
		},
		{
			name: "the login shell is nologin", code: "", cause: "shell-nologin",
			arrange: func(b *box) { b.shell("/usr/sbin/nologin") }, take: []string{"give one"},
		},
		{
			name: "a connection without any channel", in: span{since: release{9, 2}}, code: "channel-timeout", confidence: "certain",
			config: "UnusedConnectionTimeout 1s",
			login: func(b *box) bool {
				return b.asClient("", "", "timeout 4 ssh -o BatchMode=yes -N alice@server").status == 124
			},
			take: []string{"do without"},
		},
	}
}

// shared opens two sessions on one connection.
func shared(b *box) bool {
	socket := carolHome + "/control"
	os.Remove(socket)
	b.stays(1, "ssh -o BatchMode=yes -M -S "+socket+" alice@server sleep 10")
	r := b.asClient("", "", "ssh -o BatchMode=yes -o ControlMaster=no -S "+socket+" -o ProxyCommand=false alice@server echo in")
	b.asClient("", "", "ssh -S "+socket+" -O exit alice@server")
	return r.status == 0 && strings.Contains(r.output, "in")
}
