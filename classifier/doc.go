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
// The state is bounded: the oldest connections are settled early when there
// are more than fit, and that is counted.
package classifier
