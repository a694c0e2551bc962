package archives

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// tarBlock is the length of a header, and what all else is padded to.
const tarBlock = 512

// isTar tells a tar by the check sum of its first header (POSIX.1-1988, ustar
// and what came before).
func isTar(head []byte) bool {
	if len(head) < tarBlock || head[0] == 0 {
		return false
	}
	field := bytes.Trim(head[148:156], " \x00")
	if len(field) == 0 {
		return false
	}
	var want, sum int64
	for _, d := range field {
		if d < '0' || d > '7' {
			return false
		}
		want = want<<3 | int64(d-'0')
	}
	for i, ch := range head[:tarBlock] {
		if 148 <= i && i < 156 {
			ch = ' '
		}
		sum += int64(ch)
	}
	return sum == want
}

// members reads a tar and calls member for each file in it, which may read it
// to its end or not at all. Where a header is damaged it goes on at the next
// one that is sound. The error tells what could not be read.
func members(r io.Reader, member func(h *tar.Header, r io.Reader) error) error {
	var damage error
	for {
		t := tar.NewReader(r)
		err := each(t, member)
		if err == nil || errors.Is(err, errStop) {
			return errors.Join(damage, err)
		}
		if damage == nil {
			damage = err
		}
		if r = soundFrom(r); r == nil {
			return damage
		}
	}
}

// errStop ends the reading of a tar: no more is wanted.
var errStop = errors.New("stopped")

func each(t *tar.Reader, member func(h *tar.Header, r io.Reader) error) error {
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || h.Size <= 0 {
			continue
		}
		if err := member(h, t); err != nil {
			return err
		}
	}
}

// soundFrom passes over what is damaged, and gives the rest from the next
// sound header on; nil where there is none.
func soundFrom(r io.Reader) io.Reader {
	block := make([]byte, tarBlock)
	for {
		if _, err := io.ReadFull(r, block); err != nil {
			return nil
		}
		if isTar(block) {
			return &rewound{bytes.NewReader(block), r}
		}
	}
}

// rewound is a stream of which a part is read again.
type rewound struct {
	again *bytes.Reader
	r     io.Reader // not owned
}

func (w *rewound) Read(p []byte) (int, error) {
	if w.again.Len() > 0 {
		return w.again.Read(p)
	}
	return w.r.Read(p)
}

// sparse tells a member whose holes are not stored: what lies in the archive
// is not what the file holds.
func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// memberName gives the name of a member as it is shown: what the archive
// holds, made safe and not without end.
func memberName(archive string, h *tar.Header) string {
	const longest = 512
	name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
	if len(name) > longest {
		name = name[:longest] + "…"
	}
	return archive + ":" + sshwhy.Printable(name)
}
