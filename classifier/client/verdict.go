package client

import "github.com/sshwhy/sshwhy"

// Step is a step on the way from the command "ssh" to a session.
type Step uint8

// The steps in their order.
const (
	StepSetup       Step = iota // command line and configuration
	StepResolve                 // the server's name becomes an address
	StepConnect                 // TCP, or the program that stands for it
	StepBanner                  // each side says who it is
	StepKeyExchange             // both agree on algorithms and a key
	StepHostKey                 // is it the right server?
	StepAuth                    // the user proves who he or she is
	StepSession                 // what the login was for
	Steps                       // how many there are
)

var stepNames = [...]string{"setup", "resolve", "connect", "banner", "kex", "host-key", "authentication", "session", ""}

// String gives the word of the output contract.
func (s Step) String() string { return stepNames[s] }

// Side is where the reason lies.
type Side uint8

// The sides. SideUnknown goes with outputs that tell nothing, SideNone with
// logins that succeeded.
const (
	SideNone Side = iota
	SideUnknown
	SideClient
	SideServer
	SideNetwork
)

var sideNames = [...]string{"", "unknown", "client", "server", "network"}

// String gives the word of the output contract.
func (s Side) String() string { return sideNames[s] }

// Verdict is what the output of one run of ssh tells. It owns all that
// it holds.
type Verdict struct {
	// Step is the one at which the run ended; those before it succeeded,
	// as far as the output shows (Shown).
	Step Step
	// Shown tells for each step whether the output shows that it
	// succeeded: with -v all do, and a bare message shows none.
	Shown [Steps]bool
	Side  Side
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
	Tried []Address
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
	Identities            []Identity
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
	// maxEvidence; Decisive is the index of the one that decided, -1
	// for none.
	Evidence []string
	Decisive int
}

// Address is an address that ssh tried.
type Address struct {
	Address, Port, Reason string
}

// Identity is a key that ssh could offer.
type Identity struct {
	// Path is the file, or the agent's name for the key.
	Path              string
	Type, Fingerprint string
	// From is where it is from: "file", "agent", "token" (PKCS#11) or
	// "authenticator" (FIDO). Explicit tells that the command line or the
	// configuration names it.
	From     string
	Explicit bool
	Fate     Fate
	// Reason says why ssh could not use it, "" otherwise.
	Reason string
}

// Fate is what became of a key.
type Fate uint8

// The fates of keys.
const (
	FateUnused   Fate = iota
	FateOffered       // and not answered
	FateRefused       // by the server
	FateAccepted      // the server knows it
	FateUnusable      // ssh could not read it or sign with it
	FateSkipped       // ssh left it out
)

var fateNames = [...]string{"unused", "offered", "refused", "accepted", "unusable", "skipped"}

// String gives the word of the output contract.
func (f Fate) String() string { return fateNames[f] }

// Value gives a fact for a sentence or a remedy, "" where the output does not
// tell it.
func (v *Verdict) Value(field sshwhy.Field) string {
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
