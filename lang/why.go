package lang

import (
	"fmt"

	"github.com/sshwhy/sshwhy"
)

// Rule says what a finding was concluded from.
func (w *Words) Rule(r sshwhy.Rule) string { return w.rules[r] }

// Against says what speaks against a cause, "" for nothing.
func (w *Words) Against(a sshwhy.Against) string { return w.against[a] }

// OnLine names a line of the evidence by its number, which counts from 1.
func (w *Words) OnLine(n int) string { return fmt.Sprintf(w.onLine, n) }

// Step says how far a connection has come.
func (w *Words) Step(s sshwhy.Step) string { return w.steps[s] }

func englishRules() map[sshwhy.Rule]string {
	return map[sshwhy.Rule]string{
		sshwhy.RuleLine:                 "a line says so",
		sshwhy.RuleLineFits:             "a line fits, and so would those of the candidates",
		sshwhy.RuleService:              "sshd says so of itself",
		sshwhy.RuleInspected:            "a look at this host says so",
		sshwhy.RuleAfterLogin:           "a line after the login says so",
		sshwhy.RuleClosedWithoutWord:    "the client closed the connection without saying that it leaves",
		sshwhy.RuleEndedWithoutWord:     "the session ended, and the client had not said that it leaves",
		sshwhy.RuleMaxTries:             "sshd says that MaxAuthTries was reached",
		sshwhy.RuleKeyOptions:           "an option of the key's line refused it, and from= would have left a line before",
		sshwhy.RuleInvalidUnexplained:   "sshd calls the user invalid; the line that says why is not there",
		sshwhy.RuleSecondMissing:        "one method was passed, AuthenticationMethods asks for another, and none followed",
		sshwhy.RuleSecondRefused:        "one method was passed, and the next was refused",
		sshwhy.RulePassword:             "a password was refused; a locked or unset one leaves the same lines",
		sshwhy.RuleRootPassword:         "a password of root was refused; PermitRootLogin leaves the same lines for the right one",
		sshwhy.RulePasswordNotByPAMUnix: "sshd refused a password, but pam_unix, which wrote of this user before, did not",
		sshwhy.RuleNoneRefused:          "method none was refused after another: an empty password, or an abort at the prompt",
		sshwhy.RuleCertificate:          "a certificate was refused, and no line says what is wrong with it: then its CA is not trusted",
		sshwhy.RuleKeyFileMissing:       "a key was refused, and at DEBUG1 sshd did not find the file that should hold it",
		sshwhy.RuleKey:                  "a key was refused; at this LogLevel sshd does not say why",
		sshwhy.RuleKeyAccepted:          "the key would have been accepted, and nothing followed",
		sshwhy.RuleReset:                "the connection was reset",
		sshwhy.RuleSaidGoodbye:          "the client said that it leaves, before it named a user",
		sshwhy.RuleSaidGoodbyeUnnamed:   "the client said that it leaves; releases up to 7.4 do not name the user then",
		sshwhy.RuleLeft:                 "the client left during authentication; at LogLevel INFO sshd does not log a refused key or a method that is off",
		sshwhy.RuleLeftVerbose:          "the client left, and at VERBOSE a refused key or password would have left a line",
		sshwhy.RuleLeftUnnamed:          "the client left; releases up to 7.4 do not name the user then, and do not log a refused key at INFO",
		sshwhy.RuleLeftUnnamedVerbose:   "the client left; at VERBOSE a refused key or password would have left a line",
		sshwhy.RuleLeftUnknownStage:     "the client left before it said anything, or in a session whose login the log lacks",
		sshwhy.RuleLeftBeforeUser:       "the client left before it named a user",
		sshwhy.RuleOpen:                 "what was read ends before the connection, within the time in which one may log in",
		sshwhy.RuleNoEnd:                "the connection has no end in the log",
		sshwhy.RuleBruteForce:           "logins from this source failed at least 10 times, never ten minutes apart",
		sshwhy.RuleLoginAfterFailures:   "a login succeeded from a source that had failed at least 5 times shortly before",
	}
}

