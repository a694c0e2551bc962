package archives

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/tailers/journal"
)

// openJournal begins to read a piece that holds entries of a journal.
func (a *Archive) openJournal(ctx context.Context, p *piece) (pieceReader, error) {
	if p.journal {
		return a.openFiles(ctx, p)
	}
	c, release := p.stream, func() {}
	if c == nil {
		file, closing, err := p.at.open()
		if err != nil {
			return nil, fmt.Errorf("reading the log: %w", err)
		}
		c, err = unpack(&counting{r: file, n: &a.read})
		release = func() {
			c.Close()
			closing.Close()
		}
		if err != nil {
			release()
			return nil, fmt.Errorf("reading %q: %w", p.name, err)
		}
	}
	records := func(yield func(*sshwhy.Record, error) bool) { journal.ExportRecords(ctx, c, p.name, yield) }
	return newEntryReader(p, records, release), nil
}

// openFiles reads the files of a journal through the program that can. Those
// inside archives are put into temporary files for it.
func (a *Archive) openFiles(ctx context.Context, p *piece) (pieceReader, error) {
	options := journal.Options{FromStart: a.Since.IsZero()}
	if !a.Since.IsZero() {
		options.Since = a.Since.Add(-margin)
	}
	var temporary []string
	release := func() {
		for _, path := range temporary {
			os.Remove(path)
		}
	}
	for _, e := range p.files {
		a.read += e.size
		path := e.path
		if !e.whole || p.packed != "" {
			var err error
			if path, err = e.unpackToFile("sshwhy-*.journal"); err != nil {
				release()
				return nil, fmt.Errorf("unpacking %q: %w", p.name, err)
			}
			temporary = append(temporary, path)
		}
		options.Files = append(options.Files, path)
	}
	return newEntryReader(p, journal.New(options).Records(ctx), release), nil
}

// unpackToFile copies what an extent holds to a temporary file, which is the
// caller's to remove.
func (e extent) unpackToFile(pattern string) (path string, err error) {
	r, closing, err := e.open()
	if err != nil {
		return "", err
	}
	defer closing.Close()
	c, err := unpack(r)
	//lint:ignore SA5001 with an error as well it gives what is to be closed
	defer c.Close()
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp("", pattern)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if _, err = io.Copy(&limitedWriter{w: file, left: maxSpill}, &faulty{r: c}); err != nil {
		os.Remove(file.Name())
	}
	return file.Name(), err
}

// entryReader reads the records of a source into blocks.
type entryReader struct {
	p       *piece
	next    func() (*sshwhy.Record, error, bool)
	stop    func()
	release func()
}

func newEntryReader(p *piece, records iter.Seq2[*sshwhy.Record, error], release func()) *entryReader {
	r := &entryReader{p: p, release: release}
	r.next, r.stop = iter.Pull2(records)
	return r
}

// maxEntries is how many records a block takes: each needs a header.
const maxEntries = 1024

// fill implements pieceReader. An error concerns one entry: others follow.
func (r *entryReader) fill(b *sshwhy.Block, limit int) error {
	limit = min(limit, sshwhy.MaxBlock-sshwhy.MaxLine)
	for n := 0; n < maxEntries && (len(b.Text) < limit || n == 0); n++ {
		record, err, ok := r.next()
		switch {
		case !ok:
			return io.EOF
		case err != nil:
			return entryError{err}
		case record.Tick:
			return nil
		}
		r.p.input.Lines++
		r.p.input.Bytes += int64(len(record.Text))
		like := *record
		like.Source, like.Place = r.p.name, sshwhy.Place{}
		b.Add(&like)
	}
	return nil
}

// entryError is an error that does not end the reading of a journal.
type entryError struct{ error }

func (e entryError) Unwrap() error { return e.error }

// close implements pieceReader.
func (r *entryReader) close() {
	r.stop()
	r.release()
}
