package tailers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// scanDue tells whether rotation may have moved files since the last scan. The
// times of folders are coarse: a change right after the scan may not show.
func (c *custody) scanDue(f *following) bool {
	if f.real == "" {
		return false
	}
	info, err := os.Stat(filepath.Dir(f.real))
	if err != nil {
		return false
	}
	// What grows without a name is seen now and then.
	due := f.again || time.Since(f.scanned) > c.limits.rescan || !info.ModTime().Equal(f.folder)
	f.folder = info.ModTime()
	f.again = due && time.Since(f.folder) < 20*time.Millisecond
	return due
}

// scan finds what was rotated away before it was opened, and the copies of
// what was truncated.
func (c *custody) scan(f *following) {
	for try := 0; ; try++ {
		siblings, err := c.family(f)
		if exhausted(err) {
			c.shed(f, err)
		}
		if err != nil {
			f.again = true
			return
		}
		if c.place(f, siblings, try == restless) {
			break
		}
	}
	f.scanned = time.Now()
	if c.names == nil {
		c.mournUnseen(f)
	}
}

// family lists the siblings, once all that was opened before is ours: what it
// begins with tells its copies. Nothing becomes ours between the listing and
// the reading: what is older than it might not be listed.
func (c *custody) family(f *following) (siblings []sibling, err error) {
	for try := 0; ; try++ {
		c.arrive()
		siblings, _, err = c.list(f.real)
		if err != nil || !c.names.arrived() || try == restless {
			return siblings, err
		}
	}
}

// place gives the siblings that are not known yet their places among the
// generations. It returns false, unless it is the last try, if one was moved on
// meanwhile: what is newer must wait for it.
func (c *custody) place(f *following, siblings []sibling, last bool) bool {
	for i := 0; i < len(f.generations); i++ { // truncation inserts
		if g := f.generations[i]; !g.meet() {
			c.salvage(f, g, nil)
		}
	}
	passed := false // the file that bears the name: it was rotated away since
	at := 0         // where in the order of generations the next sibling belongs
	known := make([]*past, 0, len(f.past))
	for i := range siblings {
		s := &siblings[i]
		if j := slices.IndexFunc(f.generations, func(g *generation) bool { return g.file != nil && g.inode == s.inode }); j >= 0 {
			at = j + 1
			f.generations[j].kept = true
			passed = passed || f.generations[j] == f.named
			continue
		}
		p, g, err := c.recognise(f, s)
		if errors.Is(err, fs.ErrNotExist) {
			f.again = true
			if !last {
				return false
			}
			continue
		}
		if err != nil {
			c.shed(f, err) // what is newer must wait, for the order
			known = f.past
			break
		}
		if p != nil {
			known = append(known, p)
			at = max(at, f.behind(p))
			passed = passed || f.named != nil && p.id == f.named.id
		}
		if g != nil && slices.Contains(f.generations, g) {
			at = slices.Index(f.generations, g) + 1
		} else if g != nil {
			at = min(at, len(f.generations))
			if i := slices.Index(f.generations, f.named); i >= 0 && !passed {
				at = min(at, i)
			}
			f.generations = slices.Insert(f.generations, at, g)
			f.arrange()
			f.vanished--
			at++
		}
	}
	f.forget(known)
	return true
}

// behind gives the place behind the generation that a past file is or was a
// copy of.
func (f *following) behind(p *past) int {
	for i, g := range slices.Backward(f.generations) {
		if g.id == p.id || g.order <= p.order {
			return i + 1
		}
	}
	return 0
}

// mournUnseen says once that rotation deletes files, where only polling tells
// of new ones: nobody knows what was not seen.
func (c *custody) mournUnseen(f *following) {
	for _, g := range f.generations {
		if g == f.named || f.blind || g.kept || time.Since(g.left) < c.limits.settle || !deleted(g.file) || slices.ContainsFunc(f.past, func(p *past) bool { return p.id == g.id }) {
			continue
		}
		f.blind = true
		c.lost(f, fmt.Sprintf("its files are deleted at rotation: one that exists for less than %v may not be seen", c.options.Poll),
			"let the rotation rename the file and keep it")
	}
}

