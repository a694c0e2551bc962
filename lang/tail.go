package lang

import (
	"fmt"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
)

// Tail are the words of "sshwhy tail". Those with a verb of fmt in them are
// formats.
type Tail struct {
	// Times counts repetitions of a verdict: how many, since when.
	Times string
	// OtherNames counts the names beside the one that is shown.
	OtherNames string
	// Following says what is read, and why that was chosen.
	Following string
	// MorePending counts those that are not shown.
	MorePending string
	// Open says at the end how many connections were still open.
	Open string
	// Taken says what a line was taken for; Unknown that no pattern
	// recognised it.
	Taken, Unknown string
	// Awaited says that a file is not there yet.
	Awaited string
	// Inspecting says that this host is looked at.
	Inspecting string
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
			Times: "×%d（%s から）", OtherNames: "ほか %d 名", Following: "%s を追跡中（%s）", MorePending: "ほか接続中 %d 件",
			Open: "判定前の接続が %d 件残っている", Taken: "→ %s", Unknown: "→ 未解析", Note: "注意", Inspecting: "ログから原因が分からないときは、このホストの設定とファイルを調べる", MaybeLost: "少なくとも %d 行が失われた可能性がある: %s",
			Awaited: "%s はまだない。作られるのを待つ",
			Offset:  "ログの時刻がこのホストの時計と %s ずれている。--tz かログを書くホストの時計を確認すること",
		}
	}
	return &Tail{
		Times: "×%d since %s", OtherNames: "and %d other names", Following: "following %s (%s)", MorePending: "%d more are open",
		Open: "%d connections were still open, without a verdict yet", Taken: "→ %s", Unknown: "→ not recognised", Note: "note", Inspecting: "where the log does not tell why a login failed, this host is looked at", MaybeLost: "at least %d lines may be lost: %s",
		Awaited: "%s is not there yet: waiting for it to appear",
		Offset:  "the times in the log differ from this host's clock by %s: check --tz, and the clock of the host that writes it",
	}
}

// Pending says who is still logging in, how far that is, and for how long
// nothing has been written of it.
func (w *Tail) Pending(words *Words, p *sshwhy.Pending) string {
	who := sshwhy.Printable(string(p.Address))
	if p.UserKnown {
		user := sshwhy.Printable(string(sshwhy.Unescape(nil, p.User)))
		if user == "" {
			user = words.EmptyUser
		}
		if who = user; len(p.Address) > 0 {
			who += words.From + sshwhy.Printable(string(p.Address))
		}
	}
	if who == "" {
		who = words.SomeClient
	}
	text := who + ": " + words.Step(p.Step)
	if silent := time.Duration(p.Now - p.Last).Round(time.Second); p.Last != 0 && silent > 0 {
		text += fmt.Sprintf(", %s", silent)
	}
	return text
}
