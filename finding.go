package sshwhy

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
)

// Outcome is how a connection, or an attempt to start sshd, ended.
type Outcome uint8

// The outcomes of the output contract.
const (
	OutcomeNone Outcome = iota
	OutcomeAccepted
	OutcomeRefused
	OutcomeDisconnected
	OutcomeDropped
	OutcomeStartupFailed
)

var outcomeNames = [...]string{"", "accepted", "refused", "disconnected", "dropped", "startup-failed"}

// String gives the word of the output contract.
func (o Outcome) String() string { return outcomeNames[o] }

// Outcomes gives all outcomes, in the order in which people want them listed.
func Outcomes() []Outcome {
	return []Outcome{OutcomeAccepted, OutcomeRefused, OutcomeDisconnected, OutcomeDropped, OutcomeStartupFailed}
}

// Confidence says how much the log tells of a cause.
type Confidence uint8

// The degrees of confidence. ConfidenceNone goes with findings without a
// cause: a login that was accepted.
const (
	ConfidenceNone Confidence = iota
	// ConfidenceUndetermined: several causes leave these same lines.
	ConfidenceUndetermined
	// ConfidenceLikely: it fits, and nothing else that is common does.
	ConfidenceLikely
	// ConfidenceCertain: the log says it.
	ConfidenceCertain
)

var confidenceNames = [...]string{"", "undetermined", "likely", "certain"}

// String gives the word of the output contract.
func (c Confidence) String() string { return confidenceNames[c] }

// CauseID names an entry of the catalogue of causes. 0 stands for none. The
// numbers belong to one build; the textual id is what is written out.
type CauseID uint16

// Value is a fact that a verdict or its remedy names: the path with the wrong
// mode, the option that sshd does not know.
type Value struct {
	Field Field
	Text  string
}

// Evidence is a line that a finding rests on.
type Evidence struct {
	// Text is the line as it was read. Owned by the finding.
	Text []byte
	// Pattern is what it was recognised as.
	Pattern PatternID
}

// Identity is what a finding's id is made of: content alone, so that the same
// log gives the same id whatever file it was read from, and when.
type Identity struct {
	// Host and First are the host's name and the first line.
	Host, First []byte
	PID         int32
	// Time is that of the first line, in nanoseconds since 1970 UTC.
	Time int64
	// Ordinal tells equal first lines of one second apart.
	Ordinal uint32
}

// ID gives 128 bits of SHA-256 over the identity, in hexadecimal digits.
func (i *Identity) ID() string {
	var space [512]byte
	return string(i.AppendID(space[:0]))
}

// AppendID appends the id to dst, in whose room it also puts what it hashes.
func (i *Identity) AppendID(dst []byte) []byte {
	b := append(append(dst, i.Host...), 0)
	b = binary.BigEndian.AppendUint32(b, uint32(i.PID))
	b = binary.BigEndian.AppendUint64(b, uint64(i.Time))
	b = binary.BigEndian.AppendUint32(b, i.Ordinal)
	b = append(b, i.First...)
	sum := sha256.Sum256(b[len(dst):])
	b = b[:len(dst)]
	for i := 0; i < 16; i += 4 {
		b = binary.BigEndian.AppendUint64(b, eightDigits(binary.BigEndian.Uint32(sum[i:])))
	}
	return b
}

// eightDigits gives the hexadecimal digits of x, the first highest. They are made
// all at once: each in a byte of its own, to which '0' is added, and to those
// from ten on what lies between '9' and 'a' too.
func eightDigits(x uint32) uint64 {
	const ones = 0x0101010101010101
	d := uint64(x)
	d = (d | d<<16) & 0x0000ffff0000ffff
	d = (d | d<<8) & 0x00ff00ff00ff00ff
	d = (d | d<<4) & 0x0f0f0f0f0f0f0f0f
	letters := (d + ones*6) >> 4 & ones
	return d + ones*'0' + letters*('a'-'9'-1)
}

