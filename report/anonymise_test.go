package report_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/report"
)

// rooms are the parser and the vocabulary of the embedded catalogues, made
// once: no test changes them.
var rooms = sync.OnceValues(func() (*parser.Parser, *report.Vocabulary) {
	messages, err := patterns.Load()
	if err != nil {
		panic(err)
	}
	catalogue, err := causes.Load()
	if err != nil {
		panic(err)
	}
	p, err := parser.New(messages, parser.Options{Zone: time.UTC, Year: 2026})
	if err != nil {
		panic(err)
	}
	return p, report.NewVocabulary(messages, catalogue)
})

// anonymised gives an anonymiser with a key, and the parser that it stands
// around.
func anonymised(key string) (*report.Anonymiser, *parser.Parser) {
	p, words := rooms()
	return report.NewAnonymiser(p, report.NewMasks(key, words), time.UTC), p
}

func parse(p sshwhy.Parser, line string) *sshwhy.Event {
	var ev sshwhy.Event
	p.Parse(&sshwhy.Record{Text: []byte(line), Source: "/srv/logs/edge05.acme.test/auth.log"}, &ev)
	return &ev
}

// TestAnonymisedLines tells what becomes of lines, and which parts of them must
// be gone.
func TestAnonymisedLines(t *testing.T) {
	for _, c := range []struct {
		title, line, want string
		gone              []string
	}{
		{
			title: "the types of keys of recent releases",
			line:  "Nov 22 15:32:52 edge05 sshd-session[12864]: userauth_pubkey: signature algorithm ssh-mldsa44-ed25519@openssh.com not in PubkeyAcceptedAlgorithms [preauth]",
			want:  `signature algorithm ssh-mldsa44-ed25519@openssh\.com not in PubkeyAcceptedAlgorithms \[preauth\]$`,
		},
		{
			title: "a login with one",
			line:  "Nov 22 15:32:52 edge05 sshd-session[12864]: Accepted publickey for tanja from 203.0.113.7 port 56805 ssh2: MLDSA44-ED25519 SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE",
			want:  `port 56805 ssh2: MLDSA44-ED25519 SHA256:[A-Za-z0-9+/]{43}$`,
			gone:  []string{"tanja"},
		},
		{
			title: "a login",
			line:  "Nov 22 15:32:52 edge05 sshd[12864]: Accepted publickey for tanja from 203.0.113.7 port 56805 ssh2: RSA SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE",
			want:  `^2026-11-22T15:32:52\.000000Z host-\w{8} sshd\[12864\]: Accepted publickey for user-\w{8} from 198\.1[89]\.\d+\.\d+ port 56805 ssh2: RSA SHA256:[A-Za-z0-9+/]{43}$`,
			gone:  []string{"edge05", "tanja", "203.0.113.7", "nVR3"},
		},
		{
			title: "root stays, IPv6 goes",
			line:  "Nov 22 15:32:52 edge05 sshd[7]: Failed password for root from 2001:41d0:8:1::7 port 5 ssh2",
			want:  `Failed password for root from 2001:db8:[0-9a-f:]+ port 5 ssh2$`,
			gone:  []string{"41d0"},
		},
		{
			title: "the home goes with its user, the usual parts of a path stay",
			line:  "Nov 22 15:32:52 edge05 sshd[7]: Authentication refused: bad ownership or modes for directory /home/tanja/.ssh",
			want:  `directory /home/user-\w{8}/\.ssh$`,
			gone:  []string{"tanja"},
		},
		{
			title: "a home whose owner has the name of a usual directory",
			line:  "Nov 22 15:32:52 edge05 sshd[7]: Authentication refused: bad ownership or modes for directory /home/local/.ssh",
			want:  `directory /home/user-\w{8}/\.ssh$`,
			gone:  []string{"local"},
		},
		{
			title: "a certificate",
			line:  "Nov 22 15:32:52 edge05 sshd[7]: Accepted publickey for tanja from 203.0.113.7 port 5 ssh2: ED25519-CERT SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE ID tanja@acme laptop (serial 7041776) CA RSA SHA256:aaaa+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE",
			want:  `ID cert-\w{8} \(serial \d+\) CA RSA SHA256:`,
			gone:  []string{"tanja", "acme", "laptop", "7041776", "aaaa+", "nVR3"},
		},
		{
			title: "a user name that imitates a line",
			line:  "Nov 22 15:32:52 edge05 sshd[7]: Invalid user tanja from 198.51.100.9 port 22 from 203.0.113.7 port 5",
			want:  `Invalid user user-\w{8} from 198\.1[89]\.\d+\.\d+ port 5$`,
			gone:  []string{"tanja", "198.51.100.9", "203.0.113.7"},
		},
		{
			title: "a password typed as the name, and a host name for the client",
			line:  "Nov 22 15:32:52 edge05 sshd[7]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=dsl-7.provider.test  user=S3cret!pass",
			want:  `rhost=host-\w{8}\.example  user=user-\w{8}$`,
			gone:  []string{"provider", "S3cret"},
		},
		{
			title: "what the client says when it leaves",
			line:  "Nov 22 15:32:52 edge05 sshd[7]: Received disconnect from 203.0.113.7 port 5:11: Goodbye says tanja@acme of 10.1.2.3 [preauth]",
			want:  `Received disconnect from 198\.1[89]\.\d+\.\d+ port 5:11: `,
			gone:  []string{"Goodbye", "tanja", "acme", "10.1.2.3"},
		},
		{
			title: "a header in JSON",
			line:  `{"__REALTIME_TIMESTAMP":"1795361572000000","_HOSTNAME":"edge05","SYSLOG_IDENTIFIER":"sshd","_PID":"7","MESSAGE":"Invalid user tanja from 203.0.113.7 port 5","_CMDLINE":"sshd: tanja [priv]"}`,
			want:  `host-\w{8} sshd\[7\]: Invalid user user-\w{8} from`,
			gone:  []string{"edge05", "tanja", "203.0.113.7"},
		},
		{
			title: "a repeated line",
			line:  "Nov 22 15:32:52 edge05 sshd[7]: message repeated 3 times: [ Failed password for tanja from 203.0.113.7 port 5 ssh2]",
			want:  `sshd\[7\]: message repeated 3 times: \[ Failed password for user-\w{8} from 198\.1[89]\.\d+\.\d+ port 5 ssh2\]$`,
			gone:  []string{"tanja"},
		},
		{
			title: "an unknown line: names stand behind certain words, in quotes, and as odd words",
			line:  `Nov 22 15:32:52 edge05 sshd[7]: error: frobnicating user mark for 'Tanja Miller' at 203.0.113.7 in /srv/acme/tanja key SHA256:nVR3+/8zFwTd7LXcKFlqpGapWcjJHdI8pitOJTI8GbE host=db01.acme.test id=4711 xyzzy tanja@acme.test [203.0.113.9]:22`,
			want:  `error: <WORD> user user-\w{8} for '<TEXT>' at 198\.1[89]\.\d+\.\d+ in /\S+/\S+/\S+ key SHA256:\S+ host=host-\w{8}\.example id=4711 <WORD> user-\w{8} \[198\.1[89]\.\d+\.\d+\]:22$`,
			gone:  []string{"frobnicating", "mark", "Tanja", "Miller", "203.0.113", "acme", "nVR3", "db01"},
		},
		{
			title: "addresses that stick together",
			line:  "Nov 22 15:32:52 edge05 sshd[7]: frobnicated 203.0.113.7/203.0.113.8 203.0.113.7-203.0.113.9 [203.0.113.7]:22,[203.0.113.8]:22 203.0.113.7:5 203.0.113.0/24 203-0-113-7.dsl",
			want:  `<WORD> \S+ \S+ \S+ 198\.1[89]\.\d+\.\d+:5 198\.1[89]\.\d+\.\d+/24 \S+$`,
			gone:  []string{"203", "113"},
		},
		{
			title: "other programs' lines",
			line:  "Nov 22 15:32:52 edge05 sudo: tanja : TTY=pts/0 ; PWD=/home/tanja ; USER=root ; COMMAND=/bin/ls",
			want:  `^$`,
			gone:  []string{"tanja"},
		},
	} {
		t.Run(c.title, func(t *testing.T) {
			a, p := anonymised("a key")
			plain := parse(p, c.line)
			ev := parse(a, c.line)
			text := string(ev.Record.Text)
			if !regexp.MustCompile(c.want).MatchString(text) {
				t.Errorf("the line became\n%s\nand not\n%s", text, c.want)
			}
			for _, secret := range c.gone {
				if strings.Contains(text, secret) || strings.Contains(ev.Record.Source, secret) {
					t.Errorf("%q survives in %q of %q", secret, text, ev.Record.Source)
				}
			}
			if ev.Line == sshwhy.LineSkipped {
				return
			}
			if plain.Line != ev.Line || plain.Pattern != ev.Pattern || plain.Repeat != ev.Repeat || plain.PID != ev.PID || plain.Time != ev.Time || plain.Level != ev.Level || plain.Stage != ev.Stage {
				t.Errorf("the event changed from %+v to %+v", plain, ev)
			}
		})
	}
}

