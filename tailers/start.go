package tailers

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
)

// start opens a path for the first time and decides where to begin: where the
// last run ended, or as the options say. Late is a file that appeared after we
// began, in this run or the last: it is all new.
func (c *custody) start(f *following, late bool) {
	var kept []keptPlace
	for _, p := range c.lastPlaces(f.path) {
		if n, ok := generationNumber(p.Generation); ok {
			m, _ := readImprint(p.Mark)
			kept = append(kept, keptPlace{p, m, n})
			f.last = max(f.last, n)
		}
	}
	slices.SortFunc(kept, func(a, b keptPlace) int { return cmp.Compare(a.number, b.number) })
	c.position(f, kept, late)
	f.first = inode{}
}

// lastPlaces gives the places that the last run left of a path, once: a path
// that is forgotten and comes back is new.
func (c *custody) lastPlaces(path string) []sshwhy.Place {
	if c.placed[path] {
		return nil
	}
	places := c.places(path)
	if len(places) > 0 {
		c.placed[path] = true
	}
	return places
}

// position decides where to begin.
func (c *custody) position(f *following, kept []keptPlace, late bool) {
	switch {
	case len(kept) > 0:
		c.resume(f, kept)
	case late || c.options.FromStart:
		c.fresh(f)
		return
	case !c.options.Since.IsZero() && c.options.Time != nil:
		c.since(f)
	default:
		list := c.assemble(f, nil)
		if f.named != nil {
			f.named.offset = lastLine(f.named.file)
			f.named.establish()
		}
		c.ignore(f, list)
	}
	f.vanished = 0 // what was rotated before now is no news
}

// fresh begins with the first line of a file that is all new, and goes on with
// all that came after it, whatever rotation makes of them meanwhile. What lies
// beside the file at first is not ours to read.
func (c *custody) fresh(f *following) {
	added := c.beside(f)
	list := c.assemble(f, added)
	if f.named != nil && !f.named.meet() {
		c.salvage(f, f.named, nil)
	}
	at := 0 // where among the generations the next one belongs
	for i, x := range list {
		x.bore = x.bore || x.inode == f.first // it may have been rotated before it was opened
		j := f.holder(x)
		switch {
		case j >= 0 && f.generations[j] == f.named && x.inode != f.named.inode:
			x.close() // a copy that may yet be all that is left of it
		case j >= 0:
			x.close()
			at = j + 1
		case !x.bore && !added(&x.sibling):
			c.ignore(f, list[i:i+1])
		case !x.bore && len(x.head.text) == 0 && x.err == nil: // perhaps a copy that has just begun
			x.close()
			f.again = true
		case f.insert(x, at):
			at++
		}
	}
	f.reorder()
}

// beside lists the siblings before the name is looked at, and gives what tells
// whether one was added since.
func (c *custody) beside(f *following) (added func(*sibling) bool) {
	c.watchName(f) // what gets the name from now on is told of
	before, _, err := c.list(f.real)
	return func(s *sibling) bool {
		i := slices.IndexFunc(before, func(b sibling) bool { return b.inode == s.inode })
		return err == nil && (i < 0 || s.size < before[i].size) // a smaller one got the inode of one that was deleted
	}
}

// holder gives the index of the generation that has a file already, or of which
// the file is a copy; -1 if there is none. Two files that bore the name are no
// copies, though they may begin with the same line.
func (f *following) holder(x *found) int {
	return slices.IndexFunc(f.generations, func(g *generation) bool {
		return g.file != nil && g.inode == x.inode || !x.bore && g.head.same(x.head)
	})
}

// insert makes a generation of a file of which nothing was read, and puts it at
// a place among the others. It returns false when the file cannot be opened:
// then it counts as unread until it can.
func (f *following) insert(x *found, at int) bool {
	var g *generation
	err := x.err
	if err == nil {
		f.last++
		g, err = x.generation(f, generationID(f.last, x.inode), f.last, 0)
	}
	if err != nil {
		f.unopened(x)
		return false
	}
	if !x.bore {
		f.vanished--
	}
	if len(x.head.text) > 0 && x.head.text[0] != 0 { // a hole is no beginning
		g.head = x.head
	}
	f.generations = slices.Insert(f.generations, at, g)
	return true
}

// keptPlace is a place of the last run.
type keptPlace struct {
	sshwhy.Place
	mark   imprint
	number int64
}

// establish notes how a generation begins that is not read from its beginning.
func (g *generation) establish() {
	switch {
	case g.file != nil:
		g.head, _ = readHead(g.file, g.head.base, g.offset)
	case g.packed != nil && g.head.base == 0:
		g.head, _ = readHead(g.packed.beginning(), 0, headLength)
	}
	g.mark = nil
}

