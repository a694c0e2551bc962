package sinktest

import (
	"context"
	"io"
	"log"
	"os"
	"testing"
	"time"
)

// contextFor gives a context that is done after the time; at once for 0.
func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

func readAll(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// discard is for servers whose complaints are expected.
func discard() *log.Logger { return log.New(io.Discard, "", 0) }
