package tailers

import (
	"cmp"
	"context"
	"iter"
	"sync"
	"sync/atomic"
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
	// is not missed as long as another goes on. With the last of them Merge
	// ends; without any, at once.
	Sources []sshwhy.Source
	// Beside are read in the same way and keep nothing alive: once all
	// Sources have ended, and the loop has had what they gave, the context of
	// these is done. What they yield then, before they end, still arrives.
	Beside []sshwhy.Source
	// Looked is called once, from the loop's goroutine, when every one of
	// Sources has taken its first look: it waits for more, has yielded a
	// batch of records, or has ended. A tick goes before the call, so that
	// what was yielded until then, the places where reading begins above all,
	// went through the loop. It is not called if the loop asks for no more
	// before that; nil is fine.
	Looked func()
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
		beside, dismiss := context.WithCancel(ctx)
		full := make(chan *batch)
		looked, ended := newCountdown(len(m.Sources)), newCountdown(len(m.Sources))
		var reading sync.WaitGroup
		for _, s := range m.Sources {
			reading.Go(func() {
				pump(ctx, s, full, sync.OnceFunc(looked.less))
				ended.less()
			})
		}
		for _, s := range m.Beside {
			reading.Go(func() { pump(beside, s, full, func() {}) })
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
		r := merging{ticker: ticker{last: time.Now(), yield: yield}, full: full, looked: looked.zero, ended: ended.zero, tell: m.Looked, dismiss: dismiss}
		r.run(cmp.Or(m.Every, time.Second))
	}
}

// countdown closes zero when less was called as often as it was told to.
type countdown struct {
	left atomic.Int64
	zero chan struct{}
}

func newCountdown(from int) *countdown {
	c := &countdown{zero: make(chan struct{})}
	c.left.Store(int64(from))
	if from == 0 {
		close(c.zero)
	}
	return c
}

func (c *countdown) less() {
	if c.left.Add(-1) == 0 {
		close(c.zero)
	}
}

// merging is one run of a Merge.
type merging struct {
	ticker
	full    <-chan *batch   // closed when all that is read has ended
	looked  <-chan struct{} // closed when all sources have looked; nil once that is told
	ended   <-chan struct{} // closed when all sources have ended; nil once that is known
	tell    func()          // nil or Merge.Looked
	dismiss func()          // ends what is read beside
}

// run yields what the sources send until the last of them has ended.
func (m *merging) run(every time.Duration) {
	timer := time.NewTicker(every)
	defer timer.Stop()
	for {
		select {
		case <-m.looked:
			if !m.begun() {
				return
			}
		case <-m.ended:
			if !m.rest() {
				return
			}
			m.ended = nil
			m.dismiss()
		default:
		}
		select {
		case b, ok := <-m.full:
			if !m.next(b, ok) {
				return
			}
			continue
		default:
		}
		if !m.rest() {
			return
		}
		select {
		case b, ok := <-m.full:
			if !m.next(b, ok) {
				return
			}
		case <-m.looked:
		case <-m.ended:
		case <-timer.C:
			m.waiting = true
		}
	}
}

// next gives what was sent. It returns false at the end.
func (m *merging) next(b *batch, ok bool) bool {
	if !ok {
		m.begun()
		return false
	}
	return m.give(b)
}

// begun tells, once, that every source has taken its first look. It returns
// false when the loop asked for no more.
func (m *merging) begun() bool {
	if m.looked == nil {
		return true
	}
	m.looked = nil
	if !m.tick() {
		return false
	}
	if m.tell != nil {
		m.tell()
	}
	return true
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

// rest yields a tick if anything came, or a second passed, since the last one.
func (c *ticker) rest() bool { return !c.waiting || c.tick() }

func (c *ticker) tick() bool {
	now := time.Now()
	c.record = sshwhy.Record{Tick: true, Elapsed: now.Sub(c.last)}
	c.last, c.waiting = now, false
	return c.yield(&c.record, nil)
}

// pump reads a source to its end. It is ahead of the loop by at most the batch
// that it fills, while the loop works on the other. It calls looked, again and
// again, when the loop has had what the source yielded until it waits, up to a
// full batch, or to the end. An error may come before the first look, and so
// may places: a tick that brings one, and no time, does not mean to wait.
func pump(ctx context.Context, s sshwhy.Source, full chan<- *batch, looked func()) {
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
		filled := len(b.items) == batchRecords || len(b.text) >= batchBytes
		if err != nil || r.Tick || filled {
			send()
		}
		if filled || err == nil && r.Tick && (r.Place.Stream == "" || r.Elapsed > 0) {
			looked()
		}
	}
	send()
	looked()
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
