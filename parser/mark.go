package parser

import "bytes"

// markAt gives the length of a mark of facility and level, and of the blank
// behind it: FreeBSD's "<auth.info> " and "<4.6> ", "auth.info " of busybox
// and OpenWrt, AIX's "auth|security:info ", "auth.info: ", ESXi's "In(38) ".
//
// The word ends at end. Most words that come here are hosts, so the end of the
// word, which is a level or is not, decides first.
func markAt(b []byte, end int) (int, form) {
	if end >= len(b) || end < 5 || end > 32 {
		return 0, formBare
	}
	word := b[:end]
	switch word[end-1] {
	case ')':
		if isESXiMark(word) {
			return end + 1, formESXi
		}
		return 0, formBare
	case '>':
		if word[0] != '<' {
			return 0, formBare
		}
		if word = word[1 : end-1]; isNumericMark(word) {
			return end + 1, formBSD
		}
	case ':':
		word = word[:end-1]
	}
	if isFacilityAndLevel(word) {
		return end + 1, formBSD
	}
	return 0, formBare
}

// longestLevel is the length of the longest word that isLevel knows.
const longestLevel = len("warning")

func isFacilityAndLevel(word []byte) bool {
	i := len(word) - 1
	for i >= 0 && word[i] != '.' && word[i] != ':' {
		if len(word)-i > longestLevel {
			return false
		}
		i--
	}
	if i < 0 || !isLevel(word[i+1:]) {
		return false
	}
	for facility := range bytes.SplitSeq(word[:i], []byte("|")) {
		if !isFacility(facility) {
			return false
		}
	}
	return true
}

func isNumericMark(word []byte) bool {
	_, i := numberAt(word, 0)
	if i == 0 || i > 2 || i == len(word) || word[i] != '.' {
		return false
	}
	_, end := numberAt(word, i+1)
	return end == i+2 && end == len(word)
}

func isESXiMark(word []byte) bool {
	if len(word) < 5 || word[2] != '(' || word[0] < 'A' || word[0] > 'Z' {
		return false
	}
	_, end := numberAt(word, 3)
	return end > 3 && end == len(word)-1
}

func isFacility(word []byte) bool {
	switch string(word) {
	case "kern", "user", "mail", "daemon", "auth", "security", "syslog", "lpr",
		"news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "console",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7":
		return true
	}
	return false
}

func isLevel(word []byte) bool {
	switch string(word) {
	case "emerg", "panic", "alert", "crit", "err", "error", "warning", "warn",
		"notice", "info", "debug":
		return true
	}
	return false
}

// priorityAt gives the length of "<38>" at the start of b.
func priorityAt(b []byte) int {
	n, i := numberAt(b, 1)
	if i == 1 || i > 4 || n > 191 || i == len(b) || b[i] != '>' {
		return 0
	}
	return i + 1
}

// forwardedAt gives the length of what AIX's syslogd puts before lines that
// came from another host.
func forwardedAt(b []byte) int {
	if len(b) > 0 && b[0] == 'M' && bytes.HasPrefix(b, []byte("Message forwarded from ")) {
		return len("Message forwarded from ")
	}
	return 0
}

// messageIDAt gives the length of Solaris's "[ID 800047 auth.info] ".
func messageIDAt(b []byte) int {
	if !bytes.HasPrefix(b, []byte("[ID ")) {
		return 0
	}
	_, i := numberAt(b, 4)
	if i == 4 || i >= len(b) || b[i] != ' ' {
		return 0
	}
	n := bytes.IndexByte(b[i:min(len(b), i+32)], ']')
	if n < 0 || !endsAt(b, i+n+1) {
		return 0
	}
	point := bytes.LastIndexByte(b[i:i+n], '.')
	if point < 0 || !isFacility(b[i+1:i+point]) || !isLevel(b[i+point+1:i+n]) {
		return 0
	}
	return min(len(b), i+n+2)
}

// kernelAt gives the length of "kernel: [  970.699397] ", which log daemons
// that read the kernel's ring buffer leave before relayed lines, with or
// without the blank and with or without another colon.
func kernelAt(b []byte) int {
	if !bytes.HasPrefix(b, []byte("kernel:")) {
		return 0
	}
	rest := withoutBlanks(b[len("kernel:"):])
	if len(rest) == 0 || rest[0] != '[' {
		return 0
	}
	n := bytes.IndexByte(rest[:min(len(rest), 24)], ']')
	if n < 0 {
		return 0
	}
	for _, ch := range rest[1:n] {
		if !isDigit(ch) && ch != '.' && ch != ' ' {
			return 0
		}
	}
	end := len(b) - len(rest) + n + 1
	if end < len(b) && b[end] == ':' {
		end++
	}
	return end
}

// isJournalNote knows the lines that journalctl itself writes between others.
func isJournalNote(b []byte) bool {
	for _, start := range [...]string{"-- Boot ", "-- Journal begins at ", "-- Logs begin at ", "-- No entries --", "-- Reboot --", "-- cursor: "} {
		if len(b) >= len(start) && string(b[:len(start)]) == start {
			return true
		}
	}
	return false
}

// repeated unfolds what log daemons make of equal messages in a row: rsyslog's
// "message repeated 3 times: [ … ]" holds the message, BSD's "last message
// repeated 3 times" refers to the line before, so inner is nil there. n is how
// often the message was written; 1 where msg is no such line, or says so.
func repeated(msg []byte) (inner []byte, n int32) {
	const rsyslog, bsd = "message repeated ", "last message repeated "
	if len(msg) < len(rsyslog) || msg[0] != 'm' && msg[0] != 'l' {
		return msg, 1
	}
	start := len(rsyslog)
	if msg[0] == 'l' {
		start = len(bsd)
		if !bytes.HasPrefix(msg, []byte(bsd)) {
			return msg, 1
		}
	} else if string(msg[:start]) != rsyslog {
		return msg, 1
	}
	times, i := numberAt(msg, start)
	if i == start || i > start+9 || times == 0 {
		return msg, 1
	}
	rest := msg[i:]
	if msg[0] == 'l' {
		if string(rest) != " times" && string(rest) != " time" {
			return msg, 1
		}
		return nil, int32(times)
	}
	rest, ok := bytes.CutPrefix(rest, []byte(" times: ["))
	if !ok {
		return msg, 1
	}
	// A line that was cut short has lost the bracket, not its meaning.
	return withoutBlanks(bytes.TrimSuffix(rest, []byte("]"))), int32(times)
}

// wordEnd gives where the first word of b ends.
func wordEnd(b []byte) int {
	for i, ch := range b {
		if ch == ' ' || ch == '\t' {
			return i
		}
	}
	return len(b)
}

func withoutBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}

func withoutCR(b []byte) []byte {
	n := len(b)
	for n > 0 && b[n-1] == '\r' {
		n--
	}
	return b[:n]
}
