package sinks_test

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/sinks"
)

// watched is a Live sink, what feeds it, and what it writes.
type watched struct {
	*sinks.Live
	t      *testing.T
	causes *causes.Catalogue
	out    bytes.Buffer
	now    int64
}

func watch(t *testing.T, o sinks.LiveOptions) *watched {
	t.Helper()
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := patterns.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t, causes: c, now: int64(noon)}
	w.Live = sinks.NewLive(bufio.NewWriter(&w.out), c, p, lang.For(causes.English), o)
	return w
}

// refused delivers a verdict, some seconds after the one before.
func (w *watched) refused(user, address, cause string) {
	w.t.Helper()
	w.now += int64(7 * time.Second)
	f := sshwhy.Finding{
		Identity: sshwhy.Identity{Host: []byte("edge05")}, Revision: 1, Outcome: sshwhy.OutcomeRefused, Cause: w.causes.Find(cause), Confidence: sshwhy.ConfidenceCertain,
		Start: w.now, End: w.now, User: []byte(user), UserKnown: true, Address: []byte(address), Decisive: 0,
		Evidence: []sshwhy.Evidence{{Text: []byte("a line about " + user)}},
	}
	if f.Cause == 0 {
		w.t.Fatalf("there is no cause %q", cause)
	}
	if err := w.Deliver(&f); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		w.t.Fatal(err)
	}
}

// headlines gives the lines that begin with a time of day.
func headlines(screen string) []string {
	var list []string
	for line := range strings.Lines(screen) {
		if len(line) > 9 && line[2] == ':' && line[5] == ':' {
			list = append(list, strings.Join(strings.Fields(line)[1:], " "))
		}
	}
	return list
}

// screen plays what was written on a terminal and gives what it shows.
func (w *watched) screen() string {
	w.t.Helper()
	rows, row, text := []string{""}, 0, w.out.String()
	for text != "" {
		switch {
		case text[0] == '\n':
			if row++; row == len(rows) {
				rows = append(rows, "")
			}
			text = text[1:]
		case text[0] == '\r':
			text = text[1:]
		case strings.HasPrefix(text, "\x1b["):
			end := strings.IndexAny(text, "AKJm")
			n := 1
			fmt.Sscanf(text[2:end], "%d", &n)
			switch text[end] {
			case 'A':
				if row -= n; row < 0 {
					w.t.Fatal("the cursor left the screen at the top")
				}
			case 'K':
				rows[row] = ""
			case 'J':
				rows = append(rows[:row], "")
			}
			text = text[end+1:]
		default:
			end := strings.IndexAny(text, "\n\r\x1b")
			if end < 0 {
				end = len(text)
			}
			rows[row] += text[:end]
			text = text[end:]
		}
	}
	return strings.Join(rows, "\n")
}

func expectHeadlines(t *testing.T, screen string, want ...string) {
	t.Helper()
	got := headlines(screen)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("shown were\n%s\nwant\n%s\nof\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), screen)
	}
}

// TestLiveCountsInPlace tells how a terminal looks when the same verdict comes
// again and again, with what is open below.
func TestLiveCountsInPlace(t *testing.T) {
	w := watch(t, sinks.LiveOptions{TextOptions: sinks.TextOptions{Width: 100}, Terminal: true})
	w.refused("bob", "203.0.113.7", "account-locked")
	w.Pending([]string{"alice from 203.0.113.9, at the password prompt, 40 s"})
	for range 4 {
		w.refused("bob", "203.0.113.7", "account-locked")
	}
	screen := w.screen()
	expectHeadlines(t, screen, "✗ bob from 203.0.113.7 account-locked (certain)", "✗ bob from 203.0.113.7 account-locked (certain) ×5 since 12:00:07")
	if !strings.HasSuffix(screen, "… alice from 203.0.113.9, at the password prompt, 40 s\n") {
		t.Errorf("what is open is not shown last:\n%s", screen)
	}
	w.Pending(nil)
	w.refused("carol", "203.0.113.7", "account-locked")
	w.refused("bob", "203.0.113.7", "account-locked")
	screen = w.screen()
	expectHeadlines(t, screen, "✗ bob from 203.0.113.7 account-locked (certain)", "✗ bob from 203.0.113.7 account-locked (certain) ×5 since 12:00:07",
		"✗ carol from 203.0.113.7 account-locked (certain)", "✗ bob from 203.0.113.7 account-locked (certain) ×6 since 12:00:07")
	if strings.Contains(screen, "alice") {
		t.Errorf("what is no longer open is still shown:\n%s", screen)
	}
}

