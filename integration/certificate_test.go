//go:build integration && linux

package integration

import "os"

// certificateScenarios: carol logs in with a certificate and no key of hers is
// registered.
func certificateScenarios() []scenario {
	const trusted = "TrustedUserCAKeys /etc/ssh/ca.pub"
	// certificate has the CA sign carol's key with these words for ssh-keygen.
	certificate := func(words string) func(*box) {
		return func(b *box) {
			b.makeCA()
			b.sh("cp /srv/ca/ca.pub /etc/ssh/ca.pub")
			b.sh("ssh-keygen -q -s /srv/ca/ca -I carol-2026 " + words + " /srv/ca/id_ed25519.pub")
			b.sh("install -o carol -m 644 /srv/ca/id_ed25519-cert.pub " + carolHome + "/.ssh/id_ed25519-cert.pub")
		}
	}
	table := []scenario{
		{
			name: "the certificate has expired", code: "cert-expired", confidence: "certain", config: trusted,
			arrange: certificate("-n alice -V 20200101:20200102"),
		},
		{
			name: "the certificate is not valid yet", code: "cert-not-yet-valid", confidence: "certain", config: trusted,
			arrange: certificate("-n alice -V +1d:+2d"), take: []string{"otherwise sign", "put the new certificate"},
		},
		{
			name: "the certificate lists another user, and is signed anew", code: "cert-wrong-principal", confidence: "certain", config: trusted,
			arrange: certificate("-n bob -V -5m:+1d"), take: []string{"sign the key", "put the new certificate"},
		},
		{
			name: "the certificate lists another user, who logs in", code: "cert-wrong-principal", confidence: "certain", config: trusted,
			arrange: certificate("-n bob -V -5m:+1d"), take: []string{"with a name that"}, again: keyAs("bob"),
			fill: map[string]func(*box) string{"<PRINCIPAL>": text("bob")},
		},
		{
			name: "the certificate lists no principals", code: "cert-without-principals", confidence: "certain", config: trusted,
			arrange: certificate("-V -5m:+1d"),
		},
		{
			name: "the certificate's CA is not trusted", code: "undetermined", confidence: "undetermined", cause: "cert-untrusted-ca",
			arrange: func(b *box) { certificate("-n alice -V -5m:+1d")(b); b.must(os.Remove("/etc/ssh/ca.pub")) },
		},
		{
			name: "the certificate's CA is not trusted, at VERBOSE", code: "cert-untrusted-ca", confidence: "likely", level: "VERBOSE", config: trusted,
			arrange: func(b *box) { certificate("-n alice -V -5m:+1d")(b); b.sh("cp /mnt/box/id_rsa.pub /etc/ssh/ca.pub") },
		},
		{
			name: "the certificate permits another address only", code: "cert-source-not-permitted", confidence: "certain", config: trusted,
			arrange: certificate("-n alice -V -5m:+1d -O source-address=198.51.100.0/24"), take: []string{"sign the key", "put the new certificate"},
		},
		{
			name: "the certificate has a critical option that sshd does not know", code: "cert-option-unsupported", confidence: "certain", config: trusted,
			arrange: certificate("-n alice -V -5m:+1d -O critical:moon@example.com=full"),
		},
		{
			name: "the principals file does not list the user's certificate", code: "principals-file", confidence: "likely",
			config: trusted + "\nAuthorizedPrincipalsFile /etc/ssh/principals/%u",
			arrange: func(b *box) {
				certificate("-n alice -V -5m:+1d")(b)
				b.write("/etc/ssh/principals/alice", 0, 0o644, "webmasters\n")
			},
			fill: map[string]func(*box) string{"<PRINCIPALS FILE>": text("/etc/ssh/principals/alice")},
		},
		{
			name: "the principals file is missing", code: "principals-file", confidence: "likely",
			config: trusted + "\nAuthorizedPrincipalsFile /etc/ssh/principals/%u", arrange: func(b *box) {
				certificate("-n alice -V -5m:+1d")(b)
				b.mkdir("/etc/ssh/principals", 0, 0o755)
			},
			fill: map[string]func(*box) string{"<PRINCIPALS FILE>": text("/etc/ssh/principals/alice")},
		},
		{
			name: "the principals file can be written by others", code: "bad-ownership-or-modes", confidence: "certain",
			config: trusted + "\nAuthorizedPrincipalsFile /etc/ssh/principals/%u",
			arrange: func(b *box) {
				certificate("-n alice -V -5m:+1d")(b)
				b.write("/etc/ssh/principals/alice", 0, 0o666, "alice\n")
			},
		},
	}
	for i := range table {
		s := &table[i]
		if s.fill == nil {
			s.fill = map[string]func(*box) string{}
		}
		s.fill["<PUBLIC KEY FILE>"] = text("/srv/ca/id_ed25519.pub") // it signs where it keeps its own key
	}
	return table
}

// makeCA makes a CA on the side of the server, gives it carol's public key, and
// takes that key out of alice's authorized_keys.
func (b *box) makeCA() {
	b.hasCA = true
	b.mkdir("/srv/ca", 0, 0o755)
	b.sh("ssh-keygen -q -t ed25519 -N '' -C ca -f /srv/ca/ca")
	b.write("/srv/ca/id_ed25519.pub", 0, 0o644, b.key()+"\n")
	b.authorize("# certificates only")
}
