package inspect

import (
	"encoding/hex"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// socket is one that listens.
type socket struct {
	at    netip.AddrPort
	uid   uint32
	inode string
}

// listening gives the TCP sockets that listen in this network namespace
// (proc_net_tcp.txt in the kernel's documentation).
func (h *Host) listening() (list []socket, ok bool) {
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		c, err := h.Files.Read(name, 16<<20)
		if err != nil {
			continue
		}
		ok = true
		for line := range strings.Lines(string(c.Text)) {
			if s, listens := parseSocket(line); listens {
				list = append(list, s)
			}
		}
	}
	return list, ok
}

func parseSocket(line string) (socket, bool) {
	const listens = "0A"
	f := strings.Fields(line)
	if len(f) < 10 || f[3] != listens {
		return socket{}, false
	}
	at, ok := parseEndpoint(f[1])
	uid, err := strconv.ParseUint(f[7], 10, 32)
	return socket{at, uint32(uid), f[9]}, ok && err == nil
}

// parseEndpoint reads "0100007F:0016": words of 32 bits in the byte order of
// the machine, which is little endian on all that matter, and a port.
func parseEndpoint(text string) (netip.AddrPort, bool) {
	address, port, ok := strings.Cut(text, ":")
	b, err := hex.DecodeString(address)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), true
}

// holds tells whether a process has one of the sockets open; only root sees
// that of others.
func (h *Host) holds(pid string, sockets []socket) []socket {
	dir := path.Join("/proc", pid, "fd")
	names, err := h.Files.List(dir)
	if err != nil {
		return nil
	}
	open := map[string]bool{}
	for _, name := range names {
		if link, err := h.Files.Readlink(path.Join(dir, name)); err == nil {
			open[link] = true
		}
	}
	var held []socket
	for _, s := range sockets {
		if open["socket:["+s.inode+"]"] {
			held = append(held, s)
		}
	}
	return held
}

// covers tells whether a socket takes connections to an address: its own, or
// any of its family.
func (s socket) covers(want netip.AddrPort) bool {
	if s.at.Port() != want.Port() {
		return false
	}
	return s.at.Addr() == want.Addr() || s.at.Addr().IsUnspecified() && s.at.Addr().Is4() == want.Addr().Is4()
}

// wanted gives what the configuration says to listen on.
func (c Config) wanted() []netip.AddrPort {
	var list []netip.AddrPort
	for _, text := range c["listenaddress"] {
		if at, err := netip.ParseAddrPort(text); err == nil {
			list = append(list, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
		}
	}
	return list
}
