package tailers

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sshwhy/sshwhy"
)

// FileOptions say where the following of a file begins.
type FileOptions struct {
	// Resume gives the places that were kept of a stream in the last run;
	// nil where nothing was kept. A stream with places goes on there: with
	// the rest of what was read, and with all that was rotated away since.
	Resume func(stream string) []sshwhy.Place
	// FromStart begins a file without places at its first line.
	FromStart bool
	// Since begins a file without places at the first line that is not
	// older, in a rotated file if need be; the end of the file if zero.
	Since time.Time
	// Time gives the time of a line, for Since; needed with it.
	Time func(line []byte) (time.Time, bool)
	// Poll is the longest pause between two looks at a file that nothing
	// else tells about; 250 ms if zero.
	Poll time.Duration
}

// File follows a log file through its rotations, or every file that a glob
// matches, now and later.
//
// # Who owns which byte
//
// A file that bears the name is a generation. From the moment it is found until
// nothing more can come from it we hold a descriptor of our own on it, so
// that it can be renamed, compressed or deleted and still be read to its end.
// The generation's offset says which byte is the first that was not given; no
// line is given but the one that begins there, and giving it moves the offset.
// This one number is why nothing is lost and nothing comes twice, whoever reads:
//
//   - A backlog, and a file that grows faster than its lines are taken, is read
//     here in chunks. So is every generation that the name does not lead to
//     any more: a writer may stay on it for minutes.
//   - A live file that is quiet is handed to github.com/nxadm/tail at the
//     offset. Its lines are given when they begin at the offset, and
//     dropped otherwise. When it stops, falls behind, or the name leads
//     elsewhere, reading goes on here, at the offset.
//   - A chunk or line counts only if the generation still begins as it did after
//     it was read. If not, the file was truncated: the generation's rest is
//     looked for in a copy, and what the file holds now is a generation of its
//     own.
//   - What was rotated away between two looks, or while the program was
//     stopped, is found beside the file, by inode or by its first bytes,
//     compressed or not, and read from where it was left.
type File struct {
	pattern string
	options FileOptions
	follow  func(*os.File, int64, chan<- delivery, *generation) (*follower, error)
	watch   func() (*names, error)
	list    func(path string) ([]sibling, inode, error)
	limits  limits
	// How many lines were read here, and how many the library delivered.
	own, delivered int64
}

// limits are the times that tests shorten.
type limits struct {
	keep   time.Duration // an old generation that nothing is written to is held: its writer may still be on it
	half   time.Duration // the end of a line is waited for
	bereft time.Duration // a copy of what was truncated is looked for
	stale  time.Duration // an old generation may grow before its writer is complained about
	settle time.Duration // what vanished may be found elsewhere
	rescan time.Duration // between two looks at old files that do not change their names
	glob   time.Duration // between two looks for new files
	old    int           // generations that no name leads to
	gone   int           // paths of a glob that lead nowhere
}

// NewFile follows the file at a path, or the files that a glob matches. A path
// that exists is no glob.
func NewFile(pattern string, o FileOptions) *File {
	if o.Poll == 0 {
		o.Poll = 250 * time.Millisecond
	}
	return &File{
		pattern: pattern, options: o, follow: startFollower, watch: newNames, list: familyOf,
		limits: limits{
			keep: 5 * time.Minute, half: time.Minute, bereft: 5 * time.Second, stale: time.Minute, settle: 200 * time.Millisecond, rescan: 30 * time.Second, glob: 10 * time.Second,
			old: maxOld, gone: maxGone,
		},
	}
}

// Bounds on what is held, whatever happens.
const (
	maxOld       = 512  // generations that no name leads to: a descriptor each
	fewOld       = 4    // of them, when there are no descriptors
	maxGone      = 1024 // paths of a glob that lead nowhere any more
	maxFollowers = 128  // files that the library has
)

// Pauses between two looks at a file: short after it grew, then longer and
// longer up to FileOptions.Poll, or to slowPause where the system tells of
// changes.
const (
	shortPause = 4 * time.Millisecond
	slowPause  = time.Second
	// restful is how long a file must exist, and not grow by more than a
	// backlog at a time, before the library gets it.
	restful = 20 * time.Millisecond
)

// startedGeneration is the place by which a later run knows that the following
// of a pattern had begun: a file that it has no place of is new.
const startedGeneration = "started"

