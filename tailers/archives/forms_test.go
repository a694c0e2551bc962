package archives

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/sshwhy/sshwhy"
)

// testClock reads "Nov 20 12:00:00 " and RFC 3339, in UTC.
func testClock(line []byte, newest time.Time) (int64, bool) {
	if len(line) >= 20 && line[10] == 'T' {
		if at, err := time.Parse(time.RFC3339, string(line[:20])); err == nil {
			return at.UnixNano(), true
		}
	}
	if len(line) < 15 {
		return 0, false
	}
	at, err := time.Parse("2006 Jan _2 15:04:05", "2000 "+string(line[:15])) // 2000 has every day
	if err != nil {
		return 0, false
	}
	if newest.IsZero() {
		newest = testNow
	}
	for year := newest.Add(24 * time.Hour).Year(); ; year-- {
		dated := time.Date(year, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC)
		if dated.Month() == at.Month() && !dated.After(newest.Add(24*time.Hour)) {
			return dated.UnixNano(), true
		}
	}
}

var testNow = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// logText gives lines of one host, a minute apart.
func logText(host string, from time.Time, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s %s sshd[%d]: line %d of %s\n", from.Add(time.Duration(i)*time.Minute).Format("Jan _2 15:04:05"), host, 100+i, i, host)
	}
	return b.String()
}

var firstOfNovember = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

type form struct {
	name string
	make func(t testing.TB, text []byte) []byte
}

func forms() []form {
	return []form{
		{"plain", func(_ testing.TB, text []byte) []byte { return text }},
		{"gzip", gzipped},
		{"gzip of several members", func(t testing.TB, text []byte) []byte {
			half := len(text) / 2
			return append(gzipped(t, text[:half]), gzipped(t, text[half:])...)
		}},
		{"xz", xzed},
		{"xz of several blocks", func(t testing.TB, text []byte) []byte { return blocked(t, text, 4096, xz.CRC32) }},
		{"zstd", zstded},
		{"tar", func(t testing.TB, text []byte) []byte { return tarred(t, "var/log/auth.log", text) }},
		{"tar.gz", func(t testing.TB, text []byte) []byte { return gzipped(t, tarred(t, "auth.log", text)) }},
		{"tar.zst of a tar of xz", func(t testing.TB, text []byte) []byte {
			return zstded(t, tarred(t, "inner.tar", tarred(t, "auth.log.xz", xzed(t, text))))
		}},
	}
}

func written(t testing.TB, w io.WriteCloser, err error, b *bytes.Buffer, text []byte) []byte {
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, text []byte) []byte {
	var b bytes.Buffer
	return written(t, gzip.NewWriter(&b), nil, &b, text)
}

func xzed(t testing.TB, text []byte) []byte {
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&b)
	return written(t, w, err, &b, text)
}

func zstded(t testing.TB, text []byte) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	return written(t, w, err, &b, text)
}

func tarred(t testing.TB, name string, text []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text)), ModTime: testNow, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	return written(t, w, nil, &b, text)
}

// bzip2ed is a file of bzip2 with 400 lines, for there is no writer.
func bzip2ed(t testing.TB) []byte {
	packed, err := os.ReadFile("testdata/edge05.log.bz2")
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func put(t testing.TB, dir, name string, content []byte, modified time.Time) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	return path
}

// readAll gives the lines of an archive and what was reported.
func readAll(t testing.TB, a *Archive) (lines []string, troubles []error) {
	t.Helper()
	if a.Clock == nil {
		a.Clock, a.Zone = testClock, time.UTC
	}
	a.Now = func() time.Time { return testNow }
	if a.Stdin == nil {
		a.Stdin = strings.NewReader("")
	}
	for r, err := range a.Records(t.Context()) {
		if err != nil {
			troubles = append(troubles, err)
			continue
		}
		lines = append(lines, string(r.Text))
	}
	return lines, troubles
}