// resume goes on where the last run was: in the files of its places, under
// whatever name they are now, and then in all that is newer.
func (c *custody) resume(f *following, kept []keptPlace) {
	oldest, last := kept[0].mark.modified, kept[0].mark.modified
	for _, k := range kept {
		if k.mark.modified.Before(oldest) {
			oldest = k.mark.modified
		}
		if k.mark.modified.After(last) {
			last = k.mark.modified
		}
	}
	wanted := func(s *sibling) bool { return !s.modified.Before(oldest.Add(-time.Minute)) }
	list := c.assemble(f, wanted)
	m := matchPlaces(kept, f.named, list)
	for try := 1; m.lacks(kept, last) && try < 6; try++ { // it may just have been truncated
		for _, x := range m.list {
			x.close()
		}
		time.Sleep(time.Duration(try) * time.Millisecond)
		list = c.assemble(f, wanted)
		m = matchPlaces(kept, f.named, list)
	}
	live, newest, liveTaken := f.named, -1, false // newest is the newest sibling that has a place
	taken := map[*found]keptPlace{}
	for n, k := range kept {
		switch x := m.places[n]; {
		case k.mark.size == 0:
			c.missing(f, k, false)
		case n == m.live:
			live.id, live.number, live.offset, live.announced = k.Generation, k.number, k.Offset, true
			live.head, live.mark = m.head, nil // as it was: it may have been truncated since
			liveTaken = true
		case x == nil:
			c.missing(f, k, k.mark.modified.Equal(last))
		default:
			taken[x] = k
			newest = max(newest, slices.Index(list, x))
		}
	}
	if last.Unix() <= 0 {
		last = f.begun // it was never read
	}
	var begin, later []*generation // older and newer than what the name leads to
	passed := false
	add := func(g *generation) {
		g.establish()
		g.meet() // by its beginning a later run knows it, though nothing was read
		if passed {
			later = append(later, g)
		} else {
			begin = append(begin, g)
		}
	}
	for i, x := range list {
		k, had := taken[x]
		switch {
		case had:
			g, err := x.generation(f, k.Generation, k.number, k.Offset)
			if err != nil {
				c.trouble(fmt.Errorf("reading a rotated log: %w", err))
				continue
			}
			g.head.base, g.announced = k.mark.base, true
			add(g)
		case live != nil && (x.inode == live.inode || live.head.same(x.head)):
			passed = true
			x.close()
		case x.err != nil:
			f.unopened(x)
		case i < newest || liveTaken && !passed || newest < 0 && !liveTaken && !x.modified.After(last):
			c.ignore(f, list[i:i+1])
		default:
			f.last++
			g, err := x.generation(f, generationID(f.last, x.inode), f.last, 0)
			if err != nil {
				f.unopened(x)
				continue
			}
			add(g)
		}
	}
	f.generations = append(append(begin, f.generations...), later...)
	f.reorder()
}

// reorder gives all generations their order anew.
func (f *following) reorder() {
	f.highest = 0
	for _, g := range f.generations {
		g.order = 0
	}
	f.arrange()
}

// unopened has a sibling count as unread until it can be opened.
func (f *following) unopened(x *found) {
	f.again = true
	if x.modified.Before(f.begun) {
		f.begun = x.modified
	}
}

// fits tells whether a file is the one of the place, by inode and beginning,
// which it gives.
func (k *keptPlace) fits(i inode, file *os.File) (head, bool) {
	if i != k.mark.inode {
		return head{}, false
	}
	h, ok := k.mark.find(file)
	if !ok {
		return head{}, false
	}
	info, err := file.Stat()
	return h, err == nil && info.Size() >= k.Offset
}

// match says which file each place is in.
type match struct {
	list   []*found
	places []*found // by the index of the place; nil where it is in none
	live   int      // the index of the place that is in the live file; -1 if none is
	head   head     // of the live file, then
}

// lacks tells whether the place that was read last is in no file.
func (m *match) lacks(kept []keptPlace, last time.Time) bool {
	for n, k := range kept {
		if m.places[n] == nil && n != m.live && k.mark.size > 0 && k.mark.modified.Equal(last) {
			return true
		}
	}
	return false
}

// matchPlaces finds the files of the places. Of a place where nothing was read
// nothing is known: all that is newer than the others is unread anyway, and
// its inode may be another file's by now.
func matchPlaces(kept []keptPlace, live *generation, list []*found) match {
	m := match{list: list, places: make([]*found, len(kept)), live: -1}
	if live != nil {
		live.head = head{}
		live.meet() // it may be a sibling by now, compressed even
	}
	taken := map[*found]bool{}
	for n, k := range kept {
		if k.mark.size == 0 {
			continue
		}
		if live != nil && m.live < 0 {
			if h, ok := k.fits(live.inode, live.file); ok {
				m.live, m.head = n, h
				continue
			}
		}
		if x := k.find(list, taken); x != nil {
			taken[x] = true
			m.places[n] = x
		}
	}
	return m
}

