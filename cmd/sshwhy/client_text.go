package main

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier/client"
	"github.com/sshwhy/sshwhy/lang"
)

// clientPage writes verdicts on runs of ssh.
type clientPage struct {
	out     *bufio.Writer
	causes  *causes.Catalogue
	general *lang.Words
	words   *lang.Client
	zone    *time.Location
	color   bool
	width   int // of the terminal; 0 leaves long lines alone
	count   int
}

func newClientPage(out *bufio.Writer, catalogue *causes.Catalogue, language causes.Language, zone *time.Location, color bool, width int) *clientPage {
	return &clientPage{out: out, causes: catalogue, general: lang.For(language), words: lang.ClientIn(language), zone: zone, color: color, width: width}
}

const (
	// clientIndent stands in front of what follows a headline, clientLabel
	// is the width of labels there.
	clientIndent = "          "
	clientLabel  = 16
	// clientCandidates is how many candidates a verdict names before "and
	// N more".
	clientCandidates = 6
)

// text writes one verdict for people.
func (p *clientPage) text(t *trace, server *serverSide) {
	if p.count++; p.count > 1 {
		fmt.Fprintln(p.out)
	}
	p.headline(t, server)
	cause := p.causes.Cause(p.decided(t, server))
	if cause != nil {
		p.prose(cause.Reason(p.general.Language, p.values(t, server)))
	}
	if t.Debug {
		p.steps(t)
	}
	p.takes(t)
	p.keys(t)
	p.server(server)
	p.candidates(t, server)
	if len(t.Remarks) > 0 {
		p.row(p.words.AsWell, p.titles(t.Remarks))
	}
	p.notes(t)
	if cause != nil {
		p.remedy(cause.Steps(p.general.Language, p.values(t, server)))
	}
	if t.Decisive >= 0 {
		p.verbatim(p.general.Line, sshwhy.Printable(t.Evidence[t.Decisive]))
	}
}

// decided gives the cause that both sides together name.
func (p *clientPage) decided(t *trace, server *serverSide) sshwhy.CauseID {
	if server.names() {
		return server.finding.Cause
	}
	return t.Cause
}

// confidence is that of the cause that was decided on.
func (p *clientPage) confidence(t *trace, server *serverSide) sshwhy.Confidence {
	if !server.names() {
		return t.Confidence
	}
	if server.several > 1 || server.nearest {
		return min(server.finding.Confidence, sshwhy.ConfidenceLikely)
	}
	return server.finding.Confidence
}

// side is where the cause that was decided on lies.
func (p *clientPage) side(t *trace, server *serverSide) client.Side {
	if server.names() {
		switch p.causes.Cause(server.finding.Cause).Remedy[0].Where {
		case "client":
			return client.SideClient
		default:
			return client.SideServer
		}
	}
	return t.Side
}

// values gives the facts of the side that names the cause, and those of the
// other for what it lacks.
func (p *clientPage) values(t *trace, server *serverSide) causes.Values {
	if !server.names() {
		return t.Value
	}
	return func(f sshwhy.Field) string {
		if v := server.finding.Value(f); v != "" || f == sshwhy.FieldHost || f == sshwhy.FieldAddr || f == sshwhy.FieldPort {
			return v
		}
		return t.Value(f)
	}
}

func (p *clientPage) headline(t *trace, server *serverSide) {
	cause := p.causes.Cause(p.decided(t, server))
	mark, color := "✗", "31"
	switch {
	case cause == nil && t.Side == client.SideNone:
		mark, color = "✓", "32"
	case cause == nil || p.confidence(t, server) == sshwhy.ConfidenceUndetermined:
		mark, color = "?", "33"
	case t.Outcome == sshwhy.OutcomeAccepted:
		mark, color = "!", "33"
	}
	p.paint(color, mark)
	who := p.who(t)
	fmt.Fprintf(p.out, " %s%s", who, strings.Repeat(" ", max(2, 40-lang.Width(who))))
	switch {
	case cause != nil:
		said := cause.ID + " (" + p.general.Confidence(p.confidence(t, server)) + ")"
		fmt.Fprintf(p.out, p.words.OnSide, said, p.words.Steps[t.Step.String()], p.words.Sides[p.side(t, server).String()])
	case t.Side == client.SideNone:
		fmt.Fprint(p.out, p.words.LoggedIn)
	default:
		fmt.Fprint(p.out, p.words.Unknown)
	}
	fmt.Fprintln(p.out)
	if t.of > 1 {
		p.prose(fmt.Sprintf(p.words.Run, t.number, t.of))
	}
}

