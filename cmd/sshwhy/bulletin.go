//go:build unix

package main

import (
	"context"
	"iter"
	"sync"

	"github.com/sshwhy/sshwhy"
)

// bulletin is a source of notices from outside the loop: of the ledger, of the
// sinks. It may be posted to from any goroutine, and never waits.
type bulletin struct {
	mu      sync.Mutex
	waiting []*sshwhy.Notice
	signal  chan struct{}
}

// maxBulletin bounds the notices that wait; further ones are dropped.
const maxBulletin = 256

func newBulletin() *bulletin { return &bulletin{signal: make(chan struct{}, 1)} }

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

// Records implements sshwhy.Source: what waits when the context is done is the
// last that it yields.
func (b *bulletin) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		for done := false; ; {
			for _, n := range b.take() {
				if !yield(nil, n) {
					return
				}
			}
			if done {
				return
			}
			select {
			case <-b.signal:
			case <-ctx.Done():
				done = true
			}
		}
	}
}
