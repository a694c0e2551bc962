package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// History gathers what the page of a forensic replay tells. It implements
// sshwhy.Sink; Note takes the events, for the gaps. A revision takes back what
// the one before it said. Memory is bounded: what is beyond a bound is counted
// as such.
type History struct {
	// Locator says where addresses are; nil for a page without geography. Not
	// owned. Set before the first finding.
	Locator sshwhy.Locator

	causes  *causes.Catalogue // not owned
	summary *Summary

	hours    map[int64]*counts // by the hour's number since 1970
	days     map[int64]map[sshwhy.CauseID]uint64
	failures map[string]map[sshwhy.CauseID]uint64 // by user
	users    *seen
	sources  *seen
	hosts    *seen
	keys     *seen
	places   *seen             // countries by their codes, elsewhere for unknown ones
	country  map[string]string // their names
	logins   map[login]*use
	dropped  uint64 // logins beyond the bound
	methods  map[string]*methods
	episodes []episode
	service  []serviceEvent
	entries  []episode // logins after failures
	gaps     gaps
}

// counts are connections by outcome.
type counts [sshwhy.OutcomeStartupFailed + 1]uint32

// login is who got in with what from where.
type login struct{ key, user, source string }

// use is when something was used.
type use struct {
	count       uint64
	first, last int64
}

func (u *use) at(t int64) {
	u.count++
	if t == 0 {
		return
	}
	if u.first == 0 || t < u.first {
		u.first = t
	}
	u.last = max(u.last, t)
}

// methods is how a user has logged in.
type methods struct{ password, key, rsa uint64 }

// episode is an attack, or a login that followed one.
type episode struct {
	id, source, user, host string
	start, end             int64
	tries                  string
}

// serviceEvent is something that sshd said of itself.
type serviceEvent struct {
	time  int64
	host  string
	cause sshwhy.CauseID
}

// The bounds of a history.
const (
	maxHours    = 200_000
	maxFailures = 10_000
	maxLogins   = 50_000
	maxEpisodes = 2_000
	maxService  = 2_000
	maxMethods  = 20_000
)

// NewHistory gives an empty history.
func NewHistory(c *causes.Catalogue) *History {
	return &History{
		causes: c, summary: NewSummary(c), hours: map[int64]*counts{}, days: map[int64]map[sshwhy.CauseID]uint64{}, failures: map[string]map[sshwhy.CauseID]uint64{}, users: newSeen(), sources: newSeen(), hosts: newSeen(), keys: newSeen(), places: newSeen(), country: map[string]string{},
		logins: map[login]*use{}, methods: map[string]*methods{}, gaps: newGaps(),
	}
}

// Note sees every event.
func (h *History) Note(ev *sshwhy.Event) { h.gaps.note(ev) }

// Deliver implements sshwhy.Sink.
func (h *History) Deliver(f *sshwhy.Finding) error {
	if err := h.summary.Deliver(f); err != nil {
		return err
	}
	switch h.summary.tallies[f.Cause].about(f.Outcome) {
	case aboutService:
		h.serve(f)
		return nil
	case aboutAttack:
		h.attack(f)
		return nil
	}
	h.bucket(f)
	if f.Revision > 1 || f.Outcome == sshwhy.OutcomeNone {
		return nil
	}
	user, source := sshwhy.Unescape(nil, f.User), f.Address
	ok := f.Outcome == sshwhy.OutcomeAccepted
	if f.UserKnown {
		h.users.add(user, f.End, ok)
	}
	h.sources.add(source, f.End, ok)
	h.place(source, f.End, ok)
	h.hosts.add(f.Host, f.End, ok)
	if len(f.Fingerprint) > 0 {
		h.keys.add(f.Fingerprint, f.End, ok)
	}
	if ok {
		h.loggedIn(f, string(user))
	}
	return nil
}

// elsewhere stands for the country of what is in no database: host names,
// private networks.
const elsewhere = "-"

// place counts the country of an address.
func (h *History) place(address []byte, t int64, ok bool) {
	if h.Locator == nil || len(address) == 0 {
		return
	}
	code := elsewhere
	if at := h.Locator.Locate(address); at != nil && at.Code != "" {
		code = at.Code
		if _, known := h.country[code]; !known && len(h.country) < Budget {
			h.country[code] = at.Country
		}
	}
	h.places.add([]byte(code), t, ok)
}

