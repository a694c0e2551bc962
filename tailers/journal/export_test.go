package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// binaryField is a field as the format writes what does not fit a line.
func binaryField(name, value string) string {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(value)))
	return name + "\n" + string(length) + value + "\n"
}

// told is what a test compares of a record.
type told struct {
	text, host, ident string
	pid               int32
	time              int64
	cut               int64
}

func readExport(t *testing.T, input io.Reader) (records []told, troubles []string) {
	t.Helper()
	ExportRecords(context.Background(), input, "x.export", func(r *sshwhy.Record, err error) bool {
		if err != nil {
			troubles = append(troubles, err.Error())
			return true
		}
		h := r.Header
		records = append(records, told{string(r.Text), string(h.Host), string(h.Ident), h.PID, h.Time, r.Truncated})
		return true
	})
	return records, troubles
}

func TestExport(t *testing.T) {
	const first, second = "__CURSOR=s=1;i=1\n__REALTIME_TIMESTAMP=1795361571123456\n", "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795361571123457\n"
	long := strings.Repeat("x", 3*sshwhy.MaxLine)
	for _, c := range []struct {
		story, input string
		want         []told
		troubles     []string
	}{
		{story: "an entry as journalctl writes it",
			input: first + "_BOOT_ID=0\nPRIORITY=6\n_HOSTNAME=edge05\nSYSLOG_IDENTIFIER=sshd-session\nSYSLOG_PID=7\n_PID=16140\n_COMM=sshd\nMESSAGE=hello = there\n_SOURCE_REALTIME_TIMESTAMP=1795361571123000\n\n",
			want:  []told{{text: "hello = there", host: "edge05", ident: "sshd-session", pid: 16140, time: 1795361571123000000}}},
		{story: "what the writer did not tell, the journal saw",
			input: first + "_COMM=sshd\n_PID=7\nMESSAGE=a\n\n" + second + "SYSLOG_PID=no\nSYSLOG_IDENTIFIER=\n_COMM=sshd\n_PID=8\nMESSAGE=b\n\n",
			want:  []told{{text: "a", ident: "sshd", pid: 7, time: 1795361571123456000}, {text: "b", ident: "sshd", pid: 8, time: 1795361571123457000}}},
		{story: "a value that looks like the next entry is a value",
			input: first + binaryField("MESSAGE", "x\n\n__CURSOR=s=1;i=9\nMESSAGE=Accepted password for root\n") + "SYSLOG_IDENTIFIER=sshd\n\n" + second + "MESSAGE=b\n\n",
			want:  []told{{text: "x\n\n__CURSOR=s=1;i=9\nMESSAGE=Accepted password for root\n", ident: "sshd", time: 1795361571123456000}, {text: "b", time: 1795361571123457000}}},
		{story: "of a field that is repeated the first counts",
			input: first + "MESSAGE=a\nMESSAGE=b\n" + binaryField("MESSAGE", "c\nd") + "SYSLOG_IDENTIFIER=sshd\nSYSLOG_IDENTIFIER=cron\n\n",
			want:  []told{{text: "a", ident: "sshd", time: 1795361571123456000}}},
		{story: "an entry without a message says nothing",
			input: first + "SYSLOG_IDENTIFIER=sshd\n\n" + second + "MESSAGE=\n\n",
			want:  []told{{time: 1795361571123457000}}},
		{story: "what is long is cut and counted, on a line and behind a length",
			input: first + "MESSAGE=" + long + "\n_HOSTNAME=" + long + "\n\n" + second + binaryField("MESSAGE", long) + binaryField("OTHER", long) + "_COMM=sshd\n\n",
			want: []told{{text: long[:sshwhy.MaxLine], host: long[:exportValueMax], time: 1795361571123456000, cut: 2 * sshwhy.MaxLine},
				{text: long[:sshwhy.MaxLine], ident: "sshd", time: 1795361571123457000, cut: 2 * sshwhy.MaxLine}}},
		{story: "empty lines and notes between entries",
			input: "\n\n" + first + "MESSAGE=a\n\n\n-- Boot 0123 --\n" + second + "MESSAGE=b\n\n-- cursor: s=1\n",
			want:  []told{{text: "a", time: 1795361571123456000}, {text: "b", time: 1795361571123457000}}},
		{story: "the last empty line may lack",
			input: first + "MESSAGE=a\n",
			want:  []told{{text: "a", time: 1795361571123456000}}},
		{story: "an entry that is cut off is not taken for whole",
			input:    first + "MESSAGE=a\n\n" + second + "MESSAGE=Accepted passw",
			want:     []told{{text: "a", time: 1795361571123456000}},
			troubles: []string{`reading "x.export", after entry 1: the last entry is cut off`}},
		{story: "nor one that ends inside a value",
			input:    first + "MESSAGE\n\x08\x00\x00\x00\x00\x00\x00\x00abc",
			troubles: []string{`reading "x.export", after entry 0: the last entry is cut off`}},
		{story: "nor one that ends inside a length",
			input:    first + "MESSAGE\n\x08\x00",
			troubles: []string{`reading "x.export", after entry 0: the last entry is cut off`}},
		{story: "behind a damaged entry comes the next",
			input:    first + "this is no field\nMESSAGE=a\n\n" + second + "MESSAGE=b\n\n",
			want:     []told{{text: "b", time: 1795361571123457000}},
			troubles: []string{`reading "x.export", entry 1: at byte 72: this is not the journal export format`}},
		{story: "a length that cannot be",
			input:    first + "MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\x7fabc\n\n" + second + "MESSAGE=b\n\n",
			want:     []told{{text: "b", time: 1795361571123457000}},
			troubles: []string{`reading "x.export", entry 1: at byte 71: this is not the journal export format`}},
		{story: "a length that is wrong",
			input:    first + "MESSAGE\n\x02\x00\x00\x00\x00\x00\x00\x00abc\n\n" + second + "MESSAGE=b\n\n",
			want:     []told{{text: "b", time: 1795361571123457000}},
			troubles: []string{`reading "x.export", entry 1: at byte 74: this is not the journal export format`}},
		{story: "times and numbers that cannot be are none",
			input: "__CURSOR=x\n__REALTIME_TIMESTAMP=99999999999999999999999\n_PID=99999999999\nMESSAGE=a\n\n__CURSOR=x\n__REALTIME_TIMESTAMP=-5\n_SOURCE_REALTIME_TIMESTAMP=18446744073709551615\n_PID=-7\nMESSAGE=b\n\n",
			want:  []told{{text: "a"}, {text: "b"}}},
		{story: "an empty file", input: ""},
	} {
		t.Run(c.story, func(t *testing.T) {
			records, troubles := readExport(t, strings.NewReader(c.input))
			if !slices.Equal(records, c.want) {
				t.Errorf("records\n got %.300q\nwant %.300q", fmt.Sprint(records), fmt.Sprint(c.want))
			}
			if !slices.Equal(troubles, c.troubles) {
				t.Errorf("troubles\n got %q\nwant %q", troubles, c.troubles)
			}
			// The same, one byte at a time.
			if len(c.input) < 4096 {
				slow, _ := readExport(t, oneByte{strings.NewReader(c.input)})
				if !slices.Equal(slow, records) {
					t.Errorf("one byte at a time: got %v, want %v", slow, records)
				}
			}
		})
	}
}

