package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// TestInterruptedReplay: Ctrl-C ends a replay that waits for input. What was
// read is summed up, and the exit code says that it was not all.
func TestInterruptedReplay(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	go func() {
		io.WriteString(feed, "Nov 20 12:00:00 edge05 sshd[7]: Invalid user bob from 192.0.2.7 port 51234\n")
		interrupt() // the pipe stays open: there may be more to come
	}()
	var out, errs bytes.Buffer
	err := run(ctx, []string{"replay", "--lang", "en", "--output", "summary", "-"}, streams{in, &out, &errs})
	if code := exitCode(err); code != exitCancelled {
		t.Errorf("exit code %d, %v", code, err)
	}
	if !strings.Contains(out.String(), "Summary so far (interrupted)") {
		t.Errorf("no summary so far in\n%s", out.String())
	}
}

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		read, size int64
		elapsed    time.Duration
		want       string
	}{
		{0, 0, 0, "0 B read, 0 B/s"},
		{1_500_000, 0, time.Second, "1.5 MB read, 1.5 MB/s"},
		{500e6, 2e9, 2 * time.Second, "500 MB of 2.0 GB (25 %), 250 MB/s, 6s left"},
		{3e9, 2e9, time.Second, "3.0 GB read, 3.0 GB/s"}, // a file that grew
		{999_999, 2e6, time.Second, "1.0 MB of 2.0 MB (49 %), 1.0 MB/s, 1s left"},
	} {
		if got := progressLine(c.read, c.size, c.elapsed); got != c.want {
			t.Errorf("%d of %d in %s: got %q, want %q", c.read, c.size, c.elapsed, got, c.want)
		}
	}
}

// TestProgressIsSilentWithoutATerminal, and leaves nothing behind on one.
func TestProgressIsSilentWithoutATerminal(t *testing.T) {
	var out, errs bytes.Buffer
	p := progressOn(streams{nil, &out, &errs}, true)
	p.next = time.Time{}
	p.update(1, 2)
	p.clear()
	if errs.Len() != 0 {
		t.Errorf("%q was written though it is no terminal", errs.String())
	}
	p.w = &errs // as if it were one
	p.update(1, 2)
	p.update(2, 2) // too soon
	p.clear()
	if got := errs.String(); strings.Count(got, "\r") != 2 || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("the progress was shown as %q", got)
	}
}
