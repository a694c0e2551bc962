package classifier_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/classifier"
)

// TestRestart kills the program between any two lines of every truth run: what
// the ledger kept of a classifier makes another one that goes on as if nothing
// had happened. The findings before and after are, together, those of a run
// that nobody disturbed. Every run is killed before each of its lines, one
// after the other; every fifth as well just once, at each place. With
// SSHWHY_TORTURE=1 all are.
func TestRestart(t *testing.T) {
	thorough := os.Getenv("SSHWHY_TORTURE") == "1"
	g := newRig(t)
	files := truthFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range files[name] {
				r := &files[name][i]
				if testing.Short() && i%10 > 0 {
					continue
				}
				want := g.undisturbed(t, r.lines)
				for cut := 1; cut < len(r.lines) && (thorough || i%5 == 0); cut++ {
					if !g.restarted(t, fmt.Sprintf("%s, killed before line %d", r.ID, cut+1), r.lines, []int{cut}, want) {
						break
					}
				}
				every := make([]int, len(r.lines))
				for i := range every {
					every[i] = i
				}
				g.restarted(t, r.ID+", killed before every line", r.lines, every, want)
			}
		})
	}
}

// TestRestartAmongMany kills it again and again while many connections are
// open.
func TestRestartAmongMany(t *testing.T) {
	g := newRig(t)
	for name, runs := range truthFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSpan()
			for i := range runs {
				s.lay(t, &runs[i], 40*time.Second)
			}
			slices.SortStableFunc(s.lines, func(a, b laid) int { return a.at.Compare(b.at) })
			lines := make([]string, len(s.lines))
			var cuts []int
			for i := range s.lines {
				if lines[i] = s.lines[i].text; i%97 == 96 {
					cuts = append(cuts, i)
				}
			}
			g.restarted(t, name, lines, cuts, g.undisturbed(t, lines))
		})
	}
}

func (g *rig) undisturbed(t *testing.T, lines []string) []string {
	t.Helper()
	return g.lives(t, lines, nil)
}

// restarted compares a run that was killed before some lines with one that was
// not.
func (g *rig) restarted(t *testing.T, what string, lines []string, cuts []int, want []string) bool {
	t.Helper()
	got := g.lives(t, lines, cuts)
	if slices.Equal(got, want) {
		return true
	}
	missing, more := lacking(want, got), lacking(got, want)
	missing, more = missing[:min(len(missing), 3)], more[:min(len(more), 3)]
	if len(lines) > 80 {
		lines = lines[:80]
	}
	t.Errorf("%s: missing\n  %s\nand instead\n  %s\nof\n  %s", what, strings.Join(missing, "\n  "), strings.Join(more, "\n  "), strings.Join(lines, "\n  "))
	return false
}

func lacking(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(others, s) })
}

// lives reads the lines in one life for each cut, and the last to the end of
// the log, and gives all that was found, in order.
func (g *rig) lives(t *testing.T, lines []string, cuts []int) []string {
	t.Helper()
	l := newMemory()
	var found []string
	from := 0
	for _, to := range append(slices.Clone(cuts), len(lines)) {
		k := g.unused.Anew(classifier.Options{Hold: true, Inspect: true})
		loop := sshwhy.Loop{
			Source: &untilKilled{lines: lines[from:to], ledger: l, last: to == len(lines)}, Parser: g.parser.Clone(), Classifier: k, Ledger: l,
			Sink: sinkOf(func(f *sshwhy.Finding) {
				all := []verdict{g.verdict(f)}
				found = append(found, fmt.Sprintf("%s %s %d-%d %v", at(all, 0), f.Before.Outcome, f.Start, f.End, f.Decisive))
			}),
			Trouble: func(err error) { t.Error(err) },
		}
		if err := loop.Run(t.Context()); err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		from = to
	}
	slices.Sort(found)
	return found
}

type sinkOf func(*sshwhy.Finding)

// Deliver implements sshwhy.Sink.
func (s sinkOf) Deliver(f *sshwhy.Finding) error { s(f); return nil }

var errKilled = errors.New("killed")

// untilKilled is a source that is killed behind its lines, unless it is the last one.
type untilKilled struct {
	lines  []string
	ledger *memory
	last   bool
}

// Records implements sshwhy.Source.
func (s *untilKilled) Records(context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		for _, line := range s.lines {
			if !yield(&sshwhy.Record{Text: []byte(line), Source: "auth.log", Newest: newest}, nil) {
				return
			}
		}
		if !s.last {
			if yield(&sshwhy.Record{Tick: true}, nil) { // what was read is stored
				s.ledger.dead = true
				yield(&sshwhy.Record{Tick: true}, nil)
			}
		}
	}
}

// memory is a ledger that keeps what a database would.
type memory struct {
	held  []heldLine
	state map[string][]byte
	first bool // the next commit is the first of a life
	dead  bool
}

type heldLine struct {
	connection uint64
	record     sshwhy.Record
}

func newMemory() *memory { return &memory{state: map[string][]byte{}} }