// TestLiveCountsInAPipe tells what a file gets: the first in full, then the
// count now and then, the last one at the end, and nothing but text.
func TestLiveCountsInAPipe(t *testing.T) {
	w := watch(t, sinks.LiveOptions{})
	for range 25 {
		w.refused("bob", "203.0.113.7", "account-locked")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := w.out.String()
	if strings.ContainsAny(out, "\x1b\r") {
		t.Errorf("there are terminal codes in %q", out)
	}
	expectHeadlines(t, out, "✗ bob from 203.0.113.7 account-locked (certain)", "✗ bob from 203.0.113.7 account-locked (certain) ×10 since 12:00:07",
		"✗ bob from 203.0.113.7 account-locked (certain) ×19 since 12:00:07", "✗ bob from 203.0.113.7 account-locked (certain) ×25 since 12:00:07")
}

// TestLiveNamesThatClientsMakeUp holds that a scan of names is one verdict,
// and that the names of our people are never joined.
func TestLiveNamesThatClientsMakeUp(t *testing.T) {
	w := watch(t, sinks.LiveOptions{TextOptions: sinks.TextOptions{Width: 120}, Terminal: true})
	for _, name := range []string{"admin", "oracle", "test", "admin"} {
		w.refused(name, "198.51.100.4", "user-unknown")
	}
	w.refused("alice", "198.51.100.4", "wrong-password")
	w.refused("bob", "198.51.100.4", "wrong-password")
	expectHeadlines(t, w.screen(), "✗ admin from 198.51.100.4 user-unknown (certain)", "✗ admin from 198.51.100.4 (and 2 other names) user-unknown (certain) ×4 since 12:00:07",
		"✗ alice from 198.51.100.4 wrong-password (certain)", "✗ bob from 198.51.100.4 wrong-password (certain)")
}

// TestLiveForgets holds that a verdict is given in full again after a while,
// and that a flood of them takes no more room than its bound.
func TestLiveForgets(t *testing.T) {
	w := watch(t, sinks.LiveOptions{})
	w.refused("bob", "203.0.113.7", "account-locked")
	w.now += int64(11 * time.Minute)
	w.refused("bob", "203.0.113.7", "account-locked")
	expectHeadlines(t, w.out.String(), "✗ bob from 203.0.113.7 account-locked (certain)", "✗ bob from 203.0.113.7 account-locked (certain)")
	for i := range 5000 {
		w.refused(fmt.Sprint("user", i), "203.0.113.7", "account-locked")
	}
	w.out.Reset()
	w.refused("user4999", "203.0.113.7", "account-locked")
	w.refused("user1", "203.0.113.7", "account-locked")
	expectHeadlines(t, w.out.String(), "✗ user1 from 203.0.113.7 account-locked (certain)")
}

// TestLiveEvents holds that lines are shown with what they were taken for, and
// nothing that a client wrote reaches the terminal as it is.
func TestLiveEvents(t *testing.T) {
	w := watch(t, sinks.LiveOptions{})
	ev := sshwhy.Event{Line: sshwhy.LineParsed, Pattern: patterns.LoginFailed, Message: []byte("Failed password for \x1b[2Jevil from 203.0.113.7 port 4 ssh2")}
	ev.Ident, ev.PID = []byte("sshd"), 7
	w.Event(&ev)
	ev.Line, ev.Pattern, ev.Message = sshwhy.LineUnparsed, 0, []byte("something new")
	w.Event(&ev)
	ev.Line = sshwhy.LineSkipped
	w.Event(&ev)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	const want = "--:--:--    sshd[7]: Failed password for \\x1b[2Jevil from 203.0.113.7 port 4 ssh2  → login-failed\n" +
		"--:--:--    sshd[7]: something new  → not recognised\n"
	if got := w.out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
