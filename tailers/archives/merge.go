package archives

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"io"
	"time"

	"github.com/sshwhy/sshwhy"
)

// The memory that all streams of a merge share, and the bounds of what each
// holds of it, in bytes.
const (
	mergeBytes = 12 << 20
	mostRead   = 64 << 10
	leastRead  = 4 << 10
)

// merge yields the lines of several streams in the order of their times. A line
// without a time, or with one before that of the line above it, follows that
// line: within a stream nothing changes places.
func (a *Archive) merge(ctx context.Context, streams []*stream, out *output) {
	m := &merger{a: a, out: out, limit: max(leastRead, min(mostRead, mergeBytes/len(streams)))}
	for _, s := range streams {
		m.heads = append(m.heads, &mergeHead{streamReader: streamReader{a: a, ctx: ctx, s: s}, key: s.first, order: s.order})
	}
	defer func() {
		for _, h := range m.heads {
			h.close()
		}
	}()
	heap.Init(&m.heads)
	for len(m.heads) > 0 && !out.stopped && ctx.Err() == nil {
		m.step()
	}
}

// mergeHead is a stream in a merge: a few of its lines, and the time of the next.
type mergeHead struct {
	streamReader
	block sshwhy.Block
	next  int   // the line that comes next
	run   int   // the run that it is of
	key   int64 // its time, or that of the line before
	order int
	open  bool // block holds lines, or did
}

type heads []*mergeHead

func (h heads) Len() int { return len(h) }
func (h heads) Less(i, j int) bool {
	if c := cmp.Compare(h[i].key, h[j].key); c != 0 {
		return c < 0
	}
	return h[i].order < h[j].order
}
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *heads) Push(x any) { *h = append(*h, x.(*mergeHead)) }

// Pop implements heap.Interface.
func (h *heads) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return x
}

type merger struct {
	a     *Archive
	out   *output
	heads heads
	limit int // of what is read of one stream at once
}

// step takes lines of the stream whose next is earliest, for as long as that
// is so.
func (m *merger) step() {
	h := m.heads[0]
	if !h.open {
		m.refill(h)
		return
	}
	until, before := m.second(h)
	for h.next < len(h.block.Lines) {
		if h.key > until || h.key == until && !before {
			heap.Fix(&m.heads, 0)
			return
		}
		if !m.take(h) {
			return
		}
	}
	m.refill(h)
}

// second gives the time of the earliest line of the other streams, and whether
// h goes before it where both are of the same time.
func (m *merger) second(h *mergeHead) (key int64, before bool) {
	key, before = 1<<63-1, true
	for _, i := range [...]int{1, 2} {
		if i >= len(m.heads) {
			break
		}
		if o := m.heads[i]; o.key < key || o.key == key && o.order < h.order {
			key, before = o.key, h.order < o.order
		}
	}
	return key, before
}

// take hands the next line on, and tells whether more are wanted.
func (m *merger) take(h *mergeHead) bool {
	out := m.out.room()
	if out == nil {
		return false
	}
	at, like := h.block.Lines[h.next], h.block.Runs[h.run].Like
	line := h.block.Text[at.Start:at.End]
	if like.Header != nil {
		record := *like
		record.Text = line
		out.Add(&record)
	} else {
		out.Append(line, like)
	}
	h.next++
	m.look(h)
	return true
}

// look finds the time of the next line.
func (m *merger) look(h *mergeHead) {
	if h.next == len(h.block.Lines) {
		return
	}
	if h.run+1 < len(h.block.Runs) && h.block.Runs[h.run+1].First == h.next {
		h.run++
	}
	like := h.block.Runs[h.run].Like
	if like.Header != nil {
		h.key = max(h.key, like.Header.Time)
		return
	}
	at := h.block.Lines[h.next]
	if ns, ok := m.a.Clock(h.block.Text[at.Start:at.End], like.Newest); ok {
		h.key = max(h.key, ns)
	}
}

// refill reads more of the stream at the top, and takes it away at its end.
func (m *merger) refill(h *mergeHead) {
	h.block.Reset()
	h.next, h.run, h.open = 0, 0, true
	for len(h.block.Lines) == 0 {
		err := h.fill(&h.block, m.limit)
		m.out.progress()
		switch {
		case err == nil, errors.Is(err, errBetween):
		case errors.Is(err, io.EOF):
			heap.Pop(&m.heads)
			h.close()
			return
		default:
			m.out.trouble(err)
		}
		if m.out.stopped || h.ctx.Err() != nil {
			return
		}
	}
	h.run = 0
	m.look(h)
	heap.Fix(&m.heads, 0)
}

// margin is how far outside of the window lines are read, so that connections
// that reach into it are whole: more than any LoginGraceTime that is in use.
const margin = 10 * time.Minute
