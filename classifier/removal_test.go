package classifier_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
)

// TestLessEvidence takes every line of every truth run away in turn: a log
// that lost a line must not make sshwhy surer of anything, nor certain of what
// was not arranged, nor turn a refusal into a login.
func TestLessEvidence(t *testing.T) {
	g := newRig(t)
	files := truthFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range files[name] {
				if r := &files[name][i]; !testing.Short() || i%10 == 0 {
					g.lessEvidence(t, r)
				}
			}
		})
	}
}

func (g *rig) lessEvidence(t *testing.T, r *run) {
	whole := g.findings(t, r.lines)
	for gone := range r.lines {
		lines := slices.Delete(slices.Clone(r.lines), gone, gone+1)
		found := g.findings(t, lines)
		for i := range r.Sessions {
			s := &r.Sessions[i]
			if complaint := s.compare(whole, found); complaint != "" {
				t.Errorf("%s: %s\n  arranged %v, also %v, %s; with all lines %v, now %v\n  without  %s", r.ID, complaint, s.Causes, s.Also, s.Outcome, s.of(whole), s.of(found), r.lines[gone])
			}
		}
	}
}

// compare tells what is worse about the findings on a part of the lines than
// about those on all of them, "" for nothing.
func (s *session) compare(whole, part []verdict) string {
	before, after := s.of(whole), s.of(part)
	remark := s.Outcome == "accepted" && len(s.Causes) > 0 && !s.late()
	accepted := slices.ContainsFunc(before, func(v *verdict) bool { return v.outcome == "accepted" })
	for _, v := range after {
		switch {
		case v.outcome == "accepted" && !accepted && s.outside():
			return "a refusal became a login"
		case v.confidence < sshwhy.ConfidenceLikely || aside[v.cause]:
		case v.confidence == sshwhy.ConfidenceCertain && s.falsely(v) && !remark:
			return "certain of what was not arranged: " + v.cause
		case s.falsely(v) && !s.candidate(v) && surest(before, v.cause) < v.confidence:
			return "likely what was not arranged: " + v.cause
		case !s.falsely(v) && surest(before, v.cause) < v.confidence && !answered(before):
			return "surer than before of " + v.cause
		}
	}
	return ""
}

// surest gives the confidence with which the verdicts name the cause.
func surest(all []*verdict, cause string) sshwhy.Confidence {
	var most sshwhy.Confidence
	for _, v := range all {
		if v.cause == cause {
			most = max(most, v.confidence)
		}
	}
	return most
}

// answered tells whether the verdicts settled the matter: a login that was
// accepted, or a cause that the log states. Another one that was but a remark
// then, and is true, may take its place.
func answered(all []*verdict) bool {
	return slices.ContainsFunc(all, func(v *verdict) bool {
		return v.outcome == "accepted" && v.cause == "" || v.confidence == sshwhy.ConfidenceCertain
	})
}

// TestOneConnectionOneFinding counts: every client that a log names by address
// and port has one finding, and no process has two.
func TestOneConnectionOneFinding(t *testing.T) {
	g := newRig(t)
	for name, runs := range truthFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range runs {
				r := &runs[i]
				if complaint := miscount(r, g.findings(t, r.lines)); complaint != "" {
					t.Errorf("%s: %s\n  %s", r.ID, complaint, strings.Join(r.lines, "\n  "))
				}
			}
		})
	}
}

// miscount tells which connection of the run has no finding or several, ""
// for none.
func miscount(r *run, found []verdict) string {
	perClient := map[string]int{}
	for _, client := range clients(r) {
		perClient[client] = 0
	}
	perProcess := map[int32]int{}
	for i := range found {
		v := &found[i]
		if !v.aboutConnection() {
			continue
		}
		if v.pid != 0 && !r.isListener(v.pid) {
			perProcess[v.pid]++
		}
		if v.port == 0 {
			continue
		}
		client := fmt.Sprintf("%s port %d", v.address, v.port)
		if _, named := perClient[client]; !named {
			return "there is no such client: " + client
		}
		perClient[client]++
	}
	for client, n := range perClient {
		if n != 1 {
			return fmt.Sprintf("%d findings on %s", n, client)
		}
	}
	for pid, n := range perProcess {
		if n != 1 {
			return fmt.Sprintf("%d findings on process %d", n, pid)
		}
	}
	return homeless(r, found, perClient)
}

// homeless finds a verdict without a client on a process that belongs to a
// connection whose client is known.
func homeless(r *run, found []verdict, perClient map[string]int) string {
	for i := range r.Sessions {
		s := &r.Sessions[i]
		known := 0
		for client := range perClient {
			if strings.HasPrefix(client, s.Src+" ") {
				known++
			}
		}
		if known != 1 {
			continue
		}
		for j := range found {
			if v := &found[j]; v.aboutConnection() && v.port == 0 && slices.Contains(s.PIDs, v.pid) {
				return fmt.Sprintf("process %d has a finding beside that of its connection", v.pid)
			}
		}
	}
	return ""
}

func (r *run) isListener(pid int32) bool {
	return slices.ContainsFunc(r.Sessions, func(s session) bool { return slices.Contains(s.Listeners, pid) })
}

// clients gives the addresses and ports that the log names. All clients of the
// truth runs are on the loopback network, and the server listens on 22022.
func clients(r *run) []string {
	var list []string
	for _, line := range r.lines {
		if elsewhere.MatchString(line) {
			continue
		}
		for _, m := range clientExpr.FindAllStringSubmatch(line, -1) {
			if client := m[1] + " port " + m[2]; m[2] != "22022" && !slices.Contains(list, client) {
				list = append(list, client)
			}
		}
	}
	return list
}

var (
	clientExpr = regexp.MustCompile(`\[?(127(?:\.[0-9]+){3}|::1)\]?(?::| port )([0-9]+)`)
	// elsewhere are lines whose addresses may be those of a forwarding.
	elsewhere = regexp.MustCompile(`debug1: |forward|connect_to|channel_setup|connect to host|bind`)
)