// custody is one run of a File.
type custody struct {
	*File
	ctx   context.Context
	yield func(*sshwhy.Record, error) bool

	followings []*following
	byPath     map[string]*following
	placed     map[string]bool // paths whose places of the last run were used
	names      *names          // what tells of new names; nil where nothing does
	lines      chan delivery   // what the library reads
	library    bool            // it can be used
	handed     int             // files that it has
	poor       time.Time       // when there were no descriptors
	followers  sync.WaitGroup
	resumed    bool      // an earlier run followed this pattern
	globbed    time.Time // when files were last looked for

	chunk   []byte
	text    []byte // of the line that the library delivered
	record  sshwhy.Record
	waiting bool // records were given since the last tick
	behind  bool // the library is about to deliver more
	stopped bool // the loop asked for no more
	silence silence
}

// Records implements sshwhy.Source.
func (f *File) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		c := &custody{
			File: f, ctx: ctx, yield: yield, byPath: map[string]*following{}, placed: map[string]bool{},
			lines: make(chan delivery), chunk: make([]byte, chunkSize), silence: silence{last: time.Now()},
		}
		defer c.close()
		if c.begin() {
			c.run()
		}
	}
}

// run looks, gives what is there, and waits, until the loop asks for no more.
func (c *custody) run() {
	for c.ctx.Err() == nil && !c.stopped {
		now := time.Now()
		c.arrive()
		if c.dueGlob(now) {
			c.find(now)
		}
		for _, f := range c.followings {
			if !f.next.After(now) && !c.stopped {
				c.look(f, now)
			}
		}
		c.release(c.limits.old)
		if !c.stopped && !c.due() {
			if !c.behind {
				c.rest()
			}
			c.wait()
		}
	}
}

// due tells whether a file wants to be looked at at once: its turn was over
// before its lines were.
func (c *custody) due() bool {
	now := time.Now()
	return slices.ContainsFunc(c.followings, func(f *following) bool { return !f.next.After(now) })
}

// begin finds the files and what tells of changes. It returns false when there
// is nothing to follow.
func (c *custody) begin() bool {
	if n := c.unfit(); n != nil {
		c.yield(nil, n)
		return false
	}
	for _, p := range c.places(c.pattern) {
		c.resumed = c.resumed || p.Generation == startedGeneration
	}
	var err error
	if c.names, err = c.watch(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		c.tellPolling(err)
	}
	c.library = c.names != nil
	if c.library {
		if err := libraryReady(); err != nil {
			c.library = false
			if !errors.Is(err, errors.ErrUnsupported) {
				c.tellPolling(err)
			}
		}
	}
	if c.stopped {
		return false
	}
	c.find(time.Now())
	c.settled()
	c.waiting = true // a later tick says that all was read
	return !c.stopped
}

// settled has the ledger know where reading begins: it is the first that comes,
// and what is written after it is not missed by this run or the next. A file of
// which nothing is known yet is read from its beginning, as all files are that
// the next run meets and this one did not.
func (c *custody) settled() {
	for _, f := range c.followings {
		c.met(f)
	}
	c.tick(sshwhy.Place{Stream: c.pattern, Generation: startedGeneration})
}

// met has the ledger know the files of a path before anything is read of them:
// the next run may find them rotated. It ends at one of which nothing is known:
// a run that finds an older file than one that has a place takes it for read.
func (c *custody) met(f *following) {
	for _, g := range f.generations {
		if len(g.head.text) == 0 {
			return
		}
		c.announce(f, g)
	}
}

// announce tells the place of a generation that the ledger has none of.
func (c *custody) announce(f *following, g *generation) {
	if !g.announced && !c.stopped {
		g.announced = true
		c.tick(g.place(f.path))
	}
}

// unfit complains about a path that can never be followed.
func (c *custody) unfit() *sshwhy.Notice {
	info, err := os.Stat(c.pattern)
	if err != nil && isGlob(c.pattern) {
		if _, err := filepath.Match(c.pattern, ""); err != nil {
			return &sshwhy.Notice{Code: "bad-pattern", Source: c.pattern, Text: err.Error(), Hint: "in a glob, [ must be closed by ]"}
		}
	}
	if err != nil || info.Mode().IsRegular() {
		return nil
	}
	n := &sshwhy.Notice{Code: "not-a-file", Source: c.pattern, Text: "is not a file that can be followed"}
	switch {
	case info.IsDir():
		n.Text = "is a folder"
		n.Hint = "name the files in it: '" + filepath.Join(c.pattern, "*.log") + "'"
	case info.Mode()&fs.ModeNamedPipe != 0:
		n.Text = "is a pipe, not a file"
		n.Hint = "read it from standard input: sshwhy tail - < PIPE"
	default:
		n.Hint = "name the file that the syslog daemon writes, as /var/log/auth.log"
	}
	return n
}

// places gives what the ledger kept of a stream.
func (c *custody) places(stream string) []sshwhy.Place {
	if c.options.Resume == nil {
		return nil
	}
	return c.options.Resume(stream)
}

