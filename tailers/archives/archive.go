// Package archives reads logs that lie still: files and folders, packed or not,
// rotated sets in the order of their content, journals, and several hosts merged
// by time.
package archives

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
)

// Archive reads logs that are written no more: files, the files of folders and
// of tar archives, and standard input under the name "-". What is packed is
// told by its first bytes and unpacked.
//
// A log and what it was rotated to are read as one, in the order of what they
// hold. Several logs are merged by the times of their lines. What is damaged is
// read as far as it is sound, and reported.
type Archive struct {
	// Paths are what to read: files, folders, patterns, "-".
	Paths []string
	// Stdin is read for the path "-". Not owned.
	Stdin io.Reader
	// Clock reads the times of lines. Without it every file is read in the
	// order given, and of the years of lines none is told.
	Clock Clock
	// Year is that of the first line of each log, where lines name none; 0
	// means to infer it.
	Year int
	// Zone is that of Clock, for the beginnings and ends of years; nil means
	// the host's.
	Zone *time.Location
	// Since and Until bound the times that are of interest: what lies
	// outside, by more than a margin, is passed over where that can be done
	// without reading it. Zero means no bound.
	Since, Until time.Time
	// Digest asks for the SHA-256 of every file.
	Digest bool
	// Progress, where set, is called now and then with the number of bytes
	// read so far, and of those in all files, 0 where that is not known.
	Progress func(read, size int64)
	// Now gives the time for lines that nothing else dates; nil means
	// time.Now.
	Now func() time.Time

	stdin      io.Reader // ends when the context is done
	times      times
	read, size int64
	binary     int
	closing    []io.Closer
	pieces     []*piece
	failed     []Input
}

// Records implements sshwhy.Source.
func (a *Archive) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		block := &sshwhy.Block{}
		blank := func() *sshwhy.Block {
			block.Reset()
			return block
		}
		for b, err := range a.Blocks(ctx, blank) {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			if !b.Records(yield) {
				return
			}
		}
	}
}

