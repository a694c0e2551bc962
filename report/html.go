package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

//go:embed page.html
var pageHTML string

// Input is the account of one file that was read.
type Input struct {
	Name, Packed, SHA256 string
	Size, Lines          int64
	// Year says how the year of its lines is known: a word of
	// lang.Page.YearWays.
	Year string
	// Problem is why it was not read, or not to its end; "" for none.
	Problem string
}

// About says what made a page.
type About struct {
	Version, Catalogue string
	Inputs             []Input
	// Geography names the databases by which addresses are located, each with
	// its date; none without them.
	Geography []string
}

// How much of each list stands on the page.
const (
	pageNames    = 500
	pageLedger   = 2000
	pageEpisodes = 500
	pageCauses   = 80
	pageService  = 500
	pageInputs   = 5000
)

// WriteHTML writes one page with everything in it: no part of it is loaded from
// elsewhere, and what a log says is text in it and nothing else.
func (h *History) WriteHTML(w io.Writer, a *Accounting, p Page, about About) error {
	words := lang.PageIn(p.Words.Language)
	d := document{h: h, a: a, page: p, W: words, Language: string(p.Words.Language), About: about}
	t, err := template.New("page").Funcs(template.FuncMap{"time": d.time, "span": d.span, "printable": sshwhy.Printable, "bytes": size, "word": d.word, "country": d.country}).Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("reading the page's template: %w", err)
	}
	d.fill()
	if err := t.Execute(w, &d); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// document is what the template sees.
type document struct {
	h        *History
	a        *Accounting
	page     Page
	W        *lang.Page
	Language string
	About    About

	From, Until int64
	Zone        string
	Total       uint64
	Outcomes    []namedCount
	Who         []answer
	First       []answer
	New         []answer
	NewSpan     string
	GotIn       []entry
	Passwords   string
	RSA         string
	Chart       template.HTML
	Days        []dayRow
	Causes      []causeRow
	Tables      []table
	Ledger      []ledgerRow
	LedgerMore  uint64
	Episodes    []entry
	Service     []entry
	Gaps        []Gap
	Inputs      []inputRow
}

type namedCount struct {
	Name, Class string
	Count       uint64
}

type answer struct{ Text, Run string }

type entry struct {
	Start, End               int64
	Source, User, Host, Text string
}

type dayRow struct {
	Day    string
	Counts []uint64
}

type causeRow struct {
	ID, Title, Means, Run string
	Count                 uint64
}

type table struct {
	ID, Title, Text, Column, Estimated string
	Rows                               []shownSight
	Located                            bool // rows say where they are
	More                               int
}

type ledgerRow struct {
	Key, User, Source string
	Count             uint64
	First, Last       int64
}

type inputRow struct {
	Input
	Parsed, Unparsed, Skipped uint64
}

func (d *document) fill() {
	d.From, d.Until = d.a.Span()
	d.Zone = d.page.ZoneName
	d.Total = d.h.summary.Connections()
	for _, o := range sshwhy.Outcomes() {
		if n := d.h.summary.Outcome(o); n > 0 {
			d.Outcomes = append(d.Outcomes, namedCount{d.page.Words.Outcome(o), o.String(), n})
		}
	}
	if n := d.h.summary.Open(); n > 0 {
		d.Outcomes = append(d.Outcomes, namedCount{d.page.Words.StillOpen, "open", n})
	}
	d.causes()
	d.answers()
	d.timeline()
	d.tables()
	d.ledger()
	d.attacks()
	d.Gaps = d.h.gaps.found()
	d.inputs()
}

func (d *document) language() causes.Language { return d.page.Words.Language }

// causes lists what was found, with the remedy of the first finding.
func (d *document) causes() {
	s := d.h.summary
	for _, id := range s.commonest(func(kind) bool { return true })[:] {
		if len(d.Causes) == pageCauses {
			break
		}
		c, t := s.causes.Cause(id), &s.tallies[id]
		row := causeRow{ID: c.ID, Title: c.Texts[d.language()].Title, Means: c.Texts[d.language()].Means, Count: t.count()}
		if step, ok := firstStep(c, d.language(), t.value); ok {
			if row.Run = step.Run; row.Run == "" {
				row.Run = step.Do
			}
		}
		d.Causes = append(d.Causes, row)
	}
}

