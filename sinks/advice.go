package sinks

import (
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// advice gives the reasons and remedies of findings as JSON. A log has millions
// of findings of a few hundred causes, so the texts of each are escaped once, at
// the beginning; what is left to do for a finding is to put its values between
// them.
type advice struct {
	reasons [][]form // by CauseID
	courses []course // by CauseID
	values  []value  // of the finding at hand, by Field
	count   uint64   // findings so far
	finding *sshwhy.Finding
	steps   []form
	raw     []byte
	shown   []byte
}

// form is a text with values in it, as JSON.
type form []piece

// piece is text, and the value behind it.
type piece struct {
	text []byte
	// field is FieldNone behind the last piece.
	field sshwhy.Field
	// quoted tells a value in a command for sh; unknown stands in its place
	// where there is none.
	quoted  bool
	unknown []byte
}

// course is a remedy. Where all of its steps always apply it is one form.
type course struct {
	whole form
	steps []courseStep
}

type courseStep struct {
	when, unless []sshwhy.Field
	edits        bool
	// before goes in front of the first change of sshd_config, after behind
	// the last.
	before, after form
	step          form
}

// value is a fact of a finding in the forms that were asked for.
type value struct {
	of            uint64 // the finding, by its count
	known         bool
	shown, quoted []byte
	quotedOf      uint64
	quotable      bool
}

func newAdvice(c *causes.Catalogue, lang causes.Language) advice {
	a := advice{
		reasons: make([][]form, len(c.Causes)+1), courses: make([]course, len(c.Causes)+1),
		values: make([]value, len(sshwhy.Fields())+1),
	}
	for i := range c.Causes {
		for _, s := range c.Causes[i].Sentences(lang) {
			var f form
			f.text(`"`)
			f.sentence(s, false)
			f.text(`"`)
			a.reasons[i+1] = append(a.reasons[i+1], f)
		}
		a.courses[i+1] = newCourse(c.Causes[i].Parts(lang))
	}
	return a
}

func newCourse(parts []causes.StepParts) course {
	var c course
	conditions := 0
	for _, p := range parts {
		s := courseStep{when: p.When, unless: p.Unless, edits: p.Edits}
		s.before.text(string(actions(p.Before)))
		s.after.text(string(actions(p.After)))
		s.step.step(p)
		c.steps = append(c.steps, s)
		conditions += len(p.When) + len(p.Unless)
	}
	if conditions > 0 {
		return c
	}
	c.whole.text("[")
	for i, f := range c.order(nil, func(*courseStep) bool { return true }) {
		if i > 0 {
			c.whole.text(",")
		}
		c.whole.add(f)
	}
	c.whole.text("]")
	return c
}

// order appends the forms of the steps that apply, and of what goes in front of
// and behind changes of sshd_config.
func (c *course) order(dst []form, applies func(*courseStep) bool) []form {
	var last *courseStep // that changes something, and the place behind it
	behind := 0
	for i := range c.steps {
		s := &c.steps[i]
		if !applies(s) {
			continue
		}
		if s.edits && last == nil {
			dst = append(dst, s.before)
		}
		if dst = append(dst, s.step); s.edits {
			last, behind = s, len(dst)
		}
	}
	if last != nil {
		dst = slices.Insert(dst, behind, last.after)
	}
	return dst
}

// actions gives steps without values as JSON, with commas between them.
func actions(list []causes.Action) []byte {
	o := object{}
	for i, a := range list {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf, o.comma = append(o.buf, '{'), false
		o.word("where", a.Where)
		o.word("do", a.Do)
		o.word("run", a.Run)
		o.word("warning", a.Warning)
		o.close()
	}
	return o.buf
}

// step appends a step of a remedy.
func (f *form) step(p causes.StepParts) {
	f.text(`{"where":`)
	f.text(string(appendString(nil, p.Where)))
	f.member("do", p.Do, false)
	f.member("run", p.Run, true)
	if p.Warning != "" {
		f.text(`,"warning":`)
		f.text(string(appendString(nil, p.Warning)))
	}
	f.text("}")
}

func (f *form) member(name string, s causes.Sentence, quoted bool) {
	if len(s.Fields) == 0 && s.Texts[0] == "" {
		return
	}
	f.text(`,"` + name + `":"`)
	f.sentence(s, quoted)
	f.text(`"`)
}

// sentence appends texts that need to be escaped and the fields between them.
func (f *form) sentence(s causes.Sentence, quoted bool) {
	for i, field := range s.Fields {
		f.text(string(appendEscaped(nil, s.Texts[i])))
		last := &(*f)[len(*f)-1]
		last.field, last.quoted = field, quoted
		last.unknown = appendEscaped(nil, causes.Unknown(field))
	}
	f.text(string(appendEscaped(nil, s.Texts[len(s.Fields)])))
}

// text appends text as it is.
func (f *form) text(s string) {
	if n := len(*f); n > 0 && (*f)[n-1].field == sshwhy.FieldNone {
		(*f)[n-1].text = append((*f)[n-1].text, s...)
		return
	}
	*f = append(*f, piece{text: []byte(s)})
}

// add appends another form.
func (f *form) add(other form) {
	for _, p := range other {
		f.text(string(p.text))
		last := &(*f)[len(*f)-1]
		last.field, last.quoted, last.unknown = p.field, p.quoted, p.unknown
	}
}

// begin turns to another finding.
func (a *advice) begin(f *sshwhy.Finding) {
	a.finding = f
	a.count++
}

// reason appends the sentence that fits the finding, as a JSON string.
func (a *advice) reason(dst []byte) []byte {
	forms := a.reasons[a.finding.Cause]
	for i, f := range forms {
		if i == len(forms)-1 || a.knowsAll(f) {
			return a.fill(dst, f)
		}
	}
	return append(dst, '"', '"')
}

func (a *advice) knowsAll(f form) bool {
	for i := range f {
		if f[i].field != sshwhy.FieldNone && !a.knows(f[i].field) {
			return false
		}
	}
	return true
}

// remedy appends the steps for the finding, as a JSON array.
func (a *advice) remedy(dst []byte) []byte {
	c := &a.courses[a.finding.Cause]
	if c.whole != nil {
		return a.fill(dst, c.whole)
	}
	a.steps = c.order(a.steps[:0], a.applies)
	dst = append(dst, '[')
	for i, f := range a.steps {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = a.fill(dst, f)
	}
	return append(dst, ']')
}

func (a *advice) applies(s *courseStep) bool {
	for _, field := range s.when {
		if !a.knows(field) {
			return false
		}
	}
	for _, field := range s.unless {
		if a.knows(field) {
			return false
		}
	}
	return true
}

// fill appends a form with the finding's values in it.
func (a *advice) fill(dst []byte, f form) []byte {
	for i := range f {
		p := &f[i]
		dst = append(dst, p.text...)
		switch {
		case p.field == sshwhy.FieldNone:
		case !a.knows(p.field), p.quoted && !a.quotes(p.field):
			dst = append(dst, p.unknown...)
		case p.quoted:
			dst = append(dst, a.values[p.field].quoted...)
		default:
			dst = append(dst, a.values[p.field].shown...)
		}
	}
	return dst
}

// knows tells whether the finding has a value of the field, and makes it ready
// to be shown.
func (a *advice) knows(field sshwhy.Field) bool {
	v := &a.values[field]
	if v.of != a.count {
		a.raw = a.finding.AppendValue(a.raw[:0], field)
		a.shown = sshwhy.AppendPrintable(a.shown[:0], a.raw)
		v.of, v.known = a.count, len(a.raw) > 0
		v.shown = appendEscaped(v.shown[:0], a.shown)
	}
	return v.known
}

// quotes tells whether a value that is known can stand in a command, and makes
// it ready for that.
func (a *advice) quotes(field sshwhy.Field) bool {
	v := &a.values[field]
	if v.quotedOf != a.count {
		v.quotedOf = a.count
		a.raw = a.finding.AppendValue(a.raw[:0], field)
		a.shown, v.quotable = causes.AppendQuoted(a.shown[:0], a.raw)
		v.quoted = appendEscaped(v.quoted[:0], a.shown)
	}
	return v.quotable
}
