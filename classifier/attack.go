package classifier

import (
	"bytes"
	"math/bits"
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
	order    queue[episode] // from the one that has been silent longest
	free     []*episode
	holding  *holding
	finding  sshwhy.Finding // the one on an attack that was handed out last
}

// seat counts the tries of a source that has failed a few times.
type seat struct {
	key         uint64
	start, last int64
	tries       int32
	// episodes is the number of those whose sources would have this seat:
	// mostly there are none, and none need be looked for.
	episodes int32
}

// numSeats is a power of two. A flood of sources takes the seats of those that
// fail slowly: they are counted anew.
const numSeats = 1 << 14

// seatOf gives the seat of a source.
func (a *attacks) seatOf(key uint64) *seat { return &a.seats[placeOf(key)] }

func placeOf(key uint64) uint64 { return (key ^ key>>32) & (numSeats - 1) }

// episodeOf gives the episode of a source, nil where there is none.
func (a *attacks) episodeOf(key uint64) *episode {
	if a.seatOf(key).episodes == 0 {
		return nil
	}
	return a.bySource[key]
}

// seated counts the tries of a connection at its source's seat and gives them,
// with the time of the first.
func (a *attacks) seated(key uint64, c *connection) (tries int, start int64) {
	s := a.seatOf(key)
	if s.key != key || c.last-s.last > attackWithin {
		*s = seat{key: key, start: c.start, episodes: s.episodes}
	}
	s.tries += int32(max(c.passwords, 1))
	s.last = max(s.last, c.last)
	if a.holding != nil {
		i := placeOf(key)
		a.holding.seats[i/64] |= 1 << (i % 64)
	}
	return int(s.tries), s.start
}

// episode is a run of failures of one source on one host, no two of them
// further apart than attackWithin.
type episode struct {
	key       uint64
	host      *host
	tries     int
	start     int64
	last      int64
	source    string
	ordinal   uint32
	address   []byte
	user      []byte // the one user, as long as there is only one
	manyUsers bool
	first     []byte // the first line of the first connection
	pattern   sshwhy.PatternID
	revision  int
	told      int   // the tries that the last revision named
	seen      int64 // the host's clock when the last failure came
	dirty     bool  // it stands in holding.episodes
	// inOrder and onHost are its places among all, and its host's.
	inOrder, onHost place[episode]
}

