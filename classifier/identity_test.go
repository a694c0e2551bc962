package classifier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestSameLogSameFindings replays the truth runs twice: nothing of a finding
// may depend on chance, on when it is replayed, or on where the log lies.
func TestSameLogSameFindings(t *testing.T) {
	g := newRig(t)
	for name, runs := range truthFiles(t) {
		var lines []string
		for i := range runs {
			lines = append(lines, runs[i].lines...)
		}
		first := g.replay(t, "/var/log/auth.log", lines)
		again := g.replay(t, "/var/log/auth.log", lines)
		elsewhere := g.replay(t, "/mnt/old/auth.log.7.gz", lines)
		for what, other := range map[string][]verdict{"again": again, "from another path": elsewhere} {
			if n := firstDifference(first, other); n >= 0 {
				t.Errorf("%s: read %s, finding %d differs\n  %s\n  %s", name, what, n, at(first, n), at(other, n))
			}
		}
	}
}

// firstDifference gives the index of the first finding that differs, -1 for
// none.
func firstDifference(a, b []verdict) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || at(a, i) != at(b, i) {
			return i
		}
	}
	return -1
}

// at writes out all of a finding.
func at(all []verdict, i int) string {
	if i >= len(all) {
		return "no finding"
	}
	v := &all[i]
	return fmt.Sprintf("%s.%d %s %d %s %v %q", v.id, v.revision, v.gist(), v.why, v.remarks, v.values, v.evidence)
}

// TestIDsAreUnique holds one id to one connection, and its revisions to their
// order.
func TestIDsAreUnique(t *testing.T) {
	g := newRig(t)
	for name, runs := range truthFiles(t) {
		for i := range runs {
			last := map[string]verdict{}
			for _, v := range g.replay(t, "auth.log", runs[i].lines) {
				before, known := last[v.id]
				switch {
				case !known && v.revision != 1:
					t.Errorf("%s: %s begins with revision %d", runs[i].ID, v.id, v.revision)
				case known && v.revision != before.revision+1:
					t.Errorf("%s: %s has revision %d after %d", runs[i].ID, v.id, v.revision, before.revision)
				case known && (v.pid != before.pid || v.host != before.host):
					t.Errorf("%s: %s is of process %d, then of %d", name, v.id, before.pid, v.pid)
				}
				last[v.id] = v
			}
		}
	}
}

// TestDoubledLog reads a log that was copied behind itself: equal connections
// within one second are told apart by their ordinal, so nothing is lost by
// readers that keep one finding an id.
func TestDoubledLog(t *testing.T) {
	g := newRig(t)
	log := strings.Split(strings.TrimSpace(`
Nov 22 15:35:30 web01 sshd[400]: Invalid user admin from 198.51.100.7 port 4711
Nov 22 15:35:30 web01 sshd[400]: Connection closed by invalid user admin 198.51.100.7 port 4711 [preauth]
Nov 22 15:35:30 web01 sshd[401]: drop connection #10 from [198.51.100.8]:4712 on [203.0.113.1]:22 past MaxStartups
`), "\n")
	once := g.findings(t, log)
	twice := g.findings(t, slices.Concat(log, log))
	if len(once) != 2 || len(twice) != 4 {
		t.Fatalf("%d findings, and %d on the doubled log; want 2 and 4", len(once), len(twice))
	}
	ids := map[string]int{}
	for _, v := range twice {
		ids[v.id]++
	}
	if len(ids) != 4 {
		t.Errorf("%d ids for 4 connections", len(ids))
	}
	for _, v := range once {
		if ids[v.id] != 1 {
			t.Errorf("the first copy has other ids than the log alone: %v", &v)
		}
	}
}
