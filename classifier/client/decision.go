package client

import "github.com/sshwhy/sshwhy"

// decision is what decide finds.
type decision struct {
	step       Step
	side       Side
	cause      string
	confidence sshwhy.Confidence
	candidates []sshwhy.CauseID
	remarks    []string
	values     []sshwhy.Value
	line       int
}

// because makes a decision that the output states.
func because(cause string, step Step, side Side) decision {
	return decision{step: step, side: side, cause: cause, confidence: sshwhy.ConfidenceCertain, line: -1}
}

// perhaps makes it one that fits.
func (d decision) perhaps() decision {
	d.confidence = sshwhy.ConfidenceLikely
	return d
}

// open makes it one of several.
func (d decision) open(candidates []sshwhy.CauseID) decision {
	d.confidence, d.candidates = sshwhy.ConfidenceUndetermined, candidates
	return d
}

// behind adds what can be the reason on the other side.
func (d decision) behind(candidates []sshwhy.CauseID) decision {
	d.candidates = candidates
	return d
}

// with adds a value, where it is known.
func (d decision) with(field sshwhy.Field, value string) decision {
	if value != "" {
		d.values = append(d.values[:len(d.values):len(d.values)], sshwhy.Value{Field: field, Text: value})
	}
	return d
}

// by adds the values of a fact, and makes it the line that decided.
func (d decision) by(f *fact) decision {
	if f == nil {
		return d
	}
	d.line = f.line
	for _, v := range f.values {
		d = d.with(v.Field, v.Text)
	}
	return d
}
