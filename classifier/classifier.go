package classifier

import (
	"fmt"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/patterns"
)

// Classifier implements sshwhy.Classifier.
type Classifier struct {
	patterns                *patterns.Catalogue // not owned
	causes                  *causes.Catalogue   // not owned
	known                   known
	rules                   []rule // by PatternID
	table                   table
	options                 Options
	finding                 sshwhy.Finding // handed out, and filled anew for the next
	yield                   func(*sshwhy.Finding)
	evicted, evictedSources uint64
	attacks                 attacks
	attackFirst             []byte
	clocks                  clocks
	line                    kept // the one at hand
	texts                   texts
	space                   []byte             // for thin
	alikes                  [][]sshwhy.CauseID // by CauseID; see alike
	answers                 answers
	restored                *restored // what Load gave and no event followed yet, else nil
}

// Options are what a user can set.
type Options struct {
	// GraceTime is sshd's LoginGraceTime; 120 s if zero (sshd_config(5)).
	GraceTime time.Duration
	// Hold keeps what Held and Save give. Who sets it calls them now and
	// then: until then it grows with every line.
	Hold bool
	// Inspect keeps undetermined connections for a minute after they are
	// settled, so that an inspection can still answer.
	Inspect bool
	// Why fills Finding.Why.Lines and Ruled.
	Why bool
	// Brief keeps no texts of the lines, which are most of what is kept of a
	// connection, and leaves out of findings on connections and on sshd all
	// but the verdict and the one before it, Revision, Remarks, Values, Host,
	// User, Address and End. It is for who counts findings, and goes with
	// neither Hold nor an id.
	Brief bool
	// Excerpt says that what is read is a part of a log: where it ends says
	// nothing about the connections in it.
	Excerpt bool
	// Values tells whether the values of a finding with the cause are wanted;
	// nil says that all are. What is not wanted once is not wanted later.
	Values func(sshwhy.CauseID) bool
}

// graceSlack is added to LoginGraceTime before silence counts as its end.
const graceSlack = 10 * time.Second

// proof is an event that shows a cause, from the catalogue of causes.
type proof struct {
	cause      sshwhy.CauseID
	confidence sshwhy.Confidence
	when       condition   // of no field where the event is enough
	also       []condition // further ones, which are rare
}

// condition is a field that must have a value.
type condition struct {
	field    sshwhy.Field
	constant uint8 // of the catalogue of patterns, 0 where text counts
	text     string
	prefix   bool // text need only begin so
}

// New makes a classifier. The catalogues must not change afterwards.
func New(p *patterns.Catalogue, c *causes.Catalogue, o Options) (*Classifier, error) {
	k := newEmpty(p, c, o)
	k.rules = make([]rule, len(p.Entries)+1)
	k.alikes = alikes(c)
	for i := range p.Entries {
		if p.Entries[i].Group == "pam" {
			k.rules[i+1] = rule{signals: sawPAM}
		}
	}
	for id, r := range rules() {
		r.signals |= k.rules[id].signals
		k.rules[id] = r
	}
	if err := k.readProofs(p, c); err != nil {
		return nil, fmt.Errorf("making the classifier: %w", err)
	}
	var err error
	if k.known, err = knownCauses(c); err != nil {
		return nil, fmt.Errorf("making the classifier: %w", err)
	}
	k.answers = makeAnswers(&k.known, k.alikes)
	// Up to 10.0 the process of a session is called so as well (monitor_wrap.c
	// mm_reap).
	k.rules[patterns.PreauthChildKilled].inSession = k.known.sessionKilled
	for id := range k.rules {
		k.rules[id].complete(sshwhy.PatternID(id), o.Brief)
	}
	return k, nil
}

// newEmpty makes one that has seen nothing and has not read the catalogues.
func newEmpty(p *patterns.Catalogue, c *causes.Catalogue, o Options) *Classifier {
	if o.GraceTime == 0 {
		o.GraceTime = 120 * time.Second
	}
	text := usualText
	if o.Brief {
		text = usualNames
	}
	k := &Classifier{
		causes: c, patterns: p, options: o, table: newTable(text), attacks: attacks{bySource: map[uint64]*episode{}, seats: make([]seat, numSeats)},
	}
	k.table.clocks, k.table.brief = &k.clocks, o.Brief
	k.table.patience = [states]int64{
		stateOpen: int64(o.GraceTime + graceSlack), stateAccepted: forever, stateDone: doneFor, stateService: serviceQuiet - 1, stateKept: keptFor,
	}
	k.texts.seed = k.table.seed
	if o.Hold {
		k.table.holding = &holding{}
		k.attacks.holding = k.table.holding
	}
	return k
}

