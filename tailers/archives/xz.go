package archives

import (
	"fmt"
	"io"

	"github.com/ulikunitz/xz"
)

// openXZ looks at every part of the file before the library does, which
// allocates whatever dictionary a block asks for.
func openXZ(r io.Reader) (io.ReadCloser, error) {
	guard := newXZGuard(r)
	x, err := xz.NewReader(guard)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(&xzReader{x, guard}), nil
}

// xzReader holds that a file ends behind the footer of a stream: the library
// takes an end between two blocks for that.
type xzReader struct {
	x     *xz.Reader
	guard *xzGuard
}

func (x *xzReader) Read(p []byte) (int, error) {
	n, err := x.x.Read(p)
	if err == io.EOF && x.guard.part != xzBetween {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// xzGuard hands an xz file on and keeps up with its parts, so that it can
// refuse a block by its header, wherever it stands: behind others, or in a
// stream behind others. All else that can be wrong the library finds.
//
// The parts are those of xz-file-format 1.0.4. A block is a sequence of chunks
// of LZMA2, of which each says how long it is.
type xzGuard struct {
	r      io.Reader // not owned
	part   xzPart
	left   int64  // bytes of the part that are still to come
	head   []byte // of a part that is looked at when it is whole
	check  int64  // length of the check behind each block of the stream
	packed int64  // bytes of the block behind its header, or of the index
	number uint64 // the number in the index that is being read
	shift  uint
	counts uint64 // numbers of the index that are still to come, and one more before the first
	blocks int    // of the stream
	asked  int64  // memory for dictionaries in all
	read   int64  // bytes in all
}

// xzPart is a part of an xz file.
type xzPart uint8

const (
	xzStreamHeader xzPart = iota
	xzBlockSize           // the first byte of a block's header, or of the index
	xzBlockHeader
	xzControl    // the first byte of a chunk
	xzChunkSizes // the rest of its header
	xzChunk
	xzBlockEnd // padding and check
	xzIndex
	xzFooter  // padding and check of the index, and the footer
	xzBetween // behind a stream
	xzLost    // this is not understood: the library will say why
)

// mostXZBlocks is how many blocks a stream may have: the library remembers each.
// xz makes them a MiB long and more.
const mostXZBlocks = 1 << 18

func newXZGuard(r io.Reader) *xzGuard {
	g := &xzGuard{r: r}
	g.expect(xzStreamHeader, 12)
	return g
}

// Read implements io.Reader. What belongs to a block that is refused is not
// handed on.
func (g *xzGuard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	g.read += int64(n)
	if refused := g.pass(p[:n]); refused != nil {
		return 0, refused
	}
	return n, err
}

func (g *xzGuard) expect(part xzPart, length int64) {
	g.part, g.left, g.head = part, length, g.head[:0]
}

// pass looks at what is handed on.
func (g *xzGuard) pass(b []byte) error {
	for len(b) > 0 {
		switch g.part {
		case xzLost:
			return nil
		case xzIndex:
			g.index(b[0])
			b = b[1:]
			continue
		case xzBetween:
			if b[0] == 0 { // padding
				b = b[1:]
				continue
			}
			g.expect(xzStreamHeader, 12)
		}
		n := min(int64(len(b)), g.left)
		switch g.part {
		case xzStreamHeader, xzBlockSize, xzBlockHeader, xzControl, xzChunkSizes:
			g.head = append(g.head, b[:n]...)
		}
		g.packed += n
		b = b[n:]
		if g.left -= n; g.left == 0 {
			if err := g.next(); err != nil {
				return err
			}
		}
	}
	return nil
}

// next goes from a part that is whole to the one behind it.
func (g *xzGuard) next() error {
	switch g.part {
	case xzStreamHeader:
		g.check, g.blocks = xzCheckSize(g.head[7]), 0
		g.expect(xzBlockSize, 1)
	case xzBlockSize:
		if words := int64(g.head[0]); words > 0 {
			g.expect(xzBlockHeader, 4*words+3)
		} else {
			g.expect(xzIndex, 0)
			g.packed, g.counts, g.number, g.shift = 1, 0, 0, 0
		}
	case xzBlockHeader:
		if err := g.block(); err != nil {
			return err
		}
		g.expect(xzControl, 1)
		g.packed = 0
	case xzControl:
		g.control(g.head[0])
	case xzChunkSizes:
		g.expect(xzChunk, xzChunkLength(g.head))
	case xzChunk:
		g.expect(xzControl, 1)
	case xzBlockEnd:
		g.expect(xzBlockSize, 1)
	case xzFooter:
		g.expect(xzBetween, 0)
	}
	if g.left == 0 && g.part == xzBlockEnd {
		g.expect(xzBlockSize, 1) // neither padding nor check
	}
	return nil
}

// xzCheckSize gives the length of a check by its number.
func xzCheckSize(flags byte) int64 {
	if flags &= 15; flags > 0 {
		return 4 << ((flags - 1) / 3)
	}
	return 0
}

// block holds a block to the bounds, by its header without the first byte.
func (g *xzGuard) block() error {
	n := xzDictionary(g.head)
	if n > maxWindow {
		return fmt.Errorf("it needs a dictionary of %d MiB; sshwhy takes %d: %w", n>>20, maxWindow>>20, errTooMuch)
	}
	// A dictionary costs time even where the block is empty.
	if g.asked += n; g.asked > maxGrowth && g.asked/maxRatio > g.read {
		return fmt.Errorf("its dictionaries take more than %d times its size: no log does", maxRatio)
	}
	if g.blocks++; g.blocks > mostXZBlocks {
		return fmt.Errorf("it has more than %d blocks: no log does", mostXZBlocks)
	}
	return nil
}

// xzDictionary gives the size of the dictionary that a block's header asks for,
// which begins behind its first byte; 0 where it cannot be read.
func xzDictionary(header []byte) int64 {
	flags, b := header[0], header[1:]
	for range int(flags>>6&1) + int(flags>>7) { // the sizes, where they are present
		for len(b) > 0 && b[0] >= 0x80 {
			b = b[1:]
		}
		b = b[min(1, len(b)):]
	}
	if flags&3 != 0 || len(b) < 3 || b[0] != 0x21 || b[1] != 1 || b[2] > 40 {
		return 0 // other filters than LZMA2 the library does not take
	}
	bits := b[2]
	if bits == 40 {
		return 1<<32 - 1
	}
	return int64(2|bits&1) << (bits/2 + 11)
}

// control begins a chunk, by its first byte.
func (g *xzGuard) control(c byte) {
	switch {
	case c == 0: // the block has no more
		g.expect(xzBlockEnd, -g.packed&3+g.check)
	case c <= 2:
		g.expect(xzChunkSizes, 2)
	case c < 0x80:
		g.expect(xzLost, 0)
	case c < 0xc0:
		g.expect(xzChunkSizes, 4)
	default:
		g.expect(xzChunkSizes, 5) // with properties
	}
}

// xzChunkLength gives the length of a chunk by its sizes: of one that is not
// packed there is one, else the second counts. Both are one less than what they
// say.
func xzChunkLength(sizes []byte) int64 {
	if len(sizes) > 2 {
		sizes = sizes[2:]
	}
	return int64(sizes[0])<<8 + int64(sizes[1]) + 1
}

// index reads a byte of the index: a number that says how many records there
// are, and two for each.
func (g *xzGuard) index(c byte) {
	g.packed++
	if g.shift > 56 { // no number is longer
		g.expect(xzLost, 0)
		return
	}
	g.number |= uint64(c&0x7f) << g.shift
	if g.shift += 7; c >= 0x80 {
		return
	}
	if g.counts == 0 {
		g.counts = 2*g.number + 1
	}
	g.number, g.shift = 0, 0
	if g.counts--; g.counts == 0 {
		g.expect(xzFooter, -g.packed&3+4+12)
	}
}
