//go:build integration && linux

package integration

import (
	"os"
	"strings"
)

// accountScenarios: sshd does not let the account in.
func accountScenarios() []scenario {
	rootKey := func(b *box) {
		b.mkdir("/root/.ssh", 0, 0o700)
		b.write("/root/.ssh/authorized_keys", 0, 0o600, b.key()+"\n")
	}
	inGroup := func(group string) func(*box) {
		return func(b *box) { b.appendTo("/etc/group", group+":x:3000:alice\n") }
	}
	return []scenario{
		{
			name: "the user name is misspelt", code: "user-unknown", confidence: "certain",
			login: keyAs("alicia"), take: []string{"check the name"}, again: byKey(),
		},
		{
			name: "the user does not exist yet", code: "user-unknown", confidence: "certain",
			login: keyAs("alicia"), take: []string{"create it"},
			afterwards: func(b *box) { b.sh("cp -r /home/alice/.ssh /home/alicia/ && chown -R alicia: /home/alicia/.ssh") },
		},
		{
			name: "the account is locked, and never had a password", code: "account-locked", confidence: "certain",
			config: "UsePAM no", arrange: func(b *box) { b.sh("usermod -p '!' alice") },
		},
		{
			name: "the account was locked with usermod -L", code: "account-locked", confidence: "certain",
			config: "UsePAM no", arrange: func(b *box) { b.sh("usermod -L alice") },
		},
		{
			name: "the account has expired", code: "account-expired", confidence: "certain",
			arrange: func(b *box) { b.sh("chage -E 2020-01-01 alice") }, take: []string{"take its end away"},
		},
		{
			name: "the account has expired, and the password is right", code: "account-expired", confidence: "certain",
			arrange: func(b *box) { b.sh("chage -E 2020-01-01 alice") }, take: []string{"take its end away"}, login: byPassword(alicePassword),
		},
		{
			name: "the password ran out and was not changed in time", code: "account-expired", confidence: "certain",
			arrange: func(b *box) { b.sh("chage -d 2020-01-01 -M 30 -I 10 alice") }, take: []string{"let the password never expire"},
		},
		{
			name: "the password must be changed, and a new one is set", code: "password-expired", outcome: "accepted", confidence: "certain",
			arrange: func(b *box) { b.sh("chage -d 0 alice") }, take: []string{"set a new password"}, input: newPassword + "\n" + newPassword + "\n",
		},
		{
			name: "the password must be changed, of an account with keys", code: "password-expired", outcome: "accepted", confidence: "certain",
			arrange: func(b *box) { b.sh("chage -d 0 alice") }, take: []string{"let the password never expire"},
		},
		{
			name: "the shell does not exist", code: "shell-missing", confidence: "certain",
			arrange: func(b *box) { b.shell("/usr/local/bin/fish") },
		},
		{
			name: "the shell cannot be executed, and may be", code: "shell-not-executable", confidence: "certain",
			arrange: func(b *box) { b.sh("cp /bin/bash /srv/shell && chmod 644 /srv/shell"); b.shell("/srv/shell") },
			take:    []string{"if the file is the right shell"},
		},
		{
			name: "the shell cannot be executed, and is none", code: "shell-not-executable", confidence: "certain",
			arrange: func(b *box) { b.write("/srv/notes", 0, 0o644, "no shell\n"); b.shell("/srv/notes") }, take: []string{"if it is no shell"},
		},
		{
			name: "AllowUsers does not name the user, who may come from this address", code: "not-in-allow-users", confidence: "certain",
			config: "AllowUsers bob carol", take: []string{"AllowUsers list", "see the list", "from this address only"},
		},
		{
			name: "AllowUsers does not name the user, who may come from anywhere", code: "not-in-allow-users", confidence: "certain",
			config: "AllowUsers bob", take: []string{"permit the user from anywhere"},
		},
		{
			name: "DenyUsers names the user", code: "listed-in-deny-users", confidence: "certain", config: "DenyUsers alice",
		},
		{
			name: "DenyUsers names the user among others", code: "listed-in-deny-users", confidence: "certain", config: "DenyUsers mallory alice trudy",
		},
		{
			name: "AllowGroups names none of the groups, and the user joins one", code: "not-in-allow-groups", confidence: "certain",
			config: "AllowGroups sshusers", arrange: func(b *box) { b.appendTo("/etc/group", "sshusers:x:3000:bob\n") },
			take: []string{"compare the user's groups", "add the user"}, fill: map[string]func(*box) string{"<GROUP>": text("sshusers")},
		},
		{
			name: "AllowGroups names none of the groups, and gets one more", code: "not-in-allow-groups", confidence: "certain",
			config: "AllowGroups root", take: []string{"primary group"},
		},
		{
			name: "DenyGroups names a group, and the user leaves it", code: "listed-in-deny-groups", confidence: "certain",
			config: "DenyGroups contractors", arrange: inGroup("contractors"),
			take: []string{"find the group", "take the user out"}, fill: map[string]func(*box) string{"<GROUP>": text("contractors")},
		},
		{
			name: "DenyGroups names a group, and loses it", code: "listed-in-deny-groups", confidence: "certain",
			config: "DenyGroups games contractors", arrange: inGroup("contractors"),
			take: []string{"take the group out"}, fill: map[string]func(*box) string{"<GROUP>": text("contractors")},
		},
		{
			name: "root has a key, and PermitRootLogin is no; permitted from here", code: "root-login-refused", confidence: "certain",
			config: "PermitRootLogin no", arrange: rootKey, login: keyAs("root"), take: []string{"from that address"},
		},
		{
			name: "root has a key, and PermitRootLogin is no; permitted from anywhere", code: "root-login-refused", confidence: "certain",
			config: "PermitRootLogin no", arrange: rootKey, login: keyAs("root"), take: []string{"from anywhere"},
		},
		{
			name: "root has the right password, and may only come with a key", code: "wrong-password", confidence: "likely", cause: "root-login-refused",
			config: "PermitRootLogin prohibit-password", login: passwordAs("root", alicePassword), take: []string{"from anywhere"},
			arrange: func(b *box) { rootKey(b); b.sh("usermod -p '" + aliceHash + "' root") }, again: keyAs("root"),
		},
		{
			name: "a nologin file, without PAM", code: "nologin-file", outcome: "accepted", confidence: "certain",
			config: "UsePAM no", arrange: func(b *box) { b.write("/etc/nologin", 0, 0o644, "maintenance\n") },
		},
	}
}