// who names user and server, as far as the output does.
func (p *clientPage) who(t *trace) string {
	host := sshwhy.Printable(t.Host)
	if host == "" {
		host = sshwhy.Printable(t.Address)
	}
	if host == "" {
		host = p.words.SomeServer
	}
	if t.User == "" {
		return host
	}
	return fmt.Sprintf(p.words.UserAt, sshwhy.Printable(t.User), host)
}

// steps writes the way that ssh went.
func (p *clientPage) steps(t *trace) {
	for s := client.StepSetup; s < client.Steps; s++ {
		mark, color := "·", "2"
		switch {
		case s == t.Step && t.Side == client.SideNone, s < t.Step && t.Shown[s], s == client.StepSession && t.Step == s && t.Cause == 0:
			mark, color = "✓", "32"
		case s == t.Step && t.Confidence == sshwhy.ConfidenceNone:
			mark, color = "?", "33"
		case s == t.Step:
			mark, color = "✗", "31"
		}
		fmt.Fprint(p.out, clientIndent[:8])
		p.paint(color, mark)
		fmt.Fprint(p.out, " ")
		label := p.words.Steps[s.String()]
		detail := ""
		if s <= t.Step {
			detail = p.detail(t, s)
		}
		if detail == "" {
			fmt.Fprintln(p.out, label)
			continue
		}
		fmt.Fprintf(p.out, "%s%s%s\n", label, strings.Repeat(" ", max(1, clientLabel-lang.Width(label))), detail)
	}
}

// detail says what was seen at a step.
func (p *clientPage) detail(t *trace, s client.Step) string {
	text := ""
	switch s {
	case client.StepSetup:
		text = t.Client
	case client.StepResolve:
		text = t.Host
		if t.Address != "" && t.Address != t.Host {
			text += " = " + t.Address
		}
	case client.StepConnect:
		text = p.connection(t)
	case client.StepBanner:
		text = t.Server
	case client.StepKeyExchange:
		text = strings.Trim(t.KeyExchange+", "+t.Cipher, ", ")
	case client.StepHostKey:
		text = t.HostKey
		if t.KnownIn != "" {
			text += ", " + fmt.Sprintf(p.words.KnownIn, t.KnownIn)
		}
	case client.StepAuth:
		if len(t.MethodsTried) > 0 {
			text = fmt.Sprintf(p.words.TriedMethods, strings.Join(t.MethodsTried, ", "))
		} else if len(t.Methods) > 0 {
			text = p.words.NothingTried
		}
	}
	return sshwhy.Printable(text)
}

// connection tells of the addresses, or of the program in their place.
func (p *clientPage) connection(t *trace) string {
	if t.Proxy != "" && !t.Hop {
		return fmt.Sprintf(p.words.Through, t.Proxy)
	}
	var parts []string
	for _, a := range t.Tried {
		parts = append(parts, fmt.Sprintf(p.words.FailedAddress, a.Address, a.Port, a.Reason))
	}
	if t.Step > client.StepConnect || len(parts) == 0 {
		if t.Address != "" {
			parts = append(parts, fmt.Sprintf(p.words.Port, t.Address, t.Port))
		}
	}
	return strings.Join(parts, " · ")
}

// takes says what the list in brackets means.
func (p *clientPage) takes(t *trace) {
	if t.Step != client.StepAuth || len(t.Methods) == 0 {
		return
	}
	var parts []string
	for _, m := range t.Methods {
		text := sshwhy.Printable(m)
		if meaning := p.words.Methods[m]; meaning != "" {
			text += " (" + meaning + ")"
		}
		parts = append(parts, text)
	}
	p.row(p.words.Takes, strings.Join(parts, ", "))
}

// keys lists the keys that ssh had.
func (p *clientPage) keys(t *trace) {
	if !t.Debug || t.Step != client.StepAuth {
		return
	}
	label, unused := p.words.Keys, 0
	for i := range t.Identities {
		id := &t.Identities[i]
		if id.Fate == client.FateUnused && id.Type == "" {
			unused++
			continue
		}
		p.row(label, sshwhy.Printable(p.key(id)))
		label = ""
	}
	if label != "" && unused > 0 {
		p.row(label, p.words.DefaultKeys)
	}
	if t.Agent != "" {
		p.row(p.words.Agent, p.agent(t.Agent))
	}
}

