// Package report tells what a whole log amounts to: Accounting says what
// became of every line, Summary what became of every connection, Missed which
// lines of sshd nobody recognised, and Anonymiser takes names and addresses
// out, so that all of it can be shown to others.
//
// Memory is bounded whatever the log holds: lists of names are exact up to a
// budget, and an estimate with its error beyond it (Top).
package report
