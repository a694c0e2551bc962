package parser

import (
	"bytes"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// anEvening is the present of the tests: a Sunday, as the lines below say.
var anEvening = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

func utcSplitter() *splitter {
	return newSplitter(Options{Zone: time.UTC, Now: func() time.Time { return anEvening }})
}

// A splitCase is a line and all that its header says.
type splitCase struct {
	story  string
	line   string
	form   string
	time   string // RFC 3339, "" for none
	host   string
	ident  string
	pid    int32
	module string
	msg    string
	bare   bool // no header is recognised
}

func (c splitCase) run(t *testing.T) {
	t.Helper()
	s, h := utcSplitter(), sshwhy.Header{}
	msg, f, _, ok := s.split([]byte(c.line), time.Time{}, &h)
	if ok == c.bare {
		t.Errorf("%q: recognised: %v", c.line, ok)
	}
	if string(f) != c.form {
		t.Errorf("%q: form %s, want %s", c.line, f, c.form)
	}
	if string(msg) != c.msg {
		t.Errorf("%q: message %q, want %q", c.line, msg, c.msg)
	}
	if string(h.Host) != c.host || string(h.Ident) != c.ident || h.PID != c.pid || string(s.module) != c.module {
		t.Errorf("%q: host %q, ident %q, pid %d, module %q", c.line, h.Host, h.Ident, h.PID, s.module)
	}
	if got := instant(h.Time); got != c.time {
		t.Errorf("%q: time %s, want %s", c.line, got, c.time)
	}
}

func instant(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
}

func runAll(t *testing.T, cases []splitCase) {
	for _, c := range cases {
		t.Run(c.story, c.run)
	}
}

// failed is a message as sshd writes them.
const failed = "Failed password for tanja from 203.0.113.7 port 51234 ssh2"

func TestSplitLogDaemons(t *testing.T) {
	at := "2026-11-22T15:32:51Z"
	runAll(t, []splitCase{
		{story: "what nearly every Linux writes", line: "Nov 22 15:32:51 web01 sshd[12864]: " + failed,
			form: "rfc3164", time: at, host: "web01", ident: "sshd", pid: 12864, msg: failed},
		{story: "the day padded with a blank", line: "Nov  2 15:32:51 web01 sshd[1]: " + failed,
			form: "rfc3164", time: "2026-11-02T15:32:51Z", host: "web01", ident: "sshd", pid: 1, msg: failed},
		{story: "the day not padded", line: "Nov 2 15:32:51 web01 sshd[1]: " + failed,
			form: "rfc3164", time: "2026-11-02T15:32:51Z", host: "web01", ident: "sshd", pid: 1, msg: failed},
		{story: "the day padded with a zero", line: "Nov 02 15:32:51 web01 sshd[1]: " + failed,
			form: "rfc3164", time: "2026-11-02T15:32:51Z", host: "web01", ident: "sshd", pid: 1, msg: failed},
		{story: "short-precise has microseconds", line: "Nov 22 15:32:51.250001 web01 sshd-session[77]: " + failed,
			form: "rfc3164", time: "2026-11-22T15:32:51.250001Z", host: "web01", ident: "sshd-session", pid: 77, msg: failed},
		{story: "a year behind the day", line: "Nov 22 2024 15:32:51 web01 sshd[1]: " + failed,
			form: "rfc3164-year", time: "2024-11-22T15:32:51Z", host: "web01", ident: "sshd", pid: 1, msg: failed},
		{story: "a year before the month", line: "2024 Nov 22 15:32:51 web01 sshd[1]: " + failed,
			form: "rfc3164-year", time: "2024-11-22T15:32:51Z", host: "web01", ident: "sshd", pid: 1, msg: failed},
		{story: "no host", line: "Nov 22 15:32:51 sshd[9]: " + failed,
			form: "rfc3164", time: at, ident: "sshd", pid: 9, msg: failed},
		{story: "neither host nor pid", line: "Nov 22 15:32:51 sshd: " + failed,
			form: "rfc3164", time: at, ident: "sshd", msg: failed},
		{story: "no pid", line: "Nov 22 15:32:51 web01 sshd: " + failed,
			form: "rfc3164", time: at, host: "web01", ident: "sshd", msg: failed},
		{story: "another program", line: "Nov 22 15:32:51 web01 postfix/smtpd[3]: connect from unknown",
			form: "rfc3164", time: at, host: "web01", ident: "postfix/smtpd", pid: 3, msg: "connect from unknown"},
		{story: "another program without a pid", line: "Nov 22 15:32:51 web01 kernel: sshd[3]: segfault",
			form: "rfc3164", time: at, host: "web01", ident: "kernel", msg: "sshd[3]: segfault"},
		{story: "old PAM put its module into the tag", line: "Nov 22 15:32:51 web01 sshd(pam_unix)[44]: check pass; user unknown",
			form: "rfc3164", time: at, host: "web01", ident: "sshd", pid: 44, module: "pam_unix", msg: "check pass; user unknown"},
		{story: "the host is an address", line: "Nov 22 15:32:51 2001:db8::7 sshd[4]: " + failed,
			form: "rfc3164", time: at, host: "2001:db8::7", ident: "sshd", pid: 4, msg: failed},
		{story: "a priority in front", line: "<38>Nov 22 15:32:51 web01 sshd[4]: " + failed,
			form: "rfc3164", time: at, host: "web01", ident: "sshd", pid: 4, msg: failed},
		{story: "a pid that syslog-ng did not know", line: "Nov 22 15:32:51 web01 sshd[-]: " + failed,
			form: "rfc3164", time: at, host: "web01", ident: "sshd", msg: failed},
		{story: "a pid beyond any", line: "Nov 22 15:32:51 web01 sshd[99999999999]: " + failed,
			form: "rfc3164", time: at, host: "web01", ident: "sshd", msg: failed},
		{story: "a refrain names no program", line: "Nov 22 15:32:51 web01 last message repeated 3 times",
			form: "rfc3164", time: at, host: "web01", msg: "last message repeated 3 times"},
		{story: "CR at the end", line: "Nov 22 15:32:51 web01 sshd[4]: " + failed + "\r",
			form: "rfc3164", time: at, host: "web01", ident: "sshd", pid: 4, msg: failed},
		{story: "more blanks before the message", line: "Nov 22 15:32:51 web01 sshd[4]:   " + failed,
			form: "rfc3164", time: at, host: "web01", ident: "sshd", pid: 4, msg: failed},
		{story: "no message", line: "Nov 22 15:32:51 web01 sshd[4]:",
			form: "rfc3164", time: at, host: "web01", ident: "sshd", pid: 4},
		{story: "OpenWrt's logread", line: "Sun Nov 22 15:32:51 2026 authpriv.info sshd[4]: " + failed,
			form: "bsd-facility", time: at, ident: "sshd", pid: 4, msg: failed},
		{story: "a leap second", line: "2016-12-31T23:59:60Z web01 sshd[4]: " + failed,
			form: "iso8601", time: "2017-01-01T00:00:00Z", host: "web01", ident: "sshd", pid: 4, msg: failed},
	})
}

func TestSplitISO8601(t *testing.T) {
	for stamp, want := range map[string]string{
		"2026-11-22T15:32:51Z":             "2026-11-22T15:32:51Z",
		"2026-11-22T15:32:51.25Z":          "2026-11-22T15:32:51.25Z",
		"2026-11-22T15:32:51,25Z":          "2026-11-22T15:32:51.25Z",
		"2026-11-22T15:32:51.123456+01:00": "2026-11-22T14:32:51.123456Z",
		"2026-11-22T15:32:51+0100":         "2026-11-22T14:32:51Z",
		"2026-11-22T15:32:51-03":           "2026-11-22T18:32:51Z",
		"2026-11-22T15:32:51-09:30":        "2026-11-23T01:02:51Z",
		"2026-11-22T15:32:51":              "2026-11-22T15:32:51Z",
		"2026-11-22 15:32:51":              "2026-11-22T15:32:51Z",
		"2026-11-22 15:32:51,006":          "2026-11-22T15:32:51.006Z",
		"2026-11-22 15:32:51 +0100":        "2026-11-22T14:32:51Z",
		"2026-11-22 15:32:51 UTC":          "2026-11-22T15:32:51Z",
		"2026/11/22 15:32:51":              "2026-11-22T15:32:51Z",
	} {
		splitCase{line: stamp + " web01 sshd[12864]: " + failed, form: "iso8601",
			time: want, host: "web01", ident: "sshd", pid: 12864, msg: failed}.run(t)
	}
}

func TestSplitJournalctl(t *testing.T) {
	at := "2026-11-22T15:32:51Z"
	runAll(t, []splitCase{
		{story: "short-full", line: "Sun 2026-11-22 15:32:51 UTC web01 sshd[5]: " + failed,
			form: "journal-short-full", time: at, host: "web01", ident: "sshd", pid: 5, msg: failed},
		{story: "with-unit", line: "Sun 2026-11-22 15:32:51 UTC web01 ssh.service[5]: " + failed,
			form: "journal-short-full", time: at, host: "web01", ident: "sshd", pid: 5, msg: failed},
		{story: "with-unit of a socket's instance", line: "Sun 2026-11-22 15:32:51 UTC web01 sshd@3-192.0.2.1:22-192.0.2.9:40022.service[5]: " + failed,
			form: "journal-short-full", time: at, host: "web01", ident: "sshd", pid: 5, msg: failed},
		{story: "with-unit after login", line: "Sun 2026-11-22 15:32:51 UTC web01 session-9.scope[5]: Disconnected from user tanja 192.0.2.9 port 40022",
			form: "journal-short-full", time: at, host: "web01", pid: 5, msg: "Disconnected from user tanja 192.0.2.9 port 40022"},
		{story: "with-unit of others", line: "Sun 2026-11-22 15:32:51 UTC web01 cron.service[5]: pam_unix(cron:session): session opened",
			form: "journal-short-full", time: at, host: "web01", ident: "cron.service", pid: 5, msg: "pam_unix(cron:session): session opened"},
		{story: "short-unix", line: "1795361571.500000 web01 sshd[5]: " + failed,
			form: "journal-short-unix", time: "2026-11-22T15:32:51.5Z", host: "web01", ident: "sshd", pid: 5, msg: failed},
		{story: "short-monotonic counts from the start of the host", line: "[  970.699396] web01 sshd[5]: " + failed,
			form: "journal-short-monotonic", host: "web01", ident: "sshd", pid: 5, msg: failed},
		{story: "short-delta", line: "[  970.699396 <    0.000012 >] web01 sshd[5]: " + failed,
			form: "journal-short-monotonic", host: "web01", ident: "sshd", pid: 5, msg: failed},
		{story: "journalctl's own words", line: "-- Boot 0123456789abcdef0123456789abcdef --",
			form: "journal-note", msg: "-- Boot 0123456789abcdef0123456789abcdef --"},
		{story: "host and tag alone", line: "web01 sshd[5]: " + failed,
			form: "host-and-tag", host: "web01", ident: "sshd", pid: 5, msg: failed},
		{story: "the tag alone", line: "sshd[5]: " + failed, form: "tag-only", ident: "sshd", pid: 5, msg: failed},
		{story: "the tag alone, indented", line: " sshd[5]: " + failed, form: "tag-only", ident: "sshd", pid: 5, msg: failed},
		{story: "the tag alone, of a module", line: "sshd(pam_unix)[5]: check pass", form: "tag-only", ident: "sshd", module: "pam_unix", pid: 5, msg: "check pass"},
		{story: "the tag alone, without a pid", line: "sshd: " + failed, form: "tag-only", ident: "sshd", msg: failed},
	})
}

func TestSplitOtherSystems(t *testing.T) {
	at := "2026-11-22T15:32:51Z"
	runAll(t, []splitCase{
		{story: "FreeBSD -v, in numbers", line: "Nov 22 15:32:51 <4.6> gate sshd[6]: " + failed,
			form: "bsd-facility", time: at, host: "gate", ident: "sshd", pid: 6, msg: failed},
		{story: "FreeBSD -vv, in words", line: "Nov 22 15:32:51 <auth.info> gate sshd[6]: " + failed,
			form: "bsd-facility", time: at, host: "gate", ident: "sshd", pid: 6, msg: failed},
		{story: "the same without a time", line: "<auth.info> gate sshd[6]: " + failed,
			form: "bsd-facility", host: "gate", ident: "sshd", pid: 6, msg: failed},
		{story: "busybox", line: "Nov 22 15:32:51 router authpriv.notice sshd[6]: " + failed,
			form: "bsd-facility", time: at, host: "router", ident: "sshd", pid: 6, msg: failed},
		{story: "AIX", line: "Nov 22 15:32:51 p7 auth|security:info sshd[6]: " + failed,
			form: "bsd-facility", time: at, host: "p7", ident: "sshd", pid: 6, msg: failed},
		{story: "a facility and the bare message", line: "2026-11-22T15:32:51.00010 auth.info: " + failed,
			form: "bsd-facility", time: "2026-11-22T15:32:51.0001Z", msg: failed},
		{story: "a facility and a tag", line: "2026-11-22T15:32:51 auth.info: sshd[6]: " + failed,
			form: "bsd-facility", time: at, ident: "sshd", pid: 6, msg: failed},
		{story: "a facility and the time once more", line: "2026-11-22T15:32:51 auth.info: Nov 22 15:32:50 sshd[6]: " + failed,
			form: "bsd-facility", time: at, ident: "sshd", pid: 6, msg: failed},
		{story: "a host named like a facility", line: "Nov 22 15:32:51 auth.example sshd[6]: " + failed,
			form: "rfc3164", time: at, host: "auth.example", ident: "sshd", pid: 6, msg: failed},
		{story: "Solaris", line: "Nov 22 15:32:51 sol sshd[6]: [ID 800047 auth.info] " + failed,
			form: "solaris", time: at, host: "sol", ident: "sshd", pid: 6, msg: failed},
		{story: "AIX forwards", line: "Nov 22 15:32:51 Message forwarded from p7: sshd[6]: " + failed,
			form: "aix-forwarded", time: at, host: "p7", ident: "sshd", pid: 6, msg: failed},
		{story: "AIX forwards, and the relay tells its own name", line: "Nov 22 15:32:51 relay Message forwarded from p7: sshd[6]: " + failed,
			form: "aix-forwarded", time: at, host: "p7", ident: "sshd", pid: 6, msg: failed},
		{story: "ESXi", line: "2026-11-22T15:32:51Z In(38) sshd[6]: " + failed,
			form: "esxi", time: at, ident: "sshd", pid: 6, msg: failed},
		{story: "macOS log", line: "2026-11-22 15:32:51.000001-0700  localhost sshd[6]: " + failed,
			form: "macos-log", time: "2026-11-22T22:32:51.000001Z", host: "localhost", ident: "sshd", pid: 6, msg: failed},
		{story: "macOS syslog tells the level", line: "Nov 22 15:32:51 mini sshd[6] <Notice>: " + failed,
			form: "rfc3164", time: at, host: "mini", ident: "sshd", pid: 6, msg: failed},
		{story: "the kernel's clock got in", line: "web01 sshd[6]: kernel:[  970.699396]: " + failed,
			form: "host-and-tag", host: "web01", ident: "sshd", pid: 6, msg: failed},
		{story: "the kernel's clock, spelled otherwise", line: "web01 sshd[6]: kernel: [12970.699398] " + failed,
			form: "host-and-tag", host: "web01", ident: "sshd", pid: 6, msg: failed},
		{story: "multilog", line: "@4000000057d00000075bcd15 " + failed,
			form: "tai64n", time: "2016-09-07T11:54:30.123456789Z", msg: failed},
		{story: "multilog, read by tai64nlocal", line: "2026-11-22 15:32:51.123456789 " + failed,
			form: "iso8601", time: "2026-11-22T15:32:51.123456789Z", msg: failed},
	})
}

// TestSplitBareMessages holds the lines of sshd -e: some look like headers,
// and a client has chosen part of some.
func TestSplitBareMessages(t *testing.T) {
	for _, line := range []string{
		"",
		" ",
		failed,
		"error: x", "fatal: x", "debug1: x", "error: sshd[1]: x",
		"sshd: no hostkeys available -- exiting.",
		"sshd re-exec requires execution with an absolute path",
		"pam_unix(sshd:auth): authentication failure; logname= uid=0",
		"Nasty PTR record \"sshd[1]: x\" is set up for 192.0.2.1, ignoring",
		"User sshd[1]: Accepted password for root from 192.0.2.66 port 1 ssh2 from 203.0.113.7 not allowed because not listed in AllowUsers",
		"User web01 sshd[1]: x from 203.0.113.7 not allowed because not listed in AllowUsers",
		"user sshd[1]: x login class [preauth]",
		"Account sshd[1]: x has expired",
		"Invalid user web01 sshd[1]: Accepted password for root from 192.0.2.66 port 1 ssh2 from 203.0.113.7 port 51234",
		"Invalid user Nov 22 15:32:51 web01 sshd[1]: x from 203.0.113.7 port 51234",
		"Received disconnect from 203.0.113.7 port 51234:11: Nov 22 15:32:51 web01 sshd[1]: x",
		"/etc/ssh/sshd_config line 3: Unsupported option sshd[1]: x",
		"3 active startups",
		`{"log":"Failed web01 sshd[1]: x`,
		`{"log": 7} sshd[1]: x`,
		"[Time 2026.11.22 15:32:51 UTC] [Sender sshd] [Message x",
		"[Time ] [Message ",
		"Nov 22", "Nov 22 15:32:5", "Nov 32 15:32:51 web01 sshd[1]",
		"May I introduce myself: sshd",
	} {
		splitCase{line: line, form: "bare", msg: line, bare: true}.run(t)
	}
	splitCase{line: failed + "\r\r", form: "bare", msg: failed, bare: true}.run(t)
}

// TestSplitHostileMessage shows that what follows the tag stays message.
func TestSplitHostileMessage(t *testing.T) {
	for _, msg := range []string{
		"Nov 22 15:32:51 other sshd[666]: Accepted password for root",
		"other sshd[666]: x", "<38>1 2026-11-22T15:32:51Z other sshd 666 - - x",
		`{"MESSAGE":"x","_PID":"666"}`, "[666]: x", "stderr F x", "auth.info: x",
		"Message forwarded from other: sshd[666]: x", "[ID 1 x] y", "[ID 800047 auth.wrong] x",
		"kernel: [x] y", "kernel: x", "] [PID 666] [Host other", "-- Boot x",
	} {
		splitCase{line: "Nov 22 15:32:51 web01 sshd[4]: " + msg, form: "rfc3164", time: "2026-11-22T15:32:51Z",
			host: "web01", ident: "sshd", pid: 4, msg: msg}.run(t)
	}
	user := "User sshd[666]: x from 203.0.113.7 not allowed because not listed in AllowUsers"
	for _, stamp := range []string{"Nov 22 15:32:51 ", "2026-11-22T15:32:51.000000000Z stderr F "} {
		var h sshwhy.Header
		msg, _, _, _ := utcSplitter().split([]byte(stamp+user), time.Time{}, &h)
		if string(msg) != user || h.PID != 0 || h.Host != nil {
			t.Errorf("a user name became a header behind %q: %q, host %q, pid %d", stamp, msg, h.Host, h.PID)
		}
	}
}

func TestSplitKeepsMessageThatLooksLikeATag(t *testing.T) {
	msg := "sshd: no hostkeys available -- exiting."
	at := "2026-11-22T15:32:51Z"
	splitCase{line: "Nov 22 15:32:51 web01 sshd[4]: " + msg, form: "rfc3164", time: at,
		host: "web01", ident: "sshd", pid: 4, msg: msg}.run(t)
	splitCase{line: "Nov 22 15:32:51 web01 " + msg, form: "rfc3164", time: at,
		host: "web01", ident: "sshd", msg: msg}.run(t)
}

func TestHeaderRepeated(t *testing.T) {
	for _, c := range []struct {
		msg, inner string
		n          int32
	}{
		{"message repeated 3 times: [ " + failed + "]", failed, 3},
		{"message repeated 2 times: [Invalid user [x] from 192.0.2.1]", "Invalid user [x] from 192.0.2.1", 2},
		{"message repeated 2 times: [ cut sho", "cut sho", 2},
		{"last message repeated 12 times", "", 12},
		{"last message repeated 1 time", "", 1},
		{"message repeated 0 times: [ x]", "message repeated 0 times: [ x]", 1},
		{"message repeated 9999999999 times: [ x]", "message repeated 9999999999 times: [ x]", 1},
		{"last message repeated often", "last message repeated often", 1},
		{"message", "message", 1},
		{"", "", 1},
		{failed, failed, 1},
	} {
		if inner, n := repeated([]byte(c.msg)); string(inner) != c.inner || n != c.n {
			t.Errorf("%q: %q, %d times", c.msg, inner, n)
		}
	}
}

func TestSplitAllocatesNothing(t *testing.T) {
	s, h := utcSplitter(), sshwhy.Header{}
	for _, line := range benchmarkLines {
		if n := testing.AllocsPerRun(100, func() { s.split(line, anEvening, &h) }); n != 0 {
			t.Errorf("%q: %v allocations", line, n)
		}
	}
}

var benchmarkLines = map[string][]byte{
	"rfc3164": []byte("Nov 22 15:32:51 web01 sshd[12864]: " + failed),
	"iso8601": []byte("2026-11-22T15:32:51.123456+00:00 web01 sshd[12864]: " + failed),
	"local":   []byte("2026-11-22 15:32:51 web01 sshd[12864]: " + failed),
	"rfc5424": []byte("<38>1 2026-11-22T15:32:51.123456+00:00 web01 sshd 12864 - [meta sequenceId=\"7\"] " + failed),
	"bare":    []byte(failed),
	"docker":  []byte(`{"log":"` + failed + `\r\n","stream":"stderr","time":"2026-11-22T15:32:51.123456789Z"}`),
	"journal": []byte(`{"_PID":"12864","MESSAGE":"` + failed + `","_HOSTNAME":"web01","SYSLOG_IDENTIFIER":"sshd","__REALTIME_TIMESTAMP":"1795361571123456"}`),
}

func BenchmarkSplit(b *testing.B) {
	for name, line := range benchmarkLines {
		b.Run(name, func(b *testing.B) {
			s, h := utcSplitter(), sshwhy.Header{}
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				s.split(line, anEvening, &h)
			}
		})
	}
}

