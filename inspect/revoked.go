package inspect

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
)

// revocations gives the fingerprints of the keys that a file of RevokedKeys
// names: a list of keys, or a KRL (PROTOCOL.krl), of which the serial numbers
// of certificates are left out.
func revocations(text []byte) map[string]bool {
	found := map[string]bool{}
	if bytes.HasPrefix(text, []byte("SSHKRL\n\x00")) {
		krl(text, found)
		return found
	}
	for _, e := range parseKeys(text) {
		if e.print != "" {
			found[e.print] = true
		}
	}
	return found
}

// The sections of a KRL that name keys.
const (
	krlHeader = 8 + 4 + 8 + 8 + 8 // magic, format, version, date, flags
	krlKeys   = 2
	krlSHA256 = 5
)

func krl(text []byte, found map[string]bool) {
	if len(text) < krlHeader {
		return
	}
	rest := text[krlHeader:]
	for range 2 { // reserved, comment
		_, rest, _ = str(rest)
	}
	for len(rest) > 0 {
		kind := rest[0]
		section, after, ok := str(rest[1:])
		if !ok {
			return
		}
		for len(section) > 0 {
			var item []byte
			if item, section, ok = str(section); !ok {
				break
			}
			switch kind {
			case krlKeys:
				sum := sha256.Sum256(item)
				found[fingerprint(sum[:])] = true
			case krlSHA256:
				found[fingerprint(item)] = true
			}
		}
		rest = after
	}
}

func fingerprint(sum []byte) string {
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum)
}

// str reads a string with its length in front.
func str(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}

// number reads a number of a configuration.
func number(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil
}
