package ledger

import (
	"encoding/binary"
	"hash/crc32"
)

// bbolt has no checksums but for its two first pages, so every value has one,
// over its key as well: a value that stands under another key does not count.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const sealSize = 4

// seal gives a copy of the value with its checksum behind it.
func seal(key, value []byte) []byte {
	out := make([]byte, 0, len(value)+sealSize)
	out = append(out, value...)
	return binary.BigEndian.AppendUint32(out, checksum(key, value))
}

// unseal gives the value that seal was called with; it shares the memory.
func unseal(key, sealed []byte) ([]byte, bool) {
	n := len(sealed) - sealSize
	if n < 0 {
		return nil, false
	}
	return sealed[:n], binary.BigEndian.Uint32(sealed[n:]) == checksum(key, sealed[:n])
}

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}
