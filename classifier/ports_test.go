package classifier_test

import "testing"

// TestNeighbouringPorts keeps the clients of one address apart whose ports follow
// each other, while the session of one of them is open: behind a translated
// address they do.
func TestNeighbouringPorts(t *testing.T) {
	g := newRig(t)
	for _, ports := range [][2]string{{"40000", "40001"}, {"40001", "40000"}, {"40000", "41024"}, {"65535", "1"}} {
		said := map[string]string{}
		for _, v := range g.replay(t, "auth.log", []string{
			"Nov  1 10:00:00 web sshd[100]: Accepted publickey for alice from 192.0.2.7 port " + ports[0] + " ssh2: ED25519 SHA256:lpFqWMYjEgYP9Msu1uXKLw5XDT5Oh2oSMhkeaSjFdcM",
			"Nov  1 10:00:05 web sshd[200]: Failed password for bob from 192.0.2.7 port " + ports[1] + " ssh2",
			"Nov  1 10:00:06 web sshd[200]: Connection closed by authenticating user bob 192.0.2.7 port " + ports[1] + " [preauth]",
			"Nov  1 10:09:00 web sshd[101]: Received disconnect from 192.0.2.7 port " + ports[0] + ":11: disconnected by user",
			"Nov  1 10:09:00 web sshd[101]: Disconnected from user alice 192.0.2.7 port " + ports[0],
		}) {
			said[v.user] = v.outcome + " " + v.cause
		}
		if len(said) != 2 || said["alice"] != "accepted " || said["bob"] != "refused wrong-password" {
			t.Errorf("ports %v: %q, want alice accepted, and bob refused for his password", ports, said)
		}
	}
}
