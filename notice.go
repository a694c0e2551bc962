package sshwhy

import "fmt"

// Notice is what sshwhy says about its own work: that lines were lost before
// it could read them, that a file was rotated and its writer did not notice,
// that the rest must be polled. A source yields it in the place of an error;
// nothing has ended.
type Notice struct {
	// Code names the kind, for programs: "lines-lost", "not-reopened".
	Code string
	// Source is the source that it is about, as in Record.
	Source string
	// Text says what happened, Hint what to check or to do; a clause each,
	// without a capital at the beginning and a period at the end.
	Text, Hint string
	// Lost is the number of lines that may be lost: at least as many; 0
	// where none are or the number is not known.
	Lost int64
}

// Error implements error.
func (n *Notice) Error() string {
	if n.Source == "" {
		return n.Text
	}
	return fmt.Sprintf("%s: %s", n.Source, n.Text)
}
