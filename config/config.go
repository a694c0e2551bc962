// Package config reads the configuration of the service, strictly: whatever it
// does not know is an error with the line that it stands in, and all errors are
// told at once. Nothing else reads it, and nothing changes it afterwards: a
// reload makes another one, or keeps the old.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
)

// Config is the configuration of "sshwhy run". The zero value of every field
// means the default that its comment names; Read fills them in.
type Config struct {
	// Language of what people read: en or ja; en.
	Language string `mapstructure:"language"`
	// Timezone of times without one, and of those that people read; the
	// host's.
	Timezone string `mapstructure:"timezone"`
	// State is the directory of the ledger; $STATE_DIRECTORY (systemd.exec(5))
	// or /var/lib/sshwhy.
	State string `mapstructure:"state"`
	// Runtime is the directory of the control socket; $RUNTIME_DIRECTORY or
	// /run/sshwhy.
	Runtime string `mapstructure:"runtime"`
	// Listen is the address of /metrics, /healthz and /readyz, as
	// 127.0.0.1:9222; empty for none.
	Listen string `mapstructure:"listen"`
	// LoginGraceTime is that of the sshd whose log is read; 2m.
	LoginGraceTime time.Duration `mapstructure:"login_grace_time"`
	// Log is the program's own log.
	Log Log `mapstructure:"log"`
	// Sources are what is followed; one that is "auto" if empty.
	Sources []Source `mapstructure:"sources"`
	// Inspect is the look at this host when its log does not tell.
	Inspect Inspect `mapstructure:"inspect"`
	// Alerts are the rules by which findings become alerts.
	Alerts Alerts `mapstructure:"alerts"`
	// Sinks are where findings and alerts go; standard output if empty.
	Sinks []Sink `mapstructure:"sinks"`
}

// Log is the program's own log, on standard error.
type Log struct {
	// Level is debug, info, warn or error; info.
	Level string `mapstructure:"level"`
	// Format is json or text; json unless standard error is a terminal.
	Format string `mapstructure:"format"`
}

// Source is a log that is followed. A plain value stands for its path.
type Source struct {
	// Path is a file or a glob, "journal", "auto" for what the host has, or -
	// for standard input.
	Path string `mapstructure:"path" short:"true"`
	// Timezone is that of its times, where it differs.
	Timezone string `mapstructure:"timezone"`
	// Directory is that of another journal than the host's.
	Directory string `mapstructure:"directory"`
	// FromStart reads what is there already when it is first seen.
	FromStart bool `mapstructure:"from_start"`
}

// Inspect is the look at this host when its log does not tell.
type Inspect struct {
	// Enabled looks at the host after a failure that the log does not explain;
	// false.
	Enabled bool `mapstructure:"enabled"`
	// Socket is that of the process that may read what only root can;
	// /run/sshwhy-inspect.sock.
	Socket string `mapstructure:"socket"`
}

// Alerts are the rules by which findings become alerts.
type Alerts struct {
	// Defaults keeps the shipped rules in force beside those of Rules; true.
	// A rule of the same name takes the place of a shipped one.
	Defaults *bool `mapstructure:"defaults"`
	// Rules are your own.
	Rules []Rule `mapstructure:"rules"`
}

// Rule is an alert rule: see docs/alerts.md.
type Rule struct {
	// Name is the name that messages and silences use.
	Name string `mapstructure:"name"`
	// When says which findings count.
	When string `mapstructure:"when"`
	// By are the facts that the findings of one alert share; none puts all
	// into one.
	By []string `mapstructure:"by"`
	// AtLeast is how many findings make an alert; 1.
	AtLeast int `mapstructure:"at_least"`
	// Users is how many different users they must have; any number.
	Users int `mapstructure:"users"`
	// Within is the window; 10m.
	Within time.Duration `mapstructure:"within"`
	// RemindEvery tells again while it goes on; never.
	RemindEvery time.Duration `mapstructure:"remind_every"`
	// ResolveAfter is how long without a finding ends it; as within.
	ResolveAfter time.Duration `mapstructure:"resolve_after"`
	// ResolveWhen says which findings end it.
	ResolveWhen string `mapstructure:"resolve_when"`
	// ResolveBy are the facts that such a finding must share with it.
	ResolveBy []string `mapstructure:"resolve_by"`
	// Unless are rules that silence this one.
	Unless []string `mapstructure:"unless"`
	// UnlessBy are the facts that an alert of such a rule must share.
	UnlessBy []string `mapstructure:"unless_by"`
	// Burst is how many alerts may begin within a minute; 5.
	Burst int `mapstructure:"burst"`
	// Digest makes one message each such period instead.
	Digest time.Duration `mapstructure:"digest"`
	// To are the sinks that get it; all.
	To []string `mapstructure:"to"`
	// Off takes a shipped rule of the name out of force.
	Off bool `mapstructure:"off"`
}

