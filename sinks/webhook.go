package sinks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/template"

	"github.com/sshwhy/sshwhy/ledger"
)

// WebhookOptions describe a webhook; URL is needed.
type WebhookOptions struct {
	URL string
	// Method is POST where it is empty.
	Method string
	// Header is sent along. Without a Content-Type it is
	// application/json.
	Header http.Header
	// Batch sends several at once, as a JSON array; the outbox says how
	// many. Without it each request has one JSON object.
	Batch bool
	// Template, if not empty, makes the body: a text/template over the
	// object of docs/output.md, or over the list of them. Its function
	// json writes a value as JSON. The result must be JSON where the
	// Content-Type says so.
	Template string
	// Secret signs every request; see Signature.
	Secret []byte
	// Gzip compresses the bodies.
	Gzip bool
}

// Webhook posts findings and alerts as they are to an address of the user's.
// It implements Deliverer.
type Webhook struct {
	poster   *Poster // not owned
	o        WebhookOptions
	url      *url.URL
	template *template.Template // nil for none
	isJSON   bool
}

// NewWebhook gives a webhook, or says what is wrong with its options.
func NewWebhook(p *Poster, o WebhookOptions) (*Webhook, error) {
	w := &Webhook{poster: p, o: o}
	var err error
	if w.url, err = ParseURL(o.URL); err != nil {
		return nil, err
	}
	w.o.Header = o.Header.Clone()
	if w.o.Header == nil {
		w.o.Header = http.Header{}
	}
	if w.o.Header.Get("Content-Type") == "" {
		w.o.Header.Set("Content-Type", "application/json")
	}
	w.isJSON = bytes.Contains([]byte(w.o.Header.Get("Content-Type")), []byte("json"))
	if o.Template != "" {
		w.template, err = template.New("webhook").Funcs(template.FuncMap{"json": asJSON}).Parse(o.Template)
		if err != nil {
			return nil, fmt.Errorf("reading the template: %w", err)
		}
	}
	return w, nil
}

// ParseURL reads the address of a server. The error does not repeat it: it may
// have a secret.
func ParseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the address is no URL that begins with https:// or http://")
	}
	return u, nil
}

// asJSON is the function json of templates. What it gives is safe in HTML, too.
func asJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// BatchSize gives how many items a Send should get: where each goes alone, what
// was delivered is noted without waiting for the others.
func (w *Webhook) BatchSize() int {
	if w.o.Batch {
		return defaultBatch
	}
	return 1
}

// Send implements Deliverer.
func (w *Webhook) Send(ctx context.Context, items []ledger.Item, _ Kept) Sent {
	if w.o.Batch {
		return w.together(ctx, items)
	}
	var all Sent
	for i := range items {
		one, _ := w.post(ctx, items[i:i+1])
		all.add(one)
		if one.Err != nil {
			break
		}
	}
	return all
}

// add puts behind what was sent what was sent after it.
func (s *Sent) add(next Sent) {
	for _, r := range next.Refused {
		s.Refused = append(s.Refused, Refused{s.Done + r.Item, r.Reason})
	}
	s.Done += next.Done
	s.Keep = append(s.Keep, next.Keep...)
	s.Err, s.After = next.Err, next.After
}

// together sends items in one request. Where they are refused because of what
// is in them, one bad one must not take the others along: both halves are sent
// again.
func (w *Webhook) together(ctx context.Context, items []ledger.Item) Sent {
	sent, bad := w.post(ctx, items)
	if len(items) == 1 || !bad {
		return sent
	}
	half := len(items) / 2
	first := w.together(ctx, items[:half])
	if first.Err == nil {
		first.add(w.together(ctx, items[half:]))
	}
	return first
}

// post sends one request, and tells whether what is in it is bad.
func (w *Webhook) post(ctx context.Context, items []ledger.Item) (sent Sent, bad bool) {
	body, err := w.body(items)
	if err != nil {
		return SentAll(len(items), &Failure{Reason: err.Error()}), true
	}
	m := &Message{Method: w.o.Method, URL: w.url, Header: w.o.Header, Body: body, Key: KeyOf(items), Sign: w.o.Secret}
	if w.o.Gzip {
		m.Encoding = Gzip
	}
	_, err = w.poster.Post(ctx, m)
	var f *Failure
	return SentAll(len(items), err), errors.As(err, &f) && aboutContent(f.Status)
}

// aboutContent tells the answers that are about what was sent, and not about
// where and by whom.
func aboutContent(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity
}

// KeyOf gives the Idempotency-Key of a request with these items: ID.REVISION of
// the one, or for several a digest of theirs.
func KeyOf(items []ledger.Item) string {
	key := func(it *ledger.Item) string { return it.ID + "." + strconv.Itoa(it.Revision) }
	if len(items) == 1 {
		return key(&items[0])
	}
	sum := sha256.New()
	for i := range items {
		io.WriteString(sum, key(&items[i])+"\n")
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func (w *Webhook) body(items []ledger.Item) ([]byte, error) {
	var b []byte
	if w.o.Batch {
		b = append(b, '[')
	}
	for i := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, items[i].Body...)
	}
	if w.o.Batch {
		b = append(b, ']')
	}
	if w.template == nil {
		return b, nil
	}
	return w.fill(b)
}

// fill makes the body with the template.
func (w *Webhook) fill(object []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.UseNumber() // a number stays what it is
	var data any
	if err := dec.Decode(&data); err != nil {
		return nil, fmt.Errorf("filling the template: %w", err)
	}
	var out bytes.Buffer
	if err := w.template.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("filling the template: %w", err)
	}
	if w.isJSON && !json.Valid(out.Bytes()) {
		return nil, errors.New("filling the template: the result is no JSON; write {{json .user.name}} and not \"{{.user.name}}\"")
	}
	return out.Bytes(), nil
}
