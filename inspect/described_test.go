package inspect

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"io/fs"
	"net/netip"
	"path"
	"sort"
	"strings"
	"syscall"
	"time"
)

// noon is when the described hosts are looked at.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// node is a file of a described host.
type node struct {
	mode     fs.FileMode
	uid, gid uint32
	text     string
	link     string
	label    string
	changed  time.Time
}

// tree is the files of a described host; folders above them need not be named.
type tree map[string]node

func file(uid uint32, mode fs.FileMode, text string) node {
	return node{mode: mode, uid: uid, gid: uid, text: text}
}

func folder(uid uint32, mode fs.FileMode) node {
	return node{mode: mode | fs.ModeDir, uid: uid, gid: uid}
}

// view is a tree as a user sees it; nil sees all.
type view struct {
	tree
	as *Account
}

func (v view) As(user *Account) (Files, bool) { return view{v.tree, user}, true }

func (v view) node(name string) (node, bool) {
	if n, ok := v.tree[name]; ok {
		return n, true
	}
	for other := range v.tree {
		if strings.HasPrefix(other, strings.TrimSuffix(name, "/")+"/") {
			return folder(0, 0o755), true
		}
	}
	return node{}, false
}

func (v view) may(n node, bit fs.FileMode) bool {
	if v.as == nil || v.as.UID == 0 {
		return true
	}
	switch {
	case n.uid == v.as.UID:
		return n.mode&(bit<<6) != 0
	case n.gid == v.as.GID:
		return n.mode&(bit<<3) != 0
	}
	return n.mode&bit != 0
}

// resolve follows the links on the way, and the last one if asked.
func (v view) resolve(name string, last bool) (string, node, error) {
	for range maxLinks {
		next, again := "", false
		parts := strings.Split(strings.Trim(name, "/"), "/")
		at := "/"
		for i, part := range parts {
			if n, _ := v.node(at); !v.may(n, 1) {
				return "", node{}, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
			}
			at = path.Join(at, part)
			n, ok := v.node(at)
			if !ok {
				return "", node{}, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
			}
			if n.mode&fs.ModeSymlink != 0 && (last || i < len(parts)-1) {
				target := n.link
				if !path.IsAbs(target) {
					target = path.Join(path.Dir(at), target)
				}
				next, again = path.Join(target, strings.Join(parts[i+1:], "/")), true
				break
			}
		}
		if !again {
			n, _ := v.node(at)
			return at, n, nil
		}
		name = next
	}
	return "", node{}, &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP}
}

func (n node) info() Info {
	return Info{Mode: n.mode, UID: n.uid, GID: n.gid, Size: int64(len(n.text)), Modified: n.changed, Changed: n.changed}
}

func (v view) Stat(name string) (Info, error) {
	_, n, err := v.resolve(name, true)
	return n.info(), err
}

func (v view) Lstat(name string) (Info, error) {
	_, n, err := v.resolve(name, false)
	return n.info(), err
}

func (v view) Readlink(name string) (string, error) {
	_, n, err := v.resolve(name, false)
	if err == nil && n.mode&fs.ModeSymlink == 0 {
		err = &fs.PathError{Op: "readlink", Path: name, Err: syscall.EINVAL}
	}
	return n.link, err
}

func (v view) Label(name string) string {
	_, n, _ := v.resolve(name, true)
	return n.label
}

func (v view) List(name string) ([]string, error) {
	real, _, err := v.resolve(name, true)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for other := range v.tree {
		if rest, ok := strings.CutPrefix(other, strings.TrimSuffix(real, "/")+"/"); ok {
			first, _, _ := strings.Cut(rest, "/")
			seen[first] = true
		}
	}
	var names []string
	for n := range seen {
		names = append(names, n)
	}
	sort.Strings(names)
	return names, nil
}

func (v view) Read(name string, limit int64) (Contents, error) {
	_, n, err := v.resolve(name, true)
	switch {
	case err != nil:
		return Contents{}, err
	case !v.may(n, 4):
		return Contents{}, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	case !n.mode.IsRegular():
		return Contents{Info: n.info()}, ErrNotRegular
	case int64(len(n.text)) > limit:
		return Contents{n.info(), []byte(n.text[:limit]), true}, nil
	}
	return Contents{n.info(), []byte(n.text), false}, nil
}

// programs are what programs of a described host print, by their command line;
// one that begins with a ! fails with that status 1 and the rest on standard
// error.
type programs map[string]string

func (p programs) execute(_ context.Context, program Program, args ...string) (Output, error) {
	line := strings.Join(append([]string{string(program)}, args...), " ")
	for name, out := range p {
		if name != line && !(strings.HasSuffix(name, "*") && strings.HasPrefix(line, strings.TrimSuffix(name, "*"))) {
			continue
		}
		if rest, fails := strings.CutPrefix(out, "!"); fails {
			return Output{Err: []byte(rest), Status: 1}, nil
		}
		return Output{Out: []byte(out)}, nil
	}
	if program == Getent || program == ID {
		return Output{Status: statusNotFound}, nil
	}
	return Output{}, ErrNoProgram
}

