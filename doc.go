// Package sshwhy reads what sshd writes and says, for every connection, why a
// login failed and what to do.
//
// # The journey of a line
//
// A source (package tailers) reads a line and gives it as a Record. The parser
// takes the header off, finds the message in the catalogue of patterns, and
// fills an Event: what sshd said. The classifier joins the events of a
// connection and gives a Finding, once the connection is settled: what it
// means, how sure that is, and what else it could be. Sinks take findings
// wherever people want them; an alerter joins those that belong together to one
// alert. A ledger keeps how far was read, what is open and what is still to be
// delivered, so that a program that was killed goes on where it was. Loop
// holds these together, one record after the other: goroutines are found at its
// two ends only.
//
// This package holds only what travels between the rooms, and the interfaces
// at their seams. It imports nothing but the standard library; the rooms
// import it, and not each other; commands import the rooms. The catalogues
// (patterns, causes, lang) are data, which every room may read.
//
// # Who owns what
//
// Bytes belong to whom they came from: those of a record to the source, those
// of an event to the record, those of a finding to the classifier. Each is
// valid until its owner is asked for the next. Who keeps something copies it.
package sshwhy
