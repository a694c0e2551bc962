package inspect

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sshwhy/sshwhy"
)

// keyFile is a file in which sshd looks for a user's keys.
type keyFile struct {
	path    string
	err     error
	guilty  *guilty
	entries []entry
	label   string // of SELinux, where it keeps sshd from reading
	cut     bool   // the end was not read
	length  int64
	changed time.Time
}

// readable tells whether sshd reads the file.
func (f *keyFile) readable() bool { return f.err == nil && f.guilty == nil && f.label == "" }

// keyFiles reads the files that AuthorizedKeysFile names, once.
func (x *examination) keyFiles(ctx context.Context) []keyFile {
	if x.files != nil {
		return x.files
	}
	x.files = []keyFile{}
	files, exact := x.Files.As(x.account)
	x.exact = exact
	for _, pattern := range x.mine.words("authorizedkeysfile") {
		if pattern == "none" {
			continue
		}
		names, err := x.places(files, pattern)
		for _, name := range names {
			x.files = append(x.files, x.keyFile(ctx, files, name))
		}
		if len(names) == 0 {
			x.files = append(x.files, keyFile{path: expand(pattern, x.account), err: cmp.Or(err, fs.ErrNotExist)})
		}
	}
	return x.files
}

// places gives the files that a word of the configuration means for this user.
// sshd takes wildcards from 10.0 on, which also names its program sshd-auth.
func (x *examination) places(files Files, pattern string) ([]string, error) {
	name := expand(pattern, x.account)
	if x.mine["sshdauthpath"] == nil {
		return []string{name}, nil
	}
	return matching(files, name)
}

// keyFile reads one as sshd does: with the rights of the user, and only where
// owners and modes are right.
func (x *examination) keyFile(ctx context.Context, files Files, name string) keyFile {
	f := keyFile{path: name}
	c, err := files.Read(name, maxKeys)
	if err != nil {
		f.err = err
		return f
	}
	x.note(c.Info)
	f.label = x.wrongLabel(files, name)
	f.length, f.cut, f.changed = c.Size, c.More, c.Changed
	if !x.mine.is("strictmodes") {
		f.entries = parseKeys(c.Text)
		return f
	}
	if f.guilty, f.err = x.modes.walk(ctx, files, name, x.account.Home, x.account.UID); f.err != nil {
		return f
	}
	if f.guilty != nil {
		x.note(f.guilty.Info)
	}
	f.entries = parseKeys(c.Text)
	return f
}

// wrongLabel gives the SELinux label of a file or its folder where that is one
// which files get that were moved into a home, or never labelled, and which
// sshd may not read.
func (x *examination) wrongLabel(files Files, name string) string {
	if strings.TrimSpace(x.text("/sys/fs/selinux/enforce")) != "1" {
		return ""
	}
	for _, p := range []string{path.Dir(name), name} {
		label := files.Label(p)
		for _, kind := range []string{"unlabeled_t", "default_t", "file_t", "tmp_t", "user_tmp_t", "var_t", "mnt_t"} {
			if strings.Contains(label+":", ":"+kind+":") {
				return label
			}
		}
	}
	return ""
}

// text is Host.text, and remembers when a file of the system's configuration
// changed: what it says may decide.
func (x *examination) text(name string) string {
	if strings.HasPrefix(name, "/etc/") {
		if info, err := x.Files.Stat(name); err == nil {
			x.note(info)
		}
	}
	return x.Host.text(name)
}

// note remembers when something that was looked at changed last.
func (x *examination) note(i Info) {
	if i.Changed.After(x.changed) {
		x.changed = i.Changed
	}
}

// hasKeys tells whether the user's files hold a key at all.
func (x *examination) hasKeys(ctx context.Context) bool {
	for _, f := range x.keyFiles(ctx) {
		if slices.ContainsFunc(f.entries, func(e entry) bool { return e.print != "" }) {
			return true
		}
	}
	return false
}

// keys goes through what sshd goes through to accept a key.
func (x *examination) keys(ctx context.Context) {
	if !x.mine.is("pubkeyauthentication") || x.Method != "" && x.Method != methodKey {
		x.usable.key = false
		return
	}
	r := rules{config: x.mine, from: x.From, now: x.Now()}
	if !x.readRevoked(&r) {
		x.usable.key = false
		return
	}
	before := len(x.list)
	x.command = x.keysCommand(ctx)
	x.authority = x.certificates(ctx)
	elsewhere := x.command || x.authority
	x.registered = x.inFiles(ctx, &r, elsewhere, len(x.list) > before && x.any(Bad, LayerKeys))
	x.usable.key = x.usable.key && (x.registered || elsewhere)
}

