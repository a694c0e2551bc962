package archives

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/sshwhy/sshwhy"
)

// maxEndless is how long a line may be in all before it is taken for something
// else, in bytes.
const maxEndless = 1 << 30

// lineReader reads the lines of a piece into blocks.
type lineReader struct {
	ctx     context.Context
	p       *piece
	content *content
	file    io.Closer
	raw     *counting
	like    *sshwhy.Record // of the lines to come
	rest    []byte         // the beginning of a line that is not read to its end
	err     error          // of the content: told once all before it was given
	dated   bool           // dates gives the year
	dates   dater
	digest  hash.Hash // nil unless asked for
}

// open begins to read a piece. before is the dater of the piece before it in a
// stream whose first year was stated, nil for all else.
func (a *Archive) open(ctx context.Context, p *piece, before *dater) (*lineReader, error) {
	r := &lineReader{ctx: ctx, p: p, file: io.NopCloser(nil)}
	if p.stream != nil {
		r.content = p.stream
	} else if err := r.begin(a); err != nil {
		return nil, err
	}
	limit := p.modified
	switch {
	case a.Year != 0 && before != nil && p.yearless():
		r.dated, r.dates = true, *before
		r.dates.lead = p.lead
		limit = r.dates.newest()
	case p.yearless():
		r.dated, r.dates = true, dater{clock: a.Clock, lead: p.lead, last: max(p.first, p.from.time)}
		if a.Year == 0 && p.input.Year == YearModified {
			r.dates.limit = limit
		}
		limit = r.dates.newest()
	case a.Year != 0 && p.stream != nil && a.Clock != nil:
		r.dated, r.dates = true, a.stated()
		limit = r.dates.newest()
	}
	r.like = p.like(limit)
	return r, nil
}

// stated dates lines that were not looked at before, from the stated year on.
func (a *Archive) stated() dater {
	newest := time.Date(a.Year, time.December, 30, 23, 59, 59, 0, a.zone())
	return dater{clock: a.Clock, last: newest.UnixNano() - halfYear}
}

// begin opens a piece that is a file or a part of one.
func (r *lineReader) begin(a *Archive) error {
	at := r.p.at
	if skip := r.p.from.offset; skip > 0 {
		at = at.part(skip, at.size-skip)
		r.p.input.Passed += skip
		a.read += skip
	}
	file, closing, err := at.open()
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	r.file = closing
	r.raw = &counting{r: file, n: &a.read}
	if a.Digest && at.whole {
		r.digest = sha256.New()
		r.raw.also = r.digest
	}
	if r.content, err = unpack(r.raw); err != nil {
		r.content.Close()
		r.file.Close()
		return fmt.Errorf("reading %q: %w", r.p.name, err)
	}
	return nil
}

// close releases what is open, and gives the digest of a file that was read
// from its beginning.
func (r *lineReader) close() {
	if r.digest != nil && errors.Is(r.err, io.EOF) {
		if _, err := io.Copy(io.Discard, r.raw); err == nil {
			r.p.input.SHA256 = hex.EncodeToString(r.digest.Sum(nil))
		}
	}
	if r.p.stream == nil {
		r.content.Close()
	}
	r.file.Close()
}

// fill reads lines into b until its text is as long as limit, it holds no more
// lines, or reading would wait. At the end of the piece it gives io.EOF, or why
// there is no more.
func (r *lineReader) fill(b *sshwhy.Block, limit int) error {
	start := len(b.Text)
	if len(r.rest) > 0 {
		b.Text = append(b.Text, r.rest...)
		r.rest = r.rest[:0]
		start = r.lines(b, start, start)
	}
	searched := len(b.Text)
	for len(b.Lines) < sshwhy.MaxLines {
		if len(b.Text) >= limit {
			if start > 0 && len(b.Lines) > 0 || len(b.Text)-start > sshwhy.MaxLine {
				break
			}
			limit = min(limit+sshwhy.MaxLine/4, sshwhy.MaxBlock) // not one whole line yet
		}
		if r.err != nil {
			break
		}
		r.read(b, limit)
		start = r.lines(b, start, searched)
		searched = len(b.Text)
		if len(b.Lines) > 0 && !r.content.ready() {
			break
		}
	}
	return r.finish(b, start)
}

// read reads once, up to the limit.
func (r *lineReader) read(b *sshwhy.Block, limit int) {
	at := len(b.Text)
	if cap(b.Text) < limit {
		b.Text = append(b.Text, make([]byte, limit-at)...)
	}
	b.Text = b.Text[:limit]
	n, err := r.content.Read(b.Text[at:])
	b.Text, r.err = b.Text[:at+n], err
}

