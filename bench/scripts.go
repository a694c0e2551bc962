package bench

import "strings"

// value names what a line has in place of {name}.
type value uint8

const (
	valueNone value = iota
	valueListener
	valuePID
	valueChild
	valueUser
	valueUID
	valueStranger
	valueAddr
	valuePort
	valueServer
	valueNumber
	valueKey
	valueCA
	valueCount
)

var valueNames = map[string]value{
	"listener": valueListener, "pid": valuePID, "child": valueChild, "user": valueUser, "uid": valueUID,
	"stranger": valueStranger, "addr": valueAddr, "port": valuePort, "server": valueServer, "n": valueNumber,
	"key": valueKey, "ca": valueCA,
}

// users exist on the hosts, strangers do not.
var (
	users     = []string{"alice", "bob", "tanja", "nico", "yuki", "backup", "deploy", "root", "git", "carol", "dave", "erin"}
	strangers = []string{"admin", "test", "oracle", "postgres", "ubuntu", "pi", "user", "ftpuser", "guest", "hadoop", "minecraft", "support", "a b", "info@example.com", "jenkins", "nagios"}
)

// script is a kind of connection, or of other work that a host logs.
type script struct {
	name   string
	weight int
	lines  []scriptLine
}

// scriptLine is written after so many milliseconds, more or less, by a
// program, in one of the processes of the connection.
type scriptLine struct {
	after int64
	ident string
	pid   value
	text  string
}

// session stands for the program that serves connections on the host: sshd,
// or since OpenSSH 9.8 sshd-session.
const session = ""

func by(pid value, after int64, text string) scriptLine {
	return scriptLine{after: after, ident: session, pid: pid, text: text}
}

// auth is a line of the process that authenticates, child one of the process
// that works for the user after login, listener one of the daemon itself.
func auth(after int64, text string) scriptLine  { return by(valuePID, after, text) }
func child(after int64, text string) scriptLine { return by(valueChild, after, text) }
func listener(after int64, text string) scriptLine {
	return scriptLine{after: after, ident: "sshd", pid: valueListener, text: text}
}

const (
	opened   = "pam_unix(sshd:session): session opened for user {user}(uid={uid}) by {user}(uid=0)"
	closed   = "pam_unix(sshd:session): session closed for user {user}"
	goodbye  = "Received disconnect from {addr} port {port}:11: disconnected by user"
	gone     = "Disconnected from user {user} {addr} port {port}"
	gaveUp   = "Connection closed by authenticating user {user} {addr} port {port} [preauth]"
	pamWrong = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={addr}  user={user}"
	unknown  = "pam_unix(sshd:auth): check pass; user unknown"
	pamNoOne = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={addr} "
	invalid  = "Invalid user {stranger} from {addr} port {port}"
	failed   = "Failed password for {user} from {addr} port {port} ssh2"
	noOne    = "Failed password for invalid user {stranger} from {addr} port {port} ssh2"
	left     = "Connection closed by invalid user {user} {addr} port {port} [preauth]"
)

