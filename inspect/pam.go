package inspect

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// nologin tells whether a file closes the host for all but root.
func (x *examination) nologin() {
	if x.account.UID == 0 {
		return
	}
	if !x.mine.is("usepam") {
		x.hasNologin("/etc/nologin")
		return
	}
	for _, m := range x.stack() {
		if m.name != "pam_nologin.so" || m.kind != "account" && m.kind != "auth" {
			continue
		}
		files := []string{"/run/nologin", "/var/run/nologin", "/etc/nologin"}
		if f := m.argument("file"); f != "" {
			files = []string{f}
		}
		if slices.ContainsFunc(files, x.hasNologin) {
			return
		}
	}
}

// hasNologin tells whether a nologin file is there.
func (x *examination) hasNologin(name string) bool {
	info, err := x.Files.Stat(name)
	if err != nil {
		return false
	}
	x.note(info)
	x.bad("nologin-file", AllWays, val(sshwhy.FieldPath, name))
	return true
}

// module is a line of a PAM stack.
type module struct {
	kind, control, name string
	arguments           []string
	optional            bool // a dash in front: it may be missing
	sure                bool // whether it fails the stack when it fails
}

// argument gives the value of NAME=VALUE, "" where there is none.
func (m *module) argument(name string) string {
	for _, a := range m.arguments {
		if v, ok := strings.CutPrefix(a, name+"="); ok {
			return v
		}
	}
	return ""
}

// stack gives the modules of sshd's PAM service, includes resolved
// (pam.conf(5)).
func (x *examination) stack() []module { return x.pamService(x.pamFile(), 0) }

// pamFile gives the file of sshd's PAM service, which can have another name from
// 9.8 on. PAM takes names in lower case.
func (x *examination) pamFile() string {
	service := strings.ToLower(cmp.Or(x.mine.first("pamservicename"), "sshd"))
	for _, dir := range pamFolders {
		if x.exists(dir + service) {
			return dir + service
		}
	}
	return "/etc/pam.d/other"
}

var pamFolders = [...]string{"/etc/pam.d/", "/usr/lib/pam.d/", "/usr/etc/pam.d/"}

const maxPAM = 12

func (x *examination) pamService(name string, depth int) []module {
	if depth > maxPAM {
		return nil
	}
	if !strings.HasPrefix(name, "/") {
		for _, dir := range pamFolders {
			if x.exists(dir + name) {
				name = dir + name
				break
			}
		}
	}
	var list []module
	for line := range strings.Lines(strings.ReplaceAll(x.text(name), "\\\n", " ")) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if rest, ok := strings.CutPrefix(line, "@include"); ok {
			list = append(list, x.pamService(strings.TrimSpace(rest), depth+1)...)
			continue
		}
		m, ok := parseModule(line)
		if !ok {
			continue
		}
		if m.control == "include" || m.control == "substack" {
			for _, inner := range x.pamService(m.name, depth+1) {
				if inner.kind == m.kind {
					list = append(list, inner)
				}
			}
			continue
		}
		list = append(list, m)
	}
	return list
}

func parseModule(line string) (module, bool) {
	kind, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	m := module{}
	m.kind, m.optional = strings.CutPrefix(strings.ToLower(kind), "-")
	rest = strings.TrimSpace(rest)
	if strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return m, false
		}
		m.control, rest = rest[:end+1], rest[end+1:]
	} else {
		m.control, rest, _ = strings.Cut(rest, " ")
	}
	f := strings.Fields(rest)
	if len(f) == 0 || !slices.Contains([]string{"auth", "account", "session", "password"}, m.kind) {
		return m, false
	}
	m.name, m.arguments = f[0], f[1:]
	if m.control != "include" && m.control != "substack" {
		m.name = path.Base(m.name)
	}
	m.sure = m.control == "required" || m.control == "requisite"
	return m, true
}

