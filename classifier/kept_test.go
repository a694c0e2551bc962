package classifier

import (
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
)

// TestHostsAreToldApart asks for hosts whose names differ in one place, or in
// their lengths alone, over and over: none is taken for another.
func TestHostsAreToldApart(t *testing.T) {
	tab := newTable(usualNames)
	ids := map[string]uint32{}
	for range 3 {
		for n := range 40 {
			base := strings.Repeat("a", n)
			names := []string{base}
			for i := range n {
				names = append(names, base[:i]+"b"+base[i+1:], base[:i]+"\x00"+base[i+1:])
			}
			for _, name := range names {
				h := tab.host([]byte(name))
				if h.name != name || ids[name] != 0 && ids[name] != h.id {
					t.Fatalf("the host %q is taken for %q", name, h.name)
				}
				if ids[name] = h.id; tab.known([]byte(name)) != h {
					t.Errorf("the host %q is not known", name)
				}
			}
		}
	}
}

// TestPartsOfLines takes parts of lines that are kept whole, cut short, or not at
// all, and of messages that stand elsewhere: all read the same.
func TestPartsOfLines(t *testing.T) {
	long := strings.Repeat("x", maxLineText)
	for _, line := range []string{"Jan 1 host sshd[1]: Invalid user bob", "bob", "", long + "bob", long[:maxLineText-2] + "bob", long + long} {
		for _, apart := range []bool{false, true} {
			c := newConnection(1, usualText)
			for range 3 {
				ev := sshwhy.Event{Record: &sshwhy.Record{Text: []byte(line)}}
				ev.Ident, ev.Message = ev.Record.Text[:len(line)/2], ev.Record.Text[len(line)/2:]
				if apart {
					ev.Message = []byte(string(ev.Message))
				}
				var l kept
				c.keep(&ev, &l)
				for from := 0; from <= len(ev.Message); from += 1 + from/3 {
					for _, b := range [...][]byte{ev.Message[from:], ev.Message[:from]} {
						if len(b) > maxNameBytes {
							b = b[:maxNameBytes]
						}
						if p := c.part(b, &l); string(c.text(p)) != string(b) && !p.empty() {
							t.Fatalf("%.20q of %d bytes: got %q, want %q", line, len(line), c.text(p), b)
						}
					}
				}
				if p := c.partOf(ev.Ident, ev.Record.Text, &l); string(c.text(p)) != string(ev.Ident) && !p.empty() {
					t.Fatalf("%.20q: the program is %q, want %q", line, c.text(p), ev.Ident)
				}
			}
		}
	}
}
