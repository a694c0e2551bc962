//go:build integration && linux

package integration

import "time"

// clientScenarios: the client ends the connection, or lets it wait.
func clientScenarios() []scenario {
	const none = "undetermined"
	// LoginGraceTime, and the up to four seconds that sshd adds since 9.8.
	slow := func(b *box) bool {
		r := b.asClient(alicePassword, "", "ssh -o PubkeyAuthentication=no alice@server echo in", "SLOW=7")
		return r.status == 0
	}
	// Until 9.7 it was for a signal handler to write, which on Linux it may not.
	graceTold := []view{{in: span{since: release{9, 8}}, code: "login-grace-timeout", confidence: "certain"}}
	return []scenario{
		{
			name: "nobody answers the prompt within LoginGraceTime, at VERBOSE", code: none, confidence: none, cause: "login-grace-timeout", views: graceTold, level: "VERBOSE",
			config: "LoginGraceTime 2", login: slow, take: []string{"log in again"}, password: alicePassword, again: byPassword(alicePassword),
			fill: map[string]func(*box) string{"<USER>": text("alice")},
		},
		{
			name: "logins take longer than LoginGraceTime, at VERBOSE", code: none, confidence: none, cause: "login-grace-timeout", views: graceTold, level: "VERBOSE",
			config: "LoginGraceTime 2", login: slow, take: []string{"give users more time"},
		},
		{
			name: "the user leaves at the prompt", code: none, confidence: none, cause: "client-gave-up",
			login: func(b *box) bool {
				b.asClient(alicePassword, "", "rm -f /tmp/asked; ssh -o PubkeyAuthentication=no alice@server echo in & until [ -e /tmp/asked ]; do sleep 0.1; done; kill $!", "SLOW=4")
				return false
			},
			password: alicePassword, again: byPassword(alicePassword),
		},
		{
			name: "the connection is reset", code: "connection-reset", confidence: "likely",
			login: func(b *box) bool {
				conn := b.dial()
				conn.Write([]byte("SSH-2.0-gone\r\n"))
				time.Sleep(300 * time.Millisecond) // its key exchange waits unread
				conn.SetLinger(0)
				conn.Close()
				return false
			},
			again: byKey(), fill: map[string]func(*box) string{"<USER>": text("alice")},
		},
		{
			name: "the client does not answer any more", code: "connection-lost", confidence: "likely",
			config: "ClientAliveInterval 1\nClientAliveCountMax 1",
			login: func(b *box) bool {
				b.asClient("", "", "ssh -o BatchMode=yes alice@server 'touch /tmp/in; sleep 20' & until [ -e /tmp/in ]; do sleep 0.1; done; kill -STOP $!; sleep 5; kill -KILL $!")
				return false
			},
			again: byKey(), take: []string{"keep idle connections"},
		},
		{
			name: "a health check connects and leaves", code: "probe", confidence: "likely",
			views: []view{{in: span{since: release{9, 5}}, code: unsure, cause: "probe"}}, // the line that tells at what point is VERBOSE
			login: func(b *box) bool { b.dial().Close(); return false }, beyond: "nothing is wrong",
		},
	}
}
