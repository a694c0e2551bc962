package sinks

import (
	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// advice keeps the reasons and remedies of late as JSON: a log names the same
// few users, paths and addresses over and over, and putting their values into
// sentences and commands costs more than all else of a finding.
type advice struct {
	uses  [][]sshwhy.Field // by CauseID
	known map[string]*said
	bytes int
	key   []byte
}

// said is a reason and a remedy as members of a JSON object.
type said struct{ reason, remedy []byte }

// maxAdvice bounds the memory of what is kept, in bytes; a remedy has one to
// three thousand.
const maxAdvice = 4 << 20

func newAdvice(c *causes.Catalogue, lang causes.Language) advice {
	a := advice{uses: make([][]sshwhy.Field, len(c.Causes)+1), known: map[string]*said{}}
	for i := range c.Causes {
		a.uses[i+1] = c.Causes[i].Uses(lang)
	}
	return a
}

// of gives what to say of a finding, making it with the function where it was
// not said before.
func (a *advice) of(f *sshwhy.Finding, make func() *said) *said {
	a.key = append(a.key[:0], byte(f.Cause), byte(f.Cause>>8))
	for _, field := range a.uses[f.Cause] {
		a.key = append(append(a.key, f.Value(field)...), 0)
	}
	if s := a.known[string(a.key)]; s != nil {
		return s
	}
	if a.bytes > maxAdvice {
		clear(a.known)
		a.bytes = 0
	}
	s := make()
	a.known[string(a.key)] = s
	a.bytes += len(a.key) + len(s.reason) + len(s.remedy) + 100
	return s
}
