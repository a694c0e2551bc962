package sshwhy_test

import (
	"bytes"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// The documentation is tested as the program is. A fenced block that is marked
//
//	sh              is run, line by line as it stands, on the samples of testdata
//	sh other-host   is for a host with sshd, or for the service: the flags of
//	                sshwhy in it are held against --help
//	console         shows what a person sees: the same for its lines with $
//
// and what stands between backticks and begins with sshwhy is checked as well.

// pages gives the paths of all pages, those that are generated apart.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (d.Name() == "testdata" && path != "testdata" || d.Name()[0] == '.' && d.Name() != ".github" || d.Name() == "dist" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case filepath.Ext(path) == ".md":
			found = append(found, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 20 {
		t.Fatalf("only %d pages were found", len(found))
	}
	return found
}

// generatedPages hold commands that are tested where they are made.
var generatedPages = []string{"docs/causes.md", "docs/causes.ja.md"}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fence is a fenced block of a page.
type fence struct {
	mark  string // what stands behind the backticks
	line  int
	lines []string
}

// fences gives the blocks of a page, and the rest of it with the blocks empty.
func fences(text string) ([]fence, []string) {
	var all []fence
	var prose []string
	inside := false
	for i, line := range strings.Split(text, "\n") {
		mark, ok := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case ok && !inside:
			all = append(all, fence{mark: mark, line: i + 1})
			inside = true
		case ok:
			inside = false
		case inside:
			last := &all[len(all)-1]
			last.lines = append(last.lines, line)
		default:
			prose = append(prose, line)
			continue
		}
		prose = append(prose, "")
	}
	return all, prose
}

// program builds sshwhy into a folder of its own and gives that.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	name := "sshwhy"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, name), "./cmd/sshwhy")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building sshwhy: %v\n%s", err, out)
	}
	return dir
}

// TestDocumentedCommands runs or checks every command line of the pages.
func TestDocumentedCommands(t *testing.T) {
	bin := program(t)
	h := &helps{program: filepath.Join(bin, "sshwhy"), known: map[string]string{}}
	run := 0
	for _, page := range pages(t) {
		if slices.Contains(generatedPages, page) {
			continue
		}
		blocks, prose := fences(read(t, page))
		for _, b := range blocks {
			where := fmt.Sprintf("%s:%d", page, b.line)
			switch b.mark {
			case "sh":
				run++
				t.Run(where, func(t *testing.T) {
					h.checkLines(t, where, b.lines)
					runBlock(t, bin, b)
				})
			case "sh other-host":
				h.checkLines(t, where, b.lines)
			case "console":
				for _, line := range b.lines {
					if typed, ok := strings.CutPrefix(line, "$ "); ok {
						h.checkLines(t, where, []string{typed})
					}
				}
			default:
				for _, line := range b.lines {
					if command.MatchString("    " + line) {
						t.Errorf("%s: a command stands in a block that is not marked sh, sh other-host or console: %s", where, line)
					}
				}
			}
		}
		for i, line := range prose {
			where := fmt.Sprintf("%s:%d", page, i+1)
			if command.MatchString(line) {
				t.Errorf("%s: a command stands outside of a block that is marked sh or sh other-host: %s", where, line)
			}
			for _, code := range inlineCode.FindAllStringSubmatch(line, -1) {
				if strings.HasPrefix(code[1], "sshwhy ") || strings.HasPrefix(code[1], "sudo sshwhy ") {
					h.checkLines(t, where, []string{code[1]})
				}
			}
		}
	}
	if run < 10 {
		t.Errorf("only %d blocks were run", run)
	}
}

var (
	command    = regexp.MustCompile(`^(    |\t)(sudo )?sshwhy [a-z]`)
	inlineCode = regexp.MustCompile("`([^`]+)`")
)

// tools are programs that a page may use and a machine may lack.
var tools = []string{"jq", "duckdb", "column"}

// runBlock runs a block as a script among the samples, and expects it to end
// well.
func runBlock(t *testing.T, bin string, b fence) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	script := strings.Join(b.lines, "\n")
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil && regexp.MustCompile(`\b`+tool+`\b`).MatchString(script) {
			t.Skipf("there is no %s", tool)
		}
	}
	dir := t.TempDir()
	samples(t, dir)
	cmd := exec.Command(shell, "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME="+dir)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s\n%s%s", err, script, &out, &errs)
	}
}

