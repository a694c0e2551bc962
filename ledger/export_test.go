package ledger

import (
	"encoding/binary"
	"testing"

	"go.etcd.io/bbolt"
)

// SetFormat writes another format into a file.
func SetFormat(t *testing.T, path string, version uint64) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketFormat).Put(keyVersion, seal(keyVersion, binary.BigEndian.AppendUint64(nil, version)))
	}); err != nil {
		t.Fatal(err)
	}
}

// CheckFile is checkFile.
func CheckFile(path string) error { return checkFile(path) }
