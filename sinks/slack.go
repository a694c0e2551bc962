package sinks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/ledger"
)

// SlackBlocks writes alerts and findings as messages for Slack, to be read on a
// phone: who, why, the remedy, how many and since when. It implements Encoder.
//
// Text from a log stands in elements that Slack shows as they are (plain_text,
// rich_text), never in mrkdwn, and the text for notifications has no markup.
type SlackBlocks struct {
	causes   *causes.Catalogue // not owned
	words    *lang.Words
	alerts   *lang.Alert
	language causes.Language
	zone     *time.Location
}

// NewSlackBlocks gives an encoder that writes in that language, with times of
// that zone.
func NewSlackBlocks(c *causes.Catalogue, language causes.Language, zone *time.Location) *SlackBlocks {
	return &SlackBlocks{causes: c, words: lang.For(language), alerts: lang.AlertIn(language, c), language: language, zone: zone}
}

// The limits that Slack documents for the parts of a message, in characters,
// and for the number of blocks.
const (
	slackHeader = 150
	slackText   = 3000
	slackBlocks = 50
	// slackSteps is how many steps of a remedy are shown.
	slackSteps = 8
)

// slackMessage is what is queued: the message of the incident, and what a
// reply in its thread says.
type slackMessage struct {
	News  string `json:"news,omitempty"`
	Text  string `json:"text"`
	Reply string `json:"reply,omitempty"`
	// Blocks and Color are the message, and the bar beside it.
	Blocks []any `json:"blocks"`
}

// The parts of Block Kit that are used.
type (
	slackElement struct {
		Type  string     `json:"type"`
		Text  any        `json:"text,omitempty"`
		Style *slackBold `json:"style,omitempty"`
		Emoji *bool      `json:"emoji,omitempty"`
	}
	slackBold struct {
		Bold bool `json:"bold"`
	}
	slackRich struct {
		Type     string `json:"type"`
		Elements []any  `json:"elements"`
	}
	slackBlock struct {
		Type string `json:"type"`
		Text any    `json:"text"`
	}
)

// AppendAlert implements Encoder.
func (e *SlackBlocks) AppendAlert(dst []byte, a *sshwhy.Alert) ([]byte, error) {
	headline, facts := e.alerts.Headline(a), e.alerts.Facts(a, e.zone)
	m := slackMessage{News: a.News.String(), Text: slackPlain(signOf(a.News) + " " + headline)}
	m.Blocks = append(m.Blocks, header(signOf(a.News)+" "+headline))
	if a.Latest != nil && a.News != sshwhy.NewsDigest {
		m.Blocks = append(m.Blocks, e.body(a.Latest)...)
	}
	m.Blocks = append(m.Blocks, note(e.alerts.News(a.News)+" · "+strings.Join(facts, " · ")))
	m.Reply = slackPlain(signOf(a.News) + " " + e.alerts.News(a.News) + ": " + strings.Join(append([]string{headline}, facts...), " · "))
	return m.append(dst)
}

// AppendFinding implements Encoder.
func (e *SlackBlocks) AppendFinding(dst []byte, f *sshwhy.Finding) ([]byte, error) {
	mark, _ := markOf(f)
	headline := mark + " " + sshwhy.Printable(string(sshwhy.Unescape(nil, f.User)))
	if len(f.Address) > 0 {
		headline += e.words.From + sshwhy.Printable(string(f.Address))
	}
	headline += ": " + e.words.Outcome(f.Outcome)
	m := slackMessage{Text: slackPlain(headline), Blocks: append([]any{header(headline)}, e.body(f)...)}
	text := sshwhy.Printable(string(f.Host))
	if f.End != 0 {
		text += " · " + time.Unix(0, f.End).In(e.zone).Format("2006-01-02 15:04:05 -0700")
	}
	m.Blocks = append(m.Blocks, note(text))
	return m.append(dst)
}

func (m *slackMessage) append(dst []byte) ([]byte, error) {
	m.Blocks = m.Blocks[:min(len(m.Blocks), slackBlocks)]
	body, err := json.Marshal(m)
	return append(dst, body...), err
}