// scripts are what is in the log, in proportions as on a host that the
// Internet can reach: most connections are attempts of strangers.
var scripts = []script{
	{"key accepted", 14, []scriptLine{
		auth(300, "Accepted publickey for {user} from {addr} port {port} ssh2: ED25519 {key}"), auth(30, opened),
		child(20000, goodbye), child(2, gone), auth(4, closed)}},
	{"RSA key accepted, client vanishes", 4, []scriptLine{
		auth(300, "Accepted publickey for {user} from {addr} port {port} ssh2: RSA {key}"), auth(30, opened), auth(30000, closed)}},
	{"password accepted", 3, []scriptLine{
		auth(3000, "Accepted password for {user} from {addr} port {port} ssh2"), auth(30, opened),
		child(20000, goodbye), child(2, gone), auth(4, closed)}},
	{"certificate accepted", 4, []scriptLine{
		auth(300, "Accepted publickey for {user} from {addr} port {port} ssh2: ED25519-CERT {key} ID {user}@example.com (serial {n}) CA ED25519 {ca}"),
		auth(30, opened), auth(9000, closed)}},
	{"keyboard-interactive accepted", 2, []scriptLine{
		auth(4000, "Accepted keyboard-interactive/pam for {user} from {addr} port {port} ssh2"), auth(30, opened),
		child(20000, goodbye), child(2, gone), auth(4, closed)}},
	{"key and code accepted", 2, []scriptLine{
		auth(300, "Partial publickey for {user} from {addr} port {port} ssh2: ED25519 {key}"),
		auth(5000, "Accepted keyboard-interactive/pam for {user} from {addr} port {port} ssh2"), auth(30, opened), auth(9000, closed)}},
	{"file transfer without its subsystem", 2, []scriptLine{
		auth(300, "Accepted publickey for {user} from {addr} port {port} ssh2: ECDSA {key}"), auth(30, opened),
		child(80, "subsystem request for sftp by user {user} failed, subsystem not found"), child(60, goodbye), child(2, gone), auth(4, closed)}},
	{"wrong password", 14, []scriptLine{
		auth(2000, pamWrong), auth(2000, failed), auth(2000, gaveUp)}},
	{"wrong password, polite client", 8, []scriptLine{
		auth(2000, failed), auth(1500, "Received disconnect from {addr} port {port}:11: Bye Bye [preauth]"),
		auth(1, "Disconnected from authenticating user {user} {addr} port {port} [preauth]")}},
	{"wrong password once, then right", 3, []scriptLine{
		auth(2000, pamWrong), auth(2000, failed), auth(4000, "Accepted password for {user} from {addr} port {port} ssh2"),
		auth(30, opened), auth(9000, closed)}},
	{"unknown user", 22, []scriptLine{
		auth(500, invalid), auth(1800, noOne), auth(300, "Connection closed by invalid user {stranger} {addr} port {port} [preauth]")}},
	{"unknown user, PAM", 16, []scriptLine{
		auth(500, invalid), auth(2, unknown), auth(1, pamNoOne), auth(1800, noOne),
		auth(300, "Received disconnect from {addr} port {port}:11: Bye Bye [preauth]"),
		auth(1, "Disconnected from invalid user {stranger} {addr} port {port} [preauth]")}},
	{"unknown user leaves", 10, []scriptLine{
		auth(500, invalid), auth(300, "Connection reset by invalid user {stranger} {addr} port {port} [preauth]")}},
	{"key not accepted", 16, []scriptLine{auth(400, gaveUp)}},
	{"authentication given up", 6, []scriptLine{auth(400, "Connection reset by authenticating user {user} {addr} port {port} [preauth]")}},
	{"keyboard-interactive refused", 4, []scriptLine{
		auth(3000, "error: PAM: Authentication failure for {user} from {addr}"),
		auth(2, "Failed keyboard-interactive/pam for {user} from {addr} port {port} ssh2"), auth(900, gaveUp)}},
	{"too many tries", 4, []scriptLine{
		auth(2000, pamWrong), auth(1500, failed), auth(5000, "message repeated 2 times: [ "+failed+"]"),
		auth(1, "error: maximum authentication attempts exceeded for {user} from {addr} port {port} ssh2 [preauth]"),
		auth(1, "Disconnecting authenticating user {user} {addr} port {port}: Too many authentication failures [preauth]"),
		auth(1, "PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost={addr}  user={user}")}},
	{"no common key exchange", 5, []scriptLine{
		auth(200, "Unable to negotiate with {addr} port {port}: no matching key exchange method found. Their offer: diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1,diffie-hellman-group1-sha1 [preauth]")}},
	{"no common host key", 4, []scriptLine{
		auth(200, "Unable to negotiate with {addr} port {port}: no matching host key type found. Their offer: ssh-rsa,ssh-dss [preauth]")}},
	{"no common cipher", 2, []scriptLine{
		auth(200, "Unable to negotiate with {addr} port {port}: no matching cipher found. Their offer: aes128-cbc,3des-cbc,blowfish-cbc [preauth]")}},
	{"probe", 9, []scriptLine{auth(200, "Connection closed by {addr} port {port} [preauth]")}},
	{"probe before the version", 8, []scriptLine{
		auth(100, "error: kex_exchange_identification: Connection closed by remote host"), auth(1, "Connection closed by {addr} port {port}")}},
	{"probe reset", 5, []scriptLine{
		auth(100, "error: kex_exchange_identification: read: Connection reset by peer"), auth(1, "Connection reset by {addr} port {port}")}},
	{"web client", 4, []scriptLine{
		auth(100, `error: kex_exchange_identification: client sent invalid protocol identifier "GET / HTTP/1.1"`),
		auth(1, "banner exchange: Connection from {addr} port {port}: invalid format")}},
	{"broken packets", 2, []scriptLine{
		auth(100, "Bad packet length 1349676916. [preauth]"),
		auth(1, "ssh_dispatch_run_fatal: Connection from {addr} port {port}: Connection corrupted [preauth]")}},
	{"bad modes", 4, []scriptLine{
		auth(300, "Authentication refused: bad ownership or modes for directory /home/{user}"), auth(900, gaveUp)}},
	{"user not listed", 3, []scriptLine{
		auth(300, "User {user} from {addr} not allowed because not listed in AllowUsers"), auth(900, left)}},
	{"no shell", 2, []scriptLine{
		auth(300, "User {user} not allowed because shell /usr/bin/zsh does not exist"), auth(900, left)}},
	{"locked account", 2, []scriptLine{
		auth(300, "User {user} not allowed because account is locked"), auth(900, left)}},
	{"expired account", 2, []scriptLine{
		auth(300, "pam_unix(sshd:account): account {user} has expired (account expired)"),
		auth(2000, "Failed password for {user} from {addr} port {port} ssh2"),
		auth(1, "fatal: Access denied for user {user} by PAM account configuration [preauth]")}},
	{"root refused", 2, []scriptLine{
		auth(300, "ROOT LOGIN REFUSED FROM {addr} port {port}"), auth(1, "ROOT LOGIN REFUSED FROM {addr} port {port} [preauth]"),
		auth(900, "Connection closed by authenticating user root {addr} port {port} [preauth]")}},
	{"revoked key", 2, []scriptLine{
		auth(300, "error: Authentication key ED25519 {key} revoked by file /etc/ssh/revoked_keys"), auth(900, gaveUp)}},
	{"certificate expired", 2, []scriptLine{
		auth(300, "error: Certificate invalid: expired"), auth(900, gaveUp)}},
	{"time-out", 2, []scriptLine{auth(120000, "fatal: Timeout before authentication for {addr} port {port}")}},
	{"time-out, told by the listener", 2, []scriptLine{
		listener(120000, "Timeout before authentication for connection from {addr} to {server}, pid = {pid}")}},
	{"dropped by MaxStartups", 2, []scriptLine{
		listener(1, "drop connection #10 from [{addr}]:{port} on [{server}]:22 past MaxStartups")}},
	{"dropped for a penalty", 2, []scriptLine{
		listener(1, "drop connection #0 from [{addr}]:{port} on [{server}]:22 penalty: failed authentication")}},
	{"restart", 1, []scriptLine{
		listener(1, "Received signal 15; terminating."),
		{after: 20, ident: "systemd", pid: valueListener, text: "ssh.service: Deactivated successfully."},
		listener(300, "Server listening on 0.0.0.0 port 22."), listener(1, "Server listening on :: port 22."),
		{after: 1, ident: "systemd", pid: valueListener, text: "Started ssh.service - OpenBSD Secure Shell server."}}},
	{"cron", 10, []scriptLine{
		{after: 1, ident: "CRON", pid: valuePID, text: "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"},
		{after: 900, ident: "CRON", pid: valuePID, text: "pam_unix(cron:session): session closed for user root"}}},
	{"sudo", 6, []scriptLine{
		{after: 1, ident: "sudo", text: "   {user} : TTY=pts/0 ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/apt update"},
		{after: 1, ident: "sudo", text: "pam_unix(sudo:session): session opened for user root(uid=0) by {user}(uid={uid})"},
		{after: 4000, ident: "sudo", text: "pam_unix(sudo:session): session closed for user root"}}},
	{"login of systemd", 5, []scriptLine{
		{after: 1, ident: "systemd-logind", pid: valueListener, text: "New session {n} of user {user}."},
		{after: 9000, ident: "systemd-logind", pid: valueListener, text: "Removed session {n}."}}},
}

// compiled is a script whose lines are cut at their values.
type compiled struct {
	name   string
	weight int
	lines  []compiledLine
}

type compiledLine struct {
	after int64
	ident string
	pid   value
	parts []part
}

// part is a literal and the value behind it, valueNone for none.
type part struct {
	literal string
	value   value
}

func compile(scripts []script) []compiled {
	all := make([]compiled, len(scripts))
	for i, s := range scripts {
		all[i] = compiled{name: s.name, weight: s.weight}
		for _, l := range s.lines {
			all[i].lines = append(all[i].lines, compiledLine{after: l.after, ident: l.ident, pid: l.pid, parts: parts(l.text)})
		}
	}
	return all
}

func parts(text string) []part {
	var all []part
	for text != "" {
		literal, rest, _ := strings.Cut(text, "{")
		name, behind, _ := strings.Cut(rest, "}")
		all = append(all, part{literal, valueNames[name]})
		text = behind
	}
	return all
}
