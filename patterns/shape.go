package patterns

import (
	"strings"
)

// Shape gives the message as people know it, with <NAME> for every field: the
// shortest spelling that can give the fields of when, those filled in. It is ""
// where no spelling can.
func (e *Entry) Shape(when map[string]string) string {
	var best []Part
	for _, l := range e.Lines {
		variants, _ := Expand(l.Template) // checked when the table was made
		for _, parts := range variants {
			if gives(parts, when) && (best == nil || len(parts) < len(best)) {
				best = parts
			}
		}
	}
	var b strings.Builder
	for _, p := range best {
		value, fixed := when[p.Field.String()]
		switch {
		case p.Constant != "":
		case p.Literal != "":
			b.WriteString(p.Literal)
		case fixed && strings.HasSuffix(value, "*"):
			b.WriteString(strings.TrimSuffix(value, "*") + "…")
		case fixed:
			b.WriteString(value)
		default:
			b.WriteString("<" + strings.ToUpper(p.Field.String()) + ">")
		}
	}
	return b.String()
}

// gives tells whether a way through a template can give these fields.
func gives(parts []Part, when map[string]string) bool {
	met := 0
	for _, p := range parts {
		want, ok := when[p.Field.String()]
		if ok && (p.Constant == "" || p.Constant == want) {
			met++
		}
	}
	return met == len(when)
}

// Shape gives the message of the entry with that id: see Entry.Shape. It is ""
// where there is no such entry.
func (c *Catalogue) Shape(id string, when map[string]string) string {
	e := c.Entry(c.Find(id))
	if e == nil {
		return ""
	}
	return e.Shape(when)
}
