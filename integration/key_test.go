//go:build integration && linux

package integration

import (
	"os"
	"strings"
)

// keyScenarios: sshd finds the key and does not take it.
func keyScenarios() []scenario {
	withRSA := func(b *box) {
		b.give("id_rsa")
		b.authorize(b.read(carolHome + "/.ssh/id_rsa.pub"))
	}
	rsa := byKey("-i", carolHome+"/.ssh/id_rsa", "-o IdentitiesOnly=yes")
	withNew := byKey("-i", carolHome+"/.ssh/id_new", "-o IdentitiesOnly=yes")
	options := func(o string) func(*box) {
		return func(b *box) { b.authorize(o + " " + b.key()) }
	}
	// Since 9.6 sshd tells the client the list of the user, and ssh does not
	// offer a key that is not in it (kex_server_update_ext_info).
	algorithmUntold := []view{{in: span{since: release{9, 6}}, code: "undetermined", confidence: "undetermined", cause: "key-algorithm-refused"}}
	return []scenario{
		{
			name: "from= does not permit the address, and gets it", code: "key-source-not-permitted", confidence: "certain",
			arrange: options(`from="198.51.100.0/24"`), take: []string{"or add the client's address"},
		},
		{
			name: "from= does not permit the address, and the client comes from another", code: "key-source-not-permitted", confidence: "certain",
			arrange: func(b *box) {
				options(`from="` + serverAddress + `"`)(b)
				b.write(bobHome+"/.ssh/authorized_keys", bobID, 0o600, b.key()+"\n")
			},
			take: []string{"connect from a permitted"}, fill: map[string]func(*box) string{"<JUMP HOST>": text("bob@server")}, again: byKey("-J bob@server"),
		},
		{
			name: "expiry-time has passed", code: "undetermined", confidence: "undetermined", cause: "key-entry-expired",
			arrange: options(`expiry-time="20200101"`), take: []string{"give the key more time"},
			fill: map[string]func(*box) string{"<LINE>": text("1"), "<PATH>": text(aliceKeys)},
		},
		{
			name: "the line is marked cert-authority", code: "undetermined", confidence: "undetermined", cause: "key-line-is-ca",
			arrange: options("cert-authority"), take: []string{"add it without cert-authority"},
		},
		{
			name: "PubkeyAcceptedAlgorithms leaves the algorithm out, and gets it", code: "key-algorithm-refused", confidence: "certain", views: algorithmUntold,
			config: "PubkeyAcceptedAlgorithms ssh-ed25519", arrange: withRSA, login: rsa, take: []string{"accept the algorithm"},
			fill: map[string]func(*box) string{"<KEYTYPE>": text("rsa-sha2-512")},
		},
		{
			name: "PubkeyAcceptedAlgorithms leaves the algorithm out, and a new key is made", code: "key-algorithm-refused", confidence: "certain", views: algorithmUntold,
			config: "PubkeyAcceptedAlgorithms ssh-ed25519", arrange: withRSA, login: rsa, take: []string{"make a key of a type"}, again: withNew,
			afterwards: func(b *box) { b.authorize(b.read(carolHome + "/.ssh/id_new.pub")) }, // "and have it registered"
		},
		{
			name: "RequiredRSASize is greater, and a new key is made", in: span{since: release{9, 1}}, code: "key-too-small", confidence: "certain",
			config: "RequiredRSASize 4096", arrange: withRSA, login: rsa, take: []string{"make a new key", "register the new key"}, again: withNew,
		},
		{
			name: "RequiredRSASize is greater, and is lowered", in: span{since: release{9, 1}}, code: "key-too-small", confidence: "certain",
			config: "RequiredRSASize 4096", arrange: withRSA, login: rsa, take: []string{"accept smaller ones"},
		},
		{
			name: "the key is revoked, and a new one is made", code: "key-revoked", confidence: "certain",
			config: "RevokedKeys /etc/ssh/revoked_keys", arrange: func(b *box) { b.write("/etc/ssh/revoked_keys", 0, 0o644, b.key()+"\n") },
			take: []string{"make a new key", "register the new"}, again: withNew,
		},
		{
			name: "the key was revoked by mistake", code: "key-revoked", confidence: "certain",
			config: "RevokedKeys /etc/ssh/revoked_keys",
			arrange: func(b *box) {
				b.write("/etc/ssh/revoked_keys", 0, 0o644, b.read("/mnt/box/id_rsa.pub")+b.key()+"\n")
			},
			take: []string{"by mistake"},
		},
		{
			name: "the list of revoked keys is missing, and is put back", code: "revoked-keys-unreadable", confidence: "certain",
			config: "RevokedKeys /etc/ssh/revoked_keys", arrange: func(b *box) { b.write("/srv/backup/revoked_keys", 0, 0o600, b.read("/mnt/box/id_rsa.pub")) },
		},
		{
			name: "the list of revoked keys is missing, and there is none", code: "revoked-keys-unreadable", confidence: "certain",
			config: "RevokedKeys /etc/ssh/revoked_keys", take: []string{"if no list exists"},
		},
	}
}

