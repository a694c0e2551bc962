package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/sinks"
)

// lineAccount is what is known of one line. All text of it is printable.
type lineAccount struct {
	Text    string          `json:"text"`
	Line    string          `json:"line"` // parsed, unparsed or skipped
	Form    string          `json:"form"`
	Time    *time.Time      `json:"time,omitempty"`
	Host    string          `json:"host,omitempty"`
	Program string          `json:"program,omitempty"`
	PID     int32           `json:"pid,omitempty"`
	Stage   string          `json:"stage,omitempty"`
	Repeat  int32           `json:"repeat,omitempty"`
	Level   string          `json:"level,omitempty"`
	Message string          `json:"message"`
	Pattern *patternAccount `json:"pattern"` // null where not recognised
	Fields  []fieldAccount  `json:"fields"`
	// Shows are the causes that this line shows by itself.
	Shows []causeTitle `json:"shows"`
	// Alone are the findings of a log that holds this line only, as
	// "replay --output jsonl" writes them.
	Alone []json.RawMessage `json:"alone"`
	// Client is the verdict on an output of ssh that holds this line only,
	// as "client --output json" writes it; absent where ssh writes no such
	// line.
	Client json.RawMessage `json:"client,omitempty"`

	verdicts, clientPage string // the same as text
}

type patternAccount struct {
	ID     string   `json:"id"`
	Says   string   `json:"says,omitempty"`
	Group  string   `json:"group"`
	Levels []string `json:"levels,omitempty"`
	Since  string   `json:"since,omitempty"`
	Until  string   `json:"until,omitempty"`
	Source string   `json:"source,omitempty"`
}

type fieldAccount struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// line writes what a line of a log means.
func (x *explainer) line(text string) error {
	account, err := x.account(text)
	if err != nil {
		return err
	}
	if err := x.asClient(account, text); err != nil {
		return err
	}
	if x.output == "json" {
		return x.json(account)
	}
	x.header(account)
	if account.Pattern == nil {
		x.notRecognised(account)
		return nil
	}
	x.pattern(account)
	if account.Pattern.Group != clientGroup {
		x.evidence(account)
	}
	x.client(account)
	return nil
}

// account parses the line, and classifies it as if the log held no other.
func (x *explainer) account(text string) (*lineAccount, error) {
	messages, err := x.messages()
	if err != nil {
		return nil, err
	}
	options, err := x.parser()
	if err != nil {
		return nil, err
	}
	p, err := parser.New(messages, options)
	if err != nil {
		return nil, err
	}
	record := sshwhy.Record{Text: []byte(text)}
	var ev sshwhy.Event
	p.Parse(&record, &ev)
	a := accountOf(&ev, options.Zone)
	a.Pattern = patternOf(messages.Entry(ev.Pattern))
	if a.Pattern == nil {
		return a, nil
	}
	a.Fields = fieldsOf(&ev, messages)
	a.Shows = x.shows(a)
	return a, x.classify(a, &ev, messages, options.Zone)
}

func accountOf(ev *sshwhy.Event, zone *time.Location) *lineAccount {
	a := &lineAccount{
		Text: printable(ev.Record.Text), Line: ev.Line.String(), Form: ev.Form,
		Host: printable(ev.Host), Program: printable(ev.Ident), PID: ev.PID,
		Stage: [...]string{"", "preauth", "postauth"}[ev.Stage], Level: ev.Level.String(), Message: printable(ev.Message),
		Fields: []fieldAccount{}, Shows: []causeTitle{}, Alone: []json.RawMessage{},
	}
	if ev.Time != 0 {
		t := time.Unix(0, ev.Time).In(zone)
		a.Time = &t
	}
	if ev.Repeat > 1 {
		a.Repeat = ev.Repeat
	}
	return a
}

func patternOf(e *patterns.Entry) *patternAccount {
	if e == nil {
		return nil
	}
	p := &patternAccount{ID: e.ID, Says: e.Says, Group: e.Group, Since: e.Since, Until: e.Until, Source: strings.TrimSpace(e.Source)}
	for _, l := range e.Levels {
		p.Levels = append(p.Levels, l.String())
	}
	return p
}

func fieldsOf(ev *sshwhy.Event, messages *patterns.Catalogue) []fieldAccount {
	fields := []fieldAccount{}
	for _, c := range ev.Captures() {
		value := messages.ConstantName(c.Value)
		if c.Value == 0 {
			value = printable(ev.Message[c.Start:c.End])
		}
		fields = append(fields, fieldAccount{c.Field.String(), value})
	}
	return fields
}

// shows gives the causes that name this event as their proof.
func (x *explainer) shows(a *lineAccount) []causeTitle {
	value := func(name string) (string, bool) {
		i := slices.IndexFunc(a.Fields, func(f fieldAccount) bool { return f.Name == name })
		if i < 0 {
			return "", false
		}
		return a.Fields[i].Value, true
	}
	shown := []causeTitle{}
	for i := range x.causes.Causes {
		c := &x.causes.Causes[i]
		for _, p := range c.Proof {
			if p.Event == a.Pattern.ID && p.Holds(value) {
				title := x.titleOf(c)
				title.Confidence = cmp.Or(p.Confidence, "certain")
				shown = append(shown, title)
			}
		}
	}
	return shown
}

