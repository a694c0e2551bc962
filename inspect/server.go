package inspect

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
)

// The part that needs root is a process of its own. It listens on a unix
// socket, takes one question a connection, a line of JSON, gives one answer,
// and closes. It takes questions of root and of the users that it was told.

// Server answers questions that come through a socket.
type Server struct {
	Inspect func(context.Context, Asked) (Answer, error)
	// Users are the numbers of the users who may ask, besides root.
	Users []uint32
	// Trouble takes what goes wrong with one connection.
	Trouble func(error)
}

const (
	// maxQuestion and maxAnswer bound what is read, in bytes.
	maxQuestion = 64 << 10
	maxAnswer   = 256 << 10
	// askTime is how long a question may take, from the connection on.
	askTime = 15 * time.Second
	// maxAsking bounds the connections that are served at once.
	maxAsking = 4
)

// wire is an answer on its way. Fields and confidences travel by their names:
// their numbers belong to a build.
type wire struct {
	Time       int64       `json:"time,omitempty"`
	Cause      string      `json:"cause,omitempty"`
	Confidence string      `json:"confidence,omitempty"`
	Candidates []string    `json:"candidates,omitempty"`
	Seen       []wireCheck `json:"seen,omitempty"`
	Error      string      `json:"error,omitempty"`
}

type wireCheck struct {
	Layer  Layer       `json:"layer"`
	Mark   Mark        `json:"mark"`
	Seen   string      `json:"seen,omitempty"`
	Cause  string      `json:"cause,omitempty"`
	Values [][2]string `json:"values,omitempty"`
}

// The errors that a client tells apart.
const (
	wireTooSoon = "too soon"
	wireNothing = "nothing"
)

// Serve answers until the context is done. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	places := make(chan struct{}, maxAsking)
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("taking a question: %w", err)
		}
		places <- struct{}{}
		go func() {
			defer func() { <-places }()
			defer conn.Close()
			if err := s.answer(ctx, conn); err != nil {
				s.Trouble(err)
			}
		}()
	}
}

func (s *Server) answer(ctx context.Context, conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(askTime)); err != nil {
		return err
	}
	uid, err := peer(conn)
	if err != nil {
		return fmt.Errorf("asking who is there: %w", err)
	}
	if uid != 0 && !slices.Contains(s.Users, uid) {
		return fmt.Errorf("user %d may not ask", uid)
	}
	line, err := bufio.NewReader(io.LimitReader(conn, maxQuestion)).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading a question: %w", err)
	}
	var q Asked
	if err := json.Unmarshal(line, &q); err != nil {
		return fmt.Errorf("reading a question: %w", err)
	}
	a, err := s.Inspect(ctx, q)
	w := pack(&a)
	switch {
	case errors.Is(err, ErrTooSoon):
		w = wire{Error: wireTooSoon}
	case errors.Is(err, ErrNothing):
		w = wire{Error: wireNothing}
	case err != nil:
		w = wire{Error: err.Error()}
	}
	return json.NewEncoder(conn).Encode(w)
}

func pack(a *Answer) wire {
	w := wire{Time: a.Time, Cause: a.Cause, Confidence: a.Confidence.String(), Candidates: a.Candidates}
	for i := range a.Seen {
		c := &a.Seen[i]
		out := wireCheck{Layer: c.Layer, Mark: c.Mark, Seen: c.Seen, Cause: c.Cause}
		for _, v := range c.Values {
			out.Values = append(out.Values, [2]string{v.Field.String(), v.Text})
		}
		w.Seen = append(w.Seen, out)
	}
	return w
}

func (w *wire) unpack() (Answer, error) {
	switch w.Error {
	case "":
	case wireTooSoon:
		return Answer{}, ErrTooSoon
	case wireNothing:
		return Answer{}, ErrNothing
	default:
		return Answer{}, errors.New(w.Error)
	}
	a := Answer{Time: w.Time, Cause: w.Cause, Candidates: w.Candidates}
	for c := sshwhy.ConfidenceNone; c <= sshwhy.ConfidenceCertain; c++ {
		if c.String() == w.Confidence {
			a.Confidence = c
		}
	}
	for _, in := range w.Seen {
		c := Check{Layer: in.Layer, Mark: in.Mark, Seen: in.Seen, Cause: in.Cause}
		for _, v := range in.Values {
			if f := sshwhy.FieldNamed(v[0]); f != sshwhy.FieldNone {
				c.Values = append(c.Values, sshwhy.Value{Field: f, Text: v[1]})
			}
		}
		a.Seen = append(a.Seen, c)
	}
	return a, nil
}

// Client asks a server.
type Client struct {
	// Path is the socket's.
	Path string
}

// Inspect asks as Inspector.Inspect does.
func (c *Client) Inspect(ctx context.Context, q Asked) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.Path)
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := json.NewEncoder(conn).Encode(q); err != nil {
		return Answer{}, fmt.Errorf("asking %s: %w", c.Path, err)
	}
	var w wire
	if err := json.NewDecoder(io.LimitReader(conn, maxAnswer)).Decode(&w); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it closed without an answer; is this user permitted to ask?")
		}
		return Answer{}, fmt.Errorf("asking %s: %w", c.Path, err)
	}
	return w.unpack()
}
