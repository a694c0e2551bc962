package inspect

import (
	"slices"
	"testing"
)

// TestMatching finds files as glob(3) does.
func TestMatching(t *testing.T) {
	files := view{tree: tree{
		"/etc/keys/alice/a.pub": file(0, 0o644, ""), "/etc/keys/alice/b.pub": file(0, 0o644, ""), "/etc/keys/alice/.c.pub": file(0, 0o644, ""),
		"/etc/keys/bob/a.pub": file(0, 0o644, ""), "/etc/keys/bob/d": file(0, 0o644, ""),
	}}
	for pattern, want := range map[string][]string{
		"/etc/none":             {"/etc/none"}, // without wildcards it is what it is
		"/etc/keys/alice/*.pub": {"/etc/keys/alice/a.pub", "/etc/keys/alice/b.pub"},
		"/etc/keys/*/a.pub":     {"/etc/keys/alice/a.pub", "/etc/keys/bob/a.pub"},
		"/etc/keys/*/[d-e]":     {"/etc/keys/bob/d"},
		"/etc/keys/alice/.*":    {"/etc/keys/alice/.c.pub"},
		"/etc/keys/alice/?.key": nil,
	} {
		if got, err := matching(files, pattern); !slices.Equal(got, want) || err != nil {
			t.Errorf("%s: %q, %v, not %q", pattern, got, err, want)
		}
	}
	if got, err := matching(files, "/etc/nokeys/*"); got != nil || !missing(err) {
		t.Errorf("a folder that is not there gives %q, %v", got, err)
	}
}
