package main

import (
	"bufio"
	"bytes"
	"fmt"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier/client"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/parser"
)

// clientGroup is the folder of the messages that ssh writes.
const clientGroup = "client"

// asClient adds to the account of a line without a header what it means where
// ssh, the client, wrote it. Where sshd writes no such line that is all there
// is to say.
func (x *explainer) asClient(a *lineAccount, text string) error {
	if a.Program != "" || a.Time != nil || a.Host != "" {
		return nil
	}
	messages, err := x.messages()
	if err != nil {
		return err
	}
	p, err := parser.NewClient(messages)
	if err != nil {
		return err
	}
	var ev sshwhy.Event
	p.Parse(&sshwhy.Record{Text: []byte(text)}, &ev)
	if ev.Line != sshwhy.LineParsed {
		return nil
	}
	if a.Pattern == nil {
		a.Line, a.Level, a.Message = ev.Line.String(), ev.Level.String(), printable(ev.Message)
		a.Pattern, a.Fields = patternOf(messages.Entry(ev.Pattern)), fieldsOf(&ev, messages)
		a.Shows = x.shows(a)
	}
	return x.clientVerdict(a, &ev)
}

// clientVerdict adds the verdict on an output that holds this line only.
func (x *explainer) clientVerdict(a *lineAccount, ev *sshwhy.Event) error {
	runs, err := client.New(x.causes)
	if err != nil {
		return err
	}
	options, err := x.parser()
	if err != nil {
		return err
	}
	runs.Read(ev)
	for _, v := range runs.Verdicts() {
		if v.Cause == 0 {
			continue
		}
		var objects, page bytes.Buffer
		t := &trace{Verdict: v, source: "-", number: 1, of: 1}
		object, text := bufio.NewWriter(&objects), bufio.NewWriter(&page)
		if err := newClientPage(object, x.causes, x.language, options.Zone, false, 0).json(t, nil); err != nil {
			return err
		}
		newClientPage(text, x.causes, x.language, options.Zone, false, pageWidth).text(t, nil)
		if err := object.Flush(); err != nil {
			return err
		}
		if err := text.Flush(); err != nil {
			return err
		}
		a.Client, a.clientPage = bytes.TrimSpace(objects.Bytes()), page.String()
	}
	return nil
}

// client writes what a line means where ssh wrote it.
func (x *explainer) client(a *lineAccount) {
	if a.clientPage == "" {
		return
	}
	if a.Pattern.Group != clientGroup {
		fmt.Fprintln(x.out)
	}
	fmt.Fprintf(x.out, "%s\n%s", lang.ClientIn(x.language).FromSSH, a.clientPage)
}
