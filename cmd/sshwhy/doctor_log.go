package main

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/classifier"
	"github.com/sshwhy/sshwhy/inspect"
	"github.com/sshwhy/sshwhy/parser"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/tailers/archives"
)

// classes is the way from lines to findings, for the doctor.
type classes struct {
	messages  *patterns.Catalogue
	catalogue *causes.Catalogue
}

func newClasses() (*classes, error) {
	messages, err := patterns.Load()
	if err != nil {
		return nil, err
	}
	catalogue, err := causes.Load()
	return &classes{messages, catalogue}, err
}

// read gives the findings of a source. What cannot be read is left out: the
// checklist does not depend on it.
func (c *classes) read(ctx context.Context, source sshwhy.Source, take func(*sshwhy.Finding)) {
	p, err := parser.New(c.messages, parser.Options{Zone: time.Local})
	if err != nil {
		return
	}
	k, err := classifier.New(c.messages, c.catalogue, classifier.Options{Excerpt: true})
	if err != nil {
		return
	}
	loop := sshwhy.Loop{Source: source, Parser: p, Classifier: k, Sink: taker(take), Trouble: func(error) {}}
	if err := loop.Run(ctx); err != nil {
		return
	}
}

// taker is a sink that calls a function.
type taker func(*sshwhy.Finding)

// Deliver implements sshwhy.Sink.
func (t taker) Deliver(f *sshwhy.Finding) error {
	t(f)
	return nil
}

// written is a source of lines that are in memory.
type written []string

// Records implements sshwhy.Source.
func (w written) Records(context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		var r sshwhy.Record
		for _, line := range w {
			r = sshwhy.Record{Text: []byte(line), Source: "-"}
			if !yield(&r, nil) {
				return
			}
		}
	}
}

// classify reads lines of sshd for package inspect.
func (c *classes) classify(lines []string) []inspect.Verdict {
	var all []inspect.Verdict
	c.read(context.Background(), written(lines), func(f *sshwhy.Finding) {
		all = append(all, inspect.Verdict{
			Cause: c.catalogue.ID(f.Cause), Certain: f.Confidence == sshwhy.ConfidenceCertain, Values: slices.Clone(f.Values),
			Outcome: f.Outcome, Address: string(f.Address), Time: f.End,
		})
	})
	return all
}

const (
	// adviceDays is how far back the log is read for advice.
	adviceDays = 30
	// adviceTime bounds how long it is read, adviceSize how much.
	adviceTime = 400 * time.Millisecond
	adviceSize = 64 << 20
)

// logins counts the logins in the host's log files of the last days, the newest
// first, as far as that is quick.
func (c *classes) logins(ctx context.Context) inspect.Logins {
	ctx, cancel := context.WithTimeout(ctx, adviceTime)
	defer cancel()
	l := inspect.Logins{ByPassword: map[string]int{}}
	now := time.Now()
	oldest := now
	for _, path := range recentLogs(now) {
		c.read(ctx, &archives.Archive{Paths: []string{path}}, func(f *sshwhy.Finding) {
			at := time.Unix(0, f.Start)
			if f.Start == 0 || f.Revision > 1 || now.Sub(at) > adviceDays*24*time.Hour {
				return
			}
			if at.Before(oldest) {
				oldest = at
			}
			switch {
			case f.Outcome == sshwhy.OutcomeAccepted:
				l.Accepted++
				if m := string(f.Method); m == "password" || m == "keyboard-interactive" {
					l.ByPassword[string(f.User)]++
				}
			case c.catalogue.ID(f.Cause) == "user-unknown":
				l.Strangers++
			}
		})
		if ctx.Err() != nil {
			break
		}
	}
	l.Days = int(now.Sub(oldest)/(24*time.Hour)) + 1
	return l
}

// recentLogs gives the host's log files and their rotated siblings that may
// hold lines of the last days, the newest first.
func recentLogs(now time.Time) []string {
	var paths []string
	size := int64(0)
	for _, pattern := range []string{"/var/log/auth.log*", "/var/log/secure*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		type file struct {
			path    string
			changed time.Time
		}
		var files []file
		for _, p := range found {
			info, err := os.Stat(p)
			if err != nil || !info.Mode().IsRegular() || now.Sub(info.ModTime()) > adviceDays*24*time.Hour {
				continue
			}
			if size += info.Size(); size > adviceSize {
				continue
			}
			files = append(files, file{p, info.ModTime()})
		}
		slices.SortFunc(files, func(a, b file) int { return b.changed.Compare(a.changed) })
		for _, f := range files {
			paths = append(paths, f.path)
		}
	}
	return paths
}
