package tailers

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
)

// found is a sibling that was there when we began. Its file is open as long as
// it is not known whether it is to be read; a compressed one is opened again
// then.
type found struct {
	sibling
	file   *os.File // owned
	head   head     // as far as it was looked at
	looked bool
	err    error // why it could not be
}

// content is what can be compared; of a compressed file its beginning.
func (x *found) content() io.ReaderAt {
	if x.file != nil {
		return x.file
	}
	return bytes.NewReader(x.head.text)
}

// gather opens the siblings, the oldest first, though rotation may go on
// meanwhile: what is open stays so under any name. Compressed ones are looked at
// if they are wanted, which takes memory.
func (f *following) gather(wanted func(*sibling) bool) []*found {
	known := map[inode]*found{}
	var list []*found
	for try, whole := 0, false; !whole && try < 20; try++ {
		siblings, err := siblingsOf(f.real)
		if err != nil {
			f.again = f.again || !errors.Is(err, fs.ErrNotExist)
			break
		}
		whole = true
		list = list[:0]
		for _, s := range siblings {
			x := known[s.inode]
			if x == nil || x.file == nil && (x.size != s.size || !x.modified.Equal(s.modified)) {
				x = &found{} // new, or another file with the same number
			}
			x.sibling = s
			if !x.looked && x.look(wanted) {
				known[s.inode] = x
			}
			if errors.Is(x.err, fs.ErrNotExist) {
				whole = false // it was moved on
				continue
			}
			list = append(list, x)
		}
	}
	return settle(list, known)
}

// look reads how a sibling begins. It returns false when it could not.
func (x *found) look(wanted func(*sibling) bool) bool {
	if x.packed && (wanted == nil || !wanted(&x.sibling)) {
		x.looked = true
		return true
	}
	var packed *unpacked
	x.file, packed, x.err = x.open()
	switch {
	case x.err != nil:
		return false
	case packed != nil:
		x.head, _ = readHead(packed.beginning(), 0, headLength)
		packed.Close()
	default:
		x.head, _ = readHead(x.file, 0, x.size)
	}
	x.looked = true
	return true
}

// settle gives what was opened, though it is listed under no name any more, the
// place of what it was compressed to, or the first place.
func settle(list []*found, known map[inode]*found) []*found {
	var lone []*found
	for _, x := range known {
		if x.file == nil || slices.Contains(list, x) {
			continue
		}
		if i := slices.IndexFunc(list, func(o *found) bool { return o.packed && o.head.same(x.head) }); i >= 0 {
			list[i] = x
		} else {
			lone = append(lone, x)
		}
	}
	return append(lone, list...)
}

// close lets go of what is not to be read.
func (x *found) close() {
	if x.file != nil {
		x.file.Close()
		x.file = nil
	}
}

// generation makes a generation of what was found, which it takes over.
func (x *found) generation(f *following, id string, n, offset int64) (*generation, error) {
	g := &generation{path: f.path, id: id, number: n, inode: x.inode, file: x.file, offset: offset, modified: x.modified, left: x.modified, grown: x.modified}
	x.file = nil
	if !x.packed {
		return g, nil
	}
	for try := 0; ; try++ {
		_, packed, err := x.open()
		if err == nil {
			g.packed = packed
			return g, nil
		}
		siblings, _ := siblingsOf(f.real)
		i := slices.IndexFunc(siblings, func(s sibling) bool { return s.inode == x.inode })
		if !errors.Is(err, fs.ErrNotExist) || i < 0 || try == 20 {
			return nil, err
		}
		x.sibling = siblings[i]
	}
}

// ignore remembers siblings that are not ours to read, and closes them. What is
// written to them from now on is ours: their writer may still be on them.
func (c *custody) ignore(f *following, list []*found) {
	for _, x := range list {
		if f.byInode(x.inode) == nil && x.err == nil {
			p := &past{inode: x.inode, head: x.head, offset: x.size, size: x.size, modified: x.modified, copy: x.packed}
			if x.file != nil {
				p.offset = lastLine(x.file)
			}
			f.remember(p)
		}
		x.close()
	}
}
