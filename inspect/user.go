package inspect

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// denied goes through what stands between a user and a login.
func (x *examination) denied(ctx context.Context) {
	x.layer = LayerAccount
	if !x.findAccount(ctx) {
		return
	}
	if x.shadow, _ = x.Host.shadow(ctx, x.User); x.shadow == nil && x.root() && x.local() {
		x.bad("shadow-unreadable", WayPassword, x.user())
	}
	var a asked
	if !strings.ContainsRune(x.User, ',') { // sshd -C would take the rest for another part
		a = x.effective(ctx, x.invocation(), connection(x.User, x.From, x.port))
	}
	if a.config == nil {
		x.days()
		x.layer = LayerLists
		if !x.any(Bad, LayerService, LayerConfig) {
			x.unknown("user-config-not-seen", x.user())
		}
		return
	}
	x.mine = a.config
	x.modes.private = x.patched(ctx)
	x.usable = usable{key: x.mine.is("pubkeyauthentication"), password: x.mine.is("passwordauthentication"), interactive: x.mine.kbdint()}
	x.days()
	x.shell()
	x.layer = LayerLists
	x.lists()
	x.layer = LayerPAM
	x.nologin()
	x.modules(ctx)
	x.layer = LayerMethods
	x.methods(ctx)
	x.layer = LayerKeys
	x.keys(ctx)
	x.layer = LayerPassword
	x.password()
}

func (x *examination) user() sshwhy.Value { return val(sshwhy.FieldUser, x.User) }

// findAccount asks the host for the user.
func (x *examination) findAccount(ctx context.Context) bool {
	a, found, err := x.Host.account(ctx, x.User)
	switch {
	case err != nil:
		x.unknown("account-not-seen", x.user())
		return false
	case !found:
		x.bad("user-unknown", AllWays, x.user())
		return false
	}
	x.account = a
	x.good("account-exists", x.user(), num(sshwhy.FieldUID, a.UID), val(sshwhy.FieldPath, a.Home))
	return true
}

// local tells whether the user stands in /etc/passwd, and not in a directory.
func (x *examination) local() bool {
	return strings.Contains("\n"+x.text("/etc/passwd"), "\n"+x.User+":x:")
}

// patched tells whether this sshd has Debian's patch for private groups.
func (x *examination) patched(ctx context.Context) bool {
	if x.released == "" {
		if o, err := x.Execute(ctx, SSHD, "-V"); err == nil {
			x.released = string(o.Err) + string(o.Out)
		}
	}
	if strings.Contains(x.released, "Debian") || strings.Contains(x.released, "Ubuntu") {
		return true
	}
	release := strings.ToLower(x.text("/etc/os-release"))
	derived := strings.Contains(release, "id=debian") || strings.Contains(release, "id=ubuntu") || strings.Contains(release, "id_like=debian") || strings.Contains(release, `id_like="ubuntu debian"`)
	return derived && x.exists("/var/lib/dpkg/info/openssh-server.list")
}

// days judges the dates of the account.
func (x *examination) days() {
	if x.shadow == nil {
		if !x.root() {
			x.unknown("shadow-not-seen", x.user())
		}
		return
	}
	const day = 86400
	today := x.Now().Unix() / day
	switch x.shadow.age(today) {
	case ageExpired:
		x.bad("account-expired", AllWays, x.user())
	case agePasswordOut: // as pam_unix writes: failed to change password
		x.bad("account-expired", AllWays, x.user(), val(sshwhy.FieldWhat, "password"))
	case agePasswordOld:
		x.bad("password-expired", AllWays, x.user())
	default:
		x.good("days-fine", x.user())
	}
	// With PAM a locked password leaves the keys as they are.
	if x.mine != nil && !x.mine.is("usepam") && strings.HasPrefix(x.shadow.password, "!") {
		x.bad("account-locked", AllWays, x.user())
	}
}

// shell judges the login shell as sshd does (allowed_user).
func (x *examination) shell() {
	shell := x.account.Shell
	values := []sshwhy.Value{x.user(), val(sshwhy.FieldPath, shell)}
	if root := x.mine.first("chrootdirectory"); root != "" && root != "none" {
		return
	}
	info, err := x.Files.Stat(shell)
	switch {
	case err != nil && missing(err):
		x.bad("shell-missing", AllWays, values...)
		return
	case err != nil:
		return
	case !info.Mode.IsRegular() || info.Mode&0o111 == 0:
		x.bad("shell-not-executable", AllWays, values...)
		return
	}
	name := path.Base(shell)
	if (name == "nologin" || name == "false") && !strings.HasPrefix(x.mine.first("forcecommand"), "internal-sftp") {
		x.bad("shell-nologin", AllWays, values...)
		return
	}
	x.good("shell-fine", values...)
}

