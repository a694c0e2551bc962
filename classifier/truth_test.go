package classifier_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
)

// The causes that are judged in a way of their own.
var (
	// aside stand beside the verdicts on connections.
	aside = set("brute-force", "login-after-failures", "sshd-stopped")
	// toldByListener are what sshd says of itself.
	toldByListener = set("sshd-stopped", "host-key-missing", "host-key-permissions", "host-key-corrupt", "host-key-unreadable",
		"sshd-config-invalid", "sshd-installation-broken")
	// afterLogin show after a login was accepted.
	afterLogin = set("password-expired", "fork-failed", "nologin-file", "pam-session-failed", "login-limit", "chroot-bad-ownership",
		"chroot-missing", "chroot-without-shell", "subsystem-unknown", "subsystem-missing", "forwarding-denied", "forwarding-failed",
		"pty-denied", "max-sessions", "session-killed", "shell-nologin", "channel-timeout", "connection-lost", "connection-reset",
		"host-key-permissions")
)

func set(words ...string) map[string]bool {
	s := map[string]bool{}
	for _, w := range words {
		s[w] = true
	}
	return s
}

// The bars of TestTruth, as shares of all sessions.
const (
	minRight   = 0.995
	maxMisled  = 0.01
	maxExtra   = 0.005
	maxOutcome = 0.005
)

// maxCandidates is how many candidates an undetermined finding may have on
// average: the more is logged, the fewer are left.
var maxCandidates = map[string]float64{"info": 18, "verbose": 9}

// TestTruth judges the findings on real logs whose cause was arranged.
func TestTruth(t *testing.T) {
	g := newRig(t)
	files := truthFiles(t)
	for _, form := range []string{"traditional", "iso"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			var all tally
			for _, name := range slices.Sorted(maps.Keys(files)) {
				var n tally
				for i := range files[name] {
					r := &files[name][i]
					lines := r.lines
					if form == "iso" {
						lines = isoLines(t, lines)
					}
					n.judge(t, r, g.findings(t, lines))
				}
				t.Logf("%-20s %s", name, &n)
				all.add(&n)
			}
			all.hold(t)
		})
	}
}

func isoLines(t testing.TB, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = iso(t, line, i)
	}
	return out
}

// tally counts judgements.
type tally struct {
	right, missed, wrong   int
	misled, extra, outcome int
	undetermined, listed   map[string]int // by level: findings, and their candidates
	complaints             []string
}

func (n *tally) String() string {
	return fmt.Sprintf("right %d, missed %d, wrong %d, misled %d, extra %d, outcome %d", n.right, n.missed, n.wrong, n.misled, n.extra, n.outcome)
}

func (n *tally) add(o *tally) {
	n.right, n.missed, n.wrong = n.right+o.right, n.missed+o.missed, n.wrong+o.wrong
	n.misled, n.extra, n.outcome = n.misled+o.misled, n.extra+o.extra, n.outcome+o.outcome
	n.complaints = append(n.complaints, o.complaints...)
	if n.undetermined == nil {
		n.undetermined, n.listed = map[string]int{}, map[string]int{}
	}
	for level, count := range o.undetermined {
		n.undetermined[level] += count
		n.listed[level] += o.listed[level]
	}
}

