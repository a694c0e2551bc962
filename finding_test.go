package sshwhy_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/sshwhy/sshwhy"
)

// TestIDIsTheHash spells out what an id is made of, for lines of many lengths,
// and expects what stands in front of it to stay.
func TestIDIsTheHash(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	dst := []byte("before ")
	for n := range 700 {
		i := sshwhy.Identity{Host: make([]byte, n%60), First: make([]byte, n), PID: int32(r.Uint32()), Time: int64(r.Uint64()), Ordinal: r.Uint32()}
		for _, b := range [][]byte{i.Host, i.First} {
			for k := range b {
				b[k] = byte(r.Uint32())
			}
		}
		b := append(append([]byte{}, i.Host...), 0)
		b = binary.BigEndian.AppendUint32(b, uint32(i.PID))
		b = binary.BigEndian.AppendUint64(b, uint64(i.Time))
		b = append(binary.BigEndian.AppendUint32(b, i.Ordinal), i.First...)
		sum := sha256.Sum256(b)
		want := hex.EncodeToString(sum[:16])
		if got := i.ID(); got != want {
			t.Fatalf("the id is %s, want %s", got, want)
		}
		if dst = i.AppendID(dst[:len("before ")]); string(dst) != "before "+want {
			t.Fatalf("got %q, want the id %s behind what was there", dst, want)
		}
	}
}

// TestKnownIsWhatHasAValue: fields that a line names, those that a finding holds
// itself, and such as a line names without a value or twice.
func TestKnownIsWhatHasAValue(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	some := func() []byte { return []byte([]string{"", "x"}[r.IntN(2)]) }
	for range 500 {
		f := &sshwhy.Finding{User: some(), Address: some(), Method: some(), KeyType: some(), Fingerprint: some(), Port: r.IntN(3) - 1}
		for range r.IntN(20) {
			field := sshwhy.Fields()[r.IntN(len(sshwhy.Fields()))]
			if r.IntN(2) == 0 {
				field = sshwhy.FieldUser + sshwhy.Field(r.IntN(int(sshwhy.FieldFingerprint)))
			}
			f.Values = append(f.Values, sshwhy.Value{Field: field, Text: string(some())})
		}
		known := f.Known()
		for _, field := range sshwhy.Fields() {
			if got, want := known>>field&1 == 1, f.Value(field) != ""; got != want {
				t.Fatalf("%s of %+v: known %t, want %t", field, f, got, want)
			}
		}
	}
}
