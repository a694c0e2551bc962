package archives

import (
	"context"
	"sort"

	"github.com/sshwhy/sshwhy"
)

// window leaves out what lies before the window of time, without reading it:
// pieces that end before, and the beginning of the one in which it begins.
func (a *Archive) window(s *stream) {
	if a.Since.IsZero() || a.Clock == nil {
		return
	}
	since := a.Since.Add(-margin).UnixNano()
	first := 0
	for i, p := range s.pieces {
		if i > 0 && p.first != 0 && p.first < since {
			first = i
		}
	}
	for _, p := range s.pieces[:first] {
		a.pass(p, p.at.size)
	}
	s.pieces = s.pieces[first:]
	p := s.pieces[0]
	if last := p.last(); last != 0 && last < since {
		a.pass(p, p.at.size)
		if s.pieces = s.pieces[1:]; len(s.pieces) > 0 {
			s.first = s.pieces[0].first
		}
		return
	}
	if p.seekable() && p.first != 0 && p.first < since {
		a.seek(p, since)
	}
	s.first = max(p.first, p.from.time)
}

func (a *Archive) pass(p *piece, n int64) {
	p.input.Passed += n
	a.read += n
}

// seek finds the last place in a file whose line is before a time.
func (a *Archive) seek(p *piece, since int64) {
	i := sort.Search(len(p.marks), func(i int) bool { return p.marks[i].time >= since })
	if i == 0 {
		return
	}
	low, high := p.marks[i-1], p.at.size
	if i < len(p.marks) {
		high = p.marks[i].offset
	}
	r, closing, err := p.at.open()
	if err != nil {
		return
	}
	defer closing.Close()
	s := sampler{times: &a.times, p: p, r: r.(readerAt), buf: make([]byte, headSize)}
	for high-low.offset > headSize {
		middle := low.offset + (high-low.offset)/2
		_, ns := s.at(middle, low.time)
		if ns == 0 || ns >= since {
			high = middle
		} else {
			low = mark{middle, ns}
		}
	}
	if low.offset > 0 {
		low.offset = s.lineBehind(low.offset)
		p.from = low
	}
}

type readerAt interface {
	ReadAt(p []byte, off int64) (int, error)
}

// lineBehind gives where the first line behind an offset begins: the beginning
// of the file where that cannot be told.
func (s *sampler) lineBehind(offset int64) int64 {
	n, _ := s.r.ReadAt(s.buf, offset)
	for i, ch := range s.buf[:n] {
		if ch == '\n' {
			return offset + int64(i) + 1
		}
	}
	return 0
}

// behind tells that all that follows a block lies after the window.
func (a *Archive) behind(b *sshwhy.Block) bool {
	if a.Until.IsZero() || a.Clock == nil || len(b.Lines) == 0 {
		return false
	}
	// The newest of a few lines: one may be out of order.
	limit := a.Until.Add(margin)
	like := b.Runs[len(b.Runs)-1].Like
	for i := len(b.Lines) - 1; i >= max(0, len(b.Lines)-8); i-- {
		if like.Header != nil {
			return like.Header.Time > limit.UnixNano()
		}
		at := b.Lines[i]
		if ns, ok := a.Clock(b.Text[at.Start:at.End], like.Newest); ok && ns != 0 && ns <= limit.UnixNano() {
			return false
		} else if ok && ns != 0 && i == len(b.Lines)-8 {
			return true
		}
	}
	return false
}

// reader opens a piece.
func (a *Archive) reader(ctx context.Context, p *piece, before *dater) (pieceReader, error) {
	if p.journal || p.export {
		return a.openJournal(ctx, p)
	}
	return a.open(ctx, p, before)
}
