package parser

import (
	"bytes"
	"time"

	"github.com/sshwhy/sshwhy"
)

// asl reads the records of macOS up to 10.11: "[Time …] [Sender sshd] [PID 1]
// [Message …] [Level 3] [Host name]". A message may hold brackets itself, so
// what stands behind it is taken off from the right, every key once: what a
// client wrote cannot come before what syslogd wrote.
func (s *splitter) asl(b []byte, newest time.Time, h *sshwhy.Header) ([]byte, bool) {
	if !bytes.HasPrefix(b, []byte("[Time ")) {
		return nil, false
	}
	var found sshwhy.Header
	var seen aslKeys
	for !bytes.HasPrefix(b, []byte("[Message ")) {
		end := bytes.Index(b, []byte("] ["))
		if end < 0 {
			return nil, false
		}
		if !s.aslMember(b[1:end], newest, &found, &seen) {
			return nil, false
		}
		b = b[end+2:]
	}
	b, ok := bytes.CutSuffix(b[len("[Message "):], []byte("]"))
	if !ok {
		return nil, false
	}
	for {
		start := bytes.LastIndex(b, []byte("] ["))
		if start < 0 || !s.aslMember(b[start+3:], newest, &found, &seen) {
			*h = found
			return withoutBlanks(b), true
		}
		b = b[:start]
	}
}

// aslKeys are the keys that a record has had, a bit each.
type aslKeys uint16

// aslMember reads "Key value", and refuses unknown and repeated keys.
func (s *splitter) aslMember(b []byte, newest time.Time, h *sshwhy.Header, seen *aslKeys) bool {
	key, value := nextWord(b)
	n := aslKey(key)
	if n < 0 || *seen&(1<<n) != 0 {
		return false
	}
	switch n {
	case aslTime:
		h.Time = s.aslTime(value, newest)
	case aslHost:
		if len(value) == 0 || bytes.IndexByte(value, ' ') >= 0 {
			return false
		}
		h.Host = value
	case aslSender:
		h.Ident = value
	case aslFacility:
	default:
		if !isNumber(value) {
			return false
		}
		if n == aslPID {
			h.PID = pidOf(value)
		}
	}
	*seen |= 1 << n
	return true
}

const (
	aslTime = iota
	aslHost
	aslSender
	aslPID
	aslFacility
	aslNumber
)

// aslKey gives a small number for each key; those from aslNumber on hold
// numbers that mean nothing here.
func aslKey(key []byte) int {
	switch string(key) {
	case "Time":
		return aslTime
	case "Host":
		return aslHost
	case "Sender":
		return aslSender
	case "PID":
		return aslPID
	case "Facility":
		return aslFacility
	case "Level":
		return aslNumber
	case "UID":
		return aslNumber + 1
	case "GID":
		return aslNumber + 2
	case "ASLMessageID":
		return aslNumber + 3
	case "TimeNanoSec":
		return aslNumber + 4
	case "ReadUID":
		return aslNumber + 5
	case "ReadGID":
		return aslNumber + 6
	}
	return -1
}

// aslTime reads "2006.12.28 15:53:55 UTC", or seconds.
func (s *splitter) aslTime(b []byte, newest time.Time) int64 {
	if len(b) < 19 || b[4] != '.' || b[7] != '.' {
		return s.clock.any(b, newest)
	}
	year, month, day, secs := yearAt(b, 0), two(b, 5), two(b, 8), daytime(b, 11)
	if year == 0 || month < 1 || month > 12 || day < 1 || day > 31 || secs < 0 {
		return 0
	}
	if string(b[19:]) == " UTC" {
		return (daysSince1970(year, month, day)*secondsOfDay + int64(secs)) * 1e9
	}
	return s.clock.local(year, month, day, secs) * 1e9
}

func isNumber(b []byte) bool {
	if len(b) > 1 && b[0] == '-' {
		b = b[1:]
	}
	_, end := numberAt(b, 0)
	return end > 0 && end == len(b)
}