// body says why and what to do.
func (e *SlackBlocks) body(f *sshwhy.Finding) []any {
	cause := e.causes.Cause(f.Cause)
	if cause == nil {
		return nil
	}
	var parts []any
	parts = append(parts, section(because(e.language, f, cause)))
	left := slackText
	for i, step := range stepsOf(e.language, f, cause) {
		if i == slackSteps {
			break
		}
		do := step.Do
		if step.Where != "server" {
			do = "[" + e.words.Where(step.Where) + "] " + do
		}
		if step.Warning != "" {
			do += " (! " + step.Warning + ")"
		}
		if left -= len(do) + len(step.Run); left < 0 {
			break
		}
		parts = append(parts, section(do))
		if step.Run != "" {
			parts = append(parts, slackRich{"rich_text_preformatted", []any{slackElement{Type: "text", Text: step.Run}}})
		}
	}
	return []any{slackRich{"rich_text", parts}}
}

func section(text string) slackRich {
	return slackRich{"rich_text_section", []any{slackElement{Type: "text", Text: cut(text, slackText-1) + "\n"}}}
}

func header(text string) slackBlock {
	return slackBlock{"header", plainText(cut(text, slackHeader))}
}

func note(text string) slackRich {
	return slackRich{"context", []any{plainText(cut(text, slackText))}}
}

// plainText is an element that shows its text as it is; names of emoji too.
func plainText(text string) slackElement {
	no := false
	return slackElement{Type: "plain_text", Text: text, Emoji: &no}
}

// cut bounds a text by characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	n := 0
	for i := range text {
		if n++; n == most {
			return text[:i] + "…"
		}
	}
	return text
}

// slackPlain escapes a text for the field that notifications show, where Slack
// reads mentions and links in angle brackets.
func slackPlain(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(cut(text, slackText/2))
}

// signOf gives the sign in front of a headline.
func signOf(n sshwhy.News) string {
	switch n {
	case sshwhy.NewsResolved:
		return "✓"
	case sshwhy.NewsDigest:
		return "·"
	}
	return "✗"
}

// SlackOptions describe a Slack; Poster is needed, and a URL or a token with a
// channel.
type SlackOptions struct {
	// URL is that of an incoming webhook. Its messages cannot be changed
	// later: each news of an alert is a message of its own.
	URL *url.URL
	// Token is that of a bot with the right chat:write, Channel the id or
	// name of the channel: one message for each incident, changed in place,
	// and replies in its thread for what is to notify people.
	Token, Channel string
	// API is that of Slack; https://slack.com/api if nil.
	API    *url.URL
	Poster *Poster // not owned
}

// Slack implements Deliverer.
type Slack struct{ o SlackOptions }

// NewSlack gives a deliverer.
func NewSlack(o SlackOptions) *Slack {
	if o.API == nil {
		o.API = &url.URL{Scheme: "https", Host: "slack.com", Path: "/api"}
	}
	return &Slack{o}
}

// incident is what is kept of a message until its alert is over.
type incident struct {
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	Told    int    `json:"told"` // the revision that was told last
}

// Send implements Deliverer: the first item alone, so that it is noted where
// its message stands before the next.
func (s *Slack) Send(ctx context.Context, items []ledger.Item, kept Kept) Sent {
	it := &items[0]
	var m slackMessage
	if err := json.Unmarshal(it.Body, &m); err != nil {
		return Sent{Done: 1, Refused: []Refused{{0, "the queue holds what is no message: " + err.Error()}}}
	}
	if s.o.URL != nil {
		return s.hook(ctx, it, &m)
	}
	if m.News == sshwhy.NewsUpdated.String() && laterNews(items) {
		return Sent{Done: 1}
	}
	var at incident
	if err := json.Unmarshal(kept.Value(it.ID), &at); err != nil {
		at = incident{}
	}
	if at.TS == "" || it.Kind != ledger.KindAlert {
		return s.first(ctx, it, &m)
	}
	return s.follow(ctx, it, &m, at)
}

// laterNews tells whether more of the same alert waits behind the first item.
func laterNews(items []ledger.Item) bool {
	for i := range items[1:] {
		if items[i+1].ID == items[0].ID {
			return true
		}
	}
	return false
}

