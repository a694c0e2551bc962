package ledger

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// Pair is an entry of what a sink remembers; a nil value deletes it.
type Pair struct {
	Key   string
	Value []byte
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
