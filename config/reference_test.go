package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const referencePath = "../docs/configuration.md"

const referenceIntro = `# Configuration

` + "`sshwhy run --config /etc/sshwhy/sshwhy.yaml`" + ` reads one YAML file. An empty one is good: it follows what the host has and writes findings and alerts to standard output. ` + "`sshwhy check FILE`" + ` finds every fault at once, with its line. SIGHUP reads the file again, all or nothing.

Times are written as 90s, 10m, 2h, 3d, sizes as 64MiB or 500kB. ` + "`${NAME}`" + ` stands for an environment variable, everywhere but in rules. Each key at the top that is a plain text can be set by the environment as well: ` + "`SSHWHY_STATE`" + `. Secrets are best kept in files: each key for a secret has a twin that ends in ` + "`_file`" + `, and systemd's ` + "`LoadCredential=`" + ` puts files into ` + "`${CREDENTIALS_DIRECTORY}`" + `.

This page is made from the code.
`

// TestReference holds that docs/configuration.md describes the configuration
// as it is; -update writes it.
func TestReference(t *testing.T) {
	want := reference(t)
	if *update {
		if err := os.WriteFile(referencePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/configuration.md is not current: go test ./config -update")
	}
}

// reference makes the page from the comments of config.go.
func reference(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(referenceIntro)
	titles := map[string]string{"Config": "The file", "Log": "log", "Source": "sources", "Inspect": "inspect", "Alerts": "alerts", "Rule": "alerts.rules", "Sink": "sinks", "Header": "sinks.headers"}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		s := g.Specs[0].(*ast.TypeSpec)
		fields, ok := s.Type.(*ast.StructType)
		if !ok {
			continue
		}
		title, ok := titles[s.Name.Name]
		if !ok {
			t.Fatalf("the type %s has no title here", s.Name.Name)
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | is |\n|---|---|\n", title, sentence(g.Doc.Text()))
		for _, f := range fields.Fields.List {
			tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
			fmt.Fprintf(&b, "| `%s` | %s |\n", tag.Get("mapstructure"), sentence(f.Doc.Text()))
		}
	}
	b.WriteString("\n## Which sink takes which keys\n\nEvery sink takes name, type, send, language and pseudonyms_file.\n\n| type | needs | takes | is sent by itself |\n|---|---|---|---|\n")
	for _, name := range config.Types() {
		needs, takes, send := config.Keys(name)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.Join(needs, ", "), strings.Join(slices.Sorted(slices.Values(takes)), ", "), send)
	}
	return b.String()
}

// sentence makes one line of a comment.
func sentence(comment string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(comment), " "), "|", `\|`)
}
