package sinks_test

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"

	"github.com/sshwhy/sshwhy/sinks"
)

func posterWith(t testing.TB, o sinks.PosterOptions) *sinks.Poster {
	t.Helper()
	if o.Proxy == "" {
		o.Proxy = "none"
	}
	p, err := sinks.NewPoster(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func address(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := sinks.ParseURL(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// server answers with the handler and gives its URL.
func server(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func failure(t testing.TB, err error) *sinks.Failure {
	t.Helper()
	var f *sinks.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v; want a failure", err)
	}
	return f
}

// TestPostSays checks what arrives.
func TestPostSays(t *testing.T) {
	secret := []byte("shared secret")
	for _, encoding := range []sinks.Encoding{sinks.Plain, sinks.Gzip, sinks.Snappy} {
		var problem string
		u := server(t, func(w http.ResponseWriter, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			body := string(raw)
			switch r.Header.Get("Content-Encoding") {
			case "gzip":
				z, err := gzip.NewReader(strings.NewReader(body))
				if err == nil {
					b, _ := io.ReadAll(z)
					body = string(b)
				}
			case "snappy":
				b, _ := snappy.Decode(nil, raw)
				body = string(b)
			}
			switch {
			case body != "hello":
				problem = "the body is " + body
			case r.Method != "PUT" || r.Header.Get("Idempotency-Key") != "id.2" || r.Header.Get("X-Own") != "1" || r.UserAgent() != "sshwhy/1":
				problem = fmt.Sprint(r.Method, r.Header)
			case !verify(r.Header.Get("Sshwhy-Signature"), secret, raw, time.Now()):
				problem = "the signature does not fit"
			}
			io.WriteString(w, "thanks")
		})
		a, err := posterWith(t, sinks.PosterOptions{UserAgent: "sshwhy/1"}).Post(context.Background(), &sinks.Message{
			Method: "PUT", URL: address(t, u), Header: http.Header{"X-Own": {"1"}}, Body: []byte("hello"), Encoding: encoding, Key: "id.2", Sign: secret,
		})
		if err != nil || string(a.Body) != "thanks" || a.Cut || problem != "" {
			t.Errorf("encoding %d: %v, %v, %s", encoding, a, err, problem)
		}
	}
}

// verify is what docs/webhook.md tells a receiver to do.
func verify(header string, secret, body []byte, now time.Time) bool {
	var at int64
	var digest string
	if n, err := fmt.Sscanf(strings.ReplaceAll(header, ",", " "), "t=%d v1=%s", &at, &digest); n != 2 || err != nil {
		return false
	}
	if age := now.Sub(time.Unix(at, 0)); age > 5*time.Minute || age < -5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%d.%s", at, body)
	got, err := hex.DecodeString(digest)
	return err == nil && hmac.Equal(got, mac.Sum(nil))
}

// TestSignature holds the form with a value worked out by another program:
// printf 1795176000.hello | openssl dgst -sha256 -hmac secret
func TestSignature(t *testing.T) {
	got := sinks.Signature([]byte("secret"), time.Unix(1795176000, 0), []byte("hello"))
	if want := "t=1795176000,v1=" + opensslDigest; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const opensslDigest = "cbe678d3d5b5f22a3097913843efd122d44137a77bf1342dbfd5b49e273ba936"

// TestPostFails tells which answers are tried again, and when.
func TestPostFails(t *testing.T) {
	for _, c := range []struct {
		status int
		header string // Retry-After
		retry  bool
		after  time.Duration
	}{
		{status: 400}, {status: 401}, {status: 403}, {status: 404}, {status: 409}, {status: 410}, {status: 413}, {status: 422},
		{status: 408, retry: true}, {status: 429, retry: true}, {status: 500, retry: true}, {status: 502, retry: true}, {status: 503, retry: true}, {status: 599, retry: true},
		{status: 301, retry: true}, {status: 308, retry: true},
		{status: 429, header: "17", retry: true, after: 17 * time.Second},
		{status: 503, header: "999999", retry: true, after: time.Hour},
		{status: 429, header: "-5", retry: true},
		{status: 429, header: "soon", retry: true},
		{status: 429, header: time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat), retry: true, after: 30 * time.Second},
		{status: 429, header: "Fri, 01 Jan 2021 00:00:00 GMT", retry: true},
	} {
		u := server(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(c.status)
			io.WriteString(w, "because\x1b[2J  of\nthis "+strings.Repeat("é", 5000))
		})
		_, err := posterWith(t, sinks.PosterOptions{}).Post(context.Background(), &sinks.Message{URL: address(t, u)})
		f := failure(t, err)
		if f.Status != c.status || f.Retry != c.retry || c.after-f.After > 3*time.Second || f.After > c.after {
			t.Errorf("%d, Retry-After %q: %+v", c.status, c.header, f)
		}
		if c.status >= 400 && !strings.Contains(f.Reason, `because\x1b[2J of this é`) || len(f.Reason) > 500 || strings.ContainsAny(f.Reason, "\x1b\n") {
			t.Errorf("the reason is %q", f.Reason)
		}
	}
}

// TestPostHidesSecrets: a server that repeats all it was sent, and a network that
// names the address, tell nobody.
func TestPostHidesSecrets(t *testing.T) {
	header := http.Header{
		"Authorization": {"Basic dXNlcjpwYXNzdzByZA=="}, "X-Auth-Token": {"t0k3n-value"}, "Api-Key": {"k3y-value"}, "Cookie": {"c00kie=1"},
	}
	hidden := []string{"dXNlcjpwYXNzdzByZA", "passw0rd", "t0k3n-value", "k3y-value", "c00kie", "B000/XXXXSECRET", "XXXXSECRET", "qu3ry", "qu3ry%20value", "url-passw", "s1gn", "extr4"}
	echo := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		fmt.Fprintln(w, r.RequestURI, r.Header, r.URL.Path, r.URL.Query(), "http://user:url-passw0rd@host/ user:passw0rd s1gning-secret extr4-secret")
	})
	for _, base := range []string{echo, "http://127.0.0.1:1", "http://no-such-host.invalid"} {
		u := address(t, base+"/services/T000/B000/XXXXSECRET?token=qu3ry%20value")
		u.User = url.UserPassword("user", "url-passw0rd")
		_, err := posterWith(t, sinks.PosterOptions{}).Post(context.Background(), &sinks.Message{URL: u, Header: header, Sign: []byte("s1gning-secret"), Secrets: []string{"extr4-secret"}})
		f := failure(t, err)
		for _, h := range hidden {
			if strings.Contains(f.Reason, h) {
				t.Errorf("%q is in %q", h, f.Reason)
			}
		}
		if !strings.Contains(f.Reason, u.Host) {
			t.Errorf("the host is missing in %q", f.Reason)
		}
	}
}

// TestPostDoesNotFollow: what is meant for one host does not go to another, nor
// to another path.
func TestPostDoesNotFollow(t *testing.T) {
	elsewhere := server(t, func(http.ResponseWriter, *http.Request) { t.Error("it was followed") })
	u := server(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere+"/?secret=1", http.StatusPermanentRedirect)
	})
	_, err := posterWith(t, sinks.PosterOptions{}).Post(context.Background(), &sinks.Message{URL: address(t, u)})
	f := failure(t, err)
	if !strings.Contains(f.Reason, "redirects are not followed (to "+elsewhere+")") || strings.Contains(f.Reason, "secret") {
		t.Errorf("got %q", f.Reason)
	}
}

