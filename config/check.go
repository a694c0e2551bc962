package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy/alerts"
	"github.com/sshwhy/sshwhy/causes"
)

// kind is what a type of sink takes.
type kind struct {
	send  string   // what it is sent unless the configuration says otherwise
	needs []string // keys that it must have
	takes []string // keys that it may have
}

// network are the keys of every sink that is reached by HTTP.
var network = []string{"url", "url_file", "timeout", "proxy", "ca_file", "cert_file", "key_file", "queue_size", "queue_age", "headers"}

// types are the sinks that there are.
var types = map[string]kind{
	"stdout":       {send: "all"},
	"file":         {send: "all", needs: []string{"path"}, takes: []string{"max_size", "keep", "queue_size", "queue_age"}},
	"webhook":      {send: "all", needs: []string{"url"}, takes: append([]string{"token", "token_file", "user", "password", "password_file", "secret", "secret_file", "template", "batch"}, network...)},
	"slack":        {send: "alerts", takes: append([]string{"token", "token_file", "channel"}, network...)},
	"loki":         {send: "findings", needs: []string{"url"}, takes: append([]string{"tenant", "job", "token", "token_file", "user", "password", "password_file", "batch"}, network...)},
	"alertmanager": {send: "alerts", needs: []string{"url"}, takes: append([]string{"token", "token_file", "user", "password", "password_file"}, network...)},
	"shoutrrr":     {send: "alerts", needs: []string{"url"}, takes: []string{"url", "url_file", "queue_size", "queue_age"}},
}

// common are the keys that every sink takes.
var common = []string{"name", "type", "send", "language", "pseudonyms_file"}

