// Package journal reads what sshd, and systemd about it, wrote to a systemd
// journal, through a child process, and files in the journal's export format.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
)

// Options say what to read of the journal, and from where on.
type Options struct {
	// Resume gives the places that an earlier run left for a stream; nil
	// where there is none. Where it knows one, Since and FromStart do not
	// count.
	Resume func(stream string) []sshwhy.Place
	// Since is the time from which on to read. Zero means now in a journal
	// that is followed, and all in one that is not.
	Since time.Time
	// FromStart reads all that the journal holds.
	FromStart bool
	// Directory or Files name the journal; without them it is this host's.
	Directory string
	Files     []string
	// Follow waits for more at the end of the journal.
	Follow bool
	// Commands are the children that can read the journal, in order of
	// preference: a program and its first arguments. The rest of the
	// command line is that of journalctl -o export, and so is the output.
	// nil means Commands.
	Commands [][]string
	// Denied gives what of this host's journal the user may not read, "" for
	// nothing, and the command that gives the right; nil where that is not
	// known. It is asked when this host's journal is read as a whole.
	Denied func() (denied, command string)
	// Patience is for how long a child may say nothing before it is taken
	// to hang and replaced; 0 means the default.
	Patience time.Duration
}

// Source reads the messages of sshd, and those of systemd and journald about
// it, from a systemd journal.
//
// A child process does the reading and hands the entries on in the export
// format: libsystemd before v255 can end its process with SIGBUS when journald
// shortens a file that is being read, and then only the child is gone. A child
// that ends, hangs or writes rubbish is replaced by another, which goes on
// behind the last entry that was yielded: none is lost and none is yielded
// twice.
type Source struct{ o Options }

// New makes a source of a journal. Nothing is started before Records.
func New(o Options) *Source { return &Source{o} }

// Stream is the name that the ledger keeps this journal's place under.
func (j *Source) Stream() string {
	switch o := &j.o; {
	case o.Directory != "":
		return "journal:" + o.Directory
	case len(o.Files) > 0:
		return "journal:" + strings.Join(o.Files, ":")
	}
	return "journal"
}

// name is what records are said to come from: what the user named, if anything.
func (j *Source) name() string {
	switch o := &j.o; {
	case o.Directory != "":
		return o.Directory
	case len(o.Files) == 1:
		return o.Files[0]
	}
	return "journal"
}

// How a child that fails is replaced.
const (
	// pause is the wait before the second attempt in a row; it is doubled
	// with each, up to pauseMax.
	pause    = 100 * time.Millisecond
	pauseMax = 30 * time.Second
	// failuresInRow is the number of children in a row that got nowhere
	// after which it is said, another kind is tried, and a journal that is
	// not followed is given up.
	failuresInRow = 3
	// defaultPatience is for how long a child may be silent. Both kinds can
	// be: journalctl says nothing while nothing happens, and replacing it
	// costs about 20 ms.
	defaultPatience = 2 * time.Minute
	// beatEvery is how often this program's own child writes an empty line,
	// and beatsMissed how many may be missed.
	beatEvery   = 10 * time.Second
	beatsMissed = 3
)

// Records implements sshwhy.Source.
func (j *Source) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		r := &reading{o: &j.o, stream: j.Stream(), commands: j.o.Commands}
		if r.commands == nil {
			r.commands = Commands()
		}
		r.record = sshwhy.Record{Source: j.name(), Header: &r.header}
		r.idler = idler{ctx: ctx, last: time.Now(), quiet: !j.o.Follow, yield: yield}
		r.run(ctx)
	}
}

// errStopped is what a read gives when the loop or the context ended the
// reading.
var errStopped = errors.New("reading was stopped")

// errSilent is what a read gives when a child says nothing for too long.
var errSilent = errors.New("the child is silent")

// errAgain is what a read gives when the last entries are to be read once more.
var errAgain = errors.New("the last entries are read again")

// reading is one run of Source.Records.
type reading struct {
	o        *Options // not owned
	stream   string
	commands [][]string // the first is in use
	idler    idler
	record   sshwhy.Record
	header   sshwhy.Header

	at       place
	memory   memory
	second   *secondLook // nil in a journal that is read once
	mark     []byte      // at, as the ledger keeps it
	failures int         // children in a row that got nowhere
	told     bool        // that was said
	silent   int         // children in a row that were replaced for silence
}

