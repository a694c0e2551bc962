package causes

import (
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// InPhase gives the entries of a phase in their order.
func (c *Catalogue) InPhase(phase string) []*Cause {
	var list []*Cause
	for i := range c.Causes {
		if c.Causes[i].Phase == phase {
			list = append(list, &c.Causes[i])
		}
	}
	return list
}

// Page gives the steps of the remedy for a reader who has no finding at hand:
// those that need a value, with <NAME> in its place, and not those that make do
// without it.
func (c *Cause) Page(lang Language) []Action {
	unknown := func(sshwhy.Field) string { return "" }
	return c.steps(lang, unknown, func(s *Step) bool { return len(s.Unless) == 0 })
}

// Holds tells whether an event with these fields shows the cause; the value of
// a field is its text or its constant.
func (p *Proof) Holds(value func(name string) (string, bool)) bool {
	for name, want := range p.When {
		got, ok := value(name)
		if !ok {
			return false
		}
		if start, isStart := strings.CutSuffix(want, "*"); isStart && strings.HasPrefix(got, start) {
			continue
		}
		if got != want {
			return false
		}
	}
	return true
}

// Headings are the words around the texts of the entries, for pages of them.
type Headings struct {
	// Phases name the parts of a connection's life.
	Phases map[string]string
	// Places name the sides on which a step is done.
	Places map[string]string
	// Titles of the parts of a page.
	Phase, Means, Shown, Lines, Sure, Alike, Remedy, Beware string
	// Never says that no LogLevel shows a cause, Likely that a line does
	// not settle it.
	Never, Likely string

	from, until, span, level string
}

// HeadingsIn gives the headings of a language.
func HeadingsIn(lang Language) *Headings {
	if lang == Japanese {
		return japaneseHeadings()
	}
	return englishHeadings()
}

func englishHeadings() *Headings {
	return &Headings{
		Phases: map[string]string{
			"service": "The service does not run", "dropped": "The connection is dropped at the door", "negotiation": "Client and server do not agree on a protocol",
			"account": "The account may not log in", "key": "The key or certificate is not accepted", "password": "The password or second factor is not accepted",
			"method": "The authentication method is not possible", "client": "The client leaves", "client-side": "What only ssh itself can tell (sshwhy client)", "session": "The login succeeds, the session fails",
			"attack": "Attacks", "undetermined": "The log does not tell",
		},
		Places: map[string]string{"server": "server", "client": "client", "ca": "CA", "admin": "another administrator"},
		Phase:  "phase", Means: "meaning", Shown: "in the log", Lines: "lines", Sure: "to be sure", Alike: "looks alike", Remedy: "remedy", Beware: "Beware",
		Never: "no LogLevel names it", Likely: "likely",
		level: "LogLevel ", from: "OpenSSH % and later", until: "up to OpenSSH %", span: "OpenSSH % to %",
	}
}

func japaneseHeadings() *Headings {
	return &Headings{
		Phases: map[string]string{
			"service": "sshd が起動していない", "dropped": "接続が入口で破棄される", "negotiation": "クライアントとサーバーのネゴシエーションが成立しない",
			"account": "アカウントのログインが許可されていない", "key": "鍵または証明書が受け付けられない", "password": "パスワードまたは第 2 要素が受け付けられない",
			"method": "認証方式が使えない", "client": "クライアント側で接続を終えた", "client-side": "ssh 自身の出力でしか分からないもの (sshwhy client)", "session": "ログイン後にセッションが失敗する",
			"attack": "攻撃", "undetermined": "ログからは分からない",
		},
		Places: map[string]string{"server": "サーバー", "client": "クライアント", "ca": "認証局", "admin": "別の管理者"},
		Phase:  "段階", Means: "意味", Shown: "ログ", Lines: "ログ行", Sure: "確認方法", Alike: "似た原因", Remedy: "対処", Beware: "注意",
		Never: "どの LogLevel でもログには現れない", Likely: "可能性が高い",
		level: "LogLevel ", from: "OpenSSH % 以降", until: "OpenSSH % まで", span: "OpenSSH %～%",
	}
}

// Level tells at which LogLevel, and in which releases, the log names a cause.
func (h *Headings) Level(s Shows) string {
	text := h.level + strings.ToUpper(s.Level)
	if releases := h.Releases(s.Since, s.Until); releases != "" {
		text += " (" + releases + ")"
	}
	return text
}

// Releases tells a span of releases, "" for all.
func (h *Headings) Releases(since, until string) string {
	switch {
	case since != "" && until != "":
		return strings.Replace(strings.Replace(h.span, "%", since, 1), "%", until, 1)
	case since != "":
		return strings.Replace(h.from, "%", since, 1)
	case until != "":
		return strings.Replace(h.until, "%", until, 1)
	}
	return ""
}

// Closest gives the ids that somebody may have meant by a word that is none,
// closest first: those that few typing errors turn into it, then those of
// which it is a part, with as few errors.
func (c *Catalogue) Closest(word string, most int) []string {
	word = strings.Trim(strings.Map(idLetter, word), "-")
	if len(word) < 3 {
		return nil
	}
	type guess struct {
		id   string
		cost int
	}
	var guesses []guess
	bound, partBound := max(1, len(word)/4), len(word)/5
	for i := range c.Causes {
		id := c.Causes[i].ID
		if cost := distance(word, id, false); cost <= bound {
			guesses = append(guesses, guess{id, cost})
		} else if cost := partDistance(word, id); cost <= partBound {
			guesses = append(guesses, guess{id, bound + 1 + cost})
		}
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return a.cost - b.cost })
	var ids []string
	for _, g := range guesses[:min(most, len(guesses))] {
		ids = append(ids, g.id)
	}
	return ids
}

// partDistance is the least distance of a word to a part of an id that begins
// with one of its words.
func partDistance(word, id string) int {
	least := distance(word, id, true)
	for i := range id {
		if id[i] == '-' {
			least = min(least, distance(word, id[i+1:], true))
		}
	}
	return least
}

// idLetter maps what people write for the letters of an id.
func idLetter(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r + ('a' - 'A')
	case r == '_' || r == ' ':
		return '-'
	}
	return r
}

// distance is the number of letters to put in, take out, change or swap with
// their neighbour to make b of a ("optimal string alignment"); of the start of
// b that is closest where a part will do.
func distance(a, b string, part bool) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	if part {
		return slices.Min(last)
	}
	return last[len(b)]
}
