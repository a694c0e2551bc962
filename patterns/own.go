package patterns

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// groups are the folders of the catalogue. The parser looks for a message in
// one of them alone: see parser.New and parser.NewClient.
var groups = [...]string{"sshd", "pam", "systemd", "client"}

// ReadOwn reads the YAML files of a user's own patterns. They are written as
// those of the catalogue are; a file that stands in none of the folders sshd,
// pam, systemd and client is sshd's. Every error is reported, each with its file.
func ReadOwn(fsys fs.FS) (*Catalogue, error) {
	var errs []error
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name != "." && !slices.Contains(groups[:], name) {
				errs = append(errs, fmt.Errorf("%s: a folder of patterns is named sshd, pam, systemd or client", name))
				return fs.SkipDir
			}
		case path.Ext(name) == ".yml":
			errs = append(errs, fmt.Errorf("%s: the name of a file of patterns ends in .yaml", name))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading patterns: %w", err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	own, err := ReadDir(fsys, ".")
	if err != nil {
		return own, err
	}
	for i := range own.Entries {
		if own.Entries[i].Group == "." {
			own.Entries[i].Group = groups[0]
		}
	}
	return own, nil
}

// With gives a catalogue of the entries of both. Numbers of the former stay what
// they are; those of own begin behind them. Neither may change afterwards.
func (c *Catalogue) With(own *Catalogue) (*Catalogue, error) {
	var errs []error
	for _, e := range own.Entries {
		if c.Find(e.ID) != 0 {
			errs = append(errs, fmt.Errorf("entry %q: sshwhy has a pattern of this id; choose another", e.ID))
		}
	}
	both := &Catalogue{Entries: slices.Concat(c.Entries, own.Entries), Constants: slices.Clone(c.Constants), Own: encode(own)}
	for _, name := range own.Constants {
		if c.Constant(name) == 0 {
			both.Constants = append(both.Constants, name)
		}
	}
	if len(both.Constants) > 255 || len(both.Entries) > 1<<16-2 {
		errs = append(errs, fmt.Errorf("%d patterns with %d constants are too many", len(both.Entries), len(both.Constants)))
	}
	return both, errors.Join(errs...)
}
