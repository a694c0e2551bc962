package inspect

import (
	"net/netip"
	"testing"
)

func (f fate) String() string {
	text := ""
	for bit, name := range map[fate]string{accepted: "accepted"} {
		if f&bit != 0 {
			text += name
		}
	}
	if f&dropped != 0 {
		text += " dropped"
	}
	if f&rejected != 0 {
		text += " rejected"
	}
	return text
}

// input is a rule set of nft with one chain at the hook input.
func input(policy, rules string) string {
	return `{"nftables":[{"metainfo":{}},{"table":{"family":"inet","name":"t"}},
	{"set":{"family":"inet","name":"banned","table":"t","type":"ipv4_addr","elem":[{"prefix":{"addr":"203.0.113.0","len":24}},"192.0.2.7",{"elem":{"val":"192.0.2.8","timeout":60}}]}},
	{"chain":{"family":"inet","table":"t","name":"in","hook":"input","prio":0,"policy":"` + policy + `"}},
	{"chain":{"family":"inet","table":"t","name":"more"}},
	{"rule":{"family":"inet","table":"t","chain":"more","expr":[{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":22}},{"reject":{}}]}}` + rules + `]}`
}

func rule(exprs string) string {
	return `,{"rule":{"family":"inet","table":"t","chain":"in","expr":[` + exprs + `]}}`
}

const (
	toSSH   = `{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":22}}`
	toSome  = `{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":{"set":[80,{"range":[20,25]}]}}}`
	toWeb   = `{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":{"set":[80,443]}}}`
	banned  = `{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"@banned"}}`
	notLo   = `{"match":{"op":"!=","left":{"meta":{"key":"iifname"}},"right":"lo"}}`
	lo      = `{"match":{"op":"==","left":{"meta":{"key":"iif"}},"right":"lo"}}`
	eth0    = `{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"eth0"}}`
	isNew   = `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":"new"}}`
	known   = `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}}`
	states  = `{"vmap":{"key":{"ct":{"key":"state"}},"data":{"set":[["established",{"accept":null}],["invalid",{"drop":null}],["new",{"jump":{"target":"more"}}]]}}}`
	notSYN  = `{"match":{"op":"!=","left":{"&":[{"payload":{"protocol":"tcp","field":"flags"}},{"|":[{"|":["fin","syn"]},{"|":["rst","ack"]}]}]},"right":"syn"}}`
	accept  = `{"accept":null}`
	drop    = `{"drop":null}`
	jump    = `{"jump":{"target":"more"}}`
	limited = `{"limit":{"rate":10,"per":"minute"}}`
)

// TestNFT follows a packet through rule sets of nftables.
func TestNFT(t *testing.T) {
	stranger, one := netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("203.0.113.7")
	for _, test := range []struct {
		name, rules string
		from        netip.Addr
		want        fate
	}{
		{"no rules", input("accept", ""), stranger, accepted},
		{"a policy", input("drop", ""), stranger, dropped},
		{"an open port", input("drop", rule(lo+","+accept)+rule(known+","+accept)+rule(toSSH+","+accept)), stranger, accepted},
		{"an open range", input("drop", rule(toSome+","+accept)), stranger, accepted},
		{"other ports", input("drop", rule(toWeb+","+accept)), stranger, dropped},
		{"all but lo", input("accept", rule(notLo+","+toSSH+","+drop)), stranger, dropped},
		{"one interface", input("drop", rule(eth0+","+toSSH+","+accept)), stranger, accepted | dropped},
		{"a set with the address", input("accept", rule(banned+","+drop)), one, dropped},
		{"a set with the address and a time", input("accept", rule(banned+","+drop)), netip.MustParseAddr("192.0.2.8"), dropped},
		{"a set without the address", input("accept", rule(banned+","+drop)), stranger, accepted},
		{"a set, and an address that is not known", input("accept", rule(banned+","+drop)), netip.Addr{}, accepted | dropped},
		{"a jump", input("accept", rule(jump)), stranger, rejected},
		{"a verdict map", input("accept", rule(states)), stranger, rejected},
		{"a limit", input("drop", rule(toSSH+","+isNew+","+limited+","+accept)), stranger, accepted | dropped},
		{"a rule against odd flags", input("accept", rule(notSYN+","+drop)), stranger, accepted},
		{"local addresses", input("drop", rule(`{"match":{"op":"==","left":{"fib":{"result":"type","flags":["daddr"]}},"right":"local"}},`+accept)), stranger, accepted},
		{"an expression that nobody knows", input("accept", rule(`{"odd":{}},`+drop)), stranger, accepted | dropped},
		{"a match of another program", input("accept", rule(toSSH+`,{"xt":{"type":"match"}},`+drop)), stranger, accepted | dropped},
	} {
		n, err := parseNFT([]byte(test.rules), nil)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got, _ := n.judge(packet{port: 22, from: test.from}); got != test.want {
			t.Errorf("%s: %v, not %v", test.name, got, test.want)
		}
	}
}

