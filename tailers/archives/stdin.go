package archives

import (
	"context"
	"io"
)

// stoppable is a reader that ends when its context is done, though the one
// below waits for input, as a terminal or a pipe does.
type stoppable struct {
	ctx    context.Context
	r      io.Reader // not owned
	chunks chan chunk
	free   chan []byte
	rest   chunk
}

type chunk struct {
	text, buffer []byte
	err          error
}

// Stoppable gives a reader that ends when the context is done, though r waits
// for input, as a terminal or a pipe does. It reads r from a goroutine of its
// own, which stays in its last read until the program ends: nothing can call
// that back.
func Stoppable(ctx context.Context, r io.Reader) io.Reader { return newStoppable(ctx, r) }

func newStoppable(ctx context.Context, r io.Reader) *stoppable {
	return &stoppable{ctx: ctx, r: r}
}

// Read implements io.Reader.
func (s *stoppable) Read(p []byte) (int, error) {
	if s.chunks == nil {
		s.start()
	}
	for len(s.rest.text) == 0 {
		if s.rest.err != nil {
			return 0, s.rest.err
		}
		if s.rest.buffer != nil {
			s.free <- s.rest.buffer
		}
		select {
		case s.rest = <-s.chunks:
		case <-s.ctx.Done():
			s.rest = chunk{err: io.EOF}
		}
	}
	n := copy(p, s.rest.text)
	s.rest.text = s.rest.text[n:]
	return n, nil
}

// Ready tells that a read need not wait.
func (s *stoppable) Ready() bool { return len(s.rest.text) > 0 || len(s.chunks) > 0 }

func (s *stoppable) start() {
	const ahead = 2
	s.chunks, s.free = make(chan chunk, ahead), make(chan []byte, ahead+1)
	for range cap(s.free) {
		s.free <- make([]byte, 128<<10)
	}
	go s.pump()
}

// pump reads ahead by a few chunks. After the context is done it stays in its
// last Read until the program ends: nothing can call that back.
func (s *stoppable) pump() {
	for {
		var buffer []byte
		select {
		case buffer = <-s.free:
		case <-s.ctx.Done():
			return
		}
		n, err := s.r.Read(buffer)
		select {
		case s.chunks <- chunk{buffer[:n], buffer, err}:
		case <-s.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