func (k *Classifier) readProofs(p *patterns.Catalogue, c *causes.Catalogue) error {
	events := make(map[string]sshwhy.PatternID, len(p.Entries)) // there are hundreds of proofs, and of entries to look through for each
	for i := range p.Entries {
		events[p.Entries[i].ID] = sshwhy.PatternID(i + 1)
	}
	for i := range c.Causes {
		for _, y := range c.Causes[i].Proof {
			event := events[y.Event]
			if event == 0 {
				return fmt.Errorf("cause %q is proved by the event %q, which no pattern is named", c.Causes[i].ID, y.Event)
			}
			pr := proof{cause: sshwhy.CauseID(i + 1), confidence: sshwhy.ConfidenceCertain}
			if y.Confidence == "likely" {
				pr.confidence = sshwhy.ConfidenceLikely
			}
			for name, value := range y.When {
				cond, err := newCondition(p, name, value)
				if err != nil {
					return fmt.Errorf("cause %q, event %q: %w", c.Causes[i].ID, y.Event, err)
				}
				if pr.when.field == sshwhy.FieldNone {
					pr.when = cond
				} else {
					pr.also = append(pr.also, cond)
				}
			}
			switch c.Causes[i].Phase {
			case "negotiation", "key", "account", "password", "method":
				k.rules[event].early = !k.rules[event].child
			}
			k.rules[event].proofs = append(k.rules[event].proofs, pr)
		}
	}
	return nil
}

func newCondition(p *patterns.Catalogue, name, value string) (condition, error) {
	c := condition{field: sshwhy.FieldNamed(name), text: value, constant: p.Constant(value)}
	if c.field == sshwhy.FieldNone {
		return c, fmt.Errorf("no field is named %q", name)
	}
	if n := len(value) - 1; n >= 0 && value[n] == '*' {
		c.text, c.prefix = value[:n], true
	}
	return c, nil
}

// said is what a line says in one field: a text, nil for none, or a constant of
// the catalogue of patterns. Of several the first counts.
type said struct {
	field    sshwhy.Field
	constant uint8
	text     []byte
}

// in reads a field of an event.
func (s *said) in(ev *sshwhy.Event, field sshwhy.Field) {
	*s = said{field: field}
	fields := ev.Captures()
	for i := range fields {
		switch f := &fields[i]; {
		case f.Field != field:
		case f.Value == 0 && s.text == nil:
			s.text = ev.Message[f.Start:f.End]
		case s.constant == 0:
			s.constant = f.Value
		}
	}
}

// holds tells whether what the line says in its field meets the condition.
func (c *condition) holds(s *said) bool {
	if c.constant != 0 && c.constant == s.constant {
		return true
	}
	if s.text == nil {
		return false
	}
	if c.prefix {
		return len(s.text) >= len(c.text) && string(s.text[:len(c.text)]) == c.text
	}
	return string(s.text) == c.text
}

// Classify implements sshwhy.Classifier.
func (k *Classifier) Classify(ev *sshwhy.Event, yield func(*sshwhy.Finding)) {
	k.yield = yield
	if k.restored != nil && k.restore(ev) {
		return
	}
	if ev.Line != sshwhy.LineParsed {
		k.passOver(ev)
		return
	}
	h := k.table.recalled(ev.Host)
	if h == nil {
		h = k.table.host(ev.Host)
	}
	if ev.Time > h.clock || !h.moved {
		k.advance(h, ev.Time)
	}
	r := &k.rules[ev.Pattern]
	if r.does == doRepeat {
		k.repeat(h, ev)
		return
	}
	if h.previous.of != nil {
		k.interrupted(h)
	}
	if r.does <= doTrail {
		k.connect(h, ev, r)
		return
	}
	switch r.does {
	case doDrop:
		k.drop(h, ev)
	case doTimeOut:
		k.timeOut(h, ev)
	case doReap:
		k.reap(h, ev, r)
	case doStart, doListen, doFail, doStop, doRestart:
		k.serve(h, ev, r)
	case doNotLogin:
	}
}

// passOver takes what is no line of sshd that a pattern recognised.
func (k *Classifier) passOver(ev *sshwhy.Event) {
	switch {
	case ev.Record.Tick || ev.Record.Inspection != nil:
		k.unwritten(ev.Record)
	case ev.Line == sshwhy.LineUnparsed && ev.Time != 0:
		h := k.table.host(ev.Host)
		k.advance(h, ev.Time)
		k.interrupted(h)
	default:
		k.interrupted(k.table.known(ev.Host))
	}
}

