package sinks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr"
	"github.com/nicholas-fedor/shoutrrr/pkg/router"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/ledger"
)

// PlainText writes alerts and findings as short plain texts, for chat services,
// mail and pagers. It implements Encoder.
type PlainText struct {
	causes   *causes.Catalogue // not owned
	words    *lang.Words
	alerts   *lang.Alert
	language causes.Language
	zone     *time.Location
}

// NewPlainText gives an encoder that writes in that language, with times of
// that zone.
func NewPlainText(c *causes.Catalogue, language causes.Language, zone *time.Location) *PlainText {
	return &PlainText{causes: c, words: lang.For(language), alerts: lang.AlertIn(language, c), language: language, zone: zone}
}

// AppendAlert implements Encoder.
func (e *PlainText) AppendAlert(dst []byte, a *sshwhy.Alert) ([]byte, error) {
	lines := []string{signOf(a.News) + " " + e.alerts.News(a.News) + ": " + e.alerts.Headline(a)}
	if facts := e.alerts.Facts(a, e.zone); len(facts) > 0 {
		lines = append(lines, strings.Join(facts, "; "))
	}
	if a.News != sshwhy.NewsResolved && a.News != sshwhy.NewsDigest {
		lines = append(lines, remedyOf(a, e.causes, e.language)...)
	}
	return append(dst, inert(cut(strings.Join(lines, "\n"), slackText/2))...), nil
}

// AppendFinding implements Encoder.
func (e *PlainText) AppendFinding(dst []byte, f *sshwhy.Finding) ([]byte, error) {
	mark, _ := markOf(f)
	text := mark + " " + sshwhy.Printable(string(sshwhy.Unescape(nil, f.User))) + e.words.From + sshwhy.Printable(string(f.Address)) + ": " + e.words.Outcome(f.Outcome)
	if cause := e.causes.Cause(f.Cause); cause != nil {
		text += "\n" + because(e.language, f, cause)
		if run := firstCommand(stepsOf(e.language, f, cause)); run != "" {
			text += "\n" + run
		}
	}
	return append(dst, inert(cut(text, slackText/2))...), nil
}

// mention is what some service or other reads as a call to people: the sign at
// the beginning of a word, or before the names that mean everybody.
var mention = regexp.MustCompile(`(?i)(^|[^0-9A-Za-z])@|@(everyone|here|channel|all)`)

// inert takes from a text what some service or other reads as a mention, a link
// or a tag: the sign is followed by a character without width, or replaced by
// one that looks like it. A user@host of a command stays as it is.
func inert(text string) string {
	text = mention.ReplaceAllStringFunc(text, func(m string) string { return strings.Replace(m, "@", "@\u200b", 1) })
	return strings.NewReplacer("<", "‹", ">", "›", "`", "ʼ", "](", "]\u200b(").Replace(text)
}

// Services sends through github.com/nicholas-fedor/shoutrrr: Discord, Teams,
// Telegram, mail, ntfy, PagerDuty and others, each by a URL of its own kind. It
// implements Deliverer.
type Services struct {
	router *router.ServiceRouter
	hidden []string
}

// NewServices gives a deliverer, or says that the URL is of no known service;
// the URL, which holds secrets, is not in the error.
func NewServices(address string, timeout time.Duration) (*Services, error) {
	s := &Services{hidden: []string{address}}
	if u, err := url.Parse(address); err == nil {
		s.hidden = append(s.hidden, secretsOf(u, nil)...)
		s.hidden = append(s.hidden, u.Host)
	}
	r, err := shoutrrr.NewSender(log.New(io.Discard, "", 0), address)
	if err != nil {
		return nil, fmt.Errorf("reading the URL of a service: %s", tidy(err.Error(), s.hidden))
	}
	if r.Timeout = timeout; timeout <= 0 {
		r.Timeout = defaultTimeout
	}
	s.router = r
	return s, nil
}

// Send implements Deliverer: one message for each item. Services say in many
// ways that they refuse something for good; all of them are tried again, until
// the queue is too old.
func (s *Services) Send(ctx context.Context, items []ledger.Item, _ Kept) Sent {
	for i := range items {
		if ctx.Err() != nil {
			return Sent{Done: i, Err: ctx.Err()}
		}
		if err := errors.Join(s.router.Send(string(items[i].Body), nil)...); err != nil {
			return Sent{Done: i, Err: errors.New(tidy(err.Error(), s.hidden))}
		}
	}
	return Sent{Done: len(items)}
}
