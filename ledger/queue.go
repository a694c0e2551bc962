package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.etcd.io/bbolt"
)

// Item is something to be delivered: a finding or an alert, as its sink wrote
// it when it was found.
type Item struct {
	// ID and Revision tell it apart, and stay the same when it is
	// delivered twice.
	ID       string
	Revision int
	// Kind is KindFinding or KindAlert.
	Kind string
	// Time is when it was put into the queue, in nanoseconds since 1970
	// UTC; 0 lets Put ask the clock.
	Time int64
	// Body is what the sink's encoder wrote.
	Body []byte
}

// The kinds of items.
const (
	KindFinding = "finding"
	KindAlert   = "alert"
)

// Pair is an entry of what a sink remembers; a nil value deletes it.
type Pair struct {
	Key   string
	Value []byte
}

// QueueOptions bound a queue; what is older, or too much, is dropped from its
// front and counted.
type QueueOptions struct {
	// MaxBytes is how much of the file it may take, besides what is on its
	// way; 0 means 256 MiB.
	// Items are compressed: many findings to about a tenth, a single one
	// to about a half.
	MaxBytes int64
	// MaxAge is how long an item may wait; 0 means 72 hours.
	MaxAge time.Duration
}

// QueueStats say how a queue stands. Enqueued is always the sum of Queued,
// Delivered, Refused and Dropped; they count from when the queue was made, over
// all runs.
type QueueStats struct {
	Enqueued, Delivered, Refused, Dropped uint64
	// Queued is the number of items, and Bytes what they take in the file.
	Queued uint64
	Bytes  int64
	// Oldest is when the first item was put into the queue, in nanoseconds
	// since 1970 UTC; 0 for an empty queue. It can be that of an item just
	// before the first.
	Oldest int64
}

// Queue is what a sink has yet to deliver, in order. Items lie in blocks, each
// compressed as a whole, so that a long outage takes little of the disk and
// none of the memory.
//
// Put is for the goroutine of the loop, as is the ledger's Commit; Next,
// Settle, Release and Trim are for the one that delivers; Stats, Value and
// Ready are for any.
type Queue struct {
	l    *Ledger
	name []byte
	o    QueueOptions

	// What Put took since the last commit.
	open  block
	ready []block

	// mu guards what is known of the file. Who holds it may begin a
	// transaction; within one it is never taken.
	mu     sync.Mutex
	counts counts
	first  int64 // the time of the first block
	// flight is the last block that the items of Next are in, 0 for none;
	// up to it nothing is dropped. flying is what these blocks take.
	flight uint64
	flying uint64

	signal chan struct{}

	// What the goroutine that delivers alone uses.
	blocks []inFlight
	window []Item
	raw    []byte
}

// counts is stored with the queue.
type counts struct {
	index                                 uint64 // items of the first block that are settled
	bytes                                 uint64
	enqueued, delivered, refused, dropped uint64
}

// stub is what the head of a stored block says.
type stub struct {
	items       uint64
	first, last int64 // times
}

// block is a number of items on their way into the file.
type block struct {
	stub
	raw    []byte // not compressed yet
	packed []byte
}

// inFlight is a block that items of the window are in.
type inFlight struct {
	key   []byte
	items int // of the window
	from  int // of the block, before the window
	size  int
}

const (
	// blockBytes and blockItems end a block.
	blockBytes = 128 << 10
	blockItems = 512
	// MaxBody bounds an item's body, in bytes.
	MaxBody = 4 << 20

	defaultMaxBytes = 256 << 20
	defaultMaxAge   = 72 * time.Hour
)

var (
	bucketBlocks = []byte("blocks")
	bucketValues = []byte("values")
	keyCounts    = []byte("counts")
)

// ErrTooLong says that the body of an item is longer than MaxBody.
var ErrTooLong = errors.New("the body is too long")

// packer compresses and decompresses blocks, for all queues.
type packer struct {
	encode *zstd.Encoder // the loop's
	decode *zstd.Decoder
}

func newPacker() (p packer, err error) {
	if p.encode, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(blockBytes)); err != nil {
		return p, fmt.Errorf("preparing the queues: %w", err)
	}
	if p.decode, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxBody+2*blockBytes)); err != nil {
		return p, fmt.Errorf("preparing the queues: %w", err)
	}
	return p, nil
}

