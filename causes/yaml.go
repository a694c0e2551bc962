package causes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

type file struct {
	Phase  string      `yaml:"phase"`
	Causes []yamlCause `yaml:"causes"`
}

type yamlCause struct {
	ID       string     `yaml:"id"`
	Arranged bool       `yaml:"arranged"`
	Shows    []Shows    `yaml:"shows"`
	Proof    []Proof    `yaml:"proof"`
	Alike    []string   `yaml:"alike"`
	Follows  []string   `yaml:"follows"`
	English  *Text      `yaml:"en"`
	Japanese *Text      `yaml:"ja"`
	Remedy   []yamlStep `yaml:"remedy"`
}

type yamlStep struct {
	Step     `yaml:",inline"`
	English  string `yaml:"en"`
	Japanese string `yaml:"ja"`
}

// ReadDir reads the YAML file of every phase and checks the entries. Every
// error is reported.
func ReadDir(fsys fs.FS) (*Catalogue, error) {
	var list []Cause
	var errs []error
	for _, phase := range Phases {
		causes, err := readFile(fsys, phase)
		if err != nil {
			errs = append(errs, fmt.Errorf("causes/%s.yaml: %w", phase, err))
		}
		list = append(list, causes...)
	}
	c := newCatalogue(list)
	for i := range list {
		if err := list[i].check(c); err != nil {
			errs = append(errs, fmt.Errorf("cause %q: %w", list[i].ID, err))
		}
	}
	return c, errors.Join(errs...)
}

func readFile(fsys fs.FS, phase string) ([]Cause, error) {
	r, err := fsys.Open(phase + ".yaml")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var f file
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return nil, err
	}
	if f.Phase != phase {
		return nil, fmt.Errorf("its phase is %q", f.Phase)
	}
	list := make([]Cause, 0, len(f.Causes))
	for _, y := range f.Causes {
		c := Cause{ID: y.ID, Phase: phase, Arranged: y.Arranged, Shows: y.Shows, Proof: y.Proof, Alike: y.Alike, Follows: y.Follows,
			Texts: map[Language]*Text{English: y.English, Japanese: y.Japanese}}
		for _, s := range y.Remedy {
			s.Do = map[Language]string{English: s.English, Japanese: s.Japanese}
			c.Remedy = append(c.Remedy, s.Step)
		}
		if y.Japanese != nil {
			y.Japanese.Means, y.Japanese.Sure = unfold(y.Japanese.Means), unfold(y.Japanese.Sure)
		}
		list = append(list, c)
	}
	return list, nil
}

// unfold takes out the blanks that YAML puts where a Japanese text goes on in
// the next line.
func unfold(text string) string {
	return strings.NewReplacer("。 ", "。", "、 ", "、").Replace(text)
}

// check holds an entry to what every reader of it relies on.
func (c *Cause) check(all *Catalogue) error {
	var errs []error
	if got := all.byID[c.ID]; all.Cause(got) != nil && all.Cause(got).Phase != c.Phase {
		errs = append(errs, fmt.Errorf("the id stands in phase %q too", all.Cause(got).Phase))
	}
	for _, lang := range []Language{English, Japanese} {
		if err := c.Texts[lang].check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", lang, err))
		}
	}
	if len(c.Remedy) == 0 {
		errs = append(errs, errors.New("it has no remedy"))
	}
	for i := range c.Remedy {
		if err := c.Remedy[i].check(); err != nil {
			errs = append(errs, fmt.Errorf("step %d of the remedy: %w", i+1, err))
		}
	}
	for _, id := range c.Alike {
		if all.byID[id] == 0 {
			errs = append(errs, fmt.Errorf("alike names %q, which is no cause", id))
		}
	}
	for _, id := range c.Follows {
		if all.byID[id] == 0 {
			errs = append(errs, fmt.Errorf("follows names %q, which is no cause", id))
		}
	}
	return errors.Join(errs...)
}

func (t *Text) check() error {
	switch {
	case t == nil:
		return errors.New("it says nothing in this language")
	case t.Title == "" || t.Means == "" || t.Sure == "":
		return errors.New("title, means or sure is missing")
	case len(t.Reason) == 0:
		return errors.New("it gives no reason")
	case len(fieldsOf(t.Reason[len(t.Reason)-1])) != 0:
		return errors.New("the last reason needs a value")
	}
	return unknownFields(t.Reason...)
}

func (s *Step) check() error {
	if !slices.Contains([]string{"server", "client", "ca", "admin"}, s.Where) {
		return fmt.Errorf("where is %q", s.Where)
	}
	for lang, text := range s.Do {
		if text == "" {
			return fmt.Errorf("it does not say in %q what to do", lang)
		}
	}
	if s.Run != "" && s.Edit != "" {
		return errors.New("it has both run and edit")
	}
	for _, name := range slices.Concat(s.When, s.Unless, s.Except) {
		if sshwhy.FieldNamed(name) == sshwhy.FieldNone {
			return fmt.Errorf("no field is named %q", name)
		}
	}
	return unknownFields(s.Run, s.Edit, s.Line, s.Do[English], s.Do[Japanese])
}

// unknownFields refuses {names} in lower case that are no fields: a typing
// error, which would otherwise be printed as it stands.
func unknownFields(texts ...string) error {
	for _, t := range texts {
		for _, name := range fieldsOf(t) {
			if !placeholder(name) {
				return fmt.Errorf("%q: no field is named %q", t, name)
			}
		}
	}
	return nil
}

// fieldsOf gives the lower-case words that stand in braces.
func fieldsOf(template string) []string {
	var names []string
	for {
		_, rest, ok := strings.Cut(template, "{")
		if !ok {
			return names
		}
		name, _, ok := strings.Cut(rest, "}")
		if ok && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == "" {
			names = append(names, name)
		}
		template = rest
	}
}

// Generate gives the files that are made from the catalogue, by their names as
// seen from this folder. A test holds them against what is there.
func Generate(c *Catalogue, messages *patterns.Catalogue) (map[string]string, error) {
	text, err := json.MarshalIndent(c.Causes, "", "")
	if err != nil {
		return nil, fmt.Errorf("writing the table of causes: %w", err)
	}
	return map[string]string{
		"table.json":           string(text) + "\n",
		"../docs/causes.md":    document(c, messages, English),
		"../docs/causes.ja.md": document(c, messages, Japanese),
	}, nil
}
