package sinks_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/sinks"
)

// someLines is a log with everything in it that the contract tells apart.
var someLines = []string{
	"2026-11-20T12:00:00.123456+00:00 edge05 sshd-session[16140]: Failed publickey for invalid user tanja from 203.0.113.7 port 51234 ssh2: ED25519 SHA256:6nCPVXPkLnRnWZnVr6jFvHNaIFrHbrSnLlTLcoNrOTs",
	"2026-11-20T12:00:01.000000+00:00 edge05 sshd-session[16140]: Connection closed by invalid user tanja 203.0.113.7 port 51234 [preauth]",
	"2026-11-20T12:00:02.000000+00:00 edge05 sshd[16100]: error: kex_exchange_identification: Connection closed by remote host",
	"2026-11-20T12:00:03.000000+00:00 edge05 sshd[16100]: message repeated 2 times: [ Failed password for root from 2001:db8::7 port 4 ssh2]",
	"2026-11-20T12:00:04.000000+00:00 edge05 sshd[16100]: no release of sshd writes this",
	"2026-11-20T12:00:05.000000+00:00 edge05 CRON[77]: (root) CMD (true)",
	"",
	"Invalid user  from fe80::1%eth0 port 22",
	"reverse mapping checking getaddrinfo for client.example.org [203.0.113.8] failed.",
	"sshd[5]: Invalid user \"\\\\n\\033[2J<\xff\xc3(\x01\x7f\u202e from 203.0.113.9 port 1",
	"sshd[5]: Invalid user j\\303\\266rg\\\\n\\033 from 203.0.113.9 port 1", // as sshd writes what is not ASCII
	"\x00\x01\x02\xff\xfe",
	"sshd[6]: Received disconnect from 203.0.113.9 port 5:11: \x1b]0;title\a\"quoted\" [preauth]",
}

func TestEvents(t *testing.T) {
	out := parsed(t, someLines)
	golden(t, "events.jsonl", out)
	wellFormed(t, out, len(someLines))
}

// parsed gives what "parse" writes for some lines.
func parsed(t *testing.T, lines []string) []byte {
	t.Helper()
	catalogue, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := parser.New(catalogue, parser.Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sink := sinks.NewEvents(&out, catalogue)
	var ev sshwhy.Event
	for _, text := range lines {
		p.Parse(&sshwhy.Record{Text: []byte(text), Source: "-"}, &ev)
		if err := sink.Write(&ev); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// TestEventsOneLineEach: however a line looks, it gives one line of output.
func TestEventsOneLineEach(t *testing.T) {
	var lines []string
	for c := range 256 {
		lines = append(lines, "Invalid user a"+string([]byte{byte(c)})+"b from 203.0.113.9 port 1")
	}
	wellFormed(t, parsed(t, lines), len(lines))
}

func TestEventsReportTheWriter(t *testing.T) {
	full := errors.New("no space left")
	var ev sshwhy.Event
	ev.Reset(&sshwhy.Record{})
	if err := sinks.NewEvents(failing{full}, &patterns.Catalogue{}).Write(&ev); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

// TestEventsKeepTheOrder: the n-th object is of the n-th line.
func TestEventsKeepTheOrder(t *testing.T) {
	out := strings.Split(strings.TrimSuffix(string(parsed(t, someLines)), "\n"), "\n")
	for i, want := range []string{"tanja", "tanja", "", "root"} {
		if want != "" && !strings.Contains(out[i], `"user":{"name":"`+want+`"}`) {
			t.Errorf("line %d: %s", i+1, out[i])
		}
	}
}
