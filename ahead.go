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
	err      error
	events   []Event       // of the lines, without their records
	captures []Captured    // of the events
	extra    []byte        // bytes of events that do not lie in Text
	done     chan struct{} // holds a token once the page is parsed
	record   Record        // of the line at hand
}

// Events yields the events of the log, each with its record; both are valid until
// the next one is yielded. Errors are those of the source.
func (a *Ahead) Events(ctx context.Context) iter.Seq2[*Event, error] {
	if len(a.Parsers) == 1 {
		return a.alone(ctx)
	}
	return a.together(ctx)
}

// alone reads, parses and yields in turn.
func (a *Ahead) alone(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		var p page
		blank := func() *Block {
			if ctx.Err() != nil {
				return nil
			}
			p.Reset()
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
			p.parse(a.Parsers[0])
			if !p.give(yield) {
				return
			}
		}
	}
}

// together yields what several parsers give.
func (a *Ahead) together(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
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
		for p := range order {
			if p.err != nil {
				if !yield(nil, p.err) {
					return
				}
				continue
			}
			<-p.done
			if !p.give(yield) {
				return
			}
			free <- p
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
		p.Reset()
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
		p.parse(parser)
		p.done <- struct{}{}
	}
}

// parse makes the events of the block.
func (p *page) parse(parser Parser) {
	if n := len(p.Lines); cap(p.events) < n {
		p.events = make([]Event, n)
	}
	p.events = p.events[:len(p.Lines)]
	p.captures, p.extra = p.captures[:0], p.extra[:0]
	for i := range p.records {
		ev := &p.events[i]
		p.lend(ev)
		parser.Parse(&p.record, ev)
		p.keep(ev)
	}
}

// give yields the events with their records, and tells whether all were asked
// for.
func (p *page) give(yield func(*Event, error) bool) bool {
	for i := range p.records {
		ev := &p.events[i]
		ev.Record = &p.record
		if !yield(ev, nil) {
			return false
		}
	}
	return true
}

// records gives the indexes of the lines, while p.record is the line's.
func (p *page) records(yield func(int) bool) {
	for r, run := range p.Runs {
		p.record = *run.Like
		for i := run.First; i < p.endOf(r); i++ {
			at := p.Lines[i]
			p.record.Text = p.Text[at.Start:at.End]
			if !yield(i) {
				return
			}
		}
	}
}

// lend gives an event room for its fields among the page's.
func (p *page) lend(ev *Event) {
	n := len(p.captures)
	if cap(p.captures)-n < MaxFields {
		p.captures, n = make([]Captured, 0, 2*cap(p.captures)+64*MaxFields), 0 // events keep theirs
	}
	ev.fields = p.captures[n : n : n+MaxFields]
}

// keep makes an event last as long as the page: the parser's own memory holds it
// until its next call only.
func (p *page) keep(ev *Event) {
	n := len(ev.fields)
	p.captures = p.captures[:len(p.captures)+n]
	ev.fields = ev.fields[:n:n] // what is behind them is another event's
	ev.Host, ev.Ident, ev.Message = p.lasting(ev.Host), p.lasting(ev.Ident), p.lasting(ev.Message)
}

// lasting gives bytes that are a part of Text as they are, and a copy of others.
func (p *page) lasting(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if at := cap(p.Text) - cap(b); at >= 0 && at+len(b) <= len(p.Text) && &p.Text[at] == &b[0] {
		return b
	}
	n := len(p.extra)
	p.extra = append(p.extra, b...)
	return p.extra[n:len(p.extra):len(p.extra)]
}
