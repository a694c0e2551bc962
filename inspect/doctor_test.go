package inspect

import (
	"context"
	"io/fs"
	"net/netip"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

// saysWhyNotStarted stands for the classifier.
func saysWhyNotStarted(lines []string) []Verdict {
	for _, l := range lines {
		cause := ""
		switch {
		case strings.Contains(l, "Bad configuration option"):
			cause = "sshd-config-invalid"
		case strings.Contains(l, "are too open"):
			cause = hostKeyModes
		default:
			continue
		}
		return []Verdict{{Cause: cause, Certain: true, Outcome: sshwhy.OutcomeStartupFailed}}
	}
	return nil
}

func examined(h *Host, q Question) *Report {
	d := Doctor{Host: h, Classify: saysWhyNotStarted}
	return d.Examine(context.Background(), q)
}

func causesOf(r *Report) string {
	var list []string
	for _, c := range r.Checks {
		if c.Mark == Bad {
			list = append(list, c.Cause)
		}
	}
	return strings.Join(list, " ")
}

// TestExamine describes hosts with one thing wrong.
func TestExamine(t *testing.T) {
	set := func(name string, n node) func(tree, programs) {
		return func(f tree, _ programs) { f[name] = n }
	}
	without := func(names ...string) func(tree, programs) {
		return func(f tree, _ programs) {
			for _, n := range names {
				for other := range f {
					if other == n || strings.HasPrefix(other, n+"/") {
						delete(f, other)
					}
				}
			}
		}
	}
	configured := func(from, to string) func(tree, programs) {
		return func(_ tree, p programs) {
			text := strings.Replace(inForceText, from, to, 1)
			p["sshd -T"], p["sshd -T -C *"] = text, text
		}
	}
	// newer is a host with 10.6.
	newer := func(from, to string) func(tree, programs) {
		return func(_ tree, p programs) {
			text := strings.Replace(newerText, from, to, 1)
			p["sshd -T"], p["sshd -T -C *"] = text, text
		}
	}
	keys := func(text string) func(tree, programs) {
		return set("/home/alice/.ssh/authorized_keys", file(1000, 0o600, text))
	}
	client := netip.MustParseAddr("203.0.113.7")
	for _, test := range []struct {
		name   string
		change func(tree, programs)
		q      Question
		want   string
	}{
		{name: "nothing"},
		{name: "nothing, for a client", q: Question{From: client, Key: aPrint}},
		{name: "no sshd", change: without("/proc/77", "/proc/net/tcp", "/proc/net/tcp6"), want: "sshd-stopped"},
		{name: "an invalid configuration", change: func(_ tree, p programs) {
			p["sshd -T"] = "!/etc/ssh/sshd_config: line 3: Bad configuration option: Prot"
		}, want: "sshd-config-invalid"},
		{name: "an invalid configuration, and no sshd", change: func(f tree, p programs) {
			without("/proc/77")(f, p)
			p["sshd -T"] = "!/etc/ssh/sshd_config: line 3: Bad configuration option: Prot"
		}, want: "sshd-config-invalid"},
		{name: "a configuration newer than the process", change: set("/etc/ssh/sshd_config", node{mode: 0o644, changed: noon}), want: "config-not-in-force"},
		{name: "an included file newer than the process", change: set("/etc/ssh/sshd_config.d/x.conf", node{mode: 0o644, changed: noon}), want: "config-not-in-force"},
		{name: "a host key for all", change: set("/etc/ssh/ssh_host_ed25519_key", file(0, 0o644, "")), want: "host-key-permissions"},
		{name: "a host key for all, and no sshd, which prints the configuration without the keys", change: func(f tree, p programs) {
			without("/proc/77")(f, p)
			f["/etc/ssh/ssh_host_ed25519_key"] = file(0, 0o644, "")
			p["sshd -T"] = "!Permissions 0644 for '/etc/ssh/ssh_host_ed25519_key' are too open.\nsshd: no hostkeys available -- exiting."
			p["sshd -G"] = inForceText
		}, want: "host-key-permissions"},
		{name: "nothing, as 10.6 spells it", change: newer("", ""), q: Question{From: client, Key: aPrint}},
		{name: "true, as 10.6 spells it", change: func(f tree, p programs) {
			newer("StrictModes yes", "StrictModes true")(f, p)
			f["/home/alice"] = folder(1000, 0o777)
		}, want: "bad-ownership-or-modes"},
		{name: "a list without the user, as 10.6 spells it", change: newer("Port 22", "AllowUsers bob"), want: "not-in-allow-users"},
		{name: "no keys, as 10.6 spells it", change: newer("PubkeyAuthentication yes", "PubkeyAuthentication no"), want: "pubkey-auth-disabled"},
		{name: "a connection that is refused", change: newer("RefuseConnection no", "RefuseConnection yes"), want: "refuse-connection"},
		{name: "another PAM service", change: func(f tree, p programs) {
			newer("PAMServiceName sshd", "PAMServiceName Door")(f, p)
			f["/etc/pam.d/sshd"] = file(0, 0o644, "auth required pam_oath.so\n")
			f["/etc/pam.d/door"] = file(0, 0o644, "auth required pam_unix.so\naccount required pam_access.so\n")
			f["/etc/security/access.conf"] = file(0, 0o644, "- : alice : ALL\n")
		}, want: "pam-access-denied"},
		{name: "a newer key", change: func(f tree, p programs) {
			newer("", "")(f, p)
			keys(newerKeyLine())(f, p)
		}},
		{name: "a newer key with options", change: func(f tree, p programs) {
			newer("", "")(f, p)
			keys("no-pty "+newerKeyLine())(f, p)
		}},
		{name: "a newer key that is cut", change: func(f tree, p programs) {
			newer("", "")(f, p)
			keys(newerKeyLine()[:400])(f, p)
		}, want: causeMalformed},
		{name: "a newer key, and an older sshd", change: keys(newerKeyLine()), want: "key-algorithm-refused"},
		{name: "two files of revoked keys", change: func(f tree, p programs) {
			newer("LogLevel INFO", "RevokedKeys /etc/ssh/revoked /etc/ssh/more")(f, p)
			f["/etc/ssh/revoked"], f["/etc/ssh/more"] = file(0, 0o644, "# none\n"), file(0, 0o644, aKey)
		}, want: "key-revoked"},
		{name: "two files of revoked keys, and one is missing", change: func(f tree, p programs) {
			newer("LogLevel INFO", "RevokedKeys /etc/ssh/revoked /etc/ssh/more")(f, p)
			f["/etc/ssh/revoked"] = file(0, 0o644, "")
		}, want: "revoked-keys-unreadable"},
		{name: "a file of revoked keys with a blank in its name", change: func(f tree, p programs) {
			configured("revokedkeys none", "revokedkeys /etc/ssh/revoked keys")(f, p)
			f["/etc/ssh/revoked keys"] = file(0, 0o644, aKey)
		}, want: "key-revoked"},
		{name: "files of keys by a pattern", change: func(f tree, p programs) {
			newer(".ssh/authorized_keys .ssh/authorized_keys2", "/etc/ssh/keys/%u/*.pub")(f, p)
			f["/etc/ssh/keys/alice/a.pub"], f["/etc/ssh/keys/alice/b.pub"] = file(0, 0o644, "# none\n"), file(0, 0o644, aKey)
		}},
		{name: "files of keys by a pattern that none has", change: func(f tree, p programs) {
			newer(".ssh/authorized_keys .ssh/authorized_keys2", ".ssh/*.d/keys")(f, p)
			delete(f, "/home/alice/.ssh/authorized_keys")
		}, want: "authorized-keys-missing"},
		{name: "files of keys by a pattern, and an older sshd", change: func(f tree, p programs) {
			configured(".ssh/authorized_keys .ssh/authorized_keys2", "/etc/ssh/keys/%u/*.pub")(f, p)
			f["/etc/ssh/keys/alice/a.pub"] = file(0, 0o644, aKey)
		}, want: "authorized-keys-location"},
		{name: "files of principals by a pattern", change: func(f tree, p programs) {
			newer("TrustedUserCAKeys none", "TrustedUserCAKeys /etc/ssh/ca.pub\nAuthorizedPrincipalsFile /etc/ssh/principals/%u/*")(f, p)
			f["/etc/ssh/ca.pub"], f["/etc/ssh/principals/alice/a"] = file(0, 0o644, aKey), file(0, 0o644, "alice\n")
		}},
		{name: "files of principals by a pattern that none has", change: func(f tree, p programs) {
			newer("TrustedUserCAKeys none", "TrustedUserCAKeys /etc/ssh/ca.pub\nAuthorizedPrincipalsFile /etc/ssh/principals/%u/*")(f, p)
			f["/etc/ssh/ca.pub"] = file(0, 0o644, aKey)
		}, want: "principals-file"},
		{name: "too many that have not logged in", change: set("/proc/77/cmdline", file(0, 0o444, "sshd: /usr/sbin/sshd -D [listener] 40 of 10-100 startups")), want: "max-startups"},
		{name: "an account that is not there", q: Question{User: "bob"}, want: "user-unknown"},
		{name: "a name that is an option", q: Question{User: "-s"}, want: "user-unknown"},
		{name: "a shell that is not there", change: without("/bin/sh"), want: "shell-missing"},
		{name: "an account that has ended", change: func(_ tree, p programs) { p["getent shadow alice"] = "alice:$6$x$y:20000:0:99999:7::20000:\n" }, want: "account-expired"},
		{name: "a home of others", change: set("/home/alice", folder(1000, 0o777)), want: "bad-ownership-or-modes"},
		{name: "a home of the private group", change: set("/home/alice", folder(1000, 0o775))},
		{name: "a group with another member", change: func(f tree, p programs) {
			f["/home/alice"] = folder(1000, 0o775)
			p["getent group 1000"] = "alice:x:1000:bob\n"
		}, want: "bad-ownership-or-modes"},
		{name: "a group that is also bob's own", change: func(f tree, p programs) {
			f["/home/alice"] = folder(1000, 0o775)
			p["getent passwd"] += "bob:x:1001:1000::/home/bob:/bin/sh\n"
		}, want: "bad-ownership-or-modes"},
		{name: "a home of others, and StrictModes off", change: func(f tree, p programs) {
			f["/home/alice"] = folder(1000, 0o777)
			configured("strictmodes yes", "strictmodes no")(f, p)
		}},
		{name: "a file of root", change: set("/home/alice/.ssh/authorized_keys", file(0, 0o600, aKey)), want: "authorized-keys-unreadable"},
		{name: "a label of SELinux", change: func(f tree, _ programs) {
			f["/sys/fs/selinux/enforce"] = file(0, 0o644, "1")
			f["/home/alice/.ssh/authorized_keys"] = node{mode: 0o600, uid: 1000, text: aKey, label: "unconfined_u:object_r:user_tmp_t:s0"}
		}, want: "authorized-keys-selinux"},
		{name: "a label of SELinux, which is permissive", change: func(f tree, _ programs) {
			f["/sys/fs/selinux/enforce"] = file(0, 0o644, "0")
			f["/home/alice/.ssh/authorized_keys"] = node{mode: 0o600, uid: 1000, text: aKey, label: "unconfined_u:object_r:user_tmp_t:s0"}
		}},
		{name: "a number", q: Question{User: "0"}, want: "user-unknown", change: func(_ tree, p programs) { p["getent passwd 0"] = "root:x:0:0::/root:/bin/sh\n" }},
		{name: "a FIFO", change: set("/home/alice/.ssh/authorized_keys", node{mode: fs.ModeNamedPipe | 0o600, uid: 1000}), want: "authorized-keys-not-regular-file"},
		{name: "a link to a file of root", change: func(f tree, _ programs) {
			f["/home/alice/.ssh/authorized_keys"] = node{mode: fs.ModeSymlink | 0o777, uid: 1000, link: "/etc/shadow"}
			f["/etc/shadow"] = file(0, 0o600, "root:$6$secret:1::::::\n")
		}, want: "authorized-keys-unreadable"},
		{name: "a link in a circle", change: set("/home/alice/.ssh/authorized_keys", node{mode: fs.ModeSymlink | 0o777, uid: 1000, link: "authorized_keys"}), want: "authorized-keys-unreadable"},
		{name: "no file", change: without("/home/alice/.ssh/authorized_keys"), want: "authorized-keys-missing"},
		{name: "no home", change: without("/home/alice"), want: "home-missing"},
		{name: "an empty file", change: keys("# nobody\n"), want: "authorized-keys-empty"},
		{name: "another place", change: configured(".ssh/authorized_keys .ssh/authorized_keys2", "/etc/ssh/keys/%u"), want: "authorized-keys-location"},
		{name: "a file in another place", change: func(f tree, p programs) {
			configured(".ssh/authorized_keys .ssh/authorized_keys2", "/etc/ssh/keys/%u")(f, p)
			f["/etc/ssh/keys/alice"] = file(0, 0o644, aKey)
		}},
		{name: "a broken line beside a good one", change: keys(aKey + "\nssh-ed25519 AAAA\n"), want: causeMalformed},
		{name: "an expired line beside a good one", change: keys(aKey + "\nexpiry-time=\"20200101\" " + aKey + "\n")},
		{name: "an expired line alone", change: keys("expiry-time=\"20200101\" " + aKey + "\n"), want: "key-entry-expired"},
		{name: "another address", change: keys("from=\"198.51.100.0/24\" " + aKey + "\n"), q: Question{From: client}, want: "key-source-not-permitted"},
		{name: "an address that is not known", change: keys("from=\"198.51.100.0/24\" " + aKey + "\n")},
		{name: "another key", q: Question{Key: "SHA256:other"}, want: "key-not-authorized"},
		{name: "another algorithm", change: configured("ssh-ed25519,rsa", "rsa"), want: "key-algorithm-refused"},
		{name: "a list without the user", change: configured("port 22", "allowusers bob"), want: "not-in-allow-users"},
		{name: "a list with the user from elsewhere", change: configured("port 22", "allowusers alice@198.51.100.*"), q: Question{From: client}, want: "not-in-allow-users"},
		{name: "a list with the user from somewhere", change: configured("port 22", "allowusers alice@198.51.100.*")},
		{name: "no keys", change: configured("pubkeyauthentication yes", "pubkeyauthentication no"), want: "pubkey-auth-disabled"},
		{name: "no passwords", change: configured("passwordauthentication yes", "passwordauthentication no")},
		{name: "no passwords, and one is to be used", change: configured("passwordauthentication yes", "passwordauthentication no"), q: Question{Method: "password"}, want: "password-auth-disabled"},
		{name: "the password comes second", change: configured("methods any", "methods publickey,password")},
		{name: "the password comes second, and is all that there is", change: configured("methods any", "methods publickey,password"), q: Question{Method: "password"}, want: "method-not-permitted"},
		{name: "the key comes second", change: configured("methods any", "methods password,publickey")},
		{name: "the key comes second, and is all that there is", change: configured("methods any", "methods password,publickey"), q: Question{Method: "publickey"}, want: "method-not-permitted"},
		{name: "the key may come first or second", change: configured("methods any", "methods password,publickey publickey:x,password"), q: Question{Method: "publickey"}},
		{name: "a list that begins with the key has a method that is off", change: configured("methods any", "methods publickey,keyboard-interactive password"), q: Question{Method: "publickey"}, want: "method-not-permitted"},
		{name: "the only list with a key has a method that is off", change: configured("methods any", "methods publickey,keyboard-interactive password"), want: "method-not-permitted"},
		{name: "every list has a method that is off", change: configured("methods any", "methods publickey,keyboard-interactive hostbased,publickey"), want: "auth-methods-unsatisfiable"},
		{name: "hosts may log in", change: configured("methods any", "methods hostbased,publickey\nhostbasedauthentication yes")},
		{name: "no password was ever set, and one is demanded", change: func(f tree, p programs) {
			configured("methods any", "methods publickey,password password,publickey")(f, p)
			p["getent shadow alice"] = "alice:*:20000:0:99999:7:::\n"
		}, want: "password-not-set"},
		{name: "no password was ever set, and one may be demanded by another module", change: func(f tree, p programs) {
			configured("methods any", "methods publickey,password")(f, p)
			p["getent shadow alice"] = "alice:*:20000:0:99999:7:::\n"
			f["/etc/pam.d/sshd"] = file(0, 0o644, "auth required pam_oath.so\naccount required pam_unix.so\n")
			f["/lib/security/pam_oath.so"] = file(0, 0o644, "")
		}},
		{name: "no password was ever set, and the key will do", change: func(f tree, p programs) {
			configured("methods any", "methods publickey,password publickey")(f, p)
			p["getent shadow alice"] = "alice:*:20000:0:99999:7:::\n"
		}},
		{name: "a nologin file", change: set("/etc/nologin", file(0, 0o644, "")), want: "nologin-file"},
		{name: "a module that is not there", change: set("/etc/pam.d/sshd", file(0, 0o644, "auth required pam_oath.so\n")), want: "pam-broken"},
		{name: "access.conf", change: func(f tree, _ programs) {
			f["/etc/pam.d/sshd"] = file(0, 0o644, "account required pam_access.so\n")
			f["/etc/security/access.conf"] = file(0, 0o644, "+ : root : ALL\n- : ALL EXCEPT bob : ALL\n")
		}, want: "pam-access-denied"},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := test.q
			if q.User == "" {
				q.User = "alice"
			}
			r := examined(described(test.change), q)
			if got := causesOf(r); got != test.want {
				t.Errorf("wrong is %q, not %q", got, test.want)
			}
			unseen := 0
			for _, c := range r.Checks {
				if c.Mark == Unknown {
					unseen++
				}
			}
			if unseen > 3 {
				t.Errorf("%d things are not seen", unseen)
			}
		})
	}
}

