package sshwhy

import "time"

// Alert is what many findings that belong together come to: one message, later
// ones that say how it goes on, and its end. It is the alerter's, and valid
// during the call that hands it out.
type Alert struct {
	// ID is the same from the first message to the last: made of the rule,
	// what the findings share, and when it began.
	ID string
	// Revision counts from 1.
	Revision int
	// Rule is the name of the rule.
	Rule string
	// To are the names of the sinks that want it; empty means all.
	To []string
	// News is why it is told now.
	News News
	// Rest says that it stands for all alerts of its rule that began beyond
	// those that are told one by one.
	Rest bool
	// By is what its findings share, as "user" and "bob"; in order.
	By []Shared
	// After is the last thing that sshd said of itself on the host before it
	// began, where that was shortly before; AfterFor is how long.
	After    CauseID
	AfterFor time.Duration
	// Notice is what it is about where that is no finding.
	Notice *Notice
	// Causes are those of its findings, the most frequent first.
	Causes []CauseID
	// Findings is how many findings it holds, by id; Since and Until are
	// the times of the first and last, in nanoseconds since 1970 UTC.
	Findings     int
	Since, Until int64
	// Users, Sources and Hosts are those of its findings, each the most
	// frequent first, at most MaxShared; the numbers say how many there are,
	// and are at least as high where they exceed MaxDistinct.
	Users, Sources, Hosts          []Counted
	NumUsers, NumSources, NumHosts int
	// Latest is a finding that shows what it is about; it has the remedy.
	Latest *Finding
}

// MaxShared bounds the lists of an alert.
const MaxShared = 10

// MaxDistinct is up to how many different users, sources and hosts an alert
// counts.
const MaxDistinct = 256

// News is why an alert is told.
type News uint8

// The news of an alert.
const (
	// NewsFiring: it begins.
	NewsFiring News = iota
	// NewsGrown: it has ten times as many findings as when it was told.
	NewsGrown
	// NewsChanged: another cause came to it.
	NewsChanged
	// NewsReminder: it still goes on.
	NewsReminder
	// NewsUpdated: its numbers changed; who can edit a message does so,
	// others pass it over.
	NewsUpdated
	// NewsResolved: it is over.
	NewsResolved
	// NewsDigest: the count of a period, of what is worth no message each.
	NewsDigest
)

var newsNames = [...]string{"firing", "grown", "changed", "reminder", "updated", "resolved", "digest"}

// String gives the word of the output contract.
func (n News) String() string { return newsNames[n] }

// Shared is a property that all findings of an alert have.
type Shared struct{ Name, Value string }

// Counted is a value and how many findings have it.
type Counted struct {
	Value string
	Count int
}
