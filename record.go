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
	// Host is the one that lines which name none are of; empty where that is
	// not known. Like Text it belongs to the source.
	Host []byte
	// Newest is a time that no line of this source is later than. It gives
	// lines that carry no year theirs; zero means now.
	Newest time.Time
	// Truncated is the number of bytes that were cut from the end of Text
	// because the line was longer than MaxLine.
	Truncated int64
	// Place is where a live source goes on behind this record; zero for
	// sources that are read once.
	Place Place
	// Tick marks a record without text. It says that nothing waits to be
	// read, and moves the clocks by Elapsed. A Place that it carries counts.
	Tick bool
	// Elapsed is the time since the tick before, by the monotonic clock.
	Elapsed time.Duration
	// Inspection marks a record without text that answers a question about
	// a finding, nil in all others.
	Inspection *Inspection
}

// Place is how far a live source has come: what it needs to go on behind a
// record after the program was stopped, or killed. A ledger keeps the newest of
// each generation and gives them back to the source at the next start.
type Place struct {
	// Stream names what is followed, the same in every run: the path of a
	// file, "journal". Empty means that nothing is to be kept.
	Stream string
	// Generation tells apart what a stream is made of: the files that bore
	// its name one after the other. Empty where there is only one.
	Generation string
	// Mark is the source's own note on the generation: a fingerprint, a
	// cursor. Like Text it is valid until the next record.
	Mark []byte
	// Offset is the first byte behind the record.
	Offset int64
	// Done says that nothing more comes from the generation, and that its
	// place may be forgotten.
	Done bool
}

// Inspection is what a look at this host adds to a finding of it.
type Inspection struct {
	// Of is the finding that was asked about.
	Of Identity
	// Time is when the host was looked at, in nanoseconds since 1970 UTC.
	Time int64
	// Cause and Confidence are the answer; Candidates what stays possible
	// where the confidence is less than certain, likeliest first.
	Cause      CauseID
	Confidence Confidence
	Candidates []CauseID
	// Values are for the sentence and the remedy.
	Values []Value
	// Seen are sentences on what was seen, without secrets: they become
	// evidence.
	Seen []string
}

// MaxLine is the longest line, in bytes, that a source hands on whole. sshd
// cuts its messages at 1 KiB (log.c MSGBUFSIZ), syslog daemons at 8 KiB.
const MaxLine = 64 << 10