func (p *clientPage) agent(state string) string {
	if strings.Trim(state, "0123456789") == "" {
		return fmt.Sprintf(p.words.AgentKeys, state)
	}
	return sshwhy.Printable(state)
}

func (p *clientPage) key(id *client.Identity) string {
	parts := []string{id.Path}
	for _, s := range []string{id.Type, id.Fingerprint} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	text := strings.Join(parts, " ") + " (" + p.words.From[id.From]
	if id.Explicit {
		text += ", " + p.words.Named
	}
	text += "): " + p.words.Fates[id.Fate.String()]
	if id.Reason != "" {
		text += ", " + id.Reason
	}
	return text
}

// server tells what the server's log adds.
func (p *clientPage) server(s *serverSide) {
	if s == nil {
		return
	}
	label := p.words.ServerLog
	switch {
	case s.finding == nil && s.never:
		p.row(label, p.words.NeverSeen)
		return
	case s.finding == nil:
		p.row(label, p.words.NotInLog)
		return
	case s.names():
		p.row(label, p.when(s)+p.words.BothSides)
	case s.finding.Outcome == sshwhy.OutcomeAccepted && s.finding.Cause == 0:
		p.row(label, p.when(s)+p.general.Outcome(s.finding.Outcome))
	default:
		p.row(label, p.when(s)+p.words.LogUnsure)
	}
	switch {
	case s.nearest:
		p.row("", p.words.Nearest)
	case s.several > 1:
		p.row("", fmt.Sprintf(p.words.Several, s.several))
	}
	if line := s.line(); line != "" {
		p.verbatim("", sshwhy.Printable(line))
	}
}

func (p *clientPage) when(s *serverSide) string {
	if s.finding.End == 0 {
		return ""
	}
	return time.Unix(0, s.finding.End).In(p.zone).Format(time.DateTime) + "  "
}

// candidates lists what can be behind the cause.
func (p *clientPage) candidates(t *trace, server *serverSide) {
	ids := server.narrow(t.Candidates)
	if server.names() || len(ids) == 0 {
		return
	}
	label := p.words.Behind
	if t.Confidence == sshwhy.ConfidenceUndetermined {
		label = p.words.CouldBe
	}
	p.row(label, p.titles(ids))
}

func (p *clientPage) titles(ids []sshwhy.CauseID) string {
	var parts []string
	for _, id := range ids[:min(len(ids), clientCandidates)] {
		parts = append(parts, p.causes.Cause(id).Texts[p.general.Language].Title)
	}
	if more := len(ids) - clientCandidates; more > 0 {
		parts = append(parts, p.general.More(more))
	}
	return strings.Join(parts, " · ")
}

func (p *clientPage) notes(t *trace) {
	if t.Hop {
		p.row(p.words.Note, p.words.AtHop)
	}
	if t.Doubts {
		p.row(p.words.Note, p.words.Doubts)
	}
	if !t.Debug && t.Confidence != sshwhy.ConfidenceNone && t.Step == client.StepAuth {
		p.row(p.words.Note, p.words.Alone)
	}
}

// remedy writes the steps: what for, and below it the command on a line of its
// own, so that it can be copied.
func (p *clientPage) remedy(steps []causes.Action) {
	label := p.general.Fix
	for i := range steps {
		a := &steps[i]
		do := "[" + p.general.Where(a.Where) + "] " + a.Do
		if a.Run != "" {
			do = strings.TrimRight(do, ".。:：") + ":"
		}
		p.row(label, do)
		if a.Warning != "" {
			p.row("", "! "+a.Warning)
		}
		if a.Run != "" {
			p.verbatim("", "  "+a.Run)
		}
		label = ""
	}
}

func (p *clientPage) prose(text string) {
	for _, line := range lang.Wrap(text, p.width-len(clientIndent)) {
		fmt.Fprintf(p.out, "%s%s\n", clientIndent, line)
	}
}

func (p *clientPage) row(label, text string) {
	for _, line := range lang.Wrap(text, p.width-len(clientIndent)-clientLabel) {
		p.verbatim(label, line)
		label = ""
	}
}

func (p *clientPage) verbatim(label, text string) {
	fmt.Fprint(p.out, clientIndent)
	if label != "" {
		p.paint("2", label)
	}
	fmt.Fprintf(p.out, "%s%s\n", strings.Repeat(" ", max(1, clientLabel-lang.Width(label))), text)
}

func (p *clientPage) paint(color, text string) {
	if p.color {
		text = "\x1b[" + color + "m" + text + "\x1b[0m"
	}
	fmt.Fprint(p.out, text)
}
