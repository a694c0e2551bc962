package sinks_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/ledger"
	"github.com/sshwhy/sshwhy/sinks"
)

// logLength is how many findings the log of the program that is killed has.
func logLength() int {
	if os.Getenv("SSHWHY_TORTURE") == "1" {
		return 200000
	}
	return 12000
}

// TestKilledDelivery kills the program at random moments while it reads, commits
// and delivers to a file. In the end the file has every finding, in order; what
// came twice is the same to the byte.
func TestKilledDelivery(t *testing.T) {
	if dir := os.Getenv("SINKS_TO_KILL"); dir != "" {
		deliverUntilKilled(t, dir)
		return
	}
	dir := t.TempDir()
	kills, most := 0, 15
	if os.Getenv("SSHWHY_TORTURE") == "1" {
		most = 300
	}
	for !startAndKill(t, dir, kills < most) {
		kills++
	}
	seen := map[string]string{}
	next, twice := 0, 0
	for line := range strings.Lines(read(t, filepath.Join(dir, "out.jsonl"))) {
		id, _, _ := strings.Cut(strings.TrimPrefix(line, `{"n":`), " ")
		if before, ok := seen[id]; ok {
			if twice++; before != line {
				t.Fatalf("%q came twice, the second time as %q", before, line)
			}
			continue
		}
		if id != fmt.Sprint(next) || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("after %d comes %q", next-1, line)
		}
		seen[id] = line
		next++
	}
	if next != logLength() {
		t.Errorf("%d of %d came", next, logLength())
	}
	t.Logf("killed %d times, %d came twice", kills, twice)
}

