package archives

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sshwhy/sshwhy/tailers/journal"
)

// damageable are the forms of a log of 400 lines that tests cut and flip: all of
// forms, and bzip2.
func damageable() []form {
	return append(forms(), form{"bzip2 of several streams", func(t testing.TB, _ []byte) []byte { return bzip2ed(t) }})
}

// streams are the beginnings of what can stand behind another of its kind: a
// file that ends between two looks whole.
var streams = map[string]string{"gzip of several members": "\x1f\x8b\x08", "bzip2 of several streams": "BZh9\x31\x41\x59\x26\x53\x59"}

// inParts are forms of which the beginning can be read without the end, if only
// the log is long enough.
var inParts = []string{"gzip", "gzip of several members", "xz of several blocks", "tar", "tar.gz", "bzip2 of several streams"}

// TestCut: of a log that was cut off anywhere, what is sound is read: whole
// lines from the beginning, in their order, and nothing else. That it was cut
// is reported, unless the cut is at the end of a stream.
func TestCut(t *testing.T) {
	text := []byte(logText("edge05", firstOfNovember, 400))
	whole := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	random := rand.New(rand.NewPCG(7, 1))
	for _, f := range damageable() {
		if f.name == "plain" {
			continue // any beginning of it is one
		}
		packed := f.make(t, text)
		path := filepath.Join(t.TempDir(), "auth.log")
		partly := 0
		for range 100 {
			n := 1 + random.IntN(len(packed)-1)
			put(t, filepath.Dir(path), "auth.log", packed[:n], testNow)
			lines, troubles := readAll(t, &Archive{Paths: []string{path}})
			if next := streams[f.name]; next != "" && bytes.HasPrefix(packed[n:], []byte(next)) {
				continue
			}
			if n < 10 && len(lines) <= 1 || strings.HasPrefix(f.name, "tar") && len(lines) <= 1 && n < 600 {
				continue // too little to tell what it was
			}
			if len(lines) > len(whole) || !slices.Equal(lines, whole[:len(lines)]) {
				t.Fatalf("%s cut at %d of %d: %d lines, the last %q", f.name, n, len(packed), len(lines), lines[len(lines)-1])
			}
			if len(troubles) == 0 && len(lines) < len(whole) {
				t.Fatalf("%s cut at %d of %d: %d lines, and nothing was reported", f.name, n, len(packed), len(lines))
			}
			if 0 < len(lines) && len(lines) < len(whole) {
				partly++
			}
		}
		if partly == 0 && slices.Contains(inParts, f.name) {
			t.Errorf("%s: nothing of what is sound was ever read", f.name)
		}
	}
}

// TestFlipped: flipped bytes end nothing but the reading of what they damage,
// and where the form has check sums, what differs is reported.
func TestFlipped(t *testing.T) {
	text := []byte(logText("edge05", firstOfNovember, 400))
	whole := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	sound := logText("another.example", firstOfNovember, 3)
	random := rand.New(rand.NewPCG(7, 2))
	for _, f := range damageable() {
		packed := f.make(t, text)
		dir := t.TempDir()
		put(t, dir, "sound.log", []byte(sound), testNow)
		reported := 0
		for range 100 {
			path := put(t, dir, "damaged.log", flipped(random, packed), testNow)
			lines, troubles := readAll(t, &Archive{Paths: []string{path, filepath.Join(dir, "sound.log")}})
			all := len(lines)
			lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasSuffix(l, "another.example") })
			if all-len(lines) != 3 {
				t.Fatalf("%s: %d lines of the sound log were read", f.name, all-len(lines))
			}
			checked := f.name != "plain" && f.name != "tar"
			if checked && len(troubles) == 0 && len(lines) > 5 && !slices.Equal(lines, whole) {
				t.Fatalf("%s: %d lines of %d, and nothing was reported", f.name, len(lines), len(whole))
			}
			if len(troubles) > 0 {
				reported++
			}
		}
		if checked := f.name != "plain" && f.name != "tar"; checked && reported < 80 {
			t.Errorf("%s: of 100 damaged files %d are reported", f.name, reported)
		}
	}
}

// flipped gives a copy with up to eight wrong bytes.
func flipped(random *rand.Rand, sound []byte) []byte {
	damaged := bytes.Clone(sound)
	for range 1 + random.IntN(8) {
		damaged[random.IntN(len(damaged))] ^= byte(1 + random.IntN(255))
	}
	return damaged
}