// run starts one child after the other until all was read, or for ever.
func (r *reading) run(ctx context.Context) {
	if !r.begin() || !r.permitted() {
		return
	}
	r.memory = newMemory(r.at)
	if r.o.Follow {
		r.second = newSecondLook(r.o.folders())
	}
	for ctx.Err() == nil && len(r.commands) > 0 {
		before := r.at.entries
		err := r.child(ctx)
		if r.at.entries > before {
			r.failures, r.told = 0, false
		}
		switch {
		case errors.Is(err, errStopped):
			return
		case errors.Is(err, errAgain):
			continue
		case err == nil && !r.o.Follow:
			return
		case err == nil:
			err = errors.New("its reader ended")
		case errors.Is(err, errSilent):
			r.silent = min(r.silent+1, 4)
			continue
		case errors.Is(err, errNoReader):
			if r.commands = r.commands[1:]; len(r.commands) == 0 {
				r.idler.yield(nil, r.noReader(err))
				return
			}
			continue
		}
		if r.failures++; !r.failed(err) {
			return
		}
	}
	if len(r.commands) == 0 && ctx.Err() == nil {
		r.idler.yield(nil, r.noReader(errNoReader))
	}
}

// begin finds the place to start at and tells it, so that a ledger knows it
// even if nothing comes.
func (r *reading) begin() bool {
	if r.o.Resume != nil {
		for _, p := range r.o.Resume(r.stream) {
			at, ok := parsePlace(p.Mark)
			if !ok {
				if !r.idler.give(nil, &sshwhy.Notice{Code: "place-unreadable", Source: r.record.Source,
					Text: "the place up to which the journal was read cannot be understood; reading goes on from now",
					Hint: "read what was written meanwhile with --since"}) {
					return false
				}
				continue
			}
			r.at = at
			return true
		}
	}
	switch {
	case r.o.FromStart:
	case !r.o.Since.IsZero():
		r.at.realtime = uint64(max(0, r.o.Since.UnixMicro()))
	case r.o.Follow:
		r.at.realtime = uint64(time.Now().UnixMicro())
	}
	if r.o.Follow {
		r.idler.place = r.place()
	}
	return true
}

// permitted says so if this host's journal may not be read: libsystemd then
// shows, silently, what the user's own programs wrote.
func (r *reading) permitted() bool {
	if r.o.Denied == nil || r.o.Directory != "" || len(r.o.Files) > 0 {
		return true
	}
	denied, command := r.o.Denied()
	return denied == "" || r.idler.give(nil, &sshwhy.Notice{Code: "journal-denied", Source: r.record.Source,
		Text: fmt.Sprintf("%s may not be read: only what your own programs wrote is seen", denied),
		Hint: fmt.Sprintf("run %s, then log in anew", command)})
}

func (r *reading) place() sshwhy.Place {
	r.mark = r.at.append(r.mark[:0])
	return sshwhy.Place{Stream: r.stream, Mark: r.mark}
}

// child reads what one child writes, to its end. nil means that it ended well.
func (r *reading) child(ctx context.Context) error {
	r.memory.settle(&r.at)
	from := &r.memory.older.from
	resume := resumption{from: *from, seen: r.memory.older, byTime: !from.seekable() || r.failures%2 == 1 && r.failures > 1}
	c, err := startChild(ctx, r.commands[0], r.arguments(&resume))
	if err != nil {
		return err
	}
	if r.second != nil {
		r.second.start(r.at.entries)
	}
	err = r.entries(newExport(&patient{pipe: c.out, idler: &r.idler, patience: r.patience(), again: r.again}), &resume)
	if err = c.end(err); err != nil || r.o.Follow || c.errors.line() == "" {
		return err
	}
	if !r.idler.give(nil, fmt.Errorf("reading the journal of %q: %s", r.record.Source, sshwhy.Printable(c.errors.line()))) {
		return errStopped
	}
	return nil
}

// again tells whether the last entries are to be read once more.
func (r *reading) again() bool { return r.second != nil && r.second.wanted(r.at.entries) }

// flowEntries is the number of entries in a flow after which the files are
// looked at: a flow leaves no pause to do it in.
const flowEntries = 1024

