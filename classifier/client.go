package classifier

import (
	"fmt"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// ClientStep is a step on the way from the command "ssh" to a session.
type ClientStep uint8

// The steps in their order.
const (
	ClientSetup       ClientStep = iota // command line and configuration
	ClientResolve                       // the server's name becomes an address
	ClientConnect                       // TCP, or the program that stands for it
	ClientBanner                        // each side says who it is
	ClientKeyExchange                   // both agree on algorithms and a key
	ClientHostKey                       // is it the right server?
	ClientAuth                          // the user proves who he or she is
	ClientSession                       // what the login was for
	ClientSteps                         // how many there are
)

var clientStepNames = [...]string{"setup", "resolve", "connect", "banner", "kex", "host-key", "authentication", "session", ""}

// String gives the word of the output contract.
func (s ClientStep) String() string { return clientStepNames[s] }

// ClientSide is where the reason lies.
type ClientSide uint8

// The sides. SideUnknown goes with outputs that tell nothing, SideNone with
// logins that succeeded.
const (
	SideNone ClientSide = iota
	SideUnknown
	SideClient
	SideServer
	SideNetwork
)

var clientSideNames = [...]string{"", "unknown", "client", "server", "network"}

// String gives the word of the output contract.
func (s ClientSide) String() string { return clientSideNames[s] }

// ClientVerdict is what the output of one run of ssh tells. It owns all that
// it holds.
type ClientVerdict struct {
	// Step is the one at which the run ended; those before it succeeded,
	// as far as the output shows (Shown).
	Step ClientStep
	// Shown tells for each step whether the output shows that it
	// succeeded: with -v all do, and a bare message shows none.
	Shown [ClientSteps]bool
	Side  ClientSide
	// Outcome is accepted, refused (the login), or disconnected; none
	// where no connection came about.
	Outcome sshwhy.Outcome
	// Cause is 0 where the login succeeded and nothing went wrong, or where
	// the output tells nothing.
	Cause      sshwhy.CauseID
	Confidence sshwhy.Confidence
	// Candidates are what can be behind the cause on the side that ssh
	// does not see, or where the cause is undetermined what it can be;
	// likeliest first.
	Candidates []sshwhy.CauseID
	// Remarks are causes that showed and did not decide.
	Remarks []sshwhy.CauseID
	// Values are the facts for the sentence and the remedy.
	Values []sshwhy.Value

	// Client and Server are the versions of both, as each wrote it.
	Client, Server string
	// Host is the server as it was named, Address and Port the ones that
	// ssh connected to or tried last; empty where the output does not say.
	Host, Address, Port string
	User                string
	// Tried are the addresses that could not be reached, with errno's words.
	Tried []ClientAddress
	// Proxy is the command that stands for the TCP connection, "" for none.
	Proxy string
	// Hop tells that the run ended on the way, at the jump host named Host.
	Hop bool
	// KeyExchange and Cipher are the algorithms, HostKey the type and
	// fingerprint of the server's key, KnownIn where it stands.
	KeyExchange, Cipher, HostKey, KnownIn string
	// Methods are those that the server takes, in its order; the list in
	// brackets behind "Permission denied". MethodsTried are those that ssh
	// tried, in their order.
	Methods, MethodsTried []string
	Identities            []ClientIdentity
	// Agent says how it stands with the agent: how many keys it has, or why
	// it cannot be asked; "" where the output does not tell.
	Agent string
	// Debug tells whether the output is that of -v; without it messages
	// stand alone.
	Debug bool
	// Doubts tells that the output contradicts itself, as text of the
	// server's that imitates ssh does.
	Doubts bool
	// Evidence are the lines that count, in their order, at most
	// maxClientEvidence; Decisive is the index of the one that decided, -1
	// for none.
	Evidence []string
	Decisive int
}

// ClientAddress is an address that ssh tried.
type ClientAddress struct {
	Address, Port, Reason string
}

// ClientIdentity is a key that ssh could offer.
type ClientIdentity struct {
	// Path is the file, or the agent's name for the key.
	Path              string
	Type, Fingerprint string
	// From is where it is from: "file", "agent", "token" (PKCS#11) or
	// "authenticator" (FIDO). Explicit tells that the command line or the
	// configuration names it.
	From     string
	Explicit bool
	Fate     ClientFate
	// Reason says why ssh could not use it, "" otherwise.
	Reason string
}

// ClientFate is what became of a key.
type ClientFate uint8

// The fates of keys.
const (
	FateUnused   ClientFate = iota
	FateOffered             // and not answered
	FateRefused             // by the server
	FateAccepted            // the server knows it
	FateUnusable            // ssh could not read it or sign with it
	FateSkipped             // ssh left it out
)

var clientFateNames = [...]string{"unused", "offered", "refused", "accepted", "unusable", "skipped"}

// String gives the word of the output contract.
func (f ClientFate) String() string { return clientFateNames[f] }

// Value gives a fact for a sentence or a remedy, "" where the output does not
// tell it.
func (v *ClientVerdict) Value(field sshwhy.Field) string {
	for i := range v.Values {
		if v.Values[i].Field == field {
			return v.Values[i].Text
		}
	}
	switch field {
	case sshwhy.FieldHost:
		return v.Host
	case sshwhy.FieldAddr:
		return v.Address
	case sshwhy.FieldPort:
		return v.Port
	case sshwhy.FieldUser:
		return v.User
	}
	return ""
}

const (
	// maxClientEvidence bounds the lines that a verdict keeps,
	// maxClientLine their length in bytes.
	maxClientEvidence = 64
	maxClientLine     = 1 << 10
	// maxClientList bounds every list that the output fills.
	maxClientList = 64
	// maxClientRuns bounds the runs of ssh in one input.
	maxClientRuns = 1000
)

// Client reads the output of ssh, line by line, and says of each run at which
// step it ended, and why. It is for one input and one goroutine.
//
// A server can put text of its own among ssh's lines: with a banner, a
// disconnect message, a prompt, and as the output of a command. None of it
// moves a run back to a step that lines of debugging have shown to be done,
// nothing counts behind a disconnect message, and what ends a run counts only
// where no line of debugging follows. docs/client.md has the rules.
type Client struct {
	known  *clientCauses
	done   []*clientRun
	run    *clientRun
	header string // of the first run
}

// NewClient makes a reader with the catalogue of causes, which must not change
// afterwards.
func NewClient(c *causes.Catalogue) (*Client, error) {
	known, err := knownClientCauses(c)
	if err != nil {
		return nil, fmt.Errorf("making the reader of ssh's output: %w", err)
	}
	return &Client{known: known, run: &clientRun{}}, nil
}

// Read takes the next line. What ev holds is copied.
func (c *Client) Read(ev *sshwhy.Event) {
	if c.begins(ev) {
		c.done = append(c.done, c.run)
		c.run = &clientRun{}
	}
	c.run.read(ev)
}

// Verdicts gives one verdict for each run that said something, in their order.
func (c *Client) Verdicts() []*ClientVerdict {
	var all []*ClientVerdict
	for _, r := range append(c.done[:len(c.done):len(c.done)], c.run) {
		if r.lines > 0 {
			all = append(all, c.known.verdict(r))
		}
	}
	return all
}
