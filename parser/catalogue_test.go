package parser

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy/patterns"
)

func readCatalogue(t testing.TB) *patterns.Catalogue {
	t.Helper()
	c, err := patterns.ReadDir(os.DirFS("../patterns"), ".")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestEveryExample holds the catalogue to its own examples: each is taken by
// the entry that it stands under, and gives the fields that it names and no
// others.
func TestEveryExample(t *testing.T) {
	c := readCatalogue(t)
	p, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Entries {
		e := &c.Entries[i]
		for _, x := range e.Examples {
			id, got := recognise(p, c, e, x.Line)
			if id != e.ID {
				t.Errorf("%s: its example is taken for %q\n  %s", e.ID, id, x.Line)
				continue
			}
			if !maps.Equal(got, x.Gives) {
				t.Errorf("%s: fields of its example\n  %s\n  got  %v\n  want %v", e.ID, x.Line, got, x.Gives)
			}
		}
	}
}

// TestEverySpelling renders every template with a sample of each kind, the
// plumbing as well, and expects it to be recognised.
func TestEverySpelling(t *testing.T) {
	c := readCatalogue(t)
	p, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Entries {
		e := &c.Entries[i]
		for _, line := range e.Lines {
			variants, err := patterns.Expand(line.Template)
			if err != nil {
				t.Fatal(err)
			}
			for _, parts := range variants {
				text := render(parts)
				if id, _ := recognise(p, c, e, text); id == "" {
					t.Errorf("%s: not recognised: %q", e.ID, text)
				} else if id != e.ID && !claims(c, id, e.ID) {
					t.Errorf("%s: %q is taken for %q; make it more literal, or let one name the other under over", e.ID, text, id)
				}
			}
		}
	}
}

// claims tells whether the winner says in its entry that it goes before.
func claims(c *patterns.Catalogue, winner, loser string) bool {
	w := c.Entry(c.Find(winner))
	return w != nil && slices.Contains(w.Over, loser) || c.Entry(c.Find(loser)).Plumbing && w.Plumbing
}

// TestNoEntryHidesAnother finds templates that are the same to the matcher.
func TestNoEntryHidesAnother(t *testing.T) {
	c := readCatalogue(t)
	p, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range slices.Concat(p.sshd.conflicts, p.system.conflicts, clientMatcher(c).conflicts) {
		t.Errorf("%q and %q have a spelling in common", c.Entry(pair[0]).ID, c.Entry(pair[1]).ID)
	}
}

// TestOneClaimant compares the matcher with regular expressions made from the
// same templates: an example that two entries claim must go to the one with
// more literal text, or to the one that names the other.
func TestOneClaimant(t *testing.T) {
	c := readCatalogue(t)
	type claim struct {
		entry   *patterns.Entry
		prefix  string
		literal int
		source  string
		re      *regexp.Regexp
	}
	var claimants []claim
	for i := range c.Entries {
		e := &c.Entries[i]
		for _, line := range e.Lines {
			variants, _ := patterns.Expand(line.Template)
			for _, parts := range variants {
				re, literal := oracle(parts)
				claimants = append(claimants, claim{e, parts[0].Literal, literal, re, nil})
			}
		}
	}
	for i := range c.Entries {
		e := &c.Entries[i]
		for _, x := range e.Examples {
			most := map[*patterns.Entry]int{}
			for j := range claimants {
				k := &claimants[j]
				if k.entry.Group != e.Group || !strings.HasPrefix(x.Line, k.prefix) || k.literal <= most[k.entry] {
					continue
				}
				if k.re == nil {
					k.re = regexp.MustCompile(k.source)
				}
				if k.re.MatchString(x.Line) {
					most[k.entry] = k.literal
				}
			}
			for other, literal := range most {
				if other != e && literal >= most[e] && !slices.Contains(e.Over, other.ID) && !(literal == most[e] && slices.Contains(other.Over, e.ID)) {
					t.Errorf("%s: its example is claimed by %q as well, with as much literal text (%d, %d)\n  %s", e.ID, other.ID, most[e], literal, x.Line)
				}
			}
		}
	}
}

// recognise gives the id of the entry that takes a message, and its fields.
func recognise(p *Parser, c *patterns.Catalogue, e *patterns.Entry, text string) (string, map[string]string) {
	m := p.sshd
	switch e.Group {
	case "systemd":
		m = p.system
	case clientGroup:
		m = clientMatcher(c)
	}
	return recogniseBy(p, m, c, text)
}

// clientMatcher gives the matcher of ssh's messages.
func clientMatcher(c *patterns.Catalogue) *recogniser {
	client, err := NewClient(c)
	if err != nil {
		panic(err) // New has read the same templates
	}
	return client.matcher
}

// TestNoneBeginsWithFreeText finds templates that any line could begin, one
// with a client's text in it too.
func TestNoneBeginsWithFreeText(t *testing.T) {
	for _, e := range readCatalogue(t).Entries {
		for _, l := range e.Lines {
			variants, _ := patterns.Expand(l.Template)
			for _, parts := range variants {
				if k := parts[0].Kind; k.Free() && k != patterns.KindAbsPath {
					t.Errorf("%s begins with a field of kind %s", e.ID, k)
				}
			}
		}
	}
}

// TestFreeTextIsRare lists the entries with a field that takes any text and
// keeps their share among those that are not plumbing under a seventh.
func TestFreeTextIsRare(t *testing.T) {
	c := readCatalogue(t)
	var free []string
	all := 0
	for _, e := range c.Entries {
		if e.Plumbing {
			continue
		}
		all++
		if f := freeText(e); f != "" {
			free = append(free, fmt.Sprintf("%-40s %s", e.ID, f))
		}
	}
	t.Logf("%d of %d entries hold free text:\n%s", len(free), all, strings.Join(free, "\n"))
	if len(free)*100 > 15*all {
		t.Errorf("%d of %d entries hold free text: more than 15 %%", len(free), all)
	}
}

func freeText(e patterns.Entry) string {
	for _, l := range e.Lines {
		variants, _ := patterns.Expand(l.Template)
		for _, parts := range variants {
			for _, p := range parts {
				if p.Kind == patterns.KindText || p.Kind == patterns.KindValue {
					return p.Field.String()
				}
			}
		}
	}
	return ""
}