// TestMasksAreConsistent: the same name is the same mask wherever it stands,
// another key gives another, and without a key each run differs.
func TestMasksAreConsistent(t *testing.T) {
	const line = "Nov 22 15:32:52 edge05 sshd[7]: Failed password for tanja from 203.0.113.7 port 5 ssh2"
	text := func(key string) string {
		a, _ := anonymised(key)
		first := string(parse(a, line).Record.Text)
		parse(a, "Nov 22 15:32:53 edge05 sshd[8]: Failed password for bob from 203.0.113.8 port 5 ssh2")
		if again := string(parse(a, line).Record.Text); again != first {
			t.Errorf("the same line became %q and %q", first, again)
		}
		return first
	}
	if one, two := text("k"), text("k"); one != two {
		t.Error("the same key gives other masks")
	}
	if one, two := text(""), text(""); text("k") == text("l") || one == two {
		t.Error("another key gives the same masks")
	}
}

// TestANameThatWasSeenIsNoWord: a user whose name is a word is masked in free
// text as well, once it is known for a name.
func TestANameThatWasSeenIsNoWord(t *testing.T) {
	a, _ := anonymised("k")
	parse(a, "Nov 22 15:32:52 edge05 sshd[7]: Failed password for monitor from 203.0.113.7 port 5 ssh2")
	text := string(parse(a, "Nov 22 15:32:52 edge05 sshd[7]: frobnicated the monitor key").Record.Text)
	if strings.Contains(text, "monitor") {
		t.Errorf("the name survives in %q", text)
	}
}