// classify adds the findings of this line alone.
func (x *explainer) classify(a *lineAccount, ev *sshwhy.Event, messages *patterns.Catalogue, zone *time.Location) error {
	c, err := classifier.New(messages, x.causes, classifier.Options{Why: true, Excerpt: true})
	if err != nil {
		return err
	}
	var objects, verdicts bytes.Buffer
	text := bufio.NewWriter(&verdicts)
	both := [...]sshwhy.Sink{
		sinks.NewJSONL(&objects, x.causes, x.language),
		sinks.NewText(text, x.causes, lang.For(x.language), sinks.TextOptions{Why: true, Zone: zone}),
	}
	deliver := func(f *sshwhy.Finding) {
		for _, s := range both {
			if err == nil {
				err = s.Deliver(f)
			}
		}
	}
	c.Classify(ev, deliver)
	c.Close(deliver)
	if err != nil {
		return fmt.Errorf("classifying the line: %w", err)
	}
	text.Flush() // a bytes.Buffer takes everything
	for object := range bytes.Lines(objects.Bytes()) {
		a.Alone = append(a.Alone, json.RawMessage(object))
	}
	a.verdicts = verdicts.String()
	return nil
}

// yearless are the forms of headers whose times have neither year nor zone.
var yearless = []string{"rfc3164", "bsd-facility", "solaris", "aix-forwarded"}

// header tells how the line was read.
func (x *explainer) header(a *lineAccount) {
	x.verbatim(x.words.Line, a.Text)
	x.row(x.words.ReadAs, cmp.Or(x.words.Forms[a.Form], a.Form))
	switch {
	case a.Time != nil && slices.Contains(yearless, a.Form):
		x.row(x.words.Time, a.Time.Format(time.RFC3339Nano)+"  ("+x.words.NoYear+")")
	case a.Time != nil:
		x.row(x.words.Time, a.Time.Format(time.RFC3339Nano))
	case a.Form != "bare":
		x.row(x.words.Time, x.words.NoTime)
	}
	if a.Host != "" {
		x.verbatim(x.words.Host, a.Host)
	}
	if a.Program != "" {
		x.verbatim(x.words.Program, a.Program)
	}
	if a.PID != 0 {
		x.verbatim("pid", fmt.Sprint(a.PID))
	}
	if a.Stage != "" {
		x.verbatim(x.words.Stage, a.Stage)
	}
	if a.Repeat > 1 {
		x.verbatim(x.words.Repeated, fmt.Sprintf("%d×", a.Repeat))
	}
	if a.Message != "" && a.Message != a.Text {
		x.verbatim(x.words.Message, a.Message)
	}
	fmt.Fprintln(x.out)
}

// notRecognised says why nothing more is known of a line.
func (x *explainer) notRecognised(a *lineAccount) {
	switch {
	case a.Line == sshwhy.LineUnparsed.String():
		fmt.Fprintln(x.out, x.words.Unparsed)
	case a.Program != "":
		fmt.Fprintln(x.out, x.words.Skipped)
	default:
		fmt.Fprintln(x.out, x.words.NotKnown)
	}
}

// pattern tells what the line says, and who writes it.
func (x *explainer) pattern(a *lineAccount) {
	p := a.Pattern
	x.row(x.words.Pattern, p.ID+": "+cmp.Or(p.Says, x.words.Machinery))
	if len(p.Levels) > 0 {
		x.row(x.words.Level, strings.ToUpper(strings.Join(p.Levels, ", ")))
	}
	if releases := x.headings.Releases(p.Since, p.Until); releases != "" && p.Group == "sshd" {
		x.row(x.words.Writes, releases)
	}
	if p.Source != "" {
		x.row(x.words.Source, p.Source)
	}
	label := x.words.Fields
	for _, f := range a.Fields {
		x.verbatim(label, fmt.Sprintf("%-10s %s", f.Name, f.Value))
		label = ""
	}
	fmt.Fprintln(x.out)
}

// evidence tells what the line shows by itself, and what a log that held no
// other would be said to mean.
func (x *explainer) evidence(a *lineAccount) {
	label := x.words.ShowsCause
	for _, s := range a.Shows {
		confidence := lang.For(x.language).Confidence(confidenceNamed(s.Confidence))
		x.row(label, s.ID+" ("+confidence+"): "+s.Title)
		label = ""
	}
	if len(a.Shows) == 0 {
		x.row(label, x.words.NoCause)
	}
	fmt.Fprintf(x.out, "\n%s\n%s", x.words.Alone, cmp.Or(a.verdicts, x.words.NoVerdict+"\n"))
}

func confidenceNamed(word string) sshwhy.Confidence {
	for _, c := range []sshwhy.Confidence{sshwhy.ConfidenceCertain, sshwhy.ConfidenceLikely, sshwhy.ConfidenceUndetermined} {
		if c.String() == word {
			return c
		}
	}
	return sshwhy.ConfidenceNone
}

func printable(text []byte) string { return string(sshwhy.AppendPrintable(nil, text)) }