// isGlob tells whether a pattern can match more than the path that it is.
func isGlob(pattern string) bool {
	if _, err := os.Lstat(pattern); err == nil {
		return false
	}
	return strings.ContainsAny(pattern, `*?[`)
}

// dueGlob tells whether to look for new files.
func (c *custody) dueGlob(now time.Time) bool {
	if !isGlob(c.pattern) {
		return false
	}
	every := c.limits.glob
	if c.names == nil {
		every = max(c.options.Poll, every/10)
	}
	return now.Sub(c.globbed) >= every || c.names.fresh()
}

// find begins to follow the files of the pattern that are not followed yet.
func (c *custody) find(now time.Time) {
	late := !c.globbed.IsZero()
	c.globbed = now
	paths := []string{c.pattern}
	if isGlob(c.pattern) {
		c.forgetGone(now)
		c.watchFolders()
		paths, _ = filepath.Glob(c.pattern) // its only error is that of a bad pattern
	}
	for _, path := range paths {
		if c.byPath[path] != nil || c.stopped || isGlob(c.pattern) && !c.fit(path, paths) {
			continue
		}
		f := &following{path: path, begun: now, first: bearer(path), told: map[string]bool{}, pause: shortPause}
		c.byPath[path] = f
		c.followings = append(c.followings, f)
		c.start(f, late || c.resumed)
		if late {
			c.met(f)
			c.waiting = true // a later tick says that all was read
		}
	}
}

// fit tells whether a match of a glob is to be followed: a file that is neither
// what rotation made of another one nor a link to it.
func (c *custody) fit(path string, matches []string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || slices.Contains(packings, filepath.Ext(path)) {
		return false
	}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path && slices.Contains(matches, real) {
		return false
	}
	folder, base := filepath.Split(path)
	rotatedFrom := func(other string) bool {
		if !strings.HasPrefix(other, folder) || other == path {
			return false
		}
		_, _, rotated := rotatedAs(other[len(folder):], base)
		return rotated
	}
	if slices.ContainsFunc(matches, rotatedFrom) {
		return false
	}
	for other := range c.byPath { // one that was just renamed to this one matches nothing now
		if rotatedFrom(other) {
			return false
		}
	}
	return true
}

// watchFolders has the system tell of new folders and files that the pattern
// may match.
func (c *custody) watchFolders() {
	if c.names == nil {
		return
	}
	parts := strings.Split(filepath.Clean(c.pattern), string(filepath.Separator))
	for i := 1; i < len(parts); i++ {
		prefix := strings.Join(parts[:i], string(filepath.Separator))
		if prefix == "" {
			prefix = string(filepath.Separator)
		}
		folders := []string{prefix}
		if strings.ContainsAny(prefix, `*?[`) {
			folders, _ = filepath.Glob(prefix)
		} else if !strings.ContainsAny(parts[i], `*?[`) {
			continue
		}
		for _, folder := range folders {
			if err := c.names.watch(folder, parts[i]); err != nil {
				c.tellPolling(err)
			}
		}
	}
}

// rest says that nothing waits to be read: with the place of what has none in
// the ledger yet, so that it is known after a stop even if nothing was read.
func (c *custody) rest() {
	for _, f := range c.followings {
		for _, g := range f.generations {
			c.announce(f, g)
		}
		f.lingering = slices.DeleteFunc(f.lingering, func(l lingering) bool {
			if c.stopped || !f.succeeded(l.order) {
				return false
			}
			c.tick(l.Place)
			return true
		})
	}
	if c.waiting && !c.stopped {
		c.waiting = false
		c.tick(sshwhy.Place{})
	}
}

// tick yields a record without text. One that brings a place does not say that
// all was read.
func (c *custody) tick(p sshwhy.Place) {
	if !c.stopped && !c.yield(&sshwhy.Record{Tick: true, Place: p}, nil) {
		c.stopped = true
	}
}

// trouble yields an error or a notice.
func (c *custody) trouble(err error) {
	if !c.stopped && !c.yield(nil, err) {
		c.stopped = true
	}
}

// wait sleeps until a file wants to be looked at, a name appears, or the
// library delivers.
func (c *custody) wait() {
	next := time.Now().Add(slowPause)
	for _, f := range c.followings {
		if f.next.Before(next) {
			next = f.next
		}
	}
	c.behind = false
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	select {
	case <-c.ctx.Done():
	case <-timer.C:
	case <-c.names.woken():
	case d := <-c.lines:
		c.take(d)
	}
}

// close releases everything.
func (c *custody) close() {
	for _, f := range c.followings {
		for _, g := range f.generations {
			g.close()
		}
	}
	c.followers.Wait()
	c.names.close()
}
