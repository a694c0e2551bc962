//go:build integration && linux

package integration

import (
	"os"
	"strings"
	"time"
)

// hiddenMethods are logins that leave nothing at INFO but the line that the
// client closed, or as little, and in which the method or the key is to blame.
func hiddenMethods() []hidden {
	const both = "AuthenticationMethods publickey,password"
	rsa := func(b *box) {
		b.give("id_rsa")
		b.authorize(b.read("/mnt/box/id_rsa.pub"))
	}
	without := func(b *box) { b.must(os.Remove(aliceKeys)) }
	return []hidden{
		{name: "a program has no second factor", cause: "second-factor-missing", config: both},
		{name: "the second factor is wrong", cause: "second-factor-failed", config: both, login: runs(wrongPassword, "ssh -T alice@server echo in")},
		{
			name: "AuthorizedKeysCommand gives nothing", cause: "authorized-keys-command-empty",
			config: "AuthorizedKeysCommand /srv/keys/find %u\nAuthorizedKeysCommandUser nobody\nAuthorizedKeysFile none",
			arrange: func(b *box) {
				b.mkdir("/srv/keys", 0, 0o755)
				b.write("/srv/keys/find", 0, 0o755, "#!/bin/sh\nexit 0\n")
			},
		},
		{
			name: "the key is a DSA key", cause: "key-algorithm-refused",
			arrange: func(b *box) {
				b.sh("ssh-keygen -q -t dsa -N '' -f " + carolHome + "/.ssh/id_dsa && chown carol " + carolHome + "/.ssh/id_dsa*")
				b.authorize(b.read(carolHome + "/.ssh/id_dsa.pub"))
			},
			login: byKey("-i ~/.ssh/id_dsa -o IdentitiesOnly=yes"),
		},
		{
			name: "the key is too small for both sides", cause: "key-too-small", config: "RequiredRSASize 4096",
			arrange: rsa, login: byKey("-i ~/.ssh/id_rsa -o IdentitiesOnly=yes -o RequiredRSASize=4096"),
		},
		{
			name: "the key's line has principals=", cause: "key-line-principals",
			arrange: func(b *box) { b.authorize(`principals="alice" ` + b.key()) },
		},
		{
			name: "passwords were switched off after the last login", cause: "password-auth-disabled", arrange: without, login: byPassword(alicePassword),
			before: func(b *box) {
				b.write("/var/log/lastlog", 0, 0o644, "") // sshd keeps one that is there
				b.nextSecond()
				if !runs(alicePassword, "ssh -tt -o PubkeyAuthentication=no alice@server echo in >~/out; grep -q in ~/out && echo in")(b) {
					b.fatalf("arranging: the password does not work yet")
				}
				b.settled()
				b.sh("systemctl stop ssh")
				b.must(os.Truncate("/var/log/auth.log", 0))
				b.configure("PasswordAuthentication no")
				b.startSSHD()
			},
		},
		{name: "the home is encrypted and not open", cause: "home-not-mounted", arrange: func(b *box) {
			b.must(os.RemoveAll(aliceHome + "/.ssh"))
			b.must(os.Symlink("/usr/share/ecryptfs-utils/ecryptfs-mount-private.desktop", aliceHome+"/Access-Your-Private-Data.desktop"))
		}},
		{name: "the home is one of systemd-homed and not open", cause: "home-not-mounted", arrange: func(b *box) {
			b.must(os.Rename(aliceHome, aliceHome+".homedir"))
		}},
		// What the log tells then is only that the client left.
		{name: "^C at the second factor", truth: "client-gave-up", config: both, login: runs("", "timeout -s INT 20 /mnt/box/bin/doctor-interrupt ssh -T alice@server echo in")},
		{name: "another key, and a second factor is demanded", truth: "key-not-authorized", config: both, arrange: rsa, login: byKey("-i ~/.ssh/id_ed25519 -o IdentitiesOnly=yes")},
		{name: "^C at the password, and a nologin file", truth: "client-gave-up", never: "nologin-file", arrange: func(b *box) { b.write("/run/nologin", 0, 0o644, "") }, login: interrupted()},
		{name: "^C at the password, which is locked", truth: "client-gave-up", never: "password-locked", arrange: func(b *box) { b.sh("usermod -L alice") }, login: interrupted()},
		{name: "^C at the password, and home can be written by others", truth: "client-gave-up", never: "bad-ownership-or-modes", arrange: func(b *box) { b.must(os.Chmod(aliceHome, 0o777)) }, login: interrupted()},
		{name: "no key, and its line is for another address", truth: "no-usable-method", never: "key-source-not-permitted", config: "PasswordAuthentication no",
			arrange: func(b *box) { b.authorize(`from="198.51.100.0/24" ` + b.key()) }, login: byKey("-o IdentityFile=/dev/null -o IdentitiesOnly=yes")},
		{
			name: "passwords are off, and the key is not registered any more", truth: "authorized-keys-missing", never: "password-auth-disabled", config: "PasswordAuthentication no",
			before: func(b *box) {
				b.write("/var/log/lastlog", 0, 0o644, "")
				b.nextSecond()
				if !runs("", "ssh -tt -o BatchMode=yes alice@server echo in >~/out; grep -q in ~/out && echo in")(b) {
					b.fatalf("arranging: the key does not work yet")
				}
				b.nextSecond()
				without(b)
				b.settled()
				b.must(os.Truncate("/var/log/auth.log", 0))
			},
		},
	}
}

// nextSecond waits until the clock's second is another: times in logs and
// tallies are whole seconds.
func (b *box) nextSecond() {
	begin := time.Now().Unix()
	b.until(func() bool { return time.Now().Unix() > begin })
}

