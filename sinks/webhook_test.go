package sinks_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/sshwhy/sshwhy/sinks"
	"github.com/sshwhy/sshwhy/sinks/sinktest"
)

func webhook(t testing.TB, p *sinks.Poster, o sinks.WebhookOptions) *sinks.Webhook {
	t.Helper()
	w, err := sinks.NewWebhook(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestWebhook runs the conformance suite for every way in which a webhook can
// be set up.
func TestWebhook(t *testing.T) {
	for name, o := range map[string]sinks.WebhookOptions{
		"single":   {Secret: []byte("s3cr3t-signature"), Header: http.Header{"Authorization": {"Bearer s3cr3t-token"}}},
		"batch":    {Batch: true},
		"template": {Template: `{"text": {{json .user.name}}, "id": {{json .event.id}}}`},
		"list":     {Batch: true, Template: `{"all": [{{range $i, $f := .}}{{if $i}},{{end}}{{json $f.user.name}}{{end}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sinktest.Run(t, sinktest.Sink{New: func(t testing.TB, u *url.URL, p *sinks.Poster) sinks.Deliverer {
				o := o
				o.URL = u.String()
				return webhook(t, p, o)
			}})
		})
	}
	t.Run("alerts", func(t *testing.T) {
		t.Parallel()
		sinktest.Run(t, sinktest.Sink{Alerts: true, New: func(t testing.TB, u *url.URL, p *sinks.Poster) sinks.Deliverer {
			return webhook(t, p, sinks.WebhookOptions{URL: u.String()})
		}})
	})
}
