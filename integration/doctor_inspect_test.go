//go:build integration && linux

package integration

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/inspect"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/tailers"
)

// hidden is a login that fails for a reason of which sshd's log at LogLevel
// INFO does not tell, and what a look at the host makes of it.
type hidden struct {
	name    string
	level   string
	config  string
	arrange func(*box)
	// before goes on when sshd runs already; it may be nil.
	before func(*box)
	login  try
	// user is whom the login is for, alice where empty.
	user string
	// cause is what the finding must say in the end; "" where it must not
	// be sure of anything, because the login failed for another reason than
	// the one that the host has.
	cause string
	// certain says that it must be sure; otherwise it may be.
	certain bool
	// truth is what must then stay among the candidates, and never what
	// must not even be called likely.
	truth, never string
}

const hiddenVariable = "SSHWHY_HIDDEN"

// TestInspect lets logins fail of which the log does not tell why.
func TestInspect(t *testing.T) {
	if os.Getenv(hiddenVariable) != "" {
		t.Skip("inside a box")
	}
	needRoot(t)
	folder := newFolder(t)
	command(t, "install", "-m", "755", filepath.Join("testdata", "doctor-interrupt"), filepath.Join(folder, "bin"))
	enough(t, hiddenCauses())
	for _, h := range hiddenCauses() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			inBox(t, folder, "TestInspectInBox", hiddenVariable+"="+h.name)
		})
	}
}

// enough tells whether the table still holds what the documentation promises of
// LogLevel INFO: causes that are named, and logins that fail of another thing
// than the host has.
func enough(t *testing.T, table []hidden) {
	t.Helper()
	names, told, misled := map[string]bool{}, map[string]bool{}, 0
	for _, h := range table {
		if names[h.name] {
			t.Fatalf("two are named %q", h.name)
		}
		names[h.name] = true
		switch {
		case h.cause == "":
			misled++
		case h.level == "":
			told[h.cause] = true
		}
	}
	t.Logf("%d causes at INFO, %d logins that fail of something else", len(told), misled)
	if len(told) < 22 || misled < 12 {
		t.Errorf("%d causes and %d logins that fail of something else are not enough", len(told), misled)
	}
}

// TestInspectInBox is the part of TestInspect that runs inside a box.
func TestInspectInBox(t *testing.T) {
	name := os.Getenv(hiddenVariable)
	if name == "" {
		t.Skip("the inner part of TestInspect")
	}
	for _, h := range hiddenCauses() {
		if h.name == name {
			newBox(t, h.level).uncover(&h)
			return
		}
	}
	t.Fatalf("nothing hidden is named %q", name)
}

// uncover plays a login that fails, and judges the last revision.
func (b *box) uncover(h *hidden) {
	b.configure(h.config)
	if h.arrange != nil {
		h.arrange(b)
	}
	b.startSSHD()
	if h.before != nil {
		h.before(b)
	}
	if h.certain {
		// The log's times are whole seconds: what changed in the same
		// second may have changed after the login.
		begin := time.Now().Truncate(time.Second)
		b.until(func() bool { return time.Now().Truncate(time.Second).After(begin.Add(time.Second)) })
	}
	login := h.login
	if login == nil {
		login = byKey()
	}
	if login(b) {
		b.fatalf("the login succeeded, though it was arranged that it does not")
	}
	b.settled()
	f := b.settle(cmp.Or(h.user, "alice"))
	catalogue, err := causes.Load()
	b.must(err)
	code := catalogue.ID(f.Cause)
	b.notef("revision %d: %s (%s), seen %q", f.Revision, code, f.Confidence, f.evidence)
	switch {
	case h.cause != "":
		if code != h.cause || h.certain && f.Confidence != sshwhy.ConfidenceCertain {
			b.fatalf("the finding says %s (%s), not %s", code, f.Confidence, h.cause)
		}
	case f.Confidence == sshwhy.ConfidenceCertain || code == h.never:
		b.fatalf("the finding is %s of %s", f.Confidence, code)
	case code != h.truth && !slices.ContainsFunc(f.Candidates, func(id sshwhy.CauseID) bool { return catalogue.ID(id) == h.truth }):
		b.fatalf("%s is not among the candidates any more", h.truth)
	}
}