// TestAddressesStayApart: no two addresses get the same mask.
func TestAddressesStayApart(t *testing.T) {
	a, _ := anonymised("k")
	masks := map[string]string{}
	for i := range 3000 {
		addr := "11.0." + strconv.Itoa(i/256) + "." + strconv.Itoa(i%256)
		ev := parse(a, "Nov 22 15:32:52 h sshd[7]: Failed password for x from "+addr+" port 5 ssh2")
		mask := string(ev.Get(sshwhy.FieldAddr))
		if other, ok := masks[mask]; ok && other != addr {
			t.Fatalf("%s and %s both became %s", other, addr, mask)
		}
		masks[mask] = addr
	}
}

// TestExamplesOfTheCatalogueLeakNothing anonymises every example line of every
// pattern: no field that names somebody keeps its text, and the line that
// comes out is recognised as the same message with the same facts.
func TestExamplesOfTheCatalogueLeakNothing(t *testing.T) {
	source, err := patterns.ReadDir(os.DirFS("../patterns"), ".")
	if err != nil {
		t.Fatal(err)
	}
	a, p := anonymised("k")
	lines, same := 0, 0
	for i := range source.Entries {
		for _, example := range source.Entries[i].Examples {
			line := "Nov 22 15:32:52 edge05 sshd[4242]: " + example.Line
			before := parse(p, line)
			if before.Line != sshwhy.LineParsed {
				continue
			}
			lines++
			secrets := secretsOf(before)
			ev := parse(a, line)
			text := string(ev.Record.Text)
			for _, s := range secrets {
				if strings.Contains(text, s) {
					t.Errorf("%s: %q survives\nin %s\nof %s", source.Entries[i].ID, s, text, line)
				}
			}
			if again := parse(p, text); again.Pattern == before.Pattern && again.Stage == before.Stage {
				same++
			} else {
				t.Logf("%s: %s\nbecame %s", source.Entries[i].ID, line, text)
			}
		}
	}
	if lines < 500 {
		t.Fatalf("only %d examples were looked at", lines)
	}
	if float64(same) < 0.98*float64(lines) {
		t.Errorf("%d of %d anonymised lines are not recognised as what they were", lines-same, lines)
	}
}

