package sshwhy

import (
	"context"
	"iter"
)

// Block is a run of lines that a source hands on at once, so that they can be
// parsed on several processors. It belongs to who made it: a source fills it
// and keeps nothing of it.
type Block struct {
	// Text holds the lines, and whatever stands between them. It has at
	// most MaxBlock bytes.
	Text []byte
	// Lines are the lines in their order, without their ends. There are at
	// most MaxLines.
	Lines []Extent
	// Runs say where the lines come from: each counts until the next. The
	// first begins with the first line.
	Runs []Run

	like  *Record  // of the last run
	owned []*owned // memory for records that Add was given
	used  int
}

// MaxBlock bounds the text of a block, in bytes. It is small enough for a
// processor's cache and large enough that handing it on costs nothing.
const MaxBlock = 256 << 10

// MaxLines bounds the lines of a block: a log may be all empty lines, and what is
// known of a line takes more room than a short line itself.
const MaxLines = 2 << 10

// Extent is a part of a text, in bytes.
type Extent struct{ Start, End uint32 }

// Run is a run of lines that differ in their text only.
type Run struct {
	// First is the index of its first line.
	First int
	// Like is a record of the run, its text apart. It does not change
	// while the block is in use.
	Like *Record
}

// owned is a record that lies in the block.
type owned struct {
	Record
	header Header
}

// BlockSource is a source that can give its records in blocks. It is not live:
// none of them is a tick.
//
// Blocks is called in the place of Records and under its rules. It asks blank
// for the blocks to fill; blank may wait until one is free. A block that was
// yielded is the caller's again. blank gives nil when no more are wanted.
type BlockSource interface {
	Source
	Blocks(ctx context.Context, blank func() *Block) iter.Seq2[*Block, error]
}

// Reset empties the block for other lines.
func (b *Block) Reset() {
	b.Text, b.Lines, b.Runs, b.like, b.used = b.Text[:0], b.Lines[:0], b.Runs[:0], nil, 0
}

// Room gives the number of bytes that can be added, 0 where no line can.
func (b *Block) Room() int {
	if len(b.Lines) >= MaxLines {
		return 0
	}
	return MaxBlock - len(b.Text)
}

// Line adds a line that is part of Text already.
func (b *Block) Line(start, end int, like *Record) {
	if b.like != like {
		b.like = like
		b.Runs = append(b.Runs, Run{len(b.Lines), like})
	}
	b.Lines = append(b.Lines, Extent{uint32(start), uint32(end)})
}

// Append copies a line to the block, as one that is like another record.
func (b *Block) Append(line []byte, like *Record) {
	start := len(b.Text)
	b.Text = append(b.Text, line...)
	b.Line(start, len(b.Text), like)
}

// Add copies a whole record to the block.
func (b *Block) Add(r *Record) {
	if b.used == len(b.owned) {
		b.owned = append(b.owned, &owned{})
	}
	o := b.owned[b.used]
	b.used++
	o.Record = *r
	if r.Header != nil {
		host, ident := o.header.Host, o.header.Ident
		o.header = *r.Header
		o.header.Host = append(host[:0], r.Header.Host...)
		o.header.Ident = append(ident[:0], r.Header.Ident...)
		o.Header = &o.header
	}
	o.Text = nil
	b.Append(r.Text, &o.Record)
}

// Records yields the records of the block, and tells whether all were asked
// for.
func (b *Block) Records(yield func(*Record, error) bool) bool {
	var c cursor
	for c.line < len(b.Lines) {
		for _, at := range c.next(b, len(b.Lines)) {
			c.record.Text = b.Text[at.Start:at.End]
			if !yield(&c.record, nil) {
				return false
			}
		}
	}
	return true
}

// cursor leads through the lines of a block.
type cursor struct {
	record Record // of the lines that were given last, their text apart
	line   int    // the next one
	run    int    // the next one
	until  int    // the line that the next run begins with
}

// next gives the next lines, of which there must be one, that differ in their
// text only, so many at most.
func (c *cursor) next(b *Block, most int) []Extent {
	if c.line == c.until {
		c.enter(b)
	}
	first := c.line
	c.line = min(first+most, c.until)
	return b.Lines[first:c.line]
}

// enter goes on to the next run.
func (c *cursor) enter(b *Block) {
	c.record = *b.Runs[c.run].Like
	c.run++
	c.until = len(b.Lines)
	if c.run < len(b.Runs) {
		c.until = b.Runs[c.run].First
	}
}
