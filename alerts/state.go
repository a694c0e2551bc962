package alerts

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// The kinds of entries that the ledger keeps.
const (
	groupsKey  = "group/"
	userKey    = "user/"
	networkKey = "network/"
	serviceKey = "service/"
	silenceKey = "silence/"
)

func groupKey(g *group) string {
	sum := idOfText(g.key)
	return groupsKey + hex.EncodeToString(sum[:])
}

// savedGroup is a group as it is kept. Causes stand by their ids: their numbers
// belong to one build.
type savedGroup struct {
	Rule         string          `json:"rule"`
	Key          string          `json:"key"`
	By           []sshwhy.Shared `json:"by,omitempty"`
	Rest         bool            `json:"rest,omitempty"`
	Begun        bool            `json:"begun,omitempty"`
	Joined       bool            `json:"joined,omitempty"`
	Count        int             `json:"count"`
	Since        int64           `json:"since"`
	Until        int64           `json:"until"`
	Due          int64           `json:"due,omitempty"`
	Users        map[string]int  `json:"users,omitempty"`
	Sources      map[string]int  `json:"sources,omitempty"`
	Hosts        map[string]int  `json:"hosts,omitempty"`
	Causes       map[string]int  `json:"causes,omitempty"`
	Latest       *sshwhy.Finding `json:"latest,omitempty"`
	LatestCauses []string        `json:"latest_causes,omitempty"`
	Notice       *sshwhy.Notice  `json:"notice,omitempty"`
	After        string          `json:"after,omitempty"`
	AfterFor     int64           `json:"after_for,omitempty"`
	Revision     int             `json:"revision,omitempty"`
	Base         int             `json:"base,omitempty"`
	Shown        int             `json:"shown,omitempty"`
	Spoken       int64           `json:"spoken,omitempty"`
	Reminded     int64           `json:"reminded,omitempty"`
	ToldCauses   []string        `json:"told_causes,omitempty"`
	Seen         []savedMark     `json:"seen,omitempty"`
}

type savedMark struct {
	ID   string `json:"id"`
	Time int64  `json:"t"`
	User uint32 `json:"u"`
}

// The bounds of what is kept of a group: an entry of the ledger has 64 KiB.
const (
	maxSavedSeen   = 256
	maxSavedNames  = 32
	maxSavedValue  = 1 << 10
	maxSavedLines  = 8
	maxSavedLine   = 1 << 10
	maxSavedValues = 8
)

// Save implements sshwhy.Stateful.
func (a *Alerter) Save(put func(key string, value []byte)) {
	for _, key := range a.gone {
		put(key, nil)
	}
	a.gone = a.gone[:0]
	for _, g := range a.groups {
		if g.dirty {
			g.dirty, g.saved = false, true
			put(groupKey(g), encode(a.saved(g)))
		}
	}
	for key := range a.people.changed {
		put(key, a.people.entry(key))
		delete(a.people.changed, key)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range a.silences.next {
		if s, ok := a.silences.byID[id]; ok {
			put(silenceKey+id, encode(s))
		}
	}
	for _, id := range a.silences.gone {
		put(silenceKey+id, nil)
	}
	a.silences.next, a.silences.gone = nil, nil
}

// encode cannot fail: the values are made of texts and numbers.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return b
}

func (a *Alerter) saved(g *group) savedGroup {
	s := savedGroup{
		Rule: g.rule.Name, Key: g.key, By: g.by, Rest: g.rest, Begun: g.begun, Joined: g.joined, Count: g.count, Since: g.since, Until: g.until, Due: g.due,
		Users: few(g.users), Sources: few(g.sources), Hosts: few(g.hosts), Causes: few(g.causes), Notice: g.notice, After: g.after, AfterFor: g.afterFor,
		Revision: g.revision, Base: g.base, Shown: g.shown, Spoken: g.spoken, Reminded: g.reminded, ToldCauses: g.toldCauses,
	}
	for _, m := range g.seen[max(0, len(g.seen)-maxSavedSeen):] {
		s.Seen = append(s.Seen, savedMark{hex.EncodeToString(m.id[:]), m.time, m.user})
	}
	if g.latest != nil {
		s.Latest, s.LatestCauses = a.bounded(g.latest)
	}
	return s
}

// few gives the most frequent values of a tally.
func few(t tally) map[string]int {
	if len(t.counts) <= maxSavedNames {
		return t.counts
	}
	values := make([]string, 0, len(t.counts))
	for v := range t.counts {
		values = append(values, v)
	}
	slices.SortFunc(values, func(x, y string) int {
		if d := t.counts[y] - t.counts[x]; d != 0 {
			return d
		}
		return strings.Compare(x, y)
	})
	m := map[string]int{}
	for _, v := range values[:maxSavedNames] {
		m[v] = t.counts[v]
	}
	return m
}

