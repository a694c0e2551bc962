package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

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
// the form in which a log is kept, nor on whether it was read when it was
// written.
func TestSameFindings(t *testing.T) {
	const hosts = 20
	var log bytes.Buffer
	if err := bench.Generate(&log, bench.Options{Lines: 4000, Hosts: hosts, Seed: 3}); err != nil {
		t.Fatal(err)
	}
	// A live log has no end at which all that is open is settled. So each host
	// writes once more, when every time that is waited for is over.
	for i := range hosts {
		fmt.Fprintf(&log, "Nov  3 00:00:00 edge%02d sshd[700]: Server listening on 0.0.0.0 port 22.\n", i+1)
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
	keep("xz/auth.log.xz", packedBy(t, xzWriter, log.Bytes()))
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

	whole := replayed(t, nil, "--output", "jsonl", "--workers", "1", "--year", "2026", plain)
	want := findingsOf(t, whole)
	if strings.Count(want, "\n") < 500 {
		t.Fatalf("only %d findings", strings.Count(want, "\n"))
	}
	for _, form := range []string{"plain", "gzip", "zstd", "xz", "rotated", "tar", "-"} {
		for _, workers := range []string{"1", "2", "8"} {
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
	if got := findingsOf(t, tailed(t, lines, strings.Count(whole, "\n"))); got != want {
		t.Errorf("live: %d findings, want %d, or they differ: %s", strings.Count(got, "\n"), strings.Count(want, "\n"), difference(got, want))
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

// difference gives the first line that differs.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("\ngot  %s\nwant %s", g[i], w[i])
		}
	}
	return "one has more"
}

// live is what a tail has written so far.
type live struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// findings gives the lines about the log, and how many there are about the
// connections that were made to see whether it is being read.
func (l *live) findings() (lines string, probes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, `"host":{"name":"probe"}`) {
			probes++
		} else {
			b.WriteString(line)
		}
	}
	return b.String(), probes
}

// tailed gives what tail says of lines that are written while it reads, in
// small portions, to a file that is rotated several times. It ends when there
// are as many findings as were asked for, or no more come.
func tailed(t *testing.T, lines [][]byte, findings int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "auth.log")
	file := &rotating{t: t, path: path}
	file.rotate()
	var out live
	var errs bytes.Buffer
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- run(ctx, []string{"tail", "--lang", "en", "--tz", "UTC", "--year", "2026", "--output", "jsonl", path}, streams{nil, &out, &errs})
	}()
	patient, giveUp := context.WithTimeout(t.Context(), 2*time.Minute)
	defer giveUp()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	until := func(what string, is func() bool) {
		for !is() {
			select {
			case <-tick.C:
			case <-patient.Done():
				t.Errorf("waited in vain: %s", what)
				return
			}
		}
	}
	n := 0
	until("the file is read", func() bool {
		n++
		file.write(fmt.Appendf(nil, "Nov  1 00:00:00 probe sshd[%d]: Accepted publickey for alice from 192.0.2.7 port 51234 ssh2: ED25519 SHA256:x\n", 10000+n))
		_, probes := out.findings()
		return probes > 0
	})
	for i, line := range lines {
		file.write(line)
		if i%1200 == 1199 {
			file.rotate()
		}
		if i%100 == 99 { // what was written so far is read before there is more
			select {
			case <-tick.C:
			case <-patient.Done():
			}
		}
	}
	until("every finding is there", func() bool {
		text, _ := out.findings()
		return strings.Count(text, "\n") >= findings
	})
	stop()
	if err := <-ended; err != nil {
		t.Errorf("tail: %v\n%s", err, &errs)
	}
	text, _ := out.findings()
	return text
}

// rotating is a log as a syslog daemon and logrotate keep it.
type rotating struct {
	t    *testing.T
	path string
	file *os.File
	n    int
}

func (r *rotating) write(line []byte) {
	if _, err := r.file.Write(line); err != nil {
		r.t.Fatal(err)
	}
}

// rotate gives the file another name and begins a new one.
func (r *rotating) rotate() {
	if r.file != nil {
		if err := r.file.Close(); err != nil {
			r.t.Fatal(err)
		}
		r.n++
		if err := os.Rename(r.path, fmt.Sprintf("%s.%d", r.path, r.n)); err != nil {
			r.t.Fatal(err)
		}
	}
	file, err := os.Create(r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.file = file
}

func xzWriter(w io.Writer) io.WriteCloser {
	x, err := xz.WriterConfig{DictCap: 1 << 16, BlockSize: 100_000}.NewWriter(w)
	if err != nil {
		panic(err)
	}
	return x
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
