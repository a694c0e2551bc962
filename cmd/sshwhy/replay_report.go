package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/report"
)

// pageOf gathers what the page of --report tells.
type pageOf struct {
	path    string
	own     string // the table of the user's own patterns, "" for none
	history *report.History
}

// watch lets the history see every event, and who else watches, nil for nobody.
func (p *pageOf) watch(next func(*sshwhy.Event)) func(*sshwhy.Event) {
	if next == nil {
		return p.history.Note
	}
	return func(ev *sshwhy.Event) {
		next(ev)
		p.history.Note(ev)
	}
}

// write writes the page beside its place and moves it there when it is whole.
func (p *pageOf) write(r *replayer) error {
	f, err := os.CreateTemp(filepath.Dir(p.path), ".sshwhy-report-*")
	if err != nil {
		var named *fs.PathError
		if errors.As(err, &named) { // of a file that the user has not named
			err = named.Err
		}
		return fmt.Errorf("writing the report %q: %w", p.path, err)
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriterSize(f, 64<<10)
	about := report.About{Version: version, Catalogue: catalogueHash(p.own), Inputs: r.inputs(), Geography: r.located()}
	if err := p.history.WriteHTML(w, &r.accounting, r.page, about); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the report %q: %w", p.path, err)
	}
	if err := f.Chmod(0o640); err != nil {
		return fmt.Errorf("writing the report %q: %w", p.path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing the report %q: %w", p.path, err)
	}
	if err := os.Rename(f.Name(), p.path); err != nil {
		return fmt.Errorf("writing the report %q: %w", p.path, err)
	}
	return nil
}

// inputs gives the account of every file, for the page.
func (r *replayer) inputs() []report.Input {
	var list []report.Input
	for _, in := range r.archive.Inputs() {
		x := report.Input{Name: in.Name, Packed: in.Packed, SHA256: in.SHA256, Size: in.Size, Lines: in.Lines, Year: in.Year.String()}
		if in.Err != nil {
			x.Problem = in.Err.Error()
		}
		list = append(list, x)
	}
	return list
}

// catalogueHash tells catalogues apart: that of the messages and that of the
// causes together, with a user's own patterns.
func catalogueHash(own string) string {
	h := sha256.New()
	h.Write(patterns.Table())
	h.Write(causes.Table())
	h.Write([]byte(own))
	return hex.EncodeToString(h.Sum(nil)[:8])
}
