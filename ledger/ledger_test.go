package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/ledger"
)

// openAt opens the ledger at path for the test; a notice is an error.
func openAt(t testing.TB, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(path, ledger.Options{NoSync: true, Notice: func(n *sshwhy.Notice) { t.Error(n) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "state", "ledger.db") }

func commit(t testing.TB, l *ledger.Ledger, b sshwhy.Batch) {
	t.Helper()
	if err := l.Commit(&b); err != nil {
		t.Fatal(err)
	}
}

// restored gives what the ledger gives back, as text.
func restored(t testing.TB, l *ledger.Ledger) (records, states []string) {
	t.Helper()
	err := l.Restore(func(r *sshwhy.Record) { records = append(records, string(r.Text)) },
		func(room, key string, value []byte) {
			states = append(states, fmt.Sprintf("%s/%s=%s", room, key, value))
		})
	if err != nil {
		t.Fatal(err)
	}
	return records, states
}

func line(connection uint64, text string) sshwhy.Held {
	return sshwhy.Held{Connection: connection, Record: sshwhy.Record{Text: []byte(text)}}
}

func want[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

// TestRuns tells the story of two runs: what the first stored, the second goes
// on with.
func TestRuns(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	commit(t, l, sshwhy.Batch{
		Places: []sshwhy.Place{
			{Stream: "/var/log/auth.log", Generation: "inode 9", Mark: []byte("head"), Offset: 4711},
			{Stream: "journal", Mark: []byte("cursor")},
		},
		Held:  []sshwhy.Held{line(7, "seven opens"), line(3, "three opens"), line(7, "seven asks")},
		State: []sshwhy.State{{Room: "classifier", Key: "episodes", Value: []byte("2")}, {Room: "alerter", Key: "told", Value: []byte("bob")}},
	})
	commit(t, l, sshwhy.Batch{
		Places:  []sshwhy.Place{{Stream: "/var/log/auth.log", Generation: "inode 2", Mark: []byte("new"), Offset: 1}, {Stream: "/var/log/auth.log", Generation: "inode 9", Mark: []byte("head"), Offset: 5000}},
		Held:    []sshwhy.Held{line(3, "three fails"), line(8, "eight comes"), line(9, "nine comes and goes")},
		Dropped: []uint64{8, 9},
		State:   []sshwhy.State{{Room: "alerter", Key: "told"}},
	})
	l.Close()

	l = openAt(t, path)
	records, states := restored(t, l)
	want(t, "records", records, []string{"seven opens", "three opens", "seven asks", "three fails"})
	want(t, "states", states, []string{"classifier/episodes=2"})
	want(t, "places", l.Places("/var/log/auth.log"), []sshwhy.Place{
		{Stream: "/var/log/auth.log", Generation: "inode 9", Mark: []byte("head"), Offset: 5000},
		{Stream: "/var/log/auth.log", Generation: "inode 2", Mark: []byte("new"), Offset: 1},
	})
	want(t, "streams", l.Streams(), []string{"/var/log/auth.log", "journal"})
	want(t, "places of another stream", len(l.Places("/var/log/secure")), 0)

	// The second run has numbers of its own: its first batch replaces what
	// is held, and leaves the rest.
	commit(t, l, sshwhy.Batch{Held: []sshwhy.Held{line(1, "three, as one")}, Places: []sshwhy.Place{{Stream: "/var/log/auth.log", Generation: "inode 9", Done: true}}})
	l.Close()
	l = openAt(t, path)
	records, states = restored(t, l)
	want(t, "records", records, []string{"three, as one"})
	want(t, "states", states, []string{"classifier/episodes=2"})
	want(t, "places", len(l.Places("/var/log/auth.log")), 1)
}

// TestRecordWhole holds that a record comes back as it was, but for its place.
func TestRecordWhole(t *testing.T) {
	newest := time.Date(2026, 11, 23, 10, 0, 0, 5, time.UTC)
	for _, r := range []sshwhy.Record{
		{Text: []byte("Nov 23 10:00:00 edge sshd[7]: Connection closed"), Source: "/var/log/auth.log", Newest: newest, Truncated: 12},
		{Text: []byte("Connection closed \xff\x00\n"), Source: "journal", Header: &sshwhy.Header{Time: -5, Host: []byte("edge"), Ident: []byte("sshd-session"), PID: 1 << 30}},
		{Text: []byte{}},
	} {
		path := newPath(t)
		l := openAt(t, path)
		commit(t, l, sshwhy.Batch{Held: []sshwhy.Held{{Connection: 1, Record: r}}})
		l.Close()
		count := 0
		if err := openAt(t, path).Restore(func(got *sshwhy.Record) {
			count++
			want(t, "record", *got, r)
		}, nil); err != nil || count != 1 {
			t.Errorf("%d records were restored, and the error %v", count, err)
		}
	}
}

// TestHeldIsBounded holds how many lines a connection can keep.
func TestHeldIsBounded(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	var many, long []sshwhy.Held
	for i := range 100 {
		many = append(many, line(1, fmt.Sprint("line ", i)))
		long = append(long, line(2, strings.Repeat("x", 1000)))
	}
	commit(t, l, sshwhy.Batch{Held: many[:50]})
	commit(t, l, sshwhy.Batch{Held: append(many[50:], long...)})
	commit(t, l, sshwhy.Batch{Held: []sshwhy.Held{line(2, "short, but behind a gap")}})
	records, _ := restored(t, l)
	want(t, "records", len(records), 64+16)
	want(t, "the last of the first connection", records[63], "line 63")
	commit(t, l, sshwhy.Batch{Dropped: []uint64{1, 2}})
	records, _ = restored(t, l)
	want(t, "records", len(records), 0)
}

// TestQuietCommit holds that a commit without news does not write.
func TestQuietCommit(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	place := sshwhy.Place{Stream: "journal", Mark: []byte("cursor"), Offset: 1}
	commit(t, l, sshwhy.Batch{Places: []sshwhy.Place{place}})
	before := content(t, path)
	for range 3 {
		commit(t, l, sshwhy.Batch{Places: []sshwhy.Place{place}})
	}
	if string(content(t, path)) != string(before) {
		t.Error("ticks that bring nothing new are written to the disk")
	}
}

func content(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRights(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no such modes")
	}
	path := newPath(t)
	openAt(t, path)
	for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir, path + ".lock": 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, error %v; want %v", name, info.Mode(), err, mode)
		}
	}
}

// TestSecondWriter holds that there is one writer, and that who comes second
// learns who has the file.
func TestSecondWriter(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	_, err := ledger.Open(path, ledger.Options{})
	var inUse *ledger.InUseError
	if !errors.As(err, &inUse) || inUse.PID != os.Getpid() {
		t.Fatalf("got %v; want an error that names process %d", err, os.Getpid())
	}
	l.Close()
	openAt(t, path)
}

// TestForeignWriter: a database that another program has open is left alone.
func TestForeignWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	other, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err }); err != nil {
		t.Fatal(err)
	}
	_, err = ledger.Open(path, ledger.Options{})
	var inUse *ledger.InUseError
	if !errors.As(err, &inUse) {
		t.Errorf("got %v; want that it is in use", err)
	}
}

