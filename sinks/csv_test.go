package sinks_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/sinks"
)

// TestCSV: a header, then a line a finding with as many columns; Timesketch's
// three come first, and all of them have a value.
func TestCSV(t *testing.T) {
	c := someCauses(t)
	for name, make := range map[string]func(*bytes.Buffer) sshwhy.Sink{
		"csv":        func(b *bytes.Buffer) sshwhy.Sink { return sinks.NewCSV(b, c, causes.English) },
		"timesketch": func(b *bytes.Buffer) sshwhy.Sink { return sinks.NewTimesketch(b, c, causes.English) },
	} {
		var out bytes.Buffer
		s := make(&out)
		findings := someFindings(c)
		for _, f := range findings {
			if err := s.Deliver(f); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := csv.NewReader(&out).ReadAll() // checks that all have the same number
		if err != nil || len(rows) != len(findings)+1 {
			t.Fatalf("%s: %d rows, %v", name, len(rows), err)
		}
		at := func(column string) int {
			i := slices.Index(rows[0], column)
			if i < 0 {
				t.Fatalf("%s has no column %q", name, column)
			}
			return i
		}
		first := rows[1]
		if first[at("id")] != findings[0].ID() || first[at("user")] != "tanja" || first[at("cause")] != "bad-ownership-or-modes" || first[at("reason")] == "" || first[at("remedy")] == "" {
			t.Errorf("%s: %q", name, first)
		}
		if name == "timesketch" && (!slices.Equal(rows[0][:3], []string{"message", "datetime", "timestamp_desc"}) || first[0] == "" || first[1] == "" || first[2] == "") {
			t.Errorf("%q\n%q", rows[0], first)
		}
	}
}
