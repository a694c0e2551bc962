//go:build integration && linux

package integration

// passwordScenarios: the log is the same for a wrong password, a locked one,
// and one that was never set.
func passwordScenarios() []scenario {
	twice := newPassword + "\n" + newPassword + "\n"
	return []scenario{
		{
			name: "the password is wrong, and a new one is set", code: "wrong-password", confidence: "likely",
			login: byPassword(wrongPassword), take: []string{"see whether", "set a new one"}, input: twice, again: byPassword(newPassword),
		},
		{
			name: "the password is wrong, and is typed once more", code: "wrong-password", confidence: "likely",
			login: byPassword(wrongPassword), take: []string{"try once more"}, password: alicePassword, again: byPassword(alicePassword),
		},
		{
			name: "the password is wrong, and a key takes its place", code: "wrong-password", confidence: "likely",
			arrange: func(b *box) { b.sh("rm " + carolHome + "/.ssh/id_* " + aliceKeys) },
			login:   byPassword(wrongPassword), take: []string{"change over to a key"}, input: "\n", password: alicePassword, again: byKey(),
		},
		{
			name: "the password is wrong, at VERBOSE", code: "wrong-password", confidence: "likely", level: "VERBOSE",
			login: byPassword(wrongPassword), take: []string{"set a new one"}, input: twice, again: byPassword(newPassword),
		},
		{
			name: "the password is locked", code: "wrong-password", confidence: "likely", cause: "password-locked",
			arrange: func(b *box) { b.sh("usermod -L alice") }, login: byPassword(alicePassword), take: []string{"see that it", "unlock the password"},
		},
		{
			name: "no password was ever set", code: "wrong-password", confidence: "likely", cause: "password-not-set",
			arrange: func(b *box) { b.sh("usermod -p '*' alice") }, login: byPassword(alicePassword),
			take: []string{"or set a password"}, input: twice, again: byPassword(newPassword),
		},
		{
			name: "the password is empty", code: "undetermined", confidence: "undetermined", cause: "empty-password",
			login: byPassword(""), take: []string{"give the account a password"}, input: twice, again: byPassword(newPassword),
		},
	}
}

// methodScenarios: the server does not take the way in which the client comes.
// At INFO most of them leave only the line that the client closed.
func methodScenarios() []scenario {
	const none = "undetermined"
	return []scenario{
		{
			name: "passwords are off", code: none, confidence: none, cause: "password-auth-disabled",
			config: "PasswordAuthentication no", login: byPassword(alicePassword), take: []string{"or permit passwords"},
		},
		{
			name: "passwords are off, and a key is registered", code: none, confidence: none, cause: "password-auth-disabled", level: "VERBOSE",
			config: "PasswordAuthentication no", arrange: func(b *box) { b.authorize("# nobody") },
			login: byPassword(alicePassword), take: []string{"register the user's public key"}, again: byKey(),
		},
		{
			name: "keys are off", code: none, confidence: none, cause: "pubkey-auth-disabled", config: "PubkeyAuthentication no",
		},
		{
			name: "keyboard-interactive is off", code: none, confidence: none, cause: "kbdint-auth-disabled",
			login: byPassword(alicePassword, "-o PreferredAuthentications=keyboard-interactive"),
			afterwards: func(b *box) { // "before OpenSSH 8.7 write ChallengeResponseAuthentication yes"
				if b.sshd.before(release{8, 7}) {
					b.write(sshdConfig, 0, 0o644, spelt(b.read(sshdConfig), b.sshd))
					b.sh("systemctl reload ssh")
				}
			},
		},
		{
			name: "AuthenticationMethods begins with the password", code: none, confidence: none, cause: "method-not-permitted",
			config: "AuthenticationMethods password", take: []string{"or permit any"},
		},
		{
			name: "the client has no key", code: none, confidence: none, cause: "no-usable-method",
			config: "PasswordAuthentication no", arrange: func(b *box) { b.sh("mv " + carolHome + "/.ssh/id_ed25519 " + carolHome + "/key") },
			take: []string{"name the key"}, fill: map[string]func(*box) string{"<KEY FILE>": text(carolHome + "/key")}, again: byKey("-i " + carolHome + "/key"),
		},
		{
			name: "the second factor does not come, at VERBOSE", code: "second-factor-missing", confidence: "likely", level: "VERBOSE",
			config: "AuthenticationMethods publickey,password", take: []string{"let ssh ask"}, password: alicePassword,
			again: runs(alicePassword, "ssh alice@server echo in"),
		},
		{
			name: "an account of a program has no second factor", code: none, confidence: none, cause: "second-factor-missing",
			config: "AuthenticationMethods publickey,password", take: []string{"permit the key alone"},
		},
		{
			name: "the second factor is wrong", code: "wrong-password", confidence: "likely", cause: "second-factor-failed",
			config: "AuthenticationMethods publickey,password", login: runs(wrongPassword, "ssh alice@server echo in"),
			take: []string{"set a new password"}, input: newPassword + "\n" + newPassword + "\n", again: runs(newPassword, "ssh alice@server echo in"),
		},
		{
			name: "the agent offers too many keys", code: "too-many-auth-failures", confidence: "certain",
			config: "MaxAuthTries 3", // and since 10.6 six questions for a key that do not count
			arrange: func(b *box) {
				r := b.asClient("", "", `eval $(ssh-agent -a ~/agent) >/dev/null; export SSH_AUTH_SOCK=~/agent; for n in $(seq 12); do ssh-keygen -q -t ed25519 -N '' -f ~/other$n && ssh-add -q ~/other$n; done`)
				if r.status != 0 {
					b.fatalf("arranging: the agent: %s", r.output)
				}
			},
			login: runs("", "SSH_AUTH_SOCK=~/agent ssh -o BatchMode=yes alice@server echo in"), take: []string{"offer the one right key", "make that permanent"},
		},
	}
}
