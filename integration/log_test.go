//go:build integration && linux

package integration

import (
	"bytes"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// syslogd takes what programs send to /dev/log and writes auth.log, as a
// syslog daemon does in its traditional format (RFC 3164).
type syslogd struct {
	conn  *net.UnixConn
	path  string
	lines atomic.Int64
	mu    sync.Mutex // for file
	file  *os.File
}

func newSyslogd(path string) (*syslogd, error) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "/dev/log", Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod("/dev/log", 0o666); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err
	}
	s := &syslogd{conn: conn, path: path, file: file}
	go s.serve()
	return s, nil
}

func (s *syslogd) serve() {
	buf := make([]byte, 64<<10)
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			return
		}
		s.write(buf[:n])
	}
}

// stampLength is the length of "Nov 22 15:32:52 ".
const stampLength = 16

// write puts the host's name in, which the local protocol leaves out.
func (s *syslogd) write(datagram []byte) {
	_, line, ok := bytes.Cut(bytes.TrimRight(datagram, "\n\x00"), []byte(">"))
	if !ok || len(line) < stampLength {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file.Write(line[:stampLength])
	s.file.WriteString("edge05 ")
	s.file.Write(line[stampLength:])
	s.file.WriteString("\n")
	s.lines.Add(1)
}

// quiet waits until nothing has been written for a moment.
func (s *syslogd) quiet() {
	for last := int64(-1); last != s.lines.Load(); {
		last = s.lines.Load()
		time.Sleep(60 * time.Millisecond)
	}
}
