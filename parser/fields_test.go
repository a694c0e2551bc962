package parser

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

func TestScanAddr(t *testing.T) {
	for _, c := range []struct{ story, text, want string }{
		{"IPv4 alone", "192.0.2.7", "192.0.2.7"},
		{"in front of a port", "192.0.2.7 port 22", "192.0.2.7"},
		{"a port behind a colon", "0.0.0.0:22.", "0.0.0.0"},
		{"at the end of a sentence", "192.0.2.7.", "192.0.2.7"},
		{"in brackets", "192.0.2.7]:22", "192.0.2.7"},
		{"leading zeros, as some resolvers write them", "192.000.002.007", "192.000.002.007"},
		{"three numbers", "192.0.2", ""},
		{"five numbers", "192.0.2.7.9", ""},
		{"a number of four digits", "192.0.2.1234", ""},
		{"an empty number", "192..2.7", ""},
		{"the beginning of a name", "192.0.2.7a.example.com", ""},
		{"x in place of numbers", "x.x.x.x", ""},
		{"IPv6 in full", "2001:db8:220:1:248:1893:25c8:1946 port", "2001:db8:220:1:248:1893:25c8:1946"},
		{"with a pair of colons", "2001:db8::7", "2001:db8::7"},
		{"any address, and a dot", "::.", "::"},
		{"a code behind a colon", "2001:db8::7: 11: bye", "2001:db8::7"},
		{"a pair at the end, and a colon", "2001:db8::: 11", "2001:db8::"},
		{"with IPv4 inside", "::ffff:192.0.2.7", "::ffff:192.0.2.7"},
		{"a zone", "fe80::1%eth0 port 22", "fe80::1%eth0"},
		{"a time", "15:32:51", ""},
		{"a port and a code", "666:11:", ""},
		{"two pairs", "2001::db8::7", ""},
		{"unknown", "UNKNOWN port 65535", "UNKNOWN"},
		{"nothing", "", ""},
	} {
		got := ""
		if n := scanAddr(textOf([]byte(c.text)), 0); n > 0 {
			got = c.text[:n]
		}
		if got != c.want {
			t.Errorf("%s: of %q it takes %q, want %q", c.story, c.text, got, c.want)
		}
	}
}

// TestFirstBytes holds canBegin and canHold, which spare the matcher a look,
// against scan.
func TestFirstBytes(t *testing.T) {
	samples := []string{"", "0", "a", "1.2.3.4", "23.0.2.7", "::1", "001:db8::7", "NKNOWN", "x1f", "HA256:abc", "D5:aa", "0:11:22:33:44:55:66:77", "etc/passwd"}
	for k := patterns.KindNone + 1; !k.Free(); k++ {
		for c := range 256 {
			for _, s := range samples {
				text := append([]byte{byte(c)}, s...)
				n := scan(k, textOf(text), 0)
				if n < 0 {
					continue
				}
				if !canBegin(k, byte(c)) {
					t.Errorf("%s takes %q, and cannot begin with %q", k, text[:n], byte(c))
				}
				if longer := append(text[:n:n], byte(c)); scan(k, textOf(longer), 0) == len(longer) && !canHold(k, byte(c)) && !number(k) {
					t.Errorf("%s takes %q, and cannot hold %q", k, longer, byte(c))
				}
			}
		}
	}
}

// number tells the kinds that are never tried with fewer digits.
func number(k patterns.Kind) bool {
	switch k {
	case patterns.KindPort, patterns.KindInt, patterns.KindHex, patterns.KindOctal, patterns.KindFloat:
		return true
	}
	return false
}

