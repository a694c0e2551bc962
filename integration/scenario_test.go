//go:build integration && linux

package integration

import (
	"cmp"
	"slices"
	"strings"
)

// scenario is one thing that is wrong, and what sshwhy must make of it.
type scenario struct {
	// name says what is arranged.
	name string
	// in are the releases of sshd that can be arranged so; in others the
	// scenario is skipped.
	in span
	// level is sshd's LogLevel, INFO if empty.
	level string
	// config are lines of sshd_config, added at its end.
	config string
	// arrange breaks the rest before sshd starts; it may be nil.
	arrange func(*box)
	// start starts sshd; if nil, "systemctl start ssh" does.
	start func(*box)
	// meanwhile goes on while the login is tried; it may be nil.
	meanwhile func(*box)

	// login must fail first and succeed after the remedy; again is what
	// the second try does where that is not the same.
	login, again try

	// code is the verdict's event.code; "" stands for none, where the log
	// shows a login like any other.
	code string
	// outcome is the verdict's sshwhy.outcome, "none" if it has none; where
	// it is empty, that of the table holds.
	outcome string
	// confidence is certain, likely or undetermined.
	confidence string
	// cause is what was arranged, where the log cannot tell: code is then
	// another, and cause must be among the candidates. An unsure verdict may
	// have any code.
	cause string
	// also are further verdicts that are true.
	also []string
	// views are what other releases than 9.2 let see of the same cause; the
	// first that holds counts.
	views []view

	// take are words of the remedy's steps that are followed, where it
	// offers several ways; all of them if nil.
	take []string
	// fill are the values of <PLACEHOLDERS>, asked for when a step needs
	// them. Those that every scenario has are in placeholders.
	fill map[string]func(*box) string
	// input is what the remedy's commands read from standard input.
	input string
	// password is what ssh's questions are answered while the remedy is
	// applied.
	password string
	// afterwards does what a step says in words alone; it may be nil.
	afterwards func(*box)
	// beyond says why server and client cannot mend it; then no remedy is
	// tried.
	beyond string
}

// unsure stands for whatever code, as long as it is not called certain: of a
// session that ends without a goodbye, for one, many things can be the reason.
const unsure = "unsure"

// arranged is the cause that was arranged.
func (s *scenario) arranged() string {
	if s.cause != "" {
		return s.cause
	}
	return s.code
}

// ending sets the outcome of all scenarios that have none of their own.
func ending(outcome string, table []scenario) []scenario {
	for i := range table {
		table[i].outcome = cmp.Or(table[i].outcome, outcome)
	}
	return table
}

// play runs a scenario from the start to the login that succeeds.
func (b *box) play(s *scenario) {
	b.configure(s.config)
	if s.arrange != nil {
		s.arrange(b)
	}
	if s.start != nil {
		s.start(b)
	} else {
		b.startSSHD()
	}
	if s.meanwhile != nil {
		s.meanwhile(b)
	}
	if s.login == nil {
		s.login = byKey()
	}
	if s.login(b) {
		b.fatalf("the login succeeded, though it was arranged that it does not")
	}
	b.settled()
	verdict := b.judge(s)
	if s.beyond != "" {
		b.notef("no remedy here: %s", s.beyond)
		return
	}
	b.mend(s, b.remedyFor(s, verdict))
	if s.afterwards != nil {
		s.afterwards(b)
	}
	before := b.accepted()
	again := s.login
	if s.again != nil {
		again = s.again
	}
	if !again(b) {
		b.fatalf("after the remedy the login still fails")
	}
	b.log.quiet()
	if b.accepted() == before {
		b.fatalf("after the remedy the login succeeds, and sshwhy does not say so")
	}
}

// accepted counts the logins that sshwhy calls accepted.
func (b *box) accepted() int {
	n := 0
	for _, f := range b.replay() {
		if f.Why.Outcome == "accepted" {
			n++
		}
	}
	return n
}

// judge reads the log as a user would, and compares.
func (b *box) judge(s *scenario) *finding {
	var verdict *finding
	all := b.replay()
	for _, f := range all {
		switch {
		case s.tells(f):
			verdict = f
		case f.Event.Code == "", f.Why.Confidence == "undetermined", slices.Contains(s.also, f.Event.Code):
		case f.Event.Code == s.code && f.Why.Confidence != s.confidence:
		default:
			b.errorf("%s (%s) was told as well", f.Event.Code, f.Why.Confidence)
		}
	}
	if verdict == nil {
		b.fatalf("no verdict %q (%s) of outcome %q for %s; there is\n%s", s.code, s.confidence, s.outcome, s.arranged(), describe(all))
	}
	b.notef("verdict: %s (%s): %s", verdict.Event.Code, verdict.Why.Confidence, verdict.Event.Reason)
	return verdict
}

// tells tells whether the finding is the expected one.
func (s *scenario) tells(f *finding) bool {
	if s.outcome != "" && s.outcome != cmp.Or(f.Why.Outcome, "none") {
		return false
	}
	switch {
	case s.code == unsure:
		return f.Why.Confidence != "certain" && slices.Contains(f.Why.Candidates, s.cause)
	case f.Event.Code != s.code, f.Why.Confidence != s.confidence:
		return false
	case s.code == "": // nothing is wrong with the login
		return f.Why.Outcome == "accepted"
	}
	return s.cause == "" || slices.Contains(f.Why.Candidates, s.cause)
}

func describe(all []*finding) string {
	var s strings.Builder
	for _, f := range all {
		s.WriteString("  " + f.Event.Code + " (" + f.Why.Confidence + ") of " + f.Why.Outcome + ", candidates " + strings.Join(f.Why.Candidates, " ") + "\n")
	}
	return s.String()
}
