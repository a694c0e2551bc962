package parser

import (
	"fmt"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// Client recognises what ssh, the client, writes for its user: with -v, -vv
// and -vvv, and without. Its lines bear no header, end in CR LF or LF, and
// stand among what the server sent, so they are never looked for among sshd's
// messages, nor the other way round. It is for one goroutine.
type Client struct {
	matcher *recogniser
	levels  []sshwhy.Level
}

// NewClient makes a parser of the catalogue's messages of ssh. The catalogue
// must not change afterwards.
func NewClient(c *patterns.Catalogue) (*Client, error) {
	m, err := newMatcher(c, func(e *patterns.Entry) bool { return e.Group == clientGroup })
	if err != nil {
		return nil, fmt.Errorf("making the parser of ssh's output: %w", err)
	}
	return &Client{matcher: newRecogniser(m), levels: unmarkedLevels(c)}, nil
}

// clientGroup is the folder of patterns that ssh writes.
const clientGroup = "client"

// Parse fills ev from r. A line with a mark of debugging that no pattern
// recognises is unparsed. Any other such line is skipped: it can be what the
// server, a program at the other end, or the user's terminal wrote. Both
// arguments, and what they hand out, are valid until the next call.
func (p *Client) Parse(r *sshwhy.Record, ev *sshwhy.Event) {
	ev.Reset(r)
	if r.Tick {
		return
	}
	text := withoutCR(r.Text)
	if len(text) == 0 {
		return
	}
	ev.Message = text
	if text[0] == 'd' { // sshd marks errors as well, ssh does not
		text, ev.Level = cutLevel(text)
	}
	if p.recognise(ev, text) || p.recognise(ev, cutPlace(text)) {
		if ev.Level == sshwhy.LevelNone {
			ev.Level = p.levels[ev.Pattern]
		}
		return
	}
	if ev.Message = text; ev.Level != sshwhy.LevelNone {
		ev.Line = sshwhy.LineUnparsed
	}
}

// recognise looks for the message, with the blanks at its end or, as copying
// leaves it, without.
func (p *Client) recognise(ev *sshwhy.Event, text []byte) bool {
	for {
		if ev.Message = text; p.matcher.match(ev) {
			ev.Line = sshwhy.LineParsed
			return true
		}
		last := len(text) - 1
		if last < 1 || text[last] != ' ' {
			return false
		}
		for last >= 0 && text[last] == ' ' {
			last--
		}
		if text = text[:last+1]; len(text) == 0 {
			return false
		}
	}
}
