package archives

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
)

// dated gives what testClock makes of the records of an archive, dated as the
// parser would, with the last words of their lines.
func dated(t *testing.T, a *Archive) []string {
	t.Helper()
	a.Clock, a.Zone, a.Now = testClock, time.UTC, func() time.Time { return testNow }
	if a.Stdin == nil {
		a.Stdin = strings.NewReader("")
	}
	var list []string
	for r, err := range a.Records(t.Context()) {
		if err != nil {
			t.Error(err)
			continue
		}
		if r.Source == "" {
			t.Errorf("%q has no source", r.Text)
		}
		ns, _ := testClock(r.Text, r.Newest)
		fields := bytes.Fields(r.Text)
		list = append(list, fmt.Sprintf("%s %s", time.Unix(0, ns).UTC().Format(time.DateTime), fields[len(fields)-1]))
	}
	return list
}

// oneFile is a log of a folder, and when it was last written.
type oneFile struct{ name, modified, text string }

func folderOf(t *testing.T, files []oneFile) string {
	dir := t.TempDir()
	for _, f := range files {
		modified, err := time.Parse(time.DateOnly, f.modified)
		if err != nil {
			t.Fatal(err)
		}
		text := []byte(strings.ReplaceAll(f.text, "; ", "\n") + "\n")
		if strings.HasSuffix(f.name, ".gz") {
			text = gzipped(t, text)
		}
		put(t, dir, f.name, text, modified)
	}
	return dir
}

