package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"go.etcd.io/bbolt"
)

// Blocks end when they have so many bytes, or items.
const (
	blockBytes = 128 << 10
	blockItems = 512
)

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

// blockSize gives how many bytes the packed items take unpacked.
func blockSize(packed []byte) int {
	var h zstd.Header
	if h.Decode(packed) != nil || !h.HasFCS {
		return blockBytes
	}
	return int(h.FrameContentSize)
}
