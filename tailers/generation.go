package tailers

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
)

// generation is one of the files that bore a followed name one after the
// other, or what is left of it in a copy. Every byte of it belongs to custody:
// those below offset were given, those behind are read from here on, by
// whomever it is given to.
type generation struct {
	path   string  // that is followed
	number int64   // counts the generations of a name, in the order in which they were found
	order  float64 // tells their true order; set by arrange
	id     string  // Place.Generation
	inode  inode
	file   *os.File  // our own descriptor; nil where packed holds the content, or nothing is left
	packed *unpacked // the content of a compressed file; nil where file is set
	head   head

	offset int64 // the first byte that was not given: the beginning of a line
	// A line longer than MaxLine: its beginning, and how far its end was
	// looked for. Nil in all other cases.
	long    []byte
	scanned int64

	seen     int64     // the size, when it was last read to its end
	modified time.Time // of the file, then
	grown    time.Time // when it was last seen to grow, by our clock
	busy     time.Time // when it was found, or grew too fast for the library
	left     time.Time // when the name left it; zero while the name leads here
	bereft   time.Time // when it was truncated and no copy of it was found; zero else

	mark      []byte    // Place.Mark
	follower  *follower // the library, while it has the file; nil else
	announced bool      // the ledger has its place
	read      bool      // to its end, when it was last looked at
	ended     bool      // nothing more can come from it
	kept      bool      // rotation kept it under another name
}

// generationID makes an id of the order and the inode.
func generationID(n int64, i inode) string {
	return fmt.Sprintf("%d-%x-%x", n, i.device, i.number)
}

// generationNumber gives the order that an id tells.
func generationNumber(id string) (int64, bool) {
	digits, _, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n > 0
}

// content is what the generation is read from; nil where nothing is left.
func (g *generation) content() io.ReaderAt {
	switch {
	case g.file != nil:
		return g.file
	case g.packed != nil:
		return g.packed
	}
	return nil
}

// close releases what the generation holds, and has the library end, without
// waiting for it.
func (g *generation) close() {
	if g.follower != nil {
		g.follower.end()
	}
	if g.file != nil {
		g.file.Close()
		g.file = nil
	}
	if g.packed != nil {
		g.packed.Close()
		g.packed = nil
	}
}

// calm tells whether the library can have the file: it is read to its end, and
// was neither found nor far behind a moment ago.
func (g *generation) calm(now time.Time) bool {
	return g.follower == nil && g.file != nil && g.long == nil && now.Sub(g.busy) > restful
}

// moved tells whether the file is not as it was when it was last read to its
// end.
func (g *generation) moved() (bool, error) {
	if g.file == nil {
		return g.packed != nil, nil
	}
	info, err := g.file.Stat()
	if err != nil {
		return false, fmt.Errorf("looking at the log: %w", err)
	}
	return info.Size() != g.seen || !info.ModTime().Equal(g.modified), nil
}

// verify tells whether the file still begins as it did, which means that what
// was read from it before this call came from this generation. The head grows
// with what is known to be written: size bytes.
//
// A file that is truncated, and written anew beyond the place where we read on,
// shows it nowhere else.
func (g *generation) verify(size int64) bool {
	if g.file == nil {
		return true
	}
	now, err := readHead(g.file, g.head.base, g.head.base+headLength)
	known := len(g.head.text)
	if err != nil || len(now.text) < known || !bytes.Equal(now.text[:known], g.head.text) {
		return false
	}
	if end := int(min(size-g.head.base, int64(len(now.text)))); end > known {
		g.head.text = now.text[:end]
		g.mark = nil
	}
	return true
}

// meet reads how the generation begins, as far as that is not known yet. It
// returns false when the file holds other content now.
func (g *generation) meet() bool {
	if g.file == nil {
		return true
	}
	info, err := g.file.Stat()
	if err != nil || info.Size() == 0 && len(g.head.text) == 0 {
		return true
	}
	if len(g.head.text) > 0 {
		return info.Size() >= g.offset && g.verify(info.Size())
	}
	if h, err := readHead(g.file, g.head.base, info.Size()); err == nil && len(h.text) > 0 && h.text[0] != 0 {
		g.head, g.mark = h, nil
	}
	return true
}

// place gives how far the generation was read.
func (g *generation) place(stream string) sshwhy.Place {
	if g.mark == nil {
		g.mark = appendImprint(nil, g.inode, g.head, g.modified)
	}
	return sshwhy.Place{Stream: stream, Generation: g.id, Mark: g.mark, Offset: g.offset}
}

// Whole chunks are read, so that a backlog is not held up by system calls, and
// a turn ends after some of them, so that other files have theirs.
const (
	chunkSize = 256 << 10
	turnSize  = 4 << 20
)

// readState is what became of a generation that was read.
type readState int

const (
	readEnded     readState = iota // nothing more is there for now
	readMore                       // the turn is over
	readTruncated                  // the file holds other content now
	readStopped                    // the loop asked for no more
)

