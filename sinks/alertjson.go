package sinks

import (
	"io"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

// JSON writes findings and alerts as one JSON object each, with the names of the
// Elastic Common Schema; docs/output.md is its contract. It implements Encoder.
type JSON struct {
	causes  *causes.Catalogue // not owned
	words   *lang.Alert
	finding *JSONL
	o       object
}

// NewJSON gives an encoder that writes in that language.
func NewJSON(c *causes.Catalogue, language causes.Language) *JSON {
	e := &JSON{causes: c, words: lang.AlertIn(language, c)}
	e.finding = NewJSONL(io.Discard, c, language)
	return e
}

// AppendFinding implements Encoder: the object that JSONL writes, without the
// line's end.
func (e *JSON) AppendFinding(dst []byte, f *sshwhy.Finding) ([]byte, error) {
	return e.finding.append(dst, f), nil
}

// AppendAlert implements Encoder.
func (e *JSON) AppendAlert(dst []byte, a *sshwhy.Alert) ([]byte, error) {
	var latest []byte
	if a.Latest != nil {
		var err error
		if latest, err = e.AppendFinding(nil, a.Latest); err != nil {
			return dst, err
		}
	}
	e.o = object{buf: append(dst, '{')}
	o := &e.o
	o.time("@timestamp", a.Until)
	e.event(a)
	o.open("rule")
	o.word("name", a.Rule)
	o.close()
	e.related(a)
	o.open("sshwhy")
	o.word("news", a.News.String())
	o.number("revision", int64(a.Revision))
	o.number("findings", int64(a.Findings))
	e.why(a)
	counted(o, "users", a.Users, a.NumUsers)
	counted(o, "sources", a.Sources, a.NumSources)
	counted(o, "hosts", a.Hosts, a.NumHosts)
	if latest != nil {
		o.key("latest")
		o.buf = append(o.buf, latest...)
	}
	o.close()
	o.close()
	return o.buf, nil
}

// event tells what an alert is about, in the words that findings use.
func (e *JSON) event(a *sshwhy.Alert) {
	o := &e.o
	o.open("event")
	o.word("id", a.ID)
	o.word("kind", "alert")
	o.key("category")
	if a.Notice != nil || a.Latest != nil && a.Latest.Outcome == sshwhy.OutcomeStartupFailed {
		o.buf = append(o.buf, `["process"]`...)
	} else {
		o.buf = append(o.buf, `["authentication"]`...)
	}
	o.word("action", "ssh-alert")
	if len(a.Causes) == 1 {
		o.word("code", e.causes.ID(a.Causes[0]))
	}
	o.word("reason", e.words.Headline(a))
	o.time("start", a.Since)
	o.time("end", a.Until)
	o.close()
}

// related names what the alert has to do with, for readers that know no more of
// sshwhy than the schema.
func (e *JSON) related(a *sshwhy.Alert) {
	if len(a.Users)+len(a.Sources)+len(a.Hosts) == 0 {
		return
	}
	o := &e.o
	o.open("related")
	values(o, "user", a.Users)
	values(o, "ip", addresses(a.Sources))
	values(o, "hosts", a.Hosts)
	o.close()
}

// why tells what the findings share, and what came before them.
func (e *JSON) why(a *sshwhy.Alert) {
	o := &e.o
	if len(a.By) > 0 {
		o.open("by")
		for i, s := range a.By {
			if i > 0 {
				o.buf = append(o.buf, ',')
			}
			o.buf = append(appendString(o.buf, s.Name), ':')
			o.buf = appendString(o.buf, s.Value)
		}
		o.close()
	}
	o.key("causes")
	o.buf = append(o.buf, '[')
	for i, c := range a.Causes {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = appendString(o.buf, e.causes.ID(c))
	}
	o.buf = append(o.buf, ']')
	if a.After != 0 {
		o.open("after")
		o.word("code", e.causes.ID(a.After))
		o.number("seconds", int64(a.AfterFor/time.Second))
		o.close()
	}
	if n := a.Notice; n != nil {
		o.open("notice")
		o.word("code", n.Code)
		o.word("source", n.Source)
		o.word("text", n.Text)
		o.word("hint", n.Hint)
		o.number("lost", n.Lost)
		o.close()
	}
}

// addresses gives those of the sources that are addresses.
func addresses(sources []sshwhy.Counted) (list []sshwhy.Counted) {
	for _, s := range sources {
		if isAddress([]byte(s.Value)) {
			s.Value, _, _ = strings.Cut(s.Value, "%")
			list = append(list, s)
		}
	}
	return list
}

func values(o *object, name string, list []sshwhy.Counted) {
	if len(list) == 0 {
		return
	}
	o.key(name)
	o.buf = append(o.buf, '[')
	for i, v := range list {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = appendString(o.buf, v.Value)
	}
	o.buf = append(o.buf, ']')
}

// counted writes the values that findings had most often, and how many there
// are in all.
func counted(o *object, name string, list []sshwhy.Counted, all int) {
	if all == 0 {
		return
	}
	o.open(name)
	o.number("count", int64(all))
	o.key("top")
	o.buf = append(o.buf, '[')
	for i, v := range list {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = append(o.buf, '{')
		o.comma = false
		o.key("value")
		o.buf = appendString(o.buf, v.Value)
		o.number("findings", int64(v.Count))
		o.close()
	}
	o.buf = append(o.buf, ']')
	o.close()
}
