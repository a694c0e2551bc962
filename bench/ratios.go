//go:build ignore

// ratios compares the time that a processor spends on a log with what wc -l
// spends on it, and with what another build of sshwhy does: machines differ,
// ratios hardly. bench/run.sh calls it: ratios LOG SSHWHY [OTHER].
package main

import (
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
}

// best gives the least processor time of a command, that of the system
// included, over some runs.
func best(name string, args ...string) (time.Duration, error) {
	least := time.Duration(1<<63 - 1)
	for range rounds {
		cmd := exec.Command(name, args...)
		cmd.Stdout = io.Discard
		if err := cmd.Run(); err != nil {
			return 0, fmt.Errorf("running %q: %w", cmd.Args, err)
		}
		least = min(least, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	// Clocks of processes tick coarsely; a run in no time took a tick.
	return max(least, time.Millisecond), nil
}
