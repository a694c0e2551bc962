package archives

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The bounds of what unpacking may hold, or make of little. A long stream of
// lines is no bomb; what is bounded is memory, and what no log can be.
const (
	// maxWindow is the memory that a packed stream may ask for: as much as
	// xz -9 does, and zstd up to --long=26.
	maxWindow = 64 << 20
	// maxLayers is how often what was unpacked may be packed again, and how
	// many tar files may lie in each other.
	maxLayers = 3
	// Beyond maxGrowth bytes a stream may not be maxRatio times as long as
	// what it was packed to.
	maxGrowth = 1 << 30
	maxRatio  = 10_000
)

// codec is a way of packing that is recognised by the first bytes.
type codec struct {
	name, magic string
	// open gives the reader of what is packed; nil where there is none.
	open func(io.Reader) (io.ReadCloser, error)
}

// codecs are all that are known; those without a reader are named to the user.
var codecs = [...]codec{
	{"gzip", "\x1f\x8b\x08", openGzip},
	{"xz", "\xfd7zXZ\x00", openXZ},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
	{"bzip2", "BZh", openBzip2},
	{"lz4", "\x04\x22\x4d\x18", nil},
	{"zip", "PK\x03\x04", nil},
	{"7z", "7z\xbc\xaf\x27\x1c", nil},
	{"compress", "\x1f\x9d", nil},
	{"lzip", "LZIP", nil},
}

// codecOf gives the codec by which a stream is packed, nil for none.
func codecOf(head []byte) *codec {
	for i := range codecs {
		c := &codecs[i]
		if !bytes.HasPrefix(head, []byte(c.magic)) {
			continue
		}
		if c.name == "bzip2" && !isBzip2(head) {
			continue
		}
		return c
	}
	return nil
}

// Magic is how many of its first bytes tell how a stream is packed.
const Magic = 10

// Unpacked gives the reader of what a stream holds, by its first bytes, of which
// r gives all once more. What is packed by none of the known ways comes as it
// is. The bounds on memory are those of an archive. r is not owned.
func Unpacked(head []byte, r io.Reader) (io.ReadCloser, error) {
	if how := codecOf(head); how != nil && how.open != nil {
		return how.open(r)
	}
	return io.NopCloser(r), nil
}

// isBzip2 looks further than "BZh", which a line may begin with: a digit and
// the mark of a block or of the end.
func isBzip2(head []byte) bool {
	return len(head) >= 10 && '1' <= head[3] && head[3] <= '9' &&
		(string(head[4:10]) == "\x31\x41\x59\x26\x53\x59" || string(head[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

func openGzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

func openBzip2(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }

func openZstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// errTooMuch is what a stream asks for beyond the bounds.
var errTooMuch = errors.New("unpack it with its own program first")

// peeker is a reader whose beginning can be looked at, without waiting for
// more of it than that takes.
type peeker struct {
	r    io.Reader // not owned
	head []byte    // read, and not handed out yet
	err  error
}

func newPeeker(r io.Reader) *peeker { return &peeker{r: r} }

// more reads once, and tells whether there may be more still.
func (p *peeker) more() bool {
	if p.err != nil {
		return false
	}
	at := len(p.head)
	p.head = append(p.head, make([]byte, 4096)...)
	n, err := p.r.Read(p.head[at:])
	p.head, p.err = p.head[:at+n], err
	return true
}

// need gives the first bytes, n of them unless the stream ends before.
func (p *peeker) need(n int) []byte {
	for len(p.head) < n && p.more() {
	}
	return p.head[:min(n, len(p.head))]
}

// Read implements io.Reader.
func (p *peeker) Read(b []byte) (int, error) {
	if len(p.head) > 0 {
		n := copy(b, p.head)
		if p.head = p.head[n:]; len(p.head) == 0 {
			p.head = nil
		}
		return n, nil
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.r.Read(b)
}

// ready tells that a read need not wait, as far as the reader below knows.
func (p *peeker) ready() bool {
	r, ok := p.r.(interface{ Ready() bool })
	return !ok || len(p.head) > 0 || r.Ready()
}

// content is a stream with all that it was packed by taken off.
type content struct {
	*peeker
	packed string // the codecs, outermost first, "" for none
	// modified is when what is inside was last written, where gzip tells.
	modified time.Time
	tar      bool
	closes   []io.Closer
}

// unpack takes off what a stream is packed by.
func unpack(r io.Reader) (*content, error) {
	c := &content{peeker: newPeeker(r)}
	for range maxLayers + 1 {
		how := codecOf(c.begin())
		if how == nil {
			c.tar = isTar(c.head)
			return c, nil
		}
		if how.open == nil {
			return c, fmt.Errorf("it is packed by %s, which sshwhy does not read: %w", how.name, errTooMuch)
		}
		if err := c.unwrap(how); err != nil {
			return c, err
		}
	}
	return c, fmt.Errorf("it is packed more than %d times", maxLayers)
}

// unwrap puts the reader of a codec in place.
func (c *content) unwrap(how *codec) error {
	in := &counted{r: c.peeker}
	r, err := how.open(in)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", how.name, err)
	}
	c.closes = append(c.closes, r)
	if z, ok := r.(*gzip.Reader); ok && c.packed == "" {
		c.modified = z.ModTime
	}
	if c.packed != "" {
		c.packed += "+"
	}
	c.packed += how.name
	c.peeker = newPeeker(&bounded{r: r, in: in, name: how.name})
	return nil
}

// begin reads as much of the stream as tells what it is.
func (c *content) begin() []byte {
	head := c.need(1)
	if len(head) == 1 && mayBePacked(head[0]) {
		c.need(10)
	}
	// A tar begins with a name, and has no line end before its first file.
	for len(c.head) < tarBlock && bytes.IndexByte(c.head, '\n') < 0 && c.more() {
	}
	return c.head
}

func mayBePacked(first byte) bool {
	for i := range codecs {
		if codecs[i].magic[0] == first {
			return true
		}
	}
	return false
}

// Close releases what unpacks.
func (c *content) Close() {
	for _, r := range c.closes {
		r.Close()
	}
}

// counted counts what is read through it.
type counted struct {
	r io.Reader // not owned
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded ends a stream that grows out of all proportion.
type bounded struct {
	r    io.Reader // not owned
	in   *counted  // what it is unpacked from, not owned
	n    int64
	name string
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.n > maxGrowth && b.n/maxRatio > b.in.n {
		return n, fmt.Errorf("%s unpacks to more than %d times its size: no log does", b.name, maxRatio)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("unpacking %s: %w", b.name, err)
	}
	return n, err
}
