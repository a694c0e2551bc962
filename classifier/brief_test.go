package classifier_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier"
)

// TestBriefSaysTheSame compares what is counted with what is told in full: the
// same findings in the same order, with all that brief ones have.
func TestBriefSaysTheSame(t *testing.T) {
	g := newRig(t)
	for name, runs := range truthFiles(t) {
		for _, r := range runs {
			full, brief := g.told(t, r.lines, classifier.Options{}), g.told(t, r.lines, classifier.Options{Brief: true})
			if len(full) != len(brief) {
				t.Fatalf("%s %s: %d findings in brief, want %d", name, r.ID, len(brief), len(full))
			}
			for i := range full {
				if text := strings.Join(brief[i].evidence, ""); text != "" {
					t.Errorf("%s %s: the brief finding has the text %q", name, r.ID, text)
				}
				f, b := counted(full[i]), counted(brief[i])
				if !reflect.DeepEqual(f, b) {
					t.Errorf("%s %s: in brief\n%+v\nwant\n%+v", name, r.ID, b, f)
				}
			}
		}
	}
}

// counted gives the parts of a verdict that brief findings have.
func counted(v verdict) verdict {
	values := maps.Clone(v.values)
	for _, field := range []sshwhy.Field{sshwhy.FieldPort, sshwhy.FieldMethod, sshwhy.FieldKeyType, sshwhy.FieldFingerprint} {
		delete(values, field) // the finding's own, which a value can be too
	}
	return verdict{revision: v.revision, host: v.host, user: v.user, named: v.named, address: v.address, outcome: v.outcome,
		cause: v.cause, phase: v.phase, confidence: v.confidence, remarks: v.remarks, values: values}
}

// told gives every finding on the lines.
func (g *rig) told(t *testing.T, lines []string, o classifier.Options) []verdict {
	t.Helper()
	k, err := classifier.New(g.patterns, g.causes, o)
	if err != nil {
		t.Fatal(err)
	}
	var ev sshwhy.Event
	var all []verdict
	keep := func(f *sshwhy.Finding) { all = append(all, g.verdict(f)) }
	for _, line := range lines {
		g.parser.Parse(&sshwhy.Record{Text: []byte(line), Newest: newest}, &ev)
		k.Classify(&ev, keep)
	}
	k.Close(keep)
	return all
}

// TestValuesWhereWanted asks for the values of the first finding of each cause, as
// who needs an example does.
func TestValuesWhereWanted(t *testing.T) {
	g := newRig(t)
	seen := map[sshwhy.CauseID]bool{}
	wants := func(cause sshwhy.CauseID) bool { return !seen[cause] }
	k, err := classifier.New(g.patterns, g.causes, classifier.Options{Brief: true, Values: wants})
	if err != nil {
		t.Fatal(err)
	}
	filled := 0
	take := func(f *sshwhy.Finding) {
		if v := g.verdict(f); len(f.Values) > 0 && v.aboutConnection() {
			filled++
			if seen[f.Cause] {
				t.Errorf("a further finding of %s has values", g.causes.ID(f.Cause))
			}
		}
		seen[f.Cause] = true
	}
	var ev sshwhy.Event
	for _, runs := range truthFiles(t) {
		for _, r := range runs {
			for _, line := range r.lines {
				g.parser.Parse(&sshwhy.Record{Text: []byte(line), Newest: newest}, &ev)
				k.Classify(&ev, take)
			}
		}
	}
	k.Close(take)
	if filled == 0 {
		t.Error("no finding has values")
	}
}
