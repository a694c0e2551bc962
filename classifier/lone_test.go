package classifier_test

import (
	"slices"
	"testing"

	"github.com/sshwhy/sshwhy"
)

// TestLoneClose reads the one line that a client left behind that closed the
// connection, as releases write it. What it can mean depends on what the line
// bears: [preauth] since 5.9, a port since 7.2, the user since 7.5.
func TestLoneClose(t *testing.T) {
	g := newRig(t)
	for _, test := range []struct {
		line  string
		rule  sshwhy.Rule
		among []string
		not   []string
	}{
		{"sshd[7]: Connection closed by 203.0.113.7", sshwhy.RuleLeftUnnamed, []string{"key-not-authorized", "probe"}, nil},                     // 5.3 to 5.8
		{"sshd[7]: Connection closed by 203.0.113.7 [preauth]", sshwhy.RuleLeftUnnamed, []string{"key-not-authorized", "probe"}, nil},           // 5.9 to 7.1
		{"sshd[7]: Connection closed by 203.0.113.7 port 4000 [preauth]", sshwhy.RuleLeftUnnamed, []string{"key-not-authorized", "probe"}, nil}, // 7.2 to 9.7
		{"sshd[7]: Connection closed by 203.0.113.7 port 4000", sshwhy.RuleLeftBeforeUser, []string{"probe"}, []string{"key-not-authorized"}},   // 8.0 to 9.7, before the banner
		{"sshd-session[7]: Connection closed by 203.0.113.7 port 4000", sshwhy.RuleLeftUnknownStage, []string{"probe", "connection-lost"}, []string{"client-rejected-host-key"}},
		{"sshd-session[7]: Connection closed by 203.0.113.7 port 4000 [preauth]", sshwhy.RuleLeftBeforeUser, []string{"probe", "client-rejected-host-key"}, []string{"connection-lost"}},
	} {
		found := g.findings(t, []string{"Nov 22 23:00:00 web01 " + test.line})
		if len(found) != 1 || found[0].outcome != "disconnected" || found[0].cause != "undetermined" || found[0].why != test.rule {
			t.Errorf("%s: got %v by rule %d, want rule %d", test.line, found, found[0].why, test.rule)
			continue
		}
		for _, cause := range test.among {
			if !slices.Contains(found[0].list(), cause) {
				t.Errorf("%s: %s is no candidate of %s", test.line, cause, found[0].candidates)
			}
		}
		for _, cause := range test.not {
			if slices.Contains(found[0].list(), cause) {
				t.Errorf("%s: %s is a candidate", test.line, cause)
			}
		}
	}
	goodbye := g.findings(t, []string{"Nov 22 23:00:00 web01 sshd[7]: Received disconnect from 203.0.113.7: 11: Bye Bye"}) // 5.3 to 5.8
	if len(goodbye) != 1 || goodbye[0].why != sshwhy.RuleSaidGoodbyeUnnamed || !slices.Contains(goodbye[0].list(), "key-not-authorized") {
		t.Errorf("a goodbye of 5.3 gives %v, by rule %d of %s", goodbye, goodbye[0].why, goodbye[0].candidates)
	}
}