// TestWords has a sentence for all that is seen, in both languages.
func TestWords(t *testing.T) {
	en, ja := lang.DoctorIn("en"), lang.DoctorIn("ja")
	known := map[string]bool{}
	for _, name := range en.Names() {
		known[name] = true
		if _, _, ok := ja.Said(name, func(sshwhy.Field) string { return "x" }); !ok {
			t.Errorf("%s has no Japanese", name)
		}
	}
	for _, r := range []*Report{
		examined(described(nil), Question{User: "alice", From: netip.MustParseAddr("203.0.113.7")}),
		examined(unprivileged(), Question{User: "alice"}),
	} {
		for _, c := range r.Checks {
			if c.Seen != "" && !known[c.Seen] {
				t.Errorf("%s has no words", c.Seen)
			}
		}
	}
	for _, id := range lang.DoctorCauses() {
		c := lang.DoctorCause(id)
		for _, l := range []causes.Language{causes.English, causes.Japanese} {
			text := c.Texts[l]
			if text == nil || text.Title == "" || text.Means == "" || len(text.Reason) == 0 {
				t.Errorf("%s lacks words in %s", id, l)
			}
		}
	}
}

// unprivileged is the host as alice sees it: she may not ask for the
// configuration, the shadow file or the firewall.
func unprivileged() *Host {
	h := described(func(f tree, p programs) {
		p["sshd -T"], p["sshd -T -C *"] = "!sshd: no hostkeys available -- exiting.", "!sshd: no hostkeys available -- exiting."
		delete(p, "getent shadow alice")
		delete(p, "nft -j list ruleset")
		delete(f, "/proc/77/fd/3")
	})
	h.UID = 1000
	return h
}