// bucket counts the finding in its hour, its cause in its day, and who failed.
func (h *History) bucket(f *sshwhy.Finding) {
	user := string(sshwhy.Unescape(nil, f.User[:min(len(f.User), maxName)]))
	if f.Revision > 1 {
		h.tally(f.End, user, f.Before, -1)
	}
	h.tally(f.End, user, sshwhy.Verdict{Outcome: f.Outcome, Cause: f.Cause}, +1)
}

// tally adds or takes back a verdict; two's complement takes back.
func (h *History) tally(t int64, user string, v sshwhy.Verdict, n int) {
	failed := v.Outcome != sshwhy.OutcomeAccepted && v.Outcome != sshwhy.OutcomeNone && v.Cause != 0
	if failed && user != "" {
		if by := h.failures[user]; by != nil {
			by[v.Cause] += uint64(n)
		} else if len(h.failures) < maxFailures {
			h.failures[user] = map[sshwhy.CauseID]uint64{v.Cause: uint64(n)}
		}
	}
	if t == 0 {
		return
	}
	hour := t / int64(time.Hour)
	c := h.hours[hour]
	if c == nil {
		if len(h.hours) >= maxHours {
			return
		}
		c = &counts{}
		h.hours[hour] = c
	}
	c[v.Outcome] += uint32(n)
	if failed {
		by := h.days[hour/24]
		if by == nil {
			by = map[sshwhy.CauseID]uint64{}
			h.days[hour/24] = by
		}
		by[v.Cause] += uint64(n)
	}
}

// loggedIn notes which key, or which method, opened which account from where.
func (h *History) loggedIn(f *sshwhy.Finding, user string) {
	key := string(f.Fingerprint)
	if key == "" {
		key = string(f.Method)
	}
	l := login{key, user, string(f.Address)}
	u := h.logins[l]
	if u == nil {
		if len(h.logins) >= maxLogins {
			h.dropped++
			return
		}
		u = &use{}
		h.logins[l] = u
	}
	u.at(f.End)
	m := h.methods[user]
	if m == nil {
		if len(h.methods) >= maxMethods {
			return
		}
		m = &methods{}
		h.methods[user] = m
	}
	switch method := string(f.Method); {
	case method == "password" || method == "keyboard-interactive" || method == "keyboard-interactive/pam":
		m.password++
	case method == "publickey" && (string(f.KeyType) == "RSA" || string(f.KeyType) == "RSA-CERT"):
		m.rsa++
		m.key++
	case method == "publickey":
		m.key++
	}
}

func (h *History) serve(f *sshwhy.Finding) {
	if f.Revision > 1 {
		return
	}
	if len(h.service) < maxService {
		h.service = append(h.service, serviceEvent{f.End, string(f.Host), f.Cause})
	}
}

// attack keeps episodes; the last revision of one counts.
func (h *History) attack(f *sshwhy.Finding) {
	e := episode{f.ID(), string(f.Address), string(sshwhy.Unescape(nil, f.User)), string(f.Host), f.Start, f.End, f.Value(sshwhy.FieldCount)}
	list := &h.episodes
	if h.causes.ID(f.Cause) == "login-after-failures" {
		list = &h.entries
	}
	if f.Revision > 1 {
		if i := slices.IndexFunc(*list, func(o episode) bool { return o.id == e.id }); i >= 0 {
			(*list)[i] = e
			return
		}
	}
	if len(*list) < maxEpisodes {
		*list = append(*list, e)
	}
}

// seen counts names and knows when each came first and last, and whether it
// ever got in. While there are no more than the budget it is exact; then the
// least frequent make way, as in Top.
type seen struct {
	top    *Top
	byName map[string]*sight
}

type sight struct {
	use
	accepted uint64
}

func newSeen() *seen { return &seen{NewTop(Budget), map[string]*sight{}} }

func (s *seen) add(name []byte, t int64, accepted bool) {
	if len(name) == 0 {
		return
	}
	name = name[:min(len(name), maxName)]
	if _, fresh := s.top.Add(name, 1); fresh {
		s.trim()
		s.byName[string(name)] = &sight{}
	}
	x := s.byName[string(name)]
	if x == nil {
		x = &sight{}
		s.byName[string(name)] = x
	}
	x.at(t)
	if accepted {
		x.accepted++
	}
}

// trim forgets what the list no longer holds.
func (s *seen) trim() {
	if len(s.byName) < 2*Budget {
		return
	}
	kept := map[string]*sight{}
	for _, c := range s.top.Most(Budget) {
		if x := s.byName[c.Name]; x != nil {
			kept[c.Name] = x
		}
	}
	s.byName = kept
}

