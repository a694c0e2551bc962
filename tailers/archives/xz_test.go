package archives

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"
)

// blocked packs a text into blocks of a size, with a check of its own.
func blocked(t testing.TB, text []byte, size int64, check byte) []byte {
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16, BlockSize: size, CheckSum: check, NoCheckSum: check == xz.None}.NewWriter(&b)
	return written(t, w, err, &b, text)
}

// TestXZGuard: the guard knows the parts of every sound file, in whatever pieces
// it comes, and at each of its ends that it is one.
func TestXZGuard(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 3))
	noise := make([]byte, 300_000) // is stored as it is
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	text := []byte(logText("edge05", firstOfNovember, 3000))
	files := map[string][]byte{
		"nothing": xzed(t, nil), "a log": xzed(t, text), "noise": xzed(t, noise), "both": xzed(t, append(bytes.Clone(text), noise...)),
		"two streams":                  append(xzed(t, text), xzed(t, noise)...),
		"with padding between, and on": append(append(append(xzed(t, text), 0, 0, 0, 0), blocked(t, text, 10_000, xz.CRC32)...), 0, 0, 0, 0, 0, 0, 0, 0),
	}
	for name, check := range map[string]byte{"none": xz.None, "CRC32": xz.CRC32, "CRC64": xz.CRC64, "SHA-256": xz.SHA256} {
		files["blocks, checked by "+name] = blocked(t, text, 4096+1, check)
	}
	for name, file := range files {
		for _, piece := range []int{1, 7, len(file)} {
			guard := newXZGuard(bytes.NewReader(file))
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{guard}, make([]byte, piece))
			if err != nil || n != int64(len(file)) || guard.part != xzBetween {
				t.Errorf("%s, by %d: %d of %d bytes, in part %d, %v", name, piece, n, len(file), guard.part, err)
			}
		}
		if cut := len(file) - 9; cut > 0 {
			guard := newXZGuard(bytes.NewReader(file[:cut]))
			if _, err := io.Copy(io.Discard, guard); err != nil || guard.part == xzBetween {
				t.Errorf("%s, cut off: in part %d, %v", name, guard.part, err)
			}
		}
	}
}

// xzBlock is the header of a block and, where it is to be whole, the block: of
// nothing, without a check.
func xzBlock(dictionary byte) []byte {
	header := []byte{2, 0, 0x21, 1, dictionary, 0, 0, 0}
	header = binary.LittleEndian.AppendUint32(header, crc32.ChecksumIEEE(header))
	return append(header, 0, 0, 0, 0)
}

// TestXZBombs: what a block asks for is bounded wherever it stands, and what
// came before it is read.
func TestXZBombs(t *testing.T) {
	text := []byte(logText("edge05", firstOfNovember, 3000))
	several := blocked(t, text, 40_000, xz.CRC32)
	header := several[12:24]
	second := 24 + bytes.Index(several[24:], header)
	if second < 24 {
		t.Fatal("there is no second block")
	}
	greedy := bytes.Clone(several)
	copy(greedy[second:], xzBlock(40)[:12])

	sizes := []byte{3, 0xc0, 0x80, 0x80, 0x80, 0x01, 0xff, 0x01, 0x21, 1, 40, 0} // two sizes before the filter
	sizes = binary.LittleEndian.AppendUint32(sizes, crc32.ChecksumIEEE(sizes))
	named := bytes.Clone(several[:12])
	named = append(named, sizes...)

	for name, c := range map[string]struct {
		file []byte
		most int // lines that can be read
		more int // and must be
	}{
		"in the first block":  {append(bytes.Clone(several[:12]), xzBlock(40)...), 0, 0},
		"behind two sizes":    {named, 0, 0},
		"in the second block": {greedy, 2999, 500},
		"in another stream":   {append(xzed(t, text), append(bytes.Clone(several[:12]), xzBlock(31)...)...), 3000, 3000},
		"behind padding":      {append(xzed(t, text), append(append(make([]byte, 4), several[:12]...), xzBlock(29)...)...), 3000, 3000},
	} {
		lines, troubles := readAll(t, &Archive{Paths: []string{put(t, t.TempDir(), "auth.log", c.file, testNow)}})
		if len(lines) > c.most || len(lines) < c.more || !strings.Contains(fmt.Sprint(troubles), "dictionary of") {
			t.Errorf("%s: %d lines, %v", name, len(lines), troubles)
		}
	}
	// As much as there may be is no bomb.
	if n := xzDictionary(xzBlock(28)[1:]); n != maxWindow {
		t.Errorf("a dictionary of %d bytes", n)
	}

	many := func(dictionary byte, n int) error {
		file := append(bytes.Clone(several[:12]), bytes.Repeat(xzBlock(dictionary), n)...)
		file[7] = 0 // no checks
		_, err := io.Copy(io.Discard, newXZGuard(bytes.NewReader(file)))
		return err
	}
	if err := many(28, 1000); err == nil || !strings.Contains(err.Error(), "dictionaries") {
		t.Errorf("a thousand dictionaries for nothing: %v", err)
	}
	if err := many(0, mostXZBlocks+1); err == nil || !strings.Contains(err.Error(), "blocks") {
		t.Errorf("blocks without end: %v", err)
	}
	if err := errors.Join(many(28, 16), many(0, mostXZBlocks)); err != nil {
		t.Error(err)
	}
}