// TestUnprivileged says what it could not see, and nothing that is wrong.
func TestUnprivileged(t *testing.T) {
	r := examined(unprivileged(), Question{User: "alice"})
	if got := causesOf(r); got != "" {
		t.Errorf("wrong is %q", got)
	}
	seen := map[string]bool{}
	for _, c := range r.Checks {
		if c.Mark == Unknown {
			seen[c.Seen] = true
		}
	}
	for _, want := range []string{"config-not-seen", "shadow-not-seen", "user-config-not-seen", "firewall-not-seen"} {
		if !seen[want] {
			t.Errorf("%s is not told", want)
		}
	}
}

// TestHiddenProcesses does not take a process that is hidden for one that is
// not there.
func TestHiddenProcesses(t *testing.T) {
	for name, change := range map[string]func(tree, programs){
		"of others": func(f tree, _ programs) {
			for n := range f {
				if strings.HasPrefix(n, "/proc/77") {
					delete(f, n)
				}
			}
		},
		"all": func(f tree, _ programs) {
			for n := range f {
				if strings.HasPrefix(n, "/proc") {
					delete(f, n)
				}
			}
		},
	} {
		h := described(change)
		h.UID = 1000
		if got := causesOf(examined(h, Question{})); got != "" {
			t.Errorf("%s: wrong is %q", name, got)
		}
	}
}

