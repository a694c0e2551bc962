package inspect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// leftOpen are the candidates of a connection that was closed without a word.
var leftOpen = []string{"key-not-authorized", "authorized-keys-missing", "client-gave-up", "password-auth-disabled", "authorized-keys-malformed", "authorized-keys-empty", "pubkey-auth-disabled", "second-factor-missing"}

// TestInspector is sure only where nothing else could have let the user in, and
// all is as it was.
func TestInspector(t *testing.T) {
	gone := func(f tree, _ programs) { delete(f, "/home/alice/.ssh/authorized_keys") }
	noPassword := func(_ tree, p programs) { p["getent shadow alice"] = "alice:*:20000:0:99999:7:::\n" }
	off := func(_ tree, p programs) {
		p["sshd -T -C *"] = strings.Replace(inForceText, "passwordauthentication yes", "passwordauthentication no", 1)
	}
	later := func(f tree, _ programs) {
		f["/home/alice/.ssh"] = node{mode: 0o700 | os.ModeDir, uid: 1000, gid: 1000, changed: noon}
	}
	all := func(changes ...func(tree, programs)) func(tree, programs) {
		return func(f tree, p programs) {
			for _, c := range changes {
				c(f, p)
			}
		}
	}
	for _, test := range []struct {
		name   string
		change func(tree, programs)
		print  string
		want   string
	}{
		{"a password could have been right", gone, "", "authorized-keys-missing likely"},
		{"nothing could", all(gone, noPassword), "", "authorized-keys-missing certain"},
		{"nothing could, but something changed afterwards", all(gone, noPassword, later), "", "authorized-keys-missing likely"},
		{"no key, and no passwords are taken: two ways to see it", all(gone, off), "", " undetermined"},
		{"a PAM module might have known another password", all(gone, noPassword, func(f tree, _ programs) {
			f["/etc/pam.d/sshd"] = file(0, 0o644, "auth sufficient pam_sss.so\nauth required pam_unix.so\n")
			f["/lib/security/pam_sss.so"] = file(0, 0o644, "")
		}), "", "authorized-keys-missing likely"},
		{"nothing is wrong", nil, "", " undetermined"},
		{"the key is known", nil, "SHA256:other", "key-not-authorized certain"},
		{"the key is known, and stands there", nil, aPrint, " undetermined"},
	} {
		i := Inspector{Host: described(test.change)}
		a, err := i.Inspect(context.Background(), Asked{
			User: "alice", Address: "203.0.113.7", Fingerprint: test.print, Candidates: leftOpen, End: noon.Add(-time.Minute).UnixNano(),
		})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := a.Cause + " " + a.Confidence.String(); got != test.want {
			t.Errorf("%s: %q, not %q", test.name, got, test.want)
		}
		if a.Confidence != sshwhy.ConfidenceCertain && !slices.Contains(a.Candidates, "client-gave-up") {
			t.Errorf("%s: that the client gave up is ruled out", test.name)
		}
	}
}

