package tailers

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sshwhy/sshwhy"
)

// read gives the lines of a stream and how much of each was cut off.
func read(t *testing.T, r io.Reader) (texts []string, cuts []int64) {
	t.Helper()
	l := newLines(r)
	for {
		line, cut, err := l.next()
		if errors.Is(err, io.EOF) {
			return texts, cuts
		}
		if err != nil {
			t.Fatal(err)
		}
		texts, cuts = append(texts, string(line)), append(cuts, cut)
	}
}

func TestLines(t *testing.T) {
	longest := strings.Repeat("x", sshwhy.MaxLine)
	endless := strings.Repeat("y", 3<<20)
	for _, c := range []struct {
		name, input string
		want        []string
		cut         []int64
	}{
		{"nothing", "", nil, nil},
		{"one line", "a\n", []string{"a"}, []int64{0}},
		{"no end at the end", "a\nb", []string{"a", "b"}, []int64{0, 0}},
		{"CR LF", "a\r\nb\r\n", []string{"a", "b"}, []int64{0, 0}},
		{"a CR inside belongs to the line", "a\rb\n", []string{"a\rb"}, []int64{0}},
		{"empty lines count", "\n\na\n", []string{"", "", "a"}, []int64{0, 0, 0}},
		{"NUL and bytes that are not UTF-8", "a\x00b\xff\n", []string{"a\x00b\xff"}, []int64{0}},
		{"the longest line is whole", longest + "\nz\n", []string{longest, "z"}, []int64{0, 0}},
		{"one byte more is cut", longest + "x\nz\n", []string{longest, "z"}, []int64{1, 0}},
		{"an endless line is cut, and the next one whole", "a\n" + endless + "\nz\n", []string{"a", endless[:sshwhy.MaxLine], "z"}, []int64{0, 3<<20 - sshwhy.MaxLine, 0}},
		{"an endless line without an end", endless, []string{endless[:sshwhy.MaxLine]}, []int64{3<<20 - sshwhy.MaxLine}},
	} {
		for form, r := range map[string]io.Reader{
			"at once":         strings.NewReader(c.input),
			"by halves":       iotest.HalfReader(strings.NewReader(c.input)),
			"with the end":    iotest.DataErrReader(strings.NewReader(c.input)),
			"in small pieces": small{strings.NewReader(c.input)},
		} {
			t.Run(c.name+"/"+form, func(t *testing.T) {
				texts, cuts := read(t, r)
				if !slices.Equal(texts, c.want) || !slices.Equal(cuts, c.cut) {
					t.Errorf("%d lines, cut %v; want %d, cut %v", len(texts), cuts, len(c.want), c.cut)
				}
			})
		}
	}
}

// small is a reader that gives at most 1000 bytes at a time, as a pipe may.
type small struct{ r io.Reader }

func (s small) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), 1000)]) }

// TestLinesError holds that what was read before an error is not lost, and the
// error told.
func TestLinesError(t *testing.T) {
	broken := errors.New("the disk is on fire")
	l := newLines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)))
	for _, want := range []string{"a", "b"} {
		line, _, err := l.next()
		if err != nil || string(line) != want {
			t.Fatalf("got %q, %v; want %q", line, err, want)
		}
	}
	if _, _, err := l.next(); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

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
