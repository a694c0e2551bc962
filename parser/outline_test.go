package parser

import (
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// TestHastened lets messages go routes on which a name ends where its literal
// stands first, and holds those against the tree in which names look like what
// stands behind them.
func TestHastened(t *testing.T) {
	c := readCatalogue(t)
	p, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tails := []string{" 192.0.2.7 port 22", " from 192.0.2.7 port 22", " from 192.0.2.7 port 22 ssh2", " from 192.0.2.7", "(uid=0) by root(uid=0)", "(uid=0) by (uid=0)"}
	heads := []string{"Connection closed by authenticating user ", "Invalid user ", "Failed password for ", "Failed password for invalid user ",
		"Disconnected from user ", "pam_unix(sshd:session): session opened for user "}
	names := []string{"root", "", "a b", "de ad", "192.0.2.9", "x 192.0.2.9", "x from 192.0.2.9", "x from 192.0.2.9 port 7", "x 192.0.2.9 port 7", " from ", "from",
		"port", "x port 22", "UNKNOWN", "x from UNKNOWN port 65535 ssh2", "root(uid=0)", "root(uid=0) by (uid=0)", "x from 192.0.2.9 port 7 ssh2: RSA SHA256:abc"}
	for range 2 {
		for _, head := range heads {
			for _, tail := range tails {
				for _, name := range names {
					holdAgainstTree(t, p.sshd, head+name+tail)
				}
			}
		}
	}
}

// TestUnlikeNamesLeaveNoRoutes shows the same message, which its route leaves to
// the tree, over and over.
func TestUnlikeNamesLeaveNoRoutes(t *testing.T) {
	p, err := New(readCatalogue(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ev sshwhy.Event
	for range 20 {
		for _, text := range []string{"Invalid user root from 192.0.2.7 port 22", "Invalid user x from 192.0.2.7 port 9 from 192.0.2.7 port 22"} {
			ev.Reset(&sshwhy.Record{})
			ev.Message = []byte(text)
			if !p.sshd.match(&ev) {
				t.Fatalf("%q is not known", text)
			}
		}
	}
	if n := p.sshd.known; n != 1 {
		t.Errorf("%d routes lead to one pattern", n)
	}
}

func TestOutlineRepeats(t *testing.T) {
	port := part{holds[patterns.KindPort], true}
	for _, c := range []struct {
		story, ends string
		next        string
		address     bool
		behind      outline
		want        bool
	}{
		{"no place", " from ", "1", false, outline{port}.literal([]byte(" port")), false},
		{"once more", " from ", "1", false, outline{port}.literal([]byte(" from 1")), true},
		{"with something else behind it", " from ", "1", false, outline{port}.literal([]byte(" from x")), false},
		{"at the end, where something must follow", " from ", "1", false, outline{port}.literal([]byte(" from ")), false},
		{"overlapping itself", "(a(", "a", false, outline(nil).literal([]byte("a(a")), true},
		{"partly in a field", "1 ", "x", false, outline{port}.literal([]byte(" x")), true},
		{"no address", " ", "0123456789", true, append(outline(nil).literal([]byte("x ")), port), false},
		{"an address, perhaps", " ", "0123456789", true, append(outline(nil).literal([]byte("x ")), port, part{holds[patterns.KindAddr], true}), true},
		{"a port, a colon", " ", "0123456789", true, append(outline(nil).literal([]byte("x ")), port).literal([]byte(": x")), true},
	} {
		f := &fieldEdge{ends: newEdge(c.ends), rest: 1, address: c.address}
		for i := range len(c.next) {
			f.next.add(c.next[i])
		}
		if got := c.behind.repeats(f); got != c.want {
			t.Errorf("%s: %t", c.story, got)
		}
	}
}
