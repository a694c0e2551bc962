package sinks

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang/snappy"

	"github.com/sshwhy/sshwhy"
)

// PosterOptions are shared by all sinks that speak HTTP; the zero value is
// sensible.
type PosterOptions struct {
	// Timeout is for a request with its answer; 0 means 30 seconds.
	Timeout time.Duration
	// CAFile has certificates (PEM) that are trusted beside the system's.
	CAFile string
	// CertFile and KeyFile are what the client shows (PEM).
	CertFile, KeyFile string
	// Proxy is the URL of a proxy (http, https, socks5); "" asks the
	// environment (HTTPS_PROXY, NO_PROXY), "none" uses none.
	Proxy string
	// UserAgent names the program; "" means "sshwhy".
	UserAgent string
}

// Poster is the one place from which HTTP requests go out. It may be used by
// many goroutines. Servers are always verified, redirects never followed, and
// nothing that a Message holds as a secret is in an error.
type Poster struct {
	client  *http.Client
	agent   string
	timeout time.Duration
	secrets []string // of the proxy
	now     func() time.Time
}

const (
	defaultTimeout = 30 * time.Second
	// maxAnswer is how much of an answer is read, in bytes, and answerWait
	// how long that may take after its head has come.
	maxAnswer  = 64 << 10
	answerWait = 10 * time.Second
	// maxReason bounds what is told of an answer.
	maxReason = 300
	// maxRetryAfter bounds how long a server can ask us to wait.
	maxRetryAfter = time.Hour
)

// NewPoster gives a Poster, or says which file or address is wrong.
func NewPoster(o PosterOptions) (*Poster, error) {
	p := &Poster{agent: o.UserAgent, timeout: o.Timeout, now: time.Now}
	if p.agent == "" {
		p.agent = "sshwhy"
	}
	if p.timeout <= 0 {
		p.timeout = defaultTimeout
	}
	trust, err := tlsOf(o)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig:        trust,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // an answer must not be larger than it looks
		MaxIdleConns:           8,
		MaxIdleConnsPerHost:    maxPushes,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: maxAnswer,
	}
	if transport.Proxy, p.secrets, err = proxyOf(o.Proxy); err != nil {
		return nil, err
	}
	p.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p, nil
}

// Close closes the connections that wait for another request.
func (p *Poster) Close() { p.client.CloseIdleConnections() }

func tlsOf(o PosterOptions) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the trusted certificates: %w", err)
		}
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			c.RootCAs = x509.NewCertPool()
		}
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the trusted certificates: %q has none", o.CAFile)
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the client's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func proxyOf(address string) (proxy func(*http.Request) (*url.URL, error), secrets []string, err error) {
	switch address {
	case "":
		return http.ProxyFromEnvironment, nil, nil
	case "none":
		return nil, nil, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return nil, nil, errors.New("the proxy is no URL that begins with http://, https:// or socks5://")
	}
	return http.ProxyURL(u), secretsOf(u, nil), nil
}

// Encoding is how a body is compressed.
type Encoding uint8

// The encodings. Snappy is the block format, which Loki reads.
const (
	Plain Encoding = iota
	Gzip
	Snappy
)

// Message is a request that says something.
type Message struct {
	// Method is POST where it is empty.
	Method string
	// URL is where to. All of it but scheme, host and port is a secret.
	URL *url.URL
	// Header is sent along; what authenticates (Authorization, Cookie, and
	// names that end in Token or Key) is a secret.
	Header http.Header
	Body   []byte
	// Encoding compresses the body.
	Encoding Encoding
	// Key is sent as Idempotency-Key: the same for what is sent again.
	Key string
	// Sign is the secret that the message is signed with; see Signature.
	Sign []byte
	// Secrets are others that no error may have.
	Secrets []string
}

// Answer is what a server said that took the message.
type Answer struct {
	Status int
	Header http.Header
	// Body is at most 64 KiB; Cut says that there was more, or that it did
	// not come.
	Body []byte
	Cut  bool
}

// Failure is a message that was not taken.
type Failure struct {
	// Status is that of the answer, 0 where none came.
	Status int
	// Reason says why, in printable text without secrets.
	Reason string
	// Retry says that the same message may be taken later: the network
	// failed, the server was busy (408, 429), broken (5xx), or somewhere
	// else (3xx). A message that is refused stays refused.
	Retry bool
	// After is how long the server asked to wait, 0 where it did not.
	After time.Duration
}

// Error implements error.
func (f *Failure) Error() string { return f.Reason }