// Queue gives the queue of that name, and makes it where there is none. A queue
// has one user: asked for again it gives an error.
func (l *Ledger) Queue(name string, o QueueOptions) (*Queue, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxAge == 0 {
		o.MaxAge = defaultMaxAge
	}
	l.queuesMu.Lock()
	defer l.queuesMu.Unlock()
	if l.queues[name] != nil || name == "" {
		return nil, fmt.Errorf("the queue %q is in use", name)
	}
	q := &Queue{l: l, name: []byte(name), o: o, signal: make(chan struct{}, 1)}
	if err := q.load(); err != nil {
		return nil, fmt.Errorf("reading the queue %q: %w", name, plain(err))
	}
	l.queues[name] = q
	q.wake()
	return q, nil
}

// Queues gives the names of all queues in the file, in order: also those that
// sinks had that are no longer configured.
func (l *Ledger) Queues() ([]string, error) {
	var names []string
	err := l.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketQueues).ForEachBucket(func(k []byte) error {
			names = append(names, string(k))
			return nil
		})
	})
	return names, err
}

// Waiting gives how many items a queue holds, without using it: 0 for one that
// is not there.
func (l *Ledger) Waiting(name string) (items uint64, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket([]byte(name))
		if b == nil {
			return nil
		}
		m, ok := parseCounts(b.Get(keyCounts))
		if !ok {
			return &damaged{"the counts of a queue have another checksum than when they were written"}
		}
		items = m.queued()
		return nil
	})
	return items, err
}

// Forget deletes a queue that nobody uses in this run, with what it holds.
func (l *Ledger) Forget(name string) error {
	l.queuesMu.Lock()
	defer l.queuesMu.Unlock()
	if l.queues[name] != nil {
		return fmt.Errorf("the queue %q is in use", name)
	}
	return l.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketQueues).DeleteBucket([]byte(name)) })
}

// load reads what an earlier run left. Blocks that are damaged are dropped.
func (q *Queue) load() error {
	return q.l.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket(q.name)
		if b == nil {
			return q.create(tx)
		}
		m, ok := parseCounts(b.Get(keyCounts))
		blocks := b.Bucket(bucketBlocks)
		if !ok || blocks == nil || b.Bucket(bucketValues) == nil {
			return &damaged{"the counts of a queue have another checksum than when they were written"}
		}
		if err := q.mend(blocks, &m); err != nil {
			return err
		}
		q.counts, q.first = m, oldest(blocks)
		return b.Put(keyCounts, m.seal())
	})
}

func (q *Queue) create(tx *bbolt.Tx) error {
	b, err := tx.Bucket(bucketQueues).CreateBucket(q.name)
	if err != nil {
		return err
	}
	_, err1 := b.CreateBucket(bucketBlocks)
	_, err2 := b.CreateBucket(bucketValues)
	return errors.Join(err1, err2, b.Put(keyCounts, (&counts{}).seal()))
}

// mend deletes the blocks that cannot be read, and counts what they held as
// dropped.
func (q *Queue) mend(blocks *bbolt.Bucket, m *counts) error {
	var broken [][]byte
	items, bytes := uint64(0), uint64(0)
	first := true
	if err := blocks.ForEach(func(k, v []byte) error {
		s, _, ok := parseBlock(k, v)
		if ok {
			items += s.items
			bytes += uint64(len(v))
		} else {
			broken = append(broken, slices.Clone(k))
		}
		if first && (!ok || m.index > s.items) {
			m.index = 0
		}
		first = false
		return nil
	}); err != nil {
		return err
	}
	for _, k := range broken {
		if err := blocks.Delete(k); err != nil {
			return err
		}
	}
	m.bytes = bytes
	if items -= m.index; items < m.queued() {
		m.dropped += m.queued() - items
	}
	return nil
}

// queued is the number of items that wait.
func (m *counts) queued() uint64 { return m.enqueued - m.delivered - m.refused - m.dropped }

func (m *counts) seal() []byte {
	var v []byte
	for _, n := range []uint64{m.index, m.bytes, m.enqueued, m.delivered, m.refused, m.dropped} {
		v = binary.AppendUvarint(v, n)
	}
	return seal(keyCounts, v)
}

func parseCounts(sealed []byte) (m counts, ok bool) {
	v, ok := unseal(keyCounts, sealed)
	c := cursor{b: v}
	for _, n := range []*uint64{&m.index, &m.bytes, &m.enqueued, &m.delivered, &m.refused, &m.dropped} {
		*n = c.uint()
	}
	return m, ok && c.done()
}

