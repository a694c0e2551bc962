package archives

import (
	"io"
	"strings"
	"testing"
)

// TestStoppable: all that the reader below gives comes through, in pieces of
// any size, and its error.
func TestStoppable(t *testing.T) {
	text := strings.Repeat("0123456789", 50_000)
	got, err := io.ReadAll(newStoppable(t.Context(), io.MultiReader(strings.NewReader(text), failing{})))
	if string(got) != text || err != io.ErrNoProgress {
		t.Errorf("%d bytes of %d, %v", len(got), len(text), err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrNoProgress }
