package sinks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// Masked puts pseudonyms for users and clients into what a sink is told, for
// those who may not pass on names. The same name has the same pseudonym as long
// as the secret stays, and cannot be had back without it. Lines of the log,
// certificates and fingerprints are left out. It implements Encoder.
type Masked struct {
	encoder Encoder
	secret  []byte
}

// NewMasked gives an encoder that masks what it hands on.
func NewMasked(e Encoder, secret []byte) *Masked { return &Masked{e, secret} }

// mask gives the pseudonym of a text, "" for none.
func (m *Masked) mask(kind, text string) string {
	if text == "" {
		return ""
	}
	mac := hmac.New(sha256.New, m.secret)
	mac.Write([]byte(kind + "\x00" + text))
	return kind + "-" + hex.EncodeToString(mac.Sum(nil)[:5])
}

// AppendFinding implements Encoder.
func (m *Masked) AppendFinding(dst []byte, f *sshwhy.Finding) ([]byte, error) {
	return m.encoder.AppendFinding(dst, m.finding(f))
}

func (m *Masked) finding(f *sshwhy.Finding) *sshwhy.Finding {
	c := *f
	user, address := string(sshwhy.Unescape(nil, f.User)), string(f.Address)
	c.User, c.Address = []byte(m.mask("user", user)), []byte(m.mask("client", address))
	c.Fingerprint, c.Evidence, c.Decisive = nil, nil, -1
	c.Dropped += len(f.Evidence)
	c.Values = nil
	for _, v := range f.Values {
		if text, ok := m.value(v, user, address); ok {
			c.Values = append(c.Values, sshwhy.Value{Field: v.Field, Text: text})
		}
	}
	// The id is made of the first line, which is not handed on: keep it.
	return &c
}

// value masks a fact, or leaves it out: a path names the user, and a free text
// may name anybody.
func (m *Masked) value(v sshwhy.Value, user, address string) (string, bool) {
	switch v.Field {
	case sshwhy.FieldUser:
		return m.mask("user", v.Text), true
	case sshwhy.FieldAddr, sshwhy.FieldHost:
		return m.mask("client", v.Text), true
	case sshwhy.FieldFingerprint:
		return "", false
	}
	text := v.Text
	for _, known := range []struct{ kind, name string }{{"user", user}, {"client", address}} {
		if known.name != "" {
			text = strings.ReplaceAll(text, known.name, m.mask(known.kind, known.name))
		}
	}
	return text, maskable[v.Field] || text != v.Text
}

// maskable are the facts that name nobody by themselves.
var maskable = map[sshwhy.Field]bool{
	sshwhy.FieldPort: true, sshwhy.FieldMethod: true, sshwhy.FieldKeyType: true, sshwhy.FieldAlgorithm: true, sshwhy.FieldCount: true, sshwhy.FieldSignal: true,
	sshwhy.FieldOption: true, sshwhy.FieldLine: true,
}

// AppendAlert implements Encoder.
func (m *Masked) AppendAlert(dst []byte, a *sshwhy.Alert) ([]byte, error) {
	c := *a
	c.By = slices.Clone(a.By)
	for i, s := range c.By {
		switch s.Name {
		case "user":
			c.By[i].Value = m.mask("user", s.Value)
		case "source", "network":
			c.By[i].Value = m.mask("client", s.Value)
		}
	}
	c.Users, c.Sources = m.counted("user", a.Users), m.counted("client", a.Sources)
	if a.Latest != nil {
		c.Latest = m.finding(a.Latest)
	}
	return m.encoder.AppendAlert(dst, &c)
}

func (m *Masked) counted(kind string, list []sshwhy.Counted) []sshwhy.Counted {
	out := slices.Clone(list)
	for i := range out {
		out[i].Value = m.mask(kind, out[i].Value)
	}
	return out
}
