package classifier_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestInterleaved lays the runs of a file over one another, as on a host where
// many people log in at once: each connection must have the finding that it
// has alone.
func TestInterleaved(t *testing.T) {
	g := newRig(t)
	g.excerpt = true // a run alone ends earlier than among others
	for name, runs := range truthFiles(t) {
		// Clients that take their time are all there together, on one host.
		t.Run("slow/"+name, func(t *testing.T) {
			t.Parallel()
			s := newSpan()
			for i := range runs {
				s.lay(t, &runs[i], 40*time.Second)
			}
			s.hold(t, g)
		})
		// As fast as they were, it takes many more to have them overlap;
		// runs that share a process number go to different hosts.
		t.Run("fast/"+name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("some ten thousand connections")
			}
			t.Parallel()
			s := newSpan()
			for range 40 {
				for i := range runs {
					s.lay(t, &runs[i], 0)
				}
			}
			s.hold(t, g)
		})
	}
}

// minOpen is how many connections must be open at any time for the test to
// mean anything.
const minOpen = 40

// length is that of the span onto which the runs are laid.
const length = 60 * time.Second

// span is a log made of many.
type span struct {
	start time.Time
	rand  *rand.Rand
	lines []laid
	hosts map[string][]lifetime
	had   map[string]bool // a host and the runs that it has had
	runs  []*run
	on    []string // the host of each
}

// laid is a line with its place in time.
type laid struct {
	at   time.Time
	text string
	run  int // which run it is of
}

// lifetime is when a process of a run was there.
type lifetime struct {
	pid         int
	first, last time.Time
}

func newSpan() *span {
	return &span{
		start: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), rand: rand.New(rand.NewPCG(1, 2)),
		hosts: map[string][]lifetime{}, had: map[string]bool{},
	}
}

// lay adds a run somewhere in the span. Its client waits for so long before the
// last thing that it does.
func (s *span) lay(t *testing.T, r *run, wait time.Duration) {
	first, last := stamp(t, r.lines[0]), stamp(t, r.lines[len(r.lines)-1])
	pause := pauseOf(r.lines)
	if pause < 0 {
		wait = 0
	}
	wait = min(wait, length-time.Second-last.Sub(first))
	lasts := last.Sub(first) + wait
	begin := s.start.Add(time.Duration(s.rand.Int64N(int64(length - lasts))))
	at := make([]time.Time, len(r.lines))
	for i, line := range r.lines {
		at[i] = begin.Add(stamp(t, line).Sub(first))
		if i >= pause {
			at[i] = at[i].Add(wait)
		}
	}
	host := s.room(r, at)
	lines := make([]string, len(r.lines))
	for i, line := range r.lines {
		_, rest, _ := strings.Cut(line[len(time.Stamp)+1:], " ")
		lines[i] = at[i].Format(time.Stamp) + " " + host + " " + rest
	}
	// Within a second the lines of a run keep their order.
	order := make([]float64, len(lines))
	for i := range order {
		order[i] = s.rand.Float64()
	}
	slices.Sort(order)
	for i, line := range lines {
		s.lines = append(s.lines, laid{at[i].Truncate(time.Second).Add(time.Duration(order[i] * float64(time.Second))), line, len(s.runs)})
	}
	s.runs, s.on = append(s.runs, r), append(s.on, host)
}

// pauseOf gives the index of the last line that a client's doing brought about
// on a connection that has lines before it, -1 for none.
func pauseOf(lines []string) int {
	first := map[int]int{}
	for i, line := range lines {
		if _, seen := first[processOf(line)]; !seen {
			first[processOf(line)] = i
		}
	}
	for i, line := range slices.Backward(lines) {
		if byClient.MatchString(line) && first[processOf(line)] < i {
			return i
		}
	}
	return -1
}

var byClient = regexp.MustCompile(`Received disconnect|Connection (closed|reset)|pam_unix\(sshd:auth\)|Failed |Accepted |Partial |Unable to negotiate|banner exchange`)

// room gives the first host on which no process of the run is in use, and that
// has not had the same run: no client has the same port again within a minute.
func (s *span) room(r *run, at []time.Time) string {
	_, rest, _ := strings.Cut(r.lines[0][len(time.Stamp):], " ")
	own, _, _ := strings.Cut(rest, " ")
	lives := map[int]lifetime{}
	for i, line := range r.lines {
		pid := processOf(line)
		l, known := lives[pid]
		if !known {
			l = lifetime{pid, at[i], at[i]}
		}
		l.last = at[i]
		lives[pid] = l
	}
	for n := 0; ; n++ {
		host := own
		if n > 0 {
			host += "-" + strconv.Itoa(n)
		}
		if !s.had[host+" "+r.ID] && !slices.ContainsFunc(s.hosts[host], func(l lifetime) bool {
			o, shared := lives[l.pid]
			return shared && o.first.Before(l.last.Add(2*time.Second)) && l.first.Before(o.last.Add(2*time.Second))
		}) {
			s.had[host+" "+r.ID] = true
			for _, l := range lives {
				s.hosts[host] = append(s.hosts[host], l)
			}
			return host
		}
	}
}

// processOf reads the process number of a line's header.
func processOf(line string) int {
	_, rest, _ := strings.Cut(line, "[")
	number, _, _ := strings.Cut(rest, "]")
	pid, _ := strconv.Atoi(number)
	return pid
}

