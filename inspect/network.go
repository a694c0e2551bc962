package inspect

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// ports tells where sshd listens, and whether that is where it should.
func (x *examination) ports(ctx context.Context) {
	held := x.held()
	if len(held) == 0 {
		if x.portTaken(ctx) || x.addressMissing() {
			return
		}
		if x.seen {
			x.bad("nothing-listens", AllWays)
		} else {
			x.unknown("listen-not-seen")
		}
		return
	}
	x.port = held[0].at
	for _, s := range held {
		if s.at.Addr().Is4() {
			x.port = s.at
			break
		}
	}
	if x.otherThanConfigured(held) {
		return
	}
	if !slices.ContainsFunc(held, func(s socket) bool { return !s.at.Addr().IsLoopback() }) {
		x.bad("listens-on-loopback-only", AllWays, val(sshwhy.FieldLocalAddr, describe(held)), num(sshwhy.FieldLocalPort, held[0].at.Port()), x.standsIn("ListenAddress"))
		return
	}
	if x.Port != 0 && !slices.ContainsFunc(held, func(s socket) bool { return s.at.Port() == x.Port }) {
		x.bad("port-differs", AllWays, num(sshwhy.FieldLocalPort, x.port.Port()), num(sshwhy.FieldTargetPort, x.Port))
		return
	}
	x.good("listens", val(sshwhy.FieldLocalAddr, describe(held)))
	if x.port.Port() != 22 && x.Port == 0 {
		x.advise("port-unusual", num(sshwhy.FieldLocalPort, x.port.Port()))
	}
}

// standsIn gives the file in which a keyword stands.
func (x *examination) standsIn(keyword string) sshwhy.Value {
	main := configPath
	if x.daemon != nil {
		main = x.daemon.config
	}
	file, _ := x.stands(main, keyword)
	return val(sshwhy.FieldPath, file)
}

// held gives the sockets of sshd, or of systemd's socket unit for it.
func (x *examination) held() []socket {
	if _, u := x.socketUnit(); u != nil {
		x.seen = true
		return x.ofUnit(u)
	}
	if x.daemon == nil && x.root() {
		return nil
	}
	if x.daemon == nil {
		return x.roots()
	}
	if list := x.holds(strconv.Itoa(x.daemon.pid), x.sockets); len(list) > 0 || x.root() {
		x.seen = true
		return list
	}
	return x.roots()
}

// roots gives root's sockets on the configured ports. A user does not see who
// holds them, and takes them for sshd's.
func (x *examination) roots() []socket {
	var list []socket
	for _, s := range x.sockets {
		if s.uid == 0 && (slices.ContainsFunc(x.global.config.wanted(), s.covers) || x.global.config == nil && s.at.Port() == 22) {
			list = append(list, s)
		}
	}
	return list
}

// ofUnit gives the sockets that systemd listens on for a unit: "[::]:22
// (Stream)", "22 (Stream)" or "0.0.0.0:22 (Stream)".
func (x *examination) ofUnit(u unit) []socket {
	var list []socket
	for word := range strings.FieldsSeq(u["Listen"]) {
		at, err := netip.ParseAddrPort(word)
		if err != nil {
			if n, e := strconv.ParseUint(word, 10, 16); e == nil {
				at, err = netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(n)), nil
			}
		}
		if err == nil {
			list = append(list, socket{at: at})
		}
	}
	return list
}

// otherThanConfigured finds addresses that the configuration wants and sshd
// does not have.
func (x *examination) otherThanConfigured(held []socket) bool {
	if x.global.config == nil || x.any(Bad, LayerConfig) {
		return false // told already
	}
	name, _ := x.socketUnit()
	for _, want := range x.global.config.wanted() {
		if slices.ContainsFunc(held, func(s socket) bool { return s.covers(want) || name != "" && s.at.Port() == want.Port() }) {
			continue
		}
		if name != "" {
			x.bad("socket-overrides-port", 0, val(sshwhy.FieldUnit, name), num(sshwhy.FieldLocalPort, held[0].at.Port()), num(sshwhy.FieldPort, want.Port()))
			return true
		}
		if want.Addr().Is6() && !x.exists("/proc/net/if_inet6") {
			continue
		}
		if x.portTakenAt(want) {
			return true
		}
		if x.addressMissing() {
			return true
		}
	}
	return false
}

