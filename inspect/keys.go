package inspect

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"time"

	"crypto/rsa"

	"golang.org/x/crypto/ssh"
)

// maxKeys bounds what is read of a file with keys.
const maxKeys = 8 << 20

// keyTypes are the words that begin a key (sshd(8), AUTHORIZED_KEYS FILE
// FORMAT).
var keyTypes = []string{
	"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", "ssh-dss",
	"ssh-ed25519-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
	"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp521-cert-v01@openssh.com",
	"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
}

// newerTypes are those that package ssh does not know; they came with 10.6, and
// under names of OpenSSH's own with 10.4.
var newerTypes = []string{
	"ssh-mldsa44-ed25519", "ssh-mldsa44-ed25519-cert", "ssh-mldsa44-ed25519@openssh.com", "ssh-mldsa44-ed25519-cert-v01@openssh.com",
}

func isKeyType(word string) bool {
	return slices.Contains(keyTypes, word) || slices.Contains(newerTypes, word)
}

// IsCertificate tells whether a key's type is one of certificates.
func IsCertificate(kind string) bool {
	return strings.Contains(kind, "-cert-v01@") || strings.HasSuffix(kind, "-cert")
}

// entry is a line of authorized_keys as sshd reads it. It does not hold the
// key, only what may be told of it.
type entry struct {
	line int
	// kind and print are the key's type and fingerprint, "" where the line
	// has no key that can be read.
	kind, print string
	bits        int // of an RSA key
	options     []option
	// cause is why the line is of no use to anybody, "" where it is: it
	// cannot be read, or an option is wrong. reason says what.
	cause, reason string
}

type option struct{ name, value string }

const (
	causeMalformed = "authorized-keys-malformed"
	causeBadOption = "authorized-keys-bad-option"
)

// maxEntries bounds what is kept of a file.
const maxEntries = 100_000

// parseKeys reads a file of keys.
func parseKeys(text []byte) []entry {
	if bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}) {
		return []entry{{line: 1, cause: causeMalformed, reason: "UTF-16"}}
	}
	var list []entry
	for n := 1; len(text) > 0 && len(list) < maxEntries; n++ {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		line = bytes.TrimLeft(bytes.TrimRight(line, "\r\n \t"), " \t")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		e := parseEntry(string(line))
		e.line = n
		list = append(list, e)
	}
	return list
}

// parseEntry reads a line: a key, or options and a key.
func parseEntry(line string) entry {
	if startsKey(line) {
		return keyOf(line)
	}
	options, rest, quoted := cutOptions(line)
	if !quoted {
		return entry{cause: causeBadOption, reason: "a quote that is not closed"}
	}
	e := keyOf(rest)
	if e.cause != "" {
		return unreadable(line, options, rest)
	}
	var wrong string
	if e.options, wrong = parseOptions(options); wrong != "" {
		e.cause, e.reason = causeBadOption, wrong
	}
	return e
}

// unreadable says what is wrong with a line in which sshd finds no key: a blank
// in the options that should be quoted, where a key comes later, else all of
// it.
func unreadable(line, options, rest string) entry {
	for word := range strings.FieldsSeq(rest) {
		if isKeyType(word) && looksLikeOptions(options) {
			return entry{cause: causeBadOption, reason: "a blank outside quotes after " + words(options)}
		}
	}
	e := entry{cause: causeMalformed}
	first, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch {
	case strings.Contains(line, "PRIVATE KEY"):
		e.reason = "a private key"
	case strings.HasPrefix(line, "---- BEGIN SSH2"), strings.HasPrefix(line, "PuTTY-User-Key"):
		e.reason = "PuTTY"
	case len(first) > 16 && isBase64(first):
		e.reason = "wrapped"
	case strings.ContainsRune(line, 0):
		e.reason = "UTF-16"
	}
	return e
}

func looksLikeOptions(text string) bool {
	name, _, _ := strings.Cut(text, "=")
	name, _, _ = strings.Cut(name, ",")
	_, flag := flags[strings.TrimPrefix(strings.ToLower(name), "no-")]
	_, value := valued[strings.ToLower(name)]
	return flag || value
}

