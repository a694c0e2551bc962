//go:build integration && linux

package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crypto "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// certified gives a certificate for a host that vouches for itself, as the
// server has it and as a file of those that are trusted.
func certified(t *testing.T, host string) (pair tls.Certificate, file []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crypto.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sheet := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{host}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(crypto.Reader, sheet, sheet, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// slack stands in for Slack: for incoming webhooks, and behind a proxy that
// leads to slack.com for its API. It holds messages to the documented limits,
// and answers as documented.
type slack struct {
	t           *testing.T
	hook, proxy string // URLs
	trusted     []byte // PEM

	mu    sync.Mutex
	said  []said
	posts int
	hold  func(said) // called before the answer is given; nil for nothing
}

// said is a message, a change of one, or a reply.
type said struct {
	way    string // hook, or the method of the API
	key    string // Idempotency-Key
	ts     string // of the message that is meant, or was made
	thread string
	text   string
	at     time.Time
}

// alert is the id of the alert that it is about.
func (s said) alert() string { id, _, _ := strings.Cut(s.key, "."); return id }

func newSlack(t *testing.T) *slack {
	t.Helper()
	s := &slack{t: t}
	hook := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(hook.Close)
	s.hook = hook.URL + "/services/T0000/B0000/secretsecret"
	api := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	var pair tls.Certificate
	pair, s.trusted = certified(t, "slack.com")
	api.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	api.StartTLS()
	t.Cleanup(api.Close)
	way, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { way.Close() })
	s.proxy = "http://" + way.Addr().String()
	go s.lead(way, api.Listener.Addr().String())
	return s
}

// lead is the proxy: whatever is asked for leads to the stand-in.
func (s *slack) lead(l net.Listener, to string) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			ask := make([]byte, 0, 4096)
			for !strings.Contains(string(ask), "\r\n\r\n") {
				n, err := from.Read(ask[len(ask):cap(ask)])
				if ask = ask[:len(ask)+n]; err != nil || len(ask) == cap(ask) {
					return
				}
			}
			if !strings.HasPrefix(string(ask), "CONNECT slack.com:443 ") {
				s.t.Errorf("the proxy is asked for %q", ask)
				return
			}
			onward, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer onward.Close()
			_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
			go func() { _, _ = io.Copy(onward, from); onward.Close() }()
			_, _ = io.Copy(from, onward)
		}()
	}
}

func (s *slack) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var m map[string]any
	if err != nil || json.Unmarshal(body, &m) != nil {
		return // it was killed while it wrote
	}
	this := said{way: r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], key: r.Header.Get("Idempotency-Key"), at: time.Now()}
	if strings.HasPrefix(r.URL.Path, "/services/") {
		this.way = "hook"
	} else if r.Header.Get("Authorization") != "Bearer xoxb-0000" {
		s.t.Error("the token is missing")
	}
	this.text, _ = m["text"].(string)
	this.ts, _ = m["ts"].(string)
	this.thread, _ = m["thread_ts"].(string)
	s.limits(m, body)
	s.mu.Lock()
	if s.tooFast(this) {
		s.mu.Unlock()
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"ok":false,"error":"ratelimited"}`)
		return
	}
	if this.way == "chat.postMessage" {
		s.posts++
		this.ts = fmt.Sprintf("1700000000.%06d", s.posts)
	}
	known := this.way != "chat.update" || slices.ContainsFunc(s.said, func(o said) bool { return o.way == "chat.postMessage" && o.ts == this.ts })
	s.said = append(s.said, this)
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		hold(this)
	}
	switch {
	case this.way == "hook":
		fmt.Fprint(w, "ok")
	case !known:
		fmt.Fprint(w, `{"ok":false,"error":"message_not_found"}`)
	default:
		fmt.Fprintf(w, `{"ok":true,"channel":"C0000","ts":%q}`, this.ts)
	}
}

// tooFast holds to one message a second for each way, short bursts apart.
func (s *slack) tooFast(this said) bool {
	n := 0
	for _, o := range s.said {
		if o.way == this.way && this.at.Sub(o.at) < 3*time.Second {
			n++
		}
	}
	return n >= 6
}

// limits checks what the documentation of Block Kit allows.
func (s *slack) limits(m map[string]any, body []byte) {
	if blocks, _ := m["blocks"].([]any); len(blocks) > 50 {
		s.t.Errorf("%d blocks", len(blocks))
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if v["type"] == "mrkdwn" {
				s.t.Errorf("there is mrkdwn in %s", body)
			}
			if v["type"] == "header" {
				if n := utf8.RuneCountInString(v["text"].(map[string]any)["text"].(string)); n > 150 {
					s.t.Errorf("a header of %d characters", n)
				}
			}
			if text, ok := v["text"].(string); ok && utf8.RuneCountInString(text) > 3000 {
				s.t.Errorf("a text of %d characters", utf8.RuneCountInString(text))
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(m)
}

// all gives what was said so far by one of the ways.
func (s *slack) all(ways ...string) []said {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []said
	for _, o := range s.said {
		if slices.Contains(ways, o.way) {
			list = append(list, o)
		}
	}
	return list
}

// toSlack is a configuration with both kinds of Slack.
func (s *slack) configuration(rules string) string {
	return fmt.Sprintf(`
