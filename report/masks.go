package report

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"

	"github.com/sshwhy/sshwhy"
)

// Masks stand for names, addresses and the like. They are made by HMAC-SHA256
// of the original under a key: without the key nobody can try out which name
// gives a mask, and with it another run gives the same ones.
type Masks struct {
	key   []byte
	words *Vocabulary // not owned
	// users are the names of users and groups so far, up to maxMasks: in
	// free text they are masked even where they are words.
	users map[string]bool
	// addresses are those so far, up to maxMasks, with their masks, so that
	// no two have the same.
	addresses map[netip.Addr]netip.Addr
	taken     map[netip.Addr]bool
}

// maxMasks bounds what is remembered.
const maxMasks = 1 << 16

// NewMasks gives the masks of a key. An empty key stands for a random one.
func NewMasks(key string, v *Vocabulary) *Masks {
	m := &Masks{
		key: []byte(key), words: v,
		users: map[string]bool{}, addresses: map[netip.Addr]netip.Addr{}, taken: map[netip.Addr]bool{},
	}
	if key == "" {
		m.key = make([]byte, 32)
		rand.Read(m.key) // never fails (crypto/rand)
	}
	return m
}

// sum gives what a mask is made of. Kinds keep masks of different things
// apart.
func (m *Masks) sum(kind string, text []byte) [sha256.Size]byte {
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(kind))
	h.Write([]byte{0})
	h.Write(text)
	return [sha256.Size]byte(h.Sum(nil))
}

// label gives a mask of eight letters and digits behind a word.
func (m *Masks) label(kind string, text []byte) string {
	sum := m.sum(kind, text)
	return kind + "-" + base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding).EncodeToString(sum[:5])
}

// field appends the mask of a field of a line that was recognised.
func (m *Masks) field(dst []byte, f sshwhy.Field, text []byte) []byte {
	if len(text) == 0 || m.words.whole[string(text)] {
		return append(dst, text...)
	}
	switch f {
	case sshwhy.FieldUser, sshwhy.FieldRemoteUser, sshwhy.FieldAccount, sshwhy.FieldGroup:
		m.remember(text)
		return m.name(dst, text)
	case sshwhy.FieldPattern:
		return m.name(dst, text)
	case sshwhy.FieldAddr, sshwhy.FieldLocalAddr, sshwhy.FieldAddress2, sshwhy.FieldHost:
		return m.host(dst, text)
	case sshwhy.FieldFingerprint, sshwhy.FieldCAFingerprint:
		return m.fingerprint(dst, text)
	case sshwhy.FieldCertID:
		return append(dst, m.label("cert", text)...)
	case sshwhy.FieldSerial:
		sum := m.sum("serial", text)
		return strconv.AppendUint(dst, uint64(binary.BigEndian.Uint32(sum[:])), 10)
	case sshwhy.FieldPath:
		return m.path(dst, text)
	case sshwhy.FieldKeyType, sshwhy.FieldCAType, sshwhy.FieldMethod, sshwhy.FieldSubmethod, sshwhy.FieldAlgorithm, sshwhy.FieldOffer, sshwhy.FieldOurs:
		return m.list(dst, text)
	case sshwhy.FieldValue:
		return m.value(dst, text)
	case sshwhy.FieldBanner, sshwhy.FieldVersion:
		return m.banner(dst, text)
	case sshwhy.FieldFunc:
		if letters(text) { // sshd's own functions
			return append(dst, text...)
		}
	case sshwhy.FieldTTY:
		if terminal(text) {
			return append(dst, text...)
		}
	case sshwhy.FieldUnit:
		return m.unit(dst, text)
	case sshwhy.FieldPort, sshwhy.FieldLocalPort, sshwhy.FieldTargetPort, sshwhy.FieldLine, sshwhy.FieldPID, sshwhy.FieldUID, sshwhy.FieldGID, sshwhy.FieldCode,
		sshwhy.FieldStatus, sshwhy.FieldCount, sshwhy.FieldLimit, sshwhy.FieldSeconds, sshwhy.FieldChannel, sshwhy.FieldMode, sshwhy.FieldSize, sshwhy.FieldFlags,
		sshwhy.FieldNumber, sshwhy.FieldNumber2, sshwhy.FieldNumber3, sshwhy.FieldNumber4:
		if number(text) {
			return append(dst, text...)
		}
	}
	return m.free(dst, text)
}

// free appends text in which anything may stand.
func (m *Masks) free(dst, text []byte) []byte { return m.words.scrub(dst, text, m.token) }

