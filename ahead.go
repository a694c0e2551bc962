package sshwhy

import (
	"context"
	"iter"
	"sync"
)

// Ahead reads and parses ahead of the loop, a block at a time: it gives the same
// events in the same order as a source and a parser that are asked line by line.
// That needs parsers that say of a line what it alone says.
type Ahead struct {
	Source BlockSource // not owned
	// Parsers do the same. A single one works in the loop's own goroutine.
	// Of several each has a goroutine, and one more reads; what they are
	// ahead is bounded: three blocks a parser.
	Parsers []Parser
}

// page is a block and what was parsed of it, or an error of the source.
type page struct {
	Block
	err     error
	parsing cursor
	giving  cursor
	events  []Event       // of the lines before parsing, without their records
	given   int           // of them
	extra   []byte        // bytes of events that do not lie in the block
	done    chan struct{} // holds a token once the page is parsed
}

// stretch is how many lines a single parser is ahead: so few that they are still
// in the processor's cache when the loop comes to them, and so many that it
// changes seldom between the code of the one and the other.
const stretch = 64

// pages yields the blocks of the log, to be asked for their events. A page is
// valid until the next one is yielded. Errors are those of the source.
func (a *Ahead) pages(ctx context.Context) iter.Seq2[*page, error] {
	if len(a.Parsers) == 1 {
		return a.alone(ctx)
	}
	return a.together(ctx)
}

// alone reads and parses in turn.
func (a *Ahead) alone(ctx context.Context) iter.Seq2[*page, error] {
	return func(yield func(*page, error) bool) {
		var p page
		blank := func() *Block {
			if ctx.Err() != nil {
				return nil
			}
			p.reset()
			return &p.Block
		}
		for block, err := range a.Source.Blocks(ctx, blank) {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			if block != &p.Block {
				continue // not the one that it was given
			}
			for p.parse(a.Parsers[0], stretch) {
				if !yield(&p, nil) {
					return
				}
			}
		}
	}
}

// together yields what several parsers give.
func (a *Ahead) together(ctx context.Context) iter.Seq2[*page, error] {
	return func(yield func(*page, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		pages := 3*len(a.Parsers) + 1
		free, jobs, order := make(chan *page, pages), make(chan *page, pages), make(chan *page, pages)
		for range pages {
			free <- nil // made when it is needed
		}
		var running sync.WaitGroup
		running.Go(func() { a.read(ctx, free, jobs, order) })
		for _, p := range a.Parsers {
			running.Go(func() { work(p, jobs) })
		}
		defer running.Wait()
		defer stop()
		var taken []*page // given back a few at a time: each time wakes who reads
		for p := range order {
			if p.err != nil {
				if !yield(nil, p.err) {
					return
				}
				continue
			}
			<-p.done
			if !yield(p, nil) {
				return
			}
			if taken = append(taken, p); len(taken) < len(a.Parsers) {
				continue
			}
			for _, p := range taken {
				free <- p
			}
			taken = taken[:0]
		}
	}
}

// read puts the blocks of the source into pages, which go to the parsers and,
// in the order that they were read in, to the loop.
func (a *Ahead) read(ctx context.Context, free, jobs, order chan *page) {
	defer close(jobs)
	defer close(order)
	var p *page
	blank := func() *Block {
		select {
		case p = <-free:
		case <-ctx.Done():
			return nil
		}
		if p == nil {
			p = &page{done: make(chan struct{}, 1)}
			p.Text = make([]byte, 0, MaxBlock)
		}
		p.reset()
		return &p.Block
	}
	for block, err := range a.Source.Blocks(ctx, blank) {
		next := &page{err: err}
		if err == nil {
			if p == nil || block != &p.Block {
				continue // not the one that it was given
			}
			next = p
			jobs <- p // which holds all pages there are
		}
		select {
		case order <- next:
		case <-ctx.Done():
			return
		}
	}
}

// work parses pages.
func work(parser Parser, jobs <-chan *page) {
	for p := range jobs {
		p.parse(parser, len(p.Lines))
		p.done <- struct{}{}
	}
}

// reset empties the page for another block.
func (p *page) reset() {
	p.Reset()
	p.parsing, p.giving = cursor{}, cursor{}
}

// parse makes the events of the next lines, so many or those that are left, in
// the place of those before. It tells whether there were any.
func (p *page) parse(parser Parser, most int) bool {
	n := min(most, len(p.Lines)-p.parsing.line)
	if cap(p.events) < n {
		p.grow(n)
	}
	p.events, p.given, p.extra = p.events[:n], 0, p.extra[:0]
	for left := p.events; len(left) > 0; {
		lines := p.parsing.next(&p.Block, len(left))
		p.parseRun(parser, lines, left)
		left = left[len(lines):]
	}
	return n > 0
}

// parseRun makes the events of lines that differ in their text only.
func (p *page) parseRun(parser Parser, lines []Extent, events []Event) {
	for i, at := range lines {
		p.parsing.record.Text = p.Text[at.Start:at.End]
		ev := &events[i]
		parser.Parse(&p.parsing.record, ev)
		if ev.Borrowed {
			p.keep(ev)
		}
	}
}

// run gives the next of the events that are of lines that differ in their text
// only, and these; no events where all were given. With them goes their record,
// which is without the text.
func (p *page) run() (events []Event, lines []Extent, record *Record) {
	events = p.events[p.given:]
	if len(events) == 0 {
		return nil, nil, nil
	}
	lines = p.giving.next(&p.Block, len(events))
	p.given += len(lines)
	return events[:len(lines)], lines, &p.giving.record
}

// grow makes memory for the events of so many lines. Each has its own for fields.
func (p *page) grow(lines int) {
	p.events = make([]Event, lines)
	fields := make([]Captured, lines*MaxFields)
	for i := range p.events {
		p.events[i].fields, fields = fields[:0:MaxFields], fields[MaxFields:]
	}
}

// keep makes an event last as long as the page: the parser's own memory holds it
// until its next call only.
func (p *page) keep(ev *Event) {
	ev.Host, ev.Ident, ev.Message = p.copied(ev.Host), p.copied(ev.Ident), p.copied(ev.Message)
}

func (p *page) copied(b []byte) []byte {
	n := len(p.extra)
	p.extra = append(p.extra, b...)
	return p.extra[n:len(p.extra):len(p.extra)]
}
