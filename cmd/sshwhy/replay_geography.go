package main

import (
	"errors"

	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/geography"
)

// locate opens the databases of --geoip for the page and for the JSON lines. It
// is the last step of making a replayer, whose close releases them.
func (r *replayer) locate(language causes.Language) error {
	switch {
	case len(r.o.geoip) == 0:
		return nil
	case r.o.anonymise:
		return hinted{errors.New("--geoip looks up addresses, and --anonymise replaces them"), "leave one of the two out"}
	case r.report == nil && r.jsonl == nil:
		return hinted{errors.New("--geoip is for the page of --report, and for --output jsonl with the names of ecs"), "add --report FILE.html or --output jsonl"}
	}
	databases, err := geography.Open(r.o.geoip, string(language))
	if err != nil {
		return hinted{err, "give a database of countries, cities or networks (.mmdb): docs/forensics.md"}
	}
	r.geography = databases
	if r.report != nil {
		r.report.history.Locator = databases
	}
	if r.jsonl != nil {
		r.jsonl.Locator = databases
	}
	return nil
}

// located gives the databases that were used, for the page.
func (r *replayer) located() []string {
	if r.geography == nil {
		return nil
	}
	return r.geography.Built()
}

// close releases the databases.
func (r *replayer) close() {
	if r.geography != nil {
		r.geography.Close()
	}
}
