package alerts

import (
	"crypto/sha256"
	"hash/fnv"

	"github.com/sshwhy/sshwhy"
)

// id is that of a finding, as bytes.
type id [16]byte

func idOf(f *sshwhy.Finding) id {
	var space [32]byte
	var out id
	hexID := f.AppendID(space[:0])
	for i := range out {
		out[i] = nibble(hexID[2*i])<<4 | nibble(hexID[2*i+1])
	}
	return out
}

func nibble(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

// idOfText makes an id of what has none.
func idOfText(parts ...string) id {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return id(h.Sum(nil)[:16])
}

func hashOf(text string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(text))
	return h.Sum32()
}

// recent finds the group that a finding was counted in, so that its revisions
// are not counted again. Of each rule the latest are known.
type recent struct {
	group map[id]*group // by the finding's id, mixed with the rule's name
	ring  []id
	next  int
}

// maxRecent bounds the findings whose revisions are recognised.
const maxRecent = 8192

// key mixes the id of a finding with the rule: each rule counts for itself.
func (r *recent) key(of *rule, finding id) id {
	h := hashOf(of.Name)
	for i := range 4 {
		finding[i] ^= byte(h >> (8 * i))
	}
	return finding
}

func (r *recent) find(of *rule, finding id) *group { return r.group[r.key(of, finding)] }

func (r *recent) forget(of *rule, finding id) { delete(r.group, r.key(of, finding)) }

func (r *recent) note(of *rule, finding id, g *group) {
	key := r.key(of, finding)
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, key)
	} else {
		delete(r.group, r.ring[r.next])
		r.ring[r.next] = key
		r.next = (r.next + 1) % maxRecent
	}
	r.group[key] = g
}

// forgetGroup forgets the findings of a group.
func (r *recent) forgetGroup(g *group) {
	for _, m := range g.seen {
		if key := r.key(g.rule, m.id); r.group[key] == g {
			delete(r.group, key)
		}
	}
}
