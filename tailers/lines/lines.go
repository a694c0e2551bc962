// Package lines cuts a stream into lines of bounded length.
package lines

import (
	"bytes"
	"errors"
	"io"

	"github.com/sshwhy/sshwhy"
)

// Reader cuts a stream into lines. It holds one buffer, which a line is a part
// of until the next is asked for, and never more of a line than MaxLine.
type Reader struct {
	r          io.Reader // not owned
	buf        []byte
	start, end int // the unread part of buf
	err        error
}

// bufferSize is large enough that a line of the longest kind fits after the
// rest of another, and small enough for a processor's cache.
const bufferSize = 256 << 10

// New makes a reader of lines. r is not owned.
func New(r io.Reader) *Reader { return &Reader{r: r, buf: make([]byte, bufferSize)} }

// Next gives the next line without its end (LF or CR LF), and how many bytes
// of it were cut off because it was too long. A last line that is not ended
// counts. After the last it gives the reader's error or io.EOF.
func (l *Reader) Next() (line []byte, cut int64, err error) {
	searched := 0
	for {
		if i := bytes.IndexByte(l.buf[l.start+searched:l.end], '\n'); i >= 0 {
			line = l.buf[l.start : l.start+searched+i]
			l.start += searched + i + 1
			return trimmed(line, 0)
		}
		searched = l.end - l.start
		if searched > sshwhy.MaxLine {
			return l.long()
		}
		if l.err != nil {
			if searched == 0 {
				return nil, 0, l.err
			}
			line = l.buf[l.start:l.end]
			l.start = l.end
			return trimmed(line, 0)
		}
		l.fill()
	}
}

func trimmed(line []byte, cut int64) ([]byte, int64, error) {
	if n := len(line); cut == 0 && n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if over := len(line) - sshwhy.MaxLine; over > 0 {
		return line[:sshwhy.MaxLine], int64(over) + cut, nil
	}
	return line, cut, nil
}

// fill reads more behind the unread part, moving it to the front first.
func (l *Reader) fill() {
	if l.start > 0 {
		copy(l.buf, l.buf[l.start:l.end])
		l.end -= l.start
		l.start = 0
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	l.err = err
}

// long gives the beginning of a line that is longer than MaxLine and reads
// past the rest of it.
func (l *Reader) long() ([]byte, int64, error) {
	if l.start > 0 {
		copy(l.buf, l.buf[l.start:l.end])
		l.end -= l.start
		l.start = 0
	}
	line := l.buf[:sshwhy.MaxLine]
	cut := int64(l.end - sshwhy.MaxLine)
	rest := l.buf[sshwhy.MaxLine:]
	for l.err == nil {
		n, err := l.r.Read(rest)
		l.err = err
		if i := bytes.IndexByte(rest[:n], '\n'); i >= 0 {
			l.start, l.end = sshwhy.MaxLine+i+1, sshwhy.MaxLine+n
			return line, cut + int64(i), nil
		}
		cut += int64(n)
	}
	l.start, l.end = 0, 0
	if !errors.Is(l.err, io.EOF) {
		return line, cut, nil // the error comes with the next call
	}
	return line, cut, nil
}

// Ready tells whether the next line is in the buffer as a whole, so that Next
// does not wait for more.
func (l *Reader) Ready() bool { return bytes.IndexByte(l.buf[l.start:l.end], '\n') >= 0 }
