package inspect

import (
	"context"
	"errors"
	"net/netip"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/sshwhy/sshwhy"
)

// Asked is a question about a login that failed.
type Asked struct {
	User string
	// Address is the client's, "" where the log does not tell.
	Address string
	// Fingerprint and KeyKind are of the key that was offered, where the
	// log tells.
	Fingerprint, KeyKind string
	// Method is the last method that the log says was refused, in sshd's
	// words; "" where it says of none.
	Method string
	// Unix says that pam_unix refused a password.
	Unix bool
	// Cause is what the log makes likely, "" where it leaves it open.
	Cause string
	// Candidates are the causes that the log does not exclude, likeliest
	// first.
	Candidates []string
	// Start and End are the times of the login's first and last line, in
	// nanoseconds since 1970 UTC.
	Start, End int64
}

// Answer is what a look at the host says of it.
type Answer struct {
	// Time is when the host was looked at, in nanoseconds since 1970 UTC.
	Time int64
	// Cause is the answer, "" where it stays open; Candidates are what
	// stays possible.
	Cause      string
	Confidence sshwhy.Confidence
	Candidates []string
	// Seen are the lines of the checklist that it rests on.
	Seen []Check
}

// Inspector answers questions about logins that have just failed, from what
// the host is now. It never runs a program of the site, asks for no account
// that the host does not have, and looks at one user at most once a minute.
// It may be used by several goroutines.
type Inspector struct {
	Host *Host

	mu    sync.Mutex
	asked [2]users // for what the log leaves open, and for what it makes likely
}

// ErrTooSoon says that the same user was looked at less than a minute ago.
var ErrTooSoon = errors.New("this user was looked at less than a minute ago")

// ErrNothing says that the host does not tell more than the log.
var ErrNothing = errors.New("the host does not tell more than the log")

const (
	// pause is the time between two looks at the same user.
	pause = time.Minute
	// maxAsked bounds the users that are remembered for it.
	maxAsked = 4096
	// maxName is longer than any name of an account (useradd(8): 32).
	maxName = 256
)

// admit tells whether a user may be looked at now.
func (i *Inspector) admit(user string, likely bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	asked := &i.asked[0]
	if likely {
		asked = &i.asked[1]
	}
	return asked.admit(user, i.Host.Now(), pause)
}

// users are those who were asked for of late, each with the time of that.
type users map[string]time.Time

// admit tells whether a user may be asked for again, and remembers that it was:
// once in so long, and not when too many others are remembered.
func (u *users) admit(user string, now time.Time, every time.Duration) bool {
	if *u == nil {
		*u = users{}
	}
	for name, at := range *u {
		if d := now.Sub(at); d >= every || d < 0 {
			delete(*u, name)
		}
	}
	if _, early := (*u)[user]; early || len(*u) >= maxAsked {
		return false
	}
	(*u)[user] = now
	return true
}

// Inspect looks at the host. It gives ErrTooSoon or ErrNothing where it has no
// answer.
func (i *Inspector) Inspect(ctx context.Context, q Asked) (Answer, error) {
	if q.User == "" || len(q.User) > maxName {
		return Answer{}, ErrNothing
	}
	if !i.admit(q.User, q.Cause != "") {
		return Answer{}, ErrTooSoon
	}
	x := &examination{Host: i.Host, Question: Question{User: q.User, Quiet: true, Key: q.Fingerprint, KeyKind: q.KeyKind}}
	if a, err := netip.ParseAddr(q.Address); err == nil {
		x.From = a.Unmap()
	}
	// What follows the method in sshd's words is the device.
	x.tried, _, _ = strings.Cut(q.Method, "/")
	x.unix = q.Unix
	if q.Start > 0 {
		x.since = time.Unix(0, q.Start)
	}
	x.modes.host = i.Host
	x.daemon = x.daemonOf()
	x.denied(ctx)
	if x.account == nil || x.mine == nil {
		return Answer{}, ErrNothing
	}
	x.touched()
	return x.settle(&q)
}

// touched notes when the files that decide on accounts and configuration, and
// the folders on the way to the keys, changed last.
func (x *examination) touched() {
	names := []string{"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/pam.d/sshd", "/etc/security"}
	main := configPath
	if x.daemon != nil {
		main = x.daemon.config
	}
	if file, _ := x.newest(main); file != "" {
		names = append(names, file)
	}
	for _, f := range x.files {
		for dir := f.path; dir != "/"; dir = path.Dir(dir) {
			names = append(names, dir)
		}
	}
	for _, name := range names {
		if info, err := x.Files.Stat(name); err == nil {
			x.note(info)
		}
	}
}