// newPassword is what passwords are changed to.
const newPassword = "harbour-Violet-84"

// shell makes path alice's login shell.
func (b *box) shell(path string) {
	b.sh(`sed -i '/^alice:/s|[^:]*$|` + path + `|' /etc/passwd`)
}

// pamScenarios: a PAM module does not let the account in. Debian's stack has
// pam_nologin and pam_unix; the others are added.
func pamScenarios() []scenario {
	pam := func(line string) func(*box) {
		return func(b *box) { b.write("/etc/pam.d/sshd", 0, 0o644, line+"\n"+b.read("/etc/pam.d/sshd")) }
	}
	return []scenario{
		{
			name: "a nologin file, which PAM does not name", code: "pam-account-denied", confidence: "likely", cause: "nologin-file",
			arrange: func(b *box) { b.write("/run/nologin", 0, 0o644, "maintenance\n") },
		},
		{
			name: "access.conf refuses the user", code: "pam-access-denied", confidence: "certain",
			arrange: func(b *box) {
				pam("account required pam_access.so")(b)
				b.appendTo("/etc/security/access.conf", "- : alice : ALL\n")
			},
		},
		{
			name: "an access file of its own refuses the user", code: "pam-access-denied", confidence: "certain",
			arrange: func(b *box) {
				pam("account required pam_access.so accessfile=/etc/security/access-ssh.conf")(b)
				b.write("/etc/security/access-ssh.conf", 0, 0o644, "+ : root : ALL\n- : ALL : ALL\n")
			},
		},
		{
			name: "a PAM module refuses without a word", code: "pam-account-denied", confidence: "likely",
			arrange: pam("account required pam_succeed_if.so quiet user ingroup wheel"),
			fill:    map[string]func(*box) string{"<MODULE>": text("pam_succeed_if")},
		},
		{
			name: "a list of pam_listfile names the user", code: "pam-listfile-denied", confidence: "certain",
			arrange: func(b *box) {
				pam("account required pam_listfile.so item=user sense=deny file=/etc/ssh/denied onerr=succeed")(b)
				b.write("/etc/ssh/denied", 0, 0o644, "mallory\nalice\n")
			},
			take: []string{"see which file", "sense=deny"}, fill: map[string]func(*box) string{"<LIST FILE>": text("/etc/ssh/denied")},
		},
		{
			name: "a PAM module is missing", code: "pam-broken", confidence: "certain",
			arrange: pam("auth required pam_oath.so"), login: byPassword(alicePassword), take: []string{"stay logged in", "take its lines out"},
		},
		{
			name: "a PAM module of the session fails", code: "pam-session-failed", outcome: "accepted", confidence: "certain",
			arrange: pam("session required pam_succeed_if.so quiet user = root"),
			fill:    map[string]func(*box) string{"<MODULE>": text("pam_succeed_if.so")},
		},
		{
			name: "the shell is not in /etc/shells", code: "undetermined", confidence: "undetermined", cause: "shell-not-listed",
			views: []view{{in: span{since: release{10, 0}}, code: "shell-not-listed", confidence: "certain"}}, // Linux-PAM 1.7 says it
			arrange: func(b *box) {
				b.sh("cp /bin/bash /srv/shell")
				b.shell("/srv/shell")
				pam("auth required pam_shells.so")(b)
			},
			meanwhile: func(b *box) { byPassword(wrongPassword)(b) }, also: []string{"wrong-password"}, // of which pam_unix writes
			login: byPassword(alicePassword), take: []string{"list it"},
		},
		{
			name: "pam_faillock has locked the user out", code: "undetermined", confidence: "undetermined", cause: "pam-locked-out",
			arrange: func(b *box) {
				b.must(os.WriteFile("/etc/pam.d/common-auth", []byte("auth required pam_faillock.so preauth deny=2\nauth [success=1 default=ignore] pam_unix.so nodelay\nauth [default=die] pam_faillock.so authfail deny=2\nauth sufficient pam_faillock.so authsucc deny=2\nauth required pam_permit.so\n"), 0o644))
			},
			meanwhile: func(b *box) {
				for range 2 {
					byPassword(wrongPassword)(b)
				}
			},
			also: []string{"wrong-password"}, login: byPassword(alicePassword), take: []string{"see where", "end the lock"},
		},
		{
			name: "the user has too many logins", code: "login-limit", outcome: "accepted", confidence: "certain",
			arrange: func(b *box) {
				b.write("/run/utmp", 0, 0o644, "")
				b.write("/etc/security/limits.d/50-local.conf", 0, 0o644, "alice hard maxlogins 2\n")
			},
			meanwhile: func(b *box) {
				b.stays(2, "ssh -tt -o BatchMode=yes alice@server sleep 60")
				// Newer pam_limits counts what systemd-logind keeps, and not utmp.
				for _, session := range []string{"1", "2"} {
					b.write("/run/systemd/sessions/"+session, 0, 0o644, "UID=2001\nUSER=alice\nCLASS=user\n")
				}
			},
		},
	}
}

// stays starts a command of the client n times and leaves it running; each has
// logged in when it returns.
func (b *box) stays(n int, line string) {
	for range n {
		before := strings.Count(b.readLog(), "session opened for user")
		go b.asClient("", "", "timeout 20 "+line)
		b.until(func() bool { return strings.Count(b.readLog(), "session opened for user") > before })
	}
	b.log.quiet()
}
