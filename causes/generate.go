//go:build ignore

// generate checks the YAML files of the catalogue and writes table.json
// beside them and the pages of docs/ that show it.
package main

import (
	"log"
	"os"

	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/patterns"
)

func main() {
	log.SetFlags(0)
	catalogue, err := causes.ReadDir(os.DirFS("."))
	if err != nil {
		log.Fatal(err)
	}
	messages, err := patterns.Load()
	if err != nil {
		log.Fatal(err)
	}
	files, err := causes.Generate(catalogue, messages)
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
