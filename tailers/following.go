package tailers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/sshwhy/sshwhy"
)

// deafness is how often in a row the library may miss that a file grew.
const deafness = 3

// following is one followed path and the generations behind it.
type following struct {
	path        string
	real        string // what the path resolves to: rotation happens there
	generations []*generation
	named       *generation // where the path leads; nil when nowhere
	gone        time.Time   // since when there is nothing under the path; zero while there is
	past        []*past     // what was read to its end, or is not ours to read
	last        int64       // the highest number of a generation
	begun       time.Time   // by the clock of the files
	first       inode       // what bore the name before it was watched, which nothing tells of; zero once begun

	next  time.Time // when to look again
	pause time.Duration

	folder    time.Time   // the change of the folder that was last scanned
	again     bool        // scan, whatever the folder says
	lingering []lingering // of closed generations that have no successor yet
	highest   float64     // the order of the newest generation
	vanished  int         // files that appeared under the name, less those that were found
	scanned   time.Time   // when that was
	blind     bool        // it was told that what lives shortly is not seen
	told      map[string]bool
	deaf      int // lines in a row that the library did not tell of
}

// lingering is the place of a generation that is closed.
type lingering struct {
	sshwhy.Place
	order float64
}

// past is a file that is known and not read: a generation that was read to its
// end, a copy of one, or what was rotated away before we came.
type past struct {
	id       string // of the generation; empty where it was none
	inode    inode
	head     head
	offset   int64
	order    float64   // of the generation; zero if it is older than all
	copy     bool      // its growth is not news
	size     int64     // when it was last looked at
	modified time.Time // then
}

func (f *following) byInode(i inode) *generation {
	for _, g := range f.generations {
		if g.file != nil && g.inode == i {
			return g
		}
	}
	return nil
}

// succeeded tells whether the ledger has a place in a later generation. Until
// then that of the last one is needed: by it a later run knows what was read.
func (f *following) succeeded(order float64) bool {
	return slices.ContainsFunc(f.generations, func(g *generation) bool { return g.order > order && g.announced && len(g.head.text) > 0 })
}

// arrange gives the generations that were added their order among the others,
// those that are closed included.
func (f *following) arrange() {
	before := 0.0
	for i, g := range f.generations {
		if g.order == 0 {
			after := slices.IndexFunc(f.generations[i:], func(o *generation) bool { return o.order > 0 })
			if after < 0 {
				f.highest++
				g.order = f.highest
			} else {
				g.order = (before + f.generations[i+after].order) / 2
			}
		}
		before = g.order
	}
}

// generation makes the next generation of the path.
func (f *following) generation(file *os.File, i inode) *generation {
	f.last++
	return &generation{path: f.path, number: f.last, id: generationID(f.last, i), inode: i, file: file, grown: time.Now(), busy: time.Now()}
}

// leads notes to which generation the path leads; nil when to none.
func (c *custody) leads(f *following, g *generation) {
	switch {
	case g != nil:
		f.gone = time.Time{}
	case f.gone.IsZero():
		f.gone = time.Now()
	}
	if f.named == g {
		return
	}
	if old := f.named; old != nil {
		old.left = time.Now()
		c.takeBack(old)
	}
	f.named = g
	f.again = true
	f.pause = shortPause / 2
	if g != nil {
		g.left = time.Time{}
	}
	if real, err := filepath.EvalSymlinks(f.path); err == nil {
		f.real = real
	}
}

// arrive takes the files that were opened the moment their names appeared.
func (c *custody) arrive() {
	c.welcome(c.names.arrivals())
}

// welcome takes files in the order in which they bore their names.
func (c *custody) welcome(arrivals []arrival) {
	for _, a := range arrivals {
		f := c.byPath[a.path]
		switch {
		case f == nil && a.file != nil:
			a.file.Close()
		case f == nil:
		default:
			f.next = time.Time{}
			f.again = true
			f.vanished++
			if a.file != nil {
				c.adopt(f, a.file)
			}
		}
	}
}

