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

	From, EmptyUser, SomeClient, Accepted string
	Fix, ToKnow, CouldBe, Line, Why       string
	// Before stands at what went wrong before a login succeeded, Also at
	// what went wrong beside the cause.
	Before, Also string
	// CannotBe stands before causes that are ruled out, by a colon and what
	// rules them out.
	CannotBe, Colon string
	// Vanished says how a session ended of which the log tells no more,
	// Revised that a verdict was given before, AsAt that its remedy was
	// shown with the one of that time, Daemon names the sshd of a host.
	Vanished, Revised, AsAt, Daemon string
	// StillOpen says of a connection that what was read ends before it.
	StillOpen    string
	LabelWidth   int
	Summary      Summary
	outcomes     map[sshwhy.Outcome]string
	confidences  map[sshwhy.Confidence]string
	places       map[string]string
	more, onLine string
	rules        map[sshwhy.Rule]string
	against      map[sshwhy.Against]string
	steps        map[sshwhy.Step]string
}

// Summary are the words of the account at the end of a replay. Those with a
// verb of fmt in them are formats.
type Summary struct {
	Title, SoFar, Span, Connections, Service, Lines, Assumed string

	Causes, ServiceCauses, Attacks, Users, Sources string
	Fix, Example, Explain, OtherCauses             string

	// Counts of names beyond the budget.
	AtLeast, Estimated string

	// Where none is between --since and --until, and how far the log goes.
	NoneSince, NoneUntil, NoneBetween string
	LogBegins, LogSpans               string

	NoSSHD, Evicted                       string
	Read, Truncated, SeeMissed, PerSource string
	NoYear, NoYearStated, NoZone          string

	// The list of lines that were not recognised.
	Missed, NothingMissed string
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
		Fix: "fix", ToKnow: "to know", CouldBe: "could be", Line: "line", Why: "why", Before: "before", Also: "also", CannotBe: "not", Colon: ": ",
		Vanished: "the session ended, and the client had not said that it leaves", StillOpen: "still open at the end of what was read", Revised: " (revision %d)", AsAt: "as at %s", Daemon: "sshd on %s",
		LabelWidth: 10,
		outcomes: map[sshwhy.Outcome]string{
			sshwhy.OutcomeAccepted: "accepted", sshwhy.OutcomeRefused: "refused", sshwhy.OutcomeDisconnected: "disconnected",
			sshwhy.OutcomeDropped: "dropped", sshwhy.OutcomeStartupFailed: "sshd did not start",
		},
		confidences: map[sshwhy.Confidence]string{
			sshwhy.ConfidenceUndetermined: "undetermined", sshwhy.ConfidenceLikely: "likely", sshwhy.ConfidenceCertain: "certain",
		},
		places: map[string]string{"server": "server", "client": "client", "ca": "CA", "admin": "another administrator"},
		more:   "and %d more", onLine: "line %d",
		rules: englishRules(), against: englishAgainst(), steps: englishSteps(),
		Summary: Summary{
			Title: "Summary", SoFar: "Summary so far (interrupted)", Span: "time", Connections: "connections", Service: "sshd", Lines: "lines", Assumed: "assumed",
			Causes: "Why logins failed", ServiceCauses: "What sshd said of itself", Attacks: "Attacks",
			Users: "Users who could not log in", Sources: "Sources that could not log in",
			Fix: "fix", Example: "fix, e.g.", Explain: "`sshwhy explain %s` tells more, and so for every name in this list", OtherCauses: "%d others, of %d causes",
			AtLeast: "(at least %d)", Estimated: "more than %d different names: counts with ~ are estimates, and a name that is missing occurred at most %d times",
			NoneSince: "no line of sshd is as late as --since", NoneUntil: "no line of sshd is earlier than --until", NoneBetween: "no line of sshd falls between --since and --until",
			LogBegins: "; the log begins at %s", LogSpans: "; the log begins at %s and ends at %s",
			NoSSHD: "no line of sshd was found", Evicted: "%d connections were judged early, because too many were open at once",
			Read:      "%d read = %d parsed + %d unparsed (sshd's, not recognised) + %d skipped (other programs)",
			Truncated: "%d of them were cut, by %d bytes in all, because they were longer than %d bytes", SeeMissed: "`sshwhy replay --missed` shows the unparsed ones by shape",
			PerSource: "%s: %d read = %d parsed + %d unparsed + %d skipped",
			NoYear:    "%s: times carry no year; it was taken from the file's time of change (--year sets it)", NoYearStated: "%s: times carry no year; --year %d was taken for the first",
			NoZone: "%s: times carry no zone; %s was taken (--tz sets it)",
			Missed: "Lines of sshd that were not recognised, by shape", NothingMissed: "every line of sshd was recognised",
		},
	}
}