// Post sends a message once. An error is a *Failure.
func (p *Poster) Post(ctx context.Context, m *Message) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	hidden := append(secretsOf(m.URL, m.Header), p.secrets...)
	hidden = append(append(hidden, m.Secrets...), string(m.Sign))
	fail := func(status int, reason string) *Failure {
		return &Failure{Status: status, Reason: fmt.Sprintf("posting to %s://%s: %s", m.URL.Scheme, m.URL.Host, tidy(reason, hidden))}
	}
	request, err := p.request(ctx, m)
	if err != nil {
		return nil, fail(0, bare(err))
	}
	response, err := p.client.Do(request)
	if err != nil {
		f := fail(0, p.network(ctx, err))
		f.Retry = true
		return nil, f
	}
	// The head has come; what follows must not take for ever.
	timer := time.AfterFunc(answerWait, cancel)
	defer timer.Stop()
	defer response.Body.Close()
	a := &Answer{Status: response.StatusCode, Header: response.Header}
	a.Body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if a.Cut = err != nil || len(a.Body) > maxAnswer; len(a.Body) > maxAnswer {
		a.Body = a.Body[:maxAnswer]
	}
	if a.Status >= 200 && a.Status < 300 {
		return a, nil
	}
	f := fail(a.Status, reasonOf(a))
	f.Retry = a.Status < 400 || a.Status >= 500 || a.Status == http.StatusTooManyRequests || a.Status == http.StatusRequestTimeout
	f.After = retryAfter(a.Header.Get("Retry-After"), p.now())
	return nil, f
}

// request makes the HTTP request of a message.
func (p *Poster) request(ctx context.Context, m *Message) (*http.Request, error) {
	body, coding := compress(m.Body, m.Encoding)
	method := m.Method
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, m.URL.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range m.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.Header.Set("User-Agent", p.agent)
	if coding != "" {
		r.Header.Set("Content-Encoding", coding)
	}
	if m.Key != "" {
		r.Header.Set("Idempotency-Key", m.Key)
	}
	if len(m.Sign) > 0 {
		r.Header.Set("Sshwhy-Signature", Signature(m.Sign, p.now(), body))
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	return r, nil
}

func compress(body []byte, e Encoding) (out []byte, coding string) {
	switch e {
	case Gzip:
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write(body) // into memory: no error
		w.Close()
		return b.Bytes(), "gzip"
	case Snappy:
		return snappy.Encode(nil, body), "snappy"
	}
	return body, ""
}

// Signature gives the value of the header Sshwhy-Signature:
//
//	t=1795176000,v1=5257a869e7ec…
//
// t is when it was made, in seconds since 1970 UTC, and v1 the HMAC-SHA256 of
// "t.body" in hexadecimal digits: of the digits of t, a point, and the bytes
// of the body as they were sent, compressed or not. docs/webhook.md tells how
// to verify it.
func Signature(secret []byte, now time.Time, body []byte) string {
	t := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// network says why no answer came.
func (p *Poster) network(ctx context.Context, err error) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", p.timeout)
	}
	return bare(err)
}

// bare gives the text of an error without the URL that net/http puts before it.
func bare(err error) string {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// reasonOf says what an answer says.
func reasonOf(a *Answer) string {
	status := strings.TrimSpace(strconv.Itoa(a.Status) + " " + http.StatusText(a.Status))
	if a.Status < 400 {
		return status + ": redirects are not followed" + whereTo(a.Header.Get("Location"))
	}
	if text := strings.TrimSpace(string(a.Body)); text != "" {
		return status + ": " + text
	}
	return status
}

// whereTo names the host of a redirect; the rest of it may be a secret.
func whereTo(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return ""
	}
	return fmt.Sprintf(" (to %s://%s)", u.Scheme, u.Host)
}

// tidy makes text from a server or a library fit to be told.
func tidy(text string, hidden []string) string {
	text = Redact(text, hidden)
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return sshwhy.Printable(strings.Join(strings.Fields(text), " "))
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110,
// 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// minSecret is the shortest text, in bytes, that is taken for a secret: a
// shorter one would be found in any sentence.
const minSecret = 4

// Redact replaces what is secret in a text.
func Redact(text string, secrets []string) string {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < minSecret })
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // a part of another comes after it
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "[hidden]")
	}
	return text
}

// secretsOf gives what is secret of a request, in every spelling that can come
// back in an error or an answer.
func secretsOf(u *url.URL, h http.Header) (secrets []string) {
	add := func(texts ...string) {
		for _, s := range texts {
			secrets = append(secrets, s, url.QueryEscape(s), url.PathEscape(s))
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		add(password, u.User.Username(), u.User.String(), base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	add(u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery)
	// A part of a path is a word (api, push, services) or a token.
	for part := range strings.SplitSeq(u.Path, "/") {
		if len(part) >= 8 {
			add(part)
		}
	}
	for _, values := range u.Query() {
		add(values...)
	}
	for name, values := range h {
		if secretHeader(name) {
			for _, v := range values {
				add(v)
				add(credentials(v)...)
			}
		}
	}
	return secrets
}

func secretHeader(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "auth") || strings.Contains(name, "cookie") || strings.Contains(name, "secret") ||
		strings.HasSuffix(name, "token") || strings.HasSuffix(name, "key")
}

// credentials gives what stands behind the scheme of an Authorization header,
// and what basic credentials decode to.
func credentials(value string) (parts []string) {
	scheme, rest, ok := strings.Cut(value, " ")
	if !ok {
		return nil
	}
	parts = append(parts, rest)
	if strings.EqualFold(scheme, "basic") {
		if plain, err := base64.StdEncoding.DecodeString(rest); err == nil {
			_, password, _ := strings.Cut(string(plain), ":")
			parts = append(parts, string(plain), password)
		}
	}
	return parts
}
