//go:build ignore

// write prints a log for measurements: go run ./bench/write.go -lines 1000000.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/sshwhy/sshwhy/bench"
)

func main() {
	log.SetFlags(0)
	var o bench.Options
	flag.IntVar(&o.Lines, "lines", 1_000_000, "number of lines")
	flag.IntVar(&o.Hosts, "hosts", 4, "number of hosts that write them")
	flag.Uint64Var(&o.Seed, "seed", 1, "which of many logs")
	flag.Parse()
	if err := bench.Generate(os.Stdout, o); err != nil {
		log.Fatal(err)
	}
}