// modules judges the modules of which it can be told from files whether they
// refuse this user.
func (x *examination) modules(ctx context.Context) {
	if !x.mine.is("usepam") {
		x.good("pam-off")
		return
	}
	stack := x.stack()
	if len(stack) == 0 {
		x.unknown("pam-not-seen")
		return
	}
	passed := map[string]bool{} // kinds of which a module before may have been enough
	for i := range stack {
		m := &stack[i]
		if x.lacking(m) {
			continue
		}
		counts := m.sure && !passed[m.kind] && (m.kind == "auth" || m.kind == "account") || m.name == "pam_faillock.so"
		if counts {
			x.module(ctx, m)
		}
		passed[m.kind] = passed[m.kind] || m.control == "sufficient"
	}
	if !x.any(Bad, LayerPAM) {
		x.good("pam-fine", val(sshwhy.FieldPath, x.pamFile()))
	}
}

// module judges one.
func (x *examination) module(ctx context.Context, m *module) {
	blocks := AllWays
	if m.kind == "auth" {
		blocks = WayPassword | WayInteractive // keys do not go through it
	}
	u := x.user()
	switch m.name {
	case "pam_access.so":
		x.access(m, blocks)
	case "pam_listfile.so":
		x.listfile(m, blocks)
	case "pam_shells.so":
		if !slices.Contains(strings.Fields(x.text("/etc/shells")), x.account.Shell) {
			x.bad("shell-not-listed", blocks, u)
		}
	case "pam_succeed_if.so":
		if met, told := x.meets(m.arguments); told && !met {
			x.bad("pam-requirement-not-met", blocks, u, val(sshwhy.FieldValue, condition(m.arguments)))
		}
	case "pam_faillock.so":
		if slices.Contains(m.arguments, "preauth") {
			x.faillock(ctx, m, blocks)
		}
	}
}

// moduleFolders are where PAM looks for modules.
var moduleFolders = []string{
	"/lib/security", "/lib64/security", "/usr/lib/security", "/usr/lib64/security",
	"/lib/x86_64-linux-gnu/security", "/lib/aarch64-linux-gnu/security", "/usr/lib/x86_64-linux-gnu/security", "/usr/lib/aarch64-linux-gnu/security",
	"/lib/arm-linux-gnueabihf/security", "/lib/i386-linux-gnu/security", "/lib/powerpc64le-linux-gnu/security", "/lib/s390x-linux-gnu/security", "/lib/riscv64-linux-gnu/security",
}

// lacking tells whether a module is not there, which refuses everybody who
// needs it.
func (x *examination) lacking(m *module) bool {
	known := false
	for _, dir := range moduleFolders {
		known = known || x.exists(dir+"/pam_unix.so")
		if x.exists(path.Join(dir, m.name)) {
			return false
		}
	}
	if !known || m.optional || m.kind == "session" && !m.sure || m.kind == "password" || m.control == "optional" {
		return true
	}
	if !x.any(Bad, LayerPAM) {
		blocks := AllWays
		if m.kind == "auth" {
			blocks = WayPassword | WayInteractive
		}
		x.bad("pam-broken", blocks, x.user(), val(sshwhy.FieldModule, m.name), val(sshwhy.FieldPath, m.name))
	}
	return true
}

// access judges pam_access: the first line that fits decides (access.conf(5)).
func (x *examination) access(m *module, blocks Ways) {
	file := "/etc/security/access.conf"
	if f := m.argument("accessfile"); f != "" {
		file = f
	}
	for line := range strings.Lines(x.text(file)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, ":", 3)
		if len(f) < 3 {
			continue
		}
		who, from := accessFits(f[1], x.isMember), accessFits(f[2], x.comesFrom)
		switch who.and(from) {
		case no:
			continue
		case maybe:
			x.advise("list-by-address", x.user(), val(sshwhy.FieldOption, file))
			return
		}
		if strings.TrimSpace(f[0]) == "-" {
			values := []sshwhy.Value{x.user(), val(sshwhy.FieldPath, file)}
			if x.From.IsValid() {
				values = append(values, val(sshwhy.FieldAddr, x.From.String()))
			} else {
				values = append(values, val(sshwhy.FieldHost, "ALL"))
			}
			x.bad("pam-access-denied", blocks, values...)
		}
		return
	}
}

// accessFits judges a list of access.conf: words, and EXCEPT with words that
// do not count.
func accessFits(list string, fits func(string) doubt) doubt {
	in, except, _ := strings.Cut(" "+strings.Join(strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }), " ")+" ", " EXCEPT ")
	result := no
	for w := range strings.FieldsSeq(in) {
		result = max(result, fits(w))
	}
	if result != no && strings.TrimSpace(except) != "" {
		result = result.and(accessFits(except, fits).not())
	}
	return result
}