// startAndKill runs the program for some commits if it is to be killed, and tells
// whether it came to the end of the log.
func startAndKill(t *testing.T, dir string, kill bool) bool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestKilledDelivery$")
	cmd.Env = append(os.Environ(), "SINKS_TO_KILL="+dir)
	var out bytes.Buffer
	cmd.Stderr = &out
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("it says %q, %s", lines.Text(), &out)
	}
	for after := 1 + rand.IntN(60); lines.Scan(); after-- {
		if lines.Text() == "done" {
			return cmd.Wait() == nil
		}
		if kill && after == 0 {
			// Anywhere between this commit and the next but one.
			time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, func() { cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("it ended by itself: %v, %s", err, &out)
	}
	return false
}

// deliverUntilKilled is the program: it goes on where the ledger says.
func deliverUntilKilled(t *testing.T, dir string) {
	l, err := ledger.Open(filepath.Join(dir, "ledger.db"), ledger.Options{Notice: func(n *sshwhy.Notice) { t.Fatal(n) }})
	if err != nil {
		t.Fatal(err)
	}
	f, err := sinks.OpenFile(filepath.Join(dir, "out.jsonl"), sinks.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	boxes, err := sinks.OpenOutboxes(l, sinks.OutboxOptions{Name: "file", Deliverer: f, Encoder: &plainEncoder{}, Findings: true})
	if err != nil {
		t.Fatal(err)
	}
	boxes.Start()
	n := 0
	for _, p := range l.Places("log") {
		n = int(p.Offset)
	}
	fmt.Println("ready")
	for n < logLength() {
		for end := min(n+1+rand.IntN(30), logLength()); n < end; n++ {
			if err := boxes.Deliver(&sshwhy.Finding{Revision: 1, User: fmt.Appendf(nil, `{"n":%d ,"pad":"%s"}`, n, strings.Repeat("x", n%300))}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Commit(&sshwhy.Batch{Places: []sshwhy.Place{{Stream: "log", Offset: int64(n)}}}); err != nil {
			t.Fatal(err)
		}
		fmt.Println(n)
	}
	if left := boxes.Stop(context.Background()); left != 0 {
		t.Fatalf("%d are left", left)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("done")
}

// TestBacklog drains what a sink that was away left, and tells how quickly. The
// long form (SSHWHY_TORTURE=1) has 500,000 findings.
func TestBacklog(t *testing.T) {
	findings := 10000
	if os.Getenv("SSHWHY_TORTURE") == "1" {
		findings = 500000
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := ledger.Open(path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	good := &counting{}
	option := sinks.OutboxOptions{Name: "s", Deliverer: good, Encoder: sinks.NewJSON(c, causes.English), Findings: true, Batch: 500, Queue: ledger.QueueOptions{MaxBytes: 2 << 30}}
	boxes, err := sinks.OpenOutboxes(l, option)
	if err != nil {
		t.Fatal(err)
	}
	begin, size := time.Now(), 0
	for i := range findings {
		f := aFinding(c, i)
		if err := boxes.Deliver(f); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 999 || i == findings-1 {
			if err := l.Commit(&sshwhy.Batch{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	queued, waiting := time.Since(begin), boxes.Stats()[0]
	before, cpu := resident(), processor()
	begin = time.Now()
	boxes.Start()
	peak := before
	until2 := time.NewTicker(20 * time.Millisecond)
	defer until2.Stop()
	for boxes.Stats()[0].Queued > 0 {
		<-until2.C
		peak = max(peak, resident())
	}
	took := time.Since(begin)
	used := processor() - cpu
	boxes.Stop(context.Background())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if good.items != findings {
		t.Errorf("%d of %d came", good.items, findings)
	}
	size = good.bytes / findings
	t.Logf("%d findings of %d bytes: queued in %v (%.0f a second, %d MB in the file), delivered in %v (%.0f a second, %.2f cores); resident %d MB before, %d MB at most",
		findings, size, queued.Round(time.Millisecond), float64(findings)/queued.Seconds(), waiting.Bytes>>20,
		took.Round(time.Millisecond), float64(findings)/took.Seconds(), used.Seconds()/took.Seconds(), before>>20, peak>>20)
}

// counting is the cheapest deliverer.
type counting struct{ items, bytes int }

func (c *counting) Send(_ context.Context, items []ledger.Item, _ sinks.Kept) sinks.Sent {
	c.items += len(items)
	for i := range items {
		c.bytes += len(items[i].Body)
	}
	return sinks.Sent{Done: len(items)}
}

// aFinding is one of many that differ as those of a log do.
func aFinding(c *causes.Catalogue, i int) *sshwhy.Finding {
	user, at := fmt.Sprintf("user%d", i%1000), int64(noon)+int64(i)*1e8
	line := func(text string) sshwhy.Evidence {
		return sshwhy.Evidence{Text: fmt.Appendf(nil, "2026-11-20T12:00:00.%06d+00:00 edge05 sshd-session[%d]: %s", i%1e6, i%32768, text)}
	}
	address := fmt.Sprintf("203.0.113.%d", i%256)
	return &sshwhy.Finding{
		Identity: sshwhy.Identity{Host: []byte("edge05"), First: fmt.Append(nil, "line ", i), PID: int32(i % 32768), Time: at}, Revision: 1,
		Outcome: sshwhy.OutcomeRefused, Cause: c.Find("bad-ownership-or-modes"), Confidence: sshwhy.ConfidenceCertain, Start: at, End: at + 1e9,
		Ident: []byte("sshd-session"), User: []byte(user), UserKnown: true, Address: []byte(address), Port: 1024 + i%60000, Method: []byte("publickey"),
		Values: []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/" + user}}, Source: "/var/log/auth.log", Decisive: 1,
		Evidence: []sshwhy.Evidence{
			line(fmt.Sprintf("Connection from %s port %d on 192.0.2.10 port 22 rdomain \"\"", address, 1024+i%60000)),
			line("Authentication refused: bad ownership or modes for directory /home/" + user),
			line(fmt.Sprintf("Connection closed by authenticating user %s %s port %d [preauth]", user, address, 1024+i%60000)),
		},
	}
}

// resident gives the memory of the process in bytes, 0 where the system does not
// tell.
func resident() (bytes int) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if _, err := fmt.Sscanf(line, "RssAnon: %d kB", &bytes); err == nil {
			return bytes << 10
		}
	}
	return 0
}