// TestInspectorIsNotAsked too often, nor for accounts that are not there.
func TestInspectorIsNotAskedTooOften(t *testing.T) {
	h := described(nil)
	now := noon
	h.Now = func() time.Time { return now }
	i := Inspector{Host: h}
	ask := func(user string) error {
		_, err := i.Inspect(context.Background(), Asked{User: user, Candidates: leftOpen})
		return err
	}
	if err := ask("alice"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(59 * time.Second)
	if err := ask("alice"); !errors.Is(err, ErrTooSoon) {
		t.Errorf("after 59 s: %v", err)
	}
	now = now.Add(2 * time.Second)
	if err := ask("alice"); err != nil {
		t.Errorf("after 61 s: %v", err)
	}
	for _, name := range []string{"mallory", "", "-s", "a:b", strings.Repeat("x", 300)} {
		if err := ask(name); !errors.Is(err, ErrNothing) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestInspectorRunsNothingOfTheSite has no AuthorizedKeysCommand run.
func TestInspectorRunsNothingOfTheSite(t *testing.T) {
	h := described(func(f tree, p programs) {
		p["sshd -T -C *"] = strings.Replace(inForceText, "authorizedkeyscommand none", "authorizedkeyscommand /bin/find %u\nauthorizedkeyscommanduser alice", 1)
		f["/bin/find"] = file(0, 0o755, "")
	})
	h.RunAs = func(context.Context, *Account, []string) (Output, error) {
		t.Error("it is run")
		return Output{}, nil
	}
	i := Inspector{Host: h}
	if _, err := i.Inspect(context.Background(), Asked{User: "alice", Candidates: leftOpen}); err != nil && !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
}

func catalogueOf(t *testing.T) *causes.Catalogue {
	t.Helper()
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func finding(c *causes.Catalogue, host string) *sshwhy.Finding {
	f := &sshwhy.Finding{Revision: 1, Confidence: sshwhy.ConfidenceUndetermined, User: []byte("alice"), Address: []byte("203.0.113.7")}
	f.Host, f.First = []byte(host), []byte("Connection closed by authenticating user alice 203.0.113.7 port 4000 [preauth]")
	for _, id := range leftOpen {
		f.Candidates = append(f.Candidates, c.Find(id))
	}
	return f
}

// TestSource gives an answer as a record, and takes no question of others, nor
// more than it can hold.
func TestSource(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := catalogueOf(t)
	s, err := NewSource(SourceOptions{
		Causes: c, Hostname: "edge05", Say: func(c *Check) string { return "seen: " + c.Cause },
		Inspect: func(_ context.Context, q Asked) (Answer, error) {
			if q.User != "alice" || len(q.Candidates) != len(leftOpen) {
				t.Errorf("the question is %+v", q)
			}
			return Answer{Time: 5, Cause: "home-missing", Confidence: sshwhy.ConfidenceLikely, Candidates: []string{"home-missing", "client-gave-up"},
				Seen: []Check{{Cause: "home-missing", Mark: Bad, Values: []sshwhy.Value{val(sshwhy.FieldPath, "/home/alice")}}}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{"": false, "edge06": false, "edge05.example.com": true, "EDGE05": true, "edge0": false} {
		if got := s.ours(host); got != want {
			t.Errorf("%q is this host: %v", host, got)
		}
	}
	revised := finding(c, "edge05")
	revised.Revision = 2
	if s.Ask(finding(c, "edge06")) || s.Ask(revised) {
		t.Error("a question is taken that is not to be")
	}
	for range maxPending {
		if !s.Ask(finding(c, "edge05")) {
			t.Fatal("a question is refused")
		}
	}
	if s.Ask(finding(c, "edge05")) || s.Refused() != 1 {
		t.Error("more is taken than fits")
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	for r, err := range s.Records(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		in := r.Inspection
		if in == nil {
			continue
		}
		if in.Cause != c.Find("home-missing") || len(in.Candidates) != 2 || in.Seen[0] != "seen: home-missing" || len(in.Values) != 1 || string(in.Of.Host) != "edge05" || in.Time != 5 {
			t.Errorf("the record is %+v", in)
		}
		if n++; n == maxPending {
			cancel()
		}
	}
	cancel()
}

// TestSourceEnds answers what still waits when the log has ended, within the time
// of one question; nothing when it is abandoned.
func TestSourceEnds(t *testing.T) {
	const last = 2 // the one during which the log ends
	for _, test := range []struct {
		name      string
		takes     time.Duration // a question, once the log has ended
		abandoned bool
		want      int
	}{
		{name: "all are answered", takes: time.Second, want: 5},
		{name: "as many as there is time for", takes: askTime/3 + time.Second, want: last + 1},
		{name: "none takes that long", takes: time.Hour, want: last - 1},
		{name: "nobody waits for the answers", takes: time.Second, abandoned: true, want: last - 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithCancel(t.Context())
				asked := 0
				s, err := NewSource(SourceOptions{Causes: catalogueOf(t), Hostname: "edge05", Inspect: func(ctx context.Context, _ Asked) (Answer, error) {
					if asked++; asked < last {
						return Answer{}, nil
					}
					end()
					select {
					case <-time.After(test.takes):
						return Answer{}, nil
					case <-ctx.Done():
						return Answer{}, ctx.Err()
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				if test.abandoned {
					s.AbandonWhen(ctx.Done())
				}
				for range 5 {
					s.Ask(finding(s.options.Causes, "edge05"))
				}
				got := 0
				for r, err := range s.Records(ctx) {
					if err != nil {
						t.Error(err)
					} else if r.Inspection != nil {
						got++
					}
				}
				if got != test.want {
					t.Errorf("%d answers, not %d", got, test.want)
				}
			})
		})
	}
}

// TestServer asks through a socket.
func TestServer(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs the credentials of the other end")
	}
	defer goleak.VerifyNone(t)
	answer := Answer{Time: 7, Cause: "home-missing", Confidence: sshwhy.ConfidenceCertain, Candidates: []string{"home-missing"},
		Seen: []Check{{Layer: LayerKeys, Mark: Bad, Cause: "home-missing", Values: []sshwhy.Value{val(sshwhy.FieldPath, "/home/a\nb")}}}}
	ask := func(users []uint32, failure error) (Answer, error) {
		path := filepath.Join(t.TempDir(), "socket")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() {
			s := Server{Users: users, Trouble: func(error) {}, Inspect: func(_ context.Context, q Asked) (Answer, error) {
				if q.User != "alice" {
					return Answer{}, fmt.Errorf("asked for %q", q.User)
				}
				return answer, failure
			}}
			done <- s.Serve(ctx, l)
		}()
		a, err := (&Client{Path: path}).Inspect(ctx, Asked{User: "alice"})
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		return a, err
	}
	me := []uint32{uint32(os.Getuid())}
	a, err := ask(me, nil)
	if err != nil || fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", answer) {
		t.Errorf("the answer is %+v, %v", a, err)
	}
	for _, want := range []error{ErrTooSoon, ErrNothing} {
		if _, err := ask(me, want); !errors.Is(err, want) {
			t.Errorf("the error is %v, not %v", err, want)
		}
	}
	if _, err := ask(nil, nil); (err == nil) != (os.Getuid() == 0) {
		t.Errorf("a user who may not ask gets %v", err)
	}
}