// Sink is a place where findings and alerts go. Which keys a type takes is told
// by Types.
type Sink struct {
	// Name is the name that rules and commands use; the type.
	Name string `mapstructure:"name"`
	// Type is one of those below.
	Type string `mapstructure:"type"`
	// Send is findings, alerts or all; the type's own if empty.
	Send string `mapstructure:"send"`
	// Language is that of its texts; the configuration's.
	Language string `mapstructure:"language"`

	// URL is where it is sent to.
	URL string `mapstructure:"url"`
	// URLFile holds the URL.
	URLFile string `mapstructure:"url_file"`
	// Token is for bearer authentication; for slack it is the bot's (xoxb-…).
	Token string `mapstructure:"token"`
	// TokenFile holds the token.
	TokenFile string `mapstructure:"token_file"`
	// User is for basic authentication.
	User string `mapstructure:"user"`
	// Password goes with user.
	Password string `mapstructure:"password"`
	// PasswordFile holds the password.
	PasswordFile string `mapstructure:"password_file"`
	// Secret signs every request (HMAC-SHA256): see docs/webhook.md.
	Secret string `mapstructure:"secret"`
	// SecretFile holds the secret.
	SecretFile string `mapstructure:"secret_file"`
	// Channel is that of slack, for a bot token.
	Channel string `mapstructure:"channel"`
	// Tenant is the X-Scope-OrgID of loki.
	Tenant string `mapstructure:"tenant"`
	// Job is the label of that name in loki; sshwhy.
	Job string `mapstructure:"job"`
	// Headers are sent with every request.
	Headers []Header `mapstructure:"headers"`
	// Template is a file with a Go template that makes the body of a webhook.
	Template string `mapstructure:"template"`
	// Batch is how many findings go into one request; for a webhook 1, for
	// loki 2000.
	Batch int `mapstructure:"batch"`
	// Path is the file that is written.
	Path string `mapstructure:"path"`
	// MaxSize is when a file is put aside and another begun; never, then
	// SIGHUP opens it anew for logrotate.
	MaxSize Size `mapstructure:"max_size"`
	// Keep is how many files that were put aside are kept; 5.
	Keep int `mapstructure:"keep"`
	// Timeout is for one request; 30s.
	Timeout time.Duration `mapstructure:"timeout"`
	// Proxy is that of this sink; else HTTPS_PROXY and NO_PROXY count.
	Proxy string `mapstructure:"proxy"`
	// CA holds the certificates that are trusted, instead of the host's.
	CA string `mapstructure:"ca_file"`
	// Cert holds a client certificate, for mutual TLS.
	Cert string `mapstructure:"cert_file"`
	// Key holds its key.
	Key string `mapstructure:"key_file"`
	// Pseudonyms replaces names and addresses by masks that are made with
	// the secret in the file: the same one always by the same.
	Pseudonyms string `mapstructure:"pseudonyms_file"`

	// QueueSize bounds what waits for the sink while it is down; 256MiB. The
	// oldest makes way, and it is counted and told.
	QueueSize Size `mapstructure:"queue_size"`
	// QueueAge bounds how long it waits; 7d.
	QueueAge time.Duration `mapstructure:"queue_age"`
}

