//go:build integration && linux

package integration

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// finding is what the tests read of a line of "replay --output jsonl".
type finding struct {
	Event struct{ ID, Code, Reason string }
	User  struct{ Name string }
	From  struct{ IP string } `json:"source"`
	Why   struct {
		Outcome, Confidence string
		Candidates          []string
		Revision            int
		Remedy              []step
		Values              map[string]string
	} `json:"sshwhy"`
}

// step is one action of a remedy, as printed.
type step struct{ Where, Do, Run, Warning string }

// replay gives the findings on the log so far, each in its last revision.
func (b *box) replay() []*finding {
	cmd := exec.Command("/mnt/box/bin/sshwhy", "replay", "--output", "jsonl", "--lang", "en", b.log.path)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		b.fatalf("sshwhy replay: %v\n%s", err, complaint.Bytes())
	}
	var all []*finding
	place := map[string]int{}
	for _, line := range bytes.Split(bytes.TrimSpace(out), []byte("\n")) {
		f := &finding{}
		if len(line) == 0 {
			continue
		}
		if err := json.Unmarshal(line, f); err != nil {
			b.fatalf("sshwhy wrote a line that is no JSON: %v\n%s", err, line)
		}
		if f.Event.ID == "" { // the summary
			continue
		}
		if i, ok := place[f.Event.ID]; ok {
			all[i] = f
			continue
		}
		place[f.Event.ID] = len(all)
		all = append(all, f)
	}
	return all
}

// remedyFor gives the steps to take: those of the verdict, or, where the log
// could not tell, those of the candidate that was arranged, which a user finds
// under "sshwhy explain".
func (b *box) remedyFor(s *scenario, f *finding) []step {
	if s.cause == "" || s.cause == s.code {
		return f.Why.Remedy
	}
	catalogue, err := causes.Load()
	if err != nil {
		b.fatalf("%v", err)
	}
	cause := catalogue.Cause(catalogue.Find(s.cause))
	if cause == nil {
		b.fatalf("there is no cause %q", s.cause)
	}
	var steps []step
	for _, a := range cause.Steps(causes.English, f.value) {
		steps = append(steps, step{a.Where, a.Do, a.Run, a.Warning})
	}
	return steps
}

// value gives what the finding knows of a field, as its own remedy has it.
func (f *finding) value(field sshwhy.Field) string {
	if v := f.Why.Values[field.String()]; v != "" {
		return v
	}
	switch field {
	case sshwhy.FieldUser:
		return f.User.Name
	case sshwhy.FieldAddr:
		return f.From.IP
	}
	return ""
}

// readLog gives the log so far.
func (b *box) readLog() string {
	text, err := os.ReadFile(b.log.path)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}
