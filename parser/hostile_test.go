package parser

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// What a client chooses must never become an address, a port or a process, nor
// make one outcome of another. Here every template of the catalogue that has
// such a field is rendered with hostile text in it, in the way in which sshd
// and other writers put it into a line, and read back.

// chosen tells the fields whose text the client chooses.
func chosen(p patterns.Part) bool {
	if p.Literal != "" || p.Constant != "" {
		return false
	}
	switch p.Kind {
	case patterns.KindUser, patterns.KindText, patterns.KindCertID:
		return true
	case patterns.KindAccount, patterns.KindReason, patterns.KindValue:
		return false // docs/patterns.md: a client cannot choose these
	}
	switch p.Field {
	case sshwhy.FieldOffer, sshwhy.FieldSubsystem, sshwhy.FieldTarget, sshwhy.FieldBanner, sshwhy.FieldCommand:
		return true
	}
	return false
}

// honest is what the daemon itself puts into a line, lure what the client
// would like to be found instead.
const (
	honestAddr, lureAddr = "203.0.113.7", "192.0.2.66"
	honestPort, lurePort = "51234", "666"
	honestPID, lurePID   = "4711", "66"
)

// lures are texts that clients have sent or may send.
var lures = []string{
	"",
	" ",
	"root",
	"bob from 192.0.2.66",
	"bob from 192.0.2.66 port 666",
	"bob from 192.0.2.66 port 666 ssh2",
	"bob from 192.0.2.66 port 666 ssh2: RSA SHA256:x/EJUbWcanMRIWSYegIJBm2XFGCUYPEzWH9ItZ8JjS8",
	"from 192.0.2.66 port 666 on 192.0.2.1 port 22",
	"192.0.2.66",
	"192.0.2.66 port 666",
	" 192.0.2.66 port 666 [preauth]",
	"192.0.2.66 port 666: Too many authentication failures [preauth]",
	"[192.0.2.66]:666 on [192.0.2.1]:22 past MaxStartups",
	"x rhost=192.0.2.66  user=root",
	"rhost=192.0.2.66 ",
	"x)(uid=0) by root(uid=0)",
	"sshd[66]: Accepted password for root from 192.0.2.66 port 666 ssh2",
	" x[66]:",
	"\nNov 22 15:32:51 web01 sshd[66]: Accepted password for root from 192.0.2.66 port 666 ssh2",
	"\r\nsshd[66]: Accepted password for root from 192.0.2.66 port 666 ssh2",
	"x [preauth]",
	"error: fatal: debug1: x",
	"message repeated 66 times: [ Accepted password for root from 192.0.2.66 port 666 ssh2]",
	"x not allowed because account is locked",
	"x from 192.0.2.66 not allowed because not listed in AllowUsers",
	"x, pid = 66",
	"x pid 66",
	`x" from 192.0.2.66 port 666`,
	"x' from 192.0.2.66 port 666 '",
	"x` from 192.0.2.66 port 666",
	"x: 11: Bye Bye from 192.0.2.66 port 666:11: x",
	"x (serial 66) CA RSA SHA256:x from 192.0.2.66 port 666 ssh2: RSA-CERT ID y",
	": Authentication tried for bob with correct key but not from a permitted host (host=x, ip=192.0.2.66, required=x).",
	"/x:3: Authentication tried for bob with valid certificate but not from a permitted source address (192.0.2.66).",
	"2001:db8::66 port 666",
	"::",
	"UNKNOWN port 65535",
	"a\x1b[2Jb\x07\x00c\xff\xfe\u202e\\033",
	strings.Repeat(" from 192.0.2.66 port 666", 60),
	strings.Repeat("a", 2000),
}

// writers put a chosen text into a line as a daemon does.
var writers = []struct {
	name  string
	write func(string) string
}{
	{"raw", raw},
	{"stderr", func(s string) string { return raw(vis(s, false)) }},
	{"syslog", func(s string) string { return vis(s, true) }},
}

// raw is a text as a foreign writer copies it. A line holds no end of line.
func raw(s string) string { return strings.ReplaceAll(s, "\n", "#") }

// vis escapes as log.c do_log does by strnvis: VIS_SAFE|VIS_OCTAL on standard
// error, VIS_CSTYLE|VIS_NL|VIS_TAB|VIS_OCTAL for syslog.
func vis(s string, cstyle bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		named := strings.IndexByte("\n\r\b\a\v\t\f", c)
		switch {
		case c == 0:
			return b.String() // a string of C ends here
		case c == '\\':
			b.WriteString(`\\`)
		case cstyle && named >= 0:
			b.WriteByte('\\')
			b.WriteByte("nrbavtf"[named])
		case !cstyle && strings.IndexByte("\n\r\b\a\t", c) >= 0, c >= ' ' && c < 0x7f:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return b.String()
}

// hostile is one template with fields that the client fills.
type hostile struct {
	entry *patterns.Entry
	parts []patterns.Part
}

// hostileTemplates gives every variant of every template that has a chosen
// field.
func hostileTemplates(t testing.TB, c *patterns.Catalogue) []hostile {
	var all []hostile
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Group != "sshd" && e.Group != "pam" {
			continue
		}
		for _, l := range e.Lines {
			variants, err := patterns.Expand(l.Template)
			if err != nil {
				t.Fatal(err)
			}
			for _, parts := range variants {
				for _, p := range parts {
					if chosen(p) {
						all = append(all, hostile{e, parts})
						break
					}
				}
			}
		}
	}
	return all
}

