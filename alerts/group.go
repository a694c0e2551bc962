package alerts

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// group is the findings of a rule that share what the rule says: a window
// until it has as many as make an alert, and the alert from then on.
type group struct {
	rule *rule
	key  string
	by   []sshwhy.Shared
	seen []mark // of the window; of an alert the latest, so that revisions find them
	rest bool   // it stands for all alerts beyond the rule's burst

	begun        bool
	joined       bool // its messages are those of the rest
	count        int
	since, until int64 // the log's time
	idle         time.Duration
	due          int64 // when a digest is told, by the clock

	users, sources, hosts, causes tally
	latest                        *sshwhy.Finding
	notice                        *sshwhy.Notice
	after                         string // the cause of what sshd said of itself before
	afterFor                      int64

	// What was told: revision counts the messages, base is the count that
	// growth is measured from, shown the one of the last message. The times
	// are by the clock: of the last message, the last reminder, the last
	// update.
	revision, base, shown     int
	spoken, reminded, updated int64
	toldCauses                []string

	dirty, saved bool
}

// mark is a finding that was counted.
type mark struct {
	id   id
	time int64
	user uint32 // a hash of the user's name
}

// maxSeen bounds the findings that a group remembers one by one.
const maxSeen = 512

func keyOf(r *rule, by []sshwhy.Shared) string {
	var b strings.Builder
	b.WriteString(r.Name)
	for _, s := range by {
		b.WriteByte(0)
		b.WriteString(s.Value)
	}
	return b.String()
}

func (g *group) told() bool { return g.revision > 0 }

// property gives a fact that the findings of the group share.
func (g *group) property(name string) string {
	for _, s := range g.by {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

func (g *group) add(c *counted) {
	if len(g.seen) == maxSeen {
		g.seen = slices.Delete(g.seen, 0, maxSeen/4)
	}
	g.seen = append(g.seen, mark{c.id, c.time, hashOf(c.facts.User)})
	if g.count == 0 {
		g.since = c.time
	}
	g.count++
	g.since, g.until = min(g.since, c.time), max(g.until, c.time)
	g.idle = 0
	g.users.add(c.facts.User)
	g.sources.add(c.facts.Source)
	g.hosts.add(c.facts.Host)
	g.causes.add(c.facts.Cause)
	g.refresh(c)
}

// refresh takes over the finding as the one that is shown.
func (g *group) refresh(c *counted) {
	g.dirty = true
	if c.notice != nil {
		n := *c.notice
		g.notice = &n
		return
	}
	g.latest = c.finding.Clone()
}

// takeBack uncounts a finding whose revision is not the group's any more.
func (g *group) takeBack(c *counted) {
	i := slices.IndexFunc(g.seen, func(m mark) bool { return m.id == c.id })
	if i < 0 {
		return
	}
	g.seen = slices.Delete(g.seen, i, i+1)
	g.count--
	g.dirty = true
	g.users.remove(c.facts.User)
	g.sources.remove(c.facts.Source)
	g.hosts.remove(c.facts.Host)
}

// reached tells whether the window that ends now has what makes an alert.
// What lies before the window is dropped.
func (g *group) reached(now int64) bool {
	limit := now - int64(g.rule.Within)
	g.seen = slices.DeleteFunc(g.seen, func(m mark) bool { return m.time < limit })
	if len(g.seen) < g.rule.AtLeast {
		return false
	}
	users := map[uint32]struct{}{}
	for _, m := range g.seen {
		users[m.user] = struct{}{}
	}
	return len(users) >= g.rule.Users
}

// begin makes the window an alert.
func (g *group) begin() {
	g.begun, g.dirty = true, true
	g.count, g.since = len(g.seen), g.seen[0].time
	for _, m := range g.seen {
		g.since = min(g.since, m.time)
	}
}

// newCause tells that a cause came to it since it was told.
func (g *group) newCause() bool {
	for cause := range g.causes.counts {
		if cause != "" && !slices.Contains(g.toldCauses, cause) {
			return true
		}
	}
	return false
}

// alert fills a message and notes that it was given, now by the clock.
func (g *group) alert(news sshwhy.News, c *causes.Catalogue, now int64) *sshwhy.Alert {
	g.revision++
	g.dirty = true
	g.shown, g.updated = g.count, now
	if news != sshwhy.NewsUpdated {
		g.spoken, g.reminded = now, now
	}
	if news == sshwhy.NewsFiring || news == sshwhy.NewsGrown {
		g.base = max(g.count, 1)
	}
	a := &sshwhy.Alert{
		ID: g.id(), Revision: g.revision, Rule: g.rule.Name, To: g.rule.To, News: news, Rest: g.rest, By: g.by, Findings: g.count, Since: g.since, Until: g.until,
		After: c.Find(g.after), AfterFor: time.Duration(g.afterFor), Notice: g.notice, Latest: g.latest,
		NumUsers: g.users.distinct(), NumSources: g.sources.distinct(), NumHosts: g.hosts.distinct(),
		Users: g.users.most(), Sources: g.sources.most(), Hosts: g.hosts.most(),
	}
	g.toldCauses = g.toldCauses[:0]
	for _, cause := range g.causes.most() {
		g.toldCauses = append(g.toldCauses, cause.Value)
		a.Causes = append(a.Causes, c.Find(cause.Value))
	}
	return a
}

// id is made of the rule, what the findings share, and when it began.
func (g *group) id() string {
	sum := sha256.Sum256([]byte(g.key + "\x00" + strconv.FormatInt(g.since, 10)))
	return hex.EncodeToString(sum[:16])
}

// tally counts values, up to sshwhy.MaxDistinct different ones.
type tally struct{ counts map[string]int }

// maxValue bounds the values of a tally: a client chooses its user's name.
const maxValue = 128

func (t *tally) add(value string) {
	value = value[:min(len(value), maxValue)]
	if value == "" {
		return
	}
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	if _, ok := t.counts[value]; ok || len(t.counts) < sshwhy.MaxDistinct {
		t.counts[value]++
	}
}

func (t *tally) remove(value string) {
	value = value[:min(len(value), maxValue)]
	if n := t.counts[value]; n > 1 {
		t.counts[value] = n - 1
	} else {
		delete(t.counts, value)
	}
}

func (t *tally) distinct() int { return len(t.counts) }

// most gives the most frequent values.
func (t *tally) most() []sshwhy.Counted {
	list := make([]sshwhy.Counted, 0, len(t.counts))
	for value, n := range t.counts {
		list = append(list, sshwhy.Counted{Value: value, Count: n})
	}
	slices.SortFunc(list, func(x, y sshwhy.Counted) int {
		if x.Count != y.Count {
			return y.Count - x.Count
		}
		return strings.Compare(x.Value, y.Value)
	})
	return list[:min(len(list), sshwhy.MaxShared)]
}
