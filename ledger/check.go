package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math"
	"os"
)

// checkFile reads the tree of a bbolt file as bbolt would, but with plain reads
// and without trust: every page that can be reached lies in the file, is of the
// right kind, belongs to one place only, and its elements lie within it, in
// order. After that bbolt can map the file and walk it.
//
// The format is that of bbolt's version 2 (internal/common/page.go, meta.go,
// inode.go), in the byte order of the machine. There is no file, or an empty
// one: nil. Damage: a *damaged.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("opening the ledger: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("opening the ledger: %q is no regular file", path)
	case info.Size() == 0:
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the ledger: %w", err)
	}
	defer f.Close()
	return checkTree(f, info.Size())
}

func checkTree(f io.ReaderAt, size int64) error {
	c := checker{f: f, size: size}
	m, err := c.meta()
	if err != nil {
		return err
	}
	if m.pages > uint64(size)/pageSize {
		return c.bad("it has %d bytes, and should have %d pages of %d", size, m.pages, pageSize)
	}
	c.pages, c.seen = m.pages, make([]uint64, m.pages/64+1)
	if m.free != noFreelist {
		if err := c.freelist(m.free); err != nil {
			return err
		}
	}
	return c.bucket(m.root, 0)
}

// The numbers of the format.
const (
	magic       = 0xED0CDAED
	fileVersion = 2
	noFreelist  = math.MaxUint64

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	headerSize  = 16 // of a page, and of the entry of a bucket
	elementSize = 16 // in a branch or a leaf
	metaSize    = 64
	bucketEntry = 0x01 // flag of an element

	// maxDepth is more than any tree has that fits a disk.
	maxDepth = 64
	// maxPages bounds one node, in pages: two blocks of a queue, each with
	// an item of the largest size, and far more.
	maxPages = 16 << 10
)

// checker walks a file.
type checker struct {
	f     io.ReaderAt
	size  int64
	pages uint64   // in use; no page has this number or a higher one
	seen  []uint64 // bits
}

func (c *checker) bad(format string, args ...any) error {
	return &damaged{fmt.Sprintf(format, args...)}
}

// meta is what the newest valid one of the first two pages says.
type meta struct{ root, free, pages, transaction uint64 }

func (c *checker) meta() (best meta, err error) {
	found := false
	for page := range int64(2) {
		var b [headerSize + metaSize]byte
		if err := c.read(b[:], page*pageSize); err != nil {
			return best, err
		}
		m, ok := parseMeta(b[headerSize:])
		if ok && (!found || m.transaction > best.transaction) {
			best, found = m, true
		}
	}
	if !found {
		return best, c.bad("it does not begin as a ledger does")
	}
	return best, nil
}

func parseMeta(b []byte) (meta, bool) {
	n := binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	ok := n.Uint32(b) == magic && n.Uint32(b[4:]) == fileVersion && n.Uint32(b[8:]) == pageSize &&
		n.Uint64(b[metaSize-8:]) == sum.Sum64()
	return meta{root: n.Uint64(b[16:]), free: n.Uint64(b[32:]), pages: n.Uint64(b[40:]), transaction: n.Uint64(b[48:])}, ok
}

// read fills b from the file. What lies behind its end is damage, what the
// disk refuses is an error.
func (c *checker) read(b []byte, at int64) error {
	_, err := c.f.ReadAt(b, at)
	switch {
	case errors.Is(err, io.EOF):
		return c.bad("it ends at byte %d, in the middle of a page", c.size)
	case err != nil:
		return fmt.Errorf("reading the ledger: %w", err)
	}
	return nil
}

// page is a node: one page, and those that it flows over to.
type page struct {
	id    uint64
	flags uint16
	count int
	data  []byte // all of it, with the header
}

// page reads the page of that number, which nothing else may lead to.
func (c *checker) page(id uint64) (*page, error) {
	if id < 2 || id >= c.pages {
		return nil, c.bad("a page has the number %d of %d", id, c.pages)
	}
	var h [headerSize]byte
	if err := c.read(h[:], int64(id)*pageSize); err != nil {
		return nil, err
	}
	n := binary.NativeEndian
	p := &page{id: id, flags: n.Uint16(h[8:]), count: int(n.Uint16(h[10:]))}
	more := uint64(n.Uint32(h[12:]))
	if n.Uint64(h[:]) != id || more >= maxPages || id+more >= c.pages {
		return nil, c.bad("page %d does not say that it is", id)
	}
	for i := id; i <= id+more; i++ {
		if c.seen[i/64]&(1<<(i%64)) != 0 {
			return nil, c.bad("page %d stands in two places", i)
		}
		c.seen[i/64] |= 1 << (i % 64)
	}
	p.data = make([]byte, (more+1)*pageSize)
	return p, c.read(p.data, int64(id)*pageSize)
}

func (c *checker) freelist(id uint64) error {
	p, err := c.page(id)
	if err != nil {
		return err
	}
	if p.flags != freelistPage {
		return c.bad("page %d is no list of free pages", id)
	}
	ids := p.data[headerSize:]
	count := uint64(p.count)
	if count == math.MaxUint16 { // the number stands in front of the list
		count = binary.NativeEndian.Uint64(ids)
		ids = ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return c.bad("the list of free pages is longer than its page")
	}
	for last := uint64(1); count > 0; count-- {
		free := binary.NativeEndian.Uint64(ids)
		if free <= last || free >= c.pages {
			return c.bad("the list of free pages is out of order")
		}
		last, ids = free, ids[8:]
	}
	return nil
}

