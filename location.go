package sshwhy

// Location is where a network is, and whose, as far as a database says that the
// user supplies. It tells where a network is registered or mostly used, not
// where a person sits.
type Location struct {
	// Code is that of the country (ISO 3166-1, two letters), "" where it is
	// not known.
	Code string
	// Country and City are names, in the language that was asked for where
	// the database has it; "" where they are not known.
	Country, City string
	// Number is that of the autonomous system, 0 where it is not known, and
	// Organisation whom it belongs to.
	Number       uint64
	Organisation string
}

// Locator says where addresses are.
type Locator interface {
	// Locate takes an address as the log has it, a host name too. It gives
	// nil where nothing is known. What it gives is shared, and not to be
	// changed. It is called from one goroutine.
	Locate(address []byte) *Location
}
