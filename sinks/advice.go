package sinks

import (
	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// advice gives the reasons and remedies of findings as JSON. Remedies of late
// are kept: a log names the same few users and paths over and over, and putting
// them into commands costs more than all else of a finding.
type advice struct {
	reasons [][]causes.Sentence // by CauseID
	uses    [][]sshwhy.Field    // of the remedies, by CauseID
	kept    map[string][]byte
	bytes   int
	key     []byte
	raw     []byte // a value, and below as it is shown
	value   []byte
}

// maxAdvice bounds the memory of what is kept, in bytes; a remedy has one to
// three thousand.
const maxAdvice = 4 << 20

func newAdvice(c *causes.Catalogue, lang causes.Language) advice {
	a := advice{reasons: make([][]causes.Sentence, len(c.Causes)+1), uses: make([][]sshwhy.Field, len(c.Causes)+1), kept: map[string][]byte{}}
	for i := range c.Causes {
		a.reasons[i+1], a.uses[i+1] = c.Causes[i].Sentences(lang), c.Causes[i].RemedyUses(lang)
	}
	return a
}

// reason appends the sentence that fits the finding, as a JSON string.
func (a *advice) reason(dst []byte, f *sshwhy.Finding) []byte {
	start := len(dst)
	sentences := a.reasons[f.Cause]
	for i := range sentences {
		var complete bool
		if dst, complete = a.sentence(append(dst[:start], '"'), &sentences[i], f); complete {
			break
		}
	}
	return append(dst, '"')
}

// sentence appends a sentence and tells whether all its values were known.
func (a *advice) sentence(dst []byte, s *causes.Sentence, f *sshwhy.Finding) ([]byte, bool) {
	for i, field := range s.Fields {
		a.raw = f.AppendValue(a.raw[:0], field)
		if len(a.raw) == 0 {
			return dst, false
		}
		dst = appendEscaped(dst, s.Texts[i])
		a.value = sshwhy.AppendPrintable(a.value[:0], a.raw)
		dst = appendEscaped(dst, a.value)
	}
	return appendEscaped(dst, s.Texts[len(s.Fields)]), true
}

// remedy gives the remedy of a finding as a JSON array, making it with the
// function where it was not made of late.
func (a *advice) remedy(f *sshwhy.Finding, make func() []byte) []byte {
	a.key = append(a.key[:0], byte(f.Cause), byte(f.Cause>>8))
	for _, field := range a.uses[f.Cause] {
		a.key = append(f.AppendValue(a.key, field), 0)
	}
	if s := a.kept[string(a.key)]; s != nil {
		return s
	}
	if a.bytes > maxAdvice {
		clear(a.kept)
		a.bytes = 0
	}
	s := make()
	a.kept[string(a.key)] = s
	a.bytes += len(a.key) + cap(s) + 100
	return s
}
