package causes

import (
	"slices"

	"github.com/sshwhy/sshwhy"
)

// StepParts is a step of a remedy in one language with all done that does not
// take a finding's values: for whom Steps, which does it for each finding anew,
// is too slow. It applies where all fields of When and none of Unless are known.
type StepParts struct {
	When, Unless []sshwhy.Field
	// Edits tells that the step changes sshd_config. Before goes in front
	// of the first such step that applies, After behind the last.
	Edits         bool
	Before, After []Action
	Where         string
	Warning       string
	// Do and Run are what an Action holds, with fields between their texts.
	// Those of Do are made printable, those of Run quoted for sh.
	Do, Run Sentence
}

// Parts gives the remedy's steps in a language.
func (c *Cause) Parts(lang Language) []StepParts {
	var parts []StepParts
	for i := range c.Remedy {
		s := &c.Remedy[i]
		p := StepParts{When: fieldsNamed(s.When), Unless: fieldsNamed(slices.Concat(s.Unless, s.Except)), Where: s.Where, Warning: s.Warning[lang], Do: takeApart(s.Do[lang]), Run: takeApart(s.Run)}
		if s.Edit != "" {
			p.Edits = true
			p.Before, p.After = []Action{backup(s.Where, lang)}, reload(s.Where, lang)
			p.Run = takeApart(s.Edit)
			if s.Line != "" {
				p.Do = takeApart(s.Do[lang] + editWords[lang].line + s.Line)
			}
		}
		parts = append(parts, p)
	}
	return parts
}

func fieldsNamed(names []string) []sshwhy.Field {
	var fields []sshwhy.Field
	for _, name := range names {
		fields = append(fields, sshwhy.FieldNamed(name))
	}
	return fields
}
