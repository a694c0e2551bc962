package classifier

import (
	"strconv"
	"testing"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		digits string
		want   int
	}{
		{"22", 22}, {"0", 0}, {"65535", 65535}, {"00022", 22}, {"1234567", 1234567}, {"", 0}, {"-1", 0}, {"2a", 0}, {"a2", 0}, {"2 2", 0}, {"\xff2", 0}, {"2\xb0", 0},
		{"10485769", 10485769}, {"10485779", 0}, {"99999999", 0}, {"000000000000000000022", 22}, {"184467440737095516160", 0},
	} {
		if got := number([]byte(c.digits)); got != c.want {
			t.Errorf("%q is read as %d", c.digits, got)
		}
	}
	for n := range 70_000 {
		s := strconv.Itoa(n)
		if got := number([]byte(s)); got != n {
			t.Errorf("%d is read as %d", n, got)
		}
	}
}