// Put adds an item, or gives ErrTooLong. It is stored by the next Commit of the ledger, together
// with how far was read; until then nobody sees it. The body is copied.
func (q *Queue) Put(it Item) error {
	if len(it.Body) > MaxBody {
		return fmt.Errorf("queueing the %s %s: %w", it.Kind, it.ID, ErrTooLong)
	}
	if it.Time == 0 {
		it.Time = q.l.o.Now().UnixNano()
	}
	b := &q.open
	if b.items == 0 {
		b.first = it.Time
	}
	b.last = it.Time
	b.items++
	b.raw = appendItem(b.raw, &it)
	if len(b.raw) >= blockBytes || b.items >= blockItems {
		q.pack()
	}
	return nil
}

// pack ends the open block.
func (q *Queue) pack() {
	if q.open.items == 0 {
		return
	}
	b := q.open
	head := binary.AppendUvarint(nil, b.items)
	head = binary.AppendVarint(head, b.first)
	head = binary.AppendVarint(head, b.last)
	b.packed = q.l.pack.encode.EncodeAll(b.raw, head)
	q.open = block{raw: b.raw[:0]}
	b.raw = nil
	q.ready = append(q.ready, b)
}

func appendItem(dst []byte, it *Item) []byte {
	dst = appendText(dst, it.ID)
	dst = binary.AppendUvarint(dst, uint64(it.Revision))
	dst = appendText(dst, it.Kind)
	dst = binary.AppendVarint(dst, it.Time)
	return appendText(dst, it.Body)
}

// item gives the next item; its body shares the cursor's memory.
func (c *cursor) item() Item {
	return Item{ID: string(c.text()), Revision: int(c.uint()), Kind: string(c.text()), Time: c.int(), Body: c.text()}
}

// parseBlock reads the head of a stored block, and gives the packed items
// behind it.
func parseBlock(k, sealed []byte) (s stub, packed []byte, ok bool) {
	v, ok := unseal(k, sealed)
	c := cursor{b: v}
	s = stub{items: c.uint(), first: c.int(), last: c.int()}
	return s, c.b, ok && !c.bad && len(k) == 8
}

// oldest gives the time of the first block, 0 where there is none.
func oldest(blocks *bbolt.Bucket) int64 {
	k, v := blocks.Cursor().First()
	if k == nil {
		return 0
	}
	s, _, _ := parseBlock(k, v)
	return s.first
}

// pending packs what the queues took and gives those that took something,
// locked.
func (l *Ledger) pending() []*Queue {
	l.queuesMu.Lock()
	defer l.queuesMu.Unlock()
	var with []*Queue
	for _, q := range l.queues {
		q.pack()
		if len(q.ready) > 0 {
			with = append(with, q)
		}
	}
	for _, q := range with {
		q.mu.Lock()
	}
	return with
}

// change is what a transaction does to a queue.
type change struct {
	counts counts
	first  int64
}

// store writes what the queue took, and drops from its front what is too much
// then. The caller holds mu.
func (q *Queue) store(tx *bbolt.Tx) (change, error) {
	b := tx.Bucket(bucketQueues).Bucket(q.name)
	m, _ := parseCounts(b.Get(keyCounts))
	blocks := b.Bucket(bucketBlocks)
	blocks.FillPercent = 0.95 // keys only grow
	for i := range q.ready {
		n, err := blocks.NextSequence()
		if err != nil {
			return change{}, err
		}
		key := binary.BigEndian.AppendUint64(nil, n)
		sealed := seal(key, q.ready[i].packed)
		if err := blocks.Put(key, sealed); err != nil {
			return change{}, err
		}
		m.enqueued += q.ready[i].items
		m.bytes += uint64(len(sealed))
	}
	if err := q.trim(blocks, &m); err != nil {
		return change{}, err
	}
	return change{m, oldest(blocks)}, b.Put(keyCounts, m.seal())
}

// stored notes that the transaction has succeeded. The caller holds mu.
func (q *Queue) stored(c change) {
	q.counts, q.first = c.counts, c.first
	q.ready = q.ready[:0]
	q.wake()
}

