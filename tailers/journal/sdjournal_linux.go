//go:build linux && cgo && libsystemd

package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/sdjournal"
)

// withLibsystemd tells whether this binary can read journals by itself.
const withLibsystemd = true

// ErrNoLibsystemd says that Export cannot do its work: the binary was
// built without libsystemd, or the library is not there.
var ErrNoLibsystemd = errors.New("libsystemd.so.0 is not there")

const (
	// pollEvery is how often to look for new entries. journald tells of
	// them 250 to 500 ms after it wrote them; they can be read at once.
	pollEvery = 200 * time.Millisecond
	// lookEvery is the number of entries after which libsystemd is asked to
	// look at what became of the files: in a long backlog they are rotated
	// and deleted.
	lookEvery = 1024
	// againEvery is how often at most to look for an entry that was not
	// linked yet: see reader.again.
	againEvery = 10 * time.Second
)

// Export reads a journal with libsystemd and writes the export format.
// The arguments are a part of journalctl's: those of Options. It writes
// the fields that the parser of this package reads, and while it follows an
// empty line every ten seconds as a sign of life.
//
// It is meant for a process of its own, which it may end: see Source.
func Export(ctx context.Context, args []string, out io.Writer) error {
	runtime.LockOSThread() // a journal's handle is for one thread
	defer runtime.UnlockOSThread()
	o, err := parseArguments(args)
	if err != nil {
		return err
	}
	j, err := o.open()
	if err != nil {
		return err
	}
	defer j.Close()
	now := time.Now()
	r := &reader{Journal: j, o: &o, out: bufio.NewWriterSize(out, 64<<10), beat: now, looked: now}
	if err := o.seek(j); err != nil {
		return err
	}
	return errors.Join(r.run(ctx), r.out.Flush())
}

// reader reads one journal.
type reader struct {
	*sdjournal.Journal            // not owned
	o                  *arguments // not owned
	out                *bufio.Writer
	cursor             string // of the last entry; empty before the first
	changed            bool   // journald told of a change since looked
	beat, looked       time.Time
	err                error // of reading a field
}