sources: [{path: DIR/auth.log, from_start: true}]
%s
sinks:
  - {name: bot, type: slack, token: xoxb-0000, channel: "#ops", proxy: %q, ca_file: DIR/ca.pem}
  - {name: hook, type: slack, url: %q}
  - {name: out, type: file, send: findings, path: DIR/out.jsonl}
`, rules, s.proxy, s.hook)
}

func (s *slack) running(program, rules string) *running {
	r := newRunning(s.t, program, s.configuration(rules))
	if err := os.WriteFile(r.path("ca.pem"), s.trusted, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// TestRunSlack tells a stand-in for Slack of a burst, and is killed at the
// moments at which it could say something twice, or not at all.
func TestRunSlack(t *testing.T) {
	t.Parallel()
	program := buildSSHwhy(t)
	t.Run("a burst of ten thousand failures", func(t *testing.T) { t.Parallel(); slackBurst(t, program) })
	t.Run("killed between a message and its change", func(t *testing.T) { t.Parallel(); slackKilled(t, program, "") })
	t.Run("killed before the answer to a message", func(t *testing.T) { t.Parallel(); slackKilled(t, program, "chat.postMessage") })
	t.Run("killed between the change and its reply", func(t *testing.T) { t.Parallel(); slackKilled(t, program, "chat.update") })
}

// failing gives the lines of connection n, for one of five causes.
func failing(n int) []string {
	user, address, port := fmt.Sprintf("user%d", n/5%200), fmt.Sprintf("10.1.%d.%d", n/200%200, 1+n%200), 1024+n%60000
	at := fmt.Sprintf("%s port %d", address, port)
	why := []string{
		"User " + user + " from " + address + " not allowed because listed in DenyUsers",
		"User " + user + " from " + address + " not allowed because not listed in AllowUsers",
		"User " + user + " not allowed because account is locked",
		"User " + user + " not allowed because shell /bin/gone does not exist",
		"Authentication refused: bad ownership or modes for directory /home/" + user,
	}[n%5]
	closed := "Connection closed by invalid user " + user + " " + at + " [preauth]"
	if n%5 == 4 {
		closed = "Connection closed by authenticating user " + user + " " + at + " [preauth]"
	}
	pid := fmt.Sprintf("edge05 sshd[%d]: ", 1000+n%30000)
	return []string{pid + why, pid + closed}
}

func slackBurst(t *testing.T, program string) {
	const failures = 10_000
	s := newSlack(t)
	r := s.running(program, "")
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	began := time.Now()
	for n := range failures {
		switch n {
		case failures / 3: // it may be about to speak: the tests below look at that moment
			r.stop()
			r.start()
		case failures * 2 / 3:
			eventually(t, 60*time.Second, "five messages by each way", func() bool { return len(s.all("hook")) >= 5 && len(s.all("chat.postMessage")) >= 5 })
			time.Sleep(time.Second)
			r.kill()
			r.start()
		}
		l.open = [][]string{failing(n)}
		l.settle()
	}
	r.received("out.jsonl", "a burst of 10,000 failures, killed in the middle", replayed(t, program, l.undisturbed()), l, 1)
	first := time.Now()
	if all := s.all("hook", "chat.postMessage"); len(all) > 0 {
		first = all[0].at
	}
	time.Sleep(time.Until(first.Add(time.Duration(long(20, 200)) * time.Second)))
	for _, way := range []string{"hook", "chat.postMessage"} {
		all := s.all(way)
		inMinute, keys, messages := 0, map[string]int{}, map[string]int{}
		for _, m := range all {
			if m.at.Sub(first) < time.Minute {
				inMinute++
			}
			keys[m.key]++
			if m.thread == "" {
				messages[m.alert()]++
			}
		}
		repeated := 0
		for _, n := range keys {
			if n > 1 {
				repeated++
			}
		}
		t.Logf("torture: Slack (%s), a burst of 10,000 failures of 5 causes, killed in the middle | %d messages in the first minute, %d in %s, of %d alerts, %d repeated with the same id and revision", way, inMinute, len(all), time.Since(began).Round(time.Second), len(messages), repeated)
		if inMinute > 10 || inMinute < 5 || repeated > 0 {
			t.Errorf("%s: %d messages in the first minute, %d repeated", way, inMinute, repeated)
		}
		for _, m := range all {
			t.Logf("%6.1fs %s %s %.110q", m.at.Sub(first).Seconds(), m.key, m.thread, m.text)
		}
		if way == "hook" {
			continue
		}
		for id, n := range messages { // one line an incident; an edit for what comes
			if n != 1 {
				t.Errorf("alert %s has %d messages of its own", id, n)
			}
		}
	}
}

// slackKilled tells of one user who cannot log in, and then can; it is killed
// when the method that is named was done and not yet answered, or, with none,
// when the first message is delivered.
func slackKilled(t *testing.T, program, method string) {
	s := newSlack(t)
	r := s.running(program, `alerts:
  defaults: false
  rules:
    - {name: locked, when: 'outcome == "refused"', by: [user], within: 1h, resolve_when: 'outcome == "accepted"', resolve_by: [user]}`)
	l := newServerLog(t, r.path("auth.log"))
	done, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.hold = func(m said) {
		if m.way == method {
			once.Do(func() { close(done); <-answer })
		}
	}
	r.start()
	r.ready()
	delivered := func() bool {
		for _, k := range r.ask().Sinks {
			if k.Queued > 0 || k.Delivered == 0 {
				return false
			}
		}
		return true
	}
	write := func(lines ...string) {
		l.open = [][]string{lines}
		l.settle()
	}
	again := func() {
		r.kill()
		close(answer)
		r.start()
		r.ready()
	}
	write(failing(0)...)
	switch method {
	case "":
		eventually(t, 60*time.Second, "the message is delivered", delivered)
		again()
	case "chat.postMessage":
		<-done
		again()
	default:
		eventually(t, 60*time.Second, "the message is delivered", delivered)
	}
	write("edge05 sshd[5]: Accepted publickey for user0 from 10.1.0.1 port 999 ssh2: ED25519 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	if method == "chat.update" {
		<-done
		again()
	}
	replies := func() (list []said) {
		for _, m := range s.all("chat.postMessage") {
			if m.thread != "" {
				list = append(list, m)
			}
		}
		return list
	}
	eventually(t, 60*time.Second, "the reply that it is over", func() bool { return len(replies()) > 0 })
	time.Sleep(500 * time.Millisecond)
	keys := map[string]int{}
	var top []said
	for _, m := range s.all("chat.postMessage") {
		if m.thread == "" {
			top = append(top, m)
		}
		keys[m.key]++
	}
	last := top[len(top)-1]
	for _, m := range s.all("chat.update") {
		if m.ts != last.ts || m.alert() != last.alert() {
			t.Errorf("changed %s of %s, not %s of %s", m.ts, m.alert(), last.ts, last.alert())
		}
	}
	wantTop := 1
	if method == "chat.postMessage" {
		wantTop = 2 // nobody can know whether it was taken; the same id and revision tell
	}
	for _, m := range s.all("hook") {
		keys["hook "+m.key]++
	}
	// By the webhook as well: begun and over, each perhaps twice with one key.
	if len(top) != wantTop || top[0].key != last.key || len(replies()) != 1 || len(s.all("chat.update")) == 0 || len(keys) != 4 {
		t.Errorf("messages %v\nreplies %v\nchanges %v\nby the webhook %v", top, replies(), s.all("chat.update"), s.all("hook"))
	}
}

// web is a webhook that can be in any state.
type web struct {
	mu    sync.Mutex
	state string // of all but /good
	seen  map[string]map[string]time.Time
}

func (w *web) serve(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.mu.Lock()
	state := w.state
	w.mu.Unlock()
	name := r.URL.Path[1:]
	if state == "faulty" {
		switch name {
		case "slow":
			time.Sleep(3 * time.Second)
		case "hanging":
			<-r.Context().Done()
			return
		case "resetting":
			if conn, _, err := http.NewResponseController(rw).Hijack(); err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			}
			return
		case "redirecting":
			http.Redirect(rw, r, "/good", http.StatusTemporaryRedirect)
			return
		case "broken":
			http.Error(rw, "the database is away", http.StatusInternalServerError)
			return
		}
	}
	var f struct{ Event struct{ ID string } }
	_ = json.Unmarshal(body, &f)
	w.mu.Lock()
	if w.seen[name] == nil {
		w.seen[name] = map[string]time.Time{}
	}
	if w.seen[name][f.Event.ID].IsZero() {
		w.seen[name][f.Event.ID] = time.Now()
	}
	w.mu.Unlock()
}

// TestRunWebhookFaults has webhooks in every bad state beside a good one and a
// file: nothing is lost, and the good ones do not wait.
func TestRunWebhookFaults(t *testing.T) {
	program := buildSSHwhy(t)
	w := &web{state: "faulty", seen: map[string]map[string]time.Time{}}
	plain := httptest.NewServer(http.HandlerFunc(w.serve))
	defer plain.Close()
	defer plain.CloseClientConnections()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	pair, trusted := certified(t, "localhost")
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	secure.StartTLS()
	defer secure.Close()
	names := []string{"good", "slow", "hanging", "resetting", "redirecting", "broken"}
	config := "sources: [{path: DIR/auth.log, from_start: true}]\nsinks:\n  - {name: out, type: file, send: findings, path: DIR/out.jsonl}\n"
	for _, name := range names {
		config += fmt.Sprintf("  - {name: %s, type: webhook, send: findings, url: %q, timeout: 2s, proxy: none}\n", name, plain.URL+"/"+name)
	}
	untrusted := fmt.Sprintf("  - {name: untrusted, type: webhook, send: findings, url: %q, timeout: 2s, proxy: none}\n", secure.URL+"/untrusted")
	r := newRunning(t, program, config+untrusted)
	if err := os.WriteFile(r.path("ca.pem"), trusted, 0o600); err != nil {
		t.Fatal(err)
	}
	l := newServerLog(t, r.path("auth.log"))
	r.start()
	r.ready()
	// Each connection is its own user, so that its verdict is known again.
	written := map[string]time.Time{}
	var late []time.Duration
	for n := range long(160, 1200) {
		l.open = [][]string{failing(5 * n)}
		l.settle()
		written[fmt.Sprintf("10.1.%d.%d", 5*n/200%200, 1+5*n%200)] = time.Now()
		time.Sleep(50 * time.Millisecond)
	}
	want := replayed(t, program, l.undisturbed())
	r.received("out.jsonl", "webhooks slow, hanging, resetting, redirecting, untrusted, broken; the file beside them", want, l, 0)
	connections := clientsOf(t, r.path("out.jsonl"))
	for id, address := range connections {
		w.mu.Lock()
		at := w.seen["good"][id]
		w.mu.Unlock()
		if begun, ok := written[address]; ok && !at.IsZero() {
			late = append(late, at.Sub(begun))
		}
	}
	if len(late) == 0 {
		t.Fatal("the good webhook has nothing")
	}
	t.Logf("torture: webhooks slow, hanging, resetting, redirecting, untrusted, broken; the good one beside them | %d verdicts, median %s after their line, worst %s", len(late), percentile(late, 0.5).Round(time.Millisecond), late[len(late)-1].Round(time.Millisecond))
	if late[len(late)-1] > time.Second {
		t.Error("the good webhook waited for others")
	}
	for _, k := range r.ask().Sinks {
		t.Logf("%s: %d delivered, %d waiting, %d refused; %s", k.Name, k.Delivered, k.Queued, k.Refused, k.LastError)
	}
	w.mu.Lock()
	w.state = "well"
	w.mu.Unlock()
	r.configure(config + strings.Replace(untrusted, "timeout:", "ca_file: DIR/ca.pem, timeout:", 1))
	_ = r.cmd.Process.Signal(syscall.SIGHUP)
	for _, name := range append(names, "untrusted") {
		lost := 0
		for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			lost = 0
			w.mu.Lock()
			for v := range want {
				if w.seen[name][v.id].IsZero() {
					lost++
				}
			}
			w.mu.Unlock()
			if lost == 0 {
				break
			}
		}
		t.Logf("torture: webhook that was %s | %d sent, %d lost", name, len(want), lost)
		if lost > 0 {
			t.Errorf("%s: %d of %d are lost", name, lost, len(want))
		}
	}
	all, own := memoryOf(t, r.cmd.Process.Pid)
	t.Logf("%d KiB resident, %d of its own", all, own)
}

// clientsOf gives the client of each finding of a file.
func clientsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clients := map[string]string{}
	for line := range strings.Lines(string(text)) {
		var f struct {
			Event  struct{ ID string }
			Source struct{ IP string }
		}
		if err := json.Unmarshal([]byte(line), &f); err == nil {
			clients[f.Event.ID] = f.Source.IP
		}
	}
	return clients
}
