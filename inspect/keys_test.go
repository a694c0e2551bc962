package inspect

import (
	"bytes"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEntries reads lines of authorized_keys as sshd does.
func TestEntries(t *testing.T) {
	blob := strings.Fields(aKey)[1]
	for _, test := range []struct{ line, cause, reason string }{
		{aKey, "", ""},
		{"\t " + aKey, "", ""},
		{"ssh-ed25519\t" + blob, "", ""},
		{"no-pty,no-agent-forwarding " + aKey, "", ""},
		{`command="echo \"hello, you\"",no-pty ` + aKey, "", ""},
		{`from="10.0.0.0/8,!10.1.2.3",PERMITOPEN="host:22",environment="A_1=b" ` + aKey, "", ""},
		{`restrict,pty,verify-required,no-touch-required ` + aKey, "", ""},
		{`tunnel="0",permitlisten="8080",expiry-time="20991231235959Z",principals="a" ` + aKey, "", ""},
		{"no-prty " + aKey, causeBadOption, "no-prty"},
		{"no-restrict " + aKey, causeBadOption, "no-restrict"},
		{"comand=\"x\" " + aKey, causeBadOption, "comand"},
		{"command=date " + aKey, causeBadOption, "command"},
		{`expiry-time="soon" ` + aKey, causeBadOption, "expiry-time"},
		{`tunnel="x" ` + aKey, causeBadOption, "tunnel"},
		{`environment="=x" ` + aKey, causeBadOption, "environment"},
		{`permitopen="host" ` + aKey, causeBadOption, "permitopen"},
		{"no-pty, " + aKey, causeBadOption, "no-pty"},
		{"no-pty, no-user-rc " + aKey, causeBadOption, "a blank outside quotes after "},
		{"command=date -u " + aKey, causeBadOption, "a blank outside quotes after command"},
		{`command="date ` + aKey, causeBadOption, "a quote that is not closed"},
		{aKey[:50], causeMalformed, "cut"},
		{blob[20:], causeMalformed, "wrapped"},
		{"ssh-rsa " + blob, causeMalformed, "cut"},
		{"ssh-newtype " + blob, causeMalformed, ""},
		{"-----BEGIN OPENSSH PRIVATE KEY-----", causeMalformed, "a private key"},
		{"---- BEGIN SSH2 PUBLIC KEY ----", causeMalformed, "PuTTY"},
		{"garbage", causeMalformed, ""},
	} {
		e := parseEntry(strings.TrimLeft(test.line, " \t"))
		if e.cause != test.cause || e.reason != test.reason {
			t.Errorf("%q: %q %q, not %q %q", test.line, e.cause, e.reason, test.cause, test.reason)
		}
		if test.cause == "" && e.print != aPrint {
			t.Errorf("%q: the fingerprint is %q", test.line, e.print)
		}
	}
}

// TestFits judges lists of addresses.
func TestFits(t *testing.T) {
	for _, test := range []struct {
		patterns, from string
		want           bool
	}{
		{"203.0.113.7", "203.0.113.7", true},
		{"203.0.113.*", "203.0.113.7", true},
		{"203.0.113.?", "203.0.113.77", false},
		{"10.0.0.0/8,203.0.113.0/24", "203.0.113.7", true},
		{"203.0.113.0/24,!203.0.113.7", "203.0.113.7", false},
		{"!203.0.113.7", "203.0.113.8", false},
		{"2001:db8::/32", "2001:db8::7", true},
		{"*", "2001:db8::7", true},
		{"203.0.113.7", "::ffff:203.0.113.7", true},
		{"host.example", "203.0.113.7", false},
	} {
		if got := fits(test.patterns, netip.MustParseAddr(test.from)); got != test.want {
			t.Errorf("%q permits %s: %v", test.patterns, test.from, got)
		}
	}
}

// TestKRL reads a list of revoked keys that ssh-keygen made.
func TestKRL(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("needs ssh-keygen")
	}
	dir := t.TempDir()
	for _, words := range [][]string{{"-t", "ed25519", "-f", "one"}, {"-t", "rsa", "-b", "2048", "-f", "two"}, {"-k", "-f", "list", "one.pub"}} {
		cmd := exec.Command(keygen, append([]string{"-q", "-N", ""}, words...)...)
		if words[0] == "-k" {
			cmd = exec.Command(keygen, append([]string{"-q"}, words...)...)
		}
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	print := func(name string) string {
		c, err := newFiles().Read(filepath.Join(dir, name), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return parseKeys(c.Text)[0].print
	}
	c, err := newFiles().Read(filepath.Join(dir, "list"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if r := revocations(c.Text); !r[print("one.pub")] || r[print("two.pub")] || len(r) != 1 {
		t.Errorf("revoked are %v", r)
	}
}

// TestAge judges the days of a shadow entry.
func TestAge(t *testing.T) {
	const today = 20000
	for _, test := range []struct {
		s    shadow
		want age
	}{
		{shadow{changed: 19000, max: 99999, inactive: -1, expires: -1}, ageFine},
		{shadow{changed: 19000, max: -1, inactive: -1, expires: -1}, ageFine},
		{shadow{changed: -1, max: 30, inactive: -1, expires: -1}, ageFine},
		{shadow{changed: 0, max: 99999, inactive: -1, expires: -1}, agePasswordOld},
		{shadow{changed: today - 31, max: 30, inactive: -1, expires: -1}, agePasswordOld},
		{shadow{changed: today - 30, max: 30, inactive: -1, expires: -1}, ageFine},
		{shadow{changed: today - 41, max: 30, inactive: 10, expires: -1}, agePasswordOut},
		{shadow{changed: 19000, max: 99999, inactive: -1, expires: today}, ageExpired},
		{shadow{changed: 19000, max: 99999, inactive: -1, expires: today + 1}, ageFine},
	} {
		if got := test.s.age(today); got != test.want {
			t.Errorf("%+v: %v, not %v", test.s, got, test.want)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte(aKey + "\nno-pty,command=\"x\" " + aKey + "\n# x\n\xff\xfe"))
	f.Add([]byte("SSHKRL\n\x00\x00\x00\x00\x01" + strings.Repeat("\x00", 40) + "\x02\x00\x00\x00\x04abcd"))
	f.Fuzz(func(t *testing.T, text []byte) {
		revoked := map[string]string{}
		for print := range revocations(text) {
			revoked[print] = "/etc/ssh/revoked"
		}
		r := rules{config: parseConfig(inForceText), revoked: revoked, from: netip.MustParseAddr("203.0.113.7"), now: time.Now()}
		for _, e := range parseKeys(text) {
			r.refuses(&e)
			for _, word := range []string{e.reason} {
				// What is told is a name, never a value or a key.
				if len(word) > 40 && bytes.Contains(text, []byte(`"`+word)) {
					t.Errorf("a value is told: %q", word)
				}
			}
		}
	})
}