// hiddenPasswords are logins of which the log says that a password was wrong,
// or that PAM did not want the account, and not why.
func hiddenPasswords() []hidden {
	right := byPassword(alicePassword)
	return []hidden{
		{name: "the password is locked", cause: "password-locked", arrange: func(b *box) { b.sh("usermod -L alice") }, login: right},
		{name: "the password is locked, and there is no key", cause: "password-locked", login: right, arrange: func(b *box) {
			b.sh("usermod -L alice")
			b.must(os.RemoveAll(aliceHome + "/.ssh"))
		}},
		{name: "no password was ever set", cause: "password-not-set", arrange: func(b *box) { b.sh("usermod -p '*' alice") }, login: right},
		{name: "no password was ever set, and PAM is off", cause: "password-not-set", config: "UsePAM no", arrange: func(b *box) { b.sh("usermod -p '*' alice") }, login: right},
		{name: "the password is empty", cause: "empty-password", arrange: func(b *box) { b.sh("passwd -d alice") }, login: byPassword("")},
		{name: "the password is empty, and keys are off", cause: "empty-password", config: "PubkeyAuthentication no", login: byPassword(""), arrange: func(b *box) {
			b.sh("passwd -d alice")
			b.must(os.Remove(aliceKeys))
		}},
		{name: "root may not log in", cause: "root-login-refused", user: "root", config: "PermitRootLogin no", arrange: openRoot, login: passwordAs("root", alicePassword)},
		{name: "root may not log in with a password", cause: "root-login-refused", user: "root", arrange: openRoot, login: passwordAs("root", alicePassword)},
		{name: "the shell is not in /etc/shells", cause: "shell-not-listed", arrange: ownShell, login: right},
		{
			name: "the shell is not in /etc/shells, where passwords were refused before", cause: "shell-not-listed", arrange: ownShell, login: right,
			before: func(b *box) { byPassword(wrongPassword)(b) },
		},
		{name: "pam_faillock has locked the user out", cause: "pam-locked-out", arrange: lockedAfter(2), before: failures(2), login: right},
		{name: "a nologin file, and a key", cause: "nologin-file", certain: true, arrange: func(b *box) { b.write("/run/nologin", 0, 0o644, "maintenance\n") }},
		{name: "a nologin file, and a password", cause: "nologin-file", arrange: func(b *box) { b.write("/etc/nologin", 0, 0o644, "maintenance\n") }, login: right},
		{
			name: "PAM demands a group without a word", cause: "pam-requirement-not-met",
			arrange: pamLine("account required pam_succeed_if.so quiet user ingroup wheel"),
		},
	}
}

// misledPasswords are passwords that are wrong on hosts that have a fault
// besides.
func misledPasswords() []hidden {
	const wrong = "wrong-password"
	login := byPassword(wrongPassword)
	return []hidden{
		{name: "a wrong password of root, who may not log in", truth: wrong, user: "root", config: "PermitRootLogin no", login: passwordAs("root", wrongPassword), arrange: func(b *box) {
			openRoot(b)
			b.mkdir("/root/.ssh", 0, 0o700)
			b.write("/root/.ssh/authorized_keys", 0, 0o600, b.key()+"\n")
		}},
		{name: "a wrong password of root, who may come with a key", truth: wrong, user: "root", login: passwordAs("root", wrongPassword), arrange: openRoot},
		{name: "a wrong password, and the shell is not in /etc/shells", truth: wrong, never: "shell-not-listed", arrange: ownShell, login: login},
		{name: "a wrong password, two short of being locked out", truth: wrong, never: "pam-locked-out", arrange: lockedAfter(4), before: failures(1), login: login},
		{name: "a wrong password, and a nologin file", truth: wrong, never: "nologin-file", arrange: func(b *box) { b.write("/run/nologin", 0, 0o644, "") }, login: login},
		{name: "a wrong password, and nothing is wrong", truth: wrong, login: login},
		{name: "a wrong password, and an option is misspelt", truth: wrong, never: "authorized-keys-bad-option", login: login, arrange: func(b *box) { b.authorize("no-prty " + b.key()) }},
		{name: "a wrong password, and the password was locked afterwards", truth: wrong, never: "password-locked", login: func(b *box) bool {
			in := login(b)
			b.nextSecond()
			b.sh("usermod -L alice")
			return in
		}},
	}
}

// openRoot gives root alice's password.
func openRoot(b *box) { b.sh("usermod -p '" + aliceHash + "' root") }

// pamLine puts a line in front of sshd's PAM service.
func pamLine(line string) func(*box) {
	return func(b *box) { b.write("/etc/pam.d/sshd", 0, 0o644, line+"\n"+b.read("/etc/pam.d/sshd")) }
}

// ownShell gives alice a shell that is not listed, on a host that demands one
// that is.
func ownShell(b *box) {
	b.sh("cp /bin/bash /srv/shell")
	b.shell("/srv/shell")
	pamLine("auth required pam_shells.so")(b)
}

// lockedAfter has pam_faillock lock users out after n failures.
func lockedAfter(n int) func(*box) {
	return func(b *box) {
		b.write("/etc/pam.d/common-auth", 0, 0o644, strings.ReplaceAll(`auth required pam_faillock.so preauth deny=N
auth [success=1 default=ignore] pam_unix.so nodelay
auth [default=die] pam_faillock.so authfail deny=N
auth sufficient pam_faillock.so authsucc deny=N
auth required pam_permit.so
`, "=N", "="+string(rune('0'+n))))
	}
}

// failures tries a wrong password n times, at least a second before the login.
func failures(n int) func(*box) {
	return func(b *box) {
		for range n {
			byPassword(wrongPassword)(b)
		}
		b.nextSecond()
	}
}