func japanese() *Words {
	return &Words{
		Language: causes.Japanese,
		From:     " ← ", EmptyUser: "(空のユーザー名)", SomeClient: "クライアント", Accepted: "ログイン成功",
		Fix: "対処", ToKnow: "調べ方", CouldBe: "候補", Line: "ログ行", Why: "根拠", Before: "その前に", Also: "ほかに", CannotBe: "除外", Colon: "：",
		Vanished: "クライアントの切断通知なしにセッションが終了", StillOpen: "読み込んだ範囲の終わりでまだ接続中", Revised: "（第 %d 版）", AsAt: "%s の対処と同じ", Daemon: "%s の sshd",
		LabelWidth: 10,
		outcomes: map[sshwhy.Outcome]string{
			sshwhy.OutcomeAccepted: "ログイン成功", sshwhy.OutcomeRefused: "拒否", sshwhy.OutcomeDisconnected: "切断",
			sshwhy.OutcomeDropped: "接続破棄", sshwhy.OutcomeStartupFailed: "sshd が起動しない",
		},
		confidences: map[sshwhy.Confidence]string{
			sshwhy.ConfidenceUndetermined: "原因不明", sshwhy.ConfidenceLikely: "可能性が高い", sshwhy.ConfidenceCertain: "確実",
		},
		places: map[string]string{"server": "サーバー", "client": "クライアント", "ca": "認証局", "admin": "別の管理者"},
		more:   "ほか %d 件", onLine: "%d 行目",
		rules: japaneseRules(), against: japaneseAgainst(), steps: japaneseSteps(),
		Summary: Summary{
			Title: "集計", SoFar: "ここまでの集計（中断）", Span: "期間", Connections: "接続", Service: "sshd", Lines: "行", Assumed: "仮定",
			Causes: "ログインに失敗した原因", ServiceCauses: "sshd 自身の出来事", Attacks: "攻撃",
			Users: "ログインできなかったユーザー", Sources: "ログインできなかった接続元",
			Fix: "対処", Example: "対処の例", Explain: "詳しくは `sshwhy explain %s`（一覧のほかの名前も同様）", OtherCauses: "ほか %d 件（原因 %d 種類）",
			AtLeast: "（少なくとも %d）", Estimated: "名前が %d 種類を超えたため、~ の付いた件数は推定値です。一覧にない名前は多くても %d 件です",
			NoneSince: "--since 以降の sshd の行はありません", NoneUntil: "--until より前の sshd の行はありません", NoneBetween: "--since から --until までの sshd の行はありません",
			LogBegins: "（ログの最初は %s）", LogSpans: "（ログの最初は %s、最後は %s）",
			NoSSHD: "sshd の行は見つかりませんでした", Evicted: "同時に開いている接続が多すぎたため、%d 件は早めに判定しました",
			Read:      "読み込み %d = 解析 %d + 未解析 %d（認識できなかった sshd の行）+ 対象外 %d（ほかのプログラム）",
			Truncated: "うち %d 行は長すぎるため、計 %d バイトを切り捨てました（上限 %d バイト）", SeeMissed: "`sshwhy replay --missed` で未解析の行を形ごとに表示します",
			PerSource: "%s: 読み込み %d = 解析 %d + 未解析 %d + 対象外 %d",
			NoYear:    "%s: 時刻に年がないため、ファイルの更新時刻から補いました（--year で指定できます）", NoYearStated: "%s: 時刻に年がないため、最初の行を --year %d としました",
			NoZone: "%s: 時刻にタイムゾーンがないため、%s としました（--tz で指定できます）",
			Missed: "認識できなかった sshd の行（形ごと）", NothingMissed: "sshd の行はすべて認識できました",
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
