package parser

import (
	"strings"
	"testing"
)

func TestSplitRFC5424(t *testing.T) {
	at := "2026-11-22T15:32:51.25Z"
	runAll(t, []splitCase{
		{story: "without data", line: "<38>1 2026-11-22T15:32:51.25Z web01 sshd 12864 - - " + failed,
			form: "rfc5424", time: at, host: "web01", ident: "sshd", pid: 12864, msg: failed},
		{story: "the priority has been taken off", line: "1 2026-11-22T16:32:51.25+01:00 web01 sshd 12864 - - " + failed,
			form: "rfc5424", time: at, host: "web01", ident: "sshd", pid: 12864, msg: failed},
		{story: "data with quotes and brackets inside", line: `<38>1 2026-11-22T15:32:51.25Z web01 sshd 7 ID47 [a x="] \" \] [b" y=""][c@32473] ` + failed,
			form: "rfc5424", time: at, host: "web01", ident: "sshd", pid: 7, msg: failed},
		{story: "BOM", line: "<38>1 2026-11-22T15:32:51.25Z web01 sshd 7 - - \xef\xbb\xbf" + failed,
			form: "rfc5424", time: at, host: "web01", ident: "sshd", pid: 7, msg: failed},
		{story: "nothing known", line: "<38>1 - - - - - - " + failed, form: "rfc5424", msg: failed},
		{story: "a PROCID that is no pid", line: "<38>1 - web01 sshd x7 - - " + failed,
			form: "rfc5424", host: "web01", ident: "sshd", msg: failed},
		{story: "no message", line: "<38>1 2026-11-22T15:32:51.25Z web01 sshd 7 - -",
			form: "rfc5424", time: at, host: "web01", ident: "sshd", pid: 7},
		{story: "data that does not end is taken for the message", line: `<38>1 - web01 sshd 7 - [a x="`,
			form: "rfc5424", host: "web01", ident: "sshd", pid: 7, msg: `[a x="`},
		{story: "the message begins with a bracket", line: "<38>1 - web01 sshd 7 - - [666] x",
			form: "rfc5424", host: "web01", ident: "sshd", pid: 7, msg: "[666] x"},
		{story: "only a priority", line: "<38>" + failed, form: "priority-only", msg: failed},
		{story: "as written to /dev/log", line: "<38>Nov 22 15:32:51 sshd[7]: " + failed,
			form: "rfc3164", time: "2026-11-22T15:32:51Z", ident: "sshd", pid: 7, msg: failed},
	})
}

func TestSplitASL(t *testing.T) {
	head := "[Time 2026.11.22 15:32:51 UTC] [Facility auth] [Sender sshd] [PID 483] [Message "
	tail := "] [Level 3] [UID -2] [GID -2] [Host mini]"
	want := splitCase{form: "macos-asl", time: "2026-11-22T15:32:51Z", host: "mini", ident: "sshd", pid: 483}
	for _, msg := range []string{
		failed,
		"Invalid user x] [Host other from 192.0.2.1",
		"Invalid user x] [PID 666] [Message y from 192.0.2.1",
		"Received disconnect from 192.0.2.1: 11: x] [Level 3] [UID -2] [GID -2] [Host other",
	} {
		want.msg, want.line = msg, head+msg+tail
		want.run(t)
	}
}

func TestSplitContainers(t *testing.T) {
	at := "2026-11-22T15:32:51.123456789Z"
	runAll(t, []splitCase{
		{story: "Docker", line: `{"log":"` + failed + `\r\n","stream":"stderr","time":"2026-11-22T15:32:51.123456789Z"}`,
			form: "container-json", time: at, msg: failed},
		{story: "Docker, and the container has a syslog daemon", line: `{"log":"Nov 22 15:32:50 box sshd[7]: ` + failed + `\n","stream":"stdout","time":"2026-11-22T15:32:51.123456789Z"}`,
			form: "container-json", time: "2026-11-22T15:32:50Z", host: "box", ident: "sshd", pid: 7, msg: failed},
		{story: "Docker escapes", line: `{"log":"Invalid user \u003cb\u003e\t\"\\\u00e9\ud83d\ude00 from 192.0.2.1\n","stream":"stderr"}`,
			form: "container-json", msg: "Invalid user <b>\t\"\\é😀 from 192.0.2.1"},
		{story: "Kubernetes", line: at + " stderr F " + failed + "\r",
			form: "container-cri", time: at, msg: failed},
		{story: "Kubernetes, and part of a line", line: at + " stdout P sshd[7]: " + failed,
			form: "container-cri", time: at, ident: "sshd", pid: 7, msg: failed},
		{story: "docker logs -t", line: at + " " + failed, form: "iso8601", time: at, msg: failed},
		{story: "docker logs -t, and a syslog daemon", line: at + " web01 sshd[7]: " + failed,
			form: "iso8601", time: at, host: "web01", ident: "sshd", pid: 7, msg: failed},
	})
}

