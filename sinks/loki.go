package sinks

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/ledger"
)

// LokiLines writes findings and alerts as entries of Loki: a sentence for
// people, and all else as structured metadata. It implements Encoder.
//
// A body is the host, with its length in front, and the entry as the push API
// wants it (EntryAdapter of pkg/push/push.proto): so a batch is put together
// by copying.
type LokiLines struct {
	causes   *causes.Catalogue // not owned
	words    *lang.Words
	alerts   *lang.Alert
	language causes.Language
	now      func() time.Time
	here     string // this host, for what names none or several
	entry    []byte
	pair     []byte
}

// NewLokiLines gives an encoder that writes in that language.
func NewLokiLines(c *causes.Catalogue, language causes.Language) *LokiLines {
	here, _ := os.Hostname() // "" becomes "unknown"
	return &LokiLines{causes: c, words: lang.For(language), alerts: lang.AlertIn(language, c), language: language, now: time.Now, here: here}
}

// maxMetadata bounds a value of the structured metadata, in bytes: Loki takes
// 64 KiB for all of an entry (limits_config max_structured_metadata_size).
const maxMetadata = 1 << 10

// AppendFinding implements Encoder.
func (e *LokiLines) AppendFinding(dst []byte, f *sshwhy.Finding) ([]byte, error) {
	cause, id := e.causes.Cause(f.Cause), f.ID()
	e.begin(apart(f.End, id), e.sentence(f, cause))
	e.meta("kind", "finding")
	e.meta("id", id)
	e.meta("revision", strconv.Itoa(f.Revision))
	e.meta("outcome", f.Outcome.String())
	e.meta("confidence", f.Confidence.String())
	if cause != nil {
		e.meta("cause", cause.ID)
		e.meta("phase", cause.Phase)
		if f.Confidence != sshwhy.ConfidenceNone {
			e.meta("remedy", firstCommand(stepsOf(e.language, f, cause)))
		}
	}
	if f.Revision > 1 {
		e.meta("before_outcome", f.Before.Outcome.String())
		e.meta("before_cause", e.causes.ID(f.Before.Cause))
	}
	e.meta("user", string(sshwhy.Unescape(nil, f.User)))
	e.meta("source_address", string(f.Address))
	e.meta("method", string(f.Method))
	e.meta("key_type", string(f.KeyType))
	e.meta("fingerprint", string(f.Fingerprint))
	e.meta("pid", strconv.Itoa(int(f.PID)))
	e.meta("candidates", e.ids(f.Candidates))
	e.meta("remarks", e.ids(f.Remarks))
	if f.Decisive >= 0 && f.Decisive < len(f.Evidence) {
		e.meta("line", string(messageOf(f.Evidence[f.Decisive].Text)))
	}
	return e.end(dst, f.Host), nil
}

// AppendAlert implements Encoder.
func (e *LokiLines) AppendAlert(dst []byte, a *sshwhy.Alert) ([]byte, error) {
	text := e.alerts.News(a.News) + ": " + e.alerts.Headline(a)
	if facts := e.alerts.Facts(a, time.UTC); len(facts) > 0 {
		text += "; " + strings.Join(facts, "; ")
	}
	e.begin(e.now().UnixNano(), text)
	e.meta("kind", "alert")
	e.meta("id", a.ID)
	e.meta("revision", strconv.Itoa(a.Revision))
	e.meta("rule", a.Rule)
	e.meta("news", a.News.String())
	e.meta("findings", strconv.Itoa(a.Findings))
	if a.Notice != nil {
		e.meta("notice", a.Notice.Code)
		if a.Notice.Lost > 0 {
			e.meta("lost", strconv.FormatInt(a.Notice.Lost, 10))
		}
	}
	var host []byte
	for _, s := range a.By {
		e.meta("by_"+s.Name, s.Value)
	}
	if len(a.Hosts) == 1 {
		host = []byte(a.Hosts[0].Value)
	}
	return e.end(dst, host), nil
}

// sentence says what a finding says, in a line.
func (e *LokiLines) sentence(f *sshwhy.Finding, cause *causes.Cause) string {
	text := e.words.Outcome(f.Outcome)
	if f.UserKnown {
		text += " " + sshwhy.Printable(string(sshwhy.Unescape(nil, f.User)))
	}
	if len(f.Address) > 0 {
		text += e.words.From + sshwhy.Printable(string(f.Address))
	}
	if cause == nil {
		return text
	}
	return text + ": " + cause.ID + " (" + e.words.Confidence(f.Confidence) + "): " + because(e.language, f, cause)
}

// firstCommand gives the command to begin with, "" for none: the copy that a
// change of sshd_config begins with is not it.
func firstCommand(steps []causes.Action) string {
	for i := range steps {
		if steps[i].Run != "" && !isBackup(&steps[i]) {
			return steps[i].Run
		}
	}
	return ""
}

