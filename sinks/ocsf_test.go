package sinks_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/sinks"
)

// TestOCSF: what the class Authentication requires is in every event.
func TestOCSF(t *testing.T) {
	c := someCauses(t)
	var out bytes.Buffer
	s := sinks.NewOCSF(&out, c, causes.English)
	findings := someFindings(c)
	for _, f := range findings {
		if err := s.Deliver(f); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for line := range bytes.Lines(out.Bytes()) {
		var e map[string]any
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"class_uid", "category_uid", "activity_id", "type_uid", "severity_id", "status_id", "metadata", "dst_endpoint", "service"} {
			if _, ok := e[key]; !ok {
				t.Errorf("%s is missing in %s", key, line)
			}
		}
		f := findings[n]
		failed := e["status_id"].(float64) == 2
		if failed == (f.Outcome == sshwhy.OutcomeAccepted) || e["class_uid"].(float64)*100+e["activity_id"].(float64) != e["type_uid"].(float64) {
			t.Errorf("%s: %s", f.Outcome, line)
		}
		if about := e["metadata"].(map[string]any); about["uid"] != f.ID() || about["version"] == "" {
			t.Errorf("%v", about)
		}
		if _, ok := e["time"]; !ok {
			t.Errorf("an event without a time: %s", line)
		}
		n++
	}
	if n != len(findings) {
		t.Errorf("%d events of %d findings", n, len(findings))
	}
}