// refused counts a connection that was refused towards its source's episode.
func (k *Classifier) refused(c *connection) {
	if c.address.empty() || c.saw&(sawPassword|sawInteractive|sawInvalid|sawKey|sawMaxTries|sawPAMAuth) == 0 {
		return
	}
	a := &k.attacks
	key := k.sourceKey(c)
	e := a.episodeOf(key)
	switch {
	case e == nil:
	case e.host != c.host || !bytes.Equal(e.address, c.text(c.address)):
		return // another source of the same hash
	case c.last-e.last > attackWithin:
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
	e.seen = c.host.clock
	a.order.renew(&e.inOrder)
	c.host.episodes.renew(&e.onHost)
	k.markEpisode(e)
	if !e.manyUsers && c.userKnown && string(c.text(c.user)) != string(e.user) {
		e.manyUsers = true
	}
	if e.tries >= attackTries && e.revision == 0 {
		k.tellEpisode(e)
	}
}

func (k *Classifier) sourceKey(c *connection) uint64 {
	return hashOf(c.text(c.address)) ^ bits.RotateLeft64(c.host.hash, 32)
}

func (k *Classifier) beginEpisode(c *connection, key uint64) *episode {
	a := &k.attacks
	if len(a.bySource) >= maxSources {
		k.endEpisode(a.order.oldest())
		k.evictedSources++
	}
	e := &episode{}
	if n := len(a.free); n > 0 {
		e, a.free = a.free[n-1], a.free[:n-1]
	}
	*e = episode{key: key, host: c.host, start: c.start, last: c.last, seen: c.host.clock, source: c.source, ordinal: c.ordinal,
		address: append(e.address[:0], c.text(c.address)...), user: append(e.user[:0], c.text(c.user)...), manyUsers: !c.userKnown, first: append(e.first[:0], c.line(0)...)}
	if len(c.lines) > 0 {
		e.pattern = c.lines[0].pattern
	}
	k.addEpisode(e)
	return e
}

// addEpisode lets an episode be found.
func (k *Classifier) addEpisode(e *episode) {
	e.inOrder.of, e.onHost.of = e, e
	k.attacks.bySource[e.key] = e
	k.attacks.seatOf(e.key).episodes++
	k.attacks.order.add(&e.inOrder)
	e.host.episodes.add(&e.onHost)
	e.host.due = atOnce
	k.clocks.rouse(e.host)
}

// markEpisode notes that an episode changed.
func (k *Classifier) markEpisode(e *episode) {
	if h := k.table.holding; h != nil && !e.dirty {
		e.dirty = true
		h.episodes = append(h.episodes, e)
	}
}

// endEpisode says how it went, if anything was said of it, and forgets it.
func (k *Classifier) endEpisode(e *episode) {
	if e.revision > 0 && e.tries != e.told {
		k.tellEpisode(e)
	}
	a := &k.attacks
	delete(a.bySource, e.key)
	a.seatOf(e.key).episodes--
	a.order.remove(&e.inOrder)
	e.host.episodes.remove(&e.onHost)
	e.dirty = false
	if h := k.table.holding; h != nil {
		h.ended = append(h.ended, e.key)
	}
	a.free = append(a.free, e)
}

// acceptedAfter tells of a login from a source that failed again and again.
func (k *Classifier) acceptedAfter(c *connection) {
	if len(k.attacks.bySource) == 0 {
		return
	}
	e := k.attacks.episodeOf(k.sourceKey(c))
	if e == nil || e.tries < loginTries || e.host != c.host || !bytes.Equal(e.address, c.text(c.address)) || c.start-e.last > attackWithin {
		return
	}
	k.handAttack(k.known.loginAfterFailures, sshwhy.OutcomeAccepted, c.start, c.last, c.line(0), e, c.text(c.user), c.userKnown, 1)
}

func (k *Classifier) tellEpisode(e *episode) {
	e.revision++
	e.told = e.tries
	k.handAttack(k.known.bruteForce, sshwhy.OutcomeRefused, e.start, e.last, e.first, e, e.user, !e.manyUsers, e.revision)
}

// handAttack gives a finding that stands beside those of the connections. Its
// id is made of their first line and the cause.
func (k *Classifier) handAttack(cause sshwhy.CauseID, outcome sshwhy.Outcome, start, end int64, line []byte, e *episode, user []byte, userKnown bool, revision int) {
	f := &k.attacks.finding
	k.attackFirst = append(append(append(k.attackFirst[:0], k.causes.ID(cause)...), '\n'), line...)
	*f = sshwhy.Finding{
		Identity: sshwhy.Identity{Host: e.host.bytes, First: k.attackFirst, Time: start, Ordinal: e.ordinal},
		Revision: revision, Outcome: outcome, Cause: cause, Confidence: sshwhy.ConfidenceCertain,
		Start: start, End: end, User: user, UserKnown: userKnown, Address: e.address, Source: e.source, Decisive: 0,
		Values:   append(f.Values[:0], sshwhy.Value{Field: sshwhy.FieldCount, Text: strconv.Itoa(e.tries)}),
		Evidence: append(f.Evidence[:0], sshwhy.Evidence{Text: line, Pattern: e.pattern}),
		Why:      sshwhy.Why{Rule: sshwhy.RuleBruteForce},
	}
	if cause == k.known.loginAfterFailures {
		f.Why.Rule = sshwhy.RuleLoginAfterFailures
	}
	if revision > 1 {
		f.Before = sshwhy.Verdict{Outcome: outcome, Cause: cause, Confidence: sshwhy.ConfidenceCertain}
	}
	k.yield(f)
}
