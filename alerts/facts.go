package alerts

import (
	"net/netip"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// Facts is what an expression can ask of a finding or a notice. The names in
// the tags are those of the language of rules.
type Facts struct {
	Outcome    string `expr:"outcome"`
	Cause      string `expr:"cause"`      // an id of the catalogue, "" for none
	Confidence string `expr:"confidence"` // "", undetermined, likely, certain
	Phase      string `expr:"phase"`      // of the cause
	// Candidates and Remarks are ids of causes.
	Candidates []string `expr:"candidates"`
	Remarks    []string `expr:"remarks"`
	User       string   `expr:"user"`
	// Source is the client's address, Network the /24 or /64 around it, Port
	// its port. Private tells an address of a private network (RFC 1918,
	// RFC 4193) or of this host.
	Source      string `expr:"source"`
	Network     string `expr:"network"`
	Port        int    `expr:"port"`
	Private     bool   `expr:"private"`
	Host        string `expr:"host"`
	Method      string `expr:"method"`
	KeyType     string `expr:"key_type"`
	Fingerprint string `expr:"fingerprint"`
	Revision    int    `expr:"revision"`
	// KnownUser tells that the user has logged in before; KnownSource that
	// someone has from this network; NewSource that the user has logged in
	// before, and never from this network.
	KnownUser   bool `expr:"known_user"`
	KnownSource bool `expr:"known_source"`
	NewSource   bool `expr:"new_source"`
	// Ours tells that the login was most likely tried by one of our people,
	// and not by a stranger who guesses names: see Alerter.ours.
	Ours bool `expr:"ours"`
	// Notice is the code of a notice, "" for findings; Lost the number of
	// lines that may be lost.
	Notice string `expr:"notice"`
	Lost   int64  `expr:"lost"`
}

// factsOf fills the facts of a finding but for what the alerter remembers.
func factsOf(c *causes.Catalogue, f *sshwhy.Finding) Facts {
	facts := Facts{
		Outcome: f.Outcome.String(), Cause: c.ID(f.Cause), Confidence: f.Confidence.String(),
		User: string(sshwhy.Unescape(nil, f.User)), Source: string(f.Address), Port: f.Port, Host: string(f.Host),
		Method: string(f.Method), KeyType: string(f.KeyType), Fingerprint: string(f.Fingerprint), Revision: f.Revision,
	}
	if cause := c.Cause(f.Cause); cause != nil {
		facts.Phase = cause.Phase
	}
	for _, id := range f.Candidates {
		facts.Candidates = append(facts.Candidates, c.ID(id))
	}
	for _, id := range f.Remarks {
		facts.Remarks = append(facts.Remarks, c.ID(id))
	}
	facts.Network, facts.Private = networkOf(facts.Source)
	return facts
}

// networkOf gives the network that an address is counted with: what one
// customer of a provider usually has. A name is its own network.
func networkOf(address string) (network string, private bool) {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address, false
	}
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return address, false
	}
	return p.String(), a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
}

// property gives the text of a fact that alerts are made by.
func (f *Facts) property(name string) string {
	switch name {
	case "user":
		return f.User
	case "source":
		return f.Source
	case "network":
		return f.Network
	case "host":
		return f.Host
	case "cause":
		return f.Cause
	case "outcome":
		return f.Outcome
	case "method":
		return f.Method
	case "phase":
		return f.Phase
	case "notice":
		return f.Notice
	}
	return ""
}

// shared gives the facts of a list of names.
func (f *Facts) shared(names []string) []sshwhy.Shared {
	var list []sshwhy.Shared
	for _, name := range names {
		list = append(list, sshwhy.Shared{Name: name, Value: f.property(name)})
	}
	return list
}
