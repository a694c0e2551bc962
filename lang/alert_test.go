package lang_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
)

// TestAlert shows what the alerts of the shipped rules say.
func TestAlert(t *testing.T) {
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	counted := func(values ...string) (list []sshwhy.Counted) {
		for _, v := range values {
			list = append(list, sshwhy.Counted{Value: v, Count: 1})
		}
		return list
	}
	since := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).UnixNano()
	for _, a := range []struct {
		name             string
		alert            sshwhy.Alert
		headline, facts  string
		headlineJA       string
		factsJAHasPrefix string
	}{
		{
			"one user", sshwhy.Alert{
				By: []sshwhy.Shared{{Name: "user", Value: "bob"}}, Findings: 5, Since: since, Causes: []sshwhy.CauseID{c.Find("undetermined")},
				Users: counted("bob"), NumUsers: 1, Sources: counted("203.0.113.7"), NumSources: 1, Hosts: counted("edge05"), NumHosts: 1,
			},
			"bob cannot log in: the log does not tell why", "5 times; from 203.0.113.7; on edge05; since 2026-03-02 08:00:00 +0000",
			"bob がログインできない: ログからは原因が分からない", "5 回; 接続元 203.0.113.7",
		},
		{
			"many users after a restart", sshwhy.Alert{
				By: []sshwhy.Shared{{Name: "cause"}}, Findings: 20, Causes: []sshwhy.CauseID{c.Find("account-locked")}, After: c.Find("sshd-stopped"), AfterFor: 40 * time.Second,
				Users: counted("ann", "bob", "cy", "dee"), NumUsers: 12, Sources: counted("a", "b"), NumSources: 9,
			},
			"12 users cannot log in: " + c.Cause(c.Find("account-locked")).Texts[causes.English].Title,
			"20 times; from 9 addresses; ann, bob, cy and 9 more; it began 40s after: " + c.Cause(c.Find("sshd-stopped")).Texts[causes.English].Title,
			"12 人のユーザーがログインできない: " + c.Cause(c.Find("account-locked")).Texts[causes.Japanese].Title, "20 回; 接続元 9 件; ann、bob、cy ほか 9 件; 開始の 40s 前に",
		},
		{
			"strangers", sshwhy.Alert{News: sshwhy.NewsDigest, Findings: 4321, NumSources: 256, Sources: counted("198.51.100.9")},
			"4321 logins of strangers were refused, from 256 addresses, most from 198.51.100.9", "4321 times; from 256 addresses",
			"外部からの不審なログイン 4321 件を拒否した（接続元 256）、最多は 198.51.100.9", "4321 回",
		},
		{
			"a rule that puts all into one", sshwhy.Alert{Rule: "any", Findings: 2, Causes: []sshwhy.CauseID{c.Find("undetermined")}},
			"logins fail: the log does not tell why", "2 times", "ログインに失敗している: ログからは原因が分からない", "2 回",
		},
		{
			"beyond what is told one by one", sshwhy.Alert{Rule: "locked-out", Rest: true, Findings: 40},
			`more alerts of the rule "locked-out" began than are told one by one: 40 logins failed`, "40 times", `ルール "locked-out" のアラートが多いためまとめて通知する: ログイン失敗 40 件`, "40 回",
		},
		{
			"a hostile name", sshwhy.Alert{By: []sshwhy.Shared{{Name: "user"}}, Findings: 1, Users: counted("\x1b[2J\u202e"), NumUsers: 1},
			`\x1b[2J\u{202e} cannot log in: the log does not tell why`, "", `\x1b[2J\u{202e} がログインできない: ログからは原因が分からない`, "",
		},
	} {
		t.Run(a.name, func(t *testing.T) {
			en, ja := lang.AlertIn(causes.English, c), lang.AlertIn(causes.Japanese, c)
			if got := en.Headline(&a.alert); got != a.headline {
				t.Errorf("the headline is %q, want %q", got, a.headline)
			}
			if got := strings.Join(en.Facts(&a.alert, time.UTC), "; "); got != a.facts {
				t.Errorf("the facts are %q, want %q", got, a.facts)
			}
			if got := ja.Headline(&a.alert); got != a.headlineJA {
				t.Errorf("the Japanese headline is %q, want %q", got, a.headlineJA)
			}
			if got := strings.Join(ja.Facts(&a.alert, time.UTC), "; "); !strings.HasPrefix(got, a.factsJAHasPrefix) {
				t.Errorf("the Japanese facts are %q", got)
			}
		})
	}
}