// adopt takes an open file that bears the name, or did a moment ago.
func (c *custody) adopt(f *following, file *os.File) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return
	}
	i := inodeOf(file, info)
	if g := f.byInode(i); g != nil {
		file.Close()
		if g != f.named && !g.left.IsZero() {
			f.vanished-- // it bears the name again
		}
		c.leads(f, g)
		return
	}
	if i != f.first {
		f.vanished--
	}
	g := f.generation(file, i)
	if p := f.recall(g); p != nil && info.Size() >= p.offset {
		g.head, g.offset = p.head, p.offset
	} else {
		g.meet() // it may be copied and truncated before it is read
	}
	f.generations = append(f.generations, g)
	f.arrange()
	c.leads(f, g)
}

// recall finds the past of a file that bears the name again, or of one that an
// editor wrote anew.
func (f *following) recall(g *generation) *past {
	for _, p := range f.past {
		if len(p.head.text) == 0 || p.id == "" {
			continue
		}
		if h, err := readHead(g.file, p.head.base, p.head.base+int64(len(p.head.text))); err == nil && len(h.text) == len(p.head.text) && h.same(p.head) {
			return p
		}
	}
	return nil
}

// look finds out what became of the path, and reads.
func (c *custody) look(f *following, now time.Time) {
	c.lookAtName(f)
	if c.scanDue(f) {
		c.scan(f)
	}
	given := c.own
	unread := false
	for i := 0; i < len(f.generations) && !unread && !c.stopped; i++ { // truncation inserts
		unread = c.lookAt(f, f.generations[i])
	}
	if c.stopped {
		return
	}
	if given != c.own {
		c.silence.heard()
	}
	c.upkeep(f, now)
	f.schedule(c, given != c.own, unread)
}

// lookAt reads a generation, and tells whether its turn was over before its
// lines were.
func (c *custody) lookAt(f *following, g *generation) bool {
	if moved, err := g.moved(); err == nil && !moved {
		g.read = true
		return false
	}
	given, from := c.own, g.offset
	state, err := c.read(f, g)
	if g.offset-from > backlog {
		g.busy = time.Now()
	}
	if err != nil {
		c.readError(f, g, err)
		return false
	}
	g.read = state == readEnded
	switch state {
	case readStopped:
		c.stopped = true
	case readEnded:
		if g.packed != nil {
			g.ended = true
		}
		if g.follower != nil && c.own > given && f.pause > restful {
			c.unheard(f, g)
		}
	case readMore, readTruncated:
		return true
	}
	return false
}

// unheard counts how often lines were found that the library should have told
// of, and takes the file back for good when that is the rule.
func (c *custody) unheard(f *following, g *generation) {
	if f.deaf++; f.deaf < deafness {
		return
	}
	c.takeBack(g)
	c.tellPolling(errors.New("inotify is silent"))
}

// readError says what went wrong, once, and lets go of the file: if its name
// still leads to it, it is opened again and read on.
func (c *custody) readError(f *following, g *generation, err error) {
	c.tell(f, "read-failed", fmt.Sprintf("cannot be read: %v", err), "see what the kernel says of the disk or the network file system: dmesg")
	if f.named == g {
		f.named = nil
	}
	c.finish(f, g)
}

// lookAtName finds out where the path leads.
func (c *custody) lookAtName(f *following) {
	c.watchName(f)
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.leads(f, nil)
		return
	case err != nil:
		c.unreadable(f, err)
		return
	case !info.Mode().IsRegular():
		c.leads(f, nil)
		c.tell(f, "not-a-file", "is no file any more", "see what put it there: ls -l "+f.path)
		return
	}
	i, err := namedInode(f.path, info)
	if err == nil && f.named != nil && f.named.file != nil && f.named.inode == i {
		delete(f.told, "unreadable")
		return
	}
	before, file, err := c.names.openNamed(f.path)
	c.welcome(before)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case exhausted(err):
		c.shed(f, err)
	case err != nil:
		c.unreadable(f, err)
	default:
		delete(f.told, "unreadable")
		c.adopt(f, file)
	}
}

