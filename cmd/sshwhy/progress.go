package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress shows on a terminal how far the reading of a log is, in one line
// that is written anew and cleared at the end.
type progress struct {
	w     io.Writer // nil where nothing is to be shown; not owned
	start time.Time
	next  time.Time // not before then
	shown bool
}

// progressEvery is how often the line changes at most.
const progressEvery = 200 * time.Millisecond

// progressOn gives the progress for a command, silent unless standard error is
// a terminal that the output does not go to.
func progressOn(s streams, quietOutput bool) *progress {
	now := time.Now()
	p := &progress{start: now, next: now.Add(2 * progressEvery)}
	if isTerminal(s.err) && (quietOutput || !isTerminal(s.out)) {
		p.w = s.err
	}
	return p
}

// update is called now and then with the bytes read so far and those in all,
// 0 where that is not known.
func (p *progress) update(read, size int64) {
	if p.w == nil {
		return
	}
	now := time.Now()
	if now.Before(p.next) {
		return
	}
	p.next, p.shown = now.Add(progressEvery), true
	fmt.Fprintf(p.w, "\r%s\x1b[K", progressLine(read, size, now.Sub(p.start)))
}

// clear takes the line away before something else is written, and at the end.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// progressLine says how much was read, how fast, and how long the rest will
// take.
func progressLine(read, size int64, elapsed time.Duration) string {
	rate := float64(read) / max(elapsed.Seconds(), 1e-3)
	if size <= 0 || read > size {
		return fmt.Sprintf("%s read, %s/s", bytesText(float64(read)), bytesText(rate))
	}
	line := fmt.Sprintf("%s of %s (%d %%), %s/s", bytesText(float64(read)), bytesText(float64(size)), read*100/size, bytesText(rate))
	if rate > 0 {
		left := time.Duration(float64(size-read) / rate * float64(time.Second))
		line += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return line
}

func bytesText(n float64) string {
	units := [...]string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for n >= 999.5 && i < len(units)-1 {
		n /= 1000
		i++
	}
	if i == 0 || n >= 99.5 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

// isTerminal tells whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth gives the columns of the terminal that a stream is, 0 for
// none.
func terminalWidth(stream any) int {
	f, ok := stream.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
