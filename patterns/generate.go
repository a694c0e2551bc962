//go:build ignore

// generate checks the YAML files of the catalogue and writes table.tsv and
// ids.go beside them.
package main

import (
	"log"
	"os"

	"github.com/sshwhy/sshwhy/patterns"
)

func main() {
	log.SetFlags(0)
	catalogue, err := patterns.ReadDir(os.DirFS("."), ".")
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range patterns.Generate(catalogue) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
