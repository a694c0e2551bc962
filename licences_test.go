package sshwhy_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// mostDependencies is how many modules ours may name itself: each wants to be
// followed.
const mostDependencies = 30

// licences are those whose modules may be a part of the program, told by words
// of their text.
var licences = []struct{ name, words string }{
	{"Apache-2.0", "Apache License Version 2.0"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"BSD", "Redistribution and use in source and binary forms, with or without modification, are permitted"},
	{"BSD", "SPDX-License-Identifier: BSD-3-Clause OR"},
	{"ISC", "Permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"},
}

// TestDependencies counts the modules that go.mod names for us.
func TestDependencies(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	direct, inside := 0, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasSuffix(line, "("):
			inside = strings.HasPrefix(line, "require")
		case line == ")":
			inside = false
		case (inside || strings.HasPrefix(line, "require ")) && line != "" && !strings.Contains(line, "// indirect"):
			direct++
		}
	}
	if direct == 0 || direct > mostDependencies {
		t.Errorf("go.mod names %d modules, and may name %d", direct, mostDependencies)
	}
}

// TestLicences reads the licence of every module that is in the program, on
// whatever system it is built for.
func TestLicences(t *testing.T) {
	seen := map[string]string{}
	for _, system := range []string{"linux", "windows"} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}\t{{.Dir}}{{end}}", "./cmd/sshwhy")
		cmd.Env = append(os.Environ(), "GOOS="+system)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, said.Bytes())
		}
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			path, dir, _ := strings.Cut(lines.Text(), "\t")
			if path != "" && path != module && seen[path] == "" {
				if seen[path] = licenceOf(t, dir); seen[path] == "" {
					seen[path] = "none"
					t.Errorf("%s has no licence that is on the list", path)
				}
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d modules were found", len(seen))
	}
}

// licenceOf gives the name of the licence in a module's directory.
func licenceOf(t *testing.T, dir string) string {
	t.Helper()
	for _, pattern := range []string{"LICEN[SC]E*", "License", "COPYING*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			plain := strings.ToLower(strings.Join(strings.FieldsFunc(string(text), func(r rune) bool { return unicode.IsSpace(r) || r == '>' }), " "))
			for _, l := range licences {
				if strings.Contains(plain, strings.ToLower(l.words)) {
					return l.name
				}
			}
		}
	}
	return ""
}
