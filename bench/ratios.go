//go:build ignore

// ratios compares the time that a processor spends on a log with what wc -l
// spends on it, and with what another build of sshwhy does: machines differ,
// ratios hardly. bench/run.sh calls it: ratios LOG SSHWHY [OTHER].
//
// Then it compares the build with other readers of such logs, and with the
// programs that unpack them, as far as they are installed.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// rounds is how often each command runs. The best of them counts: what else
// the machine does can only make a run longer.
const rounds = 5

// modes are what is measured of a build.
var modes = [][]string{
	{"replay", "--output", "summary"},
	{"replay", "--output", "jsonl"},
	{"parse", "--output", "jsonl"},
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 || len(os.Args) > 4 {
		log.Fatal("usage: ratios LOG SSHWHY [OTHER]")
	}
	path, builds := os.Args[1], os.Args[2:]
	wc, err := best("wc", "-l", path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%-26s", "processor time, wc -l = 1")
	for _, build := range builds {
		fmt.Printf("%12.12s", filepath.Base(build))
	}
	if len(builds) > 1 {
		fmt.Printf("%12s", "ratio")
	}
	fmt.Println()
	for _, mode := range modes {
		fmt.Printf("%-26s", mode[0]+" "+mode[2])
		var times []time.Duration
		for _, build := range builds {
			took, err := best(build, append(mode[:len(mode):len(mode)], path)...)
			if err != nil {
				fmt.Printf("%12s", "-") // an old build may lack a mode
				continue
			}
			times = append(times, took)
			fmt.Printf("%12.1f", took.Seconds()/wc.Seconds())
		}
		if len(times) > 1 {
			fmt.Printf("%12.2f", times[0].Seconds()/times[1].Seconds())
		}
		fmt.Println()
	}
	if err := others(path, builds[0]); err != nil {
		log.Fatal(err)
	}
	if err := packers(path, builds[0]); err != nil {
		log.Fatal(err)
	}
}

// other is a program that reads the log of sshd for a purpose of its own.
type other struct {
	name string
	// at are names and paths at which it may lie.
	at []string
	// lines is how many it gets of the log: what is slow, not all.
	lines int
	// args are its arguments; without the log's path it reads its input.
	args func(log string) []string
}

var otherReaders = []other{
	{"sshguard: sshg-parser", []string{"sshg-parser", "/usr/libexec/sshguard/sshg-parser", "/usr/lib/sshguard/sshg-parser", "/usr/local/libexec/sshg-parser", "/usr/libexec/sshg-parser"}, 500_000, nil},
	{"fail2ban-regex, sshd", []string{"fail2ban-regex"}, 30_000, func(log string) []string { return []string{log, "sshd"} }},
}

// others tells how many times as long as sshwhy other programs take for a line.
func others(path, build string) error {
	fmt.Printf("\n%-26s%12s%12s\n", "processor time of a line", "ns", "replay = 1")
	ours, lines, err := perLine(path, 0, func(log string) (cost, error) {
		return run(rounds, nil, "", build, "replay", "--output", "summary", log)
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-26s%12.0f%12.1f   %d lines\n", "replay summary", ours, 1.0, lines)
	for _, o := range otherReaders {
		program := installed(o.at)
		if program == "" {
			fmt.Printf("%-26s%12s\n", o.name, "not installed")
			continue
		}
		took, lines, err := perLine(path, o.lines, func(log string) (cost, error) {
			if o.args == nil {
				return run(2, nil, log, program)
			}
			return run(2, nil, "", program, o.args(log)...)
		})
		if err != nil {
			fmt.Printf("%-26s%12s   %v\n", o.name, "-", err)
			continue
		}
		fmt.Printf("%-26s%12.0f%12.1f   %d lines\n", o.name, took, took/ours, lines)
	}
	return nil
}

// installed gives the first of some programs that is there, "" for none.
func installed(at []string) string {
	for _, name := range at {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// perLine gives the nanoseconds that a line takes of the first lines of a log,
// or of all for 0, and how many those were.
func perLine(path string, most int, run func(log string) (cost, error)) (float64, int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	lines := bytes.Count(text, []byte("\n"))
	if most > 0 && most < lines {
		end := 0
		for range most {
			end += bytes.IndexByte(text[end:], '\n') + 1
		}
		lines, path = most, path+".part"
		if err := os.WriteFile(path, text[:end], 0o600); err != nil {
			return 0, 0, err
		}
		defer os.Remove(path)
	}
	took, err := run(path)
	return float64(took.processor.Nanoseconds()) / float64(lines), lines, err
}

// packers compares the replay of a packed log with what unpacks it.
func packers(path, build string) error {
	plain, err := run(rounds, nil, "", build, "replay", "--output", "summary", path)
	if err != nil {
		return err
	}
	fmt.Printf("\n%-26s%12s%12s   %s\n", "packed, replay summary", "rate", "processor", "unpacking alone = 1; unpacking + plain replay = 1")
	for _, packer := range []string{"gzip", "zstd"} {
		if installed([]string{packer}) == "" {
			fmt.Printf("%-26s%12s\n", packer, "not installed")
			continue
		}
		packed := path + "." + packer
		if err := pack(packer, path, packed); err != nil {
			return err
		}
		alone, err := run(rounds, nil, packed, packer, "-dc")
		if err != nil {
			return err
		}
		ours, err := run(rounds, nil, "", build, "replay", "--output", "summary", packed)
		if err != nil {
			return err
		}
		fmt.Printf("%-26s%12.2f%12.2f\n", packer, alone.wall.Seconds()/ours.wall.Seconds(), ours.processor.Seconds()/(alone.processor+plain.processor).Seconds())
		os.Remove(packed)
	}
	return nil
}

// pack packs a file as logrotate does: by the program, at its usual level.
func pack(packer, from, to string) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = run(1, out, from, packer, "-c")
	return err
}

// best gives the least processor time of a command, that of the system
// included, over some runs.
func best(name string, args ...string) (time.Duration, error) {
	t, err := run(rounds, io.Discard, "", name, args...)
	return t.processor, err
}

// cost is what a command takes: of the processors, and on the wall.
type cost struct{ processor, wall time.Duration }

// run runs a command with the file in, where named, as its input, and gives the
// least of each over so many runs. A nil out throws the output away without
// anybody who reads it.
func run(times int, out io.Writer, in, name string, args ...string) (cost, error) {
	least := cost{1<<63 - 1, 1<<63 - 1}
	for range times {
		cmd := exec.Command(name, args...)
		cmd.Stdout = out
		if in != "" {
			file, err := os.Open(in)
			if err != nil {
				return cost{}, err
			}
			defer file.Close()
			cmd.Stdin = file
		}
		began := time.Now()
		if err := cmd.Run(); err != nil {
			return cost{}, fmt.Errorf("running %q: %w", cmd.Args, err)
		}
		least.wall = min(least.wall, time.Since(began))
		least.processor = min(least.processor, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	// Clocks of processes tick coarsely; a run in no time took a tick.
	least.processor = max(least.processor, time.Millisecond)
	return least, nil
}
