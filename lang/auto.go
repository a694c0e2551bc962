package lang

import "github.com/sshwhy/sshwhy/causes"

// Auto are the words for why a log was chosen. Those with a verb of fmt in
// them are formats.
type Auto struct {
	// Reasons for the journal: Copy names the file that holds the same
	// lines, Kept there is no such file.
	Copy, Kept string
	// Volatile says that there is nothing but a journal that a restart
	// empties, Quiet that neither the journal nor a file has lines of sshd.
	Volatile, Quiet string
	// Reasons for a file.
	NoJournald, NoReader, NoRight, Lost, Empty, Last string
	// Nothing says that this host has no log, Denied that what it has may
	// not be read.
	Nothing, Denied string
	// Hints for these: Groups takes the command, the others stand alone.
	Groups, Root, Name, Container, MacOS string
}

// AutoIn gives the words of a language.
func AutoIn(language causes.Language) *Auto {
	if language == causes.Japanese {
		return &Auto{
			Copy: "ディスクに保存されていて sshd の行があるため。%s は同じ内容の写し", Kept: "ディスクに保存されていて sshd の行があるため",
			Volatile: "ほかに読めるログがないため。再起動すると消える", Quiet: "sshd の行はまだないが、sshd はここに書き込むため",
			NoJournald: "このホストでは journald が動いていないため", NoReader: "ジャーナルを読むための journalctl も libsystemd もないため",
			NoRight: "ジャーナルを読む権限がないため", Lost: "ジャーナルは再起動すると消えるため", Empty: "ジャーナルに sshd の行がないため",
			Last:    "ほかに読めるログがないため",
			Nothing: "このホストには sshd のログが見つからない", Denied: "%s を読む権限がない",
			Groups: "%s を実行し、ログインし直す", Root: "root で実行する: sudo sshwhy tail",
			Name:      "sshd の行が書かれるファイルを指定する: sshwhy tail ファイル",
			Container: "コンテナーの sshd は -e で標準エラー出力に書く: docker logs -f 名前 2>&1 | sshwhy tail -",
			MacOS:     `macOS では統合ログから読む: log stream --predicate 'process BEGINSWITH "sshd"' | sshwhy tail -`,
		}
	}
	return &Auto{
		Copy: "it is kept on disk and has lines of sshd; %s holds a copy of them", Kept: "it is kept on disk and has lines of sshd",
		Volatile: "there is no other log that may be read; a restart of the host empties it", Quiet: "sshd writes to it, though it has not written yet",
		NoJournald: "no journald runs on this host", NoReader: "neither journalctl nor libsystemd is here to read the journal",
		NoRight: "the journal may not be read", Lost: "a restart of the host empties the journal", Empty: "the journal has no lines of sshd",
		Last:    "there is no other log that may be read",
		Nothing: "no log of sshd was found on this host", Denied: "%s may not be read",
		Groups: "run %s, then log in anew", Root: "run it as root: sudo sshwhy tail",
		Name:      "name the file that sshd's lines are written to: sshwhy tail FILE",
		Container: "sshd -e writes to the container's output: docker logs -f NAME 2>&1 | sshwhy tail -",
		MacOS:     `read macOS's own log: log stream --predicate 'process BEGINSWITH "sshd"' | sshwhy tail -`,
	}
}