// Commit implements sshwhy.Ledger.
func (m *memory) Commit(b *sshwhy.Batch) error {
	if m.dead {
		return errKilled
	}
	if m.first {
		m.held = nil
		m.first = false
	}
	for _, h := range b.Held {
		r := h.Record
		r.Text = slices.Clone(r.Text)
		if r.Header != nil {
			header := *r.Header
			header.Host, header.Ident = slices.Clone(header.Host), slices.Clone(header.Ident)
			r.Header = &header
		}
		m.held = append(m.held, heldLine{h.Connection, r})
	}
	if err := m.tooMuch(); err != nil {
		return err
	}
	m.held = slices.DeleteFunc(m.held, func(h heldLine) bool { return slices.Contains(b.Dropped, h.connection) })
	for _, s := range b.State {
		if s.Value == nil {
			delete(m.state, s.Key)
			continue
		}
		if len(s.Value) > 64<<10 {
			return fmt.Errorf("%s has %d bytes", s.Key, len(s.Value))
		}
		m.state[s.Key] = slices.Clone(s.Value)
	}
	return nil
}

// tooMuch tells which connection holds more than a ledger takes.
func (m *memory) tooMuch() error {
	lines, size := map[uint64]int{}, map[uint64]int{}
	for _, h := range m.held {
		lines[h.connection]++
		size[h.connection] += len(h.record.Text)
		if lines[h.connection] > 64 || size[h.connection] > 16<<10 {
			return fmt.Errorf("connection %d holds %d lines and %d bytes", h.connection, lines[h.connection], size[h.connection])
		}
	}
	return nil
}

// Restore implements sshwhy.Ledger.
func (m *memory) Restore(record func(*sshwhy.Record), state func(room, key string, value []byte)) error {
	m.dead, m.first = false, true
	for key, value := range m.state {
		state("classifier", key, value)
	}
	slices.SortStableFunc(m.held, func(a, b heldLine) int { return cmp.Compare(a.connection, b.connection) })
	for _, h := range m.held {
		record(&h.record)
	}
	return nil
}

// TestRestartStories kills it before every line of logs that rest on what no
// connection's records bring back: numbers of equal lines, an attack under way,
// what a log daemon counts, whom PAM knows, what was told of a host's sshd.
func TestRestartStories(t *testing.T) {
	g := newRig(t)
	for story, log := range map[string][]string{
		"equal lines within a second": slices.Repeat([]string{
			"Nov 22 15:35:30 web01 sshd[400]: Invalid user admin from 198.51.100.7 port 4711",
			"Nov 22 15:35:30 web01 sshd[400]: Connection closed by invalid user admin 198.51.100.7 port 4711 [preauth]",
			"Nov 22 15:35:30 web01 sshd[401]: drop connection #10 from [198.51.100.8]:4712 on [203.0.113.1]:22 past MaxStartups",
		}, 4),
		"no processes": slices.Repeat([]string{
			"Nov 22 15:35:30 web01 sshd: Invalid user admin from 198.51.100.7 port 4711",
			"Nov 22 15:35:30 web01 sshd: Connection closed by invalid user admin 198.51.100.7 port 4711 [preauth]",
		}, 4),
		"an attack, and a login after it": attackLog(),
		"PAM knows the user": {
			"Nov 22 15:35:30 web01 sshd[400]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.7  user=alice",
			"Nov 22 15:35:30 web01 sshd[400]: Failed password for alice from 198.51.100.7 port 4711 ssh2",
			"Nov 22 15:35:31 web01 sshd[400]: Connection closed by authenticating user alice 198.51.100.7 port 4711 [preauth]",
			"Nov 22 15:45:30 web01 sshd[402]: Failed password for alice from 198.51.100.7 port 4713 ssh2",
			"Nov 22 15:45:31 web01 sshd[402]: Connection closed by authenticating user alice 198.51.100.7 port 4713 [preauth]",
		},
		"told once between two starts": {
			"Nov 22 15:35:30 web01 sshd[400]: error: Could not load host key: /etc/ssh/ssh_host_rsa_key",
			"Nov 22 15:35:40 web01 sshd[401]: error: Could not load host key: /etc/ssh/ssh_host_rsa_key",
			"Nov 22 15:35:50 web01 sshd[400]: Received SIGHUP; restarting.",
			"Nov 22 15:35:50 web01 sshd[400]: error: Could not load host key: /etc/ssh/ssh_host_rsa_key",
			"Nov 22 15:36:50 web01 sshd[400]: Server listening on 0.0.0.0 port 22.",
		},
	} {
		every := make([]int, len(log))
		for i := range every {
			every[i] = i
		}
		want := g.undisturbed(t, log)
		for cut := 1; cut < len(log); cut++ {
			g.restarted(t, fmt.Sprintf("%s, killed before line %d", story, cut+1), log, []int{cut}, want)
		}
		g.restarted(t, story+", killed before every line", log, every, want)
	}
}

// attackLog is of a source that fails, some of it folded by the log daemon, and
// then gets in.
func attackLog() []string {
	var log []string
	for i := range 9 {
		at := fmt.Sprintf("Nov 22 15:35:%02d web01 ", i)
		peer := fmt.Sprintf("198.51.100.7 port %d", 4711+i)
		log = append(log, fmt.Sprintf("%ssshd[%d]: Failed password for root from %s ssh2", at, 400+i, peer))
		if i == 2 {
			log = append(log, at+"last message repeated 3 times")
		}
		log = append(log, fmt.Sprintf("%ssshd[%d]: Connection closed by authenticating user root %s [preauth]", at, 400+i, peer))
	}
	return append(log, "Nov 22 15:36:00 web01 sshd[500]: Accepted password for root from 198.51.100.7 port 4799 ssh2",
		"Nov 22 15:56:00 web01 sshd[501]: Connection closed by 198.51.100.9 port 4800 [preauth]")
}
