//go:build integration && linux

package integration

// droppedScenarios: sshd has too many connections that have not logged in.
func droppedScenarios() []scenario {
	return []scenario{
		{
			name: "hosts.deny refuses the client", code: "tcp-wrappers-denied", confidence: "certain",
			arrange: func(b *box) { b.write("/etc/hosts.deny", 0, 0o644, "sshd: 203.0.113.\n") },
		},
		{
			name: "MaxStartups is reached", code: "max-startups", confidence: "likely", also: []string{"probe"},
			config: "MaxStartups 1", meanwhile: holds(1),
		},
		{
			name: "MaxStartups is reached, at VERBOSE", code: "max-startups", confidence: "likely", also: []string{"probe"},
			level: "VERBOSE", config: "MaxStartups 2:100:3", meanwhile: holds(2),
		},
		{
			name: "PerSourceMaxStartups is reached", in: span{since: release{8, 5}}, code: "max-startups", confidence: "likely", cause: "per-source-max-startups", also: []string{"max-startups"},
			config: "PerSourceMaxStartups 1", meanwhile: holds(1),
		},
	}
}