// mourn says that generations were gone before they could be opened, once
// nothing moves any more and they were found nowhere.
func (c *custody) mourn(f *following, now time.Time) {
	if f.vanished == 0 || f.again || now.Sub(f.scanned) < c.limits.settle {
		return
	}
	n := f.vanished
	f.vanished = 0
	if n > 0 {
		c.lost(f, fmt.Sprintf("%d files that bore this name were gone before they could be opened: their lines may be lost", n),
			"let the rotation keep old files")
	}
}

// forget drops what is past and not seen any more, but for the newest: its file
// may just be on its way to another name.
func (f *following) forget(seen []*past) {
	const kept = 256
	excess := len(f.past) - kept
	f.past = slices.DeleteFunc(f.past, func(p *past) bool {
		excess--
		return excess >= 0 && !slices.Contains(seen, p)
	})
}

// recognise finds out what a sibling is. It gives what is known of it, and a
// generation if there is something to read. An error means that there are no
// descriptors, or, fs.ErrNotExist, that it was moved on.
func (c *custody) recognise(f *following, s *sibling) (*past, *generation, error) {
	for _, p := range f.past {
		if p.inode == s.inode && p.size == s.size && p.modified.Equal(s.modified) {
			return p, nil, nil
		}
	}
	file, packed, err := s.open()
	if exhausted(err) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if err != nil {
		f.again = true
		c.tell(f, "unreadable-rotated", fmt.Sprintf("a rotated file cannot be read: %v", err), "give the right to read the rotated files as well: the create line in the configuration of logrotate")
		return nil, nil, nil
	}
	g, p := c.identify(f, s, file, packed)
	if g == nil {
		if file != nil {
			file.Close()
		} else {
			packed.Close()
		}
	}
	return p, g, nil
}

// justBegun tells whether a sibling may be a copy that is still being written:
// one that stays short is looked at with the others, now and then.
func (c *custody) justBegun(s *sibling) bool { return time.Since(s.modified) < c.limits.bereft }

// identify compares the beginning of an open sibling with what is known.
func (c *custody) identify(f *following, s *sibling, file *os.File, packed *unpacked) (*generation, *past) {
	content := io.ReaderAt(file)
	if packed != nil {
		content = packed.beginning()
	}
	h, err := readHead(content, 0, headLength) // once: it may grow
	if err != nil || len(h.text) == 0 {
		f.again = f.again || s.size == 0 && c.justBegun(s)
		return nil, nil
	}
	for _, g := range f.generations {
		switch {
		case !g.head.begins(h, content):
			continue
		case len(h.text) < len(g.head.text):
			f.again = f.again || c.justBegun(s)
			return nil, nil
		case !g.bereft.IsZero(): // it was truncated: this is its copy
			g.receive(s, file, packed)
			return g, nil
		}
		return nil, f.remember(&past{id: g.id, inode: s.inode, head: g.head, offset: s.size, order: g.order, copy: true, size: s.size, modified: s.modified})
	}
	for _, p := range slices.Backward(f.past) {
		switch {
		case !p.head.begins(h, content):
			continue
		case len(h.text) < len(p.head.text):
			f.again = f.again || c.justBegun(s)
			return nil, nil
		case p.inode != s.inode || packed != nil:
			return nil, f.remember(&past{id: p.id, inode: s.inode, head: p.head, offset: s.size, order: p.order, copy: true, size: s.size, modified: s.modified})
		}
		p.size, p.modified = s.size, s.modified
		if p.copy || s.size <= p.offset {
			return nil, p
		}
		// A writer stayed on it for longer than we did.
		g := f.generation(file, s.inode)
		g.offset, g.head, g.left, g.order = p.offset, p.head, time.Now(), p.order
		f.past = slices.DeleteFunc(f.past, func(o *past) bool { return o == p })
		return g, nil
	}
	if s.modified.Before(f.begun.Add(-time.Minute)) { // what an administrator put there
		return nil, f.remember(&past{inode: s.inode, head: h, offset: s.size, size: s.size, modified: s.modified})
	}
	g := f.generation(file, s.inode)
	g.head, g.packed, g.modified, g.left = h, packed, s.modified, time.Now()
	if h.text[0] == 0 {
		g.head.text = nil // a hole, which is no beginning
	}
	return g, nil
}

