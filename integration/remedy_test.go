//go:build integration && linux

package integration

import (
	"regexp"
	"strings"
)

// placeholder is a value that sshwhy leaves to the reader.
var placeholder = regexp.MustCompile(`<[A-Z][A-Z0-9 ]+>`)

// placeholders are the values that are the same in every scenario.
func placeholders() map[string]func(*box) string {
	return map[string]func(*box) string{
		"<SERVER>":             text("server"),
		"<YOUR NAME>":          text("alice"),
		"<KEY FILE>":           text(carolHome + "/.ssh/id_ed25519"),
		"<PUBLIC KEY FILE>":    text(carolHome + "/.ssh/id_ed25519.pub"),
		"<PUBLIC KEY>":         contents(carolHome + "/.ssh/id_ed25519.pub"),
		"<NEW KEY FILE>":       text(carolHome + "/.ssh/id_new"),
		"<NEW PUBLIC KEY>":     contents(carolHome + "/.ssh/id_new.pub"),
		"<BASE64 OF THE KEY>":  func(b *box) string { return strings.Fields(b.read(carolHome + "/.ssh/id_ed25519.pub"))[1] },
		"<CA KEY>":             text("/srv/ca/ca"),
		"<CA PUBLIC KEY>":      contents("/srv/ca/ca.pub"),
		"<NEW CERTIFICATE>":    text("/srv/ca/id_ed25519-cert.pub"),
		"<COMMAND>":            text("echo in"),
		"<USER NAME>":          text("alice"),
		"<YYYYMMDD>":           text("20991231"),
		"<PERMITTED NETWORKS>": text("198.51.100.0/24"),
		"<JUMP HOST>":          text("jump"),
		"<PRINCIPAL>":          text("alice"),
		"<LOCAL PORT>":         text("18080"),
		"<TARGET>":             text("127.0.0.1"),
		"<TARGET PORT>":        text("22"),
		"<FREE PORT>":          text("18081"),
		"<FILE>":               text("/etc/hostname"),
		"<COPY OF THE LIST>":   text("/srv/backup/revoked_keys"),
		"<OPTIONS AND PUBLIC KEY>": func(b *box) string {
			return `no-agent-forwarding ` + strings.TrimSpace(b.read(carolHome+"/.ssh/id_ed25519.pub"))
		},
	}
}

func text(s string) func(*box) string { return func(*box) string { return s } }

func contents(path string) func(*box) string {
	return func(b *box) string { return strings.TrimSpace(b.read(path)) }
}

// mend follows the remedy.
func (b *box) mend(s *scenario, steps []step) {
	taken := 0
	for _, step := range steps {
		if step.Run == "" || !b.takes(s, &step) {
			continue
		}
		taken++
		b.follow(s, &step)
	}
	if taken == 0 {
		b.fatalf("no step of the remedy was taken: %+v", steps)
	}
}

// takes tells whether a step is on the way that the scenario chose. The care
// around a change of sshd_config belongs to every way.
func (b *box) takes(s *scenario, step *step) bool {
	if step.Where == "admin" || step.Where == "ca" && !b.hasCA {
		return false
	}
	if s.take == nil || strings.Contains(step.Run, ".bak.$(date") || strings.Contains(step.Run, "systemctl reload") {
		return true
	}
	for _, words := range s.take {
		if strings.Contains(step.Do, words) || strings.Contains(step.Run, words) {
			return true
		}
	}
	return false
}

// follow runs the command of a step where it is to be run.
func (b *box) follow(s *scenario, step *step) {
	line := placeholder.ReplaceAllStringFunc(step.Run, func(name string) string {
		value := s.fill[name]
		if value == nil {
			value = placeholders()[name]
		}
		if value == nil {
			b.errorf("nobody knows the value of %s in the step %q", name, step.Do)
			return name
		}
		return value(b)
	})
	var r result
	if step.Where == "client" {
		r = b.asClient(s.password, s.input, line)
	} else {
		r = b.asRoot(s.input, line)
	}
	b.notef("%s: %s\n$ %s\n%s(status %d)", step.Where, step.Do, line, r.output, r.status)
	switch {
	case r.status == 126 || r.status == 127 || strings.Contains(r.output, "Syntax error"):
		b.errorf("the command of the step %q cannot be run as it is printed:\n%s\n%s", step.Do, line, r.output)
	case r.status != 0 && !looking(line):
		b.errorf("the command of the step %q fails with status %d:\n%s\n%s", step.Do, r.status, line, r.output)
	}
}

// looking tells whether a command only looks at something: then nothing to see,
// or something bad, is no failure.
func looking(line string) bool {
	for _, word := range []string{"grep ", "ls ", "getent ", "ss ", "who ", "id ", "head ", "nc ", "passwd -S ", "namei ", "journalctl ", "sshd -T ", "mkdir -p /run/sshd && sshd -t "} {
		if strings.HasPrefix(line, word) {
			return true
		}
	}
	return false
}
