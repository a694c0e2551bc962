package classifier_test

import "testing"

// TestLockOut tells the failure that makes pam_faillock lock an account out from
// the logins that the lock refuses.
func TestLockOut(t *testing.T) {
	const (
		refused = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7  user=alice\n"
		locks   = "pam_faillock(sshd:auth): Consecutive login failures for user alice account temporarily locked\n"
		failed  = "Failed password for alice from 203.0.113.7 port 4000 ssh2\n"
		closed  = "Connection closed by authenticating user alice 203.0.113.7 port 4000 [preauth]\n"
	)
	const first, helper, second = "Nov 20 12:00:00 edge05 sshd[700]: ", "Nov 20 12:00:00 edge05 sshd[701]: ", "Nov 20 12:01:00 edge05 sshd[702]: "
	g := newRig(t)
	for _, test := range []struct{ name, log, want string }{
		{
			"the password that begins the lock was wrong",
			first + refused + first + locks + first + failed + first + closed,
			"outcome: refused\ncause: wrong-password\nconfidence: likely\nremarks: pam-locked-out\ncandidates: pam-locked-out password-locked\nremedy: passwd -S alice",
		},
		{
			"its lines come in another order",
			first + locks + first + failed + first + refused + first + closed,
			"outcome: refused\ncause: wrong-password\nconfidence: likely\nremarks: pam-locked-out",
		},
		{
			"another module than pam_unix refused it, on a host where pam_unix wrote of the user",
			second + refused + second + closed + first + locks + first + failed + first + closed,
			"outcome: refused\ncause: wrong-password\nconfidence: likely\nremarks: pam-locked-out",
		},
		{
			"it was asked for by keyboard-interactive, in a process of its own",
			helper + refused + helper + locks + first + "error: PAM: Authentication failure for alice from 203.0.113.7\n" + first + closed,
			"outcome: refused\ncause: wrong-password\nconfidence: likely\nremarks: pam-locked-out",
		},
		{
			"it was the second factor",
			first + "Partial publickey for alice from 203.0.113.7 port 4000 ssh2: ED25519 SHA256:vWWkTt0lyR5zRg5rXtjMuo3rW0BmRIVR8qVl+yL7+gk\n" + first + refused + first + locks + first + failed + first + closed,
			"outcome: refused\ncause: second-factor-failed\nconfidence: likely\nremarks: pam-locked-out",
		},
		{
			"a key was right afterwards",
			first + refused + first + locks + first + failed + first + "Accepted publickey for alice from 203.0.113.7 port 4000 ssh2: ED25519 SHA256:vWWkTt0lyR5zRg5rXtjMuo3rW0BmRIVR8qVl+yL7+gk\n",
			"outcome: accepted\ncause: \nremarks: pam-locked-out",
		},
		{
			"the lock refuses the right password without a word",
			first + refused + first + locks + first + failed + first + closed + second + failed + second + closed,
			"outcome: refused\ncause: undetermined\ncandidates: pam-locked-out\nuser: alice",
		},
		{
			"pam_tally2 refuses by the lock, and says so",
			first + "pam_tally2(sshd:auth): user alice (1001) tally 6, deny 5\n" + first + failed + first + closed,
			"outcome: refused\ncause: pam-locked-out\nconfidence: certain\nremedy: pam_tally2 --user alice --reset",
		},
	} {
		g.transcript(t, test.name, test.log, test.want)
	}
}
