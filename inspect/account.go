package inspect

import (
	"context"
	"strconv"
	"strings"
)

// Account is what the host knows of a user.
type Account struct {
	Name     string
	UID, GID uint32
	Home     string
	Shell    string
	// Groups are all groups of the user, the primary one first.
	Groups []Group
}

// Group is a group with its name.
type Group struct {
	Name string
	GID  uint32
}

// shadow is what /etc/shadow says, days since 1970; -1 where a field is empty.
type shadow struct {
	password                        string
	changed, max, inactive, expires int64
}

// statusNotFound is how getent says that there is no such entry (getent(1)).
const statusNotFound = 2

// account asks the host for a user. found is false where there is none; an
// error says that the host could not be asked.
func (h *Host) account(ctx context.Context, name string) (a *Account, found bool, err error) {
	// A dash would be taken for an option.
	if name == "" || strings.ContainsAny(name, ":\n\x00") || name[0] == '-' {
		return nil, false, nil
	}
	o, err := h.Execute(ctx, Getent, "passwd", name)
	if err != nil {
		return nil, false, err
	}
	a, ok := parsePasswd(strings.TrimSpace(string(o.Out)))
	if o.Status != 0 || !ok || strings.Trim(name, "0123456789") == "" && a.Name != name {
		return nil, false, nil // getent takes a number for a user's
	}
	a.Name = name
	a.Groups = h.groups(ctx, a)
	return a, true, nil
}

func parsePasswd(line string) (*Account, bool) {
	f := strings.Split(line, ":")
	if len(f) < 7 {
		return nil, false
	}
	uid, err := strconv.ParseUint(f[2], 10, 32)
	gid, err2 := strconv.ParseUint(f[3], 10, 32)
	if err != nil || err2 != nil {
		return nil, false
	}
	a := &Account{Name: f[0], UID: uint32(uid), GID: uint32(gid), Home: f[5], Shell: f[6]}
	if a.Shell == "" {
		a.Shell = "/bin/sh" // passwd(5)
	}
	return a, true
}

// groups gives all groups of a user.
func (h *Host) groups(ctx context.Context, a *Account) []Group {
	out, ok := h.run(ctx, ID, "-G", a.Name)
	numbers := strings.Fields(out)
	if !ok || len(numbers) == 0 {
		numbers = []string{strconv.Itoa(int(a.GID))}
	}
	names, _ := h.run(ctx, Getent, append([]string{"group"}, numbers...)...)
	byNumber := map[string]string{}
	for line := range strings.Lines(names) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) >= 3 {
			byNumber[f[2]] = f[0]
		}
	}
	var list []Group
	for _, n := range numbers {
		if gid, err := strconv.ParseUint(n, 10, 32); err == nil {
			list = append(list, Group{byNumber[n], uint32(gid)})
		}
	}
	return list
}

// shadow gives a user's entry; only root may read it.
func (h *Host) shadow(ctx context.Context, name string) (*shadow, bool) {
	out, ok := h.run(ctx, Getent, "shadow", name)
	f := strings.Split(strings.TrimSpace(out), ":")
	if !ok || len(f) < 8 {
		return nil, false
	}
	days := func(i int) int64 {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	return &shadow{password: f[1], changed: days(2), max: days(4), inactive: days(6), expires: days(7)}, true
}

// secret says what kind of password an account has.
type secret uint8

const (
	secretUnknown secret = iota
	secretSet
	secretEmpty
	secretLocked // there is one, and it was locked
	secretNever  // there never was one
)

func (s *shadow) secret() secret {
	p := s.password
	switch {
	case p == "":
		return secretEmpty
	case p[0] == '!' && strings.Trim(p, "!*") != "":
		return secretLocked
	case p[0] == '!' || p[0] == '*' || p == "x":
		return secretNever
	}
	return secretSet
}

// age is what the days of a shadow entry say today.
type age uint8

const (
	ageFine        age = iota
	ageExpired         // the account has ended
	agePasswordOut     // the password ran out and can no longer be changed
	agePasswordOld     // it must be changed at the next login
)

// age judges as pam_unix and sshd do (check_shadow_expiry, auth_shadow_*).
func (s *shadow) age(today int64) age {
	switch old := today - s.changed; {
	case s.expires >= 0 && today >= s.expires:
		return ageExpired
	case s.changed == 0:
		return agePasswordOld
	case s.changed < 0 || s.max < 0 || old <= s.max:
		return ageFine
	case s.inactive >= 0 && old > s.max+s.inactive:
		return agePasswordOut
	default:
		return agePasswordOld
	}
}