// FuzzSplit holds what split promises of any line: it does not panic, hands
// out parts of the line or of its buffer, and says the same again.
func FuzzSplit(f *testing.F) {
	for _, line := range benchmarkLines {
		f.Add(line)
	}
	f.Add([]byte("[Time 2026.11.22 15:32:51 UTC] [Sender sshd] [PID 7] [Message x] [Host web01]"))
	f.Add([]byte(`{"MESSAGE":[70,97,255],"_PID":"7"}`))
	f.Add([]byte("@4000000057d00000075bcd15 x"))
	f.Add([]byte("<auth.info> gate sshd(pam_unix)[6]: [ID 1 auth.info] x"))
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		s, h := utcSplitter(), sshwhy.Header{}
		msg, form, _, ok := s.split(line, anEvening, &h)
		for _, part := range [][]byte{msg, h.Host, h.Ident} {
			if !within(part, line) && !within(part, s.buf[:cap(s.buf)]) && string(part) != "sshd" {
				t.Fatalf("%q is no part of %q", part, line)
			}
		}
		if !ok && (h.Time != 0 || h.Host != nil || h.Ident != nil || h.PID != 0) {
			t.Fatalf("a header of a line without one: %+v", h)
		}
		if h.PID < 0 || form == "" {
			t.Fatalf("pid %d, form %q", h.PID, form)
		}
		kept := bytes.Clone(msg)
		var again sshwhy.Header
		msg2, form2, _, ok2 := s.split(line, anEvening, &again)
		if !bytes.Equal(msg2, kept) || form2 != form || ok2 != ok || again.Time != h.Time || again.PID != h.PID {
			t.Fatalf("%q: first %q %s %v, then %q %s %v", line, kept, form, ok, msg2, form2, ok2)
		}
		repeated(msg)
		if !bytes.Equal(line, before) {
			t.Fatal("the line was written to")
		}
	})
}

// within tells that part's bytes are bytes of whole, by where they lie.
func within(part, whole []byte) bool {
	if len(part) == 0 {
		return true
	}
	for i := range whole {
		if &whole[i] == &part[0] {
			return len(part) <= len(whole)-i
		}
	}
	return false
}
