// Package classifier joins the events of a connection and says what they
// mean.
//
// An event finds its connection by host and process; where sshd writes from
// another process (the child after login, a helper of PAM, the listener), by
// the client's address and port, the user, or the process that the line names
// (join.go). What a line tells by itself is data: the proofs of the catalogue
// of causes. What only a sequence tells stands in decide.go. A connection is
// settled once, by the line that ends it or by its host's clock (table.go), and
// gives one finding; what becomes known later is a revision of it.
//
// A host's clock is the highest time that its lines bore, and runs on by ticks
// (clock.go). What a classifier knows outlives the program: the records of its
// connections are held (held.go), and what other lines told of them, and when,
// is saved beside them (state.go); restored.go puts both together again. An
// inspection of the host answers what the log leaves open (looked.go).
//
// The state is bounded: the oldest connections are settled early when there
// are more than fit, and that is counted.
package classifier
