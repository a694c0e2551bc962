package lang

import (
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// TestEveryRuleHasWords looks for rules, reasons and steps without a sentence.
func TestEveryRuleHasWords(t *testing.T) {
	for _, language := range []causes.Language{causes.English, causes.Japanese} {
		w := For(language)
		for _, r := range sshwhy.Rules() {
			if w.Rule(r) == "" {
				t.Errorf("%s: rule %d has no sentence", language, r)
			}
		}
		for _, a := range sshwhy.Reasons() {
			if w.Against(a) == "" {
				t.Errorf("%s: reason %d has no sentence", language, a)
			}
		}
		for s := sshwhy.StepConnected; s <= sshwhy.StepNextMethod; s++ {
			if w.Step(s) == "" {
				t.Errorf("%s: step %v has no words", language, s)
			}
		}
	}
}
