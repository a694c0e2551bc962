package parser

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// Check holds the entries of c behind the first known ones to what the tests
// hold the shipped entries to: every example is recognised, gives the fields
// that it names and no others, and is claimed by no other entry that is as
// literal; every spelling is recognised; none begins with text that a client
// may choose; and none takes a message from another entry, the shipped ones
// included, that it does not name under over. It reports every fault.
func Check(c *patterns.Catalogue, known int) error {
	p, err := New(c, Options{})
	if err != nil {
		return err
	}
	client, err := NewClient(c)
	if err != nil {
		return err
	}
	k := checker{catalogue: c, known: known, parser: p, client: client.matcher, ways: make([][]variant, len(c.Entries))}
	for i := range c.Entries {
		k.ways[i] = variantsOf(&c.Entries[i])
	}
	for i := range c.Entries {
		if i >= known {
			k.examples(&c.Entries[i])
			k.beginnings(i)
		}
		k.spellings(i)
	}
	k.conflicts()
	k.claimants()
	return errors.Join(k.faults...)
}

// checker gathers the faults of a user's patterns.
type checker struct {
	catalogue *patterns.Catalogue
	known     int
	parser    *Parser
	client    *recogniser
	ways      [][]variant // by entry
	faults    []error
}

// variant is one way through a template.
type variant struct {
	template string
	parts    []patterns.Part
}

func variantsOf(e *patterns.Entry) []variant {
	var all []variant
	for _, l := range e.Lines {
		ways, _ := patterns.Expand(l.Template) // New has read it
		for _, parts := range ways {
			all = append(all, variant{l.Template, parts})
		}
	}
	return all
}

func (k *checker) fault(e *patterns.Entry, format string, args ...any) {
	k.faults = append(k.faults, fmt.Errorf("entry %q: "+format, append([]any{e.ID}, args...)...))
}

// own tells whether an entry is the user's.
func (k *checker) own(id string) bool { return int(k.catalogue.Find(id)) > k.known }

func (k *checker) recognise(e *patterns.Entry, text string) (string, map[string]string) {
	switch e.Group {
	case "systemd":
		return recogniseBy(k.parser, k.parser.system, k.catalogue, text)
	case clientGroup:
		return recogniseBy(k.parser, k.client, k.catalogue, text)
	}
	return recogniseBy(k.parser, k.parser.sshd, k.catalogue, text)
}

func (k *checker) examples(e *patterns.Entry) {
	for _, x := range e.Examples {
		switch id, got := k.recognise(e, x.Line); {
		case id == "":
			k.fault(e, "none of its lines fits its example %q", x.Line)
		case id != e.ID:
			k.fault(e, "its example is taken for %q: %q", id, x.Line)
		case !maps.Equal(got, x.Gives):
			k.fault(e, "its example gives %s, and not %s: %q", fieldList(got), fieldList(x.Gives), x.Line)
		}
	}
}

// fieldList writes fields as gives does in YAML, in order of their names.
func fieldList(fields map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		list = append(list, fmt.Sprintf("%s: %q", name, fields[name]))
	}
	return "{" + strings.Join(list, ", ") + "}"
}

func (k *checker) beginnings(i int) {
	for _, w := range k.ways[i] {
		if kind := w.parts[0].Kind; kind.Free() && kind != patterns.KindAbsPath {
			k.fault(&k.catalogue.Entries[i], "%q begins with a field of kind %s, and would take what clients write", w.template, kind)
		}
	}
}

// spellings tries every way through the templates of an entry with a sample
// for each field. Of a shipped entry it is a fault only if one of the user's
// takes its message.
func (k *checker) spellings(i int) {
	e := &k.catalogue.Entries[i]
	for _, w := range k.ways[i] {
		text := render(w.parts)
		switch id, _ := k.recognise(e, text); {
		case id == e.ID, i < k.known && !k.own(id), id != "" && k.names(id, e.ID):
		case i < k.known:
			k.fault(k.catalogue.Entry(k.catalogue.Find(id)), "it takes %q, which sshwhy has as %q; make it more literal, or name that under over", text, e.ID)
		case id == "":
			k.fault(e, "%q does not recognise %q", w.template, text)
		default:
			k.fault(e, "%q is taken for %q; make it more literal, or let one name the other under over", text, id)
		}
	}
}

// names tells whether an entry says that it goes before another.
func (k *checker) names(winner, loser string) bool {
	return slices.Contains(k.catalogue.Entry(k.catalogue.Find(winner)).Over, loser)
}

