//go:build !linux

package tailers

import "errors"

// names would have the system tell of new names. Here they are looked for.
type names struct{}

func newNames() (*names, error) { return nil, errors.ErrUnsupported }

func (*names) follow(string, string) error { return nil }
func (*names) unfollow(string, string)     {}
func (*names) watch(string, string) error  { return nil }
func (*names) arrivals() []arrival         { return nil }
func (*names) fresh() bool                 { return false }
func (*names) woken() <-chan struct{}      { return nil }
func (*names) close()                      {}
