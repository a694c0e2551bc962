// Package causes is the catalogue of what can keep a login from succeeding:
// for each cause what it means, how the log shows it, and how to mend it, in
// English and Japanese. The entries are the YAML files of this folder;
// "go generate ./causes" checks them and makes the table that is embedded.
package causes

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/sshwhy/sshwhy"
)

//go:generate go run generate.go

// Language selects the texts.
type Language string

// The languages in which every text exists.
const (
	English  Language = "en"
	Japanese Language = "ja"
)

// Undetermined is the id of the entry for connections of which the log does
// not tell the cause.
const Undetermined = "undetermined"

// Phases are the parts of a connection's life, in their order. Each is a file
// of the catalogue.
var Phases = [...]string{"service", "dropped", "negotiation", "account", "key", "password", "method", "client", "client-side", "session", "attack", "undetermined"}

// Cause is an entry.
type Cause struct {
	ID       string `json:"id"`
	Phase    string `json:"phase"`
	Arranged bool   `json:"arranged"`
	// Shows tells from which LogLevel on the log names the cause, in which
	// releases; none where it never does.
	Shows []Shows `json:"shows,omitempty"`
	// Proof are the events that establish it without looking at others.
	Proof []Proof `json:"proof,omitempty"`
	// Alike are the ids of causes that leave nearly the same lines.
	Alike []string `json:"alike,omitempty"`
	// Follows are the ids of causes that leave this one's line too: beside
	// one of them it is no second cause.
	Follows []string           `json:"follows,omitempty"`
	Texts   map[Language]*Text `json:"texts"`
	Remedy  []Step             `json:"remedy"`
}

// Shows is a LogLevel and the releases in which it is enough.
type Shows struct {
	Level string              `json:"level" yaml:"level"`
	Since string              `json:"since,omitempty" yaml:"since"`
	Until string              `json:"until,omitempty" yaml:"until"`
	Note  map[Language]string `json:"note,omitempty" yaml:"note"`
}

// Proof is an event that establishes a cause.
type Proof struct {
	// Event is the id of a pattern.
	Event string `json:"event" yaml:"event"`
	// When are fields that must have these very values; a value that ends
	// in * need only begin so.
	When map[string]string `json:"when,omitempty" yaml:"when"`
	// Confidence is certain or likely.
	Confidence string `json:"confidence" yaml:"confidence"`
}

// Text is what an entry says in one language.
type Text struct {
	Title string `json:"title" yaml:"title"`
	Means string `json:"means" yaml:"means"`
	// Reason are the ways to say it in one sentence, with values in
	// braces; the first of which all values are known is used.
	Reason []string `json:"reason" yaml:"reason"`
	Sure   string   `json:"sure" yaml:"sure"`
}

// Step is one action of a remedy.
type Step struct {
	// Where is server, client, ca or admin.
	Where string              `json:"where" yaml:"where"`
	Do    map[Language]string `json:"do" yaml:"-"`
	// Run is a command for sh with values in braces, "" for none.
	Run string `json:"run,omitempty" yaml:"run"`
	// Edit is a command that changes sshd_config. It stands for the whole
	// care that such a change needs: see Cause.Steps.
	Edit string `json:"edit,omitempty" yaml:"edit"`
	// Line is the line of sshd_config that Edit adds or changes.
	Line   string   `json:"line,omitempty" yaml:"line"`
	When   []string `json:"when,omitempty" yaml:"when"`
	Unless []string `json:"unless,omitempty" yaml:"unless"`
	// Except are fields that, where known, tell that this way is not
	// needed. Unlike a step with Unless, which makes do without a value, it
	// stands on pages beside the others.
	Except  []string            `json:"except,omitempty" yaml:"except"`
	Warning map[Language]string `json:"warning,omitempty" yaml:"warning"`
}

// Catalogue is all entries. An entry's CauseID is its place, counted from 1.
type Catalogue struct {
	Causes []Cause
	byID   map[string]sshwhy.CauseID
}

//go:embed table.json
var table []byte

// Load gives the embedded catalogue.
func Load() (*Catalogue, error) {
	var list []Cause
	if err := json.Unmarshal(table, &list); err != nil {
		return nil, fmt.Errorf("reading the embedded catalogue of causes: %w", err)
	}
	return newCatalogue(list), nil
}

func newCatalogue(list []Cause) *Catalogue {
	c := &Catalogue{Causes: list, byID: make(map[string]sshwhy.CauseID, len(list))}
	for i := range list {
		c.byID[list[i].ID] = sshwhy.CauseID(i + 1)
	}
	return c
}

// Find gives the number of the entry with that id, 0 for none.
func (c *Catalogue) Find(id string) sshwhy.CauseID { return c.byID[id] }

// Cause gives the entry of that number, or nil.
func (c *Catalogue) Cause(id sshwhy.CauseID) *Cause {
	if id == 0 || int(id) > len(c.Causes) {
		return nil
	}
	return &c.Causes[id-1]
}

// ID gives the textual id of that number, "" for 0.
func (c *Catalogue) ID(id sshwhy.CauseID) string {
	if e := c.Cause(id); e != nil {
		return e.ID
	}
	return ""
}

// Table gives the embedded catalogue as it lies in the program, to tell
// catalogues apart.
func Table() []byte { return table }
