package parser

import "encoding/binary"

// wordSize is the number of bytes by which starts finds its way.
const wordSize = 4

// starts knows, for the first bytes that a message may begin with, the edge
// that they lead into. Messages begin with few hundred different words, and at
// the root of the tree they part at nearly every byte. It is a hash table
// without deletion, never more than half full.
type starts struct {
	table [1 << startBits]start
	count int
}

const startBits = 12

// start is an edge, and how many bytes of its literal the word holds.
type start struct {
	word uint32
	used int
	edge *edge
}

// find gives the start of a message that begins with the four bytes, or nil for
// none. Where there is none the tree must be asked.
func (t *starts) find(word uint32) *start {
	for i := slot(word); t.table[i].edge != nil; i = (i + 1) % uint32(len(t.table)) {
		if t.table[i].word == word {
			return &t.table[i]
		}
	}
	return nil
}

func slot(word uint32) uint32 { return word * 0x9e3779b1 >> (32 - startBits) }

// fill enters the words that lead from n through literals alone, begun being
// what has led to n. Where a field may stand there are other ways, and the
// tree must be asked.
func (t *starts) fill(n *node, begun []byte) {
	for _, e := range n.literals() {
		text := append(begun, e.literal...)
		switch {
		case len(text) >= wordSize:
			t.add(start{word: binary.LittleEndian.Uint32(text), used: wordSize - len(begun), edge: e})
		case e.to.stop == nil || len(e.to.stop.fields) == 0:
			t.fill(e.to, text)
		}
	}
}

func (t *starts) add(s start) {
	if t.count == len(t.table)/2 {
		return
	}
	t.count++
	i := slot(s.word)
	for t.table[i].edge != nil {
		i = (i + 1) % uint32(len(t.table))
	}
	t.table[i] = s
}