// TestForms: every form of a log gives the same lines, as a file, through a
// pipe, and out of a folder in which it has a name that does not tell.
func TestForms(t *testing.T) {
	text := []byte(logText("edge05", firstOfNovember, 5000))
	want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for _, f := range forms() {
		packed := f.make(t, text)
		dir := t.TempDir()
		path := put(t, dir, "some.log", packed, testNow)
		for way, a := range map[string]*Archive{
			"file":   {Paths: []string{path}},
			"pipe":   {Paths: []string{"-"}, Stdin: iotest.HalfReader(bytes.NewReader(packed))},
			"folder": {Paths: []string{dir}},
			"glob":   {Paths: []string{filepath.Join(dir, "*.log")}},
			"twice":  {Paths: []string{path, dir}},
		} {
			lines, troubles := readAll(t, a)
			if len(troubles) > 0 || !slices.Equal(lines, want) {
				t.Errorf("%s, %s: %d lines of %d, %v", f.name, way, len(lines), len(want), troubles)
			}
		}
	}
	lines, troubles := readAll(t, &Archive{Paths: []string{"-"}, Stdin: bytes.NewReader(bzip2ed(t))})
	if len(troubles) > 0 || !slices.Equal(lines, want[:400]) {
		t.Errorf("bzip2: %d lines, %v", len(lines), troubles)
	}
}

// TestDamagedTar: members behind a damaged header are read.
func TestDamagedTar(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range 3 {
		text := logText(fmt.Sprintf("edge%02d", i), firstOfNovember.Add(time.Duration(i)*time.Hour), 50)
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("edge%02d.log", i), Mode: 0o600, Size: int64(len(text)), ModTime: testNow}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	second := bytes.Index(b.Bytes(), []byte("edge01.log"))
	damaged := b.Bytes()
	damaged[second+3] ^= 0xff
	for form, content := range map[string][]byte{"tar": damaged, "tar.gz": gzipped(t, damaged)} {
		lines, troubles := readAll(t, &Archive{Paths: []string{put(t, t.TempDir(), "logs", content, testNow)}})
		if len(lines) != 100 || len(troubles) != 1 {
			t.Errorf("%s: %d lines, %v", form, len(lines), troubles)
		}
	}
}

// TestRefused: what would hold too much, or is no log, is named and left.
func TestRefused(t *testing.T) {
	text := []byte(logText("edge05", firstOfNovember, 3))
	deep, matryoshka := text, text
	for range maxLayers + 1 {
		deep = gzipped(t, deep)
		matryoshka = tarred(t, "inner.tar", matryoshka)
	}
	huge := tarred(t, "auth.log", []byte(logText("edge05", firstOfNovember, 500)))
	copy(huge[124:136], "\x80\x00\x00\x00\x70\x00\x00\x00\x00\x00\x00\x00") // 8 EiB - 1 GiB and a bit
	sum := 0
	copy(huge[148:156], "        ")
	for _, ch := range huge[:tarBlock] {
		sum += int(ch)
	}
	copy(huge[148:156], fmt.Sprintf("%06o\x00 ", sum))
	dictionary := xzed(t, text)
	dictionary[16] = 40 // the largest there is; openXZ looks before the check sum
	for _, c := range []struct {
		name    string
		content []byte
		lines   int
		says    string
	}{
		{"packed too often", deep, 0, "packed more than 3 times"},
		{"archives in archives", matryoshka, 0, "more than 3 archives"},
		{"a member longer than its archive", huge, 500, "its end is missing"},
		{"a dictionary of 4 GiB", dictionary, 0, "dictionary"},
		{"lz4", append([]byte("\x04\x22\x4d\x18"), text...), 0, "lz4"},
		{"zip", append([]byte("PK\x03\x04"), text...), 0, "zip"},
	} {
		lines, troubles := readAll(t, &Archive{Paths: []string{put(t, t.TempDir(), "x", c.content, testNow)}})
		if len(lines) < c.lines || c.lines == 0 && len(lines) > 0 || len(troubles) == 0 || !strings.Contains(fmt.Sprint(troubles), c.says) {
			t.Errorf("%s: %d lines, %v", c.name, len(lines), troubles)
		}
	}
}