// Header is a header of a request. Names and values stand in lists: keys of
// the file are not told apart by case.
type Header struct {
	// Name is the header's.
	Name string `mapstructure:"name"`
	// Value is what it says.
	Value string `mapstructure:"value"`
	// ValueFile holds the value.
	ValueFile string `mapstructure:"value_file"`
}

// Read reads a configuration file. Its errors are *Problems, or those of the
// operating system.
func Read(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
			return nil, fmt.Errorf("reading the configuration: %s is a folder, not a file", path)
		}
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse reads a configuration from its text; file is the name for errors.
func Parse(file string, text []byte) (*Config, error) {
	c := &Config{}
	d := read(file, text, c)
	if err := d.err(); err != nil {
		return nil, err
	}
	if err := d.decode(text, c); err != nil {
		return nil, err
	}
	d.expandAll(c)
	d.secrets(c)
	d.check(c)
	c.fill()
	return c, d.err()
}

// expandAll puts in environment variables, but not into rules: there a dollar
// sign is a part of the language.
func (d *document) expandAll(c *Config) {
	rules := c.Alerts
	c.Alerts = Alerts{}
	d.expand(reflect.ValueOf(c).Elem(), "")
	c.Alerts = rules
}

// maxSecret bounds what is read from a file for a secret, in bytes.
const maxSecret = 64 << 10

// secrets reads the files that hold secrets into the fields that they stand
// for. A line end at the end is not a part of a secret.
func (d *document) secrets(c *Config) {
	for i := range c.Sinks {
		s, key := &c.Sinks[i], fmt.Sprintf("sinks[%d].", i)
		d.secret(&s.URL, s.URLFile, key+"url")
		d.secret(&s.Token, s.TokenFile, key+"token")
		d.secret(&s.Password, s.PasswordFile, key+"password")
		d.secret(&s.Secret, s.SecretFile, key+"secret")
		for j := range s.Headers {
			h := &s.Headers[j]
			d.secret(&h.Value, h.ValueFile, fmt.Sprintf("%sheaders[%d].value", key, j))
		}
		d.secret(nil, s.Pseudonyms, key+"pseudonyms")
	}
}

func (d *document) secret(into *string, path, key string) {
	switch {
	case path == "":
		return
	case into != nil && *into != "":
		d.add(key+"_file", "%s stands here as well", "leave one of the two out", key[strings.LastIndexByte(key, '.')+1:])
		return
	}
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		d.add(key+"_file", "%s", "", err)
	case len(text) == 0 || len(text) > maxSecret:
		d.add(key+"_file", "%s has %d bytes, and no secret has", "", path, len(text))
	case into != nil:
		*into = strings.TrimRight(string(text), "\r\n")
	}
}

// fill puts in the defaults.
func (c *Config) fill() {
	fill(&c.Language, "en")
	fill(&c.State, os.Getenv("STATE_DIRECTORY"), "/var/lib/sshwhy")
	fill(&c.Runtime, os.Getenv("RUNTIME_DIRECTORY"), "/run/sshwhy")
	fill(&c.Log.Level, "info")
	fill(&c.Inspect.Socket, "/run/sshwhy-inspect.sock")
	if len(c.Sources) == 0 {
		c.Sources = []Source{{Path: "auto"}}
	}
	if len(c.Sinks) == 0 {
		c.Sinks = []Sink{{Name: "stdout", Type: "stdout"}}
	}
	for i := range c.Sinks {
		s := &c.Sinks[i]
		fill(&s.Name, s.Type)
		fill(&s.Language, c.Language)
		fill(&s.Send, types[s.Type].send)
		if s.QueueSize == 0 {
			s.QueueSize = 256 << 20
		}
		if s.QueueAge == 0 {
			s.QueueAge = 7 * 24 * time.Hour
		}
	}
}

// fill takes the first text that is not empty.
func fill(into *string, texts ...string) {
	for _, t := range texts {
		if *into == "" {
			*into = t
		}
	}
}

// Ledger is the path of the ledger.
func (c *Config) Ledger() string { return filepath.Join(c.State, "ledger") }

// Control is the path of the control socket.
func (c *Config) Control() string { return filepath.Join(c.Runtime, "control.sock") }
