package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseSpan reads a span of time as people write it: a number and ms, s, m, h,
// d or w, and such parts after each other, as 1h30m. It is never negative.
func ParseSpan(text string) (time.Duration, error) {
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseFloat(number, 64)
			if err != nil || !(n >= 0 && n <= 36500) {
				return 0, notASpan(text)
			}
			return time.Duration(n * float64(length)), nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, notASpan(text)
	}
	return d, nil
}

func notASpan(text string) error {
	return fmt.Errorf("%q is not a span of time, as 90s, 10m, 2h or 3d", text)
}

// Size is a number of bytes.
type Size int64

// ParseSize reads a number of bytes: plain, or with kB, MB, GB (powers of
// 1000) or KiB, MiB, GiB (powers of 1024).
func ParseSize(text string) (Size, error) {
	units := []struct {
		name string
		size float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}
	for _, u := range units {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n >= 0 && n*u.size <= 1<<50) {
			break
		}
		return Size(n * u.size), nil
	}
	return 0, fmt.Errorf("%q is not a size, as 64MiB or 500kB", text)
}
