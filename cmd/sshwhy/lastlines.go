//go:build unix

package main

import (
	"slices"
	"strings"
	"sync"
)

// lastLines knows when the last line of each source came.
type lastLines struct {
	mu     sync.Mutex
	byName map[string]int64 // nanoseconds since 1970 UTC

	// The source of the last line, and when that was noted: a map is not
	// written for every line.
	name  string
	noted int64
}

type lastLine struct {
	name string
	time int64
}

// lastLinesEvery is how exact the times are.
const lastLinesEvery = int64(1e8)

// maxLastLines bounds the sources that are told of.
const maxLastLines = 1000

// note is called by the loop for every line.
func (l *lastLines) note(name string, now int64) {
	if name == l.name && now-l.noted < lastLinesEvery {
		return
	}
	l.name, l.noted = name, now
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byName == nil {
		l.byName = map[string]int64{}
	}
	if _, ok := l.byName[name]; ok || len(l.byName) < maxLastLines {
		l.byName[strings.Clone(name)] = now
	}
}

// all gives the sources by name.
func (l *lastLines) all() []lastLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []lastLine
	for name, t := range l.byName {
		list = append(list, lastLine{name, t})
	}
	slices.SortFunc(list, func(a, b lastLine) int { return strings.Compare(a.name, b.name) })
	return list
}
