package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/inspect"
)

// TestTailAnswersBeforeItEnds has the host looked at for longer than standard
// input lasts.
func TestTailAnswersBeforeItEnds(t *testing.T) {
	const log = `2026-11-20T12:00:00+00:00 edge05 sshd[7]: Connection closed by authenticating user alice 192.0.2.7 port 51234 [preauth]
2026-11-20T12:00:01+00:00 edge05 sshd[8]: Connection closed by authenticating user bob 192.0.2.7 port 51235 [preauth]
`
	synctest.Test(t, func(t *testing.T) {
		var out, errs bytes.Buffer
		f, err := newFollower(streams{strings.NewReader(log), &out, &errs}, &tailOptions{
			displayOptions: displayOptions{language: "en", color: "never"}, inputOptions: inputOptions{zone: "UTC"}, output: "text", inspect: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		f.inspector, err = inspect.NewSource(inspect.SourceOptions{
			Causes: f.catalogue, Hostname: "edge05", Say: func(*inspect.Check) string { return "it was looked at" },
			Inspect: func(ctx context.Context, q inspect.Asked) (inspect.Answer, error) {
				select {
				case <-time.After(2 * time.Second):
				case <-ctx.Done():
					return inspect.Answer{}, ctx.Err()
				}
				return inspect.Answer{Cause: "home-missing", Confidence: sshwhy.ConfidenceLikely, Candidates: q.Candidates, Seen: []inspect.Check{{Cause: "home-missing"}}}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		source, err := f.source(t.Context(), []string{"-"})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.run(t.Context(), source); err != nil {
			t.Fatal(err)
		}
		for _, user := range []string{"alice", "bob"} {
			if !strings.Contains(out.String(), "The home directory of "+user+" does not exist") {
				t.Errorf("the question about %s is not answered", user)
			}
		}
		if t.Failed() {
			t.Logf("%s%s", &out, &errs)
		}
	})
}