// TestShortWay reads lines with a parser that has seen their date and host, and
// with one that has not: they say the same.
func TestShortWay(t *testing.T) {
	c := readCatalogue(t)
	warm, err := New(c, Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	parse := func(p *Parser, line string) sshwhy.Event {
		var ev sshwhy.Event
		p.Parse(&sshwhy.Record{Text: []byte(line), Newest: time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)}, &ev)
		return ev
	}
	parse(warm, "Nov 22 15:32:51 web01 sshd[8148]: Server listening on :: port 22.")
	for _, line := range []string{
		"Nov 22 15:32:52 web01 sshd[8149]: Connection closed by 203.0.113.7 port 51234",
		"Nov 22 15:32:52 web01 sshd-session[8149]: Connection closed by 203.0.113.7 port 51234 [preauth]\r",
		"Nov 22 15:32:52 web01  sshd[8149]:  Connection closed by 203.0.113.7 port 51234",
		"Nov 22 15:32:52 web01 sshd(pam_unix)[8149]: check pass; user unknown",
		"Nov 22 15:32:52 web01 sshd[8149]: [ID 800047 auth.info] Connection closed by 203.0.113.7",
		"Nov 22 15:32:52 web01 sshd[8149]: kernel: [  970.699397] Connection closed by 203.0.113.7",
		"Nov 22 15:32:52 web01 sshd[8149]: message repeated 2 times: [ Connection closed by 203.0.113.7]",
		"Nov 22 15:32:52 web01 sshd: Connection closed by 203.0.113.7",
		"Nov 22 15:32:52 web01 sshd[8149]:",
		"Nov 22 15:32:52 web01 sshd[8149]: ",
		"Nov 22 15:32:52 web01",
		"Nov 22 15:32:52 web01 last message repeated 2 times",
		"Nov 22 15:32:52 web01 CRON[7]: pam_unix(cron:session): session closed for user root",
		"Nov 22 15:32:52 web01\tsshd[8149]: Connection closed by 203.0.113.7",
		"Nov 22 15:32:61 web01 sshd[8149]: Connection closed by 203.0.113.7",
	} {
		fresh := warm.Clone()
		got, want := parse(warm, line), parse(fresh, line)
		got.Record, want.Record = nil, nil
		if !sameEvent(&got, &want) {
			t.Errorf("%q\n  once seen  %s %q %d %q\n  at first   %s %q %d %q", line,
				got.Host, got.Ident, got.PID, got.Message, want.Host, want.Ident, want.PID, want.Message)
		}
	}
}

func sameEvent(a, b *sshwhy.Event) bool {
	return a.Time == b.Time && string(a.Host) == string(b.Host) && string(a.Ident) == string(b.Ident) && a.PID == b.PID &&
		a.Line == b.Line && a.Pattern == b.Pattern && a.Level == b.Level && a.Stage == b.Stage && a.Repeat == b.Repeat &&
		string(a.Message) == string(b.Message)
}

func textOf(message []byte) *text {
	t := &text{}
	t.fill(message)
	return t
}

// TestScanIPv4 holds the masks against a look at each number.
func TestScanIPv4(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	x := &text{} // one for all, as in a parser: the next overlays the last
	for range 200_000 {
		b := make([]byte, r.IntN(22))
		for i := range b {
			b[i] = "0123456789....... a:"[r.IntN(20)]
		}
		if r.IntN(2) == 0 {
			b = fmt.Appendf(nil, "%d.%d.%d.%d%s", r.IntN(300), r.IntN(1100), r.IntN(256), r.IntN(256), b)
		}
		x.fill(b)
		if got, want := scanIPv4(x, 0), plainIPv4(b); got != want {
			t.Fatalf("an address of %d bytes is found in %q, want %d", got, b, want)
		}
	}
}

var startsIPv4 = regexp.MustCompile(`^(\d{1,3}\.){3}\d{1,3}`)

func plainIPv4(b []byte) int {
	n := len(startsIPv4.Find(b))
	behind := b[n:]
	if len(behind) > 0 && behind[0] == '.' {
		behind = behind[1:]
	}
	if n == 0 || len(behind) > 0 && classes[behind[0]]&(hex|dot) != 0 {
		return -1
	}
	return n
}
