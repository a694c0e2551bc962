// Package bench measures the parts of sshwhy on a log that looks like a real
// one. Generate writes that log: the same bytes for the same options, on every
// machine.
//
//	go run ./bench/write.go -lines 1000000 >auth.log
//	go test -bench . ./bench
//	bench/run.sh
package bench

import (
	"bufio"
	"container/heap"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// Options say which log to write.
type Options struct {
	// Lines is how many lines it has.
	Lines int
	// Hosts is how many hosts wrote it, every second of them with the
	// programs of OpenSSH 9.8; 0 means one.
	Hosts int
	// Seed chooses one of many logs.
	Seed uint64
	// Start is the time of the first line; zero means the first of
	// November 2026, UTC.
	Start time.Time
}

// arrival is the mean number of milliseconds between two connections of one
// host. A connection lasts some ten seconds on average, so that dozens are
// open at any time.
const arrival = 250

// Generate writes the log to w.
func Generate(w io.Writer, o Options) error {
	g := newGenerator(o)
	out := bufio.NewWriterSize(w, 256<<10)
	for range o.Lines {
		if _, err := out.Write(g.next()); err != nil {
			return fmt.Errorf("writing the log: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	return nil
}

// generator keeps the connections that have lines to come, soonest first.
type generator struct {
	rand    *rand.Rand
	start   time.Time
	hosts   []host
	open    queue
	scripts []compiled
	weight  int
	arrives int64 // when the next connection comes, in milliseconds
	count   int64 // connections so far
	buf     []byte
	second  int64 // the one that stamp spells
	stamp   []byte
}

// host is one machine whose lines are in the log.
type host struct {
	name     string
	daemon   string // the program that serves a connection
	addr     string
	listener int
	pid      int
}

// connection is one run of a script: its lines come from the same host and
// client.
type connection struct {
	at     int64 // when its next line is due
	number int64
	script *compiled
	line   int
	host   *host
	values [valueCount]string
}

func newGenerator(o Options) *generator {
	g := &generator{
		rand:    rand.New(rand.NewPCG(o.Seed, 0x5353)),
		start:   o.Start,
		scripts: compile(scripts),
		second:  -1,
	}
	if g.start.IsZero() {
		g.start = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	}
	for i := range max(o.Hosts, 1) {
		h := host{name: fmt.Sprintf("edge%02d", i+1), daemon: "sshd", addr: fmt.Sprintf("192.0.2.%d", 1+i%250), listener: 700 + i, pid: 1000 + g.rand.IntN(20000)}
		if i%2 == 1 {
			h.daemon = "sshd-session"
		}
		g.hosts = append(g.hosts, h)
	}
	for i := range g.scripts {
		g.weight += g.scripts[i].weight
	}
	return g
}

// next gives the next line with its end; it is valid until the call after.
func (g *generator) next() []byte {
	for len(g.open) == 0 || g.arrives <= g.open[0].at {
		heap.Push(&g.open, g.connect())
		g.arrives += 1 + g.rand.Int64N(2*arrival/int64(len(g.hosts))+1)
	}
	c := g.open[0]
	line := g.write(c)
	if c.line++; c.line == len(c.script.lines) {
		heap.Pop(&g.open)
	} else {
		c.at += g.wait(c.script.lines[c.line].after)
		heap.Fix(&g.open, 0)
	}
	return line
}

// wait gives a time around the one that the script says.
func (g *generator) wait(ms int64) int64 { return ms/2 + g.rand.Int64N(ms+1) }

// connect makes a connection of a script that is chosen by weight.
func (g *generator) connect() *connection {
	n := g.rand.IntN(g.weight)
	i := 0
	for n >= g.scripts[i].weight {
		n -= g.scripts[i].weight
		i++
	}
	h := &g.hosts[g.rand.IntN(len(g.hosts))]
	g.count++
	c := &connection{number: g.count, script: &g.scripts[i], host: h}
	c.at = g.arrives + g.wait(c.script.lines[0].after)
	g.fill(c)
	return c
}

func (g *generator) fill(c *connection) {
	h := c.host
	h.pid = 1000 + (h.pid-1000+3)%4_000_000
	user := g.rand.IntN(len(users))
	v := &c.values
	v[valueListener] = strconv.Itoa(h.listener)
	v[valuePID] = strconv.Itoa(h.pid)
	v[valueChild] = strconv.Itoa(h.pid + 1)
	v[valueUser] = users[user]
	v[valueUID] = strconv.Itoa(1000 + user)
	v[valueStranger] = strangers[g.rand.IntN(len(strangers))]
	v[valueAddr] = g.address()
	v[valuePort] = strconv.Itoa(32768 + g.rand.IntN(28000))
	v[valueServer] = h.addr
	v[valueNumber] = strconv.FormatInt(c.number, 10)
	v[valueKey] = g.fingerprint()
	v[valueCA] = "SHA256:lpFqWMYjEgYP9Msu1uXKLw5XDT5Oh2oSMhkeaSjFdcM"
}

// address gives one of the 131,072 addresses that RFC 2544 sets apart for
// benchmarks, or now and then one of IPv6's for documentation.
func (g *generator) address() string {
	n := g.rand.Uint32()
	if n%16 == 0 {
		return fmt.Sprintf("2001:db8:%x::%x", n>>8&0xff, n>>16)
	}
	return fmt.Sprintf("198.%d.%d.%d", 18+n>>8&1, n>>16&0xff, n>>24)
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func (g *generator) fingerprint() string {
	b := []byte("SHA256:")
	for len(b) < len("SHA256:")+43 {
		b = append(b, base64Digits[g.rand.IntN(64)])
	}
	return string(b)
}

// write renders the next line of a connection.
func (g *generator) write(c *connection) []byte {
	line := &c.script.lines[c.line]
	g.buf = append(g.buf[:0], g.time(c.at)...)
	g.buf = append(g.buf, c.host.name...)
	g.buf = append(g.buf, ' ')
	if line.ident == session {
		g.buf = append(g.buf, c.host.daemon...)
	} else {
		g.buf = append(g.buf, line.ident...)
	}
	if line.pid != valueNone {
		g.buf = append(g.buf, '[')
		g.buf = append(g.buf, c.values[line.pid]...)
		g.buf = append(g.buf, ']')
	}
	g.buf = append(g.buf, ": "...)
	for _, p := range line.parts {
		g.buf = append(g.buf, p.literal...)
		g.buf = append(g.buf, c.values[p.value]...)
	}
	return append(g.buf, '\n')
}

// time spells the time of a line and the blank behind it (RFC 3164).
func (g *generator) time(ms int64) []byte {
	if s := ms / 1000; s != g.second {
		g.second = s
		g.stamp = g.start.Add(time.Duration(s)*time.Second).AppendFormat(g.stamp[:0], "Jan _2 15:04:05 ")
	}
	return g.stamp
}

// queue is a heap of connections by the time of their next line.
type queue []*connection

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].number < q[j].number
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(c any) { *q = append(*q, c.(*connection)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}
