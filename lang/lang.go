// Package lang holds the words that are not causes, in English and Japanese.
package lang

import (
	"fmt"
	"os"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// Words are the words of one language.
type Words struct {
	Language causes.Language

	From, EmptyUser, SomeClient, Accepted   string
	Fix, ToKnow, CouldBe, Line, Why, Remark string
	LabelWidth                              int
	Summary                                 Summary
	outcomes                                map[sshwhy.Outcome]string
	confidences                             map[sshwhy.Confidence]string
	places                                  map[string]string
	more                                    string
}

// Summary are the headings of the account at the end of a replay.
type Summary struct {
	Title, Span, Connections, Causes, Users, Sources, Lines, Nothing, First string
	Read, Parsed, Unparsed, Skipped, Missed, AtMost, Assumed                string
}

// Outcome names how a connection ended.
func (w *Words) Outcome(o sshwhy.Outcome) string { return w.outcomes[o] }

// Confidence names how sure a verdict is.
func (w *Words) Confidence(c sshwhy.Confidence) string { return w.confidences[c] }

// Where names the side on which a step is done.
func (w *Words) Where(place string) string { return w.places[place] }

// More says how many are not shown.
func (w *Words) More(n int) string { return fmt.Sprintf(w.more, n) }

// For gives the words of a language; English for one that there is not.
func For(language causes.Language) *Words {
	if language == causes.Japanese {
		return japanese()
	}
	return english()
}

// Choose gives the language that a flag names, or else the environment:
// LC_ALL, LC_MESSAGES, LANG, in this order (locale(7)).
func Choose(flag string) (causes.Language, error) {
	switch flag {
	case "en":
		return causes.English, nil
	case "ja":
		return causes.Japanese, nil
	case "":
	default:
		return "", fmt.Errorf("there is no text in the language %q; there is en and ja", flag)
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(v, "ja") {
				return causes.Japanese, nil
			}
			return causes.English, nil
		}
	}
	return causes.English, nil
}

func english() *Words {
	return &Words{
		Language: causes.English,
		From:     " from ", EmptyUser: "(empty name)", SomeClient: "a client", Accepted: "accepted",
		Fix: "fix", ToKnow: "to know", CouldBe: "could be", Line: "line", Why: "why", Remark: "before",
		LabelWidth: 10,
		outcomes: map[sshwhy.Outcome]string{
			sshwhy.OutcomeAccepted: "accepted", sshwhy.OutcomeRefused: "refused", sshwhy.OutcomeDisconnected: "disconnected",
			sshwhy.OutcomeDropped: "dropped", sshwhy.OutcomeStartupFailed: "sshd did not start",
		},
		confidences: map[sshwhy.Confidence]string{
			sshwhy.ConfidenceUndetermined: "undetermined", sshwhy.ConfidenceLikely: "likely", sshwhy.ConfidenceCertain: "certain",
		},
		places: map[string]string{"server": "server", "client": "client", "ca": "CA", "admin": "another administrator"},
		more:   "and %d more",
		Summary: Summary{
			Title: "Summary", Span: "time", Connections: "connections", Causes: "why they failed", Users: "users who could not log in",
			Sources: "sources that could not log in", Lines: "lines", Nothing: "no line of sshd was found", First: "first",
			Read: "read", Parsed: "parsed", Unparsed: "unparsed", Skipped: "skipped",
			Missed: "lines of sshd that were not recognised, by shape", AtMost: "(counts with ~ are upper bounds: at most that many)",
			Assumed: "times without a year were read as of %s",
		},
	}
}

func japanese() *Words {
	return &Words{
		Language: causes.Japanese,
		From:     " ← ", EmptyUser: "(空のユーザー名)", SomeClient: "クライアント", Accepted: "ログイン成功",
		Fix: "対処", ToKnow: "調べ方", CouldBe: "候補", Line: "ログ行", Why: "根拠", Remark: "その前に",
		LabelWidth: 10,
		outcomes: map[sshwhy.Outcome]string{
			sshwhy.OutcomeAccepted: "ログイン成功", sshwhy.OutcomeRefused: "拒否", sshwhy.OutcomeDisconnected: "切断",
			sshwhy.OutcomeDropped: "接続破棄", sshwhy.OutcomeStartupFailed: "sshd が起動しない",
		},
		confidences: map[sshwhy.Confidence]string{
			sshwhy.ConfidenceUndetermined: "原因不明", sshwhy.ConfidenceLikely: "可能性が高い", sshwhy.ConfidenceCertain: "確実",
		},
		places: map[string]string{"server": "サーバー", "client": "クライアント", "ca": "認証局", "admin": "別の管理者"},
		more:   "ほか %d 件",
		Summary: Summary{
			Title: "集計", Span: "期間", Connections: "接続", Causes: "失敗の原因", Users: "ログインできなかったユーザー",
			Sources: "ログインできなかった接続元", Lines: "行", Nothing: "sshd の行は見つからなかった", First: "最初",
			Read: "読み込み", Parsed: "解析", Unparsed: "未解析", Skipped: "対象外",
			Missed: "認識できなかった sshd の行（形ごと）", AtMost: "（~ の付いた件数は上限値）",
			Assumed: "年のない時刻は %s を基準に解釈した",
		},
	}
}

// Width gives the number of terminal columns of a text: two for a wide
// character (UAX #11).
func Width(text string) int {
	n := 0
	for _, r := range text {
		n++
		if r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6) {
			n++
		}
	}
	return n
}