func TestSplitJournalJSON(t *testing.T) {
	at := "2026-11-22T15:32:51.123456Z"
	members := `"__REALTIME_TIMESTAMP":"1795361571123456","_HOSTNAME":"web01","SYSLOG_IDENTIFIER":"sshd","_COMM":"sshd-session","SYSLOG_PID":"8","_PID":"7"}`
	want := splitCase{form: "journal-json", time: at, host: "web01", ident: "sshd", pid: 7, msg: failed}
	for story, line := range map[string]string{
		"one object a line":    `{"MESSAGE":"` + failed + `",` + members,
		"bytes":                `{"MESSAGE":` + byteArray(failed) + `,` + members,
		"written twice":        `{"MESSAGE":["` + failed + `","x"],` + members,
		"the message last":     strings.TrimSuffix("{"+members, "}") + `,"MESSAGE":"` + failed + `"}`,
		"json-seq":             "\x1e" + `{"MESSAGE":"` + failed + `",` + members,
		"json-sse":             `data: {"MESSAGE":"` + failed + `",` + members,
		"with blanks":          `{ "MESSAGE" : "` + failed + `" , ` + members + " ",
		"with members to skip": `{"a":[1,"]",{"b":"}"}],"c":{"_PID":"666","MESSAGE":"x"},"d":null,"MESSAGE":"` + failed + `",` + members,
	} {
		want.story, want.line = story, line
		t.Run(story, want.run)
	}
	runAll(t, []splitCase{
		{story: "no identifier but a command", line: `{"MESSAGE":"x","_COMM":"sshd","SYSLOG_PID":"8","__CURSOR":"s"}`,
			form: "journal-json", ident: "sshd", pid: 8, msg: "x"},
		{story: "a message that looks like a header is a message", line: `{"MESSAGE":"Nov 22 15:32:51 other sshd[666]: x",` + members,
			form: "journal-json", time: at, host: "web01", ident: "sshd", pid: 7, msg: "Nov 22 15:32:51 other sshd[666]: x"},
		{story: "the time at which sshd wrote it, not that at which journald got it", line: `{"MESSAGE":"x","_SOURCE_REALTIME_TIMESTAMP":"1795361571123456","__REALTIME_TIMESTAMP":"1795361572999999"}`,
			form: "journal-json", time: at, msg: "x"},
		{story: "no message", line: `{"_PID":"7"}`, form: "bare", bare: true, msg: `{"_PID":"7"}`},
		{story: "not JSON", line: `{"MESSAGE":"x"`, form: "bare", bare: true, msg: `{"MESSAGE":"x"`},
		{story: "more than JSON", line: `{"MESSAGE":"x"} y`, form: "bare", bare: true, msg: `{"MESSAGE":"x"} y`},
	})
}

func TestSplitShippersJSON(t *testing.T) {
	at := "2026-11-22T15:32:51Z"
	runAll(t, []splitCase{
		{story: "Vector", line: `{"appname":"sshd","facility":"auth","hostname":"web01","message":"` + failed + `","procid":7,"timestamp":"2026-11-22T15:32:51Z"}`,
			form: "json", time: at, host: "web01", ident: "sshd", pid: 7, msg: failed},
		{story: "Filebeat, parsed", line: `{"@timestamp":"2026-11-22T15:32:51.000Z","host":{"ip":["192.0.2.1"],"name":"web01"},"process":{"name":"sshd","pid":7},"log":{"offset":3},"message":"` + failed + `"}`,
			form: "json", time: at, host: "web01", ident: "sshd", pid: 7, msg: failed},
		{story: "Filebeat, the line as it was", line: `{"@timestamp":"2026-11-22T15:33:00.000Z","host":{"name":"shipper"},"message":"Nov 22 15:32:51 web01 sshd[7]: ` + failed + `"}`,
			form: "json", time: at, host: "web01", ident: "sshd", pid: 7, msg: failed},
		{story: "Fluentd", line: `{"host":"web01","ident":"sshd","pid":"7","message":"` + failed + `"}`,
			form: "json", host: "web01", ident: "sshd", pid: 7, msg: failed},
		{story: "Fluent Bit", line: `{"date":1795361571.0,"host":"web01","ident":"sshd","pid":"7","message":"` + failed + `"}`,
			form: "json", time: at, host: "web01", ident: "sshd", pid: 7, msg: failed},
		{story: "rsyslog", line: `{"msg":" ` + failed + `","hostname":"web01","syslogtag":"sshd[7]:","timereported":"2026-11-22T15:32:51+00:00"}`,
			form: "json", time: at, host: "web01", ident: "sshd", pid: 7, msg: failed},
		{story: "flat ECS names", line: `{"message":"` + failed + `","host.name":"web01","process.name":"sshd","process.pid":7}`,
			form: "json", host: "web01", ident: "sshd", pid: 7, msg: failed},
		{story: "message counts before log", line: `{"log":"x","message":"` + failed + `"}`, form: "json", msg: failed},
	})
}

// byteArray writes text as the journal writes what is not UTF-8.
func byteArray(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte("[,"[min(i, 1)])
		for n, on := 100, false; n > 0; n /= 10 {
			digit := text[i] / byte(n) % 10
			if on = on || digit > 0 || n == 1; on {
				b.WriteByte('0' + digit)
			}
		}
	}
	return b.String() + "]"
}