// bounded gives a finding that fits an entry, and its causes by id: its own
// first, then candidates, then remarks.
func (a *Alerter) bounded(f *sshwhy.Finding) (*sshwhy.Finding, []string) {
	c := *f
	names := []string{a.causes.ID(c.Cause)}
	for _, id := range c.Candidates {
		names = append(names, a.causes.ID(id))
	}
	c.Candidates, c.Remarks, c.Cause = nil, nil, 0
	c.Values = slices.Clone(c.Values[:min(len(c.Values), maxSavedValues)])
	for i := range c.Values {
		c.Values[i].Text = c.Values[i].Text[:min(len(c.Values[i].Text), maxSavedValue)]
	}
	c.Evidence = nil
	for i, e := range f.Evidence {
		if len(c.Evidence) < maxSavedLines-1 || i == f.Decisive {
			if i == f.Decisive {
				c.Decisive = len(c.Evidence)
			}
			e.Text = e.Text[:min(len(e.Text), maxSavedLine)]
			e.Pattern = 0
			c.Evidence = append(c.Evidence, e)
		}
		if len(c.Evidence) == maxSavedLines {
			break
		}
	}
	if c.Decisive >= len(c.Evidence) {
		c.Decisive = -1
	}
	return &c, names
}

func (p *people) entry(key string) []byte {
	switch kind, name, _ := strings.Cut(key, "/"); kind + "/" {
	case userKey:
		return encode(p.users[name])
	case networkKey:
		return encode(p.networks[name])
	default:
		return encode(p.services[name])
	}
}

// Load implements sshwhy.Stateful.
func (a *Alerter) Load(key string, value []byte) error {
	kind, name, _ := strings.Cut(key, "/")
	var err error
	switch kind + "/" {
	case groupsKey:
		var s savedGroup
		if err = json.Unmarshal(value, &s); err == nil {
			a.restore(key, &s)
		}
	case userKey:
		who := &person{}
		if err = json.Unmarshal(value, who); err == nil {
			a.people.users[name] = who
		}
	case networkKey:
		var day int64
		if err = json.Unmarshal(value, &day); err == nil {
			a.people.networks[name] = day
		}
	case serviceKey:
		var e event
		if err = json.Unmarshal(value, &e); err == nil {
			a.people.services[name] = e
		}
	case silenceKey:
		var s Silence
		if err = json.Unmarshal(value, &s); err == nil {
			a.silences.byID[s.ID] = s
		}
	default:
		return fmt.Errorf("the alerter keeps no entries of the kind %q", kind)
	}
	if err != nil {
		return fmt.Errorf("reading the entry %q: %w", key, err)
	}
	return nil
}

// restore brings a group back, unless its rule is gone from the configuration:
// then its entry is deleted.
func (a *Alerter) restore(key string, s *savedGroup) {
	i := slices.IndexFunc(a.rules, func(r *rule) bool { return r.Name == s.Rule })
	if i < 0 {
		a.gone = append(a.gone, key)
		return
	}
	g := &group{
		rule: a.rules[i], key: s.Key, by: s.By, rest: s.Rest, begun: s.Begun, joined: s.Joined, count: s.Count, since: s.Since, until: s.Until, due: s.Due,
		users: tally{s.Users}, sources: tally{s.Sources}, hosts: tally{s.Hosts}, causes: tally{s.Causes}, notice: s.Notice, after: s.After, afterFor: s.AfterFor,
		revision: s.Revision, base: s.Base, shown: s.Shown, spoken: s.Spoken, reminded: s.Reminded, toldCauses: s.ToldCauses, saved: true,
	}
	if g.latest = s.Latest; g.latest != nil && len(s.LatestCauses) > 0 {
		g.latest.Cause = a.causes.Find(s.LatestCauses[0])
		for _, name := range s.LatestCauses[1:] {
			if c := a.causes.Find(name); c != 0 {
				g.latest.Candidates = append(g.latest.Candidates, c)
			}
		}
	}
	for _, m := range s.Seen {
		var of id
		if n, err := hex.Decode(of[:], []byte(m.ID)); err == nil && n == len(of) {
			g.seen = append(g.seen, mark{of, m.Time, m.User})
			a.recent.note(g.rule, of, g)
		}
	}
	a.groups[g.key] = g
}