// TestOrder tells stories of folders: which line comes when, and of which year
// it is.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name  string
		year  int
		files []oneFile
		want  []string
	}{
		{"a rotated log, in the order of its content", 0, []oneFile{
			{"auth.log", "2026-11-22", "Nov 20 10:00:00 d"},
			{"auth.log.1", "2026-11-15", "Nov 10 10:00:00 c"},
			{"auth.log.2.gz", "2026-11-08", "Nov  5 10:00:00 b"},
			{"auth.log.10.gz", "2026-09-01", "Aug 25 10:00:00 a"},
		}, []string{"2026-08-25 10:00:00 a", "2026-11-05 10:00:00 b", "2026-11-10 10:00:00 c", "2026-11-20 10:00:00 d"}},
		{"numbers that are not in the order of the content", 0, []oneFile{
			{"auth.log.1", "2026-11-08", "Nov  5 10:00:00 b"},
			{"auth.log.2", "2026-11-15", "Nov 10 10:00:00 c"},
			{"auth.log.3", "2026-11-01", "Oct 25 10:00:00 a"},
		}, []string{"2026-10-25 10:00:00 a", "2026-11-05 10:00:00 b", "2026-11-10 10:00:00 c"}},
		{"dates in names, and the turn of the year", 0, []oneFile{
			{"secure-20260104.gz", "2026-01-04", "Dec 29 10:00:00 a; Jan  3 10:00:00 b"},
			{"secure-20260111", "2026-01-11", "Jan  5 10:00:00 c"},
			{"secure", "2026-01-13", "Jan 12 10:00:00 d"},
		}, []string{"2025-12-29 10:00:00 a", "2026-01-03 10:00:00 b", "2026-01-05 10:00:00 c", "2026-01-12 10:00:00 d"}},
		{"a copied set, whose times of change say nothing", 0, []oneFile{
			{"auth.log", "2026-11-22", "Mar 20 10:00:00 d"},
			{"auth.log.1", "2026-11-22", "Nov 10 10:00:00 c"},
			{"auth.log.2", "2026-11-22", "May  5 10:00:00 b"},
			{"auth.log.3", "2026-11-22", "Nov 20 10:00:00 a"},
		}, []string{"2024-11-20 10:00:00 a", "2025-05-05 10:00:00 b", "2025-11-10 10:00:00 c", "2026-03-20 10:00:00 d"}},
		{"one file of three years", 0, []oneFile{
			{"auth.log", "2026-11-22", "Nov 20 10:00:00 a; Feb 29 10:00:00 b; Jul  1 10:00:00 c; Nov  1 10:00:00 d; Mar  1 10:00:00 e; Jul  1 10:00:00 f; Nov 20 10:00:00 g; Jan  2 10:00:00 h"},
		}, []string{"2023-11-20 10:00:00 a", "2024-02-29 10:00:00 b", "2024-07-01 10:00:00 c", "2024-11-01 10:00:00 d", "2025-03-01 10:00:00 e", "2025-07-01 10:00:00 f", "2025-11-20 10:00:00 g", "2026-01-02 10:00:00 h"}},
		{"a stated year, on from which years turn through all files", 2019, []oneFile{
			{"auth.log", "2026-11-22", "Feb  1 10:00:00 d; Feb  3 10:00:00 e"},
			{"auth.log.1.gz", "2026-11-22", "Dec 31 23:59:59 b; Jan  1 00:00:01 c; Dec 31 23:59:58 late"},
			{"auth.log.2", "2026-11-22", "Dec 30 10:00:00 a"},
		}, []string{"2019-12-30 10:00:00 a", "2019-12-31 23:59:59 b", "2020-01-01 00:00:01 c", "2019-12-31 23:59:58 late", "2020-02-01 10:00:00 d", "2020-02-03 10:00:00 e"}},
		{"logs of hosts in their folders are merged, lines without a time behind those before", 0, []oneFile{
			{"edge05/auth.log", "2026-11-22", "Nov 20 10:00:00 a; continued b; Nov 20 10:00:04 e"},
			{"edge06/auth.log", "2026-11-22", "Nov 20 10:00:01 c; Nov 20 10:00:06 g"},
			{"edge06/auth.log.1", "2026-11-19", "Nov 18 10:00:01 first"},
			{"edge07/secure", "2026-11-22", "2026-11-20T10:00:03Z d; 2026-11-20T10:00:05Z f"},
		}, []string{"2026-11-18 10:00:01 first", "2026-11-20 10:00:00 a", "1970-01-01 00:00:00 b", "2026-11-20 10:00:01 c", "2026-11-20 10:00:03 d", "2026-11-20 10:00:04 e", "2026-11-20 10:00:05 f", "2026-11-20 10:00:06 g"}},
		{"a clock that was set back changes no line's place", 0, []oneFile{
			{"a.log", "2026-11-22", "Nov 20 10:00:00 a; Nov 20 09:00:00 b; Nov 20 10:00:02 d"},
			{"b.log", "2026-11-22", "Nov 20 10:00:01 c"},
		}, []string{"2026-11-20 10:00:00 a", "2026-11-20 09:00:00 b", "2026-11-20 10:00:01 c", "2026-11-20 10:00:02 d"}},
		{"addresses in names are no rotation", 0, []oneFile{
			{"192.0.2.1", "2026-11-22", "Nov 20 10:00:00 a; Nov 20 14:00:00 d"},
			{"192.0.2.2", "2026-11-22", "Nov 20 11:00:00 b; Nov 20 13:00:00 c"},
		}, []string{"2026-11-20 10:00:00 a", "2026-11-20 11:00:00 b", "2026-11-20 13:00:00 c", "2026-11-20 14:00:00 d"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folderOf(t, c.files)
			if got := dated(t, &Archive{Paths: []string{dir}, Year: c.year}); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// TestStatedYearOfAPipe: what cannot be looked at before is dated from the
// stated year on as well.
func TestStatedYearOfAPipe(t *testing.T) {
	in := strings.NewReader("Dec 31 10:00:00 a\nJan  1 10:00:00 b\nJul  1 10:00:00 c\nJan  1 10:00:00 d\n")
	got := dated(t, &Archive{Paths: []string{"-"}, Stdin: in, Year: 2019})
	want := []string{"2019-12-31 10:00:00 a", "2020-01-01 10:00:00 b", "2020-07-01 10:00:00 c", "2021-01-01 10:00:00 d"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHosts: lines that name no host are of the one that the path names, where
// there are several logs.
func TestHosts(t *testing.T) {
	for _, c := range []struct{ paths, want []string }{
		{[]string{"sshd.log"}, []string{""}},
		{[]string{"edge05/sshd.log", "edge06/sshd.log", "edge06/sshd.log.1"}, []string{"edge05", "edge06", "edge06"}},
		{[]string{"pods/ns_a_1/sshd/0.log", "pods/ns_b_2/sshd/0.log"}, []string{"ns_a_1", "ns_b_2"}},
		{[]string{"a.log", "b.log"}, []string{"a.log", "b.log"}},
	} {
		dir := t.TempDir()
		for i, path := range c.paths {
			put(t, dir, path, []byte(fmt.Sprintf("2026-11-%02dT10:00:00Z sshd: x\n", 20-i)), testNow)
		}
		a := &Archive{Paths: []string{dir}, Clock: testClock, Now: func() time.Time { return testNow }, Stdin: strings.NewReader("")}
		hosts := map[string]string{}
		for r, err := range a.Records(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			hosts[r.Source] = string(r.Host)
		}
		for i, path := range c.paths {
			if got := hosts[filepath.Join(dir, path)]; got != c.want[i] {
				t.Errorf("%s of %q is of host %q", path, c.paths, got)
			}
		}
	}
}

// TestManyHosts: the merge of many logs keeps the order of each and of all,
// whatever little is read of each at once.
func TestManyHosts(t *testing.T) {
	const hosts, lines = 300, 40
	dir := t.TempDir()
	for h := range hosts {
		name := fmt.Sprintf("edge%03d", h)
		put(t, dir, name+"/auth.log", []byte(logText(name, firstOfNovember.Add(time.Duration(h)*time.Second), lines)), testNow)
	}
	got := dated(t, &Archive{Paths: []string{dir}})
	if len(got) != hosts*lines || !slices.IsSorted(got) {
		t.Errorf("%d lines of %d, sorted: %v", len(got), hosts*lines, slices.IsSorted(got))
	}
}

// TestWindow: what lies outside of the window is not read where that can be
// helped, and all that lies inside is.
func TestWindow(t *testing.T) {
	const lines = 60_000 // 41 days, 2 MB
	text := logText("edge05", time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC), lines)
	dir := t.TempDir()
	path := put(t, dir, "auth.log", []byte(text), testNow)
	since, until := time.Date(2026, time.November, 3, 4, 0, 0, 0, time.UTC), time.Date(2026, time.November, 3, 6, 0, 0, 0, time.UTC)
	a := &Archive{Paths: []string{path}, Since: since, Until: until}
	got := dated(t, a)
	first, last := got[0][:19], got[len(got)-1][:19]
	if first > since.Add(-margin).Format(time.DateTime) || last < until.Add(margin).Format(time.DateTime) || len(got) > lines/3 {
		t.Errorf("%d lines from %s to %s", len(got), first, last)
	}
	in := a.Inputs()[0]
	if in.Passed < int64(len(text))/2 || in.Lines != int64(len(got)) {
		t.Errorf("passed %d of %d bytes, %d lines of %d", in.Passed, len(text), in.Lines, len(got))
	}
	// A set: older files are not opened.
	put(t, dir, "auth.log.1.gz", gzipped(t, []byte("Sep  1 00:00:00 old")), testNow.AddDate(0, -2, 0))
	got = dated(t, &Archive{Paths: []string{dir}, Since: testNow.AddDate(0, 0, 10)})
	if len(got) != 0 {
		t.Errorf("%d lines of what is too old were read", len(got))
	}
}

// TestInputs: the account of every input, with the digest of its file.
func TestInputs(t *testing.T) {
	dir := t.TempDir()
	text := []byte(logText("edge05", firstOfNovember, 10))
	put(t, dir, "a.log", text, testNow)
	put(t, dir, "b.log.gz", gzipped(t, text)[:60], testNow)
	put(t, dir, "c.tar", tarred(t, "inside.log", text), testNow)
	a := &Archive{Paths: []string{dir, filepath.Join(dir, "absent")}, Digest: true}
	readAll(t, a)
	var got []string
	for _, in := range a.Inputs() {
		got = append(got, fmt.Sprintf("%s %q %d lines, year %s, whole %v, digest %d", strings.TrimPrefix(in.Name, dir), in.Packed, in.Lines, in.Year, in.Err == nil, len(in.SHA256)))
	}
	want := []string{
		`/a.log "" 10 lines, year modified, whole true, digest 64`,
		`/b.log.gz "gzip" 0 lines, year modified, whole false, digest 64`,
		`/c.tar:inside.log "" 10 lines, year modified, whole true, digest 64`,
	}
	if len(got) == 3 {
		want[1] = got[1] // how much of a cut file is sound depends on the packer
		if !strings.Contains(got[1], "whole false, digest 64") {
			t.Errorf("%s", got[1])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRotationOf(t *testing.T) {
	for name, want := range map[string]rotation{
		"/var/log/auth.log":                     {log: "/var/log/auth.log"},
		"/var/log/auth.log.1":                   {log: "/var/log/auth.log", back: 2},
		"/var/log/auth.log.0.gz":                {log: "/var/log/auth.log", back: 1},
		"/var/log/secure-20261122.xz":           {log: "/var/log/secure", date: "20261122"},
		"/var/log/auth-2026-11-22.log":          {log: "/var/log/auth.log", date: "20261122"},
		"/var/log/auth.log-20261122-1795361571": {log: "/var/log/auth.log", date: "202611221795361571"},
		"a.tar.gz:var/log/messages.2.bz2":       {log: "a.tar.gz:var/log/messages", back: 3},
		"system.log.old":                        {log: "system.log", back: 1},
		"edge01":                                {log: "edge01"},
		"host-01.log":                           {log: "host-01.log"},
	} {
		if got := rotationOf(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

var _ sshwhy.BlockSource = (*Archive)(nil)