// entries yields the entries of a child's output.
func (r *reading) entries(x *export, resume *resumption) error {
	for n := 1; ; n++ {
		if n%flowEntries == 0 && r.again() {
			return errAgain
		}
		if err := x.next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		if r.o.Follow && len(x.fields[exportCursor]) == 0 {
			return fmt.Errorf("an entry without a cursor: %w", errExport)
		}
		r.silent = 0
		if !r.fresh(x, resume) {
			continue
		}
		if x.spans[exportMessage].end == 0 || !concernsSSH(x) {
			continue
		}
		x.header(&r.header)
		r.record.Text, r.record.Truncated = x.fields[exportMessage], x.cut
		if r.o.Follow {
			r.record.Place = r.place()
		}
		if !r.idler.give(&r.record, nil) {
			return errStopped
		}
	}
}

// fresh tells whether an entry is new, and moves the place behind it. One that
// an earlier child passed over does not move it back.
func (r *reading) fresh(x *export, resume *resumption) bool {
	text := string(x.fields[exportCursor])
	var c *cursor
	if parsed, ok := parseCursor(text); ok {
		c = &parsed
	}
	if resume.read(x, c) {
		return false
	}
	if c == nil || !r.memory.newer.late(c) {
		r.at.advance(x.realtime(), text)
	}
	if c != nil {
		r.memory.add(c, &r.at)
	}
	return true
}

// failed deals with a child that did not do its work, and tells whether to try
// another.
func (r *reading) failed(err error) bool {
	if r.failures%failuresInRow == 0 {
		r.commands = append(r.commands[1:len(r.commands):len(r.commands)], r.commands[0])
		if !r.o.Follow && r.failures >= failuresInRow*len(r.commands) {
			r.idler.yield(nil, fmt.Errorf("reading the journal of %q: %w", r.record.Source, err))
			return false
		}
		if r.o.Follow && !r.told {
			r.told = true
			notice := &sshwhy.Notice{Code: "journal-interrupted", Source: r.record.Source,
				Text: "the journal cannot be read at the moment: " + sshwhy.Printable(err.Error()),
				Hint: "journalctl --verify tells whether a file of it is damaged; reading is tried again, and nothing is left out"}
			if !r.idler.give(nil, notice) {
				return false
			}
		}
	}
	if r.failures == 1 {
		return true
	}
	return r.idler.wait(min(pause<<min(r.failures-2, 10), pauseMax))
}

// patience is longer after each child that was replaced in vain: a large
// journal on a slow disk can take its time.
func (r *reading) patience() time.Duration {
	patience := r.o.Patience
	if patience == 0 {
		patience = defaultPatience
		if isOwn(r.commands[0]) {
			patience = beatsMissed * beatEvery
		}
	}
	return patience << r.silent
}

// noReader says what is missing on this host.
func (r *reading) noReader(err error) error {
	if _, statErr := os.Stat("/run/systemd/journal"); statErr != nil && r.o.Directory == "" && len(r.o.Files) == 0 {
		return fmt.Errorf("reading the journal: %w: this host has no journald", err)
	}
	return fmt.Errorf("reading the journal of %q: %w", r.record.Source, err)
}

// arguments is the command line of journalctl for what is to be read. All of it
// exists since systemd 219. --after-cursor is not among it: before v255 it
// leaves out an entry where the one at the cursor is gone (systemd issue
// 30288). --cursor gives that one again, and resumption passes over it. The
// time is in whole seconds, which every release understands, and in the zone
// that the child is given.
func (r *reading) arguments(resume *resumption) []string {
	args := []string{"--output=export", "--quiet", "--no-pager"}
	if r.o.Follow {
		args = append(args, "--follow", "--no-tail")
		if r.o.Directory != "" || len(r.o.Files) > 0 {
			// To follow means this boot of this host, unless all are merged.
			args = append(args, "--merge")
		}
	}
	if r.o.Directory != "" {
		args = append(args, "--directory="+r.o.Directory)
	}
	for _, f := range r.o.Files {
		args = append(args, "--file="+globQuoted(f))
	}
	switch {
	case !resume.byTime:
		args = append(args, "--cursor="+resume.from.cursor)
	case resume.from.realtime > 0:
		args = append(args, "--since="+time.UnixMicro(int64(resume.from.realtime)).UTC().Format(timeLayout))
	}
	return append(args, matches()...)
}

// timeLayout is how the command line gives a time.
const timeLayout = "2006-01-02 15:04:05"

