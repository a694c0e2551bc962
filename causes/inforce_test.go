package causes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// filtered is a command that looks for a keyword in what sshd or ssh says is in
// force.
var filtered = regexp.MustCompile("sshd? -[TG][^|`)]*\\| *(?:sed -n|grep) ([^|;`]*)")

// anyCase is a filter that does not mind how the keyword is spelt.
var anyCase = regexp.MustCompile(`^-[a-zA-Z]*i|^'s/.*/Ip'`)

// TestKeywordsAreSoughtInAnyCase: sshd prints them in lower case up to 10.3, and
// as the man page spells them from 10.4 on.
func TestKeywordsAreSoughtInAnyCase(t *testing.T) {
	c, _ := catalogues(t)
	found := 0
	for i := range c.Causes {
		e := &c.Causes[i]
		texts := []string{e.Texts[causes.English].Sure, e.Texts[causes.Japanese].Sure}
		for j := range e.Remedy {
			texts = append(texts, e.Remedy[j].Run, e.Remedy[j].Edit)
		}
		for _, text := range texts {
			for _, m := range filtered.FindAllStringSubmatch(text, -1) {
				if found++; !anyCase.MatchString(m[1]) {
					t.Errorf("%s: %s", e.ID, m[0])
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d commands were found", found)
	}
}

// standIn answers as sshd: -t takes every configuration, unless the file
// refuses is there, -T prints what the file inforce holds.
const standIn = `#!/bin/sh
here=$(dirname "$0")
[ "$1" = -T ] || { [ ! -e "$here/refuses" ]; exit; }
cat "$here/inforce"
`

// TestEditsOfWhatIsInForce follows the steps that add to a list: they find it in
// the spelling of every release, and write nothing where they do not.
func TestEditsOfWhatIsInForce(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("sed -i is not the same everywhere")
	}
	c, _ := catalogues(t)
	const before = "# the configuration\n"
	for _, tt := range []struct {
		cause   string
		values  map[sshwhy.Field]string
		keyword string // of the step's line
		inForce string
		refuses bool
		want    string
	}{
		{cause: "no-matching-kex", values: offer("diffie-hellman-group14-sha1"), keyword: "KexAlgorithms",
			inForce: "KexAlgorithms curve25519-sha256", want: "KexAlgorithms curve25519-sha256,diffie-hellman-group14-sha1\n"},
		{cause: "no-matching-cipher", values: offer("aes256-cbc"), keyword: "Ciphers",
			inForce: "Ciphers aes256-ctr", want: "Ciphers aes256-ctr,aes256-cbc\n"},
		{cause: "no-matching-mac", values: offer("hmac-sha1-96"), keyword: "MACs",
			inForce: "Macs hmac-sha2-256", want: "MACs hmac-sha2-256,hmac-sha1-96\n"},
		{cause: "no-matching-mac", values: offer("hmac-md5"), keyword: "MACs", inForce: "Macs hmac-sha2-256", refuses: true},
		{cause: "no-matching-host-key-type", values: offer("ssh-rsa"), keyword: "HostKeyAlgorithms",
			inForce: "HostKey /etc/ssh/ssh_host_rsa_key\nHostKeyAlgorithms ssh-ed25519", want: "HostKeyAlgorithms ssh-ed25519,ssh-rsa\n"},
		{cause: "no-matching-host-key-type", values: offer("ssh-rsa"), keyword: "HostKey",
			inForce: "HostKey /etc/ssh/ssh_host_ed25519_key\nHostKeyAlgorithms ssh-ed25519", want: "HostKey /etc/ssh/ssh_host_rsa_key\n"},
		{cause: "no-matching-host-key-type", values: offer("ssh-rsa"), keyword: "HostKey",
			inForce: "HostKey /etc/ssh/ssh_host_ed25519_key\nHostKey /etc/ssh/ssh_host_rsa_key"},
		{cause: "key-algorithm-refused", values: keyType("ssh-rsa"), keyword: "PubkeyAcceptedAlgorithms",
			inForce: "PubkeyAcceptedAlgorithms ssh-ed25519", want: "PubkeyAcceptedAlgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa\n"},
		{cause: "key-algorithm-refused", values: keyType("ssh-rsa"), keyword: "PubkeyAcceptedAlgorithms",
			inForce: "pubkeyacceptedkeytypes ssh-ed25519", want: "pubkeyacceptedkeytypes ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa\n"},
		{cause: "key-algorithm-refused", values: keyType("ssh-dss"), keyword: "PubkeyAcceptedAlgorithms", // gone from 10.0
			inForce: "PubkeyAcceptedAlgorithms ssh-ed25519", refuses: true},
		{cause: "per-source-penalty", values: address("203.0.113.7"), keyword: "PerSourcePenaltyExemptList",
			inForce: "PerSourcePenaltyExemptList none", want: "PerSourcePenaltyExemptList 203.0.113.7\n"},
		{cause: "per-source-penalty", values: address("203.0.113.7"), keyword: "PerSourcePenaltyExemptList",
			inForce: "PerSourcePenaltyExemptList 192.0.2.0/24", want: "PerSourcePenaltyExemptList 192.0.2.0/24,203.0.113.7\n"},
		{cause: "cert-untrusted-ca", keyword: "TrustedUserCAKeys",
			inForce: "TrustedUserCAKeys none", want: "TrustedUserCAKeys /etc/ssh/trusted_user_ca_keys\n"},
		{cause: "cert-untrusted-ca", keyword: "TrustedUserCAKeys", inForce: "TrustedUserCAKeys /etc/ssh/ca.pub"},
	} {
		for _, inForce := range []string{tt.inForce, strings.ToLower(tt.inForce), ""} {
			want := ""
			if inForce != "" {
				want = tt.want
			}
			run := editOf(t, c, tt.cause, tt.keyword, tt.values)
			got := follow(t, run, before, inForce, tt.refuses)
			got, kept := strings.CutSuffix(got, before)
			if !kept || !strings.EqualFold(got, want) {
				t.Errorf("%s, in force is %q: added %q, want %q\n%s", tt.cause, inForce, got, want, run)
			}
		}
	}
}

func offer(list string) map[sshwhy.Field]string {
	return map[sshwhy.Field]string{sshwhy.FieldOffer: list}
}

func keyType(name string) map[sshwhy.Field]string {
	return map[sshwhy.Field]string{sshwhy.FieldKeyType: name}
}

func address(a string) map[sshwhy.Field]string {
	return map[sshwhy.Field]string{sshwhy.FieldAddr: a}
}

// editOf gives the command that adds a line with a keyword.
func editOf(t *testing.T, c *causes.Catalogue, cause, keyword string, values map[sshwhy.Field]string) string {
	t.Helper()
	for _, a := range c.Cause(c.Find(cause)).Steps(causes.English, with(values)) {
		if strings.Contains(a.Run, "sshd -T") && strings.Contains(a.Do, keyword+" ") {
			return a.Run
		}
	}
	t.Fatalf("no step of %s adds a line of %s", cause, keyword)
	return ""
}

// follow runs a command beside the stand-in, in a folder in place of /etc/ssh,
// and gives the configuration as it is then.
func follow(t *testing.T, run, config, inForce string, refuses bool) string {
	t.Helper()
	const folder = "/etc/ssh"
	dir := t.TempDir()
	files := map[string]string{"sshd": standIn, "inforce": strings.ReplaceAll(inForce, folder, dir), "sshd_config": config, "ssh_host_rsa_key": ""}
	if refuses {
		files["refuses"] = ""
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(run, folder, dir))
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil && len(out) > 0 {
		t.Errorf("%v: %s\n%s", err, out, run) // one that has nothing to do ends so without a word
	}
	text, err := os.ReadFile(filepath.Join(dir, "sshd_config"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), dir, folder)
}