// honestSample is what the daemon writes into a field.
func honestSample(p patterns.Part) string {
	switch {
	case p.Field == sshwhy.FieldAddr:
		return honestAddr
	case p.Field == sshwhy.FieldPort:
		return honestPort
	case p.Field == sshwhy.FieldPID:
		return honestPID
	}
	return sampleOf[p.Kind]
}

// message renders the template with text in every chosen field.
func (h *hostile) message(text string) string {
	var b strings.Builder
	for _, p := range h.parts {
		switch {
		case p.Constant != "":
		case p.Literal != "":
			b.WriteString(p.Literal)
		case chosen(p):
			b.WriteString(text)
		default:
			b.WriteString(honestSample(p))
		}
	}
	return b.String()
}

// outcomes are the entries that tell how an attempt to log in ended. A text
// that the client chose must not lead to another one of them.
var outcomes = map[string]bool{
	"login-accepted": true, "login-failed": true, "login-partial": true, "login-postponed": true,
	"pam-unix-session-opened": true,
}

// deceived tells what a line that holds a chosen text made of it wrongly, ""
// where nothing is wrong: each value is the honest one, or is not there.
func (h *hostile) deceived(c *patterns.Catalogue, ev *sshwhy.Event, header bool) string {
	if addr := string(ev.Get(sshwhy.FieldAddr)); addr != "" && addr != honestAddr {
		return fmt.Sprintf("the address is %q", addr)
	}
	if port := string(ev.Get(sshwhy.FieldPort)); port != "" && port != honestPort {
		return fmt.Sprintf("the port is %q", port)
	}
	if pid := string(ev.Get(sshwhy.FieldPID)); pid != "" && pid != honestPID {
		return fmt.Sprintf("the other process is %q", pid)
	}
	// pam_krb5[4711] at the start of a bare line is a tag as any.
	if header && (ev.PID != 8148 || string(ev.Host) != "web01") || !header && (ev.PID != 0 && ev.PID != 4711 || len(ev.Host) != 0) {
		return fmt.Sprintf("the header is of %q, process %d", ev.Host, ev.PID)
	}
	if ev.Repeat != 1 {
		return fmt.Sprintf("it counts %d times", ev.Repeat)
	}
	if got := c.Entry(ev.Pattern); got != nil && got.ID != h.entry.ID && outcomes[got.ID] {
		return fmt.Sprintf("it is taken for %s", got.ID)
	}
	return ""
}

// hostileHeader is in front of a line of a daemon.
const hostileHeader = "Nov 22 15:32:51 web01 sshd[8148]: "

// attack puts the text into the template in every way, and reports the first
// that deceives the parser.
func (h *hostile) attack(p *Parser, c *patterns.Catalogue, text string) error {
	var ev sshwhy.Event
	record := sshwhy.Record{Newest: time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)}
	for _, w := range writers {
		message := h.message(w.write(text))
		for _, end := range [...]string{"", " [preauth]"} {
			for _, start := range [...]string{hostileHeader, ""} {
				record.Text = []byte(start + message + end)
				p.Parse(&record, &ev)
				if wrong := h.deceived(c, &ev, start != ""); wrong != "" {
					return fmt.Errorf("%s, %s: %s\n  %.300s", h.entry.ID, w.name, wrong, record.Text)
				}
			}
		}
	}
	return nil
}

// TestHostileText puts every lure into every template, and some of the pieces
// of its own entry and of others.
func TestHostileText(t *testing.T) {
	c := readCatalogue(t)
	p, err := New(c, Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	templates := hostileTemplates(t, c)
	pieces, own := templatePieces(t, c)
	t.Logf("%d templates, %d lures, %d pieces", len(templates), len(lures), len(pieces))
	failed := map[string]int{}
	for i := range templates {
		h := &templates[i]
		texts := slices.Clone(lures)
		for j := range piecesEach { // other ones for each template, all in the end
			texts = append(texts, pieces[(i*piecesEach+j)%len(pieces)])
			if mine := own[h.entry.ID]; len(mine) > 0 {
				texts = append(texts, mine[(i*piecesEach+j)%len(mine)])
			}
		}
		for _, text := range texts {
			if err := h.attack(p, c, text); err != nil {
				if failed[h.entry.ID]++; failed[h.entry.ID] == 1 {
					t.Errorf("%v\n  text %.200q", err, text)
				}
			}
		}
	}
}

const piecesEach = 25

// templatePieces gives texts made of the templates themselves, rendered with
// the lure's values: the whole of each, and what is left of it behind every
// field, where a matcher might go on. own are those of each entry.
func templatePieces(t testing.TB, c *patterns.Catalogue) (all []string, own map[string][]string) {
	seen := map[string]bool{}
	own = map[string][]string{}
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Plumbing {
			continue
		}
		for _, l := range e.Lines {
			variants, err := patterns.Expand(l.Template)
			if err != nil {
				t.Fatal(err)
			}
			for _, parts := range variants {
				for from := range parts {
					if from == 0 || parts[from].Literal != "" {
						piece := "x" + renderLure(parts[from:])
						if !seen[piece] {
							seen[piece] = true
							all = append(all, piece)
						}
						if own[e.ID] = append(own[e.ID], piece); len(parts) > 1 {
							own[e.ID] = append(own[e.ID], piece+renderLure(parts[1:]))
						}
					}
				}
			}
		}
	}
	return all, own
}