// trim drops what is too old, and the oldest of what is too much, behind what
// is being delivered. The caller holds mu.
func (q *Queue) trim(blocks *bbolt.Bucket, m *counts) error {
	before := q.l.o.Now().Add(-q.o.MaxAge).UnixNano()
	c := blocks.Cursor()
	k, v := c.First()
	if q.flight > 0 {
		k, v = c.Seek(binary.BigEndian.AppendUint64(nil, q.flight+1))
	}
	var drop [][]byte
	for ; k != nil; k, v = c.Next() {
		s, _, _ := parseBlock(k, v)
		if s.last >= before && m.bytes <= uint64(q.o.MaxBytes)+q.flying {
			break
		}
		drop = append(drop, slices.Clone(k))
		m.bytes -= min(m.bytes, uint64(len(v)))
		m.dropped += s.items
		if q.flight == 0 && len(drop) == 1 {
			m.dropped -= m.index // those were settled
			m.index = 0
		}
	}
	for _, k := range drop {
		if err := blocks.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// Trim drops what has become too old. Commit does so too, where something is
// put; Trim is for a sink that waits.
func (q *Queue) Trim() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.first == 0 || q.first >= q.l.o.Now().Add(-q.o.MaxAge).UnixNano() {
		return nil
	}
	var c change
	err := q.l.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket(q.name)
		m, _ := parseCounts(b.Get(keyCounts))
		if err := q.trim(b.Bucket(bucketBlocks), &m); err != nil {
			return err
		}
		c = change{m, oldest(b.Bucket(bucketBlocks))}
		return b.Put(keyCounts, m.seal())
	})
	if err != nil {
		return fmt.Errorf("dropping from the queue %q: %w", q.name, plain(err))
	}
	q.counts, q.first = c.counts, c.first
	return nil
}

func (q *Queue) wake() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// Ready is sent to when something was stored.
func (q *Queue) Ready() <-chan struct{} { return q.signal }

// Next gives the first items that are not settled: whole blocks, until there
// are the given number of items or of bytes. They are valid until the next call
// of Next or Release, and none of them is dropped until then. What a Next
// before gave and Settle did not settle is given again.
func (q *Queue) Next(items, size int) ([]Item, error) {
	packed, err := q.read(items, size)
	if err != nil {
		return nil, fmt.Errorf("reading the queue %q: %w", q.name, plain(err))
	}
	q.window, q.raw = q.window[:0], q.raw[:0]
	var starts []int
	for i := range packed {
		start := len(q.raw)
		raw, err := q.l.pack.decode.DecodeAll(packed[i], q.raw)
		if err != nil { // its checksum was right, so this is no accident
			return nil, fmt.Errorf("reading the queue %q: %w", q.name, err)
		}
		q.raw = raw
		starts = append(starts, start)
	}
	// The memory of the items stays where it is from here on.
	for i, start := range starts {
		end := len(q.raw)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		c := cursor{b: q.raw[start:end:end]}
		for n := 0; len(c.b) > 0 && !c.bad; n++ {
			it := c.item()
			if n >= q.blocks[i].from {
				q.window = append(q.window, it)
				q.blocks[i].items++
			}
		}
	}
	return q.window, nil
}

// read copies the first blocks and notes that they are in flight.
func (q *Queue) read(items, size int) (packed [][]byte, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.blocks, q.flight, q.flying = q.blocks[:0], 0, 0
	err = q.l.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket(q.name)
		m, _ := parseCounts(b.Get(keyCounts))
		c := b.Bucket(bucketBlocks).Cursor()
		count, bytesRead := 0, 0
		for k, v := c.First(); k != nil && count < items && bytesRead < size; k, v = c.Next() {
			s, p, ok := parseBlock(k, v)
			if !ok {
				return &damaged{"a block has another checksum than when it was written"}
			}
			f := inFlight{key: bytes.Clone(k), size: len(v)}
			if len(q.blocks) == 0 {
				f.from = int(m.index)
			}
			q.blocks = append(q.blocks, f)
			packed = append(packed, bytes.Clone(p))
			count += int(s.items) - f.from
			bytesRead += blockSize(p)
			q.flight = binary.BigEndian.Uint64(k)
			q.flying += uint64(len(v))
		}
		return nil
	})
	return packed, err
}

// blockSize gives how many bytes the packed items take unpacked.
func blockSize(packed []byte) int {
	var h zstd.Header
	if h.Decode(packed) != nil || !h.HasFCS {
		return blockBytes
	}
	return int(h.FrameContentSize)
}