// keysFileScenarios: sshd does not find the key, or does not trust where it
// stands. At INFO it does not say that a key was refused.
func keysFileScenarios() []scenario {
	const modes, unreadable, none = "bad-ownership-or-modes", "authorized-keys-unreadable", "undetermined"
	register := []string{"add the public key"}
	keysPath := map[string]func(*box) string{"<PATH>": text(aliceKeys)}
	// Before 9.1 sshd says at DEBUG1 alone that it may not read the file.
	unreadableUntold := func(in span) view { return view{in: in, code: none, confidence: none, cause: unreadable} }
	return []scenario{
		{
			name: "home can be written by others", code: modes, confidence: "certain",
			arrange: func(b *box) { b.must(os.Chmod(aliceHome, 0o777)) },
		},
		{
			name: ".ssh can be written by others", code: modes, confidence: "certain",
			arrange: func(b *box) { b.must(os.Chmod(aliceHome+"/.ssh", 0o777)) },
		},
		{
			name: "authorized_keys can be written by others", code: modes, confidence: "certain",
			arrange: func(b *box) { b.must(os.Chmod(aliceKeys, 0o666)) },
		},
		{
			name: "authorized_keys can be written by a group of others", code: modes, confidence: "certain", level: "VERBOSE",
			arrange: func(b *box) { b.sh("chgrp users " + aliceKeys + " && chmod 664 " + aliceKeys) },
		},
		{
			name: "home belongs to another", code: modes, confidence: "certain",
			arrange: func(b *box) { b.must(os.Chown(aliceHome, bobID, bobID)) },
		},
		{
			name: ".ssh belongs to another", code: modes, confidence: "certain",
			arrange: func(b *box) { b.sh("chmod 755 " + aliceHome + "/.ssh; chown bob " + aliceHome + "/.ssh") },
		},
		{
			name: "authorized_keys belongs to another", code: modes, confidence: "certain",
			arrange: func(b *box) { b.sh("chmod 644 " + aliceKeys + "; chown bob " + aliceKeys) },
		},
		{
			name: "authorized_keys belongs to root alone", code: unreadable, confidence: "certain", views: []view{unreadableUntold(span{until: release{9, 0}})},
			arrange: func(b *box) { b.must(os.Chown(aliceKeys, 0, 0)) }, fill: keysPath,
		},
		{
			name: ".ssh belongs to root alone", code: unreadable, confidence: "certain",
			// Since 10.0 sshd looks with glob for the file, and finds none.
			views:   []view{unreadableUntold(span{until: release{9, 0}}), unreadableUntold(span{since: release{10, 0}})},
			arrange: func(b *box) { b.sh("chown -R root: " + aliceHome + "/.ssh") }, fill: keysPath,
		},
		{
			name: "authorized_keys is a directory", code: "authorized-keys-not-regular-file", confidence: "certain",
			arrange: func(b *box) { b.sh("rm " + aliceKeys + " && mkdir " + aliceKeys) },
		},
		{
			name: "the key is not in the file", code: none, confidence: none, cause: "key-not-authorized",
			arrange: func(b *box) { b.authorize(b.read("/mnt/box/id_rsa.pub")) }, take: register,
		},
		{
			name: "the key is not in the file, at VERBOSE", code: none, confidence: none, cause: "key-not-authorized", level: "VERBOSE",
			arrange: func(b *box) { b.authorize(b.read("/mnt/box/id_rsa.pub")) }, take: register,
		},
		{
			name: "the key is not in the file, and ssh-copy-id adds it", code: none, confidence: none, cause: "key-not-authorized",
			arrange: func(b *box) { b.authorize(b.read("/mnt/box/id_rsa.pub")) }, take: []string{"ssh-copy-id"}, password: alicePassword,
		},
		{
			name: "another key is in the file", code: none, confidence: none, cause: "key-not-authorized",
			arrange: func(b *box) { b.give("id_rsa"); b.authorize(b.read("/mnt/box/id_rsa.pub")) },
			login:   byKey("-i ~/.ssh/id_ed25519 -o IdentitiesOnly=yes"), take: []string{"offer that one"},
			fill: map[string]func(*box) string{"<KEY FILE>": text(carolHome + "/.ssh/id_rsa")}, again: byKey("-i ~/.ssh/id_rsa -o IdentitiesOnly=yes"),
		},
		{
			name: "authorized_keys is missing", code: none, confidence: none, cause: "authorized-keys-missing",
			arrange: func(b *box) { b.must(os.Remove(aliceKeys)) }, take: []string{"create authorized_keys"},
		},
		{
			name: ".ssh is missing, at DEBUG1", code: "authorized-keys-missing", confidence: "likely", level: "DEBUG1",
			views:   []view{{in: span{since: release{10, 0}}, code: none, confidence: none, cause: "authorized-keys-missing"}}, // of what glob does not find sshd says nothing
			arrange: func(b *box) { b.must(os.RemoveAll(aliceHome + "/.ssh")) }, take: []string{"create authorized_keys"},
		},
		{
			name: "authorized_keys is empty", code: none, confidence: none, cause: "authorized-keys-empty",
			arrange: func(b *box) { b.authorize("") },
		},
		{
			name: "the key is broken in two", code: none, confidence: none, cause: "authorized-keys-malformed",
			arrange: func(b *box) { b.authorize(b.key()[:50] + "\n" + b.key()[50:]) }, take: []string{"find the broken", "add the key anew"},
		},
		{
			name: "an option is misspelt", code: none, confidence: none, cause: "authorized-keys-bad-option",
			arrange: func(b *box) { b.authorize("no-prty " + b.key()) },
		},
		{
			name: "an option is misspelt, at DEBUG1", code: "authorized-keys-bad-option", confidence: "certain", level: "DEBUG1",
			arrange: func(b *box) { b.authorize("# carol's\nno-prty " + b.key()) },
		},
		{
			name: "an option lacks its quote", code: "authorized-keys-bad-option", confidence: "certain",
			arrange: func(b *box) { b.authorize(`command="date ` + b.key()) },
		},
		{
			name: "AuthorizedKeysFile points elsewhere", code: none, confidence: none, cause: "authorized-keys-location",
			config: "AuthorizedKeysFile /etc/ssh/keys/%u",
		},
		{
			name: "AuthorizedKeysFile is none", code: none, confidence: none, cause: "authorized-keys-location", level: "VERBOSE",
			config: "AuthorizedKeysFile none",
		},
		{
			name: "the home directory is missing", code: none, confidence: none, cause: "home-missing",
			arrange: func(b *box) { b.must(os.RemoveAll(aliceHome)) }, take: []string{"create the home", "add the user's public key"},
		},
	}
}

