package tailers

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// found is a sibling that was there when we began. Its file is open as long as
// it is not known whether it is to be read; a compressed one is opened again
// then.
type found struct {
	sibling
	file   *os.File // owned
	head   head     // as far as it was looked at
	looked bool
	bore   bool  // it bore the name when we looked
	err    error // why it could not be
}

// content is what can be compared; of a compressed file its beginning.
func (x *found) content() io.ReaderAt {
	if x.file != nil {
		return x.file
	}
	return bytes.NewReader(x.head.text)
}

// assemble has the file that bears the name be opened, and gives its siblings,
// the oldest first, all as they were at one moment: a file that got the name
// while the siblings were looked at would hide those that had it in between.
func (c *custody) assemble(f *following, wanted func(*sibling) bool) []*found {
	known := map[inode]*found{}
	for try := 0; ; try++ {
		c.lookAtName(f)
		f.surrender(known)
		list, named, whole := c.gather(f, known, wanted)
		if whole && (f.named == nil && named == inode{} || f.named != nil && (named == f.named.inode || named == inode{})) || try == restless {
			return settle(list, known)
		}
	}
}

// surrender makes of the files that have lost the name since they were opened
// what they are if they are seen now: siblings.
func (f *following) surrender(known map[inode]*found) {
	for _, g := range f.generations {
		if g == f.named {
			continue
		}
		info, err := g.file.Stat()
		if err != nil {
			g.close()
			continue
		}
		x := &found{sibling: sibling{inode: g.inode, size: info.Size(), modified: info.ModTime()}, file: g.file, looked: true, bore: true}
		x.head, _ = readHead(x.file, 0, x.size)
		if before := known[x.inode]; before != nil {
			before.close()
		}
		known[x.inode] = x
	}
	f.generations = slices.DeleteFunc(f.generations, func(g *generation) bool { return g != f.named })
}

// gather opens the siblings, the oldest first, though rotation may go on
// meanwhile: what is open stays so under any name. Compressed ones are looked at
// if they are wanted, which takes memory. It tells which file bore the name
// itself, and whether all could be opened.
func (c *custody) gather(f *following, known map[inode]*found, wanted func(*sibling) bool) (list []*found, named inode, whole bool) {
	for try := 0; !whole && try < restless; try++ {
		siblings, bearer, err := c.list(f.real)
		named = bearer
		if err != nil {
			f.again = f.again || !errors.Is(err, fs.ErrNotExist)
			return list, named, true // trying again at once is of no use
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
	return list, named, whole
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
// place of what it was compressed to, or the one that the time of its last
// change gives it.
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
	slices.SortFunc(lone, func(a, b *found) int { return a.modified.Compare(b.modified) })
	for _, x := range lone {
		i := slices.IndexFunc(list, func(o *found) bool { return o.modified.After(x.modified) })
		if i < 0 {
			i = len(list)
		}
		list = slices.Insert(list, i, x)
	}
	return list
}

// close lets go of what is not to be read.
func (x *found) close() {
	if x.file != nil {
		x.file.Close()
		x.file = nil
	}
}

// generation makes a generation of what was found, which it takes over. Whether
// its writer is still on it will be seen from now on.
func (x *found) generation(f *following, id string, n, offset int64) (*generation, error) {
	now := time.Now()
	g := &generation{path: f.path, id: id, number: n, inode: x.inode, file: x.file, offset: offset, modified: x.modified, left: now, grown: now}
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
