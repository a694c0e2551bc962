package lang

import "github.com/sshwhy/sshwhy/causes"

// Page are the words of the page of a forensic replay. Those with a verb of fmt
// in them are formats.
type Page struct {
	Title, Span, Nothing string
	// The answers at the top.
	Answers, Who, WhoNone, First, New, NewNone, GotIn, GotInNone, Passwords, PasswordsNone, RSA, RSANone string
	// Headings.
	Timeline, TimelineText, Causes, Users, Keys, Sources, Hosts, Ledger, Attacks, Service, Gaps, Accounting, About string
	// Texts below headings.
	LedgerText, KeysText, GapsText, AccountingText, Estimated, More, Filter string
	// Columns.
	Day, Cause, Count, Meaning, Fix, User, Accepted, Failed, FirstSeen, LastSeen, Source, Host, Key, Start, End, Tries, Event, File, Lines, Parsed, Unparsed, Skipped, Problem, Length, Usual string
	// What a gap is.
	Silent, Back string
	// Of the accounting.
	VersionLabel, CatalogueLabel, YearLabel, ZoneLabel string
	// Of geography.
	Countries, CountriesText, Country, Elsewhere, Where, GeographyLabel string
	// YearWays say how the year of lines is known.
	YearWays map[string]string
}

// PageIn gives the words of a language.
func PageIn(language causes.Language) *Page {
	if language == causes.Japanese {
		return japanesePage()
	}
	return englishPage()
}

func englishPage() *Page {
	return &Page{
		Title: "SSH logins: what failed, and why", Span: "%s to %s", Nothing: "none",
		Answers: "In short", Who: "Who could not log in, and why", WhoNone: "Nobody: no login failed.", First: "What to do first", New: "What is new in the last %s", NewNone: "Nothing that was not there before.",
		GotIn: "Did anyone get in after failures?", GotInNone: "No login followed a series of failures from the same address.",
		Passwords: "If passwords were switched off, these users have no key that ever worked: %s.", PasswordsNone: "If passwords were switched off, nobody who logged in here would be locked out: all have used a key.",
		RSA: "These users have used RSA keys only: %s. The log does not tell whether they sign with SHA-1 (ssh-rsa); clients older than OpenSSH 7.2 do, and would be locked out without it.", RSANone: "Nobody depends on an RSA key, so ssh-rsa can be switched off.",
		Timeline: "In the course of time", TimelineText: "Connections by their outcome, times in UTC. The table below holds the same numbers.", Causes: "Causes", Users: "Users", Keys: "Keys", Sources: "Addresses", Hosts: "Hosts",
		Ledger: "Which key opened which account from where", Attacks: "Series of failures", Service: "sshd itself", Gaps: "Gaps and jumps", Accounting: "What was read", About: "How this page was made",
		LedgerText: "Every login that succeeded, by what opened it. Exact unless said otherwise.", KeysText: "Keys that were offered or accepted, by fingerprint, where the log names them.",
		GapsText: "Times in which a host was silent for ten times as long as 99 of 100 of its pauses, and times at which its clock went back. A rotation that went wrong looks like this, and so does a log that somebody cut.", AccountingText: "read = parsed + unparsed + skipped, file by file.",
		Estimated: "There were more than %d different names: counts with ~ are estimates, and a name that is missing occurred at most %d times.", More: "%d more are not shown.", Filter: "filter",
		Day: "time", Cause: "cause", Count: "count", Meaning: "what it means", Fix: "what to do", User: "user", Accepted: "accepted", Failed: "not accepted", FirstSeen: "first", LastSeen: "last", Source: "address", Host: "host", Key: "key or method",
		Start: "from", End: "until", Tries: "tries", Event: "event", File: "file", Lines: "lines", Parsed: "parsed", Unparsed: "unparsed", Skipped: "skipped", Problem: "problem", Length: "length", Usual: "usual",
		Silent: "silent", Back: "the clock went back", VersionLabel: "version", CatalogueLabel: "catalogue", YearLabel: "year", ZoneLabel: "time zone",
		Countries: "Countries", CountriesText: "Connections by the country of their address, by %s. That is where a network is registered or mostly used; a person behind a VPN or another's machine may sit elsewhere.", Country: "country", Elsewhere: "in no database", Where: "where", GeographyLabel: "geography by",
		YearWays: map[string]string{"written": "in the lines", "stated": "as stated", "modified": "from the file's time of change", "order": "from the order of the files", "now": "the latest that is not in the future"},
	}
}

