package parser

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/sshwhy/sshwhy"
)

// TestRoutesAreTheTree holds what is remembered against what the tree says: a
// text that resembles another one must not go its way. The parser sees every
// example twice, in the company of all others and of what is left of them when
// something is cut out, doubled or put in.
func TestRoutesAreTheTree(t *testing.T) {
	c := readCatalogue(t)
	p, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Entries {
		for _, example := range c.Entries[i].Examples {
			for _, text := range variations(example.Line) {
				holdAgainstTree(t, p.sshd, text)
				holdAgainstTree(t, p.system, text)
			}
		}
	}
	if n := p.sshd.known; n < 100 {
		t.Errorf("only %d routes were found", n)
	}
}

func variations(text string) []string {
	list := []string{text, text}
	for i := 0; i < len(text); i += 1 + len(text)/8 {
		list = append(list, text[:i], text[:i]+text[i+1:], text[:i]+" from 192.0.2.7 port 22"+text[i:], text[:i]+text[i/2:])
	}
	return list
}

func holdAgainstTree(t *testing.T, r *recogniser, message string) {
	t.Helper()
	var want, got sshwhy.Event
	text := &r.text
	text.fill([]byte(message))
	ending, _ := r.matcher.match(text, &want, &r.way)
	known := ending != nil
	got.Message = []byte(message)
	if r.match(&got) != known {
		t.Fatalf("%q: known %t by the tree, and %t by the routes", message, known, !known)
	}
	if got.Pattern != want.Pattern || fmt.Sprint(got.Captures()) != fmt.Sprint(want.Captures()) {
		t.Fatalf("%q: pattern %d with %v, and by the tree %d with %v", message, got.Pattern, got.Captures(), want.Pattern, want.Captures())
	}
}

// TestStepFillsALine keeps a step in one line of the processor's cache.
func TestStepFillsALine(t *testing.T) {
	if n := reflect.TypeFor[step]().Size(); n > 64 {
		t.Errorf("a step has %d bytes", n)
	}
}

// TestLongRoutes lets messages go routes that are nearly as long as the parser's
// memory, and some that are too long for it.
func TestLongRoutes(t *testing.T) {
	p, err := New(readCatalogue(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	const head, tail = "Invalid user ", " from 192.0.2.7 port 22"
	holdAgainstTree(t, p.sshd, head+"x"+tail)
	for n := sshwhy.MaxLine - 10*wide; n < sshwhy.MaxLine; n++ {
		name := strings.Repeat("x", n-len(head))
		holdAgainstTree(t, p.sshd, head+name)
		holdAgainstTree(t, p.sshd, head+name[len(tail):]+tail)
		for cut := 1; cut <= len(tail); cut++ {
			holdAgainstTree(t, p.sshd, head+name[cut:]+tail[:cut])
		}
	}
	if p.sshd.match(&sshwhy.Event{Message: []byte(head + strings.Repeat("x", sshwhy.MaxLine) + tail)}) {
		t.Error("a message that is too long is known")
	}
}