// portTakenAt is portTaken for one address.
func (x *examination) portTakenAt(want netip.AddrPort) bool {
	for _, s := range x.sockets {
		if !s.covers(want) {
			continue
		}
		if p, ok := x.owner(s); ok && p.name != "sshd" {
			x.bad("port-in-use", 0, num(sshwhy.FieldLocalPort, want.Port()), val(sshwhy.FieldLocalAddr, want.Addr().String()), num(sshwhy.FieldPID, p.pid), val(sshwhy.FieldName, p.name))
			return true
		}
	}
	return false
}

func describe(held []socket) string {
	var list []string
	for _, s := range held {
		list = append(list, s.at.String())
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ", ")
}

// network goes through what is between the client and the socket.
func (x *examination) network(ctx context.Context) {
	if !x.port.IsValid() || x.any(Bad, LayerListen) {
		return
	}
	full := x.startups()
	x.firewall(ctx)
	x.wrappers()
	if x.From.IsValid() {
		x.banned(ctx)
		x.penalised(ctx)
	}
	if !full && !x.Quiet && !x.any(Bad, LayerNetwork) {
		x.answers(ctx)
	}
	if !x.Quiet {
		x.unknown("network-beyond")
	}
}

// startups tells whether too many connections have not logged in yet.
func (x *examination) startups() (full bool) {
	d := x.daemon
	if d == nil || d.unauthenticated < 0 {
		return false
	}
	values := []sshwhy.Value{num(sshwhy.FieldCount, d.unauthenticated), num(sshwhy.FieldLocalPort, x.port.Port()), val(sshwhy.FieldLimit, strconv.Itoa(d.begin)+"-"+strconv.Itoa(d.full))}
	if d.unauthenticated >= d.begin {
		x.bad("max-startups", AllWays, values...)
		return true
	}
	x.good("startups-fine", values...)
	return false
}

// answers connects from this host, and tells what sshd says.
func (x *examination) answers(ctx context.Context) {
	to := x.port
	switch {
	case to.Addr() == netip.IPv6Unspecified():
		to = netip.AddrPortFrom(netip.IPv6Loopback(), to.Port())
	case to.Addr().IsUnspecified():
		to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), to.Port())
	}
	line, err := x.Banner(ctx, to)
	at := val(sshwhy.FieldLocalAddr, to.String())
	switch {
	case strings.HasPrefix(line, "SSH-"):
		x.released = line
		x.good("answers", at, val(sshwhy.FieldBanner, line))
	case strings.HasPrefix(line, "Exceeded MaxStartups"):
		x.bad("max-startups", AllWays, num(sshwhy.FieldLocalPort, to.Port()))
	case strings.HasPrefix(line, "Not allowed at this time"):
		x.advise("answers-penalised", at)
	case line != "":
		x.bad("no-banner", AllWays, at, val(sshwhy.FieldBanner, line))
	case err != nil && strings.Contains(err.Error(), "refused"):
		x.bad("refused-locally", AllWays, at)
	default:
		x.bad("no-banner", AllWays, at)
	}
}

// banned asks the programs that ban addresses.
func (x *examination) banned(ctx context.Context) {
	a := x.From.String()
	if x.exists("/run/fail2ban/fail2ban.sock") || x.exists("/var/run/fail2ban/fail2ban.sock") {
		// "[['sshd']]", or "[[]]"
		out, ok := x.run(ctx, Fail2ban, "banned", a)
		if jail := strings.Trim(strings.TrimSpace(out), "[]'"); ok && jail != "" {
			x.bad("address-banned", AllWays, val(sshwhy.FieldAddr, a), val(sshwhy.FieldName, "fail2ban"), val(sshwhy.FieldWhat, jail))
			return
		}
	}
	out, ok := x.run(ctx, CrowdSec, "decisions", "list", "--ip", a, "-o", "raw")
	if ok && strings.Contains(out, a) {
		x.bad("address-banned", AllWays, val(sshwhy.FieldAddr, a), val(sshwhy.FieldName, "CrowdSec"), val(sshwhy.FieldOther, a))
	}
}

// lately is for how long a drop counts.
const lately = int64(600e9)

// penalised looks into the log for drops of the address.
func (x *examination) penalised(ctx context.Context) {
	if x.any(Bad, LayerNetwork) {
		return
	}
	now := x.Now().UnixNano()
	all := x.judgeLog(ctx)
	for i := len(all) - 1; i >= 0; i-- {
		v := &all[i]
		if v.Address != x.From.String() || v.Time != 0 && now-v.Time > lately {
			continue
		}
		if v.Cause == "per-source-penalty" || v.Cause == "per-source-max-startups" {
			x.add(Bad, "", v.Cause, AllWays, append(slices.Clone(v.Values), val(sshwhy.FieldAddr, v.Address)))
		}
		return
	}
}
