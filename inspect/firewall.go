package inspect

import (
	"context"
	"net/netip"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// A firewall's rules are followed with a packet in mind: the first one of a
// connection to sshd. What cannot be told of it (the interface, an address
// that is not known, a limit) leaves both ways open, so that the answer is a
// set of what may happen.

// packet is the first one of a connection.
type packet struct {
	port uint16
	from netip.Addr // invalid where the client is not known
	six  bool       // IPv6
}

// fate is a set of what may become of a packet.
type fate uint8

const (
	accepted fate = 1 << iota
	dropped       // without a word: the client times out
	rejected      // with an answer: the client is refused
	falls         // through the end of a chain
)

// doubt is an answer to whether a rule is about the packet.
type doubt uint8

const (
	no doubt = iota
	maybe
	yes
)

func sure(b bool) doubt {
	if b {
		return yes
	}
	return no
}

func (d doubt) not() doubt { return yes - d }

func (d doubt) and(e doubt) doubt { return min(d, e) }

// firewall is a rule set.
type firewall interface {
	// judge follows the packet; guilty names the chain that may stop it.
	judge(p packet) (f fate, guilty place)
}

// place is a chain of a firewall.
type place struct {
	tool  string // nft, iptables, ip6tables
	table string
	chain string
}

// firewalls reads the rules of this host; seen is false where they could not
// be read.
func (x *examination) firewalls(ctx context.Context) (list []firewall, seen bool) {
	covered := map[string]bool{}
	for _, program := range []Program{IPTables, IP6Tables} {
		o, err := x.Execute(ctx, program)
		if err != nil || o.Status != 0 {
			continue
		}
		seen = true
		rules := parseIPTables(string(o.Out), program == IP6Tables)
		for table := range rules.tables {
			covered[rules.family()+" "+table] = true
		}
		list = append(list, rules)
	}
	if o, err := x.Execute(ctx, NFT, "-j", "list", "ruleset"); err == nil && o.Status == 0 {
		if rules, err := parseNFT(o.Out, covered); err == nil {
			return append(list, rules), true
		}
	}
	return list, seen
}

// firewall tells whether the port is open to the client.
func (x *examination) firewall(ctx context.Context) {
	list, seen := x.firewalls(ctx)
	if !seen {
		if x.root() && !x.exists("/usr/sbin/nft") && strings.TrimSpace(x.text("/proc/net/ip_tables_names")) == "" {
			x.good("firewall-none")
			return
		}
		x.unknown("firewall-not-seen")
		return
	}
	p := packet{port: x.port.Port(), from: x.From, six: x.port.Addr().Is6()}
	if x.From.IsValid() {
		p.six = x.From.Is6()
	}
	f, guilty := judge(list, p)
	values := []sshwhy.Value{num(sshwhy.FieldLocalPort, p.port)}
	if f == accepted {
		x.good("firewall-open", values...)
		return
	}
	if f&accepted != 0 {
		x.advise("firewall-depends", append(values, val(sshwhy.FieldName, guilty.table+" "+guilty.chain))...)
		return
	}
	x.closed(list, p, f, guilty, values)
}

// judge follows the packet through all rule sets: it passes where all let it.
func judge(list []firewall, p packet) (fate, place) {
	all := accepted
	var guilty place
	for _, one := range list {
		f, at := one.judge(p)
		if f&^accepted != 0 && guilty.tool == "" {
			guilty = at
		}
		if f&accepted == 0 {
			return f, at
		}
		all |= f
	}
	return all, guilty
}

// closed says that the firewall lets nothing through, and whose it is.
func (x *examination) closed(list []firewall, p packet, f fate, guilty place, values []sshwhy.Value) {
	if p.from.IsValid() {
		families := map[bool][2]string{false: {"ip", "ipv4"}, true: {"ip6", "ipv6"}}[p.six]
		values = append(values, val(sshwhy.FieldAddr, p.from.String()), val(sshwhy.FieldValue, families[0]), val(sshwhy.FieldGroup, families[1]))
		others := p
		others.from = netip.MustParseAddr(nowhere)
		if p.six {
			others.from = netip.MustParseAddr("2001:db8:ffff::1")
		}
		if g, _ := judge(list, others); g&accepted != 0 {
			if name, what := bans(guilty); name != "" {
				values = append(values, val(sshwhy.FieldName, name))
				switch {
				case name == "CrowdSec":
					values = append(values, val(sshwhy.FieldOther, p.from.String()))
				case what != "":
					values = append(values, val(sshwhy.FieldWhat, what))
				}
				x.bad("address-banned", AllWays, values...)
				return
			}
		}
	}
	cause := "firewall-drops"
	if f == rejected {
		cause = "firewall-rejects"
	}
	values = append(values, val(sshwhy.FieldName, guilty.tool), val(sshwhy.FieldWhat, strings.TrimSpace(guilty.table+" "+guilty.chain)))
	switch {
	case strings.Contains(strings.ToUpper(x.text("/etc/ufw/ufw.conf")), "ENABLED=YES") && guilty.tool != "nft":
		values = append(values, val(sshwhy.FieldSubsystem, "ufw"))
	case strings.HasSuffix(guilty.table, "firewalld"):
		values = append(values, val(sshwhy.FieldService, "firewalld"))
	case guilty.tool == "nft":
		values = append(values, val(sshwhy.FieldTarget, guilty.table+" "+guilty.chain))
	default:
		values = append(values, val(sshwhy.FieldModule, guilty.tool))
	}
	x.bad(cause, AllWays, values...)
}

// bans tells which program bans addresses in a chain.
func bans(at place) (name, what string) {
	all := at.table + " " + at.chain
	switch {
	case strings.Contains(all, "f2b-"):
		_, what, _ = strings.Cut(all, "f2b-")
		what, _, _ = strings.Cut(strings.TrimPrefix(what, "chain"), " ")
		return "fail2ban", strings.Trim(what, "-")
	case strings.Contains(all, "crowdsec"):
		return "CrowdSec", ""
	case strings.Contains(all, "sshguard"):
		return "sshguard", ""
	}
	return "", ""
}

// The state of the packet, as rules name it.
const (
	stateNew = "new"
	flagSYN  = 2
)

// tcpFlags are the bits of flags by name.
var tcpFlags = map[string]int{"fin": 1, "syn": flagSYN, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128, "none": 0, "all": 63}

// comes tells whether the packet comes from an address of these.
func (p packet) comes(word string) doubt {
	prefix, err := netip.ParsePrefix(word)
	if err != nil {
		a, err := netip.ParseAddr(word)
		if err != nil {
			return maybe
		}
		prefix = netip.PrefixFrom(a, a.BitLen())
	}
	if prefix.Addr().Is6() != p.six {
		return no
	}
	switch {
	case prefix.Bits() == 0:
		return yes
	case prefix.Addr().IsLoopback():
		return no
	case !p.from.IsValid():
		return maybe
	}
	return sure(prefix.Masked().Contains(p.from.Unmap()))
}

// through tells whether the packet comes through an interface: not through lo,
// and else through any.
func through(name string) doubt {
	if name == "lo" {
		return no
	}
	if name == "*" || name == "+" {
		return yes
	}
	return maybe
}

// reaches tells whether the packet goes to addresses of these, which are not
// known but for being this host's own.
func reaches(word string) doubt {
	prefix, err := netip.ParsePrefix(word)
	if err != nil {
		a, err := netip.ParseAddr(word)
		if err != nil {
			return maybe
		}
		prefix = netip.PrefixFrom(a, a.BitLen())
	}
	a := prefix.Addr()
	switch {
	case prefix.Bits() == 0:
		return yes
	case a.IsMulticast(), a.IsLoopback(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return no
	}
	return maybe
}

// addressed tells whether the packet's destination is of a type.
func addressed(kind string) doubt {
	switch strings.ToLower(kind) {
	case "local", "unicast":
		return yes
	case "broadcast", "multicast", "anycast", "blackhole", "unreachable", "prohibit":
		return no
	}
	return maybe
}