// hook posts to an incoming webhook.
func (s *Slack) hook(ctx context.Context, it *ledger.Item, m *slackMessage) Sent {
	if m.News == sshwhy.NewsUpdated.String() {
		return Sent{Done: 1}
	}
	body, err := json.Marshal(map[string]any{"text": m.Text, "blocks": m.Blocks, "mrkdwn": false, "link_names": false})
	if err == nil {
		_, err = s.o.Poster.Post(ctx, &Message{URL: s.o.URL, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body, Key: key(it)})
	}
	return SentAll(1, err)
}

func key(it *ledger.Item) string { return fmt.Sprintf("%s.%d", it.ID, it.Revision) }

// first posts the message of an incident.
func (s *Slack) first(ctx context.Context, it *ledger.Item, m *slackMessage) Sent {
	answer, err := s.call(ctx, "chat.postMessage", it, map[string]any{
		"channel": s.o.Channel, "text": m.Text, "blocks": m.Blocks, "mrkdwn": false, "link_names": false, "unfurl_links": false, "unfurl_media": false,
	})
	sent := SentAll(1, err)
	if err == nil && it.Kind == ledger.KindAlert && m.News != sshwhy.NewsDigest.String() && m.News != sshwhy.NewsResolved.String() {
		sent.Keep = []ledger.Pair{{Key: it.ID, Value: encodeIncident(incident{answer.Channel, answer.TS, it.Revision})}}
	}
	return sent
}

func encodeIncident(i incident) []byte {
	b, err := json.Marshal(i)
	if err != nil {
		return nil // of three plain fields: cannot happen
	}
	return b
}

// follow changes the message of an incident and, where people are to hear of
// it, replies in its thread. The change comes first: done twice it is the same.
func (s *Slack) follow(ctx context.Context, it *ledger.Item, m *slackMessage, at incident) Sent {
	_, err := s.call(ctx, "chat.update", it, map[string]any{
		"channel": at.Channel, "ts": at.TS, "text": m.Text, "blocks": m.Blocks, "link_names": false,
	})
	var f *Failure
	switch {
	case errors.As(err, &f) && !f.Retry:
		// The message is gone or cannot be changed any more: another one.
		return s.first(ctx, it, m)
	case err != nil:
		return SentAll(1, err)
	}
	if m.News != sshwhy.NewsUpdated.String() {
		if _, err := s.call(ctx, "chat.postMessage", it, map[string]any{
			"channel": at.Channel, "thread_ts": at.TS, "text": m.Reply, "mrkdwn": false, "link_names": false, "unfurl_links": false, "unfurl_media": false,
		}); err != nil {
			return SentAll(1, err)
		}
	}
	keep := ledger.Pair{Key: it.ID}
	if m.News != sshwhy.NewsResolved.String() {
		at.Told = it.Revision
		keep.Value = encodeIncident(at)
	}
	return Sent{Done: 1, Keep: []ledger.Pair{keep}}
}

// slackAnswer is what every method of the API answers.
type slackAnswer struct {
	OK      bool   `json:"ok"`
	Error   string `json:"error"`
	Channel string `json:"channel"`
	TS      string `json:"ts"`
}

// call calls a method of the Web API. Faults of the message itself are refused
// for good; those of the token or the channel are the administrator's to mend,
// and are tried again.
func (s *Slack) call(ctx context.Context, method string, it *ledger.Item, arguments map[string]any) (*slackAnswer, error) {
	body, err := json.Marshal(arguments)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Authorization": {"Bearer " + s.o.Token}}
	got, err := s.o.Poster.Post(ctx, &Message{URL: s.o.API.JoinPath(method), Header: header, Body: body, Key: key(it)})
	if err != nil {
		return nil, err
	}
	var a slackAnswer
	if err := json.Unmarshal(got.Body, &a); err != nil {
		return nil, &Failure{Status: got.Status, Retry: true, Reason: "slack's answer to " + method + " is no JSON"}
	}
	if a.OK {
		return &a, nil
	}
	f := &Failure{Status: got.Status, Reason: "slack refused " + method + ": " + tidy(a.Error, []string{s.o.Token}), Retry: true}
	switch a.Error {
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "invalid_arguments", "message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found":
		f.Retry = false
	}
	f.After = retryAfter(got.Header.Get("Retry-After"), time.Now())
	return nil, f
}
