package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
)

// ownPatterns is where this host's own patterns lie, if it has any.
const ownPatterns = "/etc/sshwhy/patterns.d"

const patternsHelp = `Works with patterns of your own: messages that sshwhy does not know, of a PAM
module of your site or a patched sshd. They are YAML files, written as those of
sshwhy's catalogue are (docs/patterns.md), in ` + ownPatterns + `.
Every command that reads a log takes them from there, or from --patterns DIR.`

const patternsTestHelp = `Holds the YAML files of a folder to what sshwhy's own catalogue is held to: every
example is recognised by its entry, gives the fields that it names and no others,
and is claimed by no other; every spelling is recognised; no message of sshd is
taken away from the entry that has it. It says everything that is wrong, and
exits with 1 then.

Without DIR it is ` + ownPatterns + `.`

func newPatterns(io streams) *cobra.Command {
	cmd := &cobra.Command{
		Use: "patterns", Short: "patterns of your own: messages that sshwhy does not know",
		Long: patternsHelp, Example: "  sshwhy patterns test ./patterns\n  sshwhy replay --patterns ./patterns --missed /var/log/auth.log",
	}
	cmd.AddCommand(&cobra.Command{
		Use: "test [DIR]", Short: "check patterns of your own", Long: patternsTestHelp,
		Example: "  sshwhy patterns test\n  sshwhy patterns test ./patterns",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := ownPatterns
			if len(args) > 0 {
				dir = args[0]
			}
			return testPatterns(io, dir)
		},
	})
	return cmd
}

// testPatterns checks the patterns of a folder and says what they are.
func testPatterns(io streams, dir string) error {
	shipped, err := patterns.Load()
	if err != nil {
		return err
	}
	messages, err := readPatterns(shipped, dir)
	if err != nil {
		if wrong := (*patternError)(nil); errors.As(err, &wrong) {
			return exitError{hinted{err, "docs/patterns.md describes every key"}, exitFound}
		}
		return err
	}
	own := messages.Entries[len(shipped.Entries):]
	examples := 0
	for _, e := range own {
		examples += len(e.Examples)
	}
	fmt.Fprintf(io.out, "%s is sound: %s, %s\n", dir, counted(len(own), "pattern"), counted(examples, "example"))
	return nil
}

// patternError is what is wrong with patterns of a user's own.
type patternError struct {
	dir string
	error
}

func (e *patternError) Error() string {
	return fmt.Sprintf("patterns in %q are wrong:\n%v", e.dir, e.error)
}

func (e *patternError) Unwrap() error { return e.error }

// loadPatterns gives the catalogue of messages, with the patterns of a folder:
// of ownPatterns if none is named and there is one. YAML is read only then.
func loadPatterns(dir string) (*patterns.Catalogue, error) {
	shipped, err := patterns.Load()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		if _, err := os.Stat(ownPatterns); errors.Is(err, fs.ErrNotExist) {
			return shipped, nil
		}
		dir = ownPatterns
	}
	messages, err := readPatterns(shipped, dir)
	if wrong := (*patternError)(nil); errors.As(err, &wrong) {
		return nil, hinted{err, "sshwhy patterns test " + dir + " checks them; docs/patterns.md describes every key"}
	}
	return messages, err
}

// readPatterns adds the patterns of a folder, and checks them.
func readPatterns(shipped *patterns.Catalogue, dir string) (*patterns.Catalogue, error) {
	if _, err := os.ReadDir(dir); err != nil {
		return nil, hinted{fmt.Errorf("reading patterns: %w", err), "name a folder of YAML files; docs/patterns.md tells how they are written"}
	}
	own, err := patterns.ReadOwn(os.DirFS(dir))
	if err != nil {
		return nil, &patternError{dir, err}
	}
	messages, err := shipped.With(own)
	if err != nil {
		return nil, &patternError{dir, err}
	}
	if len(own.Entries) == 0 {
		return messages, nil
	}
	_, unknown := causesWith(messages)
	if err := errors.Join(parser.Check(messages, len(shipped.Entries)), unknown); err != nil {
		return nil, &patternError{dir, err}
	}
	return messages, nil
}

// causesWith gives the causes, with the messages of the user's own that prove
// one.
func causesWith(messages *patterns.Catalogue) (*causes.Catalogue, error) {
	catalogue, err := causes.Load()
	if err != nil {
		return nil, err
	}
	var errs []error
	for i := range messages.Entries {
		e := &messages.Entries[i]
		if e.Shows == "" {
			continue
		}
		id := catalogue.Find(e.Shows)
		if id == 0 {
			errs = append(errs, fmt.Errorf("entry %q: there is no cause %q; sshwhy explain lists them", e.ID, e.Shows))
			continue
		}
		c := catalogue.Cause(id)
		c.Proof = append(c.Proof, causes.Proof{Event: e.ID, Confidence: "certain"})
	}
	return catalogue, errors.Join(errs...)
}