// run writes entries to the end of the journal, or for ever.
func (r *reader) run(ctx context.Context) error {
	for n := 1; ctx.Err() == nil; n++ {
		if n%lookEvery == 0 {
			if err := r.wait(0); err != nil {
				return err
			}
		}
		more, err := r.Next()
		switch {
		case err != nil:
			return err
		case more > 0:
			err = r.entry()
		case !r.o.follow:
			return nil
		case r.changed && time.Since(r.looked) > againEvery:
			err = r.again()
		default:
			err = r.await()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wait waits for a change of the journal.
func (r *reader) wait(d time.Duration) error {
	switch result := r.Wait(d); {
	case result < 0:
		return fmt.Errorf("waiting for the journal: %w", syscall.Errno(-result))
	case result != sdjournal.SD_JOURNAL_NOP:
		r.changed = true
	}
	return nil
}

// await waits for entries, and gives a sign of life now and then.
func (r *reader) await() error {
	if time.Since(r.beat) > beatEvery {
		r.beat = time.Now()
		r.out.WriteByte('\n')
	}
	if err := r.out.Flush(); err != nil {
		return err
	}
	return r.wait(pollEvery)
}

// again looks from the last entry on. journald counts an entry before it links
// it to the fields that matches go by. libsystemd, when it looked in between,
// does not look again until there is another.
func (r *reader) again() error {
	r.changed, r.looked = false, time.Now()
	if r.cursor == "" {
		return r.o.seek(r.Journal)
	}
	if err := r.SeekCursor(r.cursor); err != nil {
		return err
	}
	more, err := r.Next()
	if err != nil || more == 0 || r.TestCursor(r.cursor) == nil {
		return err
	}
	return r.entry()
}

// arguments is the command line, parsed.
type arguments struct {
	follow            bool
	directory, cursor string
	files, matches    []string
	since             time.Time
}

func parseArguments(args []string) (o arguments, err error) {
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "--output", "--quiet", "--no-pager", "--no-tail", "--merge":
		case "--follow":
			o.follow = true
		case "--directory":
			o.directory = value
		case "--file":
			o.files = append(o.files, globUnquoted(value))
		case "--cursor":
			o.cursor = value
		case "--since":
			if o.since, err = time.Parse(timeLayout, value); err != nil {
				return o, fmt.Errorf("reading the argument %q: %w", arg, err)
			}
		default:
			if strings.HasPrefix(arg, "-") {
				return o, fmt.Errorf("there is no argument %q", arg)
			}
			o.matches = append(o.matches, arg)
		}
	}
	return o, nil
}

// globUnquoted undoes globQuoted.
func globUnquoted(path string) string {
	return strings.NewReplacer(`\\`, `\`, `\*`, `*`, `\?`, `?`, `\[`, `[`).Replace(path)
}

func (o *arguments) open() (j *sdjournal.Journal, err error) {
	switch {
	case o.directory != "":
		j, err = sdjournal.NewJournalFromDir(o.directory)
	case len(o.files) > 0:
		j, err = sdjournal.NewJournalFromFiles(o.files...)
	default:
		j, err = sdjournal.NewJournal()
	}
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		return nil, fmt.Errorf("%w: %w", ErrNoLibsystemd, err)
	}
	if err != nil {
		return nil, err
	}
	// Without this fields end after 64 KiB. 0 is no limit.
	if err := j.SetDataThreshold(0); err != nil {
		return nil, err
	}
	for _, m := range o.matches {
		if m == "+" {
			err = j.AddDisjunction()
		} else {
			err = j.AddMatch(m)
		}
		if err != nil {
			return nil, err
		}
	}
	return j, nil
}

func (o *arguments) seek(j *sdjournal.Journal) error {
	switch {
	case o.cursor != "":
		return j.SeekCursor(o.cursor)
	case !o.since.IsZero():
		return j.SeekRealtimeUsec(uint64(o.since.UnixMicro()))
	}
	return j.SeekHead()
}

// entry writes what is needed of the entry: a name or number that the writer
// told makes the one that the journal saw superfluous.
func (r *reader) entry() error {
	cursor, err := r.GetCursor()
	if err != nil {
		return err
	}
	stamp, err := r.GetRealtimeUsec()
	if err != nil {
		return err
	}
	r.cursor = cursor
	r.out.WriteString(exportStart)
	r.out.WriteString(cursor)
	r.out.WriteString("\n__REALTIME_TIMESTAMP=")
	r.out.WriteString(strconv.FormatUint(stamp, 10))
	r.out.WriteByte('\n')
	r.field("_SOURCE_REALTIME_TIMESTAMP")
	r.field("_HOSTNAME")
	switch string(r.field("SYSLOG_IDENTIFIER")) {
	case "":
		r.field("_COMM")
	case "systemd":
		r.field("UNIT")
	}
	if pid := r.field("SYSLOG_PID"); processNumber(pid) == 0 {
		r.field("_PID")
	}
	r.field("MESSAGE")
	r.out.WriteByte('\n')
	return r.err
}

// field writes a field of the entry, if it has it, and gives the value.
func (r *reader) field(name string) []byte {
	data, err := r.GetDataBytes(name)
	if err != nil {
		if !errors.Is(err, syscall.ENOENT) {
			r.err = err
		}
		return nil
	}
	_, value, _ := bytes.Cut(data, []byte("="))
	r.out.WriteString(name)
	if bytes.IndexByte(value, '\n') < 0 {
		r.out.WriteByte('=')
	} else {
		r.out.WriteByte('\n')
		var length [8]byte
		binary.LittleEndian.PutUint64(length[:], uint64(len(value)))
		r.out.Write(length[:])
	}
	r.out.Write(value)
	r.out.WriteByte('\n')
	return value
}
