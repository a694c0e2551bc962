package classifier

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// What Save gives, by the first part of the key. The records of a connection
// bring back its lines; all else that is known of it stands in its entry, for
// what other lines have told of it, and when, its own do not tell.
const (
	keyHost       = "host/"       // the hash of its name
	keyPAM        = "pam/"        // the hashes of the host's name and the user's
	keyConnection = "connection/" // its number
	keySeat       = "seat/"       // its index
	keyEpisode    = "episode/"    // the hash of host and address
)

// Save implements sshwhy.Stateful. Without Options.Hold there is nothing.
func (k *Classifier) Save(put func(key string, value []byte)) {
	k.installRestored()
	h := k.table.holding
	if h == nil {
		return
	}
	for _, key := range h.ended {
		put(hexKey(keyEpisode, key), nil)
	}
	for _, number := range h.deleted {
		put(connectionKey(number), nil)
	}
	for _, host := range h.hosts {
		host.dirty = false
		put(hexKey(keyHost, host.hash), k.packHost(host))
	}
	for _, u := range h.pam {
		p := newPacker(nil)
		p.text(u.host.name)
		p.text(u.name)
		put(hexKey(keyPAM, u.host.hash)+"/"+strconv.FormatUint(hashOf([]byte(u.name)), 16), p)
	}
	for _, c := range h.dirty {
		if c.dirty {
			c.dirty, c.saved = false, true
			put(connectionKey(c.number), k.packConnection(c))
		}
	}
	for _, e := range h.episodes {
		if e.dirty {
			e.dirty = false
			put(hexKey(keyEpisode, e.key), k.packEpisode(e))
		}
	}
	k.saveSeats(put)
	h.ended, h.deleted, h.hosts, h.pam, h.dirty, h.episodes = h.ended[:0], h.deleted[:0], h.hosts[:0], h.pam[:0], h.dirty[:0], h.episodes[:0]
}

func (k *Classifier) saveSeats(put func(string, []byte)) {
	for word, set := range k.table.holding.seats {
		for ; set != 0; set &= set - 1 {
			i := word*64 + bits.TrailingZeros64(set)
			s := &k.attacks.seats[i]
			p := newPacker(nil)
			p.fixed(s.key)
			p.int(s.start)
			p.int(s.last)
			p.int(int64(s.tries))
			put(keySeat+strconv.Itoa(i), p)
		}
		k.table.holding.seats[word] = 0
	}
}

func hexKey(kind string, hash uint64) string { return kind + strconv.FormatUint(hash, 16) }

func connectionKey(number uint64) string { return keyConnection + strconv.FormatUint(number, 10) }

// Load implements sshwhy.Stateful. What belongs to connections waits until
// their records have come, too.
func (k *Classifier) Load(key string, value []byte) error {
	if k.restored == nil {
		k.restored = newRestored()
	}
	kind, rest, _ := strings.Cut(key, "/")
	u := newUnpacker(value)
	switch kind + "/" {
	case keyHost:
		return k.loadHost(&u)
	case keyPAM:
		return k.loadPAM(&u)
	case keyConnection:
		number, err := strconv.ParseUint(rest, 10, 64)
		if err != nil {
			return fmt.Errorf("reading the number of a connection: %w", err)
		}
		return k.loadConnection(number, &u)
	case keySeat:
		i, err := strconv.ParseUint(rest, 10, 64)
		if err != nil || i >= numSeats {
			return fmt.Errorf("there is no seat %q", rest)
		}
		return k.loadSeat(int(i), &u)
	case keyEpisode:
		return k.loadEpisode(&u)
	}
	return fmt.Errorf("there is no entry of the kind %q", kind)
}

func (k *Classifier) loadSeat(i int, u *unpacker) error {
	s := seat{key: u.fixed(), start: u.int(), last: u.int(), tries: int32(u.int())}
	if err := u.err(); err != nil {
		return err
	}
	s.episodes = k.attacks.seats[i].episodes
	k.attacks.seats[i] = s
	return nil
}

func (k *Classifier) loadPAM(u *unpacker) error {
	host, user := u.bytes(), u.bytes()
	if err := u.err(); err != nil {
		return err
	}
	k.table.host(host).notePAM(user)
	return nil
}

