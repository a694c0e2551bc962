package sinks

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/ledger"
)

// AlertmanagerLines writes alerts as the v2 API of Alertmanager takes them, so
// that a team's own routes, silences and inhibitions apply. It implements
// Encoder; findings give nothing.
type AlertmanagerLines struct {
	causes   *causes.Catalogue // not owned
	words    *lang.Alert
	language causes.Language
}

// NewAlertmanagerLines gives an encoder that writes in that language.
func NewAlertmanagerLines(c *causes.Catalogue, language causes.Language) *AlertmanagerLines {
	return &AlertmanagerLines{causes: c, words: lang.AlertIn(language, c), language: language}
}

// postable is an alert of the API (postableAlert of api/v2/openapi.yaml).
type postable struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	// Over is ours: when the alert ends is decided as it is sent.
	Over bool `json:"over,omitempty"`
}

// AppendFinding implements Encoder.
func (e *AlertmanagerLines) AppendFinding(dst []byte, _ *sshwhy.Finding) ([]byte, error) {
	return dst, nil
}

// AppendAlert implements Encoder. The labels are what makes an alert the same
// one: the rule and what its findings share.
func (e *AlertmanagerLines) AppendAlert(dst []byte, a *sshwhy.Alert) ([]byte, error) {
	p := postable{
		Labels:      map[string]string{"alertname": a.Rule, "service": "sshd"},
		Annotations: map[string]string{"summary": e.words.Headline(a), "id": a.ID, "news": a.News.String()},
		StartsAt:    time.Unix(0, a.Since).UTC(), Over: a.News == sshwhy.NewsResolved,
	}
	for _, s := range a.By {
		p.Labels[s.Name] = shown(s.Value)
	}
	if facts := e.words.Facts(a, time.UTC); len(facts) > 0 {
		p.Annotations["description"] = strings.Join(facts, "; ")
	}
	if steps := remedyOf(a, e.causes, e.language); len(steps) > 0 {
		p.Annotations["remedy"] = strings.Join(steps, "\n")
	}
	body, err := json.Marshal(p)
	return append(dst, body...), err
}

// shown makes text from a log fit to be shown, and no longer than anybody
// reads.
func shown(text string) string {
	text = sshwhy.Printable(text)
	if len(text) > maxMetadata {
		text = strings.ToValidUTF8(text[:maxMetadata], "") + "…"
	}
	return text
}

// remedyOf gives the commands, or what to do where there is none, of the
// finding that an alert shows.
func remedyOf(a *sshwhy.Alert, c *causes.Catalogue, language causes.Language) []string {
	if a.Latest == nil {
		return nil
	}
	cause := c.Cause(a.Latest.Cause)
	if cause == nil || a.Latest.Confidence == sshwhy.ConfidenceNone {
		return nil
	}
	var list []string
	for _, step := range cause.Steps(language, a.Latest.Value) {
		if step.Run != "" {
			list = append(list, step.Run)
		} else if step.Do != "" {
			list = append(list, step.Do)
		}
	}
	return list
}

// AlertmanagerOptions describe an Alertmanager; URL and Poster are needed.
type AlertmanagerOptions struct {
	// URL is that of the server; the path of the API is added.
	URL    *url.URL
	Header http.Header
	Poster *Poster // not owned
	// Instance is the label of that name, which tells alerts of two hosts
	// apart that share all else; the name of this host if empty.
	Instance string
	// Now tells the time; time.Now if nil.
	Now func() time.Time
}

// Alertmanager posts alerts. It implements Deliverer.
type Alertmanager struct{ o AlertmanagerOptions }

// NewAlertmanager gives a deliverer.
func NewAlertmanager(o AlertmanagerOptions) *Alertmanager {
	u := *o.URL
	if !strings.HasSuffix(u.Path, "/api/v2/alerts") {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/api/v2/alerts"
	}
	o.URL, o.Header = &u, o.Header.Clone()
	if o.Header == nil {
		o.Header = http.Header{}
	}
	o.Header.Set("Content-Type", "application/json")
	if o.Instance == "" {
		o.Instance, _ = os.Hostname() // Alertmanager drops an empty label
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Alertmanager{o}
}

// firesFor is how long Alertmanager takes an alert to fire when it hears no
// more of it: longer than the longest reminder that rules usually have, and
// short enough that what we never ended goes away by itself.
const firesFor = 25 * time.Hour

// Send implements Deliverer.
func (m *Alertmanager) Send(ctx context.Context, items []ledger.Item, _ Kept) Sent {
	return halving(items, func(part []ledger.Item) error { return m.post(ctx, part) })
}

// post sends alerts in one request. Of one that is among them twice the latest
// counts.
func (m *Alertmanager) post(ctx context.Context, items []ledger.Item) error {
	latest := map[string]int{}
	for i := range items {
		latest[items[i].ID] = i
	}
	now := m.o.Now().UTC()
	var list []postable
	for i := range items {
		if latest[items[i].ID] != i {
			continue
		}
		var p postable
		if err := json.Unmarshal(items[i].Body, &p); err != nil {
			return &Failure{Reason: "the queue holds what is no alert: " + err.Error()}
		}
		if p.EndsAt = now.Add(firesFor); p.Over {
			p.EndsAt, p.Over = now, false
		}
		if p.Labels != nil {
			p.Labels["instance"] = shown(m.o.Instance)
		}
		if p.StartsAt.After(p.EndsAt) { // the log's clock is ahead
			p.StartsAt = p.EndsAt
		}
		list = append(list, p)
	}
	body, err := json.Marshal(list)
	if err != nil {
		return err
	}
	_, err = m.o.Poster.Post(ctx, &Message{URL: m.o.URL, Header: m.o.Header, Body: body})
	return err
}
