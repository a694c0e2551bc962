package tailers

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"time"
)

// headLength is how much of a generation's beginning tells it from others, in
// bytes: some lines of sshd, with their time and process number.
const headLength = 1 << 10

// head is the beginning of a generation, as far as it was read. It stays the
// same while a file is appended to, renamed, copied or compressed, and changes
// when the file is truncated and written anew.
type head struct {
	base int64  // where it begins: 0, or behind a hole
	text []byte // at most headLength bytes
}

// readHead reads the head of r, which begins at base and of which size bytes are
// known to be written.
func readHead(r io.ReaderAt, base, size int64) (head, error) {
	text := make([]byte, min(headLength, max(size-base, 0)))
	n, err := r.ReadAt(text, base)
	if err == io.EOF {
		err = nil
	}
	return head{base, text[:n]}, err
}

// same tells whether the other begins as h does: one is a part of the other.
// Nothing is like an empty head.
func (h head) same(other head) bool {
	n := min(len(h.text), len(other.text))
	return n > 0 && h.base == other.base && bytes.Equal(h.text[:n], other.text[:n])
}

// imprint is what a Place keeps of a generation besides the offset: how to find
// it again under another name, inode or packing.
type imprint struct {
	inode    inode
	base     int64
	size     int // of the head that was summed; 0 where nothing was read
	sum      [16]byte
	modified time.Time // of the file, when it was last read
}

const (
	imprintVersion = 1
	imprintLength  = 1 + 8 + 8 + 8 + 2 + 16 + 8
)

// appendImprint encodes the mark of a generation.
func appendImprint(b []byte, i inode, h head, modified time.Time) []byte {
	sum := sha256.Sum256(h.text)
	b = append(b, imprintVersion)
	b = binary.BigEndian.AppendUint64(b, i.device)
	b = binary.BigEndian.AppendUint64(b, i.number)
	b = binary.BigEndian.AppendUint64(b, uint64(h.base))
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.text)))
	b = append(b, sum[:16]...)
	return binary.BigEndian.AppendUint64(b, uint64(modified.UnixNano()))
}

// readImprint decodes what appendImprint made.
func readImprint(b []byte) (m imprint, ok bool) {
	if len(b) != imprintLength || b[0] != imprintVersion {
		return m, false
	}
	m.inode = inode{binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])}
	m.base = int64(binary.BigEndian.Uint64(b[17:]))
	m.size = int(binary.BigEndian.Uint16(b[25:]))
	copy(m.sum[:], b[27:43])
	m.modified = time.Unix(0, int64(binary.BigEndian.Uint64(b[43:])))
	return m, m.size <= headLength && m.base >= 0
}

// find reads the head that was summed, and tells whether r begins with it.
func (m imprint) find(r io.ReaderAt) (head, bool) {
	text := make([]byte, m.size)
	if n, _ := r.ReadAt(text, m.base); n < m.size {
		return head{}, false
	}
	sum := sha256.Sum256(text)
	return head{m.base, text}, m.size > 0 && bytes.Equal(sum[:16], m.sum[:])
}
