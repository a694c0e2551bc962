package inspect

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/sshwhy/sshwhy"
)

// certificates judges what sshd needs to accept certificates; true says that
// it may accept some for this user.
func (x *examination) certificates(ctx context.Context) bool {
	name := x.mine.first("trustedusercakeys")
	if name == "" || name == "none" {
		if x.Certificate != nil {
			x.certificate(nil)
		}
		return false
	}
	c, err := x.Files.Read(name, maxKeys)
	if err != nil && !x.root() && permission(err) {
		x.unknown("ca-not-seen", val(sshwhy.FieldPath, name))
		return true
	}
	var trusted []string
	for _, e := range parseKeys(c.Text) {
		if e.print != "" {
			trusted = append(trusted, e.print)
		}
	}
	if len(trusted) == 0 {
		x.bad("cert-untrusted-ca", 0, x.user(), val(sshwhy.FieldPath, name))
		return false
	}
	x.note(c.Info)
	if !x.principals(ctx) {
		return false
	}
	if x.Certificate != nil {
		return x.certificate(trusted)
	}
	x.good("ca-trusted", val(sshwhy.FieldPath, name), num(sshwhy.FieldCount, len(trusted)))
	return true
}

// principals judges the user's principals file, where there is to be one.
func (x *examination) principals(ctx context.Context) bool {
	pattern := x.mine.first("authorizedprincipalsfile")
	if pattern == "" || pattern == "none" {
		return true
	}
	files, exact := x.Files.As(x.account)
	places, failed := x.places(files, pattern)
	var distrusted *guilty
	for _, name := range places {
		guilty, err := x.principalsFile(ctx, files, name)
		if guilty != nil {
			distrusted = guilty
		}
		if err != nil {
			failed = err
		}
	}
	switch {
	case len(x.names) > 0:
		return true
	case distrusted != nil:
		x.bad("principals-file", 0, x.user(), val(sshwhy.FieldPath, distrusted.path))
		return false
	case !exact && permission(failed):
		x.unknown("principals-not-seen", val(sshwhy.FieldPath, expand(pattern, x.account)))
		return true
	}
	x.bad("principals-file", 0, x.user())
	return false
}

