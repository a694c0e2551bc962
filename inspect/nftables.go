package inspect

import (
	"encoding/json"
	"errors"
	"sort"
	"strconv"
	"strings"
)

// nft is what "nft -j list ruleset" prints (libnftables-json(5)).
type nft struct {
	chains map[string]*nftChain // by "family table chain"
	sets   map[string][]json.RawMessage
	maps   map[string][]json.RawMessage
	known  map[*nftChain]fate // of the packet at hand
}

type nftChain struct {
	family, table, name string
	hook                string
	priority            int
	policy              string
	rules               [][]json.RawMessage
}

// parseNFT reads the rules. Tables that another reader covers are left out.
func parseNFT(text []byte, covered map[string]bool) (*nft, error) {
	var all struct {
		Items []map[string]json.RawMessage `json:"nftables"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	n := &nft{chains: map[string]*nftChain{}, sets: map[string][]json.RawMessage{}, maps: map[string][]json.RawMessage{}}
	var errs []error
	for _, item := range all.Items {
		for kind, body := range item {
			errs = append(errs, n.add(kind, body, covered))
		}
	}
	return n, errors.Join(errs...)
}

func (n *nft) add(kind string, body json.RawMessage, covered map[string]bool) error {
	var v struct {
		Family, Table, Name, Chain, Hook, Policy string
		Prio                                     json.RawMessage
		Expr, Elem                               []json.RawMessage
	}
	switch kind {
	case "chain", "rule", "set", "map":
	default:
		return nil
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	if covered[v.Family+" "+v.Table] {
		return nil
	}
	key := v.Family + " " + v.Table + " "
	switch kind {
	case "chain":
		c := &nftChain{family: v.Family, table: v.Table, name: v.Name, hook: v.Hook, policy: v.Policy}
		if err := json.Unmarshal(v.Prio, &c.priority); err != nil {
			c.priority = 0
		}
		n.chains[key+v.Name] = c
	case "rule":
		if c := n.chains[key+v.Chain]; c != nil {
			c.rules = append(c.rules, v.Expr)
		}
	case "set":
		n.sets[key+v.Name] = v.Elem
	case "map":
		n.maps[key+v.Name] = v.Elem
	}
	return nil
}

// judge implements firewall: the packet must pass every chain at a hook on its
// way to a process of this host.
func (n *nft) judge(p packet) (fate, place) {
	n.known = map[*nftChain]fate{}
	var base []*nftChain
	for _, c := range n.chains {
		if c.hook != "input" && c.hook != "prerouting" || c.family == "ip" && p.six || c.family == "ip6" && !p.six {
			continue
		}
		if c.family == "inet" || c.family == "ip" || c.family == "ip6" {
			base = append(base, c)
		}
	}
	sort.Slice(base, func(i, j int) bool {
		a, b := base[i], base[j]
		if a.hook != b.hook {
			return a.hook > b.hook
		}
		if a.priority != b.priority {
			return a.priority < b.priority
		}
		return a.table+a.name < b.table+b.name
	})
	all := accepted
	var guilty place
	for _, c := range base {
		f := n.chain(c, p)
		if f&falls != 0 {
			f = f&^falls | policy(c.policy)
		}
		at := place{"nft", c.family + " " + c.table, c.name}
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

func policy(name string) fate {
	if name == "drop" {
		return dropped
	}
	return accepted
}

// chain gives what becomes of the packet in a chain. One that calls itself is
// left open; nftables permits none.
func (n *nft) chain(c *nftChain, p packet) fate {
	if f, ok := n.known[c]; ok {
		return f
	}
	n.known[c] = accepted | dropped
	n.known[c] = n.rules(c, p)
	return n.known[c]
}

func (n *nft) rules(c *nftChain, p packet) fate {
	var f fate
	for _, rule := range c.rules {
		ends, result := n.rule(c, rule, p)
		f |= result &^ falls
		if ends {
			return f | result&falls
		}
	}
	return f | falls
}

// rule follows one rule; ends says that no later one of the chain is reached.
func (n *nft) rule(c *nftChain, exprs []json.RawMessage, p packet) (ends bool, f fate) {
	about := yes
	for _, e := range exprs {
		var parts map[string]json.RawMessage
		if json.Unmarshal(e, &parts) != nil {
			about = about.and(maybe)
			continue
		}
		for kind, body := range parts {
			switch kind {
			case "match":
				about = about.and(n.match(c, body, p))
			case "counter", "log", "comment", "notrack", "mangle", "meta", "ct helper", "ct timeout", "queue", "dup":
			case "limit", "quota", "ct count", "xt", "socket", "osf":
				about = about.and(maybe)
			case "accept", "drop", "reject", "return", "continue", "jump", "goto":
				return n.verdict(c, kind, body, about, p)
			case "vmap":
				return n.vmap(c, body, about, p)
			default:
				about = about.and(maybe)
			}
			if about == no {
				return false, 0
			}
		}
	}
	return false, 0
}

func (n *nft) verdict(c *nftChain, kind string, body json.RawMessage, about doubt, p packet) (ends bool, f fate) {
	switch kind {
	case "accept":
		f = accepted
	case "drop":
		f = dropped
	case "reject":
		f = rejected
	case "return":
		f = falls
	case "continue":
		return false, 0
	case "jump", "goto":
		var to struct{ Target string }
		next := (*nftChain)(nil)
		if json.Unmarshal(body, &to) == nil {
			next = n.chains[c.family+" "+c.table+" "+to.Target]
		}
		if next == nil {
			return false, accepted | dropped
		}
		f = n.chain(next, p)
		if kind == "jump" && f&falls != 0 {
			return false, f &^ falls
		}
	}
	if about == yes {
		return true, f
	}
	return false, f &^ falls
}

// vmap looks a verdict up by a value of the packet.
func (n *nft) vmap(c *nftChain, body json.RawMessage, about doubt, p packet) (ends bool, f fate) {
	var m struct{ Key, Data json.RawMessage }
	if json.Unmarshal(body, &m) != nil {
		return false, accepted | dropped
	}
	for _, pair := range n.elements(c, m.Data, n.maps) {
		var two []json.RawMessage
		if json.Unmarshal(pair, &two) != nil || len(two) != 2 {
			return false, accepted | dropped
		}
		fits := about.and(n.compare(c, m.Key, two[0], p))
		if fits == no {
			continue
		}
		var verdict map[string]json.RawMessage
		if json.Unmarshal(two[1], &verdict) != nil {
			return false, accepted | dropped
		}
		for kind, body := range verdict {
			end, result := n.verdict(c, kind, body, fits, p)
			f |= result
			if end || fits == yes {
				return end, f
			}
		}
	}
	return false, f
}

// elements gives those of a set: {"set": […]}, a list, or "@name".
func (n *nft) elements(c *nftChain, raw json.RawMessage, named map[string][]json.RawMessage) []json.RawMessage {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return named[c.family+" "+c.table+" "+strings.TrimPrefix(name, "@")]
	}
	var anonymous struct{ Set json.RawMessage }
	if json.Unmarshal(raw, &anonymous) == nil && anonymous.Set != nil {
		raw = anonymous.Set
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil && len(raw) > 0 {
		list = []json.RawMessage{raw}
	}
	return list
}

func (n *nft) match(c *nftChain, body json.RawMessage, p packet) doubt {
	var m struct {
		Op          string
		Left, Right json.RawMessage
	}
	if json.Unmarshal(body, &m) != nil {
		return maybe
	}
	d := n.compare(c, m.Left, m.Right, p)
	switch m.Op {
	case "==", "in":
		return d
	case "!=":
		return d.not()
	}
	return maybe
}

// compare tells whether a value of the packet is the right one, or among the
// right ones.
func (n *nft) compare(c *nftChain, left, right json.RawMessage, p packet) doubt {
	var name string
	var object map[string]json.RawMessage
	named := json.Unmarshal(right, &name) == nil && strings.HasPrefix(name, "@")
	isSet := json.Unmarshal(right, &object) == nil && object["set"] != nil
	if named || isSet || len(right) > 0 && right[0] == '[' {
		elements := n.elements(c, right, n.sets)
		result := no
		for _, e := range elements {
			result = max(result, n.equal(left, element(e), p))
		}
		return result
	}
	return n.equal(left, right, p)
}

// element takes what a set says besides the value of an element off.
func element(raw json.RawMessage) json.RawMessage {
	var e struct{ Elem struct{ Val json.RawMessage } }
	if json.Unmarshal(raw, &e) == nil && e.Elem.Val != nil {
		return e.Elem.Val
	}
	return raw
}

// equal compares one value of the packet with one of a rule.
func (n *nft) equal(left, right json.RawMessage, p packet) doubt {
	var l struct {
		Payload struct{ Protocol, Field string }
		Meta    struct{ Key string }
		CT      struct{ Key string }
		FIB     struct {
			Result string
			Flags  []string
		}
		And []json.RawMessage `json:"&"`
	}
	if json.Unmarshal(left, &l) != nil {
		return maybe
	}
	switch field := l.Payload.Protocol + " " + l.Payload.Field; field {
	case "tcp dport", "th dport":
		return isNumber(right, int(p.port))
	case "udp dport", "udp sport", "icmp type", "icmpv6 type", "sctp dport", "udplite dport", "dccp dport":
		return no
	case "ip saddr", "ip6 saddr":
		if (l.Payload.Protocol == "ip6") != p.six {
			return no
		}
		return p.comes(address(right))
	case "ip daddr", "ip6 daddr":
		if (l.Payload.Protocol == "ip6") != p.six {
			return no
		}
		return reaches(address(right))
	case "ip protocol", "ip6 nexthdr":
		return word(right, "tcp", "6")
	case "tcp flags":
		return sure(bits(right)&flagSYN != 0)
	}
	switch l.Meta.Key {
	case "l4proto":
		return word(right, "tcp", "6")
	case "iif", "iifname":
		return through(text(right))
	case "iiftype":
		if text(right) == "loopback" {
			return no
		}
	case "nfproto", "protocol":
		v := strings.TrimPrefix(text(right), "ipv")
		return sure(p.six && (v == "6" || v == "ip6") || !p.six && (v == "4" || v == "ip"))
	case "pkttype":
		return word(right, "host", "unicast")
	}
	if l.FIB.Result == "type" && len(l.FIB.Flags) > 0 && l.FIB.Flags[0] == "daddr" {
		return addressed(text(right))
	}
	switch l.CT.Key {
	case "state":
		return word(right, stateNew)
	case "status":
		return no
	}
	if len(l.And) == 2 && strings.Contains(string(l.And[0]), `"flags"`) {
		return sure(flagSYN&bits(l.And[1]) == bits(right))
	}
	return maybe
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func word(raw json.RawMessage, is ...string) doubt {
	for _, w := range is {
		if text(raw) == w {
			return yes
		}
	}
	return no
}

// address gives "ADDRESS" or "ADDRESS/BITS" of a value, "" for another form.
func address(raw json.RawMessage) string {
	var v struct {
		Prefix struct {
			Addr string
			Len  int
		}
	}
	if json.Unmarshal(raw, &v) == nil && v.Prefix.Addr != "" {
		return v.Prefix.Addr + "/" + strconv.Itoa(v.Prefix.Len)
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return ""
}

// isNumber compares a number with a value: a number, a name, or a range.
func isNumber(raw json.RawMessage, n int) doubt {
	var v struct{ Range []int }
	if json.Unmarshal(raw, &v) == nil && len(v.Range) == 2 {
		return sure(v.Range[0] <= n && n <= v.Range[1])
	}
	var one int
	if json.Unmarshal(raw, &one) == nil {
		return sure(one == n)
	}
	if text(raw) == "ssh" {
		return sure(n == 22)
	}
	return maybe
}

// bits gives TCP flags: "syn", ["fin","syn"], {"|": […]} or a number.
func bits(raw json.RawMessage) int {
	var n int
	if json.Unmarshal(raw, &n) == nil {
		return n
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return tcpFlags[strings.ToLower(s)]
	}
	var or struct {
		Or []json.RawMessage `json:"|"`
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil && json.Unmarshal(raw, &or) == nil {
		list = or.Or
	}
	all := 0
	for _, e := range list {
		all |= bits(e)
	}
	return all
}
