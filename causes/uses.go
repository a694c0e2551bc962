package causes

import (
	"slices"

	"github.com/sshwhy/sshwhy"
)

// Uses gives the fields that the entry's sentences and remedy name in a
// language: findings of the cause that agree in these read the same.
func (c *Cause) Uses(lang Language) []sshwhy.Field {
	var names []string
	for _, r := range c.Texts[lang].Reason {
		names = append(names, fieldsOf(r)...)
	}
	for i := range c.Remedy {
		s := &c.Remedy[i]
		names = slices.Concat(names, s.When, s.Unless, fieldsOf(s.Run), fieldsOf(s.Edit), fieldsOf(s.Line), fieldsOf(s.Do[lang]))
	}
	var fields []sshwhy.Field
	for _, name := range names {
		if f := sshwhy.FieldNamed(name); f != sshwhy.FieldNone && !slices.Contains(fields, f) {
			fields = append(fields, f)
		}
	}
	return fields
}
