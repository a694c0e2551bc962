package classifier

import (
	"hash/maphash"
	"strconv"
	"time"

	"github.com/sshwhy/sshwhy"
)

// The bounds of an attack. sshd lets six tries pass in a connection
// (MaxAuthTries) and people mistype: a source that fails ten times within ten
// minutes does something else. Alert rules use these findings and do not count
// tries again.
const (
	attackTries  = 10
	attackWithin = int64(10 * time.Minute)
	// loginTries is how many failures make a login from the same source
	// worth a look.
	loginTries = 5
	maxSources = 8192
)

// attacks watches the sources of refused logins. It is bounded twice: a source
// first has a seat, where no more than its tries are counted, and which
// another may take from it; one that goes on gets an episode, and of these the
// one that has been silent longest makes way.
type attacks struct {
	seats    []seat
	bySource map[uint64]*episode
	order    episodes // from the one that has been silent longest
	free     *episode
}

// seat counts the tries of a source that has failed a few times.
type seat struct {
	key         uint64
	start, last int64
	tries       int32
}

// numSeats is a power of two. A flood of sources takes the seats of those that
// fail slowly: they are counted anew.
const numSeats = 1 << 14

// seated counts the tries of a connection at its source's seat and gives them,
// with the time of the first.
func (a *attacks) seated(key uint64, c *connection) (tries int, start int64) {
	s := &a.seats[(key^key>>32)&(numSeats-1)]
	if s.key != key || c.last-s.last > attackWithin {
		*s = seat{key: key, start: c.start}
	}
	s.tries += int32(max(c.passwords, 1))
	s.last = max(s.last, c.last)
	return int(s.tries), s.start
}

// episode is a run of failures of one source on one host, no two of them
// further apart than attackWithin.
type episode struct {
	key        uint64
	host       *host
	tries      int
	start      int64
	last       int64
	source     string
	ordinal    uint32
	address    []byte
	user       []byte // the one user, as long as there is only one
	manyUsers  bool
	first      []byte // the first line of the first connection
	pattern    sshwhy.PatternID
	revision   int
	told       int // the tries that the last revision named
	prev, next *episode
}

type episodes struct{ first, last *episode }

func (l *episodes) add(e *episode) {
	e.prev, e.next = l.last, nil
	if l.last != nil {
		l.last.next = e
	} else {
		l.first = e
	}
	l.last = e
}

func (l *episodes) remove(e *episode) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.last = e.prev
	}
	e.prev, e.next = nil, nil
}

// refused counts a connection that was refused towards its source's episode.
func (k *Classifier) refused(c *connection) {
	if len(c.address) == 0 || c.saw&(sawPassword|sawInteractive|sawInvalid|sawKey|sawMaxTries|sawPAMAuth) == 0 {
		return
	}
	a := &k.attacks
	key := k.sourceKey(c)
	e := a.bySource[key]
	if e != nil && c.last-e.last > attackWithin {
		k.endEpisode(e)
		e = nil
	}
	if e == nil {
		tries, start := a.seated(key, c)
		if tries < loginTries {
			return
		}
		e = k.beginEpisode(c, key)
		e.tries, e.start = tries, start
	} else {
		e.tries += max(c.passwords, 1)
	}
	e.last = max(e.last, c.last)
	a.order.remove(e)
	a.order.add(e)
	if !e.manyUsers && c.userKnown && string(c.user) != string(e.user) {
		e.manyUsers = true
	}
	if e.tries >= attackTries && e.revision == 0 {
		k.tellEpisode(e)
	}
}

func (k *Classifier) sourceKey(c *connection) uint64 {
	return maphash.Bytes(k.table.seed, c.address) ^ uint64(c.host.id)<<32
}

func (k *Classifier) beginEpisode(c *connection, key uint64) *episode {
	a := &k.attacks
	if len(a.bySource) >= maxSources {
		k.endEpisode(a.order.first)
		k.evictedSources++
	}
	e := a.free
	if e != nil {
		a.free = e.next
	} else {
		e = &episode{}
	}
	*e = episode{key: key, host: c.host, start: c.start, last: c.last, source: c.source, ordinal: c.ordinal,
		address: append(e.address[:0], c.address...), user: append(e.user[:0], c.user...), manyUsers: !c.userKnown, first: append(e.first[:0], c.line(0)...)}
	if len(c.lines) > 0 {
		e.pattern = c.lines[0].pattern
	}
	a.bySource[key] = e
	a.order.add(e)
	return e
}

// endEpisode says how it went, if anything was said of it, and forgets it.
func (k *Classifier) endEpisode(e *episode) {
	if e.revision > 0 && e.tries != e.told {
		k.tellEpisode(e)
	}
	a := &k.attacks
	delete(a.bySource, e.key)
	a.order.remove(e)
	e.next, a.free = a.free, e
}

// endEpisodes ends those that have been silent for as long as makes a new one.
func (k *Classifier) endEpisodes(h *host) {
	for e := k.attacks.order.first; e != nil && e.host == h && h.clock-e.last > attackWithin; e = k.attacks.order.first {
		k.endEpisode(e)
	}
}

// acceptedAfter tells of a login from a source that failed again and again.
func (k *Classifier) acceptedAfter(c *connection) {
	if len(k.attacks.bySource) == 0 {
		return
	}
	e := k.attacks.bySource[k.sourceKey(c)]
	if e == nil || e.tries < loginTries || c.start-e.last > attackWithin {
		return
	}
	k.handAttack(k.known.loginAfterFailures, sshwhy.OutcomeAccepted, c.start, c.last, c.line(0), e, c.user, c.userKnown, 1)
}

func (k *Classifier) tellEpisode(e *episode) {
	e.revision++
	e.told = e.tries
	k.handAttack(k.known.bruteForce, sshwhy.OutcomeRefused, e.start, e.last, e.first, e, e.user, !e.manyUsers, e.revision)
}

// handAttack gives a finding that stands beside those of the connections. Its
// id is made of their first line and the cause.
func (k *Classifier) handAttack(cause sshwhy.CauseID, outcome sshwhy.Outcome, start, end int64, line []byte, e *episode, user []byte, userKnown bool, revision int) {
	f := &k.finding
	k.attackFirst = append(append(append(k.attackFirst[:0], k.causes.ID(cause)...), '\n'), line...)
	*f = sshwhy.Finding{
		Identity: sshwhy.Identity{Host: e.host.bytes, First: k.attackFirst, Time: start, Ordinal: e.ordinal},
		Revision: revision, Outcome: outcome, Cause: cause, Confidence: sshwhy.ConfidenceCertain,
		Start: start, End: end, User: user, UserKnown: userKnown, Address: e.address, Source: e.source, Decisive: 0,
		Candidates: f.Candidates[:0], Remarks: f.Remarks[:0],
		Values:   append(f.Values[:0], sshwhy.Value{Field: sshwhy.FieldCount, Text: strconv.Itoa(e.tries)}),
		Evidence: append(f.Evidence[:0], sshwhy.Evidence{Text: line, Pattern: e.pattern}),
		Why:      "logins from this source failed at least " + strconv.Itoa(attackTries) + " times, never ten minutes apart",
	}
	if cause == k.known.loginAfterFailures {
		f.Why = "a login succeeded from a source that had failed at least " + strconv.Itoa(loginTries) + " times shortly before"
	}
	if revision > 1 {
		f.Before = sshwhy.Verdict{Outcome: outcome, Cause: cause, Confidence: sshwhy.ConfidenceCertain}
	}
	k.yield(f)
}