// samples puts into a folder what the pages name: the demo's log as auth.log,
// an output of ssh as trace.txt, a configuration, and patterns.
func samples(t *testing.T, dir string) {
	t.Helper()
	for from, to := range map[string]string{
		"testdata/demo/auth.log":       "auth.log",
		"testdata/docs/trace.txt":      "trace.txt",
		"testdata/docs/sshwhy.yaml":    "sshwhy.yaml",
		"testdata/docs/pam/badge.yaml": "patterns/pam/badge.yaml",
	} {
		text := read(t, from)
		for _, path := range []string{to, from} {
			path = filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// helps knows the help of each command.
type helps struct {
	program string
	known   map[string]string
}

// of gives the help of a command, "" where there is no such command.
func (h *helps) of(t *testing.T, words ...string) string {
	t.Helper()
	key := strings.Join(words, " ")
	if text, ok := h.known[key]; ok {
		return text
	}
	out, err := exec.Command(h.program, append(slices.Clone(words), "--help")...).Output()
	if err != nil {
		t.Fatalf("sshwhy %s --help: %v", key, err)
	}
	// An unknown command gives the help of the one above it.
	if len(words) > 0 && !regexp.MustCompile(`(?m)^  sshwhy `+regexp.QuoteMeta(key)+`( |$)`).Match(usage(out)) {
		out = nil
	}
	h.known[key] = string(out)
	return string(out)
}

// usage cuts the lines that tell a command's form out of its help.
func usage(help []byte) []byte {
	_, rest, _ := bytes.Cut(help, []byte("Usage:\n"))
	form, _, _ := bytes.Cut(rest, []byte("\n\n"))
	return form
}

// checkLines holds the flags of every sshwhy in the lines against its help.
func (h *helps) checkLines(t *testing.T, where string, lines []string) {
	t.Helper()
	script := strings.ReplaceAll(strings.Join(lines, "\n"), "\\\n", " ")
	for _, words := range commandsOf(script) {
		h.check(t, where, words)
	}
}

func (h *helps) check(t *testing.T, where string, words []string) {
	t.Helper()
	for len(words) > 0 && (words[0] == "sudo" || strings.Contains(words[0], "=") || words[0] == "exec") {
		words = words[1:]
	}
	if len(words) == 0 || words[0] != "sshwhy" {
		return
	}
	var name []string
	help := h.of(t)
	rest := words[1:]
	for len(rest) > 0 && len(name) < 2 && regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(rest[0]) {
		below := h.of(t, append(slices.Clone(name), rest[0])...)
		if below == "" {
			if len(name) == 0 {
				t.Errorf("%s: sshwhy has no command %q", where, rest[0])
			}
			break
		}
		name, help, rest = append(name, rest[0]), below, rest[1:]
	}
	for _, w := range rest {
		flag, _, _ := strings.Cut(w, "=")
		if strings.HasPrefix(flag, "--") && len(flag) > 2 && !regexp.MustCompile(`(?m)^ +(-., )?`+regexp.QuoteMeta(flag)+`( |$)`).MatchString(help) {
			t.Errorf("%s: sshwhy %s has no flag %s", where, strings.Join(name, " "), flag)
		}
	}
}

// commandsOf splits a script into the words of its commands: by line ends,
// pipes, and lists. Quoted text is one word.
func commandsOf(script string) [][]string {
	var all [][]string
	var words []string
	var word strings.Builder
	begun := false
	var quote rune
	endWord := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	comment := false
	for _, r := range script {
		switch {
		case comment && r != '\n':
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == '#' && !begun:
			comment = true
		case r == '\n' || r == '|' || r == ';' || r == '&' || r == '(' || r == ')':
			comment = false
			endWord()
			if len(words) > 0 {
				all = append(all, words)
			}
			words = nil
		case unicode.IsSpace(r):
			endWord()
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	endWord()
	if len(words) > 0 {
		all = append(all, words)
	}
	return all
}

// TestCommandsOf holds the test to what it must see.
func TestCommandsOf(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"sshwhy tail --all", "[[sshwhy tail --all]]"},
		{"a | sshwhy replay - # b --c", "[[a] [sshwhy replay -]]"},
		{"sshwhy explain 'x | y' && b", "[[sshwhy explain x | y] [b]]"},
		{"a=$(sshwhy parse -)\nc", "[[a=$] [sshwhy parse -] [c]]"},
	} {
		if got := fmt.Sprint(commandsOf(tt.script)); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.script, got, tt.want)
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
)

// TestLinks follows every link of the pages that leads within the project, to
// the heading if it names one, and holds those that lead out to https.
func TestLinks(t *testing.T) {
	headings := map[string]map[string]bool{}
	for _, page := range pages(t) {
		_, prose := fences(read(t, page))
		for i, line := range prose {
			if !strings.Contains(line, "](") {
				continue
			}
			for _, m := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, ""), -1) {
				if fault := follow(t, page, m[1], headings); fault != "" {
					t.Errorf("%s:%d: %s: %s", page, i+1, m[1], fault)
				}
			}
		}
	}
}

// follow says what is wrong with a link, "" for nothing. The headings of pages
// are kept in the map.
func follow(t *testing.T, page, target string, headings map[string]map[string]bool) string {
	if strings.Contains(target, "://") {
		if !strings.HasPrefix(target, "https://") {
			return "it is not https"
		}
		return ""
	}
	name, anchor, _ := strings.Cut(target, "#")
	path := page
	if name != "" {
		path = filepath.Join(filepath.Dir(page), name)
	}
	if _, err := os.Stat(path); err != nil {
		return "there is no such file"
	}
	if anchor == "" || filepath.Ext(path) != ".md" {
		return ""
	}
	if headings[path] == nil {
		headings[path] = map[string]bool{}
		for _, h := range heading.FindAllStringSubmatch(read(t, path), -1) {
			headings[path][slug(h[1])] = true
		}
	}
	if !headings[path][anchor] {
		return "the page has no such heading"
	}
	return ""
}

// slug is what a heading is called in a link.
func slug(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	return b.String()
}

// misspelt are spellings that slip in, and what to write.
var misspelt = map[string]string{
	`\b[Ll]ogfiles?\b`:               "log, or log file",
	`\bOpen SSH\b|\bOpenSsh\b`:       "OpenSSH",
	`\bSystemD\b|\bsystemD\b`:        "systemd",
	`\bJournald\b|\bJournalD\b`:      "journald",
	`\bSSHWhy\b|\bSshWhy\b|\bsshWhy`: "sshwhy",
	`\bGithub\b`:                     "GitHub",
	`\b[Bb]lacklist|\b[Ww]hitelist`:  "list of what is refused, or permitted",
	`\b[Rr]oot cause\b`:              "cause",
	`\b[Ll]og entr(y|ies)\b`:         "record, or line",
	`\b[Ff]alse positives?\b`:        "wrong verdict",
}

// TestSpelling holds the pages to the words of docs/terms.md where a pattern can
// tell.
func TestSpelling(t *testing.T) {
	for wrong, right := range misspelt {
		re := regexp.MustCompile(wrong)
		for _, page := range pages(t) {
			_, prose := fences(read(t, page))
			for i, line := range prose {
				if found := re.FindString(inlineCode.ReplaceAllString(line, "")); found != "" {
					t.Errorf("%s:%d: %q: write %s", page, i+1, found, right)
				}
			}
		}
	}
}

// TestDependenciesAreNamed holds docs/dependencies.md to what the code imports.
func TestDependenciesAreNamed(t *testing.T) {
	page := read(t, "docs/dependencies.md")
	required := regexp.MustCompile(`(?m)^\t([a-z0-9.-]+\.[a-z]+/\S+) v`).FindAllStringSubmatch(read(t, "go.mod"), -1)
	if len(required) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	direct := map[string]bool{}
	for _, path := range allImports(t) {
		longest := ""
		for _, m := range required {
			if (path == m[1] || strings.HasPrefix(path, m[1]+"/")) && len(m[1]) > len(longest) {
				longest = m[1]
			}
		}
		if longest != "" {
			direct[longest] = true
		}
	}
	for name := range direct {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("%s is not in docs/dependencies.md", name)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(page, -1) {
		if !slices.ContainsFunc(required, func(r []string) bool { return r[1] == m[1] }) {
			t.Errorf("docs/dependencies.md has %s, which go.mod does not require", m[1])
		}
	}
	if len(direct) > 30 {
		t.Errorf("%d direct dependencies are more than 30", len(direct))
	}
}

// allImports gives the import paths of every package, tests included.
func allImports(t *testing.T) []string {
	t.Helper()
	all := map[string]bool{}
	err := filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if dir != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && dir != "." {
			return filepath.SkipDir // a module of its own
		}
		c := build.Default
		c.UseAllFiles = true
		// It gives the package as far as it can read it, whatever the error.
		p, _ := c.ImportDir(dir, 0)
		if p == nil {
			return nil
		}
		for _, list := range [][]string{p.Imports, p.TestImports, p.XTestImports} {
			for _, path := range list {
				all[path] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for path := range all {
		list = append(list, path)
	}
	slices.Sort(list)
	return list
}