// lists goes through the lists of users and groups, in sshd's order.
func (x *examination) lists() {
	u := x.user()
	from := []sshwhy.Value{u}
	if x.From.IsValid() {
		from = append(from, val(sshwhy.FieldAddr, x.From.String()))
	}
	if x.mine.is("refuseconnection") {
		x.bad("refuse-connection", AllWays, from...)
		return
	}
	if x.listed("denyusers") == yes {
		x.bad("listed-in-deny-users", AllWays, from...)
		return
	}
	if len(x.mine["allowusers"]) > 0 {
		switch x.listed("allowusers") {
		case no:
			x.bad("not-in-allow-users", AllWays, from...)
			return
		case maybe:
			x.advise("list-by-address", u, val(sshwhy.FieldOption, "AllowUsers"))
		}
	}
	if group, in := x.inGroups("denygroups"); in {
		x.bad("listed-in-deny-groups", AllWays, append(from, val(sshwhy.FieldGroup, group))...)
		return
	}
	if len(x.mine["allowgroups"]) > 0 {
		if _, in := x.inGroups("allowgroups"); !in {
			x.bad("not-in-allow-groups", AllWays, from...)
			return
		}
	}
	if x.account.UID == 0 && !x.rootMay() {
		return
	}
	x.good("lists-fine", u)
}

// listed tells whether a list of users names this one, from this address.
func (x *examination) listed(keyword string) doubt {
	result := no
	for _, pattern := range x.mine.words(keyword) {
		name, host, at := pattern, "", false
		if i := strings.LastIndexByte(pattern, '@'); i >= 0 {
			name, host, at = pattern[:i], pattern[i+1:], true
		}
		switch {
		case !match(name, x.User):
		case !at:
			return yes
		case !x.From.IsValid():
			result = maybe
		case fitsOne(host, x.From):
			return yes
		}
	}
	return result
}

// inGroups tells whether a list names one of the user's groups.
func (x *examination) inGroups(keyword string) (string, bool) {
	for _, pattern := range x.mine.words(keyword) {
		for _, g := range x.account.Groups {
			if g.Name != "" && match(pattern, g.Name) {
				return g.Name, true
			}
		}
	}
	return "", false
}

// rootMay judges PermitRootLogin.
func (x *examination) rootMay() bool {
	values := []sshwhy.Value{x.user()}
	if x.From.IsValid() {
		values = append(values, val(sshwhy.FieldAddr, x.From.String()))
	}
	switch x.mine.first("permitrootlogin") {
	case "no":
		x.bad("root-login-refused", AllWays, values...)
		return false
	case "without-password", "prohibit-password", "forced-commands-only":
		x.usable.password, x.usable.interactive = false, false
		if x.byPassword() {
			x.bad("root-login-refused", WayPassword|WayInteractive, values...)
			return false
		}
	}
	return true
}

// The names of methods, as clients write them.
const (
	methodKey         = "publickey"
	methodPassword    = "password"
	methodInteractive = "keyboard-interactive"
)

// byPassword tells whether the question is about a password: asked for, or
// refused by sshd or by pam_unix, whose line may be the only one that shows it.
func (x *examination) byPassword() bool {
	return x.unix || slices.ContainsFunc([]string{x.Method, x.tried}, func(m string) bool { return m == methodPassword || m == methodInteractive })
}

// methods judges what sshd offers to this user.
func (x *examination) methods(ctx context.Context) {
	u := x.user()
	lists := x.mine["authenticationmethods"]
	if len(lists) > 0 && lists[0] != "any" {
		x.demanded(ctx)
		return
	}
	on := map[string]bool{methodKey: x.takes(methodKey), methodPassword: x.takes(methodPassword), methodInteractive: x.takes(methodInteractive)}
	switch {
	case !on[methodKey] && !on[methodPassword] && !on[methodInteractive]:
		x.bad("no-method-enabled", AllWays, u)
		return
	case x.Method == methodPassword && !on[methodPassword]:
		x.bad("password-auth-disabled", WayPassword, u)
		return
	case x.Method == methodInteractive && !on[methodInteractive]:
		x.bad("kbdint-auth-disabled", WayInteractive, u)
		return
	case !on[methodKey] && (x.Method == methodKey || x.Method == "" && x.hasKeys(ctx)):
		x.bad("pubkey-auth-disabled", WayKey, u)
		return
	}
	x.good("methods-open", u, val(sshwhy.FieldMethod, names(on)))
}