// token appends the mask of one token of free text.
func (m *Masks) token(dst []byte, k token, text []byte) []byte {
	switch k {
	case tokenWord, tokenNumber:
		if m.users[string(text)] {
			return m.name(dst, text)
		}
		return append(dst, text...)
	case tokenAddress:
		start, end, _ := splitAddress(text)
		dst = append(dst, text[:start]...)
		dst = m.host(dst, text[start:end])
		return append(dst, text[end:]...)
	case tokenFingerprint:
		return m.fingerprint(dst, text)
	case tokenPath:
		return m.path(dst, text)
	case tokenHost:
		return m.host(dst, text)
	case tokenName:
		return m.name(dst, text)
	}
	return append(dst, tokenNames[k]...)
}

// remember notes the name of a user or group.
func (m *Masks) remember(name []byte) {
	if len(m.users) < maxMasks && len(name) <= maxName && string(name) != "root" {
		m.users[string(name)] = true
	}
}

// name appends the mask of a user or group. root stays: it says nothing about
// anybody, and much about the verdict.
func (m *Masks) name(dst, name []byte) []byte {
	if string(name) == "root" || len(name) == 0 {
		return append(dst, name...)
	}
	return append(dst, m.label("user", name)...)
}

// host appends the mask of an address or host name.
func (m *Masks) host(dst, text []byte) []byte {
	if addr, err := netip.ParseAddr(string(text)); err == nil {
		return m.address(addr).AppendTo(dst)
	}
	switch string(text) {
	case "localhost", "UNKNOWN", "unknown", "UNIX":
		return append(dst, text...)
	}
	mask := m.label("host", bytes.ToLower(text))
	if bytes.IndexByte(text, '.') >= 0 {
		mask += ".example"
	}
	return append(dst, mask...)
}

// The networks that masks of addresses are taken from: for benchmarks
// (RFC 2544) and for documentation (RFC 3849). No host has one of these.
var (
	benchmark4 = netip.MustParsePrefix("198.18.0.0/15")
	example6   = netip.MustParsePrefix("2001:db8::/32")
)

// address gives the mask of an address. Those that name no host stay.
func (m *Masks) address(a netip.Addr) netip.Addr {
	a = a.WithZone("")
	if a.IsUnspecified() || a == netip.IPv6Loopback() || a == netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
		return a
	}
	if a.Is4In6() {
		return netip.AddrFrom16(m.address(a.Unmap()).As16())
	}
	if mask, ok := m.addresses[a]; ok {
		return mask
	}
	mask := m.address6(a)
	if a.Is4() {
		mask = m.address4(a)
	}
	if len(m.addresses) < maxMasks {
		m.addresses[a], m.taken[mask] = mask, true
	}
	return mask
}

// address4 gives an address that no other has, as long as addresses are
// remembered: there are only 2^17.
func (m *Masks) address4(a netip.Addr) netip.Addr {
	sum := m.sum("ipv4", a.AsSlice())
	base := benchmark4.Addr().As4()
	n := binary.BigEndian.Uint32(sum[:])
	for {
		mask := netip.AddrFrom4([4]byte{base[0], base[1] | byte(n>>16&1), byte(n >> 8), byte(n)})
		if !m.taken[mask] {
			return mask
		}
		n++
	}
}

func (m *Masks) address6(a netip.Addr) netip.Addr {
	sum := m.sum("ipv6", a.AsSlice())
	mask := example6.Addr().As16()
	copy(mask[4:], sum[:])
	return netip.AddrFrom16(mask)
}

// fingerprint appends another fingerprint of the same form.
func (m *Masks) fingerprint(dst, text []byte) []byte {
	sum := m.sum("key", text)
	hash, _, _ := bytes.Cut(text, []byte(":"))
	switch string(hash) {
	case "SHA256", "SHA1", "SHA384", "SHA512", "RIPEMD160":
		dst = append(append(dst, hash...), ':')
		return base64.RawStdEncoding.AppendEncode(dst, sum[:])
	case "MD5":
		dst = append(dst, "MD5:"...)
	}
	for i, b := range sum[:16] {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = hex.AppendEncode(dst, []byte{b})
	}
	return dst
}

// path appends a path of which only the usual elements stay. Others are masked
// as names, so that a home goes with its user.
func (m *Masks) path(dst, text []byte) []byte {
	homes := false
	for i, element := range bytes.Split(text, []byte("/")) {
		if i > 0 {
			dst = append(dst, '/')
		}
		name := string(element)
		switch {
		case homes:
			dst = m.name(dst, element)
		case usualElement(name):
			dst = append(dst, element...)
		default:
			dst = m.name(dst, element)
		}
		homes = name == "home" || name == "Users"
	}
	return dst
}

