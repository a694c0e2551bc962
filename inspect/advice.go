package inspect

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// Logins is what the host's log tells of the last days.
type Logins struct {
	// Days is how far the log goes back, at least 1 where it was read.
	Days int
	// Accepted are all logins, ByPassword those with a password, by user.
	Accepted   int
	ByPassword map[string]int
	// Strangers are attempts with names that this host does not have.
	Strangers int
}

// noise is how many attempts of strangers a day are worth a word.
const noise = 50

// Advise gives what works and could be better, from the guide's good practice
// and this host's own log.
func (r *Report) Advise(h *Host, l Logins) []Check {
	c := checks{layer: LayerAdvice}
	if r.Config == nil {
		return nil
	}
	if r.Config.is("passwordauthentication") && l.Accepted > 0 {
		c.passwords(l)
	}
	if r.Config.first("permitrootlogin") == "yes" && r.Config.is("passwordauthentication") {
		c.advise("advice-root")
	}
	if l.Days > 0 && l.Strangers/l.Days >= noise && slices.Contains(r.Config["port"], "22") {
		c.advise("advice-noise", num(sshwhy.FieldCount, l.Strangers), num(sshwhy.FieldNumber, l.Days))
	}
	if !h.hasBackup(configPath) {
		c.advise("advice-backup", val(sshwhy.FieldPath, configPath))
	}
	if v := r.Config.first("loglevel"); v == "INFO" || v == "QUIET" || v == "FATAL" || v == "ERROR" {
		c.advise("advice-loglevel", val(sshwhy.FieldValue, v))
	}
	return c.list
}

// maxNamed is how many users are named.
const maxNamed = 5

// passwords says who would be locked out without them.
func (c *checks) passwords(l Logins) {
	values := []sshwhy.Value{num(sshwhy.FieldCount, l.Accepted), num(sshwhy.FieldNumber, l.Days)}
	if len(l.ByPassword) == 0 {
		c.advise("advice-keys-only", values...)
		return
	}
	var names []string
	total := 0
	for name, n := range l.ByPassword {
		names = append(names, name)
		total += n
	}
	sort.Strings(names)
	if len(names) > maxNamed {
		names = append(names[:maxNamed], "…")
	}
	c.advise("advice-passwords", append(values, num(sshwhy.FieldLimit, total), val(sshwhy.FieldName, strings.Join(names, ", ")))...)
}

// hasBackup tells whether there is a copy of a file beside it.
func (h *Host) hasBackup(name string) bool {
	all, err := h.Files.List(path.Dir(name))
	if err != nil {
		return true // not seen
	}
	base := path.Base(name)
	return slices.ContainsFunc(all, func(n string) bool {
		return n != base && strings.HasPrefix(n, base) && !strings.HasPrefix(n, base+".d") && !strings.HasSuffix(n, ".swp")
	})
}
