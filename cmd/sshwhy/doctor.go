package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/inspect"
	"github.com/sshwhy/sshwhy/lang"
)

const doctorHelp = `Goes through the checks that a person makes on a server where logins fail:
does sshd run, listen and answer, does the firewall let clients through, and,
for a USER, does everything on the way permit a login: the account, the lists
of sshd_config, PAM, the methods, and the keys.

Each line says what was seen:
  ✓  right
  ✗  wrong: a login fails because of it; with the reason and what mends it
  !  works, and is worth knowing
  ?  could not be seen

It only looks: nothing is changed, no shell is started, and the programs that it
executes are listed in docs/security.md. As root it sees everything; as a user
it says what it could not see. It connects to the port once from this host,
which leaves a line in sshd's log.

The exit code is 1 where something is wrong, otherwise 0.`

const doctorExamples = `  sudo sshwhy doctor                      why is the connection refused?
  sudo sshwhy doctor tanja                why is permission denied?
  sudo sshwhy doctor tanja --from 203.0.113.7 --key tanja.pub
  sudo sshwhy doctor tanja --output json | jq '.checks[] | select(.mark == "bad")'`

type doctorOptions struct {
	from, key, fingerprint, method string
	port                           uint16
	runCommands, noAdvice          bool
	output                         string
	displayOptions
}

func newDoctor(io streams) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:     "doctor [flags] [USER]",
		Short:   "check this host: why a connection is refused, or a login denied",
		Long:    doctorHelp,
		Example: doctorExamples,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			user := ""
			if len(args) > 0 {
				user = args[0]
			}
			return doctor(cmd.Context(), io, &o, user)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "the client's address: lists, firewall and bans are judged for it")
	f.Uint16Var(&o.port, "port", 0, "the port that the client uses")
	f.StringVar(&o.method, "method", "", "the way the client comes: publickey, password or keyboard-interactive")
	f.StringVar(&o.key, "key", "", "a public key or certificate (a .pub file): is it accepted for the user, and if not why")
	f.StringVar(&o.fingerprint, "fingerprint", "", "the same for the key with this fingerprint (SHA256:…)")
	f.BoolVar(&o.runCommands, "run-commands", false, "run AuthorizedKeysCommand, as sshd does")
	f.BoolVar(&o.noAdvice, "no-advice", false, "leave out what could be better")
	f.StringVar(&o.output, "output", "text", "form of the output: text or json")
	o.displayOptions.register(cmd)
	return cmd
}

func doctor(ctx context.Context, io streams, o *doctorOptions, user string) error {
	question, err := o.question(user)
	if err != nil {
		return err
	}
	d, err := newDiagnosis(io, o, user)
	if err != nil {
		return err
	}
	host := inspect.This()
	examiner := inspect.Doctor{Host: host, Classify: d.classify}
	found := examiner.Examine(ctx, question)
	d.checks = found.Checks
	if !o.noAdvice {
		d.checks = append(d.checks, found.Advise(host, d.logins(ctx))...)
	}
	if ctx.Err() != nil {
		return exitError{errors.New("interrupted"), exitCancelled}
	}
	if err := d.write(); err != nil {
		return writing(err)
	}
	if d.count(inspect.Bad) > 0 {
		return exitError{errors.New(""), exitFound} // the checklist says it
	}
	return nil
}

// question reads the flags.
func (o *doctorOptions) question(user string) (inspect.Question, error) {
	q := inspect.Question{User: user, Port: o.port, Method: o.method, Key: o.fingerprint, RunCommands: o.runCommands}
	switch o.method {
	case "", "publickey", "password", "keyboard-interactive":
	default:
		return q, fmt.Errorf("there is no method %q; there is publickey, password and keyboard-interactive", o.method)
	}
	if o.from != "" {
		a, err := netip.ParseAddr(o.from)
		if err != nil {
			return q, hinted{fmt.Errorf("--from %q is no address", o.from), "give the client's address as the server sees it, for example 203.0.113.7"}
		}
		q.From = a.Unmap()
	}
	if o.fingerprint != "" && !strings.HasPrefix(o.fingerprint, "SHA256:") {
		return q, hinted{fmt.Errorf("--fingerprint %q: SHA256: is not in front of it", o.fingerprint), "ssh-keygen -lf FILE.pub prints it"}
	}
	if user == "" && (o.key != "" || o.fingerprint != "" || o.method != "") {
		return q, hinted{errors.New("--key, --fingerprint and --method are about a user, and none is named"), "sshwhy doctor tanja --key tanja.pub"}
	}
	if o.key != "" {
		if err := readKey(o.key, &q); err != nil {
			return q, err
		}
	}
	return q, nil
}

