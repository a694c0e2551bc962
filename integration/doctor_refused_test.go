//go:build integration && linux

package integration

import (
	"os"
	"strings"
)

// refusals: a client does not reach sshd.
func refusals() []ailment {
	stopped := func(b *box) { b.sh("systemctl stop ssh") }
	systemd := func(b *box) { b.mkdir("/run/systemd/system", 0, 0o755) }
	mark := func(name, text string) func(*box) {
		return func(b *box) { systemd(b); b.write("/run/stand-in/units/"+name, 0, 0o644, text) }
	}
	nft := func(rules string) func(*box) {
		return func(b *box) { b.write("/etc/nftables.conf", 0, 0o644, rules); b.sh("nft -f /etc/nftables.conf") }
	}
	return []ailment{
		{name: "sshd was stopped", cause: "sshd-stopped", afterStart: stopped},
		{long: true, name: "sshd was killed", cause: "sshd-stopped", afterStart: func(b *box) {
			b.sh("kill -9 $(cat /run/sshd.pid)")
			b.until(func() bool { return b.asRoot("", "pgrep -x sshd").status != 0 })
		}},
		{name: "sshd_config has a keyword that sshd does not know", cause: "sshd-config-invalid", config: "PermitRootLogn no"},
		{name: "sshd_config has an error, and sshd still runs", cause: "sshd-config-invalid", afterStart: func(b *box) { b.appendTo(sshdConfig, "MaxAuthTries six\n") }},
		{
			long: true, name: "an included file has an error", cause: "sshd-config-invalid",
			arrange: func(b *box) {
				b.write("/etc/ssh/sshd_config.d/50-local.conf", 0, 0o644, "X11Forwarding no\nPermitTTTY no\n")
			},
		},
		{name: "sshd_config is missing", cause: "sshd-config-missing", arrange: func(b *box) { b.must(os.Remove(sshdConfig)) }},
		{long: true, name: "there are no host keys", cause: "host-key-missing", arrange: func(b *box) { b.sh("rm /etc/ssh/ssh_host_*") }},
		{name: "the host keys can be read by all", cause: "host-key-permissions", arrange: func(b *box) { b.sh("chmod 644 /etc/ssh/ssh_host_*_key") }},
		{
			long: true, name: "the host key is garbage", cause: "host-key-corrupt", config: "HostKey /etc/ssh/ssh_host_ed25519_key",
			arrange: func(b *box) {
				b.write("/etc/ssh/ssh_host_ed25519_key", 0, 0o600, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
			},
		},
		{
			name: "another program has the port", cause: "port-in-use", config: "AddressFamily inet",
			arrange: func(b *box) {
				b.sh(`perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 22, Listen => 1, ReuseAddr => 1) or die; while ($c = $s->accept) { close $c }' </dev/null >/dev/null 2>&1 &`)
				b.sh(`until ss -Hltn sport = :22 | grep -q .; do sleep 0.02; done`)
			},
		},
		{name: "ListenAddress is of another host", cause: "listen-address-unavailable", config: "ListenAddress 198.51.100.99", take: []string{"put it out of use", "start sshd"}},
		{
			name: "the user of privilege separation is missing", cause: "privsep-user-missing",
			arrange: func(b *box) { b.sh("cp /etc/passwd /etc/passwd-; sed -i /^sshd:/d /etc/passwd /etc/shadow /etc/group") },
		},
		{name: "sshd is not to be run", cause: "sshd-not-to-be-run", start: func(b *box) { b.write("/etc/ssh/sshd_not_to_be_run", 0, 0o644, "") }},
		{name: "sshd is not installed", cause: "sshd-installation-broken", arrange: func(b *box) { b.must(os.Remove("/usr/sbin/sshd")) }, beyond: "it installs a package"},
		{name: "the port was changed, and sshd was not reloaded", cause: "config-not-in-force", afterStart: func(b *box) { b.appendTo(sshdConfig, "Port 2222\n") }, login: byKey("-p 2222")},
		{
			long: true, name: "an included file was changed, and sshd was not reloaded", cause: "config-not-in-force",
			afterStart: func(b *box) { b.write("/etc/ssh/sshd_config.d/50-local.conf", 0, 0o644, "X11Forwarding no\n") },
		},
		{name: "sshd listens on loopback only", cause: "listens-on-loopback-only", config: "ListenAddress 127.0.0.1"},
		{name: "the client has the wrong port", cause: "port-differs", config: "Port 2222", flags: "--port 22", beyond: "the client must name the port", login: byKey("-p 2222")},
		{name: "nftables drop all", cause: "firewall-drops", arrange: nft("table inet filter { chain input { type filter hook input priority 0; policy drop; ct state established,related accept; }; }\n")},
		{long: true, name: "nftables drop all but some ports", cause: "firewall-drops", arrange: nft("table inet filter { set open { type inet_service; elements = { 80, 443 }; }; chain input { type filter hook input priority 0; policy drop; ct state vmap { established : accept, related : accept, invalid : drop }; ip protocol icmp accept; tcp dport @open accept; jump more; }; chain more { udp dport 53 accept; }; }\n")},
		{name: "nftables reject", cause: "firewall-rejects", arrange: nft("table ip local { chain in { type filter hook input priority 10; policy accept; tcp dport { 22, 23 } ct state new reject with icmp type admin-prohibited; }; }\n")},
		{
			name: "nftables let through one network, and the client is of another", cause: "firewall-drops", flags: "--from " + clientAddress,
			arrange: nft("table inet filter { chain input { type filter hook input priority 0; policy drop; ct state established,related accept; ip saddr { 10.0.0.0/8, 127.0.0.0/8, 192.0.2.10 } accept; }; }\n"),
		},
		{name: "iptables drop", cause: "firewall-drops", arrange: func(b *box) {
			b.sh("iptables -A INPUT -p tcp -m multiport --dports 22,23 -m conntrack --ctstate NEW -j DROP")
		}},
		{name: "iptables reject in a chain of its own", cause: "firewall-rejects", arrange: func(b *box) {
			b.sh("iptables -N GUARD; iptables -A GUARD -p tcp --dport 22 -j REJECT; iptables -A INPUT -j GUARD")
		}},
		{
			name: "fail2ban has banned the address", cause: "address-banned", flags: "--from " + clientAddress, beyond: "fail2ban does not run here",
			arrange: nft("table inet f2b-table { set addr-set-sshd { type ipv4_addr; elements = { 203.0.113.7 }; }; chain f2b-chain { type filter hook input priority -1; policy accept; tcp dport 22 ip saddr @addr-set-sshd reject; }; }\n"),
		},
		{name: "an open firewall", arrange: nft("table inet filter { chain input { type filter hook input priority 0; policy drop; ct state established,related accept; iif lo accept; tcp dport 22 accept; reject; }; }\n")},
		{
			name: "hosts.deny refuses the client", cause: "tcp-wrappers-denied", flags: "--from " + clientAddress, take: []string{"permit the address"},
			arrange: func(b *box) { b.write("/etc/hosts.deny", 0, 0o644, "sshd: 203.0.113.\n") },
		},
		{
			long: true, name: "hosts.deny refuses everybody", cause: "tcp-wrappers-denied", fill: map[string]func(*box) string{"<HOST>": text("ALL")}, take: []string{"permit the client"},
			arrange: func(b *box) { b.write("/etc/hosts.deny", 0, 0o644, "ALL: ALL\n") },
		},
		{
			name: "MaxStartups is reached", cause: "max-startups", config: "MaxStartups 2:100:2", afterStart: holds(2), take: []string{"or permit more"},
			login: func(b *box) bool {
				for _, c := range b.held {
					c.Close()
				}
				b.settled()
				return byKey()(b)
			},
		},
		{name: "sshd does not start at boot", cause: "not-started-at-boot", arrange: mark("disabled", "")},
		{name: "sshd's unit is masked", cause: "service-masked", arrange: mark("masked", "")},
		{
			name: "the socket unit has another port", cause: "socket-overrides-port", arrange: mark("ssh.socket", "2200"),
			start: func(b *box) { b.mkdir("/run/sshd", 0, 0o755) }, beyond: "systemd does not run here",
		},
		{
			name: "sshd was started by hand, and its directory can be written by others", cause: "privsep-directory-permissions",
			start: byHand("/usr/sbin/sshd", "mkdir -m 777 /run/sshd; chmod 777 /run/sshd"),
		},
	}
}

// root makes root able to log in with carol's key.
func rootKey(b *box) {
	b.mkdir("/root/.ssh", 0, 0o700)
	b.write("/root/.ssh/authorized_keys", 0, 0o600, b.key()+"\n")
}

// denials: sshd, PAM or the account does not let alice in.
func denials() []ailment {
	pam := func(line string) func(*box) {
		return func(b *box) { b.write("/etc/pam.d/sshd", 0, 0o644, line+"\n"+b.read("/etc/pam.d/sshd")) }
	}
	twice := newPassword + "\n" + newPassword + "\n"
	return []ailment{
		{name: "the user does not exist", cause: "user-unknown", user: "alicia", take: []string{"create it"}, beyond: "an account without keys"},
		{long: true, name: "the account is locked, without PAM", cause: "account-locked", config: "UsePAM no", arrange: func(b *box) { b.sh("usermod -L alice") }},
		{name: "the account has expired", cause: "account-expired", arrange: func(b *box) { b.sh("chage -E 2020-01-01 alice") }, take: []string{"take its end away"}},
		{long: true, name: "the password ran out and was not changed in time", cause: "account-expired", arrange: func(b *box) { b.sh("chage -d 2020-01-01 -M 30 -I 10 alice") }, take: []string{"let the password never expire"}},
		{name: "the password must be changed", cause: "password-expired", arrange: func(b *box) { b.sh("chage -d 0 alice") }, take: []string{"set a new password"}, input: twice},
		{name: "the shell does not exist", cause: "shell-missing", arrange: func(b *box) { b.shell("/usr/local/bin/fish") }},
		{long: true, name: "the shell cannot be executed", cause: "shell-not-executable", arrange: func(b *box) { b.sh("cp /bin/bash /srv/shell && chmod 644 /srv/shell"); b.shell("/srv/shell") }, take: []string{"if the file is the right shell"}},
		{name: "the shell lets nobody in", cause: "shell-nologin", arrange: func(b *box) { b.shell("/usr/sbin/nologin") }, take: []string{"give one"}},
		{name: "AllowUsers does not name the user", cause: "not-in-allow-users", config: "AllowUsers bob carol", take: []string{"permit the user from anywhere"}},
		{long: true, name: "AllowUsers names the user for another address", cause: "not-in-allow-users", config: "AllowUsers alice@198.51.100.*", flags: "--from " + clientAddress, take: []string{"from this address only"}},
		{name: "DenyUsers names the user", cause: "listed-in-deny-users", config: "DenyUsers mallory alice"},
		{name: "AllowGroups names none of the groups", cause: "not-in-allow-groups", config: "AllowGroups root", take: []string{"primary group"}},
		{
			long: true, name: "DenyGroups names a group", cause: "listed-in-deny-groups", config: "DenyGroups contractors",
			arrange: func(b *box) { b.appendTo("/etc/group", "contractors:x:3000:alice\n") }, take: []string{"take the user out"}, fill: map[string]func(*box) string{"<GROUP>": text("contractors")},
		},
		{name: "PermitRootLogin is no", cause: "root-login-refused", user: "root", config: "PermitRootLogin no", arrange: rootKey, take: []string{"from anywhere"}, login: keyAs("root")},
		{
			name: "root comes with a password, and may not", cause: "root-login-refused", user: "root", config: "PermitRootLogin prohibit-password", flags: "--method password", arrange: rootKey,
			beyond: "the remedy is to come with a key",
		},
		{
			name: "a Match block takes back what is permitted", cause: "listed-in-deny-users", flags: "--from " + clientAddress,
			config: "AllowUsers alice\nMatch Address 203.0.113.0/24\n    DenyUsers alice",
		},
		{name: "a nologin file", cause: "nologin-file", arrange: func(b *box) { b.write("/run/nologin", 0, 0o644, "maintenance\n") }},
		{long: true, name: "a nologin file, without PAM", cause: "nologin-file", config: "UsePAM no", arrange: func(b *box) { b.write("/etc/nologin", 0, 0o644, "maintenance\n") }},
		{
			name: "access.conf refuses the user", cause: "pam-access-denied", flags: "--from " + clientAddress,
			arrange: func(b *box) {
				pam("account required pam_access.so")(b)
				b.appendTo("/etc/security/access.conf", "- : alice : ALL\n")
			},
		},
		{
			long: true, name: "a list of pam_listfile names the user", cause: "pam-listfile-denied",
			arrange: func(b *box) {
				pam("account required pam_listfile.so item=user sense=deny file=/etc/ssh/denied onerr=succeed")(b)
				b.write("/etc/ssh/denied", 0, 0o644, "mallory\nalice\n")
			},
			take: []string{"see which file", "sense=deny"}, fill: map[string]func(*box) string{"<LIST FILE>": text("/etc/ssh/denied")},
		},
		{
			name: "PAM demands a group", cause: "pam-requirement-not-met", arrange: pam("account required pam_succeed_if.so quiet user ingroup users"),
			take: []string{"see the requirement", "add the user"}, fill: map[string]func(*box) string{"<GROUP>": text("users")},
		},
		{name: "a PAM module is missing", cause: "pam-broken", arrange: pam("auth required pam_oath.so"), take: []string{"stay logged in", "take its lines out"}, login: byPassword(alicePassword)},
		{
			long: true, name: "the shell is not in /etc/shells", cause: "shell-not-listed", login: byPassword(alicePassword), take: []string{"list it"},
			arrange: func(b *box) {
				b.sh("cp /bin/bash /srv/shell")
				b.shell("/srv/shell")
				pam("auth required pam_shells.so")(b)
			},
		},
		{
			name: "pam_faillock has locked the user out", cause: "pam-locked-out", login: byPassword(alicePassword), take: []string{"see where", "end the lock"},
			arrange: func(b *box) {
				b.must(os.WriteFile("/etc/pam.d/common-auth", []byte("auth required pam_faillock.so preauth deny=2\nauth [success=1 default=ignore] pam_unix.so nodelay\nauth [default=die] pam_faillock.so authfail deny=2\nauth sufficient pam_faillock.so authsucc deny=2\nauth required pam_permit.so\n"), 0o644))
			},
			afterStart: func(b *box) {
				for range 2 {
					byPassword(wrongPassword)(b)
				}
			},
		},
		{name: "passwords are off, and the client has none but one", cause: "password-auth-disabled", config: "PasswordAuthentication no", flags: "--method password", take: []string{"or permit passwords"}, login: byPassword(alicePassword)},
		{name: "keys are off", cause: "pubkey-auth-disabled", config: "PubkeyAuthentication no"},
		{long: true, name: "keyboard-interactive is off", cause: "kbdint-auth-disabled", flags: "--method keyboard-interactive", login: byPassword(alicePassword, "-o PreferredAuthentications=keyboard-interactive")},
		{name: "AuthenticationMethods begins with the password", cause: "method-not-permitted", config: "AuthenticationMethods password", take: []string{"or permit any"}},
		{name: "AuthenticationMethods asks for what is off", cause: "auth-methods-unsatisfiable", config: "AuthenticationMethods publickey,keyboard-interactive\nMatch User alice\n    KbdInteractiveAuthentication no", beyond: "the sentence is what counts"},
		{name: "the password is locked", cause: "password-locked", arrange: func(b *box) { b.sh("usermod -L alice") }, take: []string{"unlock the password"}, login: byPassword(alicePassword)},
		{name: "no password was ever set", cause: "password-not-set", flags: "--method password", arrange: func(b *box) { b.sh("usermod -p '*' alice") }, take: []string{"or set a password"}, input: twice, login: byPassword(newPassword)},
		{name: "the password is empty", cause: "empty-password", arrange: func(b *box) { b.sh("usermod -p '' alice") }, take: []string{"give the account a password"}, input: twice, login: byPassword(newPassword)},
	}
}

// keyAilments: sshd does not accept alice's keys.
func keyAilments() []ailment {
	const modes, failed = "bad-ownership-or-modes", "authorized-keys-command-failed"
	register := []string{"add the public key"}
	options := func(o string) func(*box) {
		return func(b *box) { b.authorize(o + " " + b.key()) }
	}
	carols := "--key " + carolHome + "/.ssh/id_ed25519.pub"
	withRSA := func(b *box) {
		b.give("id_rsa")
		b.authorize(b.read(carolHome + "/.ssh/id_rsa.pub"))
	}
	rsa := byKey("-i", carolHome+"/.ssh/id_rsa", "-o IdentitiesOnly=yes")
	command := "AuthorizedKeysCommand /srv/keys/find %u\nAuthorizedKeysCommandUser nobody\nAuthorizedKeysFile none"
	program := func(b *box) {
		b.mkdir("/srv/keys", 0, 0o755)
		b.write("/srv/keys/find", 0, 0o755, "#!/bin/sh\necho '"+b.key()+"'\n")
	}
	return []ailment{
		{name: "home can be written by others", cause: modes, arrange: func(b *box) { b.must(os.Chmod(aliceHome, 0o777)) }},
		{long: true, name: ".ssh can be written by others", cause: modes, arrange: func(b *box) { b.must(os.Chmod(aliceHome+"/.ssh", 0o777)) }},
		{name: "authorized_keys can be written by others", cause: modes, arrange: func(b *box) { b.must(os.Chmod(aliceKeys, 0o666)) }},
		{name: "authorized_keys can be written by a group of others", cause: modes, arrange: func(b *box) { b.sh("chgrp users " + aliceKeys + " && chmod 664 " + aliceKeys) }},
		{name: "authorized_keys can be written by the user's own group", arrange: func(b *box) { b.must(os.Chmod(aliceKeys, 0o664)) }},
		{name: "home belongs to another", cause: modes, arrange: func(b *box) { b.must(os.Chown(aliceHome, bobID, bobID)) }},
		{long: true, name: "authorized_keys belongs to another", cause: modes, arrange: func(b *box) { b.sh("chmod 644 " + aliceKeys + "; chown bob " + aliceKeys) }},
		{name: "authorized_keys belongs to root alone", cause: "authorized-keys-unreadable", arrange: func(b *box) { b.must(os.Chown(aliceKeys, 0, 0)) }},
		{long: true, name: ".ssh belongs to root alone", cause: "authorized-keys-unreadable", arrange: func(b *box) { b.sh("chown -R root: " + aliceHome + "/.ssh") }},
		{long: true, name: "authorized_keys is a directory", cause: "authorized-keys-not-regular-file", arrange: func(b *box) { b.sh("rm " + aliceKeys + " && mkdir " + aliceKeys) }},
		{name: "authorized_keys is a FIFO", cause: "authorized-keys-not-regular-file", arrange: func(b *box) { b.sh("rm " + aliceKeys + " && mkfifo " + aliceKeys + " && chown alice " + aliceKeys) }},
		{name: "authorized_keys is a link to a file of root's", cause: "authorized-keys-unreadable", arrange: func(b *box) { b.sh("rm " + aliceKeys + " && ln -s /etc/shadow " + aliceKeys) }, beyond: "the remedy would change the link"},
		{name: "the key is not in the file", cause: "key-not-authorized", flags: carols, arrange: func(b *box) { b.authorize(b.read("/mnt/box/id_rsa.pub")) }, take: register},
		{long: true, name: "the key is bob's", cause: "key-not-authorized", flags: carols, take: register, arrange: func(b *box) {
			b.authorize(b.read("/mnt/box/id_rsa.pub"))
			b.write(bobHome+"/.ssh/authorized_keys", bobID, 0o600, b.key()+"\n")
		}},
		{name: "authorized_keys is missing", cause: "authorized-keys-missing", arrange: func(b *box) { b.must(os.Remove(aliceKeys)) }, take: []string{"create authorized_keys"}},
		{name: "authorized_keys is empty", cause: "authorized-keys-empty", arrange: func(b *box) { b.authorize("# nothing") }},
		{
			name: "the key is broken in two", cause: "authorized-keys-malformed", arrange: func(b *box) { b.authorize(b.key()[:50] + "\n" + b.key()[50:]) },
			take: []string{"find the broken", "add the key anew"}, afterwards: func(b *box) { b.sh("sed -i 1,2d " + aliceKeys) },
		},
		{
			name: "an option is misspelt", cause: "authorized-keys-bad-option", arrange: func(b *box) { b.authorize("no-prty " + b.key()) },
			afterwards: func(b *box) { b.sh("sed -i 1d " + aliceKeys) },
		},
		{long: true, name: "an option lacks its quote", cause: "authorized-keys-bad-option", arrange: func(b *box) { b.authorize(`command="date ` + b.key()) }, afterwards: func(b *box) { b.sh("sed -i 1d " + aliceKeys) }},
		{name: "AuthorizedKeysFile points elsewhere", cause: "authorized-keys-location", config: "AuthorizedKeysFile /etc/ssh/keys/%u"},
		{long: true, name: "AuthorizedKeysFile is none", cause: "authorized-keys-location", config: "AuthorizedKeysFile none"},
		{name: "the home directory is missing", cause: "home-missing", arrange: func(b *box) { b.must(os.RemoveAll(aliceHome)) }, take: []string{"create the home", "add the user's public key"}},
		{name: "from= does not permit the address", cause: "key-source-not-permitted", flags: "--from " + clientAddress, arrange: options(`from="198.51.100.0/24"`), take: []string{"or add the client's address"}},
		{name: "expiry-time has passed", cause: "key-entry-expired", arrange: options(`expiry-time="20200101"`), take: []string{"give the key more time"}},
		{name: "the line is marked cert-authority", cause: "key-line-is-ca", arrange: options("cert-authority"), take: []string{"add it without cert-authority"}},
		{long: true, name: "the line has principals", cause: "key-line-principals", arrange: options(`principals="alice"`), take: []string{"take principals= away"}},
		{name: "the algorithm is not accepted", cause: "key-algorithm-refused", config: "PubkeyAcceptedAlgorithms ssh-ed25519", arrange: withRSA, take: []string{"accept the algorithm"}, login: rsa},
		{name: "the key has too few bits", cause: "key-too-small", config: "RequiredRSASize 4096", arrange: withRSA, take: []string{"accept smaller ones"}, login: rsa},
		{
			name: "the key is revoked", cause: "key-revoked", config: "RevokedKeys /etc/ssh/revoked_keys", take: []string{"by mistake"},
			arrange: func(b *box) { b.write("/etc/ssh/revoked_keys", 0, 0o644, b.read("/mnt/box/id_rsa.pub")+b.key()+"\n") },
		},
		{
			long: true, name: "the key is revoked in a KRL", cause: "key-revoked", config: "RevokedKeys /etc/ssh/revoked_keys", beyond: "a KRL must be made anew",
			arrange: func(b *box) { b.sh("ssh-keygen -q -k -f /etc/ssh/revoked_keys " + carolHome + "/.ssh/id_ed25519.pub") },
		},
		{name: "the list of revoked keys is missing", cause: "revoked-keys-unreadable", config: "RevokedKeys /etc/ssh/revoked_keys", take: []string{"if no list exists"}},
		{name: "AuthorizedKeysCommand can be written by others", cause: failed, config: command, arrange: func(b *box) { program(b); b.sh("chmod 777 /srv/keys/find") }, take: []string{"give the program"}},
		{name: "AuthorizedKeysCommand is missing", cause: failed, config: command, take: []string{"run the command"}, afterwards: program},
		{long: true, name: "AuthorizedKeysCommandUser does not exist", cause: failed, config: strings.Replace(command, "nobody", "sshkeys", 1), arrange: program, take: []string{"name an account"}},
		{
			name: "AuthorizedKeysCommand returns nothing", cause: "authorized-keys-command-empty", config: command, flags: "--run-commands",
			arrange: func(b *box) { program(b); b.write("/srv/keys/find", 0, 0o755, "#!/bin/sh\nexit 0\n") }, take: []string{"see what the command returns"}, afterwards: program,
		},
		{
			long: true, name: "AuthorizedKeysCommand fails", cause: failed, config: command, flags: "--run-commands",
			arrange: func(b *box) { program(b); b.write("/srv/keys/find", 0, 0o755, "#!/bin/sh\nexit 3\n") }, take: []string{"run the command"}, afterwards: program,
		},
		{
			name: "the certificate has expired", cause: "cert-expired", config: "TrustedUserCAKeys /etc/ssh/ca.pub", flags: "--key " + carolHome + "/.ssh/id_ed25519-cert.pub",
			arrange: certificateFor("-n alice -V 20200101:20200102"), fill: map[string]func(*box) string{"<PUBLIC KEY FILE>": text("/srv/ca/id_ed25519.pub")},
		},
		{
			long: true, name: "the certificate lists another user", cause: "cert-wrong-principal", config: "TrustedUserCAKeys /etc/ssh/ca.pub", flags: "--key " + carolHome + "/.ssh/id_ed25519-cert.pub",
			arrange: certificateFor("-n bob -V -5m:+1d"), fill: map[string]func(*box) string{"<PUBLIC KEY FILE>": text("/srv/ca/id_ed25519.pub")}, take: []string{"sign the key", "put the new"},
		},
		{
			name: "the principals file is missing", cause: "principals-file", config: "TrustedUserCAKeys /etc/ssh/ca.pub\nAuthorizedPrincipalsFile /etc/ssh/principals/%u",
			arrange: func(b *box) { certificateFor("-n alice -V -5m:+1d")(b); b.mkdir("/etc/ssh/principals", 0, 0o755) },
			fill:    map[string]func(*box) string{"<PRINCIPALS FILE>": text("/etc/ssh/principals/alice")},
		},
	}
}

// certificateFor has a CA that sshd trusts sign carol's key with these words
// for ssh-keygen; no key of hers is registered.
func certificateFor(words string) func(*box) {
	return func(b *box) {
		b.makeCA()
		b.sh("cp /srv/ca/ca.pub /etc/ssh/ca.pub")
		b.sh("ssh-keygen -q -s /srv/ca/ca -I carol-2026 " + words + " /srv/ca/id_ed25519.pub")
		b.sh("install -o carol -m 644 /srv/ca/id_ed25519-cert.pub " + carolHome + "/.ssh/id_ed25519-cert.pub")
	}
}
