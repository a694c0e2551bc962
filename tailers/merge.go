package tailers

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/sshwhy/sshwhy"
)

// Merge makes many live sources look like one. Each is read by a goroutine of
// its own, which copies what it reads; the order within a source is kept.
//
// Whenever nothing waits it yields a tick, and one every second for as long as
// that stays so.
type Merge struct {
	// Sources are read from the first record to the last. A source that ends
	// is not missed as long as another goes on.
	Sources []sshwhy.Source
	// Every is the time between ticks while nothing comes; 1 s if zero.
	Every time.Duration
}

// The bounds of what a source may be ahead of the loop by: two batches.
const (
	batchRecords = 256
	batchBytes   = 256 << 10
)

// batch is what a source read between two looks of the loop.
type batch struct {
	items []item
	text  []byte        // what the items' slices point into
	home  chan<- *batch // where it goes when it is used up
}

// item is a record or an error.
type item struct {
	record sshwhy.Record
	header sshwhy.Header
	err    error
}

// Records implements sshwhy.Source.
func (m *Merge) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		full := make(chan *batch)
		var reading sync.WaitGroup
		for _, s := range m.Sources {
			reading.Go(func() { pump(ctx, s, full) })
		}
		go func() {
			reading.Wait()
			close(full)
		}()
		defer func() {
			cancel()
			for b := range full { // until the last source has let go of what it holds
				b.home <- b
			}
		}()
		m.run(full, yield)
	}
}

// run yields what the sources send until the last of them has ended.
func (m *Merge) run(full <-chan *batch, yield func(*sshwhy.Record, error) bool) {
	every := m.Every
	if every == 0 {
		every = time.Second
	}
	c := ticker{last: time.Now(), yield: yield}
	timer := time.NewTicker(every)
	defer timer.Stop()
	for {
		select {
		case b, ok := <-full:
			if !ok || !c.give(b) {
				return
			}
			continue
		default:
		}
		if c.waiting && !c.tick() {
			return
		}
		select {
		case b, ok := <-full:
			if !ok || !c.give(b) {
				return
			}
		case <-timer.C:
			c.waiting = true
		}
	}
}

// ticker yields records and, between them, ticks.
type ticker struct {
	last    time.Time // of the last tick
	waiting bool      // something was yielded, or a second passed, since then
	record  sshwhy.Record
	yield   func(*sshwhy.Record, error) bool
}

// give yields the items of a batch and sends it home.
func (c *ticker) give(b *batch) bool {
	for i := range b.items {
		it := &b.items[i]
		c.waiting = true
		if it.err != nil {
			if !c.yield(nil, it.err) {
				return false
			}
			continue
		}
		if it.record.Header != nil {
			it.record.Header = &it.header // add may have moved it
		}
		if !c.yield(&it.record, nil) {
			return false
		}
	}
	b.items, b.text = b.items[:0], b.text[:0]
	b.home <- b
	return true
}

func (c *ticker) tick() bool {
	now := time.Now()
	c.record = sshwhy.Record{Tick: true, Elapsed: now.Sub(c.last)}
	c.last, c.waiting = now, false
	return c.yield(&c.record, nil)
}

// pump reads a source to its end. It is ahead of the loop by at most the batch
// that it fills, while the loop works on the other.
func pump(ctx context.Context, s sshwhy.Source, full chan<- *batch) {
	home := make(chan *batch, 2)
	home <- &batch{home: home}
	b := &batch{home: home}
	send := func() {
		if len(b.items) > 0 {
			full <- b
			b = <-home
		}
	}
	for r, err := range s.Records(ctx) {
		b.add(r, err)
		if err != nil || r.Tick || len(b.items) == batchRecords || len(b.text) >= batchBytes {
			send()
		}
	}
	send()
}

// add copies what a source yielded. A tick counts only if it brings a place.
// Its time is told by Merge.
func (b *batch) add(r *sshwhy.Record, err error) {
	if err != nil {
		b.items = append(b.items, item{err: err})
		return
	}
	if r.Tick && r.Place.Stream == "" {
		return
	}
	if len(b.items) < cap(b.items) {
		b.items = b.items[:len(b.items)+1]
	} else {
		b.items = append(b.items, item{})
	}
	it := &b.items[len(b.items)-1]
	it.record, it.err = *r, nil
	it.record.Elapsed = 0
	it.record.Text = b.copy(r.Text)
	it.record.Place.Mark = b.copy(r.Place.Mark)
	if r.Header != nil {
		it.header = *r.Header
		it.header.Host, it.header.Ident = b.copy(r.Header.Host), b.copy(r.Header.Ident)
	}
}

// copy puts bytes into the batch's text. When that moves to a larger piece of
// memory the earlier copies stay where they are.
func (b *batch) copy(p []byte) []byte {
	start := len(b.text)
	b.text = append(b.text, p...)
	return b.text[start:len(b.text):len(b.text)]
}
