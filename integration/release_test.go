//go:build integration && linux

package integration

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// release is a release of OpenSSH: {9, 2} is 9.2p1. The zero one is none.
type release struct{ major, minor int }

func (r release) String() string { return fmt.Sprintf("%d.%d", r.major, r.minor) }

func (r release) before(other release) bool {
	return r.major < other.major || r.major == other.major && r.minor < other.minor
}

// span is the releases from since to until, both included; an end that is zero
// is open.
type span struct{ since, until release }

func (s span) holds(r release) bool {
	return !r.before(s.since) && (s.until == release{} || !s.until.before(r))
}

// String says what the span is, for a reader who is outside.
func (s span) String() string {
	var ends []string
	if s.since != (release{}) {
		ends = append(ends, "from "+s.since.String()+" on")
	}
	if s.until != (release{}) {
		ends = append(ends, "up to "+s.until.String())
	}
	return strings.Join(ends, " ")
}

// installed gives the release of the machine's sshd. One that does not know -V
// (before 9.2) names its release with its usage, and fails.
func installed() (release, error) {
	const sshd = "/usr/sbin/sshd"
	said, err := exec.Command(sshd, "-V").CombinedOutput()
	m := regexp.MustCompile(`OpenSSH_(\d+)\.(\d+)`).FindSubmatch(said)
	if m == nil {
		return release{}, fmt.Errorf("reading the release of %s: %q (%v)", sshd, said, err)
	}
	major, _ := strconv.Atoi(string(m[1]))
	minor, _ := strconv.Atoi(string(m[2]))
	return release{major, minor}, nil
}

// spelt gives lines of sshd_config with the names that the options have in that
// release.
func spelt(lines string, r release) string {
	for _, option := range []struct {
		name, former string
		since        release // when it got its name
	}{
		{"KbdInteractiveAuthentication", "ChallengeResponseAuthentication", release{8, 7}},
		{"PubkeyAcceptedAlgorithms", "PubkeyAcceptedKeyTypes", release{8, 5}},
	} {
		if r.before(option.since) {
			lines = strings.ReplaceAll(lines, option.name, option.former)
		}
	}
	return lines
}

// view is what releases of sshd let sshwhy see of a scenario, where that is not
// what it has by itself.
type view struct {
	in span
	// These stand in place of the scenario's own.
	code, confidence, cause string
}

// on gives the scenario as it is with a release, and why that does not have
// what is arranged, "" if it has.
func (s scenario) on(r release) (seen scenario, absent string) {
	if !s.in.holds(r) {
		return s, fmt.Sprintf("sshd has it %s, and this is %s", s.in, r)
	}
	for _, v := range s.views {
		if v.in.holds(r) {
			s.code, s.confidence, s.cause = v.code, v.confidence, v.cause
			break
		}
	}
	return s, ""
}

// TestReleases: the bounds belong to a span, and 10.0 comes after 9.2.
func TestReleases(t *testing.T) {
	for _, tc := range []struct {
		in   span
		at   release
		want bool
	}{
		{span{}, release{8, 4}, true},
		{span{since: release{9, 1}}, release{8, 10}, false},
		{span{since: release{9, 1}}, release{9, 1}, true},
		{span{since: release{9, 1}}, release{10, 0}, true},
		{span{until: release{9, 4}}, release{9, 4}, true},
		{span{until: release{9, 4}}, release{10, 0}, false},
		{span{release{8, 5}, release{9, 0}}, release{8, 4}, false},
		{span{release{8, 5}, release{9, 0}}, release{8, 9}, true},
	} {
		if got := tc.in.holds(tc.at); got != tc.want {
			t.Errorf("does %q hold %s? %v", tc.in, tc.at, got)
		}
	}
	const lines = "KbdInteractiveAuthentication no\nPubkeyAcceptedAlgorithms ssh-ed25519\n"
	for at, want := range map[release]string{
		{8, 4}: "ChallengeResponseAuthentication no\nPubkeyAcceptedKeyTypes ssh-ed25519\n",
		{8, 6}: "ChallengeResponseAuthentication no\nPubkeyAcceptedAlgorithms ssh-ed25519\n",
		{9, 2}: lines,
	} {
		if got := spelt(lines, at); got != want {
			t.Errorf("%s spells %q", at, got)
		}
	}
}