// answers says in words what the rest shows.
func (d *document) answers() {
	s, w := d.h.summary, d.W
	d.who()
	for _, row := range d.Causes {
		c := s.causes.Cause(s.causes.Find(row.ID))
		if len(d.First) < 3 && row.Run != "" && mendable(c) {
			d.First = append(d.First, answer{row.Title, row.Run})
		}
	}
	for _, e := range d.h.entries {
		if len(d.GotIn) < 20 {
			d.GotIn = append(d.GotIn, entry{Start: e.start, End: e.end, Source: e.source, User: e.user, Host: e.host})
		}
	}
	d.Passwords = w.PasswordsNone
	if list := d.h.usersWith(func(m *methods) bool { return m.password > 0 && m.key == 0 }); list != "" {
		d.Passwords = fmt.Sprintf(w.Passwords, list)
	}
	d.RSA = w.RSANone
	if list := d.h.usersWith(func(m *methods) bool { return m.rsa > 0 && m.rsa == m.key && m.password == 0 }); list != "" {
		d.RSA = fmt.Sprintf(w.RSA, list)
	}
	d.news()
}

// mendable tells the causes that the administrator of the host can mend: not
// strangers, mistyped passwords and attacks.
func mendable(c *causes.Cause) bool {
	switch c.Phase {
	case "service", "negotiation", "key", "method", "session":
		return true
	case "account":
		return c.ID != "user-unknown"
	}
	return false
}

// who names those who failed most, each with the cause that it was mostly. Names
// that the host does not have are strangers'.
func (d *document) who() {
	type failure struct {
		user  string
		cause sshwhy.CauseID
		count uint64
		all   uint64
	}
	unknown := d.h.causes.Find("user-unknown")
	var list []failure
	for user, by := range d.h.failures {
		f := failure{user: user}
		for id, n := range by {
			if f.all += n; n > f.count || n == f.count && id < f.cause {
				f.cause, f.count = id, n
			}
		}
		if f.all > 0 && f.cause != unknown {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b failure) int {
		return cmp.Or(-cmp.Compare(a.all, b.all), cmp.Compare(a.user, b.user))
	})
	for _, f := range list[:min(len(list), 10)] {
		d.Who = append(d.Who, answer{Text: fmt.Sprintf("%s (%d ×): %s", sshwhy.Printable(f.user), f.all, d.h.causes.Cause(f.cause).Texts[d.language()].Title)})
	}
}

// usersWith joins the names of users who have logged in in a certain way.
func (h *History) usersWith(fits func(*methods) bool) string {
	var names []string
	for name, m := range h.methods {
		if fits(m) {
			names = append(names, sshwhy.Printable(name))
		}
	}
	slices.Sort(names)
	const most = 30
	text := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		text += fmt.Sprintf(", … (%d)", len(names))
	}
	return text
}

// news finds causes of the last part of the span that the part before did not
// have: the last week where there are two and more, else the last day.
func (d *document) news() {
	const perDay = int64(24 * time.Hour)
	days := int64(7)
	if d.Until-d.From < 14*perDay {
		days = 1
	}
	d.NewSpan = d.span(days * perDay)
	if d.Until-d.From < 2*days*perDay {
		d.NewSpan = ""
		return
	}
	since := d.Until/perDay - days
	before, after := map[sshwhy.CauseID]uint64{}, map[sshwhy.CauseID]uint64{}
	for n, day := range d.h.days {
		into := before
		if n > since {
			into = after
		}
		for id, count := range day {
			into[id] += count
		}
	}
	for _, id := range d.h.summary.commonest(func(kind) bool { return true }) {
		if after[id] > 0 && before[id] == 0 && len(d.New) < 8 {
			d.New = append(d.New, answer{Text: fmt.Sprintf("%d × %s", after[id], d.h.causes.Cause(id).Texts[d.language()].Title)})
		}
	}
}

