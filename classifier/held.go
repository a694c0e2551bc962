package classifier

import (
	"math"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
)

// held is what a connection notes for Held and Save.
type held struct {
	dirty bool // it stands in holding.dirty
	given bool // Held gave records of it
	saved bool // Save gave an entry of it
	whole bool // the entry has the lines themselves, and no record is held
}

// holding collects what Held and Save give at their next call.
type holding struct {
	records  []heldRecord
	text     []byte                // of the records, one after the other
	headers  []sshwhy.Header       // handed out by Held
	dropped  []uint64              // for Held
	dirty    []*connection         // for Save; used again since where not dirty
	deleted  []uint64              // connections that Save gave an entry of
	hosts    []*host               // changed
	pam      []pamUser             // new
	seats    [numSeats / 64]uint64 // a bit for each that changed
	episodes []*episode            // changed; used again since where not dirty
	ended    []uint64              // keys of episodes that are over
}

// pamUser is one that a PAM module wrote of.
type pamUser struct {
	host *host
	name string
}

// heldRecord is a record that came to belong to a connection.
type heldRecord struct {
	of     *connection
	number uint64 // of the connection: another may have its place
	end    int    // in holding.text; it starts where the one before ends
	// The header of a record that has one apart from the text stands in
	// front of it: the host, then the program, as long as these say.
	header      bool
	host, ident int
	time        int64
	pid         int32
	source      string
	newest      time.Time
	truncated   int64
}

// Held implements sshwhy.Holder. What it hands out is valid until the
// classifier is called for the next event. Without Options.Hold there is
// nothing.
func (k *Classifier) Held(hold func(connection uint64, r *sshwhy.Record), drop func(connection uint64)) {
	k.installRestored()
	h := k.table.holding
	if h == nil {
		return
	}
	h.headers = slices.Grow(h.headers[:0], len(h.records))
	start := 0
	for i := range h.records {
		r := &h.records[i]
		text := h.text[start:r.end]
		start = r.end
		if r.of.number != r.number {
			continue // forgotten since: what nobody was told of cancels out
		}
		record := sshwhy.Record{Text: text, Source: r.source, Newest: r.newest, Truncated: r.truncated}
		if r.header {
			h.headers = append(h.headers, sshwhy.Header{
				Time: r.time, PID: r.pid, Host: text[:r.host], Ident: text[r.host : r.host+r.ident],
			})
			record.Header, record.Text = &h.headers[len(h.headers)-1], text[r.host+r.ident:]
		}
		r.of.given = true
		hold(r.number, &record)
	}
	for _, number := range h.dropped {
		drop(number)
	}
	h.records, h.text, h.dropped = h.records[:0], h.text[:0], h.dropped[:0]
}

// hold notes that a record belongs to a connection. Only lines that are kept
// as evidence are held, and whole: 64 of a connection and 16 KiB. One that wrote
// more is in its entry instead.
func (t *table) hold(c *connection, r *sshwhy.Record) {
	h := t.holding
	if h == nil || c.whole || len(r.Text) >= maxLineText {
		return
	}
	n := heldRecord{of: c, number: c.number, source: r.Source, newest: r.Newest, truncated: r.Truncated}
	if r.Header != nil {
		n.header, n.host, n.ident, n.time, n.pid = true, len(r.Header.Host), len(r.Header.Ident), r.Header.Time, r.Header.PID
		h.text = append(append(h.text, r.Header.Host...), r.Header.Ident...)
	}
	h.text = append(h.text, r.Text...)
	n.end = len(h.text)
	h.records = append(h.records, n)
}

// inherit gives the records of a connection to the one that absorbed it.
func (t *table) inherit(c, o *connection) {
	h := t.holding
	if h == nil {
		return
	}
	for i := range h.records {
		if r := &h.records[i]; r.of == o && r.number == o.number {
			r.of, r.number = c, c.number
		}
	}
	c.also = append(c.also, o.also...)
	if o.given {
		c.also = append(c.also, o.number)
	}
	o.also, o.given = nil, false
	if c.whole || o.whole {
		t.keepWhole(c)
	}
}

// keepWhole lets the entry of a connection hold its lines, of which some were
// taken out: single records cannot be dropped. No more of it are held.
func (t *table) keepWhole(c *connection) {
	h := t.holding
	if h == nil {
		return
	}
	c.whole = true
	for i := range h.records {
		if r := &h.records[i]; r.of == c && r.number == c.number {
			r.number = math.MaxUint64 // no connection has it
		}
	}
	if c.given {
		h.dropped = append(h.dropped, c.number)
	}
	h.dropped = append(h.dropped, c.also...)
	c.also, c.given = nil, false
}

// mark notes that a connection changed.
func (t *table) mark(c *connection) {
	h := t.holding
	if h == nil {
		return
	}
	t.turns++
	c.turn = t.turns
	if !c.dirty {
		c.dirty = true
		h.dirty = append(h.dirty, c)
	}
}

// drop notes that a connection is forgotten.
func (t *table) drop(c *connection) {
	h := t.holding
	if h == nil {
		return
	}
	if c.given {
		h.dropped = append(h.dropped, c.number)
	}
	h.dropped = append(h.dropped, c.also...)
	if c.saved {
		h.deleted = append(h.deleted, c.number)
	}
}

// markHost notes that a host changed.
func (t *table) markHost(h *host) {
	if t.holding != nil && !h.dirty {
		h.dirty = true
		t.holding.hosts = append(t.holding.hosts, h)
	}
}
