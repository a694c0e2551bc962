package patterns

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sshwhy/sshwhy"
)

// file is a YAML file of the catalogue, as docs/patterns.md describes it.
type file struct {
	Topic    string                         `yaml:"topic"`
	Entries  []yamlEntry                    `yaml:"entries"`
	Plumbing map[string]map[string][]string `yaml:"plumbing"`
}

type yamlEntry struct {
	ID       string        `yaml:"id"`
	Says     string        `yaml:"says"`
	Level    stringOrList  `yaml:"level"`
	Since    string        `yaml:"since"`
	Until    string        `yaml:"until"`
	Source   string        `yaml:"source"`
	Lines    []yamlLine    `yaml:"lines"`
	Examples []yamlExample `yaml:"examples"`
	Over     []string      `yaml:"over"`
	Shows    string        `yaml:"shows"`
}

type yamlExample struct {
	Line  string            `yaml:"line"`
	Gives map[string]string `yaml:"gives"`
}

type stringOrList []string

func (s *stringOrList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*s = stringOrList{n.Value}
		return nil
	}
	return n.Decode((*[]string)(s))
}

type yamlLine struct {
	Line  string `yaml:"line"`
	Since string `yaml:"since"`
	Until string `yaml:"until"`
}

func (l *yamlLine) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		l.Line = n.Value
		return nil
	}
	type plain yamlLine
	return n.Decode((*plain)(l))
}

// ReadDir reads every YAML file below root, in order of name, and checks
// what can be checked without matching: that ids are unique, templates can be
// read, and every entry says what it means and has an example. Every error is
// reported, each with its file.
func ReadDir(fsys fs.FS, root string) (*Catalogue, error) {
	var c Catalogue
	var errs []error
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		entries, err := readFile(fsys, name)
		if err != nil {
			errs = append(errs, err)
		}
		c.Entries = append(c.Entries, entries...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading patterns: %w", err)
	}
	errs = append(errs, duplicateIDs(&c)...)
	c.Constants = constantsOf(c.Entries)
	return &c, errors.Join(errs...)
}

// constantsOf collects the constants of all templates, sorted.
func constantsOf(entries []Entry) []string {
	set := map[string]bool{}
	for _, e := range entries {
		for _, l := range e.Lines {
			variants, _ := Expand(l.Template) // its errors were reported with the entry
			for _, parts := range variants {
				for _, p := range parts {
					if p.Constant != "" {
						set[p.Constant] = true
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func duplicateIDs(c *Catalogue) []error {
	var errs []error
	seen := map[string]bool{}
	for _, e := range c.Entries {
		if seen[e.ID] {
			errs = append(errs, fmt.Errorf("patterns/%s: id %q stands twice", e.Group, e.ID))
		}
		seen[e.ID] = true
	}
	return errs
}

func readFile(fsys fs.FS, name string) ([]Entry, error) {
	r, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var f file
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	group := path.Base(path.Dir(name))
	var entries []Entry
	var errs []error
	for _, y := range f.Entries {
		e, err := y.entry(group, f.Topic)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: entry %q: %w", name, y.ID, err))
			continue
		}
		entries = append(entries, e)
	}
	plumbing, err := f.plumbing(group)
	if err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", name, err))
	}
	return append(entries, plumbing...), errors.Join(errs...)
}

func (y *yamlEntry) entry(group, topic string) (Entry, error) {
	e := Entry{ID: y.ID, Says: y.Says, Group: group, Topic: topic, Since: y.Since, Until: y.Until, Source: y.Source, Over: y.Over, Shows: y.Shows}
	switch {
	case y.ID == "" || strings.Trim(y.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return e, fmt.Errorf("the id is not of lower-case letters, digits and -")
	case y.Says == "":
		return e, fmt.Errorf("it does not say what it means")
	case len(y.Lines) == 0:
		return e, fmt.Errorf("it has no lines")
	case len(y.Examples) == 0:
		return e, fmt.Errorf("it has no examples")
	}
	for _, name := range y.Level {
		l := levelNamed(name)
		if l == sshwhy.LevelNone {
			return e, fmt.Errorf("no level is named %q", name)
		}
		e.Levels = append(e.Levels, l)
	}
	for _, l := range y.Lines {
		if _, err := Expand(l.Line); err != nil {
			return e, err
		}
		e.Lines = append(e.Lines, Line{Template: l.Line, Since: l.Since, Until: l.Until})
	}
	for _, x := range y.Examples {
		e.Examples = append(e.Examples, Example(x))
	}
	if err := singleLine(y.Says, y.Source, y.Since, y.Until); err != nil {
		return e, err
	}
	return e, nil
}

// singleLine refuses texts that the table's rows cannot hold.
func singleLine(texts ...string) error {
	for _, t := range texts {
		if strings.ContainsAny(t, "\t\n") {
			return fmt.Errorf("%q holds a tab or a line end", t)
		}
	}
	return nil
}

// plumbing turns the compact form into entries: "LEVEL SINCE-UNTIL TEMPLATE",
// under a source file and a function whose name stands in front.
func (f *file) plumbing(group string) ([]Entry, error) {
	var entries []Entry
	var errs []error
	for _, source := range slices.Sorted(maps.Keys(f.Plumbing)) {
		for _, fn := range slices.Sorted(maps.Keys(f.Plumbing[source])) {
			taken := map[string]int{}
			for _, row := range f.Plumbing[source][fn] {
				e, err := plumbingEntry(source, fn, row)
				if err != nil {
					errs = append(errs, fmt.Errorf("%s: %s: %q: %w", source, cmp.Or(fn, `""`), row, err))
					continue
				}
				if taken[e.ID]++; taken[e.ID] > 1 {
					e.ID = fmt.Sprintf("%s-%d", e.ID, taken[e.ID])
				}
				e.Group, e.Topic = group, f.Topic
				entries = append(entries, e)
			}
		}
	}
	return entries, errors.Join(errs...)
}

func plumbingEntry(source, fn, row string) (Entry, error) {
	columns := strings.Fields(row)
	if len(columns) < 3 {
		return Entry{}, fmt.Errorf("not of the form LEVEL SINCE-UNTIL TEMPLATE")
	}
	rest := strings.TrimLeft(strings.TrimPrefix(row, columns[0]), " ")
	template := strings.TrimLeft(strings.TrimPrefix(rest, columns[1]), " ")
	since, until, ok := strings.Cut(columns[1], "-")
	if !ok {
		return Entry{}, fmt.Errorf("%q is not a span of releases", columns[1])
	}
	var levels []sshwhy.Level
	for name := range strings.SplitSeq(columns[0], ",") {
		l := levelNamed(name)
		if l == sshwhy.LevelNone {
			return Entry{}, fmt.Errorf("no level is named %q", name)
		}
		levels = append(levels, l)
	}
	id := strings.TrimSuffix(source, ".c") + "/" + slug(template)
	if fn != "" {
		id = strings.TrimSuffix(source, ".c") + "/" + fn + "/" + slug(template)
		template = fn + ": " + template
	}
	if _, err := Expand(template); err != nil {
		return Entry{}, err
	}
	return Entry{ID: id, Plumbing: true, Levels: levels, Since: since, Until: until,
		Source: source + " " + fn, Lines: []Line{{Template: template}}}, nil
}

// slug makes the part of an id from a template: its first words, joined by -.
func slug(template string) string {
	words := strings.FieldsFunc(strings.ToLower(template), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	return strings.Join(words[:min(len(words), 8)], "-")
}