// oneByte gives what it reads in the smallest pieces.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

func TestExportGivesUp(t *testing.T) {
	input := strings.Repeat("__CURSOR=x\nrubbish\n\n", 3*exportDamageMax)
	records, troubles := readExport(t, strings.NewReader(input))
	if len(records) != 0 || len(troubles) != exportDamageMax+1 || !strings.HasSuffix(troubles[exportDamageMax], "the rest was not read") {
		t.Errorf("got %v, %q", records, troubles)
	}
}

func TestExportIsToldByItsStart(t *testing.T) {
	for head, want := range map[string]bool{"__CURSOR=s=1": true, "__CURSOR": false, "": false, "Nov 22 15:32:51 edge05 sshd[1]: x": false, `{"__CURSOR":"s"}`: false} {
		if got := IsExport([]byte(head)); got != want {
			t.Errorf("%q: got %v", head, got)
		}
	}
}

// FuzzExport: whatever the bytes are, reading them ends, holds no more than it
// may, and what comes out was in there.
func FuzzExport(f *testing.F) {
	f.Add([]byte("__CURSOR=s=1;i=1\n__REALTIME_TIMESTAMP=1795361571123456\nMESSAGE=a\n\n"))
	f.Add([]byte("__CURSOR=x\n" + binaryField("MESSAGE", "a\nb") + "\n"))
	f.Add([]byte("__CURSOR=x\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, input []byte) {
		n := 0
		ExportRecords(context.Background(), bytes.NewReader(input), "f", func(r *sshwhy.Record, err error) bool {
			if n++; n > len(input)+2 {
				t.Fatal("more records than bytes")
			}
			if err != nil {
				return true
			}
			if len(r.Text) > sshwhy.MaxLine || len(r.Header.Host) > exportValueMax || r.Header.PID < 0 || r.Header.Time < 0 {
				t.Errorf("%d bytes of text, %d of host, pid %d, time %d", len(r.Text), len(r.Header.Host), r.Header.PID, r.Header.Time)
			}
			// A value that was longer than the reader's buffer came in pieces.
			if len(r.Text) < 1000 && !bytes.Contains(input, r.Text) {
				t.Errorf("%q is not in %q", r.Text, input)
			}
			return true
		})
	})
}

