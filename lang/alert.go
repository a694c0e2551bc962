package lang

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// Alert are the words of alerts.
type Alert struct {
	language causes.Language
	causes   *causes.Catalogue // not owned
	w        alertWords
}

// alertWords are formats where they have a verb of fmt.
type alertWords struct {
	news                                              map[sshwhy.News]string
	oneUser, manyUsers, noUser, attempts              string
	down, gotIn, rootIn, noise, noiseFrom             string
	after, from, sources, hosts, and, since, list, on string
	rest, undetermined                                string
}

// AlertIn gives the words of a language.
func AlertIn(language causes.Language, c *causes.Catalogue) *Alert {
	a := &Alert{language: language, causes: c, w: englishAlert()}
	if language == causes.Japanese {
		a.w = japaneseAlert()
	}
	return a
}

func englishAlert() alertWords {
	return alertWords{
		news: map[sshwhy.News]string{
			sshwhy.NewsFiring: "new", sshwhy.NewsGrown: "ten times as many", sshwhy.NewsChanged: "another cause", sshwhy.NewsReminder: "still going on",
			sshwhy.NewsUpdated: "still going on", sshwhy.NewsResolved: "over", sshwhy.NewsDigest: "daily count",
		},
		oneUser: "%s cannot log in: %s", manyUsers: "%d users cannot log in: %s", noUser: "logins fail: %s", attempts: "%d times",
		down: "sshd does not start: %s", gotIn: "%s got in from %s after many failures", rootIn: "root logged in from %s, where root has not logged in before",
		noise: "%d logins of strangers were refused, from %d addresses", noiseFrom: "most from %s", after: "it began %s after: %s",
		from: "from %s", sources: "from %d addresses", hosts: "on %d hosts", and: "%s and %d more", since: "since %s", list: ", ", on: "on %s",
		rest: "more alerts of the rule %q began than are told one by one: %d logins failed", undetermined: "the log does not tell why",
	}
}

func japaneseAlert() alertWords {
	return alertWords{
		news: map[sshwhy.News]string{
			sshwhy.NewsFiring: "発生", sshwhy.NewsGrown: "10 倍に増加", sshwhy.NewsChanged: "別の原因が追加", sshwhy.NewsReminder: "継続中",
			sshwhy.NewsUpdated: "継続中", sshwhy.NewsResolved: "解消", sshwhy.NewsDigest: "日次集計",
		},
		oneUser: "%s がログインできない: %s", manyUsers: "%d 人のユーザーがログインできない: %s", noUser: "ログインに失敗している: %s", attempts: "%d 回",
		down: "sshd が起動しない: %s", gotIn: "%s が多数の失敗の後に %s からログインした", rootIn: "root がこれまで使っていない %s からログインした",
		noise: "外部からの不審なログイン %d 件を拒否した（接続元 %d）", noiseFrom: "最多は %s", after: "開始の %s 前に: %s",
		from: "接続元 %s", sources: "接続元 %d 件", hosts: "ホスト %d 台", and: "%s ほか %d 件", since: "%s から", list: "、", on: "ホスト %s",
		rest: "ルール %q のアラートが多いためまとめて通知する: ログイン失敗 %d 件", undetermined: "ログからは原因が分からない",
	}
}

// News gives why it is told now, in a word or two.
func (a *Alert) News(n sshwhy.News) string { return a.w.news[n] }

// Headline says in a line what an alert is about. Text from the log is
// printable in it, and not escaped for anything else.
func (a *Alert) Headline(al *sshwhy.Alert) string {
	w := &a.w
	switch {
	case al.Notice != nil:
		return sshwhy.Printable(al.Notice.Error())
	case al.News == sshwhy.NewsDigest:
		text := fmt.Sprintf(w.noise, al.Findings, al.NumSources)
		if len(al.Sources) > 0 {
			text += w.list + fmt.Sprintf(w.noiseFrom, sshwhy.Printable(al.Sources[0].Value))
		}
		return text
	case a.is(al, "login-after-failures"):
		return fmt.Sprintf(w.gotIn, a.few(al.Users, al.NumUsers), a.few(al.Sources, al.NumSources))
	case al.Latest != nil && al.Latest.Outcome == sshwhy.OutcomeStartupFailed:
		return fmt.Sprintf(w.down, a.why(al)) + a.where(al)
	case al.Latest != nil && al.Latest.Outcome == sshwhy.OutcomeAccepted && len(al.Users) == 1 && al.Users[0].Value == "root":
		return fmt.Sprintf(w.rootIn, a.few(al.Sources, al.NumSources))
	case al.Rest:
		return fmt.Sprintf(w.rest, al.Rule, al.Findings)
	case al.NumUsers > 1:
		return fmt.Sprintf(w.manyUsers, al.NumUsers, a.why(al))
	case al.NumUsers == 1:
		return fmt.Sprintf(w.oneUser, sshwhy.Printable(al.Users[0].Value), a.why(al))
	}
	return fmt.Sprintf(w.noUser, a.why(al))
}

// Facts say how many, from where, since when, and what came before: a short
// text each, in the zone.
func (a *Alert) Facts(al *sshwhy.Alert, zone *time.Location) []string {
	w := &a.w
	var list []string
	if al.Findings > 1 {
		list = append(list, fmt.Sprintf(w.attempts, al.Findings))
	}
	switch {
	case al.NumSources > 3:
		list = append(list, fmt.Sprintf(w.sources, al.NumSources))
	case al.NumSources > 0:
		list = append(list, fmt.Sprintf(w.from, a.few(al.Sources, al.NumSources)))
	}
	if al.NumUsers > 1 {
		list = append(list, a.few(al.Users, al.NumUsers))
	}
	if text := a.where(al); text != "" {
		list = append(list, strings.TrimPrefix(text, w.list))
	}
	if al.Since != 0 {
		list = append(list, fmt.Sprintf(w.since, time.Unix(0, al.Since).In(zone).Format("2006-01-02 15:04:05 -0700")))
	}
	if c := a.causes.Cause(al.After); c != nil {
		list = append(list, fmt.Sprintf(w.after, al.AfterFor.Round(time.Second), c.Texts[a.language].Title))
	}
	return list
}

// where names the hosts.
func (a *Alert) where(al *sshwhy.Alert) string {
	switch {
	case al.NumHosts > 3:
		return a.w.list + fmt.Sprintf(a.w.hosts, al.NumHosts)
	case al.NumHosts > 0:
		return a.w.list + fmt.Sprintf(a.w.on, a.few(al.Hosts, al.NumHosts))
	}
	return ""
}

// why names the causes by their titles.
func (a *Alert) why(al *sshwhy.Alert) string {
	var titles []string
	for _, id := range al.Causes[:min(len(al.Causes), 3)] {
		switch c := a.causes.Cause(id); {
		case c == nil:
		case c.ID == causes.Undetermined:
			titles = append(titles, a.w.undetermined)
		default:
			titles = append(titles, c.Texts[a.language].Title)
		}
	}
	if len(titles) == 0 {
		return a.w.undetermined
	}
	return strings.Join(titles, " / ")
}

func (a *Alert) is(al *sshwhy.Alert, cause string) bool {
	return slices.Contains(al.Causes, a.causes.Find(cause))
}

// few names the first values of a list and counts the rest.
func (a *Alert) few(list []sshwhy.Counted, distinct int) string {
	var names []string
	for _, c := range list[:min(len(list), 3)] {
		names = append(names, sshwhy.Printable(c.Value))
	}
	text := strings.Join(names, a.w.list)
	if more := distinct - len(names); more > 0 {
		text = fmt.Sprintf(a.w.and, text, more)
	}
	return text
}