// secretsOf gives the texts of an event that name somebody.
func secretsOf(ev *sshwhy.Event) []string {
	var secrets []string
	for _, c := range ev.Captures() {
		if c.Value != 0 {
			continue
		}
		text := string(ev.Message[c.Start:c.End])
		switch c.Field {
		case sshwhy.FieldUser, sshwhy.FieldRemoteUser, sshwhy.FieldAccount, sshwhy.FieldGroup, sshwhy.FieldFingerprint, sshwhy.FieldCAFingerprint, sshwhy.FieldCertID,
			sshwhy.FieldAddr, sshwhy.FieldLocalAddr, sshwhy.FieldAddress2, sshwhy.FieldHost, sshwhy.FieldPattern:
		default:
			continue
		}
		switch text {
		case "root", "UNKNOWN", "localhost", "0.0.0.0", "::", "127.0.0.1", "::1", "user", "sshd", "wheel", "":
			continue
		}
		if len(text) > 2 {
			secrets = append(secrets, text)
		}
	}
	return secrets
}

// FuzzSecretsDoNotSurvive puts an odd word anywhere into any line, bare, in
// quotes, in a path, behind a letter: it never comes out again.
func FuzzSecretsDoNotSurvive(f *testing.F) {
	for _, line := range []string{
		"Nov 22 15:32:52 edge05 sshd[7]: Failed password for tanja from 203.0.113.7 port 5 ssh2",
		"2026-11-22T15:32:52Z edge05 sshd-session[7]: Received disconnect from 203.0.113.7 port 5:11: bye [preauth]",
		`{"MESSAGE":"error: frobnicated 'x' for y","_HOSTNAME":"h","SYSLOG_IDENTIFIER":"sshd"}`,
		"sshd[7]: banner exchange: Connection from 203.0.113.7 port 5: could not read protocol version",
		"sshd[7]: Bad protocol version identification 'SSH-2.0-OpenSSH_9.6 x' from 203.0.113.7 port 5",
		"sshd[7]: Unable to negotiate with 203.0.113.7 port 5: no matching cipher found. Their offer: aes128-cbc,3des-cbc [preauth]",
		"sshd[7]: mm_answer_keyallowed: key_from_blob: (SHA256:abc) [203.0.113.7]:22 path=/home/x/.ssh a@b 1.2.3 x.y",
		"systemd[1]: sshd@12-10.0.0.1:22-203.0.113.7:5.service: Succeeded.",
	} {
		f.Add(line, uint8(40), uint8(0))
		f.Add(line, uint8(60), uint8(3))
	}
	const secret = "zq7xk"
	f.Fuzz(func(t *testing.T, line string, at, form uint8) {
		forms := [...]string{" " + secret + " ", secret, "'" + secret, "/" + secret, "=" + secret, "@" + secret, secret + ".", "[" + secret + "]", "\"" + secret + "\""}
		if strings.Contains(line, secret) || strings.Contains(line, "zq7") {
			t.Skip()
		}
		i := min(int(at), len(line))
		a, _ := anonymised("k")
		ev := parse(a, line[:i]+forms[int(form)%len(forms)]+line[i:])
		if text := string(ev.Record.Text); strings.Contains(text, secret) {
			t.Errorf("the secret survives in %q", text)
		}
		for _, c := range ev.Captures() {
			_ = ev.Get(c.Field) // within the message
		}
	})
}