// FuzzPlace: a place is read back as it was written, and one that is damaged
// never does more than not to be understood.
func FuzzPlace(f *testing.F) {
	f.Add(`1795390519617073 1 s=39bad203f78a4151a77dec0dc15fd722;i=3;b=6e3cc7ae85b94588bfa21a7bc3d37621;m=2fc4f25ea;t=660e5e5ed4f85;x=20f0051cce2cb100`)
	f.Add("1 2 3")
	f.Fuzz(func(t *testing.T, mark string) {
		p, ok := parsePlace([]byte(mark))
		if !ok {
			return
		}
		again, ok := parsePlace(p.append(nil))
		if !ok || again != p {
			t.Errorf("%q was read as %+v and then as %+v", mark, p, again)
		}
	})
}

func TestPlace(t *testing.T) {
	const cursor = "s=39bad203f78a4151a77dec0dc15fd722;i=3;b=6e3cc7ae85b94588bfa21a7bc3d37621;m=2fc4f25ea;t=660e5e5ed4f85;x=20f0051cce2cb100"
	const stamp = 0x660e5e5ed4f85
	for mark, want := range map[string]struct {
		p        place
		ok, seek bool
	}{
		fmt.Sprintf("%d 2 %s", uint64(stamp), cursor):             {place{realtime: stamp, same: 2, cursor: cursor}, true, true},
		fmt.Sprintf("%d 2 %s", uint64(stamp)+1, cursor):           {place{realtime: stamp + 1, same: 2, cursor: cursor}, true, false},
		fmt.Sprintf("%d 2 ", uint64(stamp)):                       {place{realtime: stamp, same: 2}, true, false},
		fmt.Sprintf("%d 2 %s", uint64(stamp), cursor[:60]):        {place{realtime: stamp, same: 2}, true, false},
		fmt.Sprintf("%d 2 %s", uint64(stamp), "--directory=/etc"): {place{realtime: stamp, same: 2}, true, false},
		"x y " + cursor:   {place{realtime: stamp, same: 1, cursor: cursor}, true, true},
		"0 0 ":            {place{}, true, false}, // the beginning, of which nothing was read yet
		"":                {},
		"\x00\xff broken": {},
	} {
		p, ok := parsePlace([]byte(mark))
		if ok != want.ok || ok && (p != want.p || p.seekable() != want.seek) {
			t.Errorf("%q: got %+v, %v, seekable %v", mark, p, ok, p.seekable())
		}
	}
}

func BenchmarkExport(b *testing.B) {
	entry := "__CURSOR=s=39bad203f78a4151a77dec0dc15fd722;i=3;b=6e3cc7ae85b94588bfa21a7bc3d37621;m=2fc4f25ea;t=660e5e5ed4f85;x=20f0051cce2cb100\n" +
		"__REALTIME_TIMESTAMP=1795361571123456\n__MONOTONIC_TIMESTAMP=12822980074\n_BOOT_ID=6e3cc7ae85b94588bfa21a7bc3d37621\nPRIORITY=6\n_UID=0\n_GID=0\n" +
		"_MACHINE_ID=3d1219c7c4c5404aaa1f6d2a48adfda4\n_HOSTNAME=edge05\n_TRANSPORT=syslog\nSYSLOG_FACILITY=4\nSYSLOG_IDENTIFIER=sshd\nSYSLOG_PID=9036\n" +
		"MESSAGE=Failed password for invalid user oracle from 203.0.113.7 port 51234 ssh2\n_PID=9036\n_COMM=sshd\n_EXE=/usr/sbin/sshd\n_SOURCE_REALTIME_TIMESTAMP=1795390381572419\n\n"
	input := strings.Repeat(entry, 1000)
	b.SetBytes(int64(len(input)))
	begun := time.Now()
	n := 0
	for b.Loop() {
		ExportRecords(context.Background(), strings.NewReader(input), "f", func(*sshwhy.Record, error) bool { n++; return true })
	}
	b.ReportMetric(float64(n)/time.Since(begun).Seconds(), "entries/s")
}
