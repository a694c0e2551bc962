package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sshwhy/sshwhy"
)

// damaged says why a file is not used.
type damaged struct{ why string }

func (d *damaged) Error() string { return "the ledger is damaged: " + d.why }

// setAside gives the file another name and says so.
func (l *Ledger) setAside(d *damaged) error {
	if heldByAnother(l.path) {
		return &InUseError{Path: l.path}
	}
	name, err := freeName(l.path + ".damaged-" + l.o.Now().UTC().Format("20060102T150405Z"))
	if err != nil {
		return fmt.Errorf("setting a damaged ledger aside: %w", err)
	}
	if err := os.Rename(l.path, name); err != nil {
		return fmt.Errorf("setting a damaged ledger aside: %w", err)
	}
	l.places = map[string][]byte{}
	l.o.Notice(&sshwhy.Notice{
		Code:   "ledger-damaged",
		Source: l.path,
		Text:   fmt.Sprintf("the ledger could not be used (%s) and was set aside as %q", sshwhy.Printable(d.why), name),
		Hint:   "how far was read and what was still to be delivered begins anew; check the disk (dmesg, smartctl -H), and delete the file when you do not need it",
	})
	return syncDirectory(l.path)
}

// freeName gives the name, with a number where it is taken.
func freeName(name string) (string, error) {
	for i := 1; i < 1000; i++ {
		candidate := name
		if i > 1 {
			candidate = fmt.Sprintf("%s-%d", name, i)
		}
		if _, err := os.Lstat(candidate); errors.Is(err, fs.ErrNotExist) {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("too many files named %q", name)
}
