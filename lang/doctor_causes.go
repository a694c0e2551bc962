package lang

import "github.com/sshwhy/sshwhy/causes"

// DoctorCause gives what only a look at the host can tell: causes of which
// sshd's log never says a word, because no connection reaches it. They are
// entries like those of the catalogue, and nil for an id that is none of them.
func DoctorCause(id string) *causes.Cause {
	for _, c := range doctorCauses() {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// DoctorCauses gives the ids of all of them.
func DoctorCauses() []string {
	var ids []string
	for _, c := range doctorCauses() {
		ids = append(ids, c.ID)
	}
	return ids
}

const (
	restart = "systemctl restart ssh 2>/dev/null || systemctl restart sshd"
	reload  = "sshd -t && { systemctl reload ssh 2>/dev/null || systemctl reload sshd; }"
	// Without systemd the process itself is told.
	reloadProcess = "sshd -t && { systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null || kill -HUP {pid}; }"
)

func entry(id string, en, ja *causes.Text, remedy ...causes.Step) *causes.Cause {
	return &causes.Cause{ID: id, Phase: "service", Texts: map[causes.Language]*causes.Text{causes.English: en, causes.Japanese: ja}, Remedy: remedy}
}

func said(title, means string, reason ...string) *causes.Text {
	return &causes.Text{Title: title, Means: means, Reason: reason}
}

// on is a step on the server; when are the values that it needs.
func on(en, ja, run string, when ...string) causes.Step {
	return causes.Step{Where: "server", Do: map[causes.Language]string{causes.English: en, causes.Japanese: ja}, Run: run, When: when}
}

func doctorCauses() []*causes.Cause {
	return append(serviceCauses(), networkCauses()...)
}

func serviceCauses() []*causes.Cause {
	return []*causes.Cause{
		entry("not-started-at-boot",
			said("sshd does not start with the host", "After the next restart of the host nothing listens, and clients are refused.", "sshd runs now, but is not started when the host starts."),
			said("sshd がホストの起動時に起動しない", "次にホストを再起動すると sshd は待ち受けず、接続は拒否されます。", "sshd は動作していますが、ホストの起動時に自動で起動しません。"),
			on("have it started with the host", "自動起動を有効にする", "if command -v systemctl >/dev/null; then systemctl enable ssh 2>/dev/null || systemctl enable sshd; else rc-update add sshd default; fi")),
		entry("service-masked",
			said("sshd's unit is masked", "systemd starts a masked unit for nobody, so nothing listens and clients are refused.", "{unit} is masked, so sshd cannot be started.", "sshd's unit is masked, so it cannot be started."),
			said("sshd のユニットがマスクされている", "マスクされたユニットは起動できないため、sshd は待ち受けず、接続は拒否されます。", "{unit} がマスクされているため、sshd を起動できません。", "sshd のユニットがマスクされているため、起動できません。"),
			on("ask who masked it; then unmask and start it", "マスクした理由を確認してから解除し、起動する", "systemctl unmask {unit} && systemctl enable --now {unit}")),
		entry("config-not-in-force",
			said("the running sshd has not read its configuration as it is now", "sshd reads its configuration when it starts or is told to reload. Until then the old one holds, and this checklist describes the new one.", "{path} was changed at {time}, after sshd had read it."),
			said("動作中の sshd が現在の設定を読み込んでいない", "sshd が設定を読み込むのは起動時と再読み込み時だけです。それまでは古い設定が有効なままで、この診断は新しい設定に基づきます。", "{path} は、sshd が読み込んだ後の {time} に変更されています。"),
			on("check the configuration and have sshd read it", "設定を検査してから sshd に読み込ませる", reloadProcess)),
		entry("nothing-listens",
			said("sshd runs and listens nowhere", "Without a socket that listens, the host itself refuses every connection.", "sshd runs, but listens on no port."),
			said("sshd は動作しているが待ち受けていない", "待ち受けソケットがないため、ホスト自身が接続を拒否します。", "sshd は動作していますが、どのポートでも待ち受けていません。"),
			on("start it anew", "sshd を再起動する", restart)),
		entry("listens-on-loopback-only",
			said("sshd listens for this host itself only", "Clients elsewhere are refused: on the address that they use, nothing listens.", "sshd listens on {laddr} only, which no other host can reach."),
			said("sshd がループバックアドレスでだけ待ち受けている", "ほかのホストからの接続は拒否されます。クライアントが使うアドレスでは何も待ち受けていません。", "sshd は {laddr} でだけ待ち受けており、ほかのホストからは接続できません。"),
			on("take the ListenAddress line out, so that sshd listens on all addresses", "ListenAddress の行を無効にし、すべてのアドレスで待ち受ける", `sed -i.bak 's/^[[:space:]]*ListenAddress[[:space:]=]/#&/I' {path}`, "path"),
			on("check the configuration and have sshd read it", "設定を検査してから sshd に読み込ませる", reload)),
		entry("port-differs",
			said("the client uses another port than sshd", "On the port that the client uses nothing of sshd listens: it is refused there.", "sshd listens on port {lport}, not on {tport}."),
			said("クライアントのポートが sshd と異なる", "クライアントが使うポートでは sshd が待ち受けていないため、接続は拒否されます。", "sshd が待ち受けているのはポート {lport} で、{tport} ではありません。"),
			causes.Step{Where: "client", Do: map[causes.Language]string{causes.English: "name the port", causes.Japanese: "ポートを指定する"}, Run: "ssh -p {lport} {user}@<SERVER>"}),
		entry("socket-overrides-port",
			said("the socket unit listens elsewhere than sshd_config says", "With socket activation systemd listens, on what the socket unit names. Port and ListenAddress of sshd_config then count for nothing.", "{unit} listens on port {lport}; port {port} of sshd_config counts for nothing."),
			said("ソケットユニットのポートが sshd_config と異なる", "ソケットアクティベーションでは systemd がソケットユニットの指定で待ち受けるため、sshd_config の Port と ListenAddress は使われません。", "{unit} はポート {lport} で待ち受けており、sshd_config のポート {port} は使われません。"),
			on("have the socket listen where sshd_config says", "ソケットを sshd_config のポートで待ち受けさせる", `mkdir -p /etc/systemd/system/{unit}.d && printf '[Socket]\nListenStream=\nListenStream=%s\n' {port} > /etc/systemd/system/{unit}.d/port.conf && systemctl daemon-reload && systemctl restart {unit}`)),
	}
}

func networkCauses() []*causes.Cause {
	// Where the client is known, it alone is let through.
	anybody := func(s causes.Step) causes.Step { s.Unless = []string{"addr"}; return s }
	const keep, keepJa = "; to keep it, put the same into the file that is loaded at boot (/etc/nftables.conf)", "。再起動後も有効にするには、起動時に読み込まれるファイル (/etc/nftables.conf) にも書く"
	const save, saveJa = "; to keep it, save the rules (netfilter-persistent save)", "。再起動後も有効にするには、ルールを保存する (netfilter-persistent save)"
	open := []causes.Step{
		on("open the port in ufw, for this client", "このクライアントに対して、ufw でポートを開ける", "ufw allow from {addr} to any port {lport} proto tcp", "subsystem", "addr"),
		anybody(on("open the port in ufw", "ufw でポートを開ける", "ufw allow {lport}/tcp", "subsystem")),
		on("open the port in firewalld, for this client", "このクライアントに対して、firewalld でポートを開ける", `firewall-cmd --permanent --add-rich-rule="rule family={group} source address={addr} port port={lport} protocol=tcp accept" && firewall-cmd --reload`, "service", "addr"),
		anybody(on("open the port in firewalld", "firewalld でポートを開ける", "firewall-cmd --permanent --add-port={lport}/tcp && firewall-cmd --reload", "service")),
		on("let this client through"+keep, "このクライアントを通す"+keepJa, "nft insert rule {target} {value} saddr {addr} tcp dport {lport} accept", "target", "addr"),
		anybody(on("let the port through"+keep, "ポートを通す"+keepJa, "nft insert rule {target} tcp dport {lport} accept", "target")),
		on("let this client through"+save, "このクライアントを通す"+saveJa, "{module} -I INPUT -s {addr} -p tcp --dport {lport} -j ACCEPT", "module", "addr"),
		anybody(on("let the port through"+save, "ポートを通す"+saveJa, "{module} -I INPUT -p tcp --dport {lport} -j ACCEPT", "module")),
	}
	return []*causes.Cause{
		entry("firewall-drops",
			said("this host's firewall drops connections to sshd", "A packet that is dropped has no answer: the client waits and times out.", "This host's firewall drops connections from {addr} to port {lport} ({what}).", "This host's firewall drops connections to port {lport} ({what})."),
			said("このホストのファイアウォールが sshd への接続を破棄している", "破棄されたパケットには応答がないため、クライアントは待ち続けてタイムアウトになります。", "このホストのファイアウォールが、{addr} からポート {lport} への接続を破棄しています ({what})。", "このホストのファイアウォールが、ポート {lport} への接続を破棄しています ({what})。"),
			open...),
		entry("firewall-rejects",
			said("this host's firewall rejects connections to sshd", "The firewall answers in the place of sshd: the client is refused at once, as if nothing listened.", "This host's firewall rejects connections from {addr} to port {lport} ({what}).", "This host's firewall rejects connections to port {lport} ({what})."),
			said("このホストのファイアウォールが sshd への接続を拒否している", "sshd に代わってファイアウォールが応答するため、待ち受けていないときと同じように、接続はすぐに拒否されます。", "このホストのファイアウォールが、{addr} からポート {lport} への接続を拒否しています ({what})。", "このホストのファイアウォールが、ポート {lport} への接続を拒否しています ({what})。"),
			open...),
		entry("address-banned",
			said("the client's address is banned on this host", "A program that reads the log banned the address after failures, for a time. Others are let in.", "{addr} is banned by {name} ({what}).", "{addr} is banned by {name}."),
			said("クライアントのアドレスがこのホストで遮断されている", "ログを監視するプログラムが、失敗の続いたアドレスを一定時間遮断しています。ほかのアドレスからは接続できます。", "{addr} は {name} によって遮断されています ({what})。", "{addr} は {name} によって遮断されています。"),
			on("lift the ban", "遮断を解除する", "fail2ban-client set {what} unbanip {addr}", "what"),
			on("lift the ban", "遮断を解除する", "cscli decisions delete --ip {addr}", "other"),
			causes.Step{Where: "client", Do: map[causes.Language]string{causes.English: "end what fails over and over, or the ban comes back", causes.Japanese: "失敗を繰り返している処理を止める。止めないと再び遮断される"}}),
		entry("refused-locally",
			said("this host refuses a connection to itself", "sshd listens, and something refuses all the same, most often a rule of the firewall.", "sshd listens, but a connection from this host to {laddr} is refused."),
			said("このホスト自身からの接続が拒否される", "sshd は待ち受けているのに拒否されています。多くはファイアウォールのルールが原因です。", "sshd は待ち受けていますが、このホストから {laddr} への接続は拒否されます。"),
			on("look at the rules", "ルールを確認する", "nft list ruleset; iptables-save")),
		entry("no-banner",
			said("something answers on the port, and it is not a working sshd", "A connection is taken, but sshd's greeting does not come: another program has the port, or sshd hangs or drops the connection.", "What answers on {laddr} does not greet as sshd: {banner}", "What answers on {laddr} does not greet as sshd does."),
			said("ポートで応答しているのが正常な sshd ではない", "接続はできますが、sshd の最初の応答がありません。別のプログラムがポートを使っているか、sshd が停止状態か、接続を破棄しています。", "{laddr} の応答は sshd のものではありません: {banner}", "{laddr} から sshd の応答がありません。"),
			on("see who has the port, and what sshd wrote last", "ポートを使っているプログラムと、sshd の最後のログを確認する", "ss -ltnp; journalctl -u ssh -u sshd -n 20 --no-pager"),
			on("start sshd anew", "sshd を再起動する", restart)),
	}
}
