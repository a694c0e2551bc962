package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sshwhy/sshwhy/bench"
)

// replayed runs a replay and gives what it wrote.
func replayed(t *testing.T, in io.Reader, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if err := run(t.Context(), append([]string{"replay", "--lang", "en", "--tz", "UTC"}, args...), streams{in, &out, &errs}); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &errs)
	}
	return out.String()
}

// findingsOf gives the findings of JSON lines sorted by their ends and ids, and
// without where they were read.
func findingsOf(t *testing.T, jsonl string) string {
	t.Helper()
	type keyed struct{ key, text string }
	var list []keyed
	for line := range strings.Lines(jsonl) {
		var f map[string]any
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		delete(f, "log")
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		event := f["event"].(map[string]any)
		own := f["sshwhy"].(map[string]any)
		list = append(list, keyed{fmt.Sprint(event["end"], event["id"], own["revision"]), string(text)})
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	var b strings.Builder
	for _, k := range list {
		b.WriteString(k.text)
		b.WriteByte('\n')
	}
	return b.String()
}

// TestSameFindings: the findings do not depend on how many parsers work, nor on
// the form in which a log is kept.
func TestSameFindings(t *testing.T) {
	var log bytes.Buffer
	if err := bench.Generate(&log, bench.Options{Lines: 4000, Hosts: 20, Seed: 3}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	keep := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := keep("plain/auth.log", log.Bytes())
	keep("gzip/auth.log.gz", packedBy(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, log.Bytes()))
	keep("zstd/auth.log.zst", packedBy(t, zstdWriter, log.Bytes()))
	lines := bytes.SplitAfter(log.Bytes(), []byte("\n"))
	pieces := tarOf{}
	for i := range 30 {
		piece := bytes.Join(lines[i*len(lines)/30:(i+1)*len(lines)/30], nil)
		name := "auth.log"
		if n := 29 - i; n > 0 {
			name = fmt.Sprintf("auth.log.%d", n)
		}
		if i%3 == 1 {
			name += ".gz"
			piece = packedBy(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, piece)
		}
		keep("rotated/"+name, piece)
		pieces[name] = piece
	}
	keep("tar/logs.tar.zst", packedBy(t, zstdWriter, pieces.bytes(t)))

	want := findingsOf(t, replayed(t, nil, "--output", "jsonl", "--workers", "1", "--year", "2026", plain))
	if strings.Count(want, "\n") < 500 {
		t.Fatalf("only %d findings", strings.Count(want, "\n"))
	}
	for _, form := range []string{"plain", "gzip", "zstd", "rotated", "tar", "-"} {
		for _, workers := range []string{"2", "8"} {
			path := form
			if form != "-" {
				path = filepath.Join(dir, form)
			}
			got := findingsOf(t, replayed(t, bytes.NewReader(log.Bytes()), "--output", "jsonl", "--workers", workers, "--year", "2026", path))
			if got != want {
				t.Errorf("%s, %s workers: %d findings, want %d, or they differ", form, workers, strings.Count(got, "\n"), strings.Count(want, "\n"))
			}
		}
	}
	// Unsorted and whole, the text too: the order is the same.
	for _, output := range []string{"text", "jsonl", "summary"} {
		one := replayed(t, nil, "--output", output, "--workers", "1", plain)
		for _, workers := range []string{"2", "8"} {
			if many := replayed(t, nil, "--output", output, "--workers", workers, plain); many != one {
				t.Errorf("%s: other bytes with %s workers", output, workers)
			}
		}
	}
}

func zstdWriter(w io.Writer) io.WriteCloser {
	z, err := zstd.NewWriter(w)
	if err != nil {
		panic(err)
	}
	return z
}

func packedBy(t *testing.T, by func(io.Writer) io.WriteCloser, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := by(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tarOf is files by name.
type tarOf map[string][]byte

func (files tarOf) bytes(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
