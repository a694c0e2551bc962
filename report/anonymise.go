package report

import (
	"bytes"
	"strconv"
	"time"

	"github.com/sshwhy/sshwhy"
)

// Anonymiser is a parser around another: of every event it replaces what could
// tell who or where, and writes the record anew, so that nothing behind it has
// seen the original. It holds to one rule: only what is known to be sshd's own
// words is let through.
//
// Of a line that was recognised the literal parts stay, and each field is
// replaced by its kind (Masks). Of one that was not, every word that the
// vocabulary does not know is replaced. Of other programs' lines nothing
// stays. The header is written in one layout, with the time of the original.
//
// The same name becomes the same mask wherever it stands, and an address the
// same address, so that the lines of a connection still belong together and
// verdicts do not change.
type Anonymiser struct {
	parser sshwhy.Parser // not owned
	masks  *Masks        // not owned
	zone   *time.Location
	from   sshwhy.Event
	record sshwhy.Record
	text   []byte
	sets   []sshwhy.Captured
	source struct{ original, mask string }
}

// NewAnonymiser puts masks around a parser. The zone is that of the times in
// the new lines.
func NewAnonymiser(p sshwhy.Parser, m *Masks, zone *time.Location) *Anonymiser {
	return &Anonymiser{parser: p, masks: m, zone: zone}
}

// Parse implements sshwhy.Parser. The event's record is not r, but its
// anonymous counterpart.
func (a *Anonymiser) Parse(r *sshwhy.Record, ev *sshwhy.Event) {
	a.parser.Parse(r, &a.from)
	a.record = sshwhy.Record{Source: a.sourceOf(r), Newest: r.Newest, Truncated: r.Truncated, Tick: r.Tick}
	ev.Reset(&a.record)
	if a.from.Line == sshwhy.LineSkipped {
		return
	}
	ev.Line, ev.Pattern, ev.Level, ev.Stage, ev.Repeat = a.from.Line, a.from.Pattern, a.from.Level, a.from.Stage, a.from.Repeat
	ev.Time, ev.PID = a.from.Time, a.from.PID
	a.write(ev)
}

func (a *Anonymiser) sourceOf(r *sshwhy.Record) string {
	if a.source.original != r.Source {
		a.source.original = r.Source
		a.source.mask = r.Source
		if r.Source != "-" {
			a.source.mask = string(a.masks.path(nil, []byte(r.Source)))
		}
	}
	return a.source.mask
}

// write makes the new line, and lets the event point into it.
func (a *Anonymiser) write(ev *sshwhy.Event) {
	from := &a.from
	b := a.text[:0]
	if from.Time != 0 {
		b = append(time.Unix(0, from.Time).In(a.zone).AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00"), ' ')
	}
	host := len(b)
	if len(from.Host) > 0 {
		b = append(a.masks.host(b, from.Host), ' ')
	}
	ident := len(b)
	b = append(b, program(from.Ident)...)
	identEnd := len(b)
	if from.PID != 0 {
		b = append(strconv.AppendInt(append(b, '['), int64(from.PID), 10), ']')
	}
	if len(b) > ident {
		b = append(b, ": "...)
	}
	if from.Repeat > 1 {
		b = append(strconv.AppendInt(append(b, "message repeated "...), int64(from.Repeat), 10), " times: [ "...)
	}
	b = append(b, levelMark(from.Level)...)
	message := len(b)
	b = a.message(b, message)
	messageEnd := len(b)
	b = append(b, [...]string{"", " [preauth]", " [postauth]"}[from.Stage]...)
	if from.Repeat > 1 {
		b = append(b, ']')
	}
	a.text, a.record.Text = b, b
	ev.Message = b[message:messageEnd]
	if len(from.Host) > 0 {
		ev.Host = b[host : ident-1]
	}
	ev.Ident = b[ident:identEnd]
	for _, c := range a.sets {
		ev.Push(c)
	}
}

// message appends the message with its fields replaced.
func (a *Anonymiser) message(b []byte, start int) []byte {
	from := &a.from
	a.sets = a.sets[:0]
	if from.Line != sshwhy.LineParsed {
		return a.masks.free(b, from.Message)
	}
	done := int32(0)
	for _, c := range from.Captures() {
		if c.Value == 0 {
			b = append(b, from.Message[done:c.Start]...)
			done = c.End
			c.Start, c.End, b = a.field(b, start, c)
		}
		a.sets = append(a.sets, c)
	}
	return append(b, from.Message[done:]...)
}

// field appends the mask of a field and gives its new place.
func (a *Anonymiser) field(b []byte, start int, c sshwhy.Captured) (int32, int32, []byte) {
	at := int32(len(b) - start)
	b = a.masks.field(b, c.Field, a.from.Message[c.Start:c.End])
	return at, int32(len(b) - start), b
}

// levelMark gives what log.c do_log writes in front of a message.
func levelMark(l sshwhy.Level) string {
	switch l {
	case sshwhy.LevelError, sshwhy.LevelFatal, sshwhy.LevelDebug1, sshwhy.LevelDebug2, sshwhy.LevelDebug3:
		return l.String() + ": "
	}
	return ""
}

// program gives the bare name of a program whose lines the parser reads.
func program(ident []byte) string {
	if i := bytes.LastIndexByte(ident, '/'); i >= 0 {
		ident = ident[i+1:]
	}
	if i := bytes.IndexByte(ident, '('); i > 0 {
		ident = ident[:i]
	}
	switch name := string(ident); name {
	case "":
		return ""
	case "sshd", "sshd-session", "sshd-auth", "internal-sftp", "sftp-server", "openssh", "OpenSSH",
		"systemd", "systemd-logind", "systemd-journald", "systemd-journal", "rsyslogd", "rsyslogd-pstats", "syslog-ng", "syslogd", "kernel":
		return name
	}
	return "program"
}