func (e *LokiLines) ids(list []sshwhy.CauseID) string {
	var names []string
	for _, id := range list {
		names = append(names, e.causes.ID(id))
	}
	return strings.Join(names, ",")
}

// apart fills the digits that the log's clock does not have with some of the
// id: a query that counts takes entries of one stream, time and line for the
// same one where they lie in two chunks, whatever else tells them apart (Loki,
// pkg/iter/sample_iterator.go); and a bot fails often within a second.
func apart(nanoseconds int64, id string) int64 {
	h := fnv.New32a()
	h.Write([]byte(id))
	n := int64(h.Sum32())
	switch {
	case nanoseconds <= 0:
		return 0
	case nanoseconds%1e6 == 0:
		return nanoseconds + n%1e6
	case nanoseconds%1e3 == 0:
		return nanoseconds + n%1e3
	}
	return nanoseconds
}

// begin starts an entry: its time, now where the log has none, and its line.
func (e *LokiLines) begin(nanoseconds int64, line string) {
	if nanoseconds <= 0 {
		nanoseconds = e.now().UnixNano()
	}
	e.pair = protowire.AppendTag(e.pair[:0], 1, protowire.VarintType)
	e.pair = protowire.AppendVarint(e.pair, uint64(nanoseconds/1e9))
	e.pair = protowire.AppendTag(e.pair, 2, protowire.VarintType)
	e.pair = protowire.AppendVarint(e.pair, uint64(nanoseconds%1e9))
	e.entry = protowire.AppendTag(e.entry[:0], 1, protowire.BytesType)
	e.entry = protowire.AppendBytes(e.entry, e.pair)
	e.entry = protowire.AppendTag(e.entry, 2, protowire.BytesType)
	e.entry = protowire.AppendString(e.entry, line)
}

// meta adds a value of the structured metadata. What a client wrote is made
// printable: Loki wants UTF-8, and Grafana shows it.
func (e *LokiLines) meta(name, value string) {
	if value == "" {
		return
	}
	value = sshwhy.Printable(value)
	if len(value) > maxMetadata {
		value = strings.ToValidUTF8(value[:maxMetadata], "") + "…"
	}
	e.pair = protowire.AppendTag(e.pair[:0], 1, protowire.BytesType)
	e.pair = protowire.AppendString(e.pair, name)
	e.pair = protowire.AppendTag(e.pair, 2, protowire.BytesType)
	e.pair = protowire.AppendString(e.pair, value)
	e.entry = protowire.AppendTag(e.entry, 3, protowire.BytesType)
	e.entry = protowire.AppendBytes(e.entry, e.pair)
}

func (e *LokiLines) end(dst, host []byte) []byte {
	if len(host) == 0 {
		host = []byte(e.here)
	}
	dst = binary.AppendUvarint(dst, uint64(len(host)))
	return append(append(dst, host...), e.entry...)
}

// LokiOptions describe a Loki; URL and Poster are needed.
type LokiOptions struct {
	// URL is that of the server; the path of the push API is added where it
	// has none.
	URL *url.URL
	// Header authenticates, and adds what the user wants.
	Header http.Header
	// Tenant is sent as X-Scope-OrgID, where it is set.
	Tenant string
	// Job is the label of that name; "sshwhy" if empty.
	Job    string
	Poster *Poster // not owned
}

// Loki pushes entries: one stream for each host, so that each has an ordering
// window of its own, and one stream in a request. Of several Loki (3.7.8,
// pkg/ingester/instance.go) tells the fate of the last one only: what it
// refused of the others, or had no room for, would be lost without a word. It
// implements Deliverer.
type Loki struct {
	o   LokiOptions
	url *url.URL
}

const lokiPush = "/loki/api/v1/push"

// NewLoki gives a deliverer.
func NewLoki(o LokiOptions) *Loki {
	if o.Job == "" {
		o.Job = "sshwhy"
	}
	o.Header = o.Header.Clone()
	if o.Header == nil {
		o.Header = http.Header{}
	}
	o.Header.Set("Content-Type", "application/x-protobuf")
	if o.Tenant != "" {
		o.Header.Set("X-Scope-OrgID", o.Tenant)
	}
	u := *o.URL
	if u.Path == "" || u.Path == "/" {
		u.Path = lokiPush
	}
	return &Loki{o: o, url: &u}
}

// maxPushes is how many requests are on their way at the same time.
const maxPushes = 4

// BatchSize gives how many items a Send should get: many, because each host's go
// in a request of their own.
func (l *Loki) BatchSize() int { return 2000 }

