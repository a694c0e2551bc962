package client

import (
	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// ends notes a message after which ssh ends.
func (r *run) ends(ev *sshwhy.Event) bool {
	switch ev.Pattern {
	case patterns.SSHConfigTerminating, patterns.SSHConfigPermissions, patterns.SSHConfigUnreadable, patterns.SSHBadArgument, patterns.SSHJumpLoop, patterns.SSHNoAccount,
		patterns.SSHNameNotResolved, patterns.SSHNameNotFound, patterns.SSHConnectFailed, patterns.SSHBannerClosed, patterns.SSHBannerFailed,
		patterns.SSHBannerTimeout, patterns.SSHBannerInvalid, patterns.SSHProtocolDiffers, patterns.SSHNegotiationFailed, patterns.SSHHostKeyUnusable,
		patterns.SSHHostKeyFailed, patterns.SSHPermissionDenied, patterns.SSHAuthenticationFailed, patterns.SSHTooManyFailures,
		patterns.SSHNotResponding, patterns.SSHBrokenPipe, patterns.SSHSessionCut, patterns.SSHStdioForwardingFailed, patterns.SSHMuxPath:
	case patterns.SSHDisconnectReceived:
		r.muted = true
	case patterns.SSHClosed, patterns.SSHReset, patterns.SSHTimedOut, patterns.SSHConnectionFailed, patterns.SSHDisconnected, patterns.SSHKilled, patterns.SSHSessionClosed, patterns.SSHDisconnecting:
		if r.closesAfter() {
			r.end.proxied = r.end.proxied || fieldText(ev, sshwhy.FieldAddr) == unknownPeer
			r.keep(ev)
			return true
		}
	default:
		return false
	}
	if r.reportsHop(ev) {
		return true
	}
	r.settleKeys(FateRefused)
	r.end = end{
		pattern: ev.Pattern, reason: fieldText(ev, sshwhy.FieldReason), detail: fieldText(ev, sshwhy.FieldText), code: ev.Int(sshwhy.FieldCode),
		user: fieldText(ev, sshwhy.FieldUser), host: fieldText(ev, sshwhy.FieldHost), line: r.keep(ev),
		proxied: r.v.Proxy != "" || fieldText(ev, sshwhy.FieldAddr) == unknownPeer, announced: r.exhausted,
	}
	r.exhausted = false
	r.named(ev)
	if ev.Pattern == patterns.SSHNegotiationFailed || ev.Pattern == patterns.SSHConfigUnreadable || ev.Pattern == patterns.SSHConfigPermissions ||
		ev.Pattern == patterns.SSHConfigTerminating || ev.Pattern == patterns.SSHMuxPath {
		r.fact(ev)
	}
	return true
}

// closesAfter tells whether the message before says more than that the
// connection has ended, and goes with it.
func (r *run) closesAfter() bool {
	switch r.end.pattern {
	case patterns.SSHBannerClosed, patterns.SSHBannerFailed, patterns.SSHBannerTimeout, patterns.SSHBannerInvalid, patterns.SSHProtocolDiffers,
		patterns.SSHStdioForwardingFailed, patterns.SSHNotResponding, patterns.SSHSessionCut, patterns.SSHBrokenPipe:
		return true
	}
	return false
}

// unknownPeer is what ssh calls the other end of a pipe (canohost.c).
const unknownPeer = "UNKNOWN"

// reportsHop tells whether a message says that the program in place of the
// network has ended, of which the messages before were: nobody but another ssh
// writes them before the server has said who it is.
func (r *run) reportsHop(ev *sshwhy.Event) bool {
	closed := ev.Pattern == patterns.SSHBannerClosed || ev.Pattern == patterns.SSHClosed && fieldText(ev, sshwhy.FieldAddr) == unknownPeer
	if !closed || r.end.pattern == 0 || r.at > StepBanner || r.hop != nil {
		return false
	}
	r.keep(ev)
	if r.end.pattern == patterns.SSHStdioForwardingFailed {
		return true
	}
	hop := *r
	hop.v.Host, hop.v.User, hop.v.Proxy, hop.at = hop.end.host, hop.end.user, "", StepSetup
	hop.v.Shown, hop.v.Debug = [Steps]bool{}, false
	r.hop = &hop
	return true
}

// named notes server and user where only the last message names them.
func (r *run) named(ev *sshwhy.Event) {
	v := &r.v
	switch ev.Pattern {
	case patterns.SSHPermissionDenied:
		v.Methods = namesOf(fieldText(ev, sshwhy.FieldOffer))
		setOnce(&v.User, fieldText(ev, sshwhy.FieldUser))
		setOnce(&v.Host, fieldText(ev, sshwhy.FieldHost))
	case patterns.SSHConnectFailed, patterns.SSHNameNotResolved, patterns.SSHNameNotFound, patterns.SSHNotResponding, patterns.SSHSessionCut:
		setOnce(&v.Host, fieldText(ev, sshwhy.FieldHost))
		setOnce(&v.Port, fieldText(ev, sshwhy.FieldPort))
	case patterns.SSHTooManyFailures:
		setOnce(&v.User, fieldText(ev, sshwhy.FieldUser))
	case patterns.SSHClosed, patterns.SSHReset, patterns.SSHTimedOut, patterns.SSHConnectionFailed, patterns.SSHDisconnectReceived,
		patterns.SSHDisconnected, patterns.SSHNegotiationFailed:
		if addr := fieldText(ev, sshwhy.FieldAddr); addr != unknownPeer {
			setOnce(&v.Address, addr)
			setOnce(&v.Port, fieldText(ev, sshwhy.FieldPort))
		}
	}
}
