// Package sinktest checks that a sink which speaks HTTP keeps what all of them
// promise: nothing is lost and the order kept whatever the server does, what is
// refused is a dead letter with the server's reason, no error has a secret, and
// text that a client chose arrives as text.
//
// A sink runs it in a few lines:
//
//	sinktest.Run(t, sinktest.Sink{
//		New: func(t testing.TB, u *url.URL, p *sinks.Poster) sinks.Deliverer { … },
//	})
package sinktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

// Sink is what the suite must know of a sink; New is needed.
type Sink struct {
	// New gives the sink, for a server at that URL. The URL has a path and
	// a query that are secret, a user and a password.
	New func(t testing.TB, u *url.URL, p *sinks.Poster) sinks.Deliverer
	// Encoder gives its encoder; nil means sinks.NewJSON.
	Encoder func(c *causes.Catalogue) sinks.Encoder
	// Alerts lets it be given alerts; else findings.
	Alerts bool
	// Accept answers like the real server where all is well; nil answers
	// 204. The body was read, and is given.
	Accept func(w http.ResponseWriter, r *http.Request, body []byte)
	// Told gives what a request tells of: the numbers of the users in it,
	// as Number reads them, in their order. Nil finds each "user-N" in the
	// body, the first time that it stands there.
	Told func(t testing.TB, r *http.Request, body []byte) []int
	// Harmless checks a request that tells of a hostile name; nil means that
	// the body is JSON, and that no byte of it is a control character.
	Harmless func(t testing.TB, name string, r *http.Request, body []byte)
	// Forgetful says that the sink may pass over what it was told of an
	// item before: an alert that is told again. The suite then does not
	// count what comes twice as missing.
	Forgetful bool
}

// Hostile are names that a client can choose, each made against some reader.
var Hostile = []string{
	"<!channel>", "<!everyone|x>", "@everyone", "*_~`", "[x](javascript:alert(1))", "<script>alert(1)</script>", "&lt;", "</pre>",
	"=cmd|' /C calc'!A0", "\"; rm -rf / #", "$(reboot)", "{{.}}", "{{json .}}", "%s%n", "\\", "\"", "'", "\\u003c",
	"a\nb", "a\r\nX-Header: 1", "\x1b]0;x\a\x1b[2J", "\x00", "\u202egnp.exe", "\u200b", "\xff\xfe", "\u2028", "🦔", "",
	strings.Repeat("x", 64<<10), strings.Repeat("\"", 4<<10),
}

// Secrets stand in the URL that New is given; no error may have one.
var Secrets = []string{"s3cr3t-path", "s3cr3t-query", "s3cr3t-user", "s3cr3t-password"}

// Run runs the suite.
func Run(t *testing.T, s Sink) {
	if s.Accept == nil {
		s.Accept = func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusNoContent) }
	}
	t.Run("in order", func(t *testing.T) { inOrder(t, &s) })
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) { survives(t, &s, f) })
	}
	t.Run("waits as long as it is asked", func(t *testing.T) { waits(t, &s) })
	t.Run("refused", func(t *testing.T) { refused(t, &s) })
	t.Run("untrusted certificate", func(t *testing.T) { untrusted(t, &s) })
	t.Run("stopped while the server hangs", func(t *testing.T) { stopped(t, &s) })
	t.Run("hostile names", func(t *testing.T) { hostile(t, &s) })
}

// fault is an answer that is none.
type fault struct {
	name   string
	answer func(w http.ResponseWriter, r *http.Request, body []byte)
}

// faults are given some times before all is well again. What they say is what a
// careless server says: it repeats the request.
var faults = []fault{
	{"broken", func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.WriteHeader(http.StatusInternalServerError)
		repeat(w, r)
	}},
	{"unavailable", func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusServiceUnavailable) }},
	{"busy", func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		repeat(w, r)
	}},
	{"too slow for the server", func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusRequestTimeout) }},
	{"hanging", func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }},
	{"reset", func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }},
	{"redirect", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Location", "https://elsewhere.example/s3cr3t-path?t=s3cr3t-query")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}},
	{"endless answer", func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.WriteHeader(http.StatusBadGateway)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}},
	{"dripping answer", func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.WriteHeader(http.StatusInternalServerError)
		for r.Context().Err() == nil {
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond) // that is the fault
		}
	}},
}

