package inspect

import (
	"context"
	"os/exec"
	"path"
	"strings"
	"syscall"
)

// runAs runs a program of the site with the rights of a user, as sshd runs
// AuthorizedKeysCommand (subprocess in misc.c).
func runAs(ctx context.Context, user *Account, command []string) (Output, error) {
	if !path.IsAbs(command[0]) {
		return Output{}, ErrNoProgram
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	groups := make([]uint32, len(user.Groups))
	for i, g := range user.Groups {
		groups[i] = g.GID
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + strings.Join(folders[:], ":"), "USER=" + user.Name, "LOGNAME=" + user.Name, "HOME=" + user.Home}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user.UID, Gid: user.GID, Groups: groups}, Setsid: true}
	return finish(ctx, cmd)
}
