package main

import (
	"fmt"
	"strings"

	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/patterns"
)

// causeTitle is a cause in a list.
type causeTitle struct {
	ID         string `json:"id"`
	Phase      string `json:"phase"`
	Title      string `json:"title"`
	Confidence string `json:"confidence,omitempty"`
}

func (x *explainer) titleOf(c *causes.Cause) causeTitle {
	return causeTitle{ID: c.ID, Phase: c.Phase, Title: c.Texts[x.language].Title}
}

// list writes all causes by phase.
func (x *explainer) list() error {
	if x.output == "json" {
		all := make([]causeTitle, 0, len(x.causes.Causes))
		for i := range x.causes.Causes {
			all = append(all, x.titleOf(&x.causes.Causes[i]))
		}
		return x.json(all)
	}
	fmt.Fprintln(x.out, x.words.Intro)
	longest := 0
	for i := range x.causes.Causes {
		longest = max(longest, len(x.causes.Causes[i].ID))
	}
	for _, phase := range causes.Phases {
		fmt.Fprintf(x.out, "\n%s\n", x.headings.Phases[phase])
		for _, c := range x.causes.InPhase(phase) {
			fmt.Fprintf(x.out, "  %-*s  %s\n", longest, c.ID, c.Texts[x.language].Title)
		}
	}
	return nil
}

// causePage is a cause in full.
type causePage struct {
	causeTitle
	Means  string       `json:"means"`
	Shown  []shownLevel `json:"shown"`
	Lines  []shownLine  `json:"lines"`
	Sure   string       `json:"sure"`
	Alike  []causeTitle `json:"alike"`
	Remedy []step       `json:"remedy"`
}

type shownLevel struct {
	Level string `json:"level"`
	Since string `json:"since,omitempty"`
	Until string `json:"until,omitempty"`
	Note  string `json:"note,omitempty"`
}

type shownLine struct {
	Pattern    string `json:"pattern"`
	Text       string `json:"text"`
	Confidence string `json:"confidence"`
}

type step struct {
	Where   string `json:"where"`
	Do      string `json:"do"`
	Run     string `json:"run,omitempty"`
	Warning string `json:"warning,omitempty"`
}

// cause writes the page of a cause.
func (x *explainer) cause(c *causes.Cause) error {
	messages, err := x.messages()
	if err != nil {
		return err
	}
	page := x.pageOf(c, messages)
	if x.output == "json" {
		return x.json(page)
	}
	fmt.Fprintf(x.out, "%s\n%s\n\n", page.ID, page.Title)
	x.row(x.headings.Phase, x.headings.Phases[c.Phase])
	x.row(x.headings.Means, page.Means)
	x.shown(c, page)
	x.row(x.headings.Sure, page.Sure)
	label := x.headings.Alike
	for _, a := range page.Alike {
		x.verbatim(label, a.ID+": "+a.Title)
		label = ""
	}
	x.remedy(page.Remedy)
	return nil
}

func (x *explainer) pageOf(c *causes.Cause, messages *patterns.Catalogue) *causePage {
	text := c.Texts[x.language]
	page := &causePage{causeTitle: x.titleOf(c), Means: text.Means, Sure: text.Sure, Shown: []shownLevel{}, Lines: []shownLine{}, Alike: []causeTitle{}}
	for _, s := range c.Shows {
		page.Shown = append(page.Shown, shownLevel{s.Level, s.Since, s.Until, s.Note[x.language]})
	}
	for _, l := range c.Lines(messages.Shape) {
		page.Lines = append(page.Lines, shownLine{l.Event, l.Text, l.Confidence})
	}
	for _, id := range c.Alike {
		page.Alike = append(page.Alike, x.titleOf(x.causes.Cause(x.causes.Find(id))))
	}
	for _, a := range c.Page(x.language) {
		page.Remedy = append(page.Remedy, step{a.Where, a.Do, a.Run, a.Warning})
	}
	return page
}

// shown tells at which LogLevel the log names the cause, and by which lines.
func (x *explainer) shown(c *causes.Cause, page *causePage) {
	label := x.headings.Shown
	if len(c.Shows) == 0 {
		x.row(label, x.headings.Never)
	}
	for _, s := range c.Shows {
		text := x.headings.Level(s)
		if note := s.Note[x.language]; note != "" {
			text += ": " + note
		}
		x.row(label, text)
		label = ""
	}
	label = x.headings.Lines
	for _, l := range page.Lines {
		text := l.Text
		if l.Confidence != "certain" {
			text += "  (" + x.headings.Likely + ")"
		}
		x.verbatim(label, text)
		label = ""
	}
}

// remedy writes the steps: what to do in words, wrapped, and the command on
// lines of its own, to be copied.
func (x *explainer) remedy(steps []step) {
	fmt.Fprintf(x.out, "\n%s\n", x.headings.Remedy)
	for i, s := range steps {
		number := fmt.Sprintf("%3d. ", i+1)
		text := s.Do
		if s.Where != "server" {
			text = "[" + x.headings.Places[s.Where] + "] " + text
		}
		for _, line := range lang.Wrap(text, pageWidth-len(number)) {
			fmt.Fprintf(x.out, "%s%s\n", number, line)
			number = "     "
		}
		if s.Warning != "" {
			for _, line := range lang.Wrap(x.headings.Beware+": "+s.Warning, pageWidth-len(number)) {
				fmt.Fprintf(x.out, "     %s\n", line)
			}
		}
		if s.Run != "" {
			fmt.Fprintf(x.out, "         %s\n", strings.ReplaceAll(s.Run, "\n", "\n         "))
		}
	}
}