// TestPostIsBounded: an answer without an end takes neither memory nor time.
func TestPostIsBounded(t *testing.T) {
	u := server(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	a, err := posterWith(t, sinks.PosterOptions{}).Post(context.Background(), &sinks.Message{URL: address(t, u)})
	if err != nil || !a.Cut || len(a.Body) != 64<<10 {
		t.Errorf("got %d bytes, cut %v, error %v", len(a.Body), a.Cut, err)
	}
	head := server(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 200 {
			w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1000))
		}
	})
	if _, err := posterWith(t, sinks.PosterOptions{}).Post(context.Background(), &sinks.Message{URL: address(t, head)}); err == nil {
		t.Error("an endless head is taken")
	}
}

// pki makes a CA with a certificate for 127.0.0.1 that serves both sides.
func pki(t *testing.T) (ca, cert, key string, pair tls.Certificate, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"sink.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, key = file("cert.pem", "CERTIFICATE", der), file("key.pem", "EC PRIVATE KEY", secret)
	if pair, err = tls.LoadX509KeyPair(cert, key); err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, cert, key, pair, pool
}

// TestPostVerifies: with the CA and a certificate of its own the sink gets
// through a proxy to a server that wants one; without either it does not.
func TestPostVerifies(t *testing.T) {
	ca, cert, key, pair, pool := pki(t)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	proxy := server(t, func(w http.ResponseWriter, r *http.Request) { tunnel(t, w, r, s.Listener.Addr().String()) })
	for _, c := range []struct {
		what string
		o    sinks.PosterOptions
		want string
	}{
		{"all", sinks.PosterOptions{CAFile: ca, CertFile: cert, KeyFile: key, Proxy: proxy}, ""},
		{"no CA", sinks.PosterOptions{CertFile: cert, KeyFile: key, Proxy: proxy}, "certificate"},
		{"no certificate", sinks.PosterOptions{CAFile: ca, Proxy: proxy}, "certificate required"},
		{"no proxy", sinks.PosterOptions{CAFile: ca, CertFile: cert, KeyFile: key, Proxy: "http://user:pr0xy-passw0rd@127.0.0.1:1"}, "refused"},
	} {
		_, err := posterWith(t, c.o).Post(context.Background(), &sinks.Message{URL: address(t, "https://sink.example/")})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !failure(t, err).Retry || strings.Contains(err.Error(), "pr0xy")) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// tunnel is what a proxy does with CONNECT.
func tunnel(t *testing.T, w http.ResponseWriter, r *http.Request, to string) {
	if r.Method != http.MethodConnect || r.Host != "sink.example:443" {
		t.Errorf("the proxy was asked to %s %s", r.Method, r.Host)
		return
	}
	there, err := net.Dial("tcp", to)
	if err != nil {
		t.Error(err)
		return
	}
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		io.Copy(there, here)
		there.Close()
	}()
	io.Copy(here, there)
	here.Close()
}