// TestIPTables follows a packet through rule sets of iptables.
func TestIPTables(t *testing.T) {
	stranger, one := netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("203.0.113.7")
	table := func(policy, rules string) string {
		return "*filter\n:INPUT " + policy + " [0:0]\n:f2b-sshd - [0:0]\n" + rules + "COMMIT\n"
	}
	for _, test := range []struct {
		name, rules string
		from        netip.Addr
		want        fate
		chain       string
	}{
		{"no rules", table("ACCEPT", ""), stranger, accepted, ""},
		{"a policy", table("DROP", ""), stranger, dropped, "INPUT"},
		{"an open port", table("DROP", "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"for us\" -j ACCEPT\n"), stranger, accepted, ""},
		{"other ports", table("DROP", "-A INPUT -p tcp -m multiport --dports 80,443,1000:2000 -j ACCEPT\n"), stranger, dropped, "INPUT"},
		{"udp", table("DROP", "-A INPUT -p udp -m udp --dport 22 -j ACCEPT\n"), stranger, dropped, "INPUT"},
		{"all but a network", table("ACCEPT", "-A INPUT ! -s 10.0.0.0/8 -p tcp --dport 22 -j REJECT --reject-with tcp-reset\n"), stranger, rejected, "INPUT"},
		{"a chain of fail2ban", table("ACCEPT", "-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd\n-A f2b-sshd -s 203.0.113.7/32 -j REJECT\n-A f2b-sshd -j RETURN\n"), one, rejected, "f2b-sshd"},
		{"the same for another", table("ACCEPT", "-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd\n-A f2b-sshd -s 203.0.113.7/32 -j REJECT\n-A f2b-sshd -j RETURN\n"), stranger, accepted, ""},
		{"a module that is not known", table("DROP", "-A INPUT -p tcp --dport 22 -m recent --update --seconds 30 -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT\n"), stranger, accepted | dropped, "INPUT"},
		{"the local addresses, as ufw has it", table("DROP", "-A INPUT -j f2b-sshd\n-A INPUT -d 224.0.0.251/32 -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A f2b-sshd -m addrtype --dst-type LOCAL -j RETURN\n-A f2b-sshd -j DROP\n"), stranger, accepted, ""},
		{"logging", table("ACCEPT", "-A INPUT -j LOG --log-prefix \"in: \"\n"), stranger, accepted, ""},
	} {
		got, at := parseIPTables(test.rules, false).judge(packet{port: 22, from: test.from})
		if got != test.want || at.chain != test.chain {
			t.Errorf("%s: %v in %q, not %v in %q", test.name, got, at.chain, test.want, test.chain)
		}
	}
}

// TestHostsAccess reads hosts.allow and hosts.deny.
func TestHostsAccess(t *testing.T) {
	for _, test := range []struct {
		allow, deny, from string
		denied            bool
	}{
		{"", "", "203.0.113.7", false},
		{"", "ALL: ALL", "203.0.113.7", true},
		{"sshd: 203.0.113.", "ALL: ALL", "203.0.113.7", false},
		{"sshd: 203.0.113.0/255.255.255.0", "ALL: ALL", "203.0.113.7", false},
		{"sshd: [2001:db8::]/32", "ALL: ALL", "2001:db8::7", false},
		{"sshd: ALL EXCEPT 203.0.113.7", "ALL: ALL", "203.0.113.7", true},
		{"sshd: ALL EXCEPT 203.0.113.7", "ALL: ALL", "203.0.113.8", false},
		{"vsftpd: ALL", "sshd: ALL", "203.0.113.7", true},
		{"ALL: 203.0.113.7 : deny", "", "203.0.113.7", true},
		{"", "ALL EXCEPT sshd: ALL", "203.0.113.7", false},
		{"# sshd: ALL\n", "sshd: \\\n 203.0.113.7", "203.0.113.7", true},
	} {
		if _, denied := hostsAccess(test.allow, test.deny, netip.MustParseAddr(test.from)); denied != test.denied {
			t.Errorf("allow %q, deny %q: %s is denied: %v", test.allow, test.deny, test.from, denied)
		}
	}
}

func FuzzFirewall(f *testing.F) {
	f.Add([]byte(input("drop", rule(states)+rule(banned+","+drop)+rule(notSYN+","+jump))), "*filter\n:INPUT DROP [0:0]\n-A INPUT ! -s 10.0.0.0/8 -p tcp --dport 22 -j REJECT\n", "sshd: ALL EXCEPT [::1]/64 : deny\n")
	f.Fuzz(func(t *testing.T, rules []byte, tables, access string) {
		p := packet{port: 22, from: netip.MustParseAddr("203.0.113.7")}
		if n, err := parseNFT(rules, nil); err == nil {
			n.judge(p)
		}
		parseIPTables(tables, false).judge(p)
		hostsAccess(access, access, p.from)
	})
}