// read gives the lines of the generation, up to the end of it or of the turn.
// A line whose end is not written yet is waited for.
func (c *custody) read(f *following, g *generation) (readState, error) {
	for turn := int64(0); turn < turnSize; {
		if c.ctx.Err() != nil {
			return readStopped, nil
		}
		size, modified, err := g.size()
		if err != nil {
			return readEnded, err
		}
		from := g.offset
		if g.long != nil {
			from = g.scanned
		}
		n, err := g.content().ReadAt(c.chunk, from)
		if err != nil && err != io.EOF {
			return readEnded, fmt.Errorf("reading the log: %w", err)
		}
		chunk := c.chunk[:n]
		if g.offset == 0 && n > 0 && chunk[0] == 0 && g.file != nil && len(g.head.text) == 0 {
			if !g.skipHole(chunk) {
				return readEnded, nil
			}
			continue
		}
		if len(g.head.text) == 0 && from == g.head.base {
			g.head.text = bytes.Clone(chunk[:min(n, headLength)])
			g.mark = nil
		}
		if from > size || !g.verify(from+int64(n)) {
			c.salvage(f, g, chunk)
			return readTruncated, nil
		}
		g.note(modified)
		if !c.cut(f, g, chunk, from) {
			return readStopped, nil
		}
		turn += int64(n)
		if n < len(c.chunk) {
			g.rested(from + int64(n))
			return readEnded, nil
		}
	}
	return readMore, nil
}

// size gives the size and the time of change, as far as they can be known.
func (g *generation) size() (int64, time.Time, error) {
	if g.file == nil {
		return 1 << 62, g.modified, nil
	}
	info, err := g.file.Stat()
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("looking at the log: %w", err)
	}
	return info.Size(), info.ModTime(), nil
}

func (g *generation) note(modified time.Time) {
	if !modified.Equal(g.modified) {
		g.modified = modified
		g.mark = nil
	}
}

// rested notes that there was nothing behind end.
func (g *generation) rested(end int64) {
	if end != g.seen {
		g.seen = end
		g.grown = time.Now()
	}
}

// skipHole moves the beginning behind the zeros that a writer without O_APPEND
// leaves when its file is truncated: it goes on where it was. It tells whether
// anything is behind them.
func (g *generation) skipHole(chunk []byte) bool {
	for at := g.offset; len(chunk) > 0; {
		if data := seekData(g.file, at); data > at {
			at = data
		} else if i := bytes.IndexFunc(chunk, func(r rune) bool { return r != 0 }); i >= 0 {
			g.offset, g.head.base = at+int64(i), at+int64(i)
			g.mark = nil
			return true
		} else {
			at += int64(len(chunk))
		}
		n, _ := g.file.ReadAt(chunk[:cap(chunk)], at)
		chunk = chunk[:n]
	}
	return false
}

// cut gives the whole lines of a chunk, which was read at from. It returns
// false when the loop asked for no more.
func (c *custody) cut(f *following, g *generation, chunk []byte, from int64) bool {
	c.aim(f, g)
	for len(chunk) > 0 {
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			break
		}
		end := from + int64(i) + 1
		line, cut := chunk[:i], int64(0)
		if g.long != nil {
			line, cut = g.long, end-1-g.offset-int64(len(g.long))
			g.long = nil
		}
		if !c.give(g, line, cut, end) {
			return false
		}
		chunk, from = chunk[i+1:], end
	}
	switch {
	case g.long != nil:
		g.scanned = from + int64(len(chunk))
	case len(chunk) > sshwhy.MaxLine+1:
		g.long = bytes.Clone(chunk[:sshwhy.MaxLine])
		g.scanned = from + int64(len(chunk))
	}
	return true
}

// aim sets what all records of a chunk share.
func (c *custody) aim(f *following, g *generation) {
	c.record.Source = f.path
	c.record.Place = g.place(f.path)
	c.record.Newest = time.Time{}
	if !g.left.IsZero() {
		c.record.Newest = g.modified
	}
}

// give yields a line that ends before end.
func (c *custody) give(g *generation, line []byte, cut, end int64) bool {
	if n := len(line); cut == 0 && n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if over := len(line) - sshwhy.MaxLine; over > 0 {
		line, cut = line[:sshwhy.MaxLine], cut+int64(over)
	}
	g.offset = end
	g.announced = true
	c.waiting = true
	c.own++
	c.record.Text, c.record.Truncated, c.record.Place.Offset = line, cut, end
	if !c.yield(&c.record, nil) {
		c.stopped = true
	}
	return !c.stopped
}

// giveHalf gives a line whose end did not come, as it is.
func (c *custody) giveHalf(f *following, g *generation) bool {
	c.aim(f, g)
	if g.long != nil {
		line, end := g.long, g.scanned
		g.long = nil
		return c.give(g, line, end-g.offset-int64(len(line)), end)
	}
	half := make([]byte, min(g.seen-g.offset, sshwhy.MaxLine+1))
	n, err := g.content().ReadAt(half, g.offset)
	if n == 0 || err != nil && err != io.EOF || !g.verify(g.offset+int64(n)) {
		return true
	}
	return c.give(g, half[:n], 0, g.offset+int64(n))
}