// bucket checks the tree of a bucket.
func (c *checker) bucket(root uint64, depth int) error {
	return c.node(root, nil, nil, depth)
}

// node checks a page and what hangs on it. Its keys are not below least, and
// below limit where there is one.
func (c *checker) node(id uint64, least, limit []byte, depth int) error {
	if depth > maxDepth {
		return c.bad("its tree is too deep")
	}
	p, err := c.page(id)
	if err != nil {
		return err
	}
	switch p.flags {
	case branchPage:
		return c.branch(p, least, limit, depth)
	case leafPage:
		return c.leaf(p, least, limit, depth)
	}
	return c.bad("page %d is of an unknown kind", id)
}

func (c *checker) branch(p *page, least, limit []byte, depth int) error {
	if p.count == 0 {
		return c.bad("page %d is empty", p.id)
	}
	n := binary.NativeEndian
	keys, children := make([][]byte, p.count), make([]uint64, p.count)
	parts := newParts(p)
	for i := range p.count {
		e, err := c.element(p, i)
		if err != nil {
			return err
		}
		if keys[i], err = c.part(parts, i, n.Uint32(e), n.Uint32(e[4:])); err != nil {
			return err
		}
		if err := c.order(p, i, &least, keys[i], limit); err != nil {
			return err
		}
		children[i] = n.Uint64(e[8:])
	}
	for i, child := range children {
		next := limit
		if i+1 < p.count {
			next = keys[i+1]
		}
		if err := c.node(child, keys[i], next, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) leaf(p *page, least, limit []byte, depth int) error {
	n := binary.NativeEndian
	parts := newParts(p)
	for i := range p.count {
		e, err := c.element(p, i)
		if err != nil {
			return err
		}
		flags, at, keySize, valueSize := n.Uint32(e), n.Uint32(e[4:]), n.Uint32(e[8:]), n.Uint32(e[12:])
		key, err := c.part(parts, i, at, keySize)
		if err != nil {
			return err
		}
		value, err := c.part(parts, i, at+keySize, valueSize)
		if err != nil {
			return err
		}
		if err := c.order(p, i, &least, key, limit); err != nil {
			return err
		}
		switch flags {
		case 0:
		case bucketEntry:
			if err := c.entry(p, value, depth); err != nil {
				return err
			}
		default:
			return c.bad("page %d has an element of an unknown kind", p.id)
		}
	}
	return nil
}

// entry checks the value that stands for a bucket: the number of its page, or
// 0, and the page itself behind it.
func (c *checker) entry(p *page, value []byte, depth int) error {
	if len(value) < headerSize {
		return c.bad("page %d has half a bucket", p.id)
	}
	n := binary.NativeEndian
	if root := n.Uint64(value); root != 0 {
		return c.bucket(root, depth+1)
	}
	inline := value[headerSize:]
	if len(inline) < headerSize {
		return c.bad("page %d has half a bucket", p.id)
	}
	q := &page{id: p.id, flags: n.Uint16(inline[8:]), count: int(n.Uint16(inline[10:])), data: inline}
	if q.flags != leafPage || n.Uint64(inline) != 0 || n.Uint32(inline[12:]) != 0 || depth > maxDepth {
		return c.bad("page %d has a bucket of an unknown kind", p.id)
	}
	return c.leaf(q, nil, nil, depth+1)
}

// element gives the i-th element of a page.
func (c *checker) element(p *page, i int) ([]byte, error) {
	at := headerSize + i*elementSize
	if at+elementSize > len(p.data) {
		return nil, c.bad("page %d has more elements than fit it", p.id)
	}
	return p.data[at : at+elementSize], nil
}

// parts are the keys and values of a page. They lie behind its elements, in
// their order and without gaps (node.go, write): a length that is wrong shows
// in the next.
type parts struct {
	*page
	next uint64
}

func newParts(p *page) *parts { return &parts{p, headerSize + uint64(p.count)*elementSize} }

// part gives the bytes that the i-th element points to, counted from itself.
func (c *checker) part(p *parts, i int, at, size uint32) ([]byte, error) {
	from := uint64(headerSize+i*elementSize) + uint64(at)
	if from != p.next || from+uint64(size) > uint64(len(p.data)) {
		return nil, c.bad("an element of page %d points where it should not", p.id)
	}
	p.next = from + uint64(size)
	return p.data[from:p.next:p.next], nil
}

// order checks that a key is not empty, follows those before it, and stays
// below the limit.
func (c *checker) order(p *page, i int, least *[]byte, key, limit []byte) error {
	follows := bytes.Compare(key, *least)
	if len(key) == 0 || follows < 0 || follows == 0 && i > 0 || limit != nil && bytes.Compare(key, limit) >= 0 {
		return c.bad("the keys of page %d are out of order", p.id)
	}
	*least = key
	return nil
}
