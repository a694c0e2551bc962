package sinks_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/sinks"
)

// TestMaskedNamesNobody: behind the mask no encoder writes a name or an
// address, and the same name has the same pseudonym everywhere.
func TestMaskedNamesNobody(t *testing.T) {
	c := loadCauses(t)
	finding, alert := hostileFinding(c, "tanja"), hostileAlert(c, "tanja")
	finding.Host, finding.Method, finding.KeyType, finding.Source = []byte("edge05"), []byte("publickey"), []byte("ED25519"), "auth.log"
	finding.Address, alert.Latest, alert.Rule, alert.Notice = []byte("203.0.113.7"), finding, "locked-out", nil
	alert.Sources = []sshwhy.Counted{{Value: "203.0.113.7", Count: 3}}
	for name, e := range map[string]sinks.Encoder{
		"json": sinks.NewJSON(c, causes.English), "loki": sinks.NewLokiLines(c, causes.English), "slack": sinks.NewSlackBlocks(c, causes.English, time.UTC),
		"alertmanager": sinks.NewAlertmanagerLines(c, causes.English), "services": sinks.NewPlainText(c, causes.English, time.UTC),
	} {
		m := sinks.NewMasked(e, []byte("a secret"))
		alert.Hosts = []sshwhy.Counted{{Value: "edge05", Count: 3}}
		for what, write := range map[string]func() ([]byte, error){
			"finding": func() ([]byte, error) { return m.AppendFinding(nil, finding) },
			"alert":   func() ([]byte, error) { return m.AppendAlert(nil, alert) },
		} {
			body, err := write()
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"tanja", "203.0.113.7", "SHA256"} {
				if bytes.Contains(body, []byte(secret)) {
					t.Errorf("%s tells %q of a masked %s: %s", name, secret, what, body)
				}
			}
			if len(body) > 0 && !bytes.Contains(body, []byte("user-53667d1c09")) {
				t.Errorf("%s: the pseudonym of a %s is missing or another: %s", name, what, body)
			}
		}
	}
}

// TestMaskedKeepsTheID: the id is of the finding, not of its pseudonyms, so that
// two sinks can be compared.
func TestMaskedKeepsTheID(t *testing.T) {
	c := loadCauses(t)
	f := hostileFinding(c, "tanja")
	for _, secret := range []string{"a", "b"} {
		body, err := sinks.NewMasked(sinks.NewJSON(c, causes.English), []byte(secret)).AppendFinding(nil, f)
		if err != nil || !bytes.Contains(body, []byte(f.ID())) {
			t.Errorf("%v: %s", err, body)
		}
	}
	if string(f.User) != "tanja" || len(f.Evidence) != 1 {
		t.Error("masking changed the finding for others")
	}
}