// shownSight is a line of a table.
type shownSight struct {
	Name             string
	Where            string // the location of an address, "" for none
	Count, Error     uint64
	Accepted, Failed uint64
	First, Last      int64
}

func (s *seen) most(n int) []shownSight {
	var list []shownSight
	for _, c := range s.top.Most(n) {
		x := s.byName[c.Name]
		if x == nil {
			x = &sight{}
		}
		list = append(list, shownSight{c.Name, "", c.Count, c.Error, x.accepted, c.Count - min(c.Count, x.accepted), x.first, x.last})
	}
	return list
}

// Gap is a time in which a host wrote nothing, for much longer than it usually
// is silent, or at which its clock or its process numbers jumped.
type Gap struct {
	Host        string
	From, Until int64
	// Back tells that the time went backwards.
	Back bool
	// Usual is how long its pauses are, 99 of 100, in nanoseconds.
	Usual int64
}

// gaps watches the times of each host's lines.
type gaps struct{ hosts map[string]*pauses }

// pauses is what is known of a host's pauses: how many there were of which
// length, by powers of two of a second, and the longest.
type pauses struct {
	last    int64
	lengths [40]uint32
	count   uint64
	longest []Gap
	back    []Gap
}

const (
	maxGapHosts = 20_000
	maxGaps     = 16
	// leastGap is what is worth a line at all.
	leastGap = int64(2 * time.Hour)
	// backwards is by how much a clock must go back.
	backwards = int64(2 * time.Minute)
)

func newGaps() gaps { return gaps{map[string]*pauses{}} }

func (g *gaps) note(ev *sshwhy.Event) {
	if ev.Time == 0 || ev.Line == sshwhy.LineSkipped {
		return
	}
	p := g.hosts[string(ev.Host)]
	if p == nil {
		if len(g.hosts) >= maxGapHosts {
			return
		}
		p = &pauses{last: ev.Time}
		g.hosts[string(ev.Host)] = p
	}
	pause := ev.Time - p.last
	switch {
	case pause < -backwards && len(p.back) < maxGaps:
		p.back = append(p.back, Gap{Host: string(ev.Host), From: p.last, Until: ev.Time, Back: true})
	case pause >= 0:
		p.count++
		p.lengths[bucketOf(pause)]++
		if pause >= leastGap {
			p.keep(Gap{Host: string(ev.Host), From: p.last, Until: ev.Time})
		}
	}
	p.last = ev.Time
}

// bucketOf gives the power of two of seconds that a pause is in.
func bucketOf(pause int64) int {
	n := 0
	for s := pause / int64(time.Second); s > 0 && n < 39; s >>= 1 {
		n++
	}
	return n
}

// keep keeps the longest.
func (p *pauses) keep(gap Gap) {
	p.longest = append(p.longest, gap)
	if len(p.longest) > 4*maxGaps {
		p.trim()
	}
}

func (p *pauses) trim() {
	slices.SortFunc(p.longest, func(a, b Gap) int { return cmp.Compare(b.Until-b.From, a.Until-a.From) })
	p.longest = p.longest[:min(len(p.longest), maxGaps)]
}

// usual gives a length that 99 of 100 pauses do not exceed.
func (p *pauses) usual() int64 {
	var sum uint64
	for i, n := range p.lengths {
		if sum += uint64(n); sum*100 >= p.count*99 {
			return int64(time.Second) << i
		}
	}
	return int64(time.Hour) * 24 * 365
}

// found gives the gaps worth a look: pauses that are ten times as long as all
// but one of a hundred, of hosts that have written enough to tell, and clocks
// that went back.
func (g *gaps) found() []Gap {
	var list []Gap
	for _, p := range g.hosts {
		list = append(list, p.back...)
		if p.count < 50 {
			continue
		}
		p.trim()
		usual := p.usual()
		for _, gap := range p.longest {
			if gap.Until-gap.From >= 10*usual {
				gap.Usual = usual
				list = append(list, gap)
			}
		}
	}
	slices.SortFunc(list, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(b.Until-b.From, a.Until-a.From), cmp.Compare(a.Host, b.Host), cmp.Compare(a.From, b.From))
	})
	return list[:min(len(list), 50)]
}

// Length gives how long the gap is, in nanoseconds.
func (g Gap) Length() int64 { return max(g.Until-g.From, g.From-g.Until) }