// Send implements Deliverer. Of the entries of a stream that are refused Loki
// has stored what is sound, and says no more than why the last one was not; an
// entry that it has already it stores only once.
func (l *Loki) Send(ctx context.Context, items []ledger.Item, _ Kept) Sent {
	streams := streamsOf(items)
	fates := make([]Sent, len(streams))
	var next atomic.Int64
	var failed atomic.Bool
	var pushing sync.WaitGroup
	for range min(maxPushes, len(streams)) {
		pushing.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(streams) && !failed.Load(); i = int(next.Add(1)) - 1 {
				s := streams[i]
				fates[i] = halving(s.items, func(part []ledger.Item) error { return l.push(ctx, s.host, part) })
				if fates[i].Err != nil {
					failed.Store(true)
				}
			}
		})
	}
	pushing.Wait()
	return joined(items, streams, fates)
}

// stream is the items of a host.
type stream struct {
	host  string
	items []ledger.Item
	from  []int // their indexes in the batch
}

// streamsOf takes a batch apart, in the order in which the hosts come.
func streamsOf(items []ledger.Item) (list []*stream) {
	byHost := map[string]*stream{}
	for i := range items {
		host, _ := splitEntry(items[i].Body)
		s := byHost[string(host)]
		if s == nil {
			s = &stream{host: lokiHost(host)}
			byHost[string(host)] = s
			list = append(list, s)
		}
		s.items, s.from = append(s.items, items[i]), append(s.from, i)
	}
	return list
}

// joined says what became of the batch: of its items those count as dealt with
// before which none is left. What was stored behind them is sent again, and
// stored once.
func joined(items []ledger.Item, streams []*stream, fates []Sent) Sent {
	all := Sent{Done: len(items)}
	for i, s := range streams {
		f := &fates[i]
		if f.Done < len(s.items) {
			all.Done = min(all.Done, s.from[f.Done])
		}
		if f.Err != nil {
			all.Err = f.Err
		}
		all.After = max(all.After, f.After)
	}
	for i, s := range streams {
		for _, r := range fates[i].Refused {
			if at := s.from[r.Item]; at < all.Done {
				all.Refused = append(all.Refused, Refused{at, r.Reason})
			}
		}
	}
	slices.SortFunc(all.Refused, func(a, b Refused) int { return a.Item - b.Item })
	return all
}

// halving sends items together. Where they are refused for good it sends the
// halves, and theirs, until what is refused stands alone.
func halving(items []ledger.Item, send func([]ledger.Item) error) Sent {
	err := send(items)
	var f *Failure
	if len(items) == 1 || err == nil || !errors.As(err, &f) || f.Retry {
		return SentAll(len(items), err)
	}
	half := len(items) / 2
	first := halving(items[:half], send)
	if first.Done < half {
		return first
	}
	second := halving(items[half:], send)
	for _, r := range second.Refused {
		first.Refused = append(first.Refused, Refused{half + r.Item, r.Reason})
	}
	second.Done, second.Refused = half+second.Done, first.Refused
	return second
}

// push sends entries of a host (PushRequest and StreamAdapter of
// pkg/push/push.proto).
func (l *Loki) push(ctx context.Context, host string, items []ledger.Item) error {
	labels := fmt.Sprintf("{host=%s, job=%s}", strconv.Quote(host), strconv.Quote(l.o.Job))
	size := protowire.SizeTag(1) + protowire.SizeBytes(len(labels))
	for i := range items {
		_, entry := splitEntry(items[i].Body)
		size += protowire.SizeTag(2) + protowire.SizeBytes(len(entry))
	}
	body := make([]byte, 0, size+2*binary.MaxVarintLen64)
	body = protowire.AppendTag(body, 1, protowire.BytesType)
	body = protowire.AppendVarint(body, uint64(size))
	body = protowire.AppendTag(body, 1, protowire.BytesType)
	body = protowire.AppendString(body, labels)
	for i := range items {
		_, entry := splitEntry(items[i].Body)
		body = protowire.AppendTag(body, 2, protowire.BytesType)
		body = protowire.AppendBytes(body, entry)
	}
	_, err := l.o.Poster.Post(ctx, &Message{URL: l.url, Header: l.o.Header, Body: body, Encoding: Snappy})
	return err
}

// splitEntry gives the host of a body and its entry.
func splitEntry(body []byte) (host, entry []byte) {
	n, size := binary.Uvarint(body)
	if size <= 0 || n > uint64(len(body)-size) {
		return nil, body
	}
	return body[size : size+int(n)], body[size+int(n):]
}

// lokiHost gives the value of the label.
func lokiHost(host []byte) string {
	if name := sshwhy.Printable(string(bytes.ToValidUTF8(host, nil))); name != "" {
		return name
	}
	return "unknown"
}