// Blocks implements sshwhy.BlockSource.
func (a *Archive) Blocks(ctx context.Context, blank func() *sshwhy.Block) iter.Seq2[*sshwhy.Block, error] {
	return func(yield func(*sshwhy.Block, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		defer a.release()
		out := &output{ctx: ctx, blank: blank, yield: yield, progress: func() {
			if a.Progress != nil {
				a.Progress(a.read, a.size)
			}
		}}
		a.stdin = newStoppable(ctx, a.Stdin)
		streams := a.find(out)
		if out.stopped {
			return
		}
		if len(streams) < 2 || a.Clock == nil {
			for _, s := range streams {
				if !a.straight(ctx, s, out) {
					break
				}
			}
		} else {
			a.merge(ctx, streams, out)
		}
		out.flush()
	}
}

func (a *Archive) zone() *time.Location {
	if a.Zone == nil {
		return time.Local
	}
	return a.Zone
}

// find looks at what there is, and puts it in order.
func (a *Archive) find(out *output) []*stream {
	a.times = times{clock: a.Clock, now: a.Now, all: !a.Since.IsZero() || !a.Until.IsZero()}
	if a.times.now == nil {
		a.times.now = time.Now
	}
	f := &finder{a: a, ctx: out.ctx, trouble: out.trouble, seen: map[string]bool{}}
	f.find(a.Paths)
	a.binary, a.pieces = f.binary, f.pieces
	if len(f.pieces) == 0 && f.binary > 0 {
		out.trouble(fmt.Errorf("reading the log: all %d files are binary, and none is a log", f.binary))
	}
	streams := a.times.arrange(f.pieces, a.Year, a.zone())
	for _, s := range streams {
		a.window(s)
	}
	return streams
}

// release closes what a run has opened.
func (a *Archive) release() {
	for _, c := range a.closing {
		c.Close()
	}
	a.closing = nil
}

// Binary gives the number of files in folders and archives that were passed
// over because they are no text.
func (a *Archive) Binary() int { return a.binary }

// Inputs gives the account of everything that was read or should have been, in
// the order of its names; after the run. It reads what the digests still lack.
func (a *Archive) Inputs() []Input {
	list := slices.Clone(a.failed)
	for _, p := range a.pieces {
		list = append(list, p.input)
	}
	slices.SortStableFunc(list, func(x, y Input) int { return cmp.Compare(x.Name, y.Name) })
	if a.Digest {
		a.complete(list)
	}
	return list
}

// complete adds the digests of files that were not read from beginning to end.
func (a *Archive) complete(list []Input) {
	archives := map[string]string{}
	paths := map[string]string{}
	for _, p := range a.pieces {
		if p.at.path != "" {
			paths[p.name] = p.at.path
		}
	}
	for i := range list {
		path, ok := paths[list[i].Name]
		if !ok || list[i].SHA256 != "" {
			continue
		}
		if _, ok := archives[path]; !ok {
			archives[path] = digestOf(path)
		}
		list[i].SHA256 = archives[path]
	}
}

// digestOf gives the SHA-256 of a file, "" where it cannot be read.
func digestOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// blockGoal is how long the text of a block becomes where lines are not long: so
// little that the blocks that are under way stay in a processor's cache.
const blockGoal = 64 << 10

// straight reads one stream from its beginning to its end, and tells whether
// to go on with others.
func (a *Archive) straight(ctx context.Context, s *stream, out *output) bool {
	r := &streamReader{a: a, ctx: ctx, s: s}
	defer r.close()
	for {
		b := out.room()
		if b == nil {
			return false
		}
		err := r.fill(b, blockGoal)
		out.progress()
		switch {
		case errors.Is(err, errBetween): // the next piece may go into the same block
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			out.trouble(err)
		case !out.flush():
			return false
		}
		if ctx.Err() != nil {
			out.flush()
			return false
		}
	}
}

// output hands blocks on.
type output struct {
	ctx      context.Context
	blank    func() *sshwhy.Block
	yield    func(*sshwhy.Block, error) bool
	progress func()
	block    *sshwhy.Block // being filled, nil for none
	stopped  bool          // no more are wanted
}

// room gives the block to fill, one that has room for a line of any length; nil
// when no more are wanted.
func (o *output) room() *sshwhy.Block {
	if o.block != nil && (len(o.block.Text) >= blockGoal || o.block.Room() == 0) {
		o.flush()
	}
	if o.stopped {
		return nil
	}
	if o.block == nil {
		if o.block = o.blank(); o.block == nil {
			o.stopped = true
		}
	}
	return o.block
}

// flush hands on what there is, and tells whether more is wanted.
func (o *output) flush() bool {
	if b := o.block; !o.stopped && b != nil && len(b.Lines) > 0 {
		o.block = nil
		o.stopped = !o.yield(b, nil)
	}
	return !o.stopped
}

// trouble hands on an error, behind the lines that were read before it.
func (o *output) trouble(err error) {
	if o.flush() {
		o.stopped = !o.yield(nil, err)
	}
}

// errBetween tells that a piece of a stream was read, and another follows.
var errBetween = errors.New("between two pieces")

// streamReader reads the pieces of a stream one after the other.
type streamReader struct {
	a    *Archive
	ctx  context.Context
	s    *stream
	next int // the piece to open
	p    *piece
	r    pieceReader // of p; nil between two
	last *dater      // of the piece before, where the year was stated
}

// pieceReader reads one piece.
type pieceReader interface {
	fill(b *sshwhy.Block, limit int) error
	close()
}

// fill reads lines into a block. It gives errBetween after a piece that others
// follow, io.EOF after the last; other errors concern one piece, and it can be
// called again.
func (r *streamReader) fill(b *sshwhy.Block, limit int) error {
	if r.r == nil {
		if r.next == len(r.s.pieces) {
			return io.EOF
		}
		r.p = r.s.pieces[r.next]
		r.next++
		reader, err := r.a.reader(r.ctx, r.p, r.last)
		if err != nil {
			r.p.input.Err = err
			return err
		}
		r.r = reader
	}
	err := r.r.fill(b, limit)
	if err == nil {
		if !r.a.behind(b) {
			return nil
		}
		err = io.EOF
		r.next = len(r.s.pieces)
	}
	if e := (entryError{}); errors.As(err, &e) {
		r.p.input.Err = e.error
		return e.error
	}
	return r.ended(err)
}

// ended closes the piece that ended with an error.
func (r *streamReader) ended(err error) error {
	p := r.p
	if lines, ok := r.r.(*lineReader); ok {
		if r.a.Year != 0 && lines.dated {
			r.last = &lines.dates
		}
		if !errors.Is(err, io.EOF) {
			err = fmt.Errorf("reading %q: sound up to line %d, near byte %d of %d: %w", p.name, p.input.Lines, lines.offset(), p.at.size, err)
		}
	}
	r.close()
	if !errors.Is(err, io.EOF) {
		p.input.Err = err
		return err
	}
	if p.cut {
		p.input.Err = fmt.Errorf("reading %q: its end is missing", p.name)
		return p.input.Err
	}
	return errBetween
}

func (r *streamReader) close() {
	if r.r != nil {
		r.r.close()
		r.r = nil
	}
}

// offset is how far the piece was read, in bytes as it lies there.
func (r *lineReader) offset() int64 {
	if r.raw == nil {
		return 0
	}
	return r.p.from.offset + r.raw.here
}
