// Package patterns is the catalogue of messages: what sshd, PAM, libwrap and
// systemd write about logins, as data. docs/patterns.md tells how an entry is
// written; "go generate ./patterns" checks the YAML files and makes the table
// that is embedded in the program and the constants in ids.go.
package patterns

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

//go:generate go run generate.go

// Entry is one message in all its spellings.
type Entry struct {
	// ID is unique and stable: it is what the output contract calls
	// sshwhy.pattern.
	ID string
	// Says tells a person what the message means. Plumbing has none.
	Says string
	// Group is the folder that the entry stands in: sshd, pam, systemd,
	// client.
	Group string
	// Topic is the subject of its file.
	Topic string
	// Plumbing marks messages about the inner works of sshd.
	Plumbing bool
	// Levels are those at which sshd writes it; none for other programs.
	Levels []sshwhy.Level
	// Since and Until are the first and last OpenSSH release that write it:
	// "" for 5.3 or older, and for still.
	Since, Until string
	// Source is the place in the sources: file, function.
	Source string
	// Lines are its spellings.
	Lines []Line
	// Examples and Over are there only when read from YAML.
	Examples []Example
	Over     []string
	// Shows is the cause that the message proves with certainty, "" for
	// none. It is for a user's own patterns: those of the catalogue are
	// named by the causes.
	Shows string
}

// Line is one spelling of a message, with the releases that use it where they
// are not those of the entry.
type Line struct {
	Template     string
	Since, Until string
}

// Example is a message that an entry must recognise, and the fields that it
// must then give: no others.
type Example struct {
	Line  string
	Gives map[string]string
}

// Catalogue is a list of entries. An entry's PatternID is its place in the
// list, counted from 1.
type Catalogue struct {
	Entries []Entry
	// Constants are the values of {name=constant} in all templates. A
	// constant's number is its place in the list, counted from 1.
	Constants []string
	// Own is the table of the user's entries, which stand last; "" for none.
	Own string
}

// Constant gives the number of a constant, 0 where no template has it.
func (c *Catalogue) Constant(name string) uint8 {
	return uint8(slices.Index(c.Constants, name) + 1)
}

// ConstantName gives the constant of that number, "" for 0.
func (c *Catalogue) ConstantName(n uint8) string {
	if n == 0 || int(n) > len(c.Constants) {
		return ""
	}
	return c.Constants[n-1]
}

// Entry gives the entry of that number, or nil.
func (c *Catalogue) Entry(id sshwhy.PatternID) *Entry {
	if id == 0 || int(id) > len(c.Entries) {
		return nil
	}
	return &c.Entries[id-1]
}

// Find gives the number of the entry with that textual id, 0 for none.
func (c *Catalogue) Find(id string) sshwhy.PatternID {
	for i := range c.Entries {
		if c.Entries[i].ID == id {
			return sshwhy.PatternID(i + 1)
		}
	}
	return 0
}

//go:embed table.tsv
var table string

// Load gives the embedded catalogue.
func Load() (*Catalogue, error) {
	c, err := decode(table)
	if err != nil {
		return nil, fmt.Errorf("reading the embedded catalogue of messages: %w", err)
	}
	return c, nil
}

// encode writes the table: a row with the constants that begins with a form
// feed, then a row an entry, followed by a row a spelling that begins with a
// tab.
func encode(c *Catalogue) string {
	var b strings.Builder
	b.WriteString("\f" + strings.Join(c.Constants, "\t") + "\n")
	for _, e := range c.Entries {
		plumbing := ""
		if e.Plumbing {
			plumbing = "plumbing"
		}
		levels := make([]string, len(e.Levels))
		for i, l := range e.Levels {
			levels[i] = l.String()
		}
		b.WriteString(strings.Join([]string{e.ID, e.Group, e.Topic, plumbing, strings.Join(levels, ","), e.Since, e.Until, e.Source, e.Says}, "\t"))
		b.WriteByte('\n')
		for _, l := range e.Lines {
			b.WriteString("\t" + l.Since + "\t" + l.Until + "\t" + l.Template + "\n")
		}
	}
	return b.String()
}

func decode(table string) (*Catalogue, error) {
	rows := strings.Count(table, "\n")
	c := &Catalogue{Entries: make([]Entry, 0, rows/2)}
	lines := make([]Line, 0, rows)
	n := 0
	for row := range strings.SplitSeq(strings.TrimSuffix(table, "\n"), "\n") {
		n++
		if constants, ok := strings.CutPrefix(row, "\f"); ok {
			c.Constants = strings.Fields(constants)
			continue
		}
		if line, ok := strings.CutPrefix(row, "\t"); ok {
			since, rest, _ := strings.Cut(line, "\t")
			until, template, ok := strings.Cut(rest, "\t")
			if !ok || len(c.Entries) == 0 {
				return nil, fmt.Errorf("row %d: not a spelling", n)
			}
			lines = append(lines, Line{Template: template, Since: since, Until: until})
			e := &c.Entries[len(c.Entries)-1]
			e.Lines = lines[len(lines)-len(e.Lines)-1:]
			continue
		}
		var f [9]string
		for i := range f {
			f[i], row, _ = strings.Cut(row, "\t")
		}
		if f[0] == "" {
			return nil, fmt.Errorf("row %d: no id", n)
		}
		e := Entry{ID: f[0], Group: f[1], Topic: f[2], Plumbing: f[3] != "", Since: f[5], Until: f[6], Source: f[7], Says: f[8]}
		if f[4] != "" {
			for name := range strings.SplitSeq(f[4], ",") {
				e.Levels = append(e.Levels, levelNamed(name))
			}
		}
		c.Entries = append(c.Entries, e)
	}
	return c, nil
}

func levelNamed(name string) sshwhy.Level {
	for l := sshwhy.LevelFatal; l <= sshwhy.LevelDebug3; l++ {
		if l.String() == name {
			return l
		}
	}
	return sshwhy.LevelNone
}

// Table gives the embedded catalogue as it lies in the program, to tell
// catalogues apart.
func Table() []byte { return []byte(table) }
