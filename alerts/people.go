package alerts

import (
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
)

// people is what the alerter has learnt of who logs in from where: it tells our
// people from strangers who guess names.
type people struct {
	users    map[string]*person
	networks map[string]int64 // of accepted logins, with the day of the last
	services map[string]event // what the sshd of a host said of itself last
	changed  map[string]bool  // keys of entries that Save writes
}

// person is a user who has logged in.
type person struct {
	Networks []string `json:"networks"` // the latest last, at most maxNetworks
	Last     int64    `json:"last"`     // the day of the last login, in seconds since 1970 UTC
}

// event is a verdict on sshd itself.
type event struct {
	Cause string `json:"cause"`
	Time  int64  `json:"time"`
}

// The bounds of what is remembered.
const (
	maxPeople   = 50_000
	maxNetworks = 16
	maxServices = 20_000
)

func newPeople() people {
	return people{users: map[string]*person{}, networks: map[string]int64{}, services: map[string]event{}, changed: map[string]bool{}}
}

// describe fills the facts that are remembered.
func (p *people) describe(f *Facts) {
	who := p.users[f.User]
	_, f.KnownSource = p.networks[f.Network]
	f.KnownUser = who != nil && f.User != ""
	f.NewSource = f.KnownUser && f.Network != "" && !slices.Contains(who.Networks, f.Network)
}

// ours tells a login of our people from the noise of the Internet. Bots know
// names that exist everywhere, root above all, and try passwords; they come
// from networks that nobody has logged in from, and bring no key that a file
// of ours speaks about. So a login is ours if it comes from a private network
// or one that somebody has logged in from, if the user has logged in before
// and it is not the password that failed, or if the log names a fault in how
// the account's keys are kept.
func ours(f *Facts) bool {
	switch {
	case f.User == "" || f.Cause == "user-unknown" || slices.Contains(f.Candidates, "user-unknown"):
		return f.KnownUser && f.KnownSource
	case f.KnownSource || f.Private:
		return true
	case f.Phase == "key" && f.Confidence == "certain":
		return true
	}
	return f.KnownUser && f.User != "root" && f.Phase != "password" && f.Confidence == "certain"
}

// learn remembers who logged in, and what sshd said of itself.
func (p *people) learn(f *sshwhy.Finding, facts *Facts) {
	switch {
	case facts.Phase == "service":
		if _, ok := p.services[facts.Host]; ok || len(p.services) < maxServices {
			p.services[facts.Host] = event{facts.Cause, f.End}
			p.changed[serviceKey+facts.Host] = true
		}
	case f.Outcome == sshwhy.OutcomeAccepted && facts.Phase != "attack" && f.Revision == 1:
		p.loggedIn(facts, time.Unix(0, f.End).Truncate(24*time.Hour).Unix())
	}
}

func (p *people) loggedIn(f *Facts, day int64) {
	if last, ok := p.networks[f.Network]; f.Network != "" && (!ok && len(p.networks) < maxPeople || ok && last < day) {
		p.networks[f.Network] = day
		p.changed[networkKey+f.Network] = true
	}
	who := p.users[f.User]
	if who == nil {
		if len(p.users) >= maxPeople || f.User == "" {
			return
		}
		who = &person{}
		p.users[f.User] = who
	} else if who.Last >= day && slices.Contains(who.Networks, f.Network) {
		return
	}
	who.Last = max(who.Last, day)
	if i := slices.Index(who.Networks, f.Network); i >= 0 {
		who.Networks = slices.Delete(who.Networks, i, i+1)
	}
	if who.Networks = append(who.Networks, f.Network); len(who.Networks) > maxNetworks {
		who.Networks = who.Networks[1:]
	}
	p.changed[userKey+f.User] = true
}