// hold compares the findings on the span with those on each run alone.
func (s *span) hold(t *testing.T, g *rig) {
	slices.SortStableFunc(s.lines, func(a, b laid) int { return a.at.Compare(b.at) })
	if n := s.leastOpen(); n < minOpen {
		t.Errorf("at times only %d connections are open", n)
	}
	mixed := make([]string, len(s.lines))
	for i := range s.lines {
		mixed[i] = s.lines[i].text
	}
	alone := map[string]int{}
	findings := map[*run][]verdict{}
	for i, r := range s.runs {
		if findings[r] == nil {
			findings[r] = g.findings(t, r.lines)
		}
		count(alone, moved(findings[r], s.on[i]), 1)
	}
	found := g.findings(t, mixed)
	count(alone, found, -1)
	report(t, alone, len(found))
}

// leastOpen gives the smallest number of processes that have begun and not
// ended, twelve seconds from either end apart.
func (s *span) leastOpen() int {
	ends := map[string]int{}
	key := func(l *laid) string { return strconv.Itoa(l.run) + "/" + strconv.Itoa(processOf(l.text)) }
	for i := range s.lines {
		ends[key(&s.lines[i])] = i
	}
	open := map[string]bool{}
	least := len(s.lines)
	for i := range s.lines {
		l := &s.lines[i]
		open[key(l)] = true
		if l.at.After(s.start.Add(12*time.Second)) && l.at.Before(s.start.Add(length-12*time.Second)) {
			least = min(least, len(open))
		}
		if ends[key(l)] == i {
			delete(open, key(l))
		}
	}
	return least
}

// count adds the findings to what is counted. An attack spans many
// connections, so it is left out.
func count(gists map[string]int, all []verdict, n int) {
	for i := range all {
		if v := &all[i]; v.phase != "attack" {
			gists[v.gist()] += n
		}
	}
}

// moved gives the findings as those of another host.
func moved(all []verdict, host string) []verdict {
	all = slices.Clone(all)
	for i := range all {
		all[i].host = host
	}
	return all
}

// report tells the findings that are not alone as they are together.
func report(t *testing.T, gists map[string]int, all int) {
	t.Helper()
	var lines []string
	for gist, n := range gists {
		if n != 0 {
			lines = append(lines, gist+map[bool]string{true: "  alone only", false: "  together only"}[n > 0])
		}
	}
	slices.Sort(lines)
	if len(lines) > 0 {
		t.Errorf("%d of %d findings differ:\n%s", len(lines), all, strings.Join(lines[:min(len(lines), 60)], "\n"))
	}
}

// gist is what must not depend on the neighbours.
func (v *verdict) gist() string {
	return fmt.Sprintf("%s[%d] %s port %d %q %s: %s", v.host, v.pid, cmp.Or(v.address, "-"), v.port, v.user, v, v.candidates)
}

// TestProcessNumberUsedAgain lets the process of a connection be that of
// another, one second after its last line.
func TestProcessNumberUsedAgain(t *testing.T) {
	g := newRig(t)
	g.excerpt = true // a run alone ends earlier than among others
	for name, runs := range truthFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(3, 4))
			for i := range runs {
				first, second := &runs[i], &runs[random.IntN(len(runs))]
				if first != second && len(first.Sessions) == 1 && len(second.Sessions) == 1 {
					g.usedAgain(t, first, second)
				}
			}
		})
	}
}

// usedAgain compares the findings on two runs, the second with the process
// numbers of the first and right behind it, with those on each alone.
func (g *rig) usedAgain(t *testing.T, first, second *run) {
	t.Helper()
	if len(first.Sessions[0].PIDs) == 0 || len(second.Sessions[0].PIDs) == 0 {
		return
	}
	numbers := map[int]int{}
	for i, pid := range second.Sessions[0].PIDs {
		if i < len(first.Sessions[0].PIDs) {
			numbers[int(pid)] = int(first.Sessions[0].PIDs[i])
		}
	}
	_, end := life(t, first.lines, first.Sessions[0].PIDs)
	again := renumbered(second.lines, numbers)
	begin, _ := life(t, again, first.Sessions[0].PIDs)
	if end.IsZero() || begin.IsZero() {
		return
	}
	for i, line := range again {
		again[i] = stamp(t, line).Add(end.Add(time.Second).Sub(begin)).Format(time.Stamp) + line[len(time.Stamp):]
	}
	both := merged(t, first.lines, again)
	gists := map[string]int{}
	count(gists, g.findings(t, first.lines), 1)
	count(gists, g.findings(t, again), 1)
	found := g.findings(t, both)
	count(gists, found, -1)
	for _, n := range gists {
		if n != 0 {
			report(t, gists, len(found))
			t.Logf("%s, then %s on its processes:\n  %s", first.ID, second.ID, strings.Join(both, "\n  "))
			return
		}
	}
}

// life gives the times of the first and last line of the processes.
func life(t *testing.T, lines []string, pids []int32) (first, last time.Time) {
	for _, line := range lines {
		if slices.Contains(pids, int32(processOf(line))) {
			last = stamp(t, line)
			if first.IsZero() {
				first = last
			}
		}
	}
	return first, last
}

// renumbered gives the lines with other process numbers, also where a message
// names one.
func renumbered(lines []string, numbers map[int]int) []string {
	var pairs []string
	for old, now := range numbers {
		o, n := strconv.Itoa(old), strconv.Itoa(now)
		for _, frame := range []string{"[%s]", "on pid %s", "pid = %s", "child %s"} {
			pairs = append(pairs, fmt.Sprintf(frame, o), fmt.Sprintf(frame, n))
		}
	}
	replace := strings.NewReplacer(pairs...)
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = replace.Replace(line)
	}
	return out
}

// merged gives the lines of two logs in the order of their times.
func merged(t *testing.T, a, b []string) []string {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y string) int { return stamp(t, x).Compare(stamp(t, y)) })
	return all
}