// readRevoked reads RevokedKeys; false where sshd, for want of it, refuses
// every key.
func (x *examination) readRevoked(r *rules) bool {
	r.revoked = map[string]string{}
	for _, name := range x.revokedKeys() {
		c, err := x.Files.Read(name, maxKeys)
		switch {
		case err == nil:
			x.note(c.Info)
			for print := range revocations(c.Text) {
				r.revoked[print] = name
			}
		case !x.root() && permission(err):
			x.unknown("revoked-not-seen", val(sshwhy.FieldPath, name))
		default:
			x.bad("revoked-keys-unreadable", WayKey, val(sshwhy.FieldPath, name), val(sshwhy.FieldReason, short(err)), x.user())
			return false
		}
	}
	return true
}

// revokedKeys gives the files of RevokedKeys: one, whose name may have blanks,
// or from 10.3 on several.
func (x *examination) revokedKeys() []string {
	names := x.mine.first("revokedkeys")
	if names == "" || names == "none" {
		return nil
	}
	if _, err := x.Files.Stat(names); missing(err) {
		return strings.Fields(names)
	}
	return []string{names}
}

// short gives the system's words of an error, without the path.
func short(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// inFiles judges the user's files; found says that some key may be accepted.
// others says that keys may come from elsewhere, told that something about
// that was found wrong.
func (x *examination) inFiles(ctx context.Context, r *rules, others, told bool) (found bool) {
	files := x.keyFiles(ctx)
	readable := 0
	for i := range files {
		if files[i].readable() {
			readable++
		}
	}
	for i := range files {
		if f := &files[i]; !f.readable() && !missing(f.err) {
			x.closedFile(ctx, f)
			break // what closes the first closes the others as well
		}
	}
	if x.any(Bad, LayerKeys) && readable == 0 || x.any(Unknown, LayerKeys) && readable == 0 {
		return false
	}
	if readable == 0 {
		if !others && !told {
			x.noFile(files)
		}
		return false
	}
	return x.entries(ctx, files, r, others || told)
}

// closedFile says why sshd does not read a file that is there.
func (x *examination) closedFile(ctx context.Context, f *keyFile) {
	values := []sshwhy.Value{x.user(), val(sshwhy.FieldPath, f.path)}
	switch {
	case f.guilty != nil:
		x.bad("bad-ownership-or-modes", WayKey, append(x.distrusted(ctx, f.guilty), x.user())...)
	case f.err == nil:
		x.bad("authorized-keys-selinux", WayKey, values...)
	case errors.Is(f.err, ErrNotRegular):
		x.bad("authorized-keys-not-regular-file", WayKey, values...)
	case !x.exact:
		x.unknown("keys-not-seen", values...)
	default:
		x.bad("authorized-keys-unreadable", WayKey, append(values, val(sshwhy.FieldReason, short(f.err)))...)
	}
}

// distrusted gives what is wrong with a part of the way to a file: its mode and
// owner, and that it is the mode alone where the owner is right.
func (x *examination) distrusted(ctx context.Context, g *guilty) []sshwhy.Value {
	owner := strconv.FormatUint(uint64(g.UID), 10)
	if out, ok := x.run(ctx, Getent, "passwd", owner); ok {
		if a, ok := parsePasswd(strings.TrimSpace(out)); ok && a.Name != "" {
			owner = a.Name
		}
	}
	values := []sshwhy.Value{
		val(sshwhy.FieldPath, g.path), val(sshwhy.FieldMode, "0"+strconv.FormatUint(uint64(g.Mode.Perm()), 8)),
		num(sshwhy.FieldUID, g.UID), val(sshwhy.FieldAccount, owner),
	}
	if !g.owner {
		values = append(values, val(sshwhy.FieldWhat, "mode"))
	}
	return values
}

// noFile says why there is nothing to read: the home, the place, or the file
// is missing.
func (x *examination) noFile(files []keyFile) {
	u := x.user()
	_, err := x.Files.Stat(x.account.Home)
	inHome := x.account.Home + "/.ssh/authorized_keys"
	values := []sshwhy.Value{u}
	if len(files) > 0 {
		values = append(values, val(sshwhy.FieldPath, files[0].path))
	}
	at := func(f keyFile) bool { return f.path == inHome }
	switch {
	case len(files) > 0 && strings.HasPrefix(files[0].path, x.account.Home+"/") && x.unmounted(err != nil && missing(err)):
		x.bad("home-not-mounted", WayKey, u, val(sshwhy.FieldPath, x.account.Home))
	case err != nil && missing(err) && (len(files) == 0 || slices.ContainsFunc(files, at)):
		x.bad("home-missing", WayKey, u, val(sshwhy.FieldPath, x.account.Home))
	case len(files) == 0:
		x.bad("authorized-keys-location", WayKey, append(values, val(sshwhy.FieldValue, "none"))...)
	case !slices.ContainsFunc(files, at) && x.keysAt(inHome):
		x.bad("authorized-keys-location", WayKey, append(values, val(sshwhy.FieldValue, strings.Join(x.mine.words("authorizedkeysfile"), " ")))...)
	default:
		x.bad("authorized-keys-missing", WayKey, values...)
	}
}

// unmounted tells whether the user's home is one that only a login opens, or an
// automounter was to mount: what eCryptfs leaves in a closed home, what
// systemd-homed keeps beside it, and autofs above it. gone says that there is no
// folder of its name.
func (x *examination) unmounted(gone bool) bool {
	home := x.account.Home
	if _, err := x.Files.Lstat(home + "/Access-Your-Private-Data.desktop"); err == nil {
		return true
	}
	if !gone {
		return false
	}
	if x.exists(home+".home") || x.exists(home+".homedir") {
		return true
	}
	for line := range strings.Lines(x.text("/proc/self/mounts")) {
		f := strings.Fields(line)
		if len(f) > 2 && f[2] == "autofs" && strings.HasPrefix(home, f[1]+"/") {
			return true
		}
	}
	return false
}

// keysAt tells whether a file that sshd does not read holds keys.
func (x *examination) keysAt(name string) bool {
	files, _ := x.Files.As(x.account)
	c, err := files.Read(name, maxKeys)
	return err == nil && slices.ContainsFunc(parseKeys(c.Text), func(e entry) bool { return e.print != "" })
}

// judged is a line with what sshd makes of it.
type judged struct {
	file   *keyFile
	entry  *entry
	cause  string
	unsure bool
}

// entries judges the lines of the files that sshd reads.
func (x *examination) entries(ctx context.Context, files []keyFile, r *rules, others bool) (found bool) {
	var all []judged
	usable, first := 0, ""
	for i := range files {
		f := &files[i]
		if !f.readable() {
			continue
		}
		if first == "" {
			first = f.path
		}
		if f.cut {
			x.unknown("keys-cut", val(sshwhy.FieldPath, f.path), num(sshwhy.FieldSize, int64(maxKeys)>>20))
		}
		for j := range f.entries {
			e := &f.entries[j]
			cause, unsure := r.refuses(e)
			all = append(all, judged{f, e, cause, unsure})
			if cause == "" {
				usable++
			}
		}
	}
	if x.Key != "" {
		return x.wanted(ctx, all, r)
	}
	if len(all) == 0 {
		if !others {
			x.bad("authorized-keys-empty", WayKey, x.user(), val(sshwhy.FieldPath, first))
		}
		return false
	}
	x.faults(all, usable, r, others)
	if usable > 0 {
		x.good("keys-usable", x.user(), num(sshwhy.FieldCount, usable), val(sshwhy.FieldPath, first))
	}
	return usable > 0
}

// maxFaults is how many lines of a kind are told.
const maxFaults = 4

// faults tells the lines that sshd does not take. One that is broken is wrong
// in any case; one that is refused on purpose only where no other is left.
func (x *examination) faults(all []judged, usable int, r *rules, others bool) {
	told := map[string]int{}
	wrong := false
	for i := range all {
		j := &all[i]
		broken := j.cause == causeMalformed || j.cause == causeBadOption
		if !broken {
			continue
		}
		if told[j.cause]++; told[j.cause] > 1 {
			continue
		}
		wrong = true
		blocks := Ways(0)
		if usable == 0 {
			blocks = WayKey
		}
		x.bad(j.cause, blocks, x.of(j, r)...)
	}
	for i := range all {
		j := &all[i]
		switch {
		case j.cause == "" && j.unsure:
			if told["from"]++; told["from"] <= maxFaults {
				pattern, _ := j.entry.option("from")
				x.advise("key-from", append(x.of(j, r), val(sshwhy.FieldPattern, pattern))...)
			}
		case j.cause == "" || j.cause == causeMalformed || j.cause == causeBadOption:
		case usable == 0 && !wrong && !others:
			wrong = true
			x.bad(j.cause, WayKey, x.of(j, r)...)
		default:
			if told[j.cause]++; told[j.cause] <= maxFaults {
				x.advise("line-refused", append(x.of(j, r), val(sshwhy.FieldName, j.cause))...)
			}
		}
	}
}

// of gives the facts of a line.
func (x *examination) of(j *judged, r *rules) []sshwhy.Value {
	e := j.entry
	values := []sshwhy.Value{x.user(), num(sshwhy.FieldLine, e.line)}
	file := j.file.path
	if j.cause == "key-revoked" {
		file = r.revoked[e.print]
	}
	values = append(values, val(sshwhy.FieldPath, file))
	if e.print != "" {
		kind := e.kind
		if j.cause == "key-algorithm-refused" {
			kind = signature(kind) // what the remedy adds to the list
		}
		values = append(values, val(sshwhy.FieldKeyType, kind), val(sshwhy.FieldFingerprint, e.print))
	}
	if e.reason != "" {
		values = append(values, val(sshwhy.FieldReason, e.reason))
	}
	switch j.cause {
	case "key-source-not-permitted":
		pattern, _ := e.option("from")
		values = append(values, val(sshwhy.FieldPattern, pattern), val(sshwhy.FieldAddr, r.from.String()))
	case "key-algorithm-refused":
		values = append(values, val(sshwhy.FieldAlgorithm, signature(e.kind)), val(sshwhy.FieldOption, "PubkeyAcceptedAlgorithms"))
	case "key-too-small":
		values = append(values, num(sshwhy.FieldSize, e.bits))
	}
	return values
}

// signature gives the algorithm with which a key of a type signs today.
func signature(kind string) string {
	if kind == "ssh-rsa" {
		return "rsa-sha2-512"
	}
	return kind
}

// wanted judges the one key that was asked for.
func (x *examination) wanted(ctx context.Context, all []judged, r *rules) bool {
	var refused *judged
	for i := range all {
		j := &all[i]
		if j.entry.print != x.Key {
			continue
		}
		if j.cause == "" {
			x.good("key-accepted", x.of(j, r)...)
			if j.unsure {
				pattern, _ := j.entry.option("from")
				x.advise("key-from", append(x.of(j, r), val(sshwhy.FieldPattern, pattern))...)
			}
			return true
		}
		if refused == nil {
			refused = j
		}
	}
	if refused != nil {
		x.bad(refused.cause, WayKey, x.of(refused, r)...)
		return false
	}
	if x.Certificate != nil {
		return false // judged already
	}
	values := []sshwhy.Value{x.user(), val(sshwhy.FieldFingerprint, x.Key)}
	if x.KeyKind != "" {
		values = append(values, val(sshwhy.FieldKeyType, x.KeyKind))
	}
	if i := slices.IndexFunc(all, func(j judged) bool { return j.cause == causeMalformed || j.cause == causeBadOption }); i >= 0 {
		// It may well be the key that stands in the broken line.
		x.bad(all[i].cause, WayKey, x.of(&all[i], r)...)
		x.advise("key-not-found", values...)
	} else {
		x.bad("key-not-authorized", WayKey, values...)
	}
	for _, owner := range x.holders(ctx) {
		x.advise("key-held-by", append(slices.Clone(values), val(sshwhy.FieldAccount, owner.user), val(sshwhy.FieldOther, owner.file), num(sshwhy.FieldLine, owner.line))...)
	}
	return false
}

// holder is a user whose file holds a key.
type holder struct {
	user, file string
	line       int
}

const (
	// maxHolders is how many holders of a key are told.
	maxHolders = 3
	// maxSearched is how many accounts are looked at for them.
	maxSearched = 2000
)

// holders looks for the key in the files of other users, in the place that is
// usual.
func (x *examination) holders(ctx context.Context) []holder {
	out, _ := x.run(ctx, Getent, "passwd")
	var list []holder
	searched := 0
	for line := range strings.Lines(out) {
		a, ok := parsePasswd(strings.TrimSpace(line))
		if !ok || a.Name == x.User || searched == maxSearched || len(list) == maxHolders {
			continue
		}
		searched++
		a.Groups = []Group{{GID: a.GID}}
		files, _ := x.Files.As(a)
		name := a.Home + "/.ssh/authorized_keys"
		c, err := files.Read(name, maxKeys)
		if err != nil {
			continue
		}
		for _, e := range parseKeys(c.Text) {
			if e.print == x.Key {
				list = append(list, holder{a.Name, name, e.line})
				break
			}
		}
	}
	return list
}