// repeat writes all that a request has of secrets.
func repeat(w io.Writer, r *http.Request) {
	fmt.Fprintf(w, "cannot %s %s for %s at http://s3cr3t-user:s3cr3t-password@%s%s", r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Host, r.URL.Path)
}

// bench is a sink behind its outbox, with a server.
type bench struct {
	t       testing.TB
	s       *Sink
	ledger  *ledger.Ledger
	path    string
	boxes   *sinks.Outboxes
	server  *httptest.Server
	encoder sinks.Encoder
	sent    int

	mu      sync.Mutex
	answer  func(w http.ResponseWriter, r *http.Request, body []byte) // nil accepts
	times   int                                                       // that answer is given, before it is nil
	told    []int
	seen    []seen
	notices []string
}

// seen is a request that was accepted.
type seen struct {
	request *http.Request
	body    []byte
}

func setUp(t testing.TB, s *Sink) *bench {
	b := &bench{t: t, s: s, path: filepath.Join(t.TempDir(), "ledger.db")}
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	b.encoder = sinks.NewJSON(c, causes.English)
	if s.Encoder != nil {
		b.encoder = s.Encoder(c)
	}
	b.server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.server.Close)
	return b
}

// serve answers a request.
func (b *bench) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.mu.Lock()
	answer := b.answer
	if b.times--; b.times <= 0 {
		b.answer = nil
	}
	b.mu.Unlock()
	if answer != nil {
		answer(w, r, body)
		return
	}
	b.mu.Lock()
	if b.s.Told != nil {
		b.told = append(b.told, b.s.Told(b.t, r, body)...)
	} else {
		b.told = append(b.told, Numbers(body)...)
	}
	b.seen = append(b.seen, seen{r, body})
	b.mu.Unlock()
	b.s.Accept(w, r, body)
}

// fail lets the next requests be answered so.
func (b *bench) fail(times int, answer func(w http.ResponseWriter, r *http.Request, body []byte)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer, b.times = answer, times
}