// TestNoSecrets looks at a home that links to secrets, and finds none of them
// in what is said.
func TestNoSecrets(t *testing.T) {
	const secret = "c1V6qyQ0bm90aGluZw"
	h := described(func(f tree, _ programs) {
		f["/home/alice/.ssh/authorized_keys"] = file(1000, 0o600, `command="backup --token `+secret+`" ssh-ed25519 `+secret+"\n"+`comand="`+secret+`" `+aKey+"\n-----BEGIN OPENSSH PRIVATE KEY-----\n"+secret+"\n")
	})
	r := examined(h, Question{User: "alice"})
	if causesOf(r) == "" {
		t.Fatal("nothing is wrong")
	}
	for _, c := range r.Checks {
		for _, v := range c.Values {
			if strings.Contains(v.Text, secret) {
				t.Errorf("%s %s says %s %q", c.Cause, c.Seen, v.Field, v.Text)
			}
		}
	}
}

// TestWhatIsDistrusted: the mode and the owner are told, and that the owner is
// right where it is, so that nobody changes it.
func TestWhatIsDistrusted(t *testing.T) {
	for _, tt := range []struct {
		name                string
		uid                 uint32
		mode                fs.FileMode
		want, account, what string
	}{
		{"a home that others can write", 1000, 0o777, "0777", "alice", "mode"},
		{"a home of somebody without a name", 4242, 0o755, "0755", "4242", ""},
	} {
		r := examined(described(func(f tree, p programs) {
			f["/home/alice"] = folder(tt.uid, tt.mode)
			p["getent passwd 1000"] = p["getent passwd alice"]
		}), Question{User: "alice"})
		found := false
		for _, c := range r.Checks {
			if c.Cause != "bad-ownership-or-modes" {
				continue
			}
			found = true
			if m, a, w := c.Value(sshwhy.FieldMode), c.Value(sshwhy.FieldAccount), c.Value(sshwhy.FieldWhat); m != tt.want || a != tt.account || w != tt.what {
				t.Errorf("%s: mode %q of %q, what is %q", tt.name, m, a, w)
			}
		}
		if !found {
			t.Errorf("%s: nothing is wrong", tt.name)
		}
	}
}