// words gives the name of the option that a piece of text ends with: never its
// value, which may be a secret.
func words(options string) string {
	last := options[strings.LastIndexByte(options, ',')+1:]
	name, _, _ := strings.Cut(last, "=")
	return name
}

func isBase64(text string) bool {
	return strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == ""
}

func startsKey(line string) bool {
	word, _, found := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	return isKeyType(word) || found && strings.HasPrefix(word, "ssh-") && !strings.ContainsAny(word, `="`)
}

// keyOf reads "TYPE BASE64 [COMMENT]".
func keyOf(text string) entry {
	f := strings.Fields(text)
	if len(f) < 2 {
		return entry{cause: causeMalformed}
	}
	blob, err := base64.StdEncoding.DecodeString(f[1])
	kind, fields, ok := str(blob)
	switch known := isKeyType(f[0]); {
	case !known && (err != nil || string(kind) != f[0]):
		return entry{cause: causeMalformed}
	case err != nil || !ok || string(kind) != f[0]:
		return entry{cause: causeMalformed, reason: "cut"}
	case !slices.Contains(keyTypes, f[0]):
		return newerKey(f[0], blob, fields)
	}
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return entry{cause: causeMalformed, reason: "cut"}
	}
	e := entry{kind: key.Type(), print: ssh.FingerprintSHA256(key)}
	if c, ok := key.(ssh.CryptoPublicKey); ok {
		if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok {
			e.bits = r.N.BitLen()
		}
	}
	return e
}

// newerKey reads a key of a type that package ssh does not know: whether sshd
// does, its list of algorithms tells. The parts of the key must be whole.
func newerKey(kind string, blob, fields []byte) entry {
	for len(fields) > 0 && !IsCertificate(kind) {
		var whole bool
		if _, fields, whole = str(fields); !whole {
			return entry{cause: causeMalformed, reason: "cut"}
		}
	}
	sum := sha256.Sum256(blob)
	return entry{kind: kind, print: fingerprint(sum[:])}
}

// PublicKey gives the type and the fingerprint of the first key in a file, also
// where package ssh does not know the type; ok is false where there is none.
func PublicKey(text []byte) (kind, print string, ok bool) {
	for _, e := range parseKeys(text) {
		if e.print != "" {
			return e.kind, e.print, true
		}
	}
	return "", "", false
}

// cutOptions cuts the options off a line; closed is false where a quote is
// not.
func cutOptions(line string) (options, rest string, closed bool) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line) && line[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case (c == ' ' || c == '\t') && !quoted:
			return line[:i], strings.TrimLeft(line[i:], " \t"), true
		}
	}
	return line, "", !quoted
}

// flags are options without a value; true for those that may begin with no-
// (sshauthopt_parse).
var flags = map[string]bool{
	"restrict": false, "cert-authority": false, "verify-required": false,
	"port-forwarding": true, "agent-forwarding": true, "x11-forwarding": true, "touch-required": true, "pty": true, "user-rc": true,
}

// valued are options with a value in quotes, and what makes sure of it.
var valued = map[string]func(string) bool{
	"command": nil, "principals": nil, "from": nil, "environment": environment, "permitopen": hostPort, "permitlisten": hostPort,
	"tunnel": tunnel, "expiry-time": func(v string) bool { _, ok := expiry(v); return ok },
}

// parseOptions reads options as sshd does; wrong is the word that it does not
// take.
func parseOptions(text string) (list []option, wrong string) {
	for text != "" {
		name := text
		if end := strings.IndexAny(text, "=,"); end >= 0 {
			name = text[:end]
		}
		lower := strings.ToLower(name)
		rest := text[len(name):]
		if strings.HasPrefix(rest, "=") {
			check, known := valued[lower]
			value, after, ok := dequote(rest[1:])
			if !known || !ok || check != nil && !check(value) {
				return nil, name
			}
			list, text = append(list, option{lower, value}), after
		} else {
			_, known := flags[lower]
			if plain, no := strings.CutPrefix(lower, "no-"); no && !known {
				known = flags[plain] // it has a contrary
			}
			if !known {
				return nil, name
			}
			list, text = append(list, option{name: lower}), rest
		}
		switch {
		case text == "":
		case text[0] == ',' && len(text) > 1:
			text = text[1:]
		default:
			return nil, name
		}
	}
	return list, ""
}

