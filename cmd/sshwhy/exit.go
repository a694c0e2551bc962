package main

import "errors"

// The exit codes. 0 means that the input was read, whatever was found in it.
const (
	exitOK        = 0
	exitFound     = 1 // --fail-on: something of the kind was found
	exitUsage     = 2 // the command line is wrong
	exitTrouble   = 3 // a part of the input could not be read; the rest was
	exitCancelled = 130
)

// exitError is an error that ends the program with a code of its own.
type exitError struct {
	error
	code int
}

func (e exitError) Unwrap() error { return e.error }

// hinted is an error with a line that says what to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	var e exitError
	if errors.As(err, &e) {
		return e.code
	}
	return exitUsage
}

func hintOf(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