func (k *Classifier) packHost(h *host) []byte {
	k.catchUp(h)
	h.saved = h.clock
	p := newPacker(nil)
	p.text(h.name)
	p.int(h.clock)
	p.uint(uint64(len(h.told)))
	for _, cause := range h.told {
		p.text(k.causes.ID(cause))
	}
	p.int(h.second)
	p.uint(uint64(h.beyond))
	p.uint(uint64(len(h.firsts)))
	for _, first := range slices.Sorted(maps.Keys(h.firsts)) {
		p.fixed(first)
		p.uint(uint64(h.firsts[first]))
	}
	if l := &h.previous; l.of != nil && l.of.number == l.number {
		p.uint(l.number)
		p.int(int64(l.passwords))
		p.int(int64(l.keys))
	} else {
		p.uint(0)
	}
	return p
}

func (k *Classifier) loadHost(u *unpacker) error {
	name, clock := u.bytes(), u.int()
	var told []sshwhy.CauseID
	for range u.count() {
		if cause := k.causes.Find(u.text()); cause != 0 {
			told = append(told, cause)
		}
	}
	second, beyond := u.int(), uint32(u.uint())
	firsts := map[uint64]uint32{}
	for range min(u.count(), maxFirsts) {
		first := u.fixed()
		firsts[first] = uint32(u.uint())
	}
	var previous previousLine
	if previous.number = u.uint(); previous.number != 0 {
		previous.passwords, previous.keys = int(u.int()), int(u.int())
	}
	if err := u.err(); err != nil {
		return err
	}
	h := k.table.host(name)
	h.clock, h.ticked, h.told, h.second, h.beyond, h.firsts = max(h.clock, clock), k.clocks.elapsed, told, second, beyond, firsts
	if previous.number != 0 {
		previous.host = h
		k.restored.previous = append(k.restored.previous, previous)
	}
	return nil
}

func (k *Classifier) packEpisode(e *episode) []byte {
	p := newPacker(nil)
	p.fixed(e.key)
	p.text(e.host.name)
	p.int(int64(e.tries))
	p.int(e.start)
	p.int(e.last)
	p.int(e.seen)
	p.text(e.source)
	p.uint(uint64(e.ordinal))
	p.bytes(short(e.address))
	p.bytes(short(e.user))
	p.flags(e.manyUsers)
	p.bytes(e.first[:min(len(e.first), maxLineText)])
	p.text(k.patternID(e.pattern))
	p.int(int64(e.revision))
	p.int(int64(e.told))
	return p
}

func (k *Classifier) loadEpisode(u *unpacker) error {
	e := &episode{key: u.fixed()}
	host := u.bytes()
	e.tries, e.start, e.last, e.seen = int(u.int()), u.int(), u.int(), u.int()
	e.source, e.ordinal = u.text(), uint32(u.uint())
	e.address, e.user = slices.Clone(u.bytes()), slices.Clone(u.bytes())
	u.flags(&e.manyUsers)
	e.first = slices.Clone(u.bytes())
	e.pattern = k.patterns.Find(u.text())
	e.revision, e.told = int(u.int()), int(u.int())
	if err := u.err(); err != nil {
		return err
	}
	e.host = k.table.host(host)
	k.restored.episodes = append(k.restored.episodes, e)
	return nil
}

// patternID gives the textual id of a pattern, "" for none.
func (k *Classifier) patternID(p sshwhy.PatternID) string {
	if e := k.patterns.Entry(p); e != nil {
		return e.ID
	}
	return ""
}

// short bounds a text that lines of sshd keep far shorter.
func short(b []byte) []byte { return b[:min(len(b), maxNameBytes)] }

// packConnection writes what is known of a connection, its lines by their
// hashes. Values that do not fit are cut.
func (k *Classifier) packConnection(c *connection) []byte {
	value := k.packConnectionUpTo(c, maxLineText)
	if len(value) > maxValue {
		value = k.packConnectionUpTo(c, 128)
	}
	return value
}

