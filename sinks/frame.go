package sinks

import (
	"slices"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// frame is what findings with the same verdict have in common, as JSON: most of
// what does not come from the log.
type frame struct {
	of         sshwhy.Verdict
	candidates []sshwhy.CauseID
	// event goes from behind the id to the reason, verdict from the first
	// member of sshwhy to the candidates, and remedy is that member's name.
	event, verdict, remedy []byte
	// advises tells that reason and remedy are the catalogue's, which need
	// the finding's values.
	advises bool
}

// framesOfCause bounds the frames that are kept of a cause. Most connections
// that fail for a cause leave the same candidates; those of which the log does
// not tell it leave a few kinds.
const framesOfCause = 16

// frame gives the frame that a finding is put into.
func (s *JSONL) frame(f *sshwhy.Finding) *frame {
	kept := s.frames[f.Cause]
	now := sshwhy.Verdict{Outcome: f.Outcome, Cause: f.Cause, Confidence: f.Confidence}
	for i, around := range kept {
		if around.of == now && slices.Equal(around.candidates, f.Candidates) {
			if i > 0 {
				kept[i-1], kept[i] = around, kept[i-1]
			}
			return around
		}
	}
	if len(kept) == framesOfCause {
		kept = kept[:framesOfCause-1]
	}
	around := s.newFrame(f, now)
	s.frames[f.Cause] = append(kept, around)
	return around
}

func (s *JSONL) newFrame(f *sshwhy.Finding, of sshwhy.Verdict) *frame {
	r := &frame{of: of, candidates: slices.Clone(f.Candidates)}
	cause := s.causes.Cause(f.Cause)
	r.event = append(r.event, `","kind":"event","category":`...)
	if f.Outcome == sshwhy.OutcomeStartupFailed || cause != nil && cause.Phase == "service" {
		r.event = append(r.event, `["process"],"action":"sshd-service","outcome":`...)
	} else {
		r.event = append(r.event, `["authentication"],"action":"ssh-login","outcome":`...)
	}
	r.event = appendString(r.event, ecsOutcome(f.Outcome))
	o := object{buf: []byte(`,"sshwhy":{`)}
	o.word("outcome", f.Outcome.String())
	if cause != nil {
		o.word("phase", cause.Phase)
		s.advise(r, f, cause)
	}
	o.word("confidence", f.Confidence.String())
	o.key("candidates")
	r.verdict = s.ids(o.buf, f.Candidates)
	return r
}

// advise makes ready what goes before the reason and the remedy. Of a login
// that succeeded and whose session just ended, the catalogue's reason would say
// that it had not, and nothing is to be mended.
func (s *JSONL) advise(r *frame, f *sshwhy.Finding, cause *causes.Cause) {
	r.event = append(appendString(append(r.event, `,"code":`...), cause.ID), `,"reason":`...)
	r.remedy = append(r.remedy, `,"remedy":`...)
	if r.advises = !vanished(f); !r.advises {
		r.event = appendString(r.event, s.words.Accepted+"; "+s.words.Vanished)
		r.remedy = append(r.remedy, "[]"...)
	}
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