// TestGrowth: a stream that grows out of all proportion ends.
func TestGrowth(t *testing.T) {
	in := &counted{n: 1000}
	b := &bounded{r: zeros{}, in: in, name: "gzip"}
	buf := make([]byte, 8<<20)
	var err error
	for err == nil && b.n < 2*maxGrowth {
		_, err = b.Read(buf)
	}
	if err == nil || b.n > maxGrowth+int64(len(buf)) {
		t.Errorf("%d bytes, %v", b.n, err)
	}
	in.n = maxGrowth // as an honest log, which is long
	if _, err := b.Read(buf); err != nil {
		t.Error(err)
	}
}

// zeros is an endless line.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestEndlessLine: a stream without a line end is left after a while, and what
// came before it is read.
func TestEndlessLine(t *testing.T) {
	r := io.MultiReader(strings.NewReader("a\nb\n"), zeros{})
	p := &piece{name: "-", stream: &content{peeker: newPeeker(r)}}
	reader, err := (&Archive{}).open(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b sshwhy.Block
	for err == nil {
		if b.Room() <= sshwhy.MaxLine {
			b.Reset()
		}
		err = reader.fill(&b, sshwhy.MaxBlock)
	}
	if p.input.Lines != 3 || !strings.Contains(err.Error(), "no log") {
		t.Errorf("%d lines, %v", p.input.Lines, err)
	}
}

// TestManyShortLines: a block takes no more lines than it may, and the others come
// with the next one, whole and in their order.
func TestManyShortLines(t *testing.T) {
	text := strings.Repeat("\n", 3*sshwhy.MaxLines) + strings.Repeat("long ", 10_000) + "\n" + strings.Repeat("ab\n", 2*sshwhy.MaxLines+1) + "the last"
	p := &piece{name: "-", stream: &content{peeker: newPeeker(iotest.DataErrReader(strings.NewReader(text)))}}
	reader, err := (&Archive{}).open(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for blocks := 0; err == nil; blocks++ {
		var b sshwhy.Block
		err = reader.fill(&b, sshwhy.MaxBlock)
		if len(b.Lines) > sshwhy.MaxLines || blocks > 1000 {
			t.Fatalf("block %d has %d lines", blocks, len(b.Lines))
		}
		for _, at := range b.Lines {
			got = append(got, string(b.Text[at.Start:at.End]))
		}
	}
	if want := strings.Split(text, "\n"); !slices.Equal(got, want) || err != io.EOF {
		t.Errorf("%d lines of %d, %v", len(got), len(want), err)
	}
}

// TestBinary: files in folders that are no text are counted and passed over;
// one that was named is read, and that is reported.
func TestBinary(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "wtmp", bytes.Repeat([]byte{0, 0, 7, 0}, 500), testNow)
	put(t, dir, "auth.log", []byte(logText("edge05", firstOfNovember, 2)+"\x00\x00\x00\x00\n"), testNow)
	put(t, dir, "empty", nil, testNow)
	a := &Archive{Paths: []string{dir}}
	if lines, troubles := readAll(t, a); len(lines) != 3 || len(troubles) > 0 || a.Binary() != 1 {
		t.Errorf("%q, %v, %d binary", lines, troubles, a.Binary())
	}
	a = &Archive{Paths: []string{filepath.Join(dir, "wtmp")}}
	if lines, troubles := readAll(t, a); len(lines) != 1 || len(troubles) != 1 {
		t.Errorf("%d lines, %v", len(lines), troubles)
	}
}

func FuzzArchive(f *testing.F) {
	text := []byte(logText("edge05", firstOfNovember, 5))
	for _, form := range forms() {
		f.Add(form.make(f, text))
	}
	f.Add([]byte("__CURSOR=s=1\n__REALTIME_TIMESTAMP=1\nMESSAGE=x\n\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		defer time.AfterFunc(20*time.Second, func() { panic("reading does not end") }).Stop()
		if len(content) > 1<<16 || isJournal(content) {
			return
		}
		fromFile, _ := readAll(t, &Archive{Paths: []string{put(t, t.TempDir(), "x", content, testNow)}})
		for _, line := range fromFile {
			if len(line) > sshwhy.MaxLine || strings.Contains(line, "\n") {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		readAll(t, &Archive{Paths: []string{"-"}, Stdin: bytes.NewReader(content)})
	})
}