func (d *document) tables() {
	for _, t := range []struct {
		id, title, text, column string
		of                      *seen
	}{
		{"users", d.W.Users, "", d.W.User, d.h.users},
		{"keys", d.W.Keys, d.W.KeysText, d.W.Key, d.h.keys},
		{"sources", d.W.Sources, "", d.W.Source, d.h.sources},
		{"hosts", d.W.Hosts, "", d.W.Host, d.h.hosts},
	} {
		x := newTable(t.id, t.title, t.text, t.column, t.of, d.W)
		if t.of == d.h.sources && d.h.Locator != nil {
			d.locate(&x)
			d.Tables = append(d.Tables, x, d.countries())
			continue
		}
		d.Tables = append(d.Tables, x)
	}
}

func newTable(id, title, text, column string, of *seen, words *lang.Page) table {
	x := table{ID: id, Title: title, Text: text, Column: column, Rows: of.most(pageNames)}
	x.More = of.top.Len() - len(x.Rows)
	if !of.top.Exact() {
		x.Estimated = fmt.Sprintf(words.Estimated, Budget, of.top.Floor())
	}
	return x
}

// locate says of each address where it is.
func (d *document) locate(x *table) {
	x.Located = true
	for i := range x.Rows {
		x.Rows[i].Where = located(d.h.Locator.Locate([]byte(x.Rows[i].Name)))
	}
}

// located puts a location into words: "Kyoto, Japan (JP), AS64500 Example Net".
func located(at *sshwhy.Location) string {
	if at == nil {
		return ""
	}
	var parts []string
	if at.City != "" {
		parts = append(parts, at.City)
	}
	if at.Code != "" {
		parts = append(parts, countryName(at.Code, at.Country))
	}
	if at.Number != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("AS%d %s", at.Number, at.Organisation)))
	}
	return strings.Join(parts, ", ")
}

// countryName gives a country's name with its code, which alone is sure to be
// there.
func countryName(code, name string) string {
	if name == "" {
		return code
	}
	return name + " (" + code + ")"
}

// countries gives the table of countries.
func (d *document) countries() table {
	text := fmt.Sprintf(d.W.CountriesText, strings.Join(d.About.Geography, ", "))
	x := newTable("countries", d.W.Countries, text, d.W.Country, d.h.places, d.W)
	for i := range x.Rows {
		if code := x.Rows[i].Name; code == elsewhere {
			x.Rows[i].Name = d.W.Elsewhere
		} else {
			x.Rows[i].Name = countryName(code, d.h.country[code])
		}
	}
	return x
}

// country gives the code of the country of an address, as it stands behind the
// address; "" without geography and where it is not known.
func (d *document) country(address string) string {
	if d.h.Locator == nil {
		return ""
	}
	at := d.h.Locator.Locate([]byte(address))
	if at == nil || at.Code == "" {
		return ""
	}
	return " (" + sshwhy.Printable(at.Code) + ")"
}

func (d *document) ledger() {
	for l, u := range d.h.logins {
		d.Ledger = append(d.Ledger, ledgerRow{l.key, l.user, l.source, u.count, u.first, u.last})
	}
	slices.SortFunc(d.Ledger, func(a, b ledgerRow) int {
		switch {
		case a.Count != b.Count:
			return int(min(max(int64(b.Count)-int64(a.Count), -1), 1))
		case a.Key != b.Key:
			return strings.Compare(a.Key, b.Key)
		case a.User != b.User:
			return strings.Compare(a.User, b.User)
		}
		return strings.Compare(a.Source, b.Source)
	})
	d.LedgerMore = d.h.dropped
	if len(d.Ledger) > pageLedger {
		d.LedgerMore += uint64(len(d.Ledger) - pageLedger)
		d.Ledger = d.Ledger[:pageLedger]
	}
}

func (d *document) attacks() {
	for _, e := range d.h.episodes[:min(len(d.h.episodes), pageEpisodes)] {
		d.Episodes = append(d.Episodes, entry{e.start, e.end, e.source, e.user, e.host, e.tries})
	}
	for _, e := range d.h.service[:min(len(d.h.service), pageService)] {
		c := d.h.causes.Cause(e.cause)
		title := ""
		if c != nil {
			title = c.Texts[d.language()].Title
		}
		d.Service = append(d.Service, entry{Start: e.time, Host: e.host, Text: title})
	}
}