// judge adds the judgement on a run.
func (n *tally) judge(t *testing.T, r *run, found []verdict) {
	if n.undetermined == nil {
		n.undetermined, n.listed = map[string]int{}, map[string]int{}
	}
	for i := range found {
		if v := &found[i]; v.cause == "undetermined" {
			n.undetermined[r.level()]++
			n.listed[r.level()] += len(v.list())
			if len(v.list()) > sshwhy.MaxCandidates {
				t.Errorf("%s: %d candidates", r.ID, len(v.list()))
			}
		}
	}
	for i := range r.Sessions {
		s := &r.Sessions[i]
		j := judge(s, found)
		switch j.verdict {
		case "right":
			n.right++
		case "missed":
			n.missed++
		case "wrong":
			n.wrong++
		}
		n.misled, n.extra, n.outcome = n.misled+one(j.misled), n.extra+one(j.extra), n.outcome+one(j.outcome)
		if remarks := j.complaint(); remarks != "" {
			n.complaints = append(n.complaints, fmt.Sprintf("%s: %s: arranged %v %q; found %v", r.ID, remarks, s.Causes, s.Outcome, s.of(found)))
		}
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hold fails where a bar is not met.
func (n *tally) hold(t *testing.T) {
	t.Logf("%-20s %s", "all", n)
	sessions := float64(n.right + n.missed + n.wrong)
	switch {
	case float64(n.right) < minRight*sessions:
		t.Errorf("right are %d of %.0f", n.right, sessions)
	case n.wrong > 0:
		t.Errorf("%d are wrong", n.wrong)
	case float64(n.misled) > maxMisled*sessions:
		t.Errorf("%d are misled", n.misled)
	case float64(n.extra) > maxExtra*sessions:
		t.Errorf("%d have findings to spare", n.extra)
	case float64(n.outcome) > maxOutcome*sessions:
		t.Errorf("%d have another outcome", n.outcome)
	}
	for level, most := range maxCandidates {
		average := float64(n.listed[level]) / float64(n.undetermined[level])
		t.Logf("undetermined at %s: %d, with %.1f candidates on average", level, n.undetermined[level], average)
		if average > most {
			t.Errorf("undetermined findings at %s have %.1f candidates on average, more than %.0f", level, average, most)
		}
	}
	for _, c := range n.complaints {
		t.Log(c)
	}
}

// judgement is what the findings on a session are worth.
type judgement struct {
	// verdict is right, missed or wrong. Wrong is a finding that is certain
	// of a cause that was not arranged.
	verdict string
	why     string
	// misled: something else is likely, and the truth is no candidate.
	// extra: a process has several findings. outcome: refused, and a
	// finding says accepted.
	misled, extra, outcome bool
}

func (j *judgement) complaint() string {
	var words []string
	if j.verdict != "right" {
		words = append(words, j.verdict+" "+j.why)
	}
	for word, b := range map[string]bool{"misled": j.misled, "extra": j.extra, "outcome": j.outcome} {
		if b {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func judge(s *session, found []verdict) judgement {
	mine := s.of(found)
	var j judgement
	for _, v := range mine {
		j.misled = j.misled || v.confidence == sshwhy.ConfidenceLikely && s.falsely(v) && !s.candidate(v)
		j.outcome = j.outcome || s.outside() && v.outcome == "accepted"
	}
	j.extra = s.extra(mine)
	j.verdict, j.why = s.answer(mine)
	return j
}

// falsely tells whether the verdict names a cause that was not arranged.
func (s *session) falsely(v *verdict) bool {
	return v.cause != "" && v.cause != "undetermined" && !aside[v.cause] && !slices.Contains(s.Causes, v.cause) && !slices.Contains(s.Also, v.cause)
}

// candidate tells whether the verdict leaves the arranged cause open.
func (s *session) candidate(v *verdict) bool {
	list := v.list()
	return len(list) <= sshwhy.MaxCandidates && slices.ContainsFunc(s.Causes, func(c string) bool { return slices.Contains(list, c) })
}

// late tells whether what was arranged shows after login.
func (s *session) late() bool {
	return slices.ContainsFunc(s.Causes, func(c string) bool { return afterLogin[c] })
}

// outside tells whether the client did not get in.
func (s *session) outside() bool {
	return (s.Outcome == "refused" || s.Outcome == "dropped") && !s.late()
}

func (s *session) extra(mine []*verdict) bool {
	per := map[int32]int{}
	for _, v := range mine {
		if v.aboutConnection() && !aside[v.cause] && slices.Contains(s.PIDs, v.pid) {
			if per[v.pid]++; per[v.pid] > 1 {
				return true
			}
		}
	}
	return false
}

// answer tells whether the session's verdicts are right.
func (s *session) answer(mine []*verdict) (word, why string) {
	sure := func(v *verdict) bool { return v.confidence >= sshwhy.ConfidenceLikely }
	named := map[string]bool{}
	for _, v := range mine {
		if sure(v) && s.falsely(v) {
			named[v.cause] = true
		}
	}
	if len(named) > 3 {
		return "wrong", "too many causes are named"
	}
	remark := s.Outcome == "accepted" && len(s.Causes) > 0 && !s.late()
	for _, v := range mine {
		if v.confidence == sshwhy.ConfidenceCertain && s.falsely(v) && !remark {
			return "wrong", "certain of " + v.cause
		}
	}
	if s.Outcome == "accepted" {
		if !slices.ContainsFunc(mine, func(v *verdict) bool { return v.outcome == "accepted" }) {
			return "missed", "no finding says accepted"
		}
		if !s.Revealed || !s.late() {
			return "right", ""
		}
	}
	if len(s.Causes) == 0 {
		return "right", ""
	}
	for _, v := range mine {
		if slices.Contains(s.Causes, v.cause) && (sure(v) || !s.Revealed) || !s.Revealed && s.candidate(v) {
			return "right", ""
		}
	}
	return "missed", "no finding names the cause"
}