// principalsFile takes the names of one file, where sshd trusts it.
func (x *examination) principalsFile(ctx context.Context, files Files, name string) (*guilty, error) {
	c, err := files.Read(name, maxConfig)
	if err != nil {
		return nil, err
	}
	if x.mine.is("strictmodes") {
		if guilty, err := x.modes.walk(ctx, files, name, x.account.Home, x.account.UID); guilty != nil || err != nil {
			return guilty, err
		}
	}
	x.note(c.Info)
	for line := range strings.Lines(string(c.Text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		x.names = append(x.names, line[strings.LastIndexAny(line, " \t")+1:])
	}
	return nil, nil
}

// certificate judges the one that was asked about.
func (x *examination) certificate(trusted []string) bool {
	c := x.Certificate
	id := []sshwhy.Value{x.user(), val(sshwhy.FieldCertID, c.KeyId), num(sshwhy.FieldSerial, c.Serial), val(sshwhy.FieldCAFingerprint, ssh.FingerprintSHA256(c.SignatureKey))}
	now := uint64(x.Now().Unix())
	principals := c.ValidPrincipals
	wanted := []string{x.User}
	if x.names != nil {
		wanted = x.names
	}
	source := c.CriticalOptions["source-address"]
	cause := ""
	switch {
	case c.CertType != ssh.UserCert:
		cause = "cert-wrong-type"
	case !slices.Contains(trusted, ssh.FingerprintSHA256(c.SignatureKey)):
		cause = "cert-untrusted-ca"
	case now < c.ValidAfter:
		cause = "cert-not-yet-valid"
	case c.ValidBefore != ssh.CertTimeInfinity && now >= c.ValidBefore:
		cause = "cert-expired"
	case len(principals) == 0 && x.names == nil:
		cause = "cert-without-principals"
	case !slices.ContainsFunc(principals, func(p string) bool { return slices.Contains(wanted, p) }):
		cause = "cert-wrong-principal"
		if x.names != nil {
			cause = "principals-file"
		}
	case source != "" && x.From.IsValid() && !fits(source, x.From):
		cause = "cert-source-not-permitted"
		id = append(id, val(sshwhy.FieldAddr, x.From.String()))
	default:
		for o := range c.CriticalOptions {
			if !slices.Contains([]string{"source-address", "force-command", "verify-required"}, o) {
				cause = "cert-option-unsupported"
				id = append(id, val(sshwhy.FieldOption, o))
			}
		}
	}
	if cause != "" {
		x.bad(cause, 0, id...)
		return false
	}
	x.good("cert-fine", id...)
	return true
}

// keysCommandNotRun names the line of a command that could give keys, and was
// not asked.
const keysCommandNotRun = "keys-command-not-run"

// keysCommand judges AuthorizedKeysCommand; true says that keys may come from
// it.
func (x *examination) keysCommand(ctx context.Context) bool {
	line := x.mine.first("authorizedkeyscommand")
	if line == "" || line == "none" {
		return false
	}
	words := fields(line)
	program := words[0]
	name := x.mine.first("authorizedkeyscommanduser")
	u, command := x.user(), val(sshwhy.FieldCommand, program)
	owner, found, err := x.Host.account(ctx, name)
	if err == nil && !found {
		x.bad("authorized-keys-command-failed", 0, u, val(sshwhy.FieldAccount, name))
		return false
	}
	guilty, err := x.modes.walk(ctx, x.Files, program, "", 0)
	info, err2 := x.Files.Stat(program)
	reason := ""
	switch {
	case err != nil:
		reason = short(err)
	case err2 != nil:
		reason = short(err2)
	case guilty != nil:
		x.bad("authorized-keys-command-failed", 0, u, command, val(sshwhy.FieldPath, guilty.path), val(sshwhy.FieldReason, "bad ownership or modes"))
		return false
	case !info.Mode.IsRegular():
		reason = ErrNotRegular.Error()
	case info.Mode&0o111 == 0:
		reason = "not executable"
	}
	if reason != "" {
		x.bad("authorized-keys-command-failed", 0, u, command, val(sshwhy.FieldPath, program), val(sshwhy.FieldReason, reason))
		return false
	}
	x.note(info)
	if !x.RunCommands || owner == nil || x.RunAs == nil {
		x.unknown(keysCommandNotRun, u, command)
		return true
	}
	return x.runKeysCommand(ctx, words, owner)
}

// runKeysCommand runs the site's program as sshd does.
func (x *examination) runKeysCommand(ctx context.Context, words []string, owner *Account) bool {
	u, command := x.user(), val(sshwhy.FieldCommand, words[0])
	if len(words) == 1 {
		words = append(words, "%u")
	}
	arguments := make([]string, len(words))
	for i, w := range words {
		if strings.Contains(w, "%k") || strings.Contains(w, "%t") || strings.Contains(w, "%K") {
			x.unknown(keysCommandNotRun, u, command)
			return true
		}
		if strings.Contains(w, "%f") && x.Key == "" {
			x.unknown(keysCommandNotRun, u, command)
			return true
		}
		arguments[i] = strings.NewReplacer("%%", "%", "%u", x.User, "%h", x.account.Home, "%U", strconv.FormatUint(uint64(x.account.UID), 10), "%f", x.Key).Replace(w)
	}
	o, err := x.RunAs(ctx, owner, arguments)
	if err != nil || o.Status != 0 {
		values := []sshwhy.Value{u, command}
		if err == nil {
			values = append(values, num(sshwhy.FieldStatus, o.Status))
		}
		x.bad("authorized-keys-command-failed", 0, values...)
		return false
	}
	found := false
	for _, e := range parseKeys(o.Out) {
		found = found || e.print != "" && (x.Key == "" || e.print == x.Key)
	}
	if !found {
		x.bad("authorized-keys-command-empty", 0, u, command)
		return false
	}
	x.good("keys-command-gives", u, command)
	return true
}
