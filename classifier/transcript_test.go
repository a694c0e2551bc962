package classifier_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTranscripts replays testdata/<cause>.txtar: for each cause that was
// arranged on a real sshd, what releases and LogLevels leave of it, and the
// verdict. A transcript has pairs of files: NAME.log, and NAME.want with lines
//
//	outcome:    that of the finding
//	cause:      undetermined where the log does not tell
//	confidence: certain, likely or undetermined
//	candidates: causes that must be among them
//	remarks:    causes that must be among what showed and did not decide
//	user:       the name as the client sent it
//	source:     the client's address
//	remedy:     text that the remedy must hold: the value at hand
//
// A second block after an empty line is another finding of the same log.
func TestTranscripts(t *testing.T) {
	g := newRig(t)
	for i := range g.causes.Causes {
		cause := &g.causes.Causes[i]
		if !cause.Arranged {
			continue
		}
		t.Run(cause.ID, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", cause.ID+".txtar"))
			if err != nil {
				t.Fatalf("a cause that is arranged has no transcript: %v", err)
			}
			files := archive(string(text))
			for name, log := range files {
				if name, isLog := strings.CutSuffix(name, ".log"); isLog {
					g.transcript(t, name, log, files[name+".want"])
				}
			}
			// Where no log can tell, the comment has to say so.
			if !strings.Contains(string(text), cause.ID) {
				t.Error("neither a verdict of the transcript nor its comment names the cause")
			}
		})
	}
}

// TestTranscriptsAreOfCauses finds transcripts of what the catalogue lacks.
func TestTranscriptsAreOfCauses(t *testing.T) {
	g := newRig(t)
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		id := strings.TrimSuffix(filepath.Base(path), ".txtar")
		if cause := g.causes.Cause(g.causes.Find(id)); cause == nil || !cause.Arranged {
			t.Errorf("%s: no cause of that name is arranged", path)
		}
	}
}

// archive gives the files of a txtar text; what stands before the first is
// comment.
func archive(text string) map[string]string {
	files := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(rest, " --\n") {
			name = strings.TrimSuffix(rest, " --\n")
			files[name] = ""
		} else if name != "" {
			files[name] += line
		}
	}
	return files
}

// transcript replays a log and looks for the findings that are wanted.
func (g *rig) transcript(t *testing.T, name, log, want string) {
	found := g.findings(t, strings.Split(strings.TrimSuffix(log, "\n"), "\n"))
	for block := range strings.SplitSeq(strings.TrimSpace(want), "\n\n") {
		missing := ""
		if !slices.ContainsFunc(found, func(v verdict) bool {
			lacks := v.lacks(t, block)
			if lacks != "" && (missing == "" || strings.Count(lacks, "\n") < strings.Count(missing, "\n")) {
				missing = lacks
			}
			return lacks == ""
		}) {
			t.Errorf("%s: no finding is that one; nearest lacks\n%sfound %s", name, missing, gists(found))
		}
	}
}

// lacks gives the lines of the block that the verdict does not meet.
func (v *verdict) lacks(t *testing.T, block string) string {
	lacks := ""
	for line := range strings.SplitSeq(block, "\n") {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		ok := false
		switch key {
		case "outcome":
			ok = v.outcome == value
		case "cause":
			ok = v.cause == value
		case "confidence":
			ok = v.confidence.String() == value
		case "candidates":
			ok = !slices.ContainsFunc(strings.Fields(value), func(id string) bool { return !slices.Contains(v.list(), id) })
		case "remarks":
			ok = !slices.ContainsFunc(strings.Fields(value), func(id string) bool { return !slices.Contains(strings.Fields(v.remarks), id) })
		case "user":
			ok = v.named && v.user == value
		case "source":
			ok = addressOf(v.address) == addressOf(value)
		case "remedy":
			ok = strings.Contains(v.remedy, value)
		default:
			t.Errorf("a transcript wants %q", line)
		}
		if !ok {
			lacks += "  " + line + "\n"
		}
	}
	return lacks
}

func gists(all []verdict) string {
	var b strings.Builder
	for i := range all {
		b.WriteString("\n  " + all[i].gist() + "\n    " + strings.ReplaceAll(strings.TrimSpace(all[i].remedy), "\n", "\n    "))
	}
	return b.String()
}
