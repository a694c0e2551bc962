package parser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// A written line is a message with all that its header says, before a form is
// chosen for it.
type written struct {
	at    time.Time
	host  string
	ident string
	pid   int32
	msg   string
}

// A layout writes a line in one form. What the form cannot say it takes out of
// w, so that the rest is what split must find again.
type layout struct {
	name  string
	form  form
	write func(w *written, r *rand.Rand) string
}

// rfc3164Time writes a stamp with any of the paddings of the day.
func rfc3164Time(w *written, r *rand.Rand) string {
	w.at = w.at.Truncate(time.Second)
	return w.at.Format([...]string{"Jan _2 15:04:05", "Jan 2 15:04:05", "Jan 02 15:04:05"}[r.IntN(3)])
}

// tagged writes "ident[pid]: message".
func (w *written) tagged() string { return fmt.Sprintf("%s[%d]: %s", w.ident, w.pid, w.msg) }

func (w *written) hosted() string { return w.host + " " + w.tagged() }

// utf8Only replaces what JSON cannot carry.
func (w *written) utf8Only() { w.msg = strings.ToValidUTF8(w.msg, "?") }

var layouts = []layout{
	{"traditional", formRFC3164, func(w *written, r *rand.Rand) string {
		return rfc3164Time(w, r) + " " + w.hosted()
	}},
	{"traditional without host", formRFC3164, func(w *written, r *rand.Rand) string {
		w.host = ""
		return rfc3164Time(w, r) + " " + w.tagged()
	}},
	{"traditional with priority", formRFC3164, func(w *written, r *rand.Rand) string {
		return fmt.Sprintf("<%d>%s %s", r.IntN(192), rfc3164Time(w, r), w.hosted())
	}},
	{"short-precise", formRFC3164, func(w *written, r *rand.Rand) string {
		w.at = w.at.Truncate(time.Microsecond)
		return w.at.Format("Jan _2 15:04:05.000000 ") + w.hosted()
	}},
	{"no pid", formRFC3164, func(w *written, r *rand.Rand) string {
		w.pid = 0
		return rfc3164Time(w, r) + " " + w.host + " " + w.ident + ": " + w.msg
	}},
	{"year behind", formRFC3164Year, func(w *written, r *rand.Rand) string {
		w.at = w.at.Truncate(time.Second)
		return w.at.Format("Jan _2 2006 15:04:05 ") + w.hosted()
	}},
	{"year before", formRFC3164Year, func(w *written, r *rand.Rand) string {
		w.at = w.at.Truncate(time.Second)
		return w.at.Format("2006 Jan _2 15:04:05 ") + w.hosted()
	}},
	{"iso", formISO8601, func(w *written, r *rand.Rand) string {
		zone := time.FixedZone("", (r.IntN(57)-28)*1800)
		unit := [...]time.Duration{time.Second, time.Millisecond, time.Microsecond}[r.IntN(3)]
		w.at = w.at.Truncate(unit)
		digits := map[time.Duration]string{time.Second: "", time.Millisecond: ".000", time.Microsecond: ",000000"}[unit]
		layout := "2006-01-02" + string("T "[r.IntN(2)]) + "15:04:05" + digits
		return w.at.In(zone).Format(layout+[...]string{"Z07:00", "-0700", " -0700"}[r.IntN(3)]) + " " + w.hosted()
	}},
	{"iso without zone", formISO8601, func(w *written, r *rand.Rand) string {
		w.at = w.at.Truncate(time.Second)
		return w.at.Format("2006-01-02T15:04:05 ") + w.hosted()
	}},
	{"rfc 5424", formRFC5424, func(w *written, r *rand.Rand) string {
		data := [...]string{"-", `[meta sequenceId="7"]`, `[a b="] \" \\ \] ["][c]`}[r.IntN(3)]
		return fmt.Sprintf("<38>1 %s %s %s %d - %s %s%s", w.at.Format(time.RFC3339Nano), w.host, w.ident, w.pid,
			data, [...]string{"", "\xef\xbb\xbf"}[r.IntN(2)], w.msg)
	}},
	{"short-full", formShortFull, func(w *written, r *rand.Rand) string {
		w.at = w.at.Truncate(time.Second)
		return w.at.Format("Mon 2006-01-02 15:04:05 MST ") + w.hosted()
	}},
	{"short-unix", formUnix, func(w *written, r *rand.Rand) string {
		w.at = w.at.Truncate(time.Microsecond)
		return fmt.Sprintf("%d.%06d %s", w.at.Unix(), w.at.Nanosecond()/1000, w.hosted())
	}},
	{"short-monotonic", formMonotonic, func(w *written, r *rand.Rand) string {
		w.at = time.Unix(0, 0)
		return fmt.Sprintf("[%12.6f] %s", r.Float64()*1e5, w.hosted())
	}},
	{"logread", formBSD, func(w *written, r *rand.Rand) string {
		w.at, w.host = w.at.Truncate(time.Second), ""
		return w.at.Format("Mon Jan _2 15:04:05 2006 auth.info ") + w.tagged()
	}},
	{"freebsd", formBSD, func(w *written, r *rand.Rand) string {
		return rfc3164Time(w, r) + [...]string{" <auth.info> ", " <4.6> "}[r.IntN(2)] + w.hosted()
	}},
	{"busybox", formBSD, func(w *written, r *rand.Rand) string {
		return rfc3164Time(w, r) + " " + w.host + " authpriv.notice " + w.tagged()
	}},
	{"solaris", formSolaris, func(w *written, r *rand.Rand) string {
		w.msg, w.at = "[ID 800047 auth.info] "+w.msg, w.at.Truncate(time.Second)
		line := w.at.Format("Jan _2 15:04:05 ") + w.hosted()
		w.msg = w.msg[len("[ID 800047 auth.info] "):]
		return line
	}},
	{"aix", formAIX, func(w *written, r *rand.Rand) string {
		return rfc3164Time(w, r) + " Message forwarded from " + w.host + ": " + w.tagged()
	}},
	{"macos log", formMacOS, func(w *written, r *rand.Rand) string {
		w.at = w.at.Truncate(time.Microsecond)
		return w.at.Format("2006-01-02 15:04:05.000000-0700  ") + w.hosted()
	}},
	{"macos asl", formASL, func(w *written, r *rand.Rand) string {
		w.at = w.at.Truncate(time.Second)
		return fmt.Sprintf("[Time %s UTC] [Facility auth] [Sender %s] [PID %d] [Message %s] [Level 3] [UID -2] [GID -2] [Host %s]",
			w.at.Format("2006.01.02 15:04:05"), w.ident, w.pid, w.msg, w.host)
	}},
	{"host and tag", formHostTag, func(w *written, r *rand.Rand) string {
		w.at = time.Unix(0, 0)
		return w.hosted()
	}},
	{"tag", formTag, func(w *written, r *rand.Rand) string {
		w.at, w.host = time.Unix(0, 0), ""
		return strings.Repeat(" ", r.IntN(2)) + w.tagged()
	}},
	{"cri", formCRI, func(w *written, r *rand.Rand) string {
		return w.at.Format("2006-01-02T15:04:05.000000000Z07:00 stderr F ") + w.inContainer()
	}},
	{"docker", formContainerJSON, func(w *written, r *rand.Rand) string {
		w.utf8Only()
		return object("log", w.inContainer()+"\n", "stream", "stderr", "time", w.at.Format(time.RFC3339Nano))
	}},
	{"journal", formJournalJSON, func(w *written, r *rand.Rand) string {
		w.utf8Only()
		return object("MESSAGE", w.msg, "__REALTIME_TIMESTAMP", w.microseconds(), "_HOSTNAME", w.host,
			"SYSLOG_IDENTIFIER", w.ident, "_PID", fmt.Sprint(w.pid))
	}},
	{"journal, bytes", formJournalJSON, func(w *written, r *rand.Rand) string {
		return fmt.Sprintf(`{"MESSAGE":%s,"__REALTIME_TIMESTAMP":"%s","_HOSTNAME":"%s","SYSLOG_IDENTIFIER":"%s","_PID":"%d"}`,
			byteArray(w.msg), w.microseconds(), w.host, w.ident, w.pid)
	}},
	{"vector", formJSON, func(w *written, r *rand.Rand) string {
		w.utf8Only()
		return object("appname", w.ident, "hostname", w.host, "message", w.msg, "procid", w.pid,
			"timestamp", w.at.Format(time.RFC3339Nano))
	}},
	{"filebeat", formJSON, func(w *written, r *rand.Rand) string {
		w.utf8Only()
		return object("@timestamp", w.at.Format(time.RFC3339Nano), "host", map[string]any{"name": w.host, "ip": []string{"192.0.2.1"}},
			"process", map[string]any{"name": w.ident, "pid": w.pid}, "message", w.msg)
	}},
	{"a line in a line", formJSON, func(w *written, r *rand.Rand) string {
		w.utf8Only()
		line := rfc3164Time(w, r) + " " + w.hosted()
		return object("@timestamp", "2026-01-01T00:00:00Z", "host", map[string]any{"name": "shipper"}, "message", line)
	}},
}

