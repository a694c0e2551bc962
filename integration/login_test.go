//go:build integration && linux

package integration

import (
	"net"
	"strings"
	"time"
)

// try is a way to log in, or to use a login; it tells whether that worked.
type try func(*box) bool

// byKey logs in as alice with carol's key, or with what the options of ssh say.
func byKey(options ...string) try { return keyAs("alice", options...) }

// keyAs is byKey for another user.
func keyAs(user string, options ...string) try {
	return runs("", append([]string{"ssh", "-o BatchMode=yes", "-T"}, append(options, user+"@server", "echo in")...)...)
}

// byPassword logs in as alice with a password alone.
func byPassword(password string, options ...string) try {
	return passwordAs("alice", password, options...)
}

// passwordAs is byPassword for another user.
func passwordAs(user, password string, options ...string) try {
	words := []string{"ssh", "-o PubkeyAuthentication=no", "-T"}
	return runs(password, append(words, append(options, user+"@server", "echo in")...)...)
}

// runs runs a command as the client; it worked if it says "in" and succeeds.
func runs(password string, words ...string) try {
	return func(b *box) bool {
		line := strings.Join(words, " ")
		r := b.asClient(password, "", line)
		b.notef("client: $ %s\n%s(status %d)", line, r.output, r.status)
		return r.status == 0 && (strings.Contains(r.output, "in\n") || !strings.HasSuffix(line, "echo in"))
	}
}

// sends opens a connection, sends the text, and hangs up after a while. That
// is no login.
func sends(text string, wait time.Duration) try {
	return func(b *box) bool {
		conn := b.dial()
		defer conn.Close()
		_, err := conn.Write([]byte(text))
		b.must(err)
		time.Sleep(wait)
		return false
	}
}

// dial connects to sshd from the client's address.
func (b *box) dial() *net.TCPConn {
	conn, err := net.DialTCP("tcp4", &net.TCPAddr{IP: net.ParseIP(clientAddress)}, &net.TCPAddr{IP: net.ParseIP(serverAddress), Port: 22})
	b.must(err)
	return conn
}

// holds opens connections that do not log in, and keeps them.
func holds(n int) func(*box) {
	return func(b *box) {
		for range n {
			conn := b.dial()
			conn.SetReadDeadline(time.Now().Add(2 * time.Second))
			conn.Read(make([]byte, 64)) // sshd's banner: it has begun
			b.held = append(b.held, conn)
		}
	}
}
