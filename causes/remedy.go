package causes

import (
	"bytes"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// Action is a step of a remedy, made ready for one finding.
type Action struct {
	// Where is server, client, ca or admin.
	Where string
	// Do says what to do, Warning what to beware of; "" for nothing.
	Do, Warning string
	// Run is the command for sh, "" where there is none. Its values are
	// quoted; one that is not known stands as <NAME>.
	Run string
}

// Values gives the facts that a sentence or a command may name.
type Values func(sshwhy.Field) string

// DefaultConfig is where sshd's configuration is looked for (sshd(8)).
const DefaultConfig = "/etc/ssh/sshd_config"

// Reason gives the sentence that fits the values, safe to show.
func (c *Cause) Reason(lang Language, values Values) string {
	variants := c.Texts[lang].Reason
	for _, v := range variants[:len(variants)-1] {
		if text, ok := fill(v, values, shown); ok {
			return text
		}
	}
	text, _ := fill(variants[len(variants)-1], values, shown)
	return text
}

// Steps gives the remedy's steps that apply to the values. Changes of
// sshd_config come with what they need: a copy before the first, a check and a
// reload after the last, and a second session before this one is closed. They
// may be several, of which the reader takes one.
func (c *Cause) Steps(lang Language, values Values) []Action {
	return c.steps(lang, values, func(s *Step) bool { return s.applies(values) })
}

func (c *Cause) steps(lang Language, values Values, applies func(*Step) bool) []Action {
	var out []Action
	edited := 0 // the place after the last change
	for i := range c.Remedy {
		s := &c.Remedy[i]
		if !applies(s) {
			continue
		}
		do, _ := fill(s.Do[lang], values, shown)
		a := Action{Where: s.Where, Do: do, Warning: s.Warning[lang]}
		if s.Edit == "" {
			a.Run, _ = fill(s.Run, values, quoted)
			out = append(out, a)
			continue
		}
		if edited == 0 {
			out = append(out, backup(s.Where, lang))
		}
		out = append(out, change(a, s, lang, values))
		edited = len(out)
	}
	if edited == 0 {
		return out
	}
	return slices.Insert(out, edited, reload(out[edited-1].Where, lang)...)
}

// backup keeps what sshd_config was before the first change of the day.
func backup(where string, lang Language) Action {
	const run = "[ -e {path}.bak.$(date +%F) ] || cp -p {path} {path}.bak.$(date +%F)"
	a := Action{Where: where, Do: editWords[lang].backup}
	a.Run, _ = fill(run, configPath, quoted)
	return a
}

// change is a change of sshd_config, with the line that it is about.
func change(a Action, s *Step, lang Language, values Values) Action {
	a.Run, _ = fill(s.Edit, values, quoted)
	if line, _ := fill(s.Line, values, shown); line != "" {
		a.Do += editWords[lang].line + line
	}
	return a
}

// reload makes the changes hold, and says how not to be locked out by them.
func reload(where string, lang Language) []Action {
	words := editWords[lang]
	return []Action{
		{Where: where, Do: words.reload, Run: "sshd -t && systemctl reload sshd"},
		{Where: where, Do: words.keep},
	}
}

var editWords = map[Language]struct{ backup, line, reload, keep string }{
	English: {
		backup: "before a change of sshd_config, keep a copy of it",
		line:   "; the line is: ",
		reload: "after a change, check the configuration and reload sshd (the unit is called ssh on Debian, and answers to both names; where systemd is not running, check, and then `kill -HUP` the listening sshd, whose number is mostly in /run/sshd.pid)",
		keep:   "keep this session open until a second one has logged in",
	},
	Japanese: {
		backup: "sshd_config を変更する前にバックアップを取る",
		line:   "。設定行: ",
		reload: "変更後は、設定を検査してから sshd を再読み込みする (Debian でのユニット名は ssh だが、どちらの名前でもよい。systemd が動いていない環境では、検査の後、待ち受け中の sshd に `kill -HUP` を送る。プロセス番号は通常 /run/sshd.pid にある)",
		keep:   "別の端末からログインできることを確認するまで、このセッションを閉じない",
	},
}

func configPath(sshwhy.Field) string { return DefaultConfig }

func (s *Step) applies(values Values) bool {
	for _, name := range s.When {
		if values(sshwhy.FieldNamed(name)) == "" {
			return false
		}
	}
	for _, name := range slices.Concat(s.Unless, s.Except) {
		if values(sshwhy.FieldNamed(name)) != "" {
			return false
		}
	}
	return true
}

// fill puts the values into a template, each through as, and tells whether all
// were known. What is not known becomes <NAME>.
func fill(template string, values Values, as func(string) (string, bool)) (string, bool) {
	if !strings.Contains(template, "{") {
		return template, true
	}
	var b strings.Builder
	complete := true
	for {
		before, rest, ok := strings.Cut(template, "{")
		b.WriteString(before)
		if !ok {
			return b.String(), complete
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok || !placeholder(name) {
			b.WriteByte('{')
			template = rest
			continue
		}
		template = after
		if name == "config" {
			b.WriteString(DefaultConfig)
			continue
		}
		text, ok := "", false
		if v := values(sshwhy.FieldNamed(name)); v != "" {
			text, ok = as(v)
		}
		if !ok {
			text, complete = "<"+strings.ToUpper(name)+">", false
		}
		b.WriteString(text)
	}
}

func placeholder(name string) bool {
	return name == "config" || sshwhy.FieldNamed(name) != sshwhy.FieldNone
}

// shown makes a value safe to show.
func shown(v string) (string, bool) { return sshwhy.Printable(v), true }

// quoted makes a value safe in a command for sh.
func quoted(v string) (string, bool) {
	b, ok := AppendQuoted(nil, []byte(v))
	return string(b), ok
}

// AppendQuoted appends a value, which is not empty, as a command for sh can bear
// it. One that a program could take for an option, or that a terminal could not
// show, is left to the reader: ok is false then, and nothing is appended.
func AppendQuoted(dst, v []byte) (out []byte, ok bool) {
	if Bare(v) {
		return append(dst, v...), true
	}
	if v[0] == '-' || !bytes.Equal(sshwhy.AppendPrintable(nil, v), v) {
		return dst, false
	}
	dst = append(dst, '\'')
	for _, c := range v {
		if c == '\'' {
			dst = append(dst, `'\''`...)
		} else {
			dst = append(dst, c)
		}
	}
	return append(dst, '\''), true
}

// Bare tells whether a value means the same wherever it stands: to a shell
// without quotes, to a program as no option, on a terminal and in JSON.
func Bare(v []byte) bool {
	for _, c := range v {
		if !safe[c] {
			return false
		}
	}
	return len(v) > 0 && v[0] != '-'
}

// Unknown is what stands in a command in the place of a value that is not known,
// or that cannot stand there.
func Unknown(f sshwhy.Field) string { return "<" + strings.ToUpper(f.String()) + ">" }

// safe are the characters that mean nothing to a shell.
var safe = func() (all [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,=-") {
		all[c] = true
	}
	return all
}()
