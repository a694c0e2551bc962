package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/ledger"
)

// TestTailStateUnreadable: state that another version left is noticed, and no
// source that could not be read.
func TestTailStateUnreadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := ledger.Open(path, ledger.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(&sshwhy.Batch{State: []sshwhy.State{{Room: "classifier", Key: "tide/1", Value: []byte("high")}}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	err = run(t.Context(), []string{"tail", "--lang", "en", "--ledger", path, "-"}, streams{strings.NewReader(""), &out, &errs})
	if err != nil {
		t.Errorf("it ended with %v", err)
	}
	if said := errs.String(); !strings.Contains(said, `cannot be understood, the first is "tide/1" of the classifier`) {
		t.Errorf("it said %q", said)
	}
}
