package tailers

import (
	"slices"
	"testing"
	"time"
)

func TestRotatedAs(t *testing.T) {
	for _, c := range []struct {
		base, name string
		ok, packed bool
	}{
		{"auth.log", "auth.log.1", true, false},
		{"auth.log", "auth.log.0", true, false},
		{"auth.log", "auth.log.12.gz", true, true},
		{"auth.log", "auth.log-20261122", true, false},
		{"auth.log", "auth.log-20261122.xz", true, true},
		{"auth.log", "auth.log-20261122-1795363200.zst", true, true},
		{"auth.log", "auth.log.2026-11-22T15:35:56Z.bz2", true, true},
		{"auth.log", "auth-20261122.log", true, false},
		{"auth.log", "auth.log.old", true, false},
		{"secure", "secure-20261122", true, false},
		{"auth.log", "auth.log", false, false},
		{"auth.log", "auth.log.", false, false},
		{"auth.log", "auth.log.gz", false, true},
		{"auth.log", "auth.log.bak", false, false},
		{"auth.log", "auth.log.anonymised", false, false},
		{"auth.log", "auth.log.1~", false, false},
		{"auth.log", "auth.log1", false, false},
		{"auth.log", "auth-2.log", false, false}, // another program's
		{"auth.log", "authority.log.1", false, false},
		{"auth.log", "kern.log.1", false, false},
	} {
		if _, packed, ok := rotatedAs(c.base, c.name); ok != c.ok || packed != c.packed {
			t.Errorf("%s of %s: %v, packed %v; want %v, %v", c.name, c.base, ok, packed, c.ok, c.packed)
		}
	}
}

// TestOlder holds the order of what rotation leaves: by number, by date, and by
// time where names do not tell.
func TestOlder(t *testing.T) {
	d := newTestFolder(t)
	for i, name := range []string{"auth.log.10.gz", "auth.log.2", "auth.log.1"} {
		d.write(name, "x")
		d.touch(name, time.Duration(5-i)*time.Minute) // a writer may have changed an old one last
	}
	d.write("secure-20261120.gz", "x")
	d.write("secure-20261121", "x")
	d.write("mixed.log.1", "x")
	d.touch("mixed.log.1", 0)
	d.write("mixed.log-20261121", "x")
	d.touch("mixed.log-20261121", time.Hour)
	for base, want := range map[string][]string{
		"auth.log":  {"auth.log.10.gz", "auth.log.2", "auth.log.1"},
		"secure":    {"secure-20261120.gz", "secure-20261121"},
		"mixed.log": {"mixed.log-20261121", "mixed.log.1"},
	} {
		found, err := siblingsOf(d.path(base))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range found {
			got = append(got, s.path[len(d.dir)+1:])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", base, got, want)
		}
	}
}

// FuzzReadImprint reads what a ledger may hold: anything.
func FuzzReadImprint(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendImprint(nil, inode{1, 2}, head{0, []byte("Nov 22")}, time.Unix(1, 2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := readImprint(b)
		if ok && (m.size < 0 || m.size > headLength || m.base < 0) {
			t.Errorf("%+v", m)
		}
	})
}

// FuzzRotatedAs takes any name of a file.
func FuzzRotatedAs(f *testing.F) {
	f.Add("auth.log", "auth.log-20261122.gz")
	f.Add("", ".1")
	f.Fuzz(func(t *testing.T, base, name string) {
		if a, _, ok := rotatedAs(base, name); ok && (name == base || a.number < 0) {
			t.Errorf("%q is taken for a rotated %q", name, base)
		}
	})
}