// keysCommandScenarios: the program that AuthorizedKeysCommand names.
func keysCommandScenarios() []scenario {
	const failed, config = "authorized-keys-command-failed", "AuthorizedKeysCommand /srv/keys/find %u\nAuthorizedKeysCommandUser nobody\nAuthorizedKeysFile none"
	// program puts the command there, as it should be.
	program := func(b *box) {
		b.mkdir("/srv/keys", 0, 0o755)
		b.write("/srv/keys/find", 0, 0o755, "#!/bin/sh\necho '"+b.key()+"'\n")
	}
	return []scenario{
		{
			name: "AuthorizedKeysCommand can be written by others", code: failed, confidence: "certain", config: config,
			arrange: func(b *box) { program(b); b.sh("chmod 777 /srv/keys/find") }, take: []string{"run the command", "give the program"},
		},
		{
			name: "AuthorizedKeysCommand belongs to another", code: failed, confidence: "certain", config: config,
			arrange: func(b *box) { program(b); b.sh("chown bob /srv/keys/find") }, take: []string{"give the program"},
		},
		{
			name: "AuthorizedKeysCommand cannot be executed", code: failed, confidence: "certain", config: config,
			arrange: func(b *box) { program(b); b.sh("chmod 644 /srv/keys/find") }, take: []string{"give the program"},
		},
		{
			name: "AuthorizedKeysCommand stands in a directory of others", code: failed, confidence: "certain", config: config,
			arrange: func(b *box) { program(b); b.sh("chmod 777 /srv/keys") }, take: []string{"give the program", "give what sshd names"},
		},
		{
			name: "AuthorizedKeysCommand is missing", code: failed, confidence: "certain", config: config,
			take: []string{"run the command"}, afterwards: program, // "repair what it reports"
		},
		{
			name: "AuthorizedKeysCommand fails", code: failed, confidence: "certain", config: config,
			arrange: func(b *box) {
				program(b)
				b.write("/srv/keys/find", 0, 0o755, "#!/bin/sh\necho 'no route to ldap' >&2\nexit 3\n")
			},
			take: []string{"run the command"}, afterwards: program,
		},
		{
			name: "AuthorizedKeysCommandUser does not exist", code: failed, confidence: "certain", take: []string{"name an account"},
			config: strings.Replace(config, "nobody", "sshkeys", 1), arrange: program,
		},
		{
			name: "AuthorizedKeysCommand lacks its user", code: failed, outcome: "startup-failed", confidence: "certain", also: []string{"sshd-config-invalid"},
			config: "AuthorizedKeysCommand /srv/keys/find %u", arrange: program, take: []string{"name an account", "start sshd"},
		},
		{
			name: "AuthorizedKeysCommand returns nothing", code: "undetermined", confidence: "undetermined", cause: "authorized-keys-command-empty",
			config: config, arrange: func(b *box) { program(b); b.write("/srv/keys/find", 0, 0o755, "#!/bin/sh\nexit 0\n") },
			take: []string{"see what the command returns"}, afterwards: program, // "add the public key to the user's entry"
		},
	}
}