// settle follows the log through the loop, with a helper that looks at the
// host, and gives the last finding about a user in its last revision.
func (b *box) settle(user string) *verdict {
	const socket = "/run/sshwhy/inspect.sock"
	server := exec.Command("/mnt/box/bin/sshwhy", "inspect-server", "--socket", socket)
	var complaint bytes.Buffer
	server.Stderr = &complaint
	b.must(server.Start())
	defer func() { server.Process.Kill(); server.Wait() }()
	b.until(func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})

	messages, err := patterns.Load()
	b.must(err)
	catalogue, err := causes.Load()
	b.must(err)
	p, err := parser.New(messages, parser.Options{Zone: time.UTC})
	b.must(err)
	k, err := classifier.New(messages, catalogue, classifier.Options{Inspect: true})
	b.must(err)
	words := lang.DoctorIn(causes.English)
	asked := 0
	client := &inspect.Client{Path: socket}
	ctx, cancel := context.WithTimeout(b.t.Context(), 45*time.Second)
	defer cancel()
	done := func() { asked--; cancel() }
	source, err := inspect.NewSource(inspect.SourceOptions{
		Causes: catalogue, Hostname: "edge05",
		Inspect: func(ctx context.Context, q inspect.Asked) (inspect.Answer, error) {
			a, err := client.Inspect(ctx, q)
			if err != nil {
				b.notef("the helper says: %v", err)
				done() // nothing more comes
			}
			return a, err
		},
		Say: func(c *inspect.Check) string {
			if cause := catalogue.Cause(catalogue.Find(c.Cause)); cause != nil {
				return cause.Reason(causes.English, c.Value)
			}
			text, _, _ := words.Said(c.Seen, c.Value)
			return text
		},
	})
	b.must(err)
	sink := &lastFinding{user: user, revised: done}
	lines := &writtenLog{lines: strings.Split(strings.TrimSpace(b.readLog()), "\n")}
	loop := sshwhy.Loop{
		Source: &tailers.Merge{Sources: []sshwhy.Source{lines, source}, Every: 50 * time.Millisecond},
		Parser: p, Classifier: k, Sink: sink, Live: true,
		Trouble: func(err error) { b.errorf("trouble: %v", err) },
		Watch: func(ev *sshwhy.Event) {
			if !ev.Record.Tick || !lines.all() {
				return
			}
			// Of several connections the last is the one in question.
			if lines.ticks++; lines.ticks == 2 && sink.last != nil && source.Ask(&sink.last.Finding) {
				asked++
			}
			if lines.ticks > 20 && asked == 0 {
				cancel() // nobody was asked
			}
		},
	}
	if err := loop.Run(ctx); err != nil {
		b.fatalf("%v", err)
	}
	if sink.last == nil {
		b.fatalf("nothing was found; the helper says %q", complaint.String())
	}
	return sink.last
}

// verdict is what is kept of a finding.
type verdict struct {
	sshwhy.Finding
	evidence []string
}

// lastFinding keeps the last finding about a user, and says when it is revised.
type lastFinding struct {
	user    string
	revised func()
	last    *verdict
}

// Deliver implements sshwhy.Sink.
func (l *lastFinding) Deliver(f *sshwhy.Finding) error {
	if string(f.User) != l.user {
		return nil
	}
	l.last = &verdict{Finding: *f.Clone()}
	for _, e := range f.Evidence {
		l.last.evidence = append(l.last.evidence, string(e.Text))
	}
	if f.Revision > 1 {
		l.revised()
	}
	return nil
}

// writtenLog is a live source of a log that is written already.
type writtenLog struct {
	mu    sync.Mutex
	lines []string
	read  bool
	ticks int
}

func (w *writtenLog) all() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.read
}

// Records implements sshwhy.Source.
func (w *writtenLog) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		for _, line := range w.lines {
			if !yield(&sshwhy.Record{Text: []byte(line), Source: "auth.log"}, nil) {
				return
			}
		}
		if !yield(&sshwhy.Record{Tick: true}, nil) {
			return
		}
		w.mu.Lock()
		w.read = true
		w.mu.Unlock()
		<-ctx.Done()
	}
}

