package parser

import (
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
)

func TestClientParser(t *testing.T) {
	c := readCatalogue(t)
	p, err := NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		line, pattern string
		level         sshwhy.Level
		state         sshwhy.Line
	}{
		{"debug1: Connection established.", "ssh-connected", sshwhy.LevelDebug1, sshwhy.LineParsed},
		{"debug1: Connection established.\r", "ssh-connected", sshwhy.LevelDebug1, sshwhy.LineParsed},
		{"Host key verification failed.\r", "ssh-host-key-failed", sshwhy.LevelNone, sshwhy.LineParsed},
		{"tanja@server's password: ", "ssh-password-prompt", sshwhy.LevelInfo, sshwhy.LineParsed},
		{"debug2: first_kex_follows 0 ", "kex/first-kex-follows-n", sshwhy.LevelDebug2, sshwhy.LineParsed},
		{"debug3: words of a release to come", "", sshwhy.LevelDebug3, sshwhy.LineUnparsed},
		{"Welcome to Debian", "", sshwhy.LevelNone, sshwhy.LineSkipped},
		{"", "", sshwhy.LevelNone, sshwhy.LineSkipped},
		{"\r", "", sshwhy.LevelNone, sshwhy.LineSkipped},
		{"error: Host key verification failed.", "", sshwhy.LevelNone, sshwhy.LineSkipped}, // ssh marks no errors
		{"Nov 22 15:32:51 edge05 sshd[7]: Host key verification failed.", "", sshwhy.LevelNone, sshwhy.LineSkipped},
	} {
		var ev sshwhy.Event
		p.Parse(&sshwhy.Record{Text: []byte(tt.line)}, &ev)
		id := ""
		if e := c.Entry(ev.Pattern); e != nil {
			id = e.ID
		}
		if id != tt.pattern || ev.Level != tt.level || ev.Line != tt.state {
			t.Errorf("%q: pattern %q, level %q, %s", tt.line, id, ev.Level, ev.Line)
		}
	}
}

// TestClientAndServerStayApart gives each parser the examples of the other.
func TestClientAndServerStayApart(t *testing.T) {
	c := readCatalogue(t)
	client, err := NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	server, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Entries {
		for _, x := range c.Entries[i].Examples {
			record := sshwhy.Record{Text: []byte(x.Line)}
			var ev sshwhy.Event
			if client.Parse(&record, &ev); ev.Pattern != 0 && c.Entry(ev.Pattern).Group != clientGroup {
				t.Errorf("ssh's output has %s: %q", c.Entry(ev.Pattern).ID, x.Line)
			}
			record = sshwhy.Record{Text: []byte("Nov 22 15:32:51 edge05 sshd[7]: " + x.Line)}
			if server.Parse(&record, &ev); ev.Pattern != 0 && c.Entry(ev.Pattern).Group == clientGroup {
				t.Errorf("sshd's log has %s: %q", c.Entry(ev.Pattern).ID, x.Line)
			}
		}
	}
}

func FuzzClient(f *testing.F) {
	c := readCatalogue(f)
	p, err := NewClient(c)
	if err != nil {
		f.Fatal(err)
	}
	for i := range c.Entries {
		if c.Entries[i].Group == clientGroup {
			for _, x := range c.Entries[i].Examples {
				f.Add("debug1: " + x.Line + " \r")
			}
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		var ev sshwhy.Event
		p.Parse(&sshwhy.Record{Text: []byte(line)}, &ev)
		if (ev.Pattern != 0) != (ev.Line == sshwhy.LineParsed) || !strings.Contains(line, string(ev.Message)) {
			t.Errorf("%q: %s, pattern %d, message %q", line, ev.Line, ev.Pattern, ev.Message)
		}
	})
}
