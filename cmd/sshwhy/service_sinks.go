//go:build unix

package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/config"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

// sinkMaker makes the sinks of a configuration. Encoders that write the same
// are shared, so that a finding is written once for all of them.
type sinkMaker struct {
	*service
	out      io.Writer // standard output
	encoders map[string]sinks.Encoder
}

// make gives an outbox for a sink.
func (m *sinkMaker) make(c *config.Sink) (sinks.OutboxOptions, error) {
	o := sinks.OutboxOptions{
		Name: c.Name, Findings: c.Send != "alerts", Alerts: c.Send != "findings", Batch: c.Batch,
		Queue: ledger.QueueOptions{MaxBytes: int64(c.QueueSize), MaxAge: c.QueueAge}, Notice: m.bulletin.post,
	}
	// Each sink buries its own: a file has one writer.
	dead, err := sinks.OpenFile(filepath.Join(m.config.State, "dead-letters-"+url.PathEscape(c.Name)+".jsonl"), sinks.FileOptions{MaxBytes: 16 << 20, Keep: 1})
	if err != nil {
		return o, err
	}
	m.closers = append(m.closers, dead.Close)
	o.DeadLetters = dead
	var e sinks.Encoder
	if o.Deliverer, e, err = m.deliverer(c, &o); err != nil {
		return o, err
	}
	o.Encoder, err = m.masked(e, c)
	m.samplers = append(m.samplers, m.sampler(c, o.Alerts))
	return o, err
}

// sampler makes what sends a sample: a sink of the same configuration, beside
// the one that is at work.
func (m *sinkMaker) sampler(c *config.Sink, alerts bool) sampler {
	return sampler{name: c.Name, alerts: alerts, make: func() (sinks.Deliverer, sinks.Encoder, func(), error) {
		if c.Type == "file" {
			return nil, nil, nil, fmt.Errorf("%s is a file, and no service that could be tried: see whether %q grows", c.Name, c.Path)
		}
		own := &service{config: m.config, log: m.log, catalogue: m.catalogue, bulletin: m.bulletin}
		maker := sinkMaker{service: own, out: m.out, encoders: map[string]sinks.Encoder{}}
		d, e, err := maker.deliverer(c, &sinks.OutboxOptions{})
		if err == nil {
			e, err = maker.masked(e, c)
		}
		return d, e, own.close, err
	}}
}

// deliverer makes what brings items to where they go, and what writes them.
func (m *sinkMaker) deliverer(c *config.Sink, o *sinks.OutboxOptions) (sinks.Deliverer, sinks.Encoder, error) {
	language := causes.Language(c.Language)
	switch c.Type {
	case "stdout":
		return sinks.NewLines(m.out), m.json(language), nil
	case "file":
		f, err := sinks.OpenFile(c.Path, sinks.FileOptions{MaxBytes: int64(c.MaxSize), Keep: c.Keep, Mode: 0o640})
		if err != nil {
			return nil, nil, err
		}
		m.closers, m.reopen = append(m.closers, f.Close), append(m.reopen, f.Reopen)
		return f, m.json(language), nil
	case "shoutrrr":
		s, err := sinks.NewServices(c.URL, c.Timeout)
		return s, sinks.NewPlainText(m.catalogue, language, m.zone()), err
	}
	poster, err := sinks.NewPoster(sinks.PosterOptions{Timeout: c.Timeout, CAFile: c.CA, CertFile: c.Cert, KeyFile: c.Key, Proxy: c.Proxy, UserAgent: "sshwhy/" + version})
	if err != nil {
		return nil, nil, err
	}
	m.closers = append(m.closers, func() error { poster.Close(); return nil })
	return m.poster(c, o, poster, language)
}