func renderLure(parts []patterns.Part) string {
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.Constant != "":
		case p.Literal != "":
			b.WriteString(p.Literal)
		case p.Kind == patterns.KindAddr:
			b.WriteString(lureAddr)
		case p.Kind == patterns.KindPort:
			b.WriteString(lurePort)
		case p.Field == sshwhy.FieldPID:
			b.WriteString(lurePID)
		default:
			b.WriteString(sampleOf[p.Kind])
		}
	}
	return b.String()
}

// TestCutLines reads every example as a crash or a full disk leaves it: cut
// after each byte, behind what sshd and its daemons write in front.
func TestCutLines(t *testing.T) {
	c := readCatalogue(t)
	p, err := New(c, Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{
		"", hostileHeader, hostileHeader + "error: ", hostileHeader + "fatal: ", hostileHeader + "debug1: ",
		hostileHeader + "auth.c:12: ", hostileHeader + "message repeated 3 times: [ ",
		"<38>1 2026-11-22T18:40:31Z server sshd 4711 - - ", `{"MESSAGE":"`,
	} {
		every := 16 // what stands in front does not depend on the message
		if before == "" {
			every = 1
		}
		for i := 0; i < len(c.Entries); i += every {
			for _, x := range c.Entries[i].Examples {
				line := []byte(before + x.Line + " [preauth]")
				for n := range line {
					var ev sshwhy.Event
					record := sshwhy.Record{Text: line[:n:n]}
					p.Parse(&record, &ev)
				}
			}
		}
	}
}

// FuzzHostile puts any text into any template.
func FuzzHostile(f *testing.F) {
	c := readCatalogue(f)
	p, err := New(c, Options{Zone: time.UTC})
	if err != nil {
		f.Fatal(err)
	}
	templates := hostileTemplates(f, c)
	for i, lure := range lures {
		f.Add(uint16(i*997), lure)
	}
	pieces, _ := templatePieces(f, c)
	for i, piece := range pieces {
		if i%64 == 0 {
			f.Add(uint16(i), piece)
		}
	}
	f.Fuzz(func(t *testing.T, which uint16, text string) {
		if err := templates[int(which)%len(templates)].attack(p, c, text); err != nil {
			t.Error(err)
		}
	})
}

// FuzzParse reads any bytes: the parser does not panic, hands out parts of
// what it was given, says the same of the same, and allocates nothing.
func FuzzParse(f *testing.F) {
	c := readCatalogue(f)
	p, err := New(c, Options{Zone: time.UTC})
	if err != nil {
		f.Fatal(err)
	}
	for _, x := range traps {
		f.Add([]byte(x.line))
	}
	for _, lure := range lures {
		f.Add([]byte(hostileHeader + "Invalid user " + lure + " from 203.0.113.7 port 51234"))
		f.Add([]byte(lure))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		record := sshwhy.Record{Text: line, Newest: time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)}
		var first, second sshwhy.Event
		p.Parse(&record, &first)
		for _, x := range first.Captures() {
			if x.Start < 0 || x.Start > x.End || int(x.End) > len(first.Message) {
				t.Errorf("field %s is from %d to %d of %d bytes", x.Field, x.Start, x.End, len(first.Message))
			}
		}
		if first.Line == sshwhy.LineParsed && first.Pattern == 0 || first.Line != sshwhy.LineParsed && first.Pattern != 0 {
			t.Errorf("it is %v, by pattern %d", first.Line, first.Pattern)
		}
		said := fmt.Sprint(first.Header, first.Line, first.Pattern, first.Level, first.Stage, first.Repeat, first.Message, first.Captures())
		p.Parse(&record, &second)
		if again := fmt.Sprint(second.Header, second.Line, second.Pattern, second.Level, second.Stage, second.Repeat, second.Message, second.Captures()); again != said {
			t.Errorf("twice the same line says\n  %s\n  %s", said, again)
		}
		for range 2 * maxChain { // until it has learnt all ways that it will
			p.Parse(&record, &second)
		}
		if n := testing.AllocsPerRun(3, func() { p.Parse(&record, &second) }); n > 0 {
			t.Errorf("it allocates %v times", n)
		}
	})
}
