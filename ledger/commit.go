package ledger

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"go.etcd.io/bbolt"

	"github.com/sshwhy/sshwhy"
)

// A connection keeps at most this many lines, of this many bytes together;
// records beyond that are not kept, and after a crash its finding rests on
// those before.
const (
	maxHeldLines = 64
	maxHeldBytes = 16 << 10
)

// heldKey is the size of a key of bucket held: connection, number.
const heldKey = 16

// budget is what a connection has used up.
type budget struct{ lines, bytes int }

// Commit implements sshwhy.Ledger. Where nothing changed it does not touch the
// disk. After an error nothing of the batch is stored, nor of what was put
// into queues; all of that can be committed again. Of a full disk the error
// says so (errors.Is: syscall.ENOSPC).
func (l *Ledger) Commit(b *sshwhy.Batch) error {
	places := l.movedPlaces(b.Places)
	queues := l.pending()
	defer func() {
		for _, q := range queues {
			q.mu.Unlock()
		}
	}()
	if len(places) == 0 && len(b.Held) == 0 && len(b.Dropped) == 0 && len(b.State) == 0 && len(queues) == 0 && !l.fresh {
		return nil
	}
	w := writer{held: map[uint64]budget{}, number: l.number}
	changes := make([]change, len(queues))
	err := l.update(func(tx *bbolt.Tx) error {
		err := errors.Join(w.places(tx, places), l.hold(tx, &w, b), w.state(tx, b.State))
		for i, q := range queues {
			var failed error
			changes[i], failed = q.store(tx)
			err = errors.Join(err, failed)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("writing the ledger %q: %w", l.path, plain(err))
	}
	l.settle(b, &w, places)
	for i, q := range queues {
		q.stored(changes[i])
	}
	l.giveBack()
	return nil
}

// plain gives the error of the operating system that bbolt put into words of
// its own where it grows the file.
func plain(err error) error {
	for _, known := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		if !errors.Is(err, known) && bytes.Contains([]byte(err.Error()), []byte(known.Error())) {
			return fmt.Errorf("%w (%s)", known, err)
		}
	}
	return err
}

// writer collects what a transaction changes, for when it has succeeded.
type writer struct {
	held   map[uint64]budget // changed
	number uint64
	buf    []byte
}

// placed is a place that moved.
type placed struct {
	key   []byte
	value []byte // nil deletes
	born  uint64
}

// movedPlaces gives the places that differ from those stored: a tick brings the
// same ones over and over.
func (l *Ledger) movedPlaces(places []sshwhy.Place) []placed {
	var moved []placed
	born := l.born
	for i := range places {
		p := &places[i]
		key := pairKey(p.Stream, p.Generation)
		old, known := l.places[string(key)]
		if p.Done {
			if known {
				moved = append(moved, placed{key: key})
			}
			continue
		}
		at := born + 1
		if known {
			_, at, _ = decodePlace(old)
		} else {
			born++
		}
		if value := appendPlace(nil, p, at); !bytes.Equal(value, old) {
			moved = append(moved, placed{key, value, at})
		}
	}
	return moved
}

func (w *writer) places(tx *bbolt.Tx, places []placed) error {
	bucket := tx.Bucket(bucketPlaces)
	for _, p := range places {
		var err error
		if p.value == nil {
			err = bucket.Delete(p.key)
		} else {
			err = bucket.Put(p.key, seal(p.key, p.value))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hold stores the records of open connections and deletes those of closed ones.
// The first batch of a run replaces all: its numbers of connections are new.
func (l *Ledger) hold(tx *bbolt.Tx, w *writer, b *sshwhy.Batch) error {
	if l.fresh {
		if err := tx.DeleteBucket(bucketHeld); err != nil {
			return err
		}
		if _, err := tx.CreateBucket(bucketHeld); err != nil {
			return err
		}
	}
	bucket := tx.Bucket(bucketHeld)
	dropped := make(map[uint64]bool, len(b.Dropped))
	for _, c := range b.Dropped {
		dropped[c] = true
	}
	for i := range b.Held {
		h := &b.Held[i]
		if dropped[h.Connection] {
			continue // opened and closed within the batch
		}
		used, ok := w.held[h.Connection]
		if !ok {
			used = l.held[h.Connection]
		}
		if err := w.record(bucket, h, used); err != nil {
			return err
		}
	}
	for _, c := range b.Dropped {
		if _, known := l.held[c]; !known {
			continue
		}
		if err := deleteConnection(bucket, c); err != nil {
			return err
		}
	}
	return nil
}

// record stores one record, if its connection may keep another.
func (w *writer) record(bucket *bbolt.Bucket, h *sshwhy.Held, used budget) error {
	size := len(h.Record.Text)
	if used.lines >= maxHeldLines || used.bytes+size > maxHeldBytes {
		used.lines = maxHeldLines // a later one would stand behind a gap
		w.held[h.Connection] = used
		return nil
	}
	w.held[h.Connection] = budget{used.lines + 1, used.bytes + size}
	w.number++
	key := binary.BigEndian.AppendUint64(nil, h.Connection)
	key = binary.BigEndian.AppendUint64(key, w.number)
	w.buf = appendRecord(w.buf[:0], &h.Record)
	return bucket.Put(key, seal(key, w.buf))
}

// deleteConnection deletes all records of a connection.
func deleteConnection(bucket *bbolt.Bucket, connection uint64) error {
	prefix := binary.BigEndian.AppendUint64(nil, connection)
	var keys [][]byte // a cursor must not delete while it walks
	c := bucket.Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		keys = append(keys, k)
	}
	for _, k := range keys {
		if err := bucket.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) state(tx *bbolt.Tx, entries []sshwhy.State) error {
	bucket := tx.Bucket(bucketState)
	for i := range entries {
		e := &entries[i]
		key := pairKey(e.Room, e.Key)
		if e.Value == nil {
			if err := bucket.Delete(key); err != nil {
				return err
			}
			continue
		}
		if err := bucket.Put(key, seal(key, e.Value)); err != nil {
			return fmt.Errorf("storing %q of the %s: %w", e.Key, e.Room, err)
		}
	}
	return nil
}

// settle remembers what is stored now.
func (l *Ledger) settle(b *sshwhy.Batch, w *writer, places []placed) {
	for _, p := range places {
		if p.value == nil {
			delete(l.places, string(p.key))
			continue
		}
		l.places[string(p.key)] = p.value
		l.born = max(l.born, p.born)
	}
	if l.fresh {
		clear(l.held)
		l.fresh = false
	}
	for c, used := range w.held {
		l.held[c] = used
	}
	for _, c := range b.Dropped {
		delete(l.held, c)
	}
	l.number = w.number
}

// learnPlace takes a place from the file, at the start.
func (l *Ledger) learnPlace(key, value []byte) bool {
	_, _, fine := splitPair(key)
	_, born, ok := decodePlace(value)
	if !ok || !fine {
		return false
	}
	l.places[string(key)] = bytes.Clone(value)
	l.born = max(l.born, born)
	return true
}

// Places gives where the stream goes on: a place of each generation that is not
// done, in the order in which they were met. The caller owns them. It may be
// called before the first Commit, and by the goroutine of the loop after it.
func (l *Ledger) Places(stream string) []sshwhy.Place {
	type aged struct {
		sshwhy.Place
		born uint64
	}
	var found []aged
	for key, value := range l.places {
		of, generation, ok := splitPair([]byte(key))
		if !ok || of != stream {
			continue
		}
		p, born, _ := decodePlace(bytes.Clone(value))
		p.Stream, p.Generation = stream, generation
		found = append(found, aged{p, born})
	}
	slices.SortFunc(found, func(a, b aged) int { return cmp.Compare(a.born, b.born) })
	places := make([]sshwhy.Place, len(found))
	for i := range found {
		places[i] = found[i].Place
	}
	return places
}

// Streams gives the names of all streams that have places, in order.
func (l *Ledger) Streams() []string {
	var names []string
	for key := range l.places {
		if name, _, ok := splitPair([]byte(key)); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Restore implements sshwhy.Ledger: state first, then the records of open
// connections in the order in which they were held.
func (l *Ledger) Restore(record func(*sshwhy.Record), state func(room, key string, value []byte)) error {
	return l.view(func(tx *bbolt.Tx) error {
		if err := tx.Bucket(bucketState).ForEach(func(k, sealed []byte) error {
			value, ok := unseal(k, sealed)
			room, key, fine := splitPair(k)
			if !ok || !fine {
				return fmt.Errorf("an entry of the state has another checksum than when it was written")
			}
			state(room, key, bytes.Clone(value))
			return nil
		}); err != nil {
			return err
		}
		return restoreRecords(tx.Bucket(bucketHeld), record)
	})
}

// restoreRecords gives the records by their numbers: they are stored by
// connection.
func restoreRecords(bucket *bbolt.Bucket, record func(*sshwhy.Record)) error {
	var keys [][]byte
	if err := bucket.ForEach(func(k, _ []byte) error {
		keys = append(keys, k)
		return nil
	}); err != nil {
		return err
	}
	slices.SortFunc(keys, func(a, b []byte) int { return bytes.Compare(a[8:], b[8:]) })
	var r sshwhy.Record
	var h sshwhy.Header
	for _, k := range keys {
		value, ok := unseal(k, bucket.Get(k))
		// A copy, because the file is mapped for reading only.
		if !ok || !decodeRecord(bytes.Clone(value), &r, &h) {
			return fmt.Errorf("a record has another checksum than when it was written")
		}
		record(&r)
	}
	return nil
}
