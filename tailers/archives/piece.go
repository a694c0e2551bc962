package archives

import (
	"io"
	"os"
	"time"
)

// piece is the log that one file is, or one member of an archive.
type piece struct {
	// name is how the user would name it: the path, and behind a colon that
	// inside an archive.
	name string
	at   extent
	// stream is what can be read once only, as standard input; nil for all
	// else. Its beginning is unpacked already.
	stream *content
	packed string
	// journal and export tell the journal's own formats. Files of journald
	// that lie in one folder are one journal.
	journal, export bool
	files           []extent
	// modified is when the file was last written; zero where not known.
	modified time.Time
	// host is whose lines they are that name none; nil where that does not
	// matter.
	host []byte
	// cut tells that the end was lost before we got it.
	cut bool

	// first is the time of the first line that has one, in nanoseconds
	// since 1970 UTC, 0 for none; dated by modified where it has no year.
	first int64
	// line is that line, where it has no year.
	line []byte
	// lead tells that the month stands at its very beginning.
	lead bool
	// marks are times at places of a file that can be gone to, in order.
	marks []mark
	// from is where reading begins: zero at the beginning.
	from mark

	input Input
}

// mark is the time of the first line behind an offset.
type mark struct{ offset, time int64 }

// yearless tells that the lines do not name the year.
func (p *piece) yearless() bool { return p.line != nil }

// seekable tells that reading can begin in the middle.
func (p *piece) seekable() bool { return p.stream == nil && p.packed == "" && !p.journal && !p.export }

// extent is a part of a file.
type extent struct {
	path         string
	spilled      *os.File // in place of path; not owned
	offset, size int64
	whole        bool // all of the file at path
}

// open gives the bytes of the extent.
func (e extent) open() (io.ReadSeeker, io.Closer, error) {
	if e.spilled != nil {
		return io.NewSectionReader(e.spilled, e.offset, e.size), io.NopCloser(nil), nil
	}
	f, err := os.Open(e.path)
	if err != nil {
		return nil, nil, err
	}
	if e.whole {
		return f, f, nil
	}
	return io.NewSectionReader(f, e.offset, e.size), f, nil
}

// part gives a part of the extent.
func (e extent) part(offset, size int64) extent {
	e.offset, e.size, e.whole = e.offset+offset, size, false
	return e
}

// Input is the account of one file, or of one member of an archive.
type Input struct {
	// Name is its path, and behind a colon that inside an archive; it is
	// the Source of its records.
	Name string
	// Packed names what it was packed by, outermost first, as "gzip"; "tar"
	// for a member that lay there as it is.
	Packed string
	// Size is its length as it lies there, packed, in bytes; 0 where that is
	// not known. Modified is when it was last written.
	Size     int64
	Modified time.Time
	// First is the time of the first line that has one, in nanoseconds since
	// 1970 UTC, 0 for none.
	First int64
	// Year tells how the year of its lines is known.
	Year Year
	// Lines and Bytes are what was read of it, unpacked and without ends of
	// lines.
	Lines, Bytes int64
	// Passed is the number of bytes that lie outside of the window of time
	// and were not looked at.
	Passed int64
	// Err is why it could not be read, or not to its end.
	Err error
	// SHA256 is that of the file as it lies there, in hexadecimal, where
	// that was asked for; that of the archive for a member.
	SHA256 string
}

// Year tells how the year of lines is known.
type Year uint8

// The ways. YearWritten are lines that name it, or have no time at all.
const (
	YearWritten  Year = iota
	YearStated        // the user said it
	YearModified      // from the time of the last change
	YearOrder         // from the order of the files of one log
	YearNow           // the latest that is not in the future
)

var yearNames = [...]string{"written", "stated", "modified", "order", "now"}

// String gives a word for programs.
func (y Year) String() string { return yearNames[y] }
