package inspect

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// wrappers goes through /etc/hosts.allow and /etc/hosts.deny, where this sshd
// is built to read them (hosts_access(5)).
func (x *examination) wrappers() {
	if !x.wrapped() {
		return
	}
	allow, deny := x.text("/etc/hosts.allow"), x.text("/etc/hosts.deny")
	if x.From.IsValid() {
		rule, denied := hostsAccess(allow, deny, x.From)
		switch {
		case !denied:
			x.good("wrappers-permit", val(sshwhy.FieldAddr, x.From.String()))
		default:
			x.bad("tcp-wrappers-denied", AllWays, val(sshwhy.FieldAddr, x.From.String()), val(sshwhy.FieldPattern, rule))
		}
		return
	}
	nobody := netip.MustParseAddr(nowhere)
	if rule, denied := hostsAccess(allow, deny, nobody); denied {
		if !strings.Contains(rulesOn(allow), "\n") {
			x.bad("tcp-wrappers-denied", AllWays, val(sshwhy.FieldPattern, rule))
			return
		}
		x.advise("wrappers-some", val(sshwhy.FieldPattern, rule))
		return
	}
	if rulesOn(deny) != "" {
		x.advise("wrappers-some", val(sshwhy.FieldPattern, "hosts.deny"))
		return
	}
	x.good("wrappers-empty")
}

// wrapped tells whether sshd, or the part of it that takes a connection, is
// built with libwrap.
func (x *examination) wrapped() bool {
	for _, name := range []string{x.program, "/usr/lib/openssh/sshd-session", "/usr/libexec/openssh/sshd-session", "/usr/libexec/sshd-session"} {
		if name == "" || !x.exists(name) {
			continue
		}
		list, err := x.Libraries(name)
		if err == nil && slices.ContainsFunc(list, func(l string) bool { return strings.HasPrefix(l, "libwrap.") }) {
			return true
		}
	}
	return false
}

// rulesOn gives the lines of a file that are about sshd.
func rulesOn(text string) string {
	var b strings.Builder
	for _, line := range accessLines(text) {
		if daemons, _, ok := cutRule(line); ok && listFits(daemons, daemonFits) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// hostsAccess tells whether the files deny an address, and by which line. A
// name in place of an address needs the DNS and counts as not fitting.
func hostsAccess(allow, deny string, a netip.Addr) (rule string, denied bool) {
	client := func(word string) bool { return clientFits(word, a) }
	for _, file := range []struct {
		text   string
		denies bool
	}{{allow, false}, {deny, true}} {
		for _, line := range accessLines(file.text) {
			daemons, rest, ok := cutRule(line)
			if !ok {
				continue
			}
			clients, option := cutClients(rest)
			if !listFits(daemons, daemonFits) || !listFits(clients, client) {
				continue
			}
			switch strings.ToLower(strings.TrimSpace(option)) {
			case "deny":
				return line, true
			case "allow":
				return line, false
			}
			return line, file.denies
		}
	}
	return "", false
}

// accessLines gives the rules of a file, continued lines joined.
func accessLines(text string) []string {
	var list []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

func cutRule(line string) (daemons, rest string, ok bool) { return strings.Cut(line, ":") }

// cutClients cuts off the option behind the clients; colons in brackets belong
// to an address.
func cutClients(rest string) (clients, option string) {
	depth := 0
	for i := range len(rest) {
		switch rest[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ':':
			if depth == 0 {
				return rest[:i], rest[i+1:]
			}
		}
	}
	return rest, ""
}

// listFits tells whether a list of words fits, with EXCEPT lists behind it.
func listFits(list string, fits func(string) bool) bool {
	words := strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
	return wordsFit(words, fits)
}

func wordsFit(words []string, fits func(string) bool) bool {
	for i, w := range words {
		if strings.EqualFold(w, "EXCEPT") {
			return false
		}
		if !fits(w) {
			continue
		}
		for j := i + 1; j < len(words); j++ {
			if strings.EqualFold(words[j], "EXCEPT") {
				return !wordsFit(words[j+1:], fits)
			}
		}
		return true
	}
	return false
}

func daemonFits(word string) bool {
	return word == "ALL" || word == "sshd" || word == "sshd-session"
}

func clientFits(word string, a netip.Addr) bool {
	a = a.Unmap()
	if _, host, ok := strings.Cut(word, "@"); ok {
		word = host
	}
	word = strings.NewReplacer("[", "", "]", "").Replace(word)
	switch {
	case word == "ALL" || word == "KNOWN":
		return true
	case strings.HasSuffix(word, "."):
		return strings.HasPrefix(a.String(), word)
	case strings.Contains(word, "/"):
		return netFits(word, a)
	case strings.ContainsAny(word, "*?"):
		return match(word, a.String())
	}
	one, err := netip.ParseAddr(word)
	return err == nil && one.Unmap() == a
}

// netFits knows NET/BITS and NET/MASK.
func netFits(word string, a netip.Addr) bool {
	if p, err := netip.ParsePrefix(word); err == nil {
		return p.Masked().Contains(a)
	}
	network, mask, _ := strings.Cut(word, "/")
	n, err := netip.ParseAddr(network)
	m, err2 := netip.ParseAddr(mask)
	if err != nil || err2 != nil || !a.Is4() || !n.Is4() || !m.Is4() {
		return false
	}
	have, want, bits := a.As4(), n.As4(), m.As4()
	for i := range have {
		if have[i]&bits[i] != want[i] {
			return false
		}
	}
	return true
}
