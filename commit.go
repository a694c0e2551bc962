package sshwhy

import (
	"bytes"
	"fmt"
)

// The rooms of the loop that may have state, by the name that the ledger keeps
// it under.
const (
	roomClassifier = "classifier"
	roomAlerter    = "alerter"
	roomSink       = "sink"
)

// batchRecords is how many records may be read between two commits: enough that
// a backlog is not held up by the disk.
const batchRecords = 4096

// batch collects what the next commit stores.
type batch struct {
	Batch
	records int
	places  map[generation]int // index in Places
}

type generation struct{ stream, name string }

// note keeps the place of a record.
func (b *batch) note(r *Record) {
	if !r.Tick {
		b.records++
	}
	p := r.Place
	if p.Stream == "" {
		return
	}
	key := generation{p.Stream, p.Generation}
	i, ok := b.places[key]
	if !ok {
		i = len(b.Places)
		b.places[key] = i
		b.Places = append(b.Places, Place{})
	}
	kept := &b.Places[i]
	mark := kept.Mark
	*kept = p
	if kept.Mark = mark; !bytes.Equal(mark, p.Mark) {
		kept.Mark = append(mark[:0], p.Mark...)
	}
}

func (b *batch) full() bool { return b != nil && b.records >= batchRecords }

// stateful gives the rooms of the loop that have state.
func (l *Loop) stateful() map[string]Stateful {
	rooms := map[string]Stateful{}
	for name, room := range map[string]any{roomClassifier: l.Classifier, roomAlerter: l.Alerter, roomSink: l.Sink} {
		if s, ok := room.(Stateful); ok {
			rooms[name] = s
		}
	}
	return rooms
}

// restore brings back what the last run knew: first the state of the rooms,
// then the records of the connections that were open, which go the way of all
// records; what they say was said already.
func (l *Loop) restore() error {
	if l.Ledger == nil {
		return nil
	}
	l.batch = &batch{places: map[generation]int{}}
	rooms := l.stateful()
	var refused refusals
	var event Event
	err := l.Ledger.Restore(func(r *Record) {
		l.Parser.Parse(r, &event)
		l.Classifier.Classify(&event, func(*Finding) {})
	}, func(room, key string, value []byte) {
		if s, ok := rooms[room]; ok {
			refused.note(room, key, s.Load(key, value))
		}
	})
	if refused.count > 0 {
		l.trouble(refused.notice())
	}
	if err != nil {
		return fmt.Errorf("restoring what the last run knew: %w", err)
	}
	return l.failed
}

// refusals are the entries of the state that their rooms could not understand.
type refusals struct {
	entries, count int    // all, and those
	first          string // of those, and why
}

func (r *refusals) note(room, key string, err error) {
	r.entries++
	if err == nil {
		return
	}
	if r.count++; r.count == 1 {
		r.first = fmt.Sprintf("%q of the %s: %s", key, room, Printable(err.Error()))
	}
}

// notice tells of all at once: another version leaves many of a kind.
func (r *refusals) notice() *Notice {
	return &Notice{
		Code: "state-unreadable",
		Text: fmt.Sprintf("%d of the %d entries that the last run left cannot be understood, the first is %s", r.count, r.entries, r.first),
		Hint: "what they counted or had told begins anew, and all else goes on; another version of sshwhy may have written them",
	}
}

// commit stores what changed since the last commit.
func (l *Loop) commit() {
	if l.batch == nil || l.failed != nil {
		return
	}
	b := &l.batch.Batch
	if h, ok := l.Classifier.(Holder); ok {
		h.Held(func(c uint64, r *Record) { b.Held = append(b.Held, Held{c, *r}) },
			func(c uint64) { b.Dropped = append(b.Dropped, c) })
	}
	for name, room := range l.stateful() {
		room.Save(func(key string, value []byte) { b.State = append(b.State, State{name, key, value}) })
	}
	if err := l.Ledger.Commit(b); err != nil {
		l.fail("storing how far was read", err)
		return
	}
	b.Held, b.Dropped, b.State, b.Places = b.Held[:0], b.Dropped[:0], b.State[:0], b.Places[:0]
	clear(l.batch.places)
	l.batch.records = 0
}