// demanded judges AuthenticationMethods: lists of which one must be gone through
// in its order. sshd takes a method where what is left of a list begins with it
// (auth2.c auth2_method_allowed).
func (x *examination) demanded(ctx context.Context) {
	u, value := x.user(), val(sshwhy.FieldValue, strings.Join(x.mine.words("authenticationmethods"), " "))
	lists, off := x.orders()
	if len(lists) == 0 {
		x.bad("auth-methods-unsatisfiable", AllWays, u, value, val(sshwhy.FieldMethod, off))
		return
	}
	x.usable.key = x.usable.key && lists.name(methodKey)
	x.usable.password = x.usable.password && lists.name(methodPassword)
	x.usable.interactive = x.usable.interactive && lists.name(methodInteractive)
	switch {
	case x.Method != "" && !lists.beginWith(x.Method):
		x.bad("method-not-permitted", wayOf(x.Method), u, val(sshwhy.FieldMethod, x.Method))
	case x.Method == "" && !lists.name(methodKey) && x.hasKeys(ctx):
		x.bad("method-not-permitted", WayKey, u, val(sshwhy.FieldMethod, methodKey))
	default:
		x.good("methods-demanded", u, value)
	}
}

// orders gives the lists of AuthenticationMethods, none where any method will
// do. sshd passes over a list with a method that is off (auth2.c
// auth2_setup_methods_lists): off is the last such method.
func (x *examination) orders() (lists methodLists, off string) {
	for _, list := range x.mine.words("authenticationmethods") {
		if list == "any" {
			return nil, ""
		}
		methods := strings.Split(list, ",")
		whole := true
		for i := range methods {
			methods[i], _, _ = strings.Cut(methods[i], ":") // a device may follow
			if !x.takes(methods[i]) {
				whole, off = false, methods[i]
			}
		}
		if whole {
			lists = append(lists, methods)
		}
	}
	return lists, off
}

// takes tells whether a method is on.
func (x *examination) takes(method string) bool {
	switch method {
	case methodKey:
		return x.mine.is("pubkeyauthentication")
	case methodPassword:
		return x.mine.is("passwordauthentication")
	case methodInteractive:
		return x.mine.kbdint()
	case "hostbased":
		return x.mine.is("hostbasedauthentication")
	case "gssapi-with-mic":
		return x.mine.is("gssapiauthentication")
	}
	return true
}

// methodLists are lists of methods in the order in which they are gone through.
type methodLists [][]string

// name tells whether a method stands in one of them.
func (l methodLists) name(method string) bool {
	return slices.ContainsFunc(l, func(methods []string) bool { return slices.Contains(methods, method) })
}

// beginWith tells whether a method is the first of one of them.
func (l methodLists) beginWith(method string) bool {
	return slices.ContainsFunc(l, func(methods []string) bool { return methods[0] == method })
}

// postponed tells whether a method that is on may not come first.
func (x *examination) postponed() bool {
	lists, _ := x.orders()
	return len(lists) > 0 && slices.ContainsFunc([]string{methodKey, methodPassword, methodInteractive}, func(method string) bool {
		return x.takes(method) && !lists.beginWith(method)
	})
}

// needsPassword tells whether every list asks for a password of /etc/shadow.
func (x *examination) needsPassword() bool {
	lists, _ := x.orders()
	return len(lists) > 0 && x.plainPAM() && !slices.ContainsFunc(lists, func(methods []string) bool {
		return !slices.Contains(methods, methodPassword) && !slices.Contains(methods, methodInteractive)
	})
}

func wayOf(method string) Ways {
	switch method {
	case methodPassword:
		return WayPassword
	case methodInteractive:
		return WayInteractive
	}
	return WayKey
}

func names(on map[string]bool) string {
	var list []string
	for _, m := range []string{methodKey, methodPassword, methodInteractive} {
		if on[m] {
			list = append(list, m)
		}
	}
	return strings.Join(list, ", ")
}

// password judges the password, where one could be used.
func (x *examination) password() {
	if x.shadow == nil || !x.usable.password && !x.usable.interactive {
		return
	}
	if x.Method == methodKey || x.any(Bad, LayerAccount) {
		return
	}
	u := x.user()
	// Without a key that works, it is the only way in.
	alone := x.Method != "" || !x.usable.key
	switch x.shadow.secret() {
	case secretSet:
		x.good("password-set", u)
	case secretEmpty:
		if x.mine.is("permitemptypasswords") {
			x.advise("password-empty-open", u)
		} else {
			x.bad("empty-password", WayPassword|WayInteractive, u)
		}
	case secretLocked:
		x.bad("password-locked", WayPassword|WayInteractive, u)
	case secretNever:
		if alone && x.Method != "" || x.byPassword() || x.needsPassword() {
			x.bad("password-not-set", WayPassword|WayInteractive, u)
		} else {
			x.good("password-never", u)
		}
	}
	if x.shadow.secret() != secretSet {
		x.usable.password, x.usable.interactive = false, false
	}
}