// maxKeyFile is more than any public key.
const maxKeyFile = 64 << 10

// readKey reads a public key or a certificate.
func readKey(path string, q *inspect.Question) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading the key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return fmt.Errorf("reading the key: %w", err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		if strings.Contains(string(text), "PRIVATE KEY") {
			return hinted{fmt.Errorf("%q is a private key", path), "give the public one, which ends in .pub; the private one should not be on this host"}
		}
		kind, print, ok := inspect.PublicKey(text)
		switch {
		case ok && inspect.IsCertificate(kind):
			return fmt.Errorf("%q holds a certificate of type %s, which cannot be judged here", path, kind)
		case ok:
			q.Key, q.KeyKind = print, kind
			return nil
		}
		return fmt.Errorf("%q holds no public key: %w", path, err)
	}
	if c, ok := key.(*ssh.Certificate); ok {
		q.Certificate, key = c, c.Key
	}
	q.Key, q.KeyKind = ssh.FingerprintSHA256(key), key.Type()
	return nil
}

// diagnosis writes a checklist.
type diagnosis struct {
	classes
	io      streams
	user    string
	output  string
	color   bool
	words   *lang.Doctor
	general *lang.Words
	checks  []inspect.Check
	out     *bufio.Writer
}

func newDiagnosis(io streams, o *doctorOptions, user string) (*diagnosis, error) {
	language, color, err := o.display(io.out)
	if err != nil {
		return nil, err
	}
	if o.output != "text" && o.output != "json" {
		return nil, fmt.Errorf("there is no output %q for doctor; there is text and json", o.output)
	}
	c, err := newClasses()
	if err != nil {
		return nil, err
	}
	return &diagnosis{
		classes: *c, io: io, user: user, output: o.output, color: color,
		words: lang.DoctorIn(language), general: lang.For(language), out: bufio.NewWriter(io.out),
	}, nil
}

func (d *diagnosis) count(m inspect.Mark) int {
	n := 0
	for i := range d.checks {
		if d.checks[i].Mark == m {
			n++
		}
	}
	return n
}

// cause gives what an id stands for: an entry of the catalogue, or one of those
// that only a look at the host can tell.
func (d *diagnosis) cause(id string) *causes.Cause {
	if c := d.catalogue.Cause(d.catalogue.Find(id)); c != nil {
		return c
	}
	return lang.DoctorCause(id)
}

// observed is a line of the output.
type observed struct {
	Layer  string            `json:"layer"`
	Mark   string            `json:"mark"`
	Check  string            `json:"check,omitempty"`
	Cause  string            `json:"cause,omitempty"`
	Text   string            `json:"text"`
	Why    string            `json:"why,omitempty"`
	See    string            `json:"see,omitempty"`
	Remedy []step            `json:"remedy,omitempty"`
	Values map[string]string `json:"values,omitempty"`
}

// observe puts a check into words.
func (d *diagnosis) observe(c *inspect.Check) observed {
	values := causes.Values(c.Value)
	o := observed{Layer: string(c.Layer), Mark: c.Mark.String(), Check: c.Seen, Cause: c.Cause, Values: map[string]string{}}
	for _, v := range c.Values {
		if v.Text != "" {
			o.Values[v.Field.String()] = sshwhy.Printable(v.Text)
		}
	}
	if cause := d.cause(c.Cause); cause != nil {
		language := d.general.Language
		o.Text, o.Why = cause.Reason(language, values), cause.Texts[language].Means
		for _, a := range cause.Steps(language, values) {
			o.Remedy = append(o.Remedy, step{a.Where, a.Do, a.Run, a.Warning})
		}
		return o
	}
	o.Text, o.Why, _ = d.words.Said(c.Seen, values)
	if c.Mark != inspect.Good {
		o.See = d.words.Command(c.Seen, values)
	}
	return o
}

func (d *diagnosis) write() error {
	if d.output == "json" {
		return d.json()
	}
	d.text()
	return d.out.Flush()
}

