package sinks

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// TestAdviceIsTheCatalogues holds what is put together from prepared pieces
// against what the catalogue says of every cause: with all values, with some,
// and with such as an attacker would choose.
func TestAdviceIsTheCatalogues(t *testing.T) {
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range []causes.Language{causes.English, causes.Japanese} {
		a := newAdvice(c, language)
		for i := range c.Causes {
			for seed := range uint64(12) {
				f := findingOf(rand.New(rand.NewPCG(seed, uint64(i))), sshwhy.CauseID(i+1))
				compareAdvice(t, &a, &c.Causes[i], language, f)
			}
		}
	}
}

// findingOf gives a finding in which each field has a value as often as not.
func findingOf(r *rand.Rand, cause sshwhy.CauseID) *sshwhy.Finding {
	texts := []string{"/home/alice", "a b", "-rf", "o'brien", "x\ny", "\xff", "ssh-rsa", "<b>&\"\\", "用户", "$(reboot)", "{path}", "\u202ex"}
	f := &sshwhy.Finding{Cause: cause}
	for _, field := range sshwhy.Fields() {
		if r.IntN(2) == 0 {
			f.Values = append(f.Values, sshwhy.Value{Field: field, Text: texts[r.IntN(len(texts))]})
		}
	}
	return f
}

func compareAdvice(t *testing.T, a *advice, cause *causes.Cause, language causes.Language, f *sshwhy.Finding) {
	t.Helper()
	texts := a.texts(f.Cause)
	// Both go behind one another, as values are taken from what was written.
	a.begin(f)
	told := a.fill([]byte("{"), texts.reason(f.Known()))
	told = append(told, ':')
	behind := len(told)
	told = a.fill(told, texts.remedy(f.Known()))
	var steps []map[string]string
	if err := json.Unmarshal(told[behind:], &steps); err != nil {
		t.Fatalf("%s: its remedy is no JSON: %v", cause.ID, err)
	}
	var want []map[string]string
	for _, s := range cause.Steps(language, f.Value) {
		step := map[string]string{}
		for name, text := range map[string]string{"where": s.Where, "do": s.Do, "run": s.Run, "warning": s.Warning} {
			if text != "" {
				step[name] = text
			}
		}
		want = append(want, step)
	}
	if len(steps)+len(want) > 0 && !reflect.DeepEqual(steps, want) {
		t.Errorf("%s in %s: the remedy is\n%v\nand the catalogue says\n%v", cause.ID, language, steps, want)
	}
	var reason string
	if err := json.Unmarshal(told[1:behind-1], &reason); err != nil || reason != cause.Reason(language, f.Value) {
		t.Errorf("%s in %s: the reason is %q (%v), and the catalogue says %q", cause.ID, language, reason, err, cause.Reason(language, f.Value))
	}
}

// TestPlainEight holds what is tested of eight bytes at once against the table.
func TestPlainEight(t *testing.T) {
	for c := range 256 {
		for i := range 8 {
			s := strings.Repeat("a", i) + string([]byte{byte(c)}) + strings.Repeat("}", 7-i)
			want := c < len(plain) && plain[c] && !strings.ContainsRune("^|~", rune(c))
			if got := oddOfEight(eight(s, 0)) == 0; got != want {
				t.Errorf("%q: plain %t, want %t", s, got, want)
			}
		}
	}
	for _, s := range []string{"", "a", "1234567", "12345678", `123456789"`, "a^b", "12345678|~", "\xff", `1234567890123456\`, "用户", "12345\x00\x7f"} {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		if want := strings.ReplaceAll(s, "\xff", `\xff`); got != want {
			t.Errorf("%s becomes %q", strconv.Quote(s), fmt.Sprint(got))
		}
	}
}