// globQuoted takes the meaning from what --file= would expand.
func globQuoted(path string) string {
	if !strings.HasPrefix(path, "/") {
		path = "./" + path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// sshPrograms are the names under which the parts of sshd write.
var sshPrograms = [...]string{"sshd", "sshd-session", "sshd-auth", "sftp-server", "internal-sftp"}

// droppedMessages is the message ID with which journald says that it dropped
// messages of a service that wrote too many (SD_MESSAGE_JOURNAL_DROPPED).
const droppedMessages = "a596d6fe7bfa4994828e72309e95d61e"

// matches select what the journal has of sshd, whose name the journal saw or
// was told: of a process that ended at once it saw none. What systemd says of
// units is taken as a whole and sifted by concernsSSH, because the units of
// single connections (sshd@N-….service) have names that cannot be known.
func matches() []string {
	var words []string
	for _, name := range sshPrograms {
		words = append(words, "_COMM="+name)
	}
	words = append(words, "+")
	for _, name := range sshPrograms {
		words = append(words, "SYSLOG_IDENTIFIER="+name)
	}
	return append(words, "+", "_PID=1", "SYSLOG_IDENTIFIER=systemd", "+", "MESSAGE_ID="+droppedMessages)
}

// concernsSSH sifts what the matches cannot: of systemd's messages those about
// a unit of sshd, of journald's those about lines that such a unit lost.
func concernsSSH(x *export) bool {
	switch string(x.fields[exportIdent]) {
	case "systemd":
		return sshUnit(string(x.fields[exportUnit]))
	case "systemd-journald":
		_, group, ok := strings.Cut(string(x.fields[exportMessage]), " messages from ")
		return ok && sshUnit(group[strings.LastIndexByte(group, '/')+1:])
	}
	return true
}

// sshUnit knows the services and sockets of sshd as distributions name them:
// ssh.service, sshd.socket, sshd@0-….service, sshd-unix-local@….service.
func sshUnit(name string) bool {
	rest, ok := strings.CutPrefix(name, "ssh")
	if !ok {
		return false
	}
	rest, daemon := strings.CutPrefix(rest, "d")
	switch {
	case strings.HasPrefix(rest, "."), strings.HasPrefix(rest, "@"):
		return true
	}
	return daemon && strings.HasPrefix(rest, "-")
}

// idler yields what a live source yields while it waits: a tick at once, and
// then one each second.
type idler struct {
	ctx     context.Context
	last    time.Time // of the last tick
	waiting bool      // something was yielded since then
	quiet   bool      // no ticks: the source is read once
	place   sshwhy.Place
	record  sshwhy.Record
	yield   func(*sshwhy.Record, error) bool
}

// give yields a record or an error.
func (i *idler) give(r *sshwhy.Record, err error) bool {
	i.waiting = true
	if r != nil {
		i.place = sshwhy.Place{} // the record's own is behind it
	}
	return i.yield(r, err)
}

// due is when the next tick is to be yielded.
func (i *idler) due() time.Time {
	if i.waiting || i.place.Stream != "" {
		return time.Now().Add(time.Millisecond)
	}
	return i.last.Add(time.Second)
}

// tick yields one.
func (i *idler) tick() bool {
	if i.ctx.Err() != nil {
		return false
	}
	if i.quiet {
		i.waiting, i.last = false, time.Now()
		return true
	}
	now := time.Now()
	i.record = sshwhy.Record{Tick: true, Elapsed: now.Sub(i.last), Place: i.place}
	i.last, i.waiting, i.place = now, false, sshwhy.Place{}
	return i.yield(&i.record, nil)
}

// wait lets a time pass, with ticks.
func (i *idler) wait(d time.Duration) bool {
	for end := time.Now().Add(d); ; {
		until := end
		if due := i.due(); due.Before(end) {
			until = due
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-i.ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
		if !until.Before(end) {
			return true
		}
		if !i.tick() {
			return false
		}
	}
}

// patient reads what a child writes and ticks while nothing comes.
type patient struct {
	pipe     *os.File // not owned
	idler    *idler   // not owned
	patience time.Duration
	again    func() bool // whether another child is wanted, which errAgain tells
}

// Read implements io.Reader. Beside the pipe's it gives errStopped, errAgain
// and errSilent.
func (p *patient) Read(b []byte) (int, error) {
	begun := time.Now()
	for {
		timed := p.pipe.SetReadDeadline(p.idler.due()) == nil
		if p.idler.ctx.Err() != nil {
			return 0, errStopped
		}
		n, err := p.pipe.Read(b)
		if !timed || n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if !p.idler.tick() {
			return 0, errStopped
		}
		if p.again() {
			return 0, errAgain
		}
		if time.Since(begun) > p.patience {
			return 0, errSilent
		}
	}
}
