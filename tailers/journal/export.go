package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/sshwhy/sshwhy"
)

// The journal export format (systemd.io/JOURNAL_EXPORT_FORMATS): an entry is a
// run of fields that an empty line ends. A field is NAME=text in one line, or,
// where the value has bytes that a line cannot hold, NAME alone, then the
// length in eight bytes, little endian, the value, and the end of the line.
// Whoever may write to the journal chooses values, so one may look like the
// next entry: only the length says where it ends.

// exportField is a field of an entry that means something here; all others are
// read past.
type exportField uint8

const (
	exportNone exportField = iota
	exportCursor
	exportRealtime
	exportMessage
	exportHost
	exportIdent
	exportComm
	exportSyslogPID
	exportPID
	exportSource
	exportUnit
	exportFields
)

func exportFieldOf(name []byte) exportField {
	switch string(name) {
	case "__CURSOR":
		return exportCursor
	case "__REALTIME_TIMESTAMP":
		return exportRealtime
	case "MESSAGE":
		return exportMessage
	case "_HOSTNAME":
		return exportHost
	case "SYSLOG_IDENTIFIER":
		return exportIdent
	case "_COMM":
		return exportComm
	case "SYSLOG_PID":
		return exportSyslogPID
	case "_PID":
		return exportPID
	case "_SOURCE_REALTIME_TIMESTAMP":
		return exportSource
	case "UNIT":
		return exportUnit
	}
	return exportNone
}

const (
	// exportNameMax is the longest name that the journal takes
	// (journal_field_valid), and some.
	exportNameMax = 128
	// exportValueMax is what is kept of a value; of a message it is
	// sshwhy.MaxLine. No cursor, host or name is as long.
	exportValueMax = 1024
	// exportLengthMax is the longest value that the journal holds
	// (DATA_SIZE_MAX). A length beyond it is not a length.
	exportLengthMax = 768 << 20
)

// errExport is what a stream gives that is not in the export format.
var errExport = errors.New("this is not the journal export format")

// export reads entries in the export format, in memory that does not grow with
// them.
type export struct {
	r *bufio.Reader
	// fields are the values of the entry at hand: of a field that is
	// repeated the first. They are parts of text.
	fields [exportFields][]byte
	spans  [exportFields]struct{ start, end int }
	text   []byte
	cut    int64 // bytes that the message lacks
	offset int64 // bytes read
	begun  bool  // the entry has a field
	whole  bool  // its last line is ended
}

func newExport(r io.Reader) *export { return &export{r: bufio.NewReaderSize(r, 64<<10)} }

// next reads an entry. What it gives is valid until the call after. At the end
// it gives io.EOF, or io.ErrUnexpectedEOF where the last entry is not ended;
// errExport, with the offset, where the stream is something else, and behind
// that the stream can be read on only with resume.
func (x *export) next() error {
	x.text, x.cut, x.begun, x.whole = x.text[:0], 0, false, true
	clear(x.fields[:])
	clear(x.spans[:])
	for {
		line, err := x.r.ReadSlice('\n')
		x.offset += int64(len(line))
		switch {
		case err == nil && len(line) == 1:
			if x.begun {
				return x.finish(nil)
			}
			continue // more than one empty line: the keep-alive of a child
		case err == nil && !x.begun && bytes.HasPrefix(line, []byte("-- ")):
			continue // a note of journalctl itself
		case err == io.EOF && len(line) == 0:
			if x.begun {
				return x.finish(io.ErrUnexpectedEOF)
			}
			return io.EOF
		case err != nil && err != bufio.ErrBufferFull && err != io.EOF:
			return err
		}
		if err := x.field(line, err); err != nil {
			return x.finish(err)
		}
		x.begun = true
	}
}

// finish makes the values slices of the text, which moves no more.
func (x *export) finish(err error) error {
	for f := range x.fields {
		if s := x.spans[f]; s.end > 0 {
			x.fields[f] = x.text[s.start-1 : s.end-1]
		}
	}
	return err
}

// field reads one field, whose line is at hand, or its beginning where that is
// longer than the buffer, or what there is of it at the end of the stream.
func (x *export) field(line []byte, state error) error {
	equals := bytes.IndexByte(line[:min(len(line), exportNameMax+1)], '=')
	if equals < 0 {
		return x.binary(line, state)
	}
	if !exportName(line[:equals]) {
		return x.rubbish()
	}
	f := exportFieldOf(line[:equals])
	value, ended := bytes.CutSuffix(line[equals+1:], []byte("\n"))
	k := x.keep(f)
	k.add(value)
	for !ended {
		if state == io.EOF {
			x.whole = false
			return io.ErrUnexpectedEOF
		}
		line, state = x.r.ReadSlice('\n')
		x.offset += int64(len(line))
		if state != nil && state != bufio.ErrBufferFull && state != io.EOF {
			return state
		}
		value, ended = bytes.CutSuffix(line, []byte("\n"))
		k.add(value)
	}
	k.done()
	return nil
}

// binary reads a field whose name stands alone in the line.
func (x *export) binary(line []byte, state error) error {
	name, ended := bytes.CutSuffix(line, []byte("\n"))
	if !exportName(name) {
		return x.rubbish()
	}
	if !ended {
		x.whole = false
		return io.ErrUnexpectedEOF
	}
	f := exportFieldOf(name)
	var head [8]byte
	n, err := io.ReadFull(x.r, head[:])
	x.offset += int64(n)
	if err != nil {
		return x.short(err)
	}
	length := binary.LittleEndian.Uint64(head[:])
	if length > exportLengthMax {
		return x.rubbish()
	}
	k := x.keep(f)
	for left := int64(length); left > 0; {
		part, err := x.r.Peek(int(min(left, 4096)))
		k.add(part)
		x.r.Discard(len(part))
		x.offset += int64(len(part))
		left -= int64(len(part))
		if err != nil && left > 0 {
			return x.short(err)
		}
	}
	end, err := x.r.ReadByte()
	if err != nil {
		return x.short(err)
	}
	x.offset++
	if end != '\n' {
		return x.rubbish()
	}
	k.done()
	return nil
}