func japanesePage() *Page {
	return &Page{
		Title: "SSH ログインの失敗とその原因", Span: "%s 〜 %s", Nothing: "なし",
		Answers: "要点", Who: "ログインできなかったユーザーとその原因", WhoNone: "該当なし。失敗したログインはない。", First: "最初にすべきこと", New: "直近 %s に新しく現れたもの", NewNone: "以前になかったものはない。",
		GotIn: "失敗を重ねた後にログインした者はいるか", GotInNone: "同じ接続元からの失敗の後に成功したログインはない。",
		Passwords: "パスワード認証を無効にすると、鍵でログインしたことのない次のユーザーが締め出される: %s。", PasswordsNone: "パスワード認証を無効にしても、締め出されるユーザーはいない。全員が鍵を使ったことがある。",
		RSA: "次のユーザーは RSA 鍵しか使っていない: %s。SHA-1 署名（ssh-rsa）かどうかはログからは分からない。OpenSSH 7.2 より古いクライアントは ssh-rsa を使うため、無効にすると締め出される。", RSANone: "RSA 鍵に頼っているユーザーはいないため、ssh-rsa は無効にできる。",
		Timeline: "時間の推移", TimelineText: "接続数の推移（結果別、時刻は UTC）。同じ数値を下の表に示す。", Causes: "原因", Users: "ユーザー", Keys: "鍵", Sources: "接続元", Hosts: "ホスト",
		Ledger: "どの鍵がどこからどのアカウントを開いたか", Attacks: "連続した失敗", Service: "sshd 自身の出来事", Gaps: "空白と時刻の飛び", Accounting: "読み込んだもの", About: "このページについて",
		LedgerText: "成功したログインを、認証に使われたものごとに示す。注記がない限り正確な件数。", KeysText: "提示または受理された鍵のフィンガープリント（ログに出ている場合）。",
		GapsText: "ホストの出力の間隔が、通常（100 回中 99 回）の 10 倍を超えた期間と、時刻が逆行した箇所。ローテーションの失敗やログの改ざんでこうなる。", AccountingText: "ファイルごとに、読み込み = 解析 + 未解析 + 対象外。",
		Estimated: "名前が %d 種類を超えたため、~ の付いた件数は推定値。一覧にない名前は多くても %d 件。", More: "ほか %d 件は省略。", Filter: "絞り込み",
		Day: "時刻", Cause: "原因", Count: "件数", Meaning: "意味", Fix: "対処", User: "ユーザー", Accepted: "成功", Failed: "失敗", FirstSeen: "最初", LastSeen: "最後", Source: "接続元", Host: "ホスト", Key: "鍵または方式",
		Start: "開始", End: "終了", Tries: "試行回数", Event: "出来事", File: "ファイル", Lines: "行", Parsed: "解析", Unparsed: "未解析", Skipped: "対象外", Problem: "問題", Length: "長さ", Usual: "通常",
		Silent: "出力なし", Back: "時刻の逆行", VersionLabel: "バージョン", CatalogueLabel: "カタログ", YearLabel: "年", ZoneLabel: "タイムゾーン",
		Countries: "国・地域", CountriesText: "接続元アドレスの国・地域別の接続数（%s による）。ネットワークの登録地または主な利用地であり、VPN や踏み台を経由した利用者の実際の所在地とは限らない。", Country: "国・地域", Elsewhere: "データベースになし", Where: "所在地", GeographyLabel: "位置情報",
		YearWays: map[string]string{"written": "行に記載", "stated": "指定どおり", "modified": "ファイルの更新時刻から", "order": "ファイルの順序から", "now": "未来にならない最新の年"},
	}
}
