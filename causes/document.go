package causes

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sshwhy/sshwhy/patterns"
)

// documentWords frame the catalogue as a page of documentation.
type documentWords struct {
	title, intro, condition, stop string
}

func documentIn(lang Language) documentWords {
	if lang == Japanese {
		return documentWords{
			title: "sshwhy が見分ける原因",
			intro: "カタログ `causes/*.yaml` から `go generate ./causes` で生成したページです。直接編集しないでください。同じ内容は `sshwhy explain 原因 --lang ja` でも表示できます。" +
				"`<NAME>` は、その場で分かる値に置き換えてください。sshwhy が判定を出すときは、ログから分かった値が入ります。",
			condition: "ログに現れる LogLevel", stop: "。",
		}
	}
	return documentWords{
		title: "The causes that sshwhy tells apart",
		intro: "Made by `go generate ./causes` from the catalogue, `causes/*.yaml`: edit that, not this page. `sshwhy explain CAUSE` shows the same. " +
			"Put what you know in place of every `<NAME>`; a verdict of sshwhy has what the log knows there already.",
		condition: "The log names it at", stop: ". ",
	}
}

// document gives the catalogue as a page of Markdown.
func document(c *Catalogue, messages *patterns.Catalogue, lang Language) string {
	d := documentWriter{lang: lang, words: documentIn(lang), headings: HeadingsIn(lang), messages: messages}
	d.line("# %s", d.words.title)
	d.line("%s", markdown(d.words.intro))
	d.contents(c)
	for _, phase := range Phases {
		d.line("## %s", d.headings.Phases[phase])
		for _, cause := range c.InPhase(phase) {
			d.cause(cause)
		}
	}
	return strings.TrimRight(d.b.String(), "\n") + "\n"
}

type documentWriter struct {
	b        strings.Builder
	lang     Language
	words    documentWords
	headings *Headings
	messages *patterns.Catalogue // not owned
}

// line writes a paragraph.
func (d *documentWriter) line(format string, args ...any) {
	fmt.Fprintf(&d.b, format+"\n\n", args...)
}

func (d *documentWriter) contents(c *Catalogue) {
	for _, phase := range Phases {
		d.line("**%s**", d.headings.Phases[phase])
		for _, cause := range c.InPhase(phase) {
			fmt.Fprintf(&d.b, "- [%s](#%s): %s\n", cause.ID, cause.ID, markdown(cause.Texts[d.lang].Title))
		}
		d.b.WriteByte('\n')
	}
}

func (d *documentWriter) cause(c *Cause) {
	text := c.Texts[d.lang]
	d.line("### %s", c.ID)
	d.line("**%s**%s%s", markdown(text.Title), d.words.stop, markdown(text.Means))
	d.shown(c)
	d.line("*%s:* %s", capital(d.headings.Sure), markdown(text.Sure))
	if len(c.Alike) > 0 {
		links := make([]string, len(c.Alike))
		for i, id := range c.Alike {
			links[i] = "[" + id + "](#" + id + ")"
		}
		d.line("*%s:* %s", capital(d.headings.Alike), strings.Join(links, ", "))
	}
	d.line("*%s:*", capital(d.headings.Remedy))
	for i, a := range c.Page(d.lang) {
		d.step(i+1, a)
	}
}

// shown tells at which LogLevel the log names the cause, and by which lines.
func (d *documentWriter) shown(c *Cause) {
	if len(c.Shows) == 0 {
		d.line("*%s:* %s", d.words.condition, d.headings.Never)
	} else {
		levels := make([]string, len(c.Shows))
		for i, s := range c.Shows {
			if levels[i] = d.headings.Level(s); s.Note[d.lang] != "" {
				levels[i] += ": " + markdown(s.Note[d.lang])
			}
		}
		d.line("*%s:* %s", d.words.condition, strings.Join(levels, "; "))
	}
	lines := c.Lines(d.messages.Shape)
	if len(lines) == 0 {
		return
	}
	for _, l := range lines {
		likely := ""
		if l.Confidence != "certain" {
			likely = " (" + d.headings.Likely + ")"
		}
		fmt.Fprintf(&d.b, "- %s%s\n", code(l.Text), likely)
	}
	d.b.WriteByte('\n')
}

func (d *documentWriter) step(n int, a Action) {
	where := ""
	if a.Where != "server" {
		where = "[" + d.headings.Places[a.Where] + "] "
	}
	fmt.Fprintf(&d.b, "%d. %s%s\n", n, where, markdown(a.Do))
	if a.Warning != "" {
		fmt.Fprintf(&d.b, "   **%s:** %s\n", d.headings.Beware, markdown(a.Warning))
	}
	if a.Run != "" {
		fmt.Fprintf(&d.b, "\n   ```sh\n   %s\n   ```\n", strings.ReplaceAll(a.Run, "\n", "\n   "))
	}
	d.b.WriteByte('\n')
}

// ShownLine is a line that shows a cause, as people know it.
type ShownLine struct {
	Event, Text, Confidence string
}

// Lines gives the lines that show the cause by themselves; shape spells the
// message of a pattern whose fields have the given values, "" where there is
// none.
func (c *Cause) Lines(shape func(event string, when map[string]string) string) []ShownLine {
	var lines []ShownLine
	for _, p := range c.Proof {
		if text := shape(p.Event, p.When); text != "" {
			lines = append(lines, ShownLine{p.Event, text, p.Confidence})
		}
	}
	return lines
}

// markdown escapes what Markdown would take for HTML or emphasis, outside of
// code.
func markdown(text string) string {
	parts := strings.Split(text, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.NewReplacer("<", `\<`, "*", `\*`, "_", `\_`).Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

// capital writes a heading's first letter as one.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// code writes text as a code span.
func code(text string) string {
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}