// inContainer takes out the host, which a container's log does not tell.
func (w *written) inContainer() string {
	w.host = ""
	return w.tagged()
}

func (w *written) microseconds() string {
	w.at = w.at.Truncate(time.Microsecond)
	return fmt.Sprint(w.at.UnixMicro())
}

// object writes names and values as JSON, in any order that a map has.
func object(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// hostilePieces are what messages are put together from.
var hostilePieces = []string{
	"Failed password for ", "Invalid user ", " from 203.0.113.7", " port 51234", " ssh2", " [preauth]",
	"Nov 22 15:32:51 other sshd[666]: ", "2026-11-22T15:32:51Z other sshd[666]: ", "<38>1 - other sshd 666 - - ",
	"] [Host other]", "] [PID 666", "[", "]", "\"", "\\", "'", "{", "}", `{"MESSAGE":"x"}`, `","MESSAGE":"x`,
	": ", "  ", "sshd[666]:", "stderr F ", "auth.info ", "Message forwarded from other: ", "\xef\xbb\xbf",
	"é", "日本", "😀", "\xff", "\xe9", "\x00", "\x1b[31m", "\t", "\\n", "%s", "<", ">", "&", " x",
}

// hostileMessage begins with a word, as all messages of sshd do, and goes on
// with anything. Blanks and CRs at its ends would not come back.
func hostileMessage(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString([...]string{"Failed", "error: ", "Invalid user ", "User ", "pam_unix(sshd:auth): "}[r.IntN(5)])
	for range r.IntN(12) {
		b.WriteString(hostilePieces[r.IntN(len(hostilePieces))])
	}
	return b.String() + "."
}

func randomWritten(r *rand.Rand) written {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-._"
	host := []byte{letters[r.IntN(26)]}
	for range r.IntN(24) {
		host = append(host, letters[r.IntN(len(letters))])
	}
	return written{
		at:    anEvening.Add(-time.Duration(r.Int64N(int64(360 * 24 * time.Hour)))),
		host:  [...]string{string(host), "198.51.100.7", "2001:db8::7", "WEB_01"}[r.IntN(4)],
		ident: [...]string{"sshd", "sshd-session", "sshd-auth", "internal-sftp", "postfix/smtpd"}[r.IntN(5)],
		pid:   int32(1 + r.IntN([...]int{9, 99999, 1<<31 - 1}[r.IntN(3)])),
		msg:   hostileMessage(r),
	}
}

// TestHeaderRoundTrip writes 100,000 lines and finds in each what it was
// written from, with one splitter for all, as a source's lines have it.
func TestHeaderRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(2026, 11))
	s := utcSplitter()
	for i := range 100_000 {
		w, layout := randomWritten(r), layouts[i%len(layouts)]
		line := []byte(layout.write(&w, r))
		before := bytes.Clone(line)
		var h sshwhy.Header
		msg, f, _, ok := s.split(line, anEvening, &h)
		if !ok || f != layout.form {
			t.Fatalf("%s: form %v, recognised: %v: %q", layout.name, f, ok, line)
		}
		if string(msg) != w.msg {
			t.Fatalf("%s: message\n%q, want\n%q in\n%q", layout.name, msg, w.msg, line)
		}
		if string(h.Host) != w.host || string(h.Ident) != w.ident || h.PID != w.pid || h.Time != w.at.UnixNano() {
			t.Fatalf("%s: host %q, ident %q, pid %d, time %v; want %+v in\n%q", layout.name, h.Host, h.Ident, h.PID, time.Unix(0, h.Time).UTC(), w, line)
		}
		if !bytes.Equal(line, before) {
			t.Fatalf("%s: the line was written to: %q", layout.name, before)
		}
	}
}