// start opens the outbox and lets it deliver.
func (b *bench) start(address string) {
	t := b.t
	t.Helper()
	poster, err := sinks.NewPoster(sinks.PosterOptions{Timeout: 300 * time.Millisecond, Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User, u.Path, u.RawQuery = url.UserPassword("s3cr3t-user", "s3cr3t-password"), "/s3cr3t-path", "token=s3cr3t-query"
	dead, err := sinks.OpenFile(b.path+".dead", sinks.FileOptions{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if b.ledger, err = ledger.Open(b.path, ledger.Options{NoSync: true}); err != nil {
		t.Fatal(err)
	}
	b.boxes, err = sinks.OpenOutboxes(b.ledger, sinks.OutboxOptions{
		Name: "tested", Deliverer: b.s.New(t, u, poster), Encoder: b.encoder, Findings: !b.s.Alerts, Alerts: b.s.Alerts,
		MinWait: 2 * time.Millisecond, MaxWait: 20 * time.Millisecond, DeadLetters: dead,
		Notice: func(n *sshwhy.Notice) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.notices = append(b.notices, n.Error()+"; "+n.Hint)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.boxes.Start()
	t.Cleanup(func() {
		b.stop(0)
		dead.Close()
		poster.Close()
	})
}

// stop ends the outbox after the grace time and gives what is left.
func (b *bench) stop(grace time.Duration) (left uint64) {
	if b.ledger == nil {
		return 0
	}
	ctx, cancel := contextFor(grace)
	defer cancel()
	left = b.boxes.Stop(ctx)
	if err := b.ledger.Close(); err != nil {
		b.t.Error(err)
	}
	b.ledger = nil
	return left
}

// deliver gives the sink the next findings or alerts, one for each number.
func (b *bench) deliver(count int) {
	b.t.Helper()
	for range count {
		b.give(fmt.Sprintf("user-%d.", b.sent))
		b.sent++
	}
	if err := b.ledger.Commit(&sshwhy.Batch{}); err != nil {
		b.t.Fatal(err)
	}
}

// give delivers one thing about a user of that name.
func (b *bench) give(name string) {
	b.t.Helper()
	// What a client sends stands in the log as sshd escapes it.
	f := &sshwhy.Finding{
		Identity: sshwhy.Identity{Host: []byte("edge"), First: []byte(name), PID: 7, Time: 1795176000_000000000},
		Revision: 1, Outcome: sshwhy.OutcomeRefused, Start: 1795176000_000000000, End: 1795176001_000000000,
		User: []byte(strings.ReplaceAll(name, `\`, `\\`)), UserKnown: true, Address: []byte("203.0.113.7"), Port: 50000,
		Evidence: []sshwhy.Evidence{{Text: []byte("Failed password for " + name)}}, Source: "/var/log/auth.log",
	}
	var err error
	if b.s.Alerts {
		err = b.boxes.DeliverAlert(&sshwhy.Alert{
			ID: f.ID(), Revision: 1, Rule: "lockout", By: []sshwhy.Shared{{Name: "user", Value: name}}, Findings: 3, Since: f.Start, Until: f.End,
			Users: []sshwhy.Counted{{Value: name, Count: 3}}, NumUsers: 1, Sources: []sshwhy.Counted{{Value: "203.0.113.7", Count: 3}}, NumSources: 1,
			Hosts: []sshwhy.Counted{{Value: "edge", Count: 3}}, NumHosts: 1, Latest: f,
		})
	} else {
		err = b.boxes.Deliver(f)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// Numbers gives the number N of each "user-N." in a body, the first time that
// it stands there.
func Numbers(body []byte) (list []int) {
	for _, part := range strings.Split(string(body), "user-")[1:] {
		var n int
		if _, err := fmt.Sscanf(part, "%d.", &n); err == nil && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

// settled waits until all is dealt with.
func (b *bench) settled() sinks.OutboxStats {
	b.t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		s := b.boxes.Stats()[0]
		if s.Enqueued >= uint64(b.sent) && s.Queued == 0 {
			return s
		}
		if time.Now().After(until) {
			b.t.Fatalf("after 20 seconds it stands at %+v", s)
		}
	}
}

// complete checks that every number came, in order, and nothing twice but where
// the server failed.
func (b *bench) complete(twice bool) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	last := -1
	for _, n := range b.told {
		switch {
		case n == last+1:
			last = n
		case n > last+1:
			b.t.Fatalf("%d came after %d", n, last)
		case !twice && !b.s.Forgetful:
			b.t.Fatalf("%d came twice", n)
		}
	}
	if last != b.sent-1 {
		b.t.Errorf("%d of %d came", last+1, b.sent)
	}
}

// noSecret checks all that the outbox says.
func (b *bench) noSecret() {
	b.t.Helper()
	b.mu.Lock()
	said := slices.Clone(b.notices)
	b.mu.Unlock()
	said = append(said, b.boxes.Stats()[0].LastError, readAll(b.t, b.path+".dead"))
	for _, text := range said {
		for _, secret := range Secrets {
			if strings.Contains(text, secret) {
				b.t.Errorf("the secret %q stands in: %s", secret, text)
			}
		}
	}
}

func inOrder(t *testing.T, s *Sink) {
	b := setUp(t, s)
	b.start(b.server.URL)
	for range 3 {
		b.deliver(40)
	}
	if got := b.settled(); got.Delivered != 120 || got.Refused+got.Dropped != 0 || got.LastError != "" {
		t.Errorf("it stands at %+v", got)
	}
	b.complete(false)
}

// survives lets the server fail a few times in the middle.
func survives(t *testing.T, s *Sink, f fault) {
	b := setUp(t, s)
	b.start(b.server.URL)
	b.deliver(5)
	b.settled()
	b.fail(4, f.answer) // of which net/http itself tries one again
	b.deliver(10)
	got := b.settled()
	if got.Delivered != 15 || got.Refused+got.Dropped != 0 || got.Failures < 3 || got.LastError == "" || got.Failing {
		t.Errorf("it stands at %+v", got)
	}
	b.complete(true)
	b.noSecret()
	t.Logf("%d failures, the last: %s", got.Failures, got.LastError)
}

// waits checks that nothing comes before the time that the server asked for.
func waits(t *testing.T, s *Sink) {
	b := setUp(t, s)
	var asked time.Time
	b.fail(1, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		asked = time.Now()
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	b.start(b.server.URL)
	b.deliver(1)
	b.settled()
	if waited := time.Since(asked); waited < time.Second {
		t.Errorf("it waited %v", waited)
	}
	b.complete(false)
}

// refused lets the server refuse all requests that tell of one item.
func refused(t *testing.T, s *Sink) {
	b := setUp(t, s)
	b.fail(1<<30, func(w http.ResponseWriter, r *http.Request, body []byte) {
		told := Numbers(body)
		if s.Told != nil {
			told = s.Told(t, r, body)
		}
		if slices.Contains(told, 3) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, "no such \x1b[2J channel; ")
			repeat(w, r)
			return
		}
		b.mu.Lock()
		b.told = append(b.told, told...)
		b.mu.Unlock()
		s.Accept(w, r, body)
	})
	b.start(b.server.URL)
	b.deliver(8)
	got := b.settled()
	if got.Refused == 0 || got.Refused+got.Delivered != 8 || got.Dropped != 0 {
		t.Errorf("it stands at %+v", got)
	}
	b.mu.Lock()
	if uint64(len(b.told)) < got.Delivered || got.Refused == 1 && !slices.Equal(b.told, []int{0, 1, 2, 4, 5, 6, 7}) {
		t.Errorf("the others came as %v", b.told)
	}
	b.mu.Unlock()
	letters := strings.Fields(strings.ReplaceAll(readAll(t, b.path+".dead"), " ", "_"))
	if uint64(len(letters)) != got.Refused {
		t.Errorf("of %d refused there are %d dead letters", got.Refused, len(letters))
	}
	for _, letter := range letters {
		if !json.Valid([]byte(letter)) || !strings.Contains(letter, "no_such") || strings.Contains(letter, "\x1b") {
			t.Errorf("a dead letter is %s", letter)
		}
	}
	b.noSecret()
}

// untrusted runs against a server whose certificate nobody vouches for.
func untrusted(t *testing.T, s *Sink) {
	b := setUp(t, s)
	server := httptest.NewUnstartedServer(http.HandlerFunc(b.serve))
	server.Config.ErrorLog = discard()
	server.StartTLS()
	defer server.Close()
	b.start(server.URL)
	b.deliver(2)
	b.failsUntil(3)
	if got := b.boxes.Stats()[0]; got.Queued != 2 || !got.Failing || !strings.Contains(got.LastError, "certificate") {
		t.Errorf("it stands at %+v", got)
	}
	b.noSecret()
	if left := b.stop(0); left != 2 || len(b.seen) != 0 {
		t.Errorf("%d are left, and the server got %d requests", left, len(b.seen))
	}
	// With the right server they go their way.
	b.start(b.server.URL)
	b.settled()
	b.complete(false)
}

func (b *bench) failsUntil(failures uint64) {
	b.t.Helper()
	for until := time.Now().Add(10 * time.Second); b.boxes.Stats()[0].Failures < failures; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			b.t.Fatal("it does not fail")
		}
	}
}

// stopped ends the program while the server hangs.
func stopped(t *testing.T, s *Sink) {
	b := setUp(t, s)
	reached := make(chan struct{}, 1000)
	b.fail(1<<30, func(_ http.ResponseWriter, r *http.Request, _ []byte) {
		reached <- struct{}{}
		<-r.Context().Done()
	})
	b.start(b.server.URL)
	b.deliver(3)
	<-reached
	begin := time.Now()
	if left := b.stop(50 * time.Millisecond); left != 3 || time.Since(begin) > 5*time.Second {
		t.Errorf("%d are left after %v", left, time.Since(begin))
	}
	b.fail(0, nil)
	b.start(b.server.URL)
	b.settled()
	b.complete(false)
}

// hostile delivers names that were made to do harm, one after the other.
func hostile(t *testing.T, s *Sink) {
	b := setUp(t, s)
	b.start(b.server.URL)
	for _, name := range Hostile {
		b.give(name)
		b.sent++
		if err := b.ledger.Commit(&sshwhy.Batch{}); err != nil {
			t.Fatal(err)
		}
		if got := b.settled(); got.Delivered != uint64(b.sent) {
			t.Fatalf("name %.20q: it stands at %+v", name, got)
		}
		b.mu.Lock()
		requests := b.seen
		b.seen = nil
		b.mu.Unlock()
		for _, r := range requests {
			if s.Harmless != nil {
				s.Harmless(t, name, r.request, r.body)
			} else {
				harmless(t, name, r.body)
			}
			if r.request.Header.Get("X-Header") != "" {
				t.Errorf("name %q became a header", name)
			}
		}
	}
}

func harmless(t testing.TB, name string, body []byte) {
	if !json.Valid(body) || !utf8.Valid(body) {
		t.Errorf("name %.20q: the body is no JSON: %.200q", name, body)
	}
	for _, c := range body {
		if c < ' ' && c != '\n' || c == 0x7f {
			t.Errorf("name %.20q: the body has the byte %#x", name, c)
		}
	}
}