func (x *examination) isMember(word string) doubt {
	group := strings.Trim(word, "()")
	switch {
	case word == "ALL" || word == x.User:
		return yes
	case strings.HasPrefix(word, "@") || strings.Contains(word, "@@"):
		return maybe // a netgroup
	}
	return sure(word != x.User && slices.ContainsFunc(x.account.Groups, func(g Group) bool { return g.Name == group && g.Name != "" }))
}

func (x *examination) comesFrom(word string) doubt {
	switch {
	case word == "ALL":
		return yes
	case word == "LOCAL" || strings.HasPrefix(word, "tty") || strings.HasPrefix(word, ":") || word == "cron" || word == "crond":
		return no
	case !x.From.IsValid():
		return maybe
	case strings.HasSuffix(word, "."):
		return sure(strings.HasPrefix(x.From.String(), word))
	case strings.Contains(word, "/") && netFits(word, x.From):
		return yes
	}
	return sure(fitsOne(word, x.From))
}

// listfile judges pam_listfile.
func (x *examination) listfile(m *module, blocks Ways) {
	file, item, sense := m.argument("file"), m.argument("item"), m.argument("sense")
	var words []string
	switch item {
	case "user":
		words = []string{x.User}
	case "group":
		for _, g := range x.account.Groups {
			words = append(words, g.Name)
		}
	case "shell":
		words = []string{x.account.Shell}
	default:
		return
	}
	c, err := x.Files.Read(file, maxConfig)
	if err != nil {
		if m.argument("onerr") != "succeed" {
			x.bad("pam-listfile-denied", blocks, x.user(), val(sshwhy.FieldPath, file))
		}
		return
	}
	listed := false
	for line := range strings.Lines(string(c.Text)) {
		listed = listed || slices.Contains(words, strings.TrimSpace(line))
	}
	if listed == (sense == "deny") {
		x.bad("pam-listfile-denied", blocks, x.user(), val(sshwhy.FieldPath, file))
	}
}

// meets judges the conditions of pam_succeed_if; told is false for one that is
// not known here.
func (x *examination) meets(arguments []string) (met, told bool) {
	met = true
	words := slices.DeleteFunc(slices.Clone(arguments), isFlag)
	if len(words)%3 != 0 || len(words) == 0 {
		return true, false
	}
	for ; len(words) > 0; words = words[3:] {
		ok, known := x.meetsOne(words[0], words[1], words[2])
		if !known {
			return true, false
		}
		met = met && ok
	}
	return met, true
}

func isFlag(a string) bool {
	return slices.Contains([]string{"debug", "use_uid", "quiet", "quiet_fail", "quiet_success", "audit"}, a)
}

func condition(arguments []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(arguments), isFlag), " ")
}

func (x *examination) meetsOne(what, how, value string) (met, known bool) {
	in := func(group string) bool {
		return slices.ContainsFunc(x.account.Groups, func(g Group) bool { return g.Name != "" && slices.Contains(strings.Split(group, ":"), g.Name) })
	}
	have := map[string]string{"user": x.User, "shell": x.account.Shell, "home": x.account.Home}[what]
	switch {
	case what == "user" && how == "ingroup":
		return in(value), true
	case what == "user" && how == "notingroup":
		return !in(value), true
	case have != "" && how == "=":
		return have == value, true
	case have != "" && how == "!=":
		return have != value, true
	case have != "" && how == "=~":
		return match(value, have), true
	case have != "" && how == "!~":
		return !match(value, have), true
	case have != "" && how == "in":
		return slices.Contains(strings.Split(value, ":"), have), true
	case what == "uid" || what == "gid":
		n, ok := number(value)
		id := int(map[string]uint32{"uid": x.account.UID, "gid": x.account.GID}[what])
		switch how {
		case "eq":
			return id == n, ok
		case "ne":
			return id != n, ok
		case "lt":
			return id < n, ok
		case "le":
			return id <= n, ok
		case "gt":
			return id > n, ok
		case "ge":
			return id >= n, ok
		}
	}
	return true, false
}