func (f *following) remember(p *past) *past {
	f.past = append(f.past, p)
	return p
}

// begins tells whether the head, or a part of it, is what content begins with,
// of which the first bytes are known.
func (h head) begins(first head, content io.ReaderAt) bool {
	if h.base == 0 {
		return h.same(first)
	}
	return h.heads(content)
}

// heads tells whether content begins with the head.
func (h head) heads(content io.ReaderAt) bool {
	if len(h.text) == 0 {
		return false
	}
	text := make([]byte, len(h.text))
	n, _ := content.ReadAt(text, h.base)
	return n == len(text) && h.same(head{h.base, text})
}

// salvage saves what is left of a generation whose file was truncated: the file
// holds another generation now. Chunk was read before it was known, and counts
// only where there is no copy.
func (c *custody) salvage(f *following, g *generation, chunk []byte) {
	c.takeBack(g)
	next := f.generation(g.file, g.inode)
	g.file, g.left, g.bereft = nil, time.Now(), time.Now()
	if f.named == g {
		f.named = next
	} else {
		next.left = g.left
	}
	f.generations = slices.Insert(f.generations, slices.Index(f.generations, g)+1, next)
	f.arrange()
	if c.findCopy(f, g) {
		return
	}
	f.again = true
	c.whole(f, g, next, chunk)
}

// receive has the generation go on in a copy. There is nothing in a copy that
// was made before what was read last.
func (g *generation) receive(s *sibling, file *os.File, packed *unpacked) {
	g.bereft, g.mark, g.inode = time.Time{}, nil, s.inode
	if file != nil && s.size <= g.offset {
		file.Close()
		g.ended = true
		return
	}
	g.file, g.packed = file, packed
}

// findCopy finds the copy of what a generation was, which rotation made before
// it truncated the file.
func (c *custody) findCopy(f *following, g *generation) bool {
	for try := 0; try < 10; try++ {
		siblings, err := siblingsOf(f.real)
		if err != nil {
			return false
		}
		moved := false // while we looked
		for _, s := range slices.Backward(siblings) {
			if f.byInode(s.inode) != nil {
				continue
			}
			file, packed, err := s.open()
			if err != nil {
				moved = moved || errors.Is(err, fs.ErrNotExist)
				continue
			}
			if file != nil && g.head.heads(file) || packed != nil && g.head.heads(packed.beginning()) {
				g.receive(&s, file, packed)
				return true
			}
			if file != nil {
				file.Close()
			} else {
				packed.Close()
			}
		}
		if !moved {
			break
		}
	}
	return false
}

// whole gives the lines of a chunk that was read while the file was truncated,
// if they were read before: the new content does not reach so far yet. A half
// truncated page shows zeros.
func (c *custody) whole(f *following, g, next *generation, chunk []byte) {
	from := g.offset
	if g.long != nil {
		from = g.scanned
	}
	size, _, err := next.size()
	if err != nil || size >= from || len(chunk) == 0 {
		return
	}
	if i := bytes.IndexByte(chunk, 0); i >= 0 {
		chunk = chunk[:i]
	}
	if !c.cut(f, g, chunk, from) {
		c.stopped = true
	}
	g.seen = g.offset
}
