package sinks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/sinks"
)

// TestNothingToMend tells services of a session that just ended and of a
// connection that was open when reading ended: neither failed, so none of them is
// told how to mend it.
func TestNothingToMend(t *testing.T) {
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	failed := sshwhy.Finding{
		Outcome: sshwhy.OutcomeRefused, Cause: c.Find(causes.Undetermined), Confidence: sshwhy.ConfidenceUndetermined,
		User: []byte("emil"), UserKnown: true, Address: []byte("203.0.113.5"), Revision: 1,
	}
	ended, open := failed, failed
	ended.Outcome = sshwhy.OutcomeAccepted
	open.Outcome, open.Why.Rule = sshwhy.OutcomeNone, sshwhy.RuleOpen
	for name, e := range map[string]interface {
		AppendFinding(dst []byte, f *sshwhy.Finding) ([]byte, error)
	}{
		"Slack": sinks.NewSlackBlocks(c, causes.English, time.UTC), "plain text": sinks.NewPlainText(c, causes.English, time.UTC), "Loki": sinks.NewLokiLines(c, causes.English),
	} {
		for f, mends := range map[*sshwhy.Finding]bool{&failed: true, &ended: false, &open: false} {
			text, err := e.AppendFinding(nil, f)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(text), "sshwhy doctor emil"); got != mends {
				t.Errorf("%s, %v: a remedy %v, want %v: %s", name, f.Outcome, got, mends, text)
			}
		}
	}
}
