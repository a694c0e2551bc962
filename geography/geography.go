// Package geography says where addresses are, by databases in the format of
// MaxMind (https://maxmind.github.io/MaxMind-DB/) that the user supplies. None
// comes with sshwhy, and nobody is asked over the network.
package geography

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/sshwhy/sshwhy"
)

// Databases are one or several databases that complete each other: that of
// cities, say, and that of networks. It implements sshwhy.Locator.
type Databases struct {
	list    []*database
	by      map[string]*sshwhy.Location // by address; nil values are known not to be there
	byPlace map[place]*sshwhy.Location  // what records say together
	damage  error
}

// database is one file.
type database struct {
	path     string
	reader   *maxminddb.Reader
	language string
}

// mostRemembered bounds each of the two memories, in entries: an attack has
// many addresses, and they come again.
const mostRemembered = 8192

// longestRemembered bounds one, in bytes: no address is longer, and a host name
// need not be looked for.
const longestRemembered = 64

// mostDatabases is how many complete each other.
const mostDatabases = 4

// place is a set of records, one of each database, 0 for none. Most addresses
// share theirs with others.
type place [mostDatabases]uintptr

// Open opens databases, whose caller closes them. Names are in the language, a
// code as "ja", or else in English. An error names the file: one that is none,
// or that tells neither countries, nor cities, nor networks.
func Open(paths []string, language string) (*Databases, error) {
	d := &Databases{by: map[string]*sshwhy.Location{}, byPlace: map[place]*sshwhy.Location{}}
	if len(paths) > mostDatabases {
		return nil, fmt.Errorf("opening databases of geography: %d are more than %d", len(paths), mostDatabases)
	}
	for _, path := range paths {
		reader, err := maxminddb.Open(path)
		if err != nil {
			d.Close()
			return nil, refusal(path, err)
		}
		x := &database{path, reader, language}
		d.list = append(d.list, x)
		if err := x.useful(); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// refusal says what is wrong with a file: the library's words for one that is
// something else speak of the inside of the format.
func refusal(path string, err error) error {
	if _, ok := errors.AsType[maxminddb.InvalidDatabaseError](err); ok {
		return fmt.Errorf("%q is no database in the format of MaxMind, or damaged: %w", path, err)
	}
	return fmt.Errorf("opening the database of geography: %w", err)
}

// Close releases the files.
func (d *Databases) Close() error {
	var all error
	for _, x := range d.list {
		all = errors.Join(all, x.reader.Close())
	}
	d.list = nil
	return all
}

// Err gives the first damage that was met while looking up, nil for none.
func (d *Databases) Err() error { return d.damage }

// Built names each database with its type and the day on which it was made.
func (d *Databases) Built() []string {
	var list []string
	for _, x := range d.list {
		m := x.reader.Metadata
		list = append(list, fmt.Sprintf("%s (%s, %s)", sshwhy.Printable(filepath.Base(x.path)), sshwhy.Printable(m.DatabaseType), m.BuildTime().UTC().Format(time.DateOnly)))
	}
	return list
}

// Locate implements sshwhy.Locator.
func (d *Databases) Locate(address []byte) *sshwhy.Location {
	if len(address) > longestRemembered {
		return d.find(string(address))
	}
	if at, ok := d.by[string(address)]; ok {
		return at
	}
	if len(d.by) >= mostRemembered {
		clear(d.by)
	}
	at := d.find(string(address))
	d.by[string(address)] = at
	return at
}

func (d *Databases) find(address string) *sshwhy.Location {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil // a host name
	}
	ip = ip.WithZone("").Unmap()
	var here place
	for i, x := range d.list {
		if ip.Is6() && x.reader.Metadata.IPVersion == 4 {
			continue
		}
		switch r := x.reader.Lookup(ip); {
		case r.Err() != nil:
			d.damaged(x, r.Err())
		case r.Found():
			here[i] = r.Offset() + 1
		}
	}
	return d.of(here)
}

// of gives what records say together.
func (d *Databases) of(here place) *sshwhy.Location {
	if here == (place{}) {
		return nil
	}
	if at, ok := d.byPlace[here]; ok {
		return at
	}
	if len(d.byPlace) >= mostRemembered {
		clear(d.byPlace)
	}
	var at sshwhy.Location
	for i, x := range d.list {
		if here[i] == 0 {
			continue
		}
		if err := x.read(here[i]-1, &at); err != nil {
			d.damaged(x, err)
		}
	}
	known := &at
	if at == (sshwhy.Location{}) {
		known = nil
	}
	d.byPlace[here] = known
	return known
}

func (d *Databases) damaged(x *database, err error) {
	if d.damage == nil {
		d.damage = fmt.Errorf("looking up addresses in %q: %w", x.path, err)
	}
}

// record is what the databases of countries, cities, providers and networks
// have in common; each has a part of it.
type record struct {
	Country      country `maxminddb:"country"`
	Registered   country `maxminddb:"registered_country"`
	City         named   `maxminddb:"city"`
	Number       uint64  `maxminddb:"autonomous_system_number"`
	Organisation string  `maxminddb:"autonomous_system_organization"`
}

type country struct {
	Code  string            `maxminddb:"iso_code"`
	Names map[string]string `maxminddb:"names"`
}

type named struct {
	Names map[string]string `maxminddb:"names"`
}

// read adds what a record says to what others did.
func (x *database) read(offset uintptr, at *sshwhy.Location) error {
	var r record
	if err := x.reader.LookupOffset(offset).Decode(&r); err != nil {
		return err
	}
	where := r.Country
	if where.Code == "" {
		where = r.Registered // of anycast and satellites no other is known
	}
	if at.Code == "" && where.Code != "" {
		at.Code, at.Country = where.Code, x.name(where.Names)
	}
	at.City = cmp.Or(at.City, x.name(r.City.Names))
	if at.Number == 0 {
		at.Number, at.Organisation = r.Number, r.Organisation
	}
	return nil
}

func (x *database) name(names map[string]string) string {
	return cmp.Or(names[x.language], names["en"])
}

// mostLookedAt is how many networks are looked at to learn what a database
// tells.
const mostLookedAt = 1000

// useful tells whether there is anything in a database that would be shown. The
// name of its type does not say: other makers have names of their own.
func (x *database) useful() error {
	var seen []uintptr
	n := 0
	for r := range x.reader.Networks() {
		if n++; n > mostLookedAt {
			break
		}
		if r.Err() != nil {
			return refusal(x.path, r.Err())
		}
		if slices.Contains(seen, r.Offset()) {
			continue
		}
		var at sshwhy.Location
		// A record of another shape is no damage.
		if err := x.read(r.Offset(), &at); err == nil && at != (sshwhy.Location{}) {
			return nil
		}
		seen = append(seen, r.Offset())
	}
	return fmt.Errorf("%q is a database of the type %q, and tells neither countries nor cities nor networks", x.path, x.reader.Metadata.DatabaseType)
}
