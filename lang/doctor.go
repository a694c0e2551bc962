package lang

import (
	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// Doctor are the words of "sshwhy doctor".
type Doctor struct {
	// Service and User are the titles of the two parts; User has a verb of
	// fmt for the name.
	Service, User string
	// Layers are the headings of the checklist, by the name of the layer.
	Layers map[string]string
	// Labels of what stands under a line.
	Why, Fix, See string
	// Nothing and Found sum up; Found has a verb of fmt for the number.
	Nothing, Found, Unseen string
	// AsRoot says that root would see more.
	AsRoot string

	language causes.Language
	seen     map[string]observation
}

// observation is what a line says that is not about a cause.
type observation struct {
	// text are the ways to say it, of which the first is used whose values
	// are all known.
	text []string
	// why says why it matters, "" where the text does.
	why string
	// run is a command that shows more or mends it.
	run string
	// one says that a way without {n} or {count} is meant for the number 1.
	one bool
}

// DoctorIn gives the words of a language.
func DoctorIn(language causes.Language) *Doctor {
	if language == causes.Japanese {
		return japaneseDoctor()
	}
	return englishDoctor()
}

// Said gives the sentence of a line and why it matters, both safe to show.
// known is false for a name that there is no sentence for.
func (d *Doctor) Said(name string, values causes.Values) (text, why string, known bool) {
	o, known := d.seen[name]
	if !known {
		return name, "", false
	}
	if o.one {
		text = d.fill(o.text, withoutOne(values))
	} else {
		text = d.fill(o.text, values)
	}
	if o.why != "" {
		why = d.fill([]string{o.why}, values)
	}
	return text, why, true
}

// withoutOne hides the numbers that are 1, so that the way to say it is used
// that is in the singular.
func withoutOne(values causes.Values) causes.Values {
	return func(f sshwhy.Field) string {
		v := values(f)
		if v == "1" && (f == sshwhy.FieldNumber || f == sshwhy.FieldCount) {
			return ""
		}
		return v
	}
}

// Command gives the command of a line, its values quoted for sh; "" for none.
func (d *Doctor) Command(name string, values causes.Values) string {
	o := d.seen[name]
	if o.run == "" {
		return ""
	}
	c := causes.Cause{Remedy: []causes.Step{{Where: "server", Run: o.run}}}
	return c.Steps(d.language, values)[0].Run
}

// Names gives the names of all lines.
func (d *Doctor) Names() []string {
	var names []string
	for name := range d.seen {
		names = append(names, name)
	}
	return names
}

func (d *Doctor) fill(variants []string, values causes.Values) string {
	c := causes.Cause{Texts: map[causes.Language]*causes.Text{d.language: {Reason: variants}}}
	return c.Reason(d.language, values)
}

func say(text ...string) observation { return observation{text: text} }

func tell(text, why, run string) observation {
	return observation{text: []string{text}, why: why, run: run}
}

// count is tell for texts with numbers, those for 1 included.
func count(why string, text ...string) observation {
	return observation{text: text, why: why, one: true}
}

func englishDoctor() *Doctor {
	return &Doctor{
		language: causes.English,
		Service:  "Can a client reach sshd?", User: "Can %s log in?",
		Layers: map[string]string{
			"service": "service", "config": "configuration", "listen": "port", "network": "network", "account": "account", "lists": "permitted users",
			"pam": "PAM", "methods": "methods", "keys": "keys", "password": "password", "advice": "advice",
		},
		Why: "why", Fix: "fix", See: "see",
		Nothing: "nothing wrong was found", Found: "found wrong: %d", Unseen: "could not be seen: %d",
		AsRoot: "root would see more: sudo sshwhy doctor",
		seen: map[string]observation{
			"service-runs":      say("sshd runs (process {pid})"),
			"service-not-seen":  tell("whether sshd runs could not be seen", "the processes of others are hidden here; something listens, or may", "ps -C sshd"),
			"socket-active":     say("{unit} waits for connections and starts sshd for each"),
			"boot-enabled":      say("it starts with the host"),
			"config-valid":      say("{path} is valid"),
			"config-in-force":   say("the running sshd has read it as it is now"),
			"config-not-seen":   tell("the configuration in force could not be seen", "sshd prints it for root only, because it needs the host keys", "sudo sshd -T"),
			"host-keys-fine":    say("the host keys are there, and for root alone"),
			"listens":           say("sshd listens on {laddr}"),
			"listen-not-seen":   tell("where sshd listens could not be seen", "without that, its port cannot be checked", "sudo ss -ltnp"),
			"port-unusual":      tell("the port is {lport}, not 22", "a client must name it: ssh -p {lport}", ""),
			"answers":           say("it answers on {laddr}: {banner}"),
			"answers-penalised": tell("sshd does not answer this host for now, because of failures that came from it (PerSourcePenalties)", "other clients are not concerned", ""),
			"startups-fine":     say("connections that have not logged in yet: {count}; sshd begins to drop at {limit} (MaxStartups)"),
			"firewall-open":     say("this host's firewall lets connections to port {lport} through"),
			"firewall-none":     say("this host has no firewall program"),
			"firewall-depends":  tell("this host's firewall lets some connections to port {lport} through and others not ({name})", "it depends on the address, the interface or the rate; with --from the address counts", "nft list ruleset; iptables-save"),
			"firewall-not-seen": tell("the firewall's rules could not be read", "a firewall that drops makes clients time out; one that rejects has them refused", "sudo nft list ruleset; sudo iptables-save"),
			"wrappers-empty":    say("hosts.allow and hosts.deny shut nobody out"),
			"wrappers-permit":   say("hosts.allow and hosts.deny let {addr} in"),
			"wrappers-some":     tell("hosts.allow and hosts.deny let in some addresses only", "--from ADDRESS tells whether one is among them", ""),
			"network-beyond":    tell("routers, cloud security groups and firewalls on the way cannot be seen from here", "a client that times out although all of this is right is stopped there; one that is refused has reached a host, perhaps another one", ""),

			"account-exists":       say("the account exists (number {uid}, home {path})"),
			"account-not-seen":     tell("the host could not be asked for {user}", "without the account nothing else can be checked", "getent passwd {user}"),
			"shadow-not-seen":      tell("whether the account or its password is locked or has expired could not be seen", "only root may read that", "sudo chage -l {user}; sudo passwd -S {user}"),
			"days-fine":            say("neither the account nor its password has expired"),
			"shell-fine":           say("the login shell is {path}"),
			"user-config-not-seen": tell("what the configuration says of {user} could not be seen", "sshd prints it for root only", "sudo sshd -T -C user={user},host=localhost,addr=127.0.0.1"),
			"lists-fine":           say("AllowUsers, DenyUsers, AllowGroups, DenyGroups and PermitRootLogin let {user} in"),
			"list-by-address":      tell("{option} lets {user} in from some addresses only", "--from ADDRESS tells whether one is among them", ""),
			"pam-fine":             say("no module of {path} that can be judged refuses"),
			"pam-off":              say("UsePAM is off"),
			"pam-not-seen":         tell("sshd's PAM configuration could not be read", "a module of it may refuse the login", "ls -l /etc/pam.d/sshd"),
			"methods-open":         say("sshd offers {user}: {method}"),
			"methods-demanded":     say("AuthenticationMethods demands of {user}: {value}"),

			"keys-usable":            say("keys that can be used: {count} ({path})"),
			"keys-not-seen":          tell("{path} could not be read", "only its owner and root may", "sudo ls -l {path}"),
			"keys-cut":               tell("only the first {size} MiB of {path} were read", "a key behind that is not judged", ""),
			"keys-command-not-run":   tell("AuthorizedKeysCommand {command} may give keys; it was not run", "--run-commands runs it as sshd does", ""),
			"keys-command-gives":     say("AuthorizedKeysCommand {command} gives a key for {user}"),
			"revoked-not-seen":       tell("the list of revoked keys {path} could not be read", "a key of it is refused", ""),
			"ca-not-seen":            tell("the trusted CA keys in {path} could not be read", "certificates are judged by them", ""),
			"ca-trusted":             say("CAs whose certificates are trusted: {count} ({path})"),
			"principals-not-seen":    tell("the principals file {path} could not be read", "a certificate must name one of its principals", ""),
			"cert-fine":              say("the certificate \"{certid}\" is accepted"),
			"key-accepted":           say("the key {fp} is accepted: {path}, line {line}"),
			"key-not-found":          tell("the key {fp} stands in no line that can be read", "it may be the broken line", ""),
			"key-held-by":            tell("the key {fp} stands in {other}, line {line}", "it belongs to the account {account}, and lets nobody in as {user}", ""),
			"key-from":               tell("the key in {path}, line {line}, may come from {pattern} only", "--from ADDRESS tells whether one is among them", ""),
			"line-refused":           tell("{path}, line {line}: this key is not accepted ({name})", "it was closed on purpose, by its options or by sshd_config; `sshwhy explain {name}` tells more", ""),
			"last-login-by-password": say("{user} last logged in on {time}, when no key was registered either: with a password"),
			"password-set":           say("{user} has a password"),
			"password-never":         say("{user} has no password and can log in with a key only"),
			"password-empty-open":    tell("{user} has no password, and sshd lets anybody in as {user}", "PermitEmptyPasswords is on", "passwd {user}"),

			"advice-keys-only": count("switching PasswordAuthentication off ends guessing and locks out nobody who came in that time",
				"passwords are permitted, and {count} of {count} logins of the last {n} days used a key",
				"passwords are permitted, and {count} of {count} logins of the last 24 hours used a key",
				"passwords are permitted, and the only login of the last {n} days used a key",
				"passwords are permitted, and the only login of the last 24 hours used a key"),
			"advice-passwords": count("switching PasswordAuthentication off would lock out {name}",
				"passwords are permitted, and {limit} of {count} logins of the last {n} days used one",
				"passwords are permitted, and {limit} of {count} logins of the last 24 hours used one",
				"passwords are permitted, and the only login of the last {n} days used one",
				"passwords are permitted, and the only login of the last 24 hours used one"),
			"advice-root": tell("root may log in with a password", "attackers try root first; a key, or sudo, is safer", ""),
			"advice-noise": count("another port, or a firewall that lets only your networks in, keeps the log readable",
				"{count} attempts to log in from strangers came in the last {n} days on port 22",
				"{count} attempts to log in from strangers came in the last 24 hours on port 22"),
			"advice-backup":   tell("there is no copy of {path}", "a change that shuts everybody out is taken back with it", "cp -p {path} {path}.bak.$(date +%F)"),
			"advice-loglevel": tell("LogLevel is {value}", "at VERBOSE sshd also logs which key was offered, which tells many failures apart", ""),
		},
	}
}
