package sinks_test

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/lang"
	"github.com/sshwhy/sshwhy/patterns"
	"github.com/sshwhy/sshwhy/sinks"
)

// textCauses is a catalogue with every form that a remedy can have: one short
// step, several, a change of sshd_config between others, and one to look.
func textCauses(t *testing.T) *causes.Catalogue {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, phase := range causes.Phases {
		fsys[phase+".yaml"] = &fstest.MapFile{Data: []byte("phase: " + phase + "\n")}
	}
	add := func(phase, entries string) {
		fsys[phase+".yaml"] = &fstest.MapFile{Data: []byte("phase: " + phase + "\ncauses:\n" + entries)}
	}
	add("service", `
  - id: sshd-stopped
    en: {title: sshd was stopped, means: m, reason: ["sshd got signal {signal} and ended.", sshd ended.], sure: s}
    ja: {title: sshd が停止された, means: m, reason: ["sshd はシグナル {signal} を受けて終了しました。", sshd は終了しました。], sure: s}
    remedy: [{where: server, en: start it if it was not meant to stop, ja: 意図した停止でなければ起動する, run: systemctl start ssh}]
`)
	add("key", `
  - id: bad-ownership-or-modes
    en: {title: wrong modes, means: m, reason: ["{path} can be written by others, so sshd ignored every key in it.", A path can be written by others.], sure: s}
    ja: {title: パーミッションの誤り, means: m, reason: ["{path} は他人が書き込めるため、sshd はその中の鍵をすべて無視しました。", 他人が書き込めます。], sure: s}
    remedy: [{where: server, en: take write permission from others, ja: 他人の書き込み権限を外す, run: "chmod go-w {path}"}]
  - id: key-algorithm-refused
    en: {title: the key's algorithm is refused, means: m, reason: ["sshd does not accept {alg}.", sshd does not accept the algorithm of the key.], sure: s}
    ja: {title: 鍵のアルゴリズムが拒否された, means: m, reason: ["sshd は {alg} を受け付けません。", sshd は鍵のアルゴリズムを受け付けません。], sure: s}
    remedy:
      - {where: client, en: make a key of another type, ja: 別の種類の鍵を作る, run: "ssh-keygen -t ed25519"}
      - where: server
        en: or accept the algorithm
        ja: または、そのアルゴリズムを許可する
        edit: "sed -i '1i PubkeyAcceptedAlgorithms +'{alg} {config}"
        line: "PubkeyAcceptedAlgorithms +{alg}"
        warning: {en: ssh-rsa can be forged with enough money. Name the users in a Match block at the end of the file if you must., ja: ssh-rsa は偽造されるおそれがあります。必要な場合もファイル末尾の Match ブロックで利用者を絞ってください。}
      - {where: admin, en: tell the others, ja: ほかの管理者に知らせる}
  - {id: key-missing, en: {title: the key is not in authorized_keys, means: m, reason: [r], sure: s}, ja: {title: 鍵が登録されていない, means: m, reason: [r], sure: s}, remedy: [{where: admin, en: ask, ja: 頼む}]}
  - {id: file-missing, en: {title: the file is missing, means: m, reason: [r], sure: s}, ja: {title: ファイルがない, means: m, reason: [r], sure: s}, remedy: [{where: admin, en: ask, ja: 頼む}]}
  - {id: line-broken, en: {title: a line in it is broken, means: m, reason: [r], sure: s}, ja: {title: 行が壊れている, means: m, reason: [r], sure: s}, remedy: [{where: admin, en: ask, ja: 頼む}]}
  - {id: option-unknown, en: {title: an option is unknown, means: m, reason: [r], sure: s}, ja: {title: 不明なオプション, means: m, reason: [r], sure: s}, remedy: [{where: admin, en: ask, ja: 頼む}]}
`)
	add("password", `
  - id: wrong-password
    en: {title: the password was wrong, means: m, reason: ["The password for {user} was wrong.", The password was wrong.], sure: s}
    ja: {title: パスワードが誤っている, means: m, reason: ["{user} のパスワードが誤っています。", パスワードが誤っています。], sure: s}
    remedy:
      - {where: client, en: try once more by hand, ja: 手で再度入力する, run: "ssh {user}@<SERVER>"}
      - {where: server, en: if it is forgotten, ja: 忘れた場合, run: "passwd {user}"}
`)
	add("undetermined", `
  - id: undetermined
    en: {title: the log does not tell, means: m, reason: ["No credential was accepted, and at this LogLevel sshd does not say why."], sure: s}
    ja: {title: 不明, means: m, reason: [認証は認められませんでした。この LogLevel では、sshd は理由を記録しません。], sure: s}
    remedy:
      - {where: server, en: check this host, ja: このホストを検査する, run: "sshwhy doctor {user}"}
      - {where: server, en: or let sshd log more and try again, ja: または、sshd のログを詳しくして再度試す, edit: "sed -i '1i LogLevel VERBOSE' {config}", line: LogLevel VERBOSE}
      - {where: client, en: look at the client's side, ja: クライアント側を確認する, run: "ssh -vvv {user}@<SERVER>"}
`)
	c, err := causes.ReadDir(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// night is what an administrator finds at 3 a.m.: accepted logins between
// failures, the same trouble again, sshd itself, another host, a new day.
func night(c *causes.Catalogue) []*sshwhy.Finding {
	now := int64(noon)
	finding := func(user, address, cause string, sure sshwhy.Confidence, line string) *sshwhy.Finding {
		now += 7e9
		f := &sshwhy.Finding{
			Identity: sshwhy.Identity{Host: []byte("edge05")}, Revision: 1, Outcome: sshwhy.OutcomeRefused, Cause: c.Find(cause), Confidence: sure, Start: now, End: now,
			Ident: []byte("sshd-session"), User: []byte(user), UserKnown: user != "", Address: []byte(address), Decisive: -1,
			Evidence: []sshwhy.Evidence{{Text: []byte("Nov 20 12:00:00 edge05 sshd-session[7]: " + line)}},
		}
		return f
	}
	accepted := finding("emil", "203.0.113.5", "", sshwhy.ConfidenceNone, "Accepted publickey for emil from 203.0.113.5 port 4 ssh2")
	accepted.Outcome, accepted.Method, accepted.KeyType = sshwhy.OutcomeAccepted, []byte("publickey"), []byte("ED25519")
	modes := finding("tanja", "203.0.113.7", "bad-ownership-or-modes", sshwhy.ConfidenceCertain, "Authentication refused: bad ownership or modes for directory /home/tanja")
	modes.Values = []sshwhy.Value{{Field: sshwhy.FieldPath, Text: "/home/tanja"}}
	fellBack := finding("tanja", "203.0.113.7", "", sshwhy.ConfidenceNone, "Accepted password for tanja from 203.0.113.7 port 4 ssh2")
	fellBack.Revision, fellBack.Outcome, fellBack.Method, fellBack.Remarks = 2, sshwhy.OutcomeAccepted, []byte("password"), []sshwhy.CauseID{c.Find("bad-ownership-or-modes")}
	algorithm := finding("curt", "2001:db8:1:2:3:4:5:6", "key-algorithm-refused", sshwhy.ConfidenceCertain, "userauth_pubkey: signature algorithm ssh-rsa not in PubkeyAcceptedAlgorithms [preauth]")
	algorithm.Values = []sshwhy.Value{{Field: sshwhy.FieldAlgorithm, Text: "ssh-rsa"}}
	unclear := finding("tanja", "203.0.113.7", "undetermined", sshwhy.ConfidenceUndetermined, "Connection closed by authenticating user tanja 203.0.113.7 port 4 [preauth]")
	unclear.Why = sshwhy.Why{Rule: sshwhy.RuleLeft}
	for _, id := range []string{"key-missing", "file-missing", "line-broken", "option-unknown", "bad-ownership-or-modes", "key-algorithm-refused"} {
		unclear.Candidates = append(unclear.Candidates, c.Find(id))
	}
	doris := finding("doris", "198.51.100.9", "wrong-password", sshwhy.ConfidenceLikely, "Failed password for doris from 198.51.100.9 port 4 ssh2")
	doris.Candidates = []sshwhy.CauseID{c.Find("wrong-password"), c.Find("key-missing")}
	doris.Evidence[0].Pattern = patterns.LoginFailed
	doris.Evidence = append(doris.Evidence, sshwhy.Evidence{Text: []byte("Nov 20 12:00:00 edge05 sshd-session[7]: Connection closed by authenticating user doris 198.51.100.9 port 4 [preauth]")})
	finn := finding("finn", "198.51.100.9", "wrong-password", sshwhy.ConfidenceLikely, "Failed password for finn from 198.51.100.9 port 4 ssh2")
	again := finding("finn", "198.51.100.9", "wrong-password", sshwhy.ConfidenceLikely, "Failed password for finn from 198.51.100.9 port 4 ssh2")
	curt := finding("curt", "2001:db8:1:2:3:4:5:6", "key-algorithm-refused", sshwhy.ConfidenceCertain, "userauth_pubkey: signature algorithm ssh-rsa not in PubkeyAcceptedAlgorithms [preauth]")
	curt.Values = algorithm.Values
	stopped := finding("", "", "sshd-stopped", sshwhy.ConfidenceCertain, "Received signal 15; terminating.")
	stopped.Outcome, stopped.Values = sshwhy.OutcomeNone, []sshwhy.Value{{Field: sshwhy.FieldSignal, Text: "15"}}
	vanished := finding("emil", "203.0.113.5", "undetermined", sshwhy.ConfidenceUndetermined, "pam_unix(sshd:session): session closed for user emil")
	vanished.Revision, vanished.Outcome = 2, sshwhy.OutcomeAccepted
	now += 13 * 3600e9
	hostile := finding("\\033[2J\xe2\x80\xae\x1b]0;x\a", "client.example.org", "", sshwhy.ConfidenceNone, "\x1b[31mInvalid user")
	hostile.Outcome = sshwhy.OutcomeDisconnected
	elsewhere := finding("", "203.0.113.8", "", sshwhy.ConfidenceNone, "Connection closed by 203.0.113.8 port 5")
	elsewhere.Host, elsewhere.Outcome = []byte("edge06"), sshwhy.OutcomeDisconnected
	bare := finding("", "", "undetermined", sshwhy.ConfidenceUndetermined, "")
	bare.Host, bare.Start, bare.End = nil, 0, 0
	bare.Evidence = []sshwhy.Evidence{{Text: []byte("Connection reset by peer")}}
	return []*sshwhy.Finding{accepted, modes, fellBack, algorithm, unclear, doris, finn, again, curt, stopped, vanished, hostile, elsewhere, bare}
}

func textOf(t *testing.T, language causes.Language, o sinks.TextOptions) []byte {
	t.Helper()
	c := textCauses(t)
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	sink := sinks.NewText(w, c, lang.For(language), o)
	for _, f := range night(c) {
		if err := sink.Deliver(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestText(t *testing.T) {
	golden(t, "text.en.txt", textOf(t, causes.English, sinks.TextOptions{Why: true}))
	golden(t, "text.ja.txt", textOf(t, causes.Japanese, sinks.TextOptions{Zone: time.FixedZone("JST", 9*3600)}))
	golden(t, "text-narrow.en.txt", textOf(t, causes.English, sinks.TextOptions{Width: 72, Color: true}))
	golden(t, "text-narrow.ja.txt", textOf(t, causes.Japanese, sinks.TextOptions{Width: 72}))
}

// TestTextIsSafe: nothing that a client sent reaches the terminal as a control
// character or reorders what is shown.
func TestTextIsSafe(t *testing.T) {
	out := string(textOf(t, causes.English, sinks.TextOptions{}))
	if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && !sshwhy.Shown(r) }); i >= 0 {
		t.Errorf("%q is not safe to show", out[max(0, i-20):min(len(out), i+20)])
	}
}

// TestRemarksAreMoreThanTheLastWord: PAM's general refusal after the module's
// own reason is no second cause, and what came beside a cause is not called
// earlier than it.
func TestRemarksAreMoreThanTheLastWord(t *testing.T) {
	c, err := causes.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, cause, remark string
		outcome             sshwhy.Outcome
		label               string // "" for no row
	}{
		{"PAM's last word", "account-expired", "pam-account-denied", sshwhy.OutcomeRefused, ""},
		{"PAM's word on another matter", "wrong-password", "pam-account-denied", sshwhy.OutcomeRefused, "also "},
		{"a second fault", "wrong-password", "bad-ownership-or-modes", sshwhy.OutcomeRefused, "also "},
		{"what a login got over", "", "bad-ownership-or-modes", sshwhy.OutcomeAccepted, "before "},
	} {
		f := &sshwhy.Finding{Outcome: tt.outcome, Cause: c.Find(tt.cause), Confidence: sshwhy.ConfidenceCertain, Remarks: []sshwhy.CauseID{c.Find(tt.remark)}, Decisive: -1}
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		if err := sinks.NewText(w, c, lang.For(causes.English), sinks.TextOptions{}).Deliver(f); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		row := tt.label + strings.Repeat(" ", max(0, 10-len(tt.label))) + c.Cause(c.Find(tt.remark)).Texts[causes.English].Title
		if shown := strings.Contains(out.String(), c.Cause(c.Find(tt.remark)).Texts[causes.English].Title); shown != (tt.label != "") {
			t.Errorf("%s: shown is %v:\n%s", tt.name, shown, out.String())
		} else if shown && !strings.Contains(out.String(), row) {
			t.Errorf("%s: there is no row %q:\n%s", tt.name, row, out.String())
		}
	}
}