func japaneseRules() map[sshwhy.Rule]string {
	return map[sshwhy.Rule]string{
		sshwhy.RuleLine:                 "ログにそう記録されている",
		sshwhy.RuleLineFits:             "該当するログ行があるが、ほかの候補でも同じ行が残る",
		sshwhy.RuleService:              "sshd 自身がそう記録している",
		sshwhy.RuleInspected:            "このホストを調べた結果による",
		sshwhy.RuleAfterLogin:           "ログイン後の行に記録されている",
		sshwhy.RuleClosedWithoutWord:    "クライアントが切断を通知せずに接続を閉じた",
		sshwhy.RuleEndedWithoutWord:     "クライアントの切断通知なしにセッションが終了した",
		sshwhy.RuleMaxTries:             "MaxAuthTries に達したと sshd が記録している",
		sshwhy.RuleKeyOptions:           "鍵の行のオプションで拒否された。from= であれば、その前に別の行が残る",
		sshwhy.RuleInvalidUnexplained:   "sshd はこのユーザーを無効 (invalid) としているが、その理由の行がない",
		sshwhy.RuleSecondMissing:        "1 つ目の認証は通ったが、AuthenticationMethods が求める次の認証が行われていない",
		sshwhy.RuleSecondRefused:        "1 つ目の認証は通ったが、次の認証が拒否された",
		sshwhy.RulePassword:             "パスワードが拒否された。ロックされたパスワードや未設定でも同じ行が残る",
		sshwhy.RuleRootPassword:         "root のパスワードが拒否された。PermitRootLogin による拒否では、正しいパスワードでも同じ行が残る",
		sshwhy.RulePasswordNotByPAMUnix: "sshd はパスワードを拒否したが、以前このユーザーを記録した pam_unix の行がない",
		sshwhy.RuleNoneRefused:          "ほかの認証の後に none が拒否された。空のパスワードか、入力の中断である",
		sshwhy.RuleCertificate:          "証明書が拒否されたが、証明書自体の問題を示す行がない。この場合、認証局が信頼されていない",
		sshwhy.RuleKeyFileMissing:       "鍵が拒否された。DEBUG1 のログでは、鍵を登録するファイルが見つかっていない",
		sshwhy.RuleKey:                  "鍵が拒否された。この LogLevel では、sshd は理由を記録しない",
		sshwhy.RuleKeyAccepted:          "鍵は受け入れられるはずだったが、その後の行がない",
		sshwhy.RuleReset:                "接続がリセットされた",
		sshwhy.RuleSaidGoodbye:          "クライアントがユーザー名を送る前に切断を通知した",
		sshwhy.RuleSaidGoodbyeUnnamed:   "クライアントが切断を通知した。7.4 以前では、このときユーザー名が記録されない",
		sshwhy.RuleLeft:                 "認証の途中でクライアントが切断した。LogLevel INFO では、鍵の拒否も無効な認証方式も記録されない",
		sshwhy.RuleLeftVerbose:          "クライアントが切断した。VERBOSE であれば、鍵やパスワードの拒否は記録される",
		sshwhy.RuleLeftUnnamed:          "クライアントが切断した。7.4 以前ではこのときユーザー名が記録されず、INFO では鍵の拒否も記録されない",
		sshwhy.RuleLeftUnnamedVerbose:   "クライアントが切断した。VERBOSE であれば、鍵やパスワードの拒否は記録される",
		sshwhy.RuleLeftUnknownStage:     "クライアントが何も送らずに切断したか、ログインの記録がログにないセッションが終わった",
		sshwhy.RuleLeftBeforeUser:       "クライアントがユーザー名を送る前に切断した",
		sshwhy.RuleOpen:                 "読み込んだ範囲が接続の終わりより先に終わり、ログインできる時間もまだ残っている",
		sshwhy.RuleNoEnd:                "接続の終わりがログにない",
		sshwhy.RuleBruteForce:           "この接続元からのログイン失敗が、10 分以上の間隔を空けずに 10 回以上続いた",
		sshwhy.RuleLoginAfterFailures:   "直前に 5 回以上失敗していた接続元からのログインが成功した",
	}
}

func englishAgainst() map[sshwhy.Against]string {
	return map[sshwhy.Against]string{
		sshwhy.AgainstLevel:         "sshd logs at VERBOSE or more, where a refused key leaves a line, and there is none",
		sshwhy.AgainstNamed:         "the client came as far as to name a user",
		sshwhy.AgainstValid:         "sshd does not call the user invalid",
		sshwhy.AgainstInvalid:       "sshd calls the user invalid: then no key and no password counts",
		sshwhy.AgainstKeyTried:      "a key was looked up",
		sshwhy.AgainstPasswordTried: "a password or code was checked",
		sshwhy.AgainstNoKeyFile:     "sshd did not find the file",
	}
}

func japaneseAgainst() map[sshwhy.Against]string {
	return map[sshwhy.Against]string{
		sshwhy.AgainstLevel:         "LogLevel が VERBOSE 以上なので、鍵が拒否されれば記録が残るが、その行がない",
		sshwhy.AgainstNamed:         "クライアントはユーザー名を送るところまで進んでいる",
		sshwhy.AgainstValid:         "sshd はこのユーザーを無効 (invalid) としていない",
		sshwhy.AgainstInvalid:       "sshd はこのユーザーを無効 (invalid) としている。この場合、鍵もパスワードも受け付けない",
		sshwhy.AgainstKeyTried:      "鍵の照合が行われている",
		sshwhy.AgainstPasswordTried: "パスワードまたはコードの確認が行われている",
		sshwhy.AgainstNoKeyFile:     "sshd はそのファイルを見つけていない",
	}
}

func englishSteps() map[sshwhy.Step]string {
	return map[sshwhy.Step]string{
		sshwhy.StepConnected:      "connected",
		sshwhy.StepNegotiating:    "negotiating",
		sshwhy.StepUserNamed:      "authenticating",
		sshwhy.StepUserRefused:    "no user who may log in",
		sshwhy.StepKeyRefused:     "after a key that was refused",
		sshwhy.StepKeySignature:   "asked for the key's signature",
		sshwhy.StepPasswordPrompt: "at the password prompt",
		sshwhy.StepNextMethod:     "asked for the next method",
	}
}

func japaneseSteps() map[sshwhy.Step]string {
	return map[sshwhy.Step]string{
		sshwhy.StepConnected:      "接続済み",
		sshwhy.StepNegotiating:    "鍵交換中",
		sshwhy.StepUserNamed:      "認証中",
		sshwhy.StepUserRefused:    "ログインできないユーザー",
		sshwhy.StepKeyRefused:     "鍵が拒否された後",
		sshwhy.StepKeySignature:   "鍵の署名待ち",
		sshwhy.StepPasswordPrompt: "パスワード入力待ち",
		sshwhy.StepNextMethod:     "次の認証待ち",
	}
}
