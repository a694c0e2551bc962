package config

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"
)

// Problem is something that is wrong with a configuration.
type Problem struct {
	// Line is where, counted from 1; 0 where it is about the whole.
	Line int
	// Key is the place, as "sinks[1].url"; Text what is wrong with it, and
	// Hint what to do, "" where that is plain.
	Key, Text, Hint string
}

// Problems is all that is wrong with a file. It is never empty.
type Problems struct {
	File string
	List []Problem
}

// Error implements error: a line for each problem.
func (p *Problems) Error() string {
	var lines []string
	for _, x := range p.List {
		text := p.File
		if x.Line > 0 {
			text += ":" + strconv.Itoa(x.Line)
		}
		if x.Key != "" {
			text += ": " + x.Key
		}
		text += ": " + x.Text
		if x.Hint != "" {
			text += " (" + x.Hint + ")"
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

// maxFile bounds a configuration, in bytes: more is not one.
const maxFile = 1 << 20

// document is a configuration file as it was written, so that problems can be
// given the line that they are about.
type document struct {
	file     string
	root     *yaml.Node // nil for an empty file
	problems []Problem
	keys     map[string]*yaml.Node // of every key, by its place
}

// read parses a file and compares it with the structs: unknown and doubled
// keys, and values of the wrong kind, all at once.
func read(file string, text []byte, into any) *document {
	d := &document{file: file, keys: map[string]*yaml.Node{}}
	if len(text) > maxFile {
		d.add("", "the file has more than %d bytes", "", maxFile)
		return d
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		line, what := yamlError(err)
		d.problems = append(d.problems, Problem{Line: line, Text: what, Hint: "the file is YAML: mind the indentation, and quote what begins with a sign"})
		return d
	}
	if len(root.Content) > 0 && root.Content[0].Tag != "!!null" {
		d.root = root.Content[0]
		d.compare(d.root, reflect.TypeOf(into).Elem(), "")
	}
	return d
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// yamlError takes the line out of the message of the YAML library.
func yamlError(err error) (int, string) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ := strconv.Atoi(m[1])
		return line, m[2]
	}
	return 0, text
}

// add notes a problem with the value at a place.
func (d *document) add(key, format, hint string, a ...any) {
	p := Problem{Key: key, Text: fmt.Sprintf(format, a...), Hint: hint}
	for at := key; p.Line == 0 && at != ""; at = parent(at) {
		if n := d.keys[at]; n != nil {
			p.Line = n.Line
		}
	}
	d.problems = append(d.problems, p)
}

// parent gives the place that holds a place.
func parent(key string) string { return key[:max(strings.LastIndexAny(key, ".["), 0)] }

// err gives what was found wrong, in the order of the lines, or nil.
func (d *document) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(x, y Problem) int { return x.Line - y.Line })
	return &Problems{File: d.file, List: d.problems}
}

// compare checks a value against the type that it is read into.
func (d *document) compare(n *yaml.Node, t reflect.Type, key string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if _, ok := d.keys[key]; !ok {
		d.keys[key] = n
	}
	if n.Tag == "!!null" {
		return
	}
	switch {
	case t == reflect.TypeFor[time.Duration](), t == reflect.TypeFor[Size](), t.Kind() == reflect.String, t.Kind() == reflect.Bool, t.Kind() == reflect.Int:
		d.scalar(n, t, key)
	case t.Kind() == reflect.Slice:
		d.list(n, t, key)
	case t.Kind() == reflect.Struct:
		d.object(n, t, key)
	case t.Kind() == reflect.Pointer:
		d.compare(n, t.Elem(), key)
	}
}

func (d *document) list(n *yaml.Node, t reflect.Type, key string) {
	if n.Kind != yaml.SequenceNode {
		if t.Elem().Kind() == reflect.String && n.Kind == yaml.ScalarNode {
			d.add(key, "a list is wanted", fmt.Sprintf("write [%s]", n.Value))
			return
		}
		d.add(key, "a list is wanted", "begin each entry with -")
		return
	}
	for i, e := range n.Content {
		d.compare(e, t.Elem(), fmt.Sprintf("%s[%d]", key, i))
	}
}

