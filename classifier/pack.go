package classifier

import (
	"encoding/binary"
	"errors"
)

// version stands in front of every value that Save gives. It changes with what
// follows it, the order of the signals included.
const version = 2

// maxValue is how long a value may be (sshwhy.Stateful).
const maxValue = 64 << 10

// packer writes a value: numbers as varints, texts behind their length.
type packer []byte

func newPacker(space []byte) packer { return append(packer(space[:0]), version) }

func (p *packer) int(n int64)    { *p = binary.AppendVarint(*p, n) }
func (p *packer) uint(n uint64)  { *p = binary.AppendUvarint(*p, n) }
func (p *packer) fixed(n uint64) { *p = binary.LittleEndian.AppendUint64(*p, n) }
func (p *packer) text(s string)  { p.uint(uint64(len(s))); *p = append(*p, s...) }
func (p *packer) bytes(b []byte) { p.uint(uint64(len(b))); *p = append(*p, b...) }
func (p *packer) flags(all ...bool) {
	var n uint64
	for i, b := range all {
		if b {
			n |= 1 << i
		}
	}
	p.uint(n)
}

// errDamaged is of a value that no version of this package wrote.
var errDamaged = errors.New("the value is damaged")

// unpacker reads what a packer wrote. After an error all that it gives is zero.
type unpacker struct {
	rest    []byte
	damaged bool
}

func newUnpacker(value []byte) unpacker {
	u := unpacker{rest: value}
	if len(value) == 0 || value[0] != version {
		u.damaged = true
		return u
	}
	u.rest = value[1:]
	return u
}

// err tells whether all was read, and nothing is left.
func (u *unpacker) err() error {
	if u.damaged || len(u.rest) > 0 {
		return errDamaged
	}
	return nil
}

func (u *unpacker) taken(n int) bool {
	if n <= 0 || u.damaged {
		u.damaged, u.rest = true, nil
		return false
	}
	u.rest = u.rest[n:]
	return true
}

func (u *unpacker) int() int64 {
	v, n := binary.Varint(u.rest)
	if !u.taken(n) {
		return 0
	}
	return v
}

func (u *unpacker) uint() uint64 {
	v, n := binary.Uvarint(u.rest)
	if !u.taken(n) {
		return 0
	}
	return v
}

func (u *unpacker) fixed() uint64 {
	if len(u.rest) < 8 || u.damaged {
		u.taken(0)
		return 0
	}
	v := binary.LittleEndian.Uint64(u.rest)
	u.rest = u.rest[8:]
	return v
}

// bytes gives a text, which belongs to the value.
func (u *unpacker) bytes() []byte {
	n := u.uint()
	if n > uint64(len(u.rest)) {
		u.taken(0)
		return nil
	}
	b := u.rest[:n]
	u.rest = u.rest[n:]
	return b
}

func (u *unpacker) text() string { return string(u.bytes()) }

// count gives the length of a list of which each element takes a byte or more.
func (u *unpacker) count() int {
	n := u.uint()
	if n > uint64(len(u.rest)) {
		u.taken(0)
		return 0
	}
	return int(n)
}

// flags reads what stood behind one another.
func (u *unpacker) flags(all ...*bool) {
	n := u.uint()
	for i, b := range all {
		*b = n>>i&1 != 0
	}
}