// Finding is a verdict: on one connection, on the service, or on an attack.
// It is the classifier's, and valid until the classifier is called again: who
// keeps it makes a Clone.
type Finding struct {
	Identity
	// Revision counts from 1; of one id the highest counts.
	Revision int
	// Before is what the revision before this one said, so that who counts
	// findings can take it back; zero in the first.
	Before  Verdict
	Outcome Outcome
	// Cause is the answer; 0 where nothing was wrong.
	Cause      CauseID
	Confidence Confidence
	// Candidates are the causes that the evidence leaves open, likeliest
	// first, at most MaxCandidates.
	Candidates []CauseID
	// Remarks are causes that showed but did not decide: what went wrong
	// before a login was accepted.
	Remarks []CauseID
	// Start and End are the times of the first and last line, in
	// nanoseconds since 1970 UTC; 0 where the log has no times.
	Start, End int64
	// Ident is the program that the lines carry.
	Ident []byte
	// User is the name that the client asked for, as sent; UserKnown tells
	// an empty name from none.
	User      []byte
	UserKnown bool
	// Address is the client as the log spells it: an address or a host
	// name; empty where the log does not tell.
	Address []byte
	// Port is the client's port, 0 where the log does not tell.
	Port int
	// Method is the authentication method that decided.
	Method []byte
	// KeyType and Fingerprint are of the key that was offered or accepted.
	KeyType, Fingerprint []byte
	// Values are the facts for the sentence and the remedy.
	Values []Value
	// Evidence are the lines, in their order; Dropped is the number of
	// further ones that were not kept.
	Evidence []Evidence
	Dropped  int
	// Decisive is the index of the line that decided, -1 for none.
	Decisive int
	// Source is the file of the first line.
	Source string
	// Why says which rule decided.
	Why Why
}

// Clone gives a copy that shares no memory with the finding.
func (f *Finding) Clone() *Finding {
	c := *f
	for _, b := range [...]*[]byte{&c.Host, &c.First, &c.Ident, &c.User, &c.Address, &c.Method, &c.KeyType, &c.Fingerprint} {
		*b = bytes.Clone(*b)
	}
	c.Candidates, c.Remarks, c.Values = slices.Clone(f.Candidates), slices.Clone(f.Remarks), slices.Clone(f.Values)
	c.Why.Lines, c.Why.Ruled = slices.Clone(f.Why.Lines), slices.Clone(f.Why.Ruled)
	c.Evidence = slices.Clone(f.Evidence)
	for i := range c.Evidence {
		c.Evidence[i].Text = bytes.Clone(c.Evidence[i].Text)
	}
	return &c
}

// Verdict is the heart of a finding.
type Verdict struct {
	Outcome    Outcome
	Cause      CauseID
	Confidence Confidence
}

// MaxCandidates bounds Finding.Candidates: a list of everything is no answer.
const MaxCandidates = 24

// Known gives the fields of which the finding has a value that is not empty.
func (f *Finding) Known() FieldSet {
	var known, named FieldSet
	for i := range f.Values {
		v := &f.Values[i]
		if field := FieldSet(1) << v.Field; named&field == 0 {
			if named |= field; v.Text != "" {
				known |= field
			}
		}
	}
	var own FieldSet
	if len(f.User) > 0 {
		own |= 1 << FieldUser
	}
	if len(f.Address) > 0 {
		own |= 1<<FieldAddr | 1<<FieldHost
	}
	if f.Port > 0 {
		own |= 1 << FieldPort
	}
	if len(f.Method) > 0 {
		own |= 1 << FieldMethod
	}
	if len(f.KeyType) > 0 {
		own |= 1 << FieldKeyType
	}
	if len(f.Fingerprint) > 0 {
		own |= 1 << FieldFingerprint
	}
	return known | own&^named
}

// Value gives the text of a fact, "" where the finding does not know it.
func (f *Finding) Value(field Field) string { return string(f.AppendValue(nil, field)) }

// AppendValue appends what Value gives.
func (f *Finding) AppendValue(dst []byte, field Field) []byte {
	for i := range f.Values {
		if f.Values[i].Field == field {
			return append(dst, f.Values[i].Text...)
		}
	}
	switch field {
	case FieldUser:
		return Unescape(dst, f.User)
	case FieldAddr, FieldHost:
		return append(dst, f.Address...)
	case FieldPort:
		if f.Port > 0 {
			return strconv.AppendInt(dst, int64(f.Port), 10)
		}
	case FieldMethod:
		return append(dst, f.Method...)
	case FieldKeyType:
		return append(dst, f.KeyType...)
	case FieldFingerprint:
		return append(dst, f.Fingerprint...)
	}
	return dst
}
