package sshwhy

// PatternID names an entry of the catalogue of messages. 0 stands for no
// entry. The numbers belong to one build: they are never written out; the
// entry's textual id is.
type PatternID uint16

// Level is the LogLevel at which sshd wrote a message (sshd_config(5)).
type Level uint8

// The levels, most severe first. LevelNone means that the message carries no
// level and the catalogue does not know it.
const (
	LevelNone Level = iota
	LevelFatal
	LevelError
	LevelInfo
	LevelVerbose
	LevelDebug1
	LevelDebug2
	LevelDebug3
)

var levelNames = [...]string{"", "fatal", "error", "info", "verbose", "debug1", "debug2", "debug3"}

// String gives the level as sshd_config spells it, in lower case, or "".
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return ""
}

// Line says what became of a record: every one is exactly one of these.
type Line uint8

const (
	// LineSkipped is a line of another program, an empty line or a tick.
	LineSkipped Line = iota
	// LineParsed is a line that a pattern of the catalogue recognised.
	LineParsed
	// LineUnparsed is a line of a program that the catalogue covers, and
	// that no pattern recognised.
	LineUnparsed
)

var lineNames = [...]string{"skipped", "parsed", "unparsed"}

// String gives the word of the output contract.
func (l Line) String() string { return lineNames[l] }

// Stage is the part of a connection's life that sshd states at the end of a
// line (log.c do_log): [preauth] since OpenSSH 5.9, [postauth] since 10.0.
type Stage uint8

// The stages. StageNone is a line without such an end.
const (
	StageNone Stage = iota
	StagePreauth
	StagePostauth
)

// Header is what stands before a message: who wrote it, where, and when.
type Header struct {
	// Time is when the line was written, in nanoseconds since 1970 UTC;
	// 0 where the line does not say.
	Time int64
	// Host and Ident are the writing host and program as the line spells
	// them; empty where it does not say. They share the record's memory.
	Host, Ident []byte
	// PID is the writing process, 0 where the line does not say.
	PID int32
}

// Captured is one field of an event: a part of the message, or a constant
// that the pattern stands for.
type Captured struct {
	Field Field
	// Value is the index in the catalogue of a constant, 0 where the
	// field is the text from Start to End.
	Value      uint8
	Start, End int32
}

// MaxFields is the number of fields that one message can give.
const MaxFields = 24

// Event is what one record says. It is filled anew for every record: it, and
// all bytes that it hands out, are valid until the parser's next call.
type Event struct {
	// Record is the line that was read. Not owned.
	Record *Record
	Header
	// Line tells whether the other fields mean anything.
	Line Line
	// Pattern is the entry that recognised the message, 0 for none.
	Pattern PatternID
	Level   Level
	Stage   Stage
	// Repeat is how often the message was written: more than 1 where the
	// syslog daemon folded repetitions into one line.
	Repeat int32
	// Message is the text after the header, without level and stage.
	Message []byte
	// Form is the layout of the header, as the parser calls it; empty where
	// the header did not stand in the text.
	Form string
	// Borrowed says that Host, Ident and Message may lie in the parser's own
	// memory instead of the record's.
	Borrowed bool

	fields []Captured
	shape  *Shape // of the fields, nil where it is not known
}

// Reset empties the event for another record.
func (e *Event) Reset(r *Record) {
	e.Header = Header{}
	e.Begin(r, nil, "")
}

// Begin is Reset where the header is the new record's already, and the message and
// the form are known. Pointers are written together: what they cost while memory
// is collected is asked for once.
func (e *Event) Begin(r *Record, message []byte, form string) {
	e.Record, e.Message, e.Form, e.shape = r, message, form, nil
	e.fields = e.fields[:0]
	e.Line, e.Pattern, e.Level, e.Stage, e.Repeat = LineSkipped, 0, LevelNone, StageNone, 1
	e.Borrowed = false
}

// Captures gives the fields in the order of the message.
func (e *Event) Captures() []Captured { return e.fields }

// Push adds a field; one beyond MaxFields is dropped and false returned.
func (e *Event) Push(c Captured) bool {
	if len(e.fields) == MaxFields {
		return false
	}
	e.fields, e.shape = append(e.fields, c), nil
	return true
}

// Mark gives the number of fields so far, for Rewind.
func (e *Event) Mark() uint8 { return uint8(len(e.fields)) }

// Rewind drops the fields that were added since Mark.
func (e *Event) Rewind(mark uint8) { e.fields, e.shape = e.fields[:mark], nil }

// Shape is which fields messages of one kind give, and in what order. An event
// whose shape is known finds a field without a look at the others.
type Shape struct {
	count int
	at    [fieldCount]uint8 // the place of a field, counted from 1, 0 where there is none
}

// ShapeOf gives the shape of events with these fields, MaxFields at most.
func ShapeOf(fields []Captured) *Shape {
	s := &Shape{count: len(fields)}
	for i := range fields {
		if at := &s.at[fields[i].Field]; *at == 0 { // of several the first counts
			*at = uint8(i + 1)
		}
	}
	return s
}

// Room gives an event without fields memory for MaxFields of them, where those
// of a shape are written for Shaped.
func (e *Event) Room() *[MaxFields]Captured {
	if cap(e.fields) < MaxFields {
		e.fields = make([]Captured, 0, MaxFields)
	}
	return (*[MaxFields]Captured)(e.fields[:MaxFields])
}

// Shaped gives the event the fields that were written into its Room.
func (e *Event) Shaped(s *Shape) { e.fields, e.shape = e.fields[:s.count], s }

// At gives the place of a field among the captures, -1 where the message has no
// such field, be it empty. Of several the first counts.
func (e *Event) At(f Field) int {
	if e.shape == nil {
		return e.search(f)
	}
	return int(e.shape.at[f]) - 1
}

// search is At where the shape is not known. It stays a call, so that At is none.
//
//go:noinline
func (e *Event) search(f Field) int {
	for i := range e.fields {
		if e.fields[i].Field == f {
			return i
		}
	}
	return -1
}

// Get gives the text of a field as it stands in the message, or nil where
// the message has no such field.
func (e *Event) Get(f Field) []byte {
	if i := e.At(f); uint(i) < uint(len(e.fields)) {
		if c := &e.fields[i]; c.Value == 0 {
			return e.Message[c.Start:c.End]
		}
	}
	return nil
}

// Has tells whether the message has the field, be it empty.
func (e *Event) Has(f Field) bool { return e.At(f) >= 0 }

// Constant gives the catalogue's constant for a field, 0 for none.
func (e *Event) Constant(f Field) uint8 {
	if i := e.At(f); uint(i) < uint(len(e.fields)) {
		return e.fields[i].Value
	}
	return 0
}

// Int gives a field as a number, or 0 where it is absent or no number that
// fits 63 bits.
func (e *Event) Int(f Field) int64 {
	n, ok := atoi(e.Get(f))
	if !ok {
		return 0
	}
	return n
}

func atoi(b []byte) (int64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}
