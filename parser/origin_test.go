package parser

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// TestShortWayIsTheLong asks a splitter that has seen many lines what a fresh one
// says, which goes the long way. The lines have few days, hosts and programs, and
// differ from each other where the short way looks.
func TestShortWayIsTheLong(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[max(0, r.IntN(4*len(from))-3*len(from))] } // mostly the first
	used := utcSplitter()
	taken := 0
	for range 30_000 {
		at := fmt.Sprintf("%02d:%02d:%s", r.IntN(25), r.IntN(61), pick("01", "07", "59", "60", "61", "7 ", "x1"))
		stamp := pick("Nov 22 "+at, "Nov 22 15:32:51", "Nov  1 "+at, "Nov 01 "+at, "Nov 1 "+at, "Feb 29 "+at, "Oct 25 "+at,
			"2026-11-22T"+at+pick(".123456", "", ".123", ",123456", ".1234567", ".12345678", ".123456789", ".")+pick("Z", "+01:00", "+0100", "-02", " +0100", ""),
			"2026-11-22 "+at+pick("", ".123")+pick("Z", "+01:00", "+0100"),
			"2026-11-22T15:32:51.123456+01:00", "\x00\x00\x00\x00\x00\x00\x00 15:32:51", strings.Repeat("\x00", 11)+at)
		if r.IntN(3) == 0 {
			stamp = "2026-11-22T" + at + ".123456+01:00"
		}
		host := pick("web01", "edge", "ip-10-0-0-1.eu-central-1.compute.internal", "a", "backup-server-of-2001", "backup-server-of-2002", "stderr", "F", "2001:db8::1", "h[1]")
		program := pick("sshd", "sshd-session", "CRON", "sudo", "kernel", "su(pam_unix)", "sshd(x", "systemd-logind", "a:b", "auth.info", "/usr/sbin/sshd")
		pid := pick("[1]", "[702]", "[1234567]", "[12345678]", "[2147483648]", "[0]", "[]", "[-]", "[1x]", "", " [1]") + pick(": ", ":", ":  ", " ", ":\t", "")
		text := pick("Failed password for root from 203.0.113.7 port 51234 ssh2", "kernel: [    1.2] x", "[ID 800047 auth.info] x", "x", "", "sshd: no hostkeys available", "x[1]: y") + pick("", "\r", " ", strings.Repeat(" and more", 4))
		line := []byte(stamp + pick(" ", "  ", "\t", "") + host + pick(" ", "  ", "\t") + program + pid + text)
		if r.IntN(8) == 0 {
			line[r.IntN(len(line))] = " [:]0\x00\xff"[r.IntN(7)]
		}
		newest := []time.Time{anEvening, {}, anEvening.AddDate(-1, 0, 0)}[max(0, r.IntN(30)-27)]

		splitsAlike(t, used, line, newest)
		var short sshwhy.Header
		if msg, _, _ := used.usual(line, &newest, &short); msg != nil {
			taken++
		}
	}
	if taken < 5000 {
		t.Errorf("only %d lines went the short way", taken)
	}
}

// splitsAlike asks a splitter that has seen other lines what a fresh one says.
func splitsAlike(t *testing.T, used *splitter, line []byte, newest time.Time) {
	t.Helper()
	var short, long sshwhy.Header
	msg, f, by, ok := used.split(line, newest, &short)
	wantMsg, wantForm, wantBy, wantOK := utcSplitter().split(line, newest, &long)
	if !bytes.Equal(msg, wantMsg) || f != wantForm || by != wantBy || ok != wantOK || fmt.Sprint(short) != fmt.Sprint(long) {
		t.Fatalf("%q with newest %v: %q, %v, %v %v, %q; the long way says %q, %v, %v %v, %q",
			line, newest, msg, f, by, ok, fmt.Sprint(short), wantMsg, wantForm, wantBy, wantOK, fmt.Sprint(long))
	}
}

// TestHeadersOneByteApart reads, behind a line that the short way knows, the same
// line with one byte changed: a stamp of the next day at the same time of day is
// one of these, and most are no headers any more.
func TestHeadersOneByteApart(t *testing.T) {
	for _, header := range []string{
		"Nov 22 15:32:51 web01 sshd[12985]: ", "Nov  2 03:10:01 edge sshd-session[1]: ",
		"2026-11-22T15:32:51.123456+01:00 web01 sshd[12985]: ", "2026-11-22T15:32:51Z backup-server-of-the-year-2001 sshd-session[77]: ",
	} {
		known := []byte(header + "Connection closed by 203.0.113.7 port 51234 [preauth]")
		used := utcSplitter()
		var h sshwhy.Header
		for i := range header {
			line := bytes.Clone(known)
			others := []byte("0123456789 :[]-\x00\xff")
			for bit := range 8 {
				others = append(others, known[i]^1<<bit)
			}
			for _, c := range others {
				used.split(known, anEvening, &h)
				used.split(known, anEvening, &h)
				line[i] = c
				splitsAlike(t, used, line, anEvening)
			}
		}
	}
}

// TestOriginsKeepApart reads the lines of more hosts than there are places, in
// which their origins drive each other out.
func TestOriginsKeepApart(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	s := utcSplitter()
	for range 40_000 {
		host := fmt.Sprintf("%s%d", []string{"h", "web-", "ip-10-0-0-", "backup-server-of-2001-"}[r.IntN(4)], r.IntN(1000))
		program := []string{"sshd", "sshd-session"}[r.IntN(2)]
		pid := 1 + r.Int32N(1<<r.IntN(31))
		line := fmt.Appendf(nil, "Nov 22 15:32:%02d %s %s[%d]: Connection closed by 203.0.113.7 port 51234 [preauth]", r.IntN(60), host, program, pid)
		var h sshwhy.Header
		if _, _, _, ok := s.split(line, anEvening, &h); !ok || string(h.Host) != host || string(h.Ident) != program || h.PID != pid {
			t.Fatalf("%q: host %q, program %q, process %d", line, h.Host, h.Ident, h.PID)
		}
	}
}
