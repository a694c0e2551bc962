package sinks

import (
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// advice gives the reasons and remedies of findings as JSON. A log has millions
// of findings of a few dozen causes, so the texts of each are taken apart and
// escaped once; what is left to do for a finding is to put its values between
// them.
type advice struct {
	causes   *causes.Catalogue // not owned
	language causes.Language
	finding  *sshwhy.Finding
	count    uint64          // findings so far
	named    sshwhy.FieldSet // in its Values
	// user and address are the finding's own where they stand for themselves
	// in JSON, and otherwise nil; numeric tells an address of digits and dots.
	user, address []byte
	numeric       bool
	// shown and quoted are the finding's values by Field, as far as they were
	// written: as they are shown, and as they stand in a command.
	shown, quoted []value
	text          []byte // a value on its way to JSON
}

// texts are what the catalogue says of a cause.
type texts struct {
	reasons []reason // the first of which all values are known is the one to use
	course  course
	// asked are the fields of which it matters to the choice of reason and
	// remedy whether they are known.
	asked sshwhy.FieldSet
}

// reason is a sentence and the fields in it.
type reason struct {
	form  form
	needs sshwhy.FieldSet
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
type course []courseStep

type courseStep struct {
	when, unless sshwhy.FieldSet
	edits        bool
	// before goes in front of the first change of sshd_config, after behind
	// the last.
	before, after form
	step          form
}

// value is where a value stands in what was written of a finding.
type value struct {
	of         uint64 // the finding, by its count
	start, end int
	// raw tells that it stands there as the finding has it.
	raw bool
}

func newAdvice(c *causes.Catalogue, language causes.Language) advice {
	fields := len(sshwhy.Fields()) + 1
	return advice{causes: c, language: language, shown: make([]value, fields), quoted: make([]value, fields)}
}

// texts gives the texts of a cause.
func (a *advice) texts(id sshwhy.CauseID) *texts {
	cause := a.causes.Cause(id)
	t := &texts{}
	t.addCourse(cause.Parts(a.language))
	sentences := cause.Sentences(a.language)
	for i, s := range sentences {
		r := reason{needs: setOf(s.Fields)}
		r.form.text(`"`)
		r.form.sentence(s, false)
		r.form.text(`"`)
		t.reasons = append(t.reasons, r)
		if i < len(sentences)-1 {
			t.asked |= r.needs
		}
	}
	return t
}

func (t *texts) addCourse(parts []causes.StepParts) {
	for _, p := range parts {
		s := courseStep{when: setOf(p.When), unless: setOf(p.Unless), edits: p.Edits}
		s.before.text(string(actions(p.Before)))
		s.after.text(string(actions(p.After)))
		s.step.step(p)
		t.course = append(t.course, s)
		t.asked |= s.when | s.unless
	}
}

func setOf(fields []sshwhy.Field) sshwhy.FieldSet {
	var set sshwhy.FieldSet
	for _, f := range fields {
		set |= 1 << f
	}
	return set
}

// reason gives the sentence that fits a finding that knows those fields, as a
// JSON string.
func (t *texts) reason(known sshwhy.FieldSet) form {
	last := len(t.reasons) - 1
	for _, r := range t.reasons[:last] {
		if r.needs&^known == 0 {
			return r.form
		}
	}
	return t.reasons[last].form
}

// remedy gives the steps for a finding that knows those fields, as a JSON array.
func (t *texts) remedy(known sshwhy.FieldSet) form {
	var whole form
	whole.text("[")
	for i, f := range t.course.order(known) {
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
func (c course) order(known sshwhy.FieldSet) []form {
	var dst []form
	var last *courseStep // that changes something, and the place behind it
	behind := 0
	for i := range c {
		s := &c[i]
		if s.when&^known != 0 || s.unless&known != 0 {
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
	a.named = 0
	for i := range f.Values {
		a.named |= 1 << f.Values[i].Field
	}
	a.user, a.address, a.numeric = nil, nil, isNumeric(f.Address)
	if isPlain(f.User) { // and has no backslash
		a.user = f.User
	}
	if a.numeric || isPlain(f.Address) {
		a.address = f.Address
	}
}

// own gives the finding's value of a field where that is its own user or address
// and stands for itself in JSON; otherwise nothing.
func (a *advice) own(f sshwhy.Field) []byte {
	switch {
	case a.named>>(f&63)&1 != 0:
		return nil
	case f == sshwhy.FieldUser:
		return a.user
	case f == sshwhy.FieldAddr || f == sshwhy.FieldHost:
		return a.address
	}
	return nil
}

// fill appends a form with the finding's values in it. dst must be what was
// written of the finding before, for a value that stands there already is taken
// from there.
func (a *advice) fill(dst []byte, f form) []byte {
	for i := range f {
		p := &f[i]
		if dst = append(dst, p.text...); p.field == sshwhy.FieldNone {
			continue
		}
		v := &a.shown[p.field]
		if p.quoted {
			v = &a.quoted[p.field]
		} else if own := a.own(p.field); len(own) > 0 {
			dst = appendShort(dst, own)
			continue
		}
		if v.of == a.count {
			dst = appendShort(dst, dst[v.start:v.end])
			continue
		}
		v.of, v.start = a.count, len(dst)
		if p.quoted {
			dst = a.appendQuoted(dst, p)
		} else {
			dst, v.raw = a.appendShown(dst, p)
		}
		v.end = len(dst)
	}
	return dst
}

// appendShown appends the finding's value for a piece, and tells whether it is
// as the finding has it.
func (a *advice) appendShown(dst []byte, p *piece) (out []byte, raw bool) {
	start := len(dst)
	dst = a.finding.AppendValue(dst, p.field)
	switch v := dst[start:]; {
	case len(v) == 0:
		return append(dst, p.unknown...), false
	case isPlain(v):
		return dst, true
	default:
		a.text = sshwhy.AppendPrintable(a.text[:0], v)
		return appendEscaped(dst[:start], a.text), false
	}
}

// appendQuoted appends the finding's value for a piece in a command, if it can
// stand there.
func (a *advice) appendQuoted(dst []byte, p *piece) []byte {
	start := len(dst)
	if own := a.own(p.field); len(own) > 0 {
		dst = appendShort(dst, own)
	} else if v := &a.shown[p.field]; v.of == a.count && v.raw {
		dst = append(dst, dst[v.start:v.end]...)
	} else {
		dst = a.finding.AppendValue(dst, p.field)
	}
	v := dst[start:]
	if causes.Bare(v) {
		return dst
	}
	ok := len(v) > 0
	if ok {
		a.text, ok = causes.AppendQuoted(a.text[:0], v)
	}
	if !ok {
		return append(dst[:start], p.unknown...)
	}
	return appendEscaped(dst[:start], a.text)
}
