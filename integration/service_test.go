//go:build integration && linux

package integration

import (
	"os"
	"strings"
)

// serviceScenarios: sshd does not come up, or went away. In each the remedy's
// last step starts it.
func serviceScenarios() []scenario {
	const invalid = "sshd-config-invalid"
	return []scenario{
		{name: "sshd_config has a keyword that sshd does not know", code: invalid, confidence: "certain", config: "PermitRootLogn no"},
		{name: "sshd_config has a value that sshd does not know", code: invalid, confidence: "certain", config: "PubkeyAuthentication maybe"},
		{name: "sshd_config has a word that is no number", code: invalid, confidence: "certain", config: "MaxAuthTries six"},
		{name: "sshd_config has a keyword without its argument", code: invalid, confidence: "certain", config: "Port"},
		{name: "sshd_config has an argument too many", code: invalid, confidence: "certain", config: "PermitRootLogin no yes"},
		{name: "sshd_config names a cipher that does not exist", code: invalid, confidence: "certain", config: "Ciphers aes1024-ctr"},
		{name: "sshd_config has a keyword that a Match block may not have", code: invalid, confidence: "certain", config: "Match User bob\n    Port 2222"},
		{
			name: "sshd_config has a Match on something unknown", code: invalid, confidence: "certain",
			config: "Match Usr bob\n    X11Forwarding no", take: []string{"check the whole"},
			// "A Match line must be corrected instead."
			afterwards: func(b *box) { b.sh("sed -i 's/Match Usr/Match User/' " + sshdConfig + " && systemctl start ssh") },
		},
		{name: "sshd_config has the same subsystem twice", in: span{until: release{9, 4}}, code: invalid, confidence: "certain", config: "Subsystem sftp internal-sftp"},
		{
			name: "a file that sshd_config includes has an error", code: invalid, confidence: "certain",
			arrange: func(b *box) {
				b.write("/etc/ssh/sshd_config.d/50-local.conf", 0, 0o644, "X11Forwarding no\nPermitTTTY no\n")
			},
		},
		{
			name: "sshd_config gets an error, and sshd is told to read it", code: invalid, confidence: "certain",
			meanwhile: func(b *box) {
				b.appendTo(sshdConfig, "AllowUser alice\n")
				b.sh("kill -HUP $(cat /run/sshd.pid)")
				b.settled()
			},
		},
		{
			name: "sshd_config is missing", code: "sshd-config-missing", confidence: "certain",
			arrange: func(b *box) { b.must(os.Remove(sshdConfig)) },
		},
		{
			name: "there are no host keys", code: "host-key-missing", confidence: "likely",
			arrange: func(b *box) { b.sh("rm /etc/ssh/ssh_host_*") },
		},
		{
			name: "a host key that sshd_config names is missing", code: "host-key-missing", confidence: "likely",
			config: "HostKey /etc/ssh/keys/host_ed25519", arrange: func(b *box) { b.mkdir("/etc/ssh/keys", 0, 0o755) },
		},
		{
			name: "the host keys have mode 0644", code: "host-key-permissions", confidence: "certain",
			arrange: func(b *box) { b.sh("chmod 644 /etc/ssh/ssh_host_*_key") },
		},
		{
			name: "the host key is garbage", code: "host-key-corrupt", confidence: "certain",
			config: "HostKey /etc/ssh/ssh_host_ed25519_key",
			arrange: func(b *box) {
				b.write("/etc/ssh/ssh_host_ed25519_key", 0, 0o600, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
			},
		},
		{
			name: "another program has the port", code: "port-in-use", confidence: "certain", config: "AddressFamily inet",
			arrange: func(b *box) {
				b.sh(`perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 22, Listen => 1, ReuseAddr => 1) or die; while ($c = $s->accept) { close $c }' </dev/null >/dev/null 2>&1 &`)
				b.sh(`until ss -Hltn sport = :22 | grep -q .; do sleep 0.02; done`)
			},
		},
		{
			name: "ListenAddress is of another host, and its line is put out of use", code: "listen-address-unavailable", confidence: "certain",
			config: "ListenAddress 198.51.100.99", take: []string{"put it out of use", "start sshd"},
		},
		{
			name: "ListenAddress comes later", code: "listen-address-unavailable", confidence: "certain",
			config: "ListenAddress 198.51.100.99", take: []string{"comes later", "start sshd"},
			again: func(b *box) bool {
				b.sh("ip address add 198.51.100.99/32 dev lo")
				return runs("", "ssh -o BatchMode=yes -o HostName=198.51.100.99 alice@server echo in")(b)
			},
		},
		{
			name: "the privilege separation directory is missing", code: "privsep-directory-missing", confidence: "certain",
			start: byHand("/usr/sbin/sshd", "rm -rf /run/sshd"),
		},
		{
			name: "the privilege separation directory can be written by others", code: "privsep-directory-permissions", confidence: "certain",
			start: byHand("/usr/sbin/sshd", "mkdir -m 777 /run/sshd; chmod 777 /run/sshd"),
		},
		{
			name: "the privilege separation user is missing", code: "privsep-user-missing", confidence: "certain",
			arrange: func(b *box) { b.sh("cp /etc/passwd /etc/passwd-; sed -i /^sshd:/d /etc/passwd /etc/shadow /etc/group") },
		},
		{
			name: "sshd is started without its full path", code: "sshd-installation-broken", confidence: "certain",
			start: byHand("cd /usr/sbin && exec ./sshd", "mkdir -m 755 /run/sshd"), take: []string{"start sshd as a service"},
		},
		{
			name: "sshd was stopped", code: "sshd-stopped", outcome: "none", confidence: "certain",
			meanwhile: func(b *box) { b.sh("systemctl stop ssh") },
		},
	}
}

// byHand starts sshd as somebody does at a prompt, after preparing it; what it
// writes to the terminal goes into the log.
func byHand(line, prepare string) func(*box) {
	return func(b *box) {
		b.sh(prepare)
		line := line
		if !strings.Contains(line, "exec") {
			line = "exec " + line
		}
		b.asRoot("", `sh -c '`+line+`' 2>/run/words & pid=$!; wait $pid; while IFS= read -r line; do logger -t "sshd[$pid]" -p daemon.info -- "$line"; done </run/words`)
		b.log.quiet()
	}
}
