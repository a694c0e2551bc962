//go:build integration && linux

package integration

import "time"

// negotiationScenarios: client and server do not find together.
func negotiationScenarios() []scenario {
	return []scenario{
		{
			name: "no common key exchange method", code: "no-matching-kex", confidence: "certain",
			login: byKey("-o KexAlgorithms=diffie-hellman-group14-sha1"),
		},
		{
			name: "no common cipher", code: "no-matching-cipher", confidence: "certain",
			login: byKey("-o Ciphers=aes128-cbc,aes256-cbc"),
		},
		{
			name: "no common MAC", code: "no-matching-mac", confidence: "certain",
			login: byKey("-o Ciphers=aes128-ctr -o MACs=hmac-md5,hmac-sha1-96"),
		},
		{
			name: "no common host key type: the server has no such key", code: "no-matching-host-key-type", confidence: "certain",
			config: "HostKey /etc/ssh/ssh_host_ed25519_key", login: byKey("-o HostKeyAlgorithms=rsa-sha2-512"),
		},
		{
			name: "no common host key type: the client knows ssh-rsa only", in: span{since: release{8, 8}}, code: "no-matching-host-key-type", confidence: "certain",
			login: byKey("-o HostKeyAlgorithms=ssh-rsa"),
		},
		{
			name: "a web client at sshd's port", code: "not-ssh-protocol", confidence: "certain",
			login: sends("GET / HTTP/1.1\r\nHost: server\r\n\r\n", 200*time.Millisecond), beyond: "the client is no SSH client",
		},
		{
			name: "a client of SSH 1", code: "protocol-version-mismatch", confidence: "certain",
			login: sends("SSH-1.5-1.2.27\n", 200*time.Millisecond), again: byKey(), fill: map[string]func(*box) string{"<USER>": text("alice")},
		},
		{
			name: "a packet with an impossible length", code: "corrupted-packet", confidence: "certain",
			login: sends("SSH-2.0-broken\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 200*time.Millisecond),
			again: byKey(), fill: map[string]func(*box) string{"<USER>": text("alice")},
		},
		{
			name: "the client knows another host key", code: "undetermined", outcome: "disconnected", confidence: "undetermined", cause: "client-rejected-host-key",
			arrange: func(b *box) {
				b.write(carolHome+"/.ssh/known_hosts", carolID, 0o644, "server "+b.read("/mnt/box/id_ecdsa.pub"))
				b.write(carolHome+"/.ssh/config", carolID, 0o644, "Host server\n    StrictHostKeyChecking ask\n    UserKnownHostsFile ~/.ssh/known_hosts\n    HostKeyAlgorithms ecdsa-sha2-nistp256\n    UpdateHostKeys no\n")
			},
			password: "yes", fill: map[string]func(*box) string{"<USER>": text("alice")},
		},
	}
}