// TestPosterOptions: what is wrong with a setting is said, its secrets are not.
func TestPosterOptions(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]sinks.PosterOptions{
		"no such file": {CAFile: none}, "has none": {CAFile: empty}, "client's certificate": {CertFile: none, KeyFile: none},
		"the proxy is no URL": {Proxy: "user:passw0rd@host"},
	} {
		if _, err := sinks.NewPoster(o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "passw0rd") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for _, bad := range []string{"", "hooks.example/x", "ftp://h/", "https:///x", "http://s3cret:\x7f"} {
		if _, err := sinks.ParseURL(bad); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestWebhookTemplate: mistakes in a template show when it is read, or as a
// refusal with a hint.
func TestWebhookTemplate(t *testing.T) {
	p := posterWith(t, sinks.PosterOptions{})
	if _, err := sinks.NewWebhook(p, sinks.WebhookOptions{URL: "http://h/", Template: "{{json .user"}); err == nil {
		t.Error("half a template is taken")
	}
	var got string
	u := server(t, func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = string(b)
	})
	send := func(o sinks.WebhookOptions, body string) sinks.Sent {
		o.URL = u
		got = ""
		return webhook(t, p, o).Send(context.Background(), items(body), nil)
	}
	hostile := `{"user":{"name":"\"},{\"x\":\"</script>"},"n":12345678901234567890}`
	if s := send(sinks.WebhookOptions{Template: `{"t":"{{.user.name}}"}`}, hostile); len(s.Refused) != 1 || !strings.Contains(s.Refused[0].Reason, "{{json .user.name}}") || got != "" {
		t.Errorf("a template that does not escape: %+v, %s", s, got)
	}
	if s := send(sinks.WebhookOptions{Template: `{"t":{{json .user.name}},"n":{{.n}}}`}, hostile); s.Done != 1 || got != `{"t":"\"},{\"x\":\"\u003c/script\u003e","n":12345678901234567890}` {
		t.Errorf("%+v, %s", s, got)
	}
	if s := send(sinks.WebhookOptions{Template: `{{.n}} {{index . "n"}}`, Header: http.Header{"Content-Type": {"text/plain"}}}, hostile); s.Done != 1 || got != "12345678901234567890 12345678901234567890" {
		t.Errorf("%+v, %s", s, got)
	}
}