func (d *diagnosis) json() error {
	all := make([]observed, len(d.checks))
	for i := range d.checks {
		all[i] = d.observe(&d.checks[i])
	}
	e := json.NewEncoder(d.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(map[string]any{"user": d.user, "wrong": d.count(inspect.Bad), "unseen": d.count(inspect.Unknown), "checks": all})
	if err != nil {
		return err
	}
	return d.out.Flush()
}

var signs = map[inspect.Mark]struct{ sign, color string }{
	inspect.Good: {"✓", "32"}, inspect.Bad: {"✗", "1;31"}, inspect.Advice: {"!", "33"}, inspect.Unknown: {"?", "36"},
}

// text writes the checklist for people.
func (d *diagnosis) text() {
	layer, part := inspect.Layer(""), ""
	for i := range d.checks {
		c := &d.checks[i]
		if title := d.part(c.Layer); title != part {
			if part != "" {
				fmt.Fprintln(d.out)
			}
			part = title
			fmt.Fprintf(d.out, "%s\n", title)
		}
		heading := ""
		if c.Layer != layer {
			layer, heading = c.Layer, d.words.Layers[string(c.Layer)]
		}
		d.line(heading, c)
	}
	fmt.Fprintln(d.out)
	d.total()
}

// part gives the title under which a layer stands.
func (d *diagnosis) part(l inspect.Layer) string {
	switch l {
	case inspect.LayerService, inspect.LayerConfig, inspect.LayerListen, inspect.LayerNetwork:
		return d.words.Service
	case inspect.LayerAdvice:
		return d.words.Layers[string(l)]
	}
	return fmt.Sprintf(d.words.User, sshwhy.Printable(d.user))
}

const (
	headingWidth = 17 // of the column with the layers' names
	doctorWidth  = 100
)

// line writes one check.
func (d *diagnosis) line(heading string, c *inspect.Check) {
	if c.Layer == inspect.LayerAdvice {
		heading = ""
	}
	o := d.observe(c)
	sign := signs[c.Mark]
	mark := sign.sign
	if d.color {
		mark = "\x1b[" + sign.color + "m" + mark + "\x1b[0m"
	}
	text := o.Text
	if o.Cause != "" {
		text += "  [" + o.Cause + "]"
	}
	indent := strings.Repeat(" ", headingWidth+4)
	pad := strings.Repeat(" ", max(0, headingWidth-lang.Width(heading)))
	for i, l := range lang.Wrap(text, doctorWidth-headingWidth-4) {
		if i == 0 {
			fmt.Fprintf(d.out, "  %s%s%s %s\n", heading, pad, mark, l)
		} else {
			fmt.Fprintf(d.out, "%s%s\n", indent, l)
		}
	}
	if c.Mark == inspect.Good {
		return
	}
	d.labelled(d.words.Why, o.Why)
	if o.See != "" {
		label := d.words.See
		if c.Layer == inspect.LayerAdvice {
			label = d.words.Fix
		}
		d.command(label, o.See)
	}
	label := d.words.Fix
	for _, s := range o.Remedy {
		do := s.Do
		if s.Where != "server" {
			do = "[" + d.general.Where(s.Where) + "] " + do
		}
		d.labelled(label, do)
		label = ""
		if s.Warning != "" {
			d.labelled("", s.Warning)
		}
		if s.Run != "" {
			d.command("", s.Run)
		}
	}
}

func (d *diagnosis) labelled(label, text string) {
	if text == "" {
		return
	}
	indent := strings.Repeat(" ", headingWidth+4)
	for _, l := range lang.Wrap(text, doctorWidth-headingWidth-10) {
		fmt.Fprintf(d.out, "%s%s%s%s\n", indent, label, strings.Repeat(" ", max(1, 6-lang.Width(label))), l)
		label = ""
	}
}

// command writes a command on a line of its own, to be copied.
func (d *diagnosis) command(label, run string) {
	indent := strings.Repeat(" ", headingWidth+4)
	pad := strings.Repeat(" ", max(1, 6-lang.Width(label)))
	for l := range strings.SplitSeq(run, "\n") {
		fmt.Fprintf(d.out, "%s%s%s  %s\n", indent, label, pad, l)
		label, pad = "", "      "
	}
}

// total sums up.
func (d *diagnosis) total() {
	parts := []string{d.words.Nothing}
	if n := d.count(inspect.Bad); n > 0 {
		parts[0] = fmt.Sprintf(d.words.Found, n)
	}
	if n := d.count(inspect.Unknown); n > 0 {
		parts = append(parts, fmt.Sprintf(d.words.Unseen, n))
	}
	fmt.Fprintln(d.out, strings.Join(parts, "; "))
	if os.Geteuid() > 0 {
		hint := d.words.AsRoot
		if d.user != "" {
			hint += " " + sshwhy.Printable(d.user)
		}
		fmt.Fprintln(d.out, hint)
	}
}
