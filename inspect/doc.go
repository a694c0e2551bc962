// Package inspect looks at this host the way a person does who goes through the
// guide: is sshd running, does it listen, does the firewall let one through,
// does the configuration permit this user, and does sshd find and trust the
// user's keys.
//
// It only looks. It writes nothing, starts no shell, and executes nothing but
// the programs of the table in command.go, by absolute path. Files of a user
// are opened with that user's rights, as sshd does it, so that nothing is read
// which the user could not read. What it says never holds a key or a password:
// keys are named by their fingerprint.
//
// All that touches the host goes through Host, so that a test can describe one.
package inspect