func (d *document) inputs() {
	bySource := map[string]*SourceCount{}
	for _, s := range d.a.Sources() {
		bySource[s.Name] = s
	}
	for _, in := range d.About.Inputs[:min(len(d.About.Inputs), pageInputs)] {
		row := inputRow{Input: in}
		if s := bySource[in.Name]; s != nil {
			row.Parsed, row.Unparsed, row.Skipped = s.Parsed, s.Unparsed, s.Skipped
		}
		d.Inputs = append(d.Inputs, row)
	}
}

// timeline draws the connections of each hour or day, or of as many of them as
// fit into a bar, as stacked bars; a table has the same numbers.
func (d *document) timeline() {
	var numbers []int64
	for n := range d.h.hours {
		numbers = append(numbers, n)
	}
	if len(numbers) == 0 {
		return
	}
	slices.Sort(numbers)
	first, last := numbers[0], numbers[len(numbers)-1]
	const mostBars = 120
	group, layout := int64(1), "2006-01-02 15h"
	if last-first > 96 {
		group, layout = 24, time.DateOnly
		first -= first % 24
		group *= (last-first)/(24*mostBars) + 1
	}
	bars := make([]dayRow, (last-first)/group+1)
	for i := range bars {
		bars[i] = dayRow{time.Unix((first+int64(i)*group)*3600, 0).UTC().Format(layout), make([]uint64, len(sshwhy.Outcomes()))}
	}
	for _, n := range numbers {
		row := &bars[(n-first)/group]
		for i, o := range sshwhy.Outcomes() {
			row.Counts[i] += uint64(d.h.hours[n][o])
		}
	}
	d.Days = bars
	d.Chart = d.bars(bars)
}

// bars draws stacked bars. Everything in it is made of numbers, of days and of
// the names of outcomes.
func (d *document) bars(rows []dayRow) template.HTML {
	const width, height, base = 960.0, 220.0, 200.0
	var most uint64 = 1
	for _, r := range rows {
		var sum uint64
		for _, n := range r.Counts {
			sum += n
		}
		most = max(most, sum)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-labelledby="chart-title chart-text"><title id="chart-title">%s</title><desc id="chart-text">%s</desc>`,
		width, height, template.HTMLEscapeString(d.W.Timeline), template.HTMLEscapeString(d.W.TimelineText))
	step := width / float64(len(rows))
	for i, r := range rows {
		y := base
		var label []string
		fmt.Fprintf(&b, `<g>`)
		for j, o := range sshwhy.Outcomes() {
			n := r.Counts[j]
			if n == 0 {
				continue
			}
			h := float64(n) / float64(most) * (base - 10)
			y -= h
			fmt.Fprintf(&b, `<rect class="o-%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, o, float64(i)*step, y, max(step-1, 0.5), h)
			label = append(label, fmt.Sprintf("%s %d", d.page.Words.Outcome(o), n))
		}
		fmt.Fprintf(&b, `<title>%s: %s</title></g>`, r.Day, template.HTMLEscapeString(strings.Join(label, ", ")))
	}
	fmt.Fprintf(&b, `<line class="axis" x1="0" y1="%g" x2="%g" y2="%g"/>`, base, width, base)
	fmt.Fprintf(&b, `<text x="0" y="216">%s</text><text x="%g" y="216" text-anchor="end">%s</text><text x="0" y="10">%d</text></svg>`, rows[0].Day, width, rows[len(rows)-1].Day, most)
	return template.HTML(b.String())
}

// time shows a time in the page's zone.
func (d *document) time(nanoseconds int64) string {
	if nanoseconds == 0 {
		return ""
	}
	return time.Unix(0, nanoseconds).In(d.page.Zone).Format("2006-01-02 15:04:05")
}

// span shows a length of time.
func (d *document) span(nanoseconds int64) string {
	if nanoseconds < 0 {
		nanoseconds = -nanoseconds
	}
	switch t := time.Duration(nanoseconds); {
	case t >= 48*time.Hour:
		return fmt.Sprintf("%d d", int(t.Hours()/24+0.5))
	case t >= 2*time.Hour:
		return fmt.Sprintf("%d h", int(t.Hours()+0.5))
	case t >= 2*time.Minute:
		return fmt.Sprintf("%d min", int(t.Minutes()+0.5))
	default:
		return fmt.Sprintf("%d s", int(t.Seconds()+0.5))
	}
}

// word says how the year of a file is known.
func (d *document) word(year string) string { return d.W.YearWays[year] }

func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
