package archives

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchive(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"auth.log":       []byte("new 1\nnew 2\n"),
		"old/auth.log.1": packed(t, "old 1\nold 2\n"), // its name does not tell what it is
		"old/cut.gz":     packed(t, strings.Repeat("whole\n", 1000))[:30],
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := &Archive{Paths: []string{filepath.Join(dir, "absent"), filepath.Join(dir, "old"), "-", filepath.Join(dir, "auth.log")}, Stdin: strings.NewReader("in 1")}
	var got []string
	var troubles int
	for r, err := range a.Records(context.Background()) {
		if err != nil {
			troubles++
			continue
		}
		if r.Source == "" || r.Source != "-" && r.Newest.IsZero() {
			t.Errorf("record %q has no source or no newest time", r.Text)
		}
		if text := string(r.Text); !strings.HasPrefix("whole", text) {
			got = append(got, text)
		}
	}
	want := []string{"old 1", "old 2", "in 1", "new 1", "new 2"}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if troubles != 2 {
		t.Errorf("%d troubles were told, want 2: the file that is absent and the one that is cut off", troubles)
	}
}

// TestArchiveStops holds that a reader who has enough, or a user who does not
// want to wait, ends the reading.
func TestArchiveStops(t *testing.T) {
	a := &Archive{Paths: []string{"-"}, Stdin: strings.NewReader(strings.Repeat("line\n", 100_000))}
	n := 0
	for range a.Records(context.Background()) {
		if n++; n == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a = &Archive{Paths: []string{"-"}, Stdin: strings.NewReader(strings.Repeat("line\n", 100_000))}
	n = 0
	for range a.Records(ctx) {
		n++
		cancel()
	}
	if n >= 100_000 {
		t.Error("reading went on after the context was done")
	}
}
