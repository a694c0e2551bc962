package causes

import (
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// RemedyUses gives the fields that the entry's remedy names in a language:
// findings of the cause that agree in these have the same remedy.
func (c *Cause) RemedyUses(lang Language) []sshwhy.Field {
	var names []string
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

// Sentence is a template that was taken apart: the texts, and between each two
// of them a field.
type Sentence struct {
	Texts  []string
	Fields []sshwhy.Field
}

// Sentences gives the ways to say the reason in a language, in their order: the
// first of which all fields are known is the one to use, and the last has none.
func (c *Cause) Sentences(lang Language) []Sentence {
	var all []Sentence
	for _, template := range c.Texts[lang].Reason {
		all = append(all, takeApart(template))
	}
	return all
}

func takeApart(template string) Sentence {
	var s Sentence
	text := ""
	for {
		before, rest, ok := strings.Cut(template, "{")
		text += before
		if !ok {
			s.Texts = append(s.Texts, text)
			return s
		}
		name, after, ok := strings.Cut(rest, "}")
		switch {
		case ok && name == "config":
			text, template = text+DefaultConfig, after
		case ok && placeholder(name):
			s.Texts, s.Fields = append(s.Texts, text), append(s.Fields, sshwhy.FieldNamed(name))
			text, template = "", after
		default:
			text, template = text+"{", rest
		}
	}
}
