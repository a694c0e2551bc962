package sshwhy

import "time"

// Record is a line as a source read it.
type Record struct {
	// Text is the line without its end. It belongs to the source and is
	// valid until the source is asked for the next record.
	Text []byte
	// Header is set by sources that hold it apart from the text, as the
	// journal does; nil where the text begins with it.
	Header *Header
	// Source names where the line came from, as the user would: a path, or
	// "-" for standard input.
	Source string
	// Newest is a time that no line of this source is later than. It gives
	// lines that carry no year theirs; zero means now.
	Newest time.Time
	// Truncated is the number of bytes that were cut from the end of Text
	// because the line was longer than MaxLine.
	Truncated int64
	// Tick marks a record without text that only moves the clocks, by a
	// live source's own time.
	Tick bool
}

// MaxLine is the longest line, in bytes, that a source hands on whole. sshd
// cuts its messages at 1 KiB (log.c MSGBUFSIZ), syslog daemons at 8 KiB.
const MaxLine = 64 << 10