// lines adds the lines that begin at start and are whole, as far as there is room
// for them; there is no end of a line before searched. It gives where the rest
// begins.
func (r *lineReader) lines(b *sshwhy.Block, start, searched int) int {
	if searched > start {
		i := bytes.IndexByte(b.Text[searched:], '\n')
		if i < 0 {
			return start
		}
		r.line(b, start, searched+i)
		start = searched + i + 1
	}
	for rest := b.Text[start:]; len(b.Lines) < sshwhy.MaxLines; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		if r.usual(rest[:i]) {
			r.add(b, start, start+i)
		} else {
			r.line(b, start, start+i)
		}
		rest = rest[i+1:]
		start += i + 1
	}
	return start
}

// usual tells by few looks that a line is to be added as it stands, and of the
// same year as the one before.
func (r *lineReader) usual(line []byte) bool {
	n := len(line)
	return n >= monthSize && n <= sshwhy.MaxLine && line[n-1] != '\r' && (!r.dated || r.dates.same(line))
}

func (r *lineReader) add(b *sshwhy.Block, start, end int) {
	r.note(end-start, 0)
	b.Line(start, end, r.like)
}

// line adds one line.
func (r *lineReader) line(b *sshwhy.Block, start, end int) {
	if end > start && b.Text[end-1] == '\r' {
		end--
	}
	if over := end - start - sshwhy.MaxLine; over > 0 {
		r.longLine(b, start, int64(over))
		return
	}
	if r.dated && r.dates.turns(b.Text[start:end]) {
		r.redate()
	}
	r.add(b, start, end)
}

// longLine adds the beginning of a line that is too long.
func (r *lineReader) longLine(b *sshwhy.Block, start int, cut int64) {
	end := start + sshwhy.MaxLine
	if r.dated && r.dates.turns(b.Text[start:end]) {
		r.redate()
	}
	like := *r.like
	like.Truncated = cut
	r.note(sshwhy.MaxLine, cut)
	b.Line(start, end, &like)
}

func (r *lineReader) redate() { r.like = r.p.like(r.dates.newest()) }

func (r *lineReader) note(length int, cut int64) {
	in := &r.p.input
	in.Lines++
	in.Bytes += int64(length) + cut
}

// finish deals with what stands behind the last line of the block. What it had no
// room for is kept for the next one, and so is a line that goes on; else that is
// cut because it is too long, or the last.
func (r *lineReader) finish(b *sshwhy.Block, start int) error {
	tail := b.Text[start:]
	switch {
	case len(b.Lines) >= sshwhy.MaxLines && len(tail) > 0:
		r.rest = append(r.rest, tail...)
		b.Text = b.Text[:start]
		return nil
	case len(tail) > sshwhy.MaxLine:
		r.passRest(b, start)
	case r.err == nil:
		r.rest = append(r.rest, tail...)
		b.Text = b.Text[:start]
		return nil
	case len(tail) > 0 && errors.Is(r.err, io.EOF) && !r.p.cut:
		r.line(b, start, len(b.Text))
	default:
		b.Text = b.Text[:start] // a part of a line could say what the whole did not
	}
	if len(r.rest) > 0 {
		return nil
	}
	return r.err
}

// passRest reads past the rest of a line of which MaxLine bytes are there.
func (r *lineReader) passRest(b *sshwhy.Block, start int) {
	cut := int64(len(b.Text) - start - sshwhy.MaxLine)
	b.Text = b.Text[:start+sshwhy.MaxLine]
	scratch := make([]byte, 32<<10)
	for r.err == nil && r.ctx.Err() == nil {
		n, err := r.content.Read(scratch)
		r.err = err
		if i := bytes.IndexByte(scratch[:n], '\n'); i >= 0 {
			r.rest = append(r.rest[:0], scratch[i+1:n]...)
			cut += int64(i)
			break
		}
		if cut += int64(n); cut > maxEndless {
			r.err = fmt.Errorf("a line is longer than %d GiB: this is no log", maxEndless>>30)
		}
	}
	r.longLine(b, start, cut)
}

// counting counts what is read through it for all of a run.
type counting struct {
	r    io.Reader // not owned
	n    *int64
	here int64     // this one alone
	also io.Writer // sees what is read, nil for none; not owned
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += int64(n)
	c.here += int64(n)
	if c.also != nil {
		c.also.Write(p[:n])
	}
	return n, err
}

// Ready tells that a read need not wait.
func (c *counting) Ready() bool {
	r, ok := c.r.(interface{ Ready() bool })
	return !ok || r.Ready()
}