// hiddenCauses are those that the host tells, then those that it must not be
// taken in by.
func hiddenCauses() []hidden {
	const malformed, location = "authorized-keys-malformed", "authorized-keys-location"
	keys := func(text string) func(*box) { return func(b *box) { b.authorize(text) } }
	options := func(o string) func(*box) { return func(b *box) { b.authorize(o + " " + b.key()) } }
	off := "PasswordAuthentication no"
	rsaOnly := func(b *box) { b.authorize(b.read("/mnt/box/id_rsa.pub")) }
	uncovered := []hidden{
		{name: "authorized_keys is missing", cause: "authorized-keys-missing", arrange: func(b *box) { b.must(os.Remove(aliceKeys)) }},
		{name: ".ssh is missing", cause: "authorized-keys-missing", arrange: func(b *box) { b.must(os.RemoveAll(aliceHome + "/.ssh")) }},
		{name: "authorized_keys is missing, and there is no other way in", cause: "authorized-keys-missing", certain: true, arrange: func(b *box) {
			b.must(os.Remove(aliceKeys))
			b.sh("usermod -p '*' alice")
		}},
		{name: "authorized_keys is empty", cause: "authorized-keys-empty", arrange: keys("")},
		{name: "authorized_keys has comments only", cause: "authorized-keys-empty", arrange: keys("# alice\n# nobody else")},
		{name: "authorized_keys is garbage", cause: malformed, arrange: keys("\x01\x02\x03 garbage")},
		{name: "the key is broken in two", cause: malformed, arrange: func(b *box) { b.authorize(b.key()[:50] + "\n" + b.key()[50:]) }},
		{name: "the key is broken in two, and there is no other way in", cause: malformed, certain: true, config: off, arrange: func(b *box) { b.authorize(b.key()[:50] + "\n" + b.key()[50:]) }},
		{name: "the key is cut", cause: malformed, arrange: func(b *box) { b.authorize(b.key()[:60]) }},
		{name: "a private key was pasted", cause: malformed, arrange: func(b *box) { b.authorize(b.read("/mnt/box/id_ed25519")) }},
		{name: "the file is in UTF-16", cause: malformed, arrange: func(b *box) {
			text := "\xff\xfe"
			for _, r := range b.key() + "\n" {
				text += string([]byte{byte(r), 0})
			}
			b.write(aliceKeys, aliceID, 0o600, text)
		}},
		{name: "the key is in PuTTY's format", cause: malformed, arrange: func(b *box) {
			b.authorize("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"carol\"\n" + strings.Fields(b.key())[1] + "\n---- END SSH2 PUBLIC KEY ----")
		}},
		{name: "an option is misspelt", cause: "authorized-keys-bad-option", arrange: options("no-prty")},
		{name: "an option has a bad value", cause: "authorized-keys-bad-option", arrange: options(`expiry-time="soon"`)},
		{name: "an option has a blank outside quotes", cause: "authorized-keys-bad-option", arrange: options(`no-pty, no-user-rc`)},
		{name: "an option's value is not quoted", cause: "authorized-keys-bad-option", arrange: options(`command=date`)},
		{name: "AuthorizedKeysFile points elsewhere", cause: location, config: "AuthorizedKeysFile /etc/ssh/keys/%u"},
		{name: "AuthorizedKeysFile is none", cause: location, config: "AuthorizedKeysFile none"},
		{name: "the home directory is missing", cause: "home-missing", arrange: func(b *box) { b.must(os.RemoveAll(aliceHome)) }},
		{name: "the line is marked cert-authority", cause: "key-line-is-ca", arrange: options("cert-authority")},
		{name: "expiry-time has passed", cause: "key-entry-expired", arrange: options(`expiry-time="20200101"`)},
		{name: "keys are off", cause: "pubkey-auth-disabled", config: "PubkeyAuthentication no"},
		{name: "keys are off for this user", cause: "pubkey-auth-disabled", config: "Match User alice\n    PubkeyAuthentication no"},
		{name: "AuthenticationMethods begins with the password", cause: "method-not-permitted", config: "AuthenticationMethods password"},
		{
			name: "the trusted CA keys are missing", cause: "cert-untrusted-ca", config: "TrustedUserCAKeys /etc/ssh/ca.pub",
			arrange: func(b *box) { certificateFor("-n alice -V -5m:+1d")(b); b.must(os.Remove("/etc/ssh/ca.pub")) },
		},
		{name: "the key is not in the file, at VERBOSE", cause: "key-not-authorized", certain: true, level: "VERBOSE", arrange: rsaOnly},
	}
	// What the host has, and what the login fails of.
	broken := func(b *box) { b.authorize(b.key()[:50] + "\n" + b.key()[50:]) }
	misled := []hidden{
		{name: "^C at the password, and authorized_keys is missing", truth: "client-gave-up", arrange: func(b *box) { b.must(os.Remove(aliceKeys)) }, login: interrupted()},
		{name: "^C at the password, and authorized_keys is empty", truth: "client-gave-up", arrange: keys(""), login: interrupted()},
		{name: "^C at the password, and the key is broken in two", truth: "client-gave-up", arrange: broken, login: interrupted()},
		{name: "^C at the password, and keys are off", truth: "client-gave-up", config: "PubkeyAuthentication no", login: interrupted()},
		{name: "^C at the password, and the home is missing", truth: "client-gave-up", arrange: func(b *box) { b.must(os.RemoveAll(aliceHome)) }, login: interrupted()},
		{name: "^C at the password, and an option is misspelt", truth: "client-gave-up", arrange: options("no-prty"), login: interrupted()},
		{name: "a wrong password, and authorized_keys is missing", truth: "wrong-password", arrange: func(b *box) { b.must(os.Remove(aliceKeys)) }, login: byPassword(wrongPassword)},
		{name: "a wrong password, and the key is broken in two", truth: "wrong-password", arrange: broken, login: byPassword(wrongPassword)},
		{name: "a wrong password, and AuthorizedKeysFile is none", truth: "wrong-password", config: "AuthorizedKeysFile none", login: byPassword(wrongPassword)},
		{name: "a wrong password, and keys are off", truth: "wrong-password", config: "PubkeyAuthentication no", login: byPassword(wrongPassword)},
		{name: "nothing is wrong, and the client has no key", truth: "no-usable-method", config: off, login: byKey("-o IdentityFile=/dev/null -o IdentitiesOnly=yes")},
	}
	return slices.Concat(uncovered, misled, hiddenMethods(), hiddenPasswords(), misledPasswords())
}

// interrupted comes to the question for the password, and ends there.
func interrupted() try {
	return runs("", "timeout -s INT 20 /mnt/box/bin/doctor-interrupt ssh -o PreferredAuthentications=password -o PubkeyAuthentication=no -T alice@server echo in")
}
