package lines

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sshwhy/sshwhy"
)

// read gives the lines of a stream and how much of each was cut off.
func read(t *testing.T, r io.Reader) (texts []string, cuts []int64) {
	t.Helper()
	l := New(r)
	for {
		line, cut, err := l.Next()
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
	l := New(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)))
	for _, want := range []string{"a", "b"} {
		line, _, err := l.Next()
		if err != nil || string(line) != want {
			t.Fatalf("got %q, %v; want %q", line, err, want)
		}
	}
	if _, _, err := l.Next(); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}