func TestNewerFormat(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	commit(t, l, sshwhy.Batch{State: []sshwhy.State{{Room: "a", Key: "b", Value: []byte("c")}}})
	l.Close()
	ledger.SetFormat(t, path, 2)
	before := content(t, path)
	_, err := ledger.Open(path, ledger.Options{Notice: func(n *sshwhy.Notice) { t.Error(n) }})
	var newer *ledger.NewerError
	if !errors.As(err, &newer) || newer.Version != 2 {
		t.Fatalf("got %v; want that it is newer", err)
	}
	if string(content(t, path)) != string(before) {
		t.Error("the file of a newer program was changed")
	}
}

// TestNoFile: what is no regular file, or may not be read, is an error and not
// damage.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := ledger.Open(dir, ledger.Options{}); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a directory: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(filepath.Join(file, "ledger.db"), ledger.Options{}); err == nil {
		t.Error("a directory that is a file gives no error")
	}
}

// TestSpaceGivenBack: after an outage the file becomes small again, at the next
// start or in the run.
func TestSpaceGivenBack(t *testing.T) {
	path := newPath(t)
	l := openAt(t, path)
	var big []sshwhy.State
	for i := range 200 {
		big = append(big, sshwhy.State{Room: "room", Key: fmt.Sprint(i), Value: make([]byte, 60<<10)})
	}
	commit(t, l, sshwhy.Batch{State: append(big, sshwhy.State{Room: "room", Key: "small", Value: []byte("stays")})})
	for i := range big {
		big[i].Value = nil
	}
	commit(t, l, sshwhy.Batch{State: big[:200]})
	large := len(content(t, path))
	copied := filepath.Join(t.TempDir(), "ledger.db")
	write(t, copied, content(t, path))
	for i := range 1000 {
		commit(t, l, sshwhy.Batch{Places: []sshwhy.Place{{Stream: "journal", Offset: int64(i)}}})
	}
	isSmall(t, l, path, large)
	isSmall(t, openAt(t, copied), copied, large)
}

func isSmall(t *testing.T, l *ledger.Ledger, path string, large int) {
	t.Helper()
	if small := len(content(t, path)); small > large/4 {
		t.Errorf("of %d bytes %d are left", large, small)
	}
	_, states := restored(t, l)
	want(t, "states", states, []string{"room/small=stays"})
	if _, err := os.Stat(path + ".compact"); err == nil {
		t.Error("the copy is left over")
	}
}
