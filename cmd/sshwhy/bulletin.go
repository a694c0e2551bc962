//go:build unix

package main

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/sshwhy/sshwhy"
)

// bulletin is a source of notices from outside the loop: of the ledger, of the
// sinks. It may be posted to from any goroutine, and never waits.
type bulletin struct {
	mu      sync.Mutex
	waiting []*sshwhy.Notice
	signal  chan struct{}
	logs    atomic.Int64  // that have not ended
	ended   chan struct{} // closed when the last of them has
}

// maxBulletin bounds the notices that wait; further ones are dropped.
const maxBulletin = 256

func newBulletin() *bulletin {
	return &bulletin{signal: make(chan struct{}, 1), ended: make(chan struct{})}
}

// until gives a source that does the same as the other, and ends the bulletin
// once it and all others that were given to until have ended: a log from
// standard input has an end, and with it the run.
func (b *bulletin) until(s sshwhy.Source) sshwhy.Source {
	b.logs.Add(1)
	return ending{s, b}
}

// ending tells a bulletin of the end of a log.
type ending struct {
	sshwhy.Source
	bulletin *bulletin
}

// Records implements sshwhy.Source.
func (e ending) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		defer func() {
			if e.bulletin.logs.Add(-1) == 0 {
				close(e.bulletin.ended)
			}
		}()
		e.Source.Records(ctx)(yield)
	}
}

func (b *bulletin) post(n *sshwhy.Notice) {
	b.mu.Lock()
	if len(b.waiting) < maxBulletin {
		b.waiting = append(b.waiting, n)
	}
	b.mu.Unlock()
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

func (b *bulletin) take() []*sshwhy.Notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.waiting
	b.waiting = nil
	return list
}

// Records implements sshwhy.Source.
func (b *bulletin) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		for {
			for _, n := range b.take() {
				if !yield(nil, n) {
					return
				}
			}
			select {
			case <-b.signal:
			case <-b.ended:
				for _, n := range b.take() {
					if !yield(nil, n) {
						return
					}
				}
				return
			case <-ctx.Done():
				return
			}
		}
	}
}