// Settle says that the first items of Next are dealt with: so many delivered
// or refused, so many of them refused. They are not given again. What the sink
// wants to remember is stored in the same transaction; other queues may share
// it.
func (q *Queue) Settle(items, refused int, remember ...Pair) error {
	finished, index := q.settled(items)
	var c change
	err := q.l.batch(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket(q.name)
		m, _ := parseCounts(b.Get(keyCounts))
		blocks := b.Bucket(bucketBlocks)
		for _, f := range finished {
			if err := blocks.Delete(f.key); err != nil {
				return err
			}
			m.bytes -= min(m.bytes, uint64(f.size))
		}
		m.index = uint64(index)
		m.delivered += uint64(items - refused)
		m.refused += uint64(refused)
		c = change{m, oldest(blocks)}
		return errors.Join(b.Put(keyCounts, m.seal()), putValues(b.Bucket(bucketValues), remember))
	})
	if err != nil {
		return fmt.Errorf("writing the queue %q: %w", q.name, plain(err))
	}
	q.advance(items, len(finished), index)
	q.refresh(c)
	return nil
}

// settled gives the blocks that so many items finish, and how many items of the
// block behind them are settled.
func (q *Queue) settled(items int) (finished []inFlight, index int) {
	for i := range q.blocks {
		f := &q.blocks[i]
		if items < f.items {
			return q.blocks[:i], f.from + items
		}
		items -= f.items
	}
	return q.blocks, 0
}

// advance moves the window.
func (q *Queue) advance(items, finished, index int) {
	for i := range q.blocks[:finished] {
		items -= q.blocks[i].items
	}
	q.blocks = q.blocks[finished:]
	if len(q.blocks) > 0 {
		q.blocks[0].from = index
		q.blocks[0].items -= items
	}
}

// refresh takes over what a transaction of Settle wrote. A commit may have
// written since: of two the later has enqueued, or dropped, or settled more.
func (q *Queue) refresh(c change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flying = 0
	for i := range q.blocks {
		q.flying += uint64(q.blocks[i].size)
	}
	if len(q.blocks) == 0 {
		q.flight = 0
	}
	if c.counts.later(&q.counts) {
		q.counts, q.first = c.counts, c.first
	}
}

// later tells whether m was written after other.
func (m *counts) later(other *counts) bool {
	return m.enqueued+m.dropped+m.delivered+m.refused >= other.enqueued+other.dropped+other.delivered+other.refused
}

func putValues(b *bbolt.Bucket, pairs []Pair) error {
	for _, p := range pairs {
		key := []byte(p.Key)
		if p.Value == nil {
			if err := b.Delete(key); err != nil {
				return err
			}
			continue
		}
		if err := b.Put(key, seal(key, p.Value)); err != nil {
			return fmt.Errorf("remembering %q: %w", p.Key, err)
		}
	}
	return nil
}

// Release gives up what Next gave: Next gives it again, unless it has become
// too old by then.
func (q *Queue) Release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.blocks, q.flight, q.flying = q.blocks[:0], 0, 0
}

// Value gives a copy of what the sink remembered under the key with Settle, nil
// for nothing.
func (q *Queue) Value(key string) []byte {
	var value []byte
	_ = q.l.view(func(tx *bbolt.Tx) error {
		sealed := tx.Bucket(bucketQueues).Bucket(q.name).Bucket(bucketValues).Get([]byte(key))
		if v, ok := unseal([]byte(key), sealed); ok {
			value = append([]byte{}, v...)
		}
		return nil
	})
	return value
}

// Values gives copies of all that the sink remembers, in the order of the keys.
func (q *Queue) Values() []Pair {
	var pairs []Pair
	_ = q.l.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketQueues).Bucket(q.name).Bucket(bucketValues).ForEach(func(k, sealed []byte) error {
			if v, ok := unseal(k, sealed); ok {
				pairs = append(pairs, Pair{string(k), append([]byte{}, v...)})
			}
			return nil
		})
	})
	return pairs
}

// Stats tells how the queue stands. What was put and not committed is not in
// it.
func (q *Queue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := &q.counts
	return QueueStats{
		Enqueued: m.enqueued, Delivered: m.delivered, Refused: m.refused, Dropped: m.dropped,
		Queued: m.queued(), Bytes: int64(m.bytes), Oldest: q.first,
	}
}
