package geography

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/sshwhy/sshwhy"
)

// made writes a database as its makers do.
func made(t *testing.T, kind string, version int, networks map[string]mmdbtype.DataType) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, IPVersion: version, BuildEpoch: 1795392000, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, value := range networks {
		_, of, err := net.ParseCIDR(network)
		if err == nil {
			err = tree.Insert(of, value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), kind+".mmdb")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = tree.WriteTo(file); err == nil {
		err = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func names(pairs ...string) mmdbtype.Map {
	m := mmdbtype.Map{}
	for i := 0; i < len(pairs); i += 2 {
		m[mmdbtype.String(pairs[i])] = mmdbtype.String(pairs[i+1])
	}
	return mmdbtype.Map{"names": m}
}

func countryOf(code string, pairs ...string) mmdbtype.Map {
	m := names(pairs...)
	m["iso_code"] = mmdbtype.String(code)
	return m
}

func cities(t *testing.T) string {
	return made(t, "Test-City", 6, map[string]mmdbtype.DataType{
		"203.0.113.0/24":  mmdbtype.Map{"country": countryOf("JP", "en", "Japan", "ja", "日本"), "city": names("en", "Kyoto", "ja", "京都")},
		"198.51.100.0/24": mmdbtype.Map{"country": countryOf("DE", "en", "Germany"), "registered_country": countryOf("FR", "en", "France")},
		"192.0.2.0/24":    mmdbtype.Map{"registered_country": countryOf("NO", "en", "Norway")},
		"2001:db8::/32":   mmdbtype.Map{"country": countryOf("SE", "en", "Sweden")},
	})
}

func networks(t *testing.T) string {
	return made(t, "Test-ASN", 4, map[string]mmdbtype.DataType{
		"203.0.113.0/25": mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example Net")},
	})
}

func open(t *testing.T, language string, paths ...string) *Databases {
	t.Helper()
	d, err := Open(paths, language)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestLocate: what one database lacks another has, names are in the language of
// the reader where there are any, and what is in none is not made up.
func TestLocate(t *testing.T) {
	city, asn := cities(t), networks(t)
	japan := sshwhy.Location{Code: "JP", Country: "Japan", City: "Kyoto"}
	both := japan
	both.Number, both.Organisation = 64500, "Example Net"
	for _, c := range []struct {
		story, language, address string
		paths                    []string
		want                     *sshwhy.Location
	}{
		{"a city", "en", "203.0.113.7", []string{city}, &japan},
		{"in Japanese", "ja", "203.0.113.7", []string{city}, &sshwhy.Location{Code: "JP", Country: "日本", City: "京都"}},
		{"no name in Japanese", "ja", "198.51.100.1", []string{city}, &sshwhy.Location{Code: "DE", Country: "Germany"}},
		{"with its network", "en", "203.0.113.7", []string{asn, city}, &both},
		{"beside that network", "en", "203.0.113.200", []string{city, asn}, &japan},
		{"the network alone", "en", "203.0.113.7", []string{asn}, &sshwhy.Location{Number: 64500, Organisation: "Example Net"}},
		{"registered only", "en", "192.0.2.1", []string{city}, &sshwhy.Location{Code: "NO", Country: "Norway"}},
		{"IPv6, where one database has none", "en", "2001:db8::1", []string{asn, city}, &sshwhy.Location{Code: "SE", Country: "Sweden"}},
		{"an IPv4 address in the dress of IPv6", "en", "::ffff:203.0.113.7", []string{city}, &japan},
		{"with a zone", "en", "fe80::1%eth0", []string{city}, nil},
		{"an address of no country", "en", "127.0.0.1", []string{city, asn}, nil},
		{"a host name", "en", "host.example", []string{city}, nil},
		{"nothing", "en", "", []string{city}, nil},
	} {
		t.Run(c.story, func(t *testing.T) {
			d := open(t, c.language, c.paths...)
			for range 2 { // found, and remembered
				got := d.Locate([]byte(c.address))
				if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
					t.Errorf("got %+v, want %+v", got, c.want)
				}
			}
			if err := d.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRemembersNoMoreThanItMay: an attack from everywhere does not fill memory.
func TestRemembersNoMoreThanItMay(t *testing.T) {
	d := open(t, "en", cities(t))
	ip := netip.MustParseAddr("203.0.113.0")
	for range 3*mostRemembered + 10 {
		d.Locate([]byte(ip.String()))
		ip = ip.Next()
	}
	if len(d.by) > mostRemembered || len(d.byPlace) > mostRemembered {
		t.Errorf("%d addresses and %d places are remembered", len(d.by), len(d.byPlace))
	}
	if at := d.Locate([]byte("203.0.113.7")); at == nil || at.Code != "JP" {
		t.Errorf("afterwards: %+v", at)
	}
}

// TestRefused: what is no database, or one that tells nothing of this kind, is
// refused in words that say so, with its name.
func TestRefused(t *testing.T) {
	text := filepath.Join(t.TempDir(), "auth.log")
	if err := os.WriteFile(text, []byte("Nov 20 12:00:00 edge05 sshd[7]: Server listening on 0.0.0.0 port 22.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	proxies := made(t, "Test-Anonymous-IP", 6, map[string]mmdbtype.DataType{"203.0.113.0/24": mmdbtype.Map{"is_anonymous": mmdbtype.Bool(true)}})
	flat := made(t, "other maker", 6, map[string]mmdbtype.DataType{"203.0.113.0/24": mmdbtype.Map{"country": mmdbtype.String("JP")}})
	empty := made(t, "Test-Country", 6, nil)
	for _, c := range []struct{ story, path, says string }{
		{"a log", text, "no database in the format of MaxMind"},
		{"a folder", t.TempDir(), "geography"},
		{"missing", filepath.Join(t.TempDir(), "no.mmdb"), "no such file"},
		{"another kind", proxies, `type "Test-Anonymous-IP", and tells neither countries nor cities nor networks`},
		{"another shape", flat, `type "other maker"`},
		{"an empty one", empty, "neither"},
	} {
		d, err := Open([]string{c.path}, "en")
		if err == nil {
			d.Close()
			t.Errorf("%s: it was opened", c.story)
		} else if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), filepath.Base(c.path)) {
			t.Errorf("%s: %v", c.story, err)
		}
	}
	city := cities(t)
	if _, err := Open([]string{city, city, city, city, city}, "en"); err == nil {
		t.Error("five were opened")
	}
}

// TestDamaged: a database that was cut off or has wrong bytes is refused, or
// gives what is sound of it; it ends nothing.
func TestDamaged(t *testing.T) {
	sound, err := os.ReadFile(cities(t))
	if err != nil {
		t.Fatal(err)
	}
	dir, refused, damaged := t.TempDir(), 0, 0
	try := func(name string, content []byte) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open([]string{path}, "en")
		if err != nil {
			refused++
			return
		}
		defer d.Close()
		for _, address := range []string{"203.0.113.7", "198.51.100.1", "192.0.2.1", "2001:db8::1", "10.0.0.1"} {
			d.Locate([]byte(address))
		}
		if d.Err() != nil {
			damaged++
		}
	}
	for i := range 100 {
		try("cut", sound[:i*len(sound)/100])
	}
	if refused != 100 {
		t.Errorf("%d of 100 that were cut off are refused", refused)
	}
	refused = 0
	for i := range sound {
		flipped := bytes.Clone(sound)
		flipped[i] ^= 0xff
		try("flipped", flipped)
	}
	if refused == 0 || damaged == 0 || refused == len(sound) {
		t.Errorf("of %d with a wrong byte %d are refused, and %d tell of damage later", len(sound), refused, damaged)
	}
}

func TestBuilt(t *testing.T) {
	d := open(t, "en", cities(t), networks(t))
	if got := strings.Join(d.Built(), "; "); got != "Test-City.mmdb (Test-City, 2026-11-23); Test-ASN.mmdb (Test-ASN, 2026-11-23)" {
		t.Error(got)
	}
}
