//go:build !(linux && cgo && libsystemd)

package journal

import (
	"context"
	"errors"
	"io"
)

// withLibsystemd tells whether this binary can read journals by itself.
const withLibsystemd = false

// ErrNoLibsystemd says that Export cannot do its work: the binary was
// built without libsystemd, or the library is not there.
var ErrNoLibsystemd = errors.New("this sshwhy was built without libsystemd")

// Export reads a journal with libsystemd and writes the export format,
// as journalctl does; this binary was built without.
func Export(context.Context, []string, io.Writer) error { return ErrNoLibsystemd }
