package inspect

import (
	"slices"

	"github.com/sshwhy/sshwhy"
)

// inferred gives a cause that is no fault of the host, or none that the host
// alone could show, with the lines that it rests on: it follows from what the
// host demands together with what the log says and does not say. fitting are
// the faults that explain the login.
func (x *examination) inferred(q *Asked, fitting []Check) (cause string, seen []Check) {
	open := func(cause string) bool { return slices.Contains(q.Candidates, cause) }
	if last, used := x.lastPassword(fitting); used && open(passwordsOff) {
		x.advise("last-login-by-password", x.user(), val(sshwhy.FieldTime, last.UTC().Format("2006-01-02 15:04:05 UTC")))
		return passwordsOff, append(x.lines("methods-open", "last-login-by-password"), fitting...)
	}
	switch {
	case len(fitting) > 0:
		return "", nil
	case open("second-factor-failed") && x.onlySecond(x.tried):
		return "second-factor-failed", x.lines("methods-demanded")
	case q.Cause == "" && open("second-factor-missing") && x.registered && x.usable.key && x.keyFirst():
		return "second-factor-missing", x.lines("methods-demanded", "keys-usable")
	case open("authorized-keys-command-empty") && x.onlyCommand():
		return "authorized-keys-command-empty", x.lines(keysCommandNotRun)
	}
	return "", nil
}

// passwordsOff is the cause of who comes with a password where none is taken.
const passwordsOff = "password-auth-disabled"

// lines gives the lines of the checklist of these names.
func (x *examination) lines(names ...string) []Check {
	return slices.DeleteFunc(slices.Clone(x.list), func(c Check) bool { return !slices.Contains(names, c.Seen) })
}

// onlySecond tells whether sshd takes a method only after another one: it does
// not log a try that comes too early (auth2.c authmethod_lookup), so one that it
// logs comes from a client that has passed the first.
func (x *examination) onlySecond(method string) bool {
	lists, _ := x.orders()
	return lists.name(method) && !lists.beginWith(method)
}

// keyFirst tells whether every way in begins with a key and goes on after it.
func (x *examination) keyFirst() bool {
	lists, _ := x.orders()
	return len(lists) > 0 && !slices.ContainsFunc(lists, func(methods []string) bool { return len(methods) < 2 || methods[0] != methodKey })
}

// onlyCommand tells whether keys can come from AuthorizedKeysCommand alone. If
// that had failed sshd would have said so, whatever its LogLevel: it gave no
// key, or not the client's.
func (x *examination) onlyCommand() bool {
	return x.usable.key && x.command && !x.authority && !x.registered
}
