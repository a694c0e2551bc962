package lang

import "github.com/sshwhy/sshwhy/causes"

// Tail are the words of "sshwhy tail". Those with a verb of fmt in them are
// formats.
type Tail struct {
	// Times counts repetitions of a verdict: how many, since when.
	Times string
	// OtherNames counts the names beside the one that is shown.
	OtherNames string
	// Following says what is read, and why that was chosen.
	Following string
	// Pending introduces a connection that is still open: what is known of
	// it, and for how long it has been silent.
	Pending string
	// MorePending counts those that are not shown.
	MorePending string
	// Open says at the end how many connections were still open.
	Open string
	// Taken says what a line was taken for; Unknown that no pattern
	// recognised it.
	Taken, Unknown string
	// Note introduces a notice.
	Note string
	// MaybeLost says how many lines may be missing, and why.
	MaybeLost string
	// Offset is the notice that times differ from this host's clock.
	Offset string
}

// TailIn gives the words of a language.
func TailIn(language causes.Language) *Tail {
	if language == causes.Japanese {
		return &Tail{
			Times: "×%d（%s から）", OtherNames: "ほか %d 名", Following: "%s を追跡中（%s）", Pending: "%s（%s）", MorePending: "ほか接続中 %d 件",
			Open: "判定前の接続が %d 件残っている", Taken: "→ %s", Unknown: "→ 未解析", Note: "注意", MaybeLost: "少なくとも %d 行が失われた可能性がある: %s",
			Offset: "ログの時刻がこのホストの時計と %s ずれている。--tz かログを書くホストの時計を確認すること",
		}
	}
	return &Tail{
		Times: "×%d since %s", OtherNames: "and %d other names", Following: "following %s (%s)", Pending: "%s, %s", MorePending: "%d more are open",
		Open: "%d connections were still open, without a verdict yet", Taken: "→ %s", Unknown: "→ not recognised", Note: "note", MaybeLost: "at least %d lines may be lost: %s",
		Offset: "the times in the log differ from this host's clock by %s: check --tz, and the clock of the host that writes it",
	}
}
