package sshwhy

import (
	"context"
	"iter"
	"sync"
)

// Ahead reads and parses on several processors, ahead of the loop: it is the
// loop's source and its parser, and gives the same records and events in the
// same order as the two that it is made of. That needs parsers that say of a
// line what it alone says.
//
//	ahead := &sshwhy.Ahead{Source: source, Parsers: parsers}
//	loop := sshwhy.Loop{Source: ahead, Parser: ahead, …}
//
// One goroutine reads, and each parser has one. What they are ahead is
// bounded: three blocks a parser.
type Ahead struct {
	Source BlockSource // not owned
	// Parsers do the same, each in a goroutine of its own. One that has a
	// method Form() string is asked for it after every line.
	Parsers []Parser

	page   *page // the one that is being read
	record Record
	line   int // of page, the one that was yielded
}

// page is a block and what was parsed of it, or an error of the source.
type page struct {
	Block
	err      error
	events   []packed
	captures []Captured
	extra    []byte // bytes of events that do not lie in Text
	forms    []string
	done     chan struct{} // holds a token once the page is parsed
}

// packed is an event without its record, small enough that a page of them
// stays in a processor's cache.
type packed struct {
	time                 int64
	host, ident, message part
	captures             uint32 // index of the first
	pid, repeat          int32
	pattern              PatternID
	n, form              uint8
	line                 Line
	level                Level
	stage                Stage
}

// part is a part of Text, or where at is negative of extra, at ^at.
type part struct{ at, n int32 }

// Records implements Source.
func (a *Ahead) Records(ctx context.Context) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
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
			if !a.give(p, yield) {
				return
			}
			if p.err == nil {
				free <- p
			}
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
	var ev Event
	for p := range jobs {
		p.parse(parser, &ev)
		p.done <- struct{}{}
	}
}

// give yields the records of a page.
func (a *Ahead) give(p *page, yield func(*Record, error) bool) bool {
	if p.err != nil {
		return yield(nil, p.err)
	}
	<-p.done
	a.page = p
	for i, run := range p.Runs {
		a.record = *run.Like
		for a.line = run.First; a.line < p.endOf(i); a.line++ {
			at := p.Lines[a.line]
			a.record.Text = p.Text[at.Start:at.End]
			if !yield(&a.record, nil) {
				return false
			}
		}
	}
	return true
}

// Parse implements Parser, for the record that was yielded last.
func (a *Ahead) Parse(r *Record, ev *Event) { a.page.unpack(a.line, r, ev) }

// Form names the layout of that record, where the parsers tell.
func (a *Ahead) Form() string { return a.page.forms[a.page.events[a.line].form] }

// former is a parser that names the layout of the last line.
type former interface{ Form() string }

// parse fills the page from its block.
func (p *page) parse(parser Parser, ev *Event) {
	p.events, p.captures, p.extra, p.forms = p.events[:0], p.captures[:0], p.extra[:0], append(p.forms[:0], "")
	tells, _ := parser.(former)
	var record Record
	for i, run := range p.Runs {
		record = *run.Like
		for _, line := range p.Lines[run.First:p.endOf(i)] {
			record.Text = p.Text[line.Start:line.End]
			parser.Parse(&record, ev)
			p.pack(ev)
			if tells != nil && ev.Line != LineSkipped {
				p.events[len(p.events)-1].form = p.form(tells.Form())
			}
		}
	}
}

// pack keeps an event.
func (p *page) pack(ev *Event) {
	p.events = append(p.events, packed{
		time: ev.Time, host: p.part(ev.Host), ident: p.part(ev.Ident), message: p.part(ev.Message),
		captures: uint32(len(p.captures)), pid: ev.PID, repeat: ev.Repeat, pattern: ev.Pattern,
		n: ev.n, line: ev.Line, level: ev.Level, stage: ev.Stage,
	})
	p.captures = append(p.captures, ev.fields[:ev.n]...)
}

// unpack fills an event with the i-th that was kept.
func (p *page) unpack(i int, r *Record, ev *Event) {
	k := &p.events[i]
	ev.Record = r
	ev.Time, ev.Host, ev.Ident, ev.PID = k.time, p.bytes(k.host), p.bytes(k.ident), k.pid
	ev.Line, ev.Pattern, ev.Level, ev.Stage, ev.Repeat = k.line, k.pattern, k.level, k.stage, k.repeat
	ev.Message = p.bytes(k.message)
	ev.n = uint8(copy(ev.fields[:], p.captures[k.captures:k.captures+uint32(k.n)]))
}

// part gives where bytes lie: in Text, which a line is a part of, or else in
// extra, to which they are copied.
func (p *page) part(b []byte) part {
	if len(b) == 0 {
		return part{}
	}
	if at := cap(p.Text) - cap(b); at >= 0 && at+len(b) <= len(p.Text) && &p.Text[at] == &b[0] {
		return part{int32(at), int32(len(b))}
	}
	at := len(p.extra)
	p.extra = append(p.extra, b...)
	return part{^int32(at), int32(len(b))}
}

func (p *page) bytes(at part) []byte {
	switch {
	case at.n == 0:
		return nil
	case at.at < 0:
		return p.extra[^at.at : ^at.at+at.n]
	}
	return p.Text[at.at : at.at+at.n]
}

// form numbers the names of layouts. A log has one, or few.
func (p *page) form(name string) uint8 {
	for i := len(p.forms) - 1; i >= 0; i-- {
		if p.forms[i] == name {
			return uint8(i)
		}
	}
	if len(p.forms) == 256 {
		return 0
	}
	p.forms = append(p.forms, name)
	return uint8(len(p.forms) - 1)
}