// inForceText is what sshd -T prints of a plain configuration.
const inForceText = `port 22
listenaddress [::]:22
listenaddress 0.0.0.0:22
usepam yes
permitrootlogin without-password
pubkeyauthentication yes
passwordauthentication yes
kbdinteractiveauthentication no
strictmodes yes
permitemptypasswords no
requiredrsasize 1024
hostkey /etc/ssh/ssh_host_ed25519_key
authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2
authorizedkeyscommand none
trustedusercakeys none
revokedkeys none
chrootdirectory none
forcecommand none
authenticationmethods any
pubkeyacceptedalgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256
loglevel INFO
`

// newerText is the same as 10.6 prints it.
const newerText = `Port 22
ListenAddress [::]:22
ListenAddress 0.0.0.0:22
UsePAM yes
PAMServiceName sshd
SshdAuthPath /usr/lib/openssh/sshd-auth
RequiredRSASize 1024
PermitRootLogin prohibit-password
PubkeyAuthentication yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
StrictModes yes
TCPKeepAlive true
PermitEmptyPasswords no
RefuseConnection no
ForceCommand none
ChrootDirectory none
TrustedUserCAKeys none
AuthorizedKeysCommand none
PubkeyAcceptedAlgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-mldsa44-ed25519
LogLevel INFO
AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2
HostKey /etc/ssh/ssh_host_ed25519_key
AuthenticationMethods any
`

// newerKeyLine is a public key of nobody, of a type that 10.6 has.
func newerKeyLine() string {
	var blob []byte
	for _, part := range []string{newerTypes[0], strings.Repeat("x", 1344)} {
		blob = append(binary.BigEndian.AppendUint32(blob, uint32(len(part))), part...)
	}
	return newerTypes[0] + " " + base64.StdEncoding.EncodeToString(blob) + " alice@laptop"
}

// aKey is a public key of nobody.
const aKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAo0ywVQ21FYt7fIl4isXF/uvrc486zmcd/xCizHQrQN alice@laptop"

const aPrint = "SHA256:vWWkTt0lyR5zRg5rXtjMuo3rW0BmRIVR8qVl+yL7+gk"

// described gives a host on which alice can log in; change changes it.
func described(change func(tree, programs)) *Host {
	files := tree{
		"/": folder(0, 0o755), "/home": folder(0, 0o755), "/home/alice": folder(1000, 0o755), "/home/alice/.ssh": folder(1000, 0o700),
		"/home/alice/.ssh/authorized_keys": file(1000, 0o600, aKey+"\n"),
		"/etc/passwd":                      file(0, 0o644, "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"),
		"/etc/ssh/sshd_config":             node{mode: 0o644, text: "Include /etc/ssh/sshd_config.d/*.conf\n", changed: noon.Add(-3 * time.Hour)},
		"/etc/ssh/ssh_host_ed25519_key":    file(0, 0o600, "secret"),
		"/etc/pam.d/sshd":                  file(0, 0o644, "auth required pam_unix.so\naccount required pam_nologin.so\naccount required pam_unix.so\n"),
		"/lib/security/pam_unix.so":        file(0, 0o644, ""), "/lib/security/pam_nologin.so": file(0, 0o644, ""), "/lib/security/pam_access.so": file(0, 0o644, ""),
		"/bin/sh":                                file(0, 0o755, ""),
		"/usr/sbin/sshd":                         file(0, 0o755, ""),
		"/proc/uptime":                           file(0, 0o444, "7200.00 1.0\n"),
		"/proc/77":                               folder(0, 0o555),
		"/proc/77/stat":                          file(0, 0o444, "77 (sshd) S 1 77 77 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 180000 1 1"),
		"/proc/77/cmdline":                       file(0, 0o444, "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\x00\x00"),
		"/proc/77/fd/3":                          node{mode: 0o700 | fs.ModeSymlink, link: "socket:[4711]"},
		"/proc/net/tcp":                          file(0, 0o444, "  sl  local_address rem_address   st\n   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0\n"),
		"/proc/net/tcp6":                         file(0, 0o444, "  sl\n   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0\n"),
		"/etc/os-release":                        file(0, 0o644, "ID=debian\n"),
		"/var/lib/dpkg/info/openssh-server.list": file(0, 0o644, ""),
	}
	run := programs{
		"sshd -T":             inForceText,
		"sshd -T -C *":        inForceText,
		"getent passwd alice": "alice:x:1000:1000::/home/alice:/bin/sh\n",
		"getent passwd":       "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n",
		"getent shadow alice": "alice:$6$x$y:20000:0:99999:7:::\n",
		"id -G alice":         "1000\n",
		"getent group 1000":   "alice:x:1000:\n",
		"nft -j list ruleset": `{"nftables": []}`,
	}
	if change != nil {
		change(files, run)
	}
	return &Host{
		Files: view{files, nil}, Execute: run.execute, Now: func() time.Time { return noon },
		Banner:    func(context.Context, netip.AddrPort) (string, error) { return "SSH-2.0-OpenSSH_9.2p1 Debian-2", nil },
		Addresses: func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("192.0.2.10")}, nil },
		Libraries: func(string) ([]string, error) { return []string{"libc.so.6"}, nil },
	}
}
