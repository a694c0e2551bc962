//go:build unix

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/alerts"
	"github.com/sshwhy/sshwhy/sinks"
)

// status is what the running service says of itself.
type status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	// Ready tells that all is well; Troubles says what is not.
	Ready    bool           `json:"ready"`
	Troubles []string       `json:"troubles,omitempty"`
	Lines    lineCounts     `json:"lines"`
	Sources  []sourceStatus `json:"sources"`
	Sinks    []sinkStatus   `json:"sinks"`
}

type lineCounts struct {
	Read      uint64 `json:"read"`
	Parsed    uint64 `json:"parsed"`
	Unparsed  uint64 `json:"unparsed"`
	Skipped   uint64 `json:"skipped"`
	MaybeLost int64  `json:"maybe_lost"`
}

type sourceStatus struct {
	Name string `json:"name"`
	// Age is how long ago its last line came, in seconds.
	Age float64 `json:"age_seconds"`
}

type sinkStatus struct {
	Name      string `json:"name"`
	Queued    uint64 `json:"queued"`
	Delivered uint64 `json:"delivered"`
	Refused   uint64 `json:"refused"`
	Dropped   uint64 `json:"dropped"`
	// Oldest is how long the first of the queue has waited, in seconds.
	Oldest    float64 `json:"oldest_seconds"`
	Failing   bool    `json:"failing"`
	LastError string  `json:"last_error,omitempty"`
}

// waitsTooLong is from when on a sink that does not deliver is a trouble.
const waitsTooLong = 5 * time.Minute

// standsStill is from when on a loop that does not move is a trouble: it ticks
// every second.
const standsStill = 30 * time.Second

// status says how the service is. It may be called from any goroutine.
func (s *service) status() status {
	now := time.Now()
	w := s.watch
	st := status{Version: version, PID: os.Getpid(), Started: s.started, Sources: []sourceStatus{}, Sinks: []sinkStatus{}}
	st.Lines = lineCounts{Parsed: w.parsed.Load(), Unparsed: w.unparsed.Load(), Skipped: w.skipped.Load(), MaybeLost: w.lost.Load()}
	st.Lines.Read = st.Lines.Parsed + st.Lines.Unparsed + st.Lines.Skipped
	for _, l := range w.sources.all() {
		st.Sources = append(st.Sources, sourceStatus{l.name, now.Sub(time.Unix(0, l.time)).Seconds()})
	}
	if s.outboxes != nil {
		for _, o := range s.outboxes.Stats() {
			st.Sinks = append(st.Sinks, sinkOf(&o, now))
		}
	}
	if !s.hasLooked() {
		st.Troubles = append(st.Troubles, "not every log has been looked at yet")
	}
	if beat := now.Sub(time.Unix(0, w.beat.Load())); beat > standsStill {
		st.Troubles = append(st.Troubles, fmt.Sprintf("nothing has moved for %s", beat.Round(time.Second)))
	}
	for _, k := range st.Sinks {
		if k.Failing && k.Oldest > waitsTooLong.Seconds() {
			st.Troubles = append(st.Troubles, fmt.Sprintf("the sink %s has not delivered for %s: %s", k.Name, time.Duration(k.Oldest)*time.Second, k.LastError))
		}
	}
	st.Ready = len(st.Troubles) == 0
	return st
}

func sinkOf(o *sinks.OutboxStats, now time.Time) sinkStatus {
	k := sinkStatus{Name: o.Name, Queued: o.Queued, Delivered: o.Delivered, Refused: o.Refused, Dropped: o.Dropped, Failing: o.Failing, LastError: o.LastError}
	if o.Oldest > 0 {
		k.Oldest = now.Sub(time.Unix(0, o.Oldest)).Seconds()
	}
	return k
}

// controlHandler answers the commands that speak to the running service. Its
// socket is for the service's user and group alone.
func (s *service) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.status()) })
	mux.HandleFunc("GET /silences", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.alerter.Silences()) })
	mux.HandleFunc("POST /silences", func(w http.ResponseWriter, r *http.Request) {
		var silence alerts.Silence
		if err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&silence); err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		id, err := s.alerter.Silence(silence)
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		answer(w, map[string]string{"id": id})
	})
	mux.HandleFunc("DELETE /silences/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !s.alerter.Unsilence(r.PathValue("id")) {
			refuse(w, http.StatusNotFound, fmt.Errorf("there is no silence %q; sshwhy silence list shows those that there are", r.PathValue("id")))
			return
		}
		answer(w, map[string]string{})
	})
	mux.HandleFunc("POST /notify/{sink}", func(w http.ResponseWriter, r *http.Request) {
		if err := s.notifyTest(r.Context(), r.PathValue("sink")); err != nil {
			refuse(w, http.StatusBadGateway, err)
			return
		}
		answer(w, map[string]string{})
	})
	return mux
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // a client that has gone needs no answer
}

func refuse(w http.ResponseWriter, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

// listenControl opens the control socket: for the user and group of the
// service (0660). One that a dead service left is taken away.
func listenControl(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, hinted{fmt.Errorf("making the runtime directory: %w", err), "run sshwhy as the user that owns it, or name another with runtime: in the configuration"}
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return nil, hinted{fmt.Errorf("a running sshwhy listens on %q already", path), "stop it, or give this one a state and a runtime directory of its own"}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("taking away the socket of an earlier run: %w", err)
	}
	old := syscall.Umask(0o117)
	defer syscall.Umask(old)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the control socket: %w", err)
	}
	return l, nil
}

// controlClient speaks to the running service.
type controlClient struct {
	path string
	http http.Client
}

func newControlClient(path string) *controlClient {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &controlClient{path: path, http: http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: time.Minute}}
}

// call asks the service and reads its answer into the last argument.
func (c *controlClient) call(ctx context.Context, method, what string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://sshwhy"+what, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var failed struct{ Error string }
		if err := json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&failed); err != nil || failed.Error == "" {
			return fmt.Errorf("the running sshwhy answered %s", response.Status)
		}
		return errors.New(sshwhy.Printable(failed.Error))
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 16<<20)).Decode(into); err != nil {
		return fmt.Errorf("reading the answer of the running sshwhy: %w", err)
	}
	return nil
}

// unreachable says why nobody answers, and what to do.
func (c *controlClient) unreachable(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return hinted{fmt.Errorf("the control socket %q is not for this user", c.path), "run it as root, or as a member of the service's group"}
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return hinted{fmt.Errorf("no sshwhy is running: nobody listens on %q", c.path), "systemctl start sshwhy, or name the socket with --socket"}
	}
	return fmt.Errorf("speaking to the running sshwhy: %w", err)
}

// notifyTest sends a sample to a sink, past its queue.
func (s *service) notifyTest(ctx context.Context, name string) error {
	i := slices.IndexFunc(s.samplers, func(p sampler) bool { return p.name == name })
	if i < 0 {
		var names []string
		for _, p := range s.samplers {
			names = append(names, p.name)
		}
		return fmt.Errorf("there is no sink %q that can be tried; there is %s", name, cmp.Or(strings.Join(names, ", "), "none"))
	}
	return s.samplers[i].send(ctx, s.catalogue)
}
