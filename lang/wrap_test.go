package lang_test

import (
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy/lang"
)

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text    string
		columns int
		want    string
	}{
		{"", 20, ""},
		{"one two three", 20, "one two three"},
		{"one two three four five six", 20, "one two three four|five six"},
		{"one two three four fi six", 21, "one two three four fi|six"},
		{"immeasurably-long-words stay whole", 20, "immeasurably-long-words|stay whole"},
		{"one two three four five six", 19, "one two three four five six"}, // too narrow to be of use
		{"鍵が登録されていないので拒否した", 20, "鍵が登録されていない|ので拒否した"},
		{"鍵が登録されていません。次を試す", 22, "鍵が登録されていませ|ん。次を試す"}, // no line begins with a full stop
	} {
		if got := strings.Join(lang.Wrap(tt.text, tt.columns), "|"); got != tt.want {
			t.Errorf("%q in %d columns: got %s, want %s", tt.text, tt.columns, got, tt.want)
		}
	}
}

// TestExplainIsComplete: what one language says the other says too.
func TestExplainIsComplete(t *testing.T) {
	en, ja := lang.ExplainIn("en"), lang.ExplainIn("ja")
	for form := range en.Forms {
		if ja.Forms[form] == "" {
			t.Errorf("the form %q has no name in Japanese", form)
		}
	}
	if len(en.Forms) != len(ja.Forms) {
		t.Errorf("%d forms in English, %d in Japanese", len(en.Forms), len(ja.Forms))
	}
}