func (k *checker) conflicts() {
	for _, pair := range slices.Concat(k.parser.sshd.conflicts, k.parser.system.conflicts, k.client.conflicts) {
		if first, second := k.catalogue.Entry(pair[0]), k.catalogue.Entry(pair[1]); k.own(second.ID) {
			k.fault(second, "it has a spelling in common with %q, which goes before it", first.ID)
		}
	}
}

// claimants compares the matcher with regular expressions made from the same
// templates: an example that several entries claim must go to the one with
// more literal text, or to the one that names the other.
func (k *checker) claimants() {
	for i := k.known; i < len(k.catalogue.Entries); i++ {
		e := &k.catalogue.Entries[i]
		for _, x := range e.Examples {
			most := k.literal(i, x.Line)
			for j := range k.catalogue.Entries {
				other := &k.catalogue.Entries[j]
				if j == i || other.Group != e.Group || slices.Contains(e.Over, other.ID) {
					continue
				}
				if n := k.literal(j, x.Line); n > most || n == most && n > 0 && !slices.Contains(other.Over, e.ID) {
					k.fault(e, "its example is claimed by %q as well, with as much literal text: %q", other.ID, x.Line)
				}
			}
		}
	}
}

// literal gives the length of the literal text of the way through an entry's
// templates that takes the line, the longest; 0 for none.
func (k *checker) literal(entry int, line string) int {
	most := 0
	for _, w := range k.ways[entry] {
		if !strings.HasPrefix(line, w.parts[0].Literal) {
			continue
		}
		if re, n := oracle(w.parts); n > most && regexp.MustCompile(re).MatchString(line) {
			most = n
		}
	}
	return most
}

// recogniseBy gives the id of the entry that takes a message, "" for none, and
// its fields.
func recogniseBy(p *Parser, m *recogniser, c *patterns.Catalogue, text string) (string, map[string]string) {
	var ev sshwhy.Event
	ev.Reset(&sshwhy.Record{})
	if text == "" || !p.recognise(&ev, m, []byte(text)) {
		return "", nil
	}
	got := map[string]string{}
	for _, f := range ev.Captures() {
		if f.Value != 0 {
			got[f.Field.String()] = c.ConstantName(f.Value)
		} else {
			got[f.Field.String()] = string(ev.Message[f.Start:f.End])
		}
	}
	return c.Entry(ev.Pattern).ID, got
}

// sampleOf is a text of each kind, by which a template is tried.
var sampleOf = [...]string{
	patterns.KindAddr: "192.0.2.7", patterns.KindHost: "host.example.com", patterns.KindPort: "51234", patterns.KindInt: "3",
	patterns.KindHex: "1f", patterns.KindOctal: "600", patterns.KindFloat: "5.000", patterns.KindWord: "word",
	patterns.KindIdent: "ident", patterns.KindMethod: "publickey", patterns.KindKeyType: "ED25519",
	patterns.KindFingerprint: "SHA256:x/EJUbWcanMRIWSYegIJBm2XFGCUYPEzWH9ItZ8JjS8", patterns.KindAlgs: "aes128-cbc,3des-cbc",
	patterns.KindFile: "/etc/ssh/sshd_config", patterns.KindUser: "alice", patterns.KindText: "some text", patterns.KindCertID: "alice@example", patterns.KindAccount: "alice",
	patterns.KindPath: "/home/alice/.ssh/authorized_keys", patterns.KindAbsPath: "/home/alice/.ssh/authorized_keys", patterns.KindReason: "No such file or directory", patterns.KindValue: "value",
}

// oracle gives the regular expression of a variant and the length of its
// literal text.
func oracle(parts []patterns.Part) (string, int) {
	var b strings.Builder
	literal := 0
	b.WriteString(`(?s)^`)
	for _, p := range parts {
		switch {
		case p.Constant != "":
		case p.Literal != "":
			literal += len(p.Literal)
			b.WriteString(regexp.QuoteMeta(p.Literal))
		case p.Kind.Free():
			b.WriteString(`.*`)
		case p.Kind == patterns.KindInt || p.Kind == patterns.KindPort:
			b.WriteString(`-?[0-9]+`)
		case p.Kind == patterns.KindAddr:
			b.WriteString(`([0-9a-fA-F:.]*[:.][0-9a-fA-F:.]*(%\S+)?|UNKNOWN)`)
		case p.Kind == patterns.KindFile:
			b.WriteString(`/\S+`)
		default:
			b.WriteString(`\S+`)
		}
	}
	b.WriteString(`$`)
	return b.String(), literal
}

// render gives a message as a way through a template says, with a sample for
// every field.
func render(parts []patterns.Part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.Constant == "" {
			b.WriteString(p.Literal + sampleOf[p.Kind])
		}
	}
	return b.String()
}