func (k *Classifier) packConnectionUpTo(c *connection, most int) []byte {
	p := newPacker(make([]byte, 0, 256))
	p.uint(c.turn)
	p.text(c.host.name)
	t := &k.table
	p.flags(c.orphaned, c.userKnown, c.told.looked, c.looked != nil, c.key != 0, c.key != 0 && t.ofProcess(c.key) == c,
		c.child != 0 && t.ofProcess(c.child) == c, c.peer != 0 && t.ofPeer(c.peer) == c, c.whole)
	p.int(int64(c.pid))
	p.int(int64(int32(c.key)))
	p.int(int64(int32(c.child)))
	p.uint(uint64(c.state))
	p.int(c.start)
	p.int(c.last)
	p.int(t.links[c.slot].seen)
	p.uint(uint64(c.ordinal))
	p.text(c.source)
	p.int(int64(c.revision))
	p.uint(uint64(c.told.Outcome))
	p.text(k.causes.ID(c.told.Cause))
	p.uint(uint64(c.told.Confidence))
	p.int(int64(c.told.remarks))
	p.int(int64(c.told.candidates))
	p.uint(uint64(c.saw))
	p.int(c.code)
	p.int(int64(c.passwords))
	p.int(int64(c.keys))
	p.int(int64(c.port))
	p.int(int64(c.dropped))
	for _, text := range c.names() {
		p.bytes(short(c.text(*text)))
	}
	p.uint(uint64(len(c.proofs)))
	for i := range c.proofs {
		s := &c.proofs[i]
		p.text(k.causes.ID(s.cause))
		p.uint(uint64(s.confidence))
		p.int(int64(s.line))
		p.facts(c, i, most)
	}
	p.uint(uint64(len(c.lines)))
	for i := range c.lines {
		line := c.line(i)
		recorded := len(line) < maxLineText && !c.whole
		if p.flags(recorded); recorded {
			p.fixed(hashOf(line))
			continue
		}
		p.text(k.patternID(c.lines[i].pattern))
		p.bytes(line)
	}
	if c.looked != nil {
		k.packLook(&p, c.looked, most)
	}
	return p
}

// names are the texts of a connection, in the order in which they are saved.
func (c *connection) names() [8]*part {
	return [...]*part{&c.ident, &c.user, &c.address, &c.method, &c.asked, &c.keyType, &c.print, &c.firstKeyFile}
}

// facts writes those of a proof, as values does.
func (p *packer) facts(c *connection, proof, most int) {
	n := 0
	for _, f := range c.facts {
		if int(f.of) == proof {
			n++
		}
	}
	p.uint(uint64(n))
	for _, f := range c.facts {
		if int(f.of) == proof {
			text := c.text(f.at)
			p.text(f.field.String())
			p.bytes(text[:min(len(text), most)])
		}
	}
}

func (p *packer) values(values []sshwhy.Value, most int) {
	p.uint(uint64(len(values)))
	for _, v := range values {
		p.text(v.Field.String())
		p.text(v.Text[:min(len(v.Text), most)])
	}
}

func (u *unpacker) values() []sshwhy.Value {
	var values []sshwhy.Value
	for range u.count() {
		field, text := sshwhy.FieldNamed(u.text()), u.text()
		if field != sshwhy.FieldNone {
			values = append(values, sshwhy.Value{Field: field, Text: text})
		}
	}
	return values
}

func (k *Classifier) packLook(p *packer, l *look, most int) {
	p.text(k.causes.ID(l.cause))
	p.uint(uint64(l.confidence))
	p.uint(uint64(len(l.candidates)))
	for _, id := range l.candidates {
		p.text(k.causes.ID(id))
	}
	p.values(l.values, most)
	p.uint(uint64(len(l.seen)))
	for _, sentence := range l.seen {
		p.bytes(sentence)
	}
}

func (k *Classifier) unpackLook(u *unpacker) *look {
	l := &look{cause: k.causes.Find(u.text()), confidence: sshwhy.Confidence(u.uint())}
	for range u.count() {
		if id := k.causes.Find(u.text()); id != 0 {
			l.candidates = append(l.candidates, id)
		}
	}
	l.values = u.values()
	for range u.count() {
		l.seen = append(l.seen, slices.Clone(u.bytes()))
	}
	return l
}