// poster makes a sink that is reached by HTTP.
func (m *sinkMaker) poster(c *config.Sink, o *sinks.OutboxOptions, p *sinks.Poster, language causes.Language) (sinks.Deliverer, sinks.Encoder, error) {
	header := headerOf(c)
	if c.Type == "webhook" {
		text := ""
		if c.Template != "" {
			b, err := os.ReadFile(c.Template)
			if err != nil {
				return nil, nil, fmt.Errorf("reading the template: %w", err)
			}
			text = string(b)
		}
		w, err := sinks.NewWebhook(p, sinks.WebhookOptions{URL: c.URL, Header: header, Batch: c.Batch > 1, Template: text, Secret: []byte(c.Secret)})
		return w, m.json(language), err
	}
	if c.Type == "slack" && c.URL == "" {
		o.Updates, o.Batch = true, 50
		return sinks.NewSlack(sinks.SlackOptions{Token: c.Token, Channel: c.Channel, Poster: p}), sinks.NewSlackBlocks(m.catalogue, language, m.zone()), nil
	}
	u, err := sinks.ParseURL(c.URL)
	if err != nil {
		return nil, nil, err
	}
	switch c.Type {
	case "slack":
		return sinks.NewSlack(sinks.SlackOptions{URL: u, Poster: p}), sinks.NewSlackBlocks(m.catalogue, language, m.zone()), nil
	case "loki":
		return sinks.NewLoki(sinks.LokiOptions{URL: u, Header: header, Tenant: c.Tenant, Job: c.Job, Poster: p}), sinks.NewLokiLines(m.catalogue, language), nil
	case "alertmanager":
		o.Updates = true
		return sinks.NewAlertmanager(sinks.AlertmanagerOptions{URL: u, Header: header, Poster: p}), sinks.NewAlertmanagerLines(m.catalogue, language), nil
	}
	return nil, nil, fmt.Errorf("there is no sink of the type %q", c.Type)
}

// headerOf gives what authenticates, and what the user wants sent along.
func headerOf(c *config.Sink) http.Header {
	h := http.Header{}
	switch {
	case c.Token != "" && c.Type != "slack":
		h.Set("Authorization", "Bearer "+c.Token)
	case c.User != "":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.User+":"+c.Password)))
	}
	for _, x := range c.Headers {
		h.Add(x.Name, x.Value)
	}
	return h
}

func (m *sinkMaker) json(language causes.Language) sinks.Encoder {
	e := m.encoders[string(language)]
	if e == nil {
		e = sinks.NewJSON(m.catalogue, language)
		m.encoders[string(language)] = e
	}
	return e
}

func (m *sinkMaker) zone() *time.Location {
	zone, err := zoneOf(m.config.Timezone)
	if err != nil {
		return time.UTC // config has checked it
	}
	return zone
}

// masked puts pseudonyms into what a sink is told, where it is to have them.
func (m *sinkMaker) masked(e sinks.Encoder, c *config.Sink) (sinks.Encoder, error) {
	if c.Pseudonyms == "" {
		return e, nil
	}
	secret, err := os.ReadFile(c.Pseudonyms)
	if err != nil {
		return nil, fmt.Errorf("reading the secret of pseudonyms: %w", err)
	}
	return sinks.NewMasked(e, secret), nil
}

// dry prints what a sink would be sent, instead of sending it.
type dry struct {
	name             string
	findings, alerts bool
	encoder          sinks.Encoder
	out              io.Writer
}

// dryRun makes a sink that prints.
func (m *sinkMaker) dryRun(c *config.Sink) (sshwhy.Sink, error) {
	e := m.json(causes.Language(c.Language))
	if c.Type == "slack" {
		e = sinks.NewSlackBlocks(m.catalogue, causes.Language(c.Language), m.zone())
	}
	e, err := m.masked(e, c)
	return &dry{c.Name, c.Send != "alerts", c.Send != "findings", e, m.out}, err
}

// Deliver implements sshwhy.Sink.
func (d *dry) Deliver(f *sshwhy.Finding) error {
	if !d.findings {
		return nil
	}
	body, err := d.encoder.AppendFinding(nil, f)
	return d.print(body, err)
}

// DeliverAlert implements sshwhy.AlertSink.
func (d *dry) DeliverAlert(a *sshwhy.Alert) error {
	if !d.alerts || len(a.To) > 0 && !slices.Contains(a.To, d.name) {
		return nil
	}
	body, err := d.encoder.AppendAlert(nil, a)
	return d.print(body, err)
}

func (d *dry) print(body []byte, err error) error {
	if err != nil || len(body) == 0 {
		return err
	}
	_, err = fmt.Fprintf(d.out, "%s\t%s\n", d.name, body)
	return err
}

// several hands everything to each of its sinks.
type several []sshwhy.Sink

// Deliver implements sshwhy.Sink.
func (s several) Deliver(f *sshwhy.Finding) error {
	for _, sink := range s {
		if err := sink.Deliver(f); err != nil {
			return err
		}
	}
	return nil
}

// DeliverAlert implements sshwhy.AlertSink.
func (s several) DeliverAlert(a *sshwhy.Alert) error {
	for _, sink := range s {
		if taker, ok := sink.(sshwhy.AlertSink); ok {
			if err := taker.DeliverAlert(a); err != nil {
				return err
			}
		}
	}
	return nil
}
