package sinks

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestClock holds times that follow one another in every way against such as
// are written one by one.
func TestClock(t *testing.T) {
	const second, day = int64(1e9), int64(secondsOfDay * 1e9)
	start := int64(1763683245123456789)
	c := newClock()
	for i, ns := range []int64{0, start, start, start + 1, start + 59*second, start - 3600*second, start + day, start + day, start + day - 10*3600*second,
		1, -1, -second, 1, -day, day, 0, 999999999, second, start} {
		if got, want := string(c.append([]byte("x"), ns)), string(appendTime([]byte("x"), ns)); got != want {
			t.Errorf("time %d, %d: got %s, want %s", i, ns, got, want)
		}
	}
}

// TestAppendNumber holds numbers of every length against what strconv makes of
// them.
func TestAppendNumber(t *testing.T) {
	check := func(n int) {
		if got, want := string(appendNumber([]byte("x"), n)), "x"+strconv.Itoa(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for n := range 20000 {
		check(n)
		check(n * 5003)
		check(-n)
	}
	for n := 1; n < 1e18; n *= 10 {
		check(n - 1)
		check(n)
		check(n + 1)
	}
}

// TestAppendShort has texts of every length appended, from and to memory that has
// room behind them and that has none.
func TestAppendShort(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), 20)
	for n := range 200 {
		for _, space := range []int{n, n + few, n + 300} {
			for _, room := range []int{1, few, n + 1, 1000} {
				text := append(make([]byte, 0, space), long[:n]...)
				dst := append(make([]byte, 0, room), 'x')
				if got := appendShort(dst, text); string(got) != "x"+string(text) {
					t.Errorf("%d bytes became %q", n, got)
				}
				var s snippet
				s.set(long)
				s.set(text)
				if got := s.append(dst); string(got) != "x"+string(text) {
					t.Errorf("a snippet of %d bytes became %q", n, got)
				}
			}
		}
	}
}

// TestIsPlain holds texts of every length, with every byte in every place,
// against the table.
func TestIsPlain(t *testing.T) {
	for length := range 100 {
		s := bytes.Repeat([]byte("a"), length)
		if !isPlain(s) || !isPlain(string(s)) {
			t.Errorf("%d letters are not plain", length)
		}
		for i := range s {
			for c := range 256 {
				s[i] = byte(c)
				want := c < len(plain) && plain[c] && !strings.ContainsRune("$%'^|}~", rune(c))
				if isPlain(s) != want || isPlain(string(s)) != want {
					t.Errorf("%q: plain %t, want %t", s, !want, want)
				}
			}
			s[i] = 'a'
		}
	}
}

// TestIsNumeric holds texts with every byte in every place against what makes an
// address of digits.
func TestIsNumeric(t *testing.T) {
	for length := range 40 {
		s := bytes.Repeat([]byte("1"), length)
		if !isNumeric(s) {
			t.Errorf("%d digits are no number", length)
		}
		for i := range s {
			for c := range 256 {
				s[i] = byte(c)
				if want := c == '.' || c >= '0' && c <= '9'; isNumeric(s) != want {
					t.Errorf("%q: numeric %t, want %t", s, !want, want)
				}
			}
			s[i] = '.'
		}
	}
}

// readable gives the text that a reader of the JSON is to see: bytes that are
// not UTF-8 as \xNN, all else as it is.
func readable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b.WriteString(`\x` + string(hexDigits[s[i]>>4]) + string(hexDigits[s[i]&15]))
		} else {
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// FuzzAppendString: whatever stands in a log, the string is JSON, holds it all,
// and shows a terminal or a browser nothing that it would obey.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "bob", `"quoted"`, `back\slash`, "\x00\x01\x1b[31m\x7f", "\r\n\t", "\xff\xc3(\xed\xa0\x80", "用户 jörg", "\u2028\u202e", "</script>&", "\xf0\x9f\x92", strings.Repeat("a", 100) + "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := appendString([]byte("before"), s)
		text, ok := strings.CutPrefix(string(got), "before")
		if !ok {
			t.Fatalf("%q was not appended: %q", s, got)
		}
		if other := string(appendString(nil, []byte(s))); other != text {
			t.Errorf("as bytes %s, as a string %s", other, text)
		}
		var back string
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Fatalf("%q became %s: %v", s, text, err)
		}
		if want := readable(s); back != want {
			t.Errorf("%q is read back as %q, want %q", s, back, want)
		}
		if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '<' || r == '>' || r == '&' }); i >= 0 {
			t.Errorf("%q became %s, with %q in it", s, text, text[i])
		}
	})
}

func TestAppendTime(t *testing.T) {
	for _, tt := range []struct {
		nanoseconds int64
		want        string
	}{
		{1, `"1970-01-01T00:00:00.000Z"`},
		{1763683245123456789, `"2025-11-21T00:00:45.123Z"`},
		{-1e9, `"1969-12-31T23:59:59.000Z"`},
	} {
		if got := string(appendTime(nil, tt.nanoseconds)); got != tt.want {
			t.Errorf("%d: got %s, want %s", tt.nanoseconds, got, tt.want)
		}
	}
}