func dequote(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '"':
			i++
			b.WriteByte('"')
		case text[i] == '"':
			return b.String(), text[i+1:], true
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", false
}

func environment(v string) bool {
	name, _, ok := strings.Cut(v, "=")
	return ok && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func hostPort(v string) bool {
	port := v[strings.LastIndexByte(v, ':')+1:]
	return port == "*" || port != "" && strings.Trim(port, "0123456789") == ""
}

func tunnel(v string) bool {
	return v == "any" || v != "" && strings.Trim(v, "0123456789") == ""
}

// expiry reads a time of expiry-time=: YYYYMMDD[HHMM[SS]][Z].
func expiry(v string) (time.Time, bool) {
	zone := time.Local
	if t, utc := strings.CutSuffix(strings.ToUpper(v), "Z"); utc {
		v, zone = t, time.UTC
	}
	layout := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}[len(v)]
	t, err := time.ParseInLocation(layout, v, zone)
	return t, layout != "" && err == nil
}

func (e *entry) option(name string) (string, bool) {
	for _, o := range e.options {
		if o.name == name {
			return o.value, true
		}
	}
	return "", false
}

// rules are what a key must meet besides standing in the file.
type rules struct {
	config  Config
	revoked map[string]string // the file that names a fingerprint
	from    netip.Addr
	now     time.Time
}

// refuses gives the cause for which sshd does not take a key of the file, ""
// where it does; unsure says that it depends on the client's address.
func (r *rules) refuses(e *entry) (cause string, unsure bool) {
	if e.cause != "" {
		return e.cause, false
	}
	if _, ca := e.option("cert-authority"); ca {
		return "key-line-is-ca", false
	}
	if IsCertificate(e.kind) {
		return causeMalformed, false
	}
	if _, ok := e.option("principals"); ok {
		return "key-line-principals", false
	}
	if r.revoked[e.print] != "" {
		return "key-revoked", false
	}
	if !r.accepts(e.kind) {
		return "key-algorithm-refused", false
	}
	if e.bits > 0 && e.bits < r.leastBits() {
		return "key-too-small", false
	}
	if v, ok := e.option("expiry-time"); ok {
		if t, ok := expiry(v); ok && r.now.After(t) {
			return "key-entry-expired", false
		}
	}
	if patterns, ok := e.option("from"); ok {
		if !r.from.IsValid() {
			return "", true
		}
		if !fits(patterns, r.from) {
			return "key-source-not-permitted", false
		}
	}
	return "", false
}

// accepts tells whether some signature algorithm of a key's type is accepted.
func (r *rules) accepts(kind string) bool {
	accepted := r.config.algorithms()
	if accepted == nil {
		return true
	}
	names := []string{kind}
	if kind == "ssh-rsa" {
		names = append(names, "rsa-sha2-256", "rsa-sha2-512")
	}
	for _, a := range accepted {
		for _, n := range names {
			if match(a, n) {
				return true
			}
		}
	}
	return false
}

// leastBits is how many bits an RSA key must have; OpenSSH before 9.1 had 1024.
func (r *rules) leastBits() int {
	n, ok := number(r.config.first("requiredrsasize"))
	return map[bool]int{true: n, false: 1024}[ok]
}

// fits tells whether a list of address patterns permits an address: one that
// begins with ! refuses, whatever the others say (match_host_and_ip).
func fits(patterns string, a netip.Addr) bool {
	a = a.Unmap()
	found := false
	for p := range strings.SplitSeq(patterns, ",") {
		p, not := strings.CutPrefix(strings.TrimSpace(p), "!")
		if !fitsOne(p, a) {
			continue
		}
		if not {
			return false
		}
		found = true
	}
	return found
}

func fitsOne(p string, a netip.Addr) bool {
	if prefix, err := netip.ParsePrefix(p); err == nil {
		return prefix.Masked().Contains(a)
	}
	if one, err := netip.ParseAddr(p); err == nil {
		return one.Unmap() == a
	}
	return match(strings.ToLower(p), a.String())
}

// match tells whether a pattern with * and ? fits all of a text.
func match(pattern, text string) bool {
	star, back := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			back++
			p, t = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
