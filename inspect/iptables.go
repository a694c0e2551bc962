package inspect

import (
	"strconv"
	"strings"
)

// iptables is what iptables-save prints.
type iptables struct {
	six    bool
	tables map[string]*ipTable
}

type ipTable struct {
	policy map[string]string // of the chains that have one
	rules  map[string][][]string
	known  map[string]passage // of the packet at hand
}

// passage is what becomes of a packet in a chain.
type passage struct {
	fate
	stops string // the chain that may stop it, where that is another
}

func (t *iptables) family() string {
	if t.six {
		return "ip6"
	}
	return "ip"
}

func parseIPTables(text string, six bool) *iptables {
	t := &iptables{six: six, tables: map[string]*ipTable{}}
	var now *ipTable
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			now = &ipTable{policy: map[string]string{}, rules: map[string][][]string{}}
			t.tables[line[1:]] = now
		case now == nil:
		case strings.HasPrefix(line, ":"):
			if f := strings.Fields(line[1:]); len(f) > 1 {
				now.policy[f[0]] = f[1]
			}
		case strings.HasPrefix(line, "-A "):
			if f := fields(line[3:]); len(f) > 0 {
				now.rules[f[0]] = append(now.rules[f[0]], f[1:])
			}
		}
	}
	return t
}

// fields cuts a line into words, of which some stand in quotes.
func fields(line string) []string {
	var list []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			list, line = append(list, word), rest
			continue
		}
		var b strings.Builder
		i := 1
		for ; i < len(line) && line[i] != '"'; i++ {
			if line[i] == '\\' && i+1 < len(line) {
				i++
			}
			b.WriteByte(line[i])
		}
		list, line = append(list, b.String()), line[min(i+1, len(line)):]
	}
	return list
}

// judge implements firewall.
func (t *iptables) judge(p packet) (fate, place) {
	if t.six != p.six {
		return accepted, place{}
	}
	tool := "iptables"
	if t.six {
		tool = "ip6tables"
	}
	all := accepted
	var guilty place
	for _, at := range []place{{tool, "raw", "PREROUTING"}, {tool, "mangle", "PREROUTING"}, {tool, "mangle", "INPUT"}, {tool, "filter", "INPUT"}} {
		table := t.tables[at.table]
		if table == nil {
			continue
		}
		table.known = map[string]passage{}
		now := table.chain(at.chain, p)
		f, stops := now.fate, now.stops
		if f&falls != 0 {
			f &^= falls
			if table.policy[at.chain] == "DROP" {
				f |= dropped
			} else {
				f |= accepted
			}
		}
		if stops != "" {
			at.chain = stops
		}
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

// chain follows the rules of a chain. One that calls itself is left open;
// iptables permits none.
func (t *ipTable) chain(name string, p packet) passage {
	if now, ok := t.known[name]; ok {
		return now
	}
	t.known[name] = passage{fate: accepted | dropped}
	f, stops := t.follow(name, p)
	t.known[name] = passage{f, stops}
	return t.known[name]
}

func (t *ipTable) follow(name string, p packet) (f fate, stops string) {
	for _, words := range t.rules[name] {
		r := parseRule(words, p)
		if r.about == no {
			continue
		}
		var result fate
		switch r.target {
		case "ACCEPT":
			result = accepted
		case "DROP", "TARPIT":
			result = dropped
		case "REJECT":
			result = rejected
		case "RETURN":
			result = falls
		default:
			if _, chain := t.policy[r.target]; !chain {
				continue // LOG, MARK and others go on
			}
			inner := t.chain(r.target, p)
			at := inner.stops
			result = inner.fate
			if result&(dropped|rejected) != 0 && stops == "" {
				if stops = at; at == "" {
					stops = r.target
				}
			}
			if result&falls != 0 && !r.leaves {
				f |= result &^ falls
				continue
			}
		}
		if r.about == yes {
			return f | result, stops
		}
		f |= result &^ falls
	}
	return f | falls, stops
}

// ipRule is a rule as far as it concerns a packet.
type ipRule struct {
	about  doubt
	target string
	leaves bool // -g
}

func parseRule(words []string, p packet) ipRule {
	r := ipRule{about: yes}
	not := false
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "!" {
			not = true
			continue
		}
		argument := func() string {
			if i+1 < len(words) {
				i++
				return words[i]
			}
			return ""
		}
		d := yes
		switch w {
		case "-j":
			r.target = argument()
			return r // what follows belongs to the target
		case "-g":
			r.target, r.leaves = argument(), true
			return r
		case "-p":
			v := argument()
			d = sure(v == "tcp" || v == "all" || v == "6")
		case "-s":
			d = p.comes(argument())
		case "-d":
			d = reaches(argument())
		case "--dst-type":
			d = addressed(argument())
		case "-i":
			d = through(argument())
		case "-f":
			d = no
		case "--dport", "--dports", "--destination-port", "--destination-ports":
			d = portIn(argument(), p.port)
		case "--ctstate", "--state":
			d = sure(strings.Contains(","+argument()+",", ",NEW,"))
		case "--syn":
		case "--tcp-flags":
			mask, want := ipFlags(argument()), ipFlags(argument())
			d = sure(flagSYN&mask == want)
		case "-m":
			switch argument() {
			case "tcp", "conntrack", "state", "comment", "multiport", "addrtype":
			case "udp", "icmp", "icmp6":
				d = no
			default:
				d = maybe
			}
		case "--comment":
			argument()
		case "-c":
			argument()
			argument()
		default:
			d = maybe
		}
		if not {
			d, not = d.not(), false
		}
		r.about = r.about.and(d)
	}
	return r
}

// portIn tells whether a port is among "22", "22:25" or "22,80,1000:2000".
func portIn(list string, port uint16) doubt {
	for p := range strings.SplitSeq(list, ",") {
		low, high, ranged := strings.Cut(p, ":")
		if !ranged {
			high = low
		}
		a, err := strconv.ParseUint(low, 10, 16)
		if low == "" {
			a, err = 0, nil
		}
		b, err2 := strconv.ParseUint(high, 10, 16)
		if high == "" {
			b, err2 = 65535, nil
		}
		if err != nil || err2 != nil {
			return maybe
		}
		if uint64(port) >= a && uint64(port) <= b {
			return yes
		}
	}
	return no
}

func ipFlags(list string) int {
	all := 0
	for name := range strings.SplitSeq(list, ",") {
		all |= tcpFlags[strings.ToLower(name)]
	}
	return all
}
