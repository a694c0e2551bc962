package sinks

import (
	"bytes"
	"io"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// Events writes one JSON object a line for every event: the parser alone.
// docs/output.md describes it.
type Events struct {
	w         io.Writer           // not owned
	catalogue *patterns.Catalogue // not owned
	o         object
	name      []byte
}

// NewEvents gives a sink that writes to w, whose caller flushes it.
func NewEvents(w io.Writer, c *patterns.Catalogue) *Events {
	return &Events{w: w, catalogue: c}
}

// Write writes one event.
func (s *Events) Write(ev *sshwhy.Event) error {
	s.o.buf, s.o.comma = append(s.o.buf[:0], '{'), false
	s.append(ev)
	s.o.buf = append(s.o.buf, '}', '\n')
	_, err := s.w.Write(s.o.buf)
	return err
}

func (s *Events) append(ev *sshwhy.Event) {
	o := &s.o
	o.time("@timestamp", ev.Time)
	if ev.Level != sshwhy.LevelNone {
		o.open("log")
		o.word("level", ev.Level.String())
		o.close()
	}
	if user := ev.Get(sshwhy.FieldUser); user != nil {
		s.name = sshwhy.Unescape(s.name[:0], user)
		o.open("user")
		o.key("name")
		o.buf = appendString(o.buf, s.name)
		o.close()
	}
	if address, port := clientOf(ev), int(ev.Int(sshwhy.FieldPort)); len(address) > 0 || port > 0 {
		o.key("source")
		o.buf = appendSource(o.buf, address, isNumeric(address), port, nil)
	}
	if len(ev.Host) > 0 {
		o.open("host")
		o.text("name", ev.Host)
		o.close()
	}
	if len(ev.Ident) > 0 || ev.PID != 0 {
		o.open("process")
		o.text("name", programName(ev.Ident))
		o.number("pid", int64(ev.PID))
		o.close()
	}
	o.open("sshwhy")
	o.key("line")
	o.buf = appendString(o.buf, ev.Line.String())
	o.key("pattern")
	if e := s.catalogue.Entry(ev.Pattern); e != nil {
		o.buf = appendString(o.buf, e.ID)
	} else {
		o.buf = append(o.buf, "null"...)
	}
	if ev.Stage != sshwhy.StageNone {
		o.word("stage", [...]string{"", "preauth", "postauth"}[ev.Stage])
	}
	if ev.Repeat > 1 {
		o.number("repeat", int64(ev.Repeat))
	}
	s.fields(ev)
	o.close()
}

func (s *Events) fields(ev *sshwhy.Event) {
	o := &s.o
	if len(ev.Captures()) == 0 {
		return
	}
	o.open("fields")
	for _, c := range ev.Captures() {
		o.key(c.Field.String())
		if c.Value != 0 {
			o.buf = appendString(o.buf, s.catalogue.ConstantName(c.Value))
		} else {
			o.buf = appendString(o.buf, ev.Message[c.Start:c.End])
		}
	}
	o.close()
}

// clientOf gives the client's address, or its name where sshd wrote that.
func clientOf(ev *sshwhy.Event) []byte {
	if a := ev.Get(sshwhy.FieldAddr); a != nil {
		return a
	}
	return ev.Get(sshwhy.FieldHost)
}

// appendSource appends the client: ip only where the log has an address, without
// the zone, which Elastic's type ip does not take. at is where it is, nil where
// that is not known; numeric is isNumeric of the address.
func appendSource(dst, address []byte, numeric bool, port int, at *sshwhy.Location) []byte {
	dst = append(dst, '{')
	switch {
	case len(address) == 0:
	case numeric: // and has nothing to escape
		dst = appendShort(append(dst, `"ip":"`...), address)
		dst = append(appendShort(append(dst, `","address":"`...), address), `",`...)
	default:
		if ip := withoutZone(address); len(ip) > 0 {
			dst = append(appendString(append(dst, `"ip":`...), ip), ',')
		}
		dst = append(appendString(append(dst, `"address":`...), address), ',')
	}
	if port > 0 && port <= 65535 {
		dst = append(appendNumber(append(dst, `"port":`...), port), ',')
	}
	if at != nil {
		dst = appendLocation(dst, at)
	}
	return closeObject(dst)
}

// appendLocation appends where a client is, with a comma behind it.
func appendLocation(dst []byte, at *sshwhy.Location) []byte {
	o := object{buf: dst}
	if at.Code != "" || at.City != "" {
		o.open("geo")
		o.word("country_iso_code", at.Code)
		o.word("country_name", at.Country)
		o.word("city_name", at.City)
		o.close()
	}
	if at.Number != 0 {
		o.open("as")
		o.number("number", int64(at.Number))
		if at.Organisation != "" {
			o.open("organization")
			o.word("name", at.Organisation)
			o.close()
		}
		o.close()
	}
	if o.comma {
		o.buf = append(o.buf, ',')
	}
	return o.buf
}

// isAddress tells an address of digits from a host name.
func isAddress(a []byte) bool { return len(withoutZone(a)) > 0 }

// withoutZone gives an address of digits without its zone, nil for a host name.
func withoutZone(address []byte) []byte {
	if isNumeric(address) {
		return address
	}
	if bytes.IndexByte(address, ':') < 0 {
		return nil
	}
	ip, _, _ := bytes.Cut(address, []byte("%"))
	return ip
}

// isNumeric tells a text of decimal digits and dots alone.
func isNumeric(s []byte) bool {
	if len(s) < 8 {
		for _, c := range s {
			if (c < '0' || c > '9') && c != '.' {
				return false
			}
		}
		return true
	}
	// The last eight are looked at whether they were before or not.
	other := otherThanNumeric(eight(s, len(s)-8))
	for i := 0; i < len(s)-8; i += 8 {
		other |= otherThanNumeric(eight(s, i))
	}
	return other&highBits == 0
}

// otherThanNumeric has a high bit set where one of the eight bytes of w is
// neither a digit nor a dot.
func otherThanNumeric(w uint64) uint64 {
	other := w | (w - ones*'.') | (w + ones*(0x7f-'9'))
	return other | ((w ^ ones*'/') - ones)
}

// programName takes off the path and the module that some systems put around
// the name.
func programName(ident []byte) []byte {
	if i := bytes.LastIndexByte(ident, '/'); i >= 0 {
		ident = ident[i+1:]
	}
	if i := bytes.IndexByte(ident, '('); i > 0 {
		ident = ident[:i]
	}
	return ident
}