// usualElement tells the names of files and directories that every system has.
func usualElement(name string) bool {
	switch name {
	case "", ".", "..", "~", "home", "Users", "root", "export", "etc", "ssh", ".ssh", "authorized_keys", "authorized_keys2", "sshd_config", "sshd_config.d", "ssh_config",
		"var", "run", "log", "empty", "sshd", "sshd.pid", "usr", "lib", "lib64", "libexec", "bin", "sbin", "local", "opt", "tmp", "dev", "null", "tty", "pts", "passwd", "shadow", "group",
		"nologin", "motd", "shells", "moduli", "known_hosts", "environment", "rc", "auth.log", "secure", "messages", "syslog", "sftp-server", "openssh", "openssh-server",
		"sshd-session", "sshd-auth", "bash", "sh", "zsh", "dash", "ksh", "csh", "tcsh", "fish", "false", "true", "security", "pam.d", "access.conf", "limits.conf", "faillock.conf", "pam_env.conf", "time.conf", "group.conf",
		"hosts.allow", "hosts.deny", "hosts.equiv", "shosts.equiv", ".rhosts", ".shosts", ".bashrc", ".profile", ".hushlogin", "default", "sysconfig", "crypto-policies", "back-ends",
		"ssh_host_rsa_key", "ssh_host_ecdsa_key", "ssh_host_ed25519_key", "ssh_host_dsa_key", "ssh_host_key",
		"ssh_host_rsa_key.pub", "ssh_host_ecdsa_key.pub", "ssh_host_ed25519_key.pub", "ssh_host_dsa_key.pub":
		return true
	}
	return false
}

// list appends a comma list of names that sshd and clients have for methods,
// types and algorithms; others are masked.
func (m *Masks) list(dst, text []byte) []byte {
	for i, name := range bytes.Split(text, []byte(",")) {
		if i > 0 {
			dst = append(dst, ',')
		}
		for j, part := range bytes.Split(name, []byte("/")) {
			if j > 0 {
				dst = append(dst, '/')
			}
			if m.words.has(part) {
				dst = append(dst, part...)
			} else if len(part) > 0 {
				dst = append(dst, m.label("alg", part)...)
			}
		}
	}
	return dst
}

// value appends what an administrator wrote: words may be names there.
func (m *Masks) value(dst, text []byte) []byte {
	return m.words.scrub(dst, text, func(dst []byte, k token, text []byte) []byte {
		if k == tokenWord && !m.words.value(text) && letters(text) {
			k = tokenName
		}
		return m.token(dst, k, text)
	})
}

// banner appends the version that a client sent: as much of it as is a known
// program's name with its number.
func (m *Masks) banner(dst, text []byte) []byte {
	rest := text
	if len(rest) > 8 && string(rest[:4]) == "SSH-" && rest[5] == '.' && rest[7] == '-' {
		dst, rest = append(dst, "SSH-"...), rest[4:]
		if !number(rest[:3]) {
			return append(dst, tokenNames[tokenText]...)
		}
		dst, rest = append(dst, rest[:4]...), rest[4:]
	}
	for _, name := range [...]string{"OpenSSH_for_Windows_", "OpenSSH_", "OpenSSH-", "libssh2_", "libssh_", "libssh-", "PuTTY_Release_", "PuTTY", "Go", "paramiko_", "JSCH-", "JSCH_",
		"WinSCP_release_", "FileZilla_", "dropbear_", "AsyncSSH_", "Nmap-SSH2-Hostkey", "NmapNSE_", "ZGrab ZGrab SSH Survey", "check_ssh_", "ROSSSH", "Cisco-", "Cisco"} {
		if after, ok := bytes.CutPrefix(rest, []byte(name)); ok {
			dst, rest = append(dst, name...), after
			break
		}
	}
	n := 0
	for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || rest[n] == '.' || rest[n] == 'p' && n > 0) {
		n++
	}
	if bytes.Count(rest[:n], []byte(".")) > 2 { // an address, or may be one
		n = 0
	}
	dst, rest = append(dst, rest[:n]...), rest[n:]
	if len(rest) > 0 {
		dst = append(dst, tokenNames[tokenText]...)
	}
	return dst
}

// unit appends the name of a systemd unit: that of an instance holds
// addresses.
func (m *Masks) unit(dst, text []byte) []byte {
	switch string(text) {
	case "ssh.service", "sshd.service", "ssh.socket", "sshd.socket":
		return append(dst, text...)
	}
	return append(dst, m.label("unit", text)...)
}

// terminal tells the name of a terminal device, or what sshd puts in its
// place.
func terminal(text []byte) bool {
	if string(text) == "ssh" {
		return true
	}
	for _, prefix := range [...]string{"pts/", "tty", "/dev/pts/", "/dev/tty"} {
		if rest, ok := bytes.CutPrefix(text, []byte(prefix)); ok && len(rest) > 0 && number(rest) {
			return true
		}
	}
	return false
}
