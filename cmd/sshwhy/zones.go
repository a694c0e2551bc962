//go:build unix

package main

import (
	"fmt"
	"path"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/config"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
)

// zonedParser parses each record in the zone of its source, which tells the
// times of lines that name none.
type zonedParser struct {
	messages *patterns.Catalogue
	rules    []zoneRule
	byZone   map[string]*parser.Parser // by the name of the zone
	bySource map[string]*parser.Parser
	others   *parser.Parser
}

// zoneRule is a source with a zone of its own.
type zoneRule struct {
	pattern string
	parser  *parser.Parser
}

func newZonedParser(messages *patterns.Catalogue, c *config.Config) (*zonedParser, error) {
	z := &zonedParser{messages: messages, byZone: map[string]*parser.Parser{}, bySource: map[string]*parser.Parser{}}
	var err error
	if z.others, err = z.in(c.Timezone); err != nil {
		return nil, err
	}
	for _, s := range c.Sources {
		if s.Timezone == "" {
			continue
		}
		p, err := z.in(s.Timezone)
		if err != nil {
			return nil, err
		}
		z.rules = append(z.rules, zoneRule{s.Path, p})
	}
	return z, nil
}

// in gives the parser for a zone: one for all sources of it, for its tables are
// large.
func (z *zonedParser) in(name string) (*parser.Parser, error) {
	if p := z.byZone[name]; p != nil {
		return p, nil
	}
	zone, err := zoneOf(name)
	if err != nil {
		return nil, err
	}
	p, err := parser.New(z.messages, parser.Options{Zone: zone})
	if err != nil {
		return nil, err
	}
	z.byZone[name] = p
	return p, nil
}

// Parse implements sshwhy.Parser.
func (z *zonedParser) Parse(r *sshwhy.Record, ev *sshwhy.Event) {
	p := z.bySource[r.Source]
	if p == nil {
		p = z.choose(r.Source)
	}
	p.Parse(r, ev)
}

func (z *zonedParser) choose(source string) *parser.Parser {
	p := z.others
	for _, r := range z.rules {
		if ok, err := path.Match(r.pattern, source); ok && err == nil {
			p = r.parser
			break
		}
	}
	if source != "" {
		z.bySource[source] = p
	}
	return p
}

// zoneOf gives the zone of a name, the host's for none.
func zoneOf(name string) (*time.Location, error) {
	if name == "" {
		return time.Local, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, hinted{fmt.Errorf("reading the time zone %q: %w", name, err), "give a name of the tz database, as Europe/Berlin, or UTC"}
	}
	return zone, nil
}
