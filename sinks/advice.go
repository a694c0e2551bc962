package sinks

import (
	"bytes"
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// advice gives the reasons and remedies of findings as JSON. A log has millions
// of findings of a few dozen causes, so the texts of each are escaped once, when
// the first finding needs them; what is left to do for a finding is to put its
// values between them.
type advice struct {
	causes   *causes.Catalogue // not owned
	language causes.Language
	texts    []*texts // by CauseID, as far as they were asked for
	values   []value  // of the finding at hand, by Field
	count    uint64   // findings so far
	finding  *sshwhy.Finding
	applied  []byte // the steps that apply to it
	text     []byte // a value on its way to JSON
}

// texts are what the catalogue says of a cause.
type texts struct {
	reasons []form // the first of which all values are known is the one to use
	course  course
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

// course is a remedy.
type course struct {
	steps []courseStep
	// always is the whole remedy where all of its steps always apply. Else
	// wholes are those that were asked for, by the steps that applied: a
	// byte for each.
	always form
	wholes map[string]form
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
	of  uint64 // the finding, by its count
	raw []byte
	// bare tells that it can stand as it is wherever it is asked for, as
	// most values can: the other forms are not made then.
	bare     bool
	shown    []byte // as JSON
	quoted   []byte // for sh, as JSON
	quotedOf uint64
	quotable bool
}

func newAdvice(c *causes.Catalogue, language causes.Language) advice {
	return advice{causes: c, language: language, texts: make([]*texts, len(c.Causes)+1), values: make([]value, len(sshwhy.Fields())+1)}
}

func newTexts(cause *causes.Cause, language causes.Language) *texts {
	t := &texts{course: newCourse(cause.Parts(language))}
	for _, s := range cause.Sentences(language) {
		var f form
		f.text(`"`)
		f.sentence(s, false)
		f.text(`"`)
		t.reasons = append(t.reasons, f)
	}
	return t
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
	if conditions == 0 {
		c.always = c.whole(bytes.Repeat([]byte{1}, len(parts)))
	} else {
		c.wholes = map[string]form{}
	}
	return c
}

// whole gives the remedy of the steps that apply, as a JSON array.
func (c *course) whole(applied []byte) form {
	var whole form
	whole.text("[")
	for i, f := range c.order(applied) {
		if i > 0 {
			whole.text(",")
		}
		whole.add(f)
	}
	whole.text("]")
	return whole
}

// order gives the forms of the steps that apply, and of what goes in front of
// and behind changes of sshd_config.
func (c *course) order(applied []byte) []form {
	var dst []form
	var last *courseStep // that changes something, and the place behind it
	behind := 0
	for i := range c.steps {
		s := &c.steps[i]
		if applied[i] == 0 {
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

// of gives the texts of the finding's cause, which it must have.
func (a *advice) of() *texts {
	t := a.texts[a.finding.Cause]
	if t == nil {
		t = newTexts(a.causes.Cause(a.finding.Cause), a.language)
		a.texts[a.finding.Cause] = t
	}
	return t
}

// reason appends the sentence that fits the finding, as a JSON string.
func (a *advice) reason(dst []byte) []byte {
	reasons := a.of().reasons
	last := len(reasons) - 1
	for _, f := range reasons[:last] {
		if a.knowsAll(f) {
			return a.fill(dst, f)
		}
	}
	return a.fill(dst, reasons[last])
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
	c := &a.of().course
	if c.wholes == nil {
		return a.fill(dst, c.always)
	}
	a.applied = a.applied[:0]
	for i := range c.steps {
		a.applied = append(a.applied, a.applies(&c.steps[i]))
	}
	whole, ok := c.wholes[string(a.applied)]
	if !ok {
		whole = c.whole(a.applied)
		c.wholes[string(a.applied)] = whole
	}
	return a.fill(dst, whole)
}

// applies gives 1 for a step that applies to the finding, 0 for another.
func (a *advice) applies(s *courseStep) byte {
	for _, field := range s.when {
		if !a.knows(field) {
			return 0
		}
	}
	for _, field := range s.unless {
		if a.knows(field) {
			return 0
		}
	}
	return 1
}

// fill appends a form with the finding's values in it.
func (a *advice) fill(dst []byte, f form) []byte {
	for i := range f {
		p := &f[i]
		if dst = append(dst, p.text...); p.field == sshwhy.FieldNone {
			continue
		}
		switch v := a.value(p.field); {
		case len(v.raw) == 0, p.quoted && !a.quotes(v):
			dst = append(dst, p.unknown...)
		case v.bare:
			dst = append(dst, v.raw...)
		case p.quoted:
			dst = append(dst, v.quoted...)
		default:
			dst = append(dst, v.shown...)
		}
	}
	return dst
}

// knows tells whether the finding has a value of the field.
func (a *advice) knows(field sshwhy.Field) bool { return len(a.value(field).raw) > 0 }

// value gives the finding's value of the field, ready to be shown.
func (a *advice) value(field sshwhy.Field) *value {
	v := &a.values[field]
	if v.of == a.count {
		return v
	}
	v.of, v.raw = a.count, a.finding.AppendValue(v.raw[:0], field)
	if v.bare = causes.Bare(v.raw); !v.bare {
		a.text = sshwhy.AppendPrintable(a.text[:0], v.raw)
		v.shown = appendEscaped(v.shown[:0], a.text)
	}
	return v
}

// quotes tells whether a value that is known can stand in a command, and makes
// it ready for that.
func (a *advice) quotes(v *value) bool {
	if !v.bare && v.quotedOf != a.count {
		v.quotedOf = a.count
		a.text, v.quotable = causes.AppendQuoted(a.text[:0], v.raw)
		v.quoted = appendEscaped(v.quoted[:0], a.text)
	}
	return v.bare || v.quotable
}
