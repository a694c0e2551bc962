// Package tailers holds the live sources: files that are followed through their
// rotations, standard input, what this host has, and all of them as one.
//
// Its rooms are tailers/journal, which reads systemd's journal, tailers/archives,
// which reads what lies still, and tailers/lines, which cuts streams.
package tailers
