package client

import (
	"fmt"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

const (
	// maxEvidence bounds the lines that a verdict keeps,
	// maxLine their length in bytes.
	maxEvidence = 64
	maxLine     = 1 << 10
	// maxList bounds every list that the output fills.
	maxList = 64
	// maxRuns bounds the runs of ssh in one input.
	maxRuns = 1000
)

// Client reads the output of ssh, line by line, and says of each run at which
// step it ended, and why. It is for one input and one goroutine.
//
// A server can put text of its own among ssh's lines: with a banner, a
// disconnect message, a prompt, and as the output of a command. None of it
// moves a run back to a step that lines of debugging have shown to be done,
// nothing counts behind a disconnect message, and what ends a run counts only
// where no line of debugging follows. docs/client.md has the rules.
type Reader struct {
	known  *causeIDs
	done   []*run
	run    *run
	header string // of the first run
}

// New makes a reader with the catalogue of causes, which must not change
// afterwards.
func New(c *causes.Catalogue) (*Reader, error) {
	known, err := knownCauses(c)
	if err != nil {
		return nil, fmt.Errorf("making the reader of ssh's output: %w", err)
	}
	return &Reader{known: known, run: &run{}}, nil
}

// Read takes the next line. What ev holds is copied.
func (c *Reader) Read(ev *sshwhy.Event) {
	if c.begins(ev) {
		c.done = append(c.done, c.run)
		c.run = &run{}
	}
	c.run.read(ev)
}

// Verdicts gives one verdict for each run that said something, in their order.
func (c *Reader) Verdicts() []*Verdict {
	var all []*Verdict
	for _, r := range append(c.done[:len(c.done):len(c.done)], c.run) {
		if r.lines > 0 {
			all = append(all, c.known.verdict(r))
		}
	}
	return all
}
