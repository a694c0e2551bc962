package sshwhy_test

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sshwhy/sshwhy"

// catalogues are data that every room may read.
var catalogues = []string{"patterns", "causes", "lang"}

// rooms are the packages that do the work. None imports another.
var rooms = []string{"tailers", "parser", "classifier", "inspect", "alerts", "sinks", "ledger", "report", "geography", "config"}

// exceptions are imports of one room by another that are a part of the design.
var exceptions = map[string][]string{"sinks": {"ledger"}, "config": {"alerts"}}

// TestImports holds the direction in which the data flows: commands import
// rooms, rooms import the root and the catalogues, the root imports nothing
// of ours.
func TestImports(t *testing.T) {
	for dir, imports := range packages(t) {
		for _, path := range imports {
			if !allowed(dir, path) {
				t.Errorf("%q must not import %q", dir, path)
			}
		}
	}
}

func allowed(from, to string) bool {
	first, _, _ := strings.Cut(from, "/")
	switch {
	case from == ".":
		return false
	case first == "cmd":
		return to != "cmd"
	case to == ".":
		return true
	case slices.Contains(catalogues, from):
		return slices.Contains(catalogues, to)
	case slices.Contains(rooms, first) && strings.HasPrefix(to, first+"/"): // rooms of the same room; the compiler refuses circles
		return true
	case slices.Contains(rooms, from):
		return slices.Contains(catalogues, to) || slices.Contains(exceptions[from], to)
	case slices.Contains(rooms, first): // what tests share, below the room that they test
		return to == first || slices.Contains(catalogues, to) || slices.Contains(exceptions[first], to)
	}
	return false
}

// TestImageContext: what the program is built from goes to the builder of the
// images.
func TestImageContext(t *testing.T) {
	text, err := os.ReadFile(".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	sent := strings.Split(string(text), "\n")
	for dir, imports := range packages(t) {
		if dir != "cmd/sshwhy" {
			continue
		}
		for _, path := range imports {
			if first, _, _ := strings.Cut(path, "/"); first != "." && !slices.Contains(sent, "!"+first) {
				t.Errorf(".dockerignore keeps %s from the builder", first)
			}
		}
	}
}

// packages gives the imports of ours of every package, by folder.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if dir != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		p, err := build.ImportDir(dir, 0)
		if err != nil {
			return nil // no Go files
		}
		var ours []string
		for _, path := range p.Imports {
			if path == module {
				ours = append(ours, ".")
			} else if rest, ok := strings.CutPrefix(path, module+"/"); ok {
				ours = append(ours, rest)
			}
		}
		found[filepath.ToSlash(dir)] = ours
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < len(rooms) {
		t.Fatalf("only %d packages were found", len(found))
	}
	return found
}
