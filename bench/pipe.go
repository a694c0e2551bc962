//go:build ignore

// pipe feeds sshwhy a log of one host that it makes while it goes, and tells for
// each tenth of it how fast it was read and how much memory that took: both
// shall stay what they are however long the log is. bench/run.sh calls it:
// pipe SIZE SSHWHY, with a size as 200M or 20G.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy/bench"
)

// parts is how many rows the table has.
const parts = 10

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: pipe SIZE SSHWHY")
	}
	size, err := sizeOf(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := measure(size, os.Args[2]); err != nil {
		log.Fatal(err)
	}
	if err := first(os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

// sizeOf reads a number of bytes.
func sizeOf(text string) (int64, error) {
	unit := int64(1)
	for letter, n := range map[string]int64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if rest, ok := strings.CutSuffix(text, letter); ok {
			text, unit = rest, n
		}
	}
	n, err := strconv.ParseInt(text, 10, 40)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q is no size as 200M or 20G", text)
	}
	return n * unit, nil
}

// start begins a replay of what is written to its input. The first line is of
// 2026; the years of the others follow from it.
func start(program, output string) (*exec.Cmd, io.WriteCloser, error) {
	cmd := exec.Command(program, "replay", "--year", "2026", "--tz", "UTC", "--output", output, "-")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	return cmd, in, err
}

// measure feeds the whole log.
func measure(size int64, program string) error {
	cmd, in, err := start(program, "summary")
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	fmt.Printf("\n%-26s%12s%12s%12s\n", "through a pipe, so far", "MB/s", "CPU s/GB", "memory MB")
	m := &meter{to: in, pid: cmd.Process.Pid, size: size, at: time.Now()}
	err = bench.Generate(m, bench.Options{Lines: 1 << 40, Hosts: 1, Seed: 1})
	if !errors.Is(err, errEnough) {
		return fmt.Errorf("writing to sshwhy: %w", err)
	}
	if err := in.Close(); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	m.tell()
	return nil
}

// errEnough ends the making of the log.
var errEnough = errors.New("it is long enough")

// meter hands the log on and looks at the reader after each part.
type meter struct {
	to      io.Writer // not owned
	pid     int
	size    int64
	written int64
	part    int64
	at      time.Time     // when the part began
	used    time.Duration // of the processors until then

	rates, loads, memory []float64
}

// Write implements io.Writer.
func (m *meter) Write(p []byte) (int, error) {
	n, err := m.to.Write(p)
	m.written += int64(n)
	m.part += int64(n)
	if err == nil && m.written >= m.size {
		err = errEnough
	}
	if m.part >= m.size/parts || err == errEnough {
		m.row()
	}
	return n, err
}

func (m *meter) row() {
	now, used, memory := time.Now(), processor(m.pid), resident(m.pid)
	rate := float64(m.part) / 1e6 / now.Sub(m.at).Seconds()
	load := (used - m.used).Seconds() / (float64(m.part) / 1e9)
	fmt.Printf("%23.2f GB%12.0f%12.2f%12.1f\n", float64(m.written)/1e9, rate, load, memory)
	m.rates, m.loads, m.memory = append(m.rates, rate), append(m.loads, load), append(m.memory, memory)
	m.part, m.at, m.used = 0, now, used
}

// tell compares the parts: the first, in which all is warmed up, with the rest.
func (m *meter) tell() {
	least, most := bounds(m.rates[1:])
	fmt.Printf("%-26s %.0f to %.0f MB/s, the slowest part %.2f of the quickest\n", "rate behind the first part", least, most, least/most)
	least, most = bounds(m.loads[1:])
	fmt.Printf("%-26s %.2f to %.2f s/GB, the dearest part %.2f of the cheapest\n", "processor", least, most, most/least)
	least, most = bounds(m.memory)
	fmt.Printf("%-26s %.1f to %.1f MB, at the end %.1f\n", "memory", least, most, m.memory[len(m.memory)-1])
}

func bounds(list []float64) (least, most float64) {
	least, most = list[0], list[0]
	for _, x := range list {
		least, most = min(least, x), max(most, x)
	}
	return least, most
}

// resident gives the memory of a process in MB, 0 where /proc does not tell.
func resident(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kB, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kB * 1024 / 1e6
		}
	}
	return 0
}

// processor gives what a process has used of the processors (proc(5): fields 14
// and 15 of stat, in hundredths of a second), 0 where /proc does not tell.
func processor(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	var ticks int64
	for _, f := range fields[11:13] {
		n, _ := strconv.ParseInt(string(f), 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// first tells how long it takes until the first verdict on a log that goes on.
func first(program string) error {
	cmd, in, err := start(program, "jsonl")
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	go bench.Generate(in, bench.Options{Lines: 1 << 40, Hosts: 1, Seed: 1}) // until the process is gone
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		return err
	}
	fmt.Printf("%-26s %d ms\n", "until the first verdict", time.Since(began).Milliseconds())
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	cmd.Wait()
	return nil
}