// watchName has the system tell when a file gets the name.
func (c *custody) watchName(f *following) {
	if f.real == "" {
		f.real = f.path
		if real, err := filepath.EvalSymlinks(f.path); err == nil {
			f.real = real
		}
	}
	if c.names == nil {
		return
	}
	for _, name := range []string{f.path, f.real} {
		err := c.names.follow(name, f.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.ELOOP) {
			c.tellPolling(err)
		}
	}
}

// unreadable says that a path cannot be opened. What was open stays so, and it
// is tried again and again.
func (c *custody) unreadable(f *following, err error) {
	f.again = true
	hint := "see where it leads: namei -l " + f.path
	if errors.Is(err, fs.ErrPermission) {
		hint = "give the right to read it: usermod -aG adm USER, or see: namei -l " + f.path
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	c.tell(f, "unreadable", fmt.Sprintf("cannot be opened: %v", err), hint)
}

// shed gives descriptors back when there are none to be had.
func (c *custody) shed(f *following, err error) {
	f.again = true
	c.tell(f, "descriptors", fmt.Sprintf("cannot be opened now: %v", err), "raise the limit on open files: LimitNOFILE= in the unit, ulimit -n")
	c.poor = time.Now()
	for _, other := range c.followings {
		if other.named != nil {
			c.takeBack(other.named)
		}
	}
	c.release(fewOld) // a writer may still be on the newest
}

// release ends old generations that are read to their end until so many are
// left: first those whose file has a name, for what comes to such a file later
// is found there, then those that were left the longest ago.
func (c *custody) release(keep int) {
	type held struct {
		*following
		*generation
	}
	var old []held
	for _, f := range c.followings {
		for _, g := range f.generations {
			if g != f.named && g.content() != nil {
				old = append(old, held{f, g})
			}
		}
	}
	excess := len(old) - keep
	if excess <= 0 {
		return
	}
	slices.SortStableFunc(old, func(a, b held) int {
		if a.kept != b.kept {
			if a.kept {
				return -1
			}
			return 1
		}
		return a.left.Compare(b.left)
	})
	for _, o := range old {
		if excess == 0 || c.stopped {
			return
		}
		if moved, err := o.moved(); err == nil && !moved && o.seen == o.offset {
			c.finish(o.following, o.generation)
			excess--
		}
	}
}

// forgetGone stops to follow paths of a glob that have led nowhere for long,
// when there are too many: the names of containers never come back. The file
// systems of many hosts may, and what was read of them must be known then.
func (c *custody) forgetGone(now time.Time) {
	var gone []*following
	for _, f := range c.followings {
		if f.deserted(now, c.limits.keep) {
			gone = append(gone, f)
		}
	}
	if len(gone) <= c.limits.gone {
		return
	}
	slices.SortStableFunc(gone, func(a, b *following) int { return a.gone.Compare(b.gone) })
	forgotten := map[*following]bool{}
	for _, f := range gone[:len(gone)-c.limits.gone] {
		forgotten[f] = true
		delete(c.byPath, f.path)
		c.names.unfollow(f.path, f.path)
		c.names.unfollow(f.real, f.path)
		for _, l := range f.lingering {
			c.tick(l.Place)
		}
	}
	c.followings = slices.DeleteFunc(c.followings, func(f *following) bool { return forgotten[f] })
}

// exhausted tells whether an error means that there are no descriptors left.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// tell yields a notice about a path, once for as long as its reason lasts.
func (c *custody) tell(f *following, code, text, hint string) {
	if f.told[code] {
		return
	}
	f.told[code] = true
	c.trouble(&sshwhy.Notice{Code: code, Source: f.path, Text: text, Hint: hint})
}

// tellPolling says that the system cannot tell of changes.
func (c *custody) tellPolling(err error) {
	if c.silence.polling {
		return
	}
	c.silence.polling = true
	c.trouble(&sshwhy.Notice{
		Code: "polling", Source: c.pattern,
		Text: fmt.Sprintf("the system does not tell of changes (%v), so it is looked for them every %v", err, c.options.Poll),
		Hint: "raise fs.inotify.max_user_instances and fs.inotify.max_user_watches with sysctl",
	})
}

// upkeep ends what has ended, and hands a quiet file to the library.
func (c *custody) upkeep(f *following, now time.Time) {
	for _, g := range slices.Backward(slices.Clone(f.generations)) {
		quiet := now.Sub(g.grown)
		if g.offset < g.seen && quiet > c.limits.half && len(g.head.text) > 0 && g.content() != nil {
			c.giveHalf(f, g)
		}
		if g == f.named {
			continue
		}
		switch {
		case c.stopped:
			return
		case g.ended,
			!g.bereft.IsZero() && now.Sub(g.bereft) > c.limits.bereft,
			g.read && quiet > c.limits.keep && now.Sub(g.left) > c.limits.keep:
			c.finish(f, g)
		}
	}
	c.complain(f, now)
	c.mourn(f, now)
	if c.library && now.Sub(c.poor) > time.Minute && f.deaf < deafness && f.named != nil && f.named.calm(now) {
		c.handOver(f, f.named)
	}
}

// finish ends a generation: what is left of its last line is given, and the
// ledger may forget it.
func (c *custody) finish(f *following, g *generation) {
	if g.content() != nil && g.offset < g.seen && len(g.head.text) > 0 {
		c.giveHalf(f, g)
	}
	if c.stopped {
		return
	}
	if !g.bereft.IsZero() && g.content() == nil {
		c.lost(f, "was truncated, and there is no copy of it: lines that were written just before may be lost",
			"let logrotate rename the file (create) instead of copytruncate")
	}
	f.past = append(f.past, &past{id: g.id, inode: g.inode, head: g.head, offset: g.offset, order: g.order, size: g.seen, modified: g.modified})
	p := g.place(f.path)
	p.Done = true
	c.takeBack(g)
	g.close()
	f.generations = slices.DeleteFunc(f.generations, func(o *generation) bool { return o == g })
	if !g.announced {
		return
	}
	if f.succeeded(g.order) {
		c.tick(p)
	} else {
		f.lingering = append(f.lingering, lingering{p, g.order})
	}
}

// lost says that lines may be lost.
func (c *custody) lost(f *following, text, hint string) {
	c.trouble(&sshwhy.Notice{Code: "lines-lost", Source: f.path, Text: text, Hint: hint})
}

// schedule decides when to look again.
func (f *following) schedule(c *custody, grew, unread bool) {
	now := time.Now()
	switch {
	case unread:
		f.next = now
		return
	case grew:
		f.pause = shortPause
	default:
		limit := c.options.Poll
		if f.vanished != 0 {
			limit = min(limit, c.limits.settle)
		}
		if c.names != nil && f.vanished == 0 && c.informed(f, now) && !f.growing(now) {
			limit = max(slowPause, limit)
		}
		if c.names != nil && !c.silence.polling && f.deserted(now, c.limits.keep) {
			limit = c.limits.glob // as for names that were never there
		}
		f.pause = min(2*f.pause, limit)
	}
	f.next = now.Add(f.pause)
}

// deserted tells whether nothing has been under the path for so long, and nothing
// is left of what was.
func (f *following) deserted(now time.Time, long time.Duration) bool {
	return len(f.generations) == 0 && !f.gone.IsZero() && now.Sub(f.gone) > long
}

// informed tells whether something else tells of changes, or so many files are
// followed that the quiet ones must wait.
func (c *custody) informed(f *following, now time.Time) bool {
	return f.named == nil || f.named.follower != nil || c.handed >= maxFollowers && now.Sub(f.named.grown) > 10*time.Second
}

// growing tells whether a generation that the name left may grow at any time.
func (f *following) growing(now time.Time) bool {
	return slices.ContainsFunc(f.generations, func(g *generation) bool {
		return g != f.named && g.content() != nil && now.Sub(g.grown) < time.Minute
	})
}
