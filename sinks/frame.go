package sinks

import (
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// frame is what findings with the same verdict have in common, as JSON: most of
// what does not come from the log.
type frame struct {
	of                  shape
	candidates, remarks []sshwhy.CauseID
	// event goes from behind the id to behind the reason, verdict from the
	// first member of sshwhy to the name of the revision, remedy from behind
	// that to where the lines begin, and rule from behind the facts to the
	// end of the object.
	event   form
	verdict []byte
	remedy  form
	rule    snippet
	// first is verdict and remedy of revision 1, the only one of most
	// findings.
	first form
}

// shape is what the frames of a cause are told apart by, besides lists of causes.
type shape struct {
	outcome    sshwhy.Outcome
	confidence sshwhy.Confidence
	rule       sshwhy.Rule
	// known are those of the finding's fields that its reason and remedy
	// depend on.
	known sshwhy.FieldSet
}

// frames are those of a cause.
type frames struct {
	texts *texts // nil before the first frame, and where there is no cause
	asked sshwhy.FieldSet
	kept  []*frame // those used most in front
}

// framesOfCause bounds the frames that are kept of a cause. Most connections
// that fail for a cause leave the same candidates; those of which the log does
// not tell it leave a few kinds.
const framesOfCause = 32

const revision = `,"revision":`

// frame gives the frame that a finding is put into.
func (s *JSONL) frame(f *sshwhy.Finding) *frame {
	of := &s.frames[f.Cause]
	now := of.shape(f)
	for i, around := range of.kept {
		if around.of == now && sameCauses(around.candidates, f.Candidates) && sameCauses(around.remarks, f.Remarks) {
			if i > 0 {
				of.kept[i-1], of.kept[i] = around, of.kept[i-1]
			}
			return around
		}
	}
	return s.addFrame(of, f)
}

// sameCauses is slices.Equal, four at a time: there are lists of twenty.
func sameCauses(a, b []sshwhy.CauseID) bool {
	if len(a) != len(b) {
		return false
	}
	for len(a) >= 4 && len(b) >= 4 {
		if *(*[4]sshwhy.CauseID)(a) != *(*[4]sshwhy.CauseID)(b) {
			return false
		}
		a, b = a[4:], b[4:]
	}
	return slices.Equal(a, b)
}

func (l *frames) shape(f *sshwhy.Finding) shape {
	of := shape{outcome: f.Outcome, confidence: f.Confidence, rule: f.Why.Rule}
	if l.asked != 0 {
		of.known = f.Known() & l.asked
	}
	return of
}

// addFrame makes a frame, and room for it where there are too many.
func (s *JSONL) addFrame(of *frames, f *sshwhy.Finding) *frame {
	if of.texts == nil && f.Cause != 0 {
		of.texts = s.advice.texts(f.Cause)
		of.asked = of.texts.asked
	}
	if len(of.kept) == framesOfCause {
		of.kept = of.kept[:framesOfCause-1]
	}
	around := s.newFrame(f, of)
	of.kept = append(of.kept, around)
	return around
}

func (s *JSONL) newFrame(f *sshwhy.Finding, of *frames) *frame {
	r := &frame{of: of.shape(f), candidates: slices.Clone(f.Candidates), remarks: slices.Clone(f.Remarks)}
	cause := s.causes.Cause(f.Cause)
	r.event.text(`","kind":"event","category":`)
	if f.Outcome == sshwhy.OutcomeStartupFailed || cause != nil && cause.Phase == "service" {
		r.event.text(`["process"],"action":"sshd-service","outcome":`)
	} else {
		r.event.text(`["authentication"],"action":"ssh-login","outcome":`)
	}
	r.event.text(string(appendString(nil, ecsOutcome(f.Outcome))))
	o := object{buf: []byte(`,"sshwhy":{`)}
	o.word("outcome", f.Outcome.String())
	if cause != nil {
		o.word("phase", cause.Phase)
		s.advise(r, f, cause, of.texts)
	}
	o.word("confidence", f.Confidence.String())
	o.key("candidates")
	o.buf = s.ids(o.buf, f.Candidates)
	if len(f.Remarks) > 0 {
		o.key("remarks")
		o.buf = s.ids(o.buf, f.Remarks)
	}
	r.verdict = append(o.buf, revision...)
	r.remedy.text(`,"evidence":[`)
	r.first = slices.Clone(r.remedy)
	r.first[0].text = slices.Concat(r.verdict, []byte("1"), r.remedy[0].text)
	var rule []byte
	if words := s.words.Rule(f.Why.Rule); words != "" {
		rule = appendString([]byte(`,"why":`), words)
	}
	r.rule.set(append(rule, "}}"...))
	return r
}

// advise adds the reason and the remedy. Of a login that succeeded and whose
// session just ended, and of a connection that the log leaves open, the
// catalogue's reason would say that it failed, and nothing is to be mended.
func (s *JSONL) advise(r *frame, f *sshwhy.Finding, cause *causes.Cause, texts *texts) {
	r.event.text(`,"code":` + string(appendString(nil, cause.ID)) + `,"reason":`)
	r.remedy.text(`,"remedy":`)
	if unlike(f) {
		r.event.text(string(appendString(nil, ownReason(s.words, f))))
		r.remedy.text("[]")
		return
	}
	r.event.add(texts.reason(r.of.known))
	r.remedy.add(texts.remedy(r.of.known))
}

// ecsOutcome gives the word that the Elastic Common Schema has for an outcome.
func ecsOutcome(out sshwhy.Outcome) string {
	switch out {
	case sshwhy.OutcomeAccepted:
		return "success"
	case sshwhy.OutcomeNone:
		return "unknown"
	}
	return "failure"
}
