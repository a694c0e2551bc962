//go:build !linux

package tailers

import (
	"errors"
	"os"
)

// names would have the system tell of new names. Here they are looked for.
type names struct{}

func newNames() (*names, error) { return nil, errors.ErrUnsupported }

func (*names) follow(string, string) error { return nil }
func (*names) unfollow(string, string)     {}
func (*names) watch(string, string) error  { return nil }
func (*names) arrivals() []arrival         { return nil }
func (*names) arrived() bool               { return false }
func (*names) fresh() bool                 { return false }
func (*names) woken() <-chan struct{}      { return nil }
func (*names) close()                      {}

// openNamed opens what a followed path leads to now. What was opened under the
// names before comes with it, so that all are known in the order in which they
// bore the name.
func (*names) openNamed(path string) (before []arrival, file *os.File, err error) {
	file, err = openLog(path)
	return nil, file, err
}
