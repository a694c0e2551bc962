package inspect

import (
	"context"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

const configPath = "/etc/ssh/sshd_config"

// Config is the configuration in force, as sshd itself prints it: keywords in
// lower case, whatever the release spells, each with its lines in their order.
type Config map[string][]string

// first gives the first line of a keyword, "" where there is none.
func (c Config) first(keyword string) string {
	if list := c[keyword]; len(list) > 0 {
		return list[0]
	}
	return ""
}

// is tells whether a keyword is yes, which 10.6 spells true for some.
func (c Config) is(keyword string) bool {
	return slices.Contains([]string{"yes", "true"}, c.first(keyword))
}

// words gives the words of all lines of a keyword.
func (c Config) words(keyword string) []string {
	return strings.Fields(strings.Join(c[keyword], " "))
}

// kbdint tells whether keyboard-interactive is on, which had another name
// before OpenSSH 8.7.
func (c Config) kbdint() bool {
	return c.is("kbdinteractiveauthentication") || c.is("challengeresponseauthentication") && c["kbdinteractiveauthentication"] == nil
}

// algorithms gives the signature algorithms that are accepted of users' keys.
func (c Config) algorithms() []string {
	for _, keyword := range []string{"pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes"} {
		if v := c.first(keyword); v != "" {
			return strings.Split(v, ",")
		}
	}
	return nil
}

func parseConfig(text string) Config {
	c := Config{}
	for line := range strings.Lines(text) {
		keyword, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if keyword != "" {
			keyword = strings.ToLower(keyword)
			c[keyword] = append(c[keyword], strings.TrimSpace(value))
		}
	}
	return c
}

// asked is a question to sshd for its configuration.
type asked struct {
	config Config // nil where sshd did not tell
	// unfit says that sshd would not start as things are.
	unfit bool
	// said are the lines that sshd wrote about it.
	said []string
	err  error
}

// effective asks sshd for the configuration in force, for a connection where
// that matters. Where sshd cannot read its host keys, as for all users but root,
// it comes from releases that can print it without them (9.3 and later).
func (h *Host) effective(ctx context.Context, invocation, connection []string) asked {
	a := h.ask(ctx, "-T", invocation, connection)
	if a.config != nil || a.err != nil {
		return a
	}
	if g := h.ask(ctx, "-G", invocation, connection); g.config != nil {
		a.config = g.config
	}
	return a
}

func (h *Host) ask(ctx context.Context, flag string, invocation, connection []string) asked {
	args := append([]string{flag}, invocation...)
	if connection != nil {
		args = append(args, "-C", strings.Join(connection, ","))
	}
	o, err := h.Execute(ctx, SSHD, args...)
	if err != nil {
		return asked{err: err}
	}
	a := asked{said: lines(string(o.Err)), unfit: o.Status != 0}
	if o.Status == 0 {
		a.config = parseConfig(string(o.Out))
	}
	return a
}

// connection is what sshd -C takes. Before OpenSSH 9 it needs user, host and
// address together.
func connection(user string, from netip.Addr, to netip.AddrPort) []string {
	address := nowhere
	if from.IsValid() {
		address = from.String()
	}
	c := []string{"user=" + user, "host=" + address, "addr=" + address}
	if to.IsValid() && !to.Addr().IsUnspecified() {
		c = append(c, "laddr="+to.Addr().String())
	}
	if to.Port() != 0 {
		c = append(c, "lport="+strconv.Itoa(int(to.Port())))
	}
	return c
}

// nowhere stands for a client that is not known: an address of those for
// documentation, which no Match block names.
const nowhere = "198.51.100.1"

func lines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// maxIncludes bounds what sshd_config may include, sshd at a depth of 16.
const maxIncludes = 256

// newest gives the file of the configuration that was changed last: main
// itself, or one that it includes.
func (h *Host) newest(main string) (file string, changed time.Time) {
	todo, seen := []string{main}, map[string]bool{}
	for len(todo) > 0 && len(seen) < maxIncludes {
		name := todo[0]
		todo = todo[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		c, err := h.Files.Read(name, maxConfig)
		if err != nil {
			continue
		}
		if c.Modified.After(changed) {
			file, changed = name, c.Modified
		}
		todo = append(todo, h.included(string(c.Text))...)
	}
	return file, changed
}

// included gives the files that a configuration includes.
func (h *Host) included(text string) []string {
	var files []string
	for line := range strings.Lines(text) {
		words := strings.Fields(strings.Replace(line, "=", " ", 1))
		if len(words) < 2 || !strings.EqualFold(words[0], "Include") {
			continue
		}
		for _, pattern := range words[1:] {
			pattern = strings.Trim(pattern, `"`)
			if !strings.HasPrefix(pattern, "/") {
				pattern = path.Join("/etc/ssh", pattern)
			}
			found, _ := matching(h.Files, pattern)
			files = append(files, found...)
		}
	}
	return files
}

// stands gives where a keyword stands in the configuration's files, of several
// the first. That is for people: what counts is what sshd says.
func (h *Host) stands(main, keyword string) (file string, line int) {
	todo := []string{main}
	for i := 0; i < len(todo) && i < maxIncludes; i++ {
		text := h.text(todo[i])
		n := 0
		for l := range strings.Lines(text) {
			n++
			words := strings.Fields(strings.Replace(l, "=", " ", 1))
			if len(words) > 1 && strings.EqualFold(words[0], keyword) {
				return todo[i], n
			}
		}
		todo = append(todo, h.included(text)...)
	}
	return "", 0
}