// find finds the file of a place among siblings: as it is, else a copy or the
// compressed form. It gives nil if it is not among them.
func (k *keptPlace) find(list []*found, taken map[*found]bool) *found {
	for _, x := range list {
		if taken[x] || x.file == nil {
			continue
		}
		if _, ok := k.fits(x.inode, x.file); ok {
			return x
		}
	}
	i := slices.IndexFunc(list, func(x *found) bool {
		if taken[x] || !x.looked || x.err != nil {
			return false
		}
		_, ok := k.mark.find(x.content())
		return ok
	})
	if i < 0 {
		return nil
	}
	return list[i]
}

// missing has the ledger forget a place whose file is gone. If it was the one
// that was read last there was more to it, perhaps.
func (c *custody) missing(f *following, k keptPlace, newest bool) {
	p := k.Place
	p.Done = true
	f.lingering = append(f.lingering, lingering{Place: p})
	if newest && k.mark.size > 0 {
		c.lost(f, "the file that was read last was deleted, or truncated, while sshwhy did not run: lines may be lost",
			"let logrotate keep at least one old file (rotate 1) and rename it (create)")
	}
}

// lastLine gives the offset of a file's last line that has no end yet, which
// is its size where all are whole.
func lastLine(file *os.File) int64 {
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	size := info.Size()
	tail := make([]byte, min(size, sshwhy.MaxLine))
	n, err := file.ReadAt(tail, size-int64(len(tail)))
	if err != nil && err != io.EOF {
		return size
	}
	if i := bytes.LastIndexByte(tail[:n], '\n'); i >= 0 {
		return size - int64(len(tail)) + int64(i) + 1
	}
	if size <= sshwhy.MaxLine {
		return 0
	}
	return size
}

// since begins at the first line that is not older than the option says.
func (c *custody) since(f *following) {
	list := c.assemble(f, func(s *sibling) bool { return !s.modified.Before(c.options.Since) })
	var begin []*generation
	for i, x := range list {
		if f.byInode(x.inode) != nil || x.err != nil || x.modified.Before(c.options.Since) {
			c.ignore(f, list[i:i+1])
			continue
		}
		offset, err := c.sinceIn(x)
		var g *generation
		if err == nil {
			f.last++
			g, err = x.generation(f, generationID(f.last, x.inode), f.last, offset)
		}
		if err != nil {
			c.trouble(fmt.Errorf("reading a rotated log: %w", err))
			continue
		}
		g.establish()
		begin = append(begin, g)
	}
	if f.named != nil {
		f.named.offset = c.bisect(f.named.file)
		f.named.establish()
	}
	f.generations = append(begin, f.generations...)
	f.reorder()
}

// sinceIn gives the offset in a sibling. A compressed one is read up to there.
func (c *custody) sinceIn(x *found) (int64, error) {
	if !x.packed {
		return c.bisect(x.file), nil
	}
	_, packed, err := x.open()
	if err != nil {
		return 0, err
	}
	defer packed.Close()
	return c.firstSince(packed, 0), nil
}

// bisect gives the offset of the first line that is not older than Since, by
// the times of the lines, which are taken to be in order.
func (c *custody) bisect(file *os.File) int64 {
	low, high := int64(0), lastLine(file) // all before low is older
	for high-low > chunkSize {
		middle := low + (high-low)/2
		end, older := c.olderAt(file, middle)
		if !older {
			high = middle
			continue
		}
		low = end
	}
	return c.firstSince(file, low)
}

// olderAt tells whether the first line behind at that has a time is older, and
// where it ends.
func (c *custody) olderAt(r io.ReaderAt, at int64) (end int64, older bool) {
	n, _ := r.ReadAt(c.chunk, at)
	rest := c.chunk[:n]
	_, rest, _ = bytes.Cut(rest, []byte{'\n'})
	for len(rest) > 0 {
		line, next, whole := bytes.Cut(rest, []byte{'\n'})
		if !whole {
			break
		}
		if t, ok := c.options.Time(line); ok {
			return at + int64(n-len(next)), t.Before(c.options.Since)
		}
		rest = next
	}
	return at, false
}

// firstSince gives the offset of the first line from there on that is not
// older; of the end if there is none.
func (c *custody) firstSince(r io.ReaderAt, at int64) int64 {
	for {
		n, err := r.ReadAt(c.chunk, at)
		rest := c.chunk[:n]
		for {
			line, next, whole := bytes.Cut(rest, []byte{'\n'})
			if !whole {
				break
			}
			if t, ok := c.options.Time(line); ok && !t.Before(c.options.Since) {
				return at
			}
			at += int64(len(rest) - len(next))
			rest = next
		}
		if err != nil {
			return at
		}
		if len(rest) == n { // a line longer than any that counts
			at += int64(n)
		}
	}
}
