package lang

import "github.com/sshwhy/sshwhy/causes"

// Client are the words of "sshwhy client". Those with a verb of fmt in them
// are formats.
type Client struct {
	// Steps name the steps by the classifier's names for them, Sides where
	// the reason lies, Fates what became of a key, From where it is from.
	Steps, Sides, Fates, From map[string]string
	// Methods say what the authentication methods are.
	Methods map[string]string

	// Labels of rows.
	Takes, Keys, Agent, Behind, CouldBe, AsWell, ServerLog, Note string

	// OnSide joins cause, step and side; LoggedIn stands for them.
	OnSide, LoggedIn, Unknown string
	// Someone and SomeServer stand for names that the output does not tell.
	SomeServer, UserAt string
	// Details of steps.
	Port, FailedAddress, KnownIn, TriedMethods, NothingTried, Named, DefaultKeys, AgentKeys, Through string
	// FromSSH stands above what a line means as a message of ssh.
	FromSSH string
	// Notes.
	Doubts, Alone, AtHop, NothingSaid, Run string
	// What the server's log adds.
	NotInLog, NeverSeen, Several, BothSides, LogUnsure, Nearest string
}

// ClientIn gives the words of a language.
func ClientIn(language causes.Language) *Client {
	if language == causes.Japanese {
		return japaneseClient()
	}
	return englishClient()
}

func englishClient() *Client {
	return &Client{
		Steps: map[string]string{
			"setup": "configuration", "resolve": "name", "connect": "connection", "banner": "version", "kex": "key exchange",
			"host-key": "host key", "authentication": "authentication", "session": "session",
		},
		Sides: map[string]string{"client": "client side", "server": "server side", "network": "network", "unknown": "side not known"},
		Fates: map[string]string{
			"unused": "not offered", "offered": "offered, no answer", "refused": "offered, not accepted", "accepted": "accepted", "unusable": "could not be used", "skipped": "left out by ssh",
		},
		From: map[string]string{"file": "file", "agent": "from the agent", "token": "on a token (PKCS#11)", "authenticator": "on a security key (FIDO)"},
		Methods: map[string]string{
			"publickey": "a key", "password": "a password", "keyboard-interactive": "questions: a password, a code", "gssapi-with-mic": "a Kerberos ticket",
			"gssapi-keyex": "Kerberos", "hostbased": "the key of the client's host", "none": "nothing",
		},
		Takes: "takes", Keys: "keys", Agent: "agent", Behind: "behind it", CouldBe: "could be", AsWell: "as well", ServerLog: "server", Note: "note",
		OnSide: "%s · %s · %s", LoggedIn: "the login was accepted", Unknown: "the output does not tell",
		SomeServer: "the server", UserAt: "%s at %s",
		Port: "%s port %s", FailedAddress: "%s port %s: %s", KnownIn: "known in %s", TriedMethods: "tried %s", NothingTried: "nothing was tried",
		Named: "named by -i or the configuration", DefaultKeys: "ssh looked for the usual files in ~/.ssh and found no key there", AgentKeys: "keys in it: %s", Through: "through: %s",
		FromSSH:     "As a message of ssh, the client:",
		Doubts:      "the output contradicts itself: the server may have sent text that looks like ssh's",
		Alone:       "a message alone; with `ssh -v` sshwhy sees every step",
		AtHop:       "this is about the jump host; the server itself was not reached",
		NothingSaid: "no line of ssh was found in the input",
		Run:         "run %d of %d",
		NotInLog:    "this log has no connection that fits: another host's log, another time (--at), or sshd never saw this client",
		NeverSeen:   "sshd can have nothing of this in its log: the client did not come as far as sshd",
		Several:     "%d connections fit; this is the nearest. --port, --from and --at narrow it down",
		BothSides:   "the log names the cause",
		LogUnsure:   "the log does not settle it either",
		Nearest:     "no connection at that time; this is the last one of the user",
	}
}

func japaneseClient() *Client {
	return &Client{
		Steps: map[string]string{
			"setup": "設定", "resolve": "名前解決", "connect": "接続", "banner": "バージョン交換", "kex": "鍵交換",
			"host-key": "ホスト鍵", "authentication": "認証", "session": "セッション",
		},
		Sides: map[string]string{"client": "クライアント側", "server": "サーバー側", "network": "ネットワーク", "unknown": "どちら側かは不明"},
		Fates: map[string]string{
			"unused": "提示せず", "offered": "提示したが応答なし", "refused": "提示したが受け付けられず", "accepted": "受け付けられた", "unusable": "使えない", "skipped": "ssh が除外",
		},
		From: map[string]string{"file": "ファイル", "agent": "エージェント", "token": "トークン (PKCS#11)", "authenticator": "セキュリティキー (FIDO)"},
		Methods: map[string]string{
			"publickey": "鍵", "password": "パスワード", "keyboard-interactive": "質問への回答 (パスワードや確認コード)", "gssapi-with-mic": "Kerberos のチケット",
			"gssapi-keyex": "Kerberos", "hostbased": "クライアントホストの鍵", "none": "なし",
		},
		Takes: "認証方式", Keys: "鍵", Agent: "エージェント", Behind: "背景の候補", CouldBe: "候補", AsWell: "ほかに", ServerLog: "サーバー", Note: "注記",
		OnSide: "%s · %s · %s", LoggedIn: "ログインは成功", Unknown: "出力からは分からない",
		SomeServer: "サーバー", UserAt: "%s → %s",
		Port: "%s ポート %s", FailedAddress: "%s ポート %s: %s", KnownIn: "%s に登録済み", TriedMethods: "試した方式: %s", NothingTried: "何も試していない",
		Named: "-i または設定で指定", DefaultKeys: "ssh は ~/.ssh の標準の鍵ファイルを探したが、鍵はなかった", AgentKeys: "登録されている鍵: %s 本", Through: "中継: %s",
		FromSSH:     "クライアント (ssh) のメッセージとして:",
		Doubts:      "出力に矛盾がある。サーバーが ssh の出力に似せた文字列を送った可能性がある",
		Alone:       "メッセージだけの入力。`ssh -v` の出力なら、すべての段階が分かる",
		AtHop:       "これは踏み台についての結果で、目的のサーバーには届いていない",
		NothingSaid: "入力に ssh の出力が見つからない",
		Run:         "%d 回目 (全 %d 回)",
		NotInLog:    "このログには該当する接続がない。別のホストのログか、時刻が違う (--at) か、sshd に届いていない",
		NeverSeen:   "クライアントは sshd まで届いていないため、サーバーのログには何も残らない",
		Several:     "%d 件の接続が該当する。これは最も近いもの。--port、--from、--at で絞り込める",
		BothSides:   "ログが原因を示している",
		LogUnsure:   "ログからも原因は特定できない",
		Nearest:     "その時刻の接続はない。これは、このユーザーの最後の接続",
	}
}
