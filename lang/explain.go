package lang

import "github.com/sshwhy/sshwhy/causes"

// Explain are the words of "sshwhy explain".
type Explain struct {
	// Intro stands above the list of all causes.
	Intro string
	// Labels of what is known of a line.
	Line, ReadAs, Time, Host, Program, Stage, Repeated, Message string
	// NoTime and NoYear say what the line lacks.
	NoTime, NoYear string
	// Labels of its pattern.
	Pattern, Level, Writes, Source, Fields string
	// Machinery describes a pattern that is about sshd's inner works.
	Machinery string
	// Labels and texts of what it means.
	ShowsCause, Alone, NoCause, NoVerdict string
	// What to say of lines that no pattern recognises.
	Unparsed, Skipped, NotKnown string
	// Forms name the layouts of headers, by the parser's name for them.
	Forms map[string]string
}

// ExplainIn gives the words of a language.
func ExplainIn(language causes.Language) *Explain {
	if language == causes.Japanese {
		return japaneseExplain()
	}
	return englishExplain()
}

func englishExplain() *Explain {
	return &Explain{
		Intro: "All causes that sshwhy tells apart. \"sshwhy explain CAUSE\" says more of one.",
		Line:  "line", ReadAs: "read as", Time: "time", Host: "host", Program: "program", Stage: "stage", Repeated: "repeated", Message: "message",
		NoTime: "the line has none", NoYear: "the line has no year or zone; see --year and --tz",
		Pattern: "pattern", Level: "LogLevel", Writes: "written by", Source: "source", Fields: "fields",
		Machinery:  "about the inner works of sshd",
		ShowsCause: "shows", Alone: "verdict on this line alone", NoCause: "no cause by itself; it counts together with the other lines of its connection",
		NoVerdict: "none",
		Unparsed:  "This is a line of sshd, and no pattern of the catalogue recognises it.",
		Skipped:   "This is not a line of sshd: lines of that program are skipped.",
		NotKnown:  "No cause has this id, and no pattern of the catalogue recognises this text.",
		Forms: map[string]string{
			"bare": "a message without a header", "tag-only": "program and pid, without a time", "host-and-tag": "host and program, without a time",
			"priority-only": "a syslog priority, without a time", "rfc3164": "traditional syslog (RFC 3164)", "rfc3164-year": "traditional syslog with a year",
			"iso8601": "syslog with an ISO 8601 time", "rfc5424": "syslog (RFC 5424)", "journal-short-full": "journalctl -o short-full",
			"ctime": "a ctime stamp", "journal-short-unix": "journalctl -o short-unix", "journal-short-monotonic": "journalctl -o short-monotonic or the kernel's ring",
			"tai64n": "TAI64N, as multilog writes", "bsd-facility": "BSD syslogd with facility and level", "solaris": "Solaris syslogd", "aix-forwarded": "AIX syslogd, forwarded",
			"esxi": "VMware ESXi", "macos-log": "log show of macOS", "macos-asl": "ASL of macOS", "container-cri": "a container's log (CRI)",
			"container-json": "a container's log (JSON)", "journal-json": "journalctl -o json", "json": "JSON", "journal-note": "a note of journalctl itself",
		},
	}
}

func japaneseExplain() *Explain {
	return &Explain{
		Intro: "sshwhy が見分ける原因の一覧。「sshwhy explain 原因」で詳しく表示する。",
		Line:  "ログ行", ReadAs: "形式", Time: "時刻", Host: "ホスト", Program: "プログラム", Stage: "段階", Repeated: "繰り返し", Message: "本文",
		NoTime: "この行には時刻がない", NoYear: "この行には年またはタイムゾーンがない（--year、--tz で指定できる）",
		Pattern: "パターン", Level: "LogLevel", Writes: "出力元", Source: "ソース", Fields: "項目",
		Machinery:  "sshd の内部動作に関するメッセージ",
		ShowsCause: "示す原因", Alone: "この行だけから出る判定", NoCause: "この行だけで示す原因はない。同じ接続のほかの行と合わせて判断する",
		NoVerdict: "なし",
		Unparsed:  "sshd の行だが、カタログのどのパターンにも一致しない。",
		Skipped:   "sshd の行ではない。このプログラムの行は読み飛ばす。",
		NotKnown:  "この名前の原因はなく、カタログのどのパターンにも一致しない。",
		Forms: map[string]string{
			"bare": "ヘッダーのない本文だけの行", "tag-only": "プログラム名と PID のみ（時刻なし）", "host-and-tag": "ホスト名とプログラム名のみ（時刻なし）",
			"priority-only": "syslog の優先度のみ（時刻なし）", "rfc3164": "従来の syslog (RFC 3164)", "rfc3164-year": "従来の syslog（年つき）",
			"iso8601": "ISO 8601 時刻の syslog", "rfc5424": "syslog (RFC 5424)", "journal-short-full": "journalctl -o short-full",
			"ctime": "ctime 形式の時刻", "journal-short-unix": "journalctl -o short-unix", "journal-short-monotonic": "journalctl -o short-monotonic またはカーネルのリングバッファー",
			"tai64n": "TAI64N (multilog)", "bsd-facility": "BSD の syslogd（ファシリティつき）", "solaris": "Solaris の syslogd", "aix-forwarded": "AIX の syslogd（転送）",
			"esxi": "VMware ESXi", "macos-log": "macOS の log show", "macos-asl": "macOS の ASL", "container-cri": "コンテナーのログ (CRI)",
			"container-json": "コンテナーのログ (JSON)", "journal-json": "journalctl -o json", "json": "JSON", "journal-note": "journalctl 自身の注記",
		},
	}
}
