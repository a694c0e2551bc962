package classifier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier"
)

// dullLines is how many lines of DEBUG1 a test writes amidst a connection: more
// than are kept of one.
const dullLines = 100

// TestThin lets sshd write a hundred lines of DEBUG1 behind the first line of
// each connection, and before the last of its process: the verdicts of the truth runs stay what
// they are, and the lines that decided are among the evidence.
func TestThin(t *testing.T) {
	g := newRig(t)
	for _, r := range truthFiles(t)["9.2-debian-debug1"] {
		before := g.findings(t, r.lines)
		after := g.findings(t, wordy(r.lines))
		for _, v := range before {
			if !v.aboutConnection() {
				continue
			}
			i := slices.IndexFunc(after, func(w verdict) bool { return w.id == v.id })
			if i < 0 {
				t.Errorf("%s: among many lines there is no finding %s on %s", r.ID, v.String(), v.user)
				continue
			}
			if w := &after[i]; w.gist() != v.gist() || w.remarks != v.remarks || w.decisive != v.decisive || w.remedy != v.remedy {
				t.Errorf("%s: among many lines, got\n  %s %q by %q\nand else\n  %s %q by %q", r.ID, w.gist(), w.remarks, w.decisive, v.gist(), v.remarks, v.decisive)
			} else if last := v.evidence[len(v.evidence)-1]; !slices.Contains(w.evidence, last) || len(w.evidence) > 64 {
				t.Errorf("%s: %d lines are the evidence, without the last: %s", r.ID, len(w.evidence), last)
			}
		}
	}
}

// wordy adds lines of DEBUG1 behind the first line of each connection and before
// the last of its process.
func wordy(lines []string) []string {
	last := map[int]int{}
	for i, line := range lines {
		last[processOf(line)] = i
	}
	opened := map[int]bool{}
	var out []string
	for i, line := range lines {
		pid := processOf(line)
		header, message, _ := strings.Cut(line, "]: ")
		if opened[pid] && last[pid] == i {
			out = append(out, dull(header)...)
		}
		if out = append(out, line); strings.HasPrefix(message, "Connection from ") {
			out = append(out, dull(header)...)
			opened[pid] = true
		}
	}
	return out
}

func dull(header string) []string {
	return slices.Repeat([]string{header + "]: debug1: temporarily_use_uid: 1005/1005 (e=0/0)"}, dullLines)
}

// TestThinTries: of very many tries the first and the last are kept, and the
// line that decides, however late it comes.
func TestThinTries(t *testing.T) {
	l := newLive(t, classifier.Options{Why: true})
	for range 3000 {
		l.line("23:00:00", "sshd[7]: Failed password for alice from 203.0.113.7 port 4000 ssh2")
	}
	l.line("23:00:01", "sshd[7]: Authentication refused: bad ownership or modes for directory /home/alice")
	var f *sshwhy.Finding
	l.parser.Parse(&sshwhy.Record{Text: []byte("Nov 22 23:00:02 web01 " + left), Newest: newest}, &l.event)
	l.classifier.Classify(&l.event, func(found *sshwhy.Finding) {
		if f == nil { // then comes the one on the attack
			f = found.Clone()
		}
	})
	if f.Decisive < 0 || !strings.Contains(string(f.Evidence[f.Decisive].Text), "bad ownership") || !slices.Contains(f.Why.Lines, f.Decisive) {
		t.Errorf("line %d of %d decided, %v count", f.Decisive, len(f.Evidence), f.Why.Lines)
	}
	if last := f.Evidence[len(f.Evidence)-1].Text; !strings.Contains(string(last), "Connection closed") {
		t.Errorf("the last line is %s", last)
	}
	if f.Dropped+len(f.Evidence) != 3002 {
		t.Errorf("%d lines are kept and %d dropped, of 3002", len(f.Evidence), f.Dropped)
	}
	if f.Value(sshwhy.FieldPath) != "/home/alice" || string(f.User) != "alice" || string(f.Address) != "203.0.113.7" {
		t.Errorf("the path is %q, the user %q, the address %q", f.Value(sshwhy.FieldPath), f.User, f.Address)
	}
}

// TestThinLongLines: where lines are long it is their bytes that count.
func TestThinLongLines(t *testing.T) {
	l := newLive(t, classifier.Options{})
	l.line("23:00:00", "sshd[7]: Connection from 203.0.113.7 port 4000 on 192.0.2.1 port 22")
	for range 30 {
		l.line("23:00:00", "sshd[7]: debug1: kex_exchange_identification: banner line 0: "+strings.Repeat("x", 1500))
	}
	l.line("23:00:01", "sshd[7]: Authentication refused: bad ownership or modes for directory /home/"+strings.Repeat("y", 3000))
	l.line("23:00:02", left)
	f := l.last
	if f.Decisive < 0 || !strings.Contains(string(f.Evidence[f.Decisive].Text), "bad ownership") {
		t.Errorf("line %d of %d decided", f.Decisive, len(f.Evidence))
	}
	text := 0
	for _, e := range f.Evidence {
		text += len(e.Text)
	}
	if text > 16<<10 {
		t.Errorf("%d bytes are kept", text)
	}
}

// TestThinRestart kills the program before every line of a connection that
// writes more than is kept: nothing is told twice, or differently.
func TestThinRestart(t *testing.T) {
	g := newRig(t)
	n := 0
	for _, r := range truthFiles(t)["9.2-debian-debug1"] {
		if n++; n%40 != 1 {
			continue
		}
		lines := wordy(r.lines)
		every := make([]int, len(lines))
		for i := range every {
			every[i] = i
		}
		g.restarted(t, r.ID+" among many lines", lines, every, g.undisturbed(t, lines))
	}
}

// TestThinStart: whether sshd came up is told by its last line, however many
// came before it.
func TestThinStart(t *testing.T) {
	for _, brief := range []bool{false, true} {
		l := newLive(t, classifier.Options{Brief: brief})
		for n := range dullLines {
			l.line("23:00:00", fmt.Sprintf("sshd[7]: /etc/ssh/sshd_config: line %d: Bad configuration option: Foo", n))
		}
		l.line("23:00:00", "sshd[7]: /etc/ssh/sshd_config: terminating, 100 bad configuration options")
		l.line("23:00:30", invalid)
		l.want("after a start that failed", " startup-failed sshd-config-invalid.1")
	}
}