func (d *document) object(n *yaml.Node, t reflect.Type, key string) {
	if n.Kind == yaml.ScalarNode && shorthand(t) != "" {
		d.scalar(n, reflect.TypeFor[string](), key)
		return
	}
	if n.Kind != yaml.MappingNode {
		d.add(key, "keys with values are wanted here: %s", "", strings.Join(names(t), ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		place := strings.TrimPrefix(key+"."+k.Value, ".")
		d.keys[place] = k
		field, ok := fieldOf(t, k.Value)
		switch {
		case seen[k.Value]:
			d.add(place, "this key stands here twice", "")
		case !ok:
			hint := "there is " + strings.Join(names(t), ", ")
			if near := nearest(k.Value, names(t)); near != "" {
				hint = "did you mean " + near + "?"
			}
			d.add(place, "there is no such key", hint)
		default:
			d.compare(v, field.Type, place)
		}
		seen[k.Value] = true
	}
}

func (d *document) scalar(n *yaml.Node, t reflect.Type, key string) {
	if n.Kind != yaml.ScalarNode {
		d.add(key, "one value is wanted, and no list or keys", "")
		return
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		if _, err := ParseSpan(n.Value); err != nil {
			d.add(key, "%s", "", err)
		}
	case t == reflect.TypeFor[Size]():
		if _, err := ParseSize(n.Value); err != nil {
			d.add(key, "%s", "", err)
		}
	case t.Kind() == reflect.Bool && n.Tag != "!!bool":
		d.add(key, "%q is neither true nor false", "", n.Value)
	case t.Kind() == reflect.Int && n.Tag != "!!int":
		d.add(key, "%q is not a whole number", "", n.Value)
	}
}

// shorthand gives the name of the field that a plain value stands for, where a
// type allows that: the one tagged so.
func shorthand(t reflect.Type) string {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("short") != "" {
			return t.Field(i).Tag.Get("mapstructure")
		}
	}
	return ""
}

func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("mapstructure") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// names gives the keys of a struct.
func names(t reflect.Type) []string {
	var list []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("mapstructure"); name != "" && name != "-" {
			list = append(list, name)
		}
	}
	return list
}

// nearest gives the name that differs least, "" if none is near.
func nearest(name string, among []string) string {
	best, least := "", len(name)/3+2
	for _, other := range among {
		if n := distance(name, other); n < least {
			best, least = other, n
		}
	}
	return best
}

// distance counts the letters to insert, delete or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}

// decode fills the structs from the text, by viper: the file, and the
// environment where it names a scalar at the top, as SSHWHY_STATE.
func (d *document) decode(text []byte, into any) error {
	v := viper.NewWithOptions(viper.KeyDelimiter("\x00"))
	v.SetConfigType("yaml")
	v.SetEnvPrefix("SSHWHY")
	t := reflect.TypeOf(into).Elem()
	for i := range t.NumField() {
		if f := t.Field(i); f.Type.Kind() == reflect.String {
			if err := v.BindEnv(f.Tag.Get("mapstructure")); err != nil {
				return fmt.Errorf("binding the environment: %w", err)
			}
		}
	}
	if err := v.ReadConfig(bytes.NewReader(text)); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	hook := mapstructure.ComposeDecodeHookFunc(shorthands, spans, sizes)
	if err := v.UnmarshalExact(into, viper.DecodeHook(hook)); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	return nil
}

// shorthands lets a plain value stand for an object of one key.
func shorthands(from, to reflect.Type, value any) (any, error) {
	if from.Kind() == reflect.String && to.Kind() == reflect.Struct {
		if name := shorthand(to); name != "" {
			return map[string]any{name: value}, nil
		}
	}
	return value, nil
}

func spans(_, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return value, nil
	}
	return ParseSpan(fmt.Sprint(value))
}

func sizes(_, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[Size]() {
		return value, nil
	}
	return ParseSize(fmt.Sprint(value))
}

var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand puts the values of environment variables, written ${NAME}, into every
// text of a value. One that is not set is a problem.
func (d *document) expand(v reflect.Value, key string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(variable.ReplaceAllStringFunc(v.String(), func(found string) string {
			name := variable.FindStringSubmatch(found)[1]
			text, ok := os.LookupEnv(name)
			if !ok {
				hint := ""
				if name == "CREDENTIALS_DIRECTORY" {
					hint = "systemd sets it for the service; to check by hand, name the folder of the files: CREDENTIALS_DIRECTORY=/etc/sshwhy/credentials sshwhy check"
				}
				d.add(key, "the environment variable %s is not set", hint, name)
			}
			return text
		}))
	case reflect.Slice:
		for i := range v.Len() {
			d.expand(v.Index(i), fmt.Sprintf("%s[%d]", key, i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Tag.Get("mapstructure"); name != "" && v.Field(i).CanSet() {
				d.expand(v.Field(i), strings.TrimPrefix(key+"."+name, "."))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			d.expand(v.Elem(), key)
		}
	}
}