// Types gives the names of the sinks that there are.
func Types() []string {
	var list []string
	for name := range types {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// check looks at what the values mean.
func (d *document) check(c *Config) {
	d.oneOf("language", c.Language, "en", "ja")
	d.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	d.oneOf("log.format", c.Log.Format, "json", "text")
	d.zone("timezone", c.Timezone)
	if c.Listen != "" {
		if _, port, err := net.SplitHostPort(c.Listen); err != nil || port == "" {
			d.add("listen", "%q is not an address with a port", "write 127.0.0.1:9222", c.Listen)
		}
	}
	d.checkSources(c.Sources)
	d.checkRules(c)
	for i := range c.Sinks {
		d.checkSink(c, i)
	}
}

func (d *document) oneOf(key, value string, list ...string) {
	if value != "" && !slices.Contains(list, value) {
		hint := "give " + strings.Join(list, " or ")
		if near := nearest(value, list); near != "" {
			hint = "did you mean " + near + "?"
		}
		d.add(key, "%q is not known", hint, value)
	}
}

func (d *document) zone(key, name string) {
	if _, err := time.LoadLocation(name); err != nil {
		d.add(key, "%q is no time zone", "give a name of the tz database, as Europe/Berlin, or UTC", name)
	}
}

// checkSources finds sources that cannot work, and those that bring the same
// lines twice: the journal, and the file that a syslog daemon writes from it.
func (d *document) checkSources(sources []Source) {
	seen := map[string]int{}
	journal, file := -1, -1
	for i, s := range sources {
		key := fmt.Sprintf("sources[%d]", i)
		d.zone(key+".timezone", s.Timezone)
		name := s.Path + "\x00" + s.Directory
		if before, ok := seen[name]; ok {
			d.add(key, "this is sources[%d] again", "", before)
		}
		seen[name] = i
		switch {
		case s.Path == "" && s.Directory == "":
			d.add(key, "the source has no path", `give a path, a glob, "journal" or "auto"`)
		case s.Directory != "" && s.Path != "" && s.Path != "journal":
			d.add(key+".directory", "a directory is for the journal alone", "")
		case s.Path == "auto":
			journal, file = i, i
			if len(sources) > 1 {
				d.checkAuto(sources, i)
			}
		case s.Path == "journal":
			journal = i
		case s.Path == "-":
		case !strings.HasPrefix(s.Path, "/"):
			d.add(key, "the path %q does not begin with /", "a service has no working directory to speak of", s.Path)
		default:
			if _, err := path.Match(s.Path, ""); err != nil {
				d.add(key, "the glob %q is wrong: %v", "", s.Path, err)
			}
			if local(s.Path) {
				file = i
			}
		}
	}
	if journal >= 0 && file >= 0 && journal != file && sources[journal].Directory == "" {
		d.add(fmt.Sprintf("sources[%d]", file), "sources[%d] is this host's journal: its sshd would be read twice", "keep one of the two", journal)
	}
}

// local tells the files that hold this host's own sshd.
func local(p string) bool {
	return slices.Contains([]string{"/var/log/auth.log", "/var/log/secure", "/var/log/messages", "/var/log/syslog"}, p)
}

func (d *document) checkAuto(sources []Source, auto int) {
	for i, s := range sources {
		if i != auto && (s.Path == "journal" && s.Directory == "" || local(s.Path)) {
			d.add(fmt.Sprintf("sources[%d]", i), "sources[%d] is auto, which may take the same log", "keep one of the two", auto)
		}
	}
}

// checkRules lets the alerter itself judge the rules.
func (d *document) checkRules(c *Config) {
	catalogue, err := causes.Load()
	if err != nil {
		d.add("alerts", "%v", "", err)
		return
	}
	for i, r := range c.Alerts.Rules {
		key := fmt.Sprintf("alerts.rules[%d]", i)
		if r.Off {
			if !slices.ContainsFunc(alerts.Defaults(), func(s alerts.Rule) bool { return s.Name == r.Name }) {
				d.add(key+".name", "no shipped rule is named %q", "", r.Name)
			}
			continue
		}
		one := alertRule(r)
		one.Unless = nil
		if _, err := alerts.New(catalogue, alerts.Options{Rules: []alerts.Rule{one}}); err != nil {
			d.add(key, "%s", "docs/alerts.md tells what a rule can say", strings.ReplaceAll(err.Error(), "\n", " "))
		}
		for _, name := range r.To {
			if !slices.ContainsFunc(c.Sinks, func(s Sink) bool { return s.Name == name || s.Name == "" && s.Type == name }) {
				d.add(key+".to", "there is no sink %q", "", name)
			}
		}
	}
	if len(d.problems) == 0 {
		if _, err := alerts.New(catalogue, alerts.Options{Rules: c.AlertRules()}); err != nil {
			d.add("alerts.rules", "%s", "", strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
}

// AlertRules gives the rules in force: the shipped ones, unless the
// configuration wants none, and its own.
func (c *Config) AlertRules() []alerts.Rule {
	rules := []alerts.Rule{}
	if c.Alerts.Defaults == nil || *c.Alerts.Defaults {
		rules = append(rules, alerts.Defaults()...)
	}
	for _, r := range c.Alerts.Rules {
		rules = slices.DeleteFunc(rules, func(s alerts.Rule) bool { return s.Name == r.Name })
	}
	for _, r := range c.Alerts.Rules {
		if !r.Off {
			rules = append(rules, alertRule(r))
		}
	}
	for i := range rules {
		rules[i].Unless = slices.DeleteFunc(slices.Clone(rules[i].Unless), func(name string) bool {
			return !slices.ContainsFunc(rules, func(o alerts.Rule) bool { return o.Name == name }) && isShipped(name)
		})
	}
	return rules
}

// isShipped tells the name of a shipped rule: others may name it in Unless
// although it is off.
func isShipped(name string) bool {
	return slices.ContainsFunc(alerts.Defaults(), func(r alerts.Rule) bool { return r.Name == name })
}

func alertRule(r Rule) alerts.Rule {
	return alerts.Rule{
		Name: r.Name, When: r.When, By: r.By, AtLeast: r.AtLeast, Users: r.Users, Within: r.Within, RemindEvery: r.RemindEvery, ResolveAfter: r.ResolveAfter,
		ResolveWhen: r.ResolveWhen, ResolveBy: r.ResolveBy, Unless: r.Unless, UnlessBy: r.UnlessBy, Burst: r.Burst, Digest: r.Digest, To: r.To,
	}
}

func (d *document) checkSink(c *Config, i int) {
	s, key := &c.Sinks[i], fmt.Sprintf("sinks[%d]", i)
	if s.Type == "" {
		d.add(key, "the sink has no type", "give "+strings.Join(Types(), ", "))
		return
	}
	d.oneOf(key+".type", s.Type, Types()...)
	k, ok := types[s.Type]
	if !ok {
		return
	}
	for j := range i {
		if other := &c.Sinks[j]; nameOf(other) == nameOf(s) {
			d.add(key, "sinks[%d] has the name %q as well", "give each a name of its own", j, nameOf(s))
		}
	}
	d.oneOf(key+".send", s.Send, "findings", "alerts", "all")
	d.oneOf(key+".language", s.Language, "en", "ja")
	d.checkKeys(s, k, key)
	if s.URL != "" && s.Type != "shoutrrr" {
		if u, err := url.Parse(s.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			d.add(key+".url", "this is not the URL of a web server", "it begins with https://")
		}
	}
	for _, file := range []struct{ name, path string }{{"ca_file", s.CA}, {"cert_file", s.Cert}, {"key_file", s.Key}, {"template", s.Template}} {
		if file.path != "" {
			if _, err := os.Stat(file.path); err != nil {
				d.add(key+"."+file.name, "%v", "", err)
			}
		}
	}
	if s.Type == "slack" && s.URL == "" && (s.Token == "" || s.Channel == "") {
		d.add(key, "slack needs the URL of an incoming webhook, or a bot token and a channel", "")
	}
	if (s.Cert == "") != (s.Key == "") {
		d.add(key, "a client certificate needs both cert_file and key_file", "")
	}
}

// checkKeys finds keys that a type of sink needs and has not, or has and does
// not take.
func (d *document) checkKeys(s *Sink, k kind, key string) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("mapstructure")
		if v.Field(i).IsZero() {
			if slices.Contains(k.needs, name) {
				d.add(key, "%s needs the key %s", "", s.Type, name)
			}
			continue
		}
		if _, written := d.keys[key+"."+name]; written && !slices.Contains(k.takes, name) && !slices.Contains(k.needs, name) && !slices.Contains(common, name) {
			d.add(key+"."+name, "%s does not take this key", "", s.Type)
		}
	}
}

func nameOf(s *Sink) string {
	if s.Name == "" {
		return s.Type
	}
	return s.Name
}

// Keys gives the keys that a type of sink needs, those that it may have, and
// what it is sent unless the configuration says otherwise.
func Keys(name string) (needs, takes []string, send string) {
	k := types[name]
	return k.needs, k.takes, k.send
}
