package client

import (
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/patterns"
)

// setupFailed is about what ssh reads before it connects.
func setupFailed(r *run) decision {
	switch r.end.pattern {
	case patterns.SSHConfigPermissions:
		return because("client-config-permissions", StepSetup, SideClient).by(r.find(patterns.SSHConfigPermissions))
	case patterns.SSHConfigTerminating, patterns.SSHConfigUnreadable:
		f := r.find(patterns.SSHConfigUnknownOption, patterns.SSHConfigBadLine)
		if f == nil {
			f = r.find(r.end.pattern)
		}
		return invalidConfig(f)
	case patterns.SSHMuxPath:
		return because("control-socket-unusable", StepSetup, SideClient).by(r.find(patterns.SSHMuxPath))
	}
	return because("client-command-invalid", StepSetup, SideClient)
}

func invalidConfig(f *fact) decision {
	d := because("client-config-invalid", StepSetup, SideClient).by(f)
	for i := range d.values {
		d.values[i].Text = strings.TrimSuffix(d.values[i].Text, ":")
	}
	return d
}

func nameFailed(r *run) decision {
	if r.end.pattern == patterns.SSHNameNotFound || begins(r.end.reason, "Name or service not known", "nodename nor servname", "hostname nor servname",
		"No address associated", "No such host", "Name does not resolve", "Name not known") {
		return because("host-name-unknown", StepResolve, SideClient)
	}
	return because("name-service-unreachable", StepResolve, SideNetwork).with(sshwhy.FieldReason, r.end.reason)
}

// connectReasons are what errno says of a connection, the most telling first:
// of several addresses ssh reports the last one only.
var connectReasons = []struct {
	cause  string
	side   Side
	begins []string
}{
	{"connection-refused", SideServer, []string{"Connection refused"}},
	{"closed-before-banner", SideServer, []string{"Connection reset"}},
	{"connect-not-permitted", SideClient, []string{"Permission denied", "Operation not permitted"}},
	{"connection-timed-out", SideNetwork, []string{"Connection timed out", "Operation timed out"}},
	{"no-route-to-host", SideNetwork, []string{"No route to host", "Host is down", "Host is unreachable"}},
	{"local-address-unusable", SideClient, []string{"Cannot assign requested address", "Can't assign requested address", "failure", "Address already in use"}},
	{"network-unreachable", SideClient, []string{"Network is unreachable", "Network is down", "Network unreachable"}},
}

func (k *causeIDs) connectFailed(r *run) decision {
	if f := r.find(patterns.SSHBindFailed); f != nil {
		return because("local-address-unusable", StepConnect, SideClient).by(f)
	}
	if f := r.find(patterns.SSHSocketFailed); f != nil {
		return because("connect-not-permitted", StepConnect, SideClient).by(f)
	}
	tried := append(r.v.Tried[:len(r.v.Tried):len(r.v.Tried)], Address{r.v.Address, r.v.Port, r.end.reason})
	var found []decision
	for _, c := range connectReasons {
		i := slices.IndexFunc(tried, func(a Address) bool { return begins(a.Reason, c.begins...) })
		if i < 0 {
			continue
		}
		found = append(found, because(c.cause, StepConnect, c.side).with(sshwhy.FieldAddr, tried[i].Address).with(sshwhy.FieldReason, tried[i].Reason))
	}
	if len(found) == 0 {
		return because("undetermined", StepConnect, SideNetwork).open(k.list("connection-timed-out", "no-route-to-host", "network-unreachable")).with(sshwhy.FieldReason, r.end.reason)
	}
	d := found[0]
	if d.cause == "connection-refused" {
		d = d.behind(k.refused)
	}
	for _, other := range found[1:] {
		d.remarks = append(d.remarks, other.cause)
	}
	return d
}

// connectWords is about errno's words alone. They are no more than quoted.
func (k *causeIDs) connectWords(f *fact) decision {
	switch f.what {
	case patterns.ConstantRefused:
		return because("connection-refused", StepConnect, SideServer).behind(k.refused).by(f)
	case patterns.ConstantTimedOut:
		return because("connection-timed-out", StepConnect, SideNetwork).by(f)
	case patterns.ConstantNoRoute:
		return because("no-route-to-host", StepConnect, SideNetwork).by(f)
	}
	return because("network-unreachable", StepConnect, SideClient).by(f)
}

// bannerFailed is about the first lines of both sides.
func (k *causeIDs) bannerFailed(r *run) decision {
	said := r.find(patterns.SSHBannerLine)
	switch r.end.pattern {
	case patterns.SSHBannerTimeout:
		return because("banner-timeout", StepBanner, SideServer)
	case patterns.SSHBannerInvalid, patterns.SSHProtocolDiffers:
		return because("not-an-ssh-server", StepBanner, SideServer).by(said)
	}
	if r.end.proxied || r.find(patterns.SSHProxyFailed) != nil {
		return k.proxyFailed(r)
	}
	if said != nil {
		switch words := said.value(sshwhy.FieldText); {
		case strings.HasPrefix(words, "Exceeded MaxStartups"):
			return because("max-startups", StepBanner, SideServer).perhaps().by(said)
		case strings.HasPrefix(words, "Not allowed at this time"):
			return because("closed-before-banner", StepBanner, SideServer).behind(k.turnedAway).by(said)
		default:
			return because("not-an-ssh-server", StepBanner, SideServer).perhaps().by(said)
		}
	}
	if begins(r.end.reason, "Connection timed out", "Operation timed out") {
		return because("banner-timeout", StepBanner, SideServer)
	}
	return because("closed-before-banner", StepBanner, SideServer).behind(k.closedEarly).with(sshwhy.FieldReason, r.end.reason)
}

// proxyFailed is about the program in place of the network.
func (k *causeIDs) proxyFailed(r *run) decision {
	if f := r.find(patterns.SSHOpenFailed); f != nil {
		return k.jumpFailed(r)
	}
	d := because("proxy-command-failed", StepConnect, SideClient)
	if f := r.find(patterns.SSHProxyFailed); f != nil {
		return d.by(f)
	}
	return d.perhaps()
}

func (k *causeIDs) jumpFailed(r *run) decision {
	f := r.find(patterns.SSHOpenFailed)
	if f == nil {
		return because("jump-target-unreachable", StepConnect, SideServer).perhaps().behind(k.list("forwarding-denied"))
	}
	if f.what == patterns.ConstantProhibited {
		return because("forwarding-denied", StepConnect, SideServer).by(f)
	}
	return because("jump-target-unreachable", StepConnect, SideServer).by(f)
}
