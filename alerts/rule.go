package alerts

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// Rule says which findings belong together, and when they are worth a message.
type Rule struct {
	// Name is the name that alerts and silences use.
	Name string
	// When is an expression over Facts (the language of
	// github.com/expr-lang/expr): findings for which it is true count.
	When string
	// By are the facts that the findings of one alert share: names of
	// Properties. Empty puts all into one.
	By []string
	// AtLeast is how many findings make an alert, within Within; 1 if zero.
	AtLeast int
	// Users is how many different users they must have; 0 for any number.
	Users int
	// Within is the window, by the log's time; 10 minutes if zero.
	Within time.Duration
	// RemindEvery tells again that it goes on; 0 for never.
	RemindEvery time.Duration
	// ResolveAfter is how long without a finding ends it; Within if zero.
	ResolveAfter time.Duration
	// ResolveWhen is an expression as When: a finding for which it is true
	// ends the alerts whose ResolveBy it shares. Empty for none.
	ResolveWhen string
	ResolveBy   []string
	// Unless names rules: while an alert of theirs stands that shares
	// every fact of UnlessBy, this rule says nothing.
	Unless   []string
	UnlessBy []string
	// Burst is how many alerts of the rule may begin within a minute. More
	// are told as one; 5 if zero.
	Burst int
	// Digest, where it is set, makes one message each such period of all
	// that counts, and none else.
	Digest time.Duration
	// To are the sinks that get it; empty means all.
	To []string
}

// Properties are the facts that By may name.
var properties = []string{"user", "source", "network", "host", "cause", "outcome", "method", "phase", "notice"}

// Properties gives the names of the facts that alerts can be made by.
func Properties() []string { return slices.Clone(properties) }

// rule is a Rule that was checked.
type rule struct {
	Rule
	when, resolve *vm.Program
	begun         []int64 // by the clock of the alerter: alerts of the last minute
}

// burstWindow is the time that Rule.Burst is about.
const burstWindow = int64(time.Minute)

// compile checks a rule. Its error names what is wrong; several are joined by
// the caller.
func compile(r Rule, all []Rule) (*rule, error) {
	c := &rule{Rule: r}
	c.AtLeast, c.Burst = max(r.AtLeast, 1), r.Burst
	if c.Burst == 0 {
		c.Burst = 5
	}
	if c.Within == 0 {
		c.Within = 10 * time.Minute
	}
	if c.ResolveAfter == 0 {
		c.ResolveAfter = c.Within
	}
	if r.Name == "" {
		return nil, fmt.Errorf("a rule has no name")
	}
	for _, d := range []time.Duration{c.Within, c.RemindEvery, c.ResolveAfter, c.Digest} {
		if d < 0 {
			return nil, fmt.Errorf("rule %q: the time %s is negative", r.Name, d)
		}
	}
	for _, list := range [][]string{r.By, r.ResolveBy, r.UnlessBy} {
		for _, name := range list {
			if !slices.Contains(properties, name) {
				return nil, fmt.Errorf("rule %q: alerts cannot be made by %q; there is %s", r.Name, name, strings.Join(properties, ", "))
			}
		}
	}
	for _, name := range r.Unless {
		if !slices.ContainsFunc(all, func(o Rule) bool { return o.Name == name }) {
			return nil, fmt.Errorf("rule %q: there is no rule %q that could silence it", r.Name, name)
		}
	}
	var err error
	if c.when, err = program(r.When); err != nil {
		return nil, fmt.Errorf("rule %q: when: %w", r.Name, err)
	}
	if r.ResolveWhen != "" {
		if c.resolve, err = program(r.ResolveWhen); err != nil {
			return nil, fmt.Errorf("rule %q: resolve_when: %w", r.Name, err)
		}
	}
	return c, nil
}

// program checks an expression: that its words are facts and that it gives
// true or false.
func program(text string) (*vm.Program, error) {
	if text == "" {
		return nil, fmt.Errorf("the expression is empty")
	}
	return expr.Compile(text, expr.Env(Facts{}), expr.AsBool())
}

// holds tells whether an expression is true of the facts. One that fails at
// run time is not.
func holds(p *vm.Program, f *Facts) bool {
	if p == nil {
		return false
	}
	result, err := expr.Run(p, *f)
	yes, ok := result.(bool)
	return err == nil && ok && yes
}

// Defaults are the rules that are in force where the configuration names none:
// what concerns our people and our configuration, each thing once, and the
// noise of the Internet once a day.
func Defaults() []Rule {
	return []Rule{
		{
			Name: "locked-out", When: `outcome == "refused" && ours && phase not in ["attack", "dropped"]`,
			By: []string{"user", "cause"}, AtLeast: 3, Within: 15 * time.Minute, RemindEvery: 24 * time.Hour, ResolveAfter: 2 * time.Hour,
			ResolveWhen: `outcome == "accepted"`, ResolveBy: []string{"user"},
			Unless: []string{"many-users"}, UnlessBy: []string{"cause"}, Burst: 2,
		},
		{
			Name: "many-users", When: `outcome == "refused" && ours && phase not in ["attack", "dropped"]`,
			By: []string{"cause"}, AtLeast: 5, Users: 5, Within: 10 * time.Minute, RemindEvery: 4 * time.Hour, ResolveAfter: 30 * time.Minute,
		},
		{
			Name: "sshd-down", When: `outcome == "startup-failed"`, By: []string{"host"}, Within: time.Hour, RemindEvery: time.Hour, ResolveAfter: 24 * time.Hour,
			ResolveWhen: `outcome in ["accepted", "refused", "disconnected", "dropped"]`, ResolveBy: []string{"host"},
		},
		{Name: "login-after-failures", When: `cause == "login-after-failures"`, By: []string{"user", "source"}, Within: time.Hour},
		{Name: "root-from-new-source", When: `outcome == "accepted" && user == "root" && new_source`, By: []string{"source"}, Within: time.Hour},
		{Name: "log-trouble", When: `notice != ""`, By: []string{"notice", "source"}, Within: time.Hour, RemindEvery: 24 * time.Hour, ResolveAfter: 24 * time.Hour},
		{Name: "background-noise", When: `outcome in ["refused", "disconnected", "dropped"] && !ours`, Digest: 24 * time.Hour},
	}
}
