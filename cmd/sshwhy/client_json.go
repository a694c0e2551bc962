package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier/client"
	"github.com/sshwhy/sshwhy/sinks"
)

// clientObject is a verdict for programs; docs/client.md describes it. Names
// are those of the Elastic Common Schema where it has one. All text is
// printable.
type clientObject struct {
	Event       clientEvent        `json:"event"`
	User        *clientName        `json:"user,omitempty"`
	Destination *clientDestination `json:"destination,omitempty"`
	Log         clientLog          `json:"log"`
	Sshwhy      clientDetails      `json:"sshwhy"`
}

type clientEvent struct {
	Kind    string `json:"kind"`
	Action  string `json:"action"`
	Outcome string `json:"outcome"`
	Code    string `json:"code,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

type clientName struct {
	Name string `json:"name"`
}

type clientDestination struct {
	Address string `json:"address,omitempty"`
	IP      string `json:"ip,omitempty"`
	Port    int    `json:"port,omitempty"`
}

type clientLog struct {
	File struct {
		Path string `json:"path"`
	} `json:"file"`
}

type clientDetails struct {
	Step       string           `json:"step"`
	Passed     []string         `json:"passed"`
	Side       string           `json:"side,omitempty"`
	Outcome    string           `json:"outcome,omitempty"`
	Phase      string           `json:"phase,omitempty"`
	Confidence string           `json:"confidence,omitempty"`
	Candidates []string         `json:"candidates"`
	Remarks    []string         `json:"remarks,omitempty"`
	Methods    []string         `json:"methods,omitempty"`
	Tried      []string         `json:"methods_tried,omitempty"`
	Keys       []clientKey      `json:"keys,omitempty"`
	Agent      string           `json:"agent,omitempty"`
	Addresses  []clientTried    `json:"addresses,omitempty"`
	Proxy      string           `json:"proxy,omitempty"`
	Hop        bool             `json:"hop,omitempty"`
	HostKey    string           `json:"host_key,omitempty"`
	Client     string           `json:"client_version,omitempty"`
	Server     string           `json:"server_version,omitempty"`
	Debug      bool             `json:"debug"`
	Doubts     bool             `json:"doubts,omitempty"`
	Remedy     []step           `json:"remedy,omitempty"`
	Evidence   []string         `json:"evidence"`
	ServerLog  *clientServerLog `json:"server_log,omitempty"`
}

type clientKey struct {
	Path        string `json:"path"`
	Type        string `json:"type,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	From        string `json:"from"`
	Explicit    bool   `json:"explicit,omitempty"`
	Fate        string `json:"fate"`
	Reason      string `json:"reason,omitempty"`
}

type clientTried struct {
	IP     string `json:"ip"`
	Port   string `json:"port"`
	Reason string `json:"reason"`
}

type clientServerLog struct {
	// Found is false where the log has no connection that fits.
	Found   bool            `json:"found"`
	Never   bool            `json:"never_seen,omitempty"`
	Several int             `json:"several,omitempty"`
	Nearest bool            `json:"nearest,omitempty"`
	Finding json.RawMessage `json:"finding,omitempty"`
}

// json writes one verdict as an object on a line of its own.
func (p *clientPage) json(t *trace, server *serverSide) error {
	o := clientObject{Event: p.event(t, server), Sshwhy: p.details(t, server)}
	o.Log.File.Path = sshwhy.Printable(t.source)
	if t.User != "" {
		o.User = &clientName{sshwhy.Printable(t.User)}
	}
	if t.Host != "" || t.Address != "" {
		port, _ := strconv.Atoi(t.Port)
		o.Destination = &clientDestination{sshwhy.Printable(cmp.Or(t.Host, t.Address)), sshwhy.Printable(t.Address), port}
	}
	log, err := p.serverLog(server)
	if err != nil {
		return err
	}
	o.Sshwhy.ServerLog = log
	text, err := json.Marshal(o)
	if err != nil {
		return writing(err)
	}
	if _, err := p.out.Write(append(text, '\n')); err != nil {
		return writing(err)
	}
	return nil
}

func (p *clientPage) event(t *trace, server *serverSide) clientEvent {
	e := clientEvent{Kind: "event", Action: "ssh-client", Outcome: "failure"}
	cause := p.causes.Cause(p.decided(t, server))
	switch {
	case cause != nil:
		e.Code, e.Reason = cause.ID, cause.Reason(p.general.Language, p.values(t, server))
		if t.Outcome == sshwhy.OutcomeAccepted {
			e.Outcome = "success"
		}
	case t.Side == client.SideNone:
		e.Outcome = "success"
	default:
		e.Outcome = "unknown"
	}
	return e
}

func (p *clientPage) details(t *trace, server *serverSide) clientDetails {
	d := clientDetails{
		Step: t.Step.String(), Passed: []string{}, Side: p.side(t, server).String(), Outcome: t.Outcome.String(), Confidence: p.confidence(t, server).String(),
		Candidates: []string{}, Methods: printableAll(t.Methods), Tried: printableAll(t.MethodsTried), Agent: sshwhy.Printable(t.Agent),
		Proxy: sshwhy.Printable(t.Proxy), Hop: t.Hop, HostKey: sshwhy.Printable(t.HostKey), Client: sshwhy.Printable(t.Client), Server: sshwhy.Printable(t.Server),
		Debug: t.Debug, Doubts: t.Doubts, Evidence: printableAll(t.Evidence),
	}
	for s := client.StepSetup; s < t.Step; s++ {
		if t.Shown[s] {
			d.Passed = append(d.Passed, s.String())
		}
	}
	if !server.names() {
		d.Candidates = p.ids(server.narrow(t.Candidates))
	}
	if len(t.Remarks) > 0 {
		d.Remarks = p.ids(t.Remarks)
	}
	for _, a := range t.Verdict.Tried {
		d.Addresses = append(d.Addresses, clientTried{sshwhy.Printable(a.Address), sshwhy.Printable(a.Port), sshwhy.Printable(a.Reason)})
	}
	for i := range t.Identities {
		id := &t.Identities[i]
		d.Keys = append(d.Keys, clientKey{sshwhy.Printable(id.Path), sshwhy.Printable(id.Type), sshwhy.Printable(id.Fingerprint), id.From, id.Explicit, id.Fate.String(), sshwhy.Printable(id.Reason)})
	}
	if cause := p.causes.Cause(p.decided(t, server)); cause != nil {
		d.Phase = cause.Phase
		for _, a := range cause.Steps(p.general.Language, p.values(t, server)) {
			d.Remedy = append(d.Remedy, step{a.Where, a.Do, a.Run, a.Warning})
		}
	}
	return d
}

// serverLog gives the finding as replay writes it.
func (p *clientPage) serverLog(server *serverSide) (*clientServerLog, error) {
	if server == nil {
		return nil, nil
	}
	l := &clientServerLog{Found: server.finding != nil, Never: server.never, Several: server.several, Nearest: server.nearest}
	if server.finding == nil {
		return l, nil
	}
	var object bytes.Buffer
	if err := sinks.NewJSONL(&object, p.causes, p.general.Language).Deliver(server.finding); err != nil {
		return nil, writing(err)
	}
	l.Finding = bytes.TrimSpace(object.Bytes())
	return l, nil
}

func (p *clientPage) ids(list []sshwhy.CauseID) []string {
	names := make([]string, len(list))
	for i, id := range list {
		names[i] = p.causes.ID(id)
	}
	return names
}

func printableAll(list []string) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = sshwhy.Printable(s)
	}
	return all
}