// connect adds an event to its connection.
func (k *Classifier) connect(h *host, ev *sshwhy.Event, r *rule) {
	if (r.start || h.in[stateService].first != 0) && k.ofStart(h, ev, r) {
		k.serve(h, ev, r)
		return
	}
	var f facts
	key := h.processKey(ev.PID)
	c := k.table.ofProcess(key)
	if c == nil || r.signals&sawOpened != 0 || !c.goesOn(ev, &f) {
		if c = k.join(h, ev, r, &f, key, c); c == nil {
			k.bound(h) // it may wait for its connection, and that takes memory too
			return
		}
	}
	k.table.touch(h, c, ev.Time)
	k.learn(c, ev, r, &f)
	if r.signals&(sawClosed|sawDisconnect) != 0 && ev.Stage == sshwhy.StageNone && !ev.Has(sshwhy.FieldPort) {
		c.saw |= sawUnmarked
	}
	if c.state != stateOpen || r.does != doNothing || ev.Level == sshwhy.LevelFatal {
		k.follow(c, ev, r)
	}
	k.bound(h)
}

// follow does what a line means to the life of its connection.
func (k *Classifier) follow(c *connection, ev *sshwhy.Event, r *rule) {
	switch {
	case r.does == doAccept && c.state == stateOpen:
		k.accept(c)
	case c.state == stateDone || c.state == stateAccepted && r.does != doEnd && r.does != doSettle:
		k.revise(c)
	case c.state == stateAccepted:
		k.endSession(c)
	case r.does == doSettle || r.does == doEnd || ev.Level == sshwhy.LevelFatal:
		k.settle(c)
	}
}

// bound makes room where there is more than fits.
func (k *Classifier) bound(h *host) {
	if k.table.open > maxConnections || k.table.bytes > maxBytes {
		k.makeRoom(h)
	}
}

// makeRoom makes room while there is more than fits: on the host at hand, which
// is the one that has just grown, first what is done and then what has been
// silent longest.
func (k *Classifier) makeRoom(h *host) {
	for k.table.open > maxConnections || k.table.bytes > maxBytes {
		switch {
		case h.in[stateKept].first != 0:
			k.table.remove(k.table.oldest(&h.in[stateKept]))
			continue
		case h.in[stateDone].first != 0:
			k.table.remove(k.table.oldest(&h.in[stateDone])) // nothing is lost but lines that come late
			continue
		case h.in[stateService].first != 0:
			k.settleNotes(k.table.oldest(&h.in[stateService]))
			continue
		case h.in[stateOpen].first != 0:
			c := k.table.oldest(&h.in[stateOpen])
			k.settle(c)
			k.table.remove(c)
		case h.in[stateAccepted].first != 0:
			k.table.remove(k.table.oldest(&h.in[stateAccepted]))
		default:
			return
		}
		k.evicted++
	}
}

// Evicted gives the number of connections that were settled early, or their
// sessions forgotten, and of sources whose failures are no longer counted,
// because there were too many.
func (k *Classifier) Evicted() (connections, sources uint64) { return k.evicted, k.evictedSources }

// Close implements sshwhy.Classifier: it settles what is open.
func (k *Classifier) Close(yield func(*sshwhy.Finding)) {
	k.yield = yield
	k.installRestored()
	for _, h := range k.hostsInOrder() {
		for c := k.table.oldest(&h.in[stateOpen]); c != nil; c = k.table.oldest(&h.in[stateOpen]) {
			if h.clock != 0 && !k.options.Excerpt {
				c.saw |= sawLogEnd // what had waited too long was settled by the clock
			}
			k.settle(c)
		}
		for _, l := range [...]*list{&h.in[stateAccepted], &h.in[stateDone], &h.in[stateKept]} {
			for c := k.table.oldest(l); c != nil; c = k.table.oldest(l) {
				k.table.remove(c)
			}
		}
		for c := k.table.oldest(&h.in[stateService]); c != nil; c = k.table.oldest(&h.in[stateService]) {
			k.settleNotes(c)
		}
	}
	for e := k.attacks.order.oldest(); e != nil; e = k.attacks.order.oldest() {
		k.endEpisode(e)
	}
}

// hostsInOrder gives the hosts in the order in which they were first seen.
func (k *Classifier) hostsInOrder() []*host {
	list := make([]*host, len(k.table.hosts))
	for _, h := range k.table.hosts {
		list[h.id-1] = h
	}
	return list
}