// exported gives entries of a journal in its export format, as logText gives
// lines, and the messages.
func exported(n int) (text []byte, messages []string) {
	var b bytes.Buffer
	for i := range n {
		at := firstOfNovember.Add(time.Duration(i) * time.Minute).UnixMicro()
		messages = append(messages, fmt.Sprintf("line %d of edge05", i))
		fmt.Fprintf(&b, "__CURSOR=s=1;i=%d\n__REALTIME_TIMESTAMP=%d\n_HOSTNAME=edge05\nSYSLOG_IDENTIFIER=sshd\n_PID=%d\n", i, at, 100+i)
		if i%5 == 0 {
			b.WriteString("MESSAGE\n" + string(binary.LittleEndian.AppendUint64(nil, uint64(len(messages[i])))) + messages[i] + "\n") // as what is not all text
		} else {
			b.WriteString("MESSAGE=" + messages[i] + "\n")
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), messages
}

// TestDamagedExport: of a journal in its export format, too, whole entries are
// read and the damage is reported; the entries around it are those that were
// written.
func TestDamagedExport(t *testing.T) {
	text, whole := exported(400)
	random := rand.New(rand.NewPCG(7, 4))
	dir := t.TempDir()
	packed := gzipped(t, text)
	for range 100 {
		n := 100 + random.IntN(len(text)-100)
		lines, troubles := readAll(t, &Archive{Paths: []string{put(t, dir, "cut.export", text[:n], testNow)}})
		if len(lines) >= len(whole) || !slices.Equal(lines, whole[:len(lines)]) {
			t.Fatalf("cut at %d of %d: %d entries", n, len(text), len(lines))
		}
		if between := bytes.HasSuffix(text[:n], []byte("\n\n")) || bytes.HasSuffix(text[:n], []byte("\n")) && text[n] == '\n'; !between && len(troubles) == 0 {
			t.Fatalf("cut at %d of %d: %d entries, and nothing was reported", n, len(text), len(lines))
		}
		n = len(packed)/4 + random.IntN(len(packed)*3/4)
		lines, troubles = readAll(t, &Archive{Paths: []string{put(t, dir, "cut.export.gz", packed[:n], testNow)}})
		if len(lines) > len(whole) || !slices.Equal(lines, whole[:len(lines)]) || len(troubles) == 0 {
			t.Fatalf("packed and cut at %d of %d: %d entries, %v", n, len(packed), len(lines), troubles)
		}
	}
	known := map[string]bool{}
	for _, line := range whole {
		known[line] = true
	}
	most := 0
	for range 100 {
		damaged := flipped(random, text)
		lines, _ := readAll(t, &Archive{Paths: []string{put(t, dir, "flipped.export", damaged, testNow)}})
		strange := 0
		for _, line := range lines {
			if !known[line] {
				strange++
			}
		}
		// Each of the eight bytes at most can spoil two entries, and one that
		// is a part of a length, what is up to where the next is found.
		if strange > 8 || len(lines) > len(whole)+8 {
			t.Fatalf("%d entries, and %d of them were never written", len(lines), strange)
		}
		most = max(most, len(whole)-len(lines))
	}
	if most == 0 || most == len(whole) {
		t.Errorf("at most %d entries of %d were lost", most, len(whole))
	}
}

// TestDamagedJournal: a file of journald that is cut off or has wrong bytes ends
// neither the reading nor that of what is beside it.
func TestDamagedJournal(t *testing.T) {
	if commands := journal.Commands(); len(commands) == 0 || len(commands[0]) > 1 {
		t.Skip("needs journalctl, and a program that uses it")
	}
	packed, err := os.ReadFile("testdata/edge05.journal.zst")
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	whole, err := d.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sound := put(t, dir, "sound.log", []byte(logText("another.example", firstOfNovember, 3)), testNow)
	read := func(content []byte) (entries, beside int, troubles []error) {
		path := put(t, dir, "damaged.journal", content, testNow)
		lines, troubles := readAll(t, &Archive{Paths: []string{path, sound}})
		for _, line := range lines {
			rest, ok := strings.CutPrefix(line, "line ")
			number, _, ok2 := strings.Cut(rest, " of edge05")
			if n, err := strconv.Atoi(number); ok && ok2 && err == nil && n < 300 {
				entries++
			} else if strings.HasSuffix(line, "another.example") {
				beside++
			}
		}
		return entries, beside, troubles
	}
	if entries, beside, troubles := read(whole); entries != 300 || beside != 3 || len(troubles) > 0 {
		t.Fatalf("sound: %d entries and %d lines beside it, %v", entries, beside, troubles)
	}
	random := rand.New(rand.NewPCG(7, 5))
	var used []int // where anything stands: most of a young journal is empty
	for i, c := range whole {
		if c != 0 {
			used = append(used, i)
		}
	}
	reported, partly := 0, 0
	for i := range 200 {
		damaged := bytes.Clone(whole)
		if i%2 == 0 {
			damaged = damaged[:used[random.IntN(len(used))]]
		} else {
			for range 1 + random.IntN(8) {
				damaged[used[random.IntN(len(used))]] ^= byte(1 + random.IntN(255))
			}
		}
		entries, beside, troubles := read(damaged)
		if beside != 3 || entries > 300 {
			t.Fatalf("%d: %d entries, and %d lines of what is beside it, %v", i, entries, beside, troubles)
		}
		if i%2 == 0 && entries < 300 && len(troubles) == 0 {
			t.Fatalf("cut to %d bytes: %d entries, and nothing was reported", len(damaged), entries)
		}
		if len(troubles) > 0 {
			reported++
		}
		if 0 < entries && entries < 300 {
			partly++
		}
	}
	t.Logf("of 200 damaged journals %d are reported, %d are read in part", reported, partly)
}