func (x *export) short(err error) error {
	x.whole = false
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (x *export) rubbish() error { return fmt.Errorf("at byte %d: %w", x.offset, errExport) }

// keeper takes the parts of one value.
type keeper struct {
	x     *export
	field exportField // exportNone: keep nothing
	start int
	room  int
}

func (x *export) keep(f exportField) keeper {
	if x.spans[f].end > 0 {
		f = exportNone
	}
	k := keeper{x: x, field: f, start: len(x.text), room: exportValueMax}
	if f == exportMessage {
		k.room = sshwhy.MaxLine
	}
	return k
}

func (k *keeper) add(part []byte) {
	if k.field == exportNone {
		return
	}
	n := min(len(part), k.room)
	k.x.text = append(k.x.text, part[:n]...)
	k.room -= n
	if k.field == exportMessage {
		k.x.cut += int64(len(part) - n)
	}
}

// done notes where the value stands, one too high so that 0 means nowhere.
func (k *keeper) done() {
	if k.field != exportNone {
		k.x.spans[k.field].start, k.x.spans[k.field].end = k.start+1, len(k.x.text)+1
	}
}

// exportName tells whether a field can have that name (journal_field_valid).
func exportName(name []byte) bool {
	if len(name) == 0 || len(name) > exportNameMax || '0' <= name[0] && name[0] <= '9' {
		return false
	}
	for _, c := range name {
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// resume reads past what is not in the format, up to the next thing that looks
// like the start of an entry.
func (x *export) resume() error {
	for empty := false; ; {
		if empty {
			if start, _ := x.r.Peek(len(exportStart)); IsExport(start) {
				return nil
			}
		}
		line, err := x.r.ReadSlice('\n')
		x.offset += int64(len(line))
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		empty = len(line) == 1 && err == nil
	}
}

// realtime is when the journal took the entry, in microseconds since 1970; 0
// where it does not say.
func (x *export) realtime() uint64 { return microseconds(x.fields[exportRealtime]) }

// header fills h from the entry's fields. Where and by whom it was written is
// what the writer said and, where it said nothing, what the journal saw.
func (x *export) header(h *sshwhy.Header) {
	stamp := microseconds(x.fields[exportSource])
	if stamp == 0 {
		stamp = x.realtime()
	}
	h.Time = int64(stamp) * 1000
	h.Host = x.fields[exportHost]
	if h.Ident = x.fields[exportIdent]; len(h.Ident) == 0 {
		h.Ident = x.fields[exportComm]
	}
	// The kernel vouches for _PID, the sender for SYSLOG_PID.
	if h.PID = processNumber(x.fields[exportPID]); h.PID == 0 {
		h.PID = processNumber(x.fields[exportSyslogPID])
	}
}

// microsecondsMax is the last time that fits in nanoseconds: the year 2262.
const microsecondsMax = (1<<63 - 1) / 1000

func microseconds(digits []byte) uint64 {
	if len(digits) == 0 || len(digits) > 20 {
		return 0
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || n > microsecondsMax {
		return 0
	}
	return n
}

func processNumber(digits []byte) int32 {
	if len(digits) == 0 || len(digits) > 10 {
		return 0
	}
	n, err := strconv.ParseInt(string(digits), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int32(n)
}

// exportStart is how every entry begins that journalctl or a journal gateway
// writes.
const exportStart = "__CURSOR="

// IsExport tells a file in the export format by its first bytes: at least ten.
func IsExport(head []byte) bool { return bytes.HasPrefix(head, []byte(exportStart)) }

// exportDamageMax is how many damaged places of one file are reported; one
// with more is not read to its end.
const exportDamageMax = 10

// ExportRecords yields the entries of a file in the export format, those of
// all programs, and tells whether to go on with other files. A damaged place is
// an error, and the next entry is looked for; so is an entry that is cut off.
func ExportRecords(ctx context.Context, r io.Reader, source string, yield func(*sshwhy.Record, error) bool) bool {
	x := newExport(r)
	var header sshwhy.Header
	record := &sshwhy.Record{Source: source, Header: &header}
	give := func() bool {
		if x.spans[exportMessage].end == 0 {
			return true
		}
		x.header(&header)
		record.Text, record.Truncated = x.fields[exportMessage], x.cut
		return yield(record, nil)
	}
	for n, damaged := 0, 0; ; n++ {
		if n&0xfff == 0 && ctx.Err() != nil {
			return false
		}
		err := x.next()
		switch {
		case err == nil:
			if !give() {
				return false
			}
			continue
		case err == io.EOF:
			return true
		case err == io.ErrUnexpectedEOF && x.whole && x.spans[exportMessage].end > 0:
			return give() // all that it lacks is the empty line
		case err == io.ErrUnexpectedEOF:
			return yield(nil, fmt.Errorf("reading %q, after entry %d: the last entry is cut off", source, n))
		case !errors.Is(err, errExport):
			return yield(nil, fmt.Errorf("reading %q, after entry %d: %w", source, n, err))
		}
		if damaged++; !yield(nil, fmt.Errorf("reading %q, entry %d: %w", source, n+1, err)) {
			return false
		}
		if damaged == exportDamageMax {
			return yield(nil, fmt.Errorf("reading %q: too much of it is damaged; the rest was not read", source))
		}
		if x.resume() != nil {
			return true
		}
	}
}
