package alerts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// Alerter implements sshwhy.Alerter, sshwhy.NoticeAlerter and sshwhy.Stateful.
// It is used from the loop's goroutine, but for Silence, Unsilence and Silences.
type Alerter struct {
	causes *causes.Catalogue // not owned
	o      Options
	rules  []*rule
	groups map[string]*group
	recent recent
	people people
	gone   []string // keys of entries that Save deletes
	swept  time.Duration

	mu       sync.Mutex // guards silences
	silences silences
}

// Options are what a user can set.
type Options struct {
	// Rules are in force; Defaults if nil.
	Rules []Rule
	// Now is the clock that the pace of messages is measured by; time.Now if
	// nil. Windows run on the log's time.
	Now func() time.Time
	// Zone is where digests are told in the morning; time.Local if nil.
	Zone *time.Location
}

// maxGroups bounds the windows and alerts that are open at a time. Beyond it
// those make way that have been silent longest and were never told.
const maxGroups = 4096

// New makes an alerter. The error names every rule that is wrong.
func New(c *causes.Catalogue, o Options) (*Alerter, error) {
	if o.Rules == nil {
		o.Rules = Defaults()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	a := &Alerter{causes: c, o: o, groups: map[string]*group{}, recent: recent{group: map[id]*group{}}, people: newPeople(), silences: silences{byID: map[string]Silence{}}}
	var wrong []error
	for i, r := range o.Rules {
		c, err := compile(r, o.Rules)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if slices.ContainsFunc(o.Rules[:i], func(other Rule) bool { return other.Name == r.Name }) {
			wrong = append(wrong, fmt.Errorf("two rules have the name %q", r.Name))
		}
		a.rules = append(a.rules, c)
	}
	return a, errors.Join(wrong...)
}

// Alert implements sshwhy.Alerter.
func (a *Alerter) Alert(f *sshwhy.Finding, yield func(*sshwhy.Alert)) {
	facts := factsOf(a.causes, f)
	a.people.describe(&facts)
	facts.Ours = ours(&facts)
	c := counted{id: idOf(f), time: f.End, facts: &facts, finding: f}
	for _, r := range a.rules {
		a.count(r, &c, holds(r.when, &facts), yield)
		if holds(r.resolve, &facts) {
			a.resolve(r, &facts, yield)
		}
	}
	a.people.learn(f, &facts)
}

// AlertNotice implements sshwhy.NoticeAlerter.
func (a *Alerter) AlertNotice(n *sshwhy.Notice, yield func(*sshwhy.Alert)) {
	facts := Facts{Notice: n.Code, Source: n.Source, Lost: n.Lost}
	now := a.o.Now()
	c := counted{id: idOfText(n.Code, n.Source, now.Format(time.RFC3339Nano)), time: now.UnixNano(), facts: &facts, notice: n}
	for _, r := range a.rules {
		a.count(r, &c, holds(r.when, &facts), yield)
	}
}

// counted is a finding or a notice on its way through the rules.
type counted struct {
	id      id
	time    int64
	facts   *Facts
	finding *sshwhy.Finding
	notice  *sshwhy.Notice
}

// count adds what a rule wants to its group, and takes a finding back that it
// wanted before it was revised.
func (a *Alerter) count(r *rule, c *counted, wanted bool, yield func(*sshwhy.Alert)) {
	key := ""
	if wanted {
		key = keyOf(r, c.facts.shared(r.By))
	}
	if before := a.recent.find(r, c.id); before != nil {
		if before.key == key {
			before.refresh(c)
			return
		}
		before.takeBack(c)
		a.recent.forget(r, c.id)
	}
	if !wanted {
		return
	}
	g := a.group(r, key, c, yield)
	g.add(c)
	a.recent.note(r, c.id, g)
	if r.Digest == 0 {
		a.judge(g, c, yield)
	}
}

// group finds the group of a key, or opens it. One that has been silent for as
// long as ends it is told to be over first.
func (a *Alerter) group(r *rule, key string, c *counted, yield func(*sshwhy.Alert)) *group {
	g := a.groups[key]
	if g != nil && r.Digest == 0 && g.begun && c.time-g.until > int64(r.ResolveAfter) {
		a.end(g, yield)
		g = nil
	}
	if g == nil {
		if len(a.groups) >= maxGroups {
			a.makeRoom()
		}
		g = &group{rule: r, key: key, by: c.facts.shared(r.By)}
		if r.Digest > 0 {
			g.due = a.nextDigest(r)
		}
		a.groups[key] = g
	}
	return g
}

// judge says what a finding changes for its group.
func (a *Alerter) judge(g *group, c *counted, yield func(*sshwhy.Alert)) {
	if !g.begun {
		if !g.reached(c.time) {
			return
		}
		g.begin()
		a.startedAfter(g)
	}
	if g.joined {
		a.joinRest(g, c, yield)
		return
	}
	if !g.told() {
		a.tellFirst(g, c, yield)
		return
	}
	a.tellChange(g, yield)
}

// tellFirst gives the first message of an alert, unless another alert says it
// already, or too many have begun.
func (a *Alerter) tellFirst(g *group, c *counted, yield func(*sshwhy.Alert)) {
	if a.saidElsewhere(g, c.facts) || a.silenced(g) {
		return
	}
	now := a.o.Now().UnixNano()
	r := g.rule
	r.begun = slices.DeleteFunc(r.begun, func(t int64) bool { return now-t >= burstWindow })
	if len(r.begun) >= r.Burst && !g.rest {
		g.joined = true
		a.joinRest(g, c, yield)
		return
	}
	if !g.rest {
		r.begun = append(r.begun, now)
	}
	a.tell(g, sshwhy.NewsFiring, yield)
}

// joinRest counts a finding towards the one alert that stands for all beyond a
// rule's burst.
func (a *Alerter) joinRest(g *group, c *counted, yield func(*sshwhy.Alert)) {
	key := keyOf(g.rule, nil) + "\x00rest"
	rest := a.groups[key]
	if rest == nil {
		rest = &group{rule: g.rule, key: key, rest: true, begun: true}
		a.groups[key] = rest
	}
	rest.add(c)
	if !rest.told() {
		rest.since = c.time
		a.tellFirst(rest, c, yield)
		return
	}
	a.tellChange(rest, yield)
}

// paceOf is the least time between two messages on one alert.
const paceOf = time.Minute

// paceOfUpdates is the least time between two changes of a message.
const paceOfUpdates = 15 * time.Second

// tellChange tells that an alert has grown or that causes came to it, not more
// often than people can follow.
func (a *Alerter) tellChange(g *group, yield func(*sshwhy.Alert)) {
	if a.o.Now().UnixNano()-g.spoken < int64(paceOf) || a.silenced(g) {
		return
	}
	switch {
	case g.newCause():
		a.tell(g, sshwhy.NewsChanged, yield)
	case g.count >= 10*g.base:
		a.tell(g, sshwhy.NewsGrown, yield)
	}
}

// tell gives a message.
func (a *Alerter) tell(g *group, news sshwhy.News, yield func(*sshwhy.Alert)) {
	yield(g.alert(news, a.causes, a.o.Now().UnixNano()))
}

// end tells that an alert is over, if it was told, and forgets it.
func (a *Alerter) end(g *group, yield func(*sshwhy.Alert)) {
	if g.told() && !a.silenced(g) {
		a.tell(g, sshwhy.NewsResolved, yield)
	}
	a.forget(g)
}

func (a *Alerter) forget(g *group) {
	delete(a.groups, g.key)
	a.recent.forgetGroup(g)
	if g.saved {
		a.gone = append(a.gone, groupKey(g))
	}
}

// resolve ends the alerts of a rule that a finding shows to be over.
func (a *Alerter) resolve(r *rule, facts *Facts, yield func(*sshwhy.Alert)) {
	for _, g := range a.sorted() {
		if g.rule == r && len(r.ResolveBy) > 0 && !slices.ContainsFunc(r.ResolveBy, func(name string) bool { return g.property(name) != facts.property(name) }) {
			a.end(g, yield)
		}
	}
}

// saidElsewhere tells that an alert of a rule in Unless stands for the same.
func (a *Alerter) saidElsewhere(g *group, facts *Facts) bool {
	if len(g.rule.Unless) == 0 {
		return false
	}
	for _, o := range a.groups {
		if o.told() && slices.Contains(g.rule.Unless, o.rule.Name) && !slices.ContainsFunc(g.rule.UnlessBy, func(name string) bool { return o.property(name) != facts.property(name) }) {
			return true
		}
	}
	return false
}

// startedAfter notes what sshd said of itself shortly before an alert began.
func (a *Alerter) startedAfter(g *group) {
	for host := range g.hosts.counts {
		if s, ok := a.people.services[host]; ok {
			if d := g.since - s.Time; d >= 0 && d < int64(afterWithin) && (g.after == "" || d < g.afterFor) {
				g.after, g.afterFor = s.Cause, d
			}
		}
	}
}

// afterWithin is how shortly before an alert something must have happened to
// be worth naming.
const afterWithin = 15 * time.Minute

// Tick implements sshwhy.Alerter.
func (a *Alerter) Tick(r *sshwhy.Record, yield func(*sshwhy.Alert)) {
	if a.swept += r.Elapsed; a.swept < time.Second {
		return
	}
	elapsed := a.swept
	a.swept = 0
	for _, g := range a.sorted() {
		a.tickGroup(g, elapsed, yield)
	}
	a.endSilences()
}

func (a *Alerter) tickGroup(g *group, elapsed time.Duration, yield func(*sshwhy.Alert)) {
	now := a.o.Now()
	g.idle += elapsed
	r := g.rule
	switch {
	case r.Digest > 0:
		if now.UnixNano() >= g.due {
			a.tell(g, sshwhy.NewsDigest, yield)
			a.forget(g)
		}
	case !g.begun:
		if g.idle > r.Within {
			a.forget(g)
		}
	case g.idle >= r.ResolveAfter:
		a.end(g, yield)
	case !g.told() || a.silenced(g):
	case r.RemindEvery > 0 && now.UnixNano()-g.reminded >= int64(r.RemindEvery):
		a.tell(g, sshwhy.NewsReminder, yield)
	default:
		a.tellChange(g, yield)
		if g.count != g.shown && now.UnixNano()-g.updated >= int64(paceOfUpdates) {
			a.tell(g, sshwhy.NewsUpdated, yield)
		}
	}
}

// sorted gives the groups in a fixed order, so that a run can be repeated.
func (a *Alerter) sorted() []*group {
	list := make([]*group, 0, len(a.groups))
	for _, g := range a.groups {
		list = append(list, g)
	}
	slices.SortFunc(list, func(x, y *group) int { return strings.Compare(x.key, y.key) })
	return list
}

// makeRoom forgets a quarter of the windows: those silent longest.
func (a *Alerter) makeRoom() {
	list := a.sorted()
	slices.SortStableFunc(list, func(x, y *group) int {
		if x.told() != y.told() {
			if y.told() {
				return -1
			}
			return 1
		}
		return int(min(max(x.until-y.until, -1), 1))
	})
	for _, g := range list[:len(list)/4] {
		a.forget(g)
	}
}

// nextDigest gives when the digest is due: at nine in the morning for daily
// ones, at the next full period for others.
func (a *Alerter) nextDigest(r *rule) int64 {
	now := a.o.Now().In(a.o.Zone)
	if r.Digest%(24*time.Hour) != 0 {
		return now.Truncate(r.Digest).Add(r.Digest).UnixNano()
	}
	due := time.Date(now.Year(), now.Month(), now.Day(), 9, 0, 0, 0, a.o.Zone)
	if !due.After(now) {
		due = due.AddDate(0, 0, 1)
	}
	return due.AddDate(0, 0, int(r.Digest/(24*time.Hour))-1).UnixNano()
}
